/* arena.h - memory that ends all at once.
 *
 * Pieces are taken one by one and freed together by base_arena_done(), which clears them first, so
 * that secrets may live here. A piece is zeroed and aligned for any type. Begin with {0}.
 * Not here: giving back a single piece, threads. Test: tests/unit/base/test_arena.c.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "base/slice.h"

struct base_arena_chunk;

struct base_arena {
    struct base_arena_chunk *chunks; /* newest first; pieces come from the newest */
};

/* NULL when there is no memory. Zero bytes give a valid piece. */
void *base_arena_take(struct base_arena *arena, size_t bytes);

/* A copy with a final NUL; NULL when there is no memory. */
char *base_arena_text(struct base_arena *arena, struct base_slice text);

/* Clears and frees everything; the arena is empty and usable again. */
void base_arena_done(struct base_arena *arena);

#endif
