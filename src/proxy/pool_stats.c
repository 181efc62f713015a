/* pool_stats.c - a pool as the console and the metrics show it: with its replication connections,
 * which have pools of their own. Test: tests/system/test_replication.py.
 */
#include "proxy/daemon.h"
#include "proxy/pool.h"
#include "proxy/server.h"

static uint32_t cancelled_servers(const struct proxy_pool *pool)
{
    uint32_t count = 0;
    base_list_each(it, &pool->servers)
    {
        count += base_list_entry(it, struct proxy_server, pool_link)->cancels > 0;
    }
    return count;
}

static void counts_add(struct proxy_pool_counts *counts, const struct proxy_pool *pool)
{
    counts->clients += pool->client_count;
    counts->servers += pool->server_count;
    counts->cancels += pool->cancels;
    counts->cancelled += cancelled_servers(pool);
}

struct proxy_pool_counts proxy_pool_counts(const struct proxy_pool *pool)
{
    struct proxy_pool_counts counts = {0};
    counts_add(&counts, pool);
    if (pool->children == 0) {
        return counts;
    }
    base_list_each(it, &pool->proxy->pool_list)
    {
        const struct proxy_pool *child = base_list_entry(it, struct proxy_pool, link);
        if (child->parent == pool) {
            counts_add(&counts, child);
        }
    }
    return counts;
}

void proxy_pool_counters(const struct proxy_pool *pool, struct proxy_counters *ret_counters)
{
    *ret_counters = pool->stats.total;
    if (pool->children == 0) {
        return;
    }
    base_list_each(it, &pool->proxy->pool_list)
    {
        const struct proxy_pool *child = base_list_entry(it, struct proxy_pool, link);
        if (child->parent == pool) {
            proxy_counters_add(ret_counters, &child->stats.total);
        }
    }
}

static void stats_add(struct core_pool_stats *sum, const struct core_pool_stats *stats)
{
    sum->idle += stats->idle;
    sum->leased += stats->leased;
    sum->opening += stats->opening;
    sum->closing += stats->closing;
    sum->detached += stats->detached;
    sum->waiting += stats->waiting;
    if (stats->oldest_wait > sum->oldest_wait) {
        sum->oldest_wait = stats->oldest_wait;
    }
    if (stats->oldest_lease > sum->oldest_lease) {
        sum->oldest_lease = stats->oldest_lease;
        sum->oldest_lease_server = stats->oldest_lease_server;
    }
}

int proxy_pool_stats(const struct proxy_pool *pool, struct core_pool_stats *ret_stats)
{
    const struct proxy *proxy = pool->proxy;
    base_time now = net_loop_now(proxy->loop);
    int r = core_pool_stats(proxy->core, now, pool->id, ret_stats);
    if (r < 0 || pool->children == 0) {
        return r;
    }
    base_list_each(it, &proxy->pool_list)
    {
        const struct proxy_pool *child = base_list_entry(it, struct proxy_pool, link);
        struct core_pool_stats stats;
        if (child->parent == pool &&
            core_pool_stats(proxy->core, now, child->id, &stats) == BASE_OK) {
            stats_add(ret_stats, &stats);
        }
    }
    return BASE_OK;
}
