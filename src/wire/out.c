/* out.c - the bounded writer.
 *
 * Invariants: bytes <= capacity, always; once `overflow` or `invalid` is set no byte is added;
 * wire_out_end of a message that failed gives its bytes back.
 *
 * Tests: tests/unit/wire/test_out.c
 */
#include "wire/out.h"

#include "base/invariant.h"

void wire_out_init(struct wire_out *out, void *memory, size_t capacity)
{
    INVARIANT(memory || capacity == 0);
    *out = (struct wire_out){.data = memory, .capacity = capacity};
}

void wire_out_init_measure(struct wire_out *out)
{
    *out = (struct wire_out){.capacity = SIZE_MAX};
}

int wire_out_status(const struct wire_out *out)
{
    if (out->invalid) {
        return BASE_EINVALID;
    }
    return out->overflow ? BASE_ECAPACITY : BASE_OK;
}

struct base_slice wire_out_slice(const struct wire_out *out)
{
    return base_slice_of(out->data, out->bytes);
}

/* Reserves `bytes` at the end. False when they do not fit or writing has stopped. */
static bool reserve(struct wire_out *out, size_t bytes, size_t *ret_offset)
{
    INVARIANT(out->bytes <= out->capacity);
    if (out->overflow || out->invalid) {
        return false;
    }
    if (out->capacity - out->bytes < bytes) {
        out->overflow = true;
        return false;
    }
    *ret_offset = out->bytes;
    out->bytes += bytes;
    return true;
}

static void store_u32(uint8_t *data, uint32_t value)
{
    data[0] = (uint8_t)(value >> 24);
    data[1] = (uint8_t)(value >> 16);
    data[2] = (uint8_t)(value >> 8);
    data[3] = (uint8_t)value;
}

void wire_out_u8(struct wire_out *out, uint8_t value)
{
    size_t offset;
    if (reserve(out, 1, &offset) && out->data) {
        out->data[offset] = value;
    }
}

void wire_out_u16(struct wire_out *out, uint16_t value)
{
    size_t offset;
    if (reserve(out, 2, &offset) && out->data) {
        out->data[offset] = (uint8_t)(value >> 8);
        out->data[offset + 1] = (uint8_t)value;
    }
}

void wire_out_u32(struct wire_out *out, uint32_t value)
{
    size_t offset;
    if (reserve(out, 4, &offset) && out->data) {
        store_u32(out->data + offset, value);
    }
}

void wire_out_bytes(struct wire_out *out, struct base_slice bytes)
{
    INVARIANT(bytes.data || bytes.bytes == 0);
    size_t offset;
    if (reserve(out, bytes.bytes, &offset) && out->data && bytes.bytes > 0) {
        memcpy(out->data + offset, bytes.data, bytes.bytes);
    }
}

void wire_out_cstring(struct wire_out *out, struct base_slice text)
{
    if (text.bytes > 0 && memchr(text.data, 0, text.bytes)) {
        out->invalid = true;
        return;
    }
    wire_out_bytes(out, text);
    wire_out_u8(out, 0);
}

size_t wire_out_begin(struct wire_out *out, char type)
{
    size_t mark = out->bytes;
    wire_out_u8(out, (uint8_t)type);
    wire_out_u32(out, 0);
    return mark;
}

size_t wire_out_begin_untyped(struct wire_out *out)
{
    size_t mark = out->bytes;
    wire_out_u32(out, 0);
    return mark;
}

/* Ends the message that starts at `mark` and has its length at mark + type_bytes. */
static void end(struct wire_out *out, size_t mark, size_t type_bytes)
{
    INVARIANT(mark <= out->bytes);
    if (out->bytes - mark > (size_t)INT32_MAX + type_bytes) {
        out->invalid = true;
    }
    if (out->overflow || out->invalid) {
        out->bytes = mark;
        return;
    }
    INVARIANT(out->bytes - mark >= type_bytes + 4);
    if (out->data) {
        store_u32(out->data + mark + type_bytes, (uint32_t)(out->bytes - mark - type_bytes));
    }
}

void wire_out_end(struct wire_out *out, size_t mark)
{
    end(out, mark, 1);
}

void wire_out_end_untyped(struct wire_out *out, size_t mark)
{
    end(out, mark, 0);
}
