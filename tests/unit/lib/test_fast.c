/* test_fast.c - what the fast path does not do: take and give of a free connection allocate
 * nothing, lock once each, and make no system call but one poll() when pool_pre_ping is on.
 *
 * The program is linked with --wrap for these functions; they count in the thread that asks. */
#include "world.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

static _Thread_local bool is_counting;
static _Thread_local unsigned allocations, locks, polls, others;

#define COUNT(counter) ((void)(is_counting && ++(counter)))

void *__real_malloc(size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_malloc(size_t bytes)
{
    COUNT(allocations);
    return __real_malloc(bytes);
}

void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes)
{
    COUNT(allocations);
    return __real_calloc(count, bytes);
}

void *__real_realloc(void *old, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes)
{
    COUNT(allocations);
    return __real_realloc(old, bytes);
}

int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
    COUNT(locks);
    return __real_pthread_mutex_lock(mutex);
}

int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
    COUNT(polls);
    return __real_poll(fds, count, timeout);
}

int __real_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                 const sigset_t *mask);
int __wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                 const sigset_t *mask);
int __wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                 const sigset_t *mask)
{
    COUNT(others);
    return __real_ppoll(fds, count, timeout, mask);
}

int __real_epoll_wait(int epoll, struct epoll_event *events, int count, int timeout);
int __wrap_epoll_wait(int epoll, struct epoll_event *events, int count, int timeout);
int __wrap_epoll_wait(int epoll, struct epoll_event *events, int count, int timeout)
{
    COUNT(others);
    return __real_epoll_wait(epoll, events, count, timeout);
}

ssize_t __real_write(int fd, const void *bytes, size_t count);
ssize_t __wrap_write(int fd, const void *bytes, size_t count);
ssize_t __wrap_write(int fd, const void *bytes, size_t count)
{
    COUNT(others);
    return __real_write(fd, bytes, count);
}

static void count_one_round(bool has_ping)
{
    struct weir_options options = world_options(2, 0);
    options.pool_pre_ping = has_ping;
    struct weir_pool *pool = world_open(&options);
    struct weir_want want = {.tag = "a tag"};
    PGconn *conn = world_take(pool);
    weir_pool_give(pool, conn);
    allocations = locks = polls = others = 0;
    is_counting = true;
    int status = weir_pool_take(pool, &want, &conn, NULL);
    unsigned locks_of_take = locks;
    int given = weir_pool_give(pool, conn);
    is_counting = false;
    assert_int_equal(status, 0);
    assert_int_equal(given, 0);
    assert_int_equal(allocations, 0);
    assert_int_equal(locks_of_take, 1);
    assert_int_equal(locks, 2);
    assert_int_equal(polls, has_ping ? 1 : 0);
    assert_int_equal(others, 0);
    world_close(pool);
}

TEST(take_and_give_of_a_free_connection_allocate_nothing_and_lock_once_each)
{
    count_one_round(false);
}

TEST(with_pool_pre_ping_there_is_one_poll_more)
{
    count_one_round(true);
}
