/* scenario.c - defaults, and what is impossible. */
#include "sim/scenario.h"

#include <stdarg.h>
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
        free(scenario->loads[i].services);
        scenario->loads[i].trace = scenario->loads[i].services = NULL;
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

#define REQUIRE(e, section, key, load, ...)           \
    do {                                              \
        if (!(e))                                     \
            add(to, section, key, load, __VA_ARGS__); \
    } while (0)

static void add(struct sim_problems *to, const char *section, const char *key, uint32_t load,
                const char *format, ...) __attribute__((format(printf, 5, 6)));

static void add(struct sim_problems *to, const char *section, const char *key, uint32_t load,
                const char *format, ...)
{
    if (to->count == SIM_PROBLEMS_MAX)
        return;
    struct sim_problem *problem = &to->items[to->count++];
    *problem = (struct sim_problem){.section = section, .key = key, .load = load};
    va_list list;
    va_start(list, format);
    vsnprintf(problem->text, sizeof(problem->text), format, list);
    va_end(list);
}

static void check_pool(const struct sim_pool_settings *pool, bool is_weir, struct sim_problems *to)
{
    const char *section = is_weir ? "weir" : "application";
    const char *size = is_weir ? "default_pool_size" : "pool_size";
    REQUIRE(pool->size >= 1 && pool->size <= SIM_CONNS_MAX, section, size, 0,
            "%s has to be 1 to %d", size, SIM_CONNS_MAX);
    REQUIRE(pool->overflow == SIM_NO_LIMIT || pool->overflow <= SIM_CONNS_MAX, section,
            "max_overflow", 0, "max_overflow has to be -1 or 0 to %d", SIM_CONNS_MAX);
    REQUIRE(pool->max_connecting >= 1, section, "max_connecting", 0,
            "max_connecting has to be at least 1");
}

static void check_load(const struct sim_load *load, uint32_t i, struct sim_problems *to)
{
    const char *name = load->name;
    int kinds = (load->rate > 0) + (load->users > 0) + (load->trace != NULL);
    REQUIRE(kinds == 1, "load", "", i, "load \"%s\": give it one of rate, users and trace", name);
    REQUIRE(load->rate <= 1e6, "load", "rate", i, "rate has to be at most a million a second");
    REQUIRE(load->users <= SIM_USERS_MAX, "load", "users", i, "users have to be at most %d",
            SIM_USERS_MAX);
    REQUIRE(load->requests >= 1 && load->requests <= 1000, "load", "requests", i,
            "requests have to be 1 to 1000");
    REQUIRE(load->transactions >= 1 && load->transactions <= 10000, "load", "transactions", i,
            "transactions have to be 1 to 10000");
    REQUIRE(load->statements >= 1 && load->statements <= 10000, "load", "statements", i,
            "statements have to be 1 to 10000");
    REQUIRE(load->slow >= 0 && load->slow <= 1, "load", "slow", i, "slow has to be 0 to 1");
    REQUIRE(load->leak >= 0 && load->leak <= 1, "load", "leak", i, "leak has to be 0 to 1");
    REQUIRE(load->users == 0 || sim_dist_mean(&load->think) >= 1e5, "load", "think", i,
            "think has to be 100us at least");
}

static void check_whole(const struct sim_scenario *s, struct sim_problems *to)
{
    REQUIRE(s->duration >= BASE_MS && s->duration <= 400 * 86400 * BASE_SECOND, "", "duration", 0,
            "duration has to be 1ms to 400d");
    REQUIRE(s->warmup < s->duration, "", "warmup", 0, "warmup has to be shorter than duration");
    REQUIRE(s->processes >= 1 && s->processes <= SIM_PROCESSES_MAX, "application", "processes", 0,
            "processes have to be 1 to %d", SIM_PROCESSES_MAX);
    REQUIRE(!s->has_weir || (s->daemons >= 1 && s->daemons <= s->processes), "weir", "daemons", 0,
            "daemons have to be 1 to the number of processes");
    REQUIRE(s->loss >= 0 && s->loss <= 0.5, "network", "loss", 0, "loss has to be 0 to 0.5");
    REQUIRE(s->connect_loss >= 0 && s->connect_loss <= 0.9, "network", "connect_loss", 0,
            "connect_loss has to be 0 to 0.9");
    REQUIRE(s->connect_timeout >= BASE_MS && s->connect_timeout <= 3600 * BASE_SECOND, "network",
            "connect_timeout", 0, "connect_timeout has to be 1ms to 1h");
    REQUIRE(s->load_count >= 1, "", "", 0, "there is no load: add a [[load]]");
}

void sim_scenario_problems(const struct sim_scenario *scenario, struct sim_problems *ret)
{
    ret->count = 0;
    check_whole(scenario, ret);
    check_pool(&scenario->pool, false, ret);
    if (scenario->has_weir)
        check_pool(&scenario->weir, true, ret);
    for (uint32_t i = 0; i < scenario->load_count; i++)
        check_load(&scenario->loads[i], i, ret);
}

int sim_scenario_check(const struct sim_scenario *scenario, char *text, size_t bytes)
{
    struct sim_problems problems;
    sim_scenario_problems(scenario, &problems);
    if (problems.count == 0)
        return 0;
    snprintf(text, bytes, "%s", problems.items[0].text);
    return BASE_EINVALID;
}
