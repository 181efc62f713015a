/* test_slab.c - slots by index with a generation. */
#include "test.h"

#include "base/slab.h"

struct thing {
    struct base_slot slot;
    int value;
};

TEST(slab_gives_its_capacity_and_not_one_more)
{
    struct thing things[3] = {0};
    struct base_slab slab;
    base_slab_init(&slab, things, sizeof(things[0]), 3);
    struct thing *taken[3];
    for (uint32_t i = 0; i < 3; i++) {
        taken[i] = base_slab_take(&slab);
        assert_ptr_equal(taken[i], &things[i]); /* from the bottom: the rest stays untouched */
        assert_int_equal(taken[i]->slot.gen, 1);
    }
    assert_null(base_slab_take(&slab));
    base_slab_release(&slab, taken[1]);
    assert_ptr_equal(base_slab_take(&slab), taken[1]);
    assert_int_equal(slab.used, 3);
}

TEST(old_name_of_a_slot_finds_nothing)
{
    struct thing things[2] = {0};
    struct base_slab slab;
    base_slab_init(&slab, things, sizeof(things[0]), 2);
    assert_null(base_slab_find(&slab, 0, 0)); /* {0,0} names nothing */
    struct thing *thing = base_slab_take(&slab);
    assert_ptr_equal(base_slab_find(&slab, 0, 1), thing);
    assert_null(base_slab_find(&slab, 1, 1)); /* above the high-water mark */
    base_slab_release(&slab, thing);
    assert_null(base_slab_find(&slab, 0, 1));
    assert_ptr_equal(base_slab_take(&slab), thing);
    assert_null(base_slab_find(&slab, 0, 1));
    assert_ptr_equal(base_slab_find(&slab, 0, 2), thing);
}

TEST(generation_wraps_around_zero)
{
    struct thing things[1] = {0};
    struct base_slab slab;
    base_slab_init(&slab, things, sizeof(things[0]), 1);
    things[0].slot.gen = UINT32_MAX;
    struct thing *thing = base_slab_take(&slab);
    assert_int_equal(thing->slot.gen, 1);
}
