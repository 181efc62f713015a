/* test_send.c - checks and resets that travel in front of the holder's first query. */
#include "world.h"

#include <stdlib.h>

#include "door.h"

/* Sends and reads to the end; the first value as a number. */
static long query(struct weir_pool *pool, PGconn *conn, const char *text)
{
    PGresult *result;
    long number = -1;
    assert_int_equal(weir_send(pool, conn, text, 0, NULL), 0);
    for (;;) {
        assert_int_equal(weir_result(pool, conn, &result), 0);
        if (result == NULL)
            break;
        if (PQresultStatus(result) == PGRES_TUPLES_OK)
            number = strtol(PQgetvalue(result, 0, 0), NULL, 10);
        PQclear(result);
    }
    assert_int_equal(PQpipelineStatus(conn), PQ_PIPELINE_OFF);
    assert_int_equal(PQtransactionStatus(conn), PQTRANS_IDLE);
    return number;
}

TEST(without_lend_early_weir_send_is_an_ordinary_query)
{
    struct weir_options options = world_options(1, 0);
    struct weir_pool *pool = world_open(&options);
    PGconn *conn = world_take(pool);
    const char *values[] = {"20", "22"};
    PGresult *result;
    assert_int_equal(weir_send(pool, conn, "SELECT $1::int + $2::int", 2, values), 0);
    assert_int_equal(weir_result(pool, conn, &result), 0);
    assert_string_equal(PQgetvalue(result, 0, 0), "42");
    PQclear(result);
    assert_int_equal(weir_result(pool, conn, &result), 0);
    assert_null(result);
    assert_int_equal(weir_settle(pool, conn), 0);
    weir_pool_give(pool, conn);
    assert_int_equal(weir_send(pool, conn, "SELECT 1", 0, NULL), WEIR_ENOTLENT);
    assert_int_equal(weir_result(pool, conn, &result), WEIR_ENOTLENT);
    assert_int_equal(weir_settle(pool, conn), WEIR_ENOTLENT);
    world_close(pool);
}

static struct weir_pool *open_early(struct door *door, enum weir_reset reset)
{
    struct weir_options options = world_options(1, 0);
    options.conninfo = door_conninfo(door);
    options.lend_early = true;
    options.reset_on_return = reset;
    return world_open(&options);
}

TEST(a_full_reset_is_lent_unanswered_and_the_query_travels_behind_it)
{
    struct door *door = door_open();
    struct weir_pool *pool = open_early(door, WEIR_RESET_FULL);
    for (int is_open = 0; is_open < 2; is_open++) {
        PGconn *conn = world_take(pool);
        assert_int_equal(weir_settle(pool, conn), 0);
        PQclear(PQexec(conn, "SET work_mem = '77kB'"));
        if (is_open)
            PQclear(PQexec(conn, "BEGIN"));
        door_freeze(door, true);
        weir_pool_give(pool, conn);
        PGconn *second = world_take(pool); /* no answer has come */
        assert_ptr_equal(second, conn);
        assert_int_equal(PQpipelineStatus(second), PQ_PIPELINE_ON);
        door_freeze(door, false);
        assert_int_equal(query(pool, second, "SELECT (current_setting('work_mem') = '77kB')::int"),
                         0);
        assert_int_equal(query(pool, second, "SELECT 2"), 2);
        assert_int_equal(world_query(second, "SELECT 3"), 3);
        weir_pool_give(pool, second);
    }
    assert_int_equal(world_stats(pool).connects, 1);
    world_close(pool);
    door_close(door);
}

TEST(a_check_travels_in_front_of_the_query)
{
    struct door *door = door_open();
    struct weir_options options = world_options(1, 0);
    options.conninfo = door_conninfo(door);
    options.lend_early = true;
    options.pre_ping_after = 0;
    struct weir_pool *pool = world_open(&options);
    PGconn *conn = world_take(pool);
    weir_pool_give(pool, conn);
    door_freeze(door, true);
    conn = world_take(pool);
    assert_int_equal(PQpipelineStatus(conn), PQ_PIPELINE_ON);
    door_freeze(door, false);
    assert_int_equal(query(pool, conn, "SELECT 4"), 4);
    weir_pool_give(pool, conn);
    world_close(pool);
    door_close(door);
}

TEST(an_early_connection_that_is_not_used_or_only_settled_is_given_back_clean)
{
    struct door *door = door_open();
    struct weir_pool *pool = open_early(door, WEIR_RESET_FULL);
    for (int i = 0; i < 3; i++) {
        PGconn *conn = world_take(pool);
        if (i == 1)
            assert_int_equal(weir_settle(pool, conn), 0);
        if (i == 2)
            assert_int_equal(weir_send(pool, conn, "SELECT 1", 0, NULL), 0); /* left unread */
        weir_pool_give(pool, conn);
    }
    PGconn *conn = world_take(pool);
    assert_int_equal(weir_settle(pool, conn), 0);
    assert_int_equal(world_query(conn, "SELECT 5"), 5);
    weir_pool_give(pool, conn);
    assert_int_equal(world_stats(pool).connects, 1);
    world_close(pool);
    door_close(door);
}

TEST(an_early_connection_that_turns_out_dead_is_told_and_replaced)
{
    struct door *door = door_open();
    struct weir_pool *pool = open_early(door, WEIR_RESET_FULL);
    PGconn *conn = world_take(pool);
    PGresult *result;
    door_freeze(door, true);
    weir_pool_give(pool, conn);
    conn = world_take(pool);
    door_cut(door);
    door_freeze(door, false);
    int status = weir_send(pool, conn, "SELECT 1", 0, NULL);
    assert_true(status == 0 || status == WEIR_EBROKEN);
    if (status == 0)
        assert_int_equal(weir_result(pool, conn, &result), WEIR_EBROKEN);
    weir_pool_give(pool, conn);
    conn = world_take(pool);
    assert_int_equal(weir_settle(pool, conn), 0);
    assert_int_equal(world_query(conn, "SELECT 6"), 6);
    weir_pool_give(pool, conn);
    world_close(pool);
    door_close(door);
}
