/* listener.c - sockets that accept.
 *
 * Several connections are accepted per event, but not so many that a storm of them starves the
 * others. When the process or the system has no descriptor left, accepting rests for a moment
 * (the kernel keeps the connections in its queue) instead of spinning on a readable listener.
 *
 * A Unix socket file that nobody answers at is a leftover of a process that died, and is removed.
 * Two processes that start at the same moment on the same path are not told apart: that is the
 * business of the pid file. Test: unit/net/test_connect.c.
 */
#include "net/net_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define ACCEPTS_MAX 64
#define REST        (100 * BASE_MS)

static const char *socket_path(const struct net_address *address)
{
    return ((const struct sockaddr_un *)(const void *)&address->storage)->sun_path;
}

/* ---- accepting ------------------------------------------------------------------------------- */

static void rest_over(struct net_timer *timer)
{
    struct net_listener *listener = base_list_entry(timer, struct net_listener, retry);
    if (net_loop_control(listener->loop, EPOLL_CTL_MOD, listener->fd, EPOLLIN, listener,
                         NET_KIND_LISTENER) != BASE_OK) {
        net_timer_set(listener->loop, timer, base_time_add(listener->loop->now, REST));
    }
}

static void rest(struct net_listener *listener)
{
    struct net_loop *loop = listener->loop;
    (void)net_loop_control(loop, EPOLL_CTL_MOD, listener->fd, 0, listener, NET_KIND_LISTENER);
    net_timer_set(loop, &listener->retry, base_time_add(loop->now, REST));
}

/* Errors of a connection that died in the queue: the next one may be fine. */
static bool is_of_connection(int error)
{
    return error == EINTR || error == ECONNABORTED || error == EPROTO || error == ENETDOWN ||
           error == ENETUNREACH || error == EHOSTUNREACH || error == EHOSTDOWN || error == ENONET ||
           error == ENOPROTOOPT || error == EOPNOTSUPP || error == EPERM;
}

void net_listener_event(struct net_loop *loop, struct net_listener *listener)
{
    loop->accepting = listener;
    for (int i = 0; i < ACCEPTS_MAX && loop->accepting == listener; i++) {
        struct net_address peer = {.bytes = sizeof(peer.storage)};
        int fd = accept4(listener->fd, (struct sockaddr *)&peer.storage, &peer.bytes,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        loop->counters.accepts++;
        if (fd >= 0) {
            listener->on_accept(listener, fd, &peer);
        } else if (!is_of_connection(errno)) {
            if (errno != EAGAIN) {
                rest(listener);
            }
            break;
        }
    }
    loop->accepting = NULL;
}

/* ---- opening --------------------------------------------------------------------------------- */

static int fail(struct net_listener *listener, int error, const char **ret_reason)
{
    if (listener->fd >= 0) {
        close(listener->fd);
        listener->fd = -1;
    }
    if (ret_reason) {
        *ret_reason = strerror(error);
    }
    return error == EADDRINUSE ? BASE_EINUSE : BASE_ESYSTEM;
}

/* Is somebody listening at the path? Removes the file when nobody is. Returns 0 or an errno. */
static int clear_path(const struct net_address *address)
{
    struct stat found;
    if (lstat(socket_path(address), &found) != 0) {
        return errno == ENOENT ? 0 : errno;
    }
    if (!S_ISSOCK(found.st_mode)) {
        return EEXIST;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return errno;
    }
    int error = connect(fd, (const struct sockaddr *)&address->storage, address->bytes) == 0
                    ? EADDRINUSE
                    : errno;
    close(fd);
    if (error == EAGAIN) {
        return EADDRINUSE; /* its queue is full */
    }
    if (error != ECONNREFUSED) {
        return error == ENOENT ? 0 : error;
    }
    return unlink(socket_path(address)) == 0 || errno == ENOENT ? 0 : errno;
}

static int bind_tcp(struct net_listener *listener, const struct net_address *address,
                    const struct net_listener_options *options)
{
    int on = 1, defer = (int)options->defer_accept_s;
    if (setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0) {
        return errno;
    }
    if (options->reuse_port &&
        setsockopt(listener->fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0) {
        return errno;
    }
    if (defer &&
        setsockopt(listener->fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &defer, sizeof(defer)) != 0) {
        return errno;
    }
    if (address->storage.ss_family == AF_INET6 &&
        setsockopt(listener->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0) {
        return errno;
    }
    return bind(listener->fd, (const struct sockaddr *)&address->storage, address->bytes) == 0
               ? 0
               : errno;
}

/* The mode of the socket file at the path, never of what a link there leads to: weir may be root,
 * and the folder everybody's. Returns 0 or an errno. */
static int set_mode(const struct net_address *address, unsigned mode)
{
    struct stat found;
    char by_descriptor[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
    int fd = open(socket_path(address), O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    snprintf(by_descriptor, sizeof(by_descriptor), "/proc/self/fd/%d", fd);
    int error = fstat(fd, &found) != 0                    ? errno
                : !S_ISSOCK(found.st_mode)                ? ENOTSOCK
                : chmod(by_descriptor, (mode_t)mode) != 0 ? errno
                                                          : 0;
    close(fd);
    return error;
}

static int bind_unix(struct net_listener *listener, const struct net_address *address,
                     unsigned mode)
{
    int error = clear_path(address);
    if (error) {
        return error;
    }
    if (bind(listener->fd, (const struct sockaddr *)&address->storage, address->bytes) != 0) {
        return errno;
    }
    error = set_mode(address, mode);
    if (error) {
        unlink(socket_path(address));
    }
    return error;
}

int net_listener_open(struct net_loop *loop, struct net_listener *listener,
                      const struct net_address *address, const struct net_listener_options *options,
                      const char **ret_reason)
{
    bool is_unix = net_address_is_unix(address);
    listener->loop = loop;
    listener->is_registered = false;
    listener->is_adopted = listener->is_taken = false;
    listener->retry = (struct net_timer){.fire = rest_over};
    listener->fd =
        socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->fd < 0) {
        return fail(listener, errno, ret_reason);
    }
    int error = is_unix ? bind_unix(listener, address, options->unix_socket_mode)
                        : bind_tcp(listener, address, options);
    if (error) {
        return fail(listener, error, ret_reason);
    }
    listener->address = *address;
    listener->address.bytes = sizeof(listener->address.storage);
    if (listen(listener->fd, options->backlog) != 0 ||
        getsockname(listener->fd, (struct sockaddr *)&listener->address.storage,
                    &listener->address.bytes) != 0 ||
        net_loop_control(loop, EPOLL_CTL_ADD, listener->fd, EPOLLIN, listener, NET_KIND_LISTENER)) {
        error = errno;
        if (is_unix) {
            unlink(socket_path(address));
        }
        return fail(listener, error, ret_reason);
    }
    listener->is_registered = true;
    return BASE_OK;
}

int net_listener_adopt(struct net_loop *loop, struct net_listener *listener, int fd,
                       const char **ret_reason)
{
    int type = 0, is_listening = 0;
    socklen_t bytes = sizeof(type);
    listener->loop = loop;
    listener->is_registered = false;
    listener->is_adopted = true;
    listener->is_taken = false;
    listener->retry = (struct net_timer){.fire = rest_over};
    listener->fd = fd;
    listener->address = (struct net_address){.bytes = sizeof(listener->address.storage)};
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &bytes) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &bytes) != 0 ||
        getsockname(fd, (struct sockaddr *)&listener->address.storage, &listener->address.bytes) !=
            0) {
        return fail(listener, errno, ret_reason);
    }
    if (type != SOCK_STREAM || !is_listening) {
        (void)fail(listener, EINVAL, ret_reason);
        return BASE_EINVALID;
    }
    if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ||
        net_loop_control(loop, EPOLL_CTL_ADD, fd, EPOLLIN, listener, NET_KIND_LISTENER)) {
        return fail(listener, errno, ret_reason);
    }
    listener->is_registered = true;
    return BASE_OK;
}

int net_listener_take(struct net_loop *loop, struct net_listener *listener, int fd,
                      const char **ret_reason)
{
    int r = net_listener_adopt(loop, listener, fd, ret_reason);
    if (r == BASE_OK) {
        listener->is_adopted = false;
        listener->is_taken = true;
    }
    return r;
}

int net_listener_own(struct net_listener *listener, const struct net_listener_options *options,
                     const char **ret_reason)
{
    listener->is_taken = false;
    /* listen() again: for another backlog, and so that SO_PEERCRED tells of this process */
    int error = listen(listener->fd, options->backlog) == 0 ? 0 : errno;
    if (!error && net_address_is_unix(&listener->address)) {
        error = set_mode(&listener->address, options->unix_socket_mode);
    }
    if (error) {
        *ret_reason = strerror(error);
    }
    return error ? BASE_ESYSTEM : BASE_OK;
}

void net_listener_leave(struct net_listener *listener)
{
    listener->is_adopted = true;
    net_listener_close(listener);
}

int net_listener_configure(struct net_listener *listener, const struct net_socket_options *options)
{
    net_socket_set_congestion(listener->fd, &listener->address);
    int r = net_socket_set(listener->fd, IPPROTO_TCP, TCP_NODELAY, !options->no_delay_off);
    return r < 0 ? r : net_socket_set(listener->fd, SOL_SOCKET, SO_KEEPALIVE, options->keepalive);
}

void net_listener_close(struct net_listener *listener)
{
    if (listener->fd < 0 || !listener->is_registered) {
        return;
    }
    struct net_loop *loop = listener->loop;
    net_timer_set(loop, &listener->retry, BASE_NEVER);
    net_loop_forget(loop, listener);
    if (loop->accepting == listener) {
        loop->accepting = NULL;
    }
    if (net_address_is_unix(&listener->address) && !listener->is_adopted) {
        unlink(socket_path(&listener->address));
    }
    (void)net_loop_control(loop, EPOLL_CTL_DEL, listener->fd, 0, listener, NET_KIND_LISTENER);
    close(listener->fd);
    listener->fd = -1;
    listener->is_registered = false;
}
