/* swarm.c - a scenario from a seed. Test: tests/unit/sim/test_swarm.c. */
#include "sim/swarm.h"

#include <stdio.h>

static const char *const knob_names[SIM_KNOBS] = {
    "weir", "session", "pooler", "tight",    "outage",    "deploy", "limits",
    "loss", "leak",    "slow",   "overload", "impatient", "users",  "fleet",
};

static uint32_t between(struct base_random *random, uint32_t low, uint32_t high)
{
    return (uint32_t)base_random_between(random, low, high);
}

/* A span between two, short ones as likely as long ones. */
static base_time some_span(struct base_random *random, base_time low, base_time high)
{
    base_time span = low;
    while (2 * span < high && base_random_below(random, 2) != 0)
        span *= 2;
    return base_random_between(random, span, 2 * span < high ? 2 * span : high);
}

static struct sim_dist some_dist(struct base_random *random, base_time mean)
{
    struct sim_dist dist = {.kind = (enum sim_dist_kind)base_random_below(random, 4)};
    dist.a = (double)mean;
    if (dist.kind == SIM_DIST_UNIFORM)
        dist.b = 2 * dist.a;
    if (dist.kind == SIM_DIST_LOGNORMAL)
        dist.b = 0.3 + sim_random_unit(random);
    return dist;
}

/* ---- parts ----------------------------------------------------------------------------------- */

static void draw_pools(struct sim_scenario *s, unsigned knobs, struct base_random *random)
{
    struct sim_pool_settings *pools[] = {&s->pool, &s->weir};
    for (int i = 0; i < 2; i++) {
        pools[i]->size = between(random, 1, 20);
        pools[i]->overflow = base_random_below(random, 2) ? between(random, 1, 10) : 0;
        pools[i]->max_connecting = between(random, 1, 5);
        if (knobs & SIM_KNOB_IMPATIENT) {
            pools[i]->timeout = some_span(random, 5 * BASE_MS, 5 * BASE_SECOND);
            pools[i]->max_waiting = between(random, 1, 50);
        }
    }
    s->has_weir = knobs & SIM_KNOB_WEIR;
    s->mode = knobs & SIM_KNOB_SESSION ? SIM_MODE_SESSION : SIM_MODE_TRANSACTION;
    s->pool.kind = SIM_POOL_LIBWEIR;
    if (s->has_weir && base_random_below(random, 2))
        s->pool.kind = base_random_below(random, 2) ? SIM_POOL_SQLALCHEMY : SIM_POOL_NONE;
    s->processes = knobs & SIM_KNOB_FLEET ? between(random, 2, 12) : between(random, 1, 2);
    if (knobs & SIM_KNOB_FLEET)
        s->daemons = between(random, 1, 2);
}

/* What all pools together may open at the database. */
static uint32_t wanted(const struct sim_scenario *s)
{
    const struct sim_pool_settings *pool = s->has_weir ? &s->weir : &s->pool;
    return (pool->size + pool->overflow) * (s->has_weir ? s->daemons : s->processes);
}

static void draw_limits(struct sim_scenario *s, unsigned knobs, struct base_random *random)
{
    uint32_t room = wanted(s) + 1;
    if (knobs & SIM_KNOB_TIGHT)
        room = between(random, 1, room);
    struct sim_limits *limits = &s->limits;
    *limits = (struct sim_limits){SIM_NO_LIMIT, 0, SIM_NO_LIMIT, SIM_NO_LIMIT, 0};
    uint32_t *which[] = {&limits->max_connections, &limits->role, &limits->database};
    *which[base_random_below(random, 3)] = room + 3;
    limits->others = 3;
    if (knobs & SIM_KNOB_POOLER)
        s->pooler_clients = between(random, 1, room);
}

static void draw_load(struct sim_scenario *s, struct sim_load *load, unsigned knobs,
                      struct base_random *random)
{
    sim_load_init(load);
    base_time service = some_span(random, BASE_MS, 100 * BASE_MS);
    load->service = some_dist(random, service);
    load->requests = between(random, 1, 5);
    load->transactions = between(random, 1, 3);
    load->statements = between(random, 1, 3);
    load->between = some_dist(random, base_random_below(random, 2) ? 0 : BASE_MS);
    load->outside = some_dist(random, base_random_below(random, 2) ? 0 : 3 * BASE_MS);
    load->is_held = base_random_below(random, 2);
    if (knobs & SIM_KNOB_SLOW) {
        load->slow = 0.02 * sim_random_unit(random);
        load->slow_service = some_dist(random, 500 * BASE_MS);
    }
    if (knobs & SIM_KNOB_LEAK) {
        load->leak = 0.002 * sim_random_unit(random);
        load->leak_for = base_random_below(random, 2) ? 20 * BASE_SECOND : BASE_NEVER;
        load->leak_in_transaction = base_random_below(random, 2);
    }
    uint32_t room = sim_limits_room(&s->limits, s->pooler_clients, NULL);
    uint32_t servers = wanted(s) < room ? wanted(s) : room;
    double work = (double)load->requests * load->transactions * load->statements *
                  (sim_dist_mean(&load->service) + 2e6) / 1e9;
    double use = knobs & SIM_KNOB_OVERLOAD ? 1 + sim_random_unit(random)
                                           : 0.2 + 0.6 * sim_random_unit(random);
    load->rate = (servers + 1) * use / work;
    if (load->rate > 2000)
        load->rate = 2000;
}

static void draw_users(struct sim_scenario *s, struct base_random *random)
{
    struct sim_load *load = &s->loads[s->load_count];
    *load = s->loads[0];
    s->load_count++;
    load->rate = 0;
    load->users = between(random, 1, 60);
    load->think = some_dist(random, some_span(random, 20 * BASE_MS, 5 * BASE_SECOND));
}

static struct sim_change *add_change(struct sim_scenario *s, enum sim_change_kind kind,
                                     struct base_random *random)
{
    struct sim_change *change = &s->changes[s->change_count++];
    *change = (struct sim_change){
        .kind = kind, .at = base_random_below(random, s->duration), .limits = s->limits};
    return change;
}

static void draw_changes(struct sim_scenario *s, unsigned knobs, struct base_random *random)
{
    for (uint32_t i = between(random, 1, 3); knobs & SIM_KNOB_OUTAGE && i > 0; i--) {
        struct sim_change *outage = add_change(s, SIM_CHANGE_OUTAGE, random);
        /* one after another, so that each ends before the next begins */
        outage->at = i * (s->duration / 4);
        outage->span =
            base_random_below(random, 2) ? 0 : some_span(random, BASE_MS, s->duration / 16);
        outage->starting = base_random_below(random, s->duration / 16);
    }
    for (uint32_t i = between(random, 1, 3); knobs & SIM_KNOB_DEPLOY && i > 0; i--)
        add_change(s, SIM_CHANGE_DEPLOY, random)->span = base_random_below(random, s->duration / 4);
    for (uint32_t i = between(random, 1, 4); knobs & SIM_KNOB_LIMITS && i > 0; i--) {
        struct sim_change *limits = add_change(s, SIM_CHANGE_LIMITS, random);
        limits->limits.others = between(random, 0, 3 + wanted(s) / 2);
    }
}

/* ---- whole ----------------------------------------------------------------------------------- */

unsigned sim_swarm(uint64_t seed, struct sim_scenario *ret_scenario)
{
    struct base_random random;
    base_random_init(&random, seed ^ 0x73776172);
    unsigned knobs = 0;
    for (unsigned i = 0; i < SIM_KNOBS; i++)
        if (base_random_below(&random, 3) == 0)
            knobs |= 1u << i;
    struct sim_scenario *s = ret_scenario;
    sim_scenario_init(s);
    snprintf(s->name, sizeof(s->name), "swarm %llu", (unsigned long long)seed);
    s->seed = seed;
    s->duration = some_span(&random, 10 * BASE_SECOND, 120 * BASE_SECOND);
    s->connect = some_dist(&random, some_span(&random, BASE_MS, 200 * BASE_MS));
    s->disconnect = base_random_below(&random, 20 * BASE_MS);
    s->round_trip = base_random_below(&random, 2 * BASE_MS);
    s->connect_timeout = some_span(&random, 100 * BASE_MS, 10 * BASE_SECOND);
    if (knobs & SIM_KNOB_LOSS) {
        s->loss = 0.002 * sim_random_unit(&random);
        s->connect_loss = 0.2 * sim_random_unit(&random);
    }
    s->cores = base_random_below(&random, 3) == 0 ? between(&random, 1, 8) : 0;
    draw_pools(s, knobs, &random);
    draw_limits(s, knobs, &random);
    draw_load(s, &s->loads[0], knobs, &random);
    s->load_count = 1;
    if (knobs & SIM_KNOB_USERS)
        draw_users(s, &random);
    draw_changes(s, knobs, &random);
    return knobs;
}

void sim_swarm_describe(unsigned knobs, char *out, size_t bytes)
{
    size_t used = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < SIM_KNOBS && used < bytes; i++)
        if (knobs & 1u << i)
            used +=
                (size_t)snprintf(out + used, bytes - used, "%s%s", used ? " " : "", knob_names[i]);
}
