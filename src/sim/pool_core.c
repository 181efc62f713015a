/* pool_core.c - a host of weir's core: libweir in a process, or the daemon.
 *
 * As in the real hosts, an event is applied and its effects are carried out in order; what they
 * lead to may apply further events, whose effects the loop already running carries out.
 */
#include "sim/world.h"

#include <stdlib.h>

#include "base/invariant.h"

#define CHECK_AFTER  (30 * BASE_SECOND)
#define NOTIFY_AFTER (5 * BASE_SECOND) /* query_wait_notify */

static void apply(struct world *w, struct pool *pool, struct core_event *event);

/* ---- effects --------------------------------------------------------------------------------- */

static struct conn *conn_of(struct pool *pool, struct core_server_id id)
{
    INVARIANT(id.idx < pool->capacity);
    return &pool->conns[id.idx];
}

static void on_open(struct world *w, struct pool *pool, const struct core_effect *effect)
{
    struct conn *conn = conn_of(pool, effect->server);
    if (conn->state != CONN_FREE)
        checker_violated(w, "a connection that exists was opened again");
    conn->id = effect->server;
    conn_connect(w, conn);
}

static void on_grant(struct world *w, struct pool *pool, const struct core_effect *effect)
{
    struct request *request = base_slab_at(&w->requests, (uint32_t)effect->tag);
    struct conn *conn = conn_of(pool, effect->server);
    checker_granted(w, request, conn);
    pool_dequeue(w, request);
    conn_lend(w, conn, request);
    request_granted(w, request, conn);
}

static enum sim_outcome outcome_of(int status)
{
    return status == BASE_ETIMEDOUT    ? SIM_TIMED_OUT
           : status == BASE_EQUEUEFULL ? SIM_QUEUE_FULL
           : status == BASE_ECLOSED    ? SIM_BROKEN
                                       : SIM_REFUSED;
}

static void on_refuse(struct world *w, const struct core_effect *effect)
{
    struct request *request = base_slab_at(&w->requests, (uint32_t)effect->tag);
    enum sim_outcome outcome = outcome_of(effect->status);
    checker_ended(w, request, outcome);
    pool_dequeue(w, request);
    request_refused(w, request, outcome);
}

static void begin_round_trip(struct world *w, struct conn *conn, enum conn_state state)
{
    conn_move(w, conn, state);
    world_plan(w, &conn->node, w->now + w->scenario->round_trip);
}

static void carry_out(struct world *w, struct pool *pool, const struct core_effect *effect)
{
    world_hash(w, effect->kind, (uint64_t)effect->server.idx << 32 | effect->tag);
    switch (effect->kind) {
    case CORE_EFFECT_OPEN:
        on_open(w, pool, effect);
        break;
    case CORE_EFFECT_GRANT:
        on_grant(w, pool, effect);
        break;
    case CORE_EFFECT_REFUSE:
        on_refuse(w, effect);
        break;
    case CORE_EFFECT_CHECK:
        begin_round_trip(w, conn_of(pool, effect->server), CONN_CHECKING);
        break;
    case CORE_EFFECT_RESET:
        begin_round_trip(w, conn_of(pool, effect->server), CONN_RESETTING);
        break;
    case CORE_EFFECT_CLOSE:
        conn_close(w, conn_of(pool, effect->server));
        break;
    case CORE_EFFECT_NOTIFY:
        break; /* for people */
    }
}

static void drain(struct world *w, struct pool *pool)
{
    struct core_effect effect;
    if (pool->is_draining)
        return;
    pool->is_draining = true;
    while (core_effect(pool->core, &effect))
        carry_out(w, pool, &effect);
    pool->is_draining = false;
    checker_settled(w, pool);
    base_time next = core_next_deadline(pool->core);
    if (next == BASE_NEVER)
        world_unplan(w, &pool->node);
    else if (!base_heap_has(&pool->node.heap) ||
             base_heap_deadline(&w->heap, &pool->node.heap) != next)
        world_plan(w, &pool->node, next);
}

static void apply(struct world *w, struct pool *pool, struct core_event *event)
{
    w->result->core_events++;
    int r = core_apply(pool->core, w->now, event);
    if (r != 0)
        checker_violated(w, "event %d: %s", (int)event->kind, base_status_info(r)->text);
    drain(w, pool);
}

/* ---- events ---------------------------------------------------------------------------------- */

void pool_core_claim(struct world *w, struct pool *pool, struct request *request)
{
    struct core_event event = {.kind = CORE_EVENT_CLAIM,
                               .pool = pool->id,
                               .deadline = request->deadline,
                               .tag = request->slot.idx};
    pool_enqueue(w, pool, request);
    w->result->core_events++;
    int r = pool->is_over ? BASE_ECLOSED : core_apply(pool->core, w->now, &event);
    if (r == 0) {
        drain(w, pool);
        return;
    }
    pool_dequeue(w, request);
    request_refused(w, request, pool->is_over ? SIM_BROKEN : SIM_QUEUE_FULL);
}

void pool_core_give(struct world *w, struct conn *conn, enum core_give give)
{
    struct core_event event = {.kind = CORE_EVENT_GIVE, .server = conn->id, .give = give};
    conn_move(w, conn, CONN_IDLE);
    apply(w, conn->pool, &event);
}

void pool_core_tell(struct world *w, struct conn *conn, enum core_event_kind kind)
{
    struct core_event event = {.kind = kind, .server = conn->id, .ok = true};
    apply(w, conn->pool, &event);
}

void pool_core_refused(struct world *w, struct conn *conn, enum core_failure failure,
                       enum core_scope_kind scope)
{
    struct core_event event = {.kind = CORE_EVENT_OPEN_FAILED,
                               .server = conn->id,
                               .failure = failure,
                               .scope_kind = scope};
    apply(w, conn->pool, &event);
}

void pool_core_tick(struct world *w, struct pool *pool)
{
    w->result->core_events++;
    core_tick(pool->core, w->now);
    drain(w, pool);
}

void pool_core_end(struct world *w, struct pool *pool)
{
    struct core_event event = {.kind = CORE_EVENT_POOL_CLOSE, .pool = pool->id};
    apply(w, pool, &event);
}

/* ---- beginning ------------------------------------------------------------------------------- */

/* The daemon's query_wait_notify; libweir has none. */
static base_time notify_after(const struct pool *pool)
{
    base_time half = pool->settings->timeout / 2;
    if (!pool->is_weir)
        return 0;
    return half < NOTIFY_AFTER ? half : NOTIFY_AFTER;
}

static struct core_pool_settings settings_of(const struct pool *pool)
{
    const struct sim_pool_settings *s = pool->settings;
    return (struct core_pool_settings){
        .size = s->size,
        .overflow = pool->limit - (s->size < pool->limit ? s->size : pool->limit),
        .max_waiting = s->max_waiting == SIM_NO_LIMIT ? CORE_NO_LIMIT : s->max_waiting,
        .max_connecting = s->max_connecting,
        .lifetime = 3600 * BASE_SECOND,
        .idle_timeout = 600 * BASE_SECOND,
        .check_after = CHECK_AFTER,
        .notify_after = notify_after(pool),
        .reset_on_give = true,
    };
}

int pool_core_init(struct world *w, struct pool *pool)
{
    static const enum core_scope_kind kinds[] = {CORE_SCOPE_DATABASE, CORE_SCOPE_USER,
                                                 CORE_SCOPE_UPSTREAM};
    const struct core_caps caps = {
        .scopes = 4, .pools = 2, .servers = pool->capacity, .claims = SIM_REQUESTS_MAX};
    pool->memory = calloc(1, core_bytes(&caps));
    if (!pool->memory)
        return BASE_ENOMEM;
    int r = core_init(pool->memory, &caps, base_random_next(&w->random), &pool->core);
    INVARIANT(r == 0);
    struct core_scope_id scopes[3];
    for (int i = 0; i < 3; i++) {
        struct core_event event = {
            .kind = CORE_EVENT_SCOPE_OPEN, .scope_kind = kinds[i], .limit = CORE_NO_LIMIT};
        apply(w, pool, &event);
        scopes[i] = event.scope;
    }
    struct core_pool_settings settings = settings_of(pool);
    struct core_event event = {.kind = CORE_EVENT_POOL_OPEN,
                               .settings = &settings,
                               .database = scopes[0],
                               .user = scopes[1],
                               .upstream = scopes[2]};
    apply(w, pool, &event);
    pool->id = event.pool;
    return 0;
}
