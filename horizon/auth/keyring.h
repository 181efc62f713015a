/* keyring.h - the keys whose signatures are believed, each for one algorithm.
 *
 * A ring is made whole, then never changes; who replaces one makes another and swaps (keys.h).
 * Algorithms: HS256 with a secret of 32 bytes and more (RFC 7518 section 3.2), ES256 on P-256,
 * RS256 with 2,048 bits and more. Keys come as JSON Web Keys (RFC 7517); those of a key set that
 * are for other algorithms, or for encryption, are left out; secrets in a key set are refused.
 * Test: tests/unit/horizon/test_token.c; fuzz/fuzz_token.c.
 */
#ifndef HORIZON_AUTH_KEYRING_H
#define HORIZON_AUTH_KEYRING_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#define KEYRING_SECRET_BYTES_MIN 32
#define KEYRING_KEYS_MAX         32
#define KEYRING_SET_BYTES_MAX    65536

struct keyring;

/* A ring with one secret for HS256, which signs too. NULL with a sentence in `why`: too short, no
 * memory. */
struct keyring *keyring_of_secret(const char *secret, size_t bytes, char *why, size_t why_bytes)
    __attribute__((warn_unused_result));

/* A ring of the public keys in a JWKS document. NULL with a sentence in `why`. */
struct keyring *keyring_of_set(const char *text, size_t bytes, char *why, size_t why_bytes)
    __attribute__((warn_unused_result));

/* NULL is fine. */
void keyring_free(struct keyring *ring);

size_t keyring_count(const struct keyring *ring);

/* The i-th key that may be tried for `alg` and `kid` (NULL: the token names none), NULL when there
 * are no more. */
const json_t *keyring_find(const struct keyring *ring, const char *alg, const char *kid, size_t i);

/* Whether the ring has any key for an algorithm: if not, fetching does not help either. */
bool keyring_accepts(const struct keyring *ring, const char *alg);

/* The key that signs; NULL when the ring only checks. */
const json_t *keyring_signer(const struct keyring *ring);

#endif
