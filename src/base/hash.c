/* hash.c - intrusive hash table with chains. Test: unit/base/test_hash.c. */
#include "base/hash.h"

#include <stdlib.h>

#include "base/invariant.h"

#define BUCKETS_MIN 16

int base_hash_init(struct base_hash *table)
{
    struct base_hash_node **buckets = calloc(BUCKETS_MIN, sizeof(*buckets));
    if (!buckets) {
        return BASE_ENOMEM;
    }
    *table = (struct base_hash){.buckets = buckets, .mask = BUCKETS_MIN - 1};
    return BASE_OK;
}

void base_hash_done(struct base_hash *table)
{
    free(table->buckets);
    *table = (struct base_hash){0};
}

static void grow(struct base_hash *table)
{
    size_t old_count = table->mask + 1;
    struct base_hash_node **buckets = calloc(old_count * 2, sizeof(*buckets));
    if (!buckets) {
        return; /* longer chains, nothing lost */
    }
    size_t mask = old_count * 2 - 1;
    for (size_t i = 0; i < old_count; i++) {
        struct base_hash_node *node = table->buckets[i];
        while (node) {
            struct base_hash_node *next = node->next;
            node->next = buckets[node->hash & mask];
            buckets[node->hash & mask] = node;
            node = next;
        }
    }
    free(table->buckets);
    table->buckets = buckets;
    table->mask = mask;
}

void base_hash_insert(struct base_hash *table, struct base_hash_node *node, uint64_t hash)
{
    INVARIANT(table->buckets);
    if (table->count > table->mask) {
        grow(table);
    }
    node->hash = hash;
    node->next = table->buckets[hash & table->mask];
    table->buckets[hash & table->mask] = node;
    table->count++;
}

void base_hash_remove(struct base_hash *table, struct base_hash_node *node)
{
    struct base_hash_node **place = &table->buckets[node->hash & table->mask];
    while (*place && *place != node) {
        place = &(*place)->next;
    }
    INVARIANT(*place == node);
    *place = node->next;
    node->next = NULL;
    table->count--;
}

struct base_hash_node *base_hash_first(const struct base_hash *table, uint64_t hash)
{
    struct base_hash_node *node = table->buckets[hash & table->mask];
    while (node && node->hash != hash) {
        node = node->next;
    }
    return node;
}

struct base_hash_node *base_hash_next(const struct base_hash_node *node, uint64_t hash)
{
    struct base_hash_node *next = node->next;
    while (next && next->hash != hash) {
        next = next->next;
    }
    return next;
}
