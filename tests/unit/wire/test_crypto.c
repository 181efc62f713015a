/* test_crypto.c - secrets and base64 (src/wire/crypto.c). */
#include "wire_test.h"

#include "wire/crypto.h"

static int decode(struct base_slice text)
{
    uint8_t data[64];
    size_t bytes;
    struct heap heap = heap_of(text);
    int r = wire_base64_decode(heap.slice, data, sizeof(data), &bytes);
    heap_free(&heap);
    return r;
}

TEST(base64_of_rfc_4648)
{
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"},
                                           {"\xfb\xff\xfe", "+//+"}};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        uint8_t memory[16];
        size_t bytes = 99;
        assert_int_equal(
            wire_base64_encode(base_slice_text(pairs[i][0]), memory, sizeof(memory), &bytes),
            BASE_OK);
        assert_text(base_slice_of(memory, bytes), pairs[i][1]);
        assert_int_equal(
            wire_base64_decode(base_slice_text(pairs[i][1]), memory, sizeof(memory), &bytes),
            BASE_OK);
        assert_text(base_slice_of(memory, bytes), pairs[i][0]);
    }
}

TEST(base64_of_every_byte_comes_back)
{
    uint8_t data[256], text[344], back[256];
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)(i * 7 + 3);
    }
    for (size_t bytes = 0; bytes <= sizeof(data); bytes++) {
        size_t text_bytes, back_bytes;
        assert_int_equal(
            wire_base64_encode(base_slice_of(data, bytes), text, sizeof(text), &text_bytes),
            BASE_OK);
        assert_int_equal(
            wire_base64_decode(base_slice_of(text, text_bytes), back, sizeof(back), &back_bytes),
            BASE_OK);
        assert_slice_is(base_slice_of(back, back_bytes), base_slice_of(data, bytes));
    }
}

TEST(base64_that_is_not_strict_is_refused)
{
    static const char *const texts[] = {
        "Z",        "Zg",
        "Zg=",      "Zg===",
        "====",     "=",
        "Z===",     "Zm9v\n",
        " Zm9v",    "Zm 9v",
        "Zm9-",     "Zm9_",
        "Zh==",     "Zm9=",
        "Zg==Zg==", "Zg=a",
        "Z=g=",     "Zm9v=",
        "Zm8=\n",   "Zm8",
        "Zm8==",    "\xc3\xa4\xc3\xa4",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (decode(base_slice_text(texts[i])) != BASE_EPROTOCOL) {
            fail_msg("\"%s\" is taken", texts[i]);
        }
    }
    assert_int_equal(decode(BYTES("Zm9\0")), BASE_EPROTOCOL);
}

TEST(base64_bounds_are_checked_before_writing)
{
    uint8_t memory[9] = {9, 9, 9, 9, 9, 9, 9, 9, 9};
    size_t bytes = 77;
    assert_int_equal(wire_base64_encode(BYTES("foob"), memory, 7, &bytes), BASE_ECAPACITY);
    assert_int_equal(wire_base64_decode(BYTES("Zm9vYg=="), memory, 3, &bytes), BASE_ECAPACITY);
    assert_int_equal(bytes, 77);
    assert_int_equal(memory[0], 9);
    assert_int_equal(wire_base64_encode(BYTES("foob"), memory, 8, &bytes), BASE_OK);
    assert_int_equal(memory[8], 9);
    memory[4] = 9;
    assert_int_equal(wire_base64_decode(BYTES("Zm9vYg=="), memory, 4, &bytes), BASE_OK);
    assert_int_equal(memory[4], 9);
    assert_int_equal(wire_base64_encode(base_slice_of("", SIZE_MAX), memory, 9, &bytes),
                     BASE_ECAPACITY);
}

TEST(secrets_are_equal_when_every_byte_is)
{
    assert_true(wire_secret_equal(BYTES(""), base_slice_of(NULL, 0)));
    assert_true(wire_secret_equal(BYTES("ab\0c"), BYTES("ab\0c")));
    assert_false(wire_secret_equal(BYTES("ab\0c"), BYTES("ab\0d")));
    assert_false(wire_secret_equal(BYTES("xb\0c"), BYTES("ab\0c")));
    assert_false(wire_secret_equal(BYTES("abc"), BYTES("ab")));
    uint8_t secret[] = {1, 2, 3};
    wire_secret_clear(secret, 2);
    assert_slice_is(base_slice_of(secret, 3), BYTES("\0\0\3"));
}
