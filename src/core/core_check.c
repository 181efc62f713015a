/* core_check.c - walks everything and asserts what must hold between two events.
 *
 *  1. No scope counts more servers than it is allowed: live + opening + closing. [POOL.md 1]
 *  2. An idle server never coexists with a claim of its pool that could have it: an open pool has
 *     no more waiters than checks while a server idles; a paused one has no idle server. [2]
 *  3. A free slot never coexists with a claim that may use it: a pool that wants a connect is
 *     parked at a scope, and that scope is shut, or its last slots are held for an older claim. [2]
 *  4. Within each lane sequences and arrival times grow from head to tail. [3]
 *  5. Every waiting claim's end is armed: no later than its deadline. [4]
 *  6. Counters equal a recount: servers by state and pool, claims by pool, servers by scope. [5]
 *  7. Slabs and lists agree: used slots are linked where their state says, and nowhere else. [5]
 *  8. A parked pool is under max_connecting, and no pool has more to start than its gates let
 *     through (checked when a connect starts, by the random worlds). [7]
 *  9. At most one prober per scope, and it is a server in OPENING inside that scope. [11, 12]
 * 10. A ceiling stops everything but the prober; back-off spans are within their bounds. [11, 12]
 * 11. The heap of timers is in order and its places are true. [4]
 * 12. The ring of effects is within its bounds, and no scope waits to be settled. [10]
 *
 * Invariants 8, 9 of POOL.md (fork, wall clock) are the host's: the core has neither.
 * It walks up to the high-water marks only. Recounts write into nothing: the core stays const, so
 * each count is one walk per pool or scope kind, O(objects) altogether.
 * Test: tests/unit/core/ calls it after every event.
 */
#include "core/core_internal.h"

/* ---- claims ---------------------------------------------------------------------------------- */

static void check_claim(const struct core *core, const struct core_pool *pool,
                        const struct core_claim *claim, uint32_t lane)
{
    INVARIANT(claim->slot.is_used && claim->pool == pool && claim->lane == lane);
    INVARIANT(claim->since <= core->now && claim->sequence < core->sequence);
    if (claim->deadline == BASE_NEVER)
        return;
    INVARIANT(base_heap_has(&claim->timer.node));
    INVARIANT(base_heap_deadline(&core->timers, &claim->timer.node) <= claim->deadline);
}

static uint32_t check_lane(const struct core *core, const struct core_pool *pool, uint32_t lane)
{
    uint32_t count = 0;
    const struct core_claim *last = NULL;
    base_list_each(link, &pool->lanes[lane])
    {
        const struct core_claim *claim = base_list_entry(link, struct core_claim, link);
        check_claim(core, pool, claim, lane);
        INVARIANT(last == NULL || last->sequence < claim->sequence);
        INVARIANT(last == NULL || last->since <= claim->since);
        INVARIANT(link->next->prev == link);
        last = claim;
        count++;
    }
    return count;
}

static void check_queue(const struct core *core, const struct core_pool *pool)
{
    uint32_t count = 0;
    for (uint32_t lane = 0; lane < CORE_LANES; lane++) {
        INVARIANT(pool->turns[lane] <= CORE_LANE_TURNS(lane));
        count += check_lane(core, pool, lane);
    }
    INVARIANT(count == pool->waiting);
}

/* ---- pools ----------------------------------------------------------------------------------- */

static void check_server_list(const struct core_pool *pool, const struct base_list *list,
                              enum core_server_state state)
{
    uint32_t count = 0;
    const struct core_server *last = NULL;
    base_list_each(link, list)
    {
        const struct core_server *server = base_list_entry(link, struct core_server, link);
        INVARIANT(server->slot.is_used && server->pool == pool && server->state == state);
        INVARIANT(link->next->prev == link);
        if (last != NULL && state == CORE_SERVER_IDLE)
            INVARIANT(last->since >= server->since);
        else if (last != NULL)
            INVARIANT(last->since <= server->since);
        last = server;
        count++;
    }
    INVARIANT(count == pool->in_state[state]);
}

static void check_pool_counts(const struct core_pool *pool)
{
    uint32_t servers = 0;
    INVARIANT(pool->in_state[CORE_SERVER_FREE] == 0);
    for (int i = 0; i <= CORE_SERVER_DETACHED; i++)
        servers += pool->in_state[i];
    INVARIANT(servers == pool->servers);
    INVARIANT(core_scope_count(&pool->own) == servers);
    INVARIANT(pool->own.opening == pool->in_state[CORE_SERVER_OPENING]);
    INVARIANT(pool->own.closing == pool->in_state[CORE_SERVER_CLOSING]);
}

/* Claims that neither an idle server, a check nor a connect is there for. */
static uint32_t unserved(const struct core_pool *pool)
{
    uint32_t covered = pool->in_state[CORE_SERVER_CHECKING] + pool->in_state[CORE_SERVER_OPENING];
    return pool->waiting > covered ? pool->waiting - covered : 0;
}

static void check_idle(const struct core_pool *pool)
{
    if (pool->in_state[CORE_SERVER_IDLE] == 0)
        return;
    INVARIANT(!pool->is_closed && !pool->is_paused && pool->is_idle_listed);
    INVARIANT(pool->waiting <= pool->in_state[CORE_SERVER_CHECKING]);
}

/* Every reason why a pool with unserved claims starts no connect; one of them must be true. */
static void check_no_lost_slot(const struct core *core, const struct core_pool *pool)
{
    if (unserved(pool) == 0 || pool->is_closed || pool->is_paused || pool->parked_at != NULL)
        return;
    if (pool->auth_hold_until > core->now ||
        pool->in_state[CORE_SERVER_OPENING] >= pool->settings.max_connecting)
        return;
    INVARIANT(core_scope_count(&pool->own) >= core_pool_base_limit(&pool->settings));
}

static void check_parked(const struct core *core, const struct core_pool *pool)
{
    const struct core_scope *scope = pool->parked_at;
    INVARIANT(pool->claims_in == 0 || (scope != NULL && scope != &pool->own));
    if (scope == NULL) {
        INVARIANT(pool->unmet == 0);
        return;
    }
    INVARIANT(!pool->is_closed && !pool->is_paused);
    INVARIANT(pool->in_state[CORE_SERVER_OPENING] < pool->settings.max_connecting);
    enum core_gate gate = core_backoff_gate(core, scope, unserved(pool) > 0);
    if (gate == CORE_GATE_FULL || gate == CORE_GATE_WAIT)
        return;
    /* Its last slots may be held for another pool's claim. */
    if (scope->claimant_count > 0)
        return;
    /* The time of a back-off may have come in this instant: then its timer is due. */
    INVARIANT(base_heap_has(&scope->timer.node));
    INVARIANT(base_heap_deadline(&core->timers, &scope->timer.node) <= core->now);
}

static void check_pool(const struct core *core, const struct core_pool *pool)
{
    check_queue(core, pool);
    check_server_list(pool, &pool->idle, CORE_SERVER_IDLE);
    check_server_list(pool, &pool->leased, CORE_SERVER_LEASED);
    check_pool_counts(pool);
    check_idle(pool);
    check_no_lost_slot(core, pool);
    check_parked(core, pool);
    INVARIANT(!pool->is_closed || (pool->servers > 0 && pool->waiting == 0));
}

/* ---- scopes ---------------------------------------------------------------------------------- */

struct recount {
    uint32_t live, opening, closing, pools, parked, unmet, claimants;
};

/* What a scope should count, from the pools in it; `nesting` is the place of its kind. */
static struct recount recount(const struct core *core, const struct core_scope *scope, int nesting)
{
    struct recount sum = {0};
    for (uint32_t i = 0; i < core->pools.high; i++) {
        const struct core_pool *pool = base_slab_at(&core->pools, i);
        if (!pool->slot.is_used || pool->scopes[nesting] != scope)
            continue;
        sum.pools++;
        sum.live += core_pool_lendable(pool) + pool->in_state[CORE_SERVER_DETACHED];
        sum.opening += pool->in_state[CORE_SERVER_OPENING];
        sum.closing += pool->in_state[CORE_SERVER_CLOSING];
        sum.claimants += (pool->claims_in >> nesting) & 1;
        sum.parked += pool->parked_at == scope;
        sum.unmet += pool->parked_at == scope ? pool->unmet : 0;
    }
    return sum;
}

static void check_prober(const struct core *core, const struct core_scope *scope, int nesting)
{
    if (scope->prober == 0)
        return;
    INVARIANT(scope->prober <= core->servers.high);
    const struct core_server *server = base_slab_at(&core->servers, scope->prober - 1);
    INVARIANT(server->slot.is_used && server->state == CORE_SERVER_OPENING);
    INVARIANT(server->pool->scopes[nesting] == scope);
}

static void check_lessons(const struct core_scope *scope)
{
    INVARIANT(scope->ceiling >= scope->live);
    INVARIANT(scope->window >= 1);
    INVARIANT(scope->outage_span <= 5 * BASE_SECOND && scope->probe_span <= 30 * BASE_SECOND);
    INVARIANT(!scope->is_out || scope->outage_span > 0);
}

static void check_scope(const struct core *core, const struct core_scope *scope, int nesting)
{
    uint32_t count = core_scope_count(scope);
    INVARIANT(count <= scope->allowed);
    INVARIANT(scope->allowed == scope->limit || scope->allowed == count);
    struct recount sum = recount(core, scope, nesting);
    INVARIANT(sum.live == scope->live && sum.opening == scope->opening);
    INVARIANT(sum.closing == scope->closing && sum.unmet == scope->unmet);
    INVARIANT(sum.claimants == scope->claimant_count);
    INVARIANT((sum.parked == 0) == base_pairing_is_empty(&scope->parked));
    INVARIANT(nesting == CORE_SCOPE_ROOT || sum.pools == scope->pools);
    INVARIANT(base_list_is_empty(&scope->dirty));
    check_prober(core, scope, nesting);
    check_lessons(scope);
}

/* ---- slabs ----------------------------------------------------------------------------------- */

static void check_servers(const struct core *core)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < core->servers.high; i++) {
        const struct core_server *server = base_slab_at(&core->servers, i);
        if (!server->slot.is_used)
            continue;
        used++;
        INVARIANT(server->state != CORE_SERVER_FREE && server->pool->slot.is_used);
        INVARIANT(server->since <= core->now && server->opened_at <= core->now);
        bool is_linked = server->state == CORE_SERVER_IDLE || server->state == CORE_SERVER_LEASED;
        INVARIANT(is_linked != base_list_is_empty(&server->link));
    }
    INVARIANT(used == core->servers.used && used == core_scope_count(&core->root));
}

static void check_claim_total(const struct core *core)
{
    uint32_t waiting = 0, parked = 0;
    for (uint32_t i = 0; i < core->pools.high; i++) {
        const struct core_pool *pool = base_slab_at(&core->pools, i);
        if (!pool->slot.is_used)
            continue;
        waiting += pool->waiting;
        parked += pool->parked_at != NULL;
    }
    INVARIANT(waiting == core->claims.used);
    INVARIANT(parked == core->parked);
}

void core_check(const struct core *core)
{
    for (uint32_t i = 0; i < core->pools.high; i++) {
        const struct core_pool *pool = base_slab_at(&core->pools, i);
        if (!pool->slot.is_used)
            continue;
        check_pool(core, pool);
        check_scope(core, &pool->own, CORE_SCOPE_POOL);
    }
    for (uint32_t i = 0; i < core->scopes.high; i++) {
        const struct core_scope *scope = base_slab_at(&core->scopes, i);
        if (scope->slot.is_used)
            check_scope(core, scope, (int)scope->kind);
    }
    check_scope(core, &core->root, CORE_SCOPE_ROOT);
    check_servers(core);
    check_claim_total(core);
    INVARIANT(base_heap_is_sound(&core->timers));
    INVARIANT(core->effect_count <= core->effect_capacity);
    INVARIANT(base_list_is_empty(&core->dirty));
}
