/* core_server.c - servers: one function that moves a state, and what every answer of the host does.
 *
 *                 OPEN                 OPENED, nobody waits
 *     (free) -----------> OPENING ------------------------------> IDLE <------------------.
 *       ^                  |   |                                  ^ | |                   |
 *       |   OPEN_FAILED    |   | OPENED                     CHECK | | | claim             |
 *       |<-----------------'   |                                  v | v                   |
 *       |                      |                          CHECKING  |                     |
 *       |                      |                           ok |  |  |        GIVE clean   |
 *       |                      '------------> LEASED <--------'  |  |   .-----------------|
 *       |                                     | | |  <--------------'   |                 |
 *       |        DETACH                       | | '---------------------'      done ok    |
 *       |      .------------------------------' |  GIVE dirty                             |
 *       |      v                                '-------------> RESETTING ----------------'
 *       |   DETACHED                   not fit, not ok, not needed
 *       |      | CLOSED        CLOSING <-- from IDLE, CHECKING, LEASED, RESETTING, OPENED
 *       '------'---------------- ' CLOSED
 *     LOST leads from every state to (free).
 *
 * Invariants
 * 1. core_server_move() is the only place that writes `state`; counters and lists move with it.
 * 2. A server is in pool->idle exactly when IDLE, in pool->leased exactly when LEASED.
 * 3. An idle server that has an end (age or idle time-out) has its timer armed, never later than
 *    that end. The timer is lazy: lending leaves it armed, and firing early re-arms it.
 * 4. OPEN, CHECK, RESET and CLOSE are queued once per state they lead into.
 *
 * It does not bind a server to a claim: whoever becomes available goes to the first waiter.
 * Test: tests/unit/core/test_server.c.
 */
#include "core/core_internal.h"

/* Lifetimes differ by up to a tenth either way, so that servers opened together do not end
 * together. In 1/1024: 102 is 10 %. */
#define AGE_JITTER_MAX 102

static struct core_effect *push_effect(struct core *core, const struct core_server *server,
                                       enum core_effect_kind kind)
{
    struct core_effect *effect = core_effect_push(core, kind);
    const struct core_pool *pool = server->pool;
    effect->tag = pool->tag;
    effect->pool = (struct core_pool_id){pool->slot.idx, pool->slot.gen};
    effect->server = (struct core_server_id){server->slot.idx, server->slot.gen};
    return effect;
}

/* ---- states ---------------------------------------------------------------------------------- */

static bool is_live(enum core_server_state state)
{
    return state != CORE_SERVER_FREE && state != CORE_SERVER_OPENING &&
           state != CORE_SERVER_CLOSING;
}

static void end_lease(struct core *core, struct core_pool *pool, const struct core_server *server)
{
    base_time held = core->now - server->since;
    pool->hold_total += held;
    pool->hold_bucket[core_stats_bucket(held)]++;
}

void core_server_move(struct core *core, struct core_server *server, enum core_server_state to)
{
    struct core_pool *pool = server->pool;
    enum core_server_state from = server->state;
    INVARIANT(from != to);
    if (from == CORE_SERVER_IDLE || from == CORE_SERVER_LEASED)
        base_list_remove(&server->link);
    if (from == CORE_SERVER_LEASED)
        end_lease(core, pool, server);
    if (from != CORE_SERVER_FREE) {
        INVARIANT(pool->in_state[from] > 0);
        pool->in_state[from]--;
    }
    if (!is_live(from) || !is_live(to))
        core_scope_move(core, pool, from, to);
    server->state = to;
    server->since = core->now;
    if (to == CORE_SERVER_FREE) {
        pool->servers--;
        core_timer_set(core, &server->timer, BASE_NEVER);
        base_slab_release(&core->servers, server);
        return;
    }
    pool->in_state[to]++;
    if (to == CORE_SERVER_IDLE)
        base_list_push_front(&pool->idle, &server->link);
    else if (to == CORE_SERVER_LEASED)
        base_list_push_back(&pool->leased, &server->link);
}

/* The server does not exist any more; what that makes possible follows. */
static unsigned vanish(struct core *core, struct core_server *server)
{
    unsigned probed = core_backoff_release(server);
    core_server_move(core, server, CORE_SERVER_FREE);
    return probed;
}

/* What a pool does after one of its servers went. The pool may be gone afterwards. */
static void after_end(struct core *core, struct core_pool *pool)
{
    if (!pool->is_closed)
        core_pool_serve(core, pool);
    else if (pool->servers == 0)
        core_pool_release(core, pool);
}

/* ---- age ------------------------------------------------------------------------------------- */

static base_time expires_at(const struct core_server *server)
{
    base_time lifetime = server->pool->settings.lifetime;
    if (lifetime == 0 || lifetime == BASE_NEVER)
        return BASE_NEVER;
    base_time step = lifetime / 1024;
    base_time age = server->age_jitter < 0
                        ? lifetime - step * (base_time)-server->age_jitter
                        : base_time_add(lifetime, step * (base_time)server->age_jitter);
    return base_time_add(server->opened_at, age);
}

static base_time idles_out_at(const struct core_server *server)
{
    base_time span = server->pool->settings.idle_timeout;
    return span == 0 ? BASE_NEVER : base_time_add(server->since, span);
}

void core_server_arm(struct core *core, struct core_server *server)
{
    base_time age = expires_at(server), idle = idles_out_at(server);
    core_timer_hasten(core, &server->timer, age < idle ? age : idle);
}

void core_server_timer(struct core *core, struct core_server *server)
{
    struct core_pool *pool = server->pool;
    if (server->state != CORE_SERVER_IDLE)
        return;
    if (expires_at(server) <= core->now) {
        core_server_close(core, server, CORE_CLOSE_AGE);
        core_pool_serve(core, pool);
        return;
    }
    if (idles_out_at(server) > core->now) {
        core_server_arm(core, server);
        return;
    }
    if (core_pool_kept(pool) > pool->settings.min_size) {
        core_server_close(core, server, CORE_CLOSE_IDLE);
        return;
    }
    /* One of the pool's minimum: look again later, others may have come by then. */
    base_time again = base_time_add(core->now, pool->settings.idle_timeout);
    base_time age = expires_at(server);
    core_timer_set(core, &server->timer, age < again ? age : again);
}

/* ---- coming and going ------------------------------------------------------------------------ */

struct core_server *core_server_open(struct core *core, struct core_pool *pool)
{
    struct core_server *server = base_slab_take(&core->servers);
    INVARIANT(server != NULL); /* the root scope's limit is the slab's capacity */
    server->pool = pool;
    server->state = CORE_SERVER_FREE;
    server->timer.kind = CORE_TIMER_SERVER;
    base_list_init(&server->link);
    server->generation = pool->generation;
    server->is_invalid = false;
    server->opened_at = core->now;
    server->age_jitter = 0;
    pool->servers++;
    pool->connects++;
    core_server_move(core, server, CORE_SERVER_OPENING);
    push_effect(core, server, CORE_EFFECT_OPEN);
    return server;
}

void core_server_close(struct core *core, struct core_server *server, enum core_close_reason reason)
{
    push_effect(core, server, CORE_EFFECT_CLOSE)->reason = reason;
    core_server_move(core, server, CORE_SERVER_CLOSING);
    core_timer_set(core, &server->timer, BASE_NEVER);
}

void core_server_check(struct core *core, struct core_server *server)
{
    core_server_move(core, server, CORE_SERVER_CHECKING);
    push_effect(core, server, CORE_EFFECT_CHECK);
}

void core_server_lend(struct core *core, struct core_server *server)
{
    /* Lent again in the same step: one lease ends, the next begins. */
    if (server->state == CORE_SERVER_LEASED) {
        end_lease(core, server->pool, server);
        base_list_remove(&server->link);
        base_list_push_back(&server->pool->leased, &server->link);
        server->since = core->now;
        return;
    }
    core_server_move(core, server, CORE_SERVER_LEASED);
}

static bool is_over_any_limit(const struct core_pool *pool)
{
    for (int i = 0; i < CORE_NESTING; i++)
        if (core_scope_is_over(pool->scopes[i]))
            return true;
    return false;
}

bool core_server_is_unfit(const struct core *core, const struct core_server *server,
                          enum core_close_reason *ret_reason)
{
    const struct core_pool *pool = server->pool;
    if (pool->is_closed)
        *ret_reason = CORE_CLOSE_POOL;
    else if (server->is_invalid || server->generation != pool->generation)
        *ret_reason = CORE_CLOSE_INVALID;
    else if (pool->is_paused)
        *ret_reason = CORE_CLOSE_PAUSED;
    else if (expires_at(server) <= core->now)
        *ret_reason = CORE_CLOSE_AGE;
    else if (is_over_any_limit(pool))
        *ret_reason = CORE_CLOSE_SURPLUS;
    else
        return false;
    return true;
}

bool core_server_needs_check(const struct core *core, const struct core_server *server)
{
    base_time span = server->pool->settings.check_after;
    return span != BASE_NEVER && core->now - server->since > span;
}

static void retire(struct core *core, struct core_server *server, enum core_close_reason reason)
{
    struct core_pool *pool = server->pool;
    core_server_close(core, server, reason);
    if (!pool->is_closed)
        core_pool_serve(core, pool);
}

/* True when the pool, this server included, has more than it keeps without demand. */
static bool is_surplus(const struct core_server *server)
{
    const struct core_pool *pool = server->pool;
    uint32_t count = core_pool_lendable(pool) + pool->in_state[CORE_SERVER_DETACHED];
    return count + (server->state == CORE_SERVER_OPENING) > pool->settings.size;
}

/* A server that was busy or new is free to lend: to the first waiter, else it idles, unless it must
 * or should go. */
static void become_available(struct core *core, struct core_server *server)
{
    struct core_pool *pool = server->pool;
    enum core_close_reason reason;
    if (core_server_is_unfit(core, server, &reason)) {
        retire(core, server, reason);
        return;
    }
    if (core_claim_grant_next(core, pool, server)) {
        core_connect_refresh(core, pool);
        return;
    }
    if (is_surplus(server)) {
        retire(core, server, CORE_CLOSE_SURPLUS);
        return;
    }
    core_server_move(core, server, CORE_SERVER_IDLE);
    core_server_arm(core, server);
    core_scope_list_idle(pool);
    core_scope_offer_idle(core, pool);
}

/* ---- events ---------------------------------------------------------------------------------- */

/* True, with the reason, when a server given back must not go on. */
static bool must_close(struct core *core, const struct core_server *server, enum core_give give,
                       enum core_close_reason *ret_reason)
{
    struct core_pool *pool = server->pool;
    if (give == CORE_GIVE_BROKEN)
        *ret_reason = CORE_CLOSE_BROKEN;
    else if (core_server_is_unfit(core, server, ret_reason))
        return true;
    else if (give == CORE_GIVE_DIRTY && !pool->settings.reset_on_give)
        *ret_reason = CORE_CLOSE_RESET;
    else if (pool->waiting == 0 && is_surplus(server))
        *ret_reason = CORE_CLOSE_SURPLUS;
    else if (pool->waiting > 0 && core_scope_is_starving(core, pool))
        *ret_reason = CORE_CLOSE_MAKE_ROOM;
    else
        return false;
    return true;
}

int core_server_give(struct core *core, struct core_server *server, enum core_give give)
{
    if (server->state != CORE_SERVER_LEASED)
        return BASE_ESTATE;
    enum core_close_reason reason;
    if (must_close(core, server, give, &reason)) {
        retire(core, server, reason);
    } else if (give == CORE_GIVE_DIRTY) {
        core_server_move(core, server, CORE_SERVER_RESETTING);
        push_effect(core, server, CORE_EFFECT_RESET);
    } else {
        become_available(core, server);
    }
    return 0;
}

int core_server_detach(struct core *core, struct core_server *server)
{
    if (server->state != CORE_SERVER_LEASED)
        return BASE_ESTATE;
    core_server_move(core, server, CORE_SERVER_DETACHED);
    if (!server->pool->is_closed)
        core_pool_serve(core, server->pool);
    return 0;
}

int core_server_opened(struct core *core, struct core_server *server)
{
    if (server->state != CORE_SERVER_OPENING)
        return BASE_ESTATE;
    struct core_pool *pool = server->pool;
    uint64_t draw = base_random_below(&core->random, 2 * AGE_JITTER_MAX + 1);
    server->age_jitter = (int32_t)draw - AGE_JITTER_MAX;
    server->opened_at = core->now;
    pool->last_failure = 0;
    pool->auth_hold_until = pool->quiet_until = 0;
    core_backoff_opened(core, server);
    become_available(core, server);
    if (!pool->is_closed)
        core_pool_serve(core, pool);
    return 0;
}

static int failure_status(enum core_failure failure)
{
    switch (failure) {
    case CORE_FAILURE_REFUSED:
        return BASE_EUPSTREAMDOWN;
    case CORE_FAILURE_TIMEOUT:
        return BASE_ECONNECTTIMEOUT;
    case CORE_FAILURE_STARTING:
        return BASE_EUPSTREAMSTARTING;
    case CORE_FAILURE_FULL:
        return BASE_EUPSTREAMFULL;
    case CORE_FAILURE_AUTH:
        return BASE_EUPSTREAMAUTH;
    }
    return BASE_EUPSTREAMDOWN;
}

int core_server_open_failed(struct core *core, struct core_server *server,
                            enum core_failure failure, enum core_scope_kind kind)
{
    if (server->state != CORE_SERVER_OPENING)
        return BASE_ESTATE;
    if (kind > CORE_SCOPE_UPSTREAM)
        return BASE_EINVALID;
    struct core_pool *pool = server->pool;
    pool->connect_failures++;
    pool->last_failure = failure_status(failure);
    unsigned probed = vanish(core, server);
    core_backoff_failed(core, pool, probed, failure, kind);
    after_end(core, pool);
    return 0;
}

int core_server_checked(struct core *core, struct core_server *server, bool ok)
{
    if (server->state != CORE_SERVER_CHECKING)
        return BASE_ESTATE;
    struct core_pool *pool = server->pool;
    if (ok)
        become_available(core, server);
    else
        core_server_close(core, server, CORE_CLOSE_CHECK);
    if (!pool->is_closed)
        core_pool_serve(core, pool);
    return 0;
}

int core_server_reset_done(struct core *core, struct core_server *server, bool ok)
{
    if (server->state != CORE_SERVER_RESETTING)
        return BASE_ESTATE;
    struct core_pool *pool = server->pool;
    if (!ok)
        retire(core, server, CORE_CLOSE_RESET);
    else if (pool->waiting > 0 && core_scope_is_starving(core, pool))
        retire(core, server, CORE_CLOSE_MAKE_ROOM);
    else
        become_available(core, server);
    return 0;
}

int core_server_closed(struct core *core, struct core_server *server)
{
    if (server->state != CORE_SERVER_CLOSING && server->state != CORE_SERVER_DETACHED)
        return BASE_ESTATE;
    struct core_pool *pool = server->pool;
    vanish(core, server);
    after_end(core, pool);
    return 0;
}

int core_server_lost(struct core *core, struct core_server *server)
{
    if (server->state == CORE_SERVER_OPENING)
        return core_server_open_failed(core, server, CORE_FAILURE_REFUSED, CORE_SCOPE_UPSTREAM);
    struct core_pool *pool = server->pool;
    vanish(core, server);
    after_end(core, pool);
    return 0;
}

int core_server_invalidate(struct core *core, struct core_server *server)
{
    server->is_invalid = true;
    if (server->state == CORE_SERVER_IDLE)
        retire(core, server, CORE_CLOSE_INVALID);
    return 0;
}
