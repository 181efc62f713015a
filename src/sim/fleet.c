/* fleet.c - the processes: weirs first, then each generation of the application.
 *
 * A deploy starts a new generation, which gets all new requests from then on, beside the old one,
 * which finishes its own and ends after the overlap. A router gives each request to a process at
 * random, as Heroku's does.
 */
#include "sim/world.h"

#include <stdlib.h>

static uint32_t count_deploys(const struct sim_scenario *s)
{
    uint32_t deploys = 0;
    for (uint32_t i = 0; i < s->change_count; i++)
        deploys += s->changes[i].kind == SIM_CHANGE_DEPLOY;
    return deploys;
}

static int init_pools(struct world *w)
{
    const struct sim_scenario *s = w->scenario;
    uint32_t weirs = w->first_process;
    size_t process_conns = pool_limit(&s->pool), weir_conns = weirs ? pool_limit(&s->weir) : 0;
    size_t conn_count = weirs * weir_conns + (w->pool_count - weirs) * process_conns;
    w->pools = calloc(w->pool_count, sizeof(*w->pools));
    w->conns = calloc(conn_count, sizeof(*w->conns));
    size_t nodes = conn_count + w->pool_count + w->user_count + SIM_REQUESTS_MAX + SIM_LOADS_MAX +
                   SIM_CHANGES_MAX + 1;
    struct base_heap_entry *entries = calloc(nodes, sizeof(*entries));
    base_heap_init(&w->heap, entries, (uint32_t)nodes);
    if (!w->pools || !w->conns || !entries)
        return BASE_ENOMEM;
    struct conn *conns = w->conns;
    for (uint32_t i = 0; i < w->pool_count; i++) {
        struct pool *pool = &w->pools[i];
        pool->is_weir = i < weirs;
        pool->is_to_weir = weirs != 0 && !pool->is_weir;
        pool->weir = pool->is_to_weir ? &w->pools[i % weirs] : NULL;
        pool_init(w, pool, pool->is_weir ? &s->weir : &s->pool, conns);
        conns += pool->capacity;
    }
    return 0;
}

/* Pools are made when their process starts. */
static int start(struct world *w, uint32_t from, uint32_t count)
{
    for (uint32_t i = from; i < from + count; i++) {
        struct pool *pool = &w->pools[i];
        if (pool->settings->kind != SIM_POOL_LIBWEIR)
            pool_naive_init(pool);
        else if (pool_core_init(w, pool) != 0)
            return BASE_ENOMEM;
    }
    return 0;
}

int fleet_init(struct world *w)
{
    const struct sim_scenario *s = w->scenario;
    w->first_process = s->has_weir ? s->daemons : 0;
    w->process_count = s->processes;
    w->pool_count = w->first_process + s->processes * (1 + count_deploys(s));
    int r = init_pools(w);
    if (r == 0)
        r = start(w, 0, w->first_process + w->process_count);
    for (uint32_t i = 0; r == 0 && i < s->change_count; i++) {
        w->changes[i].node.kind = NODE_CHANGE;
        w->changes[i].settings = &s->changes[i];
        world_plan(w, &w->changes[i].node, s->changes[i].at);
    }
    return r;
}

void fleet_done(struct world *w)
{
    for (uint32_t i = 0; w->pools && i < w->pool_count; i++)
        pool_done(&w->pools[i]);
    free(w->pools);
    free(w->conns);
}

struct pool *fleet_route(struct world *w)
{
    uint64_t which = base_random_below(&w->random, w->process_count);
    return &w->pools[w->first_process + which];
}

/* ---- changes --------------------------------------------------------------------------------- */

static void deploy(struct world *w, struct change *change)
{
    uint32_t count = w->process_count;
    if (change->step++ == 0) {
        /* what ends later is the generation before the one that starts now */
        change->first_old = w->first_process;
        w->first_process += count;
        if (start(w, w->first_process, count) != 0)
            checker_violated(w, "out of memory while a deploy started processes");
        world_plan(w, &change->node, base_time_add(w->now, change->settings->span));
        return;
    }
    for (uint32_t i = change->first_old; i < change->first_old + count; i++)
        pool_end(w, &w->pools[i]);
}

static void outage(struct world *w, struct change *change)
{
    switch (change->step++) {
    case 0:
        w->is_down = true;
        database_break(w);
        world_plan(w, &change->node, base_time_add(w->now, change->settings->span));
        break;
    case 1:
        w->is_down = false;
        w->is_starting = true;
        world_plan(w, &change->node, base_time_add(w->now, change->settings->starting));
        break;
    default:
        w->is_starting = false;
        break;
    }
}

void fleet_change(struct world *w, struct change *change)
{
    world_hash(w, change->settings->kind, change->step);
    switch (change->settings->kind) {
    case SIM_CHANGE_DEPLOY:
        deploy(w, change);
        break;
    case SIM_CHANGE_OUTAGE:
        outage(w, change);
        break;
    case SIM_CHANGE_LIMITS:
        w->limits = change->settings->limits;
        break;
    }
}
