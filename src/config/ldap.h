/* ldap.h - how an LDAP server is asked whether a password is right: the options of PostgreSQL's
 * `ldap` method, as they stand on a line of auth_hba_file or in auth_ldap_options.
 *
 * Two ways (PostgreSQL's manual, "LDAP Authentication"):
 *   simple bind    the password is tried with the name that prefix, user and suffix make
 *   search+bind    below basedn the one entry of the user is searched, with binddn and bindpasswd
 *                  or as nobody; the password is tried with its name
 *
 * Pure; the asking is in src/proxy/auth_ldap.c. Test: tests/unit/config/test_ldap.c.
 */
#ifndef CONFIG_LDAP_H
#define CONFIG_LDAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"
#include "base/status.h"

enum config_ldap_scope { CONFIG_LDAP_BASE, CONFIG_LDAP_ONE, CONFIG_LDAP_SUB };

/* Texts are "" where nothing was said. Begin with config_ldap_init. */
struct config_ldap {
    const char *server; /* names separated by blanks, tried in turn */
    uint32_t port;      /* 0: the scheme's own */
    bool is_ldaps;
    bool has_starttls;
    bool has_search; /* search+bind: basedn was said, perhaps as "" */
    const char *prefix, *suffix;
    const char *basedn, *binddn, *bindpasswd;
    const char *attribute; /* "": uid */
    const char *filter;    /* $username stands for the user; goes before attribute */
    enum config_ldap_scope scope;
};

void config_ldap_init(struct config_ldap *ldap);

/* Takes one option, ldapserver and the like. Texts go to the arena. BASE_ECONFIG with one line in
 * `why` that never holds a value of ldapbindpasswd; BASE_ENOMEM. */
int config_ldap_option(struct base_arena *arena, struct config_ldap *ldap, const char *name,
                       const char *value, char *why, size_t why_bytes) BASE_MUST_CHECK;

/* Do the options belong together, and say enough? BASE_ECONFIG with `why`. */
int config_ldap_check(const struct config_ldap *ldap, char *why, size_t why_bytes) BASE_MUST_CHECK;

/* Reads name=value pairs separated by blanks or commas; a value may stand in double quotes, "" in
 * it is one. Checks them too. */
int config_ldap_parse(struct base_arena *arena, const char *text, struct config_ldap *ret_ldap,
                      char *why, size_t why_bytes) BASE_MUST_CHECK;

/* Do they ask the same servers for the same? */
bool config_ldap_equal(const struct config_ldap *a, const struct config_ldap *b);

/* A copy whose texts are the arena's. BASE_ENOMEM. */
int config_ldap_copy(struct base_arena *arena, const struct config_ldap *ldap,
                     struct config_ldap *ret_copy) BASE_MUST_CHECK;

#endif
