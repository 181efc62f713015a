/* finish.c - from drafts to the sorted arrays of the snapshot.
 *
 * Databases and users are sorted by name; of two lines with one name the later holds, with advice.
 * A user of auth_file and the line of [users] with the same name become one. Then every key that
 * was not written takes its option's value, and host lists are split.
 *
 * Invariants of the result: names strictly ascend; every database has at least one host; every key
 * has a value in the range of its row or of its option's row.
 * Test: tests/unit/config/test_build.c.
 */
#include <stdlib.h>

#include "base/invariant.h"
#include "config/build.h"

static int compare_order(const char *a, uint32_t a_order, const char *b, uint32_t b_order)
{
    int names = strcmp(a, b);

    return names != 0 ? names : (a_order > b_order) - (a_order < b_order);
}

static int compare_databases(const void *a, const void *b)
{
    const struct config_database_draft *left = a, *right = b;

    return compare_order(left->database.name, left->order, right->database.name, right->order);
}

static int compare_users(const void *a, const void *b)
{
    const struct config_user_draft *left = a, *right = b;

    return compare_order(left->user.name, left->order, right->user.name, right->order);
}

/* Gives every key that is not in `set` its option's value. */
static void apply_defaults(struct config_builder *builder, const struct config_table *table,
                           void *object, uint32_t set)
{
    const struct config_table *options = &config_table_options;

    for (unsigned i = 0; i < table->key_count; i++) {
        const struct config_key *key = &table->keys[i];
        int option;

        if ((set & (UINT32_C(1) << i)) || key->fallback[0] == '\0')
            continue;
        option = config_table_find(options, base_slice_text(key->fallback));
        INVARIANT(option >= 0 && options->keys[option].info.type == key->info.type);
        memcpy(config_key_field(key, object),
               config_key_field_const(&options->keys[option], config_build_options(builder)),
               config_type_bytes(key->info.type));
    }
}

/* ---- hosts ---- */

static uint32_t host_count(const char *list)
{
    uint32_t count = 1;

    for (; *list; list++)
        count += *list == ',';
    return count;
}

static void split_hosts(struct config_builder *builder, struct config_database *database,
                        struct config_place place)
{
    const char *list =
        database->host[0] ? database->host : config_build_options(builder)->unix_socket_dir;
    uint32_t count = host_count(list), found = 0;
    struct base_slice item;
    const char **hosts;

    if (count > CONFIG_HOSTS_MAX) {
        config_error_add(builder->errors, place, "host has more than %d items", CONFIG_HOSTS_MAX);
        return;
    }
    hosts = config_build_take(builder, count * sizeof(*hosts));
    while (hosts != NULL && config_list_next(&list, &item))
        hosts[found++] = config_build_copy(builder, item);
    if (hosts != NULL && found == 0)
        config_error_add(builder->errors, place,
                         "database %s has no host: write host=, or set unix_socket_dir",
                         database->name);
    else if (found < count && hosts != NULL)
        config_error_add(builder->errors, place,
                         "host of database %s has an empty item: write names with one comma "
                         "between them",
                         database->name);
    database->hosts = hosts;
    database->host_count = found;
}

/* ---- databases ---- */

static void finish_databases(struct config_builder *builder)
{
    struct config *config = &builder->snapshot->config;
    struct config_database_draft *drafts = builder->databases;
    struct config_database *list;
    uint32_t count = 0;

    if (builder->database_count > 1)
        qsort(drafts, builder->database_count, sizeof(*drafts), compare_databases);
    list = config_build_take(builder, builder->database_count * sizeof(*list));
    for (uint32_t i = 0; list != NULL && i < builder->database_count; i++) {
        if (i + 1 < builder->database_count &&
            strcmp(drafts[i].database.name, drafts[i + 1].database.name) == 0) {
            config_advice_add(builder->errors, drafts[i + 1].place,
                              "database %s was written before, at %s:%u; this line holds",
                              drafts[i].database.name, drafts[i].place.file, drafts[i].place.line);
            continue;
        }
        list[count] = drafts[i].database;
        apply_defaults(builder, &config_table_databases, &list[count], list[count].set);
        if (list[count].port == 0)
            list[count].port = 5432;
        split_hosts(builder, &list[count], drafts[i].place);
        count++;
    }
    config->databases = list;
    config->database_count = count;
}

/* ---- users ---- */

/* Lays a later draft of the same name over the user. */
static void user_join(struct config_builder *builder, struct config_user *user,
                      const struct config_user_draft *draft, const struct config_place *before)
{
    if (draft->user.is_listed == user->is_listed)
        config_advice_add(builder->errors, draft->place,
                          "user %s was written before, at %s:%u; this line holds", user->name,
                          before->file, before->line);
    if (draft->user.is_listed) {
        user->secret = draft->user.secret;
        user->secret_kind = draft->user.secret_kind;
        user->is_listed = true;
        return;
    }
    for (unsigned i = 0; i < config_table_users.key_count; i++) {
        const struct config_key *key = &config_table_users.keys[i];

        if (draft->user.set & (UINT32_C(1) << i))
            memcpy(config_key_field(key, user), config_key_field_const(key, &draft->user),
                   config_type_bytes(key->info.type));
    }
    user->set |= draft->user.set;
}

static void finish_users(struct config_builder *builder)
{
    struct config *config = &builder->snapshot->config;
    struct config_user_draft *drafts = builder->users;
    struct config_user *list;
    uint32_t count = 0;

    if (builder->user_count > 1)
        qsort(drafts, builder->user_count, sizeof(*drafts), compare_users);
    list = config_build_take(builder, builder->user_count * sizeof(*list));
    for (uint32_t i = 0; list != NULL && i < builder->user_count; i++) {
        if (count > 0 && strcmp(list[count - 1].name, drafts[i].user.name) == 0)
            user_join(builder, &list[count - 1], &drafts[i], &drafts[i - 1].place);
        else
            list[count++] = drafts[i].user;
    }
    for (uint32_t i = 0; list != NULL && i < count; i++)
        apply_defaults(builder, &config_table_users, &list[i], list[i].set);
    config->users = list;
    config->user_count = list ? count : 0;
}

/* ---- peers ---- */

static int compare_peers(const void *a, const void *b)
{
    const struct config_peer_draft *left = a, *right = b;
    int ids = (left->peer.id > right->peer.id) - (left->peer.id < right->peer.id);

    return ids != 0 ? ids : (left->order > right->order) - (left->order < right->order);
}

static void finish_peers(struct config_builder *builder)
{
    struct config *config = &builder->snapshot->config;
    struct config_peer_draft *drafts = builder->peers;
    struct config_peer *list;
    uint32_t count = 0;

    if (builder->peer_count > 1)
        qsort(drafts, builder->peer_count, sizeof(*drafts), compare_peers);
    list = config_build_take(builder, builder->peer_count * sizeof(*list));
    for (uint32_t i = 0; list != NULL && i < builder->peer_count; i++) {
        if (i + 1 < builder->peer_count && drafts[i].peer.id == drafts[i + 1].peer.id) {
            config_advice_add(builder->errors, drafts[i + 1].place,
                              "peer %u was written before, at %s:%u; this line holds",
                              (unsigned)drafts[i].peer.id, drafts[i].place.file,
                              drafts[i].place.line);
            continue;
        }
        list[count] = drafts[i].peer;
        apply_defaults(builder, &config_table_peers, &list[count], list[count].set);
        if (list[count].port == 0)
            list[count].port = 6432;
        if (list[count].host[0] == '\0')
            config_error_add(builder->errors, drafts[i].place,
                             "peer %u has no host: write host=", (unsigned)list[count].id);
        count++;
    }
    config->peers = list;
    config->peer_count = list ? count : 0;
}

/* ---- LDAP ---- */

static void finish_ldap(struct config_builder *builder)
{
    const struct config_options *options = config_build_options(builder);
    char why[300] = "";
    int status = BASE_OK;

    config_ldap_init(&builder->snapshot->config.ldap);
    if (options->auth_type == CONFIG_AUTH_TYPE_LDAP)
        status = config_ldap_parse(&builder->snapshot->arena, options->auth_ldap_options,
                                   &builder->snapshot->config.ldap, why, sizeof(why));
    if (status == BASE_ENOMEM)
        builder->is_out_of_memory = true;
    else if (status < 0)
        config_error_add(builder->errors, builder->option_place[CONFIG_OPTION_auth_ldap_options],
                         "auth_ldap_options is not allowed with auth_type = ldap: %s", why);
}

void config_build_finish(struct config_builder *builder)
{
    finish_peers(builder);
    finish_databases(builder);
    finish_users(builder);
    finish_ldap(builder);
}
