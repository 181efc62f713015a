/* scheduling.h - who runs first on a busy machine, the loop's thread or whom it wakes up
 * (batch_scheduling).
 *
 *     SCHED_OTHER --busy for a fifth of the time, two receives a turn--> SCHED_BATCH
 *         ^------- for less than a tenth, or less than one and a half -----'
 *
 * A pooler that has much to do wakes up for one message at a time when it interrupts a backend for
 * each; under SCHED_BATCH it waits for its turn and then does all that has come. One that has
 * little to do would only keep its clients waiting, behind others that use the CPUs, and one that
 * serves one conversation at a time has nothing to gather. Who falls silent in between is late once
 * more: it looks when it wakes up. Threads of helper.h keep the policy of the moment in which they
 * were started.
 *
 * Under SCHED_OTHER its slice is a little longer than the others' (Linux 6.12 and later): of two
 * the one with the shorter slice runs at once. So whom it wakes up on its own CPU starts before its
 * turn is over, and often has answered by the time when it would go to sleep.
 * Test: tests/unit/proxy/test_scheduling.c, tests/system/test_settings.py.
 */
#ifndef PROXY_SCHEDULING_H
#define PROXY_SCHEDULING_H

#include <stdbool.h>

#include "base/time.h"
#include "net/net.h"

/* What the loop's thread has done. */
struct proxy_work {
    base_time cpu;
    uint64_t turns, receives;
};

struct proxy_scheduling {
    bool is_off; /* it is not wanted, or somebody else chose the policy of this process */
    bool is_batch;
    base_time slice; /* as it was found; 0: the kernel has none that could be chosen */
    /* The last look: when, and our CPU time, the loop's turns and its receives by then. */
    base_time since;
    struct proxy_work work_since;
};

/* A policy that somebody chose for this process (chrt, a service manager) stays. */
void proxy_scheduling_start(struct proxy_scheduling *scheduling, bool is_wanted);

/* To be called in every turn of the loop, from its thread; looks four times a second. */
void proxy_scheduling_turn(struct proxy_scheduling *scheduling, base_time now,
                           const struct net_counters *counters);

/* Which of the two it should be, after so much work within `span`. */
bool proxy_scheduling_wants_batch(bool is_batch, struct proxy_work work, base_time span);

#endif
