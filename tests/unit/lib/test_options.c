/* test_options.c - defaults, environment, URL, and what is refused with which words. */
#include "world.h"

#include <stdlib.h>
#include <string.h>

TEST(options_come_from_the_environment_and_wrong_ones_are_named)
{
    struct weir_options options;
    struct weir_error error;
    weir_options_init(&options);
    setenv("WEIR_POOL_SIZE", "7", 1);
    setenv("WEIR_MAX_OVERFLOW", "-1", 1);
    setenv("WEIR_POOL_TIMEOUT", "0.25", 1);
    setenv("WEIR_POOL_PRE_PING", "off", 1);
    setenv("WEIR_RESET_ON_RETURN", "full", 1);
    assert_int_equal(weir_options_environment(&options, &error), 0);
    assert_int_equal(options.pool_size, 7);
    assert_int_equal(options.max_overflow, -1);
    assert_int_equal(options.pool_timeout, 250 * WEIR_MS);
    assert_false(options.pool_pre_ping);
    assert_int_equal(options.reset_on_return, WEIR_RESET_FULL);
    static const char *const wrong[] = {"0", "10001", "", "x", "1.5", "-1", "1e99", "nan"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        setenv("WEIR_POOL_SIZE", wrong[i], 1);
        options.pool_size = 3;
        assert_int_equal(weir_options_environment(&options, &error), WEIR_EINVALID);
        assert_non_null(strstr(error.text, "WEIR_POOL_SIZE"));
        assert_int_equal(options.pool_size, 3);
    }
    setenv("WEIR_POOL_SIZE", "10000", 1);
    assert_int_equal(weir_options_environment(&options, &error), 0);
    unsetenv("WEIR_POOL_SIZE");
    unsetenv("WEIR_MAX_OVERFLOW");
    unsetenv("WEIR_POOL_TIMEOUT");
    unsetenv("WEIR_POOL_PRE_PING");
    unsetenv("WEIR_RESET_ON_RETURN");
}

/* A URL of the private server with this query. */
static const char *url(const char *query)
{
    static char text[512];
    const char *host = strstr(postgres_conninfo(), "host=") + 5;
    char escaped[256];
    size_t bytes = 0;
    for (const char *at = host; *at != '\0' && *at != ' '; at++)
        bytes += (size_t)snprintf(escaped + bytes, sizeof(escaped) - bytes,
                                  *at == '/' ? "%%2F" : "%c", *at);
    snprintf(text, sizeof(text), "postgres://postgres@%s/postgres%s", escaped, query);
    return text;
}

TEST(a_url_may_hold_the_pools_options_beside_libpqs)
{
    static const char *const queries[] = {
        "?pool_size=4&max_overflow=3", "?application_name=a&pool_size=4&max_overflow=3",
        "?pool_size=4&application_name=a&max_overflow=3",
        "?max_overflow=3&pool_size=4&sslmode=disable", "?default_pool_size=4&max_overflow=3"};
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        struct weir_options options = world_options(1, 0);
        options.conninfo = url(queries[i]);
        struct weir_pool *pool = world_open(&options);
        assert_int_equal(world_stats(pool).pool_size, 4);
        assert_int_equal(world_stats(pool).limit, 7);
        PGconn *conn = world_take(pool);
        if (strstr(queries[i], "application_name") != NULL)
            assert_int_equal(
                world_query(conn, "SELECT (current_setting('application_name') = 'a')::int"), 1);
        weir_pool_give(pool, conn);
        world_close(pool);
    }
}

TEST(what_is_wrong_with_a_conninfo_is_said)
{
    static const struct {
        const char *conninfo, *word;
    } cases[] = {
        {"postgres://x/y?pool_size=0", "pool_size"}, {"postgres://x/y?pool_size=", "pool_size"},
        {"postgres://x/y?nonsense=1", "nonsense"},   {"host", "host"},
        {"postgres://[::1/y", "conninfo"},           {"host=a,b port=1,2,3", "port"},
        {"host=a,b hostaddr=::1", "hostaddr"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct weir_options options = world_options(1, 0);
        struct weir_pool *pool = NULL;
        struct weir_error error;
        options.conninfo = cases[i].conninfo;
        assert_int_equal(weir_pool_open(&options, &pool, &error), WEIR_EINVALID);
        assert_non_null(strstr(error.text, cases[i].word));
        assert_null(strchr(error.text, '\n'));
        assert_null(pool);
    }
}

TEST(a_conninfo_that_cannot_be_read_does_not_tell_its_password)
{
    static const char *const texts[] = {
        "host=x password=sec ret",         "host=x password='secret",
        "host=x password=s secret%x=1",    "postgres://u:secret%zz@x/y",
        "postgres://u:secret@[::1/y",      "postgres://u:secret@[::1]x/y",
        "postgres://x/y?password=secret=", "postgres://u:secret@x/y?nonsense=1",
        "postgres://x/y?password=%secret", "host=x password=secret connect_timeout",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct weir_options options = world_options(1, 0);
        struct weir_pool *pool = NULL;
        struct weir_error error;
        options.conninfo = texts[i];
        assert_int_equal(weir_pool_open(&options, &pool, &error), WEIR_EINVALID);
        assert_null(strstr(error.text, "secret"));
        assert_null(strstr(error.text, "ret\""));
        assert_true(strlen(error.text) > strlen("conninfo: "));
    }
}

TEST(a_password_with_a_question_mark_is_left_as_it_is)
{
    char text[256];
    struct weir_options options = world_options(3, 0);
    snprintf(text, sizeof(text), "postgres://postgres:a?pool_size=x&&y@%s",
             strstr(url(""), "@") + 1);
    options.conninfo = text;
    struct weir_pool *pool = world_open(&options);
    PGconn *conn = world_take(pool);
    assert_string_equal(PQpass(conn), "a?pool_size=x&&y");
    weir_pool_give(pool, conn);
    world_close(pool);
}

TEST(options_out_of_range_are_refused)
{
    struct weir_pool *pool;
    struct weir_error error;
    struct weir_options options = world_options(0, 0);
    assert_int_equal(weir_pool_open(&options, &pool, &error), WEIR_EINVALID);
    options = world_options(WEIR_SERVERS_MAX + 1, 0);
    assert_int_equal(weir_pool_open(&options, &pool, &error), WEIR_EINVALID);
    options = world_options(1, 0);
    options.max_connecting = 0;
    assert_int_equal(weir_pool_open(&options, &pool, &error), WEIR_EINVALID);
    assert_non_null(strstr(error.text, "max_connecting"));
    options = world_options(1, 0);
    options.max_waiting = WEIR_CLAIMS_MAX + 1;
    assert_int_equal(weir_pool_open(&options, &pool, &error), WEIR_EINVALID);
    options = world_options(1, 0);
    options.reset_on_return = (enum weir_reset)3;
    assert_int_equal(weir_pool_open(&options, &pool, &error), WEIR_EINVALID);
    assert_int_equal(weir_pool_open(&options, NULL, &error), WEIR_EINVALID);
}

TEST(spans_without_end_are_no_limit_and_spans_of_nothing_are_none)
{
    static const weir_time spans[] = {WEIR_NEVER, WEIR_NEVER - 1, 0};
    for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
        struct weir_options options = world_options(1, 0);
        options.pool_timeout = options.pool_recycle = options.pre_ping_after = spans[i];
        options.idle_timeout = spans[i];
        options.reset_on_return = WEIR_RESET_FULL;
        if (spans[i] != 0)
            options.connect_timeout = options.task_timeout = spans[i];
        struct weir_pool *pool = world_open(&options);
        struct weir_want want = {.deadline = WEIR_NEVER};
        for (int k = 0; k < 3; k++) {
            PGconn *conn;
            assert_int_equal(weir_pool_take(pool, &want, &conn, NULL), 0);
            weir_pool_give(pool, conn);
        }
        WORLD_UNTIL(pool, resetting, 0);
        assert_int_equal(world_stats(pool).connects, 1);
        world_close(pool);
    }
}

TEST(without_a_conninfo_it_is_database_url)
{
    struct weir_options options = world_options(1, 0);
    options.conninfo = NULL;
    setenv("DATABASE_URL", url("?pool_size=2"), 1);
    struct weir_pool *pool = world_open(&options);
    unsetenv("DATABASE_URL");
    assert_int_equal(world_stats(pool).pool_size, 2);
    weir_pool_give(pool, world_take(pool));
    world_close(pool);
}

TEST(a_queue_that_is_full_refuses_at_once)
{
    struct weir_options options = world_options(1, 0);
    options.max_waiting = 1;
    struct weir_pool *pool = world_open(&options);
    PGconn *conn = world_take(pool), *second;
    struct world_taker *taker = world_taker_start(pool, 60 * WEIR_SECOND);
    struct weir_error error;
    WORLD_UNTIL(pool, waiting, 1);
    assert_int_equal(weir_pool_take(pool, NULL, &second, &error), WEIR_EQUEUEFULL);
    weir_pool_give(pool, conn);
    assert_int_equal(world_taker_join(taker, NULL), 0);
    world_close(pool);
}
