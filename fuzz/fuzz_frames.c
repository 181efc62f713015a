/* fuzz_frames.c - a stream of typed messages (src/wire/frame.c, out.c).
 *
 * Input: one byte that chooses the limit, then the stream. What holds: header and frame agree, a
 * frame cut anywhere wants more bytes, a frame written again is the same bytes.
 */
#include "fuzz.h"

#include <stdlib.h>

#include "wire/frame.h"
#include "wire/out.h"

static void check_rebuilt(struct base_slice whole, const struct wire_frame *frame)
{
    uint8_t *memory = malloc(whole.bytes);
    INVARIANT(memory);
    struct wire_out out;
    wire_out_init(&out, memory, whole.bytes);
    size_t mark = wire_out_begin(&out, frame->type);
    wire_out_bytes(&out, frame->body);
    wire_out_end(&out, mark);
    INVARIANT(wire_out_status(&out) == BASE_OK);
    INVARIANT(base_slice_equal(wire_out_slice(&out), whole));
    wire_out_init(&out, memory, whole.bytes - 1);
    mark = wire_out_begin(&out, frame->type);
    wire_out_bytes(&out, frame->body);
    wire_out_end(&out, mark);
    INVARIANT(wire_out_status(&out) == BASE_ECAPACITY && out.bytes == 0);
    free(memory);
}

static void check_cut(struct base_slice whole, uint32_t max_bytes)
{
    struct wire_frame frame;
    size_t step = whole.bytes / 16 + 1;
    for (size_t bytes = 0; bytes < whole.bytes; bytes += step) {
        struct base_slice part = base_slice_of(whole.data, bytes);
        INVARIANT(wire_frame_parse(part, max_bytes, &frame) == BASE_EMORE);
    }
}

/* Fields of the kinds that the bytes themselves choose. */
static void check_reader(struct base_slice body)
{
    struct wire_reader reader = wire_reader_of(body);
    uint8_t kind;
    while (wire_reader_u8(&reader, &kind) == BASE_OK) {
        size_t before = reader.rest.bytes;
        uint16_t u16;
        int32_t i32;
        struct base_slice slice = base_slice_of(NULL, 0);
        int r;
        switch (kind % 4) {
        case 0:
            r = wire_reader_u16(&reader, &u16);
            INVARIANT(before - reader.rest.bytes == (r == BASE_OK ? 2u : 0u));
            break;
        case 1:
            r = wire_reader_i32(&reader, &i32);
            INVARIANT(before - reader.rest.bytes == (r == BASE_OK ? 4u : 0u));
            break;
        case 2:
            r = wire_reader_cstring(&reader, &slice);
            INVARIANT(before - reader.rest.bytes == (r == BASE_OK ? slice.bytes + 1 : 0u));
            break;
        default:
            r = wire_reader_bytes(&reader, kind, &slice);
            INVARIANT(before - reader.rest.bytes == (r == BASE_OK ? kind : 0u));
            break;
        }
    }
    INVARIANT(wire_reader_done(&reader) == BASE_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct base_slice rest = base_slice_of(data, bytes);
    uint8_t limit = fuzz_take_byte(&rest);
    uint32_t max_bytes = limit == 255 ? UINT32_MAX : (uint32_t)limit * 64;
    for (;;) {
        struct wire_frame frame;
        char type = 0;
        uint32_t frame_bytes = 0;
        int header = wire_frame_header(rest, max_bytes, &type, &frame_bytes);
        int r = wire_frame_parse(rest, max_bytes, &frame);
        INVARIANT(header == BASE_OK ? r == BASE_OK || r == BASE_EMORE : r == header);
        if (r != BASE_OK) {
            break;
        }
        INVARIANT(frame.bytes == frame_bytes && frame.type == type && frame.bytes <= max_bytes);
        struct base_slice whole = fuzz_take(&rest, frame.bytes);
        check_rebuilt(whole, &frame);
        check_cut(whole, max_bytes);
        check_reader(frame.body);
    }
    return 0;
}
