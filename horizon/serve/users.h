/* users.h - the users that were seen lately, so that most requests need not ask for theirs.
 *
 * A table of fixed size: a user has four places, the one that was stored first gives way. An entry
 * is believed for `ttl`; users_forget drops it at once, when the database says that the user has
 * changed. What was read before such news, and is stored after it, is not kept: the reader shows
 * the number it got from users_begin. All functions may be called from any thread.
 * Test: tests/unit/horizon/test_users.c.
 */
#ifndef HORIZON_SERVE_USERS_H
#define HORIZON_SERVE_USERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define USER_ID_BYTES    37
#define USER_LOGIN_BYTES 65
#define USER_NAME_BYTES  401 /* 100 characters of UTF-8 */

struct user {
    char id[USER_ID_BYTES];
    char login[USER_LOGIN_BYTES];
    char name[USER_NAME_BYTES];
    char base_currency[4];
    char benchmark[33];
};

struct users;

/* `most` users, rounded up to a power of two; times are nanoseconds of any steady clock. NULL: no
 * memory. */
struct users *users_new(size_t most, uint64_t ttl);
void users_free(struct users *users);

bool users_find(struct users *users, const char *id, uint64_t now, struct user *ret_user);

/* To be called before the user is read from the database. */
uint64_t users_begin(struct users *users);
void users_store(struct users *users, const struct user *user, uint64_t begun, uint64_t now);

/* Forgets one user, or all when id is "". */
void users_forget(struct users *users, const char *id);

#endif
