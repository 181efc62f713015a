/* test_standby.c - servers in hot standby: noticed, and never lent where a primary is required. */
#include "world.h"

#include <stdio.h>
#include <string.h>

#include "door.h"

/* ParameterStatus (protocol, "Message Formats"), as a pooler in between sends it when its server
 * has changed. */
static const char on[] = "S\0\0\0\x16in_hot_standby\0on";

static int standbys_told;

static void note(void *user, const struct weir_trace *trace)
{
    (void)user;
    standbys_told += trace->kind == WEIR_TRACE_STANDBY;
}

static int take_briefly(struct weir_pool *pool, struct weir_error *ret_error)
{
    struct weir_want want = {.deadline = weir_now() + 300 * WEIR_MS};
    PGconn *conn;
    int status = weir_pool_take(pool, &want, &conn, ret_error);
    if (status == 0)
        weir_pool_give(pool, conn);
    return status;
}

TEST(a_server_in_hot_standby_is_told_and_refused_where_a_primary_is_required)
{
    struct weir_options options = world_options(1, 0);
    struct weir_error error;
    standbys_told = 0;
    options.hooks.trace = note;
    postgres_demote();
    struct weir_pool *any = world_open(&options);
    options.require_primary = true;
    options.hooks.trace = NULL;
    struct weir_pool *primary = world_open(&options);

    PGconn *conn = world_take(any);
    assert_int_equal(world_stats(any).standbys, 1);
    assert_int_equal(standbys_told, 1);
    assert_int_equal(take_briefly(primary, &error), WEIR_ETIMEDOUT);
    assert_int_equal(error.cause, WEIR_CAUSE_REFUSED);
    assert_non_null(strstr(error.text, "hot standby"));
    assert_true(world_stats(primary).connects < 100); /* with a back-off in between */

    postgres_promote();
    assert_int_equal(world_query(conn, "SELECT 1"), 1);
    weir_pool_give(any, conn);
    assert_int_equal(world_stats(any).standbys, 0);
    conn = world_take(primary);
    assert_int_equal(world_query(conn, "SELECT pg_is_in_recovery()::int"), 0);
    weir_pool_give(primary, conn);
    assert_int_equal(world_stats(primary).standbys, 0);
    world_close(any);
    world_close(primary);
}

static void become_standby(bool is_primary_required, int connects)
{
    struct door *door = door_open();
    struct weir_options options = world_options(1, 0);
    standbys_told = 0;
    options.conninfo = door_conninfo(door);
    options.hooks.trace = note;
    options.require_primary = is_primary_required;
    struct weir_pool *pool = world_open(&options);
    weir_pool_give(pool, world_take(pool));
    assert_int_equal(world_stats(pool).idle, 1); /* also: none is kept at hand past the core */
    door_say(door, on, sizeof(on));
    PGconn *conn = world_take(pool);
    assert_int_equal(door_accepted(door), connects);
    assert_int_equal(standbys_told, 1);
    assert_int_equal(world_stats(pool).standbys, !is_primary_required);
    weir_pool_give(pool, conn);
    world_close(pool);
    door_close(door);
}

TEST(a_connection_whose_server_becomes_a_standby_is_told_or_replaced)
{
    become_standby(false, 1);
    become_standby(true, 2);
}
