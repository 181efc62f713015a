/* pool_naive.c - the pool that most applications have today, after SQLAlchemy's QueuePool.
 *
 * take: an idle connection; else, below size + overflow, a new one; else wait in line until the
 * time-out. A connect that fails, for whatever reason, fails the request that asked for it, and
 * wakes nobody. give: to the first who waits; else idle, up to `size`; else closed.
 * One that waited until its time-out and finds room by then connects, as QueuePool does.
 * With SIM_POOL_NONE nothing is kept: `size` is 0 and there is no limit (NullPool).
 */
#include "sim/world.h"

static uint32_t kept(const struct pool *pool)
{
    return pool->settings->kind == SIM_POOL_NONE ? 0 : pool->settings->size;
}

static void plan_timeout(struct world *w, struct pool *pool)
{
    if (base_list_is_empty(&pool->waiting))
        world_unplan(w, &pool->node);
    else
        world_plan(w, &pool->node,
                   base_list_entry(pool->waiting.next, struct request, link)->deadline);
}

static void lend(struct world *w, struct conn *conn, struct request *request)
{
    checker_granted(w, request, conn);
    world_hash(w, CONN_LENT, request->slot.idx);
    conn_lend(w, conn, request);
    request_granted(w, request, conn);
}

/* A connect belongs to the request that asked for it. */
static bool connect_for(struct world *w, struct pool *pool, struct request *request)
{
    if (base_list_is_empty(&pool->free) || pool->used == pool->limit)
        return false;
    struct conn *conn = base_list_entry(pool->free.next, struct conn, link);
    base_list_remove(&conn->link);
    conn->user = request;
    conn_connect(w, conn);
    return true;
}

void pool_naive_init(struct pool *pool)
{
    base_list_init(&pool->idle);
    base_list_init(&pool->free);
    for (uint32_t i = 0; i < pool->capacity; i++)
        base_list_push_back(&pool->free, &pool->conns[i].link);
}

void pool_naive_claim(struct world *w, struct pool *pool, struct request *request)
{
    if (pool->is_over) {
        request_refused(w, request, SIM_BROKEN);
        return;
    }
    if (!base_list_is_empty(&pool->idle)) {
        struct conn *conn = base_list_entry(pool->idle.next, struct conn, link);
        base_list_remove(&conn->link);
        lend(w, conn, request);
        return;
    }
    if (connect_for(w, pool, request))
        return;
    if (pool->waiting_count >= pool->settings->max_waiting) {
        request_refused(w, request, SIM_QUEUE_FULL);
        return;
    }
    pool_enqueue(w, pool, request);
    plan_timeout(w, pool);
}

void pool_naive_opened(struct world *w, struct conn *conn)
{
    struct request *request = conn->user;
    INVARIANT(request != NULL);
    lend(w, conn, request);
}

void pool_naive_refused(struct world *w, struct conn *conn)
{
    struct request *request = conn->user;
    INVARIANT(request != NULL);
    conn->user = NULL;
    base_list_push_front(&conn->pool->free, &conn->link);
    checker_ended(w, request, SIM_REFUSED);
    request_refused(w, request, SIM_REFUSED);
}

void pool_naive_gone(struct world *w, struct conn *conn)
{
    (void)w;
    base_list_push_front(&conn->pool->free, &conn->link);
}

void pool_naive_give(struct world *w, struct conn *conn, enum core_give give)
{
    struct pool *pool = conn->pool;
    conn_move(w, conn, CONN_IDLE);
    if (!pool->is_over && !base_list_is_empty(&pool->waiting)) {
        struct request *request = base_list_entry(pool->waiting.next, struct request, link);
        pool_dequeue(w, request);
        plan_timeout(w, pool);
        lend(w, conn, request);
    } else if (pool->is_over || give == CORE_GIVE_BROKEN || pool->live > kept(pool)) {
        conn_close(w, conn);
    } else {
        base_list_push_front(&pool->idle, &conn->link);
    }
}

void pool_naive_tick(struct world *w, struct pool *pool)
{
    while (!base_list_is_empty(&pool->waiting)) {
        struct request *request = base_list_entry(pool->waiting.next, struct request, link);
        if (request->deadline > w->now)
            break;
        pool_dequeue(w, request);
        if (connect_for(w, pool, request))
            continue;
        checker_ended(w, request, SIM_TIMED_OUT);
        request_refused(w, request, SIM_TIMED_OUT);
    }
    plan_timeout(w, pool);
}

void pool_naive_end(struct world *w, struct pool *pool)
{
    while (!base_list_is_empty(&pool->idle)) {
        struct conn *conn = base_list_entry(pool->idle.next, struct conn, link);
        base_list_remove(&conn->link);
        conn_close(w, conn);
    }
    while (!base_list_is_empty(&pool->waiting)) {
        struct request *request = base_list_entry(pool->waiting.next, struct request, link);
        pool_dequeue(w, request);
        request_refused(w, request, SIM_BROKEN);
    }
    world_unplan(w, &pool->node);
}
