/* ini.h - lines of the configuration file: sections, entries, includes. Private to src/config.
 *
 * Pure over a slice; what comes out borrows from it. The dialect (PgBouncer's):
 *     ; comment   # comment          also after blanks, not behind a value
 *     [section]
 *     name = value                   value to the end of the line, blanks around it dropped
 *     "any name, "" is one quote" = value
 *     %include path
 */
#ifndef CONFIG_INI_H
#define CONFIG_INI_H

#include <stdbool.h>

#include "base/slice.h"

struct config_ini {
    struct base_slice rest;
    unsigned line; /* of the item given last; begin with 0 */
};

enum config_ini_kind {
    CONFIG_INI_SECTION, /* name */
    CONFIG_INI_ENTRY,   /* name, value; quoted: name was in double quotes and may hold "" */
    CONFIG_INI_INCLUDE, /* value = path */
    CONFIG_INI_BAD,     /* why: what is wrong with the line, without its contents */
};

struct config_ini_item {
    enum config_ini_kind kind;
    struct base_slice name;
    struct base_slice value;
    bool is_quoted;
    const char *why;
};

/* The next line that is not empty and not a comment; false at the end. */
bool config_ini_next(struct config_ini *ini, struct config_ini_item *ret_item);

/* One key=value of a connection string: blanks between, '' quotes with '' inside for one quote. */
struct config_pair {
    struct base_slice key;
    struct base_slice value; /* without the outer quotes */
    bool is_quoted;          /* then '' inside stands for one quote */
};

enum config_pair_result {
    CONFIG_PAIR,
    CONFIG_PAIR_END,
    CONFIG_PAIR_NO_KEY,
    CONFIG_PAIR_NO_VALUE,
    CONFIG_PAIR_OPEN_QUOTE,
    CONFIG_PAIR_GLUED, /* something follows the closing quote directly */
};

/* Takes the next pair off `rest`; `ret_pair` is set with CONFIG_PAIR, its key also with NO_VALUE,
 * OPEN_QUOTE and GLUED. */
enum config_pair_result config_pair_next(struct base_slice *rest, struct config_pair *ret_pair);

/* Copies `text` with every doubled `quote` made one; `out` has room for text.bytes. Returns the
 * length. */
size_t config_unquote(struct base_slice text, char quote, char *out);

/* Blanks (space, tab, CR, vertical tab, form feed) off both ends. */
struct base_slice config_trim(struct base_slice text);

/* Same letters, ASCII case aside. */
bool config_slice_is_word(struct base_slice slice, const char *word);

#endif
