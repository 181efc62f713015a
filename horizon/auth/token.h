/* token.h - bearer tokens: JSON Web Tokens in compact form (RFC 7519, RFC 7515 section 7.1).
 *
 * Always: a signature is checked with a key that was configured for exactly one algorithm, never
 * with what the token's own header asks for; a header that asks for another algorithm, for none, or
 * for critical extensions is refused before any cryptography; nothing of the payload is looked at
 * before the signature is good; nothing is fetched. The signatures themselves are libjose's.
 *
 * Not here: who the subject is (serve/users.h), where keys come from (auth/keyring.h).
 * Test: tests/unit/horizon/test_token.c; fuzz/fuzz_token.c.
 */
#ifndef HORIZON_AUTH_TOKEN_H
#define HORIZON_AUTH_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/keyring.h"

#define TOKEN_BYTES_MAX   8192 /* of a whole token; those of Supabase have about 1,000 */
#define TOKEN_LEEWAY_S    30   /* how far clocks may be apart */
#define TOKEN_USER_BYTES  37   /* a UUID and its end */
#define TOKEN_LOGIN_BYTES 128  /* of the claim `login` or `email`, longer ones are left out */

enum token_use { TOKEN_ACCESS, TOKEN_REFRESH };

enum token_status {
    TOKEN_OK = 0,
    TOKEN_EMISSING = -1,   /* no credentials at all, or not of the scheme Bearer */
    TOKEN_EMALFORMED = -2, /* not three parts of base64url around two JSON objects */
    TOKEN_ESIGNATURE = -3, /* no key fits: forged, another issuer's, another algorithm */
    TOKEN_EEXPIRED = -4,
    TOKEN_ENOTYET = -5,    /* nbf or iat lie in the future */
    TOKEN_ECLAIMS = -6,    /* exp or sub are missing or wrong; issuer, audience or use do not fit */
    TOKEN_EUNKNOWNKEY = -7 /* as ESIGNATURE; the key set may be old: fetching it again may help */
};

struct token_claims {
    char user_id[TOKEN_USER_BYTES]; /* `sub`: a UUID in lower case */
    char login[TOKEN_LOGIN_BYTES];  /* for people; "" when there is none */
    char stamp[33];                 /* `stamp` of own refresh tokens, "" otherwise */
    int64_t expires;                /* seconds since 1970 */
};

/* What a token has to carry beyond a good signature. NULL: is not looked at. */
struct token_rules {
    const char *issuer, *audience;
    bool is_own; /* made by token_make: `use` must be the one wanted */
};

/* The code of an error answer, "token_expired", and a sentence for people. Never NULL. */
const char *token_status_code(int status);
const char *token_status_text(int status);

/* Takes the token out of an Authorization header's value; NULL: there is no such header. The scheme
 * is told without regard to case (RFC 9110 section 11.1). 0 and a part of `header`, or
 * TOKEN_EMISSING, TOKEN_EMALFORMED. */
int token_of_header(const char *header, const char **ret_token, size_t *ret_bytes)
    __attribute__((warn_unused_result));

/* Checks a token at time `now`, seconds since 1970. 0 or one of the failures above. */
int token_check(const struct keyring *ring, const struct token_rules *rules, enum token_use use,
                const char *token, size_t bytes, int64_t now, struct token_claims *ret_claims)
    __attribute__((warn_unused_result));

/* Makes a token from claims, signed with the ring's own key; issuer as in rules. The text is to be
 * freed. NULL: no memory, or the ring has no key to sign with. */
char *token_make(const struct keyring *ring, const struct token_rules *rules, enum token_use use,
                 const struct token_claims *claims, int64_t now)
    __attribute__((warn_unused_result));

/* Whether a text is a UUID in lower case, as users are named. */
bool token_is_uuid(const char *text);

#endif
