/* random_world.c - a world around the core, drawn from a seed: its steps, its end, a run.
 * What it promises is in random_world.h, what else belongs to it in random_internal.h. */
#include "random_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void random_fail(const struct world *w, const char *what, const char *file, int line)
{
    const char *name = strrchr(file, '/');
    fprintf(stderr, "random world: seed %" PRIu64 ", event %" PRIu64 ", %s:%d: %s\n", w->seed,
            w->result.events, name != NULL ? name + 1 : file, line, what);
    abort();
}

uint32_t random_below(struct world *w, uint32_t bound)
{
    return (uint32_t)base_random_below(&w->random, bound);
}

base_time random_around(struct world *w, base_time span)
{
    return base_random_between(&w->random, span / 2, span + span / 2);
}

/* ---- effects --------------------------------------------------------------------------------- */

static void mix(struct world *w, uint64_t x)
{
    w->result.hash = (w->result.hash ^ x) * 0x100000001b3;
}

static void hash_effect(struct world *w, const struct core_effect *e)
{
    mix(w, (uint64_t)e->kind << 32 | e->server.idx);
    mix(w, (uint64_t)e->server.gen << 32 | e->claim.idx);
    mix(w, (uint64_t)e->claim.gen << 32 | e->pool.idx);
    mix(w, e->tag);
    mix(w, e->waited);
    mix(w, (uint64_t)(uint32_t)e->status << 32 | (uint64_t)e->reason << 24 | e->ahead);
    mix(w, w->now);
}

static void on_effect(struct world *w, const struct core_effect *e)
{
    hash_effect(w, e);
    switch (e->kind) {
    case CORE_EFFECT_OPEN:
        random_server_open(w, e);
        break;
    case CORE_EFFECT_GRANT:
        random_claim_grant(w, e);
        break;
    case CORE_EFFECT_REFUSE:
        random_claim_refuse(w, e);
        break;
    case CORE_EFFECT_NOTIFY:
        random_claim_notify(w, e);
        break;
    case CORE_EFFECT_CHECK:
    case CORE_EFFECT_RESET:
    case CORE_EFFECT_CLOSE:
        random_server_task(w, e);
        break;
    }
}

void random_drain(struct world *w)
{
    struct core_effect effect;
    while (core_effect(w->core, &effect))
        on_effect(w, &effect);
}

void random_apply(struct world *w, struct core_event *event)
{
    int status = core_apply(w->core, w->now, event);
    REQUIRE(w, status == 0);
    random_drain(w);
}

/* ---- steps ----------------------------------------------------------------------------------- */

/* Somebody does something: most often a client. */
static void arrive(struct world *w)
{
    w->next_arrival = w->now + base_random_below(&w->random, 2 * w->arrival_span);
    uint32_t roll = random_below(w, 1000);
    int number = (int)random_below(w, POOLS);
    if (roll < 920) {
        if (w->pools[number].is_open)
            random_claim_begin(w, number);
    } else if (roll < 980) {
        random_claim_cancel(w);
    } else if (roll < 988) {
        if (w->has_kills)
            random_server_kill(w);
    } else if (roll < 994) {
        random_operator_fault(w);
    } else if (w->has_operator) {
        random_operator_act(w);
    }
}

static void step(struct world *w)
{
    base_time server_at = base_heap_next(&w->heap);
    base_time core_at = core_next_deadline(w->core);
    base_time arrival = w->is_ending ? BASE_NEVER : w->next_arrival;
    base_time at = server_at < arrival ? server_at : arrival;
    w->result.events++;
    if (core_at <= at) {
        w->now = core_at > w->now ? core_at : w->now;
        core_tick(w->core, w->now);
        random_drain(w);
        return;
    }
    w->now = at;
    struct base_heap_node *node = base_heap_pop_due(&w->heap, at);
    if (node != NULL)
        random_server_advance(w, base_list_entry(node, struct server, node));
    else
        arrive(w);
}

static void step_checked(struct world *w, uint32_t check_every)
{
    step(w);
    if (check_every == 0 || w->result.events % check_every != 0)
        return;
    core_check(w->core);
    random_liveness_check(w);
}

/* All that wait are served, all slots come back. */
static void end_quietly(struct world *w, uint32_t check_every)
{
    w->is_ending = true;
    random_operator_calm(w);
    base_time end = w->now + 300 * BASE_SECOND;
    while (base_heap_next(&w->heap) < end || core_next_deadline(w->core) < end)
        step_checked(w, check_every);
    for (int i = 0; i < POOLS; i++) {
        const struct pool *pool = &w->pools[i];
        REQUIRE(w, pool->waiting == 0 && pool->connecting == 0 && pool->checking == 0);
        REQUIRE(w, pool->leaving == 0 && (pool->is_open || pool->own.count == 0));
        struct core_pool_stats stats;
        if (!pool->is_open)
            continue;
        REQUIRE(w, core_pool_stats(w->core, w->now, pool->id, &stats) == 0);
        REQUIRE(w, stats.idle == pool->own.count && stats.waiting == 0);
    }
    core_check(w->core);
}

/* ---- a run ----------------------------------------------------------------------------------- */

static void draw_swarm(struct world *w)
{
    w->has_outages = random_below(w, 2) != 0;
    w->has_denials = random_below(w, 3) == 0;
    w->has_operator = random_below(w, 3) != 0;
    w->has_kills = random_below(w, 2) != 0;
    w->has_lanes = random_below(w, 2) != 0;
    w->full_kinds = random_below(w, 1u << KINDS);
    w->arrival_span = 20 * BASE_US << random_below(w, 8);
    w->hold_span = 50 * BASE_US << random_below(w, 10);
}

static void draw_world(struct world *w)
{
    draw_swarm(w);
    for (int i = 0; i < DATABASES; i++)
        random_scope_open(w, &w->databases[i], CORE_SCOPE_DATABASE);
    for (int i = 0; i < USERS; i++)
        random_scope_open(w, &w->users[i], CORE_SCOPE_USER);
    for (int i = 0; i < UPSTREAMS; i++) {
        random_scope_open(w, &w->upstreams[i], CORE_SCOPE_UPSTREAM);
        w->fakes[i].connect_span = BASE_MS << random_below(w, 8);
    }
    for (int i = 0; i < POOLS; i++) {
        for (int lane = 0; lane < CORE_LANES; lane++)
            base_list_init(&w->pools[i].lanes[lane]);
        random_operator_open_pool(w, i);
    }
}

struct random_result random_world_run(uint64_t seed, uint64_t events, uint32_t check_every)
{
    struct core_caps caps = {.scopes = 8, .pools = 2 * POOLS, .servers = SERVERS, .claims = CLAIMS};
    struct world *w = calloc(1, sizeof(*w));
    void *memory = calloc(1, core_bytes(&caps));
    if (w == NULL || memory == NULL)
        abort();
    w->seed = seed;
    w->now = w->next_arrival = BASE_SECOND;
    w->result.hash = 0xcbf29ce484222325;
    base_random_init(&w->random, seed);
    base_heap_init(&w->heap, w->entries, SERVERS);
    REQUIRE(w, core_init(memory, &caps, seed, &w->core) == 0);
    draw_world(w);
    while (w->result.events < events)
        step_checked(w, check_every);
    end_quietly(w, check_every);
    struct random_result result = w->result;
    free(memory);
    free(w);
    return result;
}
