/* Tests of proxy/scheduling.c. */
#include "proxy/scheduling.h"

#include <sched.h>

#include "test.h"

TEST(a_fifth_of_the_time_is_busy_and_half_of_that_stays_it)
{
    assert_false(proxy_scheduling_wants_batch(false, 0, BASE_SECOND));
    assert_false(proxy_scheduling_wants_batch(false, 200 * BASE_MS - 1, BASE_SECOND));
    assert_true(proxy_scheduling_wants_batch(false, 200 * BASE_MS, BASE_SECOND));
    assert_true(proxy_scheduling_wants_batch(true, 100 * BASE_MS, BASE_SECOND));
    assert_false(proxy_scheduling_wants_batch(true, 100 * BASE_MS - 1, BASE_SECOND));
    assert_false(proxy_scheduling_wants_batch(true, 900 * BASE_MS, 10 * BASE_SECOND));
}

TEST(a_policy_that_somebody_chose_stays)
{
    static const struct sched_param none;
    struct proxy_scheduling scheduling;
    proxy_scheduling_start(&scheduling, true);
    assert_false(scheduling.is_off);
    assert_int_equal(sched_setscheduler(0, SCHED_BATCH, &none), 0);
    for (int is_wanted = 0; is_wanted < 2; is_wanted++) {
        proxy_scheduling_start(&scheduling, is_wanted);
        assert_true(scheduling.is_off);
        scheduling.is_batch = true; /* it would change back now, if it were its own choice */
        proxy_scheduling_turn(&scheduling, 100 * BASE_SECOND);
        assert_int_equal(sched_getscheduler(0), SCHED_BATCH);
    }
    assert_int_equal(sched_setscheduler(0, SCHED_OTHER, &none), 0);
}

TEST(it_looks_four_times_a_second_and_changes_back)
{
    static const struct sched_param none;
    struct proxy_scheduling scheduling;
    proxy_scheduling_start(&scheduling, true);
    assert_int_equal(sched_setscheduler(0, SCHED_BATCH, &none), 0);
    scheduling.since = BASE_SECOND;
    scheduling.cpu_since = 0; /* all that this thread has computed */
    scheduling.is_batch = true;
    proxy_scheduling_turn(&scheduling, BASE_SECOND + BASE_SECOND / 4 - 1);
    assert_true(scheduling.is_batch);
    proxy_scheduling_turn(&scheduling, 1000000 * BASE_SECOND);
    assert_false(scheduling.is_batch);
    assert_int_equal(scheduling.since, 1000000 * BASE_SECOND);
    proxy_scheduling_turn(&scheduling, 1000000 * BASE_SECOND + BASE_SECOND / 4 - 1);
    assert_int_equal(scheduling.since, 1000000 * BASE_SECOND);
    assert_int_equal(sched_getscheduler(0), SCHED_OTHER);
}
