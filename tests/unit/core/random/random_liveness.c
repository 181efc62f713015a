/* random_liveness.c - no claim waits beside a slot that it may use.
 *
 * Where no upstream is ever out and no login refused, nothing but a limit, a ceiling or an older
 * claim keeps a pool from connecting: a claim with neither a connect nor a check under way means
 * that one of its pool's scopes is shut. So a ceiling of one user, database or pool slows nobody
 * who is not inside it.
 */
#include "random_internal.h"

/* A slot is held for another pool's older claim no longer than a few closings take. */
#define HELD_MOST (500 * BASE_MS)

/* The oldest of the claims from these places on; NULL: none is left. */
static const struct claim *next_oldest(const struct pool *pool, struct base_list *at[CORE_LANES])
{
    const struct claim *oldest = NULL;
    for (int lane = 0; lane < CORE_LANES; lane++) {
        if (at[lane] == &pool->lanes[lane])
            continue;
        const struct claim *claim = base_list_entry(at[lane], struct claim, link);
        if (oldest == NULL || claim->tag < oldest->tag)
            oldest = claim;
    }
    if (oldest != NULL)
        at[oldest->lane] = oldest->link.next;
    return oldest;
}

/* The tag, which grows with time, of the pool's oldest claim for which there is neither a connect
 * nor a check under way; UINT64_MAX when there is none. */
static uint64_t oldest_unserved(const struct pool *pool)
{
    struct base_list *at[CORE_LANES];
    for (int lane = 0; lane < CORE_LANES; lane++)
        at[lane] = pool->lanes[lane].next;
    const struct claim *claim = next_oldest(pool, at);
    for (uint32_t i = 0; claim != NULL && i < pool->connecting + pool->checking; i++)
        claim = next_oldest(pool, at);
    return claim != NULL ? claim->tag : UINT64_MAX;
}

static bool is_near(const struct pool *pool, const struct pool *other)
{
    for (int kind = CORE_SCOPE_DATABASE; kind < KINDS; kind++)
        if (pool->scopes[kind] == other->scopes[kind])
            return true;
    return false;
}

/* Is there a claim nearby that waits longer? A slot may be held for it while a server is closing,
 * or others may stand behind it in the order. */
static bool has_elder(const struct world *w, const struct pool *pool)
{
    uint64_t own = oldest_unserved(pool);
    for (int i = 0; i < POOLS; i++) {
        const struct pool *other = &w->pools[i];
        if (other != pool && is_near(pool, other) && oldest_unserved(other) < own)
            return true;
    }
    return false;
}

/* The reserve is a matter of time: below it is what a pool may use at once. */
static bool is_shut(const struct pool *pool)
{
    const struct core_pool_settings *settings = &pool->settings;
    if (pool->connecting >= settings->max_connecting ||
        pool->own.count >= settings->size + settings->overflow)
        return true;
    for (int kind = 0; kind < KINDS; kind++)
        if (random_scope_is_shut(pool->scopes[kind]))
            return true;
    return false;
}

void random_liveness_check(struct world *w)
{
    if (w->has_outages || w->has_denials)
        return;
    for (int i = 0; i < POOLS; i++) {
        struct pool *pool = &w->pools[i];
        if (!pool->is_open || pool->is_paused ||
            pool->waiting <= pool->connecting + pool->checking || is_shut(pool)) {
            pool->slot_seen = w->now;
            continue;
        }
        REQUIRE(w, has_elder(w, pool));
        REQUIRE(w, w->now - pool->slot_seen < HELD_MOST);
    }
}
