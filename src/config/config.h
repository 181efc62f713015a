/* config.h - the configuration: text in, a checked immutable snapshot out. The contract of
 * src/config.
 *
 * A snapshot is made whole or not at all: config_load() (a file in PgBouncer's dialect) and
 * config_from_url() (postgres://...) collect every error there is, and with any error there is no
 * snapshot. A reload makes a second snapshot, asks config_difference() what changed, and swaps one
 * pointer. Every text and array of a snapshot lives in one arena; config_free() clears it, since
 * secrets are in it, and frees it with one call.
 *
 * The settings and their meaning are rows of defs/options.h; the struct fields have their names.
 * Spans are base_time, 0 = off where the manual says so. Texts are C strings without an inner NUL,
 * never NULL; "" is "not set". Names from clients are slices.
 *
 * The parser is pure over slices; file.c alone touches the file system. Not here: any
 * meaning of a setting (the daemon's), host names (net), SCRAM secrets' contents (wire).
 * Tests: tests/unit/config, fuzz/fuzz_config.c.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"
#include "base/time.h"
#include "config/ldap.h"
#include "defs/options.h"

/* ---- choices: CONFIG_POOL_MODE_SESSION, CONFIG_AUTH_TYPE_MD5, CONFIG_TLS_MODE_PREFER, ... ---- */

#define CHOICE(type, constant, text) CONFIG_##type##_##constant,
enum config_pool_mode { POOL_MODE_CHOICES(CHOICE) };
enum config_auth_type { AUTH_TYPE_CHOICES(CHOICE) };
enum config_tls_mode { TLS_MODE_CHOICES(CHOICE) };
enum config_balance { BALANCE_CHOICES(CHOICE) };
enum config_target { TARGET_CHOICES(CHOICE) };
enum config_protocol { PROTOCOL_CHOICES(CHOICE) };
enum config_event_backend { EVENT_BACKEND_CHOICES(CHOICE) };
#undef CHOICE

/* The word of the file: "transaction", "scram-sha-256", "verify-full". */
const char *config_pool_mode_text(enum config_pool_mode mode);
const char *config_auth_type_text(enum config_auth_type type);
const char *config_tls_mode_text(enum config_tls_mode mode);
const char *config_balance_text(enum config_balance balance);
const char *config_target_text(enum config_target target);

/* ---- the snapshot ------------------------------------------------------------------------------
 */

/* CONFIG_TYPE_BOOL, ... : how a value is read, stored and shown. */
enum config_type {
#define TYPE(name, c_type, text) CONFIG_TYPE_##name,
    OPTION_TYPES(TYPE)
#undef TYPE
};

/* config_type_BOOL, ... : the C type of a field. */
#define TYPE(name, c_type, text) typedef c_type config_type_##name;
OPTION_TYPES(TYPE)
#undef TYPE

/* Stored for -1 in a LIMIT ("no limit"); the same number as CORE_NO_LIMIT. */
#define CONFIG_NO_LIMIT UINT32_MAX

struct config_options {
#define OPTION(name, type, default_text, min, max, when, doc) config_type_##type name;
    OPTION_TABLE(OPTION)
#undef OPTION
};

/* CONFIG_OPTION_pool_mode, ... ; CONFIG_OPTION_COUNT */
enum config_option {
#define OPTION(name, type, default_text, min, max, when, doc) CONFIG_OPTION_##name,
    OPTION_TABLE(OPTION)
#undef OPTION
        CONFIG_OPTION_COUNT
};

enum config_database_key {
#define KEY(name, type, option, min, max, doc) CONFIG_DATABASE_KEY_##name,
    DATABASE_KEYS(KEY)
#undef KEY
        CONFIG_DATABASE_KEY_COUNT
};

enum config_peer_key {
#define KEY(name, type, option, min, max, doc) CONFIG_PEER_KEY_##name,
    PEER_KEYS(KEY)
#undef KEY
        CONFIG_PEER_KEY_COUNT
};

enum config_user_key {
#define KEY(name, type, option, min, max, doc) CONFIG_USER_KEY_##name,
    USER_KEYS(KEY)
#undef KEY
        CONFIG_USER_KEY_COUNT
};

/* One line of [databases]. Keys that were not written hold the option's value (pool_size that of
 * default_pool_size); `set` has bit CONFIG_DATABASE_KEY_x for those that were. */
struct config_database {
    const char *name;         /* "*" is the fallback */
    const char *const *hosts; /* at least one; "/folder" or "@name" is a Unix socket */
    uint32_t host_count;
    uint32_t set;
    unsigned line; /* where it was written, 0 for a URL's */
#define KEY(name, type, option, min, max, doc) config_type_##type name;
    DATABASE_KEYS(KEY)
#undef KEY
};

/* One line of [peers]. */
struct config_peer {
    uint32_t id; /* 1 to OPTION_PEER_MAX */
    uint32_t set;
#define KEY(name, type, option, min, max, doc) config_type_##type name;
    PEER_KEYS(KEY)
#undef KEY
};

enum config_secret {
    CONFIG_SECRET_NONE,  /* the user is not in auth_file: nobody logs in with a password */
    CONFIG_SECRET_PLAIN, /* the password itself; may be empty, which never lets anybody in */
    CONFIG_SECRET_MD5,   /* "md5" and 32 hexadecimal digits */
    CONFIG_SECRET_SCRAM, /* "SCRAM-SHA-256$iterations:salt$stored:server" */
};

/* One user of auth_file, [users] or both. `set` has bit CONFIG_USER_KEY_x for keys written in
 * [users]; the others hold the option's value. */
struct config_user {
    const char *name;
    const char *secret; /* "" with CONFIG_SECRET_NONE */
    enum config_secret secret_kind;
    bool is_listed; /* in auth_file (or the URL): known to auth_type trust */
    uint32_t set;
#define KEY(name, type, option, min, max, doc) config_type_##type name;
    USER_KEYS(KEY)
#undef KEY
};

struct config_hba; /* hba.h */

struct config {
    struct config_options options;
    struct config_hba *hba;  /* what auth_hba_file and auth_ident_file say; NULL unless auth_type is
                                hba; counted: config_hba_share and config_hba_drop */
    struct config_ldap ldap; /* auth_ldap_options, when auth_type is ldap */
    const char *file;        /* as given to config_load; "" for a URL */
    const struct config_database *databases; /* sorted by name */
    uint32_t database_count;
    const struct config_user *users; /* sorted by name */
    uint32_t user_count;
    const struct config_peer *peers; /* sorted by id; may have a line for this process itself */
    uint32_t peer_count;
};

/* ---- errors and advice ------------------------------------------------------------------------
 */

struct config_error {
    char *file;    /* "" when it belongs to no file */
    unsigned line; /* 0 when it belongs to no line */
    char *text;    /* what is wrong, why, and what is allowed; never a secret */
};

#define CONFIG_ERRORS_MAX 200

/* What was found, in the order of the text. `errors` stop a start; `advice` does not. Begin with
 * {0}; config_errors_done() frees and clears it. More than CONFIG_ERRORS_MAX of one kind are only
 * counted, in `dropped`. */
struct config_errors {
    struct config_error *errors;
    uint32_t error_count;
    struct config_error *advice;
    uint32_t advice_count;
    uint32_t dropped;
};

void config_errors_done(struct config_errors *errors);

/* Writes "FILE:LINE: text" (as much as is known of it) into `out`; returns the length it needs. */
size_t config_error_format(const struct config_error *error, char *out, size_t bytes);

/* ---- making and ending a snapshot -------------------------------------------------------------
 */

#define CONFIG_FILE_BYTES_MAX    (16u * 1024 * 1024) /* one file */
#define CONFIG_LINE_BYTES_MAX    (128u * 1024)       /* admin_users may be long */
#define CONFIG_INCLUDE_DEPTH_MAX 10
#define CONFIG_DATABASES_MAX     100000
#define CONFIG_USERS_MAX         1000000
#define CONFIG_HOSTS_MAX         64 /* of one database */

/* Reads `path`, what it includes, and its auth_file. Relative paths in it are relative to the
 * folder of the file they are written in. Errors: BASE_ECONFIG (see `errors`), BASE_ENOMEM.
 * `errors` is filled in both cases; on success it may hold advice. */
int config_load(const char *path, struct config **ret_config,
                struct config_errors *errors) BASE_MUST_CHECK;

/* A working pooler from postgres://user:password@host:port/dbname?sslmode=...: listens on
 * 127.0.0.1:6432, no Unix socket, pool_mode transaction; databases `dbname` and `*` lead to that
 * server; the URL's user is in the user list with its password and is the console's admin;
 * auth_type is scram-sha-256 with a password, else trust; server_tls_sslmode is the URL's sslmode
 * (libpq's names). Understood parameters: sslmode, sslrootcert, sslcert, sslkey, host, port, user,
 * password, dbname, application_name, client_encoding, connect_timeout. Errors as config_load. */
int config_from_url(const char *url, struct config **ret_config,
                    struct config_errors *errors) BASE_MUST_CHECK;

/* True for a text that config_from_url takes: postgres:// or postgresql://. */
bool config_is_url(const char *text);

/* The console's SET: a new snapshot that is `config` with one option changed. Errors: BASE_ECONFIG
 * (unknown, refused, not allowed, or it needs a restart: see `errors`), BASE_ENOMEM. */
int config_with_option(const struct config *config, struct base_slice name, struct base_slice value,
                       struct config **ret_config, struct config_errors *errors) BASE_MUST_CHECK;

/* Clears and frees; accepts NULL. */
void config_free(struct config *config);

/* Keeps the table beyond its snapshot's end; gives it up again. Both accept NULL. */
struct config_hba *config_hba_share(struct config_hba *hba);
void config_hba_drop(struct config_hba *hba);

/* ---- asking -----------------------------------------------------------------------------------
 */

/* The database's own line, else the line of `*`, else NULL. `ret_is_fallback` (may be NULL) says
 * whether it was `*`. */
const struct config_database *config_database_find(const struct config *config,
                                                   struct base_slice name, bool *ret_is_fallback);

/* NULL when nobody of that name is known. */
const struct config_user *config_user_find(const struct config *config, struct base_slice name);

/* What holds for a pool and its clients: the user's own line before the database's before the
 * option. `user` may be NULL (not listed). */
struct config_pool {
    enum config_pool_mode pool_mode;
    uint32_t pool_size, min_pool_size, max_overflow, reserve_pool_size;
    uint32_t max_db_connections, max_user_connections; /* 0 = no limit */
    base_time server_lifetime, query_wait_timeout, query_timeout, transaction_timeout,
        idle_transaction_timeout, client_idle_timeout;
};
void config_pool_resolve(const struct config *config, const struct config_database *database,
                         const struct config_user *user, struct config_pool *ret_pool);

/* Walks a list separated by commas, blanks around items dropped, empty items skipped. Start with
 * *rest = the option's text; false at the end. */
bool config_list_next(const char **rest, struct base_slice *ret_item);
/* Whether `name` is an item of the list, letter by letter. */
bool config_list_has(const char *list, struct base_slice name);

/* ---- options by name, for SHOW CONFIG and the manual -------------------------------------------
 */

struct config_option_info {
    const char *name;
    enum config_type type;
    const char *default_text;
    int64_t min, max;
    bool needs_restart;
    const char *doc;
};

/* Never NULL for a valid option. */
const struct config_option_info *config_option_info(enum config_option option);

/* True and the option when `name` (or an alias of it) is one. */
bool config_option_find(struct base_slice name, enum config_option *ret_option);

/* The value as it would be written in the file. Returns the length it needs; writes at most `bytes`
 * with a final NUL. */
size_t config_option_render(const struct config *config, enum config_option option, char *out,
                            size_t bytes);

/* ---- difference --------------------------------------------------------------------------------
 */

enum config_change_kind {
    CONFIG_CHANGE_OPTION,        /* option, name, needs_restart */
    CONFIG_CHANGE_DATABASE_NEW,  /* name */
    CONFIG_CHANGE_DATABASE_GONE, /* name */
    CONFIG_CHANGE_DATABASE,      /* name; needs_reconnect: its servers lead elsewhere or log in
                                    differently, the others are limits and time-outs */
    CONFIG_CHANGE_PEERS,         /* name: "[peers]"; any line of it */
    CONFIG_CHANGE_USER_NEW,      /* name */
    CONFIG_CHANGE_USER_GONE,     /* name */
    CONFIG_CHANGE_USER,          /* name; needs_reconnect: the secret changed */
};

struct config_change {
    enum config_change_kind kind;
    enum config_option option;
    const char *name;
    bool needs_restart;
    bool needs_reconnect;
};

/* Calls `each` for every difference: options in the table's order, then databases and users by
 * name. A database changes too when an option it takes its value from does. */
void config_difference(const struct config *old, const struct config *new_config,
                       void (*each)(void *context, const struct config_change *change),
                       void *context);

#endif
