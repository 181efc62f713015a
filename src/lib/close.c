/* close.c - closing a server without waiting, and knowing when it is gone.
 *
 * PQfinish sends a good-bye; where the socket would not take it now, it is shut down first, so that
 * nothing can block. The server's process needs a moment to end, and PostgreSQL counts it until
 * then. So a second descriptor of the socket stays open until the peer has closed (or
 * LIB_LINGER_SPAN is over): only then is the place free, and a connect in it is not refused.
 * Test: tests/unit/lib/test_upstream.c.
 */
#include "lib/lib.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

void lib_finish(PGconn *conn)
{
    if (conn == NULL)
        return;
    int fd = PQsocket(conn);
    if (fd >= 0 && PQstatus(conn) == CONNECTION_OK) {
        if (!lib_is_ready(fd, POLLOUT))
            (void)shutdown(fd, SHUT_RDWR);
        (void)PQsetnonblocking(conn, 1);
    }
    PQfinish(conn);
}

static void gone(struct weir_pool *pool, struct lib_server *server)
{
    if (server->linger_fd >= 0)
        (void)close(server->linger_fd);
    server->linger_fd = -1;
    lib_server_gone(pool, server);
    lib_tell(pool, server, CORE_EVENT_CLOSED, true);
}

void lib_close_begin(struct weir_pool *pool, struct lib_server *server, const char *why)
{
    lib_trace(pool, WEIR_TRACE_CLOSED, "a connection is closed: %s, backend %d", why,
              server->backend_pid);
    lib_cancel_drop(pool, server);
    if (server->task != LIB_TASK_NONE)
        lib_task_end(pool, server);
    if (server->conn == NULL) {
        gone(pool, server);
        return;
    }
    int fd = PQsocket(server->conn);
    bool is_open = fd >= 0 && PQstatus(server->conn) == CONNECTION_OK;
    server->linger_fd = is_open ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    lib_table_remove(pool, server);
    lib_finish(server->conn);
    server->conn = NULL;
    if (server->linger_fd < 0) {
        gone(pool, server);
        return;
    }
    lib_task_begin(pool, server, LIB_TASK_LINGER, LIB_LINGER_SPAN);
    lib_watch(pool, server, server->linger_fd, EPOLLIN);
    lib_close_step(pool, server);
}

/* What still comes is thrown away. */
void lib_close_step(struct weir_pool *pool, struct lib_server *server)
{
    char bytes[4096];
    ssize_t count = 1;
    while (!server->is_failed && count > 0)
        count = recv(server->linger_fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (!server->is_failed && count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    lib_task_end(pool, server);
    gone(pool, server);
}

void lib_close_all(struct weir_pool *pool)
{
    for (uint32_t i = 0; i < pool->high; i++) {
        struct lib_server *server = &pool->servers[i];
        if (server->id.gen == 0)
            continue;
        lib_cancel_drop(pool, server);
        if (server->linger_fd >= 0)
            (void)close(server->linger_fd);
        lib_connect_free(server);
        lib_finish(server->conn);
        server->conn = NULL;
        server->linger_fd = -1;
    }
}
