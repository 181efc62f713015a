/* swarm.h - scenarios drawn from a seed, to prove the pool rather than to plan.
 *
 * Which things happen at all is drawn first (swarm testing: Groce and others, "Swarm Testing",
 * 2012), so that some worlds have outages and no deploys, some leaks and tiny time-outs, some
 * nothing but load; then how much of each.
 */
#ifndef SIM_SWARM_H
#define SIM_SWARM_H

#include "sim/scenario.h"

enum sim_knob {
    SIM_KNOB_WEIR = 1 << 0,    /* a daemon in between */
    SIM_KNOB_SESSION = 1 << 1, /* ... in session mode */
    SIM_KNOB_POOLER = 1 << 2,  /* a session-mode pooler in front of the database */
    SIM_KNOB_TIGHT = 1 << 3,   /* limits below what the pools may open */
    SIM_KNOB_OUTAGE = 1 << 4,
    SIM_KNOB_DEPLOY = 1 << 5,
    SIM_KNOB_LIMITS = 1 << 6, /* limits that change */
    SIM_KNOB_LOSS = 1 << 7,   /* connections that break, connects that hang */
    SIM_KNOB_LEAK = 1 << 8,
    SIM_KNOB_SLOW = 1 << 9,
    SIM_KNOB_OVERLOAD = 1 << 10,  /* more work than the connections can do */
    SIM_KNOB_IMPATIENT = 1 << 11, /* short time-outs, short queues */
    SIM_KNOB_USERS = 1 << 12,     /* a closed load beside the open one */
    SIM_KNOB_FLEET = 1 << 13,     /* many processes, and weirs */
    SIM_KNOBS = 14,
};

/* Makes the scenario of a seed; sim_scenario_check accepts it. Returns its knobs. */
unsigned sim_swarm(uint64_t seed, struct sim_scenario *ret_scenario);

/* The knobs as words, for what a failing seed prints; needs 200 bytes. */
void sim_swarm_describe(unsigned knobs, char *out, size_t bytes);

#endif
