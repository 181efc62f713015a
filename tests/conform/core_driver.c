/* core_driver.c - the conformance suite on the pure core: the host, the upstream and the clock are
 * variables of this file, so that every run is the same to the nanosecond.
 *
 * A server's life as the host sees it; what ends a state is in the heap of plans:
 *   GONE -> CONNECTING -> RESTS <-> HELD | CHECKING | RESETTING,  RESTS -> CLOSING -> GONE
 *   HELD -> APART (detached) -> GONE
 * The host counts for itself; as long as the pool is open its counts have to be the core's.
 */
#include "driver.h"

#include <stdlib.h>

#include "base/heap.h"
#include "core/core.h"

#define SERVERS    1024
#define ROUND_TRIP (1 * BASE_MS) /* a check, a reset, a close, a refusal */

enum state { GONE, CONNECTING, RESTS, HELD, CHECKING, RESETTING, CLOSING, APART, STATES };

struct server {
    struct base_heap_node plan;
    struct core_server_id id;
    enum state state;
    bool hangs;     /* its connect is never answered */
    bool is_linked; /* the upstream counts it */
    bool is_dead;   /* the upstream ended it and the holder has not noticed */
};

struct pool {
    struct rig *rig;
    void *memory;
    struct core *core;
    struct core_pool_id id;
    bool is_open;
    base_time now, connect_timeout;
    struct rig_upstream upstream;
    struct base_heap plans;
    struct base_heap_entry entries[SERVERS];
    struct server servers[SERVERS];
    uint32_t in_state[STATES];
    struct core_claim_id claims[RIG_TAKERS];
    struct core_server_id held[RIG_TAKERS];
    struct rig_counts counts;
};

/* ---- servers --------------------------------------------------------------------------------- */

static uint64_t name_of(struct core_server_id id)
{
    return (uint64_t)id.gen << 32 | id.idx;
}

static void move(struct pool *pool, struct server *server, enum state state)
{
    pool->in_state[server->state]--;
    server->state = state;
    pool->in_state[state]++;
    base_heap_remove(&pool->plans, &server->plan);
    uint32_t existing = SERVERS - pool->in_state[GONE];
    pool->counts.peak = existing > pool->counts.peak ? existing : pool->counts.peak;
}

static void plan(struct pool *pool, struct server *server, enum state state, base_time span)
{
    move(pool, server, state);
    base_heap_set(&pool->plans, &server->plan, pool->now + span);
}

static void link_up(struct pool *pool, struct server *server, bool is_linked)
{
    pool->counts.connected += (uint32_t)is_linked - (uint32_t)server->is_linked;
    server->is_linked = is_linked;
}

static struct server *server_of(struct pool *pool, struct core_server_id id)
{
    assert_in_range(id.idx, 0, SERVERS - 1);
    struct server *server = &pool->servers[id.idx];
    assert_true(server->state != GONE && server->id.gen == id.gen);
    return server;
}

/* ---- effects --------------------------------------------------------------------------------- */

static int apply(struct pool *pool, struct core_event event);

static void on_open(struct pool *pool, struct core_server_id id)
{
    struct server *server = &pool->servers[id.idx];
    assert_true(id.idx < SERVERS && server->state == GONE);
    *server = (struct server){.id = id, .hangs = pool->upstream.mode == RIG_HANGING};
    bool is_silent = pool->upstream.mode == RIG_DOWN;
    base_time span = is_silent ? ROUND_TRIP : pool->upstream.connect_span;
    plan(pool, server, CONNECTING, server->hangs ? pool->connect_timeout : span);
    pool->counts.attempts++;
}

static void on_grant(struct pool *pool, const struct core_effect *effect)
{
    struct server *server = server_of(pool, effect->server);
    assert_int_equal(server->state, RESTS);
    assert_true(server->is_linked && !server->is_dead);
    int taker = (int)effect->tag;
    if (pool->upstream.lend_hook_fails) {
        rig_refused(pool->rig, taker, RIG_HOOK_ERROR, RIG_NO_CAUSE);
        assert_int_equal(apply(pool, (struct core_event){.kind = CORE_EVENT_GIVE,
                                                         .server = effect->server,
                                                         .give = CORE_GIVE_BROKEN}),
                         0);
        return;
    }
    move(pool, server, HELD);
    pool->held[taker] = effect->server;
    rig_served(pool->rig, taker, name_of(effect->server));
}

static enum rig_answer answer_for(const struct pool *pool, int status)
{
    switch (status) {
    case BASE_ETIMEDOUT:
        return RIG_TIMED_OUT;
    case BASE_EUPSTREAMAUTH:
        return pool->upstream.connect_hook_fails ? RIG_HOOK_ERROR : RIG_DENIED;
    case BASE_ECLOSED:
        return RIG_CLOSED;
    default:
        return RIG_REFUSED;
    }
}

/* What a host would write into the error of a take that waited too long. */
static enum rig_cause cause_now(const struct pool *pool)
{
    struct core_pool_stats stats;
    if (core_pool_stats(pool->core, pool->now, pool->id, &stats) != 0)
        return RIG_NO_CAUSE;
    if (stats.last_failure != 0)
        return RIG_UPSTREAM_SAID_NO;
    return stats.opening > 0 ? RIG_STILL_CONNECTING : RIG_ALL_HELD;
}

/* The host begins what the core asks for a server at rest. */
static void on_task(struct pool *pool, struct core_server_id id, enum state state)
{
    struct server *server = server_of(pool, id);
    assert_int_equal(server->state, RESTS);
    bool hangs = pool->upstream.mode == RIG_HANGING && state != CLOSING;
    plan(pool, server, state, hangs ? pool->connect_timeout : ROUND_TRIP);
    server->hangs = hangs;
}

static void on_effect(struct pool *pool, const struct core_effect *effect)
{
    switch (effect->kind) {
    case CORE_EFFECT_OPEN:
        on_open(pool, effect->server);
        break;
    case CORE_EFFECT_GRANT:
        on_grant(pool, effect);
        break;
    case CORE_EFFECT_REFUSE:
        rig_refused(pool->rig, (int)effect->tag, answer_for(pool, effect->status),
                    effect->status == BASE_ETIMEDOUT ? cause_now(pool) : RIG_NO_CAUSE);
        break;
    case CORE_EFFECT_NOTIFY:
        break;
    case CORE_EFFECT_CHECK:
        on_task(pool, effect->server, CHECKING);
        pool->counts.checks++;
        break;
    case CORE_EFFECT_RESET:
        on_task(pool, effect->server, RESETTING);
        pool->counts.resets++;
        break;
    case CORE_EFFECT_CLOSE:
        on_task(pool, effect->server, CLOSING);
        pool->counts.closes++;
        break;
    }
}

static void drain(struct pool *pool)
{
    struct core_effect effect;
    while (core_effect(pool->core, &effect))
        on_effect(pool, &effect);
    core_check(pool->core);
}

static int apply(struct pool *pool, struct core_event event)
{
    int status = core_apply(pool->core, pool->now, &event);
    drain(pool);
    return status;
}

static void apply_well(struct pool *pool, struct core_event event)
{
    assert_int_equal(apply(pool, event), 0);
}

/* ---- the upstream's answers ------------------------------------------------------------------ */

static bool accepts(const struct pool *pool, const struct server *server,
                    enum core_failure *ret_failure)
{
    if (server->hangs)
        *ret_failure = CORE_FAILURE_TIMEOUT;
    else if (pool->upstream.mode == RIG_DOWN)
        *ret_failure = CORE_FAILURE_REFUSED;
    else if (pool->upstream.mode == RIG_STARTING)
        *ret_failure = CORE_FAILURE_STARTING;
    else if (pool->upstream.mode == RIG_DENYING || pool->upstream.connect_hook_fails)
        *ret_failure = CORE_FAILURE_AUTH;
    else if (pool->counts.connected >= pool->upstream.capacity)
        *ret_failure = CORE_FAILURE_FULL;
    else
        return true;
    return false;
}

static void finish_connect(struct pool *pool, struct server *server)
{
    struct core_event event = {
        .kind = CORE_EVENT_OPENED, .server = server->id, .scope_kind = CORE_SCOPE_UPSTREAM};
    if (accepts(pool, server, &event.failure)) {
        link_up(pool, server, true);
        move(pool, server, RESTS);
    } else {
        event.kind = CORE_EVENT_OPEN_FAILED;
        move(pool, server, GONE);
        pool->counts.failures++;
    }
    apply_well(pool, event);
}

static void end(struct pool *pool, struct server *server, enum core_event_kind kind)
{
    link_up(pool, server, false);
    move(pool, server, GONE);
    apply_well(pool, (struct core_event){.kind = kind, .server = server->id});
}

static void advance(struct pool *pool, struct server *server)
{
    struct core_event event = {.server = server->id, .ok = !server->hangs};
    switch (server->state) {
    case CONNECTING:
        finish_connect(pool, server);
        break;
    case CHECKING:
    case RESETTING:
        event.kind = server->state == CHECKING ? CORE_EVENT_CHECKED : CORE_EVENT_RESET_DONE;
        move(pool, server, RESTS);
        apply_well(pool, event);
        break;
    case CLOSING:
        end(pool, server, CORE_EVENT_CLOSED);
        break;
    case GONE:
    case RESTS:
    case HELD:
    case APART:
    case STATES:
        fail_msg("a server without a plan has one");
    }
}

/* ---- the driver: a pool ---------------------------------------------------------------------- */

static struct core_scope_id open_scope(struct pool *pool, enum core_scope_kind kind)
{
    struct core_event event = {
        .kind = CORE_EVENT_SCOPE_OPEN, .scope_kind = kind, .limit = CORE_NO_LIMIT};
    assert_int_equal(core_apply(pool->core, pool->now, &event), 0);
    return event.scope;
}

static void *driver_open(struct rig *rig, const struct rig_settings *settings)
{
    struct core_caps caps = {.scopes = 3, .pools = 1, .servers = SERVERS, .claims = RIG_TAKERS};
    struct pool *pool = calloc(1, sizeof(*pool));
    assert_non_null(pool);
    pool->rig = rig;
    pool->now = 1000 * BASE_SECOND;
    pool->connect_timeout = settings->connect_timeout;
    pool->in_state[GONE] = SERVERS;
    base_heap_init(&pool->plans, pool->entries, SERVERS);
    pool->memory = calloc(1, core_bytes(&caps));
    assert_non_null(pool->memory);
    assert_int_equal(core_init(pool->memory, &caps, 1, &pool->core), 0);
    struct core_pool_settings given = {
        .size = settings->size,
        .overflow = settings->overflow,
        .min_size = settings->min_size,
        .max_waiting = CORE_NO_LIMIT,
        .max_connecting = settings->max_connecting,
        .reserve_after = BASE_NEVER,
        .lifetime = settings->recycle,
        .check_after = settings->check_after,
        .reset_on_give = !settings->is_reset_off,
        .use_fifo = settings->use_fifo,
    };
    struct core_event event = {.kind = CORE_EVENT_POOL_OPEN,
                               .settings = &given,
                               .database = open_scope(pool, CORE_SCOPE_DATABASE),
                               .user = open_scope(pool, CORE_SCOPE_USER),
                               .upstream = open_scope(pool, CORE_SCOPE_UPSTREAM)};
    assert_int_equal(core_apply(pool->core, pool->now, &event), 0);
    pool->id = event.pool;
    pool->is_open = true;
    return pool;
}

static void driver_close(void *context)
{
    struct pool *pool = context;
    pool->is_open = false;
    apply_well(pool, (struct core_event){.kind = CORE_EVENT_POOL_CLOSE, .pool = pool->id});
}

static void driver_free(void *context)
{
    struct pool *pool = context;
    free(pool->memory);
    free(pool);
}

static void compare_counts(const struct pool *pool, const struct rig_counts *counts)
{
    struct core_pool_stats stats;
    assert_int_equal(core_pool_stats(pool->core, pool->now, pool->id, &stats), 0);
    assert_int_equal(stats.idle, counts->idle);
    assert_int_equal(stats.leased + stats.detached, counts->out);
    assert_int_equal(stats.opening, counts->connecting);
    assert_int_equal(stats.checking + stats.resetting + stats.closing, counts->busy);
    assert_int_equal(stats.connects, counts->attempts);
    assert_int_equal(stats.connect_failures, counts->failures);
}

static void driver_count(void *context, struct rig_counts *ret_counts)
{
    struct pool *pool = context;
    const uint32_t *in_state = pool->in_state;
    *ret_counts = pool->counts;
    ret_counts->idle = in_state[RESTS];
    ret_counts->out = in_state[HELD] + in_state[APART];
    ret_counts->connecting = in_state[CONNECTING];
    ret_counts->busy = in_state[CHECKING] + in_state[RESETTING] + in_state[CLOSING];
    if (!pool->is_open)
        return;
    compare_counts(pool, ret_counts);
    struct core_pool_stats stats;
    assert_int_equal(core_pool_stats(pool->core, pool->now, pool->id, &stats), 0);
    ret_counts->waiting = stats.waiting;
}

/* ---- the driver: time ------------------------------------------------------------------------ */

static base_time driver_now(void *context)
{
    return ((struct pool *)context)->now;
}

static void driver_step(void *context, base_time until)
{
    struct pool *pool = context;
    base_time core_at = core_next_deadline(pool->core), plan_at = base_heap_next(&pool->plans);
    base_time at = core_at < plan_at ? core_at : plan_at;
    if (at > until) {
        pool->now = until;
        return;
    }
    pool->now = at > pool->now ? at : pool->now;
    if (core_at == at) {
        core_tick(pool->core, pool->now);
        drain(pool);
        return;
    }
    struct base_heap_node *node = base_heap_pop_due(&pool->plans, pool->now);
    advance(pool, (struct server *)(void *)node); /* its first member */
}

/* ---- the driver: takers ---------------------------------------------------------------------- */

static void driver_take(void *context, int taker, base_time deadline)
{
    struct pool *pool = context;
    struct core_event event = {
        .kind = CORE_EVENT_CLAIM, .pool = pool->id, .deadline = deadline, .tag = (uint64_t)taker};
    assert_int_equal(core_apply(pool->core, pool->now, &event), 0);
    pool->claims[taker] = event.claim;
    drain(pool);
}

static bool driver_cancel(void *context, int taker)
{
    struct pool *pool = context;
    apply_well(pool, (struct core_event){.kind = CORE_EVENT_CANCEL, .claim = pool->claims[taker]});
    return true;
}

static int driver_give(void *context, int taker, enum rig_give how)
{
    static const enum core_give gives[] = {
        [RIG_CLEAN] = CORE_GIVE_CLEAN,
        [RIG_DIRTY] = CORE_GIVE_DIRTY,
        [RIG_BROKEN] = CORE_GIVE_BROKEN,
    };
    struct pool *pool = context;
    struct core_event event = {
        .kind = CORE_EVENT_GIVE, .server = pool->held[taker], .give = gives[how]};
    struct server *server = &pool->servers[event.server.idx];
    if (server->state == HELD && server->id.gen == event.server.gen) {
        if (server->is_dead)
            event.give = CORE_GIVE_BROKEN;
        move(pool, server, RESTS);
    }
    return apply(pool, event);
}

static int driver_detach(void *context, int taker)
{
    struct pool *pool = context;
    move(pool, server_of(pool, pool->held[taker]), APART);
    return apply(pool, (struct core_event){.kind = CORE_EVENT_DETACH, .server = pool->held[taker]});
}

static int driver_forget(void *context, int taker)
{
    struct pool *pool = context;
    pool->counts.closes++;
    end(pool, server_of(pool, pool->held[taker]), CORE_EVENT_CLOSED);
    return 0;
}

static int driver_invalidate_held(void *context, int taker)
{
    struct pool *pool = context;
    return apply(pool, (struct core_event){.kind = CORE_EVENT_INVALIDATE_SERVER,
                                           .server = pool->held[taker]});
}

static void driver_invalidate_all(void *context)
{
    struct pool *pool = context;
    apply_well(pool, (struct core_event){.kind = CORE_EVENT_INVALIDATE, .pool = pool->id});
}

static void driver_retry(void *context)
{
    struct pool *pool = context;
    apply_well(pool, (struct core_event){.kind = CORE_EVENT_RETRY, .pool = pool->id});
}

/* ---- the driver: the upstream ---------------------------------------------------------------- */

static void driver_upstream(void *context, const struct rig_upstream *upstream)
{
    ((struct pool *)context)->upstream = *upstream;
}

/* A host sees the end of an idle connection at once, that of a lent one when it comes back. */
static void driver_kill(void *context, uint64_t name)
{
    struct pool *pool = context;
    struct core_server_id id = {(uint32_t)name, (uint32_t)(name >> 32)};
    struct server *server = server_of(pool, id);
    if (server->state == HELD) {
        link_up(pool, server, false);
        server->is_dead = true;
        return;
    }
    assert_int_equal(server->state, RESTS);
    end(pool, server, CORE_EVENT_LOST);
}

static void driver_restart(void *context)
{
    struct pool *pool = context;
    for (uint32_t i = 0; i < SERVERS; i++) {
        const struct server *server = &pool->servers[i];
        if (server->is_linked)
            driver_kill(pool, name_of(server->id));
    }
}

const struct driver conform_driver = {
    .is_virtual = true,
    .is_fast = true,
    .sees_tasks = true,
    .open = driver_open,
    .close = driver_close,
    .free = driver_free,
    .now = driver_now,
    .step = driver_step,
    .take = driver_take,
    .cancel = driver_cancel,
    .give = driver_give,
    .detach = driver_detach,
    .forget = driver_forget,
    .invalidate_held = driver_invalidate_held,
    .invalidate_all = driver_invalidate_all,
    .retry = driver_retry,
    .count = driver_count,
    .upstream = driver_upstream,
    .kill = driver_kill,
    .restart = driver_restart,
};
