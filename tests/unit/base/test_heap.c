/* test_heap.c - the heap of timers and the pairing heap. */
#include "test.h"

#include "base/heap.h"
#include "base/pairing.h"
#include "base/random.h"

TEST(heap_fires_by_deadline_and_equal_ones_in_order_of_arming)
{
    struct base_heap_entry entries[8];
    struct base_heap_node nodes[5] = {0};
    struct base_heap heap;
    base_heap_init(&heap, entries, 8);
    assert_true(base_heap_next(&heap) == BASE_NEVER);
    static const base_time deadlines[] = {30, 10, 20, 10, 10};
    for (int i = 0; i < 5; i++)
        base_heap_set(&heap, &nodes[i], deadlines[i]);
    base_heap_set(&heap, &nodes[1], 10); /* armed again: now the last of its deadline */
    assert_null(base_heap_pop_due(&heap, 9));
    static const int order[] = {3, 4, 1, 2, 0};
    for (int i = 0; i < 5; i++)
        assert_ptr_equal(base_heap_pop_due(&heap, 30), &nodes[order[i]]);
    assert_null(base_heap_pop_due(&heap, BASE_NEVER));
    assert_false(base_heap_has(&nodes[0]));
}

TEST(heap_stays_sound_under_random_moves)
{
    enum { COUNT = 200 };
    static struct base_heap_entry entries[COUNT];
    static struct base_heap_node nodes[COUNT];
    struct base_heap heap;
    struct base_random random;
    base_random_init(&random, 11);
    base_heap_init(&heap, entries, COUNT);
    for (int i = 0; i < 20000; i++) {
        struct base_heap_node *node = &nodes[base_random_below(&random, COUNT)];
        if (base_random_below(&random, 3) == 0)
            base_heap_remove(&heap, node);
        else
            base_heap_set(&heap, node, base_random_below(&random, 50));
        assert_true(base_heap_is_sound(&heap));
    }
    base_time last = 0;
    while (heap.count > 0) {
        base_time at = base_heap_next(&heap);
        assert_true(at >= last);
        last = at;
        assert_non_null(base_heap_pop_due(&heap, at));
    }
}

TEST(pairing_heap_gives_the_least_key_under_random_moves)
{
    enum { COUNT = 100 };
    static struct base_pairing_node nodes[COUNT];
    bool is_in[COUNT] = {false};
    struct base_pairing heap = {0};
    struct base_random random;
    base_random_init(&random, 5);
    uint64_t next_key = 0;
    for (int i = 0; i < 20000; i++) {
        uint64_t idx = base_random_below(&random, COUNT);
        if (is_in[idx])
            base_pairing_remove(&heap, &nodes[idx]);
        else
            base_pairing_insert(&heap, &nodes[idx],
                                base_random_below(&random, 1000) << 32 | next_key++);
        is_in[idx] = !is_in[idx];
        const struct base_pairing_node *least = NULL;
        for (int j = 0; j < COUNT; j++)
            if (is_in[j] && (least == NULL || nodes[j].key < least->key))
                least = &nodes[j];
        assert_ptr_equal(base_pairing_first(&heap), least);
    }
}
