/* console_show_stats.c - SHOW STATS, STATS_TOTALS, STATS_AVERAGES, TOTALS: the pools' counters
 * summed per database, in PgBouncer's order of columns. */
#include "proxy/console.h"

struct sum {
    struct proxy_counters total;
    struct proxy_counters average;
    base_time span;
};

static void sum_add(struct sum *sum, const struct proxy_pool *pool)
{
    proxy_counters_add(&sum->total, &pool->stats.total);
    proxy_counters_add(&sum->average, &pool->stats.average);
    if (pool->stats.average_span > sum->span) {
        sum->span = pool->stats.average_span;
    }
}

/* All pools of one database, or of all with NULL. */
static struct sum sum_of(const struct proxy *proxy, const struct proxy_database *database)
{
    struct sum sum = {0};
    base_list_each(it, &proxy->pool_list)
    {
        const struct proxy_pool *pool = base_list_entry(it, struct proxy_pool, link);
        if (!database || pool->database == database) {
            sum_add(&sum, pool);
        }
    }
    return sum;
}

#define NUMBERS 11

static void totals_of(const struct sum *sum, uint64_t ret_numbers[NUMBERS])
{
    const struct proxy_counters *c = &sum->total;
    const uint64_t numbers[NUMBERS] = {
        c->server_assignments,   c->transactions,        c->queries,
        c->received_bytes,       c->sent_bytes,          c->transaction_time / BASE_US,
        c->query_time / BASE_US, c->wait_time / BASE_US, c->prepared_client,
        c->prepared_server,      c->prepared_binds,
    };
    memcpy(ret_numbers, numbers, sizeof(numbers));
}

static void averages_of(const struct sum *sum, uint64_t ret_numbers[NUMBERS])
{
    struct proxy_rates r = proxy_counters_rates(&sum->average, sum->span);
    const uint64_t numbers[NUMBERS] = {
        r.server_assignments, r.transactions,    r.queries,        r.received_bytes,
        r.sent_bytes,         r.transaction_us,  r.query_us,       r.wait_us,
        r.prepared_client,    r.prepared_server, r.prepared_binds,
    };
    memcpy(ret_numbers, numbers, sizeof(numbers));
}

static void put_numbers(struct console_rows *rows, const uint64_t numbers[NUMBERS])
{
    for (uint32_t i = 0; i < NUMBERS; i++) {
        console_put_number(rows, numbers[i]);
    }
}

static void put_row(struct console_rows *rows, const char *name, const struct sum *sum,
                    bool with_totals, bool with_averages)
{
    uint64_t numbers[NUMBERS];
    console_put_text(rows, name);
    if (with_totals) {
        totals_of(sum, numbers);
        put_numbers(rows, numbers);
    }
    if (with_averages) {
        averages_of(sum, numbers);
        put_numbers(rows, numbers);
    }
    if (with_totals && with_averages) { /* SHOW STATS */
        console_put_number(rows, sum->total.queries);
    }
}

static void put_all(struct console_rows *rows, bool with_totals, bool with_averages)
{
    base_list_each(it, &rows->proxy->databases)
    {
        const struct proxy_database *database = base_list_entry(it, struct proxy_database, link);
        if (database->references > 0) { /* somebody has used it */
            struct sum sum = sum_of(rows->proxy, database);
            put_row(rows, database->name, &sum, with_totals, with_averages);
        }
    }
    put_row(rows, CONSOLE_DATABASE, &(struct sum){0}, with_totals, with_averages);
}

void console_show_stats(struct console_rows *rows)
{
    put_all(rows, true, true);
}

void console_show_stats_totals(struct console_rows *rows)
{
    put_all(rows, true, false);
}

void console_show_stats_averages(struct console_rows *rows)
{
    put_all(rows, false, true);
}

void console_show_totals(struct console_rows *rows)
{
#define TOTAL(name)   "total_" #name,
#define AVERAGE(name) "avg_" #name,
    static const char *const total_names[NUMBERS] = {CONSOLE_TOTALS_ROWS(TOTAL)};
    static const char *const average_names[NUMBERS] = {CONSOLE_TOTALS_ROWS(AVERAGE)};
#undef TOTAL
#undef AVERAGE
    struct sum sum = sum_of(rows->proxy, NULL);
    uint64_t totals[NUMBERS];
    uint64_t averages[NUMBERS];
    totals_of(&sum, totals);
    averages_of(&sum, averages);
    for (uint32_t i = 0; i < NUMBERS; i++) {
        console_put_text(rows, total_names[i]);
        console_put_number(rows, totals[i]);
    }
    for (uint32_t i = 0; i < NUMBERS; i++) {
        console_put_text(rows, average_names[i]);
        console_put_number(rows, averages[i]);
    }
}
