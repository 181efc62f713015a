/* stats.c - sums, differences and rates of the counters. Test: tests/unit/proxy/test_stats.c. */
#include "proxy/stats.h"

/* clang-format off */
#define COUNTERS(EACH) \
    EACH(transactions) \
    EACH(queries) \
    EACH(received_bytes) \
    EACH(sent_bytes) \
    EACH(server_assignments) \
    EACH(logins) \
    EACH(errors) \
    EACH(prepared_client) \
    EACH(prepared_server) \
    EACH(prepared_binds) \
    EACH(transaction_time) \
    EACH(query_time) \
    EACH(wait_time)
/* clang-format on */

#define ONE(field) +1
_Static_assert(sizeof(struct proxy_counters) == sizeof(uint64_t) * (0 COUNTERS(ONE)),
               "every counter is in the list");
#undef ONE

void proxy_counters_add(struct proxy_counters *sum, const struct proxy_counters *counters)
{
#define ADD(field) sum->field += counters->field;
    COUNTERS(ADD)
#undef ADD
}

static struct proxy_counters difference(const struct proxy_counters *later,
                                        const struct proxy_counters *earlier)
{
    struct proxy_counters result;
#define SUBTRACT(field) result.field = later->field - earlier->field;
    COUNTERS(SUBTRACT)
#undef SUBTRACT
    return result;
}

void proxy_stats_rotate(struct proxy_stats *stats, base_time span)
{
    stats->average = difference(&stats->total, &stats->mark);
    stats->average_span = span;
    stats->mark = stats->total;
}

/* In floating point: bytes of a period times 10^9 do not fit 64 bits. */
static uint64_t per_second(uint64_t count, base_time span)
{
    return span == 0 ? 0 : (uint64_t)((double)count * (double)BASE_SECOND / (double)span);
}

static uint64_t us_each(base_time sum, uint64_t count)
{
    return count == 0 ? 0 : sum / BASE_US / count;
}

struct proxy_rates proxy_counters_rates(const struct proxy_counters *average, base_time span)
{
    return (struct proxy_rates){
        .transactions = per_second(average->transactions, span),
        .queries = per_second(average->queries, span),
        .received_bytes = per_second(average->received_bytes, span),
        .sent_bytes = per_second(average->sent_bytes, span),
        .server_assignments = per_second(average->server_assignments, span),
        .prepared_client = per_second(average->prepared_client, span),
        .prepared_server = per_second(average->prepared_server, span),
        .prepared_binds = per_second(average->prepared_binds, span),
        .transaction_us = us_each(average->transaction_time, average->transactions),
        .query_us = us_each(average->query_time, average->queries),
        .wait_us = us_each(average->wait_time, average->server_assignments),
    };
}
