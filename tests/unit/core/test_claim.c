/* test_claim.c - claims: order, lanes, deadlines, cancellation, queue cap. */
#include "world.h"

TEST(first_claim_opens_a_server_and_gets_it)
{
    struct world *w = world_new();
    struct core_pool_id pool = world_pool(w, world_settings(2));
    world_quiet(w); /* starts empty */
    struct core_claim_id claim = world_claim(w, pool, 5 * BASE_SECOND);
    struct core_server_id server = world_take_open(w);
    world_quiet(w);
    world_opened(w, server);
    world_take_grant(w, claim);
    world_quiet(w);
    assert_int_equal(world_stats(w, pool).leased, 1);
    world_free(w);
}

TEST(idle_server_is_granted_at_once)
{
    struct world *w = world_new();
    struct core_pool_id pool = world_pool(w, world_settings(2));
    struct core_server_id server = world_lease(w, pool);
    world_give(w, server, CORE_GIVE_CLEAN);
    world_quiet(w);
    struct core_claim_id claim = world_claim(w, pool, 0);
    struct core_server_id again = world_take_grant(w, claim);
    assert_memory_equal(&again, &server, sizeof(server));
    world_quiet(w);
    world_free(w);
}

TEST(queue_gives_first_waiter_first)
{
    struct world *w = world_new();
    struct core_pool_id pool = world_pool(w, world_settings(1));
    struct core_server_id server = world_lease(w, pool);
    struct core_claim_id claims[5];
    for (int i = 0; i < 5; i++)
        claims[i] = world_claim(w, pool, BASE_NEVER);
    world_quiet(w);
    for (int i = 0; i < 5; i++) {
        world_give(w, server, CORE_GIVE_CLEAN);
        world_take_grant(w, claims[i]);
        world_quiet(w);
    }
    world_free(w);
}

TEST(claim_is_refused_exactly_at_its_deadline)
{
    struct world *w = world_new();
    struct core_pool_id pool = world_pool(w, world_settings(1));
    world_lease(w, pool);
    base_time start = w->now;
    struct core_claim_id claim = world_claim(w, pool, 2 * BASE_SECOND + 1);
    world_advance(w, 2 * BASE_SECOND);
    world_quiet(w);
    world_fire_at(w, start + 2 * BASE_SECOND + 1);
    world_take_refuse(w, claim, BASE_ETIMEDOUT);
    assert_int_equal(world_stats(w, pool).timeouts, 1);
    world_free(w);
}

TEST(claim_with_a_deadline_in_the_past_is_refused_at_once)
{
    struct world *w = world_new();
    struct core_pool_id pool = world_pool(w, world_settings(1));
    struct core_claim_id claim = world_claim(w, pool, 0);
    world_take_refuse(w, claim, BASE_ETIMEDOUT);
    world_quiet(w); /* and nothing is opened for it */
    world_free(w);
}

TEST(forty_claims_end_together_at_their_own_deadlines)
{
    struct world *w = world_new();
    struct core_pool_id pool = world_pool(w, world_settings(1));
    world_lease(w, pool);
    struct core_claim_id claims[40];
    for (int i = 0; i < 40; i++)
        claims[i] = world_claim(w, pool, (base_time)(40 - i) * BASE_MS);
    base_time start = w->now;
    for (int i = 39; i >= 0; i--) {
        world_fire_at(w, start + (base_time)(40 - i) * BASE_MS);
        world_take_refuse(w, claims[i], BASE_ETIMEDOUT);
    }
    world_quiet(w);
    world_free(w);
}

TEST(deadline_holds_while_a_connect_hangs)
{
    struct world *w = world_new();
    struct core_pool_id pool = world_pool(w, world_settings(1));
    base_time start = w->now;
    struct core_claim_id claim = world_claim(w, pool, 30 * BASE_MS);
    struct core_server_id server = world_take_open(w);
    world_fire_at(w, start + 30 * BASE_MS);
    world_take_refuse(w, claim, BASE_ETIMEDOUT);
    world_opened(w, server); /* too late for the claim: it idles */
    world_quiet(w);
    assert_int_equal(world_stats(w, pool).idle, 1);
    world_free(w);
}

TEST(deadline_holds_while_a_close_hangs)
{
    struct world *w = world_new();
    struct core_pool_id pool = world_pool(w, world_settings(1));
    world_give(w, world_lease(w, pool), CORE_GIVE_BROKEN);
    struct core_server_id closing = world_take_close(w, CORE_CLOSE_BROKEN);
    base_time start = w->now;
    struct core_claim_id late = world_claim(w, pool, 30 * BASE_MS);
    struct core_claim_id patient = world_claim(w, pool, BASE_NEVER);
    world_quiet(w); /* the closing one counts */
    world_fire_at(w, start + 30 * BASE_MS);
    world_take_refuse(w, late, BASE_ETIMEDOUT);
    world_server(w, CORE_EVENT_CLOSED, closing, true);
    world_opened(w, world_take_open(w));
    world_take_grant(w, patient);
    world_free(w);
}

TEST(claim_without_a_deadline_waits_for_ever)
{
    struct world *w = world_new();
    struct core_pool_id pool = world_pool(w, world_settings(1));
    struct core_server_id server = world_lease(w, pool);
    struct core_claim_id claim = world_claim(w, pool, BASE_NEVER);
    assert_true(core_next_deadline(w->core) == BASE_NEVER);
    world_advance(w, 1000000 * BASE_SECOND);
    world_quiet(w);
    world_give(w, server, CORE_GIVE_CLEAN);
    world_take_grant(w, claim);
    world_free(w);
}

TEST(server_given_back_after_the_deadline_does_not_rescue_the_claim)
{
    struct world *w = world_new();
    struct core_pool_id pool = world_pool(w, world_settings(1));
    struct core_server_id server = world_lease(w, pool);
    struct core_claim_id late = world_claim(w, pool, 10 * BASE_MS);
    struct core_claim_id early = world_claim(w, pool, 90 * BASE_MS);
    w->now += 20 * BASE_MS; /* the host's tick comes after its event */
    world_give(w, server, CORE_GIVE_CLEAN);
    world_take_refuse(w, late, BASE_ETIMEDOUT);
    world_take_grant(w, early);
    world_free(w);
}

TEST(lane_zero_is_first_and_no_lane_starves)
{
    struct world *w = world_new();
    struct core_pool_id pool = world_pool(w, world_settings(1));
    struct core_server_id server = world_lease(w, pool);
    for (int i = 0; i < 30; i++)
        for (uint32_t lane = 0; lane < CORE_LANES; lane++)
            world_claim_lane(w, pool, BASE_NEVER, lane);
    /* Claims come in order of lanes, so a tag says the lane. */
    uint64_t base = w->next_tag - 119;
    int served[CORE_LANES] = {0};
    for (int i = 0; i < 30; i++) {
        world_give(w, server, CORE_GIVE_CLEAN);
        uint64_t lane = (world_take(w, CORE_EFFECT_GRANT).tag - base) % CORE_LANES;
        served[lane]++;
        if (i < 7) /* the claim that made the pool took lane 0's first turn */
            assert_int_equal(lane, 0);
    }
    assert_in_range(served[0], 15, 17);
    assert_in_range(served[1], 7, 9);
    assert_in_range(served[2], 3, 5);
    assert_in_range(served[3], 1, 3);
    world_free(w);
}

TEST(new_claim_does_not_overtake_a_waiting_one)
{
    struct world *w = world_new();
    struct core_pool_settings settings = world_settings(2);
    settings.check_after = BASE_SECOND;
    struct core_pool_id pool = world_pool(w, settings);
    struct core_server_id server = world_lease(w, pool);
    world_give(w, server, CORE_GIVE_CLEAN);
    world_advance(w, 2 * BASE_SECOND);
    struct core_claim_id first = world_claim(w, pool, BASE_NEVER);
    world_take_check(w); /* the first waits for its check */
    struct core_claim_id second = world_claim(w, pool, BASE_NEVER);
    world_opened(w, world_take_open(w));
    world_take_grant(w, first); /* what comes first is the first one's */
    world_server(w, CORE_EVENT_CHECKED, server, true);
    world_take_grant(w, second);
    world_free(w);
}

TEST(cancel_at_every_step_loses_nothing)
{
    for (int step = 0; step < 4; step++) {
        struct world *w = world_new();
        struct core_pool_settings settings = world_settings(1);
        settings.check_after = BASE_SECOND;
        struct core_pool_id pool = world_pool(w, settings);
        struct core_server_id server = {0};
        struct core_claim_id claim;
        if (step == 0) { /* while connecting */
            claim = world_claim(w, pool, BASE_NEVER);
            server = world_take_open(w);
            world_cancel(w, claim);
            world_opened(w, server);
        } else if (step == 1) { /* while all are leased */
            server = world_lease(w, pool);
            claim = world_claim(w, pool, BASE_NEVER);
            world_cancel(w, claim);
            world_give(w, server, CORE_GIVE_CLEAN);
        } else if (step == 2) { /* while checking */
            server = world_lease(w, pool);
            world_give(w, server, CORE_GIVE_CLEAN);
            world_advance(w, 2 * BASE_SECOND);
            claim = world_claim(w, pool, BASE_NEVER);
            world_take_check(w);
            world_cancel(w, claim);
            world_server(w, CORE_EVENT_CHECKED, server, true);
        } else { /* while resetting */
            server = world_lease(w, pool);
            claim = world_claim(w, pool, BASE_NEVER);
            world_give(w, server, CORE_GIVE_DIRTY);
            world_take(w, CORE_EFFECT_RESET);
            world_cancel(w, claim);
            world_server(w, CORE_EVENT_RESET_DONE, server, true);
        }
        struct core_event again = {.kind = CORE_EVENT_CANCEL, .claim = claim};
        assert_int_equal(world_apply(w, &again), BASE_ESTALE);
        world_quiet(w);
        world_take_grant(w, world_claim(w, pool, BASE_NEVER));
        world_free(w);
    }
}

TEST(queue_cap_refuses_the_claim_above_it_and_no_other)
{
    struct world *w = world_new();
    struct core_pool_settings settings = world_settings(1);
    settings.max_waiting = 2;
    struct core_pool_id pool = world_pool(w, settings);
    world_lease(w, pool);
    struct core_claim_id first = world_claim(w, pool, BASE_NEVER);
    world_claim(w, pool, BASE_NEVER);
    world_quiet(w);
    struct core_claim_id third = world_claim(w, pool, BASE_NEVER);
    world_take_refuse(w, third, BASE_EQUEUEFULL);
    world_cancel(w, first);
    world_claim(w, pool, BASE_NEVER);
    world_quiet(w);
    world_free(w);
}

TEST(waiting_claim_is_told_once_where_it_stands)
{
    struct world *w = world_new();
    struct core_pool_settings settings = world_settings(1);
    settings.notify_after = 5 * BASE_SECOND;
    struct core_pool_id pool = world_pool(w, settings);
    world_lease(w, pool);
    world_claim(w, pool, BASE_NEVER);
    world_advance(w, BASE_SECOND);
    struct core_claim_id claim = world_claim(w, pool, 20 * BASE_SECOND);
    world_advance(w, 4 * BASE_SECOND);
    world_take(w, CORE_EFFECT_NOTIFY);
    world_quiet(w);
    world_advance(w, BASE_SECOND);
    struct core_effect notice = world_take(w, CORE_EFFECT_NOTIFY);
    assert_int_equal(notice.ahead, 1);
    assert_true(notice.waited == 5 * BASE_SECOND);
    world_advance(w, 60 * BASE_SECOND);
    world_take_refuse(w, claim, BASE_ETIMEDOUT);
    world_quiet(w);
    world_free(w);
}

TEST(unknown_lane_and_stale_pool_are_statuses)
{
    struct world *w = world_new();
    struct core_pool_id pool = world_pool(w, world_settings(1));
    struct core_event event = {.kind = CORE_EVENT_CLAIM, .pool = pool, .lane = CORE_LANES};
    assert_int_equal(world_apply(w, &event), BASE_EINVALID);
    event.lane = 0;
    event.pool.gen++;
    assert_int_equal(world_apply(w, &event), BASE_ESTALE);
    assert_int_equal(event.claim.gen, 0); /* outputs untouched */
    world_free(w);
}

TEST(capacity_of_claims_is_a_status_and_heals)
{
    struct world *w = world_new();
    struct core_pool_id pool = world_pool(w, world_settings(1));
    world_lease(w, pool);
    struct core_claim_id last = {0};
    for (int i = 0; i < 512; i++)
        last = world_claim(w, pool, BASE_NEVER);
    struct core_event event = {.kind = CORE_EVENT_CLAIM, .pool = pool, .deadline = BASE_NEVER};
    assert_int_equal(world_apply(w, &event), BASE_ECAPACITY);
    world_cancel(w, last);
    assert_int_equal(world_apply(w, &event), 0);
    world_free(w);
}
