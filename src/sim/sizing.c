/* sizing.c - bisection over simulations. */
#include "sim/sizing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUESTS    20000 /* of one simulation: 200 of them are beyond the 99th percentile */
#define SPAN_LEAST  (10 * BASE_SECOND)
#define SPAN_MOST   (3600 * BASE_SECOND)
#define SEEDS       3 /* with which a size that was found is tried */
#define LOAD_MOST   8.0
#define LOAD_STEPS  5
#define ROOM_MOST   4096
#define STEPS       6 /* of the bisection for faster statements */
#define OVERLAP     (30 * BASE_SECOND)
#define CLIENTS_ANY 1000 /* connections of a process to weir: as many as it wants */

/* What the functions below share. */
struct search {
    const struct sizing_question *question;
    struct sim_scenario *scratch;
    char *text;
    int status; /* of the first simulation that could not be run */
};

/* ---- one simulation -------------------------------------------------------------------------- */

/* Requests that arrive in a second; of users, if pages took no time. */
static double arrivals(const struct sim_scenario *scenario)
{
    double sum = 0;
    for (uint32_t i = 0; i < scenario->load_count; i++) {
        const struct sim_load *load = &scenario->loads[i];
        double pages = load->rate;
        if (load->users > 0)
            pages = load->users / (sim_dist_mean(&load->think) / 1e9);
        if (load->trace && load->trace[load->trace_count - 1] > 0)
            pages = load->trace_count / ((double)load->trace[load->trace_count - 1] / 1e9);
        sum += pages * load->requests;
    }
    return sum;
}

static base_time span_of(const struct sim_scenario *scenario)
{
    double span = REQUESTS / (arrivals(scenario) + 1e-9) * 1e9;
    if (span < (double)SPAN_LEAST)
        return SPAN_LEAST;
    return span < (double)SPAN_MOST ? (base_time)span : SPAN_MOST;
}

static void put_limits(struct sim_scenario *s, uint32_t room)
{
    s->limits = (struct sim_limits){
        .max_connections = SIM_NO_LIMIT, .role = room, .database = SIM_NO_LIMIT};
    s->pooler_clients = SIM_NO_LIMIT;
}

static void put_deploy(struct sim_scenario *s)
{
    s->duration = s->duration > 4 * OVERLAP ? s->duration : 4 * OVERLAP;
    s->changes[0] =
        (struct sim_change){.kind = SIM_CHANGE_DEPLOY, .at = s->duration / 2, .span = OVERLAP};
    s->change_count = 1;
}

static void put_way(struct sim_scenario *s, enum sizing_way way, uint32_t size)
{
    s->has_weir = way == SIZING_WEIR;
    s->mode = SIM_MODE_TRANSACTION;
    s->daemons = 1;
    if (way == SIZING_WEIR) {
        s->weir.size = size;
        s->weir.overflow = 0;
        s->pool.size = CLIENTS_ANY;
        s->pool.overflow = 0;
        return;
    }
    s->pool.size = size;
    s->pool.overflow = 0;
    if (s->pool.kind == SIM_POOL_NONE)
        s->pool.kind = SIM_POOL_SQLALCHEMY;
}

/* The scenario of the question with pools of `size`, and the load `factor` times as high. */
static struct sim_scenario *prepare(struct search *search, enum sizing_way way, uint32_t size,
                                    uint32_t room)
{
    struct sim_scenario *s = search->scratch;
    *s = *search->question->scenario;
    s->change_count = 0;
    s->duration = span_of(s);
    put_limits(s, room);
    put_way(s, way, size);
    if (search->question->is_overlapping)
        put_deploy(s);
    s->warmup = s->duration / 10;
    return s;
}

static struct sizing_run summary(const struct search *search, const struct sim_result *result,
                                 uint32_t size, uint32_t pools)
{
    const struct sim_load_result *total = &result->total;
    struct sizing_run run = {
        .size = size,
        .total = size * pools,
        .requests = total->requests,
        .failed = sim_result_failed(total),
        .wait_p50 = sim_histogram_quantile(&total->wait, 0.5),
        .wait_p99 = sim_histogram_quantile(&total->wait, 0.99),
        .wait_max = total->wait.max,
        .busy = result->lent_mean,
        .peak_client = result->peak_client,
    };
    run.is_good = run.failed == 0 && run.requests > 0 && run.wait_p99 <= search->question->goal;
    return run;
}

/* How many pools connect to the database. */
static uint32_t pools_of(const struct sizing_question *question, const struct sim_scenario *s)
{
    if (s->has_weir)
        return 1;
    return s->processes * (question->is_overlapping ? 2 : 1);
}

static struct sizing_run run(struct search *search, struct sim_scenario *s, uint32_t size)
{
    struct sim_result *result = NULL;
    struct sizing_run out = {.size = size};
    if (search->status != 0)
        return out;
    search->status = sim_run(s, &result);
    if (search->status == 0)
        out = summary(search, result, size, pools_of(search->question, s));
    else if (result)
        snprintf(search->text, 256, "%s", result->violation);
    sim_result_free(result);
    return out;
}

static struct sizing_run try_size(struct search *search, enum sizing_way way, uint32_t size,
                                  uint32_t room)
{
    return run(search, prepare(search, way, size, room), size);
}

/* ---- the smallest size ----------------------------------------------------------------------- */

/* The largest pools that fit into the room; 0 = none do. */
static uint32_t size_most(const struct sizing_question *question, enum sizing_way way,
                          uint32_t processes, uint32_t room)
{
    uint32_t pools = way == SIZING_WEIR ? 1 : processes * (question->is_overlapping ? 2 : 1);
    uint32_t size = room / pools;
    return size < SIM_CONNS_MAX ? size : SIM_CONNS_MAX;
}

/* Good with other seeds as well. */
static bool is_steady(struct search *search, enum sizing_way way, uint32_t size, uint32_t room,
                      struct sizing_run *worst)
{
    for (uint64_t i = 1; i < SEEDS; i++) {
        struct sim_scenario *s = prepare(search, way, size, room);
        s->seed += i;
        struct sizing_run again = run(search, s, size);
        if (again.wait_p99 > worst->wait_p99 || !again.is_good)
            *worst = again;
    }
    return worst->is_good;
}

static struct sizing_option smallest(struct search *search, enum sizing_way way)
{
    uint32_t room = search->question->room;
    uint32_t high = size_most(search->question, way, search->question->scenario->processes, room);
    uint32_t low = 1, most = high;
    struct sizing_option option = {0};
    if (high == 0)
        return option;
    option.run = try_size(search, way, high, room);
    if (!option.run.is_good)
        return option;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        struct sizing_run tried = try_size(search, way, middle, room);
        if (tried.is_good) {
            high = middle;
            option.run = tried;
        } else {
            low = middle + 1;
        }
    }
    while (search->status == 0 && !is_steady(search, way, high, room, &option.run) && high < most)
        option.run = try_size(search, way, ++high, room);
    option.is_found = option.run.is_good;
    return option;
}

/* ---- the margin and what would help ---------------------------------------------------------- */

static void scale_load(struct sim_scenario *s, double factor)
{
    for (uint32_t i = 0; i < s->load_count; i++) {
        s->loads[i].rate *= factor;
        s->loads[i].users = (uint32_t)(s->loads[i].users * factor);
    }
}

static bool holds_at_load(struct search *search, enum sizing_way way, uint32_t size, double factor)
{
    struct sim_scenario *s = prepare(search, way, size, search->question->room);
    scale_load(s, factor);
    return run(search, s, size).is_good;
}

static double load_most(struct search *search, enum sizing_way way, uint32_t size)
{
    double low = 1, high = 2;
    for (uint32_t i = 0; i < search->question->scenario->load_count; i++)
        if (search->question->scenario->loads[i].trace)
            return 0; /* what was recorded cannot be made more */
    while (high < LOAD_MOST && holds_at_load(search, way, size, high)) {
        low = high;
        high *= 2;
    }
    if (high >= LOAD_MOST && holds_at_load(search, way, size, LOAD_MOST))
        return LOAD_MOST;
    for (int i = 0; i < LOAD_STEPS; i++) {
        double middle = (low + high) / 2;
        if (holds_at_load(search, way, size, middle))
            low = middle;
        else
            high = middle;
    }
    return low;
}

static bool holds_in_room(struct search *search, enum sizing_way way, uint32_t room)
{
    uint32_t size = size_most(search->question, way, search->question->scenario->processes, room);
    return size > 0 && try_size(search, way, size, room).is_good;
}

static uint32_t room_needed(struct search *search, enum sizing_way way)
{
    uint32_t low = search->question->room, high = low > 0 ? 2 * low : 1;
    while (high < ROOM_MOST && !holds_in_room(search, way, high)) {
        low = high;
        high *= 2;
    }
    if (high >= ROOM_MOST && !holds_in_room(search, way, high))
        return 0;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (holds_in_room(search, way, middle))
            high = middle;
        else
            low = middle;
    }
    return high;
}

static bool holds_with_processes(struct search *search, uint32_t processes)
{
    uint32_t room = search->question->room;
    uint32_t size = size_most(search->question, SIZING_OWN, processes, room);
    if (size == 0)
        return false;
    struct sim_scenario *s = prepare(search, SIZING_OWN, size, room);
    s->processes = processes;
    return run(search, s, size).is_good;
}

/* The most processes, fewer than now, with which pools of their own would do; 0 = not even one. */
static uint32_t processes_enough(struct search *search)
{
    uint32_t low = 0, high = search->question->scenario->processes;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (holds_with_processes(search, middle))
            low = middle;
        else
            high = middle;
    }
    return low;
}

static double service_enough(struct search *search, enum sizing_way way)
{
    uint32_t room = search->question->room;
    uint32_t size = size_most(search->question, way, search->question->scenario->processes, room);
    double low = 0, high = 1;
    for (int i = 0; i < STEPS && size > 0; i++) {
        double middle = (low + high) / 2;
        struct sim_scenario *s = prepare(search, way, size, room);
        for (uint32_t l = 0; l < s->load_count; l++) {
            if (s->loads[l].services)
                return 0; /* what was recorded stays as it was */
            s->loads[l].service = sim_dist_scaled(&s->loads[l].service, middle);
            s->loads[l].slow_service = sim_dist_scaled(&s->loads[l].slow_service, middle);
        }
        if (run(search, s, size).is_good)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* ---- whole ----------------------------------------------------------------------------------- */

/* Little's law says how many connections are in use; pools of that size leave nothing for chance.
 */
static void ask_the_thumb(struct search *search, struct sizing_answer *answer)
{
    const struct sim_scenario *s = search->question->scenario;
    answer->busy = try_size(search, SIZING_OWN, CLIENTS_ANY, SIM_NO_LIMIT).busy;
    double each = ceil(answer->busy / s->processes);
    uint32_t size = each < 1 ? 1 : each < SIM_CONNS_MAX ? (uint32_t)each : SIM_CONNS_MAX;
    answer->thumb = try_size(search, SIZING_OWN, size, SIM_NO_LIMIT);
}

static int begin(struct search *search, const struct sizing_question *question, char text[256])
{
    *search = (struct search){
        .question = question, .scratch = malloc(sizeof(*search->scratch)), .text = text};
    text[0] = '\0';
    return search->scratch ? 0 : BASE_ENOMEM;
}

int sizing_search(const struct sizing_question *question, struct sizing_answer *ret_answer,
                  char text[256])
{
    struct search search;
    struct sizing_answer answer = {0};
    int r = begin(&search, question, text);
    if (r != 0)
        return r;
    ask_the_thumb(&search, &answer);
    for (int way = 0; way < SIZING_WAYS; way++) {
        struct sizing_option *option = &answer.options[way];
        *option = smallest(&search, (enum sizing_way)way);
        if (option->is_found) {
            option->load_most = load_most(&search, (enum sizing_way)way, option->run.size);
            continue;
        }
        answer.remedies[way].room = room_needed(&search, (enum sizing_way)way);
        answer.remedies[way].service = service_enough(&search, (enum sizing_way)way);
        if (way == SIZING_OWN)
            answer.remedies[way].processes = processes_enough(&search);
    }
    free(search.scratch);
    if (search.status == 0)
        *ret_answer = answer;
    return search.status;
}

int sizing_try(const struct sizing_question *question, enum sizing_way way, uint32_t size,
               struct sizing_run *ret_run, char text[256])
{
    struct search search;
    int r = begin(&search, question, text);
    if (r != 0)
        return r;
    struct sizing_run out = try_size(&search, way, size, question->room);
    free(search.scratch);
    if (search.status == 0)
        *ret_run = out;
    return search.status;
}

/* ---- users ----------------------------------------------------------------------------------- */

static bool fails_with(struct sim_scenario *s, uint32_t users, struct search *search,
                       enum sim_outcome *outcome)
{
    struct sim_result *result = NULL;
    s->loads[0].users = users;
    s->duration = span_of(s);
    s->warmup = 0;
    if (search->status == 0)
        search->status = sim_run(s, &result);
    bool is_failing = search->status == 0 && sim_result_failed(&result->total) > 0;
    for (int i = SIM_OK + 1; is_failing && i < SIM_OUTCOMES; i++)
        if (result->total.outcomes[i] > result->total.outcomes[*outcome] || *outcome == SIM_OK)
            *outcome = (enum sim_outcome)i;
    if (search->status != 0 && result)
        snprintf(search->text, 256, "%s", result->violation);
    sim_result_free(result);
    return is_failing;
}

int sizing_users(const struct sim_scenario *scenario, uint32_t *ret_users,
                 enum sim_outcome *ret_outcome, char text[256])
{
    struct search search;
    enum sim_outcome outcome = SIM_OK, unused;
    int r = begin(&search, NULL, text);
    if (r != 0)
        return r;
    struct sim_scenario *s = search.scratch;
    *s = *scenario;
    s->load_count = 1;
    s->loads[0].rate = 0;
    uint32_t low = 0, high = 1;
    while (high < SIM_USERS_MAX && !fails_with(s, high, &search, &outcome) && search.status == 0) {
        low = high;
        high = 2 * high < SIM_USERS_MAX ? 2 * high : SIM_USERS_MAX;
    }
    while (outcome != SIM_OK && high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        unused = SIM_OK;
        if (fails_with(s, middle, &search, &unused))
            high = middle;
        else
            low = middle;
    }
    free(search.scratch);
    *ret_users = outcome == SIM_OK ? 0 : high;
    *ret_outcome = outcome;
    return search.status;
}
