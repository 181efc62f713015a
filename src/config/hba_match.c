/* hba_match.c - which line of auth_hba_file a connection fits.
 *
 * Pure: the caller says what is known of the connection and of this machine's networks. Names are
 * compared letter by letter.
 * Test: tests/unit/config/test_hba.c.
 */
#include "base/invariant.h"
#include "config/hba_internal.h"
#include "config/regex.h"

/* Who asks, what is asked for, and whether an expression was given up. */
struct question {
    const struct config_hba_client *client;
    bool is_database;
    bool *is_undecided;
};

static bool regex_fits(const char *expression, struct base_slice name, bool *is_undecided)
{
    enum config_regex_result result = config_regex_match(expression, name, NULL);

    *is_undecided = *is_undecided || result == CONFIG_REGEX_UNDECIDED;
    return result == CONFIG_REGEX_YES;
}

static bool item_fits(const struct config_hba_item *item, const struct question *question)
{
    const struct config_hba_client *client = question->client;
    struct base_slice name = question->is_database ? client->database : client->user;

    if (question->is_database && client->is_replication)
        return item->word == CONFIG_HBA_REPLICATION;
    switch (item->word) {
    case CONFIG_HBA_NAME:
        return base_slice_is(name, item->text);
    case CONFIG_HBA_ALL:
        return true;
    case CONFIG_HBA_SAMEUSER:
        return base_slice_equal(client->database, client->user);
    case CONFIG_HBA_REPLICATION:
        return false;
    case CONFIG_HBA_REGEX:
        return regex_fits(item->text, name, question->is_undecided);
    }
    return false;
}

static bool list_fits(const struct config_hba_list *list, struct question question)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (item_fits(&list->items[i], &question))
            return true;
    }
    return false;
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

static bool address_fits(const struct config_hba_rule *rule, const struct config_hba_client *client)
{
    switch (rule->address) {
    case CONFIG_HBA_ANY:
        return true;
    case CONFIG_HBA_NET:
        return net_fits(&rule->net, client, false);
    case CONFIG_HBA_SAMEHOST:
    case CONFIG_HBA_SAMENET:
        for (uint32_t i = 0; i < client->interface_count; i++) {
            if (net_fits(&client->interfaces[i], client, rule->address == CONFIG_HBA_SAMEHOST))
                return true;
        }
        return false;
    }
    return false;
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

const struct config_hba_rule *config_hba_find(const struct config_hba *hba,
                                              const struct config_hba_client *client)
{
    INVARIANT(client->is_unix || client->address_bytes == 4 || client->address_bytes == 16);
    for (uint32_t i = 0; hba != NULL && i < hba->rule_count; i++) {
        const struct config_hba_rule *rule = &hba->rules[i];
        bool is_undecided = false;

        if (type_fits(rule->type, client) &&
            (rule->type == CONFIG_HBA_LOCAL || address_fits(rule, client)) &&
            list_fits(&rule->databases, (struct question){client, true, &is_undecided}) &&
            list_fits(&rule->users, (struct question){client, false, &is_undecided}))
            return rule;
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
