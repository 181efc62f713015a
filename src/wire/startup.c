/* startup.c - the first packet: read and built.
 *
 * Invariants: a wire_startup of kind MESSAGE that wire_startup_parse gave has parameters that are
 * whole pairs, each string with its terminator, and no final empty name; wire_pairs_next relies on
 * it.
 *
 * Tests: tests/unit/wire/test_startup.c, fuzz/fuzz_startup.c
 */
#include "wire/startup.h"

#include "base/invariant.h"
#include "wire/frame.h"

#define MAJOR                 3
#define REQUEST_MAJOR         1234
#define CANCEL_MINOR          5678
#define SSL_MINOR             5679
#define GSSENC_MINOR          5680
#define OPTION_PREFIX         "_pq_."
#define CODE_OF(major, minor) ((uint32_t)(major) << 16 | (minor))

int wire_startup_header(struct base_slice in, uint32_t *ret_bytes)
{
    struct wire_reader reader = wire_reader_of(in);
    uint32_t bytes;
    if (wire_reader_u32(&reader, &bytes) < 0) {
        return BASE_EMORE;
    }
    if (bytes < WIRE_STARTUP_BYTES_MIN || bytes > INT32_MAX) {
        return BASE_EPROTOCOL;
    }
    if (bytes > WIRE_STARTUP_BYTES_MAX) {
        return BASE_ETOOBIG;
    }
    *ret_bytes = bytes;
    return BASE_OK;
}

/* Checks the list of pairs and its terminator; gives it without the terminator. */
static int check_pairs(struct base_slice list, struct base_slice *ret_parameters)
{
    struct wire_reader reader = wire_reader_of(list);
    for (;;) {
        size_t pairs_bytes = list.bytes - reader.rest.bytes;
        struct base_slice name, value;
        if (wire_reader_cstring(&reader, &name) < 0) {
            return BASE_EPROTOCOL;
        }
        if (name.bytes == 0) {
            if (wire_reader_done(&reader) < 0) {
                return BASE_EPROTOCOL;
            }
            *ret_parameters = base_slice_of(list.data, pairs_bytes);
            return BASE_OK;
        }
        if (wire_reader_cstring(&reader, &value) < 0) {
            return BASE_EPROTOCOL;
        }
    }
}

static int parse_cancel(struct wire_reader *reader, struct wire_startup *startup)
{
    if (wire_reader_u32(reader, &startup->pid) < 0 ||
        reader->rest.bytes < WIRE_CANCEL_KEY_BYTES_MIN ||
        reader->rest.bytes > WIRE_CANCEL_KEY_BYTES_MAX) {
        return BASE_EPROTOCOL;
    }
    startup->kind = WIRE_STARTUP_CANCEL_REQUEST;
    startup->key = reader->rest;
    return BASE_OK;
}

static int parse_code(struct wire_reader *reader, struct wire_startup *startup)
{
    switch (CODE_OF(startup->major, startup->minor)) {
    case CODE_OF(REQUEST_MAJOR, CANCEL_MINOR):
        return parse_cancel(reader, startup);
    case CODE_OF(REQUEST_MAJOR, SSL_MINOR):
        startup->kind = WIRE_STARTUP_SSL_REQUEST;
        return wire_reader_done(reader);
    case CODE_OF(REQUEST_MAJOR, GSSENC_MINOR):
        startup->kind = WIRE_STARTUP_GSSENC_REQUEST;
        return wire_reader_done(reader);
    default:
        break;
    }
    if (startup->major != MAJOR) {
        startup->kind = WIRE_STARTUP_UNKNOWN;
        return BASE_OK;
    }
    startup->kind = WIRE_STARTUP_MESSAGE;
    return check_pairs(reader->rest, &startup->parameters);
}

int wire_startup_parse(struct base_slice in, struct wire_startup *ret_startup)
{
    uint32_t bytes;
    int r = wire_startup_header(in, &bytes);
    if (r < 0) {
        return r;
    }
    if (in.bytes < bytes) {
        return BASE_EMORE;
    }
    struct wire_reader reader = wire_reader_of(base_slice_of(in.data + 4, bytes - 4));
    struct wire_startup startup = {.bytes = bytes};
    r = wire_reader_u16(&reader, &startup.major);
    INVARIANT(r == BASE_OK);
    r = wire_reader_u16(&reader, &startup.minor);
    INVARIANT(r == BASE_OK);
    r = parse_code(&reader, &startup);
    if (r < 0) {
        return r;
    }
    *ret_startup = startup;
    return BASE_OK;
}

bool wire_pairs_next(struct base_slice *parameters, struct wire_pair *ret_pair)
{
    if (parameters->bytes == 0) {
        return false;
    }
    struct wire_reader reader = wire_reader_of(*parameters);
    struct wire_pair pair;
    int r = wire_reader_cstring(&reader, &pair.name);
    INVARIANT(r == BASE_OK);
    r = wire_reader_cstring(&reader, &pair.value);
    INVARIANT(r == BASE_OK);
    *parameters = reader.rest;
    *ret_pair = pair;
    return true;
}

bool wire_pairs_find(struct base_slice parameters, const char *name, struct base_slice *ret_value)
{
    bool found = false;
    struct wire_pair pair;
    while (wire_pairs_next(&parameters, &pair)) {
        if (base_slice_is(pair.name, name)) {
            *ret_value = pair.value;
            found = true;
        }
    }
    return found;
}

bool wire_pair_is_protocol_option(const struct wire_pair *pair)
{
    size_t prefix_bytes = strlen(OPTION_PREFIX);
    return pair->name.bytes >= prefix_bytes &&
           memcmp(pair->name.data, OPTION_PREFIX, prefix_bytes) == 0;
}

void wire_startup_put(struct wire_out *out, uint16_t minor, const struct wire_pair *pairs,
                      size_t pair_count)
{
    size_t mark = wire_out_begin_untyped(out);
    wire_out_u32(out, CODE_OF(MAJOR, minor));
    for (size_t i = 0; i < pair_count; i++) {
        /* An empty name would end the list early. */
        if (pairs[i].name.bytes == 0) {
            out->invalid = true;
        }
        wire_out_cstring(out, pairs[i].name);
        wire_out_cstring(out, pairs[i].value);
    }
    wire_out_u8(out, 0);
    wire_out_end_untyped(out, mark);
}

void wire_ssl_request_put(struct wire_out *out)
{
    size_t mark = wire_out_begin_untyped(out);
    wire_out_u32(out, CODE_OF(REQUEST_MAJOR, SSL_MINOR));
    wire_out_end_untyped(out, mark);
}

void wire_cancel_request_put(struct wire_out *out, uint32_t pid, struct base_slice key)
{
    size_t mark = wire_out_begin_untyped(out);
    if (key.bytes < WIRE_CANCEL_KEY_BYTES_MIN || key.bytes > WIRE_CANCEL_KEY_BYTES_MAX) {
        out->invalid = true;
    }
    wire_out_u32(out, CODE_OF(REQUEST_MAJOR, CANCEL_MINOR));
    wire_out_u32(out, pid);
    wire_out_bytes(out, key);
    wire_out_end_untyped(out, mark);
}

static uint32_t count_protocol_options(struct base_slice parameters)
{
    uint32_t count = 0;
    struct wire_pair pair;
    while (wire_pairs_next(&parameters, &pair)) {
        count += wire_pair_is_protocol_option(&pair);
    }
    return count;
}

void wire_negotiate_put(struct wire_out *out, uint16_t minor, struct base_slice parameters)
{
    size_t mark = wire_out_begin(out, 'v');
    /* The whole version, as PostgreSQL sends and libpq reads it; the manual says "minor". */
    wire_out_u32(out, CODE_OF(MAJOR, minor));
    wire_out_u32(out, count_protocol_options(parameters));
    struct wire_pair pair;
    while (wire_pairs_next(&parameters, &pair)) {
        if (wire_pair_is_protocol_option(&pair)) {
            wire_out_cstring(out, pair.name);
        }
    }
    wire_out_end(out, mark);
}

bool wire_startup_needs_negotiation(const struct wire_startup *startup, uint16_t minor)
{
    INVARIANT(startup->kind == WIRE_STARTUP_MESSAGE);
    return startup->minor > minor || count_protocol_options(startup->parameters) > 0;
}
