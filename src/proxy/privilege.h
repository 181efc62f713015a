/* privilege.h - started as root, served as somebody else. */
#ifndef PROXY_PRIVILEGE_H
#define PROXY_PRIVILEGE_H

#include "base/status.h"

/* Becomes the system user `name` for good: groups, group, user. "" does nothing, nor does the name
 * of who we are already. Errors: BASE_EINVALID (no such user), BASE_ESYSTEM (not allowed); the
 * reason has been logged in one line. */
int proxy_become_user(const char *name) BASE_MUST_CHECK;

/* Would that work? Changes nothing; errors and log line as above. */
int proxy_may_become_user(const char *name) BASE_MUST_CHECK;

#endif
