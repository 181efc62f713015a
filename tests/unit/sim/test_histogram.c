/* test_histogram.c - buckets of 1.6 %, exact mean and maximum. */
#include <stdlib.h>

#include "sim/histogram.h"
#include "world.h"

TEST(histogram_quantiles_are_never_too_small_and_at_most_one_bucket_too_large)
{
    struct sim_histogram *h = calloc(1, sizeof(*h));
    for (base_time i = 1; i <= 100000; i++)
        sim_histogram_add(h, i * 1000);
    const double shares[] = {0.01, 0.5, 0.9, 0.99, 1};
    for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
        double exact = shares[i] * 100000 * 1000;
        double found = (double)sim_histogram_quantile(h, shares[i]);
        assert_true(found >= exact && found <= exact * 1.016);
    }
    assert_true(sim_histogram_mean(h) == 50000500.0);
    assert_true(h->max == 100000000);
    free(h);
}

TEST(histogram_takes_every_span_there_is)
{
    struct sim_histogram *h = calloc(1, sizeof(*h));
    assert_true(sim_histogram_quantile(h, 0.5) == 0);
    sim_histogram_add(h, 0);
    sim_histogram_add(h, BASE_NEVER);
    assert_true(sim_histogram_quantile(h, 0.5) == 0);
    assert_true(sim_histogram_quantile(h, 1) == BASE_NEVER);
    free(h);
}
