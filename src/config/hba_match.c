/* hba_match.c - which line of auth_hba_file a connection fits.
 *
 * Pure: the caller says what is known of the connection and of this machine's networks. Names are
 * compared letter by letter.
 * Test: tests/unit/config/test_hba.c.
 */
#include "base/invariant.h"
#include "config/hba_internal.h"
#include "config/regex.h"

/* Whether a line fits; MAYBE where that is for weir to know only in part. */
enum fit { NO, MAYBE, YES };

/* Who asks, what is asked for, and whether an expression was given up. */
struct question {
    const struct config_hba_client *client;
    bool is_database;
    bool *is_undecided;
};

static bool regex_fits(const char *expression, struct base_slice name, bool *is_undecided)
{
    enum config_regex_result result = config_regex_match(expression, name);

    *is_undecided = *is_undecided || result == CONFIG_REGEX_UNDECIDED;
    return result == CONFIG_REGEX_YES;
}

static enum fit when(bool is_fitting)
{
    return is_fitting ? YES : NO;
}

static enum fit item_fits(const struct config_hba_item *item, const struct question *question)
{
    const struct config_hba_client *client = question->client;
    struct base_slice name = question->is_database ? client->database : client->user;

    if (question->is_database && client->is_replication)
        return when(item->word == CONFIG_HBA_REPLICATION);
    switch (item->word) {
    case CONFIG_HBA_NAME:
        return when(base_slice_is(name, item->text));
    case CONFIG_HBA_ALL:
        return YES;
    case CONFIG_HBA_SAMEUSER:
        return when(base_slice_equal(client->database, client->user));
    case CONFIG_HBA_REPLICATION:
        return NO;
    case CONFIG_HBA_REGEX:
        return when(regex_fits(item->text, name, question->is_undecided));
    case CONFIG_HBA_UNKNOWN:
        return MAYBE;
    }
    return NO;
}

static enum fit list_fits(const struct config_hba_list *list, struct question question)
{
    enum fit best = NO;

    for (uint32_t i = 0; i < list->count && best != YES; i++) {
        enum fit fit = item_fits(&list->items[i], &question);

        best = fit > best ? fit : best;
    }
    return best;
}

static bool net_fits(const struct config_hba_net *net, const struct config_hba_client *client,
                     bool is_host)
{
    if (net->bytes != client->address_bytes)
        return false;
    for (uint32_t i = 0; i < net->bytes; i++) {
        uint8_t mask = is_host ? 255 : net->mask[i];

        if ((net->address[i] & mask) != (client->address[i] & mask))
            return false;
    }
    return true;
}

static enum fit address_fits(const struct config_hba_rule *rule,
                             const struct config_hba_client *client)
{
    switch (rule->address) {
    case CONFIG_HBA_ANY:
        return YES;
    case CONFIG_HBA_HOSTNAME:
        return MAYBE;
    case CONFIG_HBA_NET:
        return when(net_fits(&rule->net, client, false));
    case CONFIG_HBA_SAMEHOST:
    case CONFIG_HBA_SAMENET:
        for (uint32_t i = 0; i < client->interface_count; i++) {
            if (net_fits(&client->interfaces[i], client, rule->address == CONFIG_HBA_SAMEHOST))
                return YES;
        }
        return NO;
    }
    return NO;
}

static bool type_fits(enum config_hba_type type, const struct config_hba_client *client)
{
    switch (type) {
    case CONFIG_HBA_LOCAL:
        return client->is_unix;
    case CONFIG_HBA_HOST:
    case CONFIG_HBA_HOSTNOGSSENC:
        return !client->is_unix;
    case CONFIG_HBA_HOSTSSL:
        return !client->is_unix && client->is_tls;
    case CONFIG_HBA_HOSTNOSSL:
        return !client->is_unix && !client->is_tls;
    case CONFIG_HBA_HOSTGSSENC:
        return false;
    }
    return false;
}

static enum fit rule_fits(const struct config_hba_rule *rule,
                          const struct config_hba_client *client, bool *is_undecided)
{
    enum fit parts[] = {YES, NO, NO};
    enum fit worst = when(type_fits(rule->type, client));

    if (worst != NO && rule->type != CONFIG_HBA_LOCAL)
        parts[0] = address_fits(rule, client);
    if (worst != NO && parts[0] != NO)
        parts[1] = list_fits(&rule->databases, (struct question){client, true, is_undecided});
    if (worst != NO && parts[1] != NO)
        parts[2] = list_fits(&rule->users, (struct question){client, false, is_undecided});
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        worst = parts[i] < worst ? parts[i] : worst;
    return worst;
}

/* ---- what a line asks for ---- */

bool config_hba_types_meet(const struct config_hba_rule *a, const struct config_hba_rule *b)
{
    bool is_split = (a->type == CONFIG_HBA_HOSTSSL && b->type == CONFIG_HBA_HOSTNOSSL) ||
                    (a->type == CONFIG_HBA_HOSTNOSSL && b->type == CONFIG_HBA_HOSTSSL);

    return (a->type == CONFIG_HBA_LOCAL) == (b->type == CONFIG_HBA_LOCAL) && !is_split;
}

static enum config_hba_clientcert certificate_of(const struct config_hba_rule *rule)
{
    return rule->method == CONFIG_AUTH_TYPE_CERT ? CONFIG_HBA_CERT_VERIFY_FULL : rule->clientcert;
}

static bool asks_for_certificate(const struct config_hba_rule *later,
                                 const struct config_hba_rule *earlier)
{
    enum config_hba_clientcert wanted = certificate_of(earlier);

    if (wanted == CONFIG_HBA_CERT_VERIFY_FULL)
        return certificate_of(later) == wanted && later->uses_dn == earlier->uses_dn &&
               strcmp(later->map, earlier->map) == 0;
    return certificate_of(later) >= wanted;
}

/* Methods that prove the same password, by how well they keep it; 0: another proof. */
static int password_rank(enum config_auth_type method)
{
    return method == CONFIG_AUTH_TYPE_PLAIN           ? 1
           : method == CONFIG_AUTH_TYPE_MD5           ? 2
           : method == CONFIG_AUTH_TYPE_SCRAM_SHA_256 ? 3
                                                      : 0;
}

static bool asks_for_proof(const struct config_hba_rule *later,
                           const struct config_hba_rule *earlier)
{
    int wanted = password_rank(earlier->method);

    switch (earlier->method) {
    case CONFIG_AUTH_TYPE_TRUST:
        return true;
    case CONFIG_AUTH_TYPE_CERT:
        return later->method == CONFIG_AUTH_TYPE_CERT;
    case CONFIG_AUTH_TYPE_PEER:
        return later->method == CONFIG_AUTH_TYPE_PEER && strcmp(later->map, earlier->map) == 0;
    case CONFIG_AUTH_TYPE_PAM:
        return later->method == CONFIG_AUTH_TYPE_PAM &&
               strcmp(later->pam_service, earlier->pam_service) == 0;
    case CONFIG_AUTH_TYPE_LDAP:
        return later->method == CONFIG_AUTH_TYPE_LDAP &&
               config_ldap_equal(&later->ldap, &earlier->ldap);
    default:
        return wanted > 0 && password_rank(later->method) >= wanted;
    }
}

bool config_hba_asks_as_much(const struct config_hba_rule *later,
                             const struct config_hba_rule *earlier)
{
    if (later->is_reject || later->unserved != NULL)
        return true; /* nobody gets in by it */
    return !earlier->lacks_method && asks_for_certificate(later, earlier) &&
           asks_for_proof(later, earlier);
}

/* ---- the line that decides ---- */

/* A line before the one that fits that may fit, too, and asks for something else; else that. */
static const struct config_hba_rule *strictest(const struct config_hba *hba,
                                               const struct config_hba_rule *fitting,
                                               const struct config_hba_client *client)
{
    for (const struct config_hba_rule *rule = hba->rules; rule < fitting; rule++) {
        bool is_undecided = false;

        if (rule->unserved != NULL && !config_hba_asks_as_much(fitting, rule) &&
            rule_fits(rule, client, &is_undecided) != NO)
            return rule;
    }
    return fitting;
}

const struct config_hba_rule *config_hba_find(const struct config_hba *hba,
                                              const struct config_hba_client *client)
{
    INVARIANT(client->is_unix || client->address_bytes == 4 || client->address_bytes == 16);
    for (uint32_t i = 0; hba != NULL && i < hba->rule_count; i++) {
        const struct config_hba_rule *rule = &hba->rules[i];
        bool is_undecided = false;

        if (rule_fits(rule, client, &is_undecided) == YES)
            return strictest(hba, rule, client);
        if (is_undecided)
            return NULL; /* it might have been this line: a later one may ask for less */
    }
    return NULL;
}

uint32_t config_hba_count(const struct config_hba *hba)
{
    return hba ? hba->rule_count : 0;
}

const struct config_hba_rule *config_hba_rule_at(const struct config_hba *hba, uint32_t idx)
{
    INVARIANT(idx < config_hba_count(hba));
    return &hba->rules[idx];
}

bool config_hba_asks_interfaces(const struct config_hba *hba)
{
    for (uint32_t i = 0; i < config_hba_count(hba); i++) {
        if (hba->rules[i].address == CONFIG_HBA_SAMEHOST ||
            hba->rules[i].address == CONFIG_HBA_SAMENET)
            return true;
    }
    return false;
}

bool config_hba_is_same(const struct config_hba *a, const struct config_hba *b)
{
    return a == b || (a != NULL && b != NULL && a->fingerprint == b->fingerprint);
}
