/* accepted.h - access tokens that were found good lately, so that a page's next request does not
 * pay for the same signature again.
 *
 * What is kept is a token's SHA-256 and its claims, never the token. An entry counts while the
 * token is valid, the clock has not gone back behind the moment of the check, and nothing was
 * forgotten since: who changes keys forgets all. So an answer from here is the one that a full
 * check would give. Bounded; an entry's place is taken by the next that needs it. Any thread. Test:
 * tests/unit/horizon/test_accepted.c.
 */
#ifndef HORIZON_AUTH_ACCEPTED_H
#define HORIZON_AUTH_ACCEPTED_H

#include "auth/token.h"

#define ACCEPTED_DIGEST_BYTES 32

struct accepted;

/* NULL: no memory. */
struct accepted *accepted_new(void);

/* NULL is fine. */
void accepted_free(struct accepted *accepted);

/* The name of a token under these rules. False: OpenSSL cannot. */
bool accepted_digest(const struct token_rules *rules, const char *token, size_t bytes,
                     unsigned char ret_digest[ACCEPTED_DIGEST_BYTES]);

/* `now` is seconds since 1970, as token_check has it. */
bool accepted_find(struct accepted *accepted, const unsigned char digest[ACCEPTED_DIGEST_BYTES],
                   int64_t now, struct token_claims *ret_claims);

/* Keeps a token that token_check found good at `now`. */
void accepted_store(struct accepted *accepted, const unsigned char digest[ACCEPTED_DIGEST_BYTES],
                    int64_t now, const struct token_claims *claims);

void accepted_forget(struct accepted *accepted);

#endif
