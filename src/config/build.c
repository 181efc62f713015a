/* build.c - from lines to settings and entries.
 *
 * Sections and who reads their lines:
 *     [pgbouncer] [weir]  -> config_build_option: one setting
 *     [databases]         -> a draft with config_build_key for each key=value
 *     [users] [peers]     -> the same
 *     unknown             -> refused once, lines skipped
 * An included file begins in the section of the %include and gives it back at its end.
 *
 * Invariants
 *   1. Every line that has no effect has an error or a piece of advice.
 *   2. depth counts the files in `files`; a file is never read inside itself.
 *   3. No error repeats a secret: values of SECRET keys are not shown, nor are words after one.
 *
 * Not here: defaults and joining (finish.c), what fits together (check.c), reading files (file.c).
 * Tests: tests/unit/config/test_build.c, test_snapshot.c (real files).
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/invariant.h"
#include "config/build.h"
#include "config/value.h"

/* ---- memory ---- */

void *config_build_take(struct config_builder *builder, size_t bytes)
{
    void *piece = builder->snapshot ? base_arena_take(&builder->snapshot->arena, bytes) : NULL;

    if (piece == NULL)
        builder->is_out_of_memory = true;
    return piece;
}

const char *config_build_copy(struct config_builder *builder, struct base_slice text)
{
    const char *copy = builder->snapshot ? base_arena_text(&builder->snapshot->arena, text) : NULL;

    if (copy == NULL)
        builder->is_out_of_memory = true;
    return copy ? copy : "";
}

const char *config_build_folder(struct config_builder *builder, const char *file)
{
    const char *slash = strrchr(file, '/');

    if (slash == NULL)
        return "";
    return config_build_copy(builder,
                             base_slice_of(file, slash == file ? 1 : (size_t)(slash - file)));
}

/* Makes room in a list of drafts; returns the index of the new one, -1 when there is none. */
static int64_t draft_add(struct config_builder *builder, void **list, uint32_t *count,
                         uint32_t *capacity, size_t bytes)
{
    if (*count == *capacity) {
        uint32_t larger = *capacity ? *capacity * 2 : 16;
        void *grown = realloc(*list, larger * bytes);

        if (grown == NULL) {
            builder->is_out_of_memory = true;
            return -1;
        }
        *list = grown;
        *capacity = larger;
    }
    memset((char *)*list + *count * bytes, 0, bytes);
    return (*count)++;
}

static void texts_clear(const struct config_table *table, void *object)
{
    for (unsigned i = 0; i < table->key_count; i++) {
        if (config_type_is_text(table->keys[i].info.type))
            *(const char **)config_key_field(&table->keys[i], object) = "";
    }
}

struct config_database *config_build_database(struct config_builder *builder,
                                              struct base_slice name)
{
    struct config_database_draft *draft;
    void *list = builder->databases;
    int64_t idx = -1;

    if (builder->database_count < CONFIG_DATABASES_MAX)
        idx = draft_add(builder, &list, &builder->database_count, &builder->database_capacity,
                        sizeof(*draft));
    else
        config_error_add(builder->errors, builder->place, "more than %d databases",
                         CONFIG_DATABASES_MAX);
    if (idx < 0)
        return NULL;
    builder->databases = list;
    draft = &builder->databases[idx];
    draft->place = builder->place;
    draft->order = (uint32_t)idx;
    texts_clear(&config_table_databases, &draft->database);
    draft->database.name = config_build_copy(builder, name);
    draft->database.line = builder->place.line;
    return &draft->database;
}

struct config_user *config_build_user(struct config_builder *builder, struct base_slice name)
{
    struct config_user_draft *draft;
    void *list = builder->users;
    int64_t idx = -1;

    if (builder->user_count < CONFIG_USERS_MAX)
        idx = draft_add(builder, &list, &builder->user_count, &builder->user_capacity,
                        sizeof(*draft));
    else
        config_error_add(builder->errors, builder->place, "more than %d users", CONFIG_USERS_MAX);
    if (idx < 0)
        return NULL;
    builder->users = list;
    draft = &builder->users[idx];
    draft->place = builder->place;
    draft->order = (uint32_t)idx;
    texts_clear(&config_table_users, &draft->user);
    draft->user.name = config_build_copy(builder, name);
    draft->user.secret = "";
    return &draft->user;
}

struct config_peer *config_build_peer(struct config_builder *builder, uint32_t id)
{
    struct config_peer_draft *draft;
    void *list = builder->peers;
    int64_t idx = draft_add(builder, &list, &builder->peer_count, &builder->peer_capacity,
                            sizeof(*draft)); /* no more than lines of a file */

    if (idx < 0)
        return NULL;
    builder->peers = list;
    draft = &builder->peers[idx];
    draft->place = builder->place;
    draft->order = (uint32_t)idx;
    texts_clear(&config_table_peers, &draft->peer);
    draft->peer.id = id;
    return &draft->peer;
}

/* ---- one value ---- */

/* Refuses a name that is not served; false when its value is harmless. */
static bool refuse_name(struct config_builder *builder, const struct config_table *table,
                        struct base_slice name, struct base_slice value, bool after_secret)
{
    const struct config_refused *refused = config_table_refused(table, name);
    const char *nearest = config_table_nearest(table, name);

    if (refused != NULL && refused->harmless != NULL &&
        config_slice_is_word(value, refused->harmless))
        return false;
    if (refused != NULL)
        config_error_add(builder->errors, builder->place, "%s is not served: %s", refused->name,
                         refused->advice);
    else if (after_secret)
        config_error_add(builder->errors, builder->place,
                         "a word after the password is no %s: put a password with blanks in "
                         "single quotes",
                         table->what);
    else if (nearest != NULL)
        config_error_add(builder->errors, builder->place, "\"%.*s\" is not a %s: did you mean %s?",
                         CONFIG_SHOWN(name), table->what, nearest);
    else
        config_error_add(builder->errors, builder->place, "\"%.*s\" is not a %s",
                         CONFIG_SHOWN(name), table->what);
    return true;
}

/* Reads one value; true when the field was set. */
static bool value_set(struct config_builder *builder, const struct config_key *key,
                      struct base_slice value, void *object)
{
    char why[256];
    int status;

    if (builder->snapshot == NULL)
        return false;
    status = config_value_parse(&key->info, value, builder->folder, &builder->snapshot->arena,
                                config_key_field(key, object), why, sizeof(why));
    if (status == BASE_ENOMEM)
        builder->is_out_of_memory = true;
    else if (status != BASE_OK && key->info.type == CONFIG_TYPE_SECRET)
        config_error_add(builder->errors, builder->place, "%s is not allowed: %s", key->info.name,
                         why);
    else if (status != BASE_OK)
        config_error_add(builder->errors, builder->place, "%s = \"%.*s\" is not allowed: %s",
                         key->info.name, CONFIG_SHOWN(value), why);
    return status == BASE_OK;
}

void config_build_option(struct config_builder *builder, struct base_slice name,
                         struct base_slice value)
{
    const struct config_table *table = &config_table_options;
    int found = config_table_find(table, name);
    struct config_place *place;

    if (found < 0) {
        refuse_name(builder, table, name, value, false);
        return;
    }
    if (builder->snapshot == NULL ||
        !value_set(builder, &table->keys[found], value, config_build_options(builder)))
        return;
    place = &builder->option_place[found];
    if (place->line > 0 && builder->place.line > 0)
        config_advice_add(builder->errors, builder->place,
                          "%s was set before, at %s:%u; this line holds",
                          table->keys[found].info.name, place->file, place->line);
    *place = builder->place;
}

void config_build_key(struct config_builder *builder, const struct config_table *table,
                      void *object, uint32_t *set, struct config_pair pair, bool after_secret)
{
    struct base_slice value = pair.value;
    int found = config_table_find(table, pair.key);
    char *plain;

    if (pair.is_quoted) {
        plain = config_build_take(builder, value.bytes + 1);
        if (plain == NULL)
            return;
        value = base_slice_of(plain, config_unquote(value, '\'', plain));
    }
    if (found < 0) {
        refuse_name(builder, table, pair.key, value, after_secret);
        return;
    }
    if (table->keys[found].info.type == CONFIG_TYPE_SECONDS && base_slice_is(value, "-1"))
        return; /* PgBouncer's "not set" */
    if (!value_set(builder, &table->keys[found], value, object))
        return;
    if (*set & (UINT32_C(1) << found))
        config_advice_add(builder->errors, builder->place,
                          "%s is written twice on this line; the last one holds",
                          table->keys[found].info.name);
    *set |= UINT32_C(1) << found;
}

/* ---- one entry ---- */

static const char *pair_problem(enum config_pair_result result)
{
    switch (result) {
    case CONFIG_PAIR_NO_KEY:
        return "expected key=value";
    case CONFIG_PAIR_NO_VALUE:
        return "needs = and a value; put a value with blanks in single quotes";
    case CONFIG_PAIR_OPEN_QUOTE:
        return "has a single quote that does not end; '' inside stands for one quote";
    case CONFIG_PAIR_GLUED:
        return "needs a blank after its closing quote; '' inside stands for one quote";
    case CONFIG_PAIR:
    case CONFIG_PAIR_END:
        break;
    }
    INVARIANT(!"a problem");
    return "";
}

static void read_pairs(struct config_builder *builder, const struct config_table *table,
                       void *object, uint32_t *set, struct base_slice rest)
{
    struct config_pair pair = {0};
    enum config_pair_result result = config_pair_next(&rest, &pair);
    bool after_secret = false;

    for (; result == CONFIG_PAIR; result = config_pair_next(&rest, &pair)) {
        config_build_key(builder, table, object, set, pair, after_secret);
        after_secret = after_secret || base_slice_is(pair.key, "password");
    }
    if (result == CONFIG_PAIR_END)
        return;
    if (after_secret || pair.key.bytes == 0)
        config_error_add(builder->errors, builder->place, "the line does not parse: a key %s",
                         pair_problem(result));
    else
        config_error_add(builder->errors, builder->place, "%.*s %s", CONFIG_SHOWN(pair.key),
                         pair_problem(result));
}

/* The entry's name without its quotes; false (and an error) when it cannot be a name. */
static bool entry_name(struct config_builder *builder, const struct config_ini_item *item,
                       struct base_slice *ret_name)
{
    char *plain;

    *ret_name = item->name;
    if (item->is_quoted) {
        plain = config_build_take(builder, item->name.bytes + 1);
        if (plain == NULL)
            return false;
        *ret_name = base_slice_of(plain, config_unquote(item->name, '"', plain));
    }
    if (ret_name->bytes > 0 && ret_name->bytes <= OPTION_NAME_BYTES)
        return true;
    config_error_add(builder->errors, builder->place,
                     "the name \"%.*s\" is not allowed: use 1 to %d bytes", CONFIG_SHOWN(*ret_name),
                     OPTION_NAME_BYTES);
    return false;
}

static void read_database(struct config_builder *builder, const struct config_ini_item *item)
{
    struct config_database *database;
    struct base_slice name;

    if (!entry_name(builder, item, &name))
        return;
    if (base_slice_is(name, "pgbouncer") || base_slice_is(name, "weir")) {
        config_error_add(
            builder->errors, builder->place,
            "the name %.*s is reserved for the console: choose another and say dbname=",
            CONFIG_SHOWN(name));
        return;
    }
    if (config_slice_is_url(item->value)) {
        config_error_add(builder->errors, builder->place,
                         "a database line is written host=... port=... dbname=..., not as a URL");
        return;
    }
    database = config_build_database(builder, name);
    if (database != NULL)
        read_pairs(builder, &config_table_databases, database, &database->set, item->value);
}

static void read_user(struct config_builder *builder, const struct config_ini_item *item)
{
    struct config_user *user;
    struct base_slice name;

    if (!entry_name(builder, item, &name))
        return;
    user = config_build_user(builder, name);
    if (user != NULL)
        read_pairs(builder, &config_table_users, user, &user->set, item->value);
}

static void read_peer(struct config_builder *builder, const struct config_ini_item *item)
{
    struct config_peer *peer;
    uint64_t id;

    if (!config_number_parse(item->name, &id) || id < 1 || id > OPTION_PEER_MAX) {
        config_error_add(builder->errors, builder->place,
                         "the peer \"%.*s\" is not allowed: use its peer_id, 1 to %d",
                         CONFIG_SHOWN(item->name), OPTION_PEER_MAX);
        return;
    }
    peer = config_build_peer(builder, (uint32_t)id);
    if (peer != NULL)
        read_pairs(builder, &config_table_peers, peer, &peer->set, item->value);
}

/* ---- lines ---- */

static void read_section(struct config_builder *builder, struct base_slice name)
{
    static const struct {
        const char *name;
        enum config_section section;
    } sections[] = {
        {"pgbouncer", CONFIG_SECTION_MAIN},      {"weir", CONFIG_SECTION_MAIN},
        {"databases", CONFIG_SECTION_DATABASES}, {"users", CONFIG_SECTION_USERS},
        {"peers", CONFIG_SECTION_PEERS},
    };

    builder->section = CONFIG_SECTION_SKIP;
    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        if (config_slice_is_word(name, sections[i].name))
            builder->section = sections[i].section;
    }
    if (builder->section == CONFIG_SECTION_SKIP)
        config_error_add(builder->errors, builder->place,
                         "section [%.*s] is unknown: use [databases], [users], [peers] and "
                         "[pgbouncer] (or [weir])",
                         CONFIG_SHOWN(name));
}

static void read_entry(struct config_builder *builder, const struct config_ini_item *item)
{
    switch (builder->section) {
    case CONFIG_SECTION_NONE:
        config_error_add(builder->errors, builder->place,
                         "a section must come first: [databases], [users] or [pgbouncer]");
        builder->section = CONFIG_SECTION_SKIP;
        return;
    case CONFIG_SECTION_MAIN:
        config_build_option(builder, item->name, item->value);
        return;
    case CONFIG_SECTION_DATABASES:
        read_database(builder, item);
        return;
    case CONFIG_SECTION_USERS:
        read_user(builder, item);
        return;
    case CONFIG_SECTION_PEERS:
        read_peer(builder, item);
        return;
    case CONFIG_SECTION_SKIP:
        return;
    }
}

/* The included path, relative to the folder of the file it is written in. */
static const char *include_path(struct config_builder *builder, struct base_slice written)
{
    const char *folder = builder->folder;
    size_t folder_bytes = written.data[0] == '/' ? 0 : strlen(folder);
    char *path = config_build_take(builder, folder_bytes + written.bytes + 2);

    if (path == NULL)
        return NULL;
    memcpy(path, folder, folder_bytes);
    if (folder_bytes > 0 && path[folder_bytes - 1] != '/')
        path[folder_bytes++] = '/';
    memcpy(path + folder_bytes, written.data, written.bytes);
    return path;
}

static bool may_include(struct config_builder *builder, const char *path)
{
    if (builder->reader == NULL) {
        config_error_add(builder->errors, builder->place, "%%include is not possible here");
        return false;
    }
    for (unsigned i = 0; i < builder->depth; i++) {
        if (strcmp(builder->files[i], path) == 0) {
            config_error_add(builder->errors, builder->place,
                             "%%include of %s would go in a circle", path);
            return false;
        }
    }
    if (builder->depth > CONFIG_INCLUDE_DEPTH_MAX) {
        config_error_add(builder->errors, builder->place,
                         "%%include goes deeper than %d files: does it go in a circle?",
                         CONFIG_INCLUDE_DEPTH_MAX);
        return false;
    }
    return true;
}

/* The text of an included file: in the folder of the file that includes it, else, as with
 * PgBouncer, in the working directory. False with an error. */
static bool find_include(struct config_builder *builder, struct base_slice written,
                         const char **ret_path, struct base_slice *ret_text)
{
    const struct config_reader *reader = builder->reader;
    const char *path = include_path(builder, written);
    char why[256] = "";
    int status;

    if (path == NULL || !may_include(builder, path))
        return false;
    status = reader->read(reader->context, path, ret_text, why, sizeof(why));
    if (status == BASE_ESTALE && written.data[0] != '/' && builder->folder[0] != '\0') {
        const char *second = config_build_copy(builder, written);

        if (second == NULL || !may_include(builder, second))
            return false;
        status = reader->read(reader->context, second, ret_text, why, sizeof(why));
        path = status == BASE_ESTALE ? path : second;
    }
    if (status != BASE_OK)
        config_error_add(builder->errors, builder->place, "%%include of %s failed: %s", path, why);
    *ret_path = path;
    return status == BASE_OK;
}

static void read_include(struct config_builder *builder, struct base_slice written)
{
    const char *path;
    struct config_place place = builder->place;
    enum config_section section = builder->section;
    const char *folder = builder->folder;
    struct base_slice text;

    if (!find_include(builder, written, &path, &text))
        return;
    config_build_text(builder, path, text);
    builder->reader->release(builder->reader->context, text);
    builder->place = place;
    builder->section = section;
    builder->folder = folder;
}

void config_build_text(struct config_builder *builder, const char *file, struct base_slice text)
{
    struct config_ini ini = {.rest = text};
    struct config_ini_item item;

    INVARIANT(builder->depth <= CONFIG_INCLUDE_DEPTH_MAX);
    file = config_build_copy(builder, base_slice_text(file));
    builder->files[builder->depth++] = file;
    builder->folder = config_build_folder(builder, file);
    while (!builder->is_out_of_memory && config_ini_next(&ini, &item)) {
        builder->place = (struct config_place){file, ini.line};
        switch (item.kind) {
        case CONFIG_INI_SECTION:
            read_section(builder, item.name);
            break;
        case CONFIG_INI_ENTRY:
            read_entry(builder, &item);
            break;
        case CONFIG_INI_INCLUDE:
            read_include(builder, item.value);
            break;
        case CONFIG_INI_BAD:
            config_error_add(builder->errors, builder->place, "%s", item.why);
            break;
        }
    }
    builder->depth--;
    builder->place = (struct config_place){"", 0};
    builder->folder = "";
}

/* ---- begin and end ---- */

void config_build_begin(struct config_builder *builder, struct config_errors *errors,
                        const struct config_reader *reader)
{
    const struct config_table *table = &config_table_options;
    uint32_t error_count = errors->error_count;

    *builder =
        (struct config_builder){.errors = errors, .reader = reader, .folder = "", .place.file = ""};
    builder->snapshot = calloc(1, sizeof(*builder->snapshot));
    if (builder->snapshot == NULL) {
        builder->is_out_of_memory = true;
        return;
    }
    builder->snapshot->config.file = "";
    texts_clear(table, config_build_options(builder));
    for (unsigned i = 0; i < table->key_count; i++)
        config_build_option(builder, base_slice_text(table->keys[i].info.name),
                            base_slice_text(table->keys[i].info.default_text));
    INVARIANT(errors->error_count == error_count); /* the table's defaults are allowed */
}

int config_build_end(struct config_builder *builder, struct config **ret_config)
{
    int status = BASE_OK;

    if (!builder->is_out_of_memory)
        config_build_finish(builder);
    if (!builder->is_out_of_memory)
        config_build_check(builder);
    free(builder->databases);
    free(builder->users);
    free(builder->peers);
    if (builder->is_out_of_memory)
        status = BASE_ENOMEM;
    else if (builder->errors->error_count > 0)
        status = BASE_ECONFIG;
    if (status == BASE_OK)
        *ret_config = &builder->snapshot->config;
    else if (builder->snapshot != NULL)
        config_free(&builder->snapshot->config);
    *builder = (struct config_builder){0};
    return status;
}
