/* Tests of proxy/scheduling.c. */
#include "proxy/scheduling.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "test.h"

static bool wants(bool is_batch, base_time cpu, base_time span, uint64_t turns, uint64_t receives)
{
    return proxy_scheduling_wants_batch(is_batch, (struct proxy_work){cpu, turns, receives}, span);
}

TEST(a_fifth_of_the_time_is_busy_and_half_of_that_stays_it)
{
    assert_false(wants(false, 0, BASE_SECOND, 1, 10));
    assert_false(wants(false, 200 * BASE_MS - 1, BASE_SECOND, 1, 10));
    assert_true(wants(false, 200 * BASE_MS, BASE_SECOND, 1, 10));
    assert_true(wants(true, 100 * BASE_MS, BASE_SECOND, 1, 10));
    assert_false(wants(true, 100 * BASE_MS - 1, BASE_SECOND, 1, 10));
    assert_false(wants(true, 900 * BASE_MS, 10 * BASE_SECOND, 1, 10));
}

TEST(two_receives_a_turn_are_gathered_and_one_and_a_half_stay_it)
{
    assert_false(wants(false, BASE_SECOND, BASE_SECOND, 1000, 1000));
    assert_false(wants(false, BASE_SECOND, BASE_SECOND, 1000, 1999));
    assert_true(wants(false, BASE_SECOND, BASE_SECOND, 1000, 2000));
    assert_true(wants(true, BASE_SECOND, BASE_SECOND, 1000, 1500));
    assert_false(wants(true, BASE_SECOND, BASE_SECOND, 1000, 1499));
}

TEST(a_policy_that_somebody_chose_stays)
{
    static const struct sched_param none;
    static const struct net_counters idle;
    struct proxy_scheduling scheduling;
    proxy_scheduling_start(&scheduling, true);
    assert_false(scheduling.is_off);
    assert_int_equal(sched_setscheduler(0, SCHED_BATCH, &none), 0);
    for (int is_wanted = 0; is_wanted < 2; is_wanted++) {
        proxy_scheduling_start(&scheduling, is_wanted);
        assert_true(scheduling.is_off);
        scheduling.is_batch = true; /* it would change back now, if it were its own choice */
        proxy_scheduling_turn(&scheduling, 100 * BASE_SECOND, &idle);
        assert_int_equal(sched_getscheduler(0), SCHED_BATCH);
    }
    assert_int_equal(sched_setscheduler(0, SCHED_OTHER, &none), 0);
}

/* Uses the CPU until this thread is a busy one for the next look. */
static void compute(void)
{
    struct timespec begin, now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
    do {
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    } while ((now.tv_sec - begin.tv_sec) * 1000000000L + now.tv_nsec - begin.tv_nsec < 60000000L);
}

/* What the kernel says of this thread: struct sched_attr, as sched_getattr(2) has it. */
static uint64_t own_slice(void)
{
    uint64_t attributes[6] = {0};
    assert_int_equal(syscall(SYS_sched_getattr, 0, attributes, sizeof(attributes), 0), 0);
    return attributes[3];
}

static void set_slice(uint64_t slice)
{
    uint64_t attributes[6] = {sizeof(attributes), [3] = slice};
    assert_int_equal(syscall(SYS_sched_setattr, 0, attributes, 0), 0);
}

TEST(the_slice_is_longer_while_it_does_not_gather)
{
    static const struct net_counters idle;
    struct proxy_scheduling scheduling;
    uint64_t before = own_slice();
    if (before == 0) {
        test_skip("the kernel lets nobody choose a slice: it is older than Linux 6.12");
    }
    int nice = getpriority(PRIO_PROCESS, 0);
    proxy_scheduling_start(&scheduling, false);
    assert_int_equal(own_slice(), before);
    proxy_scheduling_start(&scheduling, true);
    assert_int_equal(own_slice(), before + before / 8);

    struct net_counters gathered = {.turns = 1, .receives = 2};
    scheduling.work_since.cpu = 0; /* all that this thread has computed, in no time */
    scheduling.since = 1;
    compute();
    proxy_scheduling_turn(&scheduling, 1 + BASE_SECOND / 4, &gathered);
    assert_int_equal(sched_getscheduler(0), SCHED_BATCH);
    assert_int_equal(own_slice(), before);
    proxy_scheduling_turn(&scheduling, 1000 * BASE_SECOND, &idle);
    assert_int_equal(sched_getscheduler(0), SCHED_OTHER);
    assert_int_equal(own_slice(), before + before / 8);
    assert_int_equal(getpriority(PRIO_PROCESS, 0), nice);
    set_slice(before);
}

TEST(it_looks_four_times_a_second_and_changes_back)
{
    static const struct sched_param none;
    static const struct net_counters idle;
    struct proxy_scheduling scheduling;
    proxy_scheduling_start(&scheduling, true);
    assert_int_equal(sched_setscheduler(0, SCHED_BATCH, &none), 0);
    scheduling.since = BASE_SECOND;
    scheduling.work_since = (struct proxy_work){0}; /* all that this thread has computed */
    scheduling.is_batch = true;
    proxy_scheduling_turn(&scheduling, BASE_SECOND + BASE_SECOND / 4 - 1, &idle);
    assert_true(scheduling.is_batch);
    proxy_scheduling_turn(&scheduling, 1000000 * BASE_SECOND, &idle);
    assert_false(scheduling.is_batch);
    assert_int_equal(scheduling.since, 1000000 * BASE_SECOND);
    proxy_scheduling_turn(&scheduling, 1000000 * BASE_SECOND + BASE_SECOND / 4 - 1, &idle);
    assert_int_equal(scheduling.since, 1000000 * BASE_SECOND);
    assert_int_equal(sched_getscheduler(0), SCHED_OTHER);
}

TEST(what_was_done_before_the_last_look_does_not_count)
{
    struct net_counters counters = {.turns = 1000, .receives = 5000};
    struct proxy_scheduling scheduling;
    base_time now = 1000 * BASE_SECOND;
    proxy_scheduling_start(&scheduling, true);
    proxy_scheduling_turn(&scheduling, now, &counters);
    counters.turns += 1000;
    counters.receives += 1000;
    compute();
    proxy_scheduling_turn(&scheduling, now += BASE_SECOND / 4, &counters);
    assert_false(scheduling.is_batch);
    counters.turns += 1000;
    counters.receives += 2000;
    compute();
    proxy_scheduling_turn(&scheduling, now += BASE_SECOND / 4, &counters);
    assert_true(scheduling.is_batch);
    assert_int_equal(sched_getscheduler(0), SCHED_BATCH);
    proxy_scheduling_turn(&scheduling, now + BASE_SECOND / 4, &counters);
    assert_int_equal(sched_getscheduler(0), SCHED_OTHER);
}
