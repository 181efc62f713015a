/* test_scope.c - nested limits: who gets a free slot, making room, starvation. */
#include "world.h"

TEST(each_kind_of_scope_stops_at_its_limit)
{
    for (int kind = CORE_SCOPE_DATABASE; kind <= CORE_SCOPE_UPSTREAM; kind++) {
        struct world *w = world_new();
        struct core_scope_id scopes[] = {w->database, w->user, w->upstream};
        struct core_scope_id scope = scopes[kind - CORE_SCOPE_DATABASE];
        world_limit(w, scope, 2);
        struct core_pool_id a = world_pool(w, world_settings(5));
        struct core_pool_id b = world_pool(w, world_settings(5));
        world_lease(w, a);
        struct core_server_id server = world_lease(w, b);
        struct core_claim_id claim = world_claim(w, a, BASE_NEVER);
        world_quiet(w);
        world_limit(w, scope, 3);
        world_opened(w, world_take_open(w));
        world_take_grant(w, claim);
        world_limit(w, scope, 2);
        world_quiet(w);
        world_give(w, server, CORE_GIVE_CLEAN);
        world_finish_close(w, CORE_CLOSE_SURPLUS);
        world_quiet(w);
        assert_int_equal(world_scope_stats(w, scope).live, 2);
        world_free(w);
    }
}

TEST(closing_server_counts_until_it_is_closed)
{
    struct world *w = world_new();
    world_limit(w, w->upstream, 1);
    struct core_pool_id a = world_pool(w, world_settings(1)), b = world_pool(w, world_settings(1));
    struct core_server_id server = world_lease(w, a);
    world_claim(w, b, BASE_NEVER);
    world_give(w, server, CORE_GIVE_BROKEN);
    world_take_close(w, CORE_CLOSE_BROKEN);
    world_quiet(w);
    world_server(w, CORE_EVENT_CLOSED, server, true);
    world_take_open(w);
    world_quiet(w);
    world_free(w);
}

TEST(freed_slot_goes_to_the_claim_that_waits_longest_over_all_pools)
{
    struct world *w = world_new();
    world_limit(w, w->database, 1);
    struct core_pool_id pools[4];
    for (int i = 0; i < 4; i++)
        pools[i] = world_pool(w, world_settings(1));
    struct core_server_id server = world_lease(w, pools[0]);
    world_claim(w, pools[2], BASE_NEVER);
    world_claim(w, pools[3], BASE_NEVER);
    world_claim(w, pools[1], BASE_NEVER);
    static const int order[] = {2, 3, 1};
    for (int i = 0; i < 3; i++) {
        world_give(w, server, CORE_GIVE_BROKEN);
        world_finish_close(w, CORE_CLOSE_BROKEN);
        struct core_effect open = world_take(w, CORE_EFFECT_OPEN);
        assert_int_equal(open.pool.idx, pools[order[i]].idx);
        server = open.server;
        world_opened(w, server);
        world_take(w, CORE_EFFECT_GRANT);
    }
    world_free(w);
}

TEST(failed_connect_leaves_its_slot_to_the_next_waiter_at_once)
{
    /* In SQLAlchemy a failed connect wakes nobody: a waiter got its turn at 3.1 s, not at 0.5 s. */
    static const enum core_failure failures[] = {CORE_FAILURE_AUTH, CORE_FAILURE_FULL};
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        struct world *w = world_new();
        world_limit(w, w->upstream, 1);
        struct core_pool_id a = world_pool(w, world_settings(1));
        struct core_pool_id b = world_pool(w, world_settings(1));
        struct core_claim_id first = world_claim(w, a, BASE_NEVER);
        struct core_server_id server = world_take_open(w);
        struct core_claim_id next = world_claim(w, b, BASE_NEVER);
        world_quiet(w);
        if (failures[i] == CORE_FAILURE_AUTH) {
            world_failed(w, server, failures[i]);
            world_take_refuse(w, first, BASE_EUPSTREAMAUTH);
        } else {
            world_full(w, server, CORE_SCOPE_POOL);
        }
        world_opened(w, world_take_open(w));
        world_take_grant(w, next);
        world_free(w);
    }
}

TEST(second_claim_of_one_pool_stands_behind_the_first_of_another)
{
    struct world *w = world_new();
    world_limit(w, w->database, 2);
    struct core_pool_id a = world_pool(w, world_settings(5)), b = world_pool(w, world_settings(5));
    struct core_pool_id c = world_pool(w, world_settings(5));
    struct core_server_id servers[] = {world_lease(w, a), world_lease(w, a)};
    world_claim(w, b, BASE_NEVER);
    world_claim(w, c, BASE_NEVER);
    world_claim(w, b, BASE_NEVER);
    world_server(w, CORE_EVENT_LOST, servers[0], true);
    assert_int_equal(world_take(w, CORE_EFFECT_OPEN).pool.idx, b.idx);
    world_server(w, CORE_EVENT_LOST, servers[1], true);
    assert_int_equal(world_take(w, CORE_EFFECT_OPEN).pool.idx, c.idx);
    world_quiet(w);
    world_free(w);
}

TEST(longest_idle_server_makes_room_and_only_as_many_as_needed)
{
    struct world *w = world_new();
    world_limit(w, w->database, 3);
    struct core_pool_id a = world_pool(w, world_settings(3)), b = world_pool(w, world_settings(3));
    struct core_server_id servers[3];
    for (int i = 0; i < 3; i++)
        servers[i] = world_lease(w, a);
    for (int i = 0; i < 3; i++) {
        world_advance(w, BASE_MS);
        world_give(w, servers[2 - i], CORE_GIVE_CLEAN);
    }
    struct core_claim_id claim = world_claim(w, b, BASE_NEVER);
    struct core_server_id closed = world_take_close(w, CORE_CLOSE_MAKE_ROOM);
    assert_int_equal(closed.idx, servers[2].idx);
    world_quiet(w);
    world_server(w, CORE_EVENT_CLOSED, closed, true);
    world_opened(w, world_take_open(w));
    world_take_grant(w, claim);
    world_quiet(w);
    world_free(w);
}

TEST(no_room_is_made_for_a_pool_that_is_stopped_by_its_own_size)
{
    struct world *w = world_new();
    world_limit(w, w->database, 2);
    struct core_pool_id a = world_pool(w, world_settings(2)), b = world_pool(w, world_settings(1));
    struct core_server_id server = world_lease(w, a);
    world_lease(w, b);
    world_give(w, server, CORE_GIVE_CLEAN);
    world_claim(w, b, BASE_NEVER);
    world_quiet(w);
    world_free(w);
}

TEST(busy_pool_cannot_starve_another_for_ever)
{
    struct world *w = world_new();
    world_limit(w, w->database, 1);
    struct core_pool_id a = world_pool(w, world_settings(1)), b = world_pool(w, world_settings(1));
    struct core_server_id server = world_lease(w, a);
    struct core_claim_id starving = world_claim(w, b, BASE_NEVER);
    for (int i = 0; i < 9; i++) { /* its head is younger by less than 100 ms: it goes on */
        struct core_claim_id claim = world_claim(w, a, BASE_NEVER);
        world_advance(w, 10 * BASE_MS);
        world_give(w, server, CORE_GIVE_CLEAN);
        world_take_grant(w, claim);
    }
    world_advance(w, 10 * BASE_MS);
    world_claim(w, a, BASE_NEVER);
    world_give(w, server, CORE_GIVE_CLEAN);
    world_finish_close(w, CORE_CLOSE_MAKE_ROOM);
    server = world_take_open(w);
    world_opened(w, server);
    world_take_grant(w, starving);
    world_quiet(w);
    world_free(w);
}

TEST(claim_whose_connect_is_under_way_does_not_starve)
{
    struct world *w = world_new();
    world_limit(w, w->database, 2);
    struct core_pool_id a = world_pool(w, world_settings(2)), b = world_pool(w, world_settings(2));
    struct core_server_id server = world_lease(w, a);
    world_claim(w, b, BASE_NEVER);
    world_take_open(w);
    world_advance(w, 150 * BASE_MS);
    world_claim(w, b, BASE_NEVER); /* only this one lacks a server, and it is young */
    struct core_claim_id claim = world_claim(w, a, BASE_NEVER);
    world_give(w, server, CORE_GIVE_CLEAN);
    world_take_grant(w, claim);
    world_quiet(w);
    world_free(w);
}

TEST(claim_that_needs_two_scopes_is_not_starved_by_minimums)
{
    /* Two pools want their min_size back as soon as they lose a server, one in the claim's user,
     * one in its upstream. Found by a random world. */
    struct world *w = world_new();
    struct core_scope_id upstream = w->upstream;
    struct core_scope_id other_upstream = world_scope(w, CORE_SCOPE_UPSTREAM, CORE_NO_LIMIT);
    struct core_scope_id other_user = world_scope(w, CORE_SCOPE_USER, CORE_NO_LIMIT);
    struct core_pool_settings keeps = world_settings(1);
    keeps.min_size = 1;
    struct core_pool_id in_upstream = world_pool_in(w, keeps, w->database, other_user);
    w->upstream = other_upstream;
    struct core_pool_id in_user = world_pool(w, keeps);
    w->upstream = upstream;
    struct core_pool_id pool = world_pool(w, world_settings(1));
    world_limit(w, upstream, 1);
    world_limit(w, w->user, 1);
    world_give(w, world_lease(w, in_upstream), CORE_GIVE_CLEAN);
    world_give(w, world_lease(w, in_user), CORE_GIVE_CLEAN);
    struct core_claim_id claim = world_claim(w, pool, BASE_NEVER);
    struct core_server_id first = world_take_close(w, CORE_CLOSE_MAKE_ROOM);
    struct core_server_id second = world_take_close(w, CORE_CLOSE_MAKE_ROOM);
    world_server(w, CORE_EVENT_CLOSED, first, true);
    world_quiet(w);
    world_server(w, CORE_EVENT_CLOSED, second, true);
    world_opened(w, world_take_open(w));
    world_take_grant(w, claim);
    world_quiet(w);
    world_free(w);
}

TEST(no_slot_is_held_for_a_claim_that_came_later)
{
    /* A pool's oldest claim has its connect already; what lacks a slot in two scopes is its second
     * claim, which is younger than that of the pool that could have the slot now. Found by a random
     * world. */
    struct world *w = world_new();
    struct core_scope_id upstream = w->upstream;
    struct core_scope_id other_user = world_scope(w, CORE_SCOPE_USER, CORE_NO_LIMIT);
    world_limit(w, upstream, 2);
    world_limit(w, w->user, 2);
    struct core_pool_id pool = world_pool(w, world_settings(5));
    struct core_pool_id rival = world_pool_in(w, world_settings(5), w->database, other_user);
    struct core_pool_id in_upstream = world_pool_in(w, world_settings(5), w->database, other_user);
    w->upstream = world_scope(w, CORE_SCOPE_UPSTREAM, CORE_NO_LIMIT);
    struct core_pool_id in_user = world_pool(w, world_settings(5));
    struct core_server_id user_slot = world_lease(w, in_user);
    struct core_server_id upstream_slot = world_lease(w, in_upstream);
    world_claim(w, pool, BASE_NEVER);
    world_take_open(w); /* both are full now */
    world_advance(w, 150 * BASE_MS);
    struct core_claim_id elder = world_claim(w, rival, BASE_NEVER);
    world_advance(w, 10 * BASE_MS);
    world_claim(w, pool, BASE_NEVER);
    world_quiet(w);
    world_give(w, user_slot, CORE_GIVE_BROKEN); /* the one of its two slots is on its way */
    world_take_close(w, CORE_CLOSE_BROKEN);
    world_server(w, CORE_EVENT_LOST, upstream_slot, true);
    world_opened(w, world_take_open(w));
    world_take_grant(w, elder);
    world_free(w);
}

TEST(capacity_of_servers_is_a_limit_like_others)
{
    struct world *w = world_new();
    struct core_pool_settings settings = world_settings(300);
    settings.max_connecting = 300;
    struct core_pool_id a = world_pool(w, settings), b = world_pool(w, settings);
    for (int i = 0; i < 256; i++)
        world_claim(w, a, BASE_NEVER);
    struct core_server_id first = world_take_open(w);
    for (int i = 1; i < 256; i++)
        world_take_open(w);
    struct core_claim_id claim = world_claim(w, b, BASE_NEVER);
    world_quiet(w);
    world_opened(w, first);
    world_take(w, CORE_EFFECT_GRANT);
    world_server(w, CORE_EVENT_LOST, first, true);
    world_opened(w, world_take_open(w));
    world_take_grant(w, claim);
    world_free(w);
}

TEST(scope_closes_only_when_no_pool_is_in_it)
{
    struct world *w = world_new();
    struct core_pool_id pool = world_pool(w, world_settings(1));
    struct core_server_id server = world_lease(w, pool);
    struct core_event event = {.kind = CORE_EVENT_SCOPE_CLOSE, .scope = w->user};
    assert_int_equal(world_apply(w, &event), BASE_ESTATE);
    world_pool_event(w, CORE_EVENT_POOL_CLOSE, pool);
    assert_int_equal(world_apply(w, &event), BASE_ESTATE); /* its server still counts */
    world_server(w, CORE_EVENT_LOST, server, true);
    assert_int_equal(world_apply(w, &event), 0);
    assert_int_equal(world_apply(w, &event), BASE_ESTALE);
    world_free(w);
}
