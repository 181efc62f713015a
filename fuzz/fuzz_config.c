/* fuzz_config.c - everything of src/config that reads text.
 *
 * The first byte chooses: 'u' a URL, 'a' an auth_file, 's' a SET of "name=value", 'l' the options
 * of auth_ldap_options, anything else a configuration file whose %include finds a fixed text, one
 * that goes in a circle (names that end with e), or none (with !). What was accepted must show and
 * read back as the same values, be equal to itself, and be found by name.
 */
#include <stdlib.h>
#include <string.h>

#include "config/build.h"
#include "config/value.h"
#include "fuzz.h"
#include "included.h"

static const char fixed[] = "[databases]\nb = host=h\n[users]\nu = pool_size=1\n";
static struct included files = {fixed, "[databases]\nb = host=h\n%include circle\n"};

static void no_change(void *context, const struct config_change *change)
{
    (void)context;
    (void)change;
    INVARIANT(!"a snapshot differs from itself");
}

static void check_options(const struct config *config)
{
    struct base_arena arena = {0};
    struct config_options again;
    char shown[OPTION_LIST_BYTES + 1], why[256];

    for (unsigned i = 0; i < CONFIG_OPTION_COUNT; i++) {
        const struct config_key *key = &config_table_options.keys[i];
        size_t bytes = config_option_render(config, (enum config_option)i, shown, sizeof(shown));

        INVARIANT(bytes < sizeof(shown));
        if (key->info.type == CONFIG_TYPE_SECRET)
            continue; /* is not shown */
        INVARIANT(config_value_parse(&key->info, base_slice_of(shown, bytes), "", &arena,
                                     config_key_field(key, &again), why, sizeof(why)) == BASE_OK);
        INVARIANT(config_value_equal(key->info.type, config_key_field(key, &again),
                                     config_key_field_const(key, &config->options)));
    }
    base_arena_done(&arena);
}

static void check_config(const struct config *config)
{
    struct config_pool pool;
    bool is_fallback;

    check_options(config);
    config_difference(config, config, no_change, NULL);
    for (uint32_t i = 0; i < config->database_count; i++) {
        const struct config_database *database = &config->databases[i];

        INVARIANT(database->host_count > 0 && database->hosts[0][0] != '\0');
        INVARIANT(config_database_find(config, base_slice_text(database->name), &is_fallback) ==
                  database);
        config_pool_resolve(config, database, config->user_count ? config->users : NULL, &pool);
        INVARIANT(pool.pool_size >= 1 && pool.min_pool_size <= pool.pool_size);
    }
    for (uint32_t i = 0; i < config->user_count; i++)
        INVARIANT(config_user_find(config, base_slice_text(config->users[i].name)) ==
                  &config->users[i]);
}

static void set_one(const struct config *config, struct base_slice text)
{
    const uint8_t *equal = text.bytes ? memchr(text.data, '=', text.bytes) : NULL;
    struct config_errors errors = {0};
    struct config *changed = NULL;
    size_t bytes = equal ? (size_t)(equal - text.data) : text.bytes;

    if (config_with_option(config, base_slice_of(text.data, bytes),
                           base_slice_skip(text, equal ? bytes + 1 : bytes), &changed,
                           &errors) == BASE_OK)
        check_config(changed);
    config_free(changed);
    config_errors_done(&errors);
}

static void read_one(struct config_builder *builder, uint8_t kind, struct base_slice text)
{
    char *url = malloc(text.bytes + 1);

    INVARIANT(url != NULL);
    if (text.bytes > 0)
        memcpy(url, text.data, text.bytes);
    url[text.bytes] = '\0';
    switch (kind) {
    case 'u':
        config_build_url(builder, url, "me");
        break;
    case 'a':
        config_build_auth(builder, "users.txt", text);
        break;
    case 's':
        config_build_text(builder, "/etc/weir.ini", base_slice_text(fixed));
        break;
    default:
        config_build_text(builder, "/etc/weir.ini", text);
    }
    free(url);
}

/* What is accepted has a server, and is the same when it is copied. */
static void read_ldap(struct base_slice text)
{
    struct base_arena arena = {0};
    const char *options = base_arena_text(&arena, text);
    struct config_ldap ldap, copy;
    char why[300] = "";

    INVARIANT(options != NULL);
    if (config_ldap_parse(&arena, options, &ldap, why, sizeof(why)) == BASE_OK) {
        INVARIANT(ldap.server[0] != '\0' && ldap.port <= 65535);
        INVARIANT(config_ldap_copy(&arena, &ldap, &copy) == BASE_OK);
        INVARIANT(strcmp(copy.filter, ldap.filter) == 0);
    } else {
        INVARIANT(why[0] != '\0');
    }
    base_arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config_reader reader = included_reader(&files);
    struct base_slice text = base_slice_of(data, size);
    struct config_errors errors = {0};
    struct config_builder builder;
    struct config *config = NULL;
    int status;

    if (size == 0)
        return 0;
    config_build_begin(&builder, &errors, &reader);
    INVARIANT(builder.snapshot != NULL);
    read_one(&builder, data[0], base_slice_skip(text, data[0] == '[' ? 0 : 1));
    status = config_build_end(&builder, &config);
    INVARIANT((status == BASE_OK) == (errors.error_count == 0) && status != BASE_ENOMEM);
    INVARIANT((config != NULL) == (status == BASE_OK));
    if (config != NULL)
        check_config(config);
    if (data[0] == 'l')
        read_ldap(base_slice_skip(text, 1));
    if (config != NULL && data[0] == 's')
        set_one(config, base_slice_skip(text, 1));
    config_errors_done(&errors);
    config_free(config);
    return 0;
}
