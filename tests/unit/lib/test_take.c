/* test_take.c - taking, waiting, giving back, on a real PostgreSQL. */
#include "world.h"

#include <string.h>

TEST(a_connection_is_taken_used_and_given_back)
{
    struct weir_options options = world_options(2, 0);
    struct weir_pool *pool = world_open(&options);
    PGconn *conn = world_take(pool);
    assert_int_equal(world_query(conn, "SELECT 41 + 1"), 42);
    assert_int_equal(world_stats(pool).checked_out, 1);
    assert_int_equal(weir_pool_give(pool, conn), 0);
    assert_int_equal(world_stats(pool).checked_out, 0);
    assert_int_equal(world_stats(pool).idle, 1);
    world_close(pool);
}

TEST(the_connection_used_last_is_lent_first_or_the_other_way_round)
{
    for (int is_lifo = 0; is_lifo < 2; is_lifo++) {
        struct weir_options options = world_options(3, 0);
        options.use_lifo = is_lifo;
        struct weir_pool *pool = world_open(&options);
        PGconn *conns[3];
        for (int i = 0; i < 3; i++)
            conns[i] = world_take(pool);
        for (int i = 0; i < 3; i++)
            weir_pool_give(pool, conns[i]);
        PGconn *first = world_take(pool);
        assert_ptr_equal(first, conns[is_lifo ? 2 : 0]);
        weir_pool_give(pool, first);
        PGconn *second = world_take(pool);
        assert_ptr_equal(second, conns[is_lifo ? 2 : 1]);
        weir_pool_give(pool, second);
        world_close(pool);
    }
}

TEST(given_back_twice_and_foreign_connections_are_a_status)
{
    struct weir_options options = world_options(1, 0);
    struct weir_pool *pool = world_open(&options), *other = world_open(&options);
    PGconn *conn = world_take(pool);
    assert_int_equal(weir_pool_give(other, conn), WEIR_ENOTLENT);
    assert_int_equal(weir_pool_give(pool, conn), 0);
    assert_int_equal(weir_pool_give(pool, conn), WEIR_ENOTLENT);
    assert_int_equal(weir_pool_discard(pool, conn), WEIR_ENOTLENT);
    assert_int_equal(weir_pool_detach(pool, conn), WEIR_ENOTLENT);
    assert_int_equal(weir_pool_forget(pool, conn), WEIR_ENOTLENT);
    assert_int_equal(weir_pool_invalidate(pool, conn), WEIR_ENOTLENT);
    assert_int_equal(weir_pool_give(pool, NULL), WEIR_EINVALID);
    world_close(pool);
    world_close(other);
}

TEST(a_take_ends_at_its_deadline_not_before_and_says_who_holds)
{
    struct weir_options options = world_options(1, 0);
    struct weir_pool *pool = world_open(&options);
    struct weir_want want = {.tag = "report", .owner = WEIR_OWNER_NONE};
    struct weir_error error;
    PGconn *conn, *second;
    assert_int_equal(weir_pool_take(pool, &want, &conn, &error), 0);
    PQclear(PQexec(conn, "BEGIN"));
    want.deadline = weir_now() + 250 * WEIR_MS;
    assert_int_equal(weir_pool_take(pool, &want, &second, &error), WEIR_ETIMEDOUT);
    assert_true(weir_now() >= want.deadline);
    assert_int_equal(error.cause, WEIR_CAUSE_HELD);
    assert_string_equal(error.sqlstate, "53300");
    assert_int_equal(error.held, 1);
    assert_non_null(strstr(error.text, "\"report\""));
    assert_non_null(strstr(error.text, "idle in transaction"));
    assert_int_equal(weir_pool_give(pool, conn), 0);
    world_close(pool);
}

TEST(a_waiting_thread_gets_what_another_gives_back)
{
    struct weir_options options = world_options(1, 0);
    struct weir_pool *pool = world_open(&options);
    PGconn *conn = world_take(pool);
    struct world_taker *takers[5];
    for (int i = 0; i < 5; i++)
        takers[i] = world_taker_start(pool, 30 * WEIR_SECOND);
    WORLD_UNTIL(pool, waiting, 5);
    weir_pool_give(pool, conn);
    for (int i = 0; i < 5; i++)
        assert_int_equal(world_taker_join(takers[i], NULL), 0);
    assert_int_equal(world_stats(pool).connects, 1);
    world_close(pool);
}

TEST(overflow_is_opened_on_demand_and_closed_when_it_comes_back)
{
    struct weir_options options = world_options(3, -1);
    struct weir_pool *pool = world_open(&options);
    PGconn *conns[6];
    for (int i = 0; i < 6; i++)
        conns[i] = world_take(pool);
    assert_int_equal(world_stats(pool).overflow, 3);
    for (int i = 0; i < 6; i++)
        weir_pool_give(pool, conns[i]);
    WORLD_UNTIL(pool, closing, 0);
    assert_int_equal(world_stats(pool).overflow, 0);
    assert_int_equal(world_stats(pool).idle, 3);
    world_close(pool);
}

TEST(try_never_waits_but_starts_what_a_later_try_can_get)
{
    struct weir_options options = world_options(1, 0);
    struct weir_pool *pool = world_open(&options);
    PGconn *conn, *second;
    assert_int_equal(weir_pool_try(pool, NULL, &conn), WEIR_EAGAIN);
    WORLD_UNTIL(pool, idle, 1);
    assert_int_equal(weir_pool_try(pool, NULL, &conn), 0);
    assert_int_equal(weir_pool_try(pool, NULL, &second), WEIR_EAGAIN);
    weir_pool_give(pool, conn);
    world_close(pool);
}

TEST(close_waits_for_what_is_out_and_names_who_holds_it)
{
    struct weir_options options = world_options(1, 0);
    struct weir_pool *pool = world_open(&options);
    struct weir_want want = {.tag = "late"};
    struct weir_error error;
    PGconn *conn, *other;
    assert_int_equal(weir_pool_take(pool, &want, &conn, &error), 0);
    assert_int_equal(weir_pool_close(pool, weir_now() + 50 * WEIR_MS, &error), WEIR_ETIMEDOUT);
    assert_non_null(strstr(error.text, "\"late\""));
    assert_int_equal(weir_pool_take(pool, NULL, &other, &error), WEIR_ECLOSED);
    assert_int_equal(weir_pool_give(pool, conn), 0);
    world_close(pool);
}
