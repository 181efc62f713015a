/* build.h - a snapshot in the making. Private to src/config.
 *
 * Life: config_build_begin(); then any of _text, _auth, _option, _database, _user; then
 * config_build_end(), which checks the whole and gives the snapshot or the status, and always frees
 * the builder. Errors are collected, nothing stops at the first. Running out of memory is
 * remembered and reported by the end.
 *
 *     read (build.c, auth_file.c, url.c, file.c)  ->  finish (finish.c: sort, join, defaults)
 *                                                 ->  check (check.c: what fits together)
 */
#ifndef CONFIG_BUILD_H
#define CONFIG_BUILD_H

#include "base/arena.h"
#include "config/errors.h"
#include "config/ini.h"
#include "config/table.h"

/* The snapshot with its memory; config_free() goes from one to the other. */
struct config_snapshot {
    struct config config;
    struct base_arena arena;
};

/* How included files are read. `read` gives the bytes of `path`, valid until `release`; on failure
 * a negative status and one line in `why`. */
/* read() returns BASE_ESTALE when there is no such file, BASE_ECONFIG after another failure. */
struct config_reader {
    int (*read)(void *context, const char *path, struct base_slice *ret_text, char *why,
                size_t why_bytes);
    void (*release)(void *context, struct base_slice text);
    void *context;
};

/* A line of [databases] or [users], or of auth_file, before they are sorted and joined. */
struct config_database_draft {
    struct config_database database;
    struct config_place place;
    uint32_t order;
};
struct config_peer_draft {
    struct config_peer peer;
    struct config_place place;
    uint32_t order;
};
struct config_user_draft {
    struct config_user user;
    struct config_place place;
    uint32_t order;
};

enum config_section {
    CONFIG_SECTION_NONE,
    CONFIG_SECTION_MAIN,
    CONFIG_SECTION_DATABASES,
    CONFIG_SECTION_USERS,
    CONFIG_SECTION_PEERS,
    CONFIG_SECTION_SKIP, /* already refused: its lines say nothing new */
};

struct config_builder {
    struct config_snapshot *snapshot; /* NULL: there was no memory for it */
    struct config_errors *errors;
    const struct config_reader *reader; /* NULL: %include is refused */
    bool is_out_of_memory;

    struct config_place place; /* of what is read now */
    const char *folder;        /* of that file, put in front of relative paths */
    enum config_section section;
    const char *files[CONFIG_INCLUDE_DEPTH_MAX + 1]; /* being read, outermost first */
    unsigned depth;

    struct config_place option_place[CONFIG_OPTION_COUNT]; /* line 0 = default */
    struct config_database_draft *databases;
    uint32_t database_count, database_capacity;
    struct config_user_draft *users;
    uint32_t user_count, user_capacity;
    struct config_peer_draft *peers;
    uint32_t peer_count, peer_capacity;
};

void config_build_begin(struct config_builder *builder, struct config_errors *errors,
                        const struct config_reader *reader);

/* Reads one configuration file's text; `file` names it and its folder. */
void config_build_text(struct config_builder *builder, const char *file, struct base_slice text);

/* Reads an auth_file's text into the user list (auth_file.c). */
void config_build_auth(struct config_builder *builder, const char *file, struct base_slice text);

/* Reads auth_hba_file's and auth_ident_file's texts into the snapshot's table (hba.c); the second
 * may be empty. */
void config_build_hba(struct config_builder *builder, const char *file, struct base_slice text,
                      const char *ident_file, struct base_slice ident_text);

/* Reads a URL (url.c); `system_user` is the user when the URL names none. */
void config_build_url(struct config_builder *builder, const char *url, const char *system_user);

bool config_slice_is_url(struct base_slice text);

/* Sets one setting of the main section, as if written at builder->place. */
void config_build_option(struct config_builder *builder, struct base_slice name,
                         struct base_slice value);

/* Sets one key of an entry of [databases] or [users], value without quotes. `what` names the entry
 * in errors; after_secret: a secret was read before on this line, so unknown words are not
 * repeated. */
void config_build_key(struct config_builder *builder, const struct config_table *table,
                      void *object, uint32_t *set, struct config_pair pair, bool after_secret);

/* Room for one more entry, zeroed but for its place and texts ""; NULL with no memory or above the
 * limit (then an error was added). */
struct config_database *config_build_database(struct config_builder *builder,
                                              struct base_slice name);
struct config_user *config_build_user(struct config_builder *builder, struct base_slice name);
struct config_peer *config_build_peer(struct config_builder *builder, uint32_t id);

/* What kind of secret this text is. */
enum config_secret config_secret_kind(const char *secret);

/* Sorts, joins, applies defaults (finish.c); needs no error so far. */
void config_build_finish(struct config_builder *builder);

/* Checks what must fit together and gives advice (check.c). */
void config_build_check(struct config_builder *builder);

int config_build_end(struct config_builder *builder, struct config **ret_config) BASE_MUST_CHECK;

/* Arena shorthands: NULL or "" and is_out_of_memory set when there is none. */
void *config_build_take(struct config_builder *builder, size_t bytes);
const char *config_build_copy(struct config_builder *builder, struct base_slice text);

/* The folder of a file's path, "" when it has none, as a text of the arena. */
const char *config_build_folder(struct config_builder *builder, const char *file);

static inline struct config_options *config_build_options(struct config_builder *builder)
{
    return &builder->snapshot->config.options;
}

#endif
