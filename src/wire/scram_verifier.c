/* scram_verifier.c - what a server stores of a password: text, from a password, mock.
 *
 * Tests: tests/unit/wire/test_scram_verifier.c, fuzz/fuzz_scram.c
 */
#include "wire/scram.h"

#include "base/invariant.h"
#include "wire/out.h"
#include "wire/scram_keys.h"

#define PREFIX "SCRAM-SHA-256$"

/* Takes the text before `separator` off the front, and the separator. */
static bool take_until(struct base_slice *rest, char separator, struct base_slice *ret_part)
{
    const uint8_t *end = rest->bytes > 0 ? memchr(rest->data, separator, rest->bytes) : NULL;
    if (!end) {
        return false;
    }
    *ret_part = base_slice_of(rest->data, (size_t)(end - rest->data));
    *rest = base_slice_skip(*rest, ret_part->bytes + 1);
    return true;
}

int wire_scram_verifier_parse(struct base_slice text, struct wire_scram_verifier *ret_verifier)
{
    size_t prefix_bytes = strlen(PREFIX);
    if (text.bytes < prefix_bytes || memcmp(text.data, PREFIX, prefix_bytes) != 0) {
        return BASE_EINVALID;
    }
    struct base_slice rest = base_slice_skip(text, prefix_bytes);
    struct base_slice iterations, salt, stored_key;
    struct wire_scram_verifier verifier = {0};
    if (!take_until(&rest, ':', &iterations) || !take_until(&rest, '$', &salt) ||
        !take_until(&rest, ':', &stored_key) ||
        wire_scram_iterations(iterations, &verifier.iterations) < 0 ||
        wire_base64_decode(salt, verifier.salt, sizeof(verifier.salt), &verifier.salt_bytes) < 0 ||
        verifier.salt_bytes == 0 || wire_scram_key_decode(stored_key, verifier.stored_key) < 0 ||
        wire_scram_key_decode(rest, verifier.server_key) < 0) {
        wire_scram_verifier_done(&verifier);
        return BASE_EINVALID;
    }
    *ret_verifier = verifier;
    wire_scram_verifier_done(&verifier);
    return BASE_OK;
}

static void put_base64(struct wire_out *out, struct base_slice data)
{
    uint8_t text[WIRE_BASE64_BYTES(WIRE_SCRAM_SALT_BYTES_MAX)];
    size_t bytes = 0;
    int r = wire_base64_encode(data, text, sizeof(text), &bytes);
    INVARIANT(r == BASE_OK);
    wire_out_bytes(out, base_slice_of(text, bytes));
    wire_secret_clear(text, sizeof(text));
}

int wire_scram_verifier_text(const struct wire_scram_verifier *verifier, uint8_t *ret_text,
                             size_t capacity, size_t *ret_bytes)
{
    uint8_t text[WIRE_SCRAM_VERIFIER_TEXT_BYTES_MAX];
    struct wire_out out;
    wire_out_init(&out, text, sizeof(text));
    wire_out_bytes(&out, base_slice_text(PREFIX));
    wire_scram_iterations_put(&out, verifier->iterations);
    wire_out_u8(&out, ':');
    put_base64(&out, base_slice_of(verifier->salt, verifier->salt_bytes));
    wire_out_u8(&out, '$');
    put_base64(&out, base_slice_of(verifier->stored_key, WIRE_SHA256_BYTES));
    wire_out_u8(&out, ':');
    put_base64(&out, base_slice_of(verifier->server_key, WIRE_SHA256_BYTES));
    INVARIANT(wire_out_status(&out) == BASE_OK);
    int r = out.bytes <= capacity ? BASE_OK : BASE_ECAPACITY;
    if (r == BASE_OK) {
        memcpy(ret_text, text, out.bytes);
        *ret_bytes = out.bytes;
    }
    wire_secret_clear(text, sizeof(text));
    return r;
}

int wire_scram_verifier_from_password(const struct wire_crypto *crypto, struct base_slice password,
                                      struct base_slice salt, uint32_t iterations,
                                      struct wire_scram_verifier *ret_verifier)
{
    if (iterations < 1 || iterations > WIRE_SCRAM_ITERATIONS_MAX || salt.bytes < 1 ||
        salt.bytes > WIRE_SCRAM_SALT_BYTES_MAX) {
        return BASE_EINVALID;
    }
    struct wire_scram_keys keys;
    int r = wire_scram_keys_derive(crypto, password, salt, iterations, &keys);
    if (r < 0) {
        return r;
    }
    *ret_verifier = (struct wire_scram_verifier){
        .iterations = iterations,
        .salt_bytes = salt.bytes,
    };
    memcpy(ret_verifier->salt, salt.data, salt.bytes);
    memcpy(ret_verifier->stored_key, keys.stored_key, WIRE_SHA256_BYTES);
    memcpy(ret_verifier->server_key, keys.server_key, WIRE_SHA256_BYTES);
    wire_secret_clear(&keys, sizeof(keys));
    return BASE_OK;
}

/* HMAC(secret, purpose user): a function of the user that only the holder of the secret knows. */
static int derive(const struct wire_crypto *crypto, struct base_slice secret, const char *purpose,
                  struct base_slice user, uint8_t ret_digest[WIRE_SHA256_BYTES])
{
    struct base_slice parts[] = {base_slice_text(purpose), user};
    return crypto->hmac_sha256(crypto->context, secret, parts, 2, ret_digest);
}

int wire_scram_salt(const struct wire_crypto *crypto, struct base_slice secret,
                    struct base_slice user, uint8_t ret_salt[WIRE_SCRAM_SALT_BYTES])
{
    uint8_t digest[WIRE_SHA256_BYTES];
    int r = derive(crypto, secret, "scram salt ", user, digest);
    if (r < 0) {
        return r;
    }
    memcpy(ret_salt, digest, WIRE_SCRAM_SALT_BYTES);
    wire_secret_clear(digest, sizeof(digest));
    return BASE_OK;
}

int wire_scram_verifier_mock(const struct wire_crypto *crypto, struct base_slice secret,
                             struct base_slice user, struct wire_scram_verifier *ret_verifier)
{
    struct wire_scram_verifier verifier = {
        .iterations = WIRE_SCRAM_ITERATIONS_DEFAULT,
        .salt_bytes = WIRE_SCRAM_SALT_BYTES,
    };
    int r = wire_scram_salt(crypto, secret, user, verifier.salt);
    if (r == BASE_OK) {
        r = derive(crypto, secret, "scram stored key ", user, verifier.stored_key);
    }
    if (r == BASE_OK) {
        r = derive(crypto, secret, "scram server key ", user, verifier.server_key);
    }
    if (r == BASE_OK) {
        *ret_verifier = verifier;
    }
    wire_scram_verifier_done(&verifier);
    return r;
}

void wire_scram_verifier_done(struct wire_scram_verifier *verifier)
{
    wire_secret_clear(verifier, sizeof(*verifier));
}
