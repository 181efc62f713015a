/* case_server.c - which server one gets, and what is done to it in between. Numbers are those of
 * the table in README.md. */
#include "rig.h"

TEST(server_is_the_same_after_a_give_and_another_after_invalidate)
{
    /* Case 9: what an application attaches to a connection lives as long as the connection. */
    struct rig *rig = rig_open((struct rig_settings){.size = 1, .check_after = BASE_NEVER});
    int taker = rig_hold(rig);
    uint64_t server = rig_server(rig, taker);
    rig_give(rig, taker, RIG_CLEAN);
    rig_take_again(rig, taker, BASE_NEVER);
    rig_wait(rig, taker);
    assert_true(rig_server(rig, taker) == server);
    rig_give(rig, taker, RIG_BROKEN);
    rig_take_again(rig, taker, BASE_NEVER);
    rig_wait(rig, taker);
    assert_true(rig_server(rig, taker) != server);
    rig_close(rig);
}

static void take_in_order(bool use_fifo, const int order[3])
{
    struct rig *rig =
        rig_open((struct rig_settings){.size = 3, .use_fifo = use_fifo, .check_after = BASE_NEVER});
    int takers[3], again[3];
    rig_hold_many(rig, takers, 3);
    for (int i = 0; i < 3; i++)
        rig_give(rig, takers[i], RIG_CLEAN);
    rig_hold_many(rig, again, 3);
    for (int i = 0; i < 3; i++)
        assert_true(rig_server(rig, again[i]) == rig_server(rig, takers[order[i]]));
    rig_give(rig, again[0], RIG_CLEAN);
    if (!use_fifo) /* c3, given back, is the next again */
        assert_true(rig_server(rig, rig_hold(rig)) == rig_server(rig, takers[2]));
    rig_close(rig);
}

TEST(idle_servers_are_lent_last_in_first_out_or_in_order)
{
    /* Case 10. */
    take_in_order(false, (const int[]){2, 1, 0});
    take_in_order(true, (const int[]){0, 1, 2});
}

TEST(server_past_its_age_is_replaced_and_a_younger_one_is_not)
{
    /* Case 11: recycle 30 s; the age is jittered by a tenth. */
    struct rig *rig = rig_open(
        (struct rig_settings){.size = 1, .recycle = 30 * BASE_SECOND, .check_after = BASE_NEVER});
    int taker = rig_hold(rig);
    uint64_t server = rig_server(rig, taker);
    rig_give(rig, taker, RIG_CLEAN);
    rig_pass(rig, BASE_SECOND);
    taker = rig_hold(rig);
    assert_true(rig_server(rig, taker) == server);
    rig_pass(rig, 35 * BASE_SECOND); /* never while it is lent */
    assert_int_equal(rig_counts(rig).connected, 1);
    rig_give(rig, taker, RIG_CLEAN);
    taker = rig_hold(rig);
    assert_true(rig_server(rig, taker) != server);
    server = rig_server(rig, taker);
    rig_give(rig, taker, RIG_CLEAN);
    rig_pass(rig, 35 * BASE_SECOND);
    assert_true(rig_server(rig, rig_hold(rig)) != server);
    rig_close(rig);
}

TEST(held_server_that_is_invalidated_stays_usable_until_it_is_given_back)
{
    /* Case 11, invalidate and soft invalidate. */
    struct rig *rig = rig_open((struct rig_settings){.size = 1, .check_after = BASE_NEVER});
    int taker = rig_hold(rig);
    uint64_t server = rig_server(rig, taker);
    rig_invalidate_held(rig, taker);
    rig_pass(rig, BASE_SECOND);
    assert_int_equal(rig_counts(rig).connected, 1);
    assert_int_equal(rig_counts(rig).closes, 0);
    rig_give(rig, taker, RIG_CLEAN);
    rig_take_again(rig, taker, BASE_NEVER);
    rig_wait(rig, taker);
    assert_true(rig_server(rig, taker) != server);
    assert_int_equal(rig_counts(rig).closes, 1);
    rig_close(rig);
}

TEST(giving_back_twice_is_an_error_and_changes_nothing)
{
    /* Case 13. */
    struct rig *rig = rig_open((struct rig_settings){.size = 2, .check_after = BASE_NEVER});
    int takers[2];
    rig_hold_many(rig, takers, 2);
    rig_give(rig, takers[0], RIG_CLEAN);
    assert_true(rig_give_again(rig, takers[0]) < 0);
    struct rig_counts counts = rig_counts(rig);
    assert_int_equal(counts.idle, 1);
    assert_int_equal(counts.out, 1);
    rig_give(rig, takers[1], RIG_BROKEN);
    assert_true(rig_give_again(rig, takers[1]) < 0);
    rig_settle(rig);
    assert_true(rig_give_again(rig, takers[1]) < 0);
    assert_int_equal(rig_counts(rig).closes, 1);
    rig_hold_many(rig, takers, 2);
    rig_close(rig);
}

TEST(outage_seen_by_fifteen_holders_closes_fifteen_servers_once)
{
    /* Case 16: each of them invalidates the pool, as applications do. */
    struct rig *rig = rig_open((struct rig_settings){.size = 15, .check_after = BASE_NEVER});
    int takers[15];
    rig_hold_many(rig, takers, 15);
    for (int i = 0; i < 15; i++)
        rig_kill(rig, rig_server(rig, takers[i]));
    for (int i = 0; i < 15; i++) {
        rig_invalidate_all(rig);
        rig_give(rig, takers[i], RIG_BROKEN);
    }
    rig_settle(rig);
    assert_int_equal(rig_counts(rig).closes, 15);
    assert_int_equal(rig_counts(rig).connected, 0);
    rig_hold_many(rig, takers, 15);
    assert_int_equal(rig_counts(rig).attempts, 30);
    rig_close(rig);
}

static void expect_resets(const struct rig *rig, uint64_t count)
{
    if (rig_sees_tasks(rig))
        assert_int_equal(rig_counts(rig).resets, count);
}

static void expect_checks(const struct rig *rig, uint64_t count)
{
    if (rig_sees_tasks(rig))
        assert_int_equal(rig_counts(rig).checks, count);
}

TEST(server_is_reset_once_when_it_comes_back_dirty_and_else_never)
{
    /* Case 17. */
    struct rig *rig = rig_open((struct rig_settings){.size = 1, .check_after = BASE_NEVER});
    int taker = rig_hold(rig);
    uint64_t server = rig_server(rig, taker);
    rig_give(rig, taker, RIG_CLEAN); /* the caller rolled back itself */
    rig_settle(rig);
    expect_resets(rig, 0);
    taker = rig_hold(rig);
    int waiter = rig_take(rig, BASE_NEVER);
    rig_give(rig, taker, RIG_DIRTY);
    rig_wait(rig, waiter); /* and not before it is clean */
    expect_resets(rig, 1);
    assert_true(rig_server(rig, waiter) == server);
    rig_give(rig, waiter, RIG_DIRTY);
    rig_settle(rig);
    expect_resets(rig, 2);
    taker = rig_hold(rig);
    rig_invalidate_held(rig, taker);
    rig_give(rig, taker, RIG_DIRTY); /* closed: nothing to reset */
    rig_settle(rig);
    rig_give(rig, rig_hold(rig), RIG_BROKEN);
    rig_settle(rig);
    expect_resets(rig, 2);
    assert_int_equal(rig_counts(rig).closes, 2);
    rig_close(rig);
}

TEST(server_that_comes_back_dirty_is_closed_where_resets_are_off)
{
    /* Case 17. */
    struct rig *rig =
        rig_open((struct rig_settings){.size = 1, .is_reset_off = true, .check_after = BASE_NEVER});
    rig_give(rig, rig_hold(rig), RIG_DIRTY);
    rig_settle(rig);
    expect_resets(rig, 0);
    assert_int_equal(rig_counts(rig).connected, 0);
    rig_close(rig);
}

TEST(fresh_server_is_not_checked_and_an_idle_one_is)
{
    /* Case 18. */
    struct rig *rig = rig_open((struct rig_settings){.size = 1, .check_after = 0});
    int taker = rig_hold(rig);
    expect_checks(rig, 0);
    for (uint64_t i = 1; i <= 2; i++) { /* the second and third take */
        rig_give(rig, taker, RIG_CLEAN);
        rig_pass(rig, 10 * BASE_MS);
        taker = rig_hold(rig);
        expect_checks(rig, i);
    }
    rig_give(rig, taker, RIG_BROKEN);
    taker = rig_hold(rig); /* just reconnected */
    expect_checks(rig, 2);
    rig_close(rig);
}

TEST(server_that_died_while_idle_is_never_lent)
{
    /* Case 18: restarted, the rig names every connection anew. */
    struct rig *rig = rig_open((struct rig_settings){.size = 3, .check_after = BASE_NEVER});
    int takers[3], again[3];
    rig_hold_many(rig, takers, 3);
    for (int i = 0; i < 3; i++)
        rig_give(rig, takers[i], RIG_CLEAN);
    for (int i = 0; i < 3; i++)
        rig_kill(rig, rig_server(rig, takers[i]));
    rig_hold_many(rig, again, 3);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            assert_true(rig_server(rig, again[i]) != rig_server(rig, takers[j]));
    rig_close(rig);
}

TEST(restarted_upstream_serves_waiters_with_new_servers_only)
{
    /* Case 18: one held, two idle; the holder notices nothing before it gives back. */
    struct rig *rig = rig_open((struct rig_settings){.size = 3, .check_after = BASE_NEVER});
    int takers[3], again[3];
    rig_hold_many(rig, takers, 3);
    rig_give(rig, takers[0], RIG_CLEAN);
    rig_give(rig, takers[1], RIG_CLEAN);
    rig_restart(rig);
    rig_hold_many(rig, again, 2);
    again[2] = rig_take(rig, BASE_NEVER);
    rig_pass(rig, BASE_SECOND);
    assert_int_equal(rig_answer(rig, again[2]), RIG_WAITS);
    rig_give(rig, takers[2], RIG_CLEAN);
    rig_wait(rig, again[2]);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            assert_true(rig_server(rig, again[i]) != rig_server(rig, takers[j]));
    assert_int_equal(rig_counts(rig).attempts, 6);
    rig_close(rig);
}
