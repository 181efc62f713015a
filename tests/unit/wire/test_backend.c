/* test_backend.c - session messages from the server (src/wire/backend.c). */
#include "wire_test.h"

#include "wire/backend.h"
#include "wire/startup.h"

static struct wire_authentication authentication(struct base_slice body)
{
    struct wire_authentication a;
    assert_int_equal(wire_authentication_parse(body, &a), BASE_OK);
    return a;
}

static void put_sasl(struct wire_out *out)
{
    wire_authentication_sasl_put(out, true);
}

TEST(authentication_requests_are_the_manuals_bytes)
{
    test_out_reset();
    wire_authentication_ok_put(&test_out);
    assert_slice_is(wire_out_slice(&test_out), BYTES("R\0\0\0\10\0\0\0\0"));
    test_out_reset();
    wire_authentication_cleartext_put(&test_out);
    assert_slice_is(wire_out_slice(&test_out), BYTES("R\0\0\0\10\0\0\0\3"));
    test_out_reset();
    wire_authentication_md5_put(&test_out, (const uint8_t *)"a\0\xff"
                                                            "b");
    assert_slice_is(wire_out_slice(&test_out), BYTES("R\0\0\0\14\0\0\0\5a\0\xff"
                                                     "b"));
    test_out_reset();
    wire_authentication_sasl_put(&test_out, false);
    assert_slice_is(wire_out_slice(&test_out), BYTES("R\0\0\0\27\0\0\0\12SCRAM-SHA-256\0\0"));
    test_out_reset();
    wire_authentication_sasl_continue_put(&test_out, BYTES("r=x"));
    assert_slice_is(wire_out_slice(&test_out), BYTES("R\0\0\0\13\0\0\0\13r=x"));
    test_out_reset();
    wire_authentication_sasl_final_put(&test_out, BYTES("v=y"));
    assert_slice_is(wire_out_slice(&test_out), BYTES("R\0\0\0\13\0\0\0\14v=y"));
    assert_put_is_bounded(put_sasl);
}

TEST(authentication_requests_are_read_back)
{
    assert_int_equal(authentication(BYTES("\0\0\0\0")).code, WIRE_AUTHENTICATION_OK);
    assert_int_equal(authentication(BYTES("\0\0\0\3")).code, WIRE_AUTHENTICATION_CLEARTEXT);
    assert_text(authentication(BYTES("\0\0\0\5salt")).payload, "salt");
    assert_text(authentication(BYTES("\0\0\0\13r=x")).payload, "r=x");
    assert_int_equal(authentication(BYTES("\0\0\0\7")).code, WIRE_AUTHENTICATION_GSS);
    assert_int_equal(authentication(BYTES("\0\0\1\0")).code, 256);
}

TEST(authentication_mechanisms_are_found_in_their_list)
{
    test_out_reset();
    put_sasl(&test_out);
    struct wire_authentication a = authentication(test_out_body('R'));
    assert_true(wire_sasl_offers(a.payload, "SCRAM-SHA-256"));
    assert_true(wire_sasl_offers(a.payload, "SCRAM-SHA-256-PLUS"));
    assert_false(wire_sasl_offers(a.payload, "SCRAM-SHA-1"));
    assert_false(wire_sasl_offers(a.payload, "SCRAM-SHA-25"));
    assert_false(wire_sasl_offers(a.payload, ""));
    assert_false(wire_sasl_offers(BYTES("SCRAM-SHA-256"), "SCRAM-SHA-256"));
}

TEST(authentication_that_is_malformed_is_refused)
{
    static const struct base_slice bodies[] = {
        {(const uint8_t *)"", 0},
        {(const uint8_t *)"\0\0\0", 3},
        {(const uint8_t *)"\0\0\0\0x", 5},
        {(const uint8_t *)"\0\0\0\3x", 5},
        {(const uint8_t *)"\0\0\0\5sal", 7},
        {(const uint8_t *)"\0\0\0\5salty", 9},
        {(const uint8_t *)"\0\0\0\12", 4},
        {(const uint8_t *)"\0\0\0\12\0", 5},       /* no mechanism */
        {(const uint8_t *)"\0\0\0\12A", 5},        /* no terminator */
        {(const uint8_t *)"\0\0\0\12A\0", 6},      /* no end of the list */
        {(const uint8_t *)"\0\0\0\12A\0\0B\0", 9}, /* more after it */
    };
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct heap heap = heap_of(bodies[i]);
        struct wire_authentication a;
        assert_int_equal(wire_authentication_parse(heap.slice, &a), BASE_EPROTOCOL);
        heap_free(&heap);
    }
}

static int parse_parameter(struct base_slice in)
{
    struct base_slice name, value;
    return wire_parameter_status_parse(in, &name, &value);
}

static void put_parameter(struct wire_out *out)
{
    wire_parameter_status_put(out, BYTES("TimeZone"), BYTES("UTC"));
}

TEST(parameter_status_is_built_and_read)
{
    struct base_slice name, value;
    test_out_reset();
    put_parameter(&test_out);
    assert_slice_is(wire_out_slice(&test_out), BYTES("S\0\0\0\21TimeZone\0UTC\0"));
    assert_int_equal(wire_parameter_status_parse(test_out_body('S'), &name, &value), BASE_OK);
    assert_text(name, "TimeZone");
    assert_text(value, "UTC");
    assert_prefixes(BYTES("TimeZone\0UTC\0"), parse_parameter, BASE_EPROTOCOL);
    assert_int_equal(parse_parameter(BYTES("a\0b\0c")), BASE_EPROTOCOL);
    assert_put_is_bounded(put_parameter);
}

static void put_key(struct wire_out *out)
{
    wire_backend_key_put(out, 4711, BYTES("\0\1\2\3"));
}

TEST(backend_key_has_4_to_256_bytes)
{
    uint8_t body[4 + 257] = {0, 0, 1, 0};
    for (size_t bytes = 0; bytes <= sizeof(body); bytes++) {
        struct heap heap = heap_of(base_slice_of(body, bytes));
        uint32_t pid = 0;
        struct base_slice key;
        int r = wire_backend_key_parse(heap.slice, &pid, &key);
        bool is_right = bytes >= 8 && bytes <= 260;
        assert_int_equal(r, is_right ? BASE_OK : BASE_EPROTOCOL);
        if (is_right) {
            assert_int_equal(pid, 256);
            assert_int_equal(key.bytes, bytes - 4);
        }
        heap_free(&heap);
    }
    test_out_reset();
    put_key(&test_out);
    assert_slice_is(wire_out_slice(&test_out), BYTES("K\0\0\0\14\0\0\22\147\0\1\2\3"));
    assert_put_is_bounded(put_key);
    wire_backend_key_put(&test_out, 1, BYTES("abc"));
    assert_int_equal(wire_out_status(&test_out), BASE_EINVALID);
}

TEST(ready_for_query_has_one_of_three_states)
{
    char status = '?';
    assert_int_equal(wire_ready_for_query_parse(BYTES("I"), &status), BASE_OK);
    assert_int_equal(status, 'I');
    assert_int_equal(wire_ready_for_query_parse(BYTES("T"), &status), BASE_OK);
    assert_int_equal(wire_ready_for_query_parse(BYTES("E"), &status), BASE_OK);
    assert_int_equal(status, 'E');
    assert_int_equal(wire_ready_for_query_parse(BYTES("X"), &status), BASE_EPROTOCOL);
    assert_int_equal(wire_ready_for_query_parse(BYTES(""), &status), BASE_EPROTOCOL);
    assert_int_equal(wire_ready_for_query_parse(BYTES("II"), &status), BASE_EPROTOCOL);
    assert_int_equal(status, 'E');
    test_out_reset();
    wire_ready_for_query_put(&test_out, 'T');
    assert_slice_is(wire_out_slice(&test_out), BYTES("Z\0\0\0\5T"));
    assert_int_equal(test_out.bytes, WIRE_READY_FOR_QUERY_BYTES);
}

static int parse_notification(struct base_slice in)
{
    uint32_t pid;
    struct base_slice channel, payload;
    return wire_notification_parse(in, &pid, &channel, &payload);
}

TEST(notification_is_built_and_read)
{
    uint32_t pid;
    struct base_slice channel, payload;
    test_out_reset();
    wire_notification_put(&test_out, 7, BYTES("jobs"), BYTES(""));
    struct base_slice body = test_out_body('A');
    assert_slice_is(body, BYTES("\0\0\0\7jobs\0\0"));
    assert_int_equal(wire_notification_parse(body, &pid, &channel, &payload), BASE_OK);
    assert_int_equal(pid, 7);
    assert_text(channel, "jobs");
    assert_text(payload, "");
    assert_prefixes(body, parse_notification, BASE_EPROTOCOL);
}

static int parse_negotiate(struct base_slice in)
{
    uint32_t version, count;
    return wire_negotiate_parse(in, &version, &count);
}

TEST(negotiation_with_a_huge_count_is_refused_at_once)
{
    struct base_slice whole = BYTES("\0\3\0\0\0\0\0\2_pq_.a\0_pq_.b\0");
    assert_int_equal(parse_negotiate(whole), BASE_OK);
    assert_prefixes(whole, parse_negotiate, BASE_EPROTOCOL);
    assert_int_equal(parse_negotiate(BYTES("\0\3\0\0\xff\xff\xff\xff")), BASE_EPROTOCOL);
    assert_int_equal(parse_negotiate(BYTES("\0\3\0\0\0\0\0\0x")), BASE_EPROTOCOL);
}

static int parse_copy(struct base_slice in)
{
    uint8_t format;
    uint16_t count;
    return wire_copy_response_parse(in, &format, &count);
}

TEST(copy_response_tells_format_and_columns)
{
    uint8_t format;
    uint16_t count;
    struct base_slice whole = BYTES("\1\0\2\0\1\0\1");
    assert_int_equal(wire_copy_response_parse(whole, &format, &count), BASE_OK);
    assert_int_equal(format, 1);
    assert_int_equal(count, 2);
    assert_prefixes(whole, parse_copy, BASE_EPROTOCOL);
    assert_int_equal(parse_copy(BYTES("\2\0\0")), BASE_EPROTOCOL);
    assert_int_equal(parse_copy(BYTES("\0\xff\xff\0\0")), BASE_EPROTOCOL);
}
