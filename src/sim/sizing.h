/* sizing.h - the smallest settings that meet a goal: the search of `weir plan`.
 *
 * Two ways to share `room` connections among the processes of an application:
 *
 *   OWN    each process has a pool of `size`; all of them together stay within the room, twice when
 *          old and new processes stand side by side during deploys
 *   WEIR   one weir in transaction mode with `size` servers in front of the database; how many
 *          processes there are does not matter
 *
 * Every answer is a simulation (sim_run) of some ten thousand requests; sizes are searched by
 * bisection, as waits do not grow with the size, and the size found is tried with other seeds.
 * Test: tests/unit/sim/test_sizing.c.
 */
#ifndef SIM_SIZING_H
#define SIM_SIZING_H

#include "sim/result.h"

enum sizing_way { SIZING_OWN, SIZING_WEIR, SIZING_WAYS };

struct sizing_question {
    const struct sim_scenario
        *scenario;       /* load, network, processes; its limits are not looked at */
    uint32_t room;       /* connections for the application, the reserve taken off */
    base_time goal;      /* that 99 % of all waits for connections do not exceed */
    bool is_overlapping; /* deploys: old and new processes side by side */
};

/* What one size is like. */
struct sizing_run {
    uint32_t size;  /* of each pool */
    uint32_t total; /* connections to the database that all pools may open */
    uint64_t requests, failed;
    base_time wait_p50, wait_p99, wait_max;
    double busy;          /* connections in use, on average */
    uint32_t peak_client; /* WEIR: connections of one process to weir, at most */
    bool is_good;         /* nothing failed and the goal is met */
};

struct sizing_option {
    bool is_found;
    struct sizing_run run; /* at the smallest good size; not found: at the largest that fits */
    double load_most;      /* found: it still holds at so many times the load; 8 = or more, 0 = not
                            * known, of a trace */
};

/* What would help where a way is not found; 0 = this alone would not. */
struct sizing_remedy {
    uint32_t room;      /* connections that would be enough */
    uint32_t processes; /* OWN: so many processes would be */
    double service;     /* statements that take this share of their time would be */
};

struct sizing_answer {
    struct sizing_option options[SIZING_WAYS];
    struct sizing_remedy remedies[SIZING_WAYS];
    double busy;             /* Little's law: connections in use if there were any number of them */
    struct sizing_run thumb; /* OWN: pools that are just as large as that */
};

/* Searches. 0; BASE_ENOMEM; BASE_ESTATE with the promise that was broken in `text`. */
int sizing_search(const struct sizing_question *question, struct sizing_answer *ret_answer,
                  char text[256]) BASE_MUST_CHECK;

/* One size, one way. Errors as above. */
int sizing_try(const struct sizing_question *question, enum sizing_way way, uint32_t size,
               struct sizing_run *ret_run, char text[256]) BASE_MUST_CHECK;

/* The least number of users, each loading pages as the first load says and thinking in between,
 * with whom requests fail: refused, timed out. `scenario` has its pools and limits. 0 in
 * `ret_users`: not even the most that are simulated (SIM_USERS_MAX). Errors as above. */
int sizing_users(const struct sim_scenario *scenario, uint32_t *ret_users,
                 enum sim_outcome *ret_outcome, char text[256]) BASE_MUST_CHECK;

#endif
