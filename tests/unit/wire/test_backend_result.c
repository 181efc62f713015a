/* test_backend_result.c - results (src/wire/backend_result.c). */
#include "wire_test.h"

#include "wire/backend.h"

static void put_description(struct wire_out *out)
{
    struct wire_column columns[] = {
        {BYTES("database"), WIRE_OID_TEXT}, {BYTES("n"), WIRE_OID_INT4}, {BYTES(""), 12345}};
    wire_row_description_put(out, columns, 3);
}

static int parse_description(struct base_slice in)
{
    struct wire_column columns[3];
    size_t count;
    return wire_row_description_parse(in, columns, 3, &count);
}

TEST(row_description_is_the_manuals_bytes_and_read_back)
{
    test_out_reset();
    put_description(&test_out);
    struct base_slice body = test_out_body('T');
    assert_slice_is(body, BYTES("\0\3"
                                "database\0\0\0\0\0\0\0\0\0\0\31\xff\xff\xff\xff\xff\xff\0\0"
                                "n\0\0\0\0\0\0\0\0\0\0\27\0\4\xff\xff\xff\xff\0\0"
                                "\0\0\0\0\0\0\0\0\0\60\71\xff\xff\xff\xff\xff\xff\0\0"));
    struct wire_column columns[2];
    size_t count;
    assert_int_equal(wire_row_description_parse(body, columns, 2, &count), BASE_OK);
    assert_int_equal(count, 3);
    assert_text(columns[0].name, "database");
    assert_int_equal(columns[1].type_oid, WIRE_OID_INT4);
    assert_prefixes(body, parse_description, BASE_EPROTOCOL);
    assert_put_is_bounded(put_description);
}

TEST(row_description_tells_the_size_of_fixed_types)
{
    static const struct {
        uint32_t type_oid;
        uint8_t bytes;
    } types[] = {{WIRE_OID_BOOL, 1}, {WIRE_OID_INT8, 8}, {WIRE_OID_FLOAT8, 8}};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct wire_column column = {BYTES("x"), types[i].type_oid};
        test_out_reset();
        wire_row_description_put(&test_out, &column, 1);
        struct base_slice body = test_out_body('T');
        assert_int_equal(body.data[2 + 2 + 6 + 4], 0);
        assert_int_equal(body.data[2 + 2 + 6 + 5], types[i].bytes);
    }
}

static void put_row(struct wire_out *out)
{
    struct base_slice values[] = {BYTES("abc"), {NULL, 0}, BYTES("")};
    wire_data_row_put(out, values, 3);
}

static int parse_row(struct base_slice in)
{
    struct base_slice values[3];
    size_t count;
    return wire_data_row_parse(in, values, 3, &count);
}

TEST(data_row_tells_null_from_empty)
{
    test_out_reset();
    put_row(&test_out);
    struct base_slice body = test_out_body('D');
    assert_slice_is(body, BYTES("\0\3\0\0\0\3abc\xff\xff\xff\xff\0\0\0\0"));
    struct base_slice values[3];
    size_t count;
    assert_int_equal(wire_data_row_parse(body, values, 3, &count), BASE_OK);
    assert_int_equal(count, 3);
    assert_text(values[0], "abc");
    assert_null(values[1].data);
    assert_non_null(values[2].data);
    assert_int_equal(values[2].bytes, 0);
    assert_prefixes(body, parse_row, BASE_EPROTOCOL);
    assert_put_is_bounded(put_row);
}

TEST(data_row_with_impossible_lengths_is_refused)
{
    assert_int_equal(parse_row(BYTES("\0\1\xff\xff\xff\xfe")), BASE_EPROTOCOL);
    assert_int_equal(parse_row(BYTES("\0\1\x80\0\0\0")), BASE_EPROTOCOL);
    assert_int_equal(parse_row(BYTES("\0\1\x7f\xff\xff\xff"
                                     "a")),
                     BASE_EPROTOCOL);
    assert_int_equal(parse_row(BYTES("\xff\xff\xff\xff\xff\xff")), BASE_EPROTOCOL);
    assert_int_equal(parse_row(BYTES("\0\0x")), BASE_EPROTOCOL);
    assert_int_equal(parse_row(BYTES("\0\0")), BASE_OK);
}

TEST(data_row_with_more_columns_than_room_tells_how_many)
{
    struct base_slice value = BYTES("untouched");
    size_t count;
    assert_int_equal(wire_data_row_parse(BYTES("\0\2\0\0\0\1a\0\0\0\1b"), &value, 0, &count),
                     BASE_OK);
    assert_int_equal(count, 2);
    assert_text(value, "untouched");
    assert_int_equal(wire_data_row_parse(BYTES("\0\2\0\0\0\1a\0\0\0\1b"), &value, 1, &count),
                     BASE_OK);
    assert_text(value, "a");
}

TEST(command_complete_is_one_string)
{
    struct base_slice tag;
    test_out_reset();
    wire_command_complete_put(&test_out, BYTES("SELECT 1"));
    assert_slice_is(wire_out_slice(&test_out), BYTES("C\0\0\0\15SELECT 1\0"));
    assert_int_equal(wire_command_complete_parse(test_out_body('C'), &tag), BASE_OK);
    assert_text(tag, "SELECT 1");
    assert_int_equal(wire_command_complete_parse(BYTES("SELECT 1"), &tag), BASE_EPROTOCOL);
    assert_int_equal(wire_command_complete_parse(BYTES("SELECT\0001\0"), &tag), BASE_EPROTOCOL);
}

TEST(bare_messages_have_five_bytes)
{
    static const enum wire_message_type types[] = {WIRE_BACKEND_EMPTY_QUERY_RESPONSE,
                                                   WIRE_BACKEND_PARSE_COMPLETE,
                                                   WIRE_BACKEND_BIND_COMPLETE,
                                                   WIRE_BACKEND_CLOSE_COMPLETE,
                                                   WIRE_BACKEND_NO_DATA,
                                                   WIRE_BACKEND_PORTAL_SUSPENDED,
                                                   WIRE_BACKEND_COPY_DONE};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        test_out_reset();
        wire_backend_bare_put(&test_out, types[i]);
        assert_int_equal(test_out.bytes, WIRE_BARE_MESSAGE_BYTES);
        assert_int_equal(test_out_body((char)types[i]).bytes, 0);
    }
}

TEST(parameter_description_lists_types)
{
    uint32_t types[] = {23, 0x01020304};
    test_out_reset();
    wire_parameter_description_put(&test_out, types, 2);
    assert_slice_is(test_out_body('t'), BYTES("\0\2\0\0\0\27\1\2\3\4"));
}
