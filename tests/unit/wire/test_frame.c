/* test_frame.c - frames in a stream, fields in a body (src/wire/frame.c). */
#include "wire_test.h"

#include "wire/frame.h"

#define LIMIT 1000

static int parse_limited(struct base_slice in)
{
    struct wire_frame frame;
    return wire_frame_parse(in, LIMIT, &frame);
}

TEST(frame_of_the_manual_is_taken_apart)
{
    /* ReadyForQuery and the start of what follows it */
    struct heap heap = heap_of(BYTES("Z\0\0\0\5IQ"));
    struct wire_frame frame;
    assert_int_equal(wire_frame_parse(heap.slice, LIMIT, &frame), BASE_OK);
    assert_int_equal(frame.type, 'Z');
    assert_int_equal(frame.bytes, 6);
    assert_text(frame.body, "I");
    heap_free(&heap);
}

TEST(frame_split_at_every_byte_wants_more)
{
    assert_prefixes(BYTES("Q\0\0\0\015select 1\0"), parse_limited, BASE_EMORE);
    assert_prefixes(BYTES("S\0\0\0\4"), parse_limited, BASE_EMORE);
}

TEST(frame_without_body_is_whole)
{
    struct wire_frame frame;
    assert_int_equal(wire_frame_parse(BYTES("S\0\0\0\4"), LIMIT, &frame), BASE_OK);
    assert_int_equal(frame.body.bytes, 0);
    assert_int_equal(frame.bytes, WIRE_HEADER_BYTES);
}

TEST(frame_length_below_four_or_negative_is_refused)
{
    char type = 'x';
    uint32_t bytes = 77;
    assert_int_equal(wire_frame_header(BYTES("Q\0\0\0\0"), LIMIT, &type, &bytes), BASE_EPROTOCOL);
    assert_int_equal(wire_frame_header(BYTES("Q\0\0\0\3"), LIMIT, &type, &bytes), BASE_EPROTOCOL);
    assert_int_equal(wire_frame_header(BYTES("Q\xff\xff\xff\xff"), UINT32_MAX, &type, &bytes),
                     BASE_EPROTOCOL);
    assert_int_equal(wire_frame_header(BYTES("Q\x80\0\0\0"), UINT32_MAX, &type, &bytes),
                     BASE_EPROTOCOL);
    assert_int_equal(type, 'x');
    assert_int_equal(bytes, 77);
}

TEST(frame_limit_counts_the_whole_frame)
{
    char type;
    uint32_t bytes;
    struct base_slice below = BYTES("d\0\0\3\346"), at = BYTES("d\0\0\3\347");
    struct base_slice above = BYTES("d\0\0\3\350");
    assert_int_equal(wire_frame_header(below, LIMIT, &type, &bytes), BASE_OK);
    assert_int_equal(bytes, LIMIT - 1);
    assert_int_equal(wire_frame_header(at, LIMIT, &type, &bytes), BASE_OK);
    assert_int_equal(bytes, LIMIT);
    assert_int_equal(wire_frame_header(above, LIMIT, &type, &bytes), BASE_ETOOBIG);
}

TEST(frame_of_the_greatest_length_does_not_overflow)
{
    char type;
    uint32_t bytes;
    struct base_slice in = BYTES("d\x7f\xff\xff\xff");
    assert_int_equal(wire_frame_header(in, UINT32_MAX, &type, &bytes), BASE_OK);
    assert_int_equal(bytes, WIRE_FRAME_BYTES_MAX);
    assert_int_equal(wire_frame_header(in, WIRE_FRAME_BYTES_MAX - 1, &type, &bytes), BASE_ETOOBIG);
    assert_int_equal(parse_limited(in), BASE_ETOOBIG);
}

TEST(reader_takes_each_kind_of_field)
{
    struct heap heap = heap_of(BYTES("\1\2\3\xff\xfe\1\2\3\4\xff\xff\xff\xff"
                                     "ab\0xyz"));
    struct wire_reader reader = wire_reader_of(heap.slice);
    uint8_t a;
    uint16_t b;
    int16_t c;
    uint32_t d;
    int32_t e;
    struct base_slice f, g;
    assert_int_equal(wire_reader_u8(&reader, &a), BASE_OK);
    assert_int_equal(wire_reader_u16(&reader, &b), BASE_OK);
    assert_int_equal(wire_reader_i16(&reader, &c), BASE_OK);
    assert_int_equal(wire_reader_u32(&reader, &d), BASE_OK);
    assert_int_equal(wire_reader_i32(&reader, &e), BASE_OK);
    assert_int_equal(wire_reader_cstring(&reader, &f), BASE_OK);
    assert_int_equal(wire_reader_done(&reader), BASE_EPROTOCOL);
    assert_int_equal(wire_reader_bytes(&reader, 3, &g), BASE_OK);
    assert_int_equal(wire_reader_done(&reader), BASE_OK);
    assert_int_equal(a, 1);
    assert_int_equal(b, 0x0203);
    assert_int_equal(c, -2);
    assert_int_equal(d, 0x01020304);
    assert_int_equal(e, -1);
    assert_text(f, "ab");
    assert_text(g, "xyz");
    heap_free(&heap);
}

TEST(reader_that_fails_takes_nothing)
{
    struct heap heap = heap_of(BYTES("abc"));
    struct wire_reader reader = wire_reader_of(heap.slice);
    uint32_t value = 5;
    struct base_slice slice = BYTES("old");
    assert_int_equal(wire_reader_u32(&reader, &value), BASE_EPROTOCOL);
    assert_int_equal(wire_reader_cstring(&reader, &slice), BASE_EPROTOCOL);
    assert_int_equal(wire_reader_bytes(&reader, 4, &slice), BASE_EPROTOCOL);
    assert_int_equal(wire_reader_bytes(&reader, SIZE_MAX, &slice), BASE_EPROTOCOL);
    assert_int_equal(value, 5);
    assert_text(slice, "old");
    assert_int_equal(reader.rest.bytes, 3);
    heap_free(&heap);
}

TEST(reader_of_nothing_finds_nothing)
{
    struct wire_reader reader = wire_reader_of(base_slice_of(NULL, 0));
    uint8_t a;
    uint16_t b;
    int16_t c;
    int32_t e;
    struct base_slice slice;
    assert_int_equal(wire_reader_u8(&reader, &a), BASE_EPROTOCOL);
    assert_int_equal(wire_reader_u16(&reader, &b), BASE_EPROTOCOL);
    assert_int_equal(wire_reader_i16(&reader, &c), BASE_EPROTOCOL);
    assert_int_equal(wire_reader_i32(&reader, &e), BASE_EPROTOCOL);
    assert_int_equal(wire_reader_cstring(&reader, &slice), BASE_EPROTOCOL);
    assert_int_equal(wire_reader_bytes(&reader, 0, &slice), BASE_OK);
    assert_int_equal(wire_reader_done(&reader), BASE_OK);
}
