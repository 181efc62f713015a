/* heap.h - binary min-heap of timers, ordered by (deadline, order of arming).
 *
 * A node lives inside the object that owns the timer and remembers where it stands in the heap, so
 * that a timer is moved or removed in O(log n) without a search. The keys are kept in the array
 * beside the pointer: sifting reads no owner. Equal deadlines fire in the order in which they were
 * set. The array is handed in and never grows. A zeroed node is not in a heap.
 * Test: tests/unit/base/test_heap.c.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

struct base_heap_node {
    uint32_t place; /* 1 + index in the heap; 0 = in no heap */
};

struct base_heap_entry {
    base_time deadline;
    uint64_t sequence;
    struct base_heap_node *node;
};

struct base_heap {
    struct base_heap_entry *entries;
    uint32_t count;
    uint32_t capacity;
    uint64_t sequence;
};

/* `entries` has room for `capacity` and need not be zero. */
void base_heap_init(struct base_heap *heap, struct base_heap_entry *entries, uint32_t capacity);

static inline bool base_heap_has(const struct base_heap_node *node)
{
    return node->place != 0;
}

/* The deadline of a node that is in the heap. */
static inline base_time base_heap_deadline(const struct base_heap *heap,
                                           const struct base_heap_node *node)
{
    return heap->entries[node->place - 1].deadline;
}

/* The earliest deadline; BASE_NEVER when the heap is empty. */
static inline base_time base_heap_next(const struct base_heap *heap)
{
    return heap->count ? heap->entries[0].deadline : BASE_NEVER;
}

/* Puts the node in, or moves it when it is in; either way it is the last of its deadline. */
void base_heap_set(struct base_heap *heap, struct base_heap_node *node, base_time deadline);

/* Takes the node out; harmless when it is not in. */
void base_heap_remove(struct base_heap *heap, struct base_heap_node *node);

/* Takes out the first node due at or before `now`; NULL when there is none. */
struct base_heap_node *base_heap_pop_due(struct base_heap *heap, base_time now);

/* True when order and places are as they must be. O(n). */
bool base_heap_is_sound(const struct base_heap *heap);

#endif
