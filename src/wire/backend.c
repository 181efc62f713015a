/* backend.c - messages of the session from the server: authentication, status, notification, copy.
 *
 * Errors and results are in backend_error.c and backend_result.c.
 *
 * Tests: tests/unit/wire/test_backend.c, fuzz/fuzz_messages.c
 */
#include "wire/backend.h"

#include "base/invariant.h"
#include "wire/frame.h"
#include "wire/scram.h"
#include "wire/startup.h"

static void put_authentication(struct wire_out *out, uint32_t code, struct base_slice payload)
{
    size_t mark = wire_out_begin(out, WIRE_BACKEND_AUTHENTICATION);
    wire_out_u32(out, code);
    wire_out_bytes(out, payload);
    wire_out_end(out, mark);
}

void wire_authentication_ok_put(struct wire_out *out)
{
    put_authentication(out, WIRE_AUTHENTICATION_OK, base_slice_of(NULL, 0));
}

void wire_authentication_cleartext_put(struct wire_out *out)
{
    put_authentication(out, WIRE_AUTHENTICATION_CLEARTEXT, base_slice_of(NULL, 0));
}

void wire_authentication_md5_put(struct wire_out *out, const uint8_t salt[4])
{
    put_authentication(out, WIRE_AUTHENTICATION_MD5, base_slice_of(salt, 4));
}

void wire_authentication_sasl_put(struct wire_out *out, bool with_plus)
{
    size_t mark = wire_out_begin(out, WIRE_BACKEND_AUTHENTICATION);
    wire_out_u32(out, WIRE_AUTHENTICATION_SASL);
    if (with_plus) {
        wire_out_cstring(out, base_slice_text(WIRE_SCRAM_MECHANISM_PLUS));
    }
    wire_out_cstring(out, base_slice_text(WIRE_SCRAM_MECHANISM));
    wire_out_u8(out, 0);
    wire_out_end(out, mark);
}

void wire_authentication_sasl_continue_put(struct wire_out *out, struct base_slice data)
{
    put_authentication(out, WIRE_AUTHENTICATION_SASL_CONTINUE, data);
}

void wire_authentication_sasl_final_put(struct wire_out *out, struct base_slice data)
{
    put_authentication(out, WIRE_AUTHENTICATION_SASL_FINAL, data);
}

/* Mechanism names, each terminated, then an empty one as the last byte. At least one. */
static int check_mechanisms(struct base_slice list)
{
    struct wire_reader reader = wire_reader_of(list);
    for (size_t count = 0;; count++) {
        struct base_slice name;
        if (wire_reader_cstring(&reader, &name) < 0) {
            return BASE_EPROTOCOL;
        }
        if (name.bytes == 0) {
            return count > 0 ? wire_reader_done(&reader) : BASE_EPROTOCOL;
        }
    }
}

int wire_authentication_parse(struct base_slice body,
                              struct wire_authentication *ret_authentication)
{
    struct wire_reader reader = wire_reader_of(body);
    uint32_t code;
    if (wire_reader_u32(&reader, &code) < 0) {
        return BASE_EPROTOCOL;
    }
    switch (code) {
    case WIRE_AUTHENTICATION_OK:
    case WIRE_AUTHENTICATION_CLEARTEXT:
        if (wire_reader_done(&reader) < 0) {
            return BASE_EPROTOCOL;
        }
        break;
    case WIRE_AUTHENTICATION_MD5:
        if (reader.rest.bytes != 4) {
            return BASE_EPROTOCOL;
        }
        break;
    case WIRE_AUTHENTICATION_SASL:
        if (check_mechanisms(reader.rest) < 0) {
            return BASE_EPROTOCOL;
        }
        break;
    default:
        break;
    }
    *ret_authentication = (struct wire_authentication){.code = code, .payload = reader.rest};
    return BASE_OK;
}

bool wire_sasl_offers(struct base_slice mechanisms, const char *mechanism)
{
    struct wire_reader reader = wire_reader_of(mechanisms);
    struct base_slice name;
    while (wire_reader_cstring(&reader, &name) == BASE_OK && name.bytes > 0) {
        if (base_slice_is(name, mechanism)) {
            return true;
        }
    }
    return false;
}

void wire_parameter_status_put(struct wire_out *out, struct base_slice name,
                               struct base_slice value)
{
    size_t mark = wire_out_begin(out, WIRE_BACKEND_PARAMETER_STATUS);
    wire_out_cstring(out, name);
    wire_out_cstring(out, value);
    wire_out_end(out, mark);
}

int wire_parameter_status_parse(struct base_slice body, struct base_slice *ret_name,
                                struct base_slice *ret_value)
{
    struct wire_reader reader = wire_reader_of(body);
    struct base_slice name, value;
    if (wire_reader_cstring(&reader, &name) < 0 || wire_reader_cstring(&reader, &value) < 0 ||
        wire_reader_done(&reader) < 0) {
        return BASE_EPROTOCOL;
    }
    *ret_name = name;
    *ret_value = value;
    return BASE_OK;
}

static bool is_key_length(size_t bytes)
{
    return bytes >= WIRE_CANCEL_KEY_BYTES_MIN && bytes <= WIRE_CANCEL_KEY_BYTES_MAX;
}

void wire_backend_key_put(struct wire_out *out, uint32_t pid, struct base_slice key)
{
    size_t mark = wire_out_begin(out, WIRE_BACKEND_BACKEND_KEY_DATA);
    if (!is_key_length(key.bytes)) {
        out->invalid = true;
    }
    wire_out_u32(out, pid);
    wire_out_bytes(out, key);
    wire_out_end(out, mark);
}

int wire_backend_key_parse(struct base_slice body, uint32_t *ret_pid, struct base_slice *ret_key)
{
    struct wire_reader reader = wire_reader_of(body);
    uint32_t pid;
    if (wire_reader_u32(&reader, &pid) < 0 || !is_key_length(reader.rest.bytes)) {
        return BASE_EPROTOCOL;
    }
    *ret_pid = pid;
    *ret_key = reader.rest;
    return BASE_OK;
}

static bool is_transaction_status(uint8_t status)
{
    return status == 'I' || status == 'T' || status == 'E';
}

void wire_ready_for_query_put(struct wire_out *out, char status)
{
    INVARIANT(is_transaction_status((uint8_t)status));
    size_t mark = wire_out_begin(out, WIRE_BACKEND_READY_FOR_QUERY);
    wire_out_u8(out, (uint8_t)status);
    wire_out_end(out, mark);
}

int wire_ready_for_query_parse(struct base_slice body, char *ret_status)
{
    struct wire_reader reader = wire_reader_of(body);
    uint8_t status;
    if (wire_reader_u8(&reader, &status) < 0 || wire_reader_done(&reader) < 0 ||
        !is_transaction_status(status)) {
        return BASE_EPROTOCOL;
    }
    *ret_status = (char)status;
    return BASE_OK;
}

void wire_notification_put(struct wire_out *out, uint32_t pid, struct base_slice channel,
                           struct base_slice payload)
{
    size_t mark = wire_out_begin(out, WIRE_BACKEND_NOTIFICATION_RESPONSE);
    wire_out_u32(out, pid);
    wire_out_cstring(out, channel);
    wire_out_cstring(out, payload);
    wire_out_end(out, mark);
}

int wire_notification_parse(struct base_slice body, uint32_t *ret_pid,
                            struct base_slice *ret_channel, struct base_slice *ret_payload)
{
    struct wire_reader reader = wire_reader_of(body);
    uint32_t pid;
    struct base_slice channel, payload;
    if (wire_reader_u32(&reader, &pid) < 0 || wire_reader_cstring(&reader, &channel) < 0 ||
        wire_reader_cstring(&reader, &payload) < 0 || wire_reader_done(&reader) < 0) {
        return BASE_EPROTOCOL;
    }
    *ret_pid = pid;
    *ret_channel = channel;
    *ret_payload = payload;
    return BASE_OK;
}

int wire_negotiate_parse(struct base_slice body, uint32_t *ret_version, uint32_t *ret_option_count)
{
    struct wire_reader reader = wire_reader_of(body);
    uint32_t version, count;
    if (wire_reader_u32(&reader, &version) < 0 || wire_reader_u32(&reader, &count) < 0) {
        return BASE_EPROTOCOL;
    }
    /* Each name takes a byte at least, so a huge count ends with the body. */
    for (uint32_t i = 0; i < count; i++) {
        struct base_slice name;
        if (wire_reader_cstring(&reader, &name) < 0) {
            return BASE_EPROTOCOL;
        }
    }
    if (wire_reader_done(&reader) < 0) {
        return BASE_EPROTOCOL;
    }
    *ret_version = version;
    *ret_option_count = count;
    return BASE_OK;
}

int wire_copy_response_parse(struct base_slice body, uint8_t *ret_format,
                             uint16_t *ret_column_count)
{
    struct wire_reader reader = wire_reader_of(body);
    uint8_t format;
    uint16_t count;
    struct base_slice formats;
    if (wire_reader_u8(&reader, &format) < 0 || format > 1 ||
        wire_reader_u16(&reader, &count) < 0 ||
        wire_reader_bytes(&reader, (size_t)count * 2, &formats) < 0 ||
        wire_reader_done(&reader) < 0) {
        return BASE_EPROTOCOL;
    }
    *ret_format = format;
    *ret_column_count = count;
    return BASE_OK;
}
