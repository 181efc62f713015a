/* auth_ldap.c - asks an LDAP server whether a password is right. Blocks: a helper thread calls it.
 *
 * PostgreSQL's two ways: simple bind with a name that is made, or a search for the user's entry and
 * a bind with its name. Every step has a time-out. A user whose name holds a character that means
 * something in a filter is refused before a search (PostgreSQL does the same). An empty password
 * never gets here: LDAP takes it for "nobody in particular" and says yes.
 * Test: tests/system/test_ldap.py.
 */
#include <ldap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "base/invariant.h"
#include "proxy/outside.h"

/* Connect, and each answer. */
#define STEP_S 10

#define URI_BYTES    4096
#define FILTER_BYTES 4096
#define NAME_BYTES   4096

struct why {
    char *text;
    size_t bytes;
};

static int fail(const struct why *why, LDAP *ldap, const char *what, int r)
{
    char *diagnostic = NULL;
    if (ldap) {
        (void)ldap_get_option(ldap, LDAP_OPT_DIAGNOSTIC_MESSAGE, &diagnostic);
    }
    snprintf(why->text, why->bytes, "LDAP: %s: %s%s%.100s", what, ldap_err2string(r),
             diagnostic && *diagnostic ? ": " : "", diagnostic ? diagnostic : "");
    ldap_memfree(diagnostic);
    return BASE_EAUTH;
}

static int fail_text(const struct why *why, const char *text)
{
    snprintf(why->text, why->bytes, "LDAP: %s", text);
    return BASE_EAUTH;
}

/* "ldap://a:389 ldap://b:389" of the server names, which blanks separate. */
static bool write_uri(const struct config_ldap *options, char *out, size_t bytes)
{
    const char *rest = options->server + strspn(options->server, " ");
    size_t used = 0;
    while (*rest && used < bytes) {
        size_t name = strcspn(rest, " ");
        char port[16] = "";
        if (options->port) {
            snprintf(port, sizeof(port), ":%u", options->port);
        }
        int n = snprintf(out + used, bytes - used, "%s%s://%.*s%s", used ? " " : "",
                         options->is_ldaps ? "ldaps" : "ldap", (int)name, rest, port);
        used += n > 0 ? (size_t)n : 0;
        rest += name;
        rest += strspn(rest, " ");
    }
    return used > 0 && used < bytes;
}

static int connect_to(const struct config_ldap *options, const struct why *why, LDAP **ret_ldap)
{
    char uri[URI_BYTES];
    struct timeval step = {.tv_sec = STEP_S};
    int version = LDAP_VERSION3;
    LDAP *ldap = NULL;
    if (!write_uri(options, uri, sizeof(uri))) {
        return fail_text(why, "the list of servers is empty or too long");
    }
    int r = ldap_initialize(&ldap, uri);
    if (r == LDAP_SUCCESS &&
        (ldap_set_option(ldap, LDAP_OPT_PROTOCOL_VERSION, &version) != LDAP_OPT_SUCCESS ||
         ldap_set_option(ldap, LDAP_OPT_NETWORK_TIMEOUT, &step) != LDAP_OPT_SUCCESS ||
         ldap_set_option(ldap, LDAP_OPT_TIMEOUT, &step) != LDAP_OPT_SUCCESS)) {
        r = LDAP_LOCAL_ERROR;
    }
    if (r == LDAP_SUCCESS && options->has_starttls) {
        r = ldap_start_tls_s(ldap, NULL, NULL);
    }
    if (r != LDAP_SUCCESS) {
        int status = fail(why, ldap, "cannot connect", r);
        if (ldap) {
            (void)ldap_unbind_ext_s(ldap, NULL, NULL);
        }
        return status;
    }
    *ret_ldap = ldap;
    return BASE_OK;
}

static int bind_as(LDAP *ldap, const char *name, const char *password)
{
    struct berval secret = {.bv_len = strlen(password), .bv_val = (char *)(uintptr_t)password};
    return ldap_sasl_bind_s(ldap, name, LDAP_SASL_SIMPLE, &secret, NULL, NULL, NULL);
}

/* ---- search ---- */

/* The filter with every $username replaced. False: too long. */
static bool write_filter(const struct config_ldap *options, const char *user, char *out,
                         size_t bytes)
{
    static const char mark[] = "$username";
    const char *rest = options->filter;
    size_t used = 0;
    if (!*rest) {
        int n =
            snprintf(out, bytes, "(%s=%s)", *options->attribute ? options->attribute : "uid", user);
        return n > 0 && (size_t)n < bytes;
    }
    while (*rest && used < bytes) {
        const char *next = strstr(rest, mark);
        size_t plain = next ? (size_t)(next - rest) : strlen(rest);
        int n = snprintf(out + used, bytes - used, "%.*s%s", (int)plain, rest, next ? user : "");
        used += n > 0 ? (size_t)n : 0;
        rest += plain + (next ? strlen(mark) : 0);
    }
    return used < bytes;
}

/* The name of the one entry that was found; free it with ldap_memfree. NULL with `why`. */
static char *only_entry(LDAP *ldap, LDAPMessage *found, const struct why *why)
{
    int count = ldap_count_entries(ldap, found);
    char *name = count == 1 ? ldap_get_dn(ldap, ldap_first_entry(ldap, found)) : NULL;
    if (!name) {
        fail_text(why, count == 0  ? "no entry of that user"
                       : count > 1 ? "several entries of that user"
                                   : "the answer cannot be read");
    }
    return name;
}

static char *search(LDAP *ldap, const struct config_ldap *options, const char *user,
                    const struct why *why)
{
    static const int scopes[] = {[CONFIG_LDAP_BASE] = LDAP_SCOPE_BASE,
                                 [CONFIG_LDAP_ONE] = LDAP_SCOPE_ONELEVEL,
                                 [CONFIG_LDAP_SUB] = LDAP_SCOPE_SUBTREE};
    char filter[FILTER_BYTES], no_attributes[] = LDAP_NO_ATTRS,
                               *attributes[] = {no_attributes, NULL};
    struct timeval step = {.tv_sec = STEP_S};
    LDAPMessage *found = NULL;
    if (strpbrk(user, "*()\\/")) {
        fail_text(why, "the user's name holds a character that a search does not allow");
        return NULL;
    }
    if (!write_filter(options, user, filter, sizeof(filter))) {
        fail_text(why, "the filter is too long");
        return NULL;
    }
    int r = bind_as(ldap, options->binddn, options->bindpasswd);
    if (r != LDAP_SUCCESS) {
        fail(why, ldap, "the bind for the search failed", r);
        return NULL;
    }
    r = ldap_search_ext_s(ldap, options->basedn, scopes[options->scope], filter, attributes, 0,
                          NULL, NULL, &step, 2, &found);
    char *name = NULL;
    if (r == LDAP_SUCCESS || r == LDAP_SIZELIMIT_EXCEEDED) {
        name = only_entry(ldap, found, why);
    } else {
        fail(why, ldap, "the search failed", r);
    }
    ldap_msgfree(found);
    return name;
}

int outside_ask_ldap(const struct outside_question *question, char *why_text, size_t why_bytes)
{
    const struct config_ldap *options = &question->ldap;
    struct why why = {why_text, why_bytes};
    char made[NAME_BYTES], *found = NULL;
    LDAP *ldap = NULL;
    INVARIANT(*question->password);
    int status = connect_to(options, &why, &ldap);
    if (status < 0) {
        return status;
    }
    if (options->has_search) {
        found = search(ldap, options, question->user, &why);
    } else {
        int n = snprintf(made, sizeof(made), "%s%s%s", options->prefix, question->user,
                         options->suffix);
        if (n < 0 || (size_t)n >= sizeof(made)) {
            *made = 0;
        }
    }
    const char *name = options->has_search ? found : made;
    status = BASE_EAUTH;
    if (name && *name) {
        int r = bind_as(ldap, name, question->password);
        status = r == LDAP_SUCCESS ? BASE_OK : fail(&why, ldap, "the password does not fit", r);
    }
    ldap_memfree(found);
    (void)ldap_unbind_ext_s(ldap, NULL, NULL);
    return status;
}
