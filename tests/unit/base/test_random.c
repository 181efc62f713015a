/* test_random.c - seeded random numbers. */
#include "test.h"

#include "base/random.h"

TEST(random_follows_the_published_sequence)
{
    /* xoshiro256** from the state {1, 2, 3, 4}: first outputs of the authors' C code. */
    struct base_random random = {{1, 2, 3, 4}};
    static const uint64_t expected[] = {11520, 0, 1509978240, 1215971899390074240};
    for (int i = 0; i < 4; i++)
        assert_true(base_random_next(&random) == expected[i]);
}

TEST(one_seed_is_one_sequence_and_another_is_another)
{
    struct base_random a, b, c;
    base_random_init(&a, 42);
    base_random_init(&b, 42);
    base_random_init(&c, 43);
    int equal = 0;
    for (int i = 0; i < 100; i++) {
        uint64_t x = base_random_next(&a);
        assert_true(x == base_random_next(&b));
        equal += x == base_random_next(&c);
    }
    assert_int_equal(equal, 0);
}

TEST(bounded_draws_reach_both_ends_and_stay_inside)
{
    struct base_random random;
    base_random_init(&random, 1);
    int low = 0, high = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t x = base_random_between(&random, 10, 13);
        assert_in_range(x, 10, 13);
        low += x == 10;
        high += x == 13;
    }
    assert_true(low > 150 && high > 150);
    assert_int_equal(base_random_below(&random, 0), 0);
    assert_int_equal(base_random_below(&random, 1), 0);
    (void)base_random_between(&random, 0, UINT64_MAX); /* the whole range is a range */
}

TEST(jitter_stays_within_its_percent)
{
    struct base_random random;
    base_random_init(&random, 2);
    base_time least = BASE_NEVER, most = 0;
    for (int i = 0; i < 10000; i++) {
        base_time x = base_random_jitter(&random, BASE_SECOND, 25);
        least = x < least ? x : least;
        most = x > most ? x : most;
    }
    assert_in_range(least, 750 * BASE_MS, 760 * BASE_MS);
    assert_in_range(most, 1240 * BASE_MS, 1250 * BASE_MS);
    assert_true(base_random_jitter(&random, BASE_NEVER, 25) == BASE_NEVER);
    assert_true(base_random_jitter(&random, BASE_SECOND, 0) == BASE_SECOND);
}
