/* test_backoff.c - what refusals teach: ceiling, outage, slow start, refused logins. */
#include "world.h"

/* Leases `count` servers, then one more connect is refused as full; the claim stays. */
static struct core_claim_id learn_ceiling(struct world *w, struct core_pool_id pool, int count,
                                          enum core_scope_kind kind)
{
    for (int i = 0; i < count; i++)
        world_lease(w, pool);
    struct core_claim_id claim = world_claim(w, pool, BASE_NEVER);
    world_full(w, world_take_open(w), kind);
    return claim;
}

TEST(refusal_as_full_keeps_the_queue_and_sets_the_ceiling)
{
    struct world *w = world_new();
    struct core_pool_id pool = world_pool(w, world_settings(20));
    learn_ceiling(w, pool, 3, CORE_SCOPE_UPSTREAM);
    world_quiet(w);
    struct core_pool_stats stats = world_stats(w, pool);
    assert_int_equal(stats.waiting, 1);
    assert_int_equal(stats.ceiling, 3);
    assert_int_equal(stats.ceiling_kind, CORE_SCOPE_UPSTREAM);
    assert_int_equal(stats.last_failure, BASE_EUPSTREAMFULL);
    assert_true(stats.is_backing_off && stats.retry_in > 0);
    world_free(w);
}

TEST(ceiling_is_probed_by_one_connect_at_a_time_after_a_back_off)
{
    struct world *w = world_new();
    struct core_pool_id pool = world_pool(w, world_settings(20));
    learn_ceiling(w, pool, 2, CORE_SCOPE_UPSTREAM);
    world_claim(w, pool, BASE_NEVER);
    world_advance(w, 740 * BASE_MS); /* 1 s -25 % */
    world_quiet(w);
    world_advance(w, 520 * BASE_MS); /* 1 s +25 % */
    struct core_server_id prober = world_take_open(w);
    world_quiet(w);
    world_full(w, prober, CORE_SCOPE_UPSTREAM);
    world_advance(w, 1480 * BASE_MS); /* 2 s -25 % */
    world_quiet(w);
    world_advance(w, 1040 * BASE_MS);
    prober = world_take_open(w);
    world_quiet(w);
    world_opened(w, prober);
    world_take(w, CORE_EFFECT_GRANT);
    assert_int_equal(world_stats(w, pool).ceiling, 3);
    world_take_open(w); /* success allows the next at once */
    world_quiet(w);
    world_free(w);
}

TEST(ceiling_is_not_probed_without_demand)
{
    struct world *w = world_new();
    struct core_pool_id pool = world_pool(w, world_settings(20));
    world_cancel(w, learn_ceiling(w, pool, 2, CORE_SCOPE_UPSTREAM));
    world_advance(w, 100 * BASE_SECOND);
    world_quiet(w);
    world_free(w);
}

TEST(back_off_of_the_ceiling_grows_to_half_a_minute)
{
    struct world *w = world_new();
    struct core_pool_id pool = world_pool(w, world_settings(20));
    learn_ceiling(w, pool, 1, CORE_SCOPE_UPSTREAM);
    base_time last = w->now;
    for (int i = 0; i < 12; i++) {
        base_time at = core_next_deadline(w->core);
        base_time span = (base_time)1 << (i < 5 ? i : 5);
        span = span < 30 ? span : 30;
        assert_in_range(at - last, span * 740 * BASE_MS, span * 1260 * BASE_MS);
        world_fire_at(w, at);
        last = w->now;
        world_full(w, world_take_open(w), CORE_SCOPE_UPSTREAM);
    }
    world_free(w);
}

TEST(server_that_ends_below_the_ceiling_is_replaced_at_once)
{
    struct world *w = world_new();
    struct core_pool_id pool = world_pool(w, world_settings(20));
    struct core_server_id server = world_lease(w, pool);
    struct core_claim_id claim = learn_ceiling(w, pool, 1, CORE_SCOPE_UPSTREAM);
    world_give(w, server, CORE_GIVE_BROKEN);
    world_finish_close(w, CORE_CLOSE_BROKEN);
    world_opened(w, world_take_open(w));
    world_take_grant(w, claim);
    world_free(w);
}

TEST(full_user_does_not_stop_other_users)
{
    struct world *w = world_new();
    struct core_scope_id other = world_scope(w, CORE_SCOPE_USER, CORE_NO_LIMIT);
    struct core_pool_id full = world_pool(w, world_settings(20));
    struct core_pool_id fine = world_pool_in(w, world_settings(20), w->database, other);
    learn_ceiling(w, full, 1, CORE_SCOPE_USER);
    assert_int_equal(world_scope_stats(w, w->user).ceiling, 1);
    assert_true(world_scope_stats(w, w->upstream).ceiling == CORE_NO_LIMIT);
    world_lease(w, fine);
    world_lease(w, fine);
    world_free(w);
}

TEST(full_upstream_with_nothing_live_is_retried_soon_and_nobody_fails)
{
    struct world *w = world_new();
    struct core_pool_id pool = world_pool(w, world_settings(20));
    base_time start = w->now;
    struct core_claim_id claim = world_claim(w, pool, 60 * BASE_SECOND);
    world_full(w, world_take_open(w), CORE_SCOPE_UPSTREAM);
    int tries = 0;
    for (; w->now - start < 20 * BASE_SECOND; tries++) {
        base_time at = core_next_deadline(w->core);
        assert_true(at - w->now <= 5 * BASE_SECOND);
        world_fire_at(w, at);
        struct core_server_id server = world_take_open(w);
        world_quiet(w);
        world_full(w, server, CORE_SCOPE_UPSTREAM);
    }
    assert_in_range(tries, 7, 60);
    while (w->first == w->count)
        world_advance(w, BASE_SECOND);
    world_opened(w, world_take_open(w));
    world_take_grant(w, claim);
    world_free(w);
}

TEST(outage_has_one_prober_and_waiters_keep_their_deadlines)
{
    struct world *w = world_new();
    struct core_pool_id pools[3];
    struct core_claim_id claims[3];
    struct core_server_id servers[3];
    base_time start = w->now;
    for (int i = 0; i < 3; i++) {
        pools[i] = world_pool(w, world_settings(2));
        claims[i] = world_claim(w, pools[i], (base_time)(i + 1) * BASE_SECOND);
        servers[i] = world_take_open(w);
    }
    for (int i = 0; i < 3; i++)
        world_failed(w, servers[i], CORE_FAILURE_REFUSED);
    world_quiet(w);
    assert_int_equal(world_stats(w, pools[1]).last_failure, BASE_EUPSTREAMDOWN);
    world_advance(w, 50 * BASE_MS);
    struct core_server_id prober = world_take_open(w); /* for the oldest claim */
    world_advance(w, start + BASE_SECOND - w->now - 1);
    world_quiet(w);
    world_advance(w, 1);
    world_take_refuse(w, claims[0], BASE_ETIMEDOUT);
    world_opened(w, prober); /* nobody of its pool waits now, but the upstream is back */
    world_opened(w, world_take_open(w));
    world_take_grant(w, claims[1]);
    world_opened(w, world_take_open(w));
    world_take_grant(w, claims[2]);
    world_free(w);
}

TEST(outage_back_off_is_bounded_by_five_seconds)
{
    struct world *w = world_new();
    struct core_pool_id pool = world_pool(w, world_settings(1));
    world_claim(w, pool, BASE_NEVER);
    base_time longest = 0;
    for (int i = 0; i < 200; i++) {
        world_failed(w, world_take_open(w), i % 2 ? CORE_FAILURE_TIMEOUT : CORE_FAILURE_STARTING);
        base_time at = core_next_deadline(w->core);
        assert_true(at - w->now <= (i == 0 ? 50 * BASE_MS : 5 * BASE_SECOND));
        longest = at - w->now > longest ? at - w->now : longest;
        world_fire_at(w, at);
    }
    assert_true(longest > 4 * BASE_SECOND);
    world_free(w);
}

TEST(live_servers_serve_through_an_outage)
{
    struct world *w = world_new();
    struct core_pool_id pool = world_pool(w, world_settings(2));
    struct core_server_id server = world_lease(w, pool);
    struct core_claim_id claim = world_claim(w, pool, BASE_NEVER);
    world_failed(w, world_take_open(w), CORE_FAILURE_REFUSED);
    world_give(w, server, CORE_GIVE_CLEAN);
    world_take_grant(w, claim);
    world_free(w);
}

TEST(recovery_starts_slowly_and_doubles)
{
    struct world *w = world_new();
    struct core_pool_settings settings = world_settings(100);
    settings.max_connecting = 100;
    struct core_pool_id pool = world_pool(w, settings);
    for (int i = 0; i < 60; i++)
        world_claim(w, pool, BASE_NEVER);
    struct core_server_id servers[60];
    for (int i = 0; i < 60; i++)
        servers[i] = world_take_open(w);
    for (int i = 0; i < 60; i++)
        world_failed(w, servers[i], CORE_FAILURE_REFUSED);
    world_advance(w, 50 * BASE_MS);
    world_opened(w, world_take_open(w));
    world_take(w, CORE_EFFECT_GRANT);
    for (uint32_t window = 1; window <= 16; window *= 2) {
        uint32_t opened = 0;
        for (; w->first < w->count && w->effects[w->first].kind == CORE_EFFECT_OPEN; opened++)
            servers[opened] = world_take_open(w);
        assert_int_equal(opened, window);
        uint32_t next = w->count; /* what follows belongs to the next round */
        for (uint32_t i = 0; i < opened; i++)
            world_opened(w, servers[i]);
        assert_true(w->count >= next);
        uint32_t kept = 0;
        for (uint32_t i = w->first; i < w->count; i++)
            if (w->effects[i].kind == CORE_EFFECT_OPEN)
                w->effects[w->first + kept++] = w->effects[i];
        w->count = w->first + kept;
    }
    world_free(w);
}

TEST(refused_login_fails_the_waiters_of_that_pool_and_holds)
{
    struct world *w = world_new();
    struct core_pool_settings settings = world_settings(2);
    settings.auth_failure_hold = 5 * BASE_SECOND;
    struct core_pool_id pool = world_pool(w, settings), other = world_pool(w, settings);
    struct core_claim_id a = world_claim(w, pool, BASE_NEVER), b = world_claim(w, pool, BASE_NEVER);
    struct core_server_id server = world_take_open(w);
    world_take_open(w);
    world_failed(w, server, CORE_FAILURE_AUTH);
    world_take_refuse(w, a, BASE_EUPSTREAMAUTH);
    world_take_refuse(w, b, BASE_EUPSTREAMAUTH);
    world_advance(w, 5 * BASE_SECOND - 1);
    world_take_refuse(w, world_claim(w, pool, BASE_NEVER), BASE_EUPSTREAMAUTH);
    world_lease(w, other);
    world_advance(w, 1);
    world_claim(w, pool, BASE_NEVER);
    world_claim(w, pool, BASE_NEVER);
    world_take_open(w);
    world_quiet(w); /* the second connect of before is still in flight */
    world_free(w);
}

TEST(refused_login_with_live_servers_only_stops_connects)
{
    struct world *w = world_new();
    struct core_pool_settings settings = world_settings(2);
    settings.auth_failure_hold = 5 * BASE_SECOND;
    struct core_pool_id pool = world_pool(w, settings);
    struct core_server_id server = world_lease(w, pool);
    struct core_claim_id claim = world_claim(w, pool, BASE_NEVER);
    world_failed(w, world_take_open(w), CORE_FAILURE_AUTH);
    world_take_refuse(w, claim, BASE_EUPSTREAMAUTH);
    claim = world_claim(w, pool, BASE_NEVER);
    world_quiet(w); /* waits, and nothing connects */
    world_give(w, server, CORE_GIVE_CLEAN);
    world_take_grant(w, claim);
    claim = world_claim(w, pool, BASE_NEVER);
    world_advance(w, 5 * BASE_SECOND);
    world_opened(w, world_take_open(w));
    world_take_grant(w, claim);
    world_free(w);
}

TEST(refused_login_is_no_busy_loop_for_a_minimum)
{
    struct world *w = world_new();
    struct core_pool_settings settings = world_settings(2);
    settings.min_size = 1;
    struct core_pool_id pool = world_pool(w, settings);
    struct core_claim_id claim = world_claim(w, pool, BASE_NEVER);
    world_failed(w, world_take_open(w), CORE_FAILURE_AUTH);
    world_take_refuse(w, claim, BASE_EUPSTREAMAUTH);
    world_advance(w, BASE_SECOND - 1);
    world_quiet(w);
    world_advance(w, 1);
    world_take_open(w);
    world_free(w);
}

TEST(retry_forgets_everything_learned)
{
    struct world *w = world_new();
    struct core_pool_id pool = world_pool(w, world_settings(20));
    learn_ceiling(w, pool, 1, CORE_SCOPE_DATABASE);
    world_pool_event(w, CORE_EVENT_RETRY, (struct core_pool_id){0});
    struct core_server_id server = world_take_open(w);
    world_failed(w, server, CORE_FAILURE_REFUSED);
    world_quiet(w);
    struct core_event event = {.kind = CORE_EVENT_RETRY, .scope = w->upstream};
    assert_int_equal(world_apply(w, &event), 0);
    world_take_open(w);
    assert_true(world_stats(w, pool).ceiling == CORE_NO_LIMIT);
    world_free(w);
}

TEST(out_and_full_at_once_is_tried_again_in_time)
{
    /* Found by a random world: dry ceiling first, then an outage whose end came earlier. */
    struct world *w = world_new();
    struct core_pool_id pool = world_pool(w, world_settings(2));
    world_claim(w, pool, BASE_NEVER);
    for (int i = 0; i < 40; i++) {
        world_full(w, world_take_open(w), CORE_SCOPE_UPSTREAM);
        world_advance(w, 6 * BASE_SECOND);
        world_failed(w, world_take_open(w), CORE_FAILURE_REFUSED);
        world_advance(w, 6 * BASE_SECOND);
    }
    world_opened(w, world_take_open(w));
    world_take(w, CORE_EFFECT_GRANT);
    world_free(w);
}
