/* warm.c - the fast path: the connection given back last is kept at hand for the next take.
 *
 * Lending through the core costs more than all the rest of a take. So a clean give while nobody
 * waits is put off: the server stays in pool->warm, still leased to the core, with the time of the
 * give. The next take gets it back if the core would have lent just this one, unchecked; otherwise
 * the give is applied then, at the time it was made. Everybody else who locks the pool applies it
 * first (lib_lock), so that nobody sees a server that is neither lent nor idle.
 *
 * Invariants
 * 1. pool->warm != NULL => nobody waits, no loop is open, the pool is not closed, and no event was
 *    applied to the core since pool->warm_at.
 * 2. Kept are servers that the core would keep: nothing was invalidated, resized or paused since
 *    they were lent (epoch), and no more exist than pool_size.
 * 3. A server goes through the core at least once in WARM_SPAN (sooner with a short pool_recycle),
 *    where its age is looked at.
 *
 * The core counts one long lease where there were several short ones; pool->warm_counts has what
 * has to be added to its numbers (modulo 2^64) to come out right.
 * Test: tests/unit/lib/test_warm.c, test_fast.c.
 */
#include "lib/lib.h"

#define WARM_SPAN (1 * BASE_SECOND)

static void count_hold(struct weir_pool *pool, base_time span)
{
    pool->warm_counts.hold_total += span;
    pool->warm_counts.hold_bucket[core_stats_bucket(span)]++;
}

/* The core is about to count a lease that ends at `at`: that is taken back. */
static void uncount_hold(struct weir_pool *pool, const struct lib_server *server, base_time at)
{
    base_time span = at - server->core_lent_at;
    pool->warm_counts.hold_total -= span;
    pool->warm_counts.hold_bucket[core_stats_bucket(span)]--;
}

void lib_warm_lent(struct weir_pool *pool, struct lib_server *server)
{
    base_time recycle = pool->config.options.pool_recycle;
    base_time span = recycle != 0 && recycle / 128 < WARM_SPAN ? recycle / 128 : WARM_SPAN;
    server->epoch = pool->epoch;
    server->core_lent_at = pool->now;
    server->warm_until = base_time_add(pool->now, span);
    server->is_elided = false;
}

void lib_warm_settle(struct weir_pool *pool, struct lib_server *server)
{
    if (!server->is_elided)
        return;
    server->is_elided = false;
    uncount_hold(pool, server, pool->now);
    count_hold(pool, pool->now - server->lent_at);
}

bool lib_warm_keep(struct weir_pool *pool, struct lib_server *server)
{
    const struct weir_options *options = &pool->config.options;
    if (server->epoch != pool->epoch || pool->existing > pool->settings.size ||
        pool->now >= server->warm_until || !base_list_is_empty(&pool->waiters) ||
        !base_list_is_empty(&pool->loops) || !options->use_lifo || options->require_primary ||
        pool->is_closed)
        return false;
    if (pool->warm != NULL)
        lib_warm_flush(pool);
    count_hold(pool, pool->now - server->lent_at);
    lib_lease_end(pool, server);
    pool->warm = server;
    pool->warm_at = pool->now;
    return true;
}

static bool is_usable(const struct weir_pool *pool, struct lib_server *server,
                      const struct weir_want *want)
{
    const struct core_pool_settings *settings = &pool->settings;
    base_time idle = pool->now - pool->warm_at;
    if (want != NULL && (want->lane >= WEIR_LANES || want->flags != 0 ||
                         (want->deadline != 0 && want->deadline < pool->now)))
        return false;
    if (idle > settings->check_after ||
        (settings->idle_timeout != 0 && idle >= settings->idle_timeout) ||
        pool->now >= server->warm_until)
        return false;
    if (core_next_deadline(pool->core) <= pool->now ||
        (!base_list_is_empty(&pool->active) && pool->now >= pool->look_at))
        return false;
    return !pool->config.options.pool_pre_ping || lib_is_alive(server);
}

struct lib_server *lib_warm_take(struct weir_pool *pool, const struct weir_want *want,
                                 uint64_t owner)
{
    struct lib_server *server = pool->warm;
    if (server == NULL)
        return NULL;
    if (!is_usable(pool, server, want)) {
        lib_warm_flush(pool);
        return NULL;
    }
    pool->warm = NULL;
    pool->warm_counts.grants++;
    server->is_elided = true;
    lib_lease_begin(pool, server, want != NULL && want->owner != 0 ? want->owner : owner,
                    want != NULL ? want->tag : NULL);
    return server;
}

void lib_warm_flush(struct weir_pool *pool)
{
    struct lib_server *server = pool->warm;
    if (server == NULL)
        return;
    pool->warm = NULL;
    server->is_elided = false;
    uncount_hold(pool, server, pool->warm_at);
    struct core_event event = {
        .kind = CORE_EVENT_GIVE, .server = server->id, .give = CORE_GIVE_CLEAN};
    int status = core_apply(pool->core, pool->warm_at, &event);
    INVARIANT(status == 0);
    lib_drain(pool);
}
