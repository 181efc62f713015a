/* world.c - see world.h. */
#include "world.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

static void on_turn(void *host)
{
    struct world *world = host;
    world->hook_calls++;
    if (world->hook) {
        world->hook(world);
    }
}

static enum net_backend backend(void)
{
    const char *name = getenv("NET_BACKEND");
    return !name                                 ? NET_BACKEND_EPOLL
           : strcmp(name, "io_uring") == 0       ? NET_BACKEND_IO_URING
           : strcmp(name, "io_uring_sends") == 0 ? NET_BACKEND_IO_URING_SENDS
                                                 : NET_BACKEND_EPOLL;
}

void world_init(struct world *world, uint32_t turn_bytes, uint32_t receive_bytes)
{
    *world = (struct world){0};
    struct net_loop_options options = {.backend = backend(),
                                       .turn_bytes = turn_bytes,
                                       .receive_bytes = receive_bytes,
                                       .on_turn = on_turn,
                                       .host = world};
    int status = net_loop_new(&options, &world->loop);
    if (status == BASE_EUNSUPPORTED) {
        test_skip("the kernel has no io_uring, or refuses it");
    }
    assert_int_equal(status, BASE_OK);
}

bool world_ring_receives(const struct world *world)
{
    return net_loop_backend(world->loop) == NET_BACKEND_IO_URING;
}

void world_done(struct world *world)
{
    net_loop_free(world->loop);
}

void world_turn(struct world *world)
{
    const struct net_counters *counters = net_loop_counters(world->loop);
    assert_int_equal(net_loop_turn(world->loop, BASE_SECOND), BASE_OK);
    uint64_t count = counters->receives + counters->sends + counters->accepts;
    base_time now = net_loop_now(world->loop);
    if (count != world->busy_count || world->busy_at == 0) {
        world->busy_count = count;
        world->busy_at = now;
    }
    if (now - world->busy_at > 10 * BASE_SECOND) {
        fail_msg("nothing happened for ten seconds");
    }
}

/* ---- peers ----------------------------------------------------------------------------------- */

static struct peer *peer_of(struct net_stream *stream)
{
    return base_list_entry(stream, struct peer, stream);
}

static bool is_in_handler;

static void enter(struct peer *peer)
{
    peer->is_nested = peer->is_nested || is_in_handler;
    assert_false(is_in_handler);
    assert_int_equal(peer->close_calls, 0);
    is_in_handler = true;
}

static void leave(void)
{
    is_in_handler = false;
}

static void stream_open(struct net_stream *stream, int status)
{
    struct peer *peer = peer_of(stream);
    enter(peer);
    assert_int_equal(peer->open_status, NOT_YET);
    peer->open_status = status;
    if (peer->on_open) {
        peer->on_open(peer, status);
    }
    leave();
}

static size_t stream_data(struct net_stream *stream, struct base_slice in)
{
    struct peer *peer = peer_of(stream);
    size_t used = in.bytes;
    enter(peer);
    assert_true(in.bytes > 0);
    assert_true(in.bytes <= stream->in_bytes_max);
    peer->data_calls++;
    if (peer->on_data) {
        used = peer->on_data(peer, in);
    } else {
        peer_take(peer, in);
    }
    leave();
    return used;
}

static void stream_drain(struct net_stream *stream)
{
    struct peer *peer = peer_of(stream);
    enter(peer);
    peer->drain_calls++;
    if (peer->on_drain) {
        peer->on_drain(peer);
    }
    leave();
}

static void stream_tls(struct net_stream *stream, int status)
{
    struct peer *peer = peer_of(stream);
    enter(peer);
    peer->tls_calls++;
    peer->tls_status = status;
    if (peer->on_tls) {
        peer->on_tls(peer, status);
    }
    leave();
}

static void stream_close(struct net_stream *stream, int status)
{
    struct peer *peer = peer_of(stream);
    enter(peer);
    peer->close_calls++;
    peer->close_status = status;
    if (peer->on_close) {
        peer->on_close(peer, status);
    }
    leave();
}

static const struct net_stream_ops ops = {
    .on_open = stream_open,
    .on_data = stream_data,
    .on_drain = stream_drain,
    .on_tls = stream_tls,
    .on_close = stream_close,
};

void peer_init(struct peer *peer, struct world *world, uint32_t in_bytes_max)
{
    *peer = (struct peer){
        .world = world, .open_status = NOT_YET, .tls_status = NOT_YET, .close_status = NOT_YET};
    is_in_handler = false; /* a test that failed in a handler left it set */
    net_stream_init(&peer->stream, world->loop, &ops, in_bytes_max);
}

void peer_done(struct peer *peer)
{
    free(peer->got);
    peer->got = NULL;
}

void peer_take(struct peer *peer, struct base_slice in)
{
    if (in.bytes == 0) {
        return;
    }
    if (peer->got_bytes + in.bytes > peer->got_room) {
        peer->got_room = (peer->got_bytes + in.bytes) * 2;
        peer->got = realloc(peer->got, peer->got_room);
        assert_non_null(peer->got);
    }
    memcpy(peer->got + peer->got_bytes, in.data, in.bytes);
    peer->got_bytes += in.bytes;
}

bool peer_got(const struct peer *peer, const char *text)
{
    return base_slice_is(base_slice_of(peer->got, peer->got_bytes), text);
}

void peer_finish(struct peer *peer)
{
    if (peer->close_calls == 0) {
        net_stream_abort(&peer->stream);
        UNTIL(peer->world, peer->close_calls == 1);
    }
    peer_done(peer);
}

/* ---- sockets --------------------------------------------------------------------------------- */

void peers_pair(struct peer *a, struct peer *b, struct world *world, uint32_t in_bytes_max)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    peer_init(a, world, in_bytes_max);
    peer_init(b, world, in_bytes_max);
    a->other = b;
    b->other = a;
    assert_int_equal(net_stream_adopt(&a->stream, fds[0], NULL), BASE_OK);
    assert_int_equal(net_stream_adopt(&b->stream, fds[1], NULL), BASE_OK);
}

int peer_raw(struct peer *peer, struct world *world, uint32_t in_bytes_max)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    peer_init(peer, world, in_bytes_max);
    assert_int_equal(net_stream_adopt(&peer->stream, fds[0], NULL), BASE_OK);
    return fds[1];
}

int peer_raw_tcp(struct peer *peer, struct world *world, uint32_t in_bytes_max)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof(any);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int raw = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&any, sizeof(any)), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&any, &bytes), 0);
    assert_int_equal(connect(raw, (struct sockaddr *)&any, sizeof(any)), 0);
    int fd = accept(listener, NULL, NULL);
    assert_true(fd >= 0);
    close(listener);
    peer_init(peer, world, in_bytes_max);
    assert_int_equal(net_stream_adopt(&peer->stream, fd, NULL), BASE_OK);
    return raw;
}

void raw_write(int fd, const void *data, size_t bytes)
{
    while (bytes > 0) {
        ssize_t written = write(fd, data, bytes);
        assert_true(written > 0);
        data = (const char *)data + written;
        bytes -= (size_t)written;
    }
}

void raw_read(int fd, void *data, size_t bytes)
{
    while (bytes > 0) {
        ssize_t got = read(fd, data, bytes);
        assert_true(got > 0);
        data = (char *)data + got;
        bytes -= (size_t)got;
    }
}

size_t peer_resume_other(struct peer *peer, struct base_slice in)
{
    peer->other->on_data = NULL;
    net_stream_resume(&peer->other->stream);
    return in.bytes;
}

size_t peer_pause_and_take_nothing(struct peer *peer, struct base_slice in)
{
    (void)in;
    net_stream_pause(&peer->stream);
    return 0;
}
