/* drive.c - descriptors and deadlines of the servers that have a task.
 *
 * A task's socket is registered in pool->epoll, level triggered, by the server's id. libpq may
 * change its socket between two steps: each step says anew what it waits for. A step is made only
 * when poll() says that the socket is ready: an event may be old, and PQconnectPoll must not be
 * called early. A task that is overdue fails.
 * Test: tests/unit/lib/.
 */
#include "lib/lib.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>

void lib_watch(struct weir_pool *pool, struct lib_server *server, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events};
    event.data.u64 = (uint64_t)server->id.gen << 32 | server->id.idx;
    if (server->fd != fd && server->fd >= 0)
        (void)epoll_ctl(pool->epoll, EPOLL_CTL_DEL, server->fd, NULL); /* closed already, mostly */
    server->fd = fd;
    server->fd_events = events;
    if (epoll_ctl(pool->epoll, EPOLL_CTL_MOD, fd, &event) != 0 && errno == ENOENT &&
        epoll_ctl(pool->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        server->task_deadline = pool->now; /* no memory in the kernel: it fails as overdue */
}

void lib_unwatch(struct weir_pool *pool, struct lib_server *server)
{
    if (server->fd >= 0)
        (void)epoll_ctl(pool->epoll, EPOLL_CTL_DEL, server->fd, NULL);
    server->fd = -1;
    server->fd_events = 0;
}

void lib_task_begin(struct weir_pool *pool, struct lib_server *server, enum lib_task task,
                    base_time span)
{
    if (server->task == LIB_TASK_NONE)
        base_list_push_back(&pool->active, &server->link);
    server->task = task;
    server->step = 0;
    server->is_failed = false;
    server->task_deadline = base_time_add(pool->now, span);
}

void lib_task_end(struct weir_pool *pool, struct lib_server *server)
{
    lib_unwatch(pool, server);
    base_list_remove(&server->link);
    server->task = LIB_TASK_NONE;
    server->cancel_at = BASE_NEVER;
}

bool lib_is_ready(int fd, short events)
{
    struct pollfd poll_fd = {.fd = fd, .events = events};
    return fd >= 0 && poll(&poll_fd, 1, 0) > 0;
}

static short poll_events(uint32_t events)
{
    return (short)((events & EPOLLIN ? POLLIN : 0) | (events & EPOLLOUT ? POLLOUT : 0));
}

static void step(struct weir_pool *pool, struct lib_server *server)
{
    switch (server->task) {
    case LIB_TASK_NONE:
    case LIB_TASK_RESOLVE:
        break;
    case LIB_TASK_CONNECT:
        lib_connect_step(pool, server);
        break;
    case LIB_TASK_SETUP:
        lib_setup_step(pool, server);
        break;
    case LIB_TASK_CHECK:
        lib_check_step(pool, server);
        break;
    case LIB_TASK_RESET:
        lib_reset_step(pool, server);
        break;
    case LIB_TASK_LINGER:
        lib_close_step(pool, server);
        break;
    }
}

static void expire(struct weir_pool *pool, struct lib_server *server)
{
    server->is_failed = true;
    switch (server->task) {
    case LIB_TASK_NONE:
        break;
    case LIB_TASK_RESOLVE:
    case LIB_TASK_CONNECT:
    case LIB_TASK_SETUP:
        lib_connect_expired(pool, server);
        break;
    case LIB_TASK_CHECK:
        lib_check_step(pool, server);
        break;
    case LIB_TASK_RESET:
        lib_reset_step(pool, server);
        break;
    case LIB_TASK_LINGER:
        lib_close_step(pool, server);
        break;
    }
}

/* Steps of one server may end tasks of others (a slot comes free), so the list is begun anew. */
static void expire_all(struct weir_pool *pool)
{
    bool is_again = true;
    while (is_again) {
        is_again = false;
        base_list_each(link, &pool->active)
        {
            struct lib_server *server = base_list_entry(link, struct lib_server, link);
            if (server->task_deadline <= pool->now)
                expire(pool, server);
            else if (server->cancel_at <= pool->now)
                lib_cancel_again(pool, server);
            else
                continue;
            is_again = true;
            break;
        }
    }
}

static void dispatch(struct weir_pool *pool, const struct epoll_event *event)
{
    uint32_t above = (uint32_t)(event->data.u64 >> 32), below = (uint32_t)event->data.u64;
    if (above == LIB_MARK_RESOLVER) {
        lib_resolve_step(pool, (int)below, event->events);
        return;
    }
    struct lib_server *server = &pool->servers[below];
    if (above == LIB_MARK_CANCEL) {
        lib_cancel_step(pool, server);
        return;
    }
    if (server->id.gen == above && server->fd >= 0 &&
        lib_is_ready(server->fd, poll_events(server->fd_events)))
        step(pool, server);
}

void lib_drive(struct weir_pool *pool)
{
    struct epoll_event events[LIB_EVENTS_AT_ONCE];
    int count = epoll_wait(pool->epoll, events, LIB_EVENTS_AT_ONCE, 0);
    for (int i = 0; i < count; i++)
        dispatch(pool, &events[i]);
    lib_resolve_tick(pool);
    expire_all(pool);
    lib_tick(pool);
}
