/* hba.c - a line of auth_hba_file becomes a rule.
 *
 *     TYPE DATABASES USERS [ADDRESS [MASK]] METHOD [NAME=VALUE ...]
 *
 * Every line that is wrong gets one error; with any error there is no table. A line that is right
 * in PostgreSQL and asks for what is not served here lets nobody in but whom it names plainly, with
 * advice that says so. What the words mean is in hba.h; how a line falls into words in hba_token.c.
 * Test: tests/unit/config/test_hba.c.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/invariant.h"
#include "config/hba_internal.h"
#include "config/regex.h"
#include "config/value.h"

void *config_hba_take(struct config_hba_reader *reader, size_t bytes)
{
    void *piece = base_arena_take(&reader->hba->arena, bytes);

    if (piece == NULL)
        reader->builder->is_out_of_memory = true;
    return piece;
}

bool config_hba_regex_check(struct config_hba_reader *reader, const char *text, bool has_part)
{
    char why[200];
    bool is_good = has_part ? config_regex_part_check(text, why, sizeof(why))
                            : config_regex_check(text, why, sizeof(why));

    if (!is_good)
        config_hba_error(reader, "the regular expression /%.60s does not work: %s", text, why);
    return is_good;
}

/* The line asks for what we do not have; its first reason is kept, and reading goes on. */
static void __attribute__((format(printf, 2, 3)))
unserved(struct config_hba_reader *reader, const char *format, ...)
{
    va_list arguments;

    if (reader->unserved[0] != '\0')
        return;
    va_start(arguments, format);
    vsnprintf(reader->unserved, sizeof(reader->unserved), format, arguments);
    va_end(arguments);
}

/* ---- names ---- */

/* What a word of the database or user field means; false with an error. */
static bool item_read(struct config_hba_reader *reader, const struct config_hba_token *token,
                      bool is_database, struct config_hba_item *ret_item)
{
    static const char *const groups[] = {"samerole", "samegroup"};
    struct config_hba_item item = {CONFIG_HBA_NAME, token->text};
    bool is_plain = !token->is_quoted;

    if (is_plain && strcmp(token->text, "all") == 0)
        item = (struct config_hba_item){CONFIG_HBA_ALL, ""};
    else if (is_plain && is_database && strcmp(token->text, "sameuser") == 0)
        item = (struct config_hba_item){CONFIG_HBA_SAMEUSER, ""};
    else if (is_plain && is_database && strcmp(token->text, "replication") == 0)
        item = (struct config_hba_item){CONFIG_HBA_REPLICATION, ""};
    else if (is_plain && token->text[0] == '/')
        item = (struct config_hba_item){CONFIG_HBA_REGEX, token->text + 1};
    for (size_t i = 0; is_plain && is_database && i < 2; i++) {
        if (strcmp(token->text, groups[i]) != 0)
            continue;
        item.word = CONFIG_HBA_UNKNOWN;
        unserved(reader,
                 "%s is not served, since weir does not know which role is a member of what: "
                 "write the names",
                 groups[i]);
    }
    if (is_plain && !is_database && token->text[0] == '+') {
        item.word = CONFIG_HBA_UNKNOWN;
        unserved(reader,
                 "%.60s is not served, since weir does not know which role is a member of what: "
                 "write the names, or @file with them",
                 token->text);
    }
    *ret_item = item;
    return item.word != CONFIG_HBA_REGEX || config_hba_regex_check(reader, item.text, false);
}

static bool list_read(struct config_hba_reader *reader, const struct config_hba_tokens *tokens,
                      uint32_t field, struct config_hba_list *ret_list)
{
    struct config_hba_item *items;
    uint32_t count = 0;

    for (uint32_t i = 0; i < tokens->count; i++)
        count += tokens->tokens[i].field == field;
    items = config_hba_take(reader, (count + 1) * sizeof(*items));
    count = 0;
    for (uint32_t i = 0; items != NULL && i < tokens->count; i++) {
        if (tokens->tokens[i].field == field &&
            !item_read(reader, &tokens->tokens[i], field == 1, &items[count++]))
            return false;
    }
    *ret_list = (struct config_hba_list){items, count};
    return items != NULL;
}

/* ---- addresses ---- */

static bool address_parse(const char *text, uint8_t ret_address[16], uint32_t *ret_bytes)
{
    if (inet_pton(AF_INET, text, ret_address) == 1)
        *ret_bytes = 4;
    else if (inet_pton(AF_INET6, text, ret_address) == 1)
        *ret_bytes = 16;
    else
        return false;
    return true;
}

static bool mask_of_bits(const char *text, struct config_hba_net *net)
{
    uint64_t bits;

    if (!config_number_parse(base_slice_text(text), &bits) || bits > net->bytes * 8)
        return false;
    for (uint32_t i = 0; i < net->bytes; i++) {
        uint32_t here = bits > i * 8 ? (uint32_t)bits - i * 8 : 0;

        net->mask[i] = here >= 8 ? 255 : (uint8_t)(255u << (8 - here));
    }
    return true;
}

/* A name to look up, or a .suffix of names: letters among what names are made of. */
static bool is_host_name(const char *text)
{
    bool has_letter = false;

    for (const char *c = text; *c != '\0'; c++) {
        if (!isalnum((unsigned char)*c) && *c != '.' && *c != '-' && *c != '_')
            return false;
        has_letter = has_letter || isalpha((unsigned char)*c);
    }
    return has_letter;
}

/* Address and mask; how many fields they took, 0 with an error. */
static uint32_t net_read(struct config_hba_reader *reader, const struct config_hba_tokens *tokens,
                         const char *text, struct config_hba_rule *rule)
{
    struct config_hba_net *net = &rule->net;
    const char *slash = strchr(text, '/');
    size_t bytes = slash ? (size_t)(slash - text) : strlen(text);
    const struct config_hba_token *mask;
    char address[64] = "";
    uint32_t mask_bytes;

    if (bytes < sizeof(address))
        memcpy(address, text, bytes);
    if (is_host_name(text)) {
        unserved(reader, "host names are not served (%.60s): write its network", text);
        rule->address = CONFIG_HBA_HOSTNAME;
        return 1;
    }
    if (!address_parse(address, net->address, &net->bytes)) {
        config_hba_error(reader,
                         "\"%.60s\" is not an address: use an IPv4 or IPv6 network such as "
                         "10.0.0.0/8, all, samehost or samenet",
                         text);
        return 0;
    }
    if (slash != NULL) {
        if (mask_of_bits(slash + 1, net))
            return 1;
        config_hba_error(reader, "the length in %.60s is not allowed: use /0 to /%u", text,
                         net->bytes * 8);
        return 0;
    }
    mask = config_hba_single(reader, tokens, 4, "mask of the address");
    if (mask == NULL)
        return 0;
    if (address_parse(mask->text, net->mask, &mask_bytes) && mask_bytes == net->bytes)
        return 2;
    config_hba_error(reader, "%.60s needs /length, or a mask such as 255.255.255.0 behind it",
                     text);
    return 0;
}

/* The address fields; how many there are, 0 with an error. */
static uint32_t address_read(struct config_hba_reader *reader,
                             const struct config_hba_tokens *tokens, struct config_hba_rule *rule)
{
    static const struct {
        const char *word;
        enum config_hba_address address;
    } words[] = {{"all", CONFIG_HBA_ANY},
                 {"samehost", CONFIG_HBA_SAMEHOST},
                 {"samenet", CONFIG_HBA_SAMENET}};
    const struct config_hba_token *token = config_hba_single(reader, tokens, 3, "address");

    if (token == NULL)
        return 0;
    for (size_t i = 0; !token->is_quoted && i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i].word, token->text) == 0) {
            rule->address = words[i].address;
            return 1;
        }
    }
    rule->address = CONFIG_HBA_NET;
    return net_read(reader, tokens, token->text, rule);
}

/* ---- methods ---- */

struct method {
    const char *word;
    bool is_reject;
    enum config_auth_type type;
    const char *advice; /* not served */
};

static const struct method methods[] = {
    {"trust", false, CONFIG_AUTH_TYPE_TRUST, NULL},
    {"reject", true, CONFIG_AUTH_TYPE_TRUST, NULL},
    {"password", false, CONFIG_AUTH_TYPE_PLAIN, NULL},
    {"plain", false, CONFIG_AUTH_TYPE_PLAIN, NULL},
    {"md5", false, CONFIG_AUTH_TYPE_MD5, NULL},
    {"scram-sha-256", false, CONFIG_AUTH_TYPE_SCRAM_SHA_256, NULL},
    {"cert", false, CONFIG_AUTH_TYPE_CERT, NULL},
    {"peer", false, CONFIG_AUTH_TYPE_PEER, NULL},
    {"pam", false, CONFIG_AUTH_TYPE_PAM, NULL},
    {"ldap", false, CONFIG_AUTH_TYPE_LDAP, NULL},
    {"ident", false, CONFIG_AUTH_TYPE_PEER, NULL}, /* on local lines, as in PostgreSQL */
    {"gss", false, CONFIG_AUTH_TYPE_TRUST, "use scram-sha-256"},
    {"sspi", false, CONFIG_AUTH_TYPE_TRUST, "use scram-sha-256"},
    {"radius", false, CONFIG_AUTH_TYPE_TRUST, "use scram-sha-256"},
    {"bsd", false, CONFIG_AUTH_TYPE_TRUST, "use scram-sha-256"},
};

static bool method_fits(struct config_hba_reader *reader, const struct config_hba_rule *rule)
{
    if (rule->is_reject)
        return true;
    if (rule->method == CONFIG_AUTH_TYPE_PEER && rule->type != CONFIG_HBA_LOCAL) {
        config_hba_error(reader, "peer works on Unix sockets only: write it on a local line");
        return false;
    }
    if (rule->method == CONFIG_AUTH_TYPE_CERT && rule->type != CONFIG_HBA_HOSTSSL) {
        config_hba_error(reader, "cert works over TLS only: write it on a hostssl line");
        return false;
    }
    return true;
}

static bool method_read(struct config_hba_reader *reader, const struct config_hba_tokens *tokens,
                        uint32_t field, struct config_hba_rule *rule)
{
    const struct config_hba_token *token = config_hba_single(reader, tokens, field, "method");

    if (token == NULL)
        return false;
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        const struct method *method = &methods[i];

        if (strcmp(method->word, token->text) != 0)
            continue;
        if (method->advice != NULL)
            unserved(reader, "method %s is not served: %s", method->word, method->advice);
        rule->lacks_method = method->advice != NULL;
        rule->is_reject = method->is_reject;
        rule->method = method->type;
        return method_fits(reader, rule);
    }
    config_hba_error(reader,
                     "\"%.60s\" is not a method: use trust, reject, password, md5, "
                     "scram-sha-256, cert, peer, pam or ldap",
                     token->text);
    return false;
}

/* ---- options behind the method ---- */

static bool has_certificates(const struct config_hba_rule *rule)
{
    return rule->type == CONFIG_HBA_HOSTSSL;
}

static bool clientcert_read(struct config_hba_reader *reader, struct config_hba_rule *rule,
                            const char *value)
{
    if (!has_certificates(rule))
        config_hba_error(reader, "clientcert works on hostssl lines only");
    else if (strcmp(value, "verify-ca") == 0 && rule->method != CONFIG_AUTH_TYPE_CERT)
        rule->clientcert = CONFIG_HBA_CERT_VERIFY_CA;
    else if (strcmp(value, "verify-full") == 0)
        rule->clientcert = CONFIG_HBA_CERT_VERIFY_FULL;
    else
        config_hba_error(reader, "clientcert=%.60s is not allowed: use verify-full%s", value,
                         rule->method == CONFIG_AUTH_TYPE_CERT ? "" : " or verify-ca");
    return rule->clientcert != CONFIG_HBA_CERT_NONE;
}

static bool clientname_read(struct config_hba_reader *reader, struct config_hba_rule *rule,
                            const char *value)
{
    if (has_certificates(rule) && (strcmp(value, "CN") == 0 || strcmp(value, "DN") == 0)) {
        rule->uses_dn = value[0] == 'D';
        return true;
    }
    config_hba_error(reader, "clientname is CN or DN, on a hostssl line");
    return false;
}

/* Takes an ldap option; without a name, checks them all. */
static bool ldap_read(struct config_hba_reader *reader, struct config_hba_rule *rule,
                      const char *name, const char *value)
{
    char why[300] = "";
    int status =
        name ? config_ldap_option(&reader->hba->arena, &rule->ldap, name, value, why, sizeof(why))
             : config_ldap_check(&rule->ldap, why, sizeof(why));

    if (status == BASE_ENOMEM)
        reader->builder->is_out_of_memory = true;
    else if (status < 0)
        config_hba_error(reader, "%s", why);
    return status == BASE_OK;
}

static bool option_read(struct config_hba_reader *reader, struct config_hba_rule *rule,
                        const char *name, const char *value)
{
    bool names_users = rule->method == CONFIG_AUTH_TYPE_PEER ||
                       rule->method == CONFIG_AUTH_TYPE_CERT ||
                       rule->clientcert == CONFIG_HBA_CERT_VERIFY_FULL;

    if (strcmp(name, "map") == 0 && names_users) {
        rule->map = value;
        return true;
    }
    if (strcmp(name, "pamservice") == 0 && rule->method == CONFIG_AUTH_TYPE_PAM) {
        rule->pam_service = value;
        return true;
    }
    if (strncmp(name, "ldap", 4) == 0 && rule->method == CONFIG_AUTH_TYPE_LDAP)
        return ldap_read(reader, rule, name, value);
    if (strcmp(name, "clientcert") == 0)
        return clientcert_read(reader, rule, value);
    if (strcmp(name, "clientname") == 0)
        return clientname_read(reader, rule, value);
    config_hba_error(reader, "the option %.60s does not belong to this method%s", name,
                     strcmp(name, "map") == 0 ? ": map works with peer and cert" : "");
    return false;
}

static bool options_read(struct config_hba_reader *reader, const struct config_hba_tokens *tokens,
                         uint32_t field, struct config_hba_rule *rule)
{
    for (uint32_t i = 0; i < tokens->count; i++) {
        const char *text = tokens->tokens[i].text, *equals;
        char *name;

        if (tokens->tokens[i].field < field)
            continue;
        equals = strchr(text, '=');
        if (equals == NULL || equals == text) {
            config_hba_error(reader, "behind the method only options stand, written name=value");
            return false;
        }
        name = config_hba_take(reader, (size_t)(equals - text) + 1);
        if (name == NULL)
            return false;
        memcpy(name, text, (size_t)(equals - text));
        if (!option_read(reader, rule, name, equals + 1))
            return false;
    }
    return rule->is_reject || rule->method != CONFIG_AUTH_TYPE_LDAP ||
           ldap_read(reader, rule, NULL, NULL);
}

/* ---- a line ---- */

static bool type_read(struct config_hba_reader *reader, const struct config_hba_tokens *tokens,
                      struct config_hba_rule *rule)
{
    static const char *const words[] = {"local",     "host",       "hostssl",
                                        "hostnossl", "hostgssenc", "hostnogssenc"};
    const struct config_hba_token *token = config_hba_single(reader, tokens, 0, "type");

    if (token == NULL)
        return false;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i], token->text) == 0) {
            rule->type = (enum config_hba_type)i;
            return true;
        }
    }
    config_hba_error(reader,
                     "\"%.60s\" is not a type of line: use local, host, hostssl or "
                     "hostnossl%s",
                     token->text,
                     strcmp(token->text, "include_dir") == 0 ? " (include names one file)" : "");
    return false;
}

static void rule_add(struct config_hba_reader *reader, const struct config_hba_rule *rule)
{
    struct config_hba *hba = reader->hba;

    if (hba->rule_count == CONFIG_HBA_RULES_MAX) {
        config_hba_error(reader, "more than %d lines", CONFIG_HBA_RULES_MAX);
        return;
    }
    if (hba->rule_count == hba->rule_capacity) {
        uint32_t larger = hba->rule_capacity ? hba->rule_capacity * 2 : 16;
        void *grown = realloc(hba->rules, larger * sizeof(*hba->rules));

        if (grown == NULL) {
            reader->builder->is_out_of_memory = true;
            return;
        }
        hba->rules = grown;
        hba->rule_capacity = larger;
    }
    hba->rules[hba->rule_count++] = *rule;
}

/* Tells of the first line before it that is not served and asks for more. */
static void compare_with_left_out(struct config_hba_reader *reader,
                                  const struct config_hba_rule *rule)
{
    for (uint32_t i = 0; i < reader->left_out_count; i++) {
        const struct config_hba_rule *earlier = &reader->hba->rules[reader->left_out[i]];

        if (!config_hba_types_meet(rule, earlier) || config_hba_asks_as_much(rule, earlier))
            continue;
        config_advice_add(reader->builder->errors, reader->builder->place,
                          "%s:%u is not served and asks for something else than this line: who may "
                          "be meant by both is refused. Write the former so that it is served, or "
                          "put this one before it",
                          earlier->file, earlier->line);
        return;
    }
}

static bool names_somebody(const struct config_hba_list *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->items[i].word != CONFIG_HBA_UNKNOWN)
            return true;
    }
    return false;
}

/* A line that cannot be served, with the reason; but whom it names besides is served. */
static void leave_out(struct config_hba_reader *reader, struct config_hba_rule *rule)
{
    bool is_served_in_part = !rule->lacks_method && rule->address != CONFIG_HBA_HOSTNAME &&
                             names_somebody(&rule->databases) && names_somebody(&rule->users);

    if (rule->is_reject) {
        config_hba_error(reader, "%s; a reject line cannot be left out", reader->unserved);
        return;
    }
    if (is_served_in_part) {
        compare_with_left_out(reader, rule);
        rule_add(reader, rule); /* who only may be meant does not fit it */
    }
    rule->unserved = base_arena_text(&reader->hba->arena, base_slice_text(reader->unserved));
    if (rule->unserved == NULL) {
        reader->builder->is_out_of_memory = true;
        return;
    }
    if (reader->left_out_count < CONFIG_HBA_COMPARED_MAX)
        reader->left_out[reader->left_out_count++] = reader->hba->rule_count;
    config_advice_add(
        reader->builder->errors, reader->builder->place, "%s. %s", rule->unserved,
        rule->lacks_method  ? "The line lets nobody in: who is meant, or may be, is refused"
        : is_served_in_part ? "Who is named besides is let in; who else may be meant is "
                              "refused unless a later line asks for as much"
                            : "The line lets nobody in: who may be meant is refused "
                              "unless a later line asks for as much");
    rule_add(reader, rule);
}

static void line_read(struct config_hba_reader *reader, const struct config_hba_tokens *tokens)
{
    struct config_hba_rule rule = {.file = reader->builder->place.file,
                                   .line = reader->builder->place.line,
                                   .map = "",
                                   .pam_service = ""};
    uint32_t fields = 0;

    config_ldap_init(&rule.ldap);
    reader->unserved[0] = '\0';

    if (!type_read(reader, tokens, &rule))
        return;
    if (tokens->field_count < 3) {
        config_hba_error(reader, "the line ends early: it needs databases, users%s and a method",
                         rule.type == CONFIG_HBA_LOCAL ? "" : ", an address");
        return;
    }
    if (!list_read(reader, tokens, 1, &rule.databases) ||
        !list_read(reader, tokens, 2, &rule.users))
        return;
    if (rule.type != CONFIG_HBA_LOCAL) {
        fields = address_read(reader, tokens, &rule);
        if (fields == 0)
            return;
    }
    if (!method_read(reader, tokens, 3 + fields, &rule))
        return;
    if (!rule.lacks_method && !options_read(reader, tokens, 4 + fields, &rule))
        return;
    if (reader->unserved[0] != '\0') {
        leave_out(reader, &rule);
    } else {
        compare_with_left_out(reader, &rule);
        rule_add(reader, &rule);
    }
}

/* ---- the table ---- */

void config_build_hba(struct config_builder *builder, const char *file, struct base_slice text,
                      const char *ident_file, struct base_slice ident_text)
{
    struct config_hba_reader reader = {.builder = builder};

    reader.hba = calloc(1, sizeof(*reader.hba));
    if (reader.hba == NULL || builder->snapshot == NULL) {
        builder->is_out_of_memory = true;
        free(reader.hba);
        return;
    }
    reader.hba->references = 1;
    config_hba_drop(builder->snapshot->config.hba);
    builder->snapshot->config.hba = reader.hba;
    file = base_arena_text(&reader.hba->arena, base_slice_text(file));
    ident_file = base_arena_text(&reader.hba->arena, base_slice_text(ident_file));
    if (file == NULL || ident_file == NULL) {
        builder->is_out_of_memory = true;
        return;
    }
    config_hba_lines(&reader, file, text, line_read);
    config_ident_read(&reader, ident_file, ident_text);
    builder->place = (struct config_place){"", 0};
}

struct config_hba *config_hba_share(struct config_hba *hba)
{
    if (hba != NULL)
        hba->references++;
    return hba;
}

void config_hba_drop(struct config_hba *hba)
{
    if (hba == NULL || --hba->references > 0)
        return;
    base_arena_done(&hba->arena);
    free(hba->rules);
    free(hba->lines);
    free(hba);
}
