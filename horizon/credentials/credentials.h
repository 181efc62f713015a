/* credentials.h - who may log in: a local file of Argon2id hashes, so that a login needs no
 * database.
 *
 * One user a line, `login:user_id:$argon2id$v=19$m=19456,t=2,p=1$salt$hash`; lines that begin with
 * # and empty ones are ignored. The file is mode 0600 and replaced as a whole: whoever reads it
 * sees the old one or the new one. Passwords are cleared from memory by whoever brought them.
 * Source of the parameters: OWASP's Password Storage Cheat Sheet (19 MiB, 2 passes, 1 lane).
 */
#ifndef HORIZON_CREDENTIALS_CREDENTIALS_H
#define HORIZON_CREDENTIALS_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>

#define CREDENTIALS_LOGIN_MAX    64
#define CREDENTIALS_PASSWORD_MIN 8 /* bytes */
#define CREDENTIALS_PASSWORD_MAX 1024
#define CREDENTIALS_ID_BYTES     37 /* a UUID and its end */
#define CREDENTIALS_HASH_BYTES   128
#define CREDENTIALS_FILE_MAX     (16U << 20) /* a larger file is refused before it is read */
#define CREDENTIALS_WHY_BYTES    512

enum credentials_status {
    CREDENTIALS_OK = 0,
    CREDENTIALS_ENOMEM = -1,
    CREDENTIALS_EFILE = -2,    /* cannot be read or written, or says something else than above */
    CREDENTIALS_EREFUSED = -3, /* unknown login or wrong password: which one is not told */
    CREDENTIALS_EINVALID = -4, /* a login or password that may not be */
};

struct credential {
    char login[CREDENTIALS_LOGIN_MAX + 1];
    char user_id[CREDENTIALS_ID_BYTES];
    char hash[CREDENTIALS_HASH_BYTES];
};

struct credentials {
    struct credential *entries;
    size_t count, capacity;
};

/* Whether a login is 1 to 64 of A-Z a-z 0-9 . _ @ + - */
bool credentials_login_is_valid(const char *login);

/* Reads a file; one that does not exist is empty. `why` (CREDENTIALS_WHY_BYTES) says what is wrong
 * with it. */
int credentials_load(const char *path, struct credentials **ret_credentials, char *why)
    __attribute__((warn_unused_result));

/* NULL is fine. */
void credentials_free(struct credentials *credentials);

/* NULL when there is none. */
const struct credential *credentials_find(const struct credentials *credentials, const char *login);

/* Adds a user or replaces the hash; with a new random salt. EINVALID: see `why`. */
int credentials_set(struct credentials *credentials, const char *login, const char *user_id,
                    const char *password, char *why) __attribute__((warn_unused_result));

/* Writes the file anew, beside it first. The caller holds the lock when several may write. */
int credentials_save(const struct credentials *credentials, const char *path, char *why)
    __attribute__((warn_unused_result));

/* Keeps other writers of that file out until the descriptor is closed. */
int credentials_lock(const char *path, int *ret_fd, char *why) __attribute__((warn_unused_result));

/* Checks a password; takes as long (and 19 MiB) for a login that does not exist. */
int credentials_check(const struct credentials *credentials, const char *login,
                      const char *password, char ret_user_id[CREDENTIALS_ID_BYTES])
    __attribute__((warn_unused_result));

#endif
