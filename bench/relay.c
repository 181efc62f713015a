/* relay.c - the floor that a proxy's cost is compared with: a raw byte relay.
 *
 * One epoll loop, one server connection per client, no protocol: what arrives on one side is sent
 * on the other with one recv and one send. It shows what the kernel alone costs on this machine.
 * A pooler that costs less than this saves wake-ups; one that costs more spends in user space.
 *
 * Usage: bench-relay LISTEN_PORT SERVER_PORT (both on 127.0.0.1). Runs until it is killed.
 *
 * What always holds
 *   1. A side with a rest (bytes its peer sent and the kernel did not take) waits for writability,
 *      and its peer is not read from until the rest is gone: a relay never buffers more than one
 *      receive per direction.
 *   2. A pair that ended is freed after the turn, because later events of the turn may name it.
 *
 * It does not do half-closed connections, time-outs or logging: it is a yardstick, not a product.
 * script/bench runs it; there is no other test.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECEIVE_BYTES 16384 /* the same as the daemon's receive */
#define TURN_EVENTS   256

struct pair;

struct side {
    int fd;
    struct side *peer;
    struct pair *pair;
    char *rest; /* what the kernel did not take; NULL when nothing is left over */
    size_t rest_bytes;
};

struct pair {
    struct side client, server;
    bool is_dead;
    struct pair *next_dead;
};

static int epoll_fd;
static int server_port;
static struct pair *dead_pairs;

static _Noreturn void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void pair_kill(struct pair *pair)
{
    if (pair->is_dead)
        return;
    close(pair->client.fd);
    close(pair->server.fd);
    pair->is_dead = true;
    pair->next_dead = dead_pairs;
    dead_pairs = pair;
}

static void pairs_free_dead(void)
{
    while (dead_pairs) {
        struct pair *pair = dead_pairs;
        dead_pairs = pair->next_dead;
        free(pair->client.rest);
        free(pair->server.rest);
        free(pair);
    }
}

static void side_watch(struct side *side, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = side};
    if (epoll_ctl(epoll_fd, operation, side->fd, &event) < 0)
        fail("epoll_ctl");
}

/* Keeps what `to` did not take and turns the direction round: wait for `to`, do not read. */
static void side_keep_rest(struct side *to, const char *bytes, size_t count)
{
    to->rest = malloc(count);
    if (!to->rest)
        fail("malloc");
    memcpy(to->rest, bytes, count);
    to->rest_bytes = count;
    side_watch(to, EPOLL_CTL_MOD, to->peer->rest ? EPOLLOUT : EPOLLIN | EPOLLOUT);
    side_watch(to->peer, EPOLL_CTL_MOD, to->peer->rest ? EPOLLOUT : 0);
}

static void side_send_rest(struct side *side)
{
    ssize_t sent = send(side->fd, side->rest, side->rest_bytes, MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno != EAGAIN)
            pair_kill(side->pair);
        return;
    }
    side->rest_bytes -= (size_t)sent;
    memmove(side->rest, side->rest + sent, side->rest_bytes);
    if (side->rest_bytes > 0)
        return;
    free(side->rest);
    side->rest = NULL;
    side_watch(side, EPOLL_CTL_MOD, side->peer->rest ? 0 : EPOLLIN);
    side_watch(side->peer, EPOLL_CTL_MOD, side->peer->rest ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void side_receive(struct side *from)
{
    char buffer[RECEIVE_BYTES];
    ssize_t count = recv(from->fd, buffer, sizeof buffer, 0);
    if (count <= 0) {
        if (count == 0 || errno != EAGAIN)
            pair_kill(from->pair);
        return;
    }
    ssize_t sent = send(from->peer->fd, buffer, (size_t)count, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) {
        pair_kill(from->pair);
        return;
    }
    sent = sent < 0 ? 0 : sent;
    if (sent < count)
        side_keep_rest(from->peer, buffer + sent, (size_t)(count - sent));
}

static int tcp_socket(int flags)
{
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    if (fd < 0)
        fail("socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    /* as weir on loopback; accepted sockets inherit it */
    setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", strlen("reno"));
    return fd;
}

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* Connects to the server while it blocks the loop: on loopback that takes microseconds. */
static void client_accept(int listen_fd)
{
    int one = 1;
    int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct pair *pair = calloc(1, sizeof *pair);
    if (!pair)
        fail("calloc");
    int server_fd = tcp_socket(0);
    pair->client = (struct side){.fd = fd, .peer = &pair->server, .pair = pair};
    pair->server = (struct side){.fd = server_fd, .peer = &pair->client, .pair = pair};
    struct sockaddr_in address = loopback(server_port);
    if (connect(server_fd, (struct sockaddr *)&address, sizeof address) < 0) {
        pair_kill(pair);
        return;
    }
    struct epoll_event event = {.events = EPOLLIN};
    event.data.ptr = &pair->client;
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        fail("epoll_ctl");
    side_watch(&pair->server, EPOLL_CTL_ADD, EPOLLIN);
}

static void side_handle(struct side *side, uint32_t events)
{
    if (side->pair->is_dead)
        return;
    if (side->rest && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
        side_send_rest(side);
    if (!side->pair->is_dead && !side->peer->rest && (events & (EPOLLIN | EPOLLERR | EPOLLHUP)))
        side_receive(side);
}

static int listener_open(int port)
{
    int fd = tcp_socket(SOCK_NONBLOCK);
    struct sockaddr_in address = loopback(port);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 4096) < 0)
        fail("listen");
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        fail("epoll_ctl");
    return fd;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: bench-relay LISTEN_PORT SERVER_PORT\n", stderr);
        return 2;
    }
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0)
        fail("epoll_create1");
    server_port = atoi(argv[2]);
    int listen_fd = listener_open(atoi(argv[1]));
    for (;;) {
        struct epoll_event events[TURN_EVENTS];
        int count = epoll_wait(epoll_fd, events, TURN_EVENTS, -1);
        if (count < 0 && errno != EINTR)
            fail("epoll_wait");
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr)
                side_handle(events[i].data.ptr, events[i].events);
            else
                client_accept(listen_fd);
        }
        pairs_free_dead();
    }
}
