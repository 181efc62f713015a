/* plan_check.c - `weir plan --check`: do given settings fit into the limit, and if not, when do
 * they fail and what should be done instead. */
#include "cli/plan.h"

#include <string.h>

#include "sim/report.h"

#define LITTLE_ROOM 1 /* a pool of one connection at least */

struct verdict {
    uint64_t sum, sum_deploy; /* connections that all pools may open; during deploys */
    uint32_t limit;
    uint32_t requests;      /* of one page */
    uint32_t users_at_once; /* who load a page in the same moment and need more than the limit */
    uint32_t users;         /* simulated; 0 = none fail */
    enum sim_outcome outcome;
    uint32_t room, each; /* what to do instead: connections to share, in each process */
};

static bool fits(const struct verdict *verdict)
{
    return verdict->sum <= verdict->limit && verdict->sum_deploy <= verdict->limit;
}

static int simulate(const struct plan_arguments *arguments, struct verdict *verdict)
{
    char text[256];
    struct sim_scenario scenario = arguments->scenario;
    scenario.limits = (struct sim_limits){
        .max_connections = SIM_NO_LIMIT, .role = arguments->limit, .database = SIM_NO_LIMIT};
    scenario.pooler_clients = SIM_NO_LIMIT;
    scenario.pool.size = arguments->pool_size;
    scenario.pool.overflow = arguments->max_overflow;
    scenario.has_weir = false;
    int r = sizing_users(&scenario, &verdict->users, &verdict->outcome, text);
    if (r != 0)
        fprintf(stderr, "weir: %s\n", r == BASE_ENOMEM ? "out of memory" : text);
    return r;
}

static struct verdict judge(const struct plan_arguments *arguments)
{
    uint32_t processes = arguments->scenario.processes, limit = arguments->limit;
    struct sizing_question question = plan_question(arguments);
    struct verdict verdict = {
        .sum = (uint64_t)processes * ((uint64_t)arguments->pool_size + arguments->max_overflow),
        .limit = limit,
        .requests = arguments->scenario.loads[0].requests,
        .room = question.room > 0 ? question.room : limit,
    };
    uint32_t pools = processes * (arguments->overlap ? 2 : 1);
    verdict.sum_deploy = arguments->overlap ? 2 * verdict.sum : verdict.sum;
    verdict.users_at_once = limit / verdict.requests + 1;
    verdict.each = verdict.room / pools;
    return verdict;
}

/* ---- text ------------------------------------------------------------------------------------ */

static void print_misfit(const struct plan_arguments *arguments, const struct verdict *v)
{
    uint32_t processes = arguments->scenario.processes;
    bool is_deploy = v->sum <= v->limit;
    printf("%llu > %u: %u process%s x (%u + %u)%s may open %llu connections where %u are "
           "accepted.\n",
           (unsigned long long)(is_deploy ? v->sum_deploy : v->sum), v->limit, processes,
           processes == 1 ? "" : "es", arguments->pool_size, arguments->max_overflow,
           is_deploy ? ", twice during a deploy," : "",
           (unsigned long long)(is_deploy ? v->sum_deploy : v->sum), v->limit);
    printf("It fails as soon as %u requests are under way at once: %u users who load a page of %u "
           "request%s in the\nsame moment. What comes then is refused, though it could have waited "
           "a few milliseconds.\n",
           v->limit + 1, v->users_at_once, v->requests, v->requests == 1 ? "" : "s");
}

static void print_users(const struct plan_arguments *arguments, const struct verdict *v)
{
    const struct sim_load *load = &arguments->scenario.loads[0];
    char think[32];
    sim_span_format(sim_dist_mean(&load->think), think, sizeof(think));
    printf("Simulated, with users who load a page and think for %s on average: ", think);
    if (v->users == 0)
        printf("not even %d users make a request fail.\n\n", SIM_USERS_MAX);
    else
        printf("from %u users on requests fail (%s).\n\n", v->users, sim_outcome_name(v->outcome));
}

static void print_instead(const struct plan_arguments *arguments, const struct verdict *v)
{
    uint32_t processes = arguments->scenario.processes;
    printf("Do this instead: share %u connections (%u less %u in reserve).\n\n", v->room, v->limit,
           v->limit - v->room);
    if (v->each >= LITTLE_ROOM)
        sizing_report_own(stdout, v->each);
    else
        printf("A pool in each of %u processes cannot work: there is not one connection for "
               "each.\n\n",
               processes);
    sizing_report_weir(stdout, v->room, arguments->pool_size);
    puts("weir plan with --rate or --users tells whether that is enough, and whether less would "
         "do.");
}

static void print_text(const struct plan_arguments *arguments, const struct verdict *v)
{
    if (!fits(v)) {
        print_misfit(arguments, v);
        print_users(arguments, v);
        print_instead(arguments, v);
        return;
    }
    printf("%llu <= %u: it fits, %llu to spare.\n", (unsigned long long)v->sum_deploy, v->limit,
           (unsigned long long)(v->limit - v->sum_deploy));
    print_users(arguments, v);
    if (v->limit - v->sum_deploy < arguments->reserve)
        printf("But less than %u is left for psql, migrations and monitoring.\n",
               arguments->reserve);
    if (!arguments->overlap && 2 * v->sum > v->limit)
        printf("But %llu > %u where deploys have old and new processes side by side (Heroku: "
               "preboot): then at most %u in each process, or weir in front.\n",
               2 * (unsigned long long)v->sum, v->limit,
               v->room / (2 * arguments->scenario.processes));
}

static void print_json(const struct plan_arguments *arguments, const struct verdict *v)
{
    printf("{\"fits\": %s, \"connections\": %llu, \"connections_during_deploy\": %llu, "
           "\"limit\": %u, \"users_at_once\": %u, \"users_simulated\": ",
           fits(v) ? "true" : "false", (unsigned long long)v->sum,
           (unsigned long long)v->sum_deploy, v->limit, v->users_at_once);
    if (v->users == 0)
        fputs("null, \"outcome\": null", stdout);
    else
        printf("%u, \"outcome\": \"%s\"", v->users, sim_outcome_name(v->outcome));
    printf(", \"instead\": {\"pool_size\": %u, \"max_overflow\": 0, \"weir_default_pool_size\": "
           "%u}, \"reserve\": %u}\n",
           v->each, v->room, arguments->reserve);
}

int plan_check(const struct plan_arguments *arguments)
{
    struct verdict verdict = judge(arguments);
    if (arguments->pool_size == 0 ||
        (uint64_t)arguments->pool_size + arguments->max_overflow > SIM_CONNS_MAX) {
        fprintf(stderr, "weir: pool_size and max_overflow together have to be 1 to %d\n",
                SIM_CONNS_MAX);
        return 2;
    }
    if (simulate(arguments, &verdict) != 0)
        return 3;
    if (arguments->is_json)
        print_json(arguments, &verdict);
    else
        print_text(arguments, &verdict);
    return fits(&verdict) ? 0 : 1;
}
