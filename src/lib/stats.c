/* stats.c - what a pool looks like, in numbers and as text.
 * Test: tests/unit/lib/test_stats.c. */
#include "lib/lib.h"

#include <math.h>
#include <string.h>

/* Fewer leases than this say little about a mean. */
#define LEASES_LEAST 20

/* ---- holders --------------------------------------------------------------------------------- */

static void fill_holder(const struct weir_pool *pool, const struct lib_server *server,
                        struct weir_holder *holder)
{
    *holder = (struct weir_holder){
        .owner = server->owner,
        .held = base_time_since(pool->now, server->lent_at),
        .backend_pid = server->backend_pid,
        .transaction = lib_transaction(server),
        .is_detached = server->is_detached,
        .is_waiting = lib_deadlock_waits(pool, server->owner),
    };
    memcpy(holder->tag, server->tag, sizeof(holder->tag));
}

/* Keeps the `capacity` longest ones in order, by insertion. */
static void insert(struct weir_holder *holders, size_t capacity, size_t count,
                   const struct weir_holder *holder)
{
    size_t at = count < capacity ? count : capacity;
    while (at > 0 && holders[at - 1].held < holder->held) {
        if (at < capacity)
            holders[at] = holders[at - 1];
        at--;
    }
    if (at < capacity)
        holders[at] = *holder;
}

size_t lib_holders(struct weir_pool *pool, struct weir_holder *holders, size_t capacity)
{
    size_t count = 0;
    for (uint32_t i = 0; i < pool->high && count < pool->out; i++) {
        const struct lib_server *server = &pool->servers[i];
        struct weir_holder holder;
        if (!server->is_lent && !server->is_detached)
            continue;
        fill_holder(pool, server, &holder);
        insert(holders, capacity, count++, &holder);
    }
    return count;
}

int weir_pool_holders(struct weir_pool *pool, struct weir_holder *holders, size_t capacity)
{
    if (pool == NULL || (holders == NULL && capacity > 0))
        return WEIR_EINVALID;
    int status = lib_enter(pool);
    if (status != 0)
        return status;
    size_t count = lib_holders(pool, holders, capacity);
    lib_unlock(pool);
    return (int)count;
}

/* ---- numbers --------------------------------------------------------------------------------- */

static uint32_t suggest(const struct weir_pool *pool, const struct weir_stats *stats)
{
    base_time span = base_time_since(pool->now, pool->opened_at);
    if (stats->takes < LEASES_LEAST || span == 0)
        return 0;
    double busy = (double)stats->hold_total / (double)span; /* Little's law */
    return (uint32_t)ceil(busy + 2 * sqrt(busy));
}

static void fill_counts(const struct weir_pool *pool, const struct core_pool_stats *core,
                        struct weir_stats *stats)
{
    uint32_t live = core->idle + core->leased + core->checking + core->resetting + core->opening +
                    core->closing + core->detached;
    stats->pool_size = pool->settings.size;
    stats->limit = core->limit;
    stats->ceiling = core->ceiling;
    stats->idle = core->idle;
    stats->checked_out = core->leased;
    stats->overflow = live > stats->pool_size ? live - stats->pool_size : 0;
    stats->connecting = core->opening;
    stats->checking = core->checking;
    stats->resetting = core->resetting;
    stats->closing = core->closing;
    stats->detached = core->detached;
    stats->waiting = core->waiting;
    stats->oldest_wait = core->oldest_wait;
    stats->is_paused = core->is_paused;
    stats->is_backing_off = core->is_backing_off;
    stats->retry_in = core->retry_in;
    stats->takes = core->grants + pool->warm_counts.grants;
    stats->timeouts = core->timeouts;
    stats->refusals = core->refusals;
    stats->connects = core->connects;
    stats->connect_failures = core->connect_failures;
    stats->wait_total = core->wait_total;
    stats->hold_total = core->hold_total + pool->warm_counts.hold_total;
    memcpy(stats->wait_count, core->wait_bucket, sizeof(stats->wait_count));
    stats->wait_count[0] += pool->warm_counts.grants;
    for (unsigned i = 0; i < WEIR_BUCKETS; i++)
        stats->hold_count[i] = core->hold_bucket[i] + pool->warm_counts.hold_bucket[i];
    stats->suggested_size = suggest(pool, stats);
}

static void fill_known(const struct weir_pool *pool, struct weir_stats *stats)
{
    stats->deadlocks = pool->deadlocks;
    stats->last_failure = pool->last.status;
    memcpy(stats->last_sqlstate, pool->last.sqlstate, sizeof(stats->last_sqlstate));
    memcpy(stats->last_failure_text, pool->last.server_text, sizeof(stats->last_failure_text));
    stats->is_server_asked = pool->is_server_asked;
    stats->server_max = pool->server_max;
    stats->role_limit = pool->role_limit;
    stats->database_limit = pool->database_limit;
    stats->held_by_others = pool->held_by_others;
    stats->grant = pool->grant;
    for (uint32_t i = 0; i < pool->high; i++) {
        const struct lib_server *server = &pool->servers[i];
        base_time held = base_time_since(pool->now, server->lent_at);
        if (server->conn != NULL && server->is_standby) /* as it was when its holder got it */
            stats->standbys += server->is_lent || server->is_detached || lib_is_standby(server);
        if (server->is_lent && held > stats->oldest_hold)
            stats->oldest_hold = held;
    }
}

_Static_assert(WEIR_BUCKETS == CORE_BUCKETS, "the histograms are the core's");
_Static_assert(WEIR_LANES == CORE_LANES, "the lanes are the core's");
_Static_assert(WEIR_NO_LIMIT == CORE_NO_LIMIT, "no limit is no limit");

/* The core forgot the pool: what still exists is known here. */
static void count_closed(const struct weir_pool *pool, struct core_pool_stats *core)
{
    for (uint32_t i = 0; i < pool->high; i++) {
        core->leased += pool->servers[i].is_lent;
        core->detached += pool->servers[i].is_detached;
    }
    core->closing = pool->existing - core->leased - core->detached;
}

int weir_pool_stats(struct weir_pool *pool, struct weir_stats *ret_stats)
{
    if (pool == NULL || ret_stats == NULL)
        return WEIR_EINVALID;
    int status = lib_enter(pool);
    if (status != 0)
        return status;
    struct core_pool_stats core = {.ceiling = CORE_NO_LIMIT};
    lib_look_in_passing(pool);
    memset(ret_stats, 0, sizeof(*ret_stats));
    ret_stats->is_closed = core_pool_stats(pool->core, pool->now, pool->id, &core) != 0;
    if (ret_stats->is_closed)
        count_closed(pool, &core);
    fill_counts(pool, &core, ret_stats);
    fill_known(pool, ret_stats);
    lib_unlock(pool);
    return 0;
}
