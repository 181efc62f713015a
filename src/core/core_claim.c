/* core_claim.c - claims: the queue in its lanes, deadlines, and the two ways a claim ends well or
 * badly.
 *
 * A claim waits in one lane of one pool. Within a lane the order is that of arrival and nothing
 * changes it. Between lanes each round gives lane 0 eight turns, lane 1 four, 2 and 1 (unused turns
 * do not block others), so lane 0 is first and every lane advances.
 *
 *   CLAIM ---- idle server and nobody waits ---------> GRANT
 *     |------- failure held, queue full, too late ---> REFUSE
 *     v
 *   waiting -- a server becomes available -----------> GRANT   (core_claim_grant_next)
 *     |------- deadline -----------------------------> REFUSE  (core_claim_timer)
 *     |------- pool closed, login refused -----------> REFUSE  (core_claim_refuse_all)
 *     `------- CANCEL                                          (core_claim_cancel)
 *
 * Invariants
 * 1. A waiting claim with a deadline has its timer armed, never later than the deadline.
 * 2. Sequences grow from the head of a lane to its tail.
 * 3. The id is stale as soon as GRANT or REFUSE is queued.
 *
 * One timer per claim serves the notice and then the deadline. A claim granted at once never
 * touches the heap.
 * Test: tests/unit/core/test_claim.c.
 */
#include "core/core_internal.h"

/* A claim's exact place is counted up to here and estimated beyond. */
#define AHEAD_COUNTED 1024

/* How many claims that have a connect or check under way are looked past. */
#define UNSERVED_DEPTH 64

/* ---- order ----------------------------------------------------------------------------------- */

static struct core_claim *head(const struct core_pool *pool, uint32_t lane)
{
    if (base_list_is_empty(&pool->lanes[lane]))
        return NULL;
    return base_list_entry(pool->lanes[lane].next, struct core_claim, link);
}

static struct core_claim *after(const struct core_pool *pool, const struct core_claim *claim)
{
    if (claim->link.next == &pool->lanes[claim->lane])
        return NULL;
    return base_list_entry(claim->link.next, struct core_claim, link);
}

/* The claim whose turn it is. Needs a waiting claim. */
static struct core_claim *next_in_turn(struct core_pool *pool)
{
    for (int round = 0; round < 2; round++) {
        for (uint32_t lane = 0; lane < CORE_LANES; lane++)
            if (pool->turns[lane] > 0 && !base_list_is_empty(&pool->lanes[lane]))
                return head(pool, lane);
        for (uint32_t lane = 0; lane < CORE_LANES; lane++)
            pool->turns[lane] = CORE_LANE_TURNS(lane);
    }
    INVARIANT(!"a waiting claim is in a lane");
    return NULL;
}

struct core_claim *core_claim_oldest(const struct core_pool *pool)
{
    struct core_claim *oldest = NULL;
    for (uint32_t lane = 0; lane < CORE_LANES; lane++) {
        struct core_claim *claim = head(pool, lane);
        if (claim != NULL && (oldest == NULL || claim->sequence < oldest->sequence))
            oldest = claim;
    }
    return oldest;
}

struct core_claim *core_claim_unserved(const struct core_pool *pool)
{
    uint32_t before = pool->in_state[CORE_SERVER_OPENING] + pool->in_state[CORE_SERVER_CHECKING];
    if (pool->waiting <= before)
        return NULL;
    before = before < UNSERVED_DEPTH ? before : UNSERVED_DEPTH;
    struct core_claim *at[CORE_LANES];
    for (uint32_t lane = 0; lane < CORE_LANES; lane++)
        at[lane] = head(pool, lane);
    for (;;) {
        uint32_t least = 0;
        for (uint32_t lane = 1; lane < CORE_LANES; lane++)
            if (at[lane] != NULL && (at[least] == NULL || at[lane]->sequence < at[least]->sequence))
                least = lane;
        INVARIANT(at[least] != NULL);
        if (before-- == 0)
            return at[least];
        at[least] = after(pool, at[least]);
    }
}

/* Claims of the pool that come before this one: those of its lane that arrived earlier. Other
 * lanes take turns with it and are not counted. */
static uint32_t count_ahead(const struct core_pool *pool, const struct core_claim *claim)
{
    uint32_t counted = 0;
    for (struct core_claim *it = head(pool, claim->lane); it != claim; it = after(pool, it))
        if (++counted == AHEAD_COUNTED)
            return claim->ahead < counted ? counted : claim->ahead;
    return counted;
}

/* ---- ends ------------------------------------------------------------------------------------ */

static struct core_effect *push_effect(struct core *core, const struct core_claim *claim,
                                       enum core_effect_kind kind)
{
    struct core_effect *effect = core_effect_push(core, kind);
    const struct core_pool *pool = claim->pool;
    effect->tag = claim->tag;
    effect->pool = (struct core_pool_id){pool->slot.idx, pool->slot.gen};
    effect->claim = (struct core_claim_id){claim->slot.idx, claim->slot.gen};
    effect->waited = core->now - claim->since;
    return effect;
}

static void dequeue(struct core *core, struct core_claim *claim)
{
    core_timer_set(core, &claim->timer, BASE_NEVER);
    base_list_remove(&claim->link);
    INVARIANT(claim->pool->waiting > 0);
    claim->pool->waiting--;
}

static void refuse(struct core *core, struct core_claim *claim, int status)
{
    struct core_effect *effect = push_effect(core, claim, CORE_EFFECT_REFUSE);
    effect->status = status;
    effect->ahead = claim->ahead;
    if (status == BASE_ETIMEDOUT)
        claim->pool->timeouts++;
    else
        claim->pool->refusals++;
    base_slab_release(&core->claims, claim);
}

static void grant(struct core *core, struct core_claim *claim, struct core_server *server)
{
    struct core_pool *pool = claim->pool;
    struct core_effect *effect = push_effect(core, claim, CORE_EFFECT_GRANT);
    effect->server = (struct core_server_id){server->slot.idx, server->slot.gen};
    pool->grants++;
    pool->wait_total += effect->waited;
    pool->wait_bucket[core_stats_bucket(effect->waited)]++;
    base_slab_release(&core->claims, claim);
    core_server_lend(core, server);
}

bool core_claim_grant_next(struct core *core, struct core_pool *pool, struct core_server *server)
{
    while (pool->waiting > 0) {
        struct core_claim *claim = next_in_turn(pool);
        dequeue(core, claim);
        if (claim->deadline <= core->now) {
            refuse(core, claim, BASE_ETIMEDOUT);
            continue;
        }
        pool->turns[claim->lane]--;
        grant(core, claim, server);
        return true;
    }
    return false;
}

void core_claim_refuse_all(struct core *core, struct core_pool *pool, int status)
{
    for (uint32_t lane = 0; lane < CORE_LANES; lane++) {
        struct core_claim *claim;
        while ((claim = head(pool, lane)) != NULL) {
            dequeue(core, claim);
            refuse(core, claim, claim->deadline <= core->now ? BASE_ETIMEDOUT : status);
        }
    }
}

/* ---- events ---------------------------------------------------------------------------------- */

static struct core_claim *make(struct core *core, struct core_pool *pool,
                               const struct core_event *event)
{
    struct core_claim *claim = base_slab_take(&core->claims);
    if (claim == NULL)
        return NULL;
    claim->timer.kind = CORE_TIMER_CLAIM;
    claim->pool = pool;
    claim->tag = event->tag;
    claim->sequence = core->sequence++;
    claim->since = core->now;
    claim->deadline = event->deadline;
    claim->lane = event->lane;
    claim->ahead = pool->waiting;
    claim->is_notified = false;
    return claim;
}

/* The idle server that may be lent this moment, without a check; NULL when there is none. */
static struct core_server *ready_server(struct core *core, struct core_pool *pool)
{
    struct core_server *server;
    enum core_close_reason reason;
    while ((server = core_pool_next_idle(pool)) != NULL) {
        if (!core_server_is_unfit(core, server, &reason))
            return core_server_needs_check(core, server) ? NULL : server;
        core_server_close(core, server, reason);
    }
    return NULL;
}

/* Status to refuse a new claim with that no server could be lent to at once; 0 = it may wait. */
static int reason_to_refuse(const struct core *core, const struct core_pool *pool,
                            const struct core_claim *claim)
{
    if (claim->deadline <= core->now)
        return BASE_ETIMEDOUT;
    return pool->waiting >= pool->settings.max_waiting ? BASE_EQUEUEFULL : 0;
}

static void enqueue(struct core *core, struct core_claim *claim)
{
    struct core_pool *pool = claim->pool;
    base_list_push_back(&pool->lanes[claim->lane], &claim->link);
    pool->waiting++;
    base_time at = claim->deadline;
    if (pool->settings.notify_after != 0) {
        base_time notice = base_time_add(core->now, pool->settings.notify_after);
        at = notice < at ? notice : at;
    }
    core_timer_set(core, &claim->timer, at);
}

int core_claim_apply(struct core *core, struct core_pool *pool, struct core_event *event)
{
    if (event->lane >= CORE_LANES)
        return BASE_EINVALID;
    if (core->effect_count >= core->effect_capacity / 2)
        return BASE_ECAPACITY;
    struct core_claim *claim = make(core, pool, event);
    if (claim == NULL)
        return BASE_ECAPACITY;
    pool->is_used = true;
    event->claim = (struct core_claim_id){claim->slot.idx, claim->slot.gen};
    if (pool->auth_hold_until > core->now && core_pool_lendable(pool) == 0) {
        refuse(core, claim, BASE_EUPSTREAMAUTH);
        return 0;
    }
    if (pool->waiting == 0 && !pool->is_paused && claim->deadline >= core->now) {
        struct core_server *server = ready_server(core, pool);
        if (server != NULL) {
            grant(core, claim, server);
            return 0;
        }
    }
    int status = reason_to_refuse(core, pool, claim);
    if (status != 0)
        refuse(core, claim, status);
    else
        enqueue(core, claim);
    core_pool_serve(core, pool);
    return 0;
}

int core_claim_cancel(struct core *core, struct core_claim *claim)
{
    dequeue(core, claim);
    base_slab_release(&core->claims, claim);
    core_connect_refresh(core, claim->pool);
    return 0;
}

void core_claim_timer(struct core *core, struct core_claim *claim)
{
    struct core_pool *pool = claim->pool;
    if (claim->deadline <= core->now) {
        dequeue(core, claim);
        refuse(core, claim, BASE_ETIMEDOUT);
        core_connect_refresh(core, pool);
        return;
    }
    if (!claim->is_notified) {
        claim->is_notified = true;
        push_effect(core, claim, CORE_EFFECT_NOTIFY)->ahead = count_ahead(pool, claim);
    }
    core_timer_set(core, &claim->timer, claim->deadline);
}
