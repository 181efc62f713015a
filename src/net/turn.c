/* turn.c - turn memory: what lives to the end of a turn and is then forgotten in one step.
 *
 * An area of options.turn_bytes is given out from its start, 16-byte aligned, packed. A request
 * that does not fit gets a block of its own from malloc. net_turn_reset() frees the blocks, the
 * buried input buffers, and starts at the beginning of the area again, which the caches still hold.
 *
 * It does not flush anything: loop.c ends a turn early when net_turn_is_low().
 * Test: unit/net/test_loop.c.
 */
#include "net/net_internal.h"

#include <stdio.h>
#include <stdlib.h>

#define ALIGN             16
#define REQUEST_BYTES_MAX ((size_t)1 << 30)
#define BUFFER_BYTES_MIN  1024

_Noreturn void net_fatal_memory(size_t bytes)
{
    fprintf(stderr, "weir: FATAL: cannot allocate %zu bytes\n", bytes);
    abort();
}

static size_t align_up(size_t bytes)
{
    return (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

static void *block_new(struct net_loop *loop, size_t bytes)
{
    struct net_turn_block *block = malloc(ALIGN + bytes);
    if (!block) {
        net_fatal_memory(bytes);
    }
    block->next = loop->blocks;
    loop->blocks = block;
    return (uint8_t *)block + ALIGN;
}

void *net_turn_alloc(struct net_loop *loop, size_t bytes)
{
    if (bytes > REQUEST_BYTES_MAX) {
        net_fatal_memory(bytes);
    }
    size_t taken = align_up(bytes);
    if (taken > loop->options.turn_bytes - loop->turn_used) {
        return block_new(loop, taken);
    }
    uint8_t *memory = loop->turn + loop->turn_used;
    loop->turn_used += taken;
    return memory;
}

void net_turn_trim(struct net_loop *loop, void *memory, size_t bytes, size_t used)
{
    INVARIANT(used <= bytes);
    uint8_t *top = loop->turn + loop->turn_used;
    if ((uint8_t *)memory + align_up(bytes) == top) {
        loop->turn_used -= align_up(bytes) - align_up(used);
    }
}

bool net_turn_is_low(const struct net_loop *loop)
{
    return loop->options.turn_bytes - loop->turn_used < 2 * (size_t)loop->options.receive_bytes;
}

void net_turn_bury(struct net_loop *loop, struct net_buffer *buffer)
{
    if (buffer) {
        buffer->next = loop->buried;
        loop->buried = buffer;
    }
}

void net_turn_reset(struct net_loop *loop)
{
    while (loop->blocks) {
        struct net_turn_block *block = loop->blocks;
        loop->blocks = block->next;
        free(block);
    }
    while (loop->buried) {
        struct net_buffer *buffer = loop->buried;
        loop->buried = buffer->next;
        free(buffer);
    }
    if (loop->ring) {
        net_ring_reset(loop->ring);
    }
    loop->turn_used = 0;
}

void net_turn_push(struct net_loop *loop, void **list, uint32_t *count, uint32_t *room,
                   struct base_slice slice)
{
    struct iovec *slices = *list;
    if (*count > 0) {
        struct iovec *last = &slices[*count - 1];
        if ((const uint8_t *)last->iov_base + last->iov_len == slice.data) {
            last->iov_len += slice.bytes;
            return;
        }
    }
    if (*count == *room) {
        uint32_t more = *room ? *room * 2 : 4;
        struct iovec *larger = net_turn_alloc(loop, more * sizeof(*larger));
        if (*count > 0) {
            memcpy(larger, slices, *count * sizeof(*larger));
        }
        *list = slices = larger;
        *room = more;
    }
    slices[(*count)++] =
        (struct iovec){.iov_base = (void *)(uintptr_t)slice.data, .iov_len = slice.bytes};
}

struct net_buffer *net_buffer_new(size_t room)
{
    if (room > REQUEST_BYTES_MAX) {
        return NULL;
    }
    size_t rounded = BUFFER_BYTES_MIN;
    while (rounded < room) {
        rounded *= 2;
    }
    struct net_buffer *buffer = malloc(sizeof(*buffer) + rounded);
    if (buffer) {
        *buffer = (struct net_buffer){.room = rounded};
    }
    return buffer;
}

int net_buffer_append(struct net_buffer **buffer, struct base_slice bytes)
{
    struct net_buffer *old = *buffer;
    struct base_slice live = net_buffer_live(old);
    if (bytes.bytes == 0) {
        return BASE_OK;
    }
    if (old && old->room - old->end < bytes.bytes && old->start >= live.bytes &&
        old->room - live.bytes >= bytes.bytes) {
        /* More was sent than is left, so moving the rest to the front costs less than sending. */
        memmove(old->data, live.data, live.bytes);
        old->start = 0;
        old->end = live.bytes;
    }
    if (!old || old->room - old->end < bytes.bytes) {
        if (bytes.bytes > REQUEST_BYTES_MAX - live.bytes) {
            return BASE_ENOMEM;
        }
        size_t need = live.bytes + bytes.bytes;
        struct net_buffer *larger = net_buffer_new(old && need <= old->room ? old->room + 1 : need);
        if (!larger) {
            return BASE_ENOMEM;
        }
        if (live.bytes > 0) {
            memcpy(larger->data, live.data, live.bytes);
        }
        larger->end = live.bytes;
        free(old);
        *buffer = old = larger;
    }
    memcpy(old->data + old->end, bytes.data, bytes.bytes);
    old->end += bytes.bytes;
    return BASE_OK;
}
