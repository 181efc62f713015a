/* result.h - what a simulated run was like. */
#ifndef SIM_RESULT_H
#define SIM_RESULT_H

#include "sim/histogram.h"
#include "sim/scenario.h"

#define SIM_SAMPLES 240

enum sim_outcome {
    SIM_OK,
    SIM_TIMED_OUT, /* waited for a connection until the pool's time-out */
    SIM_REFUSED,   /* the database or pooler refused a connection and the pool passed that on */
    SIM_QUEUE_FULL,
    SIM_BROKEN,  /* the connection broke, or the process ended */
    SIM_GAVE_UP, /* answered, but after give_up */
    SIM_DROPPED, /* more than SIM_REQUESTS_MAX in flight */
    SIM_OUTCOMES,
};

const char *sim_outcome_name(enum sim_outcome outcome);

struct sim_load_result {
    uint64_t requests, outcomes[SIM_OUTCOMES];
    uint64_t pages, pages_failed;      /* an arrival with all its requests */
    struct sim_histogram wait;         /* of requests, for connections, all waits of one together */
    struct sim_histogram latency;      /* of requests that were answered */
    struct sim_histogram page_latency; /* of pages none of whose requests failed */
};

/* What one slice of the duration was like; counts are of the slice, levels at its end. */
struct sim_sample {
    base_time at; /* its end */
    uint32_t waiting, connected, lent, running;
    uint32_t waiting_max, connected_max;
    uint32_t arrived, answered, failed;
    base_time wait_max;
    double wait_sum;
    uint32_t wait_count;
};

struct sim_result {
    struct sim_load_result total; /* of all loads */
    struct sim_load_result *loads;
    uint32_t load_count;
    uint32_t room;           /* connections that the limits left at the start */
    const char *room_of;     /* which limit that was */
    uint32_t peak_process;   /* connections of one process, of weir when there is one */
    uint32_t peak_client;    /* connections of one process to weir */
    uint32_t peak_connected; /* at the database, in all */
    uint32_t peak_waiting;
    uint32_t ceiling;    /* the lowest that a pool had learned at the end; SIM_NO_LIMIT = none */
    double lent_mean;    /* connections lent, over time */
    double running_mean; /* connections on which a statement ran */
    uint64_t connects, refused_connects, failed_connects, lost_connections;
    uint64_t core_events, events;
    uint64_t hash; /* of everything that happened, in order */
    base_time ended;
    uint32_t sample_count;
    struct sim_sample samples[SIM_SAMPLES];
    char violation[256]; /* a promise of the pool that was broken; "" = none */
};

uint64_t sim_result_failed(const struct sim_load_result *load);

/* Runs a scenario that sim_scenario_check accepts. 0; BASE_ENOMEM; or BASE_ESTATE when a checker
 * found a broken promise: `violation` says which (the result is filled until there). */
int sim_run(const struct sim_scenario *scenario, struct sim_result **ret_result) BASE_MUST_CHECK;

void sim_result_free(struct sim_result *result);

#endif
