/* test_loop.c - event loops: one descriptor, a tick, claims in the caller's memory. */
#include "world.h"

#include <poll.h>

struct waiter {
    struct weir_claim claim;
    int calls, status;
    PGconn *conn;
};

static void done(struct weir_claim *claim, int status, PGconn *conn, const struct weir_error *error)
{
    struct waiter *waiter = claim->user;
    assert_true((status == 0) == (error == NULL));
    waiter->calls++;
    waiter->status = status;
    waiter->conn = conn;
}

static void claim(struct weir_loop *loop, struct waiter *waiter, const struct weir_want *want)
{
    *waiter = (struct waiter){.claim.user = waiter};
    assert_int_equal(weir_loop_claim(loop, &waiter->claim, want, done), 0);
    assert_int_equal(waiter->calls, 0);
}

/* Runs the loop until the claim has ended. */
static void run_until(struct weir_loop *loop, const struct waiter *waiter)
{
    while (waiter->calls == 0) {
        struct pollfd fd = {.fd = weir_loop_fd(loop), .events = POLLIN};
        assert_true(poll(&fd, 1, 60000) > 0);
        weir_loop_tick(loop);
    }
}

TEST(a_loop_claims_connects_and_gives_back)
{
    struct weir_options options = world_options(1, 0);
    struct weir_pool *pool = world_open(&options);
    struct weir_loop *loop;
    struct waiter waiter;
    assert_int_equal(weir_loop_open(pool, &loop), 0);
    for (int i = 0; i < 3; i++) {
        claim(loop, &waiter, NULL);
        run_until(loop, &waiter);
        assert_int_equal(waiter.status, 0);
        assert_int_equal(world_query(waiter.conn, "SELECT 3"), 3);
        weir_pool_give(pool, waiter.conn);
    }
    assert_int_equal(world_stats(pool).connects, 1);
    assert_int_equal(weir_loop_close(loop), 0);
    world_close(pool);
}

TEST(a_loops_claim_times_out_by_its_descriptor)
{
    struct weir_options options = world_options(1, 0);
    struct weir_pool *pool = world_open(&options);
    struct weir_loop *loop;
    struct waiter waiter;
    PGconn *conn = world_take(pool);
    assert_int_equal(weir_loop_open(pool, &loop), 0);
    struct weir_want want = {.deadline = weir_now() + 50 * WEIR_MS};
    claim(loop, &waiter, &want);
    run_until(loop, &waiter);
    assert_int_equal(waiter.status, WEIR_ETIMEDOUT);
    assert_null(waiter.conn);
    assert_true(weir_now() >= want.deadline);
    weir_pool_give(pool, conn);
    assert_int_equal(weir_loop_close(loop), 0);
    world_close(pool);
}

TEST(after_cancel_the_callback_never_fires_and_nothing_is_lost)
{
    struct weir_options options = world_options(1, 0);
    struct weir_pool *pool = world_open(&options);
    struct weir_loop *loop;
    struct waiter waiting, granted, after;
    weir_pool_give(pool, world_take(pool));
    assert_int_equal(weir_loop_open(pool, &loop), 0);
    claim(loop, &granted, NULL); /* granted at once, told by the next tick */
    claim(loop, &waiting, NULL);
    assert_int_equal(weir_loop_cancel(loop, &waiting.claim), 0);
    assert_int_equal(weir_loop_cancel(loop, &waiting.claim), WEIR_ESTATE);
    assert_int_equal(weir_loop_cancel(loop, &granted.claim), 0);
    weir_loop_tick(loop);
    assert_int_equal(world_stats(pool).checked_out, 0);
    claim(loop, &after, NULL);
    run_until(loop, &after);
    assert_int_equal(weir_loop_cancel(loop, &after.claim), WEIR_ESTATE);
    assert_int_equal(waiting.calls + granted.calls, 0);
    weir_pool_give(pool, after.conn);
    assert_int_equal(weir_loop_close(loop), 0);
    world_close(pool);
}

TEST(threads_and_loops_share_one_pool_in_order_of_arrival)
{
    struct weir_options options = world_options(1, 0);
    struct weir_pool *pool = world_open(&options);
    struct weir_loop *loop, *other;
    struct waiter first, third;
    PGconn *conn = world_take(pool);
    assert_int_equal(weir_loop_open(pool, &loop), 0);
    assert_int_equal(weir_loop_open(pool, &other), 0);
    claim(loop, &first, NULL);
    struct world_taker *second = world_taker_start(pool, 60 * WEIR_SECOND);
    WORLD_UNTIL(pool, waiting, 2);
    claim(other, &third, NULL);
    weir_pool_give(pool, conn);
    weir_loop_tick(other);
    assert_int_equal(third.calls, 0);
    run_until(loop, &first);
    assert_int_equal(world_stats(pool).waiting, 2);
    weir_pool_give(pool, first.conn);
    assert_int_equal(world_taker_join(second, NULL), 0);
    run_until(other, &third);
    weir_pool_give(pool, third.conn);
    assert_int_equal(weir_loop_close(loop), 0);
    assert_int_equal(weir_loop_close(other), 0);
    world_close(pool);
}

TEST(a_pool_that_closes_refuses_the_claims_of_loops_and_lives_until_they_are_closed)
{
    struct weir_options options = world_options(1, 0);
    struct weir_pool *pool = world_open(&options);
    struct weir_loop *loop;
    struct waiter waiter, late;
    PGconn *conn = world_take(pool);
    assert_int_equal(weir_loop_open(pool, &loop), 0);
    claim(loop, &waiter, NULL);
    assert_int_equal(weir_loop_close(loop), WEIR_ESTATE); /* a claim is pending */
    assert_int_equal(weir_pool_close(pool, 0, NULL), WEIR_ESTATE);
    run_until(loop, &waiter);
    assert_int_equal(waiter.status, WEIR_ECLOSED);
    assert_int_equal(weir_loop_claim(loop, &late.claim, NULL, done), WEIR_ECLOSED);
    assert_true(world_stats(pool).is_closed);
    assert_int_equal(world_stats(pool).checked_out, 1);
    assert_int_equal(weir_loop_close(loop), 0);
    assert_int_equal(weir_pool_close(pool, 0, NULL), WEIR_ETIMEDOUT);
    assert_int_equal(weir_pool_give(pool, conn), 0);
    world_close(pool);
}

struct lane_waiter {
    struct weir_claim claim;
    struct weir_pool *pool;
    int lane;
};

static int lanes_served[16], served;

static void note_lane(struct weir_claim *claim, int status, PGconn *conn,
                      const struct weir_error *error)
{
    const struct lane_waiter *waiter = claim->user;
    (void)error;
    assert_int_equal(status, 0);
    lanes_served[served++] = waiter->lane;
    assert_int_equal(weir_pool_give(waiter->pool, conn), 0);
}

TEST(lane_zero_is_served_first_and_others_advance)
{
    /* Three of lane 3 come first, then twelve of lane 0; lane 0 has eight turns of a round. */
    struct weir_options options = world_options(1, 0);
    struct weir_pool *pool = world_open(&options);
    struct weir_loop *loop;
    struct lane_waiter waiters[15];
    PGconn *conn = world_take(pool);
    served = 0;
    assert_int_equal(weir_loop_open(pool, &loop), 0);
    for (int i = 0; i < 15; i++) {
        waiters[i] = (struct lane_waiter){.claim.user = &waiters[i], .pool = pool};
        waiters[i].lane = i < 3 ? 3 : 0;
        struct weir_want want = {.lane = (uint32_t)waiters[i].lane};
        assert_int_equal(weir_loop_claim(loop, &waiters[i].claim, &want, note_lane), 0);
    }
    weir_pool_give(pool, conn);
    while (served < 15)
        weir_loop_tick(loop);
    assert_int_equal(lanes_served[0], 0);
    int others = 0;
    for (int i = 0; i < 9; i++) /* within one round */
        others += lanes_served[i] == 3;
    assert_in_range(others, 1, 2);
    assert_int_equal(weir_loop_close(loop), 0);
    world_close(pool);
}
