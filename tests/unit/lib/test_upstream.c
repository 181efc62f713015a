/* test_upstream.c - connecting to a server that hangs, is full, refuses, ends, comes back. */
#include "world.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "door.h"

static struct weir_pool *open_through(struct door *door, uint32_t size, int32_t overflow)
{
    struct weir_options options = world_options(size, overflow);
    options.conninfo = door_conninfo(door);
    return world_open(&options);
}

TEST(a_hung_connect_stops_nobody)
{
    struct door *door = door_open();
    struct weir_pool *pool = open_through(door, 5, 0);
    door_hang(door, 1);
    for (int i = 0; i < 3; i++) {
        struct world_taker *takers[4];
        for (int k = 0; k < 4; k++)
            takers[k] = world_taker_start(pool, 30 * WEIR_SECOND);
        for (int k = 0; k < 4; k++)
            assert_int_equal(world_taker_join(takers[k], NULL), 0);
    }
    WORLD_UNTIL(pool, connecting, 1);
    world_close(pool);
    door_close(door);
}

TEST(a_take_whose_only_connect_hangs_ends_at_its_deadline)
{
    struct door *door = door_open();
    struct weir_pool *pool = open_through(door, 1, 0);
    struct weir_want want = {.deadline = weir_now() + 200 * WEIR_MS};
    struct weir_error error;
    PGconn *conn;
    door_hang(door, 1);
    assert_int_equal(weir_pool_take(pool, &want, &conn, &error), WEIR_ETIMEDOUT);
    assert_int_equal(error.cause, WEIR_CAUSE_CONNECTING);
    assert_true(weir_now() >= want.deadline);
    world_close(pool); /* which does not wait for the hung connect */
    door_close(door);
}

TEST(a_connect_that_is_not_answered_fails_at_connect_timeout_and_is_tried_again)
{
    struct door *door = door_open();
    struct weir_options options = world_options(1, 0);
    options.conninfo = door_conninfo(door);
    options.connect_timeout = 300 * WEIR_MS;
    struct weir_pool *pool = world_open(&options);
    door_hang(door, 2);
    PGconn *conn = world_take(pool);
    assert_true(door_accepted(door) >= 3); /* on a busy machine a good one may take too long, too */
    assert_true(world_stats(pool).connect_failures >= 2);
    weir_pool_give(pool, conn);
    world_close(pool);
    door_close(door);
}

TEST(the_next_host_is_tried_when_one_does_not_answer)
{
    struct door *hung = door_open(), *good = door_open();
    char conninfo[512];
    const char *first = strstr(door_conninfo(hung), "host=") + 5;
    snprintf(conninfo, sizeof(conninfo), "host=%.*s,/nowhere-at-all,%s", (int)strcspn(first, " "),
             first, strstr(door_conninfo(good), "host=") + 5);
    struct weir_options options = world_options(1, 0);
    options.conninfo = conninfo;
    options.connect_timeout = 1000 * WEIR_MS;
    struct weir_pool *pool = world_open(&options);
    door_hang(hung, 1);
    PGconn *conn = world_take(pool);
    assert_int_equal(door_accepted(hung), 1);
    assert_int_equal(door_accepted(good), 1);
    weir_pool_give(pool, conn);
    world_close(pool);
    door_close(hung);
    door_close(good);
}

TEST(a_server_that_is_full_makes_callers_wait_not_fail)
{
    struct door *door = door_open();
    struct weir_pool *pool = open_through(door, 20, 10);
    struct world_taker *takers[24];
    door_limit(door, 4);
    for (int i = 0; i < 24; i++)
        takers[i] = world_taker_start(pool, 60 * WEIR_SECOND);
    for (int i = 0; i < 24; i++)
        assert_int_equal(world_taker_join(takers[i], NULL), 0);
    assert_true(door_peak(door) <= 4);
    world_close(pool);
    door_close(door);
}

TEST(a_time_out_tells_the_servers_refusal_with_its_sqlstate)
{
    struct door *door = door_open();
    struct weir_pool *pool = open_through(door, 2, 0);
    struct weir_want want = {.deadline = weir_now() + 300 * WEIR_MS};
    struct weir_error error;
    PGconn *conn;
    door_refuse(door, "53300", "too many connections for role \"app\"");
    assert_int_equal(weir_pool_take(pool, &want, &conn, &error), WEIR_ETIMEDOUT);
    assert_int_equal(error.cause, WEIR_CAUSE_REFUSED);
    assert_string_equal(error.sqlstate, "53300");
    assert_string_equal(error.server_text, "too many connections for role \"app\"");
    assert_non_null(strstr(error.text, "too many connections for role"));
    door_refuse(door, NULL, NULL);
    conn = world_take(pool);
    weir_pool_give(pool, conn);
    world_close(pool);
    door_close(door);
}

TEST(a_hosted_poolers_refusal_is_the_pools_ceiling)
{
    struct door *door = door_open();
    struct weir_pool *pool = open_through(door, 5, 0);
    PGconn *conn = world_take(pool), *second;
    struct weir_want want = {.deadline = weir_now() + 100 * WEIR_MS, .owner = WEIR_OWNER_NONE};
    door_refuse(door, "XX000",
                "MaxClientsInSessionMode: max clients reached - in Session mode max clients are "
                "limited to pool_size");
    assert_int_equal(weir_pool_take(pool, &want, &second, NULL), WEIR_ETIMEDOUT);
    assert_int_equal(world_stats(pool).ceiling, 1);
    struct world_taker *taker = world_taker_start(pool, 30 * WEIR_SECOND);
    WORLD_UNTIL(pool, waiting, 1);
    weir_pool_give(pool, conn);
    assert_int_equal(world_taker_join(taker, NULL), 0);
    world_close(pool);
    door_close(door);
}

TEST(retry_connects_at_once_for_those_who_wait_out_a_back_off)
{
    struct door *door = door_open();
    struct weir_pool *pool = open_through(door, 1, 0);
    door_refuse(door, "57P03", "the database system is starting up");
    struct world_taker *taker = world_taker_start(pool, 60 * WEIR_SECOND);
    while (world_stats(pool).retry_in < WEIR_SECOND) /* the spans grow up to 5 s */
        poll(NULL, 0, 1);
    assert_int_equal(world_stats(pool).connecting, 0);
    door_refuse(door, NULL, NULL);
    assert_int_equal(weir_pool_retry(pool), 0);
    struct weir_stats stats = world_stats(pool);
    assert_false(stats.is_backing_off);
    assert_int_equal(stats.connecting + stats.checked_out + stats.idle, 1);
    assert_int_equal(world_taker_join(taker, NULL), 0);
    world_close(pool);
    door_close(door);
}

TEST(retry_needs_a_pool)
{
    assert_int_equal(weir_pool_retry(NULL), WEIR_EINVALID);
}

TEST(a_refused_login_fails_at_once_and_says_why)
{
    struct weir_options options = world_options(1, 0);
    options.conninfo = postgres_conninfo_of("nobody_of_this_name");
    struct weir_pool *pool = world_open(&options);
    struct weir_error error;
    PGconn *conn;
    assert_int_equal(weir_pool_take(pool, NULL, &conn, &error), WEIR_EUPSTREAMAUTH);
    assert_string_equal(error.sqlstate, "28000");
    assert_non_null(strstr(error.text, "nobody_of_this_name"));
    assert_int_equal(world_stats(pool).checked_out, 0);
    assert_int_equal(world_stats(pool).overflow, 0);
    world_close(pool);
}

TEST(a_connection_that_died_while_idle_is_never_lent)
{
    struct door *door = door_open();
    struct weir_pool *pool = open_through(door, 3, 0);
    PGconn *conns[3];
    for (int i = 0; i < 3; i++)
        conns[i] = world_take(pool);
    for (int i = 0; i < 3; i++)
        weir_pool_give(pool, conns[i]);
    door_cut(door);
    PGconn *conn = world_take(pool);
    assert_int_equal(world_query(conn, "SELECT 1"), 1);
    weir_pool_give(pool, conn);
    world_close(pool);
    door_close(door);
}

TEST(takes_work_again_after_the_server_was_restarted)
{
    struct weir_options options = world_options(3, 0);
    struct weir_pool *pool = world_open(&options);
    PGconn *conns[3];
    for (int i = 0; i < 3; i++)
        conns[i] = world_take(pool);
    weir_pool_give(pool, conns[0]);
    weir_pool_give(pool, conns[1]);
    postgres_stop();
    struct weir_want want = {.deadline = weir_now() + 200 * WEIR_MS, .owner = WEIR_OWNER_NONE};
    struct weir_error error;
    PGconn *conn;
    assert_int_equal(weir_pool_take(pool, &want, &conn, &error), WEIR_ETIMEDOUT);
    assert_int_equal(error.cause, WEIR_CAUSE_REFUSED);
    PQclear(PQexec(conns[2], "SELECT 1"));
    assert_int_equal(weir_pool_give(pool, conns[2]), 0);
    postgres_start();
    conn = world_take(pool);
    assert_int_equal(world_query(conn, "SELECT 1"), 1);
    weir_pool_give(pool, conn);
    world_close(pool);
}

TEST(a_host_name_is_resolved_and_one_that_is_none_is_told)
{
    struct weir_options options = world_options(1, 0);
    options.conninfo = "host=name.invalid user=postgres";
    struct weir_pool *pool = world_open(&options);
    struct weir_want want = {.deadline = weir_now() + 300 * WEIR_MS};
    struct weir_error error;
    PGconn *conn;
    assert_int_equal(weir_pool_take(pool, &want, &conn, &error), WEIR_ETIMEDOUT);
    world_close(pool);

    /* Nobody listens at localhost's port 1: a refusal, so the name had an address. */
    options.conninfo = "host=localhost port=1 user=postgres";
    pool = world_open(&options);
    want.deadline = weir_now() + 300 * WEIR_MS;
    assert_int_equal(weir_pool_take(pool, &want, &conn, &error), WEIR_ETIMEDOUT);
    assert_int_equal(error.cause, WEIR_CAUSE_REFUSED);
    assert_non_null(strstr(error.text, "onnection refused"));
    world_close(pool);
}

TEST(the_limit_holds_on_the_server_while_connections_are_replaced)
{
    struct door *door = door_open();
    struct weir_pool *pool = open_through(door, 4, 0);
    for (int i = 0; i < 10; i++) {
        PGconn *conns[4];
        for (int k = 0; k < 4; k++)
            conns[k] = world_take(pool);
        for (int k = 0; k < 4; k++)
            weir_pool_discard(pool, conns[k]);
    }
    assert_true(door_peak(door) <= 4);
    assert_int_equal(world_stats(pool).connect_failures, 0);
    world_close(pool);
    door_close(door);
}

TEST(a_pool_is_closed_at_its_deadline_though_the_server_does_not_answer)
{
    struct door *door = door_open();
    struct weir_options options = world_options(4, 0);
    options.conninfo = door_conninfo(door);
    options.max_connecting = 4;
    struct weir_pool *pool = world_open(&options);
    PGconn *idle = world_take(pool), *busy = world_take(pool), *dropped = world_take(pool), *more;
    door_freeze(door, true);
    assert_int_equal(PQsendQuery(busy, "SELECT pg_sleep(600)"), 1);
    door_hang(door, 1);
    assert_int_equal(weir_pool_try(pool, NULL, &more), WEIR_EAGAIN);
    weir_pool_give(pool, busy);
    weir_pool_discard(pool, dropped);
    weir_pool_give(pool, idle);
    assert_int_equal(weir_pool_close(pool, weir_now() + 50 * WEIR_MS, NULL), 0);
    door_freeze(door, false);
    door_close(door);
}

/* A server that says it speaks TLS and then does not. libpq (sslmode=prefer) tries again without,
 * on another socket; which has another number, because `spare` is closed in between. */
struct liar {
    pthread_t thread;
    int listener, spare;
};

static int dial_postgres(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *host = strstr(postgres_conninfo(), "host=") + 5;
    snprintf(address.sun_path, sizeof(address.sun_path), "%.*s/.s.PGSQL.5432",
             (int)strcspn(host, " "), host);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        fail_msg("no PostgreSQL");
    return fd;
}

static bool pass(int from, int to)
{
    char bytes[4096];
    ssize_t count = read(from, bytes, sizeof(bytes));
    return count > 0 && send(to, bytes, (size_t)count, MSG_NOSIGNAL) == count;
}

/* An accept() that waits has a descriptor's number already; this one has none. */
static int welcome(int listener)
{
    struct pollfd fd = {.fd = listener, .events = POLLIN};
    poll(&fd, 1, -1);
    return accept(listener, NULL, NULL);
}

static void *lie_once(void *argument)
{
    struct liar *liar = argument;
    char request[4096];
    int client = welcome(liar->listener);
    ssize_t bytes = read(client, request, sizeof(request)); /* SSLRequest */
    close(liar->spare);
    bytes = write(client, "S", 1);
    bytes = read(client, request, sizeof(request)); /* ClientHello */
    bytes = write(client, "no TLS at all, sorry", 20);
    (void)bytes;
    int again = welcome(liar->listener), server = dial_postgres();
    close(client);
    for (;;) {
        struct pollfd fds[] = {{.fd = again, .events = POLLIN}, {.fd = server, .events = POLLIN}};
        if (poll(fds, 2, -1) < 0 || (fds[0].revents != 0 && !pass(again, server)) ||
            (fds[1].revents != 0 && !pass(server, again)))
            break;
    }
    close(again);
    close(server);
    return NULL;
}

TEST(a_connect_that_changes_its_socket_goes_on_with_the_new_one)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof(address);
    char conninfo[256];
    struct liar liar = {.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_int_equal(bind(liar.listener, (struct sockaddr *)&address, bytes), 0);
    assert_int_equal(listen(liar.listener, 4), 0);
    assert_int_equal(getsockname(liar.listener, (struct sockaddr *)&address, &bytes), 0);
    snprintf(
        conninfo, sizeof(conninfo),
        "host=127.0.0.1 port=%d user=postgres dbname=postgres sslmode=prefer gssencmode=disable",
        ntohs(address.sin_port));
    struct weir_options options = world_options(1, 0);
    options.conninfo = conninfo;
    struct weir_pool *pool = world_open(&options);
    liar.spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int spare = liar.spare;
    pthread_create(&liar.thread, NULL, lie_once, &liar);
    PGconn *conn = world_take(pool);
    assert_int_equal(PQsocket(conn), spare); /* else the test shows nothing */
    assert_int_equal(world_query(conn, "SELECT 4"), 4);
    weir_pool_give(pool, conn);
    world_close(pool);
    pthread_join(liar.thread, NULL);
    close(liar.listener);
}
