/* hba_internal.h - the access table in the making. Private to src/config: hba.c reads lines,
 * hba_token.c splits them, hba_match.c asks, ident.c has the maps. */
#ifndef CONFIG_HBA_INTERNAL_H
#define CONFIG_HBA_INTERNAL_H

#include "base/arena.h"
#include "config/build.h"
#include "config/hba.h"

#define CONFIG_HBA_RULES_MAX  100000
#define CONFIG_HBA_TOKENS_MAX 100000 /* of one line, with what its @files hold */
#define CONFIG_HBA_DEPTH_MAX  10     /* files inside files */

/* So many lines that are not served are compared with later ones, for advice only. */
#define CONFIG_HBA_COMPARED_MAX 100

struct config_ident_line {
    const char *map;
    const char *system; /* a name, or a regular expression */
    const char *user;   /* a name, which may hold \1; or a regular expression */
    bool system_is_regex, user_is_regex, user_is_all;
};

struct config_hba {
    uint32_t references;
    uint64_t fingerprint; /* of all texts it was read from (FNV-1a) */
    struct base_arena arena;
    struct config_hba_rule *rules; /* on the heap, as it grows */
    uint32_t rule_count, rule_capacity;
    struct config_ident_line *lines;
    uint32_t line_count, line_capacity;
};

/* A word of a line. `field` counts the line's fields from 0: words of one field are a list. */
struct config_hba_token {
    const char *text;
    bool is_quoted; /* then it is never a keyword */
    uint32_t field;
};

struct config_hba_tokens {
    struct config_hba_token *tokens;
    uint32_t count, capacity;
    uint32_t field_count;
};

struct config_hba_reader {
    struct config_builder *builder; /* errors, files, place */
    struct config_hba *hba;
    const char *files[CONFIG_HBA_DEPTH_MAX + 1]; /* being read */
    unsigned depth;
    char unserved[200]; /* why the line being read lets nobody in; "": it does */
    uint32_t left_out[CONFIG_HBA_COMPARED_MAX]; /* rules that are, to be compared with later ones */
    uint32_t left_out_count;
};

/* Memory of the table; NULL and builder->is_out_of_memory when there is none. */
void *config_hba_take(struct config_hba_reader *reader, size_t bytes);
/* An error at the place being read. */
#define config_hba_error(reader, ...) \
    config_error_add((reader)->builder->errors, (reader)->builder->place, __VA_ARGS__)

/* hba_match.c */
/* Does a line ask for as much as one before it of which it is not known whom it fits? */
bool config_hba_asks_as_much(const struct config_hba_rule *later,
                             const struct config_hba_rule *earlier);
/* May one connection fit both, as far as their types say? */
bool config_hba_types_meet(const struct config_hba_rule *a, const struct config_hba_rule *b);

/* hba_token.c */
/* Calls `each` for every line of a file that is not empty, its words in `tokens`; include lines are
 * followed. Errors are added where they are found, and reading goes on. */
void config_hba_lines(struct config_hba_reader *reader, const char *file, struct base_slice text,
                      void (*each)(struct config_hba_reader *reader,
                                   const struct config_hba_tokens *tokens));
/* The only word of a field; NULL (with an error that names `what`) when there are several. */
const struct config_hba_token *config_hba_single(struct config_hba_reader *reader,
                                                 const struct config_hba_tokens *tokens,
                                                 uint32_t field, const char *what);
/* hba.c: is it a regular expression that compiles, and, with `has_part`, whose first group can be
 * told? Adds the error when not. */
bool config_hba_regex_check(struct config_hba_reader *reader, const char *regex, bool has_part);
/* ident.c */
void config_ident_read(struct config_hba_reader *reader, const char *file, struct base_slice text);

#endif
