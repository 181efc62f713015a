/* frontend.c - messages from the client: queries and passwords.
 *
 * Another statement name in a message is statement_ref.c.
 *
 * Tests: tests/unit/wire/test_frontend.c, fuzz/fuzz_messages.c
 */
#include "wire/frontend.h"

#include "base/invariant.h"
#include "wire/frame.h"

static int parse_one_string(struct base_slice body, struct base_slice *ret_text)
{
    struct wire_reader reader = wire_reader_of(body);
    struct base_slice text;
    if (wire_reader_cstring(&reader, &text) < 0 || wire_reader_done(&reader) < 0) {
        return BASE_EPROTOCOL;
    }
    *ret_text = text;
    return BASE_OK;
}

static void put_one_string(struct wire_out *out, enum wire_message_type type,
                           struct base_slice text)
{
    size_t mark = wire_out_begin(out, (char)type);
    wire_out_cstring(out, text);
    wire_out_end(out, mark);
}

static bool is_target_kind(uint8_t kind)
{
    return kind == 'S' || kind == 'P';
}

int wire_query_parse(struct base_slice body, struct base_slice *ret_query)
{
    return parse_one_string(body, ret_query);
}

int wire_parse_parse(struct base_slice body, struct wire_parse *ret_parse)
{
    struct wire_reader reader = wire_reader_of(body);
    struct wire_parse parse;
    if (wire_reader_cstring(&reader, &parse.name) < 0 ||
        wire_reader_cstring(&reader, &parse.query) < 0 ||
        wire_reader_u16(&reader, &parse.type_count) < 0 ||
        wire_reader_bytes(&reader, (size_t)parse.type_count * 4, &parse.types) < 0 ||
        wire_reader_done(&reader) < 0) {
        return BASE_EPROTOCOL;
    }
    *ret_parse = parse;
    return BASE_OK;
}

int wire_bind_parse(struct base_slice body, struct wire_bind *ret_bind)
{
    struct wire_reader reader = wire_reader_of(body);
    struct wire_bind bind;
    if (wire_reader_cstring(&reader, &bind.portal) < 0 ||
        wire_reader_cstring(&reader, &bind.statement) < 0) {
        return BASE_EPROTOCOL;
    }
    bind.rest = reader.rest;
    *ret_bind = bind;
    return BASE_OK;
}

int wire_target_parse(struct base_slice body, struct wire_target *ret_target)
{
    struct wire_reader reader = wire_reader_of(body);
    uint8_t kind;
    struct base_slice name;
    if (wire_reader_u8(&reader, &kind) < 0 || !is_target_kind(kind) ||
        wire_reader_cstring(&reader, &name) < 0 || wire_reader_done(&reader) < 0) {
        return BASE_EPROTOCOL;
    }
    *ret_target = (struct wire_target){.kind = (char)kind, .name = name};
    return BASE_OK;
}

int wire_execute_parse(struct base_slice body, struct wire_execute *ret_execute)
{
    struct wire_reader reader = wire_reader_of(body);
    struct wire_execute execute;
    if (wire_reader_cstring(&reader, &execute.portal) < 0 ||
        wire_reader_u32(&reader, &execute.rows_max) < 0 || wire_reader_done(&reader) < 0) {
        return BASE_EPROTOCOL;
    }
    *ret_execute = execute;
    return BASE_OK;
}

int wire_copy_fail_parse(struct base_slice body, struct base_slice *ret_message)
{
    return parse_one_string(body, ret_message);
}

void wire_query_put(struct wire_out *out, struct base_slice query)
{
    put_one_string(out, WIRE_FRONTEND_QUERY, query);
}

void wire_parse_put(struct wire_out *out, struct base_slice name, struct base_slice query,
                    struct base_slice types)
{
    INVARIANT(types.bytes % 4 == 0 && types.bytes / 4 <= UINT16_MAX);
    size_t mark = wire_out_begin(out, WIRE_FRONTEND_PARSE);
    wire_out_cstring(out, name);
    wire_out_cstring(out, query);
    wire_out_u16(out, (uint16_t)(types.bytes / 4));
    wire_out_bytes(out, types);
    wire_out_end(out, mark);
}

void wire_bind_put(struct wire_out *out, struct base_slice portal, struct base_slice statement)
{
    wire_bind_texts_put(out, portal, statement, NULL, 0);
}

void wire_bind_texts_put(struct wire_out *out, struct base_slice portal,
                         struct base_slice statement, const struct base_slice *values,
                         size_t value_count)
{
    INVARIANT(value_count <= UINT16_MAX);
    size_t mark = wire_out_begin(out, WIRE_FRONTEND_BIND);
    wire_out_cstring(out, portal);
    wire_out_cstring(out, statement);
    wire_out_u16(out, 0); /* parameter formats */
    wire_out_u16(out, (uint16_t)value_count);
    for (size_t i = 0; i < value_count; i++) {
        INVARIANT(values[i].bytes <= INT32_MAX);
        wire_out_u32(out, values[i].data ? (uint32_t)values[i].bytes : UINT32_MAX);
        wire_out_bytes(out, values[i]);
    }
    wire_out_u16(out, 0); /* result formats */
    wire_out_end(out, mark);
}

static void put_target(struct wire_out *out, enum wire_message_type type, char kind,
                       struct base_slice name)
{
    INVARIANT(is_target_kind((uint8_t)kind));
    size_t mark = wire_out_begin(out, (char)type);
    wire_out_u8(out, (uint8_t)kind);
    wire_out_cstring(out, name);
    wire_out_end(out, mark);
}

void wire_describe_put(struct wire_out *out, char kind, struct base_slice name)
{
    put_target(out, WIRE_FRONTEND_DESCRIBE, kind, name);
}

void wire_close_put(struct wire_out *out, char kind, struct base_slice name)
{
    put_target(out, WIRE_FRONTEND_CLOSE, kind, name);
}

void wire_execute_put(struct wire_out *out, struct base_slice portal, uint32_t rows_max)
{
    size_t mark = wire_out_begin(out, WIRE_FRONTEND_EXECUTE);
    wire_out_cstring(out, portal);
    wire_out_u32(out, rows_max);
    wire_out_end(out, mark);
}

void wire_copy_fail_put(struct wire_out *out, struct base_slice message)
{
    put_one_string(out, WIRE_FRONTEND_COPY_FAIL, message);
}

void wire_frontend_bare_put(struct wire_out *out, enum wire_message_type type)
{
    INVARIANT(type == WIRE_FRONTEND_FLUSH || type == WIRE_FRONTEND_SYNC ||
              type == WIRE_FRONTEND_TERMINATE || type == WIRE_FRONTEND_COPY_DONE);
    wire_out_end(out, wire_out_begin(out, (char)type));
}

int wire_password_parse(struct base_slice body, struct base_slice *ret_password)
{
    return parse_one_string(body, ret_password);
}

int wire_sasl_initial_parse(struct base_slice body, struct wire_sasl_initial *ret_initial)
{
    struct wire_reader reader = wire_reader_of(body);
    struct wire_sasl_initial initial = {0};
    int32_t bytes;
    if (wire_reader_cstring(&reader, &initial.mechanism) < 0 ||
        wire_reader_i32(&reader, &bytes) < 0 || bytes < -1) {
        return BASE_EPROTOCOL;
    }
    if (bytes >= 0 && wire_reader_bytes(&reader, (size_t)bytes, &initial.response) < 0) {
        return BASE_EPROTOCOL;
    }
    if (wire_reader_done(&reader) < 0) {
        return BASE_EPROTOCOL;
    }
    *ret_initial = initial;
    return BASE_OK;
}

void wire_password_put(struct wire_out *out, struct base_slice password)
{
    put_one_string(out, WIRE_FRONTEND_PASSWORD, password);
}

void wire_sasl_initial_put(struct wire_out *out, const char *mechanism, struct base_slice response)
{
    size_t mark = wire_out_begin(out, WIRE_FRONTEND_SASL_INITIAL_RESPONSE);
    wire_out_cstring(out, base_slice_text(mechanism));
    wire_out_u32(out, response.data ? (uint32_t)response.bytes : (uint32_t)-1);
    wire_out_bytes(out, response);
    wire_out_end(out, mark);
}

void wire_sasl_response_put(struct wire_out *out, struct base_slice data)
{
    size_t mark = wire_out_begin(out, WIRE_FRONTEND_SASL_RESPONSE);
    wire_out_bytes(out, data);
    wire_out_end(out, mark);
}
