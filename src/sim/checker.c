/* checker.c - the promises of a pool, judged from outside.
 *
 *   limits      a pool never has more connections than size + overflow, opening and closing ones
 *               included; the database never accepted more than its limits
 *   order       a grant goes to the request that has waited longest in its pool
 *   deadlines   a claim is granted not after its deadline, refused for time exactly at it, and none
 *               waits on beyond it
 *   ceiling     above what refusals have told, one connect at a time is tried, and not again before
 *               a while: found once, followed from then on
 *   no slot     nobody waits beside a connection at rest; nor beside room while nothing tells that
 *   is lost     there is none and nothing is being opened; nor for long beside room of the
 * database; at the end every connection is accounted for, in the core as in the world starvation at
 * the end nobody waits
 *
 * Who finds out that the database answers again has asked about everything, so after an outage the
 * next connect above the ceiling may come at once. SQLAlchemy's pool is held to the limits and the
 * deadlines only.
 */
#include "sim/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* The core tries above a ceiling again after 1 s at least, less a quarter of jitter. */
#define PROBE_LEAST (750 * BASE_MS)

/* And after 30 s at most, plus a quarter; a hanging connect may come in between. */
#define STUCK_MOST (45 * BASE_SECOND)

void checker_unreachable(const char *what)
{
    fprintf(stderr, "simulator: %s\n", what);
    abort();
}

void checker_violated(struct world *w, const char *format, ...)
{
    struct sim_result *result = w->result;
    if (result->violation[0] != '\0')
        return;
    int bytes = snprintf(result->violation, sizeof(result->violation),
                         "seed %llu, after %.6f s: ", (unsigned long long)w->scenario->seed,
                         (double)w->now / 1e9);
    va_list list;
    va_start(list, format);
    vsnprintf(result->violation + bytes, sizeof(result->violation) - (size_t)bytes, format, list);
    va_end(list);
}

#define PROMISE(e, ...) ((e) ? (void)0 : checker_violated(w, __VA_ARGS__))

/* ---- connections ----------------------------------------------------------------------------- */

void checker_opening(struct world *w, struct conn *conn)
{
    struct pool *pool = conn->pool;
    PROMISE(pool->used <= pool->limit, "a pool of at most %u has %u connections", pool->limit,
            pool->used);
    conn->is_above = pool->core && pool->used > pool->ceiling;
    if (!conn->is_above)
        return;
    PROMISE(!pool->is_probing, "two connects at once above the ceiling of %u", pool->ceiling);
    PROMISE(w->now >= pool->probe_not_before, "above the ceiling of %u too soon", pool->ceiling);
    pool->is_probing = true;
}

static void answered(struct conn *conn)
{
    if (conn->is_above)
        conn->pool->is_probing = false;
}

void checker_opened(struct world *w, struct conn *conn)
{
    struct pool *pool = conn->pool;
    answered(conn);
    if (conn->is_above || pool->is_out)
        pool->probe_not_before = 0;
    pool->is_out = false;
    if (pool->ceiling != SIM_NO_LIMIT && pool->live > pool->ceiling)
        pool->ceiling = pool->live;
    if (pool->is_to_weir)
        return;
    uint32_t room = sim_limits_room(&w->limits, w->scenario->pooler_clients, NULL);
    PROMISE(w->counted <= room, "the database has %u connections where %u are allowed", w->counted,
            room);
}

void checker_refused(struct world *w, struct conn *conn, bool is_full)
{
    struct pool *pool = conn->pool;
    bool was_above = conn->is_above;
    answered(conn);
    pool->is_out = !is_full;
    if (!is_full || !pool->core)
        return;
    uint32_t before = pool->ceiling;
    pool->ceiling = pool->live + pool->closing;
    if (pool->ceiling == 0 || before == 0)
        pool->probe_not_before = 0; /* nothing is live: the core tries at short random spans */
    else if (was_above || before == SIM_NO_LIMIT)
        pool->probe_not_before = w->now + PROBE_LEAST; /* else it knew when to try next already */
}

/* ---- claims ---------------------------------------------------------------------------------- */

void checker_granted(struct world *w, const struct request *request, const struct conn *conn)
{
    const struct pool *pool = conn->pool;
    PROMISE(request->slot.is_used && request->claimed == pool && !request->conn == !pool->is_weir,
            "a connection was granted to nobody who asked for it");
    PROMISE(conn->state == CONN_IDLE && (pool->is_to_weir || conn->is_counted),
            "a connection was granted that is not at rest");
    if (!pool->core)
        return;
    PROMISE(w->now <= request->deadline, "a claim was granted after its deadline");
    PROMISE(pool->waiting.next == &request->link, "a claim was granted before an older one");
}

void checker_ended(struct world *w, const struct request *request, enum sim_outcome outcome)
{
    PROMISE(request->slot.is_used && request->claimed, "a claim ended twice");
    if (outcome == SIM_TIMED_OUT)
        PROMISE(w->now == request->deadline, "a claim timed out at another time than its deadline");
}

void checker_settled(struct world *w, const struct pool *pool)
{
    if (pool->waiting_count == 0 || pool->is_over || pool->is_behind)
        return;
    /* those that have rested for long are checked first, one for each who waits */
    uint32_t checking = pool->live - pool->lent - pool->resting;
    PROMISE(pool->resting == 0 || pool->waiting_count <= checking,
            "%u wait beside %u connections at rest", pool->waiting_count, pool->resting);
    uint32_t under_way = pool->used - pool->lent;
    bool is_free_to = pool->ceiling == SIM_NO_LIMIT && !pool->is_out && pool->used < pool->limit;
    PROMISE(under_way > 0 || !is_free_to,
            "%u wait beside room for %u connections, and none is being opened", pool->waiting_count,
            pool->limit - pool->used);
}

/* ---- time ------------------------------------------------------------------------------------ */

static void look_for_stuck(struct world *w, struct pool *pool)
{
    bool has_room = pool->used < pool->limit && (pool->is_to_weir || database_room(w) > 0);
    if (!pool->core || pool->waiting_count == 0 || pool->opening > 0 || !has_room) {
        pool->stuck_since = BASE_NEVER;
        return;
    }
    if (pool->stuck_since == BASE_NEVER)
        pool->stuck_since = w->now;
    PROMISE(w->now - pool->stuck_since <= STUCK_MOST, "%u wait beside room for %u more connections",
            pool->waiting_count, pool->is_to_weir ? pool->limit - pool->used : database_room(w));
}

void checker_look(struct world *w)
{
    for (uint32_t i = 0; i < w->pool_count; i++) {
        struct pool *pool = &w->pools[i];
        if (!pool->core && !pool->waiting.next)
            continue;
        look_for_stuck(w, pool);
        if (base_list_is_empty(&pool->waiting))
            continue;
        const struct request *first = base_list_entry(pool->waiting.next, struct request, link);
        PROMISE(first->deadline >= w->now, "a claim waits on after its deadline");
    }
}

static void compare_counts(struct world *w, const struct pool *pool)
{
    struct core_pool_stats stats;
    if (core_pool_stats(pool->core, w->now, pool->id, &stats) != 0)
        return; /* the process has ended and its pool is closed */
    uint32_t live = stats.idle + stats.leased + stats.checking + stats.resetting;
    PROMISE(live == pool->live && stats.leased == pool->lent && stats.opening == pool->opening &&
                stats.closing == pool->closing,
            "the core counts %u live, %u lent, %u opening, %u closing; there are %u, %u, %u, %u",
            live, stats.leased, stats.opening, stats.closing, pool->live, pool->lent, pool->opening,
            pool->closing);
    PROMISE(stats.waiting == 0, "%u claims were forgotten", stats.waiting);
    core_check(pool->core);
}

void checker_end(struct world *w)
{
    uint32_t counted = 0;
    for (uint32_t i = 0; i < w->pool_count; i++) {
        struct pool *pool = &w->pools[i];
        if (pool->core)
            compare_counts(w, pool);
        for (uint32_t c = 0; c < pool->capacity; c++) {
            const struct conn *conn = &pool->conns[c];
            bool is_lease = conn->holder && conn->holder->lease == conn;
            counted += conn->is_counted;
            PROMISE(conn->state != CONN_LENT || conn->is_leaked || is_lease,
                    "a connection is lent to nobody");
        }
    }
    PROMISE(counted == w->counted, "%u connections take %u slots", counted, w->counted);
    PROMISE(w->requests.used == 0, "%u requests were never served", w->requests.used);
    PROMISE(w->running == 0 && w->waiting == 0, "%u run and %u wait after the end", w->running,
            w->waiting);
}
