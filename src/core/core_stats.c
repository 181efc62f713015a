/* core_stats.c - what the host may look at: pools, scopes, servers. Changes nothing.
 * Test: tests/unit/core/test_pool.c. */
#include "core/core_internal.h"

#include <string.h>

/* floor(log2) by count of leading zeros: bucket i counts spans below 1 us * 2^i. */
uint32_t core_stats_bucket(base_time span)
{
    uint64_t us = span / BASE_US;
    uint32_t bucket = us == 0 ? 0 : 64 - (uint32_t)__builtin_clzll(us);
    return bucket < CORE_BUCKETS ? bucket : CORE_BUCKETS - 1;
}

/* ---- back-off -------------------------------------------------------------------------------- */

/* Span until the scope is tried again; 0 when it is not backing off. A prober under way counts as
 * backing off with a span of 0. */
static bool is_backing_off(const struct core_scope *scope, base_time now, base_time *ret_span)
{
    bool is_at_ceiling = core_scope_count(scope) >= scope->ceiling;
    if (!scope->is_out && !(is_at_ceiling && scope->probe_at > now))
        return false;
    base_time at = scope->is_out ? scope->outage_until : scope->probe_at;
    *ret_span = base_time_since(at, now);
    return true;
}

static void add_back_off(const struct core_pool *pool, base_time now, struct core_pool_stats *stats)
{
    for (int i = 0; i < CORE_SCOPE_ROOT; i++) {
        base_time span = 0;
        if (!is_backing_off(pool->scopes[i], now, &span))
            continue;
        stats->is_backing_off = true;
        stats->retry_in = span > stats->retry_in ? span : stats->retry_in;
    }
    if (pool->auth_hold_until > now) {
        base_time span = pool->auth_hold_until - now;
        stats->is_backing_off = true;
        stats->retry_in = span > stats->retry_in ? span : stats->retry_in;
    }
}

/* ---- pools ----------------------------------------------------------------------------------- */

static void add_counts(const struct core_pool *pool, struct core_pool_stats *stats)
{
    const uint32_t *in_state = pool->in_state;
    stats->idle = in_state[CORE_SERVER_IDLE];
    stats->leased = in_state[CORE_SERVER_LEASED];
    stats->checking = in_state[CORE_SERVER_CHECKING];
    stats->resetting = in_state[CORE_SERVER_RESETTING];
    stats->opening = in_state[CORE_SERVER_OPENING];
    stats->closing = in_state[CORE_SERVER_CLOSING];
    stats->detached = in_state[CORE_SERVER_DETACHED];
    stats->waiting = pool->waiting;
    stats->limit = pool->own.limit;
    stats->is_paused = pool->is_paused;
    stats->last_failure = pool->last_failure;
}

static void add_totals(const struct core_pool *pool, struct core_pool_stats *stats)
{
    stats->grants = pool->grants;
    stats->timeouts = pool->timeouts;
    stats->refusals = pool->refusals;
    stats->connects = pool->connects;
    stats->connect_failures = pool->connect_failures;
    stats->wait_total = pool->wait_total;
    stats->hold_total = pool->hold_total;
    memcpy(stats->wait_bucket, pool->wait_bucket, sizeof(stats->wait_bucket));
    memcpy(stats->hold_bucket, pool->hold_bucket, sizeof(stats->hold_bucket));
}

static void add_ceiling(const struct core_pool *pool, struct core_pool_stats *stats)
{
    stats->ceiling = CORE_NO_LIMIT;
    for (int i = 0; i < CORE_SCOPE_ROOT; i++) {
        if (pool->scopes[i]->ceiling < stats->ceiling) {
            stats->ceiling = pool->scopes[i]->ceiling;
            stats->ceiling_kind = (enum core_scope_kind)i;
        }
    }
}

static void add_oldest(const struct core_pool *pool, base_time now, struct core_pool_stats *stats)
{
    const struct core_claim *claim = core_claim_oldest(pool);
    if (claim != NULL)
        stats->oldest_wait = base_time_since(now, claim->since);
    if (base_list_is_empty(&pool->leased))
        return;
    const struct core_server *server = base_list_entry(pool->leased.next, struct core_server, link);
    stats->oldest_lease = base_time_since(now, server->since);
    stats->oldest_lease_server = (struct core_server_id){server->slot.idx, server->slot.gen};
}

int core_pool_stats(const struct core *core, base_time now, struct core_pool_id id,
                    struct core_pool_stats *ret_stats)
{
    const struct core_pool *pool = base_slab_find(&core->pools, id.idx, id.gen);
    if (pool == NULL || pool->is_closed)
        return BASE_ESTALE;
    memset(ret_stats, 0, sizeof(*ret_stats));
    add_counts(pool, ret_stats);
    add_totals(pool, ret_stats);
    add_ceiling(pool, ret_stats);
    add_oldest(pool, now, ret_stats);
    add_back_off(pool, now, ret_stats);
    return 0;
}

/* ---- scopes and servers ---------------------------------------------------------------------- */

int core_scope_stats(const struct core *core, base_time now, struct core_scope_id id,
                     struct core_scope_stats *ret_stats)
{
    const struct core_scope *scope = base_slab_find(&core->scopes, id.idx, id.gen);
    if (scope == NULL)
        return BASE_ESTALE;
    *ret_stats = (struct core_scope_stats){
        .kind = scope->kind,
        .limit = scope->limit,
        .ceiling = scope->ceiling,
        .live = scope->live,
        .opening = scope->opening,
        .closing = scope->closing,
    };
    ret_stats->is_backing_off = is_backing_off(scope, now, &ret_stats->retry_in);
    return 0;
}

enum core_server_state core_server_state(const struct core *core, base_time now,
                                         struct core_server_id id, base_time *ret_since)
{
    const struct core_server *server = base_slab_find(&core->servers, id.idx, id.gen);
    if (server == NULL)
        return CORE_SERVER_FREE;
    if (ret_since != NULL)
        *ret_since = base_time_since(now, server->since);
    return server->state;
}
