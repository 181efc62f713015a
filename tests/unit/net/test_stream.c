/* test_stream.c - the receive side of streams: rest, pause, resume, hang-up, ends. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "world.h"

#define IN_MAX 65536

static size_t echo(struct peer *peer, struct base_slice in)
{
    net_stream_send(&peer->stream, in);
    return in.bytes;
}

/* Takes whole lines only. */
static size_t take_lines(struct peer *peer, struct base_slice in)
{
    const uint8_t *end = memrchr(in.data, '\n', in.bytes);
    size_t used = end ? (size_t)(end - in.data) + 1 : 0;
    peer_take(peer, base_slice_of(in.data, used));
    return used;
}

static size_t refuse_and_pause(struct peer *peer, struct base_slice in)
{
    (void)in;
    net_stream_pause(&peer->stream);
    return 0;
}

TEST(a_round_trip_costs_one_wait_one_receive_and_one_send)
{
    struct world world;
    struct peer peer;
    char back[8];
    world_init(&world, 0, 0);
    int raw = peer_raw(&peer, &world, IN_MAX);
    peer.on_data = echo;
    struct net_counters before = *net_loop_counters(world.loop);
    for (int i = 0; i < 10; i++) {
        raw_write(raw, "select 1", 8);
        assert_int_equal(net_loop_turn(world.loop, BASE_SECOND), BASE_OK);
        raw_read(raw, back, 8);
        assert_memory_equal(back, "select 1", 8);
    }
    const struct net_counters *after = net_loop_counters(world.loop);
    assert_int_equal(after->waits - before.waits, 10);
    assert_int_equal(after->receives - before.receives, 10);
    assert_int_equal(after->sends - before.sends, 10);
    assert_int_equal(after->epoll_ctls - before.epoll_ctls, 0);
    assert_int_equal(after->received_bytes - before.received_bytes, 80);
    close(raw);
    peer_finish(&peer);
    world_done(&world);
}

struct arrival {
    struct peer peer;
    int fd; /* -1: adopted */
};

static void adopt_expected(struct world *world)
{
    struct arrival *arrival = world->arg;
    if (arrival->fd >= 0) {
        int fd = arrival->fd;
        arrival->fd = -1;
        net_stream_expect(&arrival->peer.stream);
        assert_int_equal(net_stream_adopt(&arrival->peer.stream, fd, NULL), BASE_OK);
    }
}

/* A stream that is adopted, as one is that was accepted, in a turn; returns its other end, which
 * has said `first` by then. */
static int arrive(struct arrival *arrival, struct world *world, const char *first)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    raw_write(fds[1], first, strlen(first));
    peer_init(&arrival->peer, world, IN_MAX);
    arrival->fd = fds[0];
    world->arg = arrival;
    world->hook = adopt_expected;
    return fds[1];
}

TEST(what_is_expected_is_received_in_the_turn_of_the_adoption)
{
    struct world world;
    struct arrival arrival;
    world_init(&world, 0, 0);
    int raw = arrive(&arrival, &world, "hello");
    assert_int_equal(net_loop_turn(world.loop, 0), BASE_OK);
    assert_true(peer_got(&arrival.peer, "hello"));
    raw_write(raw, " again", 6);
    UNTIL(&world, arrival.peer.data_calls == 2);
    assert_true(peer_got(&arrival.peer, "hello again"));
    close(raw);
    peer_finish(&arrival.peer);
    world_done(&world);
}

TEST(what_was_expected_in_vain_is_waited_for)
{
    struct world world;
    struct arrival arrival;
    world_init(&world, 0, 0);
    int raw = arrive(&arrival, &world, "");
    assert_int_equal(net_loop_turn(world.loop, 0), BASE_OK);
    assert_int_equal(arrival.peer.data_calls, 0);
    raw_write(raw, "late", 4);
    UNTIL(&world, arrival.peer.data_calls == 1);
    close(raw);
    UNTIL(&world, arrival.peer.close_calls == 1);
    assert_int_equal(arrival.peer.close_status, BASE_EEOF);
    peer_done(&arrival.peer);
    world_done(&world);
}

TEST(a_hang_up_is_noticed_when_the_owner_pauses_at_the_first_bytes)
{
    struct world world;
    struct arrival arrival;
    world_init(&world, 0, 0);
    int raw = arrive(&arrival, &world, "hello");
    arrival.peer.on_data = refuse_and_pause;
    assert_int_equal(net_loop_turn(world.loop, 0), BASE_OK);
    close(raw);
    UNTIL(&world, arrival.peer.close_calls == 1);
    assert_int_equal(arrival.peer.close_status, BASE_EEOF);
    peer_done(&arrival.peer);
    world_done(&world);
}

TEST(an_idle_stream_owns_no_buffer)
{
    struct world world;
    struct peer peer;
    world_init(&world, 0, 0);
    int raw = peer_raw(&peer, &world, IN_MAX);
    peer.on_data = take_lines;
    assert_null(peer.stream.in);
    raw_write(raw, "half", 4);
    UNTIL(&world, peer.data_calls == 1);
    assert_non_null(peer.stream.in);
    raw_write(raw, " a line\n", 8);
    UNTIL(&world, peer.data_calls == 2);
    assert_true(peer_got(&peer, "half a line\n"));
    assert_null(peer.stream.in);
    assert_null(peer.stream.out);
    close(raw);
    peer_finish(&peer);
    world_done(&world);
}

TEST(the_rest_comes_again_in_front_of_new_bytes)
{
    struct world world;
    struct peer peer;
    world_init(&world, 0, 0);
    int raw = peer_raw(&peer, &world, IN_MAX);
    peer.on_data = take_lines;
    const char *text = "one\ntwo\nthree and four\nfive\n";
    for (const char *it = text; *it; it++) {
        int calls = peer.data_calls;
        raw_write(raw, it, 1);
        UNTIL(&world, peer.data_calls > calls);
    }
    assert_true(peer_got(&peer, text));
    close(raw);
    peer_finish(&peer);
    world_done(&world);
}

static size_t take_all_of_a_megabyte(struct peer *peer, struct base_slice in)
{
    if (in.bytes < 1000000) {
        return 0;
    }
    peer_take(peer, in);
    return in.bytes;
}

TEST(a_long_message_is_gathered_up_to_in_bytes_max)
{
    struct world world;
    struct peer a;
    struct peer b;
    world_init(&world, 0, 0);
    peers_pair(&a, &b, &world, 1000000);
    b.on_data = take_all_of_a_megabyte;
    uint8_t *message = malloc(1000000);
    for (size_t i = 0; i < 1000000; i++) {
        message[i] = (uint8_t)(i * 31 >> 3);
    }
    net_stream_send(&a.stream, base_slice_of(message, 1000000));
    UNTIL(&world, b.got_bytes == 1000000);
    assert_memory_equal(b.got, message, 1000000);
    assert_null(b.stream.in);
    free(message);
    peer_finish(&a);
    peer_finish(&b);
    world_done(&world);
}

static size_t take_nothing(struct peer *peer, struct base_slice in)
{
    (void)peer;
    (void)in;
    return 0;
}

TEST(a_full_buffer_that_nobody_uses_ends_the_stream)
{
    struct world world;
    struct peer peer;
    char bytes[101] = {0};
    world_init(&world, 0, 0);
    int raw = peer_raw(&peer, &world, 100);
    peer.on_data = take_nothing;
    raw_write(raw, bytes, 99);
    UNTIL(&world, peer.data_calls == 1);
    assert_int_equal(net_loop_turn(world.loop, 0), BASE_OK);
    assert_int_equal(peer.close_status, NOT_YET);
    raw_write(raw, bytes, 2);
    UNTIL(&world, peer.close_calls == 1);
    assert_int_equal(peer.close_status, BASE_ETOOBIG);
    close(raw);
    peer_done(&peer);
    world_done(&world);
}

TEST(a_full_buffer_of_a_paused_stream_is_fine)
{
    struct world world;
    struct peer peer;
    char bytes[150] = {0};
    world_init(&world, 0, 0);
    int raw = peer_raw(&peer, &world, 100);
    peer.on_data = refuse_and_pause;
    raw_write(raw, bytes, 150);
    UNTIL(&world, peer.data_calls == 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(net_loop_turn(world.loop, 0), BASE_OK);
    }
    assert_int_equal(peer.close_status, NOT_YET);
    peer.on_data = NULL;
    net_stream_resume(&peer.stream);
    UNTIL(&world, peer.got_bytes == 150);
    close(raw);
    peer_finish(&peer);
    world_done(&world);
}

/* A receive stops in front of it (RFC 6093), and it is no part of the stream. */
TEST(what_comes_behind_urgent_data_is_received)
{
    struct world world;
    struct peer peer;
    world_init(&world, 0, 0);
    int raw = peer_raw_tcp(&peer, &world, IN_MAX);
    assert_int_equal(send(raw, "ab!", 3, MSG_OOB), 3);
    raw_write(raw, "cd", 2);
    UNTIL(&world, peer.got_bytes == 4);
    assert_true(peer_got(&peer, "abcd"));
    close(raw);
    peer_finish(&peer);
    world_done(&world);
}

/* Another stream's handler resumes it, and its own event comes before what it has is delivered. */
TEST(a_full_buffer_that_was_resumed_in_the_turn_of_more_input_is_fine)
{
    struct world world;
    struct peer peer, bell;
    world_init(&world, 0, 0);
    int raw = peer_raw(&peer, &world, 8);
    int ring = peer_raw(&bell, &world, IN_MAX);
    peer.on_data = peer_pause_and_take_nothing;
    bell.on_data = peer_resume_other;
    bell.other = &peer;
    raw_write(raw, "12345678", 8);
    UNTIL(&world, peer.data_calls == 1);
    raw_write(ring, "!", 1);
    raw_write(raw, "9", 1);
    UNTIL(&world, peer.got_bytes == 9);
    assert_true(peer_got(&peer, "123456789"));
    close(raw);
    close(ring);
    peer_finish(&peer);
    peer_finish(&bell);
    world_done(&world);
}

TEST(pausing_costs_no_call_until_the_peer_sends)
{
    struct world world;
    struct peer peer;
    world_init(&world, 0, 0);
    int raw = peer_raw(&peer, &world, IN_MAX);
    uint64_t before = net_loop_counters(world.loop)->epoll_ctls;
    net_stream_pause(&peer.stream);
    net_stream_resume(&peer.stream);
    net_stream_pause(&peer.stream);
    assert_int_equal(net_loop_turn(world.loop, 0), BASE_OK);
    assert_int_equal(net_loop_counters(world.loop)->epoll_ctls, before);
    raw_write(raw, "x", 1);
    assert_int_equal(net_loop_turn(world.loop, 0), BASE_OK);
    assert_int_equal(net_loop_counters(world.loop)->epoll_ctls, before + 1);
    assert_int_equal(peer.data_calls, 0);
    assert_int_equal(net_loop_turn(world.loop, 0), BASE_OK);
    assert_int_equal(net_loop_counters(world.loop)->epoll_ctls, before + 1);
    net_stream_resume(&peer.stream);
    UNTIL(&world, peer_got(&peer, "x"));
    assert_int_equal(net_loop_counters(world.loop)->epoll_ctls, before + 2);
    close(raw);
    peer_finish(&peer);
    world_done(&world);
}

static void resume_arg(struct world *world)
{
    struct peer *peer = world->arg;
    if (peer->data_calls == 1 && net_stream_is_paused(&peer->stream)) {
        peer->on_data = NULL;
        net_stream_resume(&peer->stream);
    }
}

TEST(what_is_resumed_by_the_hook_is_delivered_in_the_same_turn_from_the_same_memory)
{
    struct world world;
    struct peer peer;
    world_init(&world, 0, 0);
    int raw = peer_raw(&peer, &world, IN_MAX);
    peer.on_data = refuse_and_pause;
    world.arg = &peer;
    world.hook = resume_arg;
    raw_write(raw, "query", 5);
    assert_int_equal(net_loop_turn(world.loop, BASE_SECOND), BASE_OK);
    assert_true(peer_got(&peer, "query"));
    assert_int_equal(peer.data_calls, 2);
    assert_null(peer.stream.in);
    close(raw);
    peer_finish(&peer);
    world_done(&world);
}

static size_t pause_and_resume_at_once(struct peer *peer, struct base_slice in)
{
    if (peer->data_calls == 1) {
        net_stream_pause(&peer->stream);
        net_stream_resume(&peer->stream);
        return 1;
    }
    peer_take(peer, in);
    return in.bytes;
}

TEST(resuming_inside_on_data_delivers_after_it_returned)
{
    struct world world;
    struct peer peer;
    world_init(&world, 0, 0);
    int raw = peer_raw(&peer, &world, IN_MAX);
    peer.on_data = pause_and_resume_at_once;
    raw_write(raw, "abc", 3);
    UNTIL(&world, peer.data_calls == 2);
    assert_true(peer_got(&peer, "bc"));
    close(raw);
    peer_finish(&peer);
    world_done(&world);
}

TEST(a_hang_up_is_noticed_while_paused_even_with_unread_data)
{
    struct world world;
    struct peer peer;
    world_init(&world, 0, 0);
    for (int is_tcp = 0; is_tcp < 2; is_tcp++) {
        int raw = is_tcp ? peer_raw_tcp(&peer, &world, IN_MAX) : peer_raw(&peer, &world, IN_MAX);
        net_stream_pause(&peer.stream);
        raw_write(raw, "unread", 6);
        assert_int_equal(net_loop_turn(world.loop, 0), BASE_OK);
        assert_int_equal(peer.close_status, NOT_YET);
        close(raw);
        UNTIL(&world, peer.close_calls == 1);
        assert_int_equal(peer.close_status, BASE_EEOF);
        assert_int_equal(peer.data_calls, 0);
        peer_done(&peer);
    }
    world_done(&world);
}

TEST(an_unpaused_stream_reads_everything_before_the_end)
{
    struct world world;
    struct peer peer;
    char bytes[50000];
    memset(bytes, 'x', sizeof(bytes));
    world_init(&world, 0, 4096);
    int raw = peer_raw(&peer, &world, IN_MAX);
    raw_write(raw, bytes, sizeof(bytes));
    close(raw);
    UNTIL(&world, peer.close_calls == 1);
    assert_int_equal(peer.close_status, BASE_EEOF);
    assert_int_equal(peer.got_bytes, sizeof(bytes));
    peer_done(&peer);
    world_done(&world);
}

TEST(a_reset_is_a_broken_connection)
{
    struct world world;
    struct peer peer;
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    world_init(&world, 0, 0);
    int raw = peer_raw_tcp(&peer, &world, IN_MAX);
    assert_int_equal(setsockopt(raw, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
    close(raw);
    UNTIL(&world, peer.close_calls == 1);
    assert_int_equal(peer.close_status, BASE_EBROKEN);
    assert_string_equal(net_stream_error(&peer.stream), "Connection reset by peer");
    peer_done(&peer);
    world_done(&world);
}

/* Does an epoll descriptor of this process watch that one? As the kernel lists it. */
static bool is_watched(int fd)
{
    char path[64], line[256], kind[64];
    bool is_found = false;
    for (int epoll = 3; epoll < 256 && !is_found; epoll++) {
        snprintf(path, sizeof(path), "/proc/self/fd/%d", epoll);
        ssize_t bytes = readlink(path, kind, sizeof(kind) - 1);
        kind[bytes > 0 ? bytes : 0] = '\0';
        snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", epoll);
        FILE *info = strcmp(kind, "anon_inode:[eventpoll]") == 0 ? fopen(path, "r") : NULL;
        while (info && fgets(line, sizeof(line), info)) {
            int watched;
            is_found = is_found || (sscanf(line, "tfd: %d", &watched) == 1 && watched == fd);
        }
        if (info) {
            fclose(info);
        }
    }
    return is_found;
}

TEST(an_ended_stream_is_watched_no_more_though_its_socket_is_open_elsewhere)
{
    struct world world;
    struct peer peer;
    world_init(&world, 0, 0);
    int raw = peer_raw(&peer, &world, IN_MAX);
    int fd = peer.stream.fd;
    int copy = dup(fd); /* as a child has it that was forked a moment ago */
    assert_true(copy >= 0);
    net_stream_abort(&peer.stream);
    UNTIL(&world, peer.close_calls == 1);
    assert_false(is_watched(fd));
    close(copy);
    close(raw);
    peer_done(&peer);
    world_done(&world);
}

static size_t abort_itself(struct peer *peer, struct base_slice in)
{
    net_stream_send(&peer->stream, in);
    net_stream_abort(&peer->stream);
    return 0;
}

static size_t abort_the_other(struct peer *peer, struct base_slice in)
{
    if (peer->other->close_calls == 0) {
        net_stream_abort(&peer->other->stream);
    }
    peer_take(peer, in);
    return in.bytes;
}

TEST(a_handler_may_end_its_own_stream)
{
    struct world world;
    struct peer peer;
    char byte;
    world_init(&world, 0, 0);
    int raw = peer_raw(&peer, &world, IN_MAX);
    peer.on_data = abort_itself;
    raw_write(raw, "abc", 3);
    UNTIL(&world, peer.close_calls == 1);
    assert_int_equal(peer.close_status, BASE_OK);
    assert_int_equal(peer.data_calls, 1);
    assert_int_equal(read(raw, &byte, 1), 0);
    close(raw);
    peer_done(&peer);
    world_done(&world);
}

TEST(a_handler_may_end_another_stream_that_has_an_event_in_the_same_turn)
{
    struct world world;
    struct peer a;
    struct peer b;
    world_init(&world, 0, 0);
    int raw_a = peer_raw(&a, &world, IN_MAX);
    int raw_b = peer_raw(&b, &world, IN_MAX);
    a.other = &b;
    b.other = &a;
    a.on_data = abort_the_other;
    b.on_data = abort_the_other;
    raw_write(raw_a, "a", 1);
    raw_write(raw_b, "b", 1);
    assert_int_equal(net_loop_turn(world.loop, BASE_SECOND), BASE_OK);
    assert_int_equal(a.close_calls + b.close_calls, 1);
    assert_int_equal(a.data_calls + b.data_calls, 1);
    close(raw_a);
    close(raw_b);
    peer_finish(&a);
    peer_finish(&b);
    world_done(&world);
}

static void free_itself(struct peer *peer, int status)
{
    (void)status;
    memset(&peer->stream, 0xa5, sizeof(peer->stream));
}

TEST(the_loop_does_not_touch_a_stream_after_on_close)
{
    struct world world;
    struct peer a;
    struct peer b;
    /* A turn that ends after every event: on_close comes while events of the batch are left. */
    world_init(&world, 4096, 2048);
    int raw_a = peer_raw(&a, &world, IN_MAX);
    int raw_b = peer_raw(&b, &world, IN_MAX);
    a.other = &b;
    b.other = &a;
    a.on_data = abort_the_other;
    b.on_data = abort_the_other;
    a.on_close = free_itself;
    b.on_close = free_itself;
    char bytes[3000] = {0};
    raw_write(raw_a, bytes, sizeof(bytes));
    raw_write(raw_b, bytes, sizeof(bytes));
    for (int i = 0; i < 6; i++) {
        assert_int_equal(net_loop_turn(world.loop, 0), BASE_OK);
    }
    assert_int_equal(a.close_calls + b.close_calls, 1);
    close(raw_a);
    close(raw_b);
    peer_finish(&a);
    peer_finish(&b);
    world_done(&world);
}

static size_t forward(struct peer *peer, struct base_slice in)
{
    net_stream_send(&peer->other->stream, in);
    return in.bytes;
}

TEST(many_streams_forward_received_slices_without_mixing_them)
{
    enum { COUNT = 40, BYTES = 3000 };
    struct world world;
    static struct peer in[COUNT];
    static struct peer out[COUNT];
    int raw_in[COUNT];
    int raw_out[COUNT];
    char sent[BYTES];
    char back[BYTES];
    /* Less turn memory than comes in: the loop has to end turns early. */
    world_init(&world, 16384, 4096);
    for (int i = 0; i < COUNT; i++) {
        raw_in[i] = peer_raw(&in[i], &world, IN_MAX);
        raw_out[i] = peer_raw(&out[i], &world, IN_MAX);
        in[i].on_data = forward;
        in[i].other = &out[i];
        memset(sent, 'A' + i, sizeof(sent));
        raw_write(raw_in[i], sent, sizeof(sent));
    }
    UNTIL(&world, net_loop_counters(world.loop)->sent_bytes == COUNT * BYTES);
    assert_int_equal(net_loop_counters(world.loop)->sends, COUNT);
    assert_int_equal(net_loop_counters(world.loop)->receives, COUNT);
    assert_true(world_ring_receives(&world) || /* whose receives take no turn memory */
                net_loop_counters(world.loop)->turns > net_loop_counters(world.loop)->waits);
    for (int i = 0; i < COUNT; i++) {
        memset(sent, 'A' + i, sizeof(sent));
        raw_read(raw_out[i], back, sizeof(back));
        assert_memory_equal(sent, back, sizeof(back));
        close(raw_in[i]);
        close(raw_out[i]);
        peer_finish(&in[i]);
        peer_finish(&out[i]);
    }
    world_done(&world);
}

/* Forwards all but the last byte each time, so that slices of the kept rest are in flight. */
static size_t forward_all_but_one(struct peer *peer, struct base_slice in)
{
    if (in.data[in.bytes - 1] == '.') {
        return forward(peer, in);
    }
    net_stream_send(&peer->other->stream, base_slice_of(in.data, in.bytes - 1));
    return in.bytes - 1;
}

TEST(slices_of_the_kept_rest_stay_valid_to_the_end_of_the_turn)
{
    struct world world;
    struct peer in;
    struct peer out;
    char back[12];
    world_init(&world, 0, 0);
    int raw_in = peer_raw(&in, &world, IN_MAX);
    int raw_out = peer_raw(&out, &world, IN_MAX);
    in.on_data = forward_all_but_one;
    in.other = &out;
    for (const char *it = "hello world."; *it; it++) {
        int calls = in.data_calls;
        raw_write(raw_in, it, 1);
        UNTIL(&world, in.data_calls > calls);
    }
    raw_read(raw_out, back, 12);
    assert_memory_equal(back, "hello world.", 12);
    close(raw_in);
    close(raw_out);
    peer_finish(&in);
    peer_finish(&out);
    world_done(&world);
}

TEST(a_stream_is_alive_until_its_peer_hung_up)
{
    struct world world;
    struct peer peer;
    world_init(&world, 0, 0);
    int raw = peer_raw_tcp(&peer, &world, IN_MAX);
    assert_true(net_stream_is_alive(&peer.stream));
    raw_write(raw, "x", 1);
    UNTIL(&world, peer.data_calls == 1);
    assert_true(net_stream_is_alive(&peer.stream));
    close(raw);
    UNTIL(&world, peer.close_calls == 1);
    assert_false(net_stream_is_alive(&peer.stream));
    peer_finish(&peer);
    world_done(&world);
}

TEST(the_peer_of_a_unix_socket_is_known_and_of_tcp_is_not)
{
    struct world world;
    struct peer peer;
    uint32_t uid = 12345;
    world_init(&world, 0, 0);
    int raw = peer_raw(&peer, &world, IN_MAX);
    assert_int_equal(net_stream_peer_uid(&peer.stream, &uid), BASE_OK);
    assert_int_equal(uid, getuid());
    close(raw);
    peer_finish(&peer);
    raw = peer_raw_tcp(&peer, &world, IN_MAX);
    assert_int_equal(net_stream_peer_uid(&peer.stream, &uid), BASE_EUNSUPPORTED);
    close(raw);
    peer_finish(&peer);
    world_done(&world);
}

TEST(freeing_the_loop_tells_streams_that_were_ended)
{
    struct world world;
    struct peer peer;
    world_init(&world, 0, 0);
    int raw = peer_raw(&peer, &world, IN_MAX);
    net_stream_abort(&peer.stream);
    world_done(&world);
    assert_int_equal(peer.close_calls, 1);
    close(raw);
    peer_done(&peer);
}
