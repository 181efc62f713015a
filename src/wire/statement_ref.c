/* statement_ref.c - the statement name in a message that may be there in part, and another in its
 * place.
 *
 * Invariants of a wire_statement_ref: before.bytes + name.bytes + 1 == head_bytes, and head_bytes
 * lie within the body.
 *
 * Tests: tests/unit/wire/test_statement_ref.c, fuzz/fuzz_messages.c
 */
#include "wire/frontend.h"

#include "base/invariant.h"
#include "wire/frame.h"

static bool has_statement(char type)
{
    return type == WIRE_FRONTEND_PARSE || type == WIRE_FRONTEND_BIND ||
           type == WIRE_FRONTEND_DESCRIBE || type == WIRE_FRONTEND_CLOSE;
}

/* Takes what precedes the name; `reader` is then at the name. */
static int take_before(char type, struct wire_reader *reader, bool *ret_is_statement)
{
    uint8_t kind;
    struct base_slice portal;
    switch (type) {
    case WIRE_FRONTEND_BIND:
        *ret_is_statement = true;
        return wire_reader_cstring(reader, &portal);
    case WIRE_FRONTEND_DESCRIBE:
    case WIRE_FRONTEND_CLOSE:
        if (wire_reader_u8(reader, &kind) < 0) {
            return BASE_EPROTOCOL;
        }
        *ret_is_statement = kind == 'S';
        return BASE_OK;
    default:
        *ret_is_statement = true;
        return BASE_OK;
    }
}

/* The kind byte of Describe and Close is wrong for good, however much is still to come. */
static bool has_unknown_kind(char type, struct base_slice seen)
{
    return (type == WIRE_FRONTEND_DESCRIBE || type == WIRE_FRONTEND_CLOSE) && seen.bytes > 0 &&
           seen.data[0] != 'S' && seen.data[0] != 'P';
}

int wire_statement_find(char type, uint32_t frame_bytes, struct base_slice seen,
                        struct wire_statement_ref *ret_ref)
{
    if (!has_statement(type)) {
        return BASE_EINVALID;
    }
    INVARIANT(frame_bytes >= WIRE_HEADER_BYTES && frame_bytes <= WIRE_FRAME_BYTES_MAX);
    INVARIANT(seen.bytes <= frame_bytes - WIRE_HEADER_BYTES);
    if (has_unknown_kind(type, seen)) {
        return BASE_EPROTOCOL;
    }
    struct wire_statement_ref ref = {.type = type, .frame_bytes = frame_bytes};
    struct wire_reader reader = wire_reader_of(seen);
    int r = take_before(type, &reader, &ref.is_statement);
    ref.before = base_slice_of(seen.data, seen.bytes - reader.rest.bytes);
    if (r < 0 || wire_reader_cstring(&reader, &ref.name) < 0) {
        bool is_whole = seen.bytes == frame_bytes - WIRE_HEADER_BYTES;
        return is_whole ? BASE_EPROTOCOL : BASE_EMORE;
    }
    ref.head_bytes = (uint32_t)(seen.bytes - reader.rest.bytes);
    INVARIANT(ref.before.bytes + ref.name.bytes + 1 == ref.head_bytes);
    *ret_ref = ref;
    return BASE_OK;
}

void wire_statement_rename(struct wire_out *out, const struct wire_statement_ref *ref,
                           struct base_slice name)
{
    INVARIANT(ref->head_bytes <= ref->frame_bytes - WIRE_HEADER_BYTES);
    size_t rest_bytes = ref->frame_bytes - WIRE_HEADER_BYTES - ref->head_bytes;
    size_t mark = out->bytes;
    size_t head_bytes = wire_statement_rename_bytes(ref, name);
    if (name.bytes > INT32_MAX || head_bytes - 1 + rest_bytes > INT32_MAX) {
        out->invalid = true;
        return;
    }
    wire_out_u8(out, (uint8_t)ref->type);
    wire_out_u32(out, (uint32_t)(head_bytes - 1 + rest_bytes));
    wire_out_bytes(out, ref->before);
    wire_out_cstring(out, name);
    /* Not wire_out_end: the length tells of bytes that are not written here. */
    if (out->overflow || out->invalid) {
        out->bytes = mark;
    }
}

size_t wire_statement_rename_bytes(const struct wire_statement_ref *ref, struct base_slice name)
{
    return WIRE_HEADER_BYTES + ref->before.bytes + name.bytes + 1;
}
