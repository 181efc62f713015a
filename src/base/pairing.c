/* pairing.c - pairing heap.
 *
 * Invariants: no child has a smaller key than its parent; the root has no brother; `prev` of a
 * first child is its parent. Nothing recurses, so depth is no concern.
 * Test: tests/unit/base/test_pairing.c.
 */
#include "base/pairing.h"

#include "base/invariant.h"

/* Makes the root with the larger key the first child of the other; either may be NULL. */
static struct base_pairing_node *meld(struct base_pairing_node *a, struct base_pairing_node *b)
{
    if (a == NULL)
        return b;
    if (b == NULL)
        return a;
    if (b->key < a->key) {
        struct base_pairing_node *c = a;
        a = b;
        b = c;
    }
    b->next = a->child;
    if (b->next != NULL)
        b->next->prev = b;
    b->prev = a;
    a->child = b;
    return a;
}

/* Melds a list of brothers into one root: in pairs from left to right, then from right to left. */
static struct base_pairing_node *meld_brothers(struct base_pairing_node *first)
{
    struct base_pairing_node *pairs = NULL;
    while (first != NULL) {
        struct base_pairing_node *a = first;
        struct base_pairing_node *b = a->next;
        first = b != NULL ? b->next : NULL;
        a->next = a->prev = NULL;
        if (b != NULL)
            b->next = b->prev = NULL;
        struct base_pairing_node *pair = meld(a, b);
        pair->next = pairs;
        pairs = pair;
    }
    struct base_pairing_node *root = NULL;
    while (pairs != NULL) {
        struct base_pairing_node *pair = pairs;
        pairs = pair->next;
        pair->next = NULL;
        root = meld(root, pair);
    }
    return root;
}

void base_pairing_insert(struct base_pairing *heap, struct base_pairing_node *node, uint64_t key)
{
    INVARIANT(node->child == NULL && node->next == NULL && node->prev == NULL);
    node->key = key;
    heap->root = meld(heap->root, node);
}

void base_pairing_remove(struct base_pairing *heap, struct base_pairing_node *node)
{
    struct base_pairing_node *rest = meld_brothers(node->child);
    if (heap->root == node) {
        heap->root = rest;
    } else {
        INVARIANT(node->prev != NULL);
        if (node->prev->child == node)
            node->prev->child = node->next;
        else
            node->prev->next = node->next;
        if (node->next != NULL)
            node->next->prev = node->prev;
        heap->root = meld(heap->root, rest);
    }
    node->child = node->next = node->prev = NULL;
}
