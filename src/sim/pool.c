/* pool.c - what both kinds of pool share: queues, and connections with what becomes of them.
 *
 *   FREE -> OPENING -> IDLE | LENT -> IDLE -> ... -> CLOSING -> FREE
 *                |        CHECKING, RESETTING: one round trip        lost: -> FREE from any state
 *                refused: -> FREE
 *
 * A connection's state changes in conn_move, which keeps all counts. A connection takes a slot of
 * the database from the moment it is accepted until its close is through.
 */
#include "sim/world.h"

#include <stdlib.h>
#include <string.h>

/* ---- queue ----------------------------------------------------------------------------------- */

void pool_enqueue(struct world *w, struct pool *pool, struct request *request)
{
    base_list_push_back(&pool->waiting, &request->link);
    pool->waiting_count++;
    world_waiting(w, 1);
}

void pool_dequeue(struct world *w, struct request *request)
{
    base_list_remove(&request->link);
    INVARIANT(request->claimed->waiting_count > 0);
    request->claimed->waiting_count--;
    world_waiting(w, -1);
}

/* ---- connections ----------------------------------------------------------------------------- */

static void count(struct pool *pool, enum conn_state state, uint32_t by)
{
    switch (state) {
    case CONN_FREE:
        pool->used -= by;
        break;
    case CONN_OPENING:
        pool->opening += by;
        break;
    case CONN_CLOSING:
        pool->closing += by;
        break;
    case CONN_LENT:
        pool->lent += by;
        pool->live += by;
        break;
    case CONN_IDLE:
        pool->resting += by;
        pool->live += by;
        break;
    case CONN_CHECKING:
    case CONN_RESETTING:
        pool->live += by;
        break;
    }
}

void conn_move(struct world *w, struct conn *conn, enum conn_state to)
{
    struct pool *pool = conn->pool;
    bool was_lent = conn->state == CONN_LENT, is_lent = to == CONN_LENT;
    if (!pool->is_to_weir && was_lent != is_lent) {
        world_tally(w);
        w->lent += is_lent ? 1 : -1u;
    }
    count(pool, conn->state, -1u);
    conn->state = to;
    count(pool, to, 1);
    uint32_t *peak = pool->is_to_weir ? &w->result->peak_client : &w->result->peak_process;
    if (pool->used > *peak)
        *peak = pool->used;
}

void conn_connect(struct world *w, struct conn *conn)
{
    const struct sim_scenario *s = w->scenario;
    conn->is_hanging = false;
    conn_move(w, conn, CONN_OPENING);
    checker_opening(w, conn);
    base_time span = s->round_trip;
    if (!conn->pool->is_to_weir) {
        w->result->connects++;
        conn->is_hanging = world_has_chance(w, s->connect_loss);
        span = conn->is_hanging ? s->connect_timeout
                                : 2 * s->round_trip + sim_dist_draw(&s->connect, &w->random);
    }
    world_plan(w, &conn->node, w->now + span);
}

void conn_lend(struct world *w, struct conn *conn, struct request *request)
{
    conn_move(w, conn, CONN_LENT);
    conn->user = request;
    if (conn->lease)
        conn->lease->user = request;
}

static void opened(struct world *w, struct conn *conn)
{
    if (!conn->pool->is_to_weir)
        database_enter(w, conn);
    conn_move(w, conn, CONN_IDLE);
    checker_opened(w, conn);
    if (conn->pool->core)
        pool_core_tell(w, conn, CORE_EVENT_OPENED);
    else
        pool_naive_opened(w, conn);
}

static void refused(struct world *w, struct conn *conn, enum core_failure failure,
                    enum core_scope_kind scope)
{
    bool is_full = failure == CORE_FAILURE_FULL;
    w->result->refused_connects += is_full;
    w->result->failed_connects += !is_full;
    conn_move(w, conn, CONN_FREE);
    checker_refused(w, conn, is_full);
    if (conn->pool->core)
        pool_core_refused(w, conn, failure, scope);
    else
        pool_naive_refused(w, conn);
}

static void answer_connect(struct world *w, struct conn *conn)
{
    enum core_failure failure = CORE_FAILURE_TIMEOUT;
    enum core_scope_kind scope = CORE_SCOPE_UPSTREAM;
    if (conn->pool->is_to_weir || (!conn->is_hanging && database_accepts(w, &failure, &scope)))
        opened(w, conn);
    else
        refused(w, conn, failure, scope);
}

static void drop_lease(struct world *w, struct conn *conn, enum core_give give)
{
    struct conn *lease = conn->lease;
    if (!lease)
        return;
    conn->lease = NULL;
    lease->holder = NULL;
    pool_give(w, lease, give);
}

void conn_close(struct world *w, struct conn *conn)
{
    conn_move(w, conn, CONN_CLOSING);
    drop_lease(w, conn, CORE_GIVE_DIRTY);
    world_plan(w, &conn->node, w->now + w->scenario->disconnect);
}

static void closed(struct world *w, struct conn *conn)
{
    if (conn->is_counted)
        database_leave(w, conn);
    conn_move(w, conn, CONN_FREE);
    if (conn->pool->core)
        pool_core_tell(w, conn, CORE_EVENT_CLOSED);
    else
        pool_naive_gone(w, conn);
}

void conn_lost(struct world *w, struct conn *conn)
{
    struct request *user = conn->user;
    w->result->lost_connections++;
    world_unplan(w, &conn->node);
    if (conn->is_counted)
        database_leave(w, conn);
    base_list_remove(&conn->link);
    conn->user = NULL;
    conn->is_leaked = false;
    if (conn->holder)
        conn->holder->lease = NULL;
    conn->holder = NULL;
    conn->pool->is_behind = true;
    drop_lease(w, conn, CORE_GIVE_DIRTY);
    conn_move(w, conn, CONN_FREE);
    if (user)
        request_broken(w, user);
    conn->pool->is_behind = false;
    if (conn->pool->core)
        pool_core_tell(w, conn, CORE_EVENT_LOST);
    else
        pool_naive_gone(w, conn);
}

static void give_leaked(struct world *w, struct conn *conn)
{
    if (conn->lease && w->scenario->mode == SIM_MODE_TRANSACTION)
        drop_lease(w, conn, CORE_GIVE_CLEAN);
    pool_give(w, conn, CORE_GIVE_CLEAN);
}

void conn_acts(struct world *w, struct conn *conn)
{
    switch (conn->state) {
    case CONN_OPENING:
        answer_connect(w, conn);
        break;
    case CONN_CHECKING:
        conn_move(w, conn, CONN_IDLE);
        pool_core_tell(w, conn, CORE_EVENT_CHECKED);
        break;
    case CONN_RESETTING:
        conn_move(w, conn, CONN_IDLE);
        pool_core_tell(w, conn, CORE_EVENT_RESET_DONE);
        break;
    case CONN_CLOSING:
        closed(w, conn);
        break;
    case CONN_LENT:
        give_leaked(w, conn);
        break;
    case CONN_FREE:
    case CONN_IDLE:
        checker_unreachable("a connection at rest has no plan");
    }
}

/* ---- both kinds ------------------------------------------------------------------------------ */

uint32_t pool_limit(const struct sim_pool_settings *settings)
{
    if (settings->kind == SIM_POOL_NONE || settings->overflow == SIM_NO_LIMIT)
        return SIM_CONNS_MAX;
    uint32_t limit = settings->size + settings->overflow;
    return limit < SIM_CONNS_MAX ? limit : SIM_CONNS_MAX;
}

void pool_init(struct world *w, struct pool *pool, const struct sim_pool_settings *settings,
               struct conn *conns)
{
    (void)w;
    pool->node.kind = NODE_POOL;
    pool->settings = settings;
    pool->limit = pool->capacity = pool_limit(settings);
    pool->conns = conns;
    pool->ceiling = SIM_NO_LIMIT;
    pool->stuck_since = BASE_NEVER;
    base_list_init(&pool->waiting);
    for (uint32_t i = 0; i < pool->capacity; i++) {
        conns[i].node.kind = NODE_CONN;
        conns[i].pool = pool;
        base_list_init(&conns[i].link);
    }
}

void pool_done(struct pool *pool)
{
    free(pool->memory);
}

void pool_claim(struct world *w, struct pool *pool, struct request *request)
{
    if (pool->core)
        pool_core_claim(w, pool, request);
    else
        pool_naive_claim(w, pool, request);
}

void pool_give(struct world *w, struct conn *conn, enum core_give give)
{
    INVARIANT(conn->state == CONN_LENT);
    world_unplan(w, &conn->node);
    conn->user = NULL;
    conn->is_leaked = false;
    if (conn->lease)
        conn->lease->user = NULL;
    if (conn->pool->core)
        pool_core_give(w, conn, give);
    else
        pool_naive_give(w, conn, give);
}

static void close_leaked(struct world *w, struct pool *pool)
{
    for (uint32_t i = 0; i < pool->capacity; i++)
        if (pool->conns[i].is_leaked)
            give_leaked(w, &pool->conns[i]);
}

void pool_end(struct world *w, struct pool *pool)
{
    pool->is_over = true;
    if (pool->core)
        pool_core_end(w, pool);
    else
        pool_naive_end(w, pool);
    close_leaked(w, pool);
}

void pool_acts(struct world *w, struct pool *pool)
{
    if (pool->core)
        pool_core_tick(w, pool);
    else
        pool_naive_tick(w, pool);
}
