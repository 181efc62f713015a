/* test_backend_error.c - ErrorResponse and NoticeResponse (src/wire/backend_error.c). */
#include "wire_test.h"

#include "wire/backend.h"

static int parse(struct base_slice in)
{
    struct wire_error error;
    return wire_error_parse(in, &error);
}

static void put_full(struct wire_out *out)
{
    struct wire_error error = {
        .severity = BYTES("FATAL"),
        .sqlstate = BYTES("53300"),
        .message = BYTES("query_wait_timeout"),
        .detail = BYTES("Waited 30.0 s"),
        .hint = BYTES("Raise pool_size."),
        .routine = BYTES("core_tick"),
    };
    wire_error_put(out, &error);
}

TEST(error_fields_are_written_in_postgresqls_order)
{
    test_out_reset();
    put_full(&test_out);
    struct base_slice body = test_out_body('E');
    assert_slice_is(body, BYTES("SFATAL\0VFATAL\0C53300\0Mquery_wait_timeout\0DWaited 30.0 s\0"
                                "HRaise pool_size.\0Rcore_tick\0\0"));
    struct wire_error error;
    assert_int_equal(wire_error_parse(body, &error), BASE_OK);
    assert_text(error.severity_raw, "FATAL");
    assert_text(error.routine, "core_tick");
    assert_null(error.where.data);
    assert_put_is_bounded(put_full);
}

TEST(error_without_anything_has_what_must_be_there)
{
    struct wire_error nothing = {0};
    test_out_reset();
    wire_error_put(&test_out, &nothing);
    assert_slice_is(test_out_body('E'), BYTES("SERROR\0VERROR\0CXX000\0M\0\0"));
    test_out_reset();
    wire_notice_put(&test_out, &nothing);
    assert_slice_is(test_out_body('N'), BYTES("SNOTICE\0VNOTICE\0C00000\0M\0\0"));
}

TEST(error_with_every_field_is_read_back)
{
    struct wire_error error, back;
#define ERROR_FIELD(letter, name) error.name = BYTES(#name);
    ERROR_FIELD_TABLE(ERROR_FIELD)
#undef ERROR_FIELD
    test_out_reset();
    wire_error_put(&test_out, &error);
    assert_int_equal(wire_error_parse(test_out_body('E'), &back), BASE_OK);
#define ERROR_FIELD(letter, name)  \
    assert_text(back.name, #name); \
    assert_text(wire_error_field(&back, letter), #name);
    ERROR_FIELD_TABLE(ERROR_FIELD)
#undef ERROR_FIELD
    assert_null(wire_error_field(&back, 'Z').data);
}

TEST(error_of_supavisor_has_three_fields_in_another_order)
{
    struct wire_error error;
    struct base_slice body =
        BYTES("CXX000\0M(EMAXCONNSESSION) max clients reached in session mode\0SFATAL\0\0");
    assert_int_equal(wire_error_parse(body, &error), BASE_OK);
    assert_text(error.sqlstate, "XX000");
    assert_text(error.severity, "FATAL");
    assert_null(error.severity_raw.data);
    assert_prefixes(body, parse, BASE_EPROTOCOL);
}

TEST(error_unknown_fields_are_skipped_and_the_first_of_two_counts)
{
    struct wire_error error;
    assert_int_equal(wire_error_parse(BYTES("!x\0Ma\0Mb\0\0"), &error), BASE_OK);
    assert_text(error.message, "a");
    assert_int_equal(wire_error_parse(BYTES("\0"), &error), BASE_OK);
    assert_null(error.message.data);
}

TEST(error_with_bytes_behind_the_terminator_is_refused)
{
    assert_int_equal(parse(BYTES("Ma\0\0x")), BASE_EPROTOCOL);
    assert_int_equal(parse(BYTES("\0\0")), BASE_EPROTOCOL);
}
