/* test_server.c - servers: order, checks, resets, ages, and every way to go. */
#include "world.h"

TEST(surplus_connect_idles_when_a_given_back_server_was_faster)
{
    struct world *w = world_new();
    struct core_pool_id pool = world_pool(w, world_settings(2));
    struct core_server_id server = world_lease(w, pool);
    struct core_claim_id claim = world_claim(w, pool, BASE_NEVER);
    struct core_server_id second = world_take_open(w);
    world_give(w, server, CORE_GIVE_CLEAN);
    world_take_grant(w, claim);
    world_opened(w, second);
    world_quiet(w);
    assert_int_equal(world_stats(w, pool).idle, 1);
    world_free(w);
}

static void lend_order(bool use_fifo, const int expected[3])
{
    struct world *w = world_new();
    struct core_pool_settings settings = world_settings(3);
    settings.use_fifo = use_fifo;
    struct core_pool_id pool = world_pool(w, settings);
    struct core_server_id servers[3];
    for (int i = 0; i < 3; i++)
        servers[i] = world_lease(w, pool);
    for (int i = 0; i < 3; i++)
        world_give(w, servers[i], CORE_GIVE_CLEAN);
    for (int i = 0; i < 3; i++) {
        struct core_server_id got = world_take_grant(w, world_claim(w, pool, BASE_NEVER));
        assert_int_equal(got.idx, servers[expected[i]].idx);
    }
    world_free(w);
}

TEST(idle_servers_are_lent_last_in_first_out_or_in_order)
{
    lend_order(false, (const int[]){2, 1, 0});
    lend_order(true, (const int[]){0, 1, 2});
}

TEST(giving_back_twice_is_an_error_and_changes_nothing)
{
    struct world *w = world_new();
    struct core_pool_id pool = world_pool(w, world_settings(1));
    struct core_server_id server = world_lease(w, pool);
    world_give(w, server, CORE_GIVE_CLEAN);
    struct core_event event = {.kind = CORE_EVENT_GIVE, .server = server};
    assert_int_equal(world_apply(w, &event), BASE_ESTATE);
    assert_int_equal(world_stats(w, pool).idle, 1);
    world_quiet(w);
    world_free(w);
}

TEST(dirty_server_is_reset_before_it_is_lent)
{
    struct world *w = world_new();
    struct core_pool_id pool = world_pool(w, world_settings(1));
    struct core_server_id server = world_lease(w, pool);
    struct core_claim_id claim = world_claim(w, pool, BASE_NEVER);
    world_give(w, server, CORE_GIVE_DIRTY);
    world_take(w, CORE_EFFECT_RESET);
    world_quiet(w);
    world_server(w, CORE_EVENT_RESET_DONE, server, true);
    world_take_grant(w, claim);
    world_give(w, server, CORE_GIVE_DIRTY);
    world_take(w, CORE_EFFECT_RESET);
    world_server(w, CORE_EVENT_RESET_DONE, server, false);
    world_finish_close(w, CORE_CLOSE_RESET);
    assert_int_equal(core_server_state(w->core, w->now, server, NULL), CORE_SERVER_FREE);
    world_free(w);
}

TEST(dirty_server_is_closed_where_resets_are_off)
{
    struct world *w = world_new();
    struct core_pool_settings settings = world_settings(1);
    settings.reset_on_give = false;
    struct core_pool_id pool = world_pool(w, settings);
    world_give(w, world_lease(w, pool), CORE_GIVE_DIRTY);
    world_take_close(w, CORE_CLOSE_RESET);
    world_free(w);
}

TEST(one_broken_server_means_one_new_connect_for_five_waiters)
{
    struct world *w = world_new();
    struct core_pool_id pool = world_pool(w, world_settings(1));
    struct core_server_id server = world_lease(w, pool);
    struct core_claim_id claims[5];
    for (int i = 0; i < 5; i++)
        claims[i] = world_claim(w, pool, BASE_NEVER);
    world_give(w, server, CORE_GIVE_BROKEN);
    world_take_close(w, CORE_CLOSE_BROKEN);
    world_quiet(w); /* the closing one counts: nothing opens beside it */
    world_server(w, CORE_EVENT_CLOSED, server, true);
    server = world_take_open(w);
    world_opened(w, server);
    for (int i = 0; i < 5; i++) {
        world_take_grant(w, claims[i]);
        world_give(w, server, CORE_GIVE_CLEAN);
    }
    world_quiet(w);
    assert_int_equal(world_stats(w, pool).connects, 2);
    world_free(w);
}

TEST(idle_server_is_checked_after_the_span_and_not_before)
{
    struct world *w = world_new();
    struct core_pool_settings settings = world_settings(1);
    settings.check_after = BASE_SECOND;
    struct core_pool_id pool = world_pool(w, settings);
    struct core_server_id server = world_lease(w, pool);
    world_give(w, server, CORE_GIVE_CLEAN);
    world_advance(w, BASE_SECOND);
    world_take_grant(w, world_claim(w, pool, BASE_NEVER));
    world_give(w, server, CORE_GIVE_CLEAN);
    world_advance(w, BASE_SECOND + 1);
    struct core_claim_id claim = world_claim(w, pool, BASE_NEVER);
    world_take_check(w);
    world_quiet(w);
    world_server(w, CORE_EVENT_CHECKED, server, true);
    world_take_grant(w, claim);
    world_free(w);
}

TEST(failed_check_closes_and_the_claim_gets_a_new_server)
{
    struct world *w = world_new();
    struct core_pool_settings settings = world_settings(1);
    settings.check_after = BASE_SECOND;
    struct core_pool_id pool = world_pool(w, settings);
    struct core_server_id server = world_lease(w, pool);
    world_give(w, server, CORE_GIVE_CLEAN);
    world_advance(w, 2 * BASE_SECOND);
    struct core_claim_id claim = world_claim(w, pool, BASE_NEVER);
    world_take_check(w);
    world_server(w, CORE_EVENT_CHECKED, server, false);
    world_finish_close(w, CORE_CLOSE_CHECK);
    world_opened(w, world_take_open(w));
    world_take_grant(w, claim);
    world_free(w);
}

TEST(no_more_checks_than_waiters)
{
    struct world *w = world_new();
    struct core_pool_settings settings = world_settings(4);
    settings.check_after = BASE_SECOND;
    struct core_pool_id pool = world_pool(w, settings);
    struct core_server_id servers[4];
    for (int i = 0; i < 4; i++)
        servers[i] = world_lease(w, pool);
    for (int i = 0; i < 4; i++)
        world_give(w, servers[i], CORE_GIVE_CLEAN);
    world_advance(w, 2 * BASE_SECOND);
    world_claim(w, pool, BASE_NEVER);
    world_claim(w, pool, BASE_NEVER);
    world_take_check(w);
    world_take_check(w);
    world_quiet(w);
    assert_int_equal(world_stats(w, pool).idle, 2);
    world_free(w);
}

TEST(old_server_is_closed_when_idle_and_after_a_lease_but_never_during_one)
{
    struct world *w = world_new();
    struct core_pool_settings settings = world_settings(2);
    settings.lifetime = 30 * BASE_SECOND;
    struct core_pool_id pool = world_pool(w, settings);
    struct core_server_id held = world_lease(w, pool), idle = world_lease(w, pool);
    world_give(w, idle, CORE_GIVE_CLEAN);
    world_advance(w, 26 * BASE_SECOND);
    world_quiet(w); /* 10 % jitter at most */
    world_advance(w, 8 * BASE_SECOND);
    assert_int_equal(world_take_close(w, CORE_CLOSE_AGE).idx, idle.idx);
    world_quiet(w);
    world_give(w, held, CORE_GIVE_CLEAN);
    assert_int_equal(world_take_close(w, CORE_CLOSE_AGE).idx, held.idx);
    world_free(w);
}

TEST(servers_opened_together_do_not_end_together)
{
    struct world *w = world_new();
    struct core_pool_settings settings = world_settings(50);
    settings.lifetime = 1000 * BASE_SECOND;
    struct core_pool_id pool = world_pool(w, settings);
    struct core_server_id servers[50];
    for (int i = 0; i < 50; i++)
        servers[i] = world_lease(w, pool);
    for (int i = 0; i < 50; i++)
        world_give(w, servers[i], CORE_GIVE_CLEAN);
    for (int i = 0; i < 10; i++) {
        world_advance(w, i == 0 ? 920 * BASE_SECOND : 20 * BASE_SECOND);
        uint32_t closed = w->count - w->first;
        assert_true(closed < 20);
        w->first = w->count;
    }
    assert_int_equal(world_stats(w, pool).idle, 0);
    world_free(w);
}

TEST(idle_timeout_closes_down_to_the_minimum)
{
    struct world *w = world_new();
    struct core_pool_settings settings = world_settings(3);
    settings.idle_timeout = 10 * BASE_SECOND;
    settings.min_size = 1;
    struct core_pool_id pool = world_pool(w, settings);
    struct core_server_id servers[3];
    for (int i = 0; i < 3; i++)
        servers[i] = world_lease(w, pool);
    for (int i = 0; i < 3; i++)
        world_give(w, servers[i], CORE_GIVE_CLEAN);
    world_advance(w, 10 * BASE_SECOND - 1);
    world_quiet(w);
    world_advance(w, 1);
    world_finish_close(w, CORE_CLOSE_IDLE);
    world_finish_close(w, CORE_CLOSE_IDLE);
    world_advance(w, 100 * BASE_SECOND);
    world_quiet(w);
    assert_int_equal(world_stats(w, pool).idle, 1);
    world_free(w);
}

TEST(lease_does_not_count_as_idle_time)
{
    struct world *w = world_new();
    struct core_pool_settings settings = world_settings(1);
    settings.idle_timeout = 10 * BASE_SECOND;
    struct core_pool_id pool = world_pool(w, settings);
    struct core_server_id server = world_lease(w, pool);
    world_give(w, server, CORE_GIVE_CLEAN);
    for (int i = 0; i < 5; i++) {
        world_advance(w, 9 * BASE_SECOND);
        world_take_grant(w, world_claim(w, pool, BASE_NEVER));
        world_give(w, server, CORE_GIVE_CLEAN);
        world_quiet(w);
    }
    world_advance(w, 10 * BASE_SECOND);
    world_take_close(w, CORE_CLOSE_IDLE);
    world_free(w);
}

TEST(detached_server_counts_until_it_is_closed)
{
    struct world *w = world_new();
    struct core_pool_id pool = world_pool(w, world_settings(1));
    struct core_server_id server = world_lease(w, pool);
    world_server(w, CORE_EVENT_DETACH, server, true);
    struct core_claim_id claim = world_claim(w, pool, BASE_NEVER);
    world_quiet(w);
    world_server(w, CORE_EVENT_CLOSED, server, true);
    world_opened(w, world_take_open(w));
    world_take_grant(w, claim);
    world_free(w);
}

TEST(lost_in_every_state_frees_the_slot_once)
{
    for (int way = 0; way < 6; way++) {
        struct world *w = world_new();
        struct core_pool_settings settings = world_settings(1);
        settings.check_after = BASE_SECOND;
        struct core_pool_id pool = world_pool(w, settings);
        struct core_server_id server = world_lease(w, pool);
        if (way == 1)
            world_give(w, server, CORE_GIVE_CLEAN);
        if (way == 2)
            world_give(w, server, CORE_GIVE_DIRTY);
        if (way == 3)
            world_give(w, server, CORE_GIVE_BROKEN);
        if (way == 4)
            world_server(w, CORE_EVENT_DETACH, server, true);
        if (way == 5) {
            world_give(w, server, CORE_GIVE_CLEAN);
            world_advance(w, 2 * BASE_SECOND);
            world_claim(w, pool, BASE_SECOND);
            world_advance(w, 2 * BASE_SECOND);
        }
        w->first = w->count;
        world_server(w, CORE_EVENT_LOST, server, true);
        struct core_event again = {.kind = CORE_EVENT_LOST, .server = server};
        assert_int_equal(world_apply(w, &again), BASE_ESTALE);
        world_lease(w, pool);
        world_quiet(w);
        world_free(w);
    }
}

TEST(answers_that_do_not_fit_the_state_are_refused)
{
    static const enum core_event_kind kinds[] = {CORE_EVENT_OPENED, CORE_EVENT_OPEN_FAILED,
                                                 CORE_EVENT_CHECKED, CORE_EVENT_RESET_DONE,
                                                 CORE_EVENT_CLOSED};
    struct world *w = world_new();
    struct core_pool_id pool = world_pool(w, world_settings(1));
    struct core_server_id server = world_lease(w, pool);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct core_event event = {.kind = kinds[i], .server = server};
        assert_int_equal(world_apply(w, &event), BASE_ESTATE);
    }
    world_quiet(w);
    assert_int_equal(world_stats(w, pool).leased, 1);
    world_free(w);
}
