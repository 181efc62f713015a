/* random_claim.c - the random world's clients: claims come, wait in their lanes, and end once. */
#include "random_internal.h"

static base_time draw_timeout(struct world *w)
{
    uint32_t roll = random_below(w, 100);
    if (roll == 0)
        return BASE_NEVER;
    return roll < 4 ? 0 : random_around(w, roll < 50 ? 20 * BASE_MS : 400 * BASE_MS);
}

void random_claim_begin(struct world *w, int number)
{
    struct pool *pool = &w->pools[number];
    base_time deadline = base_time_add(w->now, draw_timeout(w));
    struct core_event event = {.kind = CORE_EVENT_CLAIM,
                               .pool = pool->id,
                               .deadline = deadline,
                               .lane = w->has_lanes ? random_below(w, CORE_LANES) : 0,
                               .tag = ++w->next_tag};
    int status = core_apply(w->core, w->now, &event);
    if (status == BASE_ECAPACITY)
        return;
    REQUIRE(w, status == 0 && event.claim.idx < CLAIMS);
    pool->is_used = true;
    struct claim *claim = &w->claims[event.claim.idx];
    REQUIRE(w, !claim->is_waiting);
    *claim = (struct claim){.is_waiting = true,
                            .id = event.claim,
                            .pool = number,
                            .lane = event.lane,
                            .since = w->now,
                            .deadline = deadline,
                            .tag = event.tag};
    base_list_push_back(&pool->lanes[claim->lane], &claim->link);
    pool->waiting++;
    random_drain(w);
}

static void forget(struct world *w, struct claim *claim)
{
    claim->is_waiting = false;
    base_list_remove(&claim->link);
    w->pools[claim->pool].waiting--;
}

void random_claim_cancel(struct world *w)
{
    uint32_t start = random_below(w, CLAIMS);
    for (uint32_t i = 0; i < 32; i++) {
        struct claim *claim = &w->claims[(start + i) % CLAIMS];
        if (!claim->is_waiting)
            continue;
        struct core_event event = {.kind = CORE_EVENT_CANCEL, .claim = claim->id};
        forget(w, claim);
        random_apply(w, &event);
        return;
    }
}

/* ---- effects --------------------------------------------------------------------------------- */

/* The waiting claim that an effect is about. */
static struct claim *claim_of(struct world *w, const struct core_effect *e)
{
    REQUIRE(w, e->claim.idx < CLAIMS);
    struct claim *claim = &w->claims[e->claim.idx];
    REQUIRE(w, claim->is_waiting && claim->id.gen == e->claim.gen && claim->tag == e->tag);
    REQUIRE(w, e->waited == w->now - claim->since);
    return claim;
}

void random_claim_notify(struct world *w, const struct core_effect *e)
{
    (void)claim_of(w, e);
}

void random_claim_grant(struct world *w, const struct core_effect *e)
{
    struct claim *claim = claim_of(w, e);
    struct pool *pool = &w->pools[claim->pool];
    REQUIRE(w, w->now < claim->deadline || w->now == claim->since);
    REQUIRE(w, pool->lanes[claim->lane].next == &claim->link);
    REQUIRE(w, pool->is_open && !pool->is_paused);
    forget(w, claim);
    random_server_lend(w, e->server, claim);
    w->result.grants++;
}

void random_claim_refuse(struct world *w, const struct core_effect *e)
{
    struct claim *claim = claim_of(w, e);
    struct pool *pool = &w->pools[claim->pool];
    if (e->status == BASE_ETIMEDOUT) {
        REQUIRE(w, w->now == claim->deadline || claim->deadline < claim->since);
        w->result.timeouts++;
    } else if (e->status == BASE_EQUEUEFULL) {
        REQUIRE(w, pool->waiting > pool->settings.max_waiting);
    } else if (e->status == BASE_ECLOSED) {
        REQUIRE(w, !pool->is_open);
    } else {
        REQUIRE(w, e->status == BASE_EUPSTREAMAUTH && w->has_denials);
    }
    forget(w, claim);
    w->result.refusals++;
}
