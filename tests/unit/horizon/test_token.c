/* Tests of auth/token.h and auth/keyring.h: the RFC's own vectors, and what must not be believed.
 */
#include "auth/token.h"

#include <stdlib.h>
#include <string.h>

#include "test.h"

/* RFC 7515 appendix A.1 (HS256) and A.3 (ES256): the same payload, which expired in 2011. */
#define PAYLOAD                                                                      \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc1" \
    "9yb290Ijp0cnVlfQ"
#define A1_TOKEN                                        \
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." PAYLOAD \
    ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define A3_TOKEN                                                                              \
    "eyJhbGciOiJFUzI1NiJ9." PAYLOAD ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5d" \
    "jxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
#define A3_KEY                                                                                 \
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"," \
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\""
#define A3_SET "{\"keys\":[" A3_KEY "}]}"
#define BEFORE 1300819379 /* a second before it expired */

#define SECRET "a secret of the tests, 32 bytes and more"
#define ANN    "01234567-89ab-4cde-8f01-23456789abcd"
#define NOW    1700000000

static const unsigned char a1_key[] = {
    3,   35,  53, 75,  43,  15, 165, 188, 131, 126, 6,   101, 119, 123, 166, 143,
    90,  179, 40, 230, 240, 84, 201, 40,  169, 15,  132, 178, 210, 80,  46,  191,
    211, 251, 90, 146, 210, 6,  71,  239, 150, 138, 180, 195, 119, 98,  61,  34,
    61,  46,  33, 114, 5,   46, 79,  8,   192, 205, 154, 245, 103, 208, 128, 163};

static const struct token_rules own = {NULL, NULL, true};
static const struct token_rules any = {NULL, NULL, false};

static struct keyring *ring_of(const char *secret)
{
    char why[200];
    struct keyring *ring = keyring_of_secret(secret, strlen(secret), why, sizeof(why));
    assert_non_null(ring);
    return ring;
}

static struct keyring *set_of(const char *set)
{
    char why[200];
    return keyring_of_set(set, strlen(set), why, sizeof(why));
}

static int check(const struct keyring *ring, const struct token_rules *rules, const char *token,
                 int64_t now)
{
    struct token_claims claims;
    return token_check(ring, rules, TOKEN_ACCESS, token, strlen(token), now, &claims);
}

/* The signature is looked at before the claims: a good one gets as far as the missing `sub`. */
TEST(vector_a1_of_rfc_7515_has_a_good_signature_and_has_expired)
{
    char why[200];
    struct keyring *ring =
        keyring_of_secret((const char *)a1_key, sizeof(a1_key), why, sizeof(why));
    assert_non_null(ring);
    assert_int_equal(check(ring, &any, A1_TOKEN, NOW), TOKEN_EEXPIRED);
    assert_int_equal(check(ring, &any, A1_TOKEN, BEFORE), TOKEN_ECLAIMS);
    assert_int_equal(check(ring, &any, A3_TOKEN, NOW), TOKEN_ESIGNATURE);
    keyring_free(ring);
}

TEST(vector_a3_of_rfc_7515_has_a_good_signature_and_has_expired)
{
    struct keyring *ring = set_of(A3_SET);
    assert_non_null(ring);
    assert_int_equal(check(ring, &any, A3_TOKEN, NOW), TOKEN_EEXPIRED);
    assert_int_equal(check(ring, &any, A3_TOKEN, BEFORE), TOKEN_ECLAIMS);
    keyring_free(ring);
}

TEST(a_changed_byte_spoils_every_part_of_a_vector)
{
    struct keyring *ring = set_of(A3_SET);
    for (size_t i = 0; i < strlen(A3_TOKEN) - 1; i++) { /* the last digit has unused bits */
        char token[] = A3_TOKEN;
        if (token[i] == '.') {
            continue;
        }
        token[i] = token[i] == 'A' ? 'B' : 'A';
        int r = check(ring, &any, token, BEFORE);
        assert_true(r == TOKEN_ESIGNATURE || r == TOKEN_EMALFORMED);
    }
    keyring_free(ring);
}

TEST(public_key_is_no_secret_for_hs256)
{
    /* the classic confusion: the public key's text as HMAC secret; HS256 is not in the ring */
    struct keyring *ring = set_of(A3_SET);
    struct keyring *forger = ring_of(A3_SET);
    struct token_claims claims = {.user_id = ANN, .expires = NOW + 60};
    char *token = token_make(forger, &own, TOKEN_ACCESS, &claims, NOW);
    assert_non_null(token);
    assert_int_equal(check(ring, &any, token, NOW), TOKEN_ESIGNATURE);
    free(token);
    keyring_free(forger);
    keyring_free(ring);
}

TEST(token_that_was_made_is_believed_until_it_expires)
{
    struct keyring *ring = ring_of(SECRET);
    struct token_claims claims = {.user_id = ANN, .login = "ann", .expires = NOW + 60}, read;
    char *token = token_make(ring, &own, TOKEN_ACCESS, &claims, NOW);
    assert_non_null(token);
    assert_int_equal(token_check(ring, &own, TOKEN_ACCESS, token, strlen(token), NOW + 60, &read),
                     TOKEN_OK);
    assert_string_equal(read.user_id, ANN);
    assert_string_equal(read.login, "ann");
    assert_int_equal(check(ring, &own, token, NOW + 60 + TOKEN_LEEWAY_S - 1), TOKEN_OK);
    assert_int_equal(check(ring, &own, token, NOW + 60 + TOKEN_LEEWAY_S), TOKEN_EEXPIRED);
    assert_int_equal(check(ring, &own, token, NOW - TOKEN_LEEWAY_S), TOKEN_OK);
    assert_int_equal(check(ring, &own, token, NOW - TOKEN_LEEWAY_S - 1), TOKEN_ENOTYET);
    free(token);
    keyring_free(ring);
}

TEST(token_for_another_use_or_audience_or_of_another_secret_is_not_believed)
{
    struct keyring *ring = ring_of(SECRET), *other = ring_of(SECRET "!");
    struct token_rules strict = {"here", "us", true}, elsewhere = {"there", "us", true};
    struct token_rules others = {"here", "them", true};
    struct token_claims claims = {.user_id = ANN, .expires = NOW + 60};
    char *token = token_make(ring, &strict, TOKEN_REFRESH, &claims, NOW);
    struct token_claims read;
    assert_int_equal(token_check(ring, &strict, TOKEN_REFRESH, token, strlen(token), NOW, &read),
                     TOKEN_OK);
    assert_int_equal(check(ring, &strict, token, NOW), TOKEN_ECLAIMS);
    assert_int_equal(token_check(ring, &elsewhere, TOKEN_REFRESH, token, strlen(token), NOW, &read),
                     TOKEN_ECLAIMS);
    assert_int_equal(token_check(ring, &others, TOKEN_REFRESH, token, strlen(token), NOW, &read),
                     TOKEN_ECLAIMS);
    assert_int_equal(token_check(other, &strict, TOKEN_REFRESH, token, strlen(token), NOW, &read),
                     TOKEN_ESIGNATURE);
    free(token);
    keyring_free(other);
    keyring_free(ring);
}

TEST(header_that_asks_for_none_or_extensions_is_refused_before_the_signature)
{
    struct keyring *ring = ring_of(SECRET);
    assert_int_equal(check(ring, &any, "eyJhbGciOiJub25lIn0.e30.", NOW), TOKEN_ESIGNATURE);
    assert_int_equal(check(ring, &any, "eyJhbGciOiJIUzI1NiJ9.e30.", NOW), TOKEN_ESIGNATURE);
    /* {"alg":"HS256","crit":["b64"]} */
    assert_int_equal(check(ring, &any, "eyJhbGciOiJIUzI1NiIsImNyaXQiOlsiYjY0Il19.e30.AAAA", NOW),
                     TOKEN_ESIGNATURE);
    keyring_free(ring);
}

TEST(text_that_is_no_token_is_malformed)
{
    static const char *const texts[] = {"",
                                        ".",
                                        "..",
                                        "a.b",
                                        "a.b.c.d",
                                        "a.b.c=",
                                        "a.b.c\n",
                                        "!.b.c",
                                        "e30.e30.e30",
                                        "W10.e30.AAAA",
                                        "bnVsbA.e30.AAAA",
                                        "eyJhbGciOjF9.e30.AAAA"};
    struct keyring *ring = ring_of(SECRET);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(check(ring, &any, texts[i], NOW), TOKEN_EMALFORMED);
    }
    keyring_free(ring);
}

TEST(key_is_chosen_by_its_name)
{
    struct keyring *ring = set_of("{\"keys\":[" A3_KEY ",\"kid\":\"one\"}]}");
    assert_non_null(keyring_find(ring, "ES256", "one", 0));
    assert_non_null(keyring_find(ring, "ES256", NULL, 0));
    assert_null(keyring_find(ring, "ES256", "one", 1));
    assert_null(keyring_find(ring, "ES256", "two", 0));
    assert_null(keyring_find(ring, "RS256", "one", 0));
    /* {"alg":"ES256","kid":"two"}: the set may have been renewed */
    assert_int_equal(check(ring, &any, "eyJhbGciOiJFUzI1NiIsImtpZCI6InR3byJ9.e30.AAAA", NOW),
                     TOKEN_EUNKNOWNKEY);
    keyring_free(ring);
}

TEST(key_sets_take_only_public_keys_of_believed_algorithms)
{
    static const char *const wrong[] = {
        "",
        "[]",
        "{\"keys\":1}",
        "{\"keys\":[]}",
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZ\"}"
        "]}",
        "{\"keys\":[" A3_KEY ",\"use\":\"enc\"}]}",
        "{\"keys\":[" A3_KEY ",\"alg\":\"ES384\"}]}",
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}]}",
        "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_null(set_of(wrong[i]));
    }
    struct keyring *ring = set_of("{\"keys\":[7," A3_KEY ",\"alg\":\"ES256\",\"use\":\"sig\"}]}");
    assert_int_equal(keyring_count(ring), 1);
    assert_null(keyring_signer(ring));
    keyring_free(ring);
}

TEST(secret_needs_32_bytes)
{
    char why[200];
    assert_null(keyring_of_secret("0123456789abcdef0123456789abcde", 31, why, sizeof(why)));
    struct keyring *ring =
        keyring_of_secret("0123456789abcdef0123456789abcdef", 32, why, sizeof(why));
    assert_non_null(ring);
    keyring_free(ring);
}

TEST(authorization_header_names_the_scheme_in_any_case)
{
    const char *token;
    size_t bytes;
    assert_int_equal(token_of_header(NULL, &token, &bytes), TOKEN_EMISSING);
    assert_int_equal(token_of_header("", &token, &bytes), TOKEN_EMISSING);
    assert_int_equal(token_of_header("Bearer", &token, &bytes), TOKEN_EMISSING);
    assert_int_equal(token_of_header("Bearer   ", &token, &bytes), TOKEN_EMISSING);
    assert_int_equal(token_of_header("Basic abc", &token, &bytes), TOKEN_EMISSING);
    assert_int_equal(token_of_header("bEaReR  a.b.c", &token, &bytes), TOKEN_OK);
    assert_int_equal(bytes, 5);
    assert_memory_equal(token, "a.b.c", 5);
}

TEST(users_are_named_by_uuids_in_lower_case)
{
    assert_true(token_is_uuid(ANN));
    assert_false(token_is_uuid(""));
    assert_false(token_is_uuid("01234567-89AB-4cde-8f01-23456789abcd"));
    assert_false(token_is_uuid(ANN "0"));
    assert_false(token_is_uuid("01234567-89ab-4cde-8f01-23456789abc"));
}
