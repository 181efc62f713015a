/* stats_turn.c - the end of a stats_period: all pools rotate, one line goes to the log. */
#include <inttypes.h>

#include "proxy/daemon.h"
#include "proxy/log.h"
#include "proxy/stats.h"

static void log_rates(const struct proxy_rates *rates)
{
    proxy_log(PROXY_LOG,
              "stats: %" PRIu64 " xacts/s, %" PRIu64 " queries/s, %" PRIu64
              " client parses/s, %" PRIu64 " server parses/s, %" PRIu64 " binds/s, in %" PRIu64
              " B/s, out %" PRIu64 " B/s, xact %" PRIu64 " us, query %" PRIu64 " us, wait %" PRIu64
              " us",
              rates->transactions, rates->queries, rates->prepared_client, rates->prepared_server,
              rates->prepared_binds, rates->received_bytes, rates->sent_bytes,
              rates->transaction_us, rates->query_us, rates->wait_us);
}

void proxy_stats_turn(struct proxy *proxy)
{
    base_time now = net_loop_now(proxy->loop);
    base_time since = proxy->stats_at ? proxy->stats_at : proxy->started_at;
    base_time span = base_time_since(now, since);
    struct proxy_counters sum = {0};
    base_list_each(it, &proxy->pool_list)
    {
        struct proxy_pool *pool = base_list_entry(it, struct proxy_pool, link);
        proxy_stats_rotate(&pool->stats, span);
        proxy_counters_add(&sum, &pool->stats.average);
    }
    proxy->stats_at = now;
    if (proxy->config->options.log_stats) {
        struct proxy_rates rates = proxy_counters_rates(&sum, span);
        log_rates(&rates);
    }
}
