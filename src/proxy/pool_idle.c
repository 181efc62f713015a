/* pool_idle.c - pools and databases that nobody uses are forgotten: pool_idle_timeout, and
 * autodb_idle_timeout for databases that `*` made.
 *
 * A pool idles while it has neither clients nor servers. One timer for all, armed when a pool
 * begins to idle, and lazy: what is due is worked out when it fires. Test:
 * tests/system/test_autodb.py.
 */
#include "base/invariant.h"
#include "proxy/daemon.h"
#include "proxy/log.h"
#include "proxy/pool_internal.h"

static bool is_idle(const struct proxy_pool *pool)
{
    struct core_pool_stats stats;
    return pool->client_count == 0 && pool->server_count == 0 && pool->cancels == 0 &&
           pool->children == 0 &&
           (core_pool_stats(pool->proxy->core, net_loop_now(pool->proxy->loop), pool->id, &stats) <
                0 ||
            stats.waiting == 0);
}

static void arm(struct proxy *proxy, base_time at)
{
    if (!proxy->idle_timer.heap_pos || proxy->idle_timer.deadline > at) {
        net_timer_set(proxy->loop, &proxy->idle_timer, at);
    }
}

/* How long it may idle; 0: for ever. */
static base_time span_of(const struct proxy_pool *pool)
{
    const struct config_options *options = &pool->proxy->config->options;
    base_time span = options->pool_idle_timeout;
    base_time autodb = pool->database->is_fallback ? options->autodb_idle_timeout : 0;
    return !span || (autodb && autodb < span) ? autodb : span;
}

void proxy_pool_left(struct proxy_pool *pool)
{
    base_time span = span_of(pool);
    if (pool->client_count || pool->server_count) {
        return;
    }
    pool->idle_at = net_loop_now(pool->proxy->loop);
    if (span) {
        arm(pool->proxy, base_time_add(pool->idle_at, span));
    }
}

/* ---- the timer ---- */

/* When its time is over; BASE_NEVER while it is used. */
static base_time pool_due(const struct proxy_pool *pool, base_time span)
{
    return span && !pool->is_closed && is_idle(pool) ? base_time_add(pool->idle_at, span)
                                                     : BASE_NEVER;
}

/* The last one of its pools decides; one that is paused or disabled is kept with what an operator
 * has said about it. */
static base_time database_due(const struct proxy_database *database, struct proxy *proxy)
{
    base_time span = proxy->config->options.autodb_idle_timeout;
    base_time due = base_time_add(database->made_at, span);
    if (!database->is_fallback || database->is_removed || database->is_paused ||
        database->is_disabled || !span) {
        return BASE_NEVER;
    }
    base_list_each(it, &proxy->pool_list)
    {
        const struct proxy_pool *pool = base_list_entry(it, struct proxy_pool, link);
        if (pool->database == database) {
            base_time at = pool_due(pool, span);
            due = at > due ? at : due;
        }
    }
    return due;
}

static base_time earlier(base_time a, base_time b)
{
    return a < b ? a : b;
}

static base_time forget_databases(struct proxy *proxy, base_time now)
{
    base_time next = BASE_NEVER;
    base_list_each_safe(it, &proxy->databases)
    {
        struct proxy_database *database = base_list_entry(it, struct proxy_database, link);
        base_time due = database_due(database, proxy);
        if (due <= now) {
            proxy_log(PROXY_LOG, "database %s was not used for autodb_idle_timeout: forgotten",
                      database->name);
            pool_database_remove(proxy, database);
        } else {
            next = earlier(next, due);
        }
    }
    return next;
}

static base_time forget_pools(struct proxy *proxy, base_time now)
{
    base_time next = BASE_NEVER;
    base_list_each_safe(it, &proxy->pool_list)
    {
        struct proxy_pool *pool = base_list_entry(it, struct proxy_pool, link);
        base_time due = pool_due(pool, proxy->config->options.pool_idle_timeout);
        if (due <= now) {
            pool_close(pool);
            proxy_pool_release(pool);
        } else {
            next = earlier(next, due);
        }
    }
    return next;
}

static void on_timer(struct net_timer *timer)
{
    struct proxy *proxy = base_list_entry(timer, struct proxy, idle_timer);
    base_time now = net_loop_now(proxy->loop);
    base_time next = forget_databases(proxy, now);
    next = earlier(next, forget_pools(proxy, now));
    if (next != BASE_NEVER) {
        arm(proxy, next);
    }
}

void proxy_pools_idle_watch(struct proxy *proxy)
{
    proxy->idle_timer.fire = on_timer;
    arm(proxy, net_loop_now(proxy->loop)); /* what is due by these settings is seen at once */
}
