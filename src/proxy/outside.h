/* outside.h - passwords that somebody else checks: PAM, an LDAP server.
 *
 * The client sends its password in clear; a helper thread asks; the client waits, unread, until the
 * answer or client_login_timeout. The user need not be in auth_file. With the password weir logs in
 * to the server, unless auth_file has a secret for the user.
 */
#ifndef PROXY_OUTSIDE_H
#define PROXY_OUTSIDE_H

#include <stddef.h>

#include "base/status.h"
#include "config/ldap.h"

struct proxy_client;
struct outside_job;

/* A copy of everything a thread needs. */
struct outside_question {
    const char *user, *password, *host;
    const char *service; /* PAM; NULL: LDAP is asked */
    struct config_ldap ldap;
};

/* Has the client's password checked by its login's method; client_outside_done gets the answer.
 * Errors: BASE_ENOMEM, BASE_ECAPACITY, BASE_ESYSTEM. */
int outside_begin(struct proxy_client *client, struct base_slice password) BASE_MUST_CHECK;
/* The client has gone: nobody is told. */
void outside_leave(struct proxy_client *client);

/* Block. BASE_OK: the password is right; BASE_EAUTH: it is wrong, or nobody could say. `why` is for
 * the log: no secret. */
int outside_ask_pam(const struct outside_question *question, char *why,
                    size_t why_bytes) BASE_MUST_CHECK;
int outside_ask_ldap(const struct outside_question *question, char *why,
                     size_t why_bytes) BASE_MUST_CHECK;

#endif
