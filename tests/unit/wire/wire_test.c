/* wire_test.c - see wire_test.h. */
#include "wire_test.h"

#include "wire/frame.h"

static uint8_t out_memory[1 << 16];
struct wire_out test_out;

struct heap heap_of(struct base_slice slice)
{
    /* An empty slice points to the end of a block of one byte. */
    size_t bytes = slice.bytes > 0 ? slice.bytes : 1;
    struct heap heap = {.block = malloc(bytes)};
    assert_non_null(heap.block);
    if (slice.bytes > 0) {
        memcpy(heap.block, slice.data, slice.bytes);
    }
    heap.slice = base_slice_of((uint8_t *)heap.block + bytes - slice.bytes, slice.bytes);
    return heap;
}

void heap_free(struct heap *heap)
{
    free(heap->block);
    heap->block = NULL;
}

void assert_prefixes(struct base_slice whole, int (*parse)(struct base_slice in), int status)
{
    for (size_t bytes = 0; bytes < whole.bytes; bytes++) {
        struct heap heap = heap_of(base_slice_of(whole.data, bytes));
        int r = parse(heap.slice);
        heap_free(&heap);
        if (r != status) {
            fail_msg("a prefix of %zu of %zu bytes gives %d, not %d", bytes, whole.bytes, r,
                     status);
        }
    }
}

void test_out_reset(void)
{
    wire_out_init(&test_out, out_memory, sizeof(out_memory));
}

struct base_slice test_out_body(char type)
{
    struct wire_frame frame;
    assert_int_equal(wire_out_status(&test_out), BASE_OK);
    assert_int_equal(wire_frame_parse(wire_out_slice(&test_out), WIRE_FRAME_BYTES_MAX, &frame),
                     BASE_OK);
    assert_int_equal(frame.type, type);
    assert_int_equal(frame.bytes, test_out.bytes);
    return frame.body;
}

void assert_put_is_bounded(void (*put)(struct wire_out *out))
{
    struct wire_out measure;
    wire_out_init_measure(&measure);
    put(&measure);
    assert_int_equal(wire_out_status(&measure), BASE_OK);
    assert_true(measure.bytes > 0);
    for (size_t capacity = 0; capacity <= measure.bytes; capacity++) {
        struct heap heap = heap_of(base_slice_of(out_memory, capacity));
        struct wire_out out;
        wire_out_init(&out, heap.block, capacity);
        put(&out);
        bool fits = capacity == measure.bytes;
        assert_int_equal(wire_out_status(&out), fits ? BASE_OK : BASE_ECAPACITY);
        assert_int_equal(out.bytes, fits ? measure.bytes : 0);
        heap_free(&heap);
    }
}
