/* core_scope.c - what limits servers, nested: pool in database, user and upstream, in the root.
 *
 * A server counts against all its scopes from OPEN until it is gone, whatever becomes of it in
 * between: live + opening + closing. A limit lowered below the count stands as `allowed`, which
 * follows the count down; nothing is added until the count is under the limit itself.
 *
 * Room under a full shared scope: a claim that lacks only room gets the slot of the server there
 * that has been idle longest (make_room). Where nothing is idle because another pool keeps its
 * servers busy, a server given back is closed for a claim that has waited clearly longer
 * (is_starving). Both count what is closing already, so no more is closed than is wanted.
 *
 * Invariants
 * 1. live + opening + closing <= allowed, and allowed == limit unless the limit was lowered.
 * 2. A pool with an idle server is in idle_pools of its shared scopes (some without one are too;
 *    they are dropped when met, so that lending and giving back touch no list).
 * 3. A scope is in core->dirty only within core_apply and core_tick.
 * Test: tests/unit/core/test_scope.c.
 */
#include "core/core_internal.h"

#include <string.h>

/* ---- life ------------------------------------------------------------------------------------ */

void core_scope_init(struct core_scope *scope, enum core_scope_kind kind, uint32_t limit)
{
    struct base_slot slot = scope->slot;
    memset(scope, 0, sizeof(*scope));
    scope->slot = slot;
    scope->kind = kind;
    scope->limit = scope->allowed = limit;
    scope->ceiling = scope->window = CORE_NO_LIMIT;
    scope->timer.kind = CORE_TIMER_SCOPE;
    base_list_init(&scope->idle_pools);
    base_list_init(&scope->dirty);
}

int core_scope_open(struct core *core, struct core_event *event)
{
    if (event->scope_kind < CORE_SCOPE_DATABASE || event->scope_kind > CORE_SCOPE_UPSTREAM)
        return BASE_EINVALID;
    struct core_scope *scope = base_slab_take(&core->scopes);
    if (scope == NULL)
        return BASE_ECAPACITY;
    core_scope_init(scope, event->scope_kind, event->limit);
    event->scope = (struct core_scope_id){scope->slot.idx, scope->slot.gen};
    return 0;
}

int core_scope_close(struct core *core, struct core_scope *scope)
{
    if (scope->pools > 0)
        return BASE_ESTATE;
    INVARIANT(core_scope_count(scope) == 0 && base_pairing_is_empty(&scope->parked));
    INVARIANT(base_list_is_empty(&scope->idle_pools));
    base_list_remove(&scope->dirty);
    core_timer_set(core, &scope->timer, BASE_NEVER);
    base_slab_release(&core->scopes, scope);
    return 0;
}

/* ---- counts ---------------------------------------------------------------------------------- */

uint32_t core_scope_count(const struct core_scope *scope)
{
    return scope->live + scope->opening + scope->closing;
}

bool core_scope_is_over(const struct core_scope *scope)
{
    return scope->live + scope->opening > scope->limit;
}

void core_scope_set_limit(struct core_scope *scope, uint32_t limit)
{
    uint32_t count = core_scope_count(scope);
    scope->limit = limit;
    scope->allowed = limit > count ? limit : count;
}

int core_scope_limit(struct core *core, struct core_scope *scope, uint32_t limit)
{
    core_scope_set_limit(scope, limit);
    while (core_scope_is_over(scope) && core_scope_close_idle(core, scope, CORE_CLOSE_SURPLUS))
        ;
    core_scope_mark(core, scope);
    return 0;
}

void core_scope_mark(struct core *core, struct core_scope *scope)
{
    if (!base_pairing_is_empty(&scope->parked) && base_list_is_empty(&scope->dirty))
        base_list_push_back(&core->dirty, &scope->dirty);
}

/* The counter that a state belongs to; NULL for none. */
static uint32_t *counter(struct core_scope *scope, enum core_server_state state)
{
    switch (state) {
    case CORE_SERVER_FREE:
        return NULL;
    case CORE_SERVER_OPENING:
        return &scope->opening;
    case CORE_SERVER_CLOSING:
        return &scope->closing;
    case CORE_SERVER_IDLE:
    case CORE_SERVER_CHECKING:
    case CORE_SERVER_LEASED:
    case CORE_SERVER_RESETTING:
    case CORE_SERVER_DETACHED:
        return &scope->live;
    }
    return NULL;
}

static void move_in(struct core_scope *scope, enum core_server_state from,
                    enum core_server_state to)
{
    INVARIANT(scope != NULL);
    uint32_t *source = counter(scope, from), *target = counter(scope, to);
    if (source != NULL) {
        INVARIANT(*source > 0);
        --*source;
    }
    if (target != NULL)
        ++*target;
    uint32_t count = core_scope_count(scope);
    INVARIANT(count <= scope->allowed);
    if (scope->allowed > scope->limit)
        scope->allowed = count > scope->limit ? count : scope->limit;
}

void core_scope_move(struct core *core, struct core_pool *pool, enum core_server_state from,
                     enum core_server_state to)
{
    bool may_open = from == CORE_SERVER_OPENING || to == CORE_SERVER_FREE;
    for (int i = 0; i < CORE_NESTING; i++) {
        move_in(pool->scopes[i], from, to);
        if (may_open)
            core_scope_mark(core, pool->scopes[i]);
    }
}

/* ---- making room ----------------------------------------------------------------------------- */

void core_scope_list_idle(struct core_pool *pool)
{
    if (pool->is_idle_listed)
        return;
    pool->is_idle_listed = true;
    for (int i = CORE_SCOPE_DATABASE; i < CORE_NESTING; i++)
        base_list_push_back(&pool->scopes[i]->idle_pools, &pool->idle_link[i]);
}

void core_scope_unlist_idle(struct core_pool *pool)
{
    pool->is_idle_listed = false;
    for (int i = CORE_SCOPE_DATABASE; i < CORE_NESTING; i++)
        base_list_remove(&pool->idle_link[i]);
}

/* Which of the pool's scopes this is; it must be one of them. */
static int nesting_of(const struct core *core, const struct core_scope *scope)
{
    return scope == &core->root ? (int)CORE_SCOPE_ROOT : (int)scope->kind;
}

/* The server of the scope that has been idle longest; NULL when none is. */
static struct core_server *oldest_idle(struct core *core, struct core_scope *scope)
{
    int nesting = nesting_of(core, scope);
    struct core_server *oldest = NULL;
    base_list_each_safe(link, &scope->idle_pools)
    {
        struct core_pool *pool = base_list_entry(link - nesting, struct core_pool, idle_link);
        struct core_server *server = core_pool_oldest_idle(pool);
        if (server == NULL)
            core_scope_unlist_idle(pool);
        else if (oldest == NULL || server->since < oldest->since)
            oldest = server;
    }
    return oldest;
}

bool core_scope_close_idle(struct core *core, struct core_scope *scope,
                           enum core_close_reason reason)
{
    struct core_server *server = oldest_idle(core, scope);
    if (server == NULL)
        return false;
    core_server_close(core, server, reason);
    return true;
}

uint32_t core_scope_short_of(const struct core_scope *scope, uint32_t count)
{
    uint32_t bound = scope->limit < scope->ceiling ? scope->limit : scope->ceiling;
    uint32_t stays = scope->live + scope->opening;
    uint32_t room = bound > stays ? bound - stays : 0;
    return count > room ? count - room : 0;
}

void core_scope_make_room(struct core *core, struct core_scope *scope, uint32_t count)
{
    if (core_backoff_gate(core, scope, true) == CORE_GATE_WAIT)
        return; /* a free slot could not be used now */
    uint32_t bound = scope->limit < scope->ceiling ? scope->limit : scope->ceiling;
    /* In an outage the room is for the prober alone. */
    uint32_t most = scope->is_out && bound > 1 ? 1 : bound;
    count = count < most ? count : most;
    while (core_scope_short_of(scope, count) > 0 &&
           core_scope_close_idle(core, scope, CORE_CLOSE_MAKE_ROOM))
        ;
}

void core_scope_offer_idle(struct core *core, struct core_pool *pool)
{
    if (core->parked == 0)
        return;
    for (int i = CORE_SCOPE_DATABASE; i < CORE_NESTING; i++)
        if (pool->scopes[i]->unmet > 0)
            core_scope_make_room(core, pool->scopes[i], pool->scopes[i]->unmet);
}

bool core_scope_is_starving(struct core *core, struct core_pool *pool)
{
    if (core->parked == 0)
        return false;
    const struct core_claim *mine = core_claim_oldest(pool);
    for (int i = CORE_SCOPE_DATABASE; i < CORE_NESTING; i++) {
        struct core_scope *scope = pool->scopes[i];
        if (scope->unmet == 0 || core_scope_short_of(scope, scope->unmet) == 0)
            continue;
        struct core_pool *other = core_connect_first_parked(scope);
        const struct core_claim *theirs = core_claim_unserved(other);
        if (other != pool && other->unmet > 0 && theirs != NULL &&
            base_time_since(mine->since, theirs->since) >= CORE_STARVING_AFTER)
            return true;
    }
    return false;
}
