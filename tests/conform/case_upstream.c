/* case_upstream.c - an upstream that is full, down, starting, silent. Invariants 4, 11 and 12 of
 * the table in README.md. */
#include "crowd.h"

#define ANY_NUMBER RIG_NO_LIMIT

TEST(full_upstream_lowers_the_ceiling_and_nobody_fails)
{
    struct rig *rig = rig_open((struct rig_settings){.size = 10, .check_after = BASE_NEVER});
    rig_upstream(rig, (struct rig_upstream){.capacity = 3, .connect_span = BASE_MS});
    struct crowd crowd = {
        .takers = 12, .rounds = 20, .hold = 100 * BASE_MS, .timeout = 30 * BASE_SECOND};
    crowd_run(rig, &crowd);
    assert_int_equal(crowd.grants, 240);
    struct rig_counts counts = rig_counts(rig);
    assert_int_equal(counts.connected, 3);
    if (rig_is_virtual(rig)) /* 240 / 3 x 100 ms, and a probe every second and less */
        assert_in_range(counts.failures, 1, 7 + 8);
    rig_close(rig);
}

/* A pool of 4 at an upstream that accepts one: that is held, three wait. */
static struct rig *crowd_at_a_ceiling_of_one(int ret_waiters[3])
{
    struct rig *rig = rig_open((struct rig_settings){.size = 4, .check_after = BASE_NEVER});
    rig_upstream(rig, (struct rig_upstream){.capacity = 1, .connect_span = BASE_MS});
    rig_hold(rig);
    for (int i = 0; i < 3; i++)
        ret_waiters[i] = rig_take(rig, 300 * BASE_SECOND);
    return rig;
}

TEST(ceiling_is_found_again_when_the_upstream_takes_more)
{
    int waiters[3];
    struct rig *rig = crowd_at_a_ceiling_of_one(waiters);
    rig_wait_for_attempts(rig, 3);
    rig_upstream(rig, (struct rig_upstream){.capacity = ANY_NUMBER, .connect_span = BASE_MS});
    for (int i = 0; i < 3; i++)
        rig_wait(rig, waiters[i]);
    assert_int_equal(rig_counts(rig).out, 4);
    rig_close(rig);
}

TEST(outage_is_probed_by_one_and_all_are_served_afterwards)
{
    /* Invariant 12 (12,500 attempts/s were seen from a pool of 25). */
    static const enum rig_mode modes[] = {RIG_DOWN, RIG_STARTING};
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        struct rig *rig = rig_open((struct rig_settings){.size = 25, .check_after = BASE_NEVER});
        rig_mode(rig, modes[i]);
        int takers[100];
        for (int j = 0; j < 100; j++)
            takers[j] = rig_take(rig, 300 * BASE_SECOND);
        rig_settle(rig); /* the first wave fails */
        uint64_t before = rig_counts(rig).attempts;
        assert_in_range(before, 1, 25);
        base_time end = rig_now(rig) + 60 * BASE_SECOND;
        while (rig_now(rig) < end) {
            rig_step(rig, end);
            assert_true(rig_counts(rig).connecting <= 1);
        }
        assert_in_range(rig_counts(rig).attempts - before, 5, 100);
        rig_mode(rig, RIG_UP);
        for (int j = 0; j < 100; j++) {
            rig_wait(rig, takers[j]);
            assert_int_equal(rig_answer(rig, takers[j]), RIG_HOLDS);
            rig_give(rig, takers[j], RIG_CLEAN);
        }
        rig_close(rig);
    }
}

TEST(deadline_holds_while_connects_checks_and_resets_hang)
{
    /* Invariant 4. The rig checks the instant where time is virtual. */
    struct rig *rig = rig_open(
        (struct rig_settings){.size = 2, .check_after = 0, .connect_timeout = 100 * BASE_SECOND});
    int takers[2];
    rig_hold_many(rig, takers, 2);
    rig_give(rig, takers[0], RIG_CLEAN);
    rig_pass(rig, 10 * BASE_MS);
    rig_mode(rig, RIG_HANGING);
    int checks = rig_take(rig, BASE_SECOND), connects = rig_take(rig, 2 * BASE_SECOND);
    rig_give(rig, takers[1], RIG_DIRTY); /* resets */
    rig_wait(rig, checks);
    rig_wait(rig, connects);
    assert_int_equal(rig_answer(rig, checks), RIG_TIMED_OUT);
    assert_int_equal(rig_answer(rig, connects), RIG_TIMED_OUT);
    rig_mode(rig, RIG_UP);
    rig_close(rig);
}

TEST(refused_login_is_told_at_once_and_is_no_outage)
{
    struct rig *rig = rig_open((struct rig_settings){.size = 2, .check_after = BASE_NEVER});
    rig_mode(rig, RIG_DENYING);
    int taker = rig_take(rig, 300 * BASE_SECOND);
    rig_wait(rig, taker);
    assert_int_equal(rig_answer(rig, taker), RIG_DENIED);
    rig_mode(rig, RIG_UP);
    rig_pass(rig, rig_denial_hold(rig));
    taker = rig_hold(rig);
    assert_int_equal(rig_counts(rig).attempts, 2);
    if (rig_is_virtual(rig)) /* no back-off in between */
        assert_true(rig_waited(rig, taker) == BASE_MS);
    rig_close(rig);
}

/* Tells the pool that its upstream is there; all who wait hold a server one connect later. */
static void retry_serves_at_once(struct rig *rig, const int *takers, int count)
{
    rig_settle(rig);
    base_time start = rig_now(rig);
    uint64_t before = rig_counts(rig).attempts;
    rig_retry(rig);
    for (int i = 0; i < count; i++) {
        rig_wait(rig, takers[i]);
        assert_int_equal(rig_answer(rig, takers[i]), RIG_HOLDS);
    }
    assert_int_equal(rig_counts(rig).attempts - before, count);
    if (rig_is_virtual(rig))
        assert_true(rig_now(rig) - start == BASE_MS);
}

TEST(retry_after_an_outage_serves_all_who_wait_at_once)
{
    static const enum rig_mode modes[] = {RIG_DOWN, RIG_STARTING};
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        struct rig *rig = rig_open((struct rig_settings){.size = 4, .check_after = BASE_NEVER});
        int takers[4];
        rig_mode(rig, modes[i]);
        for (int j = 0; j < 4; j++)
            takers[j] = rig_take(rig, 300 * BASE_SECOND);
        rig_pass(rig, 60 * BASE_SECOND);
        rig_mode(rig, RIG_UP);
        retry_serves_at_once(rig, takers, 4);
        rig_close(rig);
    }
}

TEST(retry_forgets_the_ceiling_that_was_learned)
{
    int waiters[3];
    struct rig *rig = crowd_at_a_ceiling_of_one(waiters);
    rig_pass(rig, 60 * BASE_SECOND);
    rig_upstream(rig, (struct rig_upstream){.capacity = ANY_NUMBER, .connect_span = BASE_MS});
    retry_serves_at_once(rig, waiters, 3);
    rig_close(rig);
}

TEST(retry_forgets_a_refused_login)
{
    struct rig *rig = rig_open((struct rig_settings){.size = 2, .check_after = BASE_NEVER});
    rig_mode(rig, RIG_DENYING);
    int taker = rig_take(rig, 300 * BASE_SECOND);
    rig_wait(rig, taker);
    assert_int_equal(rig_answer(rig, taker), RIG_DENIED);
    rig_mode(rig, RIG_UP);
    rig_retry(rig);
    taker = rig_take(rig, 300 * BASE_SECOND);
    rig_wait(rig, taker);
    assert_int_equal(rig_answer(rig, taker), RIG_HOLDS);
    rig_close(rig);
}

TEST(closed_pool_answers_its_waiters)
{
    struct rig *rig = rig_open((struct rig_settings){.size = 1, .check_after = BASE_NEVER});
    int holder = rig_hold(rig), waiter = rig_take(rig, BASE_NEVER);
    rig_shut(rig);
    rig_wait(rig, waiter);
    assert_int_equal(rig_answer(rig, waiter), RIG_CLOSED);
    rig_settle(rig);
    assert_int_equal(rig_counts(rig).connected, 1); /* its holder goes on */
    rig_give(rig, holder, RIG_CLEAN);
    rig_settle(rig);
    assert_int_equal(rig_counts(rig).connected, 0);
    rig_close(rig);
}
