/* Tests of auth/accepted.h: tokens that were found good lately. */
#include "auth/accepted.h"

#include <stdio.h>
#include <string.h>

#include "test.h"

#define NOW     1000
#define EXPIRES 2000

static const struct token_rules rules = {0}, other_rules = {0};

static void digest_of(const char *token, unsigned char digest[ACCEPTED_DIGEST_BYTES])
{
    assert_true(accepted_digest(&rules, token, strlen(token), digest));
}

static void keep(struct accepted *accepted, const char *token)
{
    unsigned char digest[ACCEPTED_DIGEST_BYTES];
    struct token_claims claims = {.expires = EXPIRES};
    digest_of(token, digest);
    snprintf(claims.login, sizeof(claims.login), "%s", token);
    accepted_store(accepted, digest, NOW, &claims);
}

static bool has(struct accepted *accepted, const char *token, int64_t now)
{
    unsigned char digest[ACCEPTED_DIGEST_BYTES];
    struct token_claims claims;
    digest_of(token, digest);
    return accepted_find(accepted, digest, now, &claims) && strcmp(claims.login, token) == 0;
}

TEST(accepted_token_is_found_with_its_claims_and_no_other)
{
    struct accepted *accepted = accepted_new();
    assert_false(has(accepted, "a.b.c", NOW));
    keep(accepted, "a.b.c");
    assert_true(has(accepted, "a.b.c", NOW));
    assert_false(has(accepted, "a.b.d", NOW));
    assert_false(has(accepted, "a.b.", NOW));
    accepted_free(accepted);
}

TEST(accepted_token_ends_when_token_check_would_refuse_it)
{
    struct accepted *accepted = accepted_new();
    keep(accepted, "a.b.c");
    assert_true(has(accepted, "a.b.c", EXPIRES + TOKEN_LEEWAY_S - 1));
    assert_false(has(accepted, "a.b.c", EXPIRES + TOKEN_LEEWAY_S));
    accepted_free(accepted);
}

TEST(accepted_token_is_checked_again_when_the_clock_goes_back)
{
    struct accepted *accepted = accepted_new();
    keep(accepted, "a.b.c");
    assert_false(has(accepted, "a.b.c", NOW - 1)); /* nbf and iat were good at NOW */
    accepted_free(accepted);
}

TEST(accepted_tokens_are_forgotten_together)
{
    struct accepted *accepted = accepted_new();
    keep(accepted, "a.b.c");
    accepted_forget(accepted);
    assert_false(has(accepted, "a.b.c", NOW));
    accepted_free(accepted);
}

TEST(accepted_digest_differs_by_rules)
{
    unsigned char one[ACCEPTED_DIGEST_BYTES], two[ACCEPTED_DIGEST_BYTES];
    assert_true(accepted_digest(&rules, "a.b.c", 5, one));
    assert_true(accepted_digest(&other_rules, "a.b.c", 5, two));
    assert_memory_not_equal(one, two, sizeof(one));
}

TEST(accepted_has_a_bound)
{
    struct accepted *accepted = accepted_new();
    char token[32];
    unsigned found = 0;
    for (unsigned i = 0; i < 10000; i++) {
        snprintf(token, sizeof(token), "a.b.%u", i);
        keep(accepted, token);
        assert_true(has(accepted, token, NOW));
    }
    for (unsigned i = 0; i < 10000; i++) {
        snprintf(token, sizeof(token), "a.b.%u", i);
        found += has(accepted, token, NOW);
    }
    assert_in_range(found, 1000, 2048);
    accepted_free(accepted);
}
