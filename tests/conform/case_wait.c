/* case_wait.c - takers who wait: deadlines, order, fairness, spikes. Numbers are those of the
 * table in README.md. */
#include "crowd.h"

TEST(fourth_take_fails_at_its_time_out_and_not_before)
{
    /* Case 2. The rig checks that nobody is refused early. */
    struct rig *rig = rig_open((struct rig_settings){.size = 3, .check_after = BASE_NEVER});
    int holders[3];
    rig_hold_many(rig, holders, 3);
    base_time timeouts[] = {2 * BASE_SECOND, 10 * BASE_MS, 1 * BASE_MS, 1700 * BASE_MS + 1, 0};
    for (size_t i = 0; i < sizeof(timeouts) / sizeof(timeouts[0]); i++) {
        int late = rig_take(rig, timeouts[i]);
        rig_wait(rig, late);
        assert_int_equal(rig_answer(rig, late), RIG_TIMED_OUT);
        assert_int_equal(rig_cause(rig, late), RIG_ALL_HELD);
        assert_true(rig_waited(rig, late) >= timeouts[i]);
    }
    rig_give(rig, holders[0], RIG_CLEAN);
    rig_hold(rig);
    rig_close(rig);
}

TEST(every_loser_of_a_rush_has_waited_its_whole_time_out)
{
    /* Case 3: size 2+1, 10 takers at once, holds 4 s, time-out 3 s. */
    struct rig *rig =
        rig_open((struct rig_settings){.size = 2, .overflow = 1, .check_after = BASE_NEVER});
    struct crowd crowd = {
        .takers = 10, .rounds = 1, .hold = 4 * BASE_SECOND, .timeout = 3 * BASE_SECOND};
    crowd_run(rig, &crowd);
    assert_true(crowd.refused_wait_least >= 3 * BASE_SECOND);
    assert_int_equal(crowd.grants + crowd.timeouts, 10);
    assert_in_range(rig_counts(rig).peak, 1, 3);
    if (rig_is_virtual(rig)) {
        assert_int_equal(crowd.grants, 3);
        assert_int_equal(crowd.timeouts, 7);
        assert_true(crowd.span == 4 * BASE_SECOND + BASE_MS); /* the connect took 1 ms */
    }
    rig_close(rig);
}

static void rush(uint32_t overflow)
{
    struct rig *rig =
        rig_open((struct rig_settings){.size = 3, .overflow = overflow, .check_after = BASE_NEVER});
    rig_upstream(rig,
                 (struct rig_upstream){.capacity = RIG_NO_LIMIT, .connect_span = 50 * BASE_MS});
    struct crowd crowd = {.takers = 40, .rounds = 10, .hold = 5 * BASE_MS, .timeout = BASE_NEVER};
    crowd_run(rig, &crowd);
    assert_int_equal(crowd.grants, 400);
    assert_in_range(rig_counts(rig).peak, 1, 3 + overflow);
    assert_true(crowd.out_most <= 3 + overflow);
    rig_settle(rig);
    assert_true(rig_overflow(rig) <= 0);
    rig_close(rig); /* looks that everything is closed */
}

TEST(forty_takers_never_exceed_size_and_overflow)
{
    /* Case 4: 40 takers x 10, size 3, connect 50 ms; peak overflow 0, then at most 5. */
    rush(0);
    rush(5);
}

static void invalidate_for_two(base_time timeout, uint32_t overflow)
{
    struct rig *rig =
        rig_open((struct rig_settings){.size = 2, .overflow = overflow, .check_after = BASE_NEVER});
    int holders[5], count = overflow == 3 ? 5 : 2;
    rig_hold_many(rig, holders, count);
    int a = rig_take(rig, timeout), b = rig_take(rig, timeout);
    rig_give(rig, holders[0], RIG_BROKEN);
    rig_wait(rig, a);
    assert_int_equal(rig_answer(rig, a), RIG_HOLDS);
    rig_give(rig, a, RIG_CLEAN);
    rig_wait(rig, b);
    assert_int_equal(rig_answer(rig, b), RIG_HOLDS);
    assert_true(rig_server(rig, a) != rig_server(rig, holders[0]));
    assert_true(rig_server(rig, b) != rig_server(rig, holders[0]));
    rig_close(rig);
}

TEST(two_waiters_are_served_after_a_held_server_is_invalidated)
{
    /* Case 6. */
    static const base_time timeouts[] = {BASE_NEVER, 30 * BASE_SECOND};
    static const uint32_t overflows[] = {0, RIG_NO_LIMIT, 3};
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 3; j++)
            invalidate_for_two(timeouts[i], overflows[j]);
}

TEST(one_invalidated_server_is_one_new_connect_for_five_waiters)
{
    /* Case 7. */
    struct rig *rig = rig_open((struct rig_settings){.size = 1, .check_after = BASE_NEVER});
    int holder = rig_hold(rig), waiters[5];
    for (int i = 0; i < 5; i++)
        waiters[i] = rig_take(rig, BASE_NEVER);
    rig_give(rig, holder, RIG_BROKEN);
    for (int i = 0; i < 5; i++) {
        rig_wait(rig, waiters[i]);
        assert_int_equal(rig_answer(rig, waiters[i]), RIG_HOLDS);
        assert_true(rig_server(rig, waiters[i]) == rig_server(rig, waiters[0]));
        assert_int_equal(rig_counts(rig).waiting, 4 - i);
        rig_give(rig, waiters[i], RIG_CLEAN);
    }
    assert_true(rig_server(rig, waiters[0]) != rig_server(rig, holder));
    assert_int_equal(rig_counts(rig).attempts, 2);
    rig_close(rig);
}

TEST(spike_of_fifty_is_served_by_the_servers_that_are_there)
{
    /* Case 19: connect 150 ms, work 2 ms, 5 idle, at most 50, 50 at once. HikariCP needs 25-66 ms
     * and 6 connections, pgxpool 154 ms and 50; ours is 10 turns of the 5, and the two connects
     * that it may have in flight. */
    struct rig *rig =
        rig_open((struct rig_settings){.size = 50, .max_connecting = 2, .check_after = BASE_NEVER});
    rig_warm_up(rig, 5);
    rig_upstream(rig,
                 (struct rig_upstream){.capacity = RIG_NO_LIMIT, .connect_span = 150 * BASE_MS});
    struct crowd crowd = {.takers = 50, .rounds = 1, .hold = 2 * BASE_MS, .timeout = BASE_NEVER};
    crowd_run(rig, &crowd);
    assert_int_equal(crowd.grants, 50);
    if (rig_is_virtual(rig)) {
        assert_int_equal(rig_counts(rig).attempts, 7);
        assert_true(crowd.span == 20 * BASE_MS);
        assert_true(crowd.wait_most == 18 * BASE_MS);
    }
    rig_settle(rig); /* the late connects idle */
    assert_int_equal(rig_counts(rig).idle, rig_counts(rig).attempts);
    rig_close(rig);
}

TEST(takers_in_a_crowd_are_served_equally_often)
{
    /* Case 19: 64 takers, pool 10, 10 ms holds; spread of the checkouts at most 3 %. */
    struct rig *rig = rig_open((struct rig_settings){.size = 10, .check_after = BASE_NEVER});
    rig_warm_up(rig, 10);
    struct crowd crowd = {.takers = 64, .hold = 10 * BASE_MS, .timeout = BASE_NEVER};
    crowd_run_grants(rig, &crowd, rig_is_fast(rig) ? 60000 : 64 * 50);
    assert_true(crowd_spread(&crowd) <= 3.0);
    if (rig_is_virtual(rig)) /* 54 are ahead of whoever comes: six turns of 10 ms at most */
        assert_true(crowd.wait_most == 60 * BASE_MS);
    assert_int_equal(rig_counts(rig).attempts, 10);
    rig_close(rig);
}

TEST(nobody_waits_longer_than_those_ahead_of_him_need)
{
    /* Invariant 3: 40 takers, pool 10, 10 ms: 30 ms is ideal (HikariCP 1,020 ms; in SQLAlchemy 30
     * of the 40 starve). */
    struct rig *rig = rig_open((struct rig_settings){.size = 10, .check_after = BASE_NEVER});
    rig_warm_up(rig, 10);
    struct crowd crowd = {.takers = 40, .rounds = 50, .hold = 10 * BASE_MS, .timeout = BASE_NEVER};
    crowd_run(rig, &crowd);
    assert_int_equal(crowd.grants, 40 * 50);
    if (rig_is_virtual(rig))
        assert_true(crowd.wait_most == 30 * BASE_MS);
    rig_close(rig);
}

TEST(server_given_back_beats_a_connect_in_flight)
{
    /* Invariant 6. */
    struct rig *rig = rig_open((struct rig_settings){.size = 2, .check_after = BASE_NEVER});
    int holder = rig_hold(rig);
    rig_upstream(rig,
                 (struct rig_upstream){.capacity = RIG_NO_LIMIT, .connect_span = 2 * BASE_SECOND});
    int waiter = rig_take(rig, BASE_NEVER);
    rig_wait_for_attempts(rig, 2);
    assert_int_equal(rig_counts(rig).connecting, 1);
    rig_give(rig, holder, RIG_CLEAN);
    rig_wait(rig, waiter);
    assert_true(rig_server(rig, waiter) == rig_server(rig, holder));
    assert_int_equal(rig_counts(rig).connecting, 1);
    rig_settle(rig); /* the surplus connect idles */
    assert_int_equal(rig_counts(rig).idle, 1);
    rig_close(rig);
}

TEST(cancelled_take_leaves_its_place_to_the_next)
{
    /* Invariant 5, while all are held. */
    struct rig *rig = rig_open((struct rig_settings){.size = 1, .check_after = BASE_NEVER});
    int holder = rig_hold(rig);
    int gone = rig_take(rig, BASE_NEVER), next = rig_take(rig, BASE_NEVER);
    if (rig_cancel(rig, gone)) {
        rig_give(rig, holder, RIG_CLEAN);
        rig_wait(rig, next);
        assert_int_equal(rig_answer(rig, next), RIG_HOLDS);
    }
    rig_close(rig);
}

TEST(cancelled_take_loses_nothing_while_it_connects_checks_or_resets)
{
    /* Invariant 5. */
    struct rig *rig = rig_open((struct rig_settings){.size = 1, .check_after = 0});
    int gone = rig_take(rig, BASE_NEVER); /* connects */
    rig_wait_for_attempts(rig, 1);
    if (!rig_cancel(rig, gone)) {
        rig_close(rig);
        return;
    }
    rig_settle(rig);
    assert_int_equal(rig_counts(rig).idle, 1);
    rig_pass(rig, BASE_SECOND);
    rig_take_again(rig, gone, BASE_NEVER); /* checks */
    (void)rig_cancel(rig, gone);
    rig_settle(rig);
    assert_int_equal(rig_counts(rig).idle, 1);
    int holder = rig_hold(rig);
    rig_take_again(rig, gone, BASE_NEVER);
    rig_give(rig, holder, RIG_DIRTY); /* resets */
    (void)rig_cancel(rig, gone);
    rig_settle(rig);
    assert_int_equal(rig_counts(rig).idle, 1);
    assert_int_equal(rig_counts(rig).attempts, 1);
    rig_hold(rig);
    rig_close(rig);
}
