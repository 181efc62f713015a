/* scram_keys.c - derivation of SCRAM's keys and signatures (RFC 5802, section 3).
 *
 * Every intermediate key is cleared before return, on success and on failure.
 *
 * Tests: tests/unit/wire/test_scram.c (RFC 7677's vector, PostgreSQL's verifiers)
 */
#include "wire/scram_keys.h"

#include "base/invariant.h"

/* NFKC may lengthen a text, by 11 bytes for 3 at worst for what SASLprep allows in practice. */
#define PREPARED_BYTES_MAX (4 * WIRE_PASSWORD_BYTES_MAX)

static struct base_slice key_slice(const uint8_t key[WIRE_SHA256_BYTES])
{
    return base_slice_of(key, WIRE_SHA256_BYTES);
}

/* Hi() of RFC 5802, which is PBKDF2 with HMAC as PRF and one block. */
static int stretch(const struct wire_crypto *crypto, struct base_slice password,
                   struct base_slice salt, uint32_t iterations, uint8_t ret_key[WIRE_SHA256_BYTES])
{
    if (crypto->pbkdf2_sha256) {
        return crypto->pbkdf2_sha256(crypto->context, password, salt, iterations, ret_key);
    }
    static const uint8_t block_index[4] = {0, 0, 0, 1};
    struct base_slice first[] = {salt, base_slice_of(block_index, sizeof(block_index))};
    uint8_t last[WIRE_SHA256_BYTES], sum[WIRE_SHA256_BYTES];
    int r = crypto->hmac_sha256(crypto->context, password, first, 2, last);
    memcpy(sum, last, r < 0 ? 0 : sizeof(sum));
    for (uint32_t i = 1; i < iterations && r == BASE_OK; i++) {
        struct base_slice previous = key_slice(last);
        uint8_t next[WIRE_SHA256_BYTES];
        r = crypto->hmac_sha256(crypto->context, password, &previous, 1, next);
        for (size_t j = 0; j < sizeof(sum) && r == BASE_OK; j++) {
            last[j] = next[j];
            sum[j] ^= next[j];
        }
        wire_secret_clear(next, sizeof(next));
    }
    if (r == BASE_OK) {
        memcpy(ret_key, sum, sizeof(sum));
    }
    wire_secret_clear(last, sizeof(last));
    wire_secret_clear(sum, sizeof(sum));
    return r;
}

static bool is_ascii(struct base_slice text)
{
    for (size_t i = 0; i < text.bytes; i++) {
        if (text.data[i] > 127) {
            return false;
        }
    }
    return true;
}

static int hmac_text(const struct wire_crypto *crypto, const uint8_t key[WIRE_SHA256_BYTES],
                     const char *text, uint8_t ret_digest[WIRE_SHA256_BYTES])
{
    struct base_slice part = base_slice_text(text);
    return crypto->hmac_sha256(crypto->context, key_slice(key), &part, 1, ret_digest);
}

static int keys_of_salted(const struct wire_crypto *crypto, const uint8_t salted[WIRE_SHA256_BYTES],
                          struct wire_scram_keys *keys)
{
    int r = hmac_text(crypto, salted, "Client Key", keys->client_key);
    if (r < 0) {
        return r;
    }
    struct base_slice part = key_slice(keys->client_key);
    r = crypto->sha256(crypto->context, &part, 1, keys->stored_key);
    if (r < 0) {
        return r;
    }
    return hmac_text(crypto, salted, "Server Key", keys->server_key);
}

int wire_scram_keys_derive(const struct wire_crypto *crypto, struct base_slice password,
                           struct base_slice salt, uint32_t iterations,
                           struct wire_scram_keys *ret_keys)
{
    INVARIANT(iterations >= 1 && iterations <= WIRE_SCRAM_ITERATIONS_MAX);
    INVARIANT(salt.bytes >= 1 && salt.bytes <= WIRE_SCRAM_SALT_BYTES_MAX);
    if (password.bytes == 0 || password.bytes > WIRE_PASSWORD_BYTES_MAX) {
        return BASE_EINVALID;
    }
    uint8_t prepared[PREPARED_BYTES_MAX], salted[WIRE_SHA256_BYTES];
    size_t prepared_bytes = 0;
    if (crypto->saslprep && !is_ascii(password) &&
        crypto->saslprep(crypto->context, password, prepared, sizeof(prepared), &prepared_bytes) ==
            BASE_OK) {
        INVARIANT(prepared_bytes <= sizeof(prepared));
        password = base_slice_of(prepared, prepared_bytes);
    }
    struct wire_scram_keys keys;
    int r = stretch(crypto, password, salt, iterations, salted);
    if (r == BASE_OK) {
        r = keys_of_salted(crypto, salted, &keys);
    }
    if (r == BASE_OK) {
        *ret_keys = keys;
    }
    wire_secret_clear(prepared, sizeof(prepared));
    wire_secret_clear(salted, sizeof(salted));
    wire_secret_clear(&keys, sizeof(keys));
    return r;
}

int wire_scram_sign(const struct wire_crypto *crypto, const uint8_t key[WIRE_SHA256_BYTES],
                    const struct wire_scram_transcript *transcript,
                    uint8_t ret_signature[WIRE_SHA256_BYTES])
{
    struct base_slice comma = base_slice_text(",");
    struct base_slice parts[] = {transcript->client_first_bare, comma, transcript->server_first,
                                 comma, transcript->client_final_without_proof};
    return crypto->hmac_sha256(crypto->context, key_slice(key), parts,
                               sizeof(parts) / sizeof(parts[0]), ret_signature);
}
