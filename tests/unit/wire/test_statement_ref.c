/* test_statement_ref.c - another statement name in a message (src/wire/statement_ref.c). */
#include "wire_test.h"

#include "wire/frame.h"
#include "wire/frontend.h"

/* Renames the statement in a whole message and gives the new message, rest included. */
static struct base_slice rename_in(struct base_slice message, const char *name)
{
    struct wire_frame frame;
    struct wire_statement_ref ref;
    assert_int_equal(wire_frame_parse(message, WIRE_FRAME_BYTES_MAX, &frame), BASE_OK);
    assert_int_equal(wire_statement_find(frame.type, (uint32_t)frame.bytes, frame.body, &ref),
                     BASE_OK);
    assert_true(ref.is_statement);
    test_out_reset();
    wire_statement_rename(&test_out, &ref, base_slice_text(name));
    assert_int_equal(test_out.bytes, wire_statement_rename_bytes(&ref, base_slice_text(name)));
    wire_out_bytes(&test_out, base_slice_skip(frame.body, ref.head_bytes));
    return wire_out_slice(&test_out);
}

TEST(statement_is_renamed_in_each_message_that_has_one)
{
    assert_slice_is(rename_in(BYTES("P\0\0\0\22s1\0select 1\0\0\0"), "W_12"),
                    BYTES("P\0\0\0\24W_12\0select 1\0\0\0"));
    assert_slice_is(rename_in(BYTES("B\0\0\0\16p\0s\0\0\0\0\0\0\0"), ""),
                    BYTES("B\0\0\0\15p\0\0\0\0\0\0\0\0"));
    assert_slice_is(rename_in(BYTES("D\0\0\0\7Ss\0"), "W_1"), BYTES("D\0\0\0\11SW_1\0"));
    assert_slice_is(rename_in(BYTES("C\0\0\0\6S\0"), "W_1"), BYTES("C\0\0\0\11SW_1\0"));
}

TEST(statement_of_a_portal_message_is_told_apart)
{
    struct wire_statement_ref ref;
    assert_int_equal(wire_statement_find('D', 9, BYTES("Pab\0"), &ref), BASE_OK);
    assert_false(ref.is_statement);
    assert_text(ref.name, "ab");
}

TEST(statement_name_that_is_not_there_yet_wants_more)
{
    static const struct {
        char type;
        struct base_slice body;
    } messages[] = {
        {'P', {(const uint8_t *)"name\0", 5}},
        {'B', {(const uint8_t *)"portal\0name\0", 12}},
        {'D', {(const uint8_t *)"Sname\0", 6}},
        {'C', {(const uint8_t *)"Sname\0", 6}},
    };
    for (size_t i = 0; i < 4; i++) {
        struct base_slice body = messages[i].body;
        struct wire_statement_ref ref;
        for (size_t seen = 0; seen < body.bytes; seen++) {
            struct heap heap = heap_of(base_slice_of(body.data, seen));
            assert_int_equal(wire_statement_find(messages[i].type, 1000, heap.slice, &ref),
                             BASE_EMORE);
            /* The same bytes as the whole body: the name does not end. */
            assert_int_equal(
                wire_statement_find(messages[i].type, (uint32_t)(5 + seen), heap.slice, &ref),
                BASE_EPROTOCOL);
            heap_free(&heap);
        }
        assert_int_equal(wire_statement_find(messages[i].type, 1000, body, &ref), BASE_OK);
        assert_text(ref.name, "name");
        assert_int_equal(ref.head_bytes, body.bytes);
    }
}

TEST(statement_of_an_unknown_kind_or_message_is_refused)
{
    struct wire_statement_ref ref;
    assert_int_equal(wire_statement_find('D', 1000, BYTES("X"), &ref), BASE_EPROTOCOL);
    assert_int_equal(wire_statement_find('C', 1000, BYTES("s"), &ref), BASE_EPROTOCOL);
    assert_int_equal(wire_statement_find('Q', 1000, BYTES("x\0"), &ref), BASE_EINVALID);
    assert_int_equal(wire_statement_find('E', 1000, BYTES("x\0"), &ref), BASE_EINVALID);
}

TEST(statement_rename_keeps_the_length_of_what_is_still_to_come)
{
    struct wire_statement_ref ref;
    assert_int_equal(wire_statement_find('B', 0x01000000, BYTES("\0s\0first"), &ref), BASE_OK);
    test_out_reset();
    wire_statement_rename(&test_out, &ref, BYTES("long"));
    assert_slice_is(wire_out_slice(&test_out), BYTES("B\1\0\0\2\0long\0"));
}

TEST(statement_rename_beyond_the_greatest_frame_is_refused)
{
    struct wire_statement_ref ref;
    assert_int_equal(wire_statement_find('P', WIRE_FRAME_BYTES_MAX, BYTES("s\0"), &ref), BASE_OK);
    test_out_reset();
    wire_statement_rename(&test_out, &ref, BYTES("t"));
    assert_int_equal(wire_out_status(&test_out), BASE_OK);
    assert_slice_is(wire_out_slice(&test_out), BYTES("P\x7f\xff\xff\xfft\0"));
    test_out_reset();
    wire_statement_rename(&test_out, &ref, BYTES("tt"));
    assert_int_equal(wire_out_status(&test_out), BASE_EINVALID);
    assert_int_equal(test_out.bytes, 0);
}

TEST(statement_rename_that_fails_leaves_nothing)
{
    struct wire_statement_ref ref;
    assert_int_equal(wire_statement_find('B', 100, BYTES("portal\0s\0"), &ref), BASE_OK);
    size_t needed = wire_statement_rename_bytes(&ref, BYTES("name"));
    for (size_t capacity = 0; capacity <= needed; capacity++) {
        uint8_t memory[64];
        struct wire_out out;
        wire_out_init(&out, memory, capacity);
        wire_statement_rename(&out, &ref, BYTES("name"));
        assert_int_equal(out.bytes, capacity == needed ? needed : 0);
        assert_int_equal(wire_out_status(&out), capacity == needed ? BASE_OK : BASE_ECAPACITY);
    }
    test_out_reset();
    wire_statement_rename(&test_out, &ref, BYTES("na\0me"));
    assert_int_equal(wire_out_status(&test_out), BASE_EINVALID);
    assert_int_equal(test_out.bytes, 0);
}
