/* keys.h - the ring of keys that is in force, and the thread that renews it.
 *
 * Keys come from a secret, or from a key set in a file or at an https URL (http for loopback). A
 * set is read at the start, then at a pace that the caller sets, and once out of turn after tokens
 * named keys that are not in it, but never soon after the last time. A set that cannot be had, or
 * is none, leaves the last good one in force. Requests never wait for any of this: they use the
 * ring there is. Test: tests/unit/horizon/test_keys.c, tests/system/test_horizon_tokens.py.
 */
#ifndef HORIZON_AUTH_KEYS_H
#define HORIZON_AUTH_KEYS_H

#include "auth/token.h"

struct keys;

#define KEYS_WHY_BYTES 512

/* One line for a log when a set was renewed (is_good) or could not be. */
typedef void keys_tell(bool is_good, const char *text);

/* How often a set is read: every so many seconds; for an unknown key no sooner than that after the
 * last time, however many tokens name one: they may be anybody's. */
struct keys_pace {
    int every_s, soonest_s;
};
/* 10 minutes are the Cache-Control of Supabase's key sets. */
#define KEYS_PACE ((struct keys_pace){.every_s = 600, .soonest_s = 60})

/* A ring with one secret. NULL with a sentence in `why`. */
struct keys *keys_of_secret(const char *secret, char *why, size_t why_bytes);

/* The set in a file or at a URL. NULL with a sentence in `why` when `source` can be neither, or is
 * a file without a good set. A URL that does not answer yet is no failure: until it does, every
 * token is refused. */
struct keys *keys_of_source(const char *source, struct keys_pace pace, keys_tell *tell, char *why,
                            size_t why_bytes);

/* NULL is fine. */
void keys_free(struct keys *keys);

/* token_check and token_make with the ring in force, now. */
int keys_check(struct keys *keys, const struct token_rules *rules, enum token_use use,
               const char *token, size_t bytes, struct token_claims *ret_claims)
    __attribute__((warn_unused_result));
char *keys_make(struct keys *keys, const struct token_rules *rules, enum token_use use,
                const struct token_claims *claims) __attribute__((warn_unused_result));

#endif
