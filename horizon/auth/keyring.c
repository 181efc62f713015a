/* keyring.c - see keyring.h. */
#include "auth/keyring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jose/b64.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>

#define P256_BYTES    32
#define RSA_BITS_MIN  2048
#define RSA_BYTES_MAX 1024 /* 8,192 bits: larger ones cost too much a check */

struct key {
    json_t *jwk; /* with its "alg" set: libjose refuses any other */
    const char *alg;
    const char *kid; /* inside jwk; NULL */
};

struct keyring {
    struct key keys[KEYRING_KEYS_MAX];
    size_t count;
    bool may_sign;
};

void keyring_free(struct keyring *ring)
{
    for (size_t i = 0; ring && i < ring->count; i++) {
        json_decref(ring->keys[i].jwk);
    }
    free(ring);
}

size_t keyring_count(const struct keyring *ring)
{
    return ring->count;
}

static void add(struct keyring *ring, json_t *jwk)
{
    ring->keys[ring->count++] = (struct key){
        .jwk = jwk,
        .alg = json_string_value(json_object_get(jwk, "alg")),
        .kid = json_string_value(json_object_get(jwk, "kid")),
    };
}

struct keyring *keyring_of_secret(const char *secret, size_t bytes, char *why, size_t why_bytes)
{
    if (bytes < KEYRING_SECRET_BYTES_MIN) {
        snprintf(why, why_bytes, "the secret has %zu bytes, HS256 needs %d at least (RFC 7518)",
                 bytes, KEYRING_SECRET_BYTES_MIN);
        return NULL;
    }
    struct keyring *ring = calloc(1, sizeof(*ring));
    json_t *jwk = json_pack("{s:s, s:s, s:o}", "kty", "oct", "alg", "HS256", "k",
                            jose_b64_enc(secret, bytes));
    if (!ring || !jwk) {
        snprintf(why, why_bytes, "out of memory");
        json_decref(jwk);
        free(ring);
        return NULL;
    }
    add(ring, jwk);
    ring->may_sign = true;
    return ring;
}

/* ---- key sets --------------------------------------------------------------------------------
 */

static bool is_text(const json_t *jwk, const char *name, const char *wanted)
{
    const char *value = json_string_value(json_object_get(jwk, name));
    return value && strcmp(value, wanted) == 0;
}

/* A member that is absent or has that value. */
static bool is_text_or_absent(const json_t *jwk, const char *name, const char *wanted)
{
    return !json_object_get(jwk, name) || is_text(jwk, name, wanted);
}

/* Bytes that a base64url member has; 0 when it is missing, wrong or longer than `most`. */
static size_t bytes_of(const json_t *jwk, const char *name, unsigned char *out, size_t most)
{
    const json_t *member = json_object_get(jwk, name);
    size_t bytes = json_is_string(member) ? jose_b64_dec(member, NULL, 0) : SIZE_MAX;
    if (bytes == SIZE_MAX || bytes > most) {
        return 0;
    }
    return jose_b64_dec(member, out, most) == bytes ? bytes : 0;
}

static bool is_p256(const json_t *jwk)
{
    unsigned char point[P256_BYTES];
    return is_text(jwk, "kty", "EC") && is_text(jwk, "crv", "P-256") &&
           bytes_of(jwk, "x", point, sizeof(point)) == P256_BYTES &&
           bytes_of(jwk, "y", point, sizeof(point)) == P256_BYTES;
}

static bool is_rsa(const json_t *jwk)
{
    unsigned char number[RSA_BYTES_MAX];
    if (!is_text(jwk, "kty", "RSA") || bytes_of(jwk, "e", number, 8) == 0) {
        return false;
    }
    size_t bytes = bytes_of(jwk, "n", number, sizeof(number));
    BIGNUM *n = bytes > 0 ? BN_bin2bn(number, (int)bytes, NULL) : NULL;
    bool is_long = n && BN_num_bits(n) >= RSA_BITS_MIN;
    BN_free(n);
    return is_long;
}

/* The algorithm that a key of a set is for; NULL: none that is believed here. */
static const char *algorithm(const json_t *jwk)
{
    if (!is_text_or_absent(jwk, "use", "sig")) {
        return NULL;
    }
    if (is_p256(jwk) && is_text_or_absent(jwk, "alg", "ES256")) {
        return "ES256";
    }
    if (is_rsa(jwk) && is_text_or_absent(jwk, "alg", "RS256")) {
        return "RS256";
    }
    return NULL;
}

/* Only what a check needs: a key set that carries private parts or operations changes nothing. */
static json_t *public_part(const json_t *jwk, const char *alg)
{
    static const char *const members[] = {"kty", "crv", "x", "y", "n", "e", "kid"};
    json_t *part = json_pack("{s:s}", "alg", alg);
    for (size_t i = 0; part && i < sizeof(members) / sizeof(members[0]); i++) {
        json_t *value = json_object_get(jwk, members[i]);
        if (json_is_string(value) && json_object_set(part, members[i], value) != 0) {
            json_decref(part);
            return NULL;
        }
    }
    return part;
}

struct keyring *keyring_of_set(const char *text, size_t bytes, char *why, size_t why_bytes)
{
    json_error_t error;
    json_t *set = bytes <= KEYRING_SET_BYTES_MAX
                      ? json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error)
                      : NULL;
    const json_t *keys = json_object_get(set, "keys");
    struct keyring *ring = json_is_array(keys) ? calloc(1, sizeof(*ring)) : NULL;
    for (size_t i = 0; ring && i < json_array_size(keys) && ring->count < KEYRING_KEYS_MAX; i++) {
        const json_t *jwk = json_array_get(keys, i);
        const char *alg = algorithm(jwk);
        json_t *part = alg ? public_part(jwk, alg) : NULL;
        if (part) {
            add(ring, part);
        }
    }
    json_decref(set);
    if (ring && ring->count > 0) {
        return ring;
    }
    snprintf(why, why_bytes,
             ring ? "the key set has no key for ES256 (P-256) or RS256 (2,048 bits)"
                  : "this is no JSON Web Key Set (RFC 7517: {\"keys\": [...]})");
    keyring_free(ring);
    return NULL;
}

/* ---- looking ---------------------------------------------------------------------------------
 */

const json_t *keyring_find(const struct keyring *ring, const char *alg, const char *kid, size_t i)
{
    for (size_t at = 0; at < ring->count; at++) {
        const struct key *key = &ring->keys[at];
        bool fits = strcmp(key->alg, alg) == 0 && (!kid || !key->kid || strcmp(key->kid, kid) == 0);
        if (fits && i-- == 0) {
            return key->jwk;
        }
    }
    return NULL;
}

bool keyring_accepts(const struct keyring *ring, const char *alg)
{
    return keyring_find(ring, alg, NULL, 0) != NULL;
}

const json_t *keyring_signer(const struct keyring *ring)
{
    return ring->may_sign ? ring->keys[0].jwk : NULL;
}
