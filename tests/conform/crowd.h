/* crowd.h - takers who take, hold for a span, give back and take again, all at once. */
#ifndef CROWD_H
#define CROWD_H

#include "rig.h"

struct crowd {
    int takers;
    int rounds; /* takes of each */
    base_time hold;
    base_time timeout;
    /* out */
    int served[RIG_TAKERS], refused[RIG_TAKERS]; /* by taker */
    int grants, timeouts;
    base_time wait_most;          /* of a take that was served */
    base_time refused_wait_least; /* of a take that was not; BASE_NEVER: there was none */
    base_time span;               /* from the first take to the last give */
    uint32_t waiting_most, out_most;
};

/* Runs until everybody has done all rounds. */
void crowd_run(struct rig *rig, struct crowd *crowd);

/* Runs until `grants` takes were served, then lets those who hold give back. `rounds` is not used.
 */
void crowd_run_grants(struct rig *rig, struct crowd *crowd, int grants);

/* (most served - least served) / mean, in percent. */
double crowd_spread(const struct crowd *crowd);

#endif
