/* snapshot.c - asking a finished snapshot, changing one option of it, ending it.
 *
 * Invariant: the arrays are sorted by name without duplicates (finish.c), so a name is found by
 * halving. Names from clients are slices and may hold any byte.
 * Test: tests/unit/config/test_snapshot.c.
 */
#include <stdlib.h>

#include "config/build.h"
#include "config/value.h"

void config_free(struct config *config)
{
    struct config_snapshot *snapshot = (struct config_snapshot *)(void *)config;

    _Static_assert(offsetof(struct config_snapshot, config) == 0, "the config comes first");
    if (config == NULL)
        return;
    config_hba_drop(config->hba);
    base_arena_done(&snapshot->arena);
    explicit_bzero(snapshot, sizeof(*snapshot));
    free(snapshot);
}

/* strcmp of a slice with a C string. */
static int compare_slice(struct base_slice slice, const char *text)
{
    size_t bytes = strlen(text), common = slice.bytes < bytes ? slice.bytes : bytes;
    int order = common > 0 ? memcmp(slice.data, text, common) : 0;

    return order != 0 ? order : (slice.bytes > bytes) - (slice.bytes < bytes);
}

static const struct config_database *database_exact(const struct config *config,
                                                    struct base_slice name)
{
    uint32_t low = 0, high = config->database_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = compare_slice(name, config->databases[middle].name);

        if (order == 0)
            return &config->databases[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const struct config_database *config_database_find(const struct config *config,
                                                   struct base_slice name, bool *ret_is_fallback)
{
    const struct config_database *database = NULL;
    bool is_fallback = false;

    if (!base_slice_is(name, "*")) /* a client cannot ask for the fallback by its sign */
        database = database_exact(config, name);
    if (database == NULL) {
        is_fallback = true;
        database = database_exact(config, base_slice_text("*"));
    }
    if (database != NULL && ret_is_fallback != NULL)
        *ret_is_fallback = is_fallback;
    return database;
}

const struct config_user *config_user_find(const struct config *config, struct base_slice name)
{
    uint32_t low = 0, high = config->user_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = compare_slice(name, config->users[middle].name);

        if (order == 0)
            return &config->users[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

void config_pool_resolve(const struct config *config, const struct config_database *database,
                         const struct config_user *user, struct config_pool *ret_pool)
{
    const struct config_options *options = &config->options;
    struct config_pool pool = {
        .pool_mode = database->pool_mode,
        .pool_size = database->pool_size,
        .min_pool_size = database->min_pool_size,
        .max_overflow = database->max_overflow,
        .reserve_pool_size = database->reserve_pool_size,
        .max_db_connections = database->max_db_connections,
        .max_user_connections = options->max_user_connections,
        .server_lifetime = database->server_lifetime,
        .query_wait_timeout = database->query_wait_timeout,
        .query_timeout = options->query_timeout,
        .transaction_timeout = options->transaction_timeout,
        .idle_transaction_timeout = options->idle_transaction_timeout,
        .client_idle_timeout = options->client_idle_timeout,
    };

#define USER_FIELD(name)                                                            \
    if (user != NULL && (user->set & (UINT32_C(1) << CONFIG_USER_KEY_##name)) != 0) \
    pool.name = user->name
    USER_FIELD(pool_mode);
    USER_FIELD(pool_size);
    USER_FIELD(reserve_pool_size);
    USER_FIELD(max_user_connections);
    USER_FIELD(query_wait_timeout);
    USER_FIELD(query_timeout);
    USER_FIELD(transaction_timeout);
    USER_FIELD(idle_transaction_timeout);
    USER_FIELD(client_idle_timeout);
#undef USER_FIELD
    if (pool.min_pool_size > pool.pool_size)
        pool.min_pool_size = pool.pool_size;
    *ret_pool = pool;
}

bool config_list_next(const char **rest, struct base_slice *ret_item)
{
    while (**rest != '\0') {
        size_t bytes = strcspn(*rest, ",");
        struct base_slice item = config_trim(base_slice_of(*rest, bytes));

        *rest += bytes + ((*rest)[bytes] == ',');
        if (item.bytes > 0) {
            *ret_item = item;
            return true;
        }
    }
    return false;
}

bool config_list_has(const char *list, struct base_slice name)
{
    struct base_slice item;

    while (config_list_next(&list, &item)) {
        if (base_slice_equal(item, name))
            return true;
    }
    return false;
}

size_t config_option_render(const struct config *config, enum config_option option, char *out,
                            size_t bytes)
{
    const struct config_key *key = &config_table_options.keys[option];

    return config_value_render(key->info.type, config_key_field_const(key, &config->options), out,
                               bytes);
}

/* ---- SET ---- */

/* Copies the texts of an object that was copied bit by bit. */
static void texts_copy(struct config_builder *builder, const struct config_table *table,
                       void *object)
{
    for (unsigned i = 0; i < table->key_count; i++) {
        const char **field;

        if (!config_type_is_text(table->keys[i].info.type))
            continue;
        field = config_key_field(&table->keys[i], object);
        *field = config_build_copy(builder, base_slice_text(*field));
    }
}

static void copy_peers(struct config_builder *builder, const struct config *config)
{
    for (uint32_t i = 0; i < config->peer_count; i++) {
        struct config_peer *to = config_build_peer(builder, config->peers[i].id);

        if (to == NULL)
            return;
        *to = config->peers[i];
        texts_copy(builder, &config_table_peers, to);
    }
}

static void copy_entries(struct config_builder *builder, const struct config *config)
{
    copy_peers(builder, config);
    for (uint32_t i = 0; i < config->database_count; i++) {
        const struct config_database *from = &config->databases[i];
        struct config_database *to = config_build_database(builder, base_slice_text(from->name));
        const char *name = to ? to->name : NULL;

        if (to == NULL)
            return;
        *to = *from;
        to->name = name;
        texts_copy(builder, &config_table_databases, to);
    }
    for (uint32_t i = 0; i < config->user_count; i++) {
        const struct config_user *from = &config->users[i];
        struct config_user *to = config_build_user(builder, base_slice_text(from->name));
        const char *name = to ? to->name : NULL;

        if (to == NULL)
            return;
        *to = *from;
        to->name = name;
        to->secret = config_build_copy(builder, base_slice_text(from->secret));
        texts_copy(builder, &config_table_users, to);
    }
}

int config_with_option(const struct config *config, struct base_slice name, struct base_slice value,
                       struct config **ret_config, struct config_errors *errors)
{
    struct config_builder builder;
    enum config_option option;

    config_build_begin(&builder, errors, NULL);
    if (builder.snapshot != NULL) {
        *config_build_options(&builder) = config->options;
        texts_copy(&builder, &config_table_options, config_build_options(&builder));
        builder.snapshot->config.file = config_build_copy(&builder, base_slice_text(config->file));
        builder.folder = config_build_folder(&builder, config->file);
        copy_entries(&builder, config);
        builder.snapshot->config.hba = config_hba_share(config->hba);
    }
    if (config_option_find(name, &option) && config_option_info(option)->needs_restart)
        config_error_add(errors, (struct config_place){"", 0},
                         "%s needs a restart: change it in the file",
                         config_option_info(option)->name);
    else
        config_build_option(&builder, name, value);
    return config_build_end(&builder, ret_config);
}
