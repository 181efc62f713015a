/* core_hold.c - slots held for a claim that needs one in several scopes at once.
 *
 * A claim whose database and upstream are both full needs two slots, and they do not come free in
 * the same instant. Whoever took each as it came would starve it: servers would be closed for it
 * over and over and the slots go to others. So a pool that is parked at one shared scope because it
 * lacks room for a claim is a claimant in the others, and the last slots there are left to it:
 *   - by a pool that only wants its min_size: always;
 *   - by a pool with a claim: when the claimant's has waited CORE_STARVING_AFTER longer and its
 *     missing slot is on its way (a server is closing for it), so that nothing is held in vain. A
 *     hold is looked at again every CORE_HOLD_SPAN.
 * A pool's claim is here the oldest one for which no connect is under way: the older ones need no
 * slot any more.
 *
 * Invariants
 * 1. A pool parked at a shared scope that has no room for its claim is a claimant in its other
 *    shared scopes. One that is only held, or waits for a back-off, is none: so no hold depends on
 *    another one, and settling comes to an end.
 * 2. Where a pool stops being a claimant the scope is marked: a slot held for it is free again.
 * Test: tests/unit/core/test_scope.c.
 */
#include "core/core_internal.h"

static uint64_t key_of(const struct core_pool *pool)
{
    const struct core_claim *claim = core_claim_unserved(pool);
    return claim != NULL ? claim->sequence : CORE_NO_KEY;
}

static void join(struct core_pool *pool, int i)
{
    struct core_scope *scope = pool->scopes[i];
    base_pairing_insert(&scope->claimants, &pool->claimant[i], key_of(pool));
    scope->claimant_count++;
    pool->claims_in |= 1u << i;
}

static void part(struct core *core, struct core_pool *pool, int i)
{
    struct core_scope *scope = pool->scopes[i];
    base_pairing_remove(&scope->claimants, &pool->claimant[i]);
    scope->claimant_count--;
    pool->claims_in &= ~(1u << i);
    core_scope_mark(core, scope);
}

/* A connect that failed makes an older claim the one that lacks a server: a key that is too large
 * would not be found to be wrong. */
static void renew(struct core_pool *pool, int i)
{
    uint64_t key = key_of(pool);
    if (key >= pool->claimant[i].key)
        return;
    base_pairing_remove(&pool->scopes[i]->claimants, &pool->claimant[i]);
    base_pairing_insert(&pool->scopes[i]->claimants, &pool->claimant[i], key);
}

void core_hold_set(struct core *core, struct core_pool *pool, bool lacks_room)
{
    bool is_claimant = lacks_room && pool->parked_at != &pool->own;
    for (int i = CORE_SCOPE_DATABASE; i < CORE_NESTING; i++) {
        bool should = is_claimant && pool->scopes[i] != pool->parked_at;
        bool is_in = pool->claims_in & (1u << i);
        if (should && !is_in)
            join(pool, i);
        else if (is_in && !should)
            part(core, pool, i);
        else if (is_in)
            renew(pool, i);
    }
}

/* The claimant with the oldest claim; keys are made true as they come to the top. */
static struct core_pool *first_claimant(struct core_scope *scope, int nesting)
{
    struct base_pairing_node *node;
    while ((node = base_pairing_first(&scope->claimants)) != NULL) {
        struct core_pool *pool = base_list_entry(node - nesting, struct core_pool, claimant);
        uint64_t key = key_of(pool);
        if (key <= node->key)
            return pool;
        base_pairing_remove(&scope->claimants, node);
        base_pairing_insert(&scope->claimants, node, key);
    }
    return NULL;
}

/* True when the scope has no free slot to spare: one for the first claimant, or for a pool without
 * a claim, one for each. */
static bool is_tight(const struct core_pool *pool, int nesting, bool is_for_claim)
{
    const struct core_scope *scope = pool->scopes[nesting];
    uint32_t bound = scope->limit < scope->ceiling ? scope->limit : scope->ceiling;
    uint32_t count = core_scope_count(scope);
    uint32_t others = scope->claimant_count - !!(pool->claims_in & (1u << nesting));
    uint32_t kept = is_for_claim && others > 1 ? 1 : others;
    return kept > 0 && (count >= bound || bound - count <= kept);
}

/* A claimant that is parked here by now stands in the order like everybody else. */
static bool comes_first(const struct core_pool *other, const struct core_pool *pool,
                        const struct core_scope *scope)
{
    if (other->parked_at == scope)
        return false;
    const struct core_claim *theirs = core_claim_unserved(other);
    const struct core_claim *mine = core_claim_unserved(pool);
    return theirs != NULL && mine != NULL &&
           base_time_since(mine->since, theirs->since) >= CORE_STARVING_AFTER &&
           core_scope_short_of(other->parked_at, 1) == 0;
}

struct core_scope *core_hold_against(struct core *core, struct core_pool *pool, bool is_for_claim)
{
    if (core->parked == 0)
        return NULL;
    for (int i = CORE_SCOPE_DATABASE; i < CORE_NESTING; i++) {
        struct core_scope *scope = pool->scopes[i];
        if (!is_tight(pool, i, is_for_claim))
            continue;
        struct core_pool *other = first_claimant(scope, i);
        if (other != pool && (!is_for_claim || comes_first(other, pool, scope))) {
            scope->is_holding = true;
            return scope;
        }
    }
    return NULL;
}

void core_hold_review(struct core *core, struct core_pool *pool)
{
    if (pool->claims_in == 0)
        return;
    for (int i = CORE_SCOPE_DATABASE; i < CORE_NESTING; i++)
        if (pool->scopes[i]->is_holding)
            core_scope_mark(core, pool->scopes[i]);
}
