/* crypto.h - what the wire needs from a crypto library, handed in; and handling of secrets.
 *
 * The wire computes no digest itself. Functions return 0 or a negative status, which goes up to
 * the caller unchanged; digests are written on success only.
 */
#ifndef WIRE_CRYPTO_H
#define WIRE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"

#define WIRE_SHA256_BYTES 32
#define WIRE_MD5_BYTES    16

struct wire_crypto {
    void *context; /* given back to every function */

    /* Digests of the parts one after the other, as if they were one string. */
    int (*sha256)(void *context, const struct base_slice *parts, size_t part_count,
                  uint8_t ret_digest[WIRE_SHA256_BYTES]);
    int (*hmac_sha256)(void *context, struct base_slice key, const struct base_slice *parts,
                       size_t part_count, uint8_t ret_digest[WIRE_SHA256_BYTES]);
    int (*md5)(void *context, const struct base_slice *parts, size_t part_count,
               uint8_t ret_digest[WIRE_MD5_BYTES]);

    /* Unpredictable bytes. */
    int (*random)(void *context, uint8_t *ret_bytes, size_t bytes);

    /* PBKDF2-HMAC-SHA-256, 32 bytes. NULL: done here, over hmac_sha256, more slowly. */
    int (*pbkdf2_sha256)(void *context, struct base_slice password, struct base_slice salt,
                         uint32_t iterations, uint8_t ret_key[WIRE_SHA256_BYTES]);

    /* SASLprep (RFC 4013) of a UTF-8 password into memory of `capacity` bytes. Called for passwords
     * with a byte above 127 only. When it fails, or is NULL, the password is used as it is, which
     * is what PostgreSQL does. */
    int (*saslprep)(void *context, struct base_slice password, uint8_t *memory, size_t capacity,
                    size_t *ret_bytes);
};

/* Compares in time that depends on the lengths only. Different lengths: false, at once. */
bool wire_secret_equal(struct base_slice a, struct base_slice b);

/* Clears memory; not optimised away. */
void wire_secret_clear(void *memory, size_t bytes);

/* Bytes of base64 text for so many bytes of data. */
#define WIRE_BASE64_BYTES(bytes) (((bytes) + 2) / 3 * 4)

/* Writes WIRE_BASE64_BYTES(data.bytes) characters, no terminator. BASE_ECAPACITY when they do not
 * fit, before anything is written. */
BASE_MUST_CHECK int wire_base64_encode(struct base_slice data, uint8_t *ret_text, size_t capacity,
                                       size_t *ret_bytes);
/* Strict: no white space, full padding, no stray bits in the last character. BASE_EPROTOCOL when it
 * is not base64, BASE_ECAPACITY when the data does not fit, both before anything is written. The
 * empty text is the empty data. */
BASE_MUST_CHECK int wire_base64_decode(struct base_slice text, uint8_t *ret_data, size_t capacity,
                                       size_t *ret_bytes);

#endif
