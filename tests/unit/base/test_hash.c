/* test_hash.c - the intrusive hash table finds what is in it and nothing else. */
#include "test.h"

#include "base/hash.h"

struct item {
    struct base_hash_node node;
    int value;
};

static struct item *find(const struct base_hash *table, uint64_t hash, int value)
{
    for (struct base_hash_node *n = base_hash_first(table, hash); n; n = base_hash_next(n, hash)) {
        struct item *item = base_hash_entry(n, struct item, node);
        if (item->value == value) {
            return item;
        }
    }
    return NULL;
}

TEST(a_table_finds_every_item_across_growth_and_removal)
{
    static struct item items[1000];
    struct base_hash table;
    assert_int_equal(base_hash_init(&table), BASE_OK);
    for (int i = 0; i < 1000; i++) {
        items[i].value = i;
        base_hash_insert(&table, &items[i].node, (uint64_t)i * 7919);
    }
    for (int i = 0; i < 1000; i++) {
        assert_ptr_equal(find(&table, (uint64_t)i * 7919, i), &items[i]);
    }
    for (int i = 0; i < 1000; i += 2) {
        base_hash_remove(&table, &items[i].node);
    }
    assert_int_equal(table.count, 500);
    for (int i = 0; i < 1000; i++) {
        assert_ptr_equal(find(&table, (uint64_t)i * 7919, i), i % 2 ? &items[i] : NULL);
    }
    base_hash_done(&table);
}

TEST(items_with_one_hash_value_are_told_apart_by_their_key)
{
    struct item a = {.value = 1}, b = {.value = 2};
    struct base_hash table;
    assert_int_equal(base_hash_init(&table), BASE_OK);
    base_hash_insert(&table, &a.node, 42);
    base_hash_insert(&table, &b.node, 42);
    assert_ptr_equal(find(&table, 42, 1), &a);
    assert_ptr_equal(find(&table, 42, 2), &b);
    assert_null(find(&table, 42, 3));
    base_hash_remove(&table, &b.node);
    assert_ptr_equal(find(&table, 42, 1), &a);
    assert_null(find(&table, 42, 2));
    base_hash_done(&table);
}
