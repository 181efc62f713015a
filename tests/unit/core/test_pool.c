/* test_pool.c - pools: sizes, overflow, reserve, minimum, pause, invalidation, close, statistics.
 */
#include "world.h"

TEST(pool_opens_up_to_its_limit_and_not_above)
{
    struct world *w = world_new();
    struct core_pool_settings settings = world_settings(2);
    settings.overflow = 1;
    struct core_pool_id pool = world_pool(w, settings);
    for (int i = 0; i < 3; i++)
        world_lease(w, pool);
    world_claim(w, pool, BASE_NEVER);
    world_quiet(w);
    world_free(w);
}

TEST(connects_in_flight_are_bounded_by_waiters_and_max_connecting)
{
    struct world *w = world_new();
    struct core_pool_settings settings = world_settings(50);
    settings.max_connecting = 3;
    struct core_pool_id pool = world_pool(w, settings);
    world_claim(w, pool, BASE_NEVER);
    struct core_server_id first = world_take_open(w);
    world_quiet(w);
    for (int i = 0; i < 10; i++)
        world_claim(w, pool, BASE_NEVER);
    world_take_open(w);
    world_take_open(w);
    world_quiet(w);
    world_opened(w, first);
    world_take(w, CORE_EFFECT_GRANT);
    world_take_open(w);
    world_quiet(w);
    world_free(w);
}

TEST(overflow_closes_when_it_comes_back_and_nobody_waits)
{
    /* SQLAlchemy keeps the first `size` that come back; ours keeps those and closes the rest at
     * once as well, but while somebody waits the server goes to the waiter. */
    struct world *w = world_new();
    struct core_pool_settings settings = world_settings(3);
    settings.overflow = CORE_NO_LIMIT;
    struct core_pool_id pool = world_pool(w, settings);
    struct core_server_id servers[6];
    for (int i = 0; i < 6; i++)
        servers[i] = world_lease(w, pool);
    for (int i = 0; i < 3; i++) {
        world_give(w, servers[i], CORE_GIVE_CLEAN);
        world_finish_close(w, CORE_CLOSE_SURPLUS);
    }
    for (int i = 3; i < 6; i++)
        world_give(w, servers[i], CORE_GIVE_CLEAN);
    world_quiet(w);
    assert_int_equal(world_stats(w, pool).idle, 3);
    world_free(w);
}

TEST(failed_connect_leaves_the_overflow_as_it_was)
{
    struct world *w = world_new();
    struct core_pool_settings settings = world_settings(1);
    settings.overflow = 1;
    struct core_pool_id pool = world_pool(w, settings);
    world_lease(w, pool);
    struct core_claim_id claim = world_claim(w, pool, 10 * BASE_SECOND);
    world_failed(w, world_take_open(w), CORE_FAILURE_REFUSED);
    assert_int_equal(world_stats(w, pool).opening, 0);
    world_advance(w, 60 * BASE_MS); /* first back-off: 50 ms at most */
    world_opened(w, world_take_open(w));
    world_take_grant(w, claim);
    world_free(w);
}

TEST(reserve_opens_once_the_oldest_claim_has_waited)
{
    struct world *w = world_new();
    struct core_pool_settings settings = world_settings(1);
    settings.reserve = 1;
    settings.reserve_after = 5 * BASE_SECOND;
    struct core_pool_id pool = world_pool(w, settings);
    world_lease(w, pool);
    base_time start = w->now;
    struct core_claim_id claim = world_claim(w, pool, BASE_NEVER);
    world_quiet(w);
    world_fire_at(w, start + 5 * BASE_SECOND);
    struct core_server_id server = world_take_open(w);
    world_opened(w, server);
    world_take_grant(w, claim);
    world_give(w, server, CORE_GIVE_CLEAN);
    world_take_close(w, CORE_CLOSE_SURPLUS);
    world_free(w);
}

TEST(minimum_is_kept_once_the_pool_was_used)
{
    struct world *w = world_new();
    struct core_pool_settings settings = world_settings(5);
    settings.min_size = 3;
    struct core_pool_id pool = world_pool(w, settings);
    world_advance(w, BASE_SECOND);
    world_quiet(w);
    world_claim(w, pool, BASE_NEVER);
    struct core_server_id servers[3];
    for (int i = 0; i < 3; i++)
        servers[i] = world_take_open(w);
    world_quiet(w);
    for (int i = 0; i < 3; i++)
        world_opened(w, servers[i]);
    world_take(w, CORE_EFFECT_GRANT);
    assert_int_equal(world_stats(w, pool).idle, 2);
    world_server(w, CORE_EVENT_LOST, servers[2], true);
    world_take_open(w);
    world_free(w);
}

TEST(minimum_may_be_kept_before_the_pool_was_used)
{
    struct world *w = world_new();
    struct core_pool_settings settings = world_settings(5);
    settings.min_size = 2;
    settings.min_before_use = true;
    struct core_pool_id pool = world_pool(w, settings);
    world_quiet(w);
    struct core_event event = {.kind = CORE_EVENT_POOL_LIMITS, .pool = pool, .settings = &settings};
    assert_int_equal(world_apply(w, &event), BASE_OK);
    struct core_server_id servers[] = {world_take_open(w), world_take_open(w)};
    world_quiet(w);
    world_opened(w, servers[0]);
    world_opened(w, servers[1]);
    assert_int_equal(world_stats(w, pool).idle, 2);
    world_quiet(w);
    world_free(w);
}

TEST(paused_pool_lends_and_opens_nothing_and_claims_wait)
{
    struct world *w = world_new();
    struct core_pool_id pool = world_pool(w, world_settings(3));
    struct core_server_id idle = world_lease(w, pool), held = world_lease(w, pool);
    world_claim(w, pool, BASE_NEVER);
    struct core_server_id opening = world_take_open(w);
    world_give(w, idle, CORE_GIVE_CLEAN);
    world_take(w, CORE_EFFECT_GRANT);
    world_give(w, idle, CORE_GIVE_CLEAN);
    world_pool_event(w, CORE_EVENT_PAUSE, pool);
    assert_int_equal(world_take_close(w, CORE_CLOSE_PAUSED).idx, idle.idx);
    struct core_claim_id claim = world_claim(w, pool, 10 * BASE_SECOND);
    world_give(w, held, CORE_GIVE_CLEAN);
    assert_int_equal(world_take_close(w, CORE_CLOSE_PAUSED).idx, held.idx);
    world_opened(w, opening);
    assert_int_equal(world_take_close(w, CORE_CLOSE_PAUSED).idx, opening.idx);
    world_quiet(w);
    assert_true(world_stats(w, pool).is_paused);
    world_server(w, CORE_EVENT_CLOSED, idle, true);
    world_quiet(w);
    world_pool_event(w, CORE_EVENT_RESUME, pool);
    world_opened(w, world_take_open(w));
    world_take_grant(w, claim);
    world_free(w);
}

TEST(pause_of_all_pools_keeps_deadlines)
{
    struct world *w = world_new();
    struct core_pool_id a = world_pool(w, world_settings(1)), b = world_pool(w, world_settings(1));
    world_pool_event(w, CORE_EVENT_PAUSE, (struct core_pool_id){0});
    struct core_claim_id first = world_claim(w, a, BASE_SECOND);
    struct core_claim_id second = world_claim(w, b, 2 * BASE_SECOND);
    world_advance(w, BASE_SECOND);
    world_take_refuse(w, first, BASE_ETIMEDOUT);
    world_pool_event(w, CORE_EVENT_RESUME, (struct core_pool_id){0});
    world_opened(w, world_take_open(w));
    world_take_grant(w, second);
    world_free(w);
}

TEST(invalidate_closes_idle_at_once_and_held_when_given_back)
{
    struct world *w = world_new();
    struct core_pool_id pool = world_pool(w, world_settings(2));
    struct core_server_id idle = world_lease(w, pool), held = world_lease(w, pool);
    world_give(w, idle, CORE_GIVE_CLEAN);
    world_pool_event(w, CORE_EVENT_INVALIDATE, pool);
    world_finish_close(w, CORE_CLOSE_INVALID);
    world_quiet(w);
    struct core_server_id fresh = world_lease(w, pool); /* the slot of the closed one */
    struct core_claim_id claim = world_claim(w, pool, BASE_NEVER);
    world_quiet(w); /* the held one still counts */
    world_give(w, held, CORE_GIVE_CLEAN);
    world_take_close(w, CORE_CLOSE_INVALID);
    world_give(w, fresh, CORE_GIVE_CLEAN);
    world_take_grant(w, claim);
    world_quiet(w);
    world_free(w);
}

TEST(fifteen_servers_in_one_outage_close_once_each)
{
    struct world *w = world_new();
    struct core_pool_id pool = world_pool(w, world_settings(15));
    struct core_server_id servers[15];
    for (int i = 0; i < 15; i++)
        servers[i] = world_lease(w, pool);
    for (int i = 0; i < 15; i++)
        world_server(w, CORE_EVENT_INVALIDATE_SERVER, servers[i], true);
    world_quiet(w);
    for (int i = 0; i < 15; i++) {
        world_give(w, servers[i], CORE_GIVE_CLEAN);
        world_finish_close(w, CORE_CLOSE_INVALID);
        world_quiet(w);
    }
    world_free(w);
}

TEST(both_waiters_are_served_when_a_held_server_is_invalidated)
{
    for (int overflow = 0; overflow < 4; overflow += 3) {
        struct world *w = world_new();
        struct core_pool_settings settings = world_settings(1);
        settings.overflow = (uint32_t)overflow;
        struct core_pool_id pool = world_pool(w, settings);
        struct core_server_id servers[4];
        for (int i = 0; i <= overflow; i++)
            servers[i] = world_lease(w, pool);
        struct core_claim_id a = world_claim(w, pool, 30 * BASE_SECOND);
        struct core_claim_id b = world_claim(w, pool, 30 * BASE_SECOND);
        world_server(w, CORE_EVENT_INVALIDATE_SERVER, servers[0], true);
        world_give(w, servers[0], CORE_GIVE_CLEAN);
        world_finish_close(w, CORE_CLOSE_INVALID);
        struct core_server_id fresh = world_take_open(w);
        world_opened(w, fresh);
        world_take_grant(w, a);
        world_give(w, fresh, CORE_GIVE_CLEAN);
        world_take_grant(w, b);
        world_free(w);
    }
}

TEST(closed_pool_refuses_its_waiters_and_counts_until_its_servers_are_gone)
{
    struct world *w = world_new();
    struct core_scope_id database = world_scope(w, CORE_SCOPE_DATABASE, 2);
    struct core_pool_id pool = world_pool_in(w, world_settings(2), database, w->user);
    struct core_pool_id other = world_pool_in(w, world_settings(2), database, w->user);
    struct core_server_id held = world_lease(w, pool), idle = world_lease(w, pool);
    struct core_claim_id claim = world_claim(w, pool, BASE_NEVER);
    world_pool_event(w, CORE_EVENT_POOL_CLOSE, pool);
    world_take_refuse(w, claim, BASE_ECLOSED);
    struct core_event event = {.kind = CORE_EVENT_POOL_CLOSE, .pool = pool};
    assert_int_equal(world_apply(w, &event), BASE_ESTALE);
    world_claim(w, other, BASE_NEVER);
    world_quiet(w); /* both slots are taken */
    world_give(w, held, CORE_GIVE_CLEAN);
    world_finish_close(w, CORE_CLOSE_POOL);
    world_take_open(w);
    world_server(w, CORE_EVENT_LOST, idle, true);
    world_pool_event(w, CORE_EVENT_POOL_CLOSE, other);
    w->first = w->count;
    world_free(w);
}

TEST(raised_and_lowered_sizes_act_at_once)
{
    struct world *w = world_new();
    struct core_pool_id pool = world_pool(w, world_settings(1));
    struct core_server_id a = world_lease(w, pool);
    world_claim(w, pool, BASE_NEVER);
    world_quiet(w);
    world_limits(w, pool, world_settings(2));
    struct core_server_id b = world_take_open(w);
    world_opened(w, b);
    world_take(w, CORE_EFFECT_GRANT);
    world_limits(w, pool, world_settings(1));
    world_quiet(w); /* leased ones stay until given back */
    world_give(w, a, CORE_GIVE_CLEAN);
    world_finish_close(w, CORE_CLOSE_SURPLUS);
    world_give(w, b, CORE_GIVE_CLEAN);
    world_quiet(w);
    world_limits(w, pool, world_settings(0));
    world_take_close(w, CORE_CLOSE_SURPLUS);
    world_free(w);
}

TEST(statistics_count_waits_and_holds_in_buckets)
{
    struct world *w = world_new();
    struct core_pool_id pool = world_pool(w, world_settings(1));
    struct core_server_id server = world_lease(w, pool);
    world_claim(w, pool, BASE_NEVER);
    w->now += 3 * BASE_US; /* < 4 us: bucket 2 */
    struct core_pool_stats stats = world_stats(w, pool);
    assert_true(stats.oldest_wait == 3 * BASE_US && stats.oldest_lease == 3 * BASE_US);
    assert_int_equal(stats.oldest_lease_server.idx, server.idx);
    world_give(w, server, CORE_GIVE_CLEAN);
    stats = world_stats(w, pool);
    assert_int_equal(stats.wait_bucket[0], 1);
    assert_int_equal(stats.wait_bucket[2], 1);
    assert_int_equal(stats.hold_bucket[2], 1);
    assert_true(stats.wait_total == 3 * BASE_US && stats.hold_total == 3 * BASE_US);
    assert_int_equal(stats.grants, 2);
    world_free(w);
}

TEST(settings_that_cannot_work_are_refused)
{
    struct world *w = world_new();
    struct core_pool_settings settings = world_settings(1);
    settings.max_connecting = 0;
    struct core_event event = {.kind = CORE_EVENT_POOL_OPEN,
                               .settings = &settings,
                               .database = w->database,
                               .user = w->user,
                               .upstream = w->upstream};
    assert_int_equal(world_apply(w, &event), BASE_EINVALID);
    settings.max_connecting = 1;
    event.user = w->database;
    assert_int_equal(world_apply(w, &event), BASE_EINVALID);
    event.user = (struct core_scope_id){99, 1};
    assert_int_equal(world_apply(w, &event), BASE_ESTALE);
    world_free(w);
}

TEST(spike_of_fifty_is_served_by_few_connections)
{
    /* 5 idle, connect 150 ms, work 2 ms, 50 at once: given-back servers beat the connects. */
    struct world *w = world_new();
    struct core_pool_settings settings = world_settings(50);
    settings.max_connecting = 4;
    struct core_pool_id pool = world_pool(w, settings);
    struct core_server_id servers[5];
    for (int i = 0; i < 5; i++)
        servers[i] = world_lease(w, pool);
    for (int i = 0; i < 5; i++)
        world_give(w, servers[i], CORE_GIVE_CLEAN);
    base_time start = w->now;
    for (int i = 0; i < 50; i++)
        world_claim(w, pool, BASE_NEVER);
    while (world_stats(w, pool).waiting > 0) {
        world_advance(w, 2 * BASE_MS);
        for (int i = 0; i < 5; i++)
            if (core_server_state(w->core, w->now, servers[i], NULL) == CORE_SERVER_LEASED)
                world_give(w, servers[i], CORE_GIVE_CLEAN);
    }
    assert_true(w->now - start <= 20 * BASE_MS);
    assert_in_range(world_stats(w, pool).connects, 5, 9);
    world_free(w);
}
