/* deadlock.c - takes that can never succeed: every connection is held by somebody who waits.
 *
 * Owners that wait are in pool->owners. A new claim closes a circle when every server that may
 * exist is lent, to owners that all wait here, the new one among them: nobody can give back. It is
 * the youngest claim, and it is failed. A circle is only ever closed by a claim that begins to
 * wait.
 *
 * Not proved, so waited for: servers that are opening, closing, in a reset, detached; a learned
 * ceiling below the limit (the server may grant more); owners that are unknown.
 * Test: tests/unit/lib/test_deadlock.c.
 */
#include "lib/lib.h"

static uint64_t hash_of(uint64_t owner)
{
    return owner * 0x9E3779B97F4A7C15u;
}

static bool is_known(uint64_t owner)
{
    return owner != 0 && owner != WEIR_OWNER_NONE;
}

bool lib_deadlock_waits(const struct weir_pool *pool, uint64_t owner)
{
    uint64_t hash = hash_of(owner);
    for (struct base_hash_node *node = base_hash_first(&pool->owners, hash); node != NULL;
         node = base_hash_next(node, hash))
        if (base_hash_entry(node, struct lib_claim, by_owner)->owner == owner)
            return true;
    return false;
}

static bool is_circle(const struct weir_pool *pool)
{
    struct core_pool_stats stats;
    if (core_pool_stats(pool->core, pool->now, pool->id, &stats) != 0)
        return false;
    if (stats.leased == 0 || stats.leased < stats.limit || stats.opening + stats.closing > 0)
        return false;
    uint32_t seen = 0;
    for (uint32_t i = 0; seen < stats.leased && i < pool->high; i++) {
        const struct lib_server *server = &pool->servers[i];
        if (!server->is_lent)
            continue;
        if (!is_known(server->owner) || !lib_deadlock_waits(pool, server->owner))
            return false;
        seen++;
    }
    return seen == stats.leased;
}

bool lib_deadlock_enter(struct weir_pool *pool, struct lib_claim *claim)
{
    if (!pool->config.options.detect_deadlock || !is_known(claim->owner))
        return false;
    base_hash_insert(&pool->owners, &claim->by_owner, hash_of(claim->owner));
    claim->is_in_owners = true;
    return is_circle(pool);
}

void lib_deadlock_leave(struct weir_pool *pool, struct lib_claim *claim)
{
    if (claim->is_in_owners)
        base_hash_remove(&pool->owners, &claim->by_owner);
    claim->is_in_owners = false;
}
