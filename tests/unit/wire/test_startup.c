/* test_startup.c - the first packet (src/wire/startup.c). */
#include "wire_test.h"

#include "wire/backend.h"
#include "wire/frame.h"
#include "wire/startup.h"

static int parse(struct base_slice in)
{
    struct wire_startup startup;
    return wire_startup_parse(in, &startup);
}

/* A packet with this code and rest, length included. */
static struct base_slice packet(uint32_t code, struct base_slice rest)
{
    test_out_reset();
    size_t mark = wire_out_begin_untyped(&test_out);
    wire_out_u32(&test_out, code);
    wire_out_bytes(&test_out, rest);
    wire_out_end_untyped(&test_out, mark);
    assert_int_equal(wire_out_status(&test_out), BASE_OK);
    return wire_out_slice(&test_out);
}

static int parse_exact(struct base_slice in, struct wire_startup *ret_startup)
{
    struct heap heap = heap_of(in);
    int r = wire_startup_parse(heap.slice, ret_startup);
    heap_free(&heap);
    return r;
}

TEST(startup_message_gives_version_and_pairs)
{
    struct base_slice in = BYTES("\0\0\0\040\0\3\0\0user\0joe\0database\0shop\0\0");
    struct heap heap = heap_of(in);
    struct wire_startup startup;
    assert_int_equal(wire_startup_parse(heap.slice, &startup), BASE_OK);
    assert_int_equal(startup.kind, WIRE_STARTUP_MESSAGE);
    assert_int_equal(startup.major, 3);
    assert_int_equal(startup.minor, 0);
    assert_int_equal(startup.bytes, in.bytes);
    struct wire_pair pair;
    assert_true(wire_pairs_next(&startup.parameters, &pair));
    assert_text(pair.name, "user");
    assert_text(pair.value, "joe");
    assert_true(wire_pairs_next(&startup.parameters, &pair));
    assert_text(pair.name, "database");
    assert_text(pair.value, "shop");
    assert_false(wire_pairs_next(&startup.parameters, &pair));
    heap_free(&heap);
}

TEST(startup_split_at_every_byte_wants_more)
{
    assert_prefixes(BYTES("\0\0\0\023\0\3\0\0user\0joe\0\0"), parse, BASE_EMORE);
    assert_prefixes(BYTES("\0\0\0\010\4\322\026\057"), parse, BASE_EMORE);
}

TEST(startup_requests_are_told_apart_by_their_code)
{
    struct wire_startup startup;
    assert_int_equal(parse_exact(packet(80877103, BYTES("")), &startup), BASE_OK);
    assert_int_equal(startup.kind, WIRE_STARTUP_SSL_REQUEST);
    assert_int_equal(parse_exact(packet(80877104, BYTES("")), &startup), BASE_OK);
    assert_int_equal(startup.kind, WIRE_STARTUP_GSSENC_REQUEST);
    assert_int_equal(parse_exact(packet(2 << 16, BYTES("anything")), &startup), BASE_OK);
    assert_int_equal(startup.kind, WIRE_STARTUP_UNKNOWN);
    assert_int_equal(startup.major, 2);
    assert_int_equal(parse_exact(packet(80877105, BYTES("")), &startup), BASE_OK);
    assert_int_equal(startup.kind, WIRE_STARTUP_UNKNOWN);
    assert_int_equal(parse(packet(80877103, BYTES("x"))), BASE_EPROTOCOL);
    assert_int_equal(parse(packet(80877104, BYTES("x"))), BASE_EPROTOCOL);
}

TEST(startup_length_is_checked_at_both_limits)
{
    uint32_t bytes;
    assert_int_equal(wire_startup_header(BYTES("\0\0\0\7"), &bytes), BASE_EPROTOCOL);
    assert_int_equal(wire_startup_header(BYTES("\0\0\0\0"), &bytes), BASE_EPROTOCOL);
    assert_int_equal(wire_startup_header(BYTES("\0\0\0\10"), &bytes), BASE_OK);
    assert_int_equal(bytes, 8);
    assert_int_equal(wire_startup_header(BYTES("\0\0\047\023"), &bytes), BASE_OK);
    assert_int_equal(wire_startup_header(BYTES("\0\0\047\024"), &bytes), BASE_OK);
    assert_int_equal(bytes, WIRE_STARTUP_BYTES_MAX);
    assert_int_equal(wire_startup_header(BYTES("\0\0\047\025"), &bytes), BASE_ETOOBIG);
    assert_int_equal(wire_startup_header(BYTES("\x7f\xff\xff\xff"), &bytes), BASE_ETOOBIG);
    assert_int_equal(wire_startup_header(BYTES("\xff\xff\xff\xff"), &bytes), BASE_EPROTOCOL);
    /* A client that speaks HTTP or TLS */
    assert_int_equal(wire_startup_header(BYTES("GET /"), &bytes), BASE_ETOOBIG);
    assert_int_equal(wire_startup_header(BYTES("\26\3\1\2\0"), &bytes), BASE_ETOOBIG);
}

TEST(startup_pairs_must_be_whole_and_terminated)
{
    static const struct {
        struct base_slice list;
        int status;
    } cases[] = {
        {{(const uint8_t *)"", 0}, BASE_EPROTOCOL},
        {{(const uint8_t *)"\0", 1}, BASE_OK},
        {{(const uint8_t *)"\0\0", 2}, BASE_EPROTOCOL},
        {{(const uint8_t *)"user", 4}, BASE_EPROTOCOL},
        {{(const uint8_t *)"user\0", 5}, BASE_EPROTOCOL},
        {{(const uint8_t *)"user\0\0", 6}, BASE_EPROTOCOL},
        {{(const uint8_t *)"user\0\0\0", 7}, BASE_OK}, /* an empty value */
        {{(const uint8_t *)"user\0joe", 8}, BASE_EPROTOCOL},
        {{(const uint8_t *)"user\0joe\0", 9}, BASE_EPROTOCOL},
        {{(const uint8_t *)"user\0joe\0\0", 10}, BASE_OK},
        {{(const uint8_t *)"user\0joe\0\0x", 11}, BASE_EPROTOCOL},
        {{(const uint8_t *)"user\0joe\0odd\0\0", 14}, BASE_EPROTOCOL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wire_startup startup;
        int r = parse_exact(packet(3 << 16, cases[i].list), &startup);
        if (r != cases[i].status) {
            fail_msg("case %zu gives %d", i, r);
        }
    }
}

TEST(startup_last_of_equal_names_wins)
{
    struct wire_startup startup;
    struct base_slice value = BYTES("untouched");
    assert_int_equal(
        wire_startup_parse(packet(3 << 16, BYTES("a\0000\0a\0001\0b\0002\0a\0003\0A\0004\0\0")),
                           &startup),
        BASE_OK);
    assert_false(wire_pairs_find(startup.parameters, "c", &value));
    assert_text(value, "untouched");
    assert_true(wire_pairs_find(startup.parameters, "a", &value));
    assert_text(value, "3");
}

TEST(startup_cancel_key_has_4_to_256_bytes)
{
    uint8_t rest[4 + 257] = {0, 0, 1, 2};
    for (size_t key_bytes = 0; key_bytes <= 257; key_bytes++) {
        struct wire_startup startup;
        int r = parse_exact(packet(80877102, base_slice_of(rest, 4 + key_bytes)), &startup);
        bool is_right = key_bytes >= 4 && key_bytes <= 256;
        assert_int_equal(r, is_right ? BASE_OK : BASE_EPROTOCOL);
        if (is_right) {
            assert_int_equal(startup.kind, WIRE_STARTUP_CANCEL_REQUEST);
            assert_int_equal(startup.pid, 258);
            assert_int_equal(startup.key.bytes, key_bytes);
        }
    }
    assert_int_equal(parse(packet(80877102, BYTES("\0\0\0"))), BASE_EPROTOCOL);
}

static void put_startup(struct wire_out *out)
{
    struct wire_pair pairs[] = {{BYTES("user"), BYTES("joe")},
                                {BYTES("options"), BYTES("")},
                                {BYTES("_pq_.x"), BYTES("1")}};
    wire_startup_put(out, 2, pairs, 3);
}

static void put_cancel(struct wire_out *out)
{
    wire_cancel_request_put(out, 0xfffffffe, BYTES("\0\1\2\3\4\5"));
}

TEST(startup_messages_built_are_read_back)
{
    struct wire_startup startup;
    test_out_reset();
    put_startup(&test_out);
    assert_int_equal(wire_startup_parse(wire_out_slice(&test_out), &startup), BASE_OK);
    assert_int_equal(startup.kind, WIRE_STARTUP_MESSAGE);
    assert_int_equal(startup.minor, 2);
    assert_slice_is(startup.parameters, BYTES("user\0joe\0options\0\0_pq_.x\0001\0"));
    test_out_reset();
    put_cancel(&test_out);
    assert_int_equal(wire_startup_parse(wire_out_slice(&test_out), &startup), BASE_OK);
    assert_int_equal(startup.pid, 0xfffffffe);
    assert_slice_is(startup.key, BYTES("\0\1\2\3\4\5"));
    test_out_reset();
    wire_ssl_request_put(&test_out);
    assert_slice_is(wire_out_slice(&test_out), BYTES("\0\0\0\010\4\322\026\057"));
    assert_put_is_bounded(put_startup);
    assert_put_is_bounded(put_cancel);
    assert_put_is_bounded(wire_ssl_request_put);
}

TEST(startup_builders_refuse_what_cannot_be_said)
{
    struct wire_pair nameless = {BYTES(""), BYTES("x")}, broken = {BYTES("a"), BYTES("x\0y")};
    test_out_reset();
    wire_startup_put(&test_out, 0, &nameless, 1);
    assert_int_equal(wire_out_status(&test_out), BASE_EINVALID);
    test_out_reset();
    wire_startup_put(&test_out, 0, &broken, 1);
    assert_int_equal(wire_out_status(&test_out), BASE_EINVALID);
    test_out_reset();
    wire_cancel_request_put(&test_out, 1, BYTES("abc"));
    assert_int_equal(wire_out_status(&test_out), BASE_EINVALID);
    assert_int_equal(test_out.bytes, 0);
}

TEST(startup_negotiation_names_the_options_we_do_not_know)
{
    struct wire_startup startup;
    uint32_t version, count;
    test_out_reset();
    put_startup(&test_out);
    assert_int_equal(wire_startup_parse(wire_out_slice(&test_out), &startup), BASE_OK);
    assert_true(wire_startup_needs_negotiation(&startup, 2));
    uint8_t memory[100];
    struct wire_out out;
    wire_out_init(&out, memory, sizeof(memory));
    wire_negotiate_put(&out, 0, startup.parameters);
    assert_slice_is(wire_out_slice(&out), BYTES("v\0\0\0\023\0\3\0\0\0\0\0\1_pq_.x\0"));
    assert_int_equal(
        wire_negotiate_parse(base_slice_skip(wire_out_slice(&out), 5), &version, &count), BASE_OK);
    assert_int_equal(version, 3 << 16);
    assert_int_equal(count, 1);
}

TEST(startup_of_a_version_we_speak_needs_no_negotiation)
{
    struct wire_startup startup;
    assert_int_equal(wire_startup_parse(packet((3 << 16) | 1, BYTES("_pq\0a\0\0")), &startup),
                     BASE_OK);
    assert_true(wire_startup_needs_negotiation(&startup, 0));
    assert_false(wire_startup_needs_negotiation(&startup, 1));
    assert_false(wire_startup_needs_negotiation(&startup, 2));
}
