/* takeover.c - the new process's end of a restart by -R; takeover.h has the whole picture.
 *
 * It speaks to the predecessor before there is a loop, so it blocks, with a time limit on every
 * wait. What comes is trusted no further than it must be: the socket's other end has to be this
 * system user or root, only sockets that listen are kept, frames have a limit.
 *
 * What it does not do: move sessions, as PgBouncer's -R does for those without TLS.
 * Test: tests/system/test_reboot.py.
 */
#include "proxy/takeover.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "proxy/log.h"
#include "proxy/peer.h"
#include "proxy/service.h"
#include "wire/backend.h"
#include "wire/frame.h"
#include "wire/frontend.h"
#include "wire/startup.h"

#define WAIT_S      20
#define FRAME_BYTES 65536
#define REQUEST_MAX 256

struct taken {
    int fd;
    struct net_address address;
};

struct proxy_takeover {
    int fd; /* the console; -1: closed */
    uint16_t port;
    bool is_weir;
    char error[512]; /* what the predecessor said; "": nothing */
    /* where it, and those before it, can be reached from now on */
    char left_at[PROXY_LEFT_MAX][PROXY_LEFT_BYTES];
    uint32_t left_count;
    char notify_socket[sizeof(((struct sockaddr_un *)0)->sun_path)];
    char watchdog_us[24];
    struct taken sockets[PROXY_HANDOVER_MAX];
    uint32_t socket_count;
    size_t begin, end; /* of what is not used yet */
    uint8_t buffer[FRAME_BYTES];
};

/* ---- descriptors ---- */

static void keep_or_close(struct proxy_takeover *takeover, int fd)
{
    struct taken taken = {.fd = fd, .address = {.bytes = sizeof(taken.address.storage)}};
    int is_listening = 0;
    socklen_t bytes = sizeof(is_listening);
    if (takeover->socket_count < PROXY_HANDOVER_MAX &&
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &bytes) == 0 && is_listening &&
        getsockname(fd, (struct sockaddr *)&taken.address.storage, &taken.address.bytes) == 0) {
        takeover->sockets[takeover->socket_count++] = taken;
    } else {
        close(fd);
    }
}

static void take_descriptors(struct proxy_takeover *takeover, struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
            keep_or_close(takeover, fd);
        }
    }
}

/* ---- the conversation ---- */

/* Receives more, behind what is not used yet. */
static int receive(struct proxy_takeover *takeover)
{
    union {
        struct cmsghdr head;
        uint8_t bytes[CMSG_SPACE(NET_DESCRIPTORS_MAX * sizeof(int))];
    } control;
    memmove(takeover->buffer, takeover->buffer + takeover->begin, takeover->end - takeover->begin);
    takeover->end -= takeover->begin;
    takeover->begin = 0;
    struct iovec slice = {.iov_base = takeover->buffer + takeover->end,
                          .iov_len = sizeof(takeover->buffer) - takeover->end};
    struct msghdr message = {.msg_iov = &slice,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    ssize_t got;
    do {
        got = recvmsg(takeover->fd, &message, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    if (got <= 0) {
        snprintf(takeover->error, sizeof(takeover->error), "%s",
                 got == 0 ? "it closed the connection" : strerror(errno));
        return BASE_EBROKEN;
    }
    take_descriptors(takeover, &message);
    takeover->end += (size_t)got;
    return BASE_OK;
}

static void copy_text(char *out, size_t bytes, struct base_slice text)
{
    snprintf(out, bytes, "%.*s", (int)(text.bytes < bytes ? text.bytes : bytes - 1),
             (const char *)text.data);
}

static int take_parameter(struct proxy_takeover *takeover, struct base_slice body)
{
    struct base_slice name, value;
    int r = wire_parameter_status_parse(body, &name, &value);
    if (r == BASE_OK && base_slice_is(name, "server_version")) {
        char version[64];
        copy_text(version, sizeof(version), value);
        takeover->is_weir = strstr(version, "/weir") != NULL;
    } else if (r == BASE_OK && base_slice_is(name, PROXY_TAKEOVER_PARAMETER) &&
               takeover->left_count < PROXY_LEFT_MAX) {
        copy_text(takeover->left_at[takeover->left_count++], PROXY_LEFT_BYTES, value);
    } else if (r == BASE_OK && base_slice_is(name, PROXY_TAKEOVER_NOTIFY)) {
        copy_text(takeover->notify_socket, sizeof(takeover->notify_socket), value);
    } else if (r == BASE_OK && base_slice_is(name, PROXY_TAKEOVER_WATCHDOG)) {
        copy_text(takeover->watchdog_us, sizeof(takeover->watchdog_us), value);
    }
    return r;
}

/* One frame. BASE_EMORE: go on. BASE_OK: it is ready for the next command. */
static int take_frame(struct proxy_takeover *takeover, const struct wire_frame *frame)
{
    struct wire_error error;
    switch (frame->type) {
    case WIRE_BACKEND_PARAMETER_STATUS: {
        int r = take_parameter(takeover, frame->body);
        return r < 0 ? r : BASE_EMORE;
    }
    case WIRE_BACKEND_ERROR_RESPONSE:
        if (wire_error_parse(frame->body, &error) == BASE_OK) {
            copy_text(takeover->error, sizeof(takeover->error), error.message);
        }
        return BASE_EMORE; /* ReadyForQuery follows, or the end */
    case WIRE_BACKEND_READY_FOR_QUERY:
        return takeover->error[0] ? BASE_ESTATE : BASE_OK;
    default:
        return BASE_EMORE;
    }
}

/* Reads up to ReadyForQuery. On failure takeover.error says why. */
static int await_ready(struct proxy_takeover *takeover)
{
    int r = BASE_EMORE;
    while (r == BASE_EMORE) {
        struct wire_frame frame;
        struct base_slice rest =
            base_slice_of(takeover->buffer + takeover->begin, takeover->end - takeover->begin);
        r = wire_frame_parse(rest, FRAME_BYTES, &frame);
        if (r == BASE_OK) {
            takeover->begin += frame.bytes;
            r = take_frame(takeover, &frame);
        } else if (r == BASE_EMORE) {
            r = receive(takeover);
            r = r < 0 ? r : BASE_EMORE;
        }
    }
    if (r < 0 && !takeover->error[0]) {
        snprintf(takeover->error, sizeof(takeover->error), "%s", base_status_text(r));
    }
    return r;
}

static int say(struct proxy_takeover *takeover, const struct wire_out *out)
{
    struct base_slice all = wire_out_slice(out);
    if (wire_out_status(out) < 0 ||
        send(takeover->fd, all.data, all.bytes, MSG_NOSIGNAL) != (ssize_t)all.bytes) {
        snprintf(takeover->error, sizeof(takeover->error), "%s", strerror(errno));
        return BASE_EBROKEN;
    }
    return await_ready(takeover);
}

static int command(struct proxy_takeover *takeover, const char *text)
{
    uint8_t memory[REQUEST_MAX];
    struct wire_out out;
    wire_out_init(&out, memory, sizeof(memory));
    wire_query_put(&out, base_slice_text(text));
    return say(takeover, &out);
}

static int log_in(struct proxy_takeover *takeover)
{
    uint8_t memory[REQUEST_MAX];
    struct wire_out out;
    struct wire_pair pairs[] = {
        {base_slice_text("user"), base_slice_text("pgbouncer")},
        {base_slice_text("database"), base_slice_text("pgbouncer")},
        {base_slice_text("application_name"), base_slice_text("weir --reboot")},
    };
    wire_out_init(&out, memory, sizeof(memory));
    wire_startup_put(&out, 0, pairs, sizeof(pairs) / sizeof(pairs[0]));
    return say(takeover, &out);
}

/* ---- the way there ---- */

/* Who this process will be: the predecessor lets only its own user in. */
static uid_t own_user(const struct proxy *proxy)
{
    const char *name = proxy->user ? proxy->user : proxy->config->options.user;
    const struct passwd *entry = *name ? getpwnam(name) : NULL;
    return entry && geteuid() == 0 ? entry->pw_uid : geteuid();
}

/* 0, or an errno. The kernel notes our effective user for the other end. */
static int connect_as(int fd, const struct net_address *address, uid_t uid)
{
    uid_t before = geteuid();
    if (uid != before && seteuid(uid) != 0) {
        return errno;
    }
    int error =
        connect(fd, (const struct sockaddr *)&address->storage, address->bytes) == 0 ? 0 : errno;
    if (uid != before && seteuid(before) != 0) {
        return errno;
    }
    return error;
}

/* A descriptor, or a negative errno; ENOENT and ECONNREFUSED mean that nobody is there. */
static int reach(const struct net_address *address, uid_t uid)
{
    struct timeval limit = {.tv_sec = WAIT_S};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    int error = setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) != 0 ||
                        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) != 0
                    ? errno
                    : connect_as(fd, address, uid);
    if (error) {
        close(fd);
        return -error;
    }
    return fd;
}

bool proxy_takeover_is_trusted(int fd, uid_t uid)
{
    struct ucred peer;
    socklen_t bytes = sizeof(peer);
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) == 0 &&
           (peer.uid == uid || peer.uid == 0);
}

static int refuse(const char *path, const char *why)
{
    proxy_log(PROXY_FATAL,
              "-R: the process at %s does not hand over its sockets: %s; it serves on. Otherwise "
              "stop it and start without -R, or run both with so_reuseport = 1",
              path, why);
    return BASE_ESTATE;
}

static int ask(struct proxy_takeover *takeover, const char *path)
{
    int r = log_in(takeover);
    if (r == BASE_OK && !takeover->is_weir) {
        return refuse(path, "it is not weir");
    }
    r = r < 0 ? r : command(takeover, "SHOW FDS");
    if (r < 0) {
        return refuse(path, takeover->error);
    }
    return takeover->socket_count > 0 ? BASE_OK : refuse(path, "it sent none");
}

static int go_on_alone(const char *why)
{
    proxy_log(PROXY_LOG, "-R: old process not found (%s), starting normally", why);
    return BASE_OK;
}

static int talk(struct proxy *proxy, int fd, const char *path, uid_t uid)
{
    struct proxy_takeover *takeover = calloc(1, sizeof(*takeover));
    if (!takeover) {
        close(fd);
        return BASE_ENOMEM;
    }
    takeover->fd = fd;
    takeover->port = (uint16_t)proxy->config->options.listen_port;
    int r = proxy_takeover_is_trusted(fd, uid) ? ask(takeover, path)
                                               : refuse(path, "it is another system user's");
    if (r < 0) {
        proxy_takeover_free(takeover);
        return r;
    }
    proxy_log(PROXY_LOG, "-R: %u sockets come from the process at %s", takeover->socket_count,
              path);
    proxy->takeover = takeover;
    return BASE_OK;
}

int proxy_takeover_begin(struct proxy *proxy)
{
    const struct config_options *options = &proxy->config->options;
    struct net_address address;
    uid_t uid = own_user(proxy);
    if (proxy->service_sockets > 0) {
        return go_on_alone("the service manager has opened the sockets");
    }
    if (!*options->unix_socket_dir || options->listen_port == 0) {
        return go_on_alone("it is looked for by unix_socket_dir and listen_port; one is not set");
    }
    int r = net_address_parse(options->unix_socket_dir, (uint16_t)options->listen_port, &address);
    if (r < 0) {
        return r; /* proxy_listeners_open would say the same */
    }
    const char *path = ((const struct sockaddr_un *)(const void *)&address.storage)->sun_path;
    int fd = reach(&address, uid);
    if (fd == -ENOENT || fd == -ECONNREFUSED) {
        return go_on_alone(strerror(-fd));
    }
    return fd < 0 ? refuse(path, strerror(-fd)) : talk(proxy, fd, path, uid);
}

int proxy_takeover_socket(struct proxy *proxy, const struct net_address *address)
{
    struct proxy_takeover *takeover = proxy->takeover;
    char wanted[NET_ADDRESS_TEXT], found[NET_ADDRESS_TEXT];
    net_address_text(address, wanted, sizeof(wanted));
    for (uint32_t i = 0; takeover && i < takeover->socket_count; i++) {
        struct taken *taken = &takeover->sockets[i];
        net_address_text(&taken->address, found, sizeof(found));
        if (taken->fd >= 0 && strcmp(wanted, found) == 0) {
            int fd = taken->fd;
            taken->fd = -1;
            return fd;
        }
    }
    return -1;
}

int proxy_takeover_finish(struct proxy *proxy)
{
    struct proxy_takeover *takeover = proxy->takeover;
    int r = command(takeover, "SHUTDOWN HANDED_OVER");
    if (r < 0) {
        return refuse("the other end", takeover->error);
    }
    for (uint32_t i = 0; i < takeover->left_count; i++) {
        if (proxy_peer_add_predecessor(proxy, takeover->left_at[i], takeover->port) < 0) {
            proxy_log(PROXY_WARNING,
                      "-R: out of memory: cancel requests for clients of %s get lost",
                      takeover->left_at[i]);
        }
    }
    proxy->watchdog_every = proxy_service_inherit(takeover->notify_socket, takeover->watchdog_us);
    proxy_log(PROXY_LOG, "-R: the predecessor has let go; its clients stay with it until they "
                         "leave");
    proxy_takeover_free(takeover);
    proxy->takeover = NULL;
    return BASE_OK;
}

void proxy_takeover_free(struct proxy_takeover *takeover)
{
    if (!takeover) {
        return;
    }
    for (uint32_t i = 0; i < takeover->socket_count; i++) {
        if (takeover->sockets[i].fd >= 0) {
            close(takeover->sockets[i].fd);
        }
    }
    if (takeover->fd >= 0) {
        close(takeover->fd);
    }
    free(takeover);
}
