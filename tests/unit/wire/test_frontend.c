/* test_frontend.c - messages from the client (src/wire/frontend.c). */
#include "wire_test.h"

#include "wire/frontend.h"

static int parse_query(struct base_slice in)
{
    struct base_slice query;
    return wire_query_parse(in, &query);
}

TEST(query_is_one_string)
{
    struct base_slice query;
    test_out_reset();
    wire_query_put(&test_out, BYTES("select 1"));
    assert_slice_is(wire_out_slice(&test_out), BYTES("Q\0\0\0\15select 1\0"));
    assert_int_equal(wire_query_parse(test_out_body('Q'), &query), BASE_OK);
    assert_text(query, "select 1");
    assert_prefixes(BYTES("select 1\0"), parse_query, BASE_EPROTOCOL);
    assert_int_equal(parse_query(BYTES("select\0001\0")), BASE_EPROTOCOL);
}

static void put_parse(struct wire_out *out)
{
    wire_parse_put(out, BYTES("s1"), BYTES("select $1"), BYTES("\0\0\0\27\0\0\0\31"));
}

static int parse_parse(struct base_slice in)
{
    struct wire_parse parse;
    return wire_parse_parse(in, &parse);
}

TEST(parse_gives_name_query_and_types)
{
    struct wire_parse parse;
    test_out_reset();
    put_parse(&test_out);
    struct base_slice body = test_out_body('P');
    assert_slice_is(body, BYTES("s1\0select $1\0\0\2\0\0\0\27\0\0\0\31"));
    assert_int_equal(wire_parse_parse(body, &parse), BASE_OK);
    assert_text(parse.name, "s1");
    assert_text(parse.query, "select $1");
    assert_int_equal(parse.type_count, 2);
    assert_slice_is(parse.types, BYTES("\0\0\0\27\0\0\0\31"));
    assert_prefixes(body, parse_parse, BASE_EPROTOCOL);
    assert_put_is_bounded(put_parse);
}

TEST(parse_with_a_wrong_number_of_types_is_refused)
{
    assert_int_equal(parse_parse(BYTES("\0x\0\0\0")), BASE_OK);
    assert_int_equal(parse_parse(BYTES("\0x\0\0\1")), BASE_EPROTOCOL);
    assert_int_equal(parse_parse(BYTES("\0x\0\xff\xff")), BASE_EPROTOCOL);
    assert_int_equal(parse_parse(BYTES("\0x\0\0\0\0")), BASE_EPROTOCOL);
    assert_int_equal(parse_parse(BYTES("\0x\0\0\1\0\0\0\27\0")), BASE_EPROTOCOL);
}

TEST(bind_gives_names_and_leaves_the_rest)
{
    struct wire_bind bind;
    assert_int_equal(wire_bind_parse(BYTES("p\0s\0rest"), &bind), BASE_OK);
    assert_text(bind.portal, "p");
    assert_text(bind.statement, "s");
    assert_text(bind.rest, "rest");
    assert_int_equal(wire_bind_parse(BYTES("\0\0"), &bind), BASE_OK);
    assert_int_equal(bind.rest.bytes, 0);
    assert_int_equal(wire_bind_parse(BYTES("p\0s"), &bind), BASE_EPROTOCOL);
    assert_int_equal(wire_bind_parse(BYTES(""), &bind), BASE_EPROTOCOL);
    test_out_reset();
    wire_bind_put(&test_out, BYTES(""), BYTES("s1"));
    assert_slice_is(wire_out_slice(&test_out), BYTES("B\0\0\0\16\0s1\0\0\0\0\0\0\0"));
    test_out_reset();
    struct base_slice values[] = {BYTES("a'b"), {NULL, 0}, BYTES("")};
    wire_bind_texts_put(&test_out, BYTES("p"), BYTES(""), values, 3);
    assert_slice_is(wire_out_slice(&test_out),
                    BYTES("B\0\0\0\34p\0\0\0\0\0\3\0\0\0\3a'b\xff\xff\xff\xff\0\0\0\0\0\0"));
}

static int parse_target(struct base_slice in)
{
    struct wire_target target;
    return wire_target_parse(in, &target);
}

TEST(describe_and_close_name_a_statement_or_a_portal)
{
    struct wire_target target;
    test_out_reset();
    wire_describe_put(&test_out, 'S', BYTES("s1"));
    assert_slice_is(wire_out_slice(&test_out), BYTES("D\0\0\0\10Ss1\0"));
    test_out_reset();
    wire_close_put(&test_out, 'P', BYTES(""));
    assert_slice_is(wire_out_slice(&test_out), BYTES("C\0\0\0\6P\0"));
    assert_int_equal(wire_target_parse(BYTES("Ss1\0"), &target), BASE_OK);
    assert_int_equal(target.kind, 'S');
    assert_text(target.name, "s1");
    assert_prefixes(BYTES("Ss1\0"), parse_target, BASE_EPROTOCOL);
    assert_int_equal(parse_target(BYTES("Xs1\0")), BASE_EPROTOCOL);
    assert_int_equal(parse_target(BYTES("Ss1\0\0")), BASE_EPROTOCOL);
}

static int parse_execute(struct base_slice in)
{
    struct wire_execute execute;
    return wire_execute_parse(in, &execute);
}

TEST(execute_gives_portal_and_row_limit)
{
    struct wire_execute execute;
    test_out_reset();
    wire_execute_put(&test_out, BYTES("p"), 100);
    struct base_slice body = test_out_body('E');
    assert_slice_is(body, BYTES("p\0\0\0\0\144"));
    assert_int_equal(wire_execute_parse(body, &execute), BASE_OK);
    assert_text(execute.portal, "p");
    assert_int_equal(execute.rows_max, 100);
    assert_prefixes(body, parse_execute, BASE_EPROTOCOL);
}

TEST(copy_fail_gives_its_message)
{
    struct base_slice message;
    test_out_reset();
    wire_copy_fail_put(&test_out, BYTES("no more"));
    assert_int_equal(wire_copy_fail_parse(test_out_body('f'), &message), BASE_OK);
    assert_text(message, "no more");
    assert_int_equal(wire_copy_fail_parse(BYTES("x"), &message), BASE_EPROTOCOL);
}

TEST(bare_messages_of_the_client_have_five_bytes)
{
    static const enum wire_message_type types[] = {
        WIRE_FRONTEND_FLUSH, WIRE_FRONTEND_SYNC, WIRE_FRONTEND_TERMINATE, WIRE_FRONTEND_COPY_DONE};
    for (size_t i = 0; i < 4; i++) {
        test_out_reset();
        wire_frontend_bare_put(&test_out, types[i]);
        assert_int_equal(test_out.bytes, WIRE_SYNC_BYTES);
        assert_int_equal(test_out_body((char)types[i]).bytes, 0);
    }
}

TEST(password_is_one_string)
{
    struct base_slice password;
    test_out_reset();
    wire_password_put(&test_out, BYTES("geheim"));
    assert_slice_is(wire_out_slice(&test_out), BYTES("p\0\0\0\13geheim\0"));
    assert_int_equal(wire_password_parse(test_out_body('p'), &password), BASE_OK);
    assert_text(password, "geheim");
    assert_int_equal(wire_password_parse(BYTES("geheim"), &password), BASE_EPROTOCOL);
    assert_int_equal(wire_password_parse(BYTES("ge\0heim\0"), &password), BASE_EPROTOCOL);
    assert_int_equal(wire_password_parse(BYTES(""), &password), BASE_EPROTOCOL);
}

static void put_initial(struct wire_out *out)
{
    wire_sasl_initial_put(out, "SCRAM-SHA-256", BYTES("n,,n=,r=x"));
}

static int parse_initial(struct base_slice in)
{
    struct wire_sasl_initial initial;
    return wire_sasl_initial_parse(in, &initial);
}

TEST(sasl_initial_gives_mechanism_and_response)
{
    struct wire_sasl_initial initial;
    test_out_reset();
    put_initial(&test_out);
    struct base_slice body = test_out_body('p');
    assert_slice_is(body, BYTES("SCRAM-SHA-256\0\0\0\0\11n,,n=,r=x"));
    assert_int_equal(wire_sasl_initial_parse(body, &initial), BASE_OK);
    assert_text(initial.mechanism, "SCRAM-SHA-256");
    assert_text(initial.response, "n,,n=,r=x");
    assert_prefixes(body, parse_initial, BASE_EPROTOCOL);
    assert_put_is_bounded(put_initial);
    test_out_reset();
    wire_sasl_initial_put(&test_out, "X", base_slice_of(NULL, 0));
    assert_int_equal(wire_sasl_initial_parse(test_out_body('p'), &initial), BASE_OK);
    assert_null(initial.response.data);
}

TEST(sasl_initial_with_a_wrong_length_is_refused)
{
    assert_int_equal(parse_initial(BYTES("X\0\0\0\0\1")), BASE_EPROTOCOL);
    assert_int_equal(parse_initial(BYTES("X\0\0\0\0\1ab")), BASE_EPROTOCOL);
    assert_int_equal(parse_initial(BYTES("X\0\xff\xff\xff\xff"
                                         "a")),
                     BASE_EPROTOCOL);
    assert_int_equal(parse_initial(BYTES("X\0\xff\xff\xff\xfe")), BASE_EPROTOCOL);
    assert_int_equal(parse_initial(BYTES("X\0\x7f\xff\xff\xff"
                                         "a")),
                     BASE_EPROTOCOL);
    assert_int_equal(parse_initial(BYTES("X\0\0\0\0\0")), BASE_OK);
}

TEST(sasl_response_is_its_body)
{
    test_out_reset();
    wire_sasl_response_put(&test_out, BYTES("c=biws"));
    assert_slice_is(wire_out_slice(&test_out), BYTES("p\0\0\0\12c=biws"));
}
