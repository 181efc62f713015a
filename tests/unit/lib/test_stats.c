/* test_stats.c - numbers, holders, lines for logs, OpenMetrics, traces, what the server grants. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TEST(the_line_for_a_log_has_the_pools_state)
{
    struct weir_stats stats = {.pool_size = 20, .checked_out = 3, .ceiling = 20, .idle = 2};
    char line[256];
    int length = weir_stats_line(&stats, line, sizeof(line));
    assert_int_equal(length, strlen(line));
    assert_int_equal(
        strncmp(line, "pool size=20 checked_out=3 overflow=0 waiting=0 ceiling=20 ", 59), 0);
    char small[8];
    assert_int_equal(weir_stats_line(&stats, small, sizeof(small)), length);
    assert_string_equal(small, "pool si");
    assert_int_equal(weir_stats_line(&stats, NULL, 0), length);
}

TEST(openmetrics_text_is_complete_and_escapes_the_name)
{
    struct weir_stats stats = {.pool_size = 5, .ceiling = WEIR_NO_LIMIT, .takes = 7};
    stats.wait_count[0] = 4;
    stats.wait_count[WEIR_BUCKETS - 1] = 3;
    int length = weir_stats_openmetrics(&stats, "a\"b\\c\nd", NULL, 0);
    char *text = malloc((size_t)length + 1);
    assert_int_equal(weir_stats_openmetrics(&stats, "a\"b\\c\nd", text, (size_t)length + 1),
                     length);
    assert_int_equal(strlen(text), length);
    assert_non_null(strstr(text, "weir_pool_size{pool=\"a\\\"b\\\\c\\nd\"} 5\n"));
    assert_non_null(strstr(text, "weir_pool_ceiling{pool=\"a\\\"b\\\\c\\nd\"} +Inf\n"));
    assert_non_null(strstr(text, "weir_pool_takes_total{pool=\"a\\\"b\\\\c\\nd\"} 7\n"));
    assert_non_null(strstr(text, "le=\"1e-06\"} 4\n"));
    assert_non_null(strstr(text, "le=\"+Inf\"} 7\n"));
    assert_null(strstr(text, "# EOF"));
    free(text);
}

TEST(holders_are_told_the_longest_first_with_tag_and_transaction)
{
    struct weir_options options = world_options(3, 0);
    struct weir_pool *pool = world_open(&options);
    PGconn *conns[3];
    static const char *const tags[] = {"first", "a tag that is longer than there is room for",
                                       NULL};
    for (int i = 0; i < 3; i++) {
        struct weir_want want = {.tag = tags[i], .owner = (uint64_t)i + 1};
        assert_int_equal(weir_pool_take(pool, &want, &conns[i], NULL), 0);
    }
    PQclear(PQexec(conns[1], "BEGIN"));
    struct weir_holder holders[2];
    assert_int_equal(weir_pool_holders(pool, holders, 2), 3);
    assert_string_equal(holders[0].tag, "first");
    assert_int_equal(holders[0].owner, 1);
    assert_int_equal(holders[0].transaction, WEIR_TRANSACTION_IDLE);
    assert_int_equal(holders[0].backend_pid, PQbackendPID(conns[0]));
    assert_int_equal(strlen(holders[1].tag), WEIR_TAG_BYTES - 1);
    assert_int_equal(holders[1].transaction, WEIR_TRANSACTION_OPEN);
    assert_true(holders[0].held >= holders[1].held);
    for (int i = 0; i < 3; i++)
        weir_pool_give(pool, conns[i]);
    assert_int_equal(weir_pool_holders(pool, NULL, 0), 0);
    world_close(pool);
}

TEST(waits_and_holds_are_counted_and_littles_law_suggests_a_size)
{
    struct weir_options options = world_options(2, 0);
    struct weir_pool *pool = world_open(&options);
    for (int i = 0; i < 30; i++) {
        PGconn *conn = world_take(pool);
        assert_int_equal(world_query(conn, "SELECT 1"), 1);
        weir_pool_give(pool, conn);
    }
    struct weir_stats stats = world_stats(pool);
    uint64_t waits = 0, holds = 0;
    for (int i = 0; i < WEIR_BUCKETS; i++) {
        waits += stats.wait_count[i];
        holds += stats.hold_count[i];
    }
    assert_int_equal(waits, 30);
    assert_int_equal(holds, 30);
    assert_int_equal(stats.takes, 30);
    assert_in_range(stats.suggested_size, 1, 3); /* one caller: busy at most all of the time */
    world_close(pool);
}

/* ---- traces, what the server grants ---------------------------------------------------------- */

struct log {
    int lines[WEIR_TRACE_NOTICE + 1];
    char text[WEIR_TRACE_NOTICE + 1][512];
    struct weir_pool *pool;
};

static void note(void *user, const struct weir_trace *trace)
{
    struct log *log = user;
    log->lines[trace->kind]++;
    snprintf(log->text[trace->kind], sizeof(log->text[0]), "%s", trace->text);
    if (log->pool != NULL)
        weir_pool_holders(log->pool, NULL, 0); /* the lock is not held */
}

TEST(the_server_is_asked_once_what_it_grants_and_too_large_a_pool_is_told)
{
    struct log log = {0};
    postgres_sql("DROP ROLE IF EXISTS app; CREATE ROLE app LOGIN CONNECTION LIMIT 12");
    struct weir_options options = world_options(20, 10);
    options.conninfo = postgres_conninfo_of("app");
    options.ask_server = true;
    options.hooks = (struct weir_hooks){.user = &log, .trace = note};
    struct weir_pool *pool = world_open(&options);
    log.pool = pool;
    PGconn *conn = world_take(pool), *second = world_take(pool);
    struct weir_stats stats = world_stats(pool);
    assert_true(stats.is_server_asked);
    assert_int_equal(stats.server_max, 40 - 3);
    assert_int_equal(stats.role_limit, 12);
    assert_int_equal(stats.database_limit, WEIR_NO_LIMIT);
    assert_int_equal(stats.grant, 12);
    assert_int_equal(log.lines[WEIR_TRACE_GRANT_SHORT], 1);
    assert_non_null(
        strstr(log.text[WEIR_TRACE_GRANT_SHORT], "is 30, but the server will grant 12"));
    assert_int_equal(log.lines[WEIR_TRACE_CONNECTED], 2);
    weir_pool_give(pool, conn);
    weir_pool_give(pool, second);
    log.pool = NULL;
    world_close(pool);
}

TEST(sessions_of_a_role_that_may_not_be_read_count_as_held_by_others)
{
    enum { SESSIONS = 5 };
    char app[512], other[512];
    PGconn *sessions[SESSIONS];
    postgres_sql("DROP ROLE IF EXISTS app, other");
    postgres_sql("CREATE ROLE app LOGIN; CREATE ROLE other LOGIN");
    postgres_sql("CREATE DATABASE for_both CONNECTION LIMIT 12");
    snprintf(app, sizeof(app), "%s dbname=for_both", postgres_conninfo_of("app"));
    snprintf(other, sizeof(other), "%s dbname=for_both", postgres_conninfo_of("other"));
    for (int i = 0; i < SESSIONS; i++) {
        sessions[i] = PQconnectdb(other);
        assert_int_equal(PQstatus(sessions[i]), CONNECTION_OK);
    }
    struct weir_options options = world_options(20, 0);
    options.conninfo = app;
    options.ask_server = true;
    struct weir_pool *pool = world_open(&options);
    weir_pool_give(pool, world_take(pool));
    struct weir_stats stats = world_stats(pool);
    assert_true(stats.is_server_asked);
    assert_int_equal(stats.database_limit, 12);
    assert_int_equal(stats.grant, 12 - SESSIONS);
    for (int i = 0; i < SESSIONS; i++)
        PQfinish(sessions[i]);
    world_close(pool);
}

TEST(a_roles_limit_becomes_the_ceiling_and_is_told_once)
{
    struct log log = {0};
    postgres_sql("DROP ROLE IF EXISTS small; CREATE ROLE small LOGIN CONNECTION LIMIT 3");
    struct weir_options options = world_options(5, 5);
    options.conninfo = postgres_conninfo_of("small");
    options.hooks = (struct weir_hooks){.user = &log, .trace = note};
    struct weir_pool *pool = world_open(&options);
    struct world_taker *takers[20];
    for (int i = 0; i < 20; i++)
        takers[i] = world_taker_start(pool, 60 * WEIR_SECOND);
    for (int i = 0; i < 20; i++)
        assert_int_equal(world_taker_join(takers[i], NULL), 0);
    PGconn *conns[3], *more;
    for (int i = 0; i < 3; i++)
        conns[i] = world_take(pool);
    struct weir_want want = {.deadline = weir_now() + 50 * WEIR_MS, .owner = WEIR_OWNER_NONE};
    struct weir_error error;
    assert_int_equal(weir_pool_take(pool, &want, &more, &error), WEIR_ETIMEDOUT);
    assert_int_equal(error.ceiling, 3);
    assert_non_null(strstr(error.text, "3 of 10 connections are held (the server accepts 3): "));
    assert_int_equal(error.cause, WEIR_CAUSE_REFUSED);
    assert_string_equal(error.sqlstate, "53300");
    assert_int_equal(error.held, 3);
    assert_int_equal(log.lines[WEIR_TRACE_TIMEOUT], 1);
    assert_true(log.lines[WEIR_TRACE_CEILING] >= 1);
    for (int i = 0; i < 3; i++)
        weir_pool_give(pool, conns[i]);
    world_close(pool);
}

static void must_not_hear(void *user, const char *text)
{
    (void)text;
    *(bool *)user = true;
}

static void must_not_receive(void *user, const PGresult *result)
{
    (void)result;
    *(bool *)user = true;
}

TEST(what_a_holder_set_in_libpq_does_not_outlive_its_lease)
{
    struct log log = {0};
    struct weir_options options = world_options(1, 0);
    options.hooks = (struct weir_hooks){.user = &log, .trace = note};
    struct weir_pool *pool = world_open(&options);
    for (int i = 0; i < 2; i++) {
        bool is_called = false;
        PGconn *conn = world_take(pool);
        PQsetErrorVerbosity(conn, PQERRORS_VERBOSE);
        if (i == 0)
            PQsetNoticeProcessor(conn, must_not_hear, &is_called);
        else
            PQsetNoticeReceiver(conn, must_not_receive, &is_called);
        weir_pool_give(pool, conn);
        conn = world_take(pool);
        PQclear(PQexec(conn, "DO $$ BEGIN RAISE WARNING 'mind the gap'; END $$"));
        PGresult *result = PQexec(conn, "SELECT nonsense");
        assert_null(strstr(PQresultErrorMessage(result), "42703"));
        PQclear(result);
        weir_pool_give(pool, conn);
        assert_false(is_called);
        assert_int_equal(log.lines[WEIR_TRACE_NOTICE], i + 1);
    }
    assert_int_equal(world_stats(pool).connects, 1);
    world_close(pool);
}

TEST(a_notice_of_the_server_goes_to_the_trace_not_to_standard_error)
{
    struct log log = {0};
    struct weir_options options = world_options(1, 0);
    options.hooks = (struct weir_hooks){.user = &log, .trace = note};
    struct weir_pool *pool = world_open(&options);
    PGconn *conn = world_take(pool);
    PQclear(PQexec(conn, "DO $$ BEGIN RAISE WARNING 'mind the gap'; END $$"));
    weir_pool_give(pool, conn);
    assert_int_equal(log.lines[WEIR_TRACE_NOTICE], 1);
    assert_non_null(strstr(log.text[WEIR_TRACE_NOTICE], "mind the gap"));
    world_close(pool);
}
