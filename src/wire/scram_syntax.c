/* scram_syntax.c - the syntax of SCRAM's messages (RFC 5802, section 7), both sides.
 *
 * Stricter than the RFC where that loses nobody: numbers without leading zeros, printable nonces of
 * bounded length, base64 without slack.
 *
 * Tests: tests/unit/wire/test_scram.c, fuzz/fuzz_scram.c
 */
#include "wire/scram_keys.h"

#include "base/invariant.h"

#define BINDING_TYPE "tls-server-end-point"

struct base_slice wire_scram_gs2(char flag)
{
    switch (flag) {
    case 'p':
        return base_slice_text("p=" BINDING_TYPE ",,");
    case 'y':
        return base_slice_text("y,,");
    default:
        INVARIANT(flag == 'n');
        return base_slice_text("n,,");
    }
}

size_t wire_scram_cbind(char flag, struct base_slice binding, uint8_t *ret_text)
{
    uint8_t data[WIRE_SCRAM_GS2_BYTES_MAX + WIRE_SCRAM_BINDING_BYTES_MAX];
    struct base_slice gs2 = wire_scram_gs2(flag);
    INVARIANT(gs2.bytes <= WIRE_SCRAM_GS2_BYTES_MAX);
    INVARIANT(binding.bytes <= WIRE_SCRAM_BINDING_BYTES_MAX);
    memcpy(data, gs2.data, gs2.bytes);
    size_t bytes = gs2.bytes;
    if (flag == 'p' && binding.bytes > 0) {
        memcpy(data + bytes, binding.data, binding.bytes);
        bytes += binding.bytes;
    }
    size_t written = 0;
    int r = wire_base64_encode(base_slice_of(data, bytes), ret_text, WIRE_SCRAM_CBIND_BYTES_MAX,
                               &written);
    INVARIANT(r == BASE_OK);
    return written;
}

static bool is_letter(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

int wire_scram_attribute(struct base_slice *rest, char *ret_letter, struct base_slice *ret_value)
{
    if (rest->bytes < 2 || !is_letter(rest->data[0]) || rest->data[1] != '=') {
        return BASE_EPROTOCOL;
    }
    struct base_slice value = base_slice_skip(*rest, 2);
    const uint8_t *comma = value.bytes > 0 ? memchr(value.data, ',', value.bytes) : NULL;
    struct base_slice after = base_slice_of(value.data + value.bytes, 0);
    if (comma) {
        size_t value_bytes = (size_t)(comma - value.data);
        after = base_slice_skip(value, value_bytes + 1);
        if (after.bytes == 0) {
            return BASE_EPROTOCOL;
        }
        value.bytes = value_bytes;
    }
    *ret_letter = (char)rest->data[0];
    *ret_value = value;
    *rest = after;
    return BASE_OK;
}

int wire_scram_attribute_of(struct base_slice *rest, char letter, struct base_slice *ret_value)
{
    struct base_slice copy = *rest, value;
    char found;
    if (wire_scram_attribute(&copy, &found, &value) < 0 || found != letter) {
        return BASE_EPROTOCOL;
    }
    *rest = copy;
    *ret_value = value;
    return BASE_OK;
}

int wire_scram_extensions(struct base_slice rest)
{
    while (rest.bytes > 0) {
        char letter;
        struct base_slice value;
        if (wire_scram_attribute(&rest, &letter, &value) < 0 || letter == 'm') {
            return BASE_EPROTOCOL;
        }
    }
    return BASE_OK;
}

bool wire_scram_is_nonce(struct base_slice nonce)
{
    if (nonce.bytes == 0 || nonce.bytes > WIRE_SCRAM_NONCE_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < nonce.bytes; i++) {
        if (nonce.data[i] < 0x21 || nonce.data[i] > 0x7e || nonce.data[i] == ',') {
            return false;
        }
    }
    return true;
}

bool wire_scram_is_message(struct base_slice message)
{
    return message.bytes > 0 && message.bytes <= WIRE_SCRAM_MESSAGE_BYTES_MAX &&
           !memchr(message.data, 0, message.bytes);
}

int wire_scram_iterations(struct base_slice text, uint32_t *ret_iterations)
{
    /* Seven digits hold the limit, so the sum cannot overflow. */
    if (text.bytes == 0 || text.bytes > 7 || text.data[0] == '0') {
        return BASE_EPROTOCOL;
    }
    uint32_t iterations = 0;
    for (size_t i = 0; i < text.bytes; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return BASE_EPROTOCOL;
        }
        iterations = iterations * 10 + (uint32_t)(text.data[i] - '0');
    }
    if (iterations > WIRE_SCRAM_ITERATIONS_MAX) {
        return BASE_EPROTOCOL;
    }
    *ret_iterations = iterations;
    return BASE_OK;
}

void wire_scram_iterations_put(struct wire_out *out, uint32_t iterations)
{
    uint8_t digits[10];
    size_t start = sizeof(digits);
    do {
        digits[--start] = (uint8_t)('0' + iterations % 10);
        iterations /= 10;
    } while (iterations > 0);
    wire_out_bytes(out, base_slice_of(digits + start, sizeof(digits) - start));
}

int wire_scram_key_decode(struct base_slice text, uint8_t ret_key[WIRE_SHA256_BYTES])
{
    uint8_t key[WIRE_SHA256_BYTES];
    size_t bytes;
    if (text.bytes != WIRE_BASE64_BYTES(WIRE_SHA256_BYTES) ||
        wire_base64_decode(text, key, sizeof(key), &bytes) < 0 || bytes != sizeof(key)) {
        return BASE_EPROTOCOL;
    }
    memcpy(ret_key, key, sizeof(key));
    wire_secret_clear(key, sizeof(key));
    return BASE_OK;
}
