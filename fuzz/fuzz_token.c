/* fuzz_token.c - everything of horizon/auth that reads bytes from outside.
 *
 * The first byte chooses: 'h' an Authorization header, 's' a key set, 'c' claims (they get a good
 * signature, so that what looks at them is reached), anything else a whole token. A token that was
 * not signed here must never be believed; what is believed names a user by a UUID and has not
 * expired.
 */
#include <stdlib.h>
#include <string.h>

#include <jose/b64.h>
#include <jose/jws.h>

#include "auth/token.h"
#include "fuzz.h"

#define SECRET "a secret of the fuzzer: 32 bytes and more"
#define NOW    1700000000

static const struct token_rules own = {NULL, NULL, true};
static const struct token_rules others = {NULL, "us", false};

static struct keyring *make_ring(void)
{
    char why[200];
    struct keyring *ring = keyring_of_secret(SECRET, sizeof(SECRET) - 1, why, sizeof(why));
    INVARIANT(ring);
    return ring;
}

static void check_believed(const struct token_claims *claims)
{
    INVARIANT(token_is_uuid(claims->user_id));
    INVARIANT(claims->expires + TOKEN_LEEWAY_S > NOW);
    INVARIANT(memchr(claims->login, '\0', sizeof(claims->login)));
    INVARIANT(memchr(claims->stamp, '\0', sizeof(claims->stamp)));
}

static void check_token(const struct keyring *ring, const char *text, size_t bytes)
{
    struct token_claims claims;
    INVARIANT(token_check(ring, &own, TOKEN_ACCESS, text, bytes, NOW, &claims) < 0);
    INVARIANT(token_check(ring, &others, TOKEN_REFRESH, text, bytes, NOW, &claims) < 0);
}

static void check_header(const struct keyring *ring, const uint8_t *data, size_t bytes)
{
    char *header = calloc(1, bytes + 1);
    const char *token;
    size_t token_bytes;
    memcpy(header, data, bytes);
    if (token_of_header(header, &token, &token_bytes) == TOKEN_OK) {
        INVARIANT(token > header && token_bytes > 0 && token_bytes <= TOKEN_BYTES_MAX);
        check_token(ring, token, token_bytes);
    }
    free(header);
}

static void check_claims(const struct keyring *ring, const uint8_t *data, size_t bytes)
{
    json_t *jws = json_pack("{s:o}", "payload", jose_b64_enc(data, bytes));
    json_t *template = json_pack("{s:{s:s}}", "protected", "alg", "HS256");
    struct token_claims claims;
    char *token = NULL;
    if (jws && jose_jws_sig(NULL, jws, template, keyring_signer(ring)) &&
        asprintf(&token, "%s.%s.%s", json_string_value(json_object_get(jws, "protected")),
                 json_string_value(json_object_get(jws, "payload")),
                 json_string_value(json_object_get(jws, "signature"))) > 0) {
        if (token_check(ring, &own, TOKEN_ACCESS, token, strlen(token), NOW, &claims) == TOKEN_OK) {
            check_believed(&claims);
        }
        if (token_check(ring, &others, TOKEN_ACCESS, token, strlen(token), NOW, &claims) ==
            TOKEN_OK) {
            check_believed(&claims);
        }
    }
    free(token);
    json_decref(template);
    json_decref(jws);
}

static void check_set(const uint8_t *data, size_t bytes)
{
    char why[200] = "";
    struct keyring *ring = keyring_of_set((const char *)data, bytes, why, sizeof(why));
    INVARIANT(ring || why[0]);
    if (ring) {
        INVARIANT(keyring_count(ring) >= 1 && keyring_count(ring) <= KEYRING_KEYS_MAX);
        INVARIANT(!keyring_signer(ring) && !keyring_accepts(ring, "HS256"));
        check_token(ring, "eyJhbGciOiJFUzI1NiJ9.e30.AAAA", 29);
    }
    keyring_free(ring);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes == 0) {
        return 0;
    }
    struct keyring *ring = make_ring();
    switch (data[0]) {
    case 'h':
        check_header(ring, data + 1, bytes - 1);
        break;
    case 's':
        check_set(data + 1, bytes - 1);
        break;
    case 'c':
        check_claims(ring, data + 1, bytes - 1);
        break;
    default:
        check_token(ring, (const char *)data, bytes);
        break;
    }
    keyring_free(ring);
    return 0;
}
