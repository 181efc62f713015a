/* test_out.c - the bounded writer (src/wire/out.c). */
#include "wire_test.h"

static void put_one(struct wire_out *out)
{
    size_t mark = wire_out_begin(out, 'x');
    wire_out_u8(out, 1);
    wire_out_u16(out, 0x0203);
    wire_out_u32(out, 0x04050607);
    wire_out_bytes(out, BYTES("a\0b"));
    wire_out_cstring(out, BYTES("cd"));
    wire_out_end(out, mark);
}

TEST(out_writes_big_endian_and_fills_in_the_length)
{
    test_out_reset();
    put_one(&test_out);
    assert_slice_is(wire_out_slice(&test_out), BYTES("x\0\0\0\021\1\2\3\4\5\6\7"
                                                     "a\0b"
                                                     "cd\0"));
}

TEST(out_untyped_message_has_its_length_first)
{
    test_out_reset();
    size_t mark = wire_out_begin_untyped(&test_out);
    wire_out_u8(&test_out, 'a');
    wire_out_end_untyped(&test_out, mark);
    assert_slice_is(wire_out_slice(&test_out), BYTES("\0\0\0\5a"));
}

TEST(out_takes_a_message_that_does_not_fit_back)
{
    assert_put_is_bounded(put_one);
}

TEST(out_keeps_whole_messages_before_an_overflow_and_writes_nothing_after_it)
{
    uint8_t memory[30];
    struct wire_out out;
    wire_out_init(&out, memory, sizeof(memory));
    put_one(&out);
    assert_int_equal(out.bytes, 18);
    put_one(&out);
    assert_int_equal(wire_out_status(&out), BASE_ECAPACITY);
    assert_int_equal(out.bytes, 18);
    wire_out_end(&out, wire_out_begin(&out, 'S'));
    assert_int_equal(out.bytes, 18);
}

TEST(out_refuses_a_string_with_a_zero_byte)
{
    test_out_reset();
    size_t mark = wire_out_begin(&test_out, 'x');
    wire_out_cstring(&test_out, BYTES("a\0b"));
    wire_out_end(&test_out, mark);
    assert_int_equal(wire_out_status(&test_out), BASE_EINVALID);
    assert_int_equal(test_out.bytes, 0);
}

TEST(out_refuses_a_message_longer_than_its_length_field_can_say)
{
    struct wire_out out;
    wire_out_init_measure(&out);
    size_t mark = wire_out_begin(&out, 'x');
    wire_out_bytes(&out, base_slice_of("", INT32_MAX - 4)); /* only measured, not read */
    wire_out_end(&out, mark);
    assert_int_equal(wire_out_status(&out), BASE_OK);
    assert_int_equal(out.bytes, (size_t)INT32_MAX + 1);
    wire_out_init_measure(&out);
    mark = wire_out_begin(&out, 'x');
    wire_out_bytes(&out, base_slice_of("", INT32_MAX - 3));
    wire_out_end(&out, mark);
    assert_int_equal(wire_out_status(&out), BASE_EINVALID);
    assert_int_equal(out.bytes, 0);
}
