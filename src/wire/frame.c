/* frame.c - frames in a stream and fields in a body.
 *
 * Invariants: nothing reads beyond `in` or `rest`; a size is compared with what is left before any
 * pointer moves, never added to one first; outputs are written only on success.
 *
 * Tests: tests/unit/wire/test_frame.c, fuzz/fuzz_frames.c
 */
#include "wire/frame.h"

#include "base/invariant.h"

static uint32_t load_u32(const uint8_t *data)
{
    return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
}

int wire_frame_header(struct base_slice in, uint32_t max_bytes, char *ret_type, uint32_t *ret_bytes)
{
    if (in.bytes < WIRE_HEADER_BYTES) {
        return BASE_EMORE;
    }
    uint32_t length = load_u32(in.data + 1);
    if (length < 4 || length > INT32_MAX) {
        return BASE_EPROTOCOL;
    }
    if (length + 1 > max_bytes) {
        return BASE_ETOOBIG;
    }
    *ret_type = (char)in.data[0];
    *ret_bytes = length + 1;
    return BASE_OK;
}

int wire_frame_parse(struct base_slice in, uint32_t max_bytes, struct wire_frame *ret_frame)
{
    char type;
    uint32_t bytes;
    int r = wire_frame_header(in, max_bytes, &type, &bytes);
    if (r < 0) {
        return r;
    }
    INVARIANT(bytes >= WIRE_HEADER_BYTES);
    if (in.bytes < bytes) {
        return BASE_EMORE;
    }
    *ret_frame = (struct wire_frame){
        .type = type,
        .body = base_slice_of(in.data + WIRE_HEADER_BYTES, bytes - WIRE_HEADER_BYTES),
        .bytes = bytes,
    };
    return BASE_OK;
}

/* Takes `bytes` off the front; NULL when there are not so many. */
static const uint8_t *take(struct wire_reader *reader, size_t bytes)
{
    if (reader->rest.bytes < bytes) {
        return NULL;
    }
    const uint8_t *data = reader->rest.data;
    reader->rest = base_slice_skip(reader->rest, bytes);
    return data;
}

int wire_reader_u8(struct wire_reader *reader, uint8_t *ret_value)
{
    const uint8_t *data = take(reader, 1);
    if (!data) {
        return BASE_EPROTOCOL;
    }
    *ret_value = data[0];
    return BASE_OK;
}

int wire_reader_u16(struct wire_reader *reader, uint16_t *ret_value)
{
    const uint8_t *data = take(reader, 2);
    if (!data) {
        return BASE_EPROTOCOL;
    }
    *ret_value = (uint16_t)(data[0] << 8 | data[1]);
    return BASE_OK;
}

int wire_reader_i16(struct wire_reader *reader, int16_t *ret_value)
{
    uint16_t value;
    int r = wire_reader_u16(reader, &value);
    if (r < 0) {
        return r;
    }
    *ret_value = (int16_t)value;
    return BASE_OK;
}

int wire_reader_u32(struct wire_reader *reader, uint32_t *ret_value)
{
    const uint8_t *data = take(reader, 4);
    if (!data) {
        return BASE_EPROTOCOL;
    }
    *ret_value = load_u32(data);
    return BASE_OK;
}

int wire_reader_i32(struct wire_reader *reader, int32_t *ret_value)
{
    uint32_t value;
    int r = wire_reader_u32(reader, &value);
    if (r < 0) {
        return r;
    }
    *ret_value = (int32_t)value;
    return BASE_OK;
}

int wire_reader_bytes(struct wire_reader *reader, size_t bytes, struct base_slice *ret_slice)
{
    if (reader->rest.bytes < bytes) {
        return BASE_EPROTOCOL;
    }
    *ret_slice = base_slice_of(reader->rest.data, bytes);
    if (bytes > 0) {
        reader->rest = base_slice_skip(reader->rest, bytes);
    }
    return BASE_OK;
}

int wire_reader_cstring(struct wire_reader *reader, struct base_slice *ret_slice)
{
    if (reader->rest.bytes == 0) {
        return BASE_EPROTOCOL;
    }
    const uint8_t *end = memchr(reader->rest.data, 0, reader->rest.bytes);
    if (!end) {
        return BASE_EPROTOCOL;
    }
    size_t bytes = (size_t)(end - reader->rest.data);
    INVARIANT(bytes < reader->rest.bytes);
    *ret_slice = base_slice_of(reader->rest.data, bytes);
    reader->rest = base_slice_skip(reader->rest, bytes + 1);
    return BASE_OK;
}

int wire_reader_done(const struct wire_reader *reader)
{
    return reader->rest.bytes == 0 ? BASE_OK : BASE_EPROTOCOL;
}
