/* scenario.c - defaults, and what is impossible. */
#include "sim/scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIXED(ns)       ((struct sim_dist){.kind = SIM_DIST_FIXED, .a = (double)(ns)})
#define EXPONENTIAL(ns) ((struct sim_dist){.kind = SIM_DIST_EXPONENTIAL, .a = (double)(ns)})

void sim_load_init(struct sim_load *load)
{
    *load = (struct sim_load){
        .name = "load",
        .until = BASE_NEVER,
        .think = EXPONENTIAL(5 * BASE_SECOND),
        .requests = 1,
        .transactions = 1,
        .statements = 1,
        .service = EXPONENTIAL(10 * BASE_MS),
        .slow_service = FIXED(2 * BASE_SECOND),
        .between = FIXED(0),
        .outside = FIXED(0),
        .is_held = true,
        .leak_for = BASE_NEVER,
    };
}

void sim_scenario_init(struct sim_scenario *scenario)
{
    memset(scenario, 0, sizeof(*scenario));
    snprintf(scenario->name, sizeof(scenario->name), "scenario");
    scenario->seed = 1;
    scenario->duration = 60 * BASE_SECOND;
    scenario->give_up = BASE_NEVER;
    scenario->limits = (struct sim_limits){
        .max_connections = 100, .reserved = 3, .role = SIM_NO_LIMIT, .database = SIM_NO_LIMIT};
    scenario->pooler_clients = SIM_NO_LIMIT;
    scenario->connect = EXPONENTIAL(10 * BASE_MS);
    scenario->disconnect = 2 * BASE_MS;
    scenario->round_trip = BASE_MS;
    scenario->connect_timeout = 15 * BASE_SECOND;
    scenario->processes = 1;
    scenario->pool = (struct sim_pool_settings){.kind = SIM_POOL_SQLALCHEMY,
                                                .size = 5,
                                                .overflow = 10,
                                                .max_waiting = SIM_NO_LIMIT,
                                                .max_connecting = 2,
                                                .timeout = 30 * BASE_SECOND};
    scenario->weir = (struct sim_pool_settings){.kind = SIM_POOL_LIBWEIR,
                                                .size = 20,
                                                .max_waiting = SIM_NO_LIMIT,
                                                .max_connecting = 3,
                                                .timeout = 120 * BASE_SECOND};
    scenario->daemons = 1;
}

void sim_scenario_done(struct sim_scenario *scenario)
{
    for (uint32_t i = 0; i < scenario->load_count; i++) {
        free(scenario->loads[i].trace);
        scenario->loads[i].trace = NULL;
    }
}

/* ---- room ------------------------------------------------------------------------------------ */

static uint32_t left_of(uint32_t limit, uint32_t taken)
{
    if (limit == SIM_NO_LIMIT)
        return limit;
    return limit > taken ? limit - taken : 0;
}

uint32_t sim_limits_room(const struct sim_limits *limits, uint32_t pooler_clients,
                         const char **ret_which)
{
    const struct {
        uint32_t left;
        const char *which;
    } rows[] = {
        {pooler_clients, "the pooler's client limit"},
        {left_of(limits->role, limits->others), "the role's connection limit"},
        {left_of(limits->database, limits->others), "the database's connection limit"},
        {left_of(left_of(limits->max_connections, limits->reserved), limits->others),
         "max_connections"},
    };
    size_t least = 0;
    for (size_t i = 1; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].left < rows[least].left)
            least = i;
    if (ret_which)
        *ret_which = rows[least].left == SIM_NO_LIMIT ? "nothing" : rows[least].which;
    return rows[least].left;
}

/* ---- checks ---------------------------------------------------------------------------------- */

struct problem {
    char *text;
    size_t bytes;
};

#define REQUIRE(e, ...)                                 \
    do {                                                \
        if (!(e)) {                                     \
            snprintf(to->text, to->bytes, __VA_ARGS__); \
            return BASE_EINVALID;                       \
        }                                               \
    } while (0)

static int check_pool(const struct sim_pool_settings *pool, const char *where, struct problem *to)
{
    REQUIRE(pool->size >= 1 && pool->size <= SIM_CONNS_MAX, "%s: pool size has to be 1 to %d",
            where, SIM_CONNS_MAX);
    REQUIRE(pool->overflow == SIM_NO_LIMIT || pool->overflow <= SIM_CONNS_MAX,
            "%s: max_overflow has to be -1 or 0 to %d", where, SIM_CONNS_MAX);
    REQUIRE(pool->max_connecting >= 1, "%s: max_connecting has to be at least 1", where);
    return 0;
}

static int check_load(const struct sim_load *load, struct problem *to)
{
    int kinds = (load->rate > 0) + (load->users > 0) + (load->trace != NULL);
    REQUIRE(kinds == 1, "load \"%s\": give it one of rate, users and trace", load->name);
    REQUIRE(load->rate <= 1e6, "load \"%s\": rate has to be at most a million a second",
            load->name);
    REQUIRE(load->users <= SIM_USERS_MAX, "load \"%s\": users have to be at most %d", load->name,
            SIM_USERS_MAX);
    REQUIRE(load->requests >= 1 && load->requests <= 1000,
            "load \"%s\": requests have to be 1 to 1000", load->name);
    REQUIRE(load->transactions >= 1 && load->transactions <= 10000,
            "load \"%s\": transactions have to be 1 to 10000", load->name);
    REQUIRE(load->statements >= 1 && load->statements <= 10000,
            "load \"%s\": statements have to be 1 to 10000", load->name);
    REQUIRE(load->slow >= 0 && load->slow <= 1, "load \"%s\": slow has to be 0 to 1", load->name);
    REQUIRE(load->leak >= 0 && load->leak <= 1, "load \"%s\": leak has to be 0 to 1", load->name);
    REQUIRE(load->users == 0 || sim_dist_mean(&load->think) >= 1e5,
            "load \"%s\": users have to think for 100 us at least", load->name);
    return 0;
}

static int check_whole(const struct sim_scenario *s, struct problem *to)
{
    REQUIRE(s->duration >= BASE_MS && s->duration <= 400 * 86400 * BASE_SECOND,
            "duration has to be 1ms to 400d");
    REQUIRE(s->warmup < s->duration, "warmup has to be shorter than duration");
    REQUIRE(s->processes >= 1 && s->processes <= SIM_PROCESSES_MAX,
            "application: processes have to be 1 to %d", SIM_PROCESSES_MAX);
    REQUIRE(s->daemons >= 1 && s->daemons <= s->processes,
            "weir: daemons have to be 1 to the number of processes");
    REQUIRE(s->loss >= 0 && s->loss <= 0.5, "network: loss has to be 0 to 0.5");
    REQUIRE(s->connect_loss >= 0 && s->connect_loss <= 0.9,
            "network: connect_loss has to be 0 to 0.9");
    REQUIRE(s->connect_timeout >= BASE_MS && s->connect_timeout <= 3600 * BASE_SECOND,
            "network: connect_timeout has to be 1ms to 1h");
    REQUIRE(s->load_count >= 1, "there is no load: add a [[load]]");
    return 0;
}

int sim_scenario_check(const struct sim_scenario *scenario, char *text, size_t bytes)
{
    struct problem to = {text, bytes};
    int r = check_whole(scenario, &to);
    if (r == 0)
        r = check_pool(&scenario->pool, "application", &to);
    if (r == 0 && scenario->has_weir)
        r = check_pool(&scenario->weir, "weir", &to);
    for (uint32_t i = 0; r == 0 && i < scenario->load_count; i++)
        r = check_load(&scenario->loads[i], &to);
    return r;
}
