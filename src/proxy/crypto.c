/* crypto.c - digests and random bytes from OpenSSL, SASLprep from libidn.
 *
 * Of secrets nothing is kept between calls but random bytes that nobody has had yet; what is taken
 * of them is cleared.
 */
#include "proxy/crypto.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <string.h>
#include <stringprep.h>

#include "base/invariant.h"

static int digest(const EVP_MD *kind, const struct base_slice *parts, size_t part_count,
                  uint8_t *ret_digest)
{
    int r = BASE_ESYSTEM;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context || EVP_DigestInit_ex(context, kind, NULL) != 1) {
        goto out;
    }
    for (size_t i = 0; i < part_count; i++) {
        if (EVP_DigestUpdate(context, parts[i].data, parts[i].bytes) != 1) {
            goto out;
        }
    }
    if (EVP_DigestFinal_ex(context, ret_digest, NULL) == 1) {
        r = BASE_OK;
    }
out:
    EVP_MD_CTX_free(context);
    return r;
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
    int r = BASE_ESYSTEM;
    size_t bytes = 0;
    /* kept: to look it up costs more than a short digest; all logins are the loop's thread's */
    static EVP_MAC *mac;
    mac = mac ? mac : EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *hmac = mac ? EVP_MAC_CTX_new(mac) : NULL;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string("digest", (char[]){"SHA256"}, 0),
        OSSL_PARAM_construct_end(),
    };
    if (!hmac || EVP_MAC_init(hmac, key.data, key.bytes, params) != 1) {
        goto out;
    }
    for (size_t i = 0; i < part_count; i++) {
        if (EVP_MAC_update(hmac, parts[i].data, parts[i].bytes) != 1) {
            goto out;
        }
    }
    if (EVP_MAC_final(hmac, ret_digest, &bytes, WIRE_SHA256_BYTES) == 1 &&
        bytes == WIRE_SHA256_BYTES) {
        r = BASE_OK;
    }
out:
    EVP_MAC_CTX_free(hmac);
    return r;
}

static int random_bytes(__attribute__((unused)) void *context, uint8_t *ret_bytes, size_t bytes)
{
    return proxy_random(ret_bytes, bytes);
}

int proxy_random(void *bytes, size_t count)
{
    return count <= INT32_MAX && RAND_bytes(bytes, (int)count) == 1 ? BASE_OK : BASE_ESYSTEM;
}

int proxy_random_few(struct proxy_random_store *store, void *bytes, size_t count)
{
    INVARIANT(count <= sizeof(store->bytes));
    if (store->left < count) {
        int r = proxy_random(store->bytes, sizeof(store->bytes));
        if (r < 0) {
            return r;
        }
        store->left = sizeof(store->bytes);
    }
    store->left -= count;
    memcpy(bytes, store->bytes + store->left, count);
    wire_secret_clear(store->bytes + store->left, count);
    return BASE_OK;
}

static int pbkdf2_sha256(__attribute__((unused)) void *context, struct base_slice password,
                         struct base_slice salt, uint32_t iterations,
                         uint8_t ret_key[WIRE_SHA256_BYTES])
{
    if (password.bytes > INT32_MAX || salt.bytes > INT32_MAX || iterations > INT32_MAX) {
        return BASE_EINVALID;
    }
    int r = PKCS5_PBKDF2_HMAC((const char *)password.data, (int)password.bytes, salt.data,
                              (int)salt.bytes, (int)iterations, EVP_sha256(), WIRE_SHA256_BYTES,
                              ret_key);
    return r == 1 ? BASE_OK : BASE_ESYSTEM;
}

static int saslprep(__attribute__((unused)) void *context, struct base_slice password,
                    uint8_t *memory, size_t capacity, size_t *ret_bytes)
{
    if (password.bytes + 1 > capacity || memchr(password.data, 0, password.bytes)) {
        return BASE_EINVALID;
    }
    memcpy(memory, password.data, password.bytes);
    memory[password.bytes] = 0;
    if (stringprep((char *)memory, capacity, 0, stringprep_saslprep) != STRINGPREP_OK) {
        return BASE_EINVALID;
    }
    *ret_bytes = strlen((char *)memory);
    return BASE_OK;
}

const struct wire_crypto *proxy_crypto(void)
{
    static const struct wire_crypto crypto = {
        .sha256 = sha256,
        .hmac_sha256 = hmac_sha256,
        .md5 = md5,
        .random = random_bytes,
        .pbkdf2_sha256 = pbkdf2_sha256,
        .saslprep = saslprep,
    };
    return &crypto;
}
