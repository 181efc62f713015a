/* table.h - the rows of defs/options.h as arrays. Private to src/config. */
#ifndef CONFIG_TABLE_H
#define CONFIG_TABLE_H

#include "config/config.h"

/* One setting, or one key of a [databases] or [users] line. */
struct config_key {
    struct config_option_info info;
    size_t offset;        /* of the field in its struct */
    const char *fallback; /* the option whose value holds where the key is absent; "" = none */
};

struct config_alias {
    const char *alias;
    const char *name;
};

struct config_refused {
    const char *name;
    const char *harmless; /* the value that is accepted because it asks for nothing; NULL = none */
    const char *advice;
};

/* One place where names are written. The arrays of aliases and refused names end with a NULL
 * name. */
struct config_table {
    const char *what; /* "setting", "key of a [databases] line" */
    const struct config_key *keys;
    unsigned key_count;
    const struct config_alias *aliases;
    const struct config_refused *refused;
};

extern const struct config_table config_table_options;
extern const struct config_table config_table_databases;
extern const struct config_table config_table_users;
extern const struct config_table config_table_peers;

/* Index of the key that `name` (or an alias) means; -1 when there is none. */
int config_table_find(const struct config_table *table, struct base_slice name);

/* NULL when `name` is not a refused one. */
const struct config_refused *config_table_refused(const struct config_table *table,
                                                  struct base_slice name);

/* The served name or alias nearest to `name`; NULL when none is near enough to be meant. */
const char *config_table_nearest(const struct config_table *table, struct base_slice name);

/* Field of a row. */
static inline void *config_key_field(const struct config_key *key, void *object)
{
    return (char *)object + key->offset;
}
static inline const void *config_key_field_const(const struct config_key *key, const void *object)
{
    return (const char *)object + key->offset;
}

/* Bytes of a field of this type. */
size_t config_type_bytes(enum config_type type);
/* True for types whose field is a text in the arena. */
bool config_type_is_text(enum config_type type);

struct config_choice {
    enum config_type type;
    int value;
    const char *text;
    const char *advice; /* of a refused choice; NULL for an allowed one */
};

/* Allowed choices first, then refused ones; ends with a NULL text. */
extern const struct config_choice config_choices[];

/* Letters to change, add, drop or swap to get from a to b; both at most 64 bytes. */
unsigned config_distance(struct base_slice a, struct base_slice b);
/* How far a name of this length may be off to be taken for a slip. */
unsigned config_distance_max(size_t bytes);

#endif
