/* pairing.h - intrusive pairing heap: the least key first, any number of heaps, no array.
 *
 * For many small ordered sets whose members are in at most one set at a time. Insert O(1), remove
 * amortised O(log n) (Fredman, Sedgewick, Sleator, Tarjan: "The pairing heap", 1986). Equal keys
 * have no order: use distinct ones. A zeroed heap is empty; a zeroed node is in no heap.
 * Test: tests/unit/base/test_pairing.c.
 */
#ifndef BASE_PAIRING_H
#define BASE_PAIRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct base_pairing_node {
    uint64_t key;
    struct base_pairing_node *child; /* first of its children */
    struct base_pairing_node *next;  /* next brother */
    struct base_pairing_node *prev;  /* previous brother, or the parent of the first one */
};

struct base_pairing {
    struct base_pairing_node *root;
};

static inline bool base_pairing_is_empty(const struct base_pairing *heap)
{
    return heap->root == NULL;
}

/* The node with the least key; NULL when the heap is empty. */
static inline struct base_pairing_node *base_pairing_first(const struct base_pairing *heap)
{
    return heap->root;
}

/* The node must be in no heap. */
void base_pairing_insert(struct base_pairing *heap, struct base_pairing_node *node, uint64_t key);

/* The node must be in this heap. */
void base_pairing_remove(struct base_pairing *heap, struct base_pairing_node *node);

#endif
