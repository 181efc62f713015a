/* table.c - the arrays made from defs/options.h, and finding names in them.
 *
 * Names are searched one after another: there are about a hundred, read once per written line.
 * Not here: reading values (value.c). Test: tests/unit/config/test_value.c.
 */
#include "base/invariant.h"
#include "config/table.h"

#define RELOAD  false
#define RESTART true

static const struct config_key option_keys[] = {
#define OPTION(name, type, default_text, min, max, when, doc)                \
    {{#name, CONFIG_TYPE_##type, default_text, (min), (max), (when), (doc)}, \
     offsetof(struct config_options, name),                                  \
     ""},
    OPTION_TABLE(OPTION)
#undef OPTION
};

static const struct config_key database_keys[] = {
#define KEY(name, type, option, min, max, doc)                     \
    {{#name, CONFIG_TYPE_##type, "", (min), (max), RELOAD, (doc)}, \
     offsetof(struct config_database, name),                       \
     option},
    DATABASE_KEYS(KEY)
#undef KEY
};

static const struct config_key user_keys[] = {
#define KEY(name, type, option, min, max, doc)                     \
    {{#name, CONFIG_TYPE_##type, "", (min), (max), RELOAD, (doc)}, \
     offsetof(struct config_user, name),                           \
     option},
    USER_KEYS(KEY)
#undef KEY
};

static const struct config_key peer_keys[] = {
#define KEY(name, type, option, min, max, doc)                     \
    {{#name, CONFIG_TYPE_##type, "", (min), (max), RELOAD, (doc)}, \
     offsetof(struct config_peer, name),                           \
     option},
    PEER_KEYS(KEY)
#undef KEY
};

#define ALIAS(alias, name)              {#alias, #name},
#define REFUSED(name, harmless, advice) {#name, harmless, advice},
static const struct config_alias option_aliases[] = {OPTION_ALIASES(ALIAS){NULL, NULL}};
static const struct config_alias database_aliases[] = {DATABASE_ALIASES(ALIAS){NULL, NULL}};
static const struct config_alias user_aliases[] = {USER_ALIASES(ALIAS){NULL, NULL}};
static const struct config_refused option_refused[] = {OPTION_REFUSED(REFUSED){NULL, NULL, NULL}};
static const struct config_refused database_refused[] = {
    DATABASE_REFUSED(REFUSED){NULL, NULL, NULL}};
static const struct config_alias peer_aliases[] = {PEER_ALIASES(ALIAS){NULL, NULL}};
static const struct config_refused peer_refused[] = {PEER_REFUSED(REFUSED){NULL, NULL, NULL}};
static const struct config_refused user_refused[] = {USER_REFUSED(REFUSED){NULL, NULL, NULL}};
#undef ALIAS
#undef REFUSED

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

const struct config_table config_table_options = {"setting", option_keys, COUNT_OF(option_keys),
                                                  option_aliases, option_refused};
const struct config_table config_table_databases = {"key of a [databases] line", database_keys,
                                                    COUNT_OF(database_keys), database_aliases,
                                                    database_refused};
const struct config_table config_table_users = {"key of a [users] line", user_keys,
                                                COUNT_OF(user_keys), user_aliases, user_refused};
const struct config_table config_table_peers = {"key of a [peers] line", peer_keys,
                                                COUNT_OF(peer_keys), peer_aliases, peer_refused};

const struct config_choice config_choices[] = {
#define CHOICE(type, constant, text) {CONFIG_TYPE_##type, CONFIG_##type##_##constant, text, NULL},
    OPTION_CHOICES(CHOICE)
#undef CHOICE
#define REFUSED_CHOICE(type, text, advice) {CONFIG_TYPE_##type, 0, text, advice},
        OPTION_REFUSED_CHOICES(REFUSED_CHOICE)
#undef REFUSED_CHOICE
            {CONFIG_TYPE_BOOL, 0, NULL, NULL}};

_Static_assert(COUNT_OF(database_keys) <= 32, "the keys of a database fit its set of bits");
_Static_assert(COUNT_OF(user_keys) <= 32, "the keys of a user fit its set of bits");

static int key_find(const struct config_table *table, struct base_slice name)
{
    for (unsigned i = 0; i < table->key_count; i++) {
        if (base_slice_is(name, table->keys[i].info.name))
            return (int)i;
    }
    return -1;
}

int config_table_find(const struct config_table *table, struct base_slice name)
{
    int found = key_find(table, name);

    for (const struct config_alias *alias = table->aliases; found < 0 && alias->alias; alias++) {
        if (base_slice_is(name, alias->alias))
            found = key_find(table, base_slice_text(alias->name));
    }
    return found;
}

const struct config_refused *config_table_refused(const struct config_table *table,
                                                  struct base_slice name)
{
    for (const struct config_refused *refused = table->refused; refused->name; refused++) {
        if (base_slice_is(name, refused->name))
            return refused;
    }
    return NULL;
}

/* Optimal string alignment, three rows. A swap of neighbours counts as one. */
unsigned config_distance(struct base_slice a, struct base_slice b)
{
    unsigned rows[3][65];

    INVARIANT(a.bytes <= 64 && b.bytes <= 64);
    for (size_t j = 0; j <= b.bytes; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a.bytes; i++) {
        unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b.bytes; j++) {
            unsigned best = above[j - 1] + (a.data[i - 1] != b.data[j - 1]);

            best = above[j] + 1 < best ? above[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] &&
                a.data[i - 2] == b.data[j - 1] && above2[j - 2] + 1 < best)
                best = above2[j - 2] + 1;
            row[j] = best;
        }
    }
    return rows[a.bytes % 3][b.bytes];
}

unsigned config_distance_max(size_t bytes)
{
    return bytes < 4 ? 1 : bytes < 9 ? 2 : (unsigned)(bytes / 4 + 1);
}

static void nearest_try(const char *candidate, struct base_slice name, unsigned *best,
                        const char **nearest)
{
    unsigned distance = config_distance(name, base_slice_text(candidate));

    if (distance < *best) {
        *best = distance;
        *nearest = candidate;
    }
}

const char *config_table_nearest(const struct config_table *table, struct base_slice name)
{
    const char *nearest = NULL;
    unsigned best;

    if (name.bytes == 0 || name.bytes > 64)
        return NULL;
    best = config_distance_max(name.bytes) + 1;
    for (unsigned i = 0; i < table->key_count; i++)
        nearest_try(table->keys[i].info.name, name, &best, &nearest);
    for (const struct config_alias *alias = table->aliases; alias->alias; alias++)
        nearest_try(alias->alias, name, &best, &nearest);
    return nearest;
}

size_t config_type_bytes(enum config_type type)
{
    switch (type) {
#define TYPE(name, c_type, text) \
    case CONFIG_TYPE_##name:     \
        return sizeof(config_type_##name);
        OPTION_TYPES(TYPE)
#undef TYPE
    }
    INVARIANT(!"a type of the table");
    return 0;
}

bool config_type_is_text(enum config_type type)
{
    return type == CONFIG_TYPE_TEXT || type == CONFIG_TYPE_SECRET || type == CONFIG_TYPE_PATH ||
           type == CONFIG_TYPE_FILE;
}

const struct config_option_info *config_option_info(enum config_option option)
{
    INVARIANT((unsigned)option < CONFIG_OPTION_COUNT);
    return &option_keys[option].info;
}

bool config_option_find(struct base_slice name, enum config_option *ret_option)
{
    int found = config_table_find(&config_table_options, name);

    if (found < 0)
        return false;
    *ret_option = (enum config_option)found;
    return true;
}
