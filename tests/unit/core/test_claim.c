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
