/* cancel.c - cancel requests without blocking.
 *
 * PQcancel of libpq 15 connects and waits; here a socket of our own sends the 16 bytes of a
 * CancelRequest (protocol, "Message Formats") to the address the connection has, and waits for the
 * server to close it: PostgreSQL does so after it has sent the signal. The key comes from the trace
 * of the login (connect.c). Like PQcancel it does not use TLS. A request that fails, or that came
 * before the statement had begun, is repeated until task_timeout closes the connection.
 * Test: tests/unit/lib/test_give.c.
 */
#include "lib/lib.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CANCEL_REQUEST_CODE 80877102

void lib_cancel_drop(struct weir_pool *pool, struct lib_server *server)
{
    if (server->cancel_fd < 0)
        return;
    (void)epoll_ctl(pool->epoll, EPOLL_CTL_DEL, server->cancel_fd, NULL);
    (void)close(server->cancel_fd);
    server->cancel_fd = -1;
}

void lib_cancel_again(struct weir_pool *pool, struct lib_server *server)
{
    server->cancel_at = BASE_NEVER;
    if (lib_reset_is_draining(server) && server->cancel_fd < 0)
        lib_cancel_begin(pool, server);
}

static void watch(struct weir_pool *pool, const struct lib_server *server, int operation,
                  uint32_t events)
{
    struct epoll_event event = {.events = events};
    event.data.u64 = (uint64_t)LIB_MARK_CANCEL << 32 | server->id.idx;
    (void)epoll_ctl(pool->epoll, operation, server->cancel_fd, &event);
}

void lib_cancel_begin(struct weir_pool *pool, struct lib_server *server)
{
    struct sockaddr_storage address = {0};
    socklen_t bytes = sizeof(address);
    if (!server->has_cancel_key ||
        getpeername(PQsocket(server->conn), (struct sockaddr *)&address, &bytes) != 0) {
        server->is_failed = true;
        return;
    }
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    server->cancel_at = base_time_add(pool->now, LIB_CANCEL_SPAN);
    if (fd < 0)
        return;
    if (connect(fd, (struct sockaddr *)&address, bytes) != 0 && errno != EINPROGRESS) {
        (void)close(fd);
        return;
    }
    server->cancel_fd = fd;
    server->is_cancel_sent = false;
    watch(pool, server, EPOLL_CTL_ADD, EPOLLOUT);
}

static bool send_request(const struct lib_server *server)
{
    uint32_t request[4] = {htonl(16), htonl(CANCEL_REQUEST_CODE),
                           htonl((uint32_t)server->backend_pid),
                           htonl((uint32_t)server->cancel_key)};
    return send(server->cancel_fd, request, sizeof(request), MSG_NOSIGNAL | MSG_DONTWAIT) ==
           (ssize_t)sizeof(request);
}

void lib_cancel_step(struct weir_pool *pool, struct lib_server *server)
{
    char bytes[64];
    if (server->cancel_fd < 0)
        return;
    if (!server->is_cancel_sent) {
        if (send_request(server)) {
            server->is_cancel_sent = true;
            watch(pool, server, EPOLL_CTL_MOD, EPOLLIN);
            return;
        }
    } else if (recv(server->cancel_fd, bytes, sizeof(bytes), MSG_DONTWAIT) < 0 && errno == EAGAIN) {
        return;
    }
    lib_cancel_drop(pool, server);
    server->cancel_at = base_time_add(pool->now, LIB_CANCEL_SPAN);
    if (server->task == LIB_TASK_RESET)
        lib_reset_step(pool, server);
}
