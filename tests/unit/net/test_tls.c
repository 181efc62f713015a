/* test_tls.c - TLS on both sides: handshakes that work and that must not, data, ends, bindings. */
#include "test.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scene.h"

/* ---- handshakes that work -------------------------------------------------------------------- */

static void assert_talks(struct scene *scene)
{
    assert_int_equal(scene->server.tls_status, BASE_OK);
    assert_int_equal(scene->client.tls_status, BASE_OK);
    assert_true(net_stream_has_tls(&scene->server.stream));
    send_text(&scene->client, "question");
    UNTIL(&scene->world, scene->server.got_bytes >= 8);
    send_text(&scene->server, "answer");
    UNTIL(&scene->world, scene->client.got_bytes >= 6);
    assert_true(peer_got(&scene->server, "question"));
    assert_true(peer_got(&scene->client, "answer"));
    assert_string_equal(net_stream_tls_error(&scene->client.stream), "");
}

TEST(tls_full_verification_by_name_works_in_both_versions)
{
    const char *protocols[] = {"tlsv1.2", "tlsv1.3", "secure", "all", "tlsv1.2,tlsv1.3"};
    const char *expected[] = {"TLSv1.2/", "TLSv1.3/", "TLSv1.3/", "TLSv1.3/", "TLSv1.3/"};
    for (size_t i = 0; i < 5; i++) {
        struct scene scene;
        char text[128];
        scene_init(&scene);
        scene.client_options.protocols = protocols[i];
        scene_shake(&scene);
        assert_talks(&scene);
        net_stream_tls_text(&scene.client.stream, text, sizeof(text));
        assert_memory_equal(text, expected[i], 8);
        assert_true(strlen(text) > 8);
        scene_done(&scene);
    }
}

TEST(tls_full_verification_by_address_works)
{
    struct scene scene;
    scene_init(&scene);
    strcpy(scene.host, "127.0.0.1");
    scene_shake(&scene);
    assert_talks(&scene);
    scene_done(&scene);
}

TEST(tls_without_verification_takes_any_certificate)
{
    struct scene scene;
    scene_init(&scene);
    scene.client_options.verify = NET_TLS_VERIFY_NONE;
    scene.client_options.ca_file = NULL;
    strcpy(scene.host, "other.example");
    scene_shake(&scene);
    assert_talks(&scene);
    scene_done(&scene);
}

TEST(tls_a_verified_client_is_known_by_its_name)
{
    struct scene scene;
    char name[64] = "untouched";
    scene_init(&scene);
    scene.server_options.verify = NET_TLS_VERIFY_CA;
    scene.server_options.ca_file = scene.authority.ca_file;
    scene.client_options.cert_file = scene.authority.cert_file;
    scene.client_options.key_file = scene.authority.key_file;
    scene_shake(&scene);
    assert_talks(&scene);
    assert_int_equal(net_stream_tls_peer_name(&scene.server.stream, name, sizeof(name)), 10);
    assert_string_equal(name, "db.example");
    assert_int_equal(net_stream_tls_peer_name(&scene.server.stream, name, 10), 0);
    scene_done(&scene);
}

TEST(tls_an_idle_stream_owns_no_buffer)
{
    struct scene scene;
    scene_init(&scene);
    scene_shake(&scene);
    assert_talks(&scene);
    assert_null(scene.server.stream.in);
    assert_null(scene.server.stream.out);
    assert_null(scene.client.stream.in);
    assert_null(scene.client.stream.out);
    scene_done(&scene);
}

TEST(tls_all_output_of_a_turn_leaves_in_one_send_and_one_record)
{
    struct scene scene;
    scene_init(&scene);
    scene_shake(&scene);
    assert_talks(&scene);
    struct net_counters before = *net_loop_counters(scene.world.loop);
    int calls = scene.client.data_calls;
    send_text(&scene.server, "three ");
    send_text(&scene.server, "small ");
    send_text(&scene.server, "slices");
    UNTIL(&scene.world, scene.client.data_calls > calls);
    const struct net_counters *after = net_loop_counters(scene.world.loop);
    assert_int_equal(after->sends - before.sends, 1);
    assert_int_equal(after->receives - before.receives, 1);
    assert_true(after->sent_bytes - before.sent_bytes < 18 + 40);
    scene_done(&scene);
}

TEST(tls_bytes_one_at_a_time_are_enough)
{
    struct scene scene;
    scene_init(&scene);
    scene.server_context = context_of(&scene.server_options);
    scene.client_context = context_of(&scene.client_options);
    int raw_server = peer_raw(&scene.server, &scene.world, IN_MAX);
    int raw_client = peer_raw(&scene.client, &scene.world, IN_MAX);
    assert_int_equal(net_stream_start_tls(&scene.server.stream, scene.server_context, NULL), 0);
    assert_int_equal(net_stream_start_tls(&scene.client.stream, scene.client_context, scene.host),
                     0);
    while (scene.server.got_bytes < 5 || scene.client.got_bytes < 5) {
        uint8_t byte;
        if (recv(raw_client, &byte, 1, MSG_DONTWAIT) == 1) {
            raw_write(raw_server, &byte, 1);
        }
        if (recv(raw_server, &byte, 1, MSG_DONTWAIT) == 1) {
            raw_write(raw_client, &byte, 1);
        }
        assert_int_equal(net_loop_turn(scene.world.loop, 0), BASE_OK);
        if (scene.client.tls_calls == 1 && scene.server.tls_calls == 1) {
            send_text(&scene.client, "hello");
            send_text(&scene.server, "hello");
            scene.client.tls_calls = scene.server.tls_calls = 2;
        }
    }
    assert_true(peer_got(&scene.server, "hello"));
    assert_true(peer_got(&scene.client, "hello"));
    close(raw_server);
    close(raw_client);
    scene_done(&scene);
}

/* What is sent before the handshake is done waits for it; what was sent before start_tls goes in
 * the clear. */
static size_t answer_yes_and_start(struct peer *peer, struct base_slice in)
{
    struct scene *scene = peer->arg;
    assert_int_equal(in.bytes, 1);
    send_text(peer, "S");
    assert_int_equal(net_stream_start_tls(&peer->stream, scene->server_context, NULL), BASE_OK);
    send_text(peer, "welcome");
    peer->on_data = NULL;
    return 1;
}

static size_t start_on_yes(struct peer *peer, struct base_slice in)
{
    struct scene *scene = peer->arg;
    assert_true(base_slice_is(in, "S"));
    assert_int_equal(net_stream_start_tls(&peer->stream, scene->client_context, scene->host),
                     BASE_OK);
    net_stream_pause(&peer->stream); /* the greeting goes out all the same */
    net_stream_resume(&peer->stream);
    peer->on_data = NULL;
    return 1;
}

TEST(tls_starts_from_inside_on_data)
{
    struct scene scene;
    scene_init(&scene);
    scene.server_context = context_of(&scene.server_options);
    scene.client_context = context_of(&scene.client_options);
    peers_pair(&scene.server, &scene.client, &scene.world, IN_MAX);
    scene.server.arg = scene.client.arg = &scene;
    scene.server.on_data = answer_yes_and_start;
    scene.client.on_data = start_on_yes;
    send_text(&scene.client, "?");
    UNTIL(&scene.world, peer_got(&scene.client, "welcome"));
    send_text(&scene.client, "thanks");
    UNTIL(&scene.world, peer_got(&scene.server, "thanks"));
    scene_done(&scene);
}

/* ---- handshakes that must fail --------------------------------------------------------------- */

static char client_line[256];
static char server_line[256];

static void note_client(struct peer *peer, int status)
{
    (void)status;
    snprintf(client_line, sizeof(client_line), "%s", net_stream_tls_error(&peer->stream));
}

static void note_server(struct peer *peer, int status)
{
    (void)status;
    snprintf(server_line, sizeof(server_line), "%s", net_stream_tls_error(&peer->stream));
}

static void shake_and_fail(struct scene *scene)
{
    client_line[0] = server_line[0] = '\0';
    scene_start(scene);
    scene->client.on_close = note_client;
    scene->server.on_close = note_server;
    UNTIL(&scene->world, scene->server.close_calls == 1 && scene->client.close_calls == 1);
    assert_true(scene->client.tls_calls <= 1 && scene->server.tls_calls <= 1);
    assert_true(scene->client.close_status == BASE_ETLS || scene->server.close_status == BASE_ETLS);
    assert_int_equal(scene->client.data_calls + scene->server.data_calls, 0);
    scene_done(scene);
}

TEST(tls_a_wrong_host_name_fails)
{
    struct scene scene;
    const char *hosts[] = {"other.example", "127.0.0.2", "", "db.example.other", "example"};
    for (size_t i = 0; i < 5; i++) {
        scene_init(&scene);
        strcpy(scene.host, hosts[i]);
        if (!*hosts[i]) { /* nothing to check against: refused before a byte is sent */
            scene.client_context = context_of(&scene.client_options);
            peers_pair(&scene.server, &scene.client, &scene.world, IN_MAX);
            assert_int_equal(net_stream_start_tls(&scene.client.stream, scene.client_context, NULL),
                             BASE_ETLS);
            scene_done(&scene);
            continue;
        }
        shake_and_fail(&scene);
        assert_string_equal(client_line, i == 1 ? "certificate verify failed: IP address mismatch"
                                                : "certificate verify failed: hostname mismatch");
    }
}

TEST(tls_a_wrong_host_name_is_fine_when_only_the_chain_is_verified)
{
    struct scene scene;
    scene_init(&scene);
    scene.client_options.verify = NET_TLS_VERIFY_CA;
    strcpy(scene.host, "other.example");
    scene_shake(&scene);
    assert_talks(&scene);
    scene_done(&scene);
}

TEST(tls_an_unknown_authority_fails_and_the_server_learns_why)
{
    for (int is_12 = 0; is_12 < 2; is_12++) {
        struct scene scene;
        struct authority other;
        scene_init(&scene);
        authority_init(&other, "Other CA");
        scene.client_options.ca_file = other.ca_file;
        scene.client_options.protocols = is_12 ? "tlsv1.2" : "tlsv1.3";
        shake_and_fail(&scene);
        assert_string_equal(client_line,
                            "certificate verify failed: unable to get local issuer certificate");
        assert_string_equal(server_line, "unknown ca (alert from the peer)");
        unlink(other.cert_file);
        authority_done(&other);
    }
}

TEST(tls_a_client_without_the_certificate_asked_for_fails)
{
    struct scene scene;
    scene_init(&scene);
    scene.server_options.verify = NET_TLS_VERIFY_CA;
    scene.server_options.ca_file = scene.authority.ca_file;
    shake_and_fail(&scene);
    assert_string_equal(server_line, "peer did not return a certificate");
}

TEST(tls_a_client_certificate_of_another_authority_fails)
{
    struct scene scene;
    struct authority other;
    scene_init(&scene);
    authority_init(&other, "Other CA");
    authority_issue(&other, "mallory", NULL, "SHA256");
    scene.server_options.verify = NET_TLS_VERIFY_CA;
    scene.server_options.ca_file = scene.authority.ca_file;
    scene.client_options.cert_file = other.cert_file;
    scene.client_options.key_file = other.key_file;
    shake_and_fail(&scene);
    assert_memory_equal(server_line, "certificate verify failed: ", 27);
    authority_done(&other);
}

TEST(tls_no_common_protocol_fails)
{
    struct scene scene;
    scene_init(&scene);
    scene.server_options.protocols = "tlsv1.3";
    scene.client_options.protocols = "tlsv1.2";
    shake_and_fail(&scene);
    assert_true(strlen(server_line) > 0 && strlen(client_line) > 0);
}

TEST(tls_alpn_is_agreed_or_the_connection_ends)
{
    struct scene scene;
    scene_init(&scene);
    scene.server_options.alpn_postgresql = true;
    scene.client_options.alpn_postgresql = true;
    scene_shake(&scene);
    assert_talks(&scene);
    scene_done(&scene);
    scene_init(&scene);
    scene.server_options.alpn_postgresql = true; /* the client offers none */
    shake_and_fail(&scene);
    assert_string_equal(server_line, "the peer did not agree to ALPN \"postgresql\"");
    scene_init(&scene);
    scene.client_options.alpn_postgresql = true; /* the server chooses none */
    shake_and_fail(&scene);
    assert_string_equal(client_line, "the peer did not agree to ALPN \"postgresql\"");
}

TEST(tls_a_peer_that_speaks_in_the_clear_fails)
{
    struct scene scene;
    scene_init(&scene);
    scene.server_context = context_of(&scene.server_options);
    int raw = peer_raw(&scene.server, &scene.world, IN_MAX);
    assert_int_equal(net_stream_start_tls(&scene.server.stream, scene.server_context, NULL), 0);
    raw_write(raw, "SELECT 1; -- not a client hello", 31);
    UNTIL(&scene.world, scene.server.close_calls == 1);
    assert_int_equal(scene.server.tls_status, BASE_ETLS);
    assert_int_equal(scene.server.close_status, BASE_ETLS);
    assert_int_equal(scene.server.data_calls, 0);
    close(raw);
    raw = peer_raw(&scene.client, &scene.world, IN_MAX);
    close(raw);
    scene_done(&scene);
}

TEST(tls_the_end_of_the_peer_in_the_handshake_is_a_failure)
{
    struct scene scene;
    scene_init(&scene);
    scene.client_context = context_of(&scene.client_options);
    int raw = peer_raw(&scene.client, &scene.world, IN_MAX);
    scene.client.on_close = note_client;
    assert_int_equal(net_stream_start_tls(&scene.client.stream, scene.client_context, "x.example"),
                     0);
    close(raw);
    UNTIL(&scene.world, scene.client.close_calls == 1);
    assert_int_equal(scene.client.tls_status, BASE_ETLS);
    assert_true(strlen(client_line) > 0);
    raw = peer_raw(&scene.server, &scene.world, IN_MAX);
    close(raw);
    scene_done(&scene);
}

/* ---- bytes injected before TLS --------------------------------------------------------------- */

static size_t start_on_first_byte(struct peer *peer, struct base_slice in)
{
    struct scene *scene = peer->arg;
    (void)in;
    assert_int_equal(net_stream_start_tls(&peer->stream, scene->server_context, NULL), BASE_OK);
    return 1;
}

static size_t pause_it(struct peer *peer, struct base_slice in)
{
    (void)in;
    net_stream_pause(&peer->stream);
    return 1;
}

TEST(tls_bytes_in_the_clear_behind_the_request_end_the_stream)
{
    struct scene scene;
    scene_init(&scene);
    scene.server_context = context_of(&scene.server_options);
    int raw = peer_raw(&scene.server, &scene.world, IN_MAX);
    scene.server.arg = &scene;
    scene.server.on_data = start_on_first_byte;
    raw_write(raw, "?INJECTED", 9);
    UNTIL(&scene.world, scene.server.close_calls == 1);
    assert_int_equal(scene.server.close_status, BASE_EPROTOCOL);
    assert_int_equal(scene.server.data_calls, 1);
    close(raw);
    /* The same outside of on_data. */
    raw = peer_raw(&scene.client, &scene.world, IN_MAX);
    scene.client.on_data = pause_it;
    raw_write(raw, "?INJECTED", 9);
    UNTIL(&scene.world, scene.client.data_calls == 1);
    assert_int_equal(net_stream_start_tls(&scene.client.stream, scene.server_context, NULL),
                     BASE_EPROTOCOL);
    close(raw);
    scene_done(&scene);
}

/* ---- data ------------------------------------------------------------------------------------ */

struct bulk {
    uint8_t *data;
    size_t sent;
};

#define BULK_BYTES (10 * 1024 * 1024)

static void feed(struct peer *peer)
{
    struct bulk *bulk = peer->arg;
    while (bulk->sent < BULK_BYTES && net_stream_unsent(&peer->stream) <= NET_HIGH_WATER) {
        size_t count = BULK_BYTES - bulk->sent < 100001 ? BULK_BYTES - bulk->sent : 100001;
        net_stream_send(&peer->stream, base_slice_of(bulk->data + bulk->sent, count));
        bulk->sent += count;
    }
}

TEST(tls_ten_megabytes_each_way_arrive_whole)
{
    struct scene scene;
    struct bulk up = {.data = malloc(BULK_BYTES)};
    struct bulk down = {.data = malloc(BULK_BYTES)};
    scene_init(&scene);
    for (size_t i = 0; i < BULK_BYTES; i++) {
        up.data[i] = (uint8_t)(i ^ i >> 9);
        down.data[i] = (uint8_t)(i * 7 ^ i >> 11);
    }
    scene_shake(&scene);
    scene.client.arg = &up;
    scene.server.arg = &down;
    scene.client.on_drain = scene.server.on_drain = feed;
    feed(&scene.client);
    feed(&scene.server);
    UNTIL(&scene.world,
          scene.client.got_bytes == BULK_BYTES && scene.server.got_bytes == BULK_BYTES);
    assert_memory_equal(scene.server.got, up.data, BULK_BYTES);
    assert_memory_equal(scene.client.got, down.data, BULK_BYTES);
    assert_true(scene.client.drain_calls > 0 && scene.server.drain_calls > 0);
    assert_int_equal(net_stream_unsent(&scene.client.stream), 0);
    free(up.data);
    free(down.data);
    scene_done(&scene);
}

/* Takes one byte, then rests. */
static size_t take_one_and_pause(struct peer *peer, struct base_slice in)
{
    peer_take(peer, base_slice_of(in.data, 1));
    net_stream_pause(&peer->stream);
    return 1;
}

TEST(tls_a_paused_stream_keeps_little_and_loses_nothing)
{
    enum { BYTES = 200000 };
    struct scene scene;
    uint8_t *data = malloc(BYTES);
    scene_init(&scene);
    for (size_t i = 0; i < BYTES; i++) {
        data[i] = (uint8_t)(i * 13 >> 2);
    }
    scene_shake(&scene);
    scene.server.on_data = take_one_and_pause;
    net_stream_send(&scene.client.stream, base_slice_of(data, BYTES));
    for (int i = 0; i < 200; i++) {
        assert_int_equal(net_loop_turn(scene.world.loop, 0), BASE_OK);
        net_stream_resume(&scene.server.stream);
    }
    assert_true(scene.server.got_bytes >= 100);
    scene.server.on_data = NULL;
    net_stream_resume(&scene.server.stream);
    UNTIL(&scene.world, scene.server.got_bytes == BYTES);
    assert_memory_equal(scene.server.got, data, BYTES);
    assert_null(scene.server.stream.in);
    free(data);
    scene_done(&scene);
}

/* Another stream's handler resumes it before its own event, at which it has a record from before
 * and receives nothing. */
static void resume_with_a_record_left(size_t (*on_data)(struct peer *peer, struct base_slice in))
{
    struct scene scene;
    struct peer bell, ringer;
    scene_init(&scene);
    scene_shake(&scene);
    scene.server.stream.in_bytes_max = 6; /* a record is all that is decrypted at a time */
    net_stream_pause(&scene.server.stream);
    scene.server.on_data = on_data;
    for (int i = 0; i < 2; i++) {
        send_text(&scene.client, "record"); /* of its own: a turn's output leaves in one */
        assert_int_equal(net_loop_turn(scene.world.loop, 0), BASE_OK);
    }
    net_stream_resume(&scene.server.stream);
    UNTIL(&scene.world, scene.server.data_calls == 1);

    peers_pair(&bell, &ringer, &scene.world, IN_MAX);
    bell.on_data = peer_resume_other;
    bell.other = &scene.server;
    send_text(&ringer, "!");
    send_text(&scene.client, "record");
    UNTIL(&scene.world, scene.server.got_bytes == 18);
    assert_true(peer_got(&scene.server, "recordrecordrecord"));
    peer_finish(&bell);
    peer_finish(&ringer);
    scene_done(&scene);
}

TEST(tls_what_came_in_the_turn_that_resumed_a_stream_is_received)
{
    resume_with_a_record_left(take_one_and_pause);
}

TEST(tls_what_came_in_the_turn_that_resumed_a_full_stream_is_received)
{
    resume_with_a_record_left(peer_pause_and_take_nothing);
}

TEST(tls_in_bytes_max_holds_for_plain_text)
{
    struct scene scene;
    uint8_t data[5000] = {1};
    scene_init(&scene);
    scene_shake(&scene);
    scene.server.stream.in_bytes_max = 100; /* world.c asserts that no delivery is larger */
    net_stream_send(&scene.client.stream, base_slice_of(data, sizeof(data)));
    UNTIL(&scene.world, scene.server.got_bytes == sizeof(data));
    assert_int_equal(scene.server.data_calls, 50);
    scene_done(&scene);
}

/* Forwards all but the last byte, so that slices of the kept rest are in flight while more is
 * decrypted. */
static size_t forward_all_but_one(struct peer *peer, struct base_slice in)
{
    size_t used = in.data[in.bytes - 1] == '.' ? in.bytes : in.bytes - 1;
    net_stream_send(&peer->other->stream, base_slice_of(in.data, used));
    return used;
}

TEST(tls_slices_of_the_kept_rest_stay_valid_while_more_is_decrypted)
{
    struct scene scene;
    struct peer out;
    uint8_t data[12000];
    uint8_t back[12000];
    scene_init(&scene);
    scene_shake(&scene);
    int raw = peer_raw(&out, &scene.world, IN_MAX);
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)('a' + i * 7 / 3 % 26);
    }
    data[sizeof(data) - 1] = '.';
    scene.server.stream.in_bytes_max = 100; /* many deliveries of one receive */
    scene.server.other = &out;
    scene.server.on_data = forward_all_but_one;
    net_stream_send(&scene.client.stream, base_slice_of(data, sizeof(data)));
    UNTIL(&scene.world, net_stream_unsent(&out.stream) == 0 && scene.server.data_calls > 100);
    raw_read(raw, back, sizeof(back));
    assert_memory_equal(back, data, sizeof(data));
    close(raw);
    peer_finish(&out);
    scene_done(&scene);
}

/* ---- ends ------------------------------------------------------------------------------------ */

TEST(tls_close_sends_the_rest_and_the_closing_alert)
{
    struct scene scene;
    scene_init(&scene);
    scene_shake(&scene);
    struct net_counters before = *net_loop_counters(scene.world.loop);
    send_text(&scene.server, "the last word");
    net_stream_close(&scene.server.stream, BASE_SECOND);
    UNTIL(&scene.world, scene.client.close_calls == 1);
    const struct net_counters *after = net_loop_counters(scene.world.loop);
    assert_int_equal(after->sends - before.sends, 1);
    /* Two records: 13 bytes of text, 2 of alert, 22 around each (TLS 1.3). */
    assert_int_equal(after->sent_bytes - before.sent_bytes, 13 + 2 + 2 * 22);
    assert_int_equal(scene.server.close_status, BASE_OK);
    assert_int_equal(scene.client.close_status, BASE_EEOF);
    assert_true(peer_got(&scene.client, "the last word"));
    scene_done(&scene);
}

TEST(tls_a_broken_record_ends_the_stream)
{
    struct scene scene;
    scene_init(&scene);
    scene.server_context = context_of(&scene.server_options);
    scene.client_context = context_of(&scene.client_options);
    int raw_server = peer_raw(&scene.server, &scene.world, IN_MAX);
    int raw_client = peer_raw(&scene.client, &scene.world, IN_MAX);
    scene.server.on_close = note_server;
    assert_int_equal(net_stream_start_tls(&scene.server.stream, scene.server_context, NULL), 0);
    assert_int_equal(net_stream_start_tls(&scene.client.stream, scene.client_context, scene.host),
                     0);
    bool is_spoilt = false;
    while (scene.server.close_calls == 0) {
        uint8_t bytes[16384];
        ssize_t count = recv(raw_client, bytes, sizeof(bytes), MSG_DONTWAIT);
        if (count > 0) {
            bytes[count - 1] ^= is_spoilt;
            raw_write(raw_server, bytes, (size_t)count);
        }
        count = recv(raw_server, bytes, sizeof(bytes), MSG_DONTWAIT);
        if (count > 0) {
            raw_write(raw_client, bytes, (size_t)count);
        }
        if (!is_spoilt && scene.server.tls_calls == 1) {
            is_spoilt = true;
            send_text(&scene.client, "spoilt on its way");
        }
        assert_int_equal(net_loop_turn(scene.world.loop, 0), BASE_OK);
    }
    assert_int_equal(scene.server.close_status, BASE_ETLS);
    assert_int_equal(scene.server.data_calls, 0);
    assert_true(strstr(server_line, "bad record mac") != NULL);
    close(raw_server);
    close(raw_client);
    scene_done(&scene);
}

static void abort_in_on_tls(struct peer *peer, int status)
{
    (void)status;
    net_stream_abort(&peer->stream);
}

TEST(tls_on_tls_may_end_the_stream)
{
    struct scene scene;
    scene_init(&scene);
    scene_start(&scene);
    scene.server.on_tls = abort_in_on_tls;
    UNTIL(&scene.world, scene.server.close_calls == 1 && scene.client.close_calls == 1);
    assert_int_equal(scene.server.close_status, BASE_OK);
    scene_done(&scene);
}

TEST(tls_a_context_lives_as_long_as_its_streams)
{
    struct scene scene;
    scene_init(&scene);
    scene_start(&scene);
    net_tls_context_free(scene.server_context);
    net_tls_context_free(scene.client_context);
    scene.server_context = scene.client_context = NULL;
    UNTIL(&scene.world, scene.server.tls_calls == 1 && scene.client.tls_calls == 1);
    assert_talks(&scene);
    scene_done(&scene);
}

/* ---- channel binding ------------------------------------------------------------------------- */

TEST(tls_both_sides_compute_the_same_channel_binding)
{
    const char *digests[] = {"SHA256", "SHA1", "SHA384", "SHA512"};
    const size_t bytes[] = {32, 32, 48, 64};
    for (size_t i = 0; i < 4; i++) {
        struct scene scene;
        uint8_t of_server[64];
        uint8_t of_client[64];
        uint8_t expected[64];
        scene_init(&scene);
        authority_issue(&scene.authority, "db.example", "DNS:db.example", digests[i]);
        scene.client_options.verify = NET_TLS_VERIFY_NONE; /* SHA-1 is refused otherwise */
        scene.client_options.ca_file = NULL;
        scene.server_options.ciphers = scene.client_options.ciphers = "DEFAULT@SECLEVEL=0";
        scene_shake(&scene);
        assert_int_equal(scene.client.tls_status, BASE_OK);
        assert_int_equal(net_stream_tls_endpoint(&scene.server.stream, of_server), bytes[i]);
        assert_int_equal(net_stream_tls_endpoint(&scene.client.stream, of_client), bytes[i]);
        assert_memory_equal(of_server, of_client, bytes[i]);
        FILE *file = fopen(scene.authority.cert_file, "r");
        X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
        fclose(file);
        const EVP_MD *method = EVP_get_digestbyname(i == 1 ? "SHA256" : digests[i]);
        assert_int_equal(X509_digest(certificate, method, expected, NULL), 1);
        assert_memory_equal(of_server, expected, bytes[i]);
        X509_free(certificate);
        scene_done(&scene);
    }
}

TEST(tls_there_is_no_channel_binding_without_tls)
{
    struct world world;
    struct peer peer;
    uint8_t out[64];
    char text[8] = "x";
    world_init(&world, 0, 0);
    int raw = peer_raw(&peer, &world, IN_MAX);
    assert_int_equal(net_stream_tls_endpoint(&peer.stream, out), 0);
    net_stream_tls_text(&peer.stream, text, sizeof(text));
    assert_string_equal(text, "");
    assert_string_equal(net_stream_tls_error(&peer.stream), "");
    close(raw);
    peer_finish(&peer);
    world_done(&world);
}

/* ---- contexts -------------------------------------------------------------------------------- */

static void assert_context_fails(struct net_tls_options options, const char *begins)
{
    struct net_tls_context *context = NULL;
    char why[256] = "";
    assert_int_equal(net_tls_context_new(&options, why, sizeof(why), &context), BASE_ETLS);
    assert_null(context);
    if (strncmp(why, begins, strlen(begins)) != 0) {
        fail_msg("'%s' does not begin with '%s'", why, begins);
    }
}

TEST(tls_context_errors_name_the_file_and_the_reason)
{
    struct authority a;
    struct authority b;
    authority_init(&a, "A");
    authority_init(&b, "B");
    authority_issue(&a, "one", NULL, "SHA256");
    authority_issue(&b, "two", NULL, "SHA256");
    struct net_tls_options good = {
        .is_server = true, .cert_file = a.cert_file, .key_file = a.key_file};
    struct net_tls_options bad = {.is_server = true};
    assert_context_fails(bad, "a TLS server needs a certificate file");
    bad = good;
    bad.cert_file = "/nonexistent/file";
    assert_context_fails(bad, "cannot load certificate file \"/nonexistent/file\": No such file");
    bad = good;
    bad.key_file = a.ca_file;
    assert_context_fails(bad, "cannot load key file \"");
    bad = good;
    bad.key_file = b.key_file;
    assert_context_fails(bad, "cannot load key file \"");
    bad = good;
    bad.verify = NET_TLS_VERIFY_CA;
    assert_context_fails(bad, "verifying clients needs a CA file");
    bad.ca_file = a.key_file;
    assert_context_fails(bad, "cannot load CA file \"");
    bad = good;
    bad.ciphers = "NO-SUCH-CIPHER";
    assert_context_fails(bad, "invalid TLS cipher list \"NO-SUCH-CIPHER\"");
    bad = good;
    bad.ciphersuites = "NO_SUCH_SUITE";
    assert_context_fails(bad, "invalid TLS 1.3 cipher suites \"NO_SUCH_SUITE\"");
    bad = good;
    bad.ecdh_curve = "circle";
    assert_context_fails(bad, "unknown TLS curve \"circle\"");
    bad = good;
    bad.protocols = "tlsv1.2,sslv3";
    assert_context_fails(bad, "unknown TLS protocol in \"tlsv1.2,sslv3\"");
    bad.protocols = ",";
    assert_context_fails(bad, "unknown TLS protocol in \",\"");
    good.protocols = "tlsv1.0,tlsv1.1,tlsv1.2,tlsv1.3";
    good.ecdh_curve = "prime256v1";
    net_tls_context_free(context_of(&good));
    net_tls_context_free(NULL);
    authority_done(&a);
    authority_done(&b);
}
