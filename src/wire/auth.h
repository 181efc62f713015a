/* auth.h - passwords that are not exchanged by SCRAM: plain and md5; and what a stored secret is.
 *
 * A stored secret (auth_file, auth_query, pg_shadow) is one of three texts:
 *   md5 and 32 lower-case hexadecimal digits    md5(password user)
 *   SCRAM-SHA-256$...                           a verifier (wire/scram.h)
 *   anything else                               the password itself
 */
#ifndef WIRE_AUTH_H
#define WIRE_AUTH_H

#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"
#include "wire/crypto.h"

#define WIRE_MD5_TEXT_BYTES 35
#define WIRE_MD5_SALT_BYTES 4

enum wire_secret_kind {
    WIRE_SECRET_NONE, /* empty: nobody may log in with it */
    WIRE_SECRET_PLAIN,
    WIRE_SECRET_MD5,
    WIRE_SECRET_SCRAM,
};

/* A text that starts like a verifier is SCRAM even when it is a broken one, unlike in PostgreSQL:
 * otherwise a verifier beyond our limits would itself become the password. */
enum wire_secret_kind wire_secret_kind_of(struct base_slice stored);

/* "md5" hex(md5(password user)): what is stored. No terminator. */
BASE_MUST_CHECK int wire_md5_stored(const struct wire_crypto *crypto, struct base_slice user,
                                    struct base_slice password,
                                    uint8_t ret_text[WIRE_MD5_TEXT_BYTES]);

/* "md5" hex(md5(hex salt)): what is sent. `stored` is an MD5 secret, else BASE_EINVALID. */
BASE_MUST_CHECK int wire_md5_answer(const struct wire_crypto *crypto, struct base_slice stored,
                                    const uint8_t salt[WIRE_MD5_SALT_BYTES],
                                    uint8_t ret_text[WIRE_MD5_TEXT_BYTES]);

/* Checks a client's answer to AuthenticationMD5Password against a stored secret, PLAIN or MD5.
 * BASE_OK, BASE_EAUTH, BASE_EINVALID (a SCRAM secret cannot be checked so). */
BASE_MUST_CHECK int wire_md5_check(const struct wire_crypto *crypto, struct base_slice stored,
                                   struct base_slice user, const uint8_t salt[WIRE_MD5_SALT_BYTES],
                                   struct base_slice answer);

/* Checks a password sent in clear against a stored secret of any kind, in time that does not depend
 * on where they differ. BASE_OK or BASE_EAUTH (also for NONE and for an empty password). */
BASE_MUST_CHECK int wire_password_check(const struct wire_crypto *crypto, struct base_slice stored,
                                        struct base_slice user, struct base_slice password);

#endif
