/* arena.c - chunks in a list, pieces cut from the newest.
 *
 * Invariant: used <= bytes in every chunk, and used is a multiple of ARENA_ALIGN.
 * A piece too large for a fresh chunk of the usual size gets a chunk of its own size.
 */
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/invariant.h"

#define ARENA_ALIGN       alignof(max_align_t)
#define ARENA_CHUNK_BYTES ((size_t)16 * 1024)

struct base_arena_chunk {
    struct base_arena_chunk *next;
    size_t bytes;
    size_t used;
    alignas(max_align_t) unsigned char data[];
};

static struct base_arena_chunk *chunk_new(struct base_arena *arena, size_t bytes)
{
    size_t size = bytes > ARENA_CHUNK_BYTES ? bytes : ARENA_CHUNK_BYTES;
    struct base_arena_chunk *chunk = calloc(1, sizeof(*chunk) + size);

    if (chunk == NULL)
        return NULL;
    chunk->bytes = size;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    return chunk;
}

void *base_arena_take(struct base_arena *arena, size_t bytes)
{
    struct base_arena_chunk *chunk = arena->chunks;
    void *piece;

    if (bytes > SIZE_MAX / 2)
        return NULL;
    bytes = (bytes + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
    if (chunk == NULL || chunk->bytes - chunk->used < bytes)
        chunk = chunk_new(arena, bytes);
    if (chunk == NULL)
        return NULL;
    piece = chunk->data + chunk->used;
    chunk->used += bytes;
    INVARIANT(chunk->used <= chunk->bytes);
    return piece;
}

char *base_arena_text(struct base_arena *arena, struct base_slice text)
{
    char *copy;

    if (text.bytes == SIZE_MAX)
        return NULL;
    copy = base_arena_take(arena, text.bytes + 1);
    if (copy != NULL && text.bytes > 0)
        memcpy(copy, text.data, text.bytes);
    return copy;
}

void base_arena_done(struct base_arena *arena)
{
    while (arena->chunks != NULL) {
        struct base_arena_chunk *chunk = arena->chunks;

        arena->chunks = chunk->next;
        explicit_bzero(chunk->data, chunk->bytes);
        free(chunk);
    }
}
