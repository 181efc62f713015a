/* backend_error.c - ErrorResponse and NoticeResponse, from the table of fields.
 *
 * Tests: tests/unit/wire/test_backend_error.c, fuzz/fuzz_messages.c
 */
#include "wire/backend.h"

#include "wire/frame.h"

static struct base_slice *field_of(struct wire_error *error, uint8_t letter)
{
    switch (letter) {
#define ERROR_FIELD(field_letter, name) \
    case (field_letter):                \
        return &error->name;
        ERROR_FIELD_TABLE(ERROR_FIELD)
#undef ERROR_FIELD
    default:
        return NULL;
    }
}

static void put_field(struct wire_out *out, char letter, struct base_slice value)
{
    if (value.data) {
        wire_out_u8(out, (uint8_t)letter);
        wire_out_cstring(out, value);
    }
}

static void set_default(struct base_slice *field, struct base_slice value)
{
    if (!field->data) {
        *field = value;
    }
}

static void put(struct wire_out *out, enum wire_message_type type, struct wire_error error)
{
    bool is_error = type == WIRE_BACKEND_ERROR_RESPONSE;
    set_default(&error.severity, base_slice_text(is_error ? "ERROR" : "NOTICE"));
    set_default(&error.severity_raw, error.severity);
    set_default(&error.sqlstate, base_slice_text(is_error ? "XX000" : "00000"));
    set_default(&error.message, base_slice_text(""));
    size_t mark = wire_out_begin(out, (char)type);
#define ERROR_FIELD(letter, name) put_field(out, letter, error.name);
    ERROR_FIELD_TABLE(ERROR_FIELD)
#undef ERROR_FIELD
    wire_out_u8(out, 0);
    wire_out_end(out, mark);
}

void wire_error_put(struct wire_out *out, const struct wire_error *error)
{
    put(out, WIRE_BACKEND_ERROR_RESPONSE, *error);
}

void wire_notice_put(struct wire_out *out, const struct wire_error *notice)
{
    put(out, WIRE_BACKEND_NOTICE_RESPONSE, *notice);
}

int wire_error_parse(struct base_slice body, struct wire_error *ret_error)
{
    struct wire_reader reader = wire_reader_of(body);
    struct wire_error error = {0};
    for (;;) {
        uint8_t letter;
        if (wire_reader_u8(&reader, &letter) < 0) {
            return BASE_EPROTOCOL;
        }
        if (letter == 0) {
            break;
        }
        struct base_slice value;
        if (wire_reader_cstring(&reader, &value) < 0) {
            return BASE_EPROTOCOL;
        }
        struct base_slice *field = field_of(&error, letter);
        if (field) {
            set_default(field, value);
        }
    }
    if (wire_reader_done(&reader) < 0) {
        return BASE_EPROTOCOL;
    }
    *ret_error = error;
    return BASE_OK;
}

struct base_slice wire_error_field(const struct wire_error *error, char letter)
{
    struct wire_error copy = *error;
    const struct base_slice *field = field_of(&copy, (uint8_t)letter);
    return field ? *field : base_slice_of(NULL, 0);
}
