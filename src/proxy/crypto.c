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

/* To look an algorithm up costs more than a short digest, so what was found is kept. */
static int sha256(__attribute__((unused)) void *context, const struct base_slice *parts,
                  size_t part_count, uint8_t ret_digest[WIRE_SHA256_BYTES])
{
    static EVP_MD *kept;
    kept = kept ? kept : EVP_MD_fetch(NULL, "SHA256", NULL);
    return kept ? digest(kept, parts, part_count, ret_digest) : BASE_ESYSTEM;
}

static int md5(__attribute__((unused)) void *context, const struct base_slice *parts,
               size_t part_count, uint8_t ret_digest[WIRE_MD5_BYTES])
{
    return digest(EVP_md5(), parts, part_count, ret_digest);
}

static EVP_MAC_CTX *make_hmac(void)
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *hmac = mac ? EVP_MAC_CTX_new(mac) : NULL;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string("digest", (char[]){"SHA256"}, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC_free(mac);
    if (hmac && EVP_MAC_CTX_set_params(hmac, params) != 1) {
        EVP_MAC_CTX_free(hmac);
        return NULL;
    }
    return hmac;
}

static bool sign(EVP_MAC_CTX *hmac, const struct base_slice *parts, size_t part_count,
                 uint8_t ret_digest[WIRE_SHA256_BYTES])
{
    size_t bytes = 0;
    for (size_t i = 0; i < part_count; i++) {
        if (EVP_MAC_update(hmac, parts[i].data, parts[i].bytes) != 1) {
            return false;
        }
    }
    return EVP_MAC_final(hmac, ret_digest, &bytes, WIRE_SHA256_BYTES) == 1 &&
           bytes == WIRE_SHA256_BYTES;
}

/* The context is kept for the next, without its key; all logins are the loop's thread's. */
static int hmac_sha256(__attribute__((unused)) void *context, struct base_slice key,
                       const struct base_slice *parts, size_t part_count,
                       uint8_t ret_digest[WIRE_SHA256_BYTES])
{
    static const uint8_t no_key[WIRE_SHA256_BYTES];
    static EVP_MAC_CTX *kept;
    EVP_MAC_CTX *hmac = kept ? kept : make_hmac();
    bool is_done = hmac && EVP_MAC_init(hmac, key.data, key.bytes, NULL) == 1 &&
                   sign(hmac, parts, part_count, ret_digest);
    if (hmac && EVP_MAC_init(hmac, no_key, sizeof(no_key), NULL) != 1) {
        EVP_MAC_CTX_free(hmac);
        hmac = NULL;
    }
    kept = hmac;
    return is_done ? BASE_OK : BASE_ESYSTEM;
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

static int random_bytes(__attribute__((unused)) void *context, uint8_t *ret_bytes, size_t bytes)
{
    static struct proxy_random_store nonces;
    return proxy_random_few(&nonces, ret_bytes, bytes);
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
