/* auth.c - plain and md5 passwords, and what a stored secret is.
 *
 * Tests: tests/unit/wire/test_auth.c
 */
#include "wire/auth.h"

#include "base/invariant.h"
#include "wire/scram.h"

#define SCRAM_PREFIX "SCRAM-SHA-256$"

static bool starts_with(struct base_slice text, const char *prefix)
{
    size_t bytes = strlen(prefix);
    return text.bytes >= bytes && memcmp(text.data, prefix, bytes) == 0;
}

static bool is_md5_text(struct base_slice text)
{
    if (text.bytes != WIRE_MD5_TEXT_BYTES || !starts_with(text, "md5")) {
        return false;
    }
    for (size_t i = 3; i < text.bytes; i++) {
        uint8_t digit = text.data[i];
        if (!(digit >= '0' && digit <= '9') && !(digit >= 'a' && digit <= 'f')) {
            return false;
        }
    }
    return true;
}

enum wire_secret_kind wire_secret_kind_of(struct base_slice stored)
{
    if (stored.bytes == 0) {
        return WIRE_SECRET_NONE;
    }
    if (is_md5_text(stored)) {
        return WIRE_SECRET_MD5;
    }
    return starts_with(stored, SCRAM_PREFIX) ? WIRE_SECRET_SCRAM : WIRE_SECRET_PLAIN;
}

/* "md5" hex(md5(a b)) */
static int md5_text(const struct wire_crypto *crypto, struct base_slice a, struct base_slice b,
                    uint8_t ret_text[WIRE_MD5_TEXT_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    struct base_slice parts[] = {a, b};
    uint8_t digest[WIRE_MD5_BYTES];
    int r = crypto->md5(crypto->context, parts, 2, digest);
    if (r < 0) {
        return r;
    }
    memcpy(ret_text, "md5", 3);
    for (size_t i = 0; i < sizeof(digest); i++) {
        ret_text[3 + 2 * i] = (uint8_t)digits[digest[i] >> 4];
        ret_text[4 + 2 * i] = (uint8_t)digits[digest[i] & 15];
    }
    wire_secret_clear(digest, sizeof(digest));
    return BASE_OK;
}

int wire_md5_stored(const struct wire_crypto *crypto, struct base_slice user,
                    struct base_slice password, uint8_t ret_text[WIRE_MD5_TEXT_BYTES])
{
    return md5_text(crypto, password, user, ret_text);
}

int wire_md5_answer(const struct wire_crypto *crypto, struct base_slice stored,
                    const uint8_t salt[WIRE_MD5_SALT_BYTES], uint8_t ret_text[WIRE_MD5_TEXT_BYTES])
{
    if (!is_md5_text(stored)) {
        return BASE_EINVALID;
    }
    return md5_text(crypto, base_slice_skip(stored, 3), base_slice_of(salt, WIRE_MD5_SALT_BYTES),
                    ret_text);
}

int wire_md5_check(const struct wire_crypto *crypto, struct base_slice stored,
                   struct base_slice user, const uint8_t salt[WIRE_MD5_SALT_BYTES],
                   struct base_slice answer)
{
    uint8_t hashed[WIRE_MD5_TEXT_BYTES], expected[WIRE_MD5_TEXT_BYTES];
    int r = BASE_OK;
    switch (wire_secret_kind_of(stored)) {
    case WIRE_SECRET_NONE:
        return BASE_EAUTH;
    case WIRE_SECRET_SCRAM:
        return BASE_EINVALID;
    case WIRE_SECRET_MD5:
        memcpy(hashed, stored.data, sizeof(hashed));
        break;
    case WIRE_SECRET_PLAIN:
        r = wire_md5_stored(crypto, user, stored, hashed);
        break;
    }
    if (r == BASE_OK) {
        r = wire_md5_answer(crypto, base_slice_of(hashed, sizeof(hashed)), salt, expected);
    }
    if (r == BASE_OK && !wire_secret_equal(answer, base_slice_of(expected, sizeof(expected)))) {
        r = BASE_EAUTH;
    }
    wire_secret_clear(hashed, sizeof(hashed));
    wire_secret_clear(expected, sizeof(expected));
    return r;
}

/* Digests first: comparing the texts would tell whether their lengths are equal. */
static int check_plain(const struct wire_crypto *crypto, struct base_slice stored,
                       struct base_slice password)
{
    uint8_t a[WIRE_SHA256_BYTES], b[WIRE_SHA256_BYTES];
    int r = crypto->sha256(crypto->context, &stored, 1, a);
    if (r == BASE_OK) {
        r = crypto->sha256(crypto->context, &password, 1, b);
    }
    if (r == BASE_OK &&
        !wire_secret_equal(base_slice_of(a, sizeof(a)), base_slice_of(b, sizeof(b)))) {
        r = BASE_EAUTH;
    }
    wire_secret_clear(a, sizeof(a));
    wire_secret_clear(b, sizeof(b));
    return r;
}

static int check_md5(const struct wire_crypto *crypto, struct base_slice stored,
                     struct base_slice user, struct base_slice password)
{
    uint8_t text[WIRE_MD5_TEXT_BYTES];
    int r = wire_md5_stored(crypto, user, password, text);
    if (r == BASE_OK && !wire_secret_equal(stored, base_slice_of(text, sizeof(text)))) {
        r = BASE_EAUTH;
    }
    wire_secret_clear(text, sizeof(text));
    return r;
}

static int check_scram(const struct wire_crypto *crypto, struct base_slice stored,
                       struct base_slice password)
{
    struct wire_scram_verifier verifier, derived;
    if (wire_scram_verifier_parse(stored, &verifier) < 0) {
        return BASE_EAUTH;
    }
    int r = wire_scram_verifier_from_password(crypto, password,
                                              base_slice_of(verifier.salt, verifier.salt_bytes),
                                              verifier.iterations, &derived);
    if (r == BASE_OK) {
        bool is_equal = wire_secret_equal(base_slice_of(verifier.stored_key, WIRE_SHA256_BYTES),
                                          base_slice_of(derived.stored_key, WIRE_SHA256_BYTES));
        r = is_equal ? BASE_OK : BASE_EAUTH;
        wire_scram_verifier_done(&derived);
    }
    wire_scram_verifier_done(&verifier);
    return r;
}

int wire_password_check(const struct wire_crypto *crypto, struct base_slice stored,
                        struct base_slice user, struct base_slice password)
{
    if (password.bytes == 0 || password.bytes > WIRE_PASSWORD_BYTES_MAX) {
        return BASE_EAUTH;
    }
    switch (wire_secret_kind_of(stored)) {
    case WIRE_SECRET_PLAIN:
        return check_plain(crypto, stored, password);
    case WIRE_SECRET_MD5:
        return check_md5(crypto, stored, user, password);
    case WIRE_SECRET_SCRAM:
        return check_scram(crypto, stored, password);
    case WIRE_SECRET_NONE:
        break;
    }
    return BASE_EAUTH;
}
