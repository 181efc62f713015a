/* scheduling.c - see scheduling.h. */
#include "proxy/scheduling.h"

#include <sched.h>
#include <time.h>

#include "proxy/log.h"

#define LOOK_SPAN    (BASE_SECOND / 4)
#define BUSY_DIVISOR 5 /* of the span; below half of that it is not busy any more */
#define GATHERED     4 /* receives in two turns; below three it does not gather any more */

static base_time own_cpu(void)
{
    struct timespec spec = {0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spec);
    return (base_time)spec.tv_sec * BASE_SECOND + (base_time)spec.tv_nsec;
}

bool proxy_scheduling_wants_batch(bool is_batch, struct proxy_work work, base_time span)
{
    base_time busy = span / BUSY_DIVISOR;
    bool is_busy = work.cpu >= (is_batch ? busy / 2 : busy);
    return is_busy && 2 * work.receives >= (is_batch ? GATHERED - 1 : GATHERED) * work.turns;
}

void proxy_scheduling_start(struct proxy_scheduling *scheduling, bool is_wanted)
{
    *scheduling = (struct proxy_scheduling){
        .is_off = !is_wanted || sched_getscheduler(0) != SCHED_OTHER, .work_since.cpu = own_cpu()};
}

static void change(struct proxy_scheduling *scheduling)
{
    static const struct sched_param none;
    int policy = scheduling->is_batch ? SCHED_OTHER : SCHED_BATCH;
    if (sched_setscheduler(0, policy, &none) != 0) {
        proxy_log(PROXY_WARNING,
                  "batch_scheduling: the system does not let weir change between SCHED_OTHER and "
                  "SCHED_BATCH; going on as is");
        scheduling->is_off = true;
        return;
    }
    scheduling->is_batch = !scheduling->is_batch;
}

void proxy_scheduling_turn(struct proxy_scheduling *scheduling, base_time now,
                           const struct net_counters *counters)
{
    base_time span = base_time_since(now, scheduling->since);
    if (scheduling->is_off || span < LOOK_SPAN) {
        return;
    }
    struct proxy_work work = {own_cpu(), counters->turns, counters->receives};
    struct proxy_work done = {base_time_since(work.cpu, scheduling->work_since.cpu),
                              work.turns - scheduling->work_since.turns,
                              work.receives - scheduling->work_since.receives};
    bool wants_batch = proxy_scheduling_wants_batch(scheduling->is_batch, done, span);
    if (wants_batch != scheduling->is_batch) {
        change(scheduling);
    }
    scheduling->since = now;
    scheduling->work_since = work;
}
