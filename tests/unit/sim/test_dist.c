/* test_dist.c - what is drawn has the mean that is said, and the same state draws the same. */
#include <math.h>

#include "world.h"

static double mean_of_draws(const struct sim_dist *dist, uint64_t seed)
{
    struct base_random random;
    double sum = 0;
    base_random_init(&random, seed);
    for (int i = 0; i < 200000; i++)
        sum += (double)sim_dist_draw(dist, &random);
    return sum / 200000;
}

TEST(draws_have_the_mean_of_their_distribution)
{
    static const char *const texts[] = {"8ms", "exponential 8ms", "uniform 1ms 9ms",
                                        "lognormal 8ms 1.0"};
    struct sim_dist dist;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_true(sim_dist_parse(texts[i], &dist));
        double mean = sim_dist_mean(&dist);
        assert_true(fabs(mean_of_draws(&dist, 1) - mean) <= 0.02 * mean);
        assert_true(mean_of_draws(&dist, 7) == mean_of_draws(&dist, 7));
    }
}

TEST(draws_of_a_measured_histogram_fall_into_its_buckets)
{
    struct sim_dist dist = {.kind = SIM_DIST_MEASURED,
                            .bucket_count = 3,
                            .bucket_upto = {1e6, 4e6, 16e6},
                            .bucket_share = {0.5, 0, 0.5}};
    struct base_random random;
    uint32_t low = 0, high = 0;
    base_random_init(&random, 3);
    for (int i = 0; i < 10000; i++) {
        base_time span = sim_dist_draw(&dist, &random);
        low += span < 1000000;
        high += span >= 4000000 && span < 16000000;
    }
    assert_int_equal(low + high, 10000);
    assert_in_range(low, 4700, 5300);
    assert_true(fabs(sim_dist_mean(&dist) - 5.25e6) < 1);
}

TEST(a_scaled_distribution_is_as_many_times_as_long)
{
    static const char *const texts[] = {"8ms", "exponential 8ms", "uniform 1ms 9ms",
                                        "lognormal 8ms 1.0"};
    struct sim_dist dist;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_true(sim_dist_parse(texts[i], &dist));
        struct sim_dist scaled = sim_dist_scaled(&dist, 2.5);
        assert_true(fabs(sim_dist_mean(&scaled) / sim_dist_mean(&dist) - 2.5) < 1e-9);
    }
}
