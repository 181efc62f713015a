/* case_limit.c - how many servers there are: overflow, failures, dispose, detach. Numbers are those
 * of the table in README.md. */
#include "rig.h"

static void expect(const struct rig *rig, uint32_t idle, int overflow, uint32_t out)
{
    struct rig_counts counts = rig_counts(rig);
    assert_int_equal(counts.idle, idle);
    assert_int_equal(rig_overflow(rig), overflow);
    assert_int_equal(counts.out, out);
}

TEST(overflow_is_closed_as_it_comes_back)
{
    /* Case 1. SQLAlchemy keeps the first three that come back, (3,3,3,3), and closes the rest; ours
     * closes while there is overflow and keeps the last three: an idle server beside overflow in
     * use would be one connection more than anybody needs. */
    struct rig *rig = rig_open(
        (struct rig_settings){.size = 3, .overflow = RIG_NO_LIMIT, .check_after = BASE_NEVER});
    int takers[6];
    expect(rig, 0, -3, 0);
    for (int i = 0; i < 6; i++) {
        takers[i] = rig_hold(rig);
        expect(rig, 0, i - 2, (uint32_t)i + 1);
    }
    static const int overflow[] = {2, 1, 0, 0, 0, 0};
    static const uint32_t idle[] = {0, 0, 0, 1, 2, 3};
    for (int i = 0; i < 6; i++) {
        rig_give(rig, takers[i], RIG_CLEAN);
        rig_settle(rig);
        expect(rig, idle[i], overflow[i], 5 - (uint32_t)i);
    }
    assert_int_equal(rig_counts(rig).connected, 3);
    rig_hold_many(rig, takers, 2);
    expect(rig, 1, 0, 2);
    assert_int_equal(rig_counts(rig).attempts, 6);
    rig_close(rig);
}

TEST(overflow_goes_to_a_waiter_before_it_is_closed)
{
    struct rig *rig =
        rig_open((struct rig_settings){.size = 1, .overflow = 1, .check_after = BASE_NEVER});
    int takers[2];
    rig_hold_many(rig, takers, 2);
    int waiter = rig_take(rig, BASE_NEVER);
    rig_give(rig, takers[0], RIG_CLEAN);
    rig_wait(rig, waiter);
    assert_true(rig_server(rig, waiter) == rig_server(rig, takers[0]));
    rig_give(rig, waiter, RIG_CLEAN);
    rig_settle(rig);
    expect(rig, 0, 0, 1);
    rig_close(rig);
}

TEST(failed_connect_does_not_change_the_overflow)
{
    /* Case 5, first half. */
    struct rig *rig =
        rig_open((struct rig_settings){.size = 2, .overflow = 3, .check_after = BASE_NEVER});
    int takers[3];
    rig_hold_many(rig, takers, 3);
    expect(rig, 0, 1, 3);
    rig_mode(rig, RIG_DOWN);
    int late = rig_take(rig, BASE_SECOND);
    rig_wait(rig, late);
    assert_int_equal(rig_answer(rig, late), RIG_TIMED_OUT);
    assert_int_equal(rig_cause(rig, late), RIG_UPSTREAM_SAID_NO);
    rig_settle(rig);
    expect(rig, 0, 1, 3);
    rig_mode(rig, RIG_UP);
    rig_hold(rig);
    expect(rig, 0, 2, 4);
    rig_close(rig);
}

TEST(hung_connect_delays_no_other)
{
    /* Case 5, second half; invariant 7. Five want a server each, one connect hangs: the other four
     * connects serve the four who came first. */
    struct rig *rig = rig_open((struct rig_settings){
        .size = 5, .check_after = BASE_NEVER, .connect_timeout = 2 * BASE_SECOND});
    int takers[5];
    rig_mode(rig, RIG_HANGING);
    takers[0] = rig_take(rig, BASE_NEVER);
    rig_wait_for_attempts(rig, 1);
    rig_mode(rig, RIG_UP);
    for (int i = 1; i < 5; i++)
        takers[i] = rig_take(rig, BASE_NEVER);
    for (int i = 0; i < 4; i++)
        rig_wait(rig, takers[i]);
    assert_int_equal(rig_counts(rig).connecting, 1); /* it still hangs */
    assert_int_equal(rig_counts(rig).attempts, 5);
    for (int i = 0; i < 4; i++)
        assert_int_equal(rig_answer(rig, takers[i]), RIG_HOLDS);
    if (rig_is_virtual(rig))
        assert_true(rig_waited(rig, takers[0]) == BASE_MS);
    rig_wait(rig, takers[4]); /* whose own connect is the one that hung: a new one is made */
    assert_int_equal(rig_answer(rig, takers[4]), RIG_HOLDS);
    assert_true(rig_counts(rig).attempts > 5);
    rig_close(rig);
}

TEST(dispose_closes_idle_now_and_held_when_given_back_within_the_limit)
{
    /* Case 8, invariant 1. (SQLAlchemy's dispose exceeds the limit; checkedout() is -2 then.) */
    struct rig *rig = rig_open((struct rig_settings){.size = 2, .check_after = BASE_NEVER});
    int takers[2];
    rig_hold_many(rig, takers, 2);
    rig_give(rig, takers[1], RIG_CLEAN);
    rig_invalidate_all(rig);
    rig_settle(rig);
    assert_int_equal(rig_counts(rig).closes, 1);
    assert_int_equal(rig_counts(rig).connected, 1);
    expect(rig, 0, -1, 1);
    int fresh = rig_hold(rig), waiter = rig_take(rig, BASE_NEVER);
    rig_pass(rig, BASE_SECOND);
    assert_int_equal(rig_answer(rig, waiter), RIG_WAITS); /* the held one counts */
    rig_give(rig, takers[0], RIG_CLEAN);
    rig_wait(rig, waiter);
    assert_int_equal(rig_counts(rig).closes, 2);
    assert_true(rig_server(rig, waiter) != rig_server(rig, takers[0]));
    assert_true(rig_server(rig, waiter) != rig_server(rig, takers[1]));
    rig_give(rig, fresh, RIG_CLEAN);
    rig_give(rig, waiter, RIG_CLEAN);
    rig_settle(rig);
    expect(rig, 2, 0, 0);
    rig_close(rig);
}

TEST(detached_server_is_its_owners_and_counts_until_forgotten)
{
    /* Case 12, invariant 1. */
    struct rig *rig = rig_open((struct rig_settings){.size = 1, .check_after = BASE_NEVER});
    int owner = rig_hold(rig);
    rig_detach(rig, owner);
    assert_int_equal(rig_counts(rig).connected, 1);
    int waiter = rig_take(rig, BASE_NEVER);
    rig_invalidate_all(rig); /* does not touch what is not the pool's any more */
    rig_pass(rig, BASE_SECOND);
    assert_int_equal(rig_answer(rig, waiter), RIG_WAITS);
    assert_int_equal(rig_counts(rig).connected, 1);
    assert_int_equal(rig_counts(rig).closes, 0);
    rig_forget(rig, owner);
    rig_wait(rig, waiter);
    assert_int_equal(rig_counts(rig).closes, 1);
    assert_true(rig_server(rig, waiter) != rig_server(rig, owner));
    rig_close(rig);
}

/* The take that just failed has cost nothing: three servers can be had again. */
static void expect_full_size(struct rig *rig)
{
    rig_settle(rig);
    assert_int_equal(rig_counts(rig).out, 0);
    assert_true(rig_overflow(rig) <= 0);
    rig_upstream(rig, (struct rig_upstream){.capacity = RIG_NO_LIMIT, .connect_span = BASE_MS});
    rig_pass(rig, rig_denial_hold(rig));
    int takers[3];
    rig_hold_many(rig, takers, 3);
    expect(rig, 0, 0, 3);
    rig_close(rig);
}

static struct rig *open_three(base_time recycle)
{
    return rig_open((struct rig_settings){
        .size = 3, .recycle = recycle, .check_after = BASE_NEVER, .connect_timeout = BASE_SECOND});
}

TEST(failed_take_costs_no_slot_whatever_the_failure)
{
    /* Case 14. A login that is refused is told at once, everything else at the deadline. */
    static const enum rig_mode modes[] = {RIG_DOWN, RIG_HANGING, RIG_STARTING, RIG_DENYING};
    for (int is_expired = 0; is_expired < 2; is_expired++) {
        for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
            struct rig *rig = open_three(is_expired ? 30 * BASE_SECOND : 0);
            if (is_expired) {
                rig_give(rig, rig_hold(rig), RIG_CLEAN);
                rig_pass(rig, 35 * BASE_SECOND);
            }
            rig_mode(rig, modes[i]);
            int late = rig_take(rig, 3 * BASE_SECOND);
            rig_wait(rig, late);
            bool is_told = modes[i] == RIG_DENYING;
            assert_int_equal(rig_answer(rig, late), is_told ? RIG_DENIED : RIG_TIMED_OUT);
            if (!is_told)
                assert_int_equal(rig_cause(rig, late), RIG_UPSTREAM_SAID_NO);
            expect_full_size(rig);
        }
    }
}

TEST(failing_hook_costs_no_slot)
{
    /* Case 14 with a hook, and 15: the next take connects and runs the hook again. */
    for (int is_on_lend = 0; is_on_lend < 2; is_on_lend++) {
        struct rig *rig = open_three(0);
        rig_upstream(rig, (struct rig_upstream){.capacity = RIG_NO_LIMIT,
                                                .connect_span = BASE_MS,
                                                .connect_hook_fails = !is_on_lend,
                                                .lend_hook_fails = is_on_lend});
        for (uint64_t i = 1; i <= 4; i++) {
            int taker = rig_take(rig, 30 * BASE_SECOND);
            rig_wait(rig, taker);
            assert_int_equal(rig_answer(rig, taker), RIG_HOOK_ERROR);
            rig_settle(rig);
            expect(rig, 0, -3, 0);
            assert_int_equal(rig_counts(rig).connected, 0);
            assert_int_equal(rig_counts(rig).attempts, i);
        }
        expect_full_size(rig);
    }
}
