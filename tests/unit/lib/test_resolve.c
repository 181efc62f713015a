/* test_resolve.c - names whose answer is late or never comes. The resolver's one call is wrapped,
 * so the test answers when it likes. */
#include "world.h"

#include <arpa/inet.h>
#include <ares.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/lib.h"

#define QUESTIONS 64

struct question {
    char name[64];
    ares_addrinfo_callback callback;
    void *argument;
};

static struct question questions[QUESTIONS];
static int asked;

void __wrap_ares_getaddrinfo(ares_channel channel, const char *name, const char *service,
                             const struct ares_addrinfo_hints *hints,
                             ares_addrinfo_callback callback, void *argument);

void __wrap_ares_getaddrinfo(ares_channel channel, const char *name, const char *service,
                             const struct ares_addrinfo_hints *hints,
                             ares_addrinfo_callback callback, void *argument)
{
    (void)channel;
    (void)service;
    (void)hints;
    if (asked == QUESTIONS)
        fail_msg("too many names are looked up");
    snprintf(questions[asked].name, sizeof(questions[0].name), "%s", name);
    questions[asked].callback = callback;
    questions[asked++].argument = argument;
}

static int begun;

int __wrap_ares_init_options(ares_channel *ret_channel, struct ares_options *options, int mask);
int __real_ares_init_options(ares_channel *ret_channel, struct ares_options *options, int mask);

int __wrap_ares_init_options(ares_channel *ret_channel, struct ares_options *options, int mask)
{
    begun++;
    return __real_ares_init_options(ret_channel, options, mask);
}

static struct ares_addrinfo *loopback(void)
{
    struct ares_addrinfo *result = calloc(1, sizeof(*result));
    struct ares_addrinfo_node *node = calloc(1, sizeof(*node));
    struct sockaddr_in *address = calloc(1, sizeof(*address));
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    node->ai_family = AF_INET;
    node->ai_addrlen = sizeof(*address);
    node->ai_addr = (struct sockaddr *)address;
    result->nodes = node;
    return result;
}

/* As c-ares does: under the pool's lock. NULL: the channel is being destroyed. */
static void answer(struct weir_pool *pool, int idx, struct ares_addrinfo *result)
{
    struct question *question = &questions[idx];
    if (question->callback == NULL)
        return;
    pthread_mutex_lock(&pool->mutex);
    question->callback(question->argument, result == NULL ? ARES_EDESTRUCTION : ARES_SUCCESS, 0,
                       result);
    pthread_mutex_unlock(&pool->mutex);
    question->callback = NULL;
}

static void end(struct weir_pool *pool)
{
    for (int i = 0; i < asked; i++)
        answer(pool, i, NULL);
    asked = 0;
    world_close(pool);
}

static struct weir_options options_of(const char *conninfo, weir_time connect_timeout)
{
    struct weir_options options;
    weir_options_init(&options);
    options.conninfo = conninfo;
    options.pool_size = 1;
    options.max_overflow = 0;
    options.connect_timeout = connect_timeout;
    return options;
}

static int listen_on_loopback(int *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, bytes), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &bytes), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static bool has_visitor(int listener, int wait_ms)
{
    struct pollfd fd = {.fd = listener, .events = POLLIN};
    return poll(&fd, 1, wait_ms) > 0;
}

/* Drives the pool until so many names were asked for. */
static void until_asked(struct weir_pool *pool, int count)
{
    PGconn *conn;
    while (asked < count) {
        assert_int_equal(weir_pool_try(pool, NULL, &conn), WEIR_EAGAIN);
        poll(NULL, 0, 1);
    }
}

TEST(a_late_answer_for_one_host_is_not_taken_for_the_next)
{
    int port, listener = listen_on_loopback(&port);
    char conninfo[128];
    snprintf(conninfo, sizeof(conninfo), "host=first.test,second.test port=%d user=postgres", port);
    struct weir_options options = options_of(conninfo, 20 * WEIR_MS);
    struct weir_pool *pool = world_open(&options);
    until_asked(pool, 2);
    assert_string_equal(questions[0].name, "first.test");
    assert_string_equal(questions[1].name, "second.test");
    answer(pool, 0, loopback());
    assert_false(has_visitor(listener, 0));
    answer(pool, 1, loopback());
    assert_true(has_visitor(listener, 10000));
    end(pool);
    close(listener);
}

TEST(a_name_that_is_never_answered_delays_no_take_beyond_its_deadline)
{
    struct weir_options options = options_of("host=silent.test user=postgres", 10 * WEIR_SECOND);
    struct weir_pool *pool = world_open(&options);
    struct weir_want want = {.deadline = weir_now() + 50 * WEIR_MS};
    struct weir_error error;
    PGconn *conn;
    assert_int_equal(weir_pool_take(pool, &want, &conn, &error), WEIR_ETIMEDOUT);
    assert_int_equal(error.cause, WEIR_CAUSE_CONNECTING);
    assert_true(weir_now() >= want.deadline);
    assert_int_equal(asked, 1);
    end(pool); /* the pool does not wait for the answer either */
}

TEST(a_look_up_that_finds_none_under_way_reads_the_systems_configuration_anew)
{
    int port, listener = listen_on_loopback(&port);
    char conninfo[128];
    snprintf(conninfo, sizeof(conninfo), "host=first.test,second.test port=%d user=postgres", port);
    struct weir_options options = options_of(conninfo, 20 * WEIR_MS);
    struct weir_pool *pool = world_open(&options);
    begun = 0;
    until_asked(pool, 4);
    assert_int_equal(begun, 4); /* the wrapped resolver has nothing under way */
    end(pool);
    close(listener);
}

TEST(a_name_that_is_not_answered_in_time_is_told_as_such)
{
    struct weir_options options = options_of("host=silent.test user=postgres", 5 * WEIR_MS);
    struct weir_pool *pool = world_open(&options);
    until_asked(pool, 2); /* the first look-up was given up */
    struct weir_stats stats = world_stats(pool);
    assert_int_equal(stats.last_failure, WEIR_ERESOLVE);
    assert_non_null(strstr(stats.last_failure_text, "not resolved"));
    end(pool);
}
