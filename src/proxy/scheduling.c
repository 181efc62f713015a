/* scheduling.c - see scheduling.h. */
#include "proxy/scheduling.h"

#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "proxy/log.h"

#define LOOK_SPAN    (BASE_SECOND / 4)
#define BUSY_DIVISOR 5 /* of the span; below half of that it is not busy any more */
#define GATHERED     4 /* receives in two turns; below three it does not gather any more */
#define LONGER(span) ((span) + (span) / 8)

/* sched_setattr(2), for which older C libraries have nothing. */
struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t slice; /* of SCHED_OTHER and SCHED_BATCH in nanoseconds, from Linux 6.12; else 0 */
    uint64_t deadline, period;
};

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

static bool attributes_get(struct attributes *attributes)
{
    *attributes = (struct attributes){.size = sizeof(*attributes)};
    return syscall(SYS_sched_getattr, 0, attributes, sizeof(*attributes), 0) == 0;
}

/* Makes this thread one of `policy`, its niceness as it is. */
static bool enter(int policy, base_time slice)
{
    struct attributes attributes;
    if (!attributes_get(&attributes)) {
        return false;
    }
    attributes.policy = (uint32_t)policy;
    attributes.slice = slice;
    return syscall(SYS_sched_setattr, 0, &attributes, 0) == 0;
}

void proxy_scheduling_start(struct proxy_scheduling *scheduling, bool is_wanted)
{
    struct attributes attributes;
    *scheduling = (struct proxy_scheduling){
        .is_off = !is_wanted || sched_getscheduler(0) != SCHED_OTHER, .work_since.cpu = own_cpu()};
    if (!scheduling->is_off && attributes_get(&attributes) && attributes.slice > 0 &&
        enter(SCHED_OTHER, LONGER(attributes.slice))) {
        scheduling->slice = attributes.slice;
    }
}

static void change(struct proxy_scheduling *scheduling)
{
    bool is_done = scheduling->is_batch ? enter(SCHED_OTHER, LONGER(scheduling->slice))
                                        : enter(SCHED_BATCH, scheduling->slice);
    if (!is_done) {
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
