/* ldap.c - options of the ldap method. See ldap.h. */
#include "config/ldap.h"

#include <stdio.h>
#include <string.h>

#include "config/ini.h"
#include "config/value.h"

/* One text of the options: its name and its field. */
struct text_option {
    const char *name;
    size_t offset;
};

static const struct text_option texts[] = {
    {"ldapserver", offsetof(struct config_ldap, server)},
    {"ldapprefix", offsetof(struct config_ldap, prefix)},
    {"ldapsuffix", offsetof(struct config_ldap, suffix)},
    {"ldapbasedn", offsetof(struct config_ldap, basedn)},
    {"ldapbinddn", offsetof(struct config_ldap, binddn)},
    {"ldapbindpasswd", offsetof(struct config_ldap, bindpasswd)},
    {"ldapsearchattribute", offsetof(struct config_ldap, attribute)},
    {"ldapsearchfilter", offsetof(struct config_ldap, filter)},
};
#define TEXT_COUNT (sizeof(texts) / sizeof(texts[0]))

static const char **field_of(struct config_ldap *ldap, const struct text_option *option)
{
    return (const char **)(void *)((char *)ldap + option->offset);
}

void config_ldap_init(struct config_ldap *ldap)
{
    *ldap = (struct config_ldap){.scope = CONFIG_LDAP_SUB};
    for (size_t i = 0; i < TEXT_COUNT; i++)
        *field_of(ldap, &texts[i]) = "";
}

static int fail(char *why, size_t why_bytes, const char *text)
{
    snprintf(why, why_bytes, "%s", text);
    return BASE_ECONFIG;
}

/* ---- ldapurl: ldap[s]://host[:port]/basedn[?attribute[?scope[?filter]]] (RFC 4516) ---- */

static int hex_of(uint8_t digit)
{
    return digit >= '0' && digit <= '9'   ? digit - '0'
           : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
           : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
                                          : -1;
}

/* The part with its %xx taken apart; NULL when that is wrong, or there is no memory. */
static const char *decode(struct base_arena *arena, struct base_slice part)
{
    char *out = base_arena_take(arena, part.bytes + 1);
    size_t used = 0;

    for (size_t i = 0; out != NULL && i < part.bytes; i++) {
        int high, low;

        if (part.data[i] != '%') {
            out[used++] = (char)part.data[i];
            continue;
        }
        high = i + 2 < part.bytes ? hex_of(part.data[i + 1]) : -1;
        low = i + 2 < part.bytes ? hex_of(part.data[i + 2]) : -1;
        if (high < 0 || low < 0 || high + low == 0)
            return NULL;
        out[used++] = (char)(high * 16 + low);
        i += 2;
    }
    return out;
}

/* Takes what comes before the separator off the rest, and the separator. */
static struct base_slice cut(struct base_slice *rest, char separator)
{
    const uint8_t *end = rest->bytes ? memchr(rest->data, separator, rest->bytes) : NULL;
    size_t bytes = end ? (size_t)(end - rest->data) : rest->bytes;
    struct base_slice part = base_slice_of(rest->data, bytes);

    *rest = base_slice_skip(*rest, end ? bytes + 1 : bytes);
    return part;
}

static bool scope_read(struct base_slice part, enum config_ldap_scope *ret_scope)
{
    static const char *const words[] = {"base", "one", "sub"};

    for (int i = 0; i < 3; i++) {
        if (base_slice_is(part, words[i])) {
            *ret_scope = (enum config_ldap_scope)i;
            return true;
        }
    }
    *ret_scope = CONFIG_LDAP_BASE;
    return part.bytes == 0;
}

static bool port_read(struct base_slice text, uint32_t *ret_port)
{
    uint64_t port;

    if (!config_number_parse(text, &port) || port == 0 || port > 65535)
        return false;
    *ret_port = (uint32_t)port;
    return true;
}

/* "host", "host:389", "[::1]:389" */
static bool place_read(struct base_arena *arena, struct base_slice place, struct config_ldap *ldap)
{
    const uint8_t *bracket = place.bytes ? memrchr(place.data, ']', place.bytes) : NULL;
    size_t name = bracket ? (size_t)(bracket - place.data) + 1 : 0;
    struct base_slice rest = base_slice_skip(place, name), host = cut(&rest, ':');
    bool has_port = name + host.bytes < place.bytes;

    ldap->server = decode(arena, base_slice_of(place.data, name + host.bytes));
    return ldap->server != NULL && (!has_port || port_read(rest, &ldap->port));
}

static int url_read(struct base_arena *arena, struct config_ldap *ldap, const char *url, char *why,
                    size_t why_bytes)
{
    struct base_slice rest = base_slice_text(url), place, part;
    size_t scheme = strncmp(url, "ldap://", 7) == 0 ? 7 : strncmp(url, "ldaps://", 8) == 0 ? 8 : 0;
    bool is_good = scheme > 0;

    if (is_good) {
        rest = base_slice_skip(rest, scheme);
        ldap->is_ldaps = scheme == 8;
        place = cut(&rest, '/');
        is_good = place_read(arena, place, ldap);
        ldap->basedn = decode(arena, cut(&rest, '?'));
        ldap->has_search = true;
        part = cut(&rest, '?');
        ldap->attribute = decode(arena, cut(&part, ','));
        is_good = is_good && scope_read(cut(&rest, '?'), &ldap->scope);
        ldap->filter = decode(arena, cut(&rest, '?'));
        is_good = is_good && rest.bytes == 0 && ldap->basedn && ldap->attribute && ldap->filter;
    }
    return is_good ? BASE_OK
                   : fail(why, why_bytes,
                          "ldapurl has the form "
                          "ldap://host:port/basedn?attribute?base|one|sub?filter");
}

/* ---- options ---- */

int config_ldap_option(struct base_arena *arena, struct config_ldap *ldap, const char *name,
                       const char *value, char *why, size_t why_bytes)
{
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        if (strcmp(texts[i].name, name) == 0) {
            const char *copy = base_arena_text(arena, base_slice_text(value));

            if (copy == NULL)
                return BASE_ENOMEM;
            *field_of(ldap, &texts[i]) = copy;
            ldap->has_search = ldap->has_search || strcmp(name, "ldapbasedn") == 0;
            return BASE_OK;
        }
    }
    if (strcmp(name, "ldapurl") == 0)
        return url_read(arena, ldap, value, why, why_bytes);
    if (strcmp(name, "ldapport") == 0)
        return port_read(base_slice_text(value), &ldap->port)
                   ? BASE_OK
                   : fail(why, why_bytes, "ldapport is a number from 1 to 65535");
    if (strcmp(name, "ldapscheme") == 0) {
        ldap->is_ldaps = strcmp(value, "ldaps") == 0;
        return ldap->is_ldaps || strcmp(value, "ldap") == 0
                   ? BASE_OK
                   : fail(why, why_bytes, "ldapscheme is ldap or ldaps");
    }
    if (strcmp(name, "ldaptls") == 0) {
        ldap->has_starttls = strcmp(value, "1") == 0;
        return ldap->has_starttls || strcmp(value, "0") == 0
                   ? BASE_OK
                   : fail(why, why_bytes, "ldaptls is 0 or 1");
    }
    snprintf(why, why_bytes,
             "%.60s is no option of ldap: use ldapurl, ldapserver, ldapport, ldapscheme, ldaptls, "
             "ldapprefix, ldapsuffix, ldapbasedn, ldapbinddn, ldapbindpasswd, ldapsearchattribute "
             "or ldapsearchfilter",
             name);
    return BASE_ECONFIG;
}

int config_ldap_check(const struct config_ldap *ldap, char *why, size_t why_bytes)
{
    bool is_simple = ldap->prefix[0] != '\0' || ldap->suffix[0] != '\0';
    bool is_search = ldap->has_search || ldap->binddn[0] != '\0' || ldap->bindpasswd[0] != '\0' ||
                     ldap->attribute[0] != '\0' || ldap->filter[0] != '\0';

    if (ldap->server[0] == '\0')
        return fail(why, why_bytes, "ldap needs ldapserver, or a host in ldapurl");
    if (is_simple && is_search)
        return fail(why, why_bytes,
                    "ldapprefix and ldapsuffix do not go together with the options of a search");
    if (!is_simple && !ldap->has_search)
        return fail(why, why_bytes, "ldap needs ldapbasedn, or ldapprefix or ldapsuffix");
    if (ldap->attribute[0] != '\0' && ldap->filter[0] != '\0')
        return fail(why, why_bytes, "ldapsearchattribute and ldapsearchfilter do not go together");
    if (ldap->filter[0] != '\0' && strstr(ldap->filter, "$username") == NULL)
        return fail(why, why_bytes, "ldapsearchfilter needs $username, where the user's name goes");
    if (ldap->is_ldaps && ldap->has_starttls)
        return fail(why, why_bytes, "ldaptls = 1 belongs to ldap, not to ldaps");
    return BASE_OK;
}

/* ---- auth_ldap_options ---- */

/* Copies a value off the rest; NULL when a quote does not end, or there is no memory. */
static char *value_take(struct base_arena *arena, const char **rest)
{
    bool is_quoted = **rest == '"';
    const char *at = *rest + is_quoted;
    char *out = base_arena_take(arena, strlen(at) + 1);
    size_t used = 0;

    for (; out != NULL && *at != '\0'; at++) {
        if (is_quoted && *at == '"') {
            if (at[1] != '"')
                break;
            at++;
        } else if (!is_quoted && strchr(" \t,", *at) != NULL) {
            break;
        }
        out[used++] = *at;
    }
    if (out == NULL || (is_quoted && *at != '"'))
        return NULL;
    *rest = at + is_quoted;
    return out;
}

int config_ldap_parse(struct base_arena *arena, const char *text, struct config_ldap *ret_ldap,
                      char *why, size_t why_bytes)
{
    struct config_ldap ldap;
    int status = BASE_OK;

    config_ldap_init(&ldap);
    while (status == BASE_OK && *(text += strspn(text, " \t,")) != '\0') {
        size_t bytes = strcspn(text, "= \t,");
        char name[32] = "", *value;

        if (bytes == 0 || bytes >= sizeof(name) || text[bytes] != '=')
            return fail(why, why_bytes,
                        "expected name=value or name=\"value\", for example "
                        "ldapurl=\"ldap://host/dc=example,dc=net?uid?sub\"");
        memcpy(name, text, bytes);
        text += bytes + 1;
        value = value_take(arena, &text);
        if (value == NULL)
            return fail(why, why_bytes, "a value's double quote does not end");
        status = config_ldap_option(arena, &ldap, name, value, why, why_bytes);
    }
    if (status == BASE_OK)
        status = config_ldap_check(&ldap, why, why_bytes);
    if (status == BASE_OK)
        *ret_ldap = ldap;
    return status;
}

bool config_ldap_equal(const struct config_ldap *a, const struct config_ldap *b)
{
    struct config_ldap one = *a, other = *b;

    for (size_t i = 0; i < TEXT_COUNT; i++) {
        if (strcmp(*field_of(&one, &texts[i]), *field_of(&other, &texts[i])) != 0)
            return false;
    }
    return a->port == b->port && a->is_ldaps == b->is_ldaps && a->has_starttls == b->has_starttls &&
           a->has_search == b->has_search && a->scope == b->scope;
}

int config_ldap_copy(struct base_arena *arena, const struct config_ldap *ldap,
                     struct config_ldap *ret_copy)
{
    struct config_ldap copy = *ldap;

    for (size_t i = 0; i < TEXT_COUNT; i++) {
        const char **field = field_of(&copy, &texts[i]);

        *field = base_arena_text(arena, base_slice_text(*field));
        if (*field == NULL)
            return BASE_ENOMEM;
    }
    *ret_copy = copy;
    return BASE_OK;
}
