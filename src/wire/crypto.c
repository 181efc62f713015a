/* crypto.c - secrets compared and cleared, base64.
 *
 * Tests: tests/unit/wire/test_crypto.c
 */
#include "wire/crypto.h"

#include "base/invariant.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool wire_secret_equal(struct base_slice a, struct base_slice b)
{
    if (a.bytes != b.bytes) {
        return false;
    }
    /* volatile: the compiler may not leave the loop early. */
    volatile uint8_t difference = 0;
    for (size_t i = 0; i < a.bytes; i++) {
        difference = (uint8_t)(difference | (a.data[i] ^ b.data[i]));
    }
    return difference == 0;
}

void wire_secret_clear(void *memory, size_t bytes)
{
    explicit_bzero(memory, bytes);
}

int wire_base64_encode(struct base_slice data, uint8_t *ret_text, size_t capacity,
                       size_t *ret_bytes)
{
    if (data.bytes > SIZE_MAX / 4 * 3 - 2 || WIRE_BASE64_BYTES(data.bytes) > capacity) {
        return BASE_ECAPACITY;
    }
    size_t written = 0;
    for (size_t i = 0; i < data.bytes; i += 3) {
        size_t left = data.bytes - i;
        uint32_t group = (uint32_t)data.data[i] << 16;
        group |= left > 1 ? (uint32_t)data.data[i + 1] << 8 : 0;
        group |= left > 2 ? data.data[i + 2] : 0;
        ret_text[written++] = (uint8_t)alphabet[group >> 18];
        ret_text[written++] = (uint8_t)alphabet[group >> 12 & 63];
        ret_text[written++] = left > 1 ? (uint8_t)alphabet[group >> 6 & 63] : '=';
        ret_text[written++] = left > 2 ? (uint8_t)alphabet[group & 63] : '=';
    }
    INVARIANT(written == WIRE_BASE64_BYTES(data.bytes));
    *ret_bytes = written;
    return BASE_OK;
}

/* The six bits of a character, or -1. */
static int bits_of(uint8_t character)
{
    if (character >= 'A' && character <= 'Z') {
        return character - 'A';
    }
    if (character >= 'a' && character <= 'z') {
        return character - 'a' + 26;
    }
    if (character >= '0' && character <= '9') {
        return character - '0' + 52;
    }
    if (character == '+') {
        return 62;
    }
    return character == '/' ? 63 : -1;
}

/* Checks everything but the padding's length. `digits` are the characters before the padding. */
static bool is_base64(struct base_slice digits, size_t padding)
{
    for (size_t i = 0; i < digits.bytes; i++) {
        if (bits_of(digits.data[i]) < 0) {
            return false;
        }
    }
    if (padding == 0) {
        return true;
    }
    int stray = padding == 2 ? 15 : 3;
    return (bits_of(digits.data[digits.bytes - 1]) & stray) == 0;
}

int wire_base64_decode(struct base_slice text, uint8_t *ret_data, size_t capacity,
                       size_t *ret_bytes)
{
    if (text.bytes % 4 != 0) {
        return BASE_EPROTOCOL;
    }
    size_t padding = 0;
    while (padding < 2 && padding < text.bytes && text.data[text.bytes - 1 - padding] == '=') {
        padding++;
    }
    struct base_slice digits = base_slice_of(text.data, text.bytes - padding);
    if (!is_base64(digits, padding)) {
        return BASE_EPROTOCOL;
    }
    size_t bytes = text.bytes / 4 * 3 - padding;
    if (bytes > capacity) {
        return BASE_ECAPACITY;
    }
    uint32_t group = 0;
    size_t written = 0;
    for (size_t i = 0; i < digits.bytes; i++) {
        group = group << 6 | (uint32_t)bits_of(digits.data[i]);
        /* Characters 1, 2 and 3 of each four complete a byte; 4, 2 and 0 bits are left over. */
        if (i % 4 != 0) {
            ret_data[written++] = (uint8_t)(group >> (6 - 2 * (i % 4)));
        }
    }
    INVARIANT(written == bytes);
    *ret_bytes = bytes;
    return BASE_OK;
}
