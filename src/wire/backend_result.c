/* backend_result.c - results of queries: rows, tags and the messages without a body.
 *
 * Tests: tests/unit/wire/test_backend_result.c, fuzz/fuzz_messages.c
 */
#include "wire/backend.h"

#include "base/invariant.h"
#include "wire/frame.h"

/* The size of a type as RowDescription tells it: -1 when it varies. */
static uint16_t type_bytes(uint32_t type_oid)
{
    switch (type_oid) {
    case WIRE_OID_BOOL:
        return 1;
    case WIRE_OID_INT4:
        return 4;
    case WIRE_OID_INT8:
    case WIRE_OID_FLOAT8:
        return 8;
    default:
        return (uint16_t)-1;
    }
}

void wire_row_description_put(struct wire_out *out, const struct wire_column *columns,
                              size_t column_count)
{
    INVARIANT(column_count <= WIRE_COLUMNS_MAX);
    size_t mark = wire_out_begin(out, WIRE_BACKEND_ROW_DESCRIPTION);
    wire_out_u16(out, (uint16_t)column_count);
    for (size_t i = 0; i < column_count; i++) {
        wire_out_cstring(out, columns[i].name);
        wire_out_u32(out, 0); /* not a column of a table */
        wire_out_u16(out, 0);
        wire_out_u32(out, columns[i].type_oid);
        wire_out_u16(out, type_bytes(columns[i].type_oid));
        wire_out_u32(out, (uint32_t)-1); /* no type modifier */
        wire_out_u16(out, 0);            /* text */
    }
    wire_out_end(out, mark);
}

static int parse_column(struct wire_reader *reader, struct wire_column *ret_column)
{
    struct wire_column column;
    struct base_slice table, rest;
    if (wire_reader_cstring(reader, &column.name) < 0 || wire_reader_bytes(reader, 6, &table) < 0 ||
        wire_reader_u32(reader, &column.type_oid) < 0 || wire_reader_bytes(reader, 8, &rest) < 0) {
        return BASE_EPROTOCOL;
    }
    *ret_column = column;
    return BASE_OK;
}

int wire_row_description_parse(struct base_slice body, struct wire_column *ret_columns,
                               size_t columns_max, size_t *ret_count)
{
    struct wire_reader reader = wire_reader_of(body);
    uint16_t count;
    if (wire_reader_u16(&reader, &count) < 0) {
        return BASE_EPROTOCOL;
    }
    for (size_t i = 0; i < count; i++) {
        struct wire_column column;
        if (parse_column(&reader, &column) < 0) {
            return BASE_EPROTOCOL;
        }
        if (i < columns_max) {
            ret_columns[i] = column;
        }
    }
    if (wire_reader_done(&reader) < 0) {
        return BASE_EPROTOCOL;
    }
    *ret_count = count;
    return BASE_OK;
}

void wire_data_row_put(struct wire_out *out, const struct base_slice *values, size_t value_count)
{
    INVARIANT(value_count <= WIRE_COLUMNS_MAX);
    size_t mark = wire_out_begin(out, WIRE_BACKEND_DATA_ROW);
    wire_out_u16(out, (uint16_t)value_count);
    for (size_t i = 0; i < value_count; i++) {
        if (values[i].bytes > INT32_MAX) {
            out->invalid = true;
        }
        wire_out_u32(out, values[i].data ? (uint32_t)values[i].bytes : (uint32_t)-1);
        wire_out_bytes(out, values[i]);
    }
    wire_out_end(out, mark);
}

static int parse_value(struct wire_reader *reader, struct base_slice *ret_value)
{
    int32_t bytes;
    if (wire_reader_i32(reader, &bytes) < 0 || bytes < -1) {
        return BASE_EPROTOCOL;
    }
    if (bytes == -1) {
        *ret_value = base_slice_of(NULL, 0);
        return BASE_OK;
    }
    return wire_reader_bytes(reader, (size_t)bytes, ret_value);
}

int wire_data_row_parse(struct base_slice body, struct base_slice *ret_values, size_t values_max,
                        size_t *ret_count)
{
    struct wire_reader reader = wire_reader_of(body);
    uint16_t count;
    if (wire_reader_u16(&reader, &count) < 0) {
        return BASE_EPROTOCOL;
    }
    for (size_t i = 0; i < count; i++) {
        struct base_slice value;
        if (parse_value(&reader, &value) < 0) {
            return BASE_EPROTOCOL;
        }
        if (i < values_max) {
            ret_values[i] = value;
        }
    }
    if (wire_reader_done(&reader) < 0) {
        return BASE_EPROTOCOL;
    }
    *ret_count = count;
    return BASE_OK;
}

void wire_command_complete_put(struct wire_out *out, struct base_slice tag)
{
    size_t mark = wire_out_begin(out, WIRE_BACKEND_COMMAND_COMPLETE);
    wire_out_cstring(out, tag);
    wire_out_end(out, mark);
}

int wire_command_complete_parse(struct base_slice body, struct base_slice *ret_tag)
{
    struct wire_reader reader = wire_reader_of(body);
    struct base_slice tag;
    if (wire_reader_cstring(&reader, &tag) < 0 || wire_reader_done(&reader) < 0) {
        return BASE_EPROTOCOL;
    }
    *ret_tag = tag;
    return BASE_OK;
}

void wire_backend_bare_put(struct wire_out *out, enum wire_message_type type)
{
    INVARIANT(type == WIRE_BACKEND_EMPTY_QUERY_RESPONSE || type == WIRE_BACKEND_PARSE_COMPLETE ||
              type == WIRE_BACKEND_BIND_COMPLETE || type == WIRE_BACKEND_CLOSE_COMPLETE ||
              type == WIRE_BACKEND_NO_DATA || type == WIRE_BACKEND_PORTAL_SUSPENDED ||
              type == WIRE_BACKEND_COPY_DONE);
    wire_out_end(out, wire_out_begin(out, (char)type));
}

void wire_parameter_description_put(struct wire_out *out, const uint32_t *type_oids,
                                    size_t type_count)
{
    INVARIANT(type_count <= UINT16_MAX);
    size_t mark = wire_out_begin(out, WIRE_BACKEND_PARAMETER_DESCRIPTION);
    wire_out_u16(out, (uint16_t)type_count);
    for (size_t i = 0; i < type_count; i++) {
        wire_out_u32(out, type_oids[i]);
    }
    wire_out_end(out, mark);
}
