/* core.c - the pool's state machine: its memory, the two ways in, and settling.
 *
 * An event is applied in two steps. First the object it names changes, and its pool is served as
 * far as it goes by itself. Whatever slot came free on the way marks its scopes; then, in settle(),
 * the pools parked at a marked scope try in the order in which their claims arrived. So one event
 * never leaves a free slot beside a claim that may use it.
 *
 * Memory: one block, laid out once, all zero. Slabs and the heap hand out from the bottom, so what
 * is not used is never touched.
 *
 * It does not read a clock, allocate, log or call back.
 * Test: tests/unit/core/.
 */
#include "core/core_internal.h"

/* ---- memory ---------------------------------------------------------------------------------- */

#define ALIGNMENT       64         /* a cache line */
#define CAPACITY_MAX    (1u << 28) /* of anything: keeps every index and sum within 32 bits */
#define EFFECTS_AT_REST 64

enum part {
    PART_CORE,
    PART_SCOPES,
    PART_POOLS,
    PART_SERVERS,
    PART_CLAIMS,
    PART_TIMERS,
    PART_EFFECTS,
    PARTS
};

static uint64_t timer_count(const struct core_caps *caps)
{
    /* A pool has a timer and its own scope another one. */
    return (uint64_t)caps->scopes + 2 * (uint64_t)caps->pools + caps->servers + caps->claims;
}

static uint64_t effect_count(const struct core_caps *caps)
{
    return 2 * (2 * (uint64_t)caps->claims + 4 * (uint64_t)caps->servers) + EFFECTS_AT_REST;
}

/* Where each part begins; the last entry is the end. False when a capacity is 0 or too large. */
static bool lay_out(const struct core_caps *caps, size_t ret_begin[PARTS + 1])
{
    uint64_t capacities[] = {caps->scopes, caps->pools, caps->servers, caps->claims};
    for (int i = 0; i < 4; i++)
        if (capacities[i] == 0 || capacities[i] > CAPACITY_MAX)
            return false;
    uint64_t bytes[PARTS] = {
        [PART_CORE] = sizeof(struct core),
        [PART_SCOPES] = caps->scopes * (uint64_t)sizeof(struct core_scope),
        [PART_POOLS] = caps->pools * (uint64_t)sizeof(struct core_pool),
        [PART_SERVERS] = caps->servers * (uint64_t)sizeof(struct core_server),
        [PART_CLAIMS] = caps->claims * (uint64_t)sizeof(struct core_claim),
        [PART_TIMERS] = timer_count(caps) * sizeof(struct base_heap_entry),
        [PART_EFFECTS] = effect_count(caps) * sizeof(struct core_effect),
    };
    uint64_t at = 0;
    for (int i = 0; i < PARTS; i++) {
        ret_begin[i] = (size_t)at;
        at += (bytes[i] + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        if (at > SIZE_MAX / 2)
            return false;
    }
    ret_begin[PARTS] = (size_t)at;
    return true;
}

size_t core_bytes(const struct core_caps *caps)
{
    size_t begin[PARTS + 1];
    return lay_out(caps, begin) ? begin[PARTS] : 0;
}

int core_init(void *memory, const struct core_caps *caps, uint64_t seed, struct core **ret_core)
{
    size_t begin[PARTS + 1];
    if (memory == NULL || !lay_out(caps, begin))
        return BASE_EINVALID;
    char *at = memory;
    struct core *core = memory;
    core->caps = *caps;
    base_random_init(&core->random, seed);
    base_slab_init(&core->scopes, at + begin[PART_SCOPES], sizeof(struct core_scope), caps->scopes);
    base_slab_init(&core->pools, at + begin[PART_POOLS], sizeof(struct core_pool), caps->pools);
    base_slab_init(&core->servers, at + begin[PART_SERVERS], sizeof(struct core_server),
                   caps->servers);
    base_slab_init(&core->claims, at + begin[PART_CLAIMS], sizeof(struct core_claim), caps->claims);
    base_heap_init(&core->timers, (struct base_heap_entry *)(void *)(at + begin[PART_TIMERS]),
                   (uint32_t)timer_count(caps));
    core->effects = (struct core_effect *)(void *)(at + begin[PART_EFFECTS]);
    core->effect_capacity = (uint32_t)effect_count(caps);
    core_scope_init(&core->root, CORE_SCOPE_UPSTREAM, caps->servers);
    base_list_init(&core->dirty);
    *ret_core = core;
    return 0;
}

/* ---- names ----------------------------------------------------------------------------------- */

static struct core_scope *find_scope(const struct core *core, struct core_scope_id id)
{
    return base_slab_find(&core->scopes, id.idx, id.gen);
}

static struct core_pool *find_pool(const struct core *core, struct core_pool_id id)
{
    struct core_pool *pool = base_slab_find(&core->pools, id.idx, id.gen);
    return pool != NULL && !pool->is_closed ? pool : NULL;
}

static struct core_server *find_server(const struct core *core, struct core_server_id id)
{
    return base_slab_find(&core->servers, id.idx, id.gen);
}

static struct core_claim *find_claim(const struct core *core, struct core_claim_id id)
{
    return base_slab_find(&core->claims, id.idx, id.gen);
}

static bool is_all_pools(struct core_pool_id id)
{
    return id.idx == 0 && id.gen == 0;
}

/* ---- timers ---------------------------------------------------------------------------------- */

void core_timer_set(struct core *core, struct core_timer *timer, base_time at)
{
    if (at == BASE_NEVER)
        base_heap_remove(&core->timers, &timer->node);
    else
        base_heap_set(&core->timers, &timer->node, at);
}

void core_timer_hasten(struct core *core, struct core_timer *timer, base_time at)
{
    if (at == BASE_NEVER)
        return;
    if (!base_heap_has(&timer->node) || base_heap_deadline(&core->timers, &timer->node) > at)
        base_heap_set(&core->timers, &timer->node, at);
}

static void fire(struct core *core, struct core_timer *timer)
{
    switch (timer->kind) {
    case CORE_TIMER_CLAIM:
        core_claim_timer(core, base_list_entry(timer, struct core_claim, timer));
        break;
    case CORE_TIMER_SERVER:
        core_server_timer(core, base_list_entry(timer, struct core_server, timer));
        break;
    case CORE_TIMER_POOL:
        core_pool_serve(core, base_list_entry(timer, struct core_pool, timer));
        break;
    case CORE_TIMER_SCOPE:
        core_scope_mark(core, base_list_entry(timer, struct core_scope, timer));
        break;
    }
}

/* ---- the ways in ----------------------------------------------------------------------------- */

static void settle(struct core *core)
{
    while (!base_list_is_empty(&core->dirty)) {
        struct core_scope *scope = base_list_entry(core->dirty.next, struct core_scope, dirty);
        base_list_remove(&scope->dirty);
        core_connect_unpark(core, scope);
    }
}

void core_tick(struct core *core, base_time now)
{
    INVARIANT(now >= core->now);
    core->now = now;
    struct base_heap_node *node;
    while ((node = base_heap_pop_due(&core->timers, now)) != NULL) {
        fire(core, base_list_entry(node, struct core_timer, node));
        settle(core);
    }
}

base_time core_next_deadline(const struct core *core)
{
    return base_heap_next(&core->timers);
}

/* Runs `body` for the pool named, or for every open pool. */
static int each_pool(struct core *core, struct core_pool_id id,
                     void (*body)(struct core *, struct core_pool *))
{
    if (!is_all_pools(id)) {
        struct core_pool *pool = find_pool(core, id);
        if (pool == NULL)
            return BASE_ESTALE;
        body(core, pool);
        return 0;
    }
    for (uint32_t i = 0; i < core->pools.high; i++) {
        struct core_pool *pool = base_slab_at(&core->pools, i);
        if (pool->slot.is_used && !pool->is_closed)
            body(core, pool);
    }
    return 0;
}

static void retry_pool(struct core *core, struct core_pool *pool)
{
    pool->auth_hold_until = pool->quiet_until = 0;
    for (int i = 0; i < CORE_SCOPE_ROOT; i++)
        core_backoff_forget(core, pool->scopes[i]);
    core_pool_serve(core, pool);
}

static int retry(struct core *core, const struct core_event *event)
{
    if (event->scope.gen == 0)
        return each_pool(core, event->pool, retry_pool);
    struct core_scope *scope = find_scope(core, event->scope);
    if (scope == NULL)
        return BASE_ESTALE;
    core_backoff_forget(core, scope);
    return 0;
}

static int apply_scope(struct core *core, struct core_event *event)
{
    if (event->kind == CORE_EVENT_SCOPE_OPEN)
        return core_scope_open(core, event);
    struct core_scope *scope = find_scope(core, event->scope);
    if (scope == NULL)
        return BASE_ESTALE;
    return event->kind == CORE_EVENT_SCOPE_LIMIT ? core_scope_limit(core, scope, event->limit)
                                                 : core_scope_close(core, scope);
}

static int apply_pool(struct core *core, struct core_event *event)
{
    struct core_pool *pool = find_pool(core, event->pool);
    if (pool == NULL)
        return BASE_ESTALE;
    if (event->kind == CORE_EVENT_CLAIM)
        return core_claim_apply(core, pool, event);
    return event->kind == CORE_EVENT_POOL_LIMITS ? core_pool_limits(core, pool, event->settings)
                                                 : core_pool_close(core, pool);
}

static int apply_server(struct core *core, const struct core_event *event)
{
    struct core_server *server = find_server(core, event->server);
    if (server == NULL)
        return BASE_ESTALE;
    switch ((int)event->kind) {
    case CORE_EVENT_GIVE:
        return core_server_give(core, server, event->give);
    case CORE_EVENT_DETACH:
        return core_server_detach(core, server);
    case CORE_EVENT_OPENED:
        return core_server_opened(core, server);
    case CORE_EVENT_OPEN_FAILED:
        return core_server_open_failed(core, server, event->failure, event->scope_kind);
    case CORE_EVENT_CHECKED:
        return core_server_checked(core, server, event->ok);
    case CORE_EVENT_RESET_DONE:
        return core_server_reset_done(core, server, event->ok);
    case CORE_EVENT_CLOSED:
        return core_server_closed(core, server);
    case CORE_EVENT_LOST:
        return core_server_lost(core, server);
    default:
        return core_server_invalidate(core, server);
    }
}

static int dispatch(struct core *core, struct core_event *event)
{
    switch (event->kind) {
    case CORE_EVENT_SCOPE_OPEN:
    case CORE_EVENT_SCOPE_LIMIT:
    case CORE_EVENT_SCOPE_CLOSE:
        return apply_scope(core, event);
    case CORE_EVENT_POOL_OPEN:
        return core_pool_open(core, event);
    case CORE_EVENT_POOL_LIMITS:
    case CORE_EVENT_POOL_CLOSE:
    case CORE_EVENT_CLAIM:
        return apply_pool(core, event);
    case CORE_EVENT_CANCEL: {
        struct core_claim *claim = find_claim(core, event->claim);
        return claim != NULL ? core_claim_cancel(core, claim) : BASE_ESTALE;
    }
    case CORE_EVENT_GIVE:
    case CORE_EVENT_DETACH:
    case CORE_EVENT_OPENED:
    case CORE_EVENT_OPEN_FAILED:
    case CORE_EVENT_CHECKED:
    case CORE_EVENT_RESET_DONE:
    case CORE_EVENT_CLOSED:
    case CORE_EVENT_LOST:
    case CORE_EVENT_INVALIDATE_SERVER:
        return apply_server(core, event);
    case CORE_EVENT_PAUSE:
        return each_pool(core, event->pool, core_pool_pause);
    case CORE_EVENT_RESUME:
        return each_pool(core, event->pool, core_pool_resume);
    case CORE_EVENT_INVALIDATE:
        return each_pool(core, event->pool, core_pool_invalidate);
    case CORE_EVENT_RETRY:
        return retry(core, event);
    }
    return BASE_EINVALID;
}

int core_apply(struct core *core, base_time now, struct core_event *event)
{
    INVARIANT(now >= core->now);
    core->now = now;
    int status = dispatch(core, event);
    settle(core);
    return status;
}
