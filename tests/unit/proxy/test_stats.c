/* Tests of proxy/stats.c. */
#include <string.h>

#include "proxy/stats.h"
#include "test.h"

TEST(a_period_is_the_difference_to_its_begin)
{
    struct proxy_stats stats = {0};
    stats.total.queries = 10;
    stats.total.wait_time = 5;
    proxy_stats_rotate(&stats, BASE_SECOND);
    assert_int_equal(stats.average.queries, 10);
    stats.total.queries = 25;
    proxy_stats_rotate(&stats, 2 * BASE_SECOND);
    assert_int_equal(stats.average.queries, 15);
    assert_int_equal(stats.average.wait_time, 0);
    assert_int_equal(stats.average_span, 2 * BASE_SECOND);
}

TEST(rates_are_per_second_and_spans_per_piece)
{
    struct proxy_counters c = {.transactions = 6,
                               .queries = 10,
                               .sent_bytes = UINT64_C(1) << 62,
                               .transaction_time = 600 * BASE_US,
                               .query_time = 55 * BASE_US};
    struct proxy_rates rates = proxy_counters_rates(&c, 2 * BASE_SECOND);
    assert_int_equal(rates.transactions, 3);
    assert_int_equal(rates.queries, 5);
    assert_true(rates.sent_bytes == UINT64_C(1) << 61);
    assert_int_equal(rates.transaction_us, 100);
    assert_int_equal(rates.query_us, 5);
    assert_int_equal(rates.wait_us, 0);
    rates = proxy_counters_rates(&c, 0);
    assert_int_equal(rates.queries, 0);
}

TEST(sums_have_every_counter)
{
    struct proxy_counters ones;
    struct proxy_counters sum = {0};
    uint64_t each[sizeof(ones) / sizeof(uint64_t)];
    for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
        each[i] = i + 1;
    }
    memcpy(&ones, each, sizeof(ones));
    proxy_counters_add(&sum, &ones);
    assert_memory_equal(&sum, &ones, sizeof(sum));
    proxy_counters_add(&sum, &ones);
    assert_int_equal(sum.transactions, 2);
}
