/* Tests of proxy/crypto.c: what is kept between calls changes no result. */
#include "proxy/crypto.h"

#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <string.h>

#include "test.h"

static const uint8_t text[] =
    "n=,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj";

TEST(a_signature_depends_on_its_own_key_alone)
{
    static const size_t sizes[] = {32, 0, 65, 1, 200, 64, 32, 32};
    const struct wire_crypto *crypto = proxy_crypto();
    uint8_t key[256], got[WIRE_SHA256_BYTES], expected[WIRE_SHA256_BYTES];
    for (size_t i = 0; i < 8 * sizeof(sizes) / sizeof(*sizes); i++) {
        size_t bytes = sizes[i % (sizeof(sizes) / sizeof(*sizes))];
        const struct base_slice parts[] = {base_slice_of(text, i), base_slice_of(text + i, 3)};
        memset(key, (int)(i % 5), sizeof(key));
        assert_int_equal(
            crypto->hmac_sha256(crypto->context, base_slice_of(key, bytes), parts, 2, got),
            BASE_OK);
        assert_non_null(HMAC(EVP_sha256(), key, (int)bytes, text, i + 3, expected, NULL));
        assert_memory_equal(got, expected, sizeof(expected));
    }
}

TEST(a_digest_depends_on_its_own_text_alone)
{
    const struct wire_crypto *crypto = proxy_crypto();
    uint8_t got[WIRE_SHA256_BYTES], expected[WIRE_SHA256_BYTES];
    for (size_t i = 0; i < sizeof(text); i++) {
        const struct base_slice part = base_slice_of(text, i);
        assert_int_equal(crypto->sha256(crypto->context, &part, 1, got), BASE_OK);
        SHA256(text, i, expected);
        assert_memory_equal(got, expected, sizeof(expected));
    }
}

TEST(nonces_differ)
{
    enum { COUNT = 200, BYTES = 18 }; /* several times the store */
    const struct wire_crypto *crypto = proxy_crypto();
    static uint8_t nonces[COUNT][BYTES];
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(crypto->random(crypto->context, nonces[i], BYTES), BASE_OK);
        for (size_t j = 0; j < i; j++) {
            assert_memory_not_equal(nonces[i], nonces[j], BYTES);
        }
    }
}
