/* core_connect.c - how many connects are wanted, whether the scopes let them pass, and where a pool
 * waits when they do not.
 *
 * A pool wants a connect for each waiting claim that has neither a connect nor a check under way,
 * and for what it lacks to min_size; never more than max_connecting at once. A connect belongs to
 * no claim: whoever becomes available first serves the first waiter, so a server given back beats
 * a connect in flight, and the late one idles.
 *
 * A connect has to pass the gates of all scopes of its pool. At the first shut one the pool is
 * parked, in order of its oldest claim without a connect. A scope where a slot comes free is marked
 * and its parked pools try again in that order, one connect at a time, so that slots go to the
 * claims that waited longest over all pools.
 *
 * Invariants
 * 1. A pool is parked only while it wants a connect, in one scope, which was shut when it tried.
 * 2. A parked pool's key is never larger than the sequence it stands for (it may be smaller; the
 *    truth is found when it comes to the top, so that granting a claim costs nothing here).
 * 3. scope->unmet is the sum of unmet of the pools parked there that only lack room.
 * Test: tests/unit/core/test_pool.c, test_scope.c, test_backoff.c.
 */
#include "core/core_internal.h"

/* Pools without a waiting claim (they lack servers to min_size) come after all others. */
#define KEY_WITHOUT_CLAIM ((uint64_t)1 << 63)

struct want {
    uint32_t count;
    bool is_for_claim;
};

/* ---- what is wanted -------------------------------------------------------------------------- */

static uint32_t lacking(uint32_t wanted, uint32_t present)
{
    return wanted > present ? wanted - present : 0;
}

/* What a pool lacks to its minimum; looks again when a quiet span ends. */
static uint32_t lacking_to_minimum(struct core *core, struct core_pool *pool)
{
    const struct core_pool_settings *settings = &pool->settings;
    uint32_t minimum = settings->min_size < settings->size ? settings->min_size : settings->size;
    uint32_t count = pool->is_used ? lacking(minimum, core_pool_kept(pool)) : 0;
    if (count > 0 && pool->quiet_until > core->now) {
        core_timer_hasten(core, &pool->timer, pool->quiet_until);
        return 0;
    }
    return count;
}

static struct want wanted(struct core *core, struct core_pool *pool)
{
    if (pool->is_closed || pool->is_paused)
        return (struct want){0};
    if (pool->auth_hold_until > core->now) {
        core_timer_hasten(core, &pool->timer, pool->auth_hold_until);
        return (struct want){0};
    }
    uint32_t opening = pool->in_state[CORE_SERVER_OPENING];
    uint32_t for_claims = lacking(pool->waiting, opening + pool->in_state[CORE_SERVER_CHECKING]);
    uint32_t for_minimum = lacking_to_minimum(core, pool);
    uint32_t count = for_claims > for_minimum ? for_claims : for_minimum;
    uint32_t room = lacking(pool->settings.max_connecting, opening);
    return (struct want){count < room ? count : room, for_claims > 0};
}

/* May the pool's own size take one more? Beyond size and overflow only once the oldest claim has
 * waited for the reserve. */
static bool has_own_room(struct core *core, struct core_pool *pool)
{
    const struct core_pool_settings *settings = &pool->settings;
    uint32_t count = core_scope_count(&pool->own);
    if (count < core_pool_base_limit(settings))
        return true;
    const struct core_claim *oldest = core_claim_oldest(pool);
    if (count >= pool->own.limit || oldest == NULL)
        return false;
    base_time at = base_time_add(oldest->since, settings->reserve_after);
    if (at <= core->now)
        return true;
    core_timer_hasten(core, &pool->timer, at);
    return false;
}

/* ---- parking --------------------------------------------------------------------------------- */

static uint64_t key_of(const struct core_pool *pool)
{
    const struct core_claim *claim = core_claim_unserved(pool);
    return claim != NULL ? claim->sequence : KEY_WITHOUT_CLAIM | pool->slot.idx;
}

static struct core_pool *parked_entry(struct base_pairing_node *node)
{
    return base_list_entry(node, struct core_pool, parked);
}

static void unlink_parked(struct core *core, struct core_pool *pool)
{
    base_pairing_remove(&pool->parked_at->parked, &pool->parked);
    INVARIANT(pool->parked_at->unmet >= pool->unmet && core->parked > 0);
    pool->parked_at->unmet -= pool->unmet;
    pool->unmet = 0;
    pool->parked_at = NULL;
    core->parked--;
}

void core_connect_leave(struct core *core, struct core_pool *pool)
{
    if (pool->parked_at == NULL)
        return;
    /* Whoever is first now may lack something else than when it was parked. */
    struct core_scope *scope = pool->parked_at;
    unlink_parked(core, pool);
    core_scope_mark(core, scope);
    core_hold_set(core, pool, false);
}

static void set_unmet(struct core_pool *pool, uint32_t unmet)
{
    INVARIANT(pool->parked_at != NULL && pool->parked_at->unmet >= pool->unmet);
    pool->parked_at->unmet += unmet - pool->unmet;
    pool->unmet = unmet;
}
static void park(struct core *core, struct core_pool *pool, struct core_scope *scope,
                 uint32_t unmet)
{
    uint64_t key = key_of(pool);
    if (pool->parked_at != scope || key < pool->parked.key) {
        if (pool->parked_at != NULL)
            unlink_parked(core, pool);
        base_pairing_insert(&scope->parked, &pool->parked, key);
        pool->parked_at = scope;
        core->parked++;
    }
    set_unmet(pool, unmet);
}

struct core_pool *core_connect_first_parked(struct core_scope *scope)
{
    struct base_pairing_node *node;
    while ((node = base_pairing_first(&scope->parked)) != NULL) {
        struct core_pool *pool = parked_entry(node);
        uint64_t key = key_of(pool);
        if (key <= node->key)
            return pool;
        base_pairing_remove(&scope->parked, node);
        base_pairing_insert(&scope->parked, node, key);
    }
    return NULL;
}

/* ---- gates ----------------------------------------------------------------------------------- */

/* What the scopes say about one more connect of a pool, as bit sets over its scopes. */
struct verdict {
    unsigned full, waiting, probing;
};

static struct verdict ask_gates(const struct core *core, const struct core_pool *pool,
                                bool may_probe)
{
    struct verdict verdict = {0};
    for (unsigned i = 0; i < CORE_NESTING; i++) {
        switch (core_backoff_gate(core, pool->scopes[i], may_probe)) {
        case CORE_GATE_OPEN:
            break;
        case CORE_GATE_PROBE:
            verdict.probing |= 1u << i;
            break;
        case CORE_GATE_FULL:
            verdict.full |= 1u << i;
            break;
        case CORE_GATE_WAIT:
            verdict.waiting |= 1u << i;
            break;
        }
    }
    return verdict;
}

static struct core_scope *first_of(const struct core_pool *pool, unsigned set)
{
    return pool->scopes[__builtin_ctz(set)];
}

/* Parks at the first scope that shut and sets its clock; asks for room where only room lacks. */
static void park_behind(struct core *core, struct core_pool *pool, struct want want,
                        struct verdict verdict)
{
    unsigned shut = verdict.waiting ? verdict.waiting : verdict.full;
    bool lacks_room = !verdict.waiting && want.is_for_claim;
    struct core_scope *scope = first_of(pool, shut);
    park(core, pool, scope, lacks_room ? want.count : 0);
    core_hold_set(core, pool, lacks_room);
    /* A ceiling is tried by time only for a claim. */
    if (verdict.waiting || want.is_for_claim)
        core_timer_hasten(core, &scope->timer, core_backoff_opens_at(core, scope));
    if (!lacks_room)
        return;
    for (unsigned i = CORE_SCOPE_DATABASE; i < CORE_NESTING; i++) {
        if (verdict.full & (1u << i)) {
            struct core_scope *full = pool->scopes[i];
            core_scope_make_room(core, full, full == scope ? scope->unmet : want.count);
        }
    }
}

/* A marked scope where an older claim waits to try; it comes first. NULL when there is none. */
static struct core_scope *owed_to_others(struct core *core, const struct core_pool *pool)
{
    if (base_list_is_empty(&core->dirty))
        return NULL;
    for (int i = 0; i < CORE_NESTING; i++) {
        struct core_scope *scope = pool->scopes[i];
        if (base_list_is_empty(&scope->dirty))
            continue;
        struct core_pool *first = core_connect_first_parked(scope);
        if (first != NULL && first != pool && first->parked.key < key_of(pool))
            return scope;
    }
    return NULL;
}

/* Starts one connect if one is wanted and possible; parks the pool if only a scope is in the way.
 * True when one was started. */
static bool try_one(struct core *core, struct core_pool *pool)
{
    struct want want = wanted(core, pool);
    if (want.count == 0 || !has_own_room(core, pool)) {
        core_connect_leave(core, pool);
        return false;
    }
    struct core_scope *owed = owed_to_others(core, pool);
    if (owed != NULL) {
        park(core, pool, owed, want.is_for_claim ? want.count : 0);
        return false;
    }
    struct verdict verdict = ask_gates(core, pool, want.is_for_claim);
    if (verdict.full | verdict.waiting) {
        park_behind(core, pool, want, verdict);
        return false;
    }
    struct core_scope *held = core_hold_against(core, pool, want.is_for_claim);
    if (held != NULL) {
        park(core, pool, held, 0);
        core_hold_set(core, pool, false);
        core_timer_hasten(core, &held->timer, base_time_add(core->now, CORE_HOLD_SPAN));
        return false;
    }
    core_connect_leave(core, pool);
    struct core_server *server = core_server_open(core, pool);
    for (unsigned i = 0; i < CORE_NESTING; i++)
        if (verdict.probing & (1u << i))
            pool->scopes[i]->prober = server->slot.idx + 1;
    return true;
}

/* ---- entries --------------------------------------------------------------------------------- */

void core_connect_start(struct core *core, struct core_pool *pool)
{
    while (try_one(core, pool))
        ;
}

void core_connect_refresh(struct core *core, struct core_pool *pool)
{
    if (pool->parked_at == NULL)
        return;
    struct want want = wanted(core, pool);
    if (want.count == 0)
        core_connect_leave(core, pool);
    else if (pool->unmet > 0)
        set_unmet(pool, want.is_for_claim ? want.count : 0);
    core_hold_review(core, pool);
}

void core_connect_unpark(struct core *core, struct core_scope *scope)
{
    struct core_pool *pool;
    scope->is_holding = false;
    while ((pool = core_connect_first_parked(scope)) != NULL) {
        if (try_one(core, pool)) {
            /* What it wants beyond this one queues behind older claims of other pools. */
            struct want more = wanted(core, pool);
            if (more.count > 0)
                park(core, pool, scope, more.is_for_claim ? more.count : 0);
        } else if (pool->parked_at == scope) {
            return;
        }
    }
}
