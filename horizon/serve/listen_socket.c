/* listen_socket.c - see listen_socket.h. */
#include "serve/listen_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "serve/log.h"

#define BACKLOG         4096
#define FIRST_PASSED_FD 3 /* SD_LISTEN_FDS_START */
#define READY           'r'
#define HANDOVER_WAIT_S 10

/* ---- bound here ------------------------------------------------------------------------------
 */

static void tell_address(int fd)
{
    struct sockaddr_storage address;
    socklen_t bytes = sizeof(address);
    char host[64], port[8];
    if (getsockname(fd, (struct sockaddr *)&address, &bytes) == 0 &&
        getnameinfo((struct sockaddr *)&address, bytes, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) == 0) {
        log_write(LOG_LEVEL_INFO, "listening on %s port %s", host, port);
    }
}

static int bind_one(const struct addrinfo *info)
{
    int yes = 1;
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) {
        return fd;
    }
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static int bind_here(const struct settings *settings)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *list = NULL;
    char port[8];
    int fd = -1;
    snprintf(port, sizeof(port), "%ld", settings->port);
    int r = getaddrinfo(settings->host, port, &hints, &list);
    for (const struct addrinfo *info = list; r == 0 && info && fd < 0; info = info->ai_next) {
        fd = bind_one(info);
    }
    if (fd < 0) {
        log_write(LOG_LEVEL_ERROR, "cannot listen on %s port %s: %s; choose another with PORT",
                  settings->host, port, r == 0 ? strerror(errno) : gai_strerror(r));
    }
    if (list) {
        freeaddrinfo(list);
    }
    return fd;
}

/* ---- from others -----------------------------------------------------------------------------
 */

static bool adopt(int fd)
{
    int is_listening = 0;
    socklen_t bytes = sizeof(is_listening);
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &bytes) == 0 && is_listening &&
           fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0;
}

static int from_service_manager(void)
{
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
    if (!pid || !count || strtol(pid, NULL, 10) != getpid() || strtol(count, NULL, 10) < 1) {
        return -1;
    }
    return adopt(FIRST_PASSED_FD) ? FIRST_PASSED_FD : -1;
}

static bool unix_address(const char *path, struct sockaddr_un *ret_address)
{
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(ret_address->sun_path)) {
        log_write(LOG_LEVEL_ERROR, "HORIZON_HANDOVER is longer than %zu bytes",
                  sizeof(ret_address->sun_path) - 1);
        return false;
    }
    memcpy(ret_address->sun_path, path, strlen(path) + 1);
    return true;
}

static int receive_fd(int from)
{
    char byte;
    struct iovec data = {&byte, 1};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    int fd = -1;
    if (recvmsg(from, &message, MSG_CMSG_CLOEXEC) == 1) {
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
            memcpy(&fd, CMSG_DATA(header), sizeof(fd));
        }
    }
    return fd;
}

static bool send_fd(int to, int fd)
{
    char byte = 'f';
    struct iovec data = {&byte, 1};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof(fd));
    return sendmsg(to, &message, MSG_NOSIGNAL) == 1;
}

/* The socket of the process that serves now; -1 when there is no such process. */
static int from_old_process(const char *path, int *ret_old_fd)
{
    struct sockaddr_un address;
    struct timeval limit = {.tv_sec = HANDOVER_WAIT_S};
    if (!unix_address(path, &address)) {
        return -1;
    }
    int old_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (old_fd < 0 || connect(old_fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        if (old_fd >= 0) {
            close(old_fd);
        }
        return -1;
    }
    setsockopt(old_fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    int fd = receive_fd(old_fd);
    if (fd >= 0 && adopt(fd)) {
        *ret_old_fd = old_fd;
        return fd;
    }
    close(old_fd);
    return -1;
}

bool listen_socket_get(const struct settings *settings, struct listen_socket *ret_socket)
{
    *ret_socket = (struct listen_socket){.fd = from_service_manager(), .old_fd = -1, .door_fd = -1};
    if (ret_socket->fd < 0 && settings->handover) {
        ret_socket->fd = from_old_process(settings->handover, &ret_socket->old_fd);
    }
    if (ret_socket->fd < 0) {
        ret_socket->fd = bind_here(settings);
        ret_socket->is_lone = true;
    }
    if (ret_socket->fd >= 0) {
        tell_address(ret_socket->fd);
    }
    return ret_socket->fd >= 0;
}

/* ---- to others -------------------------------------------------------------------------------
 */

static int open_door(const char *path)
{
    struct sockaddr_un address;
    int fd = -1;
    if (unix_address(path, &address)) {
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    }
    mode_t before = umask(0177);
    if (fd >= 0) {
        unlink(path); /* the old process's, which goes */
        if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 1) != 0) {
            log_write(LOG_LEVEL_WARNING, "no successor can take the port: %s: %s", path,
                      strerror(errno));
            close(fd);
            fd = -1;
        }
    }
    umask(before);
    return fd;
}

void listen_socket_ready(struct listen_socket *listen_socket, const struct settings *settings)
{
    if (settings->handover) {
        listen_socket->door_fd = open_door(settings->handover);
    }
    if (listen_socket->old_fd >= 0) {
        char byte = READY;
        ssize_t written = send(listen_socket->old_fd, &byte, 1, MSG_NOSIGNAL);
        (void)written; /* an old process that is gone needs no word */
        close(listen_socket->old_fd);
        listen_socket->old_fd = -1;
    }
}

bool listen_socket_hand_over(struct listen_socket *listen_socket, int *successor_fd)
{
    char byte = 0;
    if (*successor_fd < 0) {
        *successor_fd = accept4(listen_socket->door_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (*successor_fd >= 0 && !send_fd(*successor_fd, listen_socket->fd)) {
            close(*successor_fd);
            *successor_fd = -1;
        }
        return false;
    }
    ssize_t count = recv(*successor_fd, &byte, 1, 0);
    if (count < 0 && errno == EAGAIN) {
        return false;
    }
    close(*successor_fd);
    *successor_fd = -1;
    if (count == 1 && byte == READY) {
        listen_socket->is_lone = false;
        return true;
    }
    log_write(LOG_LEVEL_WARNING, "a successor came and went before it was ready; serving on");
    return false;
}

void listen_socket_close(struct listen_socket *listen_socket)
{
    int *const fds[] = {&listen_socket->fd, &listen_socket->old_fd, &listen_socket->door_fd};
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        if (*fds[i] >= 0) {
            close(*fds[i]);
            *fds[i] = -1;
        }
    }
}
