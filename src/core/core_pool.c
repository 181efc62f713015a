/* core_pool.c - pools: their life, pause, limits, and serving waiters from idle servers.
 *
 *   POOL_OPEN -> open -- POOL_CLOSE --> closed (id stale) -- last server gone --> free
 *                  ^ |
 *           RESUME | | PAUSE
 *                  | v
 *                 paused: claims queue, nothing is lent, nothing connects
 *
 * Invariants
 * 1. An open, unpaused pool with idle servers has no more waiters than checks in flight.
 * 2. A paused or closed pool has no idle server and is parked nowhere.
 * 3. in_state[] sums up to servers; a closed pool is freed with its last server.
 *
 * What connects are started is decided in core_connect.c.
 * Test: tests/unit/core/test_pool.c.
 */
#include "core/core_internal.h"

#include <string.h>

/* ---- counts ---------------------------------------------------------------------------------- */

uint32_t core_pool_lendable(const struct core_pool *pool)
{
    return pool->in_state[CORE_SERVER_IDLE] + pool->in_state[CORE_SERVER_LEASED] +
           pool->in_state[CORE_SERVER_CHECKING] + pool->in_state[CORE_SERVER_RESETTING];
}

uint32_t core_pool_kept(const struct core_pool *pool)
{
    return core_pool_lendable(pool) + pool->in_state[CORE_SERVER_OPENING];
}

static uint32_t add_limits(uint32_t a, uint32_t b)
{
    return b > CORE_NO_LIMIT - a ? CORE_NO_LIMIT : a + b;
}

uint32_t core_pool_base_limit(const struct core_pool_settings *settings)
{
    return add_limits(settings->size, settings->overflow);
}

uint32_t core_pool_full_limit(const struct core_pool_settings *settings)
{
    return add_limits(core_pool_base_limit(settings), settings->reserve);
}

/* ---- idle servers ---------------------------------------------------------------------------- */

static struct core_server *idle_entry(const struct core_pool *pool, struct base_list *link)
{
    return link == &pool->idle ? NULL : base_list_entry(link, struct core_server, link);
}

struct core_server *core_pool_next_idle(const struct core_pool *pool)
{
    return idle_entry(pool, pool->settings.use_fifo ? pool->idle.prev : pool->idle.next);
}

struct core_server *core_pool_oldest_idle(const struct core_pool *pool)
{
    return idle_entry(pool, pool->idle.prev);
}

static void close_all_idle(struct core *core, struct core_pool *pool, enum core_close_reason reason)
{
    struct core_server *server;
    while ((server = core_pool_oldest_idle(pool)) != NULL)
        core_server_close(core, server, reason);
}

/* Lends to the first waiter, or checks for it, the next idle server. False when that is all. */
static bool serve_one(struct core *core, struct core_pool *pool)
{
    struct core_server *server = core_pool_next_idle(pool);
    enum core_close_reason reason;
    if (server == NULL || pool->waiting == 0)
        return false;
    if (core_server_is_unfit(core, server, &reason)) {
        core_server_close(core, server, reason);
        return true;
    }
    if (!core_server_needs_check(core, server))
        return core_claim_grant_next(core, pool, server);
    if (pool->in_state[CORE_SERVER_CHECKING] >= pool->waiting)
        return false;
    core_server_check(core, server);
    return true;
}

void core_pool_serve(struct core *core, struct core_pool *pool)
{
    if (pool->is_closed || pool->is_paused)
        return;
    while (serve_one(core, pool))
        ;
    core_connect_start(core, pool);
}

/* ---- life ------------------------------------------------------------------------------------ */

static bool are_settings_valid(const struct core_pool_settings *settings)
{
    return settings != NULL && settings->max_connecting >= 1;
}

/* The scope named, when it is of this kind. */
static int find_scope(const struct core *core, struct core_scope_id id, enum core_scope_kind kind,
                      struct core_scope **ret_scope)
{
    struct core_scope *scope = base_slab_find(&core->scopes, id.idx, id.gen);
    if (scope == NULL)
        return BASE_ESTALE;
    if (scope->kind != kind)
        return BASE_EINVALID;
    *ret_scope = scope;
    return 0;
}

static void init(struct core *core, struct core_pool *pool, const struct core_event *event)
{
    struct base_slot slot = pool->slot;
    memset(pool, 0, sizeof(*pool));
    pool->slot = slot;
    pool->tag = event->tag;
    pool->settings = *event->settings;
    core_scope_init(&pool->own, CORE_SCOPE_POOL, core_pool_full_limit(event->settings));
    pool->own.pools = 1;
    pool->scopes[CORE_SCOPE_POOL] = &pool->own;
    pool->scopes[CORE_SCOPE_ROOT] = &core->root;
    pool->timer.kind = CORE_TIMER_POOL;
    base_list_init(&pool->idle);
    base_list_init(&pool->leased);
    for (int i = 0; i < CORE_LANES; i++)
        base_list_init(&pool->lanes[i]);
    for (int i = 0; i < CORE_NESTING; i++)
        base_list_init(&pool->idle_link[i]);
}

int core_pool_open(struct core *core, struct core_event *event)
{
    if (!are_settings_valid(event->settings))
        return BASE_EINVALID;
    const struct core_scope_id ids[] = {event->database, event->user, event->upstream};
    struct core_scope *scopes[CORE_SCOPE_UPSTREAM];
    for (int i = 0; i < CORE_SCOPE_UPSTREAM; i++) {
        int status = find_scope(core, ids[i], CORE_SCOPE_DATABASE + (unsigned)i, &scopes[i]);
        if (status != 0)
            return status;
    }
    struct core_pool *pool = base_slab_take(&core->pools);
    if (pool == NULL)
        return BASE_ECAPACITY;
    init(core, pool, event);
    for (int i = 0; i < CORE_SCOPE_UPSTREAM; i++) {
        pool->scopes[CORE_SCOPE_DATABASE + i] = scopes[i];
        scopes[i]->pools++;
    }
    event->pool = (struct core_pool_id){pool->slot.idx, pool->slot.gen};
    return 0;
}

void core_pool_release(struct core *core, struct core_pool *pool)
{
    INVARIANT(pool->is_closed && pool->servers == 0 && pool->waiting == 0);
    INVARIANT(pool->parked_at == NULL && core_scope_count(&pool->own) == 0);
    core_scope_unlist_idle(pool);
    base_list_remove(&pool->own.dirty);
    core_timer_set(core, &pool->own.timer, BASE_NEVER);
    core_timer_set(core, &pool->timer, BASE_NEVER);
    for (int i = CORE_SCOPE_DATABASE; i <= CORE_SCOPE_UPSTREAM; i++) {
        INVARIANT(pool->scopes[i]->pools > 0);
        pool->scopes[i]->pools--;
    }
    base_slab_release(&core->pools, pool);
}

int core_pool_close(struct core *core, struct core_pool *pool)
{
    core_claim_refuse_all(core, pool, BASE_ECLOSED);
    core_connect_leave(core, pool);
    close_all_idle(core, pool, CORE_CLOSE_POOL);
    pool->is_closed = true;
    core_timer_set(core, &pool->timer, BASE_NEVER);
    if (pool->servers == 0)
        core_pool_release(core, pool);
    return 0;
}

/* ---- events ---------------------------------------------------------------------------------- */

int core_pool_limits(struct core *core, struct core_pool *pool,
                     const struct core_pool_settings *settings)
{
    if (!are_settings_valid(settings))
        return BASE_EINVALID;
    pool->settings = *settings;
    pool->is_used = pool->is_used || settings->min_before_use;
    core_scope_set_limit(&pool->own, core_pool_full_limit(settings));
    struct core_server *server;
    while ((server = core_pool_oldest_idle(pool)) != NULL &&
           core_pool_lendable(pool) + pool->in_state[CORE_SERVER_DETACHED] > settings->size)
        core_server_close(core, server, CORE_CLOSE_SURPLUS);
    base_list_each(link, &pool->idle)
        core_server_arm(core, base_list_entry(link, struct core_server, link));
    core_pool_serve(core, pool);
    return 0;
}

void core_pool_pause(struct core *core, struct core_pool *pool)
{
    pool->is_paused = true;
    core_connect_leave(core, pool);
    close_all_idle(core, pool, CORE_CLOSE_PAUSED);
}

void core_pool_resume(struct core *core, struct core_pool *pool)
{
    pool->is_paused = false;
    core_pool_serve(core, pool);
}

void core_pool_invalidate(struct core *core, struct core_pool *pool)
{
    pool->generation++;
    close_all_idle(core, pool, CORE_CLOSE_INVALID);
    core_pool_serve(core, pool);
}
