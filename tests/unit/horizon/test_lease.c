/* Tests of serve/lease.h: who waits for a connection, who may only try, who is tried again. The
 * pool is played here, and the clock with it. */
#include "serve/lease.h"

#include <string.h>

#include "serve/app.h"
#include "serve/http.h"
#include "serve/request.h"
#include "test.h"

#define USER "0b9e6d0a-0000-4000-8000-000000000001"

static struct world {
    weir_time now;
    struct settings settings;
    struct app app;
    struct route route;
    struct request request;
    bool is_full, is_down;
    unsigned takes, tries, lent, runs, resumed;
    weir_time
        break_after; /* how long a statement runs until its connection breaks; 0: it does not */
} world;

/* ---- what a lease stands on ------------------------------------------------------------------ */

weir_time weir_now(void)
{
    return world.now;
}

int weir_pool_take(struct weir_pool *pool, const struct weir_want *want, PGconn **ret_conn,
                   struct weir_error *ret_error)
{
    (void)pool, (void)ret_error;
    assert_true(want->deadline > world.now);
    world.takes++;
    world.lent++;
    *ret_conn = NULL;
    return 0;
}

int weir_pool_try(struct weir_pool *pool, const struct weir_want *want, PGconn **ret_conn)
{
    (void)pool, (void)want;
    world.tries++;
    if (world.is_full || world.is_down) {
        return WEIR_EAGAIN;
    }
    world.lent++;
    *ret_conn = NULL;
    return 0;
}

int weir_pool_give(struct weir_pool *pool, PGconn *conn)
{
    (void)pool, (void)conn;
    world.lent--;
    return 0;
}

int weir_pool_stats(struct weir_pool *pool, struct weir_stats *ret_stats)
{
    (void)pool;
    *ret_stats = (struct weir_stats){.last_failure = world.is_down ? WEIR_EUPSTREAMDOWN : 0};
    return 0;
}

void http_resume(struct request *request)
{
    assert_ptr_equal(request, &world.request);
    world.resumed++;
}

static void handle(struct request *request)
{
    world.runs++;
    world.now += world.break_after;
    request->is_conn_broken = world.break_after > 0;
    reply_empty(&request->reply, request->is_conn_broken ? 503 : 200);
}

/* ---- worlds ---------------------------------------------------------------------------------- */

static void begin(void)
{
    struct user user = {.id = USER};
    world = (struct world){
        .now = 1000 * WEIR_SECOND,
        .settings = {.pool_wait_ms = 2000, .query_ms = 5000},
        .route = {.method = METHOD_GET, .handle = handle, .name = "test"},
    };
    world.app.settings = &world.settings;
    world.app.users = users_new(16, WEIR_NEVER);
    guards_init(&world.app.guards);
    users_store(world.app.users, &user, users_begin(world.app.users), world.now);
    world.request = (struct request){.app = &world.app,
                                     .route = &world.route,
                                     .claims = {.user_id = USER},
                                     .waits_since = world.now,
                                     .tries_end_at = world.now + 12 * WEIR_SECOND};
}

static void end(void)
{
    assert_int_equal(world.lent, 0);
    assert_int_equal(world.resumed, 1);
    reply_done(&world.request.reply);
    users_free(world.app.users);
    guards_done(&world.app.guards);
}

static bool says(const char *text)
{
    return world.request.reply.body && strstr(world.request.reply.body, text);
}

TEST(who_comes_from_the_line_in_time_waits_for_a_connection)
{
    begin();
    world.now += 2 * WEIR_SECOND - 1;
    lease_run(&world.request);
    assert_int_equal(world.takes, 1);
    assert_int_equal(world.request.reply.status, 200);
    end();
}

TEST(who_comes_from_the_line_too_late_gets_a_connection_that_is_free)
{
    begin();
    world.now += 2 * WEIR_SECOND;
    lease_run(&world.request);
    assert_int_equal(world.takes, 0);
    assert_int_equal(world.tries, 1);
    assert_int_equal(world.request.reply.status, 200);
    end();
}

TEST(who_comes_from_the_line_too_late_and_gets_none_is_told_how_long_it_waited)
{
    begin();
    world.now += 4567 * WEIR_MS;
    world.is_full = true;
    lease_run(&world.request);
    assert_int_equal(world.takes + world.runs, 0);
    assert_int_equal(world.request.reply.status, 503);
    assert_true(world.request.reply.retry_after > 0);
    assert_true(says("pool_exhausted") && says("after 4567 ms"));
    end();
}

TEST(who_comes_from_the_line_too_late_is_told_of_a_database_that_is_down)
{
    begin();
    world.now += 2 * WEIR_SECOND;
    world.is_down = true;
    lease_run(&world.request);
    assert_int_equal(world.request.reply.status, 503);
    assert_true(says("database_down"));
    end();
}

TEST(what_breaks_is_tried_once_more)
{
    begin();
    world.now += 2 * WEIR_SECOND - 1;
    world.break_after = 5 * WEIR_SECOND;
    lease_run(&world.request);
    assert_int_equal(world.runs, 2);
    assert_int_equal(world.request.reply.status, 503);
    end();
}

TEST(what_breaks_after_a_slow_flight_is_not_tried_again)
{
    begin();
    world.now += 4 * WEIR_SECOND;
    world.request.waits_since = world.now; /* as after a flight */
    world.break_after = 4 * WEIR_SECOND;
    lease_run(&world.request);
    assert_int_equal(world.runs, 1);
    assert_int_equal(world.request.reply.status, 503);
    end();
}

TEST(a_change_that_breaks_is_not_tried_again)
{
    begin();
    world.route.method = METHOD_POST;
    world.break_after = 1;
    lease_run(&world.request);
    assert_int_equal(world.runs, 1);
    end();
}
