/* test_give.c - what becomes of a connection that comes back: reset, cancel, detach, invalidate. */
#include "world.h"

#include <poll.h>
#include <string.h>

TEST(a_transaction_left_open_is_rolled_back)
{
    struct weir_options options = world_options(1, 0);
    struct weir_pool *pool = world_open(&options);
    PGconn *conn = world_take(pool);
    PQclear(PQexec(conn, "BEGIN; CREATE TABLE left_open (a int)"));
    weir_pool_give(pool, conn);
    PGconn *second = world_take(pool);
    assert_ptr_equal(second, conn);
    assert_int_equal(PQtransactionStatus(second), PQTRANS_IDLE);
    assert_int_equal(
        world_query(second, "SELECT count(*) FROM pg_class WHERE relname = 'left_open'"), 0);
    weir_pool_give(pool, second);
    world_close(pool);
}

TEST(a_failed_transaction_is_rolled_back_too)
{
    struct weir_options options = world_options(1, 0);
    struct weir_pool *pool = world_open(&options);
    PGconn *conn = world_take(pool);
    PQclear(PQexec(conn, "BEGIN; SELECT 1/0"));
    assert_int_equal(PQtransactionStatus(conn), PQTRANS_INERROR);
    weir_pool_give(pool, conn);
    conn = world_take(pool);
    assert_int_equal(world_query(conn, "SELECT 1"), 1);
    weir_pool_give(pool, conn);
    world_close(pool);
}

TEST(a_statement_that_still_runs_is_cancelled_and_the_connection_lent_again)
{
    struct weir_options options = world_options(1, 0);
    struct weir_pool *pool = world_open(&options);
    PGconn *conn = world_take(pool);
    assert_int_equal(PQsendQuery(conn, "SELECT pg_sleep(600)"), 1);
    weir_pool_give(pool, conn);
    PGconn *second = world_take(pool);
    assert_ptr_equal(second, conn);
    assert_int_equal(world_query(second, "SELECT 7"), 7);
    weir_pool_give(pool, second);
    assert_int_equal(world_stats(pool).connects, 1);
    world_close(pool);
}

TEST(results_left_unread_are_read_away)
{
    struct weir_options options = world_options(1, 0);
    struct weir_pool *pool = world_open(&options);
    PGconn *conn = world_take(pool);
    assert_int_equal(PQsendQuery(conn, "SELECT generate_series(1, 100000)"), 1);
    weir_pool_give(pool, conn);
    conn = world_take(pool);
    assert_int_equal(world_query(conn, "SELECT 8"), 8);
    weir_pool_give(pool, conn);
    world_close(pool);
}

TEST(copy_in_both_directions_is_left)
{
    static const char *const statements[] = {"COPY copied FROM STDIN", "COPY copied TO STDOUT",
                                             "COPY (SELECT generate_series(1, 50000)) TO STDOUT"};
    postgres_sql("CREATE TABLE IF NOT EXISTS copied (a int)");
    struct weir_options options = world_options(1, 0);
    struct weir_pool *pool = world_open(&options);
    for (int i = 0; i < 3; i++) {
        PGconn *conn = world_take(pool);
        PQclear(PQexec(conn, statements[i]));
        assert_int_equal(PQtransactionStatus(conn), PQTRANS_ACTIVE);
        weir_pool_give(pool, conn);
        conn = world_take(pool);
        assert_int_equal(world_query(conn, "SELECT 9"), 9);
        weir_pool_give(pool, conn);
    }
    world_close(pool);
}

TEST(pipeline_mode_is_left_whatever_is_in_it)
{
    struct weir_options options = world_options(1, 0);
    struct weir_pool *pool = world_open(&options);
    for (int i = 0; i < 4; i++) {
        PGconn *conn = world_take(pool);
        assert_int_equal(PQenterPipelineMode(conn), 1);
        for (int k = 0; k < i; k++)
            assert_int_equal(PQsendQueryParams(conn, "SELECT 1", 0, NULL, NULL, NULL, NULL, 0), 1);
        if (i == 3)
            assert_int_equal(PQpipelineSync(conn), 1);
        weir_pool_give(pool, conn);
        conn = world_take(pool);
        assert_int_equal(PQpipelineStatus(conn), PQ_PIPELINE_OFF);
        assert_int_equal(world_query(conn, "SELECT 10"), 10);
        weir_pool_give(pool, conn);
    }
    world_close(pool);
}

TEST(a_full_reset_forgets_the_session)
{
    struct weir_options options = world_options(1, 0);
    options.reset_on_return = WEIR_RESET_FULL;
    struct weir_pool *pool = world_open(&options);
    PGconn *conn = world_take(pool);
    PQclear(PQexec(conn, "SET work_mem = '77kB'; PREPARE kept AS SELECT 1; BEGIN"));
    weir_pool_give(pool, conn);
    PGconn *second = world_take(pool);
    assert_ptr_equal(second, conn);
    assert_int_equal(world_query(second, "SELECT count(*) FROM pg_prepared_statements"), 0);
    assert_int_equal(world_query(second, "SELECT (current_setting('work_mem') = '77kB')::int"), 0);
    weir_pool_give(pool, second);
    world_close(pool);
}

TEST(without_a_reset_a_transaction_left_open_closes_the_connection)
{
    struct weir_options options = world_options(1, 0);
    options.reset_on_return = WEIR_RESET_NONE;
    struct weir_pool *pool = world_open(&options);
    PGconn *conn = world_take(pool);
    PQclear(PQexec(conn, "BEGIN"));
    weir_pool_give(pool, conn);
    conn = world_take(pool);
    assert_int_equal(PQtransactionStatus(conn), PQTRANS_IDLE);
    assert_int_equal(world_stats(pool).connects, 2);
    weir_pool_give(pool, conn);
    world_close(pool);
}

TEST(notifications_of_the_last_user_are_not_the_next_ones)
{
    struct weir_options options = world_options(1, 0);
    struct weir_pool *pool = world_open(&options);
    PGconn *conn = world_take(pool);
    PQclear(PQexec(conn, "LISTEN here; NOTIFY here"));
    weir_pool_give(pool, conn);
    postgres_sql("NOTIFY here");
    conn = world_take(pool);
    assert_int_equal(world_query(conn, "SELECT 1"), 1);
    assert_int_equal(world_stats(pool).connects, 1);
    weir_pool_give(pool, conn);
    world_close(pool);
}

TEST(a_broken_connection_given_back_is_closed_and_replaced)
{
    struct weir_options options = world_options(1, 0);
    struct weir_pool *pool = world_open(&options);
    PGconn *conn = world_take(pool);
    PQclear(PQexec(conn, "SELECT pg_terminate_backend(pg_backend_pid())"));
    weir_pool_give(pool, conn);
    conn = world_take(pool);
    assert_int_equal(world_query(conn, "SELECT 1"), 1);
    assert_int_equal(world_stats(pool).connects, 2);
    weir_pool_give(pool, conn);
    world_close(pool);
}

TEST(a_detached_connection_is_its_owners_and_counts_until_forgotten)
{
    struct weir_options options = world_options(1, 0);
    struct weir_pool *pool = world_open(&options);
    PGconn *conn = world_take(pool), *second;
    assert_int_equal(weir_pool_detach(pool, conn), 0);
    assert_int_equal(weir_pool_give(pool, conn), WEIR_ENOTLENT);
    assert_int_equal(weir_pool_try(pool, NULL, &second), WEIR_EAGAIN);
    assert_int_equal(world_stats(pool).detached, 1);
    assert_int_equal(world_stats(pool).connecting, 0);
    assert_int_equal(world_query(conn, "SELECT 1"), 1);
    PQfinish(conn);
    assert_int_equal(weir_pool_forget(pool, conn), 0);
    assert_int_equal(weir_pool_forget(pool, conn), WEIR_ENOTLENT);
    conn = world_take(pool);
    weir_pool_give(pool, conn);
    world_close(pool);
}

TEST(invalidate_replaces_idle_ones_at_once_and_held_ones_when_given_back)
{
    struct weir_options options = world_options(2, 0);
    struct weir_pool *pool = world_open(&options);
    PGconn *held = world_take(pool), *idle = world_take(pool);
    int pid = PQbackendPID(held);
    weir_pool_give(pool, idle);
    assert_int_equal(weir_pool_invalidate(pool, NULL), 0);
    assert_int_equal(world_stats(pool).idle, 0);
    assert_int_equal(world_query(held, "SELECT 1"), 1);
    weir_pool_give(pool, held);
    held = world_take(pool);
    assert_int_not_equal(PQbackendPID(held), pid);
    pid = PQbackendPID(held);
    assert_int_equal(weir_pool_invalidate(pool, held), 0);
    weir_pool_give(pool, held);
    held = world_take(pool);
    assert_int_not_equal(PQbackendPID(held), pid);
    weir_pool_give(pool, held);
    world_close(pool);
}

TEST(an_old_connection_is_replaced_before_it_is_lent)
{
    struct weir_options options = world_options(1, 0);
    options.pool_recycle = 50 * WEIR_MS;
    struct weir_pool *pool = world_open(&options);
    PGconn *conn = world_take(pool);
    int pid = PQbackendPID(conn);
    weir_time until = weir_now() + 60 * WEIR_MS;
    weir_pool_give(pool, conn);
    while (weir_now() < until)
        ;
    conn = world_take(pool);
    assert_int_not_equal(PQbackendPID(conn), pid);
    weir_pool_give(pool, conn);
    world_close(pool);
}

TEST(connections_idle_for_long_are_closed_down_to_the_minimum)
{
    struct weir_options options = world_options(3, 0);
    options.idle_timeout = 20 * WEIR_MS;
    options.min_pool_size = 1;
    struct weir_pool *pool = world_open(&options);
    PGconn *conns[3];
    for (int i = 0; i < 3; i++)
        conns[i] = world_take(pool);
    for (int i = 0; i < 3; i++)
        weir_pool_give(pool, conns[i]);
    WORLD_UNTIL(pool, idle, 1);
    WORLD_UNTIL(pool, closing, 0);
    assert_int_equal(world_stats(pool).idle, 1);
    assert_int_equal(world_stats(pool).connects, 3);
    world_close(pool);
}

TEST(one_idle_for_long_is_checked_by_a_round_trip)
{
    struct weir_options options = world_options(1, 0);
    options.pre_ping_after = 0;
    struct weir_pool *pool = world_open(&options);
    PGconn *conn = world_take(pool);
    weir_pool_give(pool, conn);
    for (int i = 0; i < 3; i++) {
        PGconn *again = world_take(pool);
        assert_ptr_equal(again, conn);
        assert_int_equal(world_query(again, "SELECT 1"), 1);
        weir_pool_give(pool, again);
    }
    assert_int_equal(world_stats(pool).connects, 1);
    world_close(pool);
}

TEST(resize_lowers_and_raises_the_limit)
{
    struct weir_options options = world_options(3, 0);
    struct weir_pool *pool = world_open(&options);
    PGconn *conns[3], *more;
    for (int i = 0; i < 3; i++)
        conns[i] = world_take(pool);
    assert_int_equal(weir_pool_resize(pool, 1, 0), 0);
    for (int i = 0; i < 3; i++)
        weir_pool_give(pool, conns[i]);
    WORLD_UNTIL(pool, closing, 0);
    assert_int_equal(world_stats(pool).idle, 1);
    conns[0] = world_take(pool);
    assert_int_equal(weir_pool_try(pool, NULL, &more), WEIR_EAGAIN);
    assert_int_equal(weir_pool_resize(pool, 2, 0), 0);
    more = world_take(pool);
    weir_pool_give(pool, more);
    weir_pool_give(pool, conns[0]);
    assert_int_equal(weir_pool_resize(pool, 0, 0), WEIR_EINVALID);
    assert_int_equal(weir_pool_resize(pool, WEIR_SERVERS_MAX + 1, 0), WEIR_EINVALID);
    assert_int_equal(weir_pool_resize(pool, WEIR_SERVERS_MAX, 0), 0);
    world_close(pool);
}

TEST(a_paused_pool_lends_nothing_until_it_goes_on)
{
    struct weir_options options = world_options(1, 0);
    struct weir_pool *pool = world_open(&options);
    weir_pool_give(pool, world_take(pool));
    assert_int_equal(weir_pool_pause(pool), 0);
    struct weir_want want = {.deadline = weir_now() + 100 * WEIR_MS};
    struct weir_error error;
    PGconn *conn;
    assert_int_equal(weir_pool_take(pool, &want, &conn, &error), WEIR_ETIMEDOUT);
    assert_int_equal(error.cause, WEIR_CAUSE_PAUSED);
    struct world_taker *taker = world_taker_start(pool, 30 * WEIR_SECOND);
    WORLD_UNTIL(pool, waiting, 1);
    assert_int_equal(weir_pool_resume(pool), 0);
    assert_int_equal(world_taker_join(taker, NULL), 0);
    world_close(pool);
}

/* ---- hooks ----------------------------------------------------------------------------------- */

struct counts {
    int connects, lends, gives;
    int refuse_connect, refuse_lend, refuse_give;
};

static int count_connect(void *user, PGconn *conn)
{
    struct counts *counts = user;
    PQclear(PQexec(conn, "SET work_mem = '99kB'"));
    counts->connects++;
    return counts->refuse_connect-- > 0;
}

static int count_lend(void *user, PGconn *conn)
{
    struct counts *counts = user;
    (void)conn;
    counts->lends++;
    return counts->refuse_lend-- > 0;
}

static int count_give(void *user, PGconn *conn)
{
    struct counts *counts = user;
    (void)conn;
    counts->gives++;
    return counts->refuse_give-- > 0;
}

TEST(hooks_run_when_they_should_and_a_refusal_costs_no_slot)
{
    struct counts counts = {.refuse_connect = 1};
    struct weir_options options = world_options(1, 0);
    options.hooks = (struct weir_hooks){
        .user = &counts, .on_connect = count_connect, .on_lend = count_lend, .on_give = count_give};
    struct weir_pool *pool = world_open(&options);
    PGconn *conn;
    struct weir_error error;
    assert_int_equal(weir_pool_take(pool, NULL, &conn, &error), WEIR_EHOOK);
    assert_int_equal(world_stats(pool).checked_out, 0);
    conn = world_take(pool); /* connects again and runs it again */
    assert_int_equal(counts.connects, 2);
    assert_int_equal(counts.lends, 1);
    assert_int_equal(world_query(conn, "SELECT (current_setting('work_mem') = '99kB')::int"), 1);
    weir_pool_give(pool, conn);
    assert_int_equal(counts.gives, 1);
    counts.refuse_lend = 1;
    assert_int_equal(weir_pool_take(pool, NULL, &conn, &error), WEIR_EHOOK);
    counts.refuse_lend = 0;
    counts.refuse_give = 1;
    conn = world_take(pool);
    assert_int_equal(weir_pool_give(pool, conn), 0);
    WORLD_UNTIL(pool, closing, 0);
    assert_int_equal(world_stats(pool).idle, 0);
    world_close(pool);
}

TEST(on_connect_sql_is_run_on_each_new_connection_and_its_failure_is_told)
{
    struct weir_options options = world_options(1, 0);
    options.on_connect_sql = "SET work_mem = '111kB'; SET lock_timeout = 123";
    struct weir_pool *pool = world_open(&options);
    PGconn *conn = world_take(pool);
    assert_int_equal(world_query(conn, "SELECT (current_setting('work_mem') = '111kB')::int"), 1);
    weir_pool_give(pool, conn);
    world_close(pool);
    options.on_connect_sql = "SET no_such_setting = 1";
    pool = world_open(&options);
    struct weir_error error;
    assert_int_equal(weir_pool_take(pool, NULL, &conn, &error), WEIR_EHOOK);
    assert_string_equal(error.sqlstate, "42704");
    assert_non_null(strstr(error.server_text, "no_such_setting"));
    assert_non_null(strstr(error.text, "on_connect_sql"));
    world_close(pool);
}

TEST(on_connect_sql_that_hangs_is_bounded_by_the_takes_deadline_and_by_connect_timeout)
{
    struct weir_options options = world_options(1, 0);
    options.on_connect_sql = "SELECT pg_sleep(600)";
    struct weir_pool *pool = world_open(&options);
    struct weir_want want = {.deadline = weir_now() + 100 * WEIR_MS};
    struct weir_error error;
    PGconn *conn;
    assert_int_equal(weir_pool_take(pool, &want, &conn, &error), WEIR_ETIMEDOUT);
    assert_int_equal(error.cause, WEIR_CAUSE_CONNECTING);
    world_close(pool);
    options.connect_timeout = 200 * WEIR_MS;
    pool = world_open(&options);
    struct world_taker *taker = world_taker_start(pool, 60 * WEIR_SECOND);
    while (world_stats(pool).connect_failures == 0)
        poll(NULL, 0, 1);
    assert_int_equal(world_stats(pool).last_failure, WEIR_ECONNECTTIMEOUT);
    assert_int_equal(weir_pool_close(pool, 0, NULL), WEIR_ETIMEDOUT);
    assert_int_equal(world_taker_join(taker, NULL), WEIR_ECLOSED);
    world_close(pool);
}
