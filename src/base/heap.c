/* heap.c - binary min-heap of timers.
 *
 * Invariants
 * 1. entries[i] is not before entries[(i - 1) / 2], in the order (deadline, sequence).
 * 2. entries[i].node->place == i + 1, and a node outside has place 0.
 * Sequences are never reused, so the order is total and two runs fire alike.
 * Test: tests/unit/base/test_heap.c.
 */
#include "base/heap.h"

#include <stddef.h>

#include "base/invariant.h"

static bool is_before(const struct base_heap_entry *a, const struct base_heap_entry *b)
{
    return a->deadline != b->deadline ? a->deadline < b->deadline : a->sequence < b->sequence;
}

static void put(struct base_heap *heap, uint32_t idx, struct base_heap_entry entry)
{
    heap->entries[idx] = entry;
    entry.node->place = idx + 1;
}

static void sift_up(struct base_heap *heap, uint32_t idx, struct base_heap_entry entry)
{
    while (idx > 0) {
        uint32_t parent = (idx - 1) / 2;
        if (!is_before(&entry, &heap->entries[parent]))
            break;
        put(heap, idx, heap->entries[parent]);
        idx = parent;
    }
    put(heap, idx, entry);
}

static void sift_down(struct base_heap *heap, uint32_t idx, struct base_heap_entry entry)
{
    for (;;) {
        uint32_t child = 2 * idx + 1;
        if (child >= heap->count)
            break;
        if (child + 1 < heap->count && is_before(&heap->entries[child + 1], &heap->entries[child]))
            child++;
        if (!is_before(&heap->entries[child], &entry))
            break;
        put(heap, idx, heap->entries[child]);
        idx = child;
    }
    put(heap, idx, entry);
}

/* Places `entry` into the hole at idx, which may be too high or too low for it. */
static void fill(struct base_heap *heap, uint32_t idx, struct base_heap_entry entry)
{
    if (idx > 0 && is_before(&entry, &heap->entries[(idx - 1) / 2]))
        sift_up(heap, idx, entry);
    else
        sift_down(heap, idx, entry);
}

void base_heap_init(struct base_heap *heap, struct base_heap_entry *entries, uint32_t capacity)
{
    *heap = (struct base_heap){.entries = entries, .capacity = capacity};
}

void base_heap_set(struct base_heap *heap, struct base_heap_node *node, base_time deadline)
{
    struct base_heap_entry entry = {deadline, heap->sequence++, node};
    if (base_heap_has(node)) {
        INVARIANT(node->place <= heap->count && heap->entries[node->place - 1].node == node);
        fill(heap, node->place - 1, entry);
        return;
    }
    INVARIANT(heap->count < heap->capacity);
    sift_up(heap, heap->count++, entry);
}

void base_heap_remove(struct base_heap *heap, struct base_heap_node *node)
{
    if (!base_heap_has(node))
        return;
    uint32_t idx = node->place - 1;
    INVARIANT(idx < heap->count && heap->entries[idx].node == node);
    node->place = 0;
    struct base_heap_entry last = heap->entries[--heap->count];
    if (idx < heap->count)
        fill(heap, idx, last);
}

struct base_heap_node *base_heap_pop_due(struct base_heap *heap, base_time now)
{
    if (heap->count == 0 || heap->entries[0].deadline > now)
        return NULL;
    struct base_heap_node *node = heap->entries[0].node;
    base_heap_remove(heap, node);
    return node;
}

bool base_heap_is_sound(const struct base_heap *heap)
{
    for (uint32_t i = 0; i < heap->count; i++) {
        if (heap->entries[i].node->place != i + 1)
            return false;
        if (i > 0 && is_before(&heap->entries[i], &heap->entries[(i - 1) / 2]))
            return false;
    }
    return heap->count <= heap->capacity;
}
