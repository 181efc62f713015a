/* world.c - a world is made from a scenario, runs until nothing is planned, and is judged.
 *
 * Arrivals end with the scenario's duration; what is under way then goes on until it is done, so
 * that no request is cut off in the statistics. The world ends when only pools' deadlines (ages,
 * idle time-outs, probes) and lent connections that nobody gives back are left.
 * Test: tests/unit/sim.
 */
#include "sim/world.h"

#include <stdlib.h>
#include <string.h>

/* After this much more than the duration a request that still waits has been forgotten. */
#define REST_MOST (24 * 3600 * BASE_SECOND)

const char *sim_outcome_name(enum sim_outcome outcome)
{
    static const char *const names[SIM_OUTCOMES] = {
        [SIM_OK] = "answered",      [SIM_TIMED_OUT] = "pool time-out",
        [SIM_REFUSED] = "refused",  [SIM_QUEUE_FULL] = "queue full",
        [SIM_BROKEN] = "broken",    [SIM_GAVE_UP] = "too late",
        [SIM_DROPPED] = "overload",
    };
    return names[outcome];
}

uint64_t sim_result_failed(const struct sim_load_result *load)
{
    return load->requests - load->outcomes[SIM_OK];
}

/* ---- time ------------------------------------------------------------------------------------ */

void world_plan(struct world *w, struct node *node, base_time at)
{
    base_heap_set(&w->heap, &node->heap, at);
}

void world_unplan(struct world *w, struct node *node)
{
    base_heap_remove(&w->heap, &node->heap);
}

void world_tally(struct world *w)
{
    base_time end = w->now < w->scenario->duration ? w->now : w->scenario->duration;
    if (end <= w->area_since)
        return;
    w->lent_area += (double)w->lent * (double)(end - w->area_since);
    w->running_area += (double)w->running * (double)(end - w->area_since);
    w->area_since = end;
}

void world_hash(struct world *w, uint64_t a, uint64_t b)
{
    uint64_t hash = w->result->hash;
    hash = (hash ^ w->now) * 0x100000001b3;
    hash = (hash ^ a) * 0x100000001b3;
    w->result->hash = (hash ^ b) * 0x100000001b3;
}

bool world_has_chance(struct world *w, double share)
{
    return share > 0 && sim_random_unit(&w->random) < share;
}

/* ---- samples --------------------------------------------------------------------------------- */

struct sim_sample *world_sample(struct world *w)
{
    uint32_t idx = w->result->sample_count;
    return &w->result->samples[idx < SIM_SAMPLES ? idx : SIM_SAMPLES - 1];
}

void world_waiting(struct world *w, int change)
{
    struct sim_sample *sample = world_sample(w);
    w->waiting += (uint32_t)change;
    if (w->waiting > sample->waiting_max)
        sample->waiting_max = w->waiting;
    if (w->waiting > w->result->peak_waiting)
        w->result->peak_waiting = w->waiting;
}

static void end_sample(struct world *w)
{
    struct sim_sample *sample = world_sample(w);
    sample->at = w->now;
    sample->waiting = w->waiting;
    sample->connected = w->counted;
    sample->lent = w->lent;
    sample->running = w->running;
    checker_look(w);
    if (++w->result->sample_count < SIM_SAMPLES) {
        world_sample(w)->connected_max = w->counted;
        world_sample(w)->waiting_max = w->waiting;
        world_plan(w, &w->sample, w->now + w->sample_span);
    }
}

/* ---- a life ---------------------------------------------------------------------------------- */

static uint32_t count_users(const struct sim_scenario *scenario)
{
    uint32_t users = 0;
    for (uint32_t i = 0; i < scenario->load_count; i++)
        users += scenario->loads[i].users;
    return users;
}

static int init(struct world *w)
{
    const struct sim_scenario *s = w->scenario;
    w->user_count = count_users(s);
    w->users = calloc(w->user_count + 1, sizeof(*w->users));
    w->request_memory = calloc(SIM_REQUESTS_MAX, sizeof(struct request));
    w->page_memory = calloc(SIM_REQUESTS_MAX, sizeof(struct page));
    w->result->loads = calloc(s->load_count, sizeof(*w->result->loads));
    if (!w->users || !w->request_memory || !w->page_memory || !w->result->loads)
        return BASE_ENOMEM;
    base_slab_init(&w->requests, w->request_memory, sizeof(struct request), SIM_REQUESTS_MAX);
    base_slab_init(&w->pages, w->page_memory, sizeof(struct page), SIM_REQUESTS_MAX);
    w->result->load_count = s->load_count;
    base_random_init(&w->random, s->seed);
    w->limits = s->limits;
    w->result->room = sim_limits_room(&s->limits, s->pooler_clients, &w->result->room_of);
    w->sample.kind = NODE_SAMPLE;
    w->sample_span = s->duration / SIM_SAMPLES;
    return fleet_init(w);
}

static void done(struct world *w)
{
    fleet_done(w);
    free(w->heap.entries);
    free(w->users);
    free(w->request_memory);
    free(w->page_memory);
}

static void happen(struct world *w, struct node *node)
{
    w->result->events++;
    switch (node->kind) {
    case NODE_CONN:
        conn_acts(w, base_list_entry(node, struct conn, node));
        break;
    case NODE_REQUEST:
        request_acts(w, base_list_entry(node, struct request, node));
        break;
    case NODE_POOL:
        pool_acts(w, base_list_entry(node, struct pool, node));
        break;
    case NODE_LOAD:
        load_arrive(w, base_list_entry(node, struct load, node));
        break;
    case NODE_USER:
        load_user_acts(w, base_list_entry(node, struct user, node));
        break;
    case NODE_CHANGE:
        fleet_change(w, base_list_entry(node, struct change, node));
        break;
    case NODE_SAMPLE:
        end_sample(w);
        break;
    }
}

static void live(struct world *w)
{
    base_time end = w->scenario->duration;
    while (w->result->violation[0] == '\0') {
        base_time next = base_heap_next(&w->heap);
        bool is_quiet = w->requests.used == 0 && w->result->sample_count == SIM_SAMPLES;
        if (next == BASE_NEVER || (next > end && is_quiet) || next > end + REST_MOST)
            break;
        w->now = next;
        struct base_heap_node *node = base_heap_pop_due(&w->heap, next);
        happen(w, base_list_entry(node, struct node, heap));
    }
    if (w->result->violation[0] == '\0')
        checker_end(w);
}

static void conclude(struct world *w)
{
    struct sim_result *result = w->result;
    w->now = w->now > w->scenario->duration ? w->now : w->scenario->duration;
    world_tally(w);
    result->ended = w->now;
    result->lent_mean = w->lent_area / (double)w->scenario->duration;
    result->running_mean = w->running_area / (double)w->scenario->duration;
    result->ceiling = SIM_NO_LIMIT;
    for (uint32_t i = 0; i < w->pool_count; i++) {
        struct core_pool_stats stats;
        const struct pool *pool = &w->pools[i];
        if (pool->core && core_pool_stats(pool->core, w->now, pool->id, &stats) == 0 &&
            stats.ceiling < result->ceiling)
            result->ceiling = stats.ceiling;
    }
}

int sim_run(const struct sim_scenario *scenario, struct sim_result **ret_result)
{
    struct world *w = calloc(1, sizeof(*w));
    struct sim_result *result = calloc(1, sizeof(*result));
    if (!w || !result) {
        free(w);
        free(result);
        return BASE_ENOMEM;
    }
    w->scenario = scenario;
    w->result = result;
    result->hash = 0xcbf29ce484222325;
    int r = init(w);
    if (r == 0) {
        world_plan(w, &w->sample, w->sample_span);
        load_init(w);
        live(w);
        conclude(w);
        r = result->violation[0] == '\0' ? 0 : BASE_ESTATE;
    }
    done(w);
    free(w);
    if (r == BASE_ENOMEM)
        sim_result_free(result);
    else
        *ret_result = result;
    return r;
}

void sim_result_free(struct sim_result *result)
{
    if (result)
        free(result->loads);
    free(result);
}
