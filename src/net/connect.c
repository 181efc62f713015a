/* connect.c - how a stream gets its socket: connecting, and the socket's options.
 *
 * The result is always told by on_open from the turn. TCP answers through EPOLLOUT; a Unix socket
 * answers at once, except when the listener's queue is full: Linux then says EAGAIN and tells
 * nobody when there is room, so the connect is tried again after a moment, until it works or
 * TRIES_MAX is reached. Test: unit/net/test_connect.c.
 */
#include "net/net_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define RETRY     (10 * BASE_MS)
#define TRIES_MAX 500

struct net_connect_try {
    struct net_address address;
    uint32_t count;
};

/* ---- options --------------------------------------------------------------------------------- */

int net_socket_set(int fd, int level, int name, int value)
{
    if (setsockopt(fd, level, name, &value, sizeof(value)) == 0) {
        return BASE_OK;
    }
    return errno == EOPNOTSUPP || errno == ENOPROTOOPT ? BASE_OK : BASE_ESYSTEM;
}

static int set_option(int fd, int level, int name, uint32_t value)
{
    return value ? net_socket_set(fd, level, name, value > INT32_MAX ? INT32_MAX : (int)value)
                 : BASE_OK;
}

int net_socket_configure(int fd, const struct net_socket_options *options)
{
    static const struct net_socket_options none;
    const struct net_socket_options *o = options ? options : &none;
    bool has_basics =
        o->is_inherited || (set_option(fd, IPPROTO_TCP, TCP_NODELAY, !o->no_delay_off) == BASE_OK &&
                            set_option(fd, SOL_SOCKET, SO_KEEPALIVE, o->keepalive) == BASE_OK);
    bool is_ok = has_basics &&
                 set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, o->keepidle_s) == BASE_OK &&
                 set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, o->keepintvl_s) == BASE_OK &&
                 set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, o->keepcnt) == BASE_OK &&
                 set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, o->user_timeout_ms) == BASE_OK &&
                 set_option(fd, SOL_SOCKET, SO_SNDBUF, o->buffer_bytes) == BASE_OK &&
                 set_option(fd, SOL_SOCKET, SO_RCVBUF, o->buffer_bytes) == BASE_OK;
    return is_ok ? BASE_OK : BASE_ESYSTEM;
}

/* Loopback has nothing to control. What the system chose for the network costs time there: BBR
 * keeps a model and paces. Every kernel has Reno; where it may not be chosen, nothing changes. */
void net_socket_set_congestion(int fd, const struct net_address *address)
{
    static const char cheapest[] = "reno";
    if (net_address_is_loopback(address)) {
        (void)!setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, cheapest, sizeof(cheapest) - 1);
    }
}

/* ---- connecting ------------------------------------------------------------------------------ */

static int status_of(int error)
{
    switch (error) {
    case 0:
        return BASE_OK;
    case ECONNREFUSED:
    case ENOENT:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
    case EACCES:
    case EPERM:
        return BASE_EUPSTREAMDOWN;
    case ETIMEDOUT:
        return BASE_ECONNECTTIMEOUT;
    case EADDRNOTAVAIL: /* no local port is left */
        return BASE_ESYSTEM;
    default:
        return BASE_EBROKEN;
    }
}

static void finish(struct net_stream *stream, int error)
{
    int status = status_of(error);
    stream->flags &= ~(NET_IS_CONNECTING | NET_DO_OPEN);
    stream->flags |= NET_IS_OPEN;
    stream->system_error = error;
    net_connect_forget(stream);
    if (status != BASE_OK) {
        net_stream_drop_output(stream);
    } else {
        net_stream_interest(stream, EPOLLIN | EPOLLRDHUP);
        if (stream->out) {
            net_stream_writable(stream);
        }
    }
    stream->ops->on_open(stream, status);
    if (status != BASE_OK) {
        net_stream_end(stream, status);
    }
}

void net_connect_forget(struct net_stream *stream)
{
    free(stream->retry);
    stream->retry = NULL;
}

static void retry_now(struct net_timer *timer);

/* Asks the kernel; the result waits in the stream for NET_DO_OPEN, or in the socket for EPOLLOUT.
 */
static void try_connect(struct net_stream *stream, const struct net_address *address)
{
    int result;
    do {
        result = connect(stream->fd, (const struct sockaddr *)&address->storage, address->bytes);
    } while (result != 0 && errno == EINTR);
    int error = result == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
        return;
    }
    if (error == EAGAIN && net_address_is_unix(address)) {
        if (!stream->retry && (stream->retry = calloc(1, sizeof(*stream->retry)))) {
            stream->retry->address = *address;
        }
        if (stream->retry && stream->retry->count++ < TRIES_MAX) {
            stream->timer.fire = retry_now;
            net_timer_set(stream->loop, &stream->timer, base_time_add(stream->loop->now, RETRY));
            return;
        }
    }
    stream->system_error = error;
    net_stream_queue(stream, NET_DO_OPEN);
}

static void retry_now(struct net_timer *timer)
{
    struct net_stream *stream = base_list_entry(timer, struct net_stream, timer);
    try_connect(stream, &stream->retry->address);
}

int net_stream_connect(struct net_stream *stream, const struct net_address *address,
                       const struct net_socket_options *options)
{
    INVARIANT(stream->fd < 0);
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        stream->system_error = errno;
        return errno == EAFNOSUPPORT ? BASE_EINVALID : BASE_ESYSTEM;
    }
    /* A Unix socket that is not connected yet reports EPOLLHUP all the time; its result comes by
     * NET_DO_OPEN, so it is registered without events and edge triggered until then. */
    uint32_t events = net_address_is_unix(address) ? (uint32_t)EPOLLET : (uint32_t)EPOLLOUT;
    if (net_socket_configure(fd, options) != BASE_OK ||
        net_loop_control(stream->loop, EPOLL_CTL_ADD, fd, events, stream, NET_KIND_STREAM)) {
        stream->system_error = errno;
        close(fd);
        return BASE_ESYSTEM;
    }
    net_socket_set_congestion(fd, address);
    stream->fd = fd;
    stream->interest = stream->registered = events;
    stream->flags |= NET_IS_CONNECTING;
    stream->loop->stream_count++;
    try_connect(stream, address);
    return BASE_OK;
}

void net_connect_report(struct net_stream *stream)
{
    if (stream->flags & NET_IS_CONNECTING) {
        finish(stream, stream->system_error);
    }
}

void net_connect_event(struct net_stream *stream)
{
    int error = 0;
    socklen_t bytes = sizeof(error);
    if (stream->interest == (uint32_t)EPOLLET || (stream->flags & (NET_DO_OPEN | NET_IS_ENDED))) {
        return; /* NET_DO_OPEN tells */
    }
    if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &bytes) != 0) {
        error = errno;
    }
    finish(stream, error);
}
