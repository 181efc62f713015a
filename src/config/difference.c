/* difference.c - what a reload changes.
 *
 * Both sides are sorted, so databases and users are compared in one walk side by side. A key counts
 * with its resolved value: a database follows a changed default_pool_size without a word of its
 * own. Names in a change belong to the side that has them (the new one when both do). Test:
 * tests/unit/config/test_snapshot.c.
 */
#include "config/hba.h"
#include "config/table.h"
#include "config/value.h"

struct report {
    void (*each)(void *context, const struct config_change *change);
    void *context;
};

static void report_change(const struct report *report, enum config_change_kind kind,
                          const char *name, bool needs_reconnect)
{
    struct config_change change = {.kind = kind, .name = name, .needs_reconnect = needs_reconnect};

    report->each(report->context, &change);
}

/* The setting is the same, and what its file says is not. */
static bool file_changed(unsigned option, const struct config *old, const struct config *new_config)
{
    return option == CONFIG_OPTION_auth_hba_file && old->hba != NULL && new_config->hba != NULL &&
           !config_hba_is_same(old->hba, new_config->hba);
}

static void compare_options(const struct config *old, const struct config *new_config,
                            const struct report *report)
{
    for (unsigned i = 0; i < config_table_options.key_count; i++) {
        const struct config_key *key = &config_table_options.keys[i];
        struct config_change change = {.kind = CONFIG_CHANGE_OPTION,
                                       .option = (enum config_option)i,
                                       .name = key->info.name,
                                       .needs_restart = key->info.needs_restart};

        if (!config_value_equal(key->info.type, config_key_field_const(key, &old->options),
                                config_key_field_const(key, &new_config->options)) ||
            file_changed(i, old, new_config))
            report->each(report->context, &change);
    }
}

/* Bits of the keys whose values differ. */
static uint32_t keys_changed(const struct config_table *table, const void *a, const void *b)
{
    uint32_t changed = 0;

    for (unsigned i = 0; i < table->key_count; i++) {
        const struct config_key *key = &table->keys[i];

        if (!config_value_equal(key->info.type, config_key_field_const(key, a),
                                config_key_field_const(key, b)))
            changed |= UINT32_C(1) << i;
    }
    return changed;
}

static bool hosts_equal(const struct config_database *a, const struct config_database *b)
{
    bool equal = a->host_count == b->host_count;

    for (uint32_t i = 0; equal && i < a->host_count; i++)
        equal = strcmp(a->hosts[i], b->hosts[i]) == 0;
    return equal;
}

static void compare_database(const struct config_database *old,
                             const struct config_database *new_database,
                             const struct report *report)
{
    static const uint32_t reconnect =
        UINT32_C(1) << CONFIG_DATABASE_KEY_port | UINT32_C(1) << CONFIG_DATABASE_KEY_dbname |
        UINT32_C(1) << CONFIG_DATABASE_KEY_user | UINT32_C(1) << CONFIG_DATABASE_KEY_password |
        UINT32_C(1) << CONFIG_DATABASE_KEY_connect_query |
        UINT32_C(1) << CONFIG_DATABASE_KEY_target_session_attrs |
        UINT32_C(1) << CONFIG_DATABASE_KEY_max_protocol_version |
        UINT32_C(1) << CONFIG_DATABASE_KEY_client_encoding |
        UINT32_C(1) << CONFIG_DATABASE_KEY_datestyle | UINT32_C(1) << CONFIG_DATABASE_KEY_timezone |
        UINT32_C(1) << CONFIG_DATABASE_KEY_application_name;
    uint32_t changed = keys_changed(&config_table_databases, old, new_database) &
                       ~(UINT32_C(1) << CONFIG_DATABASE_KEY_host);
    bool moved = !hosts_equal(old, new_database);

    if (changed != 0 || moved)
        report_change(report, CONFIG_CHANGE_DATABASE, new_database->name,
                      moved || (changed & reconnect) != 0);
}

static void compare_databases(const struct config *old, const struct config *new_config,
                              const struct report *report)
{
    uint32_t i = 0, j = 0;

    while (i < old->database_count || j < new_config->database_count) {
        int order = i == old->database_count ? 1
                    : j == new_config->database_count
                        ? -1
                        : strcmp(old->databases[i].name, new_config->databases[j].name);

        if (order < 0)
            report_change(report, CONFIG_CHANGE_DATABASE_GONE, old->databases[i].name, true);
        else if (order > 0)
            report_change(report, CONFIG_CHANGE_DATABASE_NEW, new_config->databases[j].name, false);
        else
            compare_database(&old->databases[i], &new_config->databases[j], report);
        i += order <= 0;
        j += order >= 0;
    }
}

static void compare_peers(const struct config *old, const struct config *new_config,
                          const struct report *report)
{
    bool equal = old->peer_count == new_config->peer_count;

    for (uint32_t i = 0; equal && i < old->peer_count; i++)
        equal = old->peers[i].id == new_config->peers[i].id &&
                keys_changed(&config_table_peers, &old->peers[i], &new_config->peers[i]) == 0;
    if (!equal)
        report_change(report, CONFIG_CHANGE_PEERS, "[peers]", false);
}

static void compare_user(const struct config_user *old, const struct config_user *new_user,
                         const struct report *report)
{
    bool secret = old->is_listed != new_user->is_listed ||
                  old->secret_kind != new_user->secret_kind ||
                  strcmp(old->secret, new_user->secret) != 0;

    if (secret || keys_changed(&config_table_users, old, new_user) != 0)
        report_change(report, CONFIG_CHANGE_USER, new_user->name, secret);
}

static void compare_users(const struct config *old, const struct config *new_config,
                          const struct report *report)
{
    uint32_t i = 0, j = 0;

    while (i < old->user_count || j < new_config->user_count) {
        int order = i == old->user_count ? 1
                    : j == new_config->user_count
                        ? -1
                        : strcmp(old->users[i].name, new_config->users[j].name);

        if (order < 0)
            report_change(report, CONFIG_CHANGE_USER_GONE, old->users[i].name, true);
        else if (order > 0)
            report_change(report, CONFIG_CHANGE_USER_NEW, new_config->users[j].name, false);
        else
            compare_user(&old->users[i], &new_config->users[j], report);
        i += order <= 0;
        j += order >= 0;
    }
}

void config_difference(const struct config *old, const struct config *new_config,
                       void (*each)(void *context, const struct config_change *change),
                       void *context)
{
    struct report report = {each, context};

    compare_options(old, new_config, &report);
    compare_databases(old, new_config, &report);
    compare_users(old, new_config, &report);
    compare_peers(old, new_config, &report);
}
