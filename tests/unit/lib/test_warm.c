/* test_warm.c - the fast path past the core is not seen: what it puts off happens when it should.
 */
#include "world.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>

static void pass(weir_time span)
{
    for (weir_time end = weir_now() + span; weir_now() < end;)
        poll(NULL, 0, 1);
}

TEST(takes_and_holds_are_counted_as_if_each_went_through_the_core)
{
    struct weir_options options = world_options(2, 0);
    struct weir_pool *pool = world_open(&options);
    weir_time held = 0;
    for (int i = 0; i < 40; i++) {
        PGconn *conn = world_take(pool);
        weir_time begin = weir_now();
        if (i % 8 == 0)
            pass(5 * WEIR_MS);
        held += weir_now() - begin;
        weir_pool_give(pool, conn);
        if (i % 10 == 0)
            pass(20 * WEIR_MS); /* idle, not held */
        if (i % 13 == 0)
            assert_int_equal(world_stats(pool).idle, 1);
    }
    struct weir_stats stats = world_stats(pool);
    uint64_t waits = 0, holds = 0, long_holds = 0;
    for (int i = 0; i < WEIR_BUCKETS; i++) {
        waits += stats.wait_count[i];
        holds += stats.hold_count[i];
        long_holds += i > 12 ? stats.hold_count[i] : 0; /* of 4 ms and more */
    }
    assert_int_equal(stats.takes, 40);
    assert_int_equal(waits, 40);
    assert_int_equal(holds, 40);
    assert_true(long_holds >= 5);
    assert_true(stats.hold_total >= held);
    assert_int_equal(stats.checked_out, 0);
    world_close(pool);
}

TEST(the_connection_given_back_last_is_idle_to_everybody_who_looks)
{
    struct weir_options options = world_options(2, 0);
    struct weir_pool *pool = world_open(&options);
    for (int i = 0; i < 3; i++)
        weir_pool_give(pool, world_take(pool));
    assert_int_equal(world_stats(pool).idle, 1);
    assert_int_equal(world_stats(pool).checked_out, 0);
    assert_int_equal(weir_pool_holders(pool, NULL, 0), 0);
    PGconn *conn = world_take(pool);
    pass(3 * WEIR_MS);
    assert_in_range(world_stats(pool).oldest_hold, 3 * WEIR_MS, 60 * WEIR_SECOND);
    weir_pool_give(pool, conn);
    world_close(pool);
}

TEST(what_makes_connections_unfit_also_reaches_the_one_given_back_last)
{
    struct weir_options options = world_options(2, 0);
    struct weir_pool *pool = world_open(&options);
    for (int i = 0; i < 3; i++)
        weir_pool_give(pool, world_take(pool));
    weir_pool_invalidate(pool, NULL);
    assert_int_equal(world_stats(pool).idle, 0);
    PGconn *conn = world_take(pool);
    int pid = PQbackendPID(conn);
    weir_pool_invalidate(pool, conn);
    weir_pool_give(pool, conn);
    conn = world_take(pool);
    assert_int_not_equal(PQbackendPID(conn), pid);
    pid = PQbackendPID(conn);
    weir_pool_invalidate(pool, NULL); /* while it is held, lent by the fast path or not */
    weir_pool_give(pool, conn);
    conn = world_take(pool);
    assert_int_not_equal(PQbackendPID(conn), pid);
    weir_pool_give(pool, conn);
    weir_pool_pause(pool);
    assert_int_equal(world_stats(pool).idle, 0);
    weir_pool_resume(pool);
    conn = world_take(pool);
    weir_pool_pause(pool);
    weir_pool_give(pool, conn);
    assert_int_equal(world_stats(pool).idle, 0);
    weir_pool_resume(pool);
    PGconn *conns[] = {world_take(pool), world_take(pool)};
    weir_pool_resize(pool, 1, 0);
    weir_pool_give(pool, conns[0]);
    weir_pool_give(pool, conns[1]);
    WORLD_UNTIL(pool, closing, 0);
    assert_int_equal(world_stats(pool).idle, 1);
    world_close(pool);
}

TEST(a_connection_kept_busy_is_replaced_when_it_is_old)
{
    struct weir_options options = world_options(1, 0);
    options.pool_recycle = 100 * WEIR_MS;
    struct weir_pool *pool = world_open(&options);
    PGconn *conn = world_take(pool);
    int pid = PQbackendPID(conn);
    weir_time end = weir_now() + 150 * WEIR_MS;
    while (weir_now() < end) {
        weir_pool_give(pool, conn);
        conn = world_take(pool);
    }
    assert_int_not_equal(PQbackendPID(conn), pid);
    weir_pool_give(pool, conn);
    world_close(pool);
}

TEST(one_that_died_at_hand_is_not_lent)
{
    struct weir_options options = world_options(1, 0);
    struct weir_pool *pool = world_open(&options);
    weir_pool_give(pool, world_take(pool));
    PGconn *conn = world_take(pool);
    int pid = PQbackendPID(conn);
    char text[64];
    weir_pool_give(pool, conn);
    snprintf(text, sizeof(text), "SELECT pg_terminate_backend(%d, 60000)", pid);
    postgres_sql(text);
    conn = world_take(pool);
    assert_int_equal(world_query(conn, "SELECT 1"), 1);
    weir_pool_give(pool, conn);
    world_close(pool);
}

struct racer {
    struct weir_pool *pool;
    int failures;
};

static void *race(void *argument)
{
    struct racer *racer = argument;
    for (int i = 0; i < 3000; i++) {
        PGconn *conn;
        if (weir_pool_take(racer->pool, NULL, &conn, NULL) != 0) {
            racer->failures++;
            continue;
        }
        if (PQstatus(conn) != CONNECTION_OK)
            racer->failures++;
        weir_pool_give(racer->pool, conn);
    }
    return NULL;
}

TEST(threads_that_race_for_the_one_at_hand_all_get_one)
{
    struct weir_options options = world_options(2, 0);
    struct weir_pool *pool = world_open(&options);
    struct racer racers[4];
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        racers[i] = (struct racer){.pool = pool};
        pthread_create(&threads[i], NULL, race, &racers[i]);
    }
    for (int i = 0; i < 200; i++)
        (void)world_stats(pool);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(racers[i].failures, 0);
    }
    struct weir_stats stats = world_stats(pool);
    assert_int_equal(stats.takes, 12000);
    assert_int_equal(stats.checked_out, 0);
    assert_true(stats.idle <= 2);
    world_close(pool);
}
