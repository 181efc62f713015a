/* test_metrics.c - the load of a pool from the text of its metrics. */
#include <math.h>
#include <string.h>

#include "sim/metrics_read.h"
#include "world.h"

static const char weir_text[] =
    "# TYPE weir_start_time_seconds gauge\n"
    "weir_start_time_seconds 1000.5\n"
    "weir_pool_limit{database=\"shop\",user=\"app\"} 20\n"
    "weir_pool_ceiling{database=\"shop\",user=\"app\"} 15\n"
    "# TYPE weir_pool_hold_seconds histogram\n"
    "weir_pool_hold_seconds_bucket{database=\"shop\",user=\"app\",le=\"0.01\"} 10\n"
    "weir_pool_hold_seconds_bucket{database=\"shop\",user=\"app\",le=\"0.02\"} 90\n"
    "weir_pool_hold_seconds_bucket{database=\"shop\",user=\"app\",le=\"+Inf\"} 100\n"
    "weir_pool_hold_seconds_count{database=\"shop\",user=\"app\"} 100\n"
    "weir_pool_hold_seconds_sum{database=\"shop\",user=\"app\"} 2.5\n"
    "weir_pool_wait_seconds_bucket{database=\"shop\",user=\"app\",le=\"0.001\"} 50\n"
    "weir_pool_wait_seconds_bucket{database=\"shop\",user=\"app\",le=\"+Inf\"} 100\n"
    "weir_pool_wait_seconds_count{database=\"shop\",user=\"app\"} 100\n"
    "# EOF\n";

static struct sim_metrics metrics;

static const struct sim_metrics_pool *read_one(const char *text)
{
    char reason[256];
    assert_int_equal(sim_metrics_read(base_slice_text(text), &metrics, reason), 0);
    return sim_metrics_find(&metrics, NULL, reason);
}

TEST(metrics_of_weir_give_rate_and_holding_time)
{
    const struct sim_metrics_pool *pool = read_one(weir_text);
    char reason[256];
    struct sim_load load;
    sim_load_init(&load);
    load.requests = 5;
    assert_string_equal(pool->name, "shop/app");
    assert_true(metrics.started == 1000.5 && pool->limit == 20 && pool->ceiling == 15);
    assert_int_equal(sim_metrics_apply(pool, 10, &load, reason), 0);
    assert_true(fabs(load.rate - 2) < 1e-9); /* 10 claims a second, 5 each */
    assert_true(fabs(sim_dist_mean(&load.service) - 0.025e9) <
                1e3); /* the exact mean, not the buckets' */
}

TEST(metrics_quantiles_are_read_off_evenly_within_a_bucket)
{
    const struct sim_metrics_pool *pool = read_one(weir_text);
    assert_true(fabs(sim_metrics_quantile(&pool->hold, 0.5) - 0.015) < 1e-9);
    assert_true(fabs(sim_metrics_quantile(&pool->wait, 0.25) - 0.0005) < 1e-9);
    assert_true(sim_metrics_quantile(&pool->hold, 0.99) <= 0.04);
}

TEST(metrics_of_libweir_are_told_by_the_pools_name)
{
    const struct sim_metrics_pool *pool =
        read_one("weir_pool_limit{pool=\"a\\\"b\\\\c\\nd\"} 15\n"
                 "weir_pool_ceiling{pool=\"a\\\"b\\\\c\\nd\"} +Inf\n"
                 "weir_pool_hold_seconds_bucket{pool=\"a\\\"b\\\\c\\nd\",le=\"0.5\"} 4\n"
                 "weir_pool_hold_seconds_count{pool=\"a\\\"b\\\\c\\nd\"} 4\n");
    assert_string_equal(pool->name, "a\"b\\c\nd");
    assert_true(pool->limit == 15 && pool->ceiling == 0 && pool->hold.count == 4);
}

TEST(metrics_of_several_pools_have_to_be_chosen_from)
{
    char reason[256];
    static const char text[] = "weir_pool_limit{pool=\"a\"} 1\nweir_pool_limit{pool=\"b\"} 2\n";
    assert_int_equal(sim_metrics_read(base_slice_text(text), &metrics, reason), 0);
    assert_null(sim_metrics_find(&metrics, NULL, reason));
    assert_string_equal(reason, "which pool?; there are \"a\", \"b\"");
    assert_null(sim_metrics_find(&metrics, "c", reason));
    assert_true(sim_metrics_find(&metrics, "b", reason)->limit == 2);
}

TEST(metrics_of_two_moments_count_what_came_in_between)
{
    struct sim_metrics_pool earlier = *read_one(weir_text), later = earlier;
    later.hold.count = 160;
    later.hold.sum = 4;
    later.hold.below[0] = 40;
    later.hold.below[1] = 150;
    later.hold.below[2] = 160;
    struct sim_metrics_pool between = sim_metrics_between(&earlier, &later);
    assert_true(between.hold.count == 60 && between.hold.sum == 1.5 && between.hold.below[0] == 30);
    /* a pool that was opened anew counts from 0 again */
    between = sim_metrics_between(&later, &earlier);
    assert_true(between.hold.count == 100);
}

TEST(metrics_whose_sum_is_beyond_all_numbers_are_refused)
{
    const struct sim_metrics_pool *pool =
        read_one("weir_pool_hold_seconds_bucket{pool=\"a\",le=\"0.1\"} 3\n"
                 "weir_pool_hold_seconds_count{pool=\"a\"} 3\n"
                 "weir_pool_hold_seconds_sum{pool=\"a\"} 1e308\n");
    char reason[256];
    struct sim_load load;
    sim_load_init(&load);
    assert_int_equal(sim_metrics_apply(pool, 10, &load, reason), BASE_EINVALID);
}

TEST(metrics_that_are_none_or_empty_are_refused)
{
    char reason[256];
    struct sim_load load;
    sim_load_init(&load);
    assert_int_equal(sim_metrics_read(base_slice_text("<html>\n"), &metrics, reason),
                     BASE_EINVALID);
    const struct sim_metrics_pool *pool = read_one("weir_pool_limit{pool=\"a\"} 1\n");
    assert_int_equal(sim_metrics_apply(pool, 10, &load, reason), BASE_EINVALID);
    assert_non_null(strstr(reason, "has lent nothing"));
}
