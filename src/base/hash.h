/* hash.h - intrusive hash table with chains.
 *
 * A node lives inside the object it finds. The caller brings the hash value (seeded where outsiders
 * choose the key) and compares keys itself:
 *
 *     for (struct base_hash_node *n = base_hash_first(&table, h); n; n = base_hash_next(n, h)) ...
 *
 * The table doubles when it holds more nodes than buckets. Growing needs memory: when there is
 * none, the table goes on with longer chains. Nothing may depend on the order of iteration.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct base_hash_node {
    struct base_hash_node *next;
    uint64_t hash;
};

struct base_hash {
    struct base_hash_node **buckets;
    size_t mask; /* buckets - 1 */
    size_t count;
};

/* Errors: BASE_ENOMEM. */
int base_hash_init(struct base_hash *table) BASE_MUST_CHECK;
/* Frees the buckets, not the nodes. Harmless on a zeroed table. */
void base_hash_done(struct base_hash *table);

void base_hash_insert(struct base_hash *table, struct base_hash_node *node, uint64_t hash);
/* Removes a node that is in the table. */
void base_hash_remove(struct base_hash *table, struct base_hash_node *node);

/* First and next node with this hash value; NULL when there is none. */
struct base_hash_node *base_hash_first(const struct base_hash *table, uint64_t hash);
struct base_hash_node *base_hash_next(const struct base_hash_node *node, uint64_t hash);

#define base_hash_entry(node, type, member) \
    ((type *)(void *)((char *)(node)-offsetof(type, member)))

#endif
