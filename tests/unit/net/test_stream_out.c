/* test_stream_out.c - the send side of streams: one send per turn, backlog, water marks, closing.
 */
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "world.h"

#define IN_MAX 65536

static void send_text(struct peer *peer, const char *text)
{
    net_stream_send(&peer->stream, base_slice_text(text));
}

static uint8_t *pattern(size_t bytes)
{
    uint8_t *data = malloc(bytes);
    assert_non_null(data);
    for (size_t i = 0; i < bytes; i++) {
        data[i] = (uint8_t)(i ^ i >> 8 ^ i >> 16);
    }
    return data;
}

TEST(all_output_of_a_turn_leaves_in_one_send)
{
    struct world world;
    struct peer peer;
    char back[32] = {0};
    world_init(&world, 0, 0);
    int raw = peer_raw(&peer, &world, IN_MAX);
    send_text(&peer, "one ");
    send_text(&peer, "two ");
    send_text(&peer, "three");
    assert_int_equal(net_stream_unsent(&peer.stream), 13);
    assert_int_equal(net_loop_turn(world.loop, 0), BASE_OK);
    assert_int_equal(net_loop_counters(world.loop)->sends, 1);
    assert_int_equal(net_stream_unsent(&peer.stream), 0);
    assert_null(peer.stream.out);
    raw_read(raw, back, 13);
    assert_string_equal(back, "one two three");
    close(raw);
    peer_finish(&peer);
    world_done(&world);
}

TEST(slices_that_lie_side_by_side_are_one)
{
    struct world world;
    struct peer peer;
    const char *text = "side by side";
    world_init(&world, 0, 0);
    int raw = peer_raw(&peer, &world, IN_MAX);
    net_stream_send(&peer.stream, base_slice_of(text, 5));
    net_stream_send(&peer.stream, base_slice_of(text + 5, 7));
    assert_int_equal(peer.stream.out_turn_count, 1);
    close(raw);
    peer_finish(&peer);
    world_done(&world);
}

TEST(thousands_of_slices_arrive_in_order)
{
    enum { COUNT = 5000 };
    struct world world;
    struct peer a;
    struct peer b;
    world_init(&world, 0, 0);
    peers_pair(&a, &b, &world, IN_MAX);
    uint8_t *data = pattern(COUNT * 2);
    for (int i = 0; i < COUNT; i++) {
        net_stream_send(&a.stream, base_slice_of(data + 2 * i, 1)); /* every other byte */
    }
    UNTIL(&world, b.got_bytes == COUNT);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(b.got[i], data[2 * i]);
    }
    free(data);
    peer_finish(&a);
    peer_finish(&b);
    world_done(&world);
}

TEST(what_the_kernel_does_not_take_is_kept_and_sent_later)
{
    enum { BYTES = 4 * 1024 * 1024 };
    struct world world;
    struct peer peer;
    world_init(&world, 0, 0);
    int raw = peer_raw(&peer, &world, IN_MAX);
    uint8_t *data = pattern(BYTES);
    uint8_t *back = malloc(BYTES + 5);
    net_stream_send(&peer.stream, base_slice_of(data, BYTES));
    assert_int_equal(net_loop_turn(world.loop, 0), BASE_OK);
    assert_non_null(peer.stream.out);
    size_t unsent = net_stream_unsent(&peer.stream);
    assert_true(unsent > NET_HIGH_WATER && unsent < BYTES);
    send_text(&peer, "after");
    assert_int_equal(net_loop_turn(world.loop, 0), BASE_OK);
    assert_int_equal(net_stream_unsent(&peer.stream), unsent + 5);
    assert_int_equal(peer.drain_calls, 0);
    size_t got = 0;
    while (got < BYTES + 5) {
        ssize_t count = recv(raw, back + got, BYTES + 5 - got, MSG_DONTWAIT);
        assert_true(count > 0 || errno == EAGAIN);
        got += count > 0 ? (size_t)count : 0;
        assert_int_equal(net_loop_turn(world.loop, 0), BASE_OK);
    }
    assert_memory_equal(back, data, BYTES);
    assert_memory_equal(back + BYTES, "after", 5);
    assert_int_equal(peer.drain_calls, 1);
    assert_int_equal(net_stream_unsent(&peer.stream), 0);
    assert_null(peer.stream.out);
    free(data);
    free(back);
    close(raw);
    peer_finish(&peer);
    world_done(&world);
}

/* A relay with back pressure: the source rests while too much is unsent. */
static size_t relay(struct peer *peer, struct base_slice in)
{
    net_stream_send(&peer->other->stream, in);
    if (net_stream_unsent(&peer->other->stream) > NET_HIGH_WATER) {
        net_stream_pause(&peer->stream);
    }
    return in.bytes;
}

static void relay_drained(struct peer *peer)
{
    net_stream_resume(&peer->other->stream);
}

TEST(a_slow_reader_slows_the_source_and_memory_stays_bounded)
{
    enum { BYTES = 8 * 1024 * 1024 };
    struct world world;
    struct peer source;
    struct peer sink;
    world_init(&world, 0, 0);
    int raw_source = peer_raw(&source, &world, IN_MAX);
    int raw_sink = peer_raw(&sink, &world, IN_MAX);
    source.other = &sink;
    sink.other = &source;
    source.on_data = relay;
    sink.on_drain = relay_drained;
    uint8_t *data = pattern(BYTES);
    uint8_t *back = malloc(BYTES);
    size_t sent = 0;
    size_t got = 0;
    size_t unsent_max = 0;
    while (got < BYTES) {
        ssize_t count =
            sent < BYTES ? send(raw_source, data + sent, BYTES - sent, MSG_DONTWAIT) : 0;
        sent += count > 0 ? (size_t)count : 0;
        for (int i = 0; i < 40; i++) {
            assert_int_equal(net_loop_turn(world.loop, 0), BASE_OK);
        }
        size_t unsent = net_stream_unsent(&sink.stream);
        unsent_max = unsent > unsent_max ? unsent : unsent_max;
        size_t want = BYTES - got < 100000 ? BYTES - got : 100000;
        count = recv(raw_sink, back + got, want, MSG_DONTWAIT);
        got += count > 0 ? (size_t)count : 0;
    }
    assert_memory_equal(back, data, BYTES);
    assert_true(sink.drain_calls > 1);
    assert_true(unsent_max > NET_HIGH_WATER && unsent_max <= NET_HIGH_WATER + 16384);
    free(data);
    free(back);
    close(raw_source);
    close(raw_sink);
    peer_finish(&source);
    peer_finish(&sink);
    world_done(&world);
}

TEST(close_sends_what_is_queued_first)
{
    enum { BYTES = 3 * 1024 * 1024 };
    struct world world;
    struct peer peer;
    world_init(&world, 0, 0);
    int raw = peer_raw(&peer, &world, IN_MAX);
    uint8_t *data = pattern(BYTES);
    uint8_t *back = malloc(BYTES);
    net_stream_send(&peer.stream, base_slice_of(data, BYTES));
    net_stream_close(&peer.stream, 60 * BASE_SECOND);
    send_text(&peer, "too late");
    size_t got = 0;
    ssize_t count = 1;
    while (count != 0) {
        assert_int_equal(net_loop_turn(world.loop, 0), BASE_OK);
        count = recv(raw, back + got, BYTES - got + 1, MSG_DONTWAIT);
        assert_true(count >= 0 || errno == EAGAIN);
        got += count > 0 ? (size_t)count : 0;
        assert_true(got <= BYTES);
    }
    assert_int_equal(got, BYTES);
    assert_memory_equal(back, data, BYTES);
    assert_int_equal(peer.close_calls, 1);
    assert_int_equal(peer.close_status, BASE_OK);
    free(data);
    free(back);
    close(raw);
    peer_done(&peer);
    world_done(&world);
}

TEST(close_gives_up_when_the_peer_does_not_read_for_the_time_of_linger)
{
    enum { BYTES = 3 * 1024 * 1024 };
    struct world world;
    struct peer peer;
    world_init(&world, 0, 0);
    int raw = peer_raw(&peer, &world, IN_MAX);
    uint8_t *data = pattern(BYTES);
    net_stream_send(&peer.stream, base_slice_of(data, BYTES));
    net_stream_close(&peer.stream, 20 * BASE_MS);
    base_time begin = net_loop_now(world.loop);
    UNTIL(&world, peer.close_calls == 1);
    assert_true(net_loop_now(world.loop) - begin >= 20 * BASE_MS);
    assert_int_equal(peer.close_status, BASE_OK);
    free(data);
    close(raw);
    peer_done(&peer);
    world_done(&world);
}

TEST(a_closing_stream_ignores_input_without_spinning)
{
    enum { BYTES = 3 * 1024 * 1024 };
    struct world world;
    struct peer peer;
    world_init(&world, 0, 0);
    int raw = peer_raw(&peer, &world, IN_MAX);
    uint8_t *data = pattern(BYTES);
    net_stream_send(&peer.stream, base_slice_of(data, BYTES));
    net_stream_close(&peer.stream, 60 * BASE_SECOND);
    assert_int_equal(net_loop_turn(world.loop, 0), BASE_OK);
    raw_write(raw, "noise", 5);
    assert_int_equal(shutdown(raw, SHUT_WR), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(net_loop_turn(world.loop, 0), BASE_OK);
    }
    uint64_t ctls = net_loop_counters(world.loop)->epoll_ctls;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(net_loop_turn(world.loop, 0), BASE_OK);
    }
    assert_int_equal(net_loop_counters(world.loop)->epoll_ctls, ctls);
    /* With io_uring one was under way when the stream was closed. */
    assert_int_equal(net_loop_counters(world.loop)->receives, world_ring_receives(&world) ? 1 : 0);
    assert_int_equal(peer.close_calls, 0);
    free(data);
    peer_finish(&peer);
    close(raw);
    world_done(&world);
}

TEST(abort_drops_what_is_queued)
{
    struct world world;
    struct peer peer;
    char byte;
    world_init(&world, 0, 0);
    int raw = peer_raw(&peer, &world, IN_MAX);
    send_text(&peer, "never");
    net_stream_abort(&peer.stream);
    UNTIL(&world, peer.close_calls == 1);
    assert_int_equal(read(raw, &byte, 1), 0);
    close(raw);
    peer_done(&peer);
    world_done(&world);
}

static size_t say_goodbye_to_the_other(struct peer *peer, struct base_slice in)
{
    (void)in;
    send_text(peer, "bye");
    net_stream_close(&peer->stream, BASE_SECOND);
    return 0;
}

TEST(a_farewell_written_in_on_data_arrives)
{
    struct world world;
    struct peer peer;
    char back[4] = {0};
    world_init(&world, 0, 0);
    int raw = peer_raw(&peer, &world, IN_MAX);
    peer.on_data = say_goodbye_to_the_other;
    raw_write(raw, "hello", 5);
    assert_int_equal(net_loop_turn(world.loop, BASE_SECOND), BASE_OK);
    assert_int_equal(peer.close_calls, 1);
    raw_read(raw, back, 3);
    assert_string_equal(back, "bye");
    close(raw);
    peer_done(&peer);
    world_done(&world);
}

static void tell_the_other(struct peer *peer, int status)
{
    (void)status;
    send_text(peer->other, "it is gone");
}

TEST(what_on_close_sends_to_others_leaves_in_the_same_turn)
{
    struct world world;
    struct peer a;
    struct peer b;
    char back[11] = {0};
    world_init(&world, 0, 0);
    int raw_a = peer_raw(&a, &world, IN_MAX);
    int raw_b = peer_raw(&b, &world, IN_MAX);
    a.other = &b;
    a.on_close = tell_the_other;
    close(raw_a);
    assert_int_equal(net_loop_turn(world.loop, BASE_SECOND), BASE_OK);
    assert_int_equal(a.close_calls, 1);
    assert_int_equal(net_loop_counters(world.loop)->sends, 1);
    raw_read(raw_b, back, 10);
    assert_string_equal(back, "it is gone");
    assert_true(world.hook_calls >= 2); /* decisions made by on_close are drained as well */
    close(raw_b);
    peer_done(&a);
    peer_finish(&b);
    world_done(&world);
}

TEST(the_last_words_of_a_peer_that_takes_nothing_more_are_read)
{
    struct world world;
    struct peer peer;
    char words[5000];
    memset(words, 'w', sizeof(words));
    /* Read in pieces: the send fails when most of it is still in the socket. */
    world_init(&world, 0, 1000);
    int raw = peer_raw(&peer, &world, IN_MAX);
    raw_write(raw, words, sizeof(words));
    close(raw);
    send_text(&peer, "query");
    UNTIL(&world, peer.close_calls == 1);
    assert_int_equal(peer.got_bytes, sizeof(words));
    assert_int_equal(peer.close_status, BASE_EBROKEN);
    assert_string_equal(net_stream_error(&peer.stream), "Broken pipe");
    peer_done(&peer);
    world_done(&world);
}
