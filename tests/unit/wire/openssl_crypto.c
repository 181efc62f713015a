/* openssl_crypto.c - struct wire_crypto over OpenSSL for tests and fuzz targets: as
 * proxy/crypto.c, but random bytes count up and calls can be made to fail. */
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "openssl_crypto.h"

static unsigned fail_at;
static uint8_t random_next;

void test_crypto_fail_at(unsigned n)
{
    fail_at = n;
}

void test_crypto_seed(uint8_t seed)
{
    random_next = seed;
}

static bool must_fail(void)
{
    return fail_at > 0 && --fail_at == 0;
}

static int digest(const EVP_MD *kind, const struct base_slice *parts, size_t part_count,
                  uint8_t *ret_digest)
{
    if (must_fail()) {
        return BASE_ESYSTEM;
    }
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_ok = context && EVP_DigestInit_ex(context, kind, NULL) == 1;
    for (size_t i = 0; i < part_count && is_ok; i++) {
        is_ok = EVP_DigestUpdate(context, parts[i].data, parts[i].bytes) == 1;
    }
    is_ok = is_ok && EVP_DigestFinal_ex(context, ret_digest, NULL) == 1;
    EVP_MD_CTX_free(context);
    return is_ok ? BASE_OK : BASE_ESYSTEM;
}

static int sha256(__attribute__((unused)) void *context, const struct base_slice *parts,
                  size_t part_count, uint8_t ret_digest[WIRE_SHA256_BYTES])
{
    return digest(EVP_sha256(), parts, part_count, ret_digest);
}

static int md5(__attribute__((unused)) void *context, const struct base_slice *parts,
               size_t part_count, uint8_t ret_digest[WIRE_MD5_BYTES])
{
    return digest(EVP_md5(), parts, part_count, ret_digest);
}

static int hmac_sha256(__attribute__((unused)) void *context, struct base_slice key,
                       const struct base_slice *parts, size_t part_count,
                       uint8_t ret_digest[WIRE_SHA256_BYTES])
{
    uint8_t text[8192];
    size_t bytes = 0;
    unsigned digest_bytes = WIRE_SHA256_BYTES;
    if (must_fail()) {
        return BASE_ESYSTEM;
    }
    for (size_t i = 0; i < part_count; i++) {
        if (parts[i].bytes > sizeof(text) - bytes) {
            return BASE_ECAPACITY;
        }
        memcpy(text + bytes, parts[i].data, parts[i].bytes);
        bytes += parts[i].bytes;
    }
    return HMAC(EVP_sha256(), key.data, (int)key.bytes, text, bytes, ret_digest, &digest_bytes)
               ? BASE_OK
               : BASE_ESYSTEM;
}

static int random_bytes(__attribute__((unused)) void *context, uint8_t *ret_bytes, size_t bytes)
{
    if (must_fail()) {
        return BASE_ESYSTEM;
    }
    for (size_t i = 0; i < bytes; i++) {
        ret_bytes[i] = random_next++;
    }
    return BASE_OK;
}

static int pbkdf2_sha256(__attribute__((unused)) void *context, struct base_slice password,
                         struct base_slice salt, uint32_t iterations,
                         uint8_t ret_key[WIRE_SHA256_BYTES])
{
    if (must_fail()) {
        return BASE_ESYSTEM;
    }
    int r = PKCS5_PBKDF2_HMAC((const char *)password.data, (int)password.bytes, salt.data,
                              (int)salt.bytes, (int)iterations, EVP_sha256(), WIRE_SHA256_BYTES,
                              ret_key);
    return r == 1 ? BASE_OK : BASE_ESYSTEM;
}

static int saslprep(__attribute__((unused)) void *context, struct base_slice password,
                    uint8_t *memory, size_t capacity, size_t *ret_bytes)
{
    if (password.bytes > capacity || memchr(password.data, 0xfe, password.bytes)) {
        return BASE_EINVALID;
    }
    for (size_t i = 0; i < password.bytes; i++) {
        memory[i] = password.data[i] == 0xff ? 'x' : password.data[i];
    }
    *ret_bytes = password.bytes;
    return BASE_OK;
}

const struct wire_crypto test_crypto = {
    .sha256 = sha256,
    .hmac_sha256 = hmac_sha256,
    .md5 = md5,
    .random = random_bytes,
};

const struct wire_crypto test_crypto_fast = {
    .sha256 = sha256,
    .hmac_sha256 = hmac_sha256,
    .md5 = md5,
    .random = random_bytes,
    .pbkdf2_sha256 = pbkdf2_sha256,
    .saslprep = saslprep,
};
