/* out.h - writing JSON straight from rows of the database, into a text that grows.
 *
 * Numbers keep the digits the database gave them; a number's text that is not one of JSON's (NaN)
 * becomes null. Commas are put where they belong. A text that could not grow stays short and
 * `is_failed`. Parsing, and small documents, are jansson's. Test: tests/unit/horizon/test_out.c.
 */
#ifndef HORIZON_SERVE_OUT_H
#define HORIZON_SERVE_OUT_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

/* The members of an object that are null. */
#define OUT_NULLS_MAX 32
struct out_nulls {
    const char *names[OUT_NULLS_MAX];
    size_t count;
    struct out_nulls *outer; /* of the object around it */
};

struct out {
    char *text; /* owned; not terminated */
    size_t bytes, capacity;
    bool needs_comma, is_failed;
    const char *name;        /* of the member whose value comes next */
    struct out_nulls *nulls; /* of the object that is being written, when they need reasons */
};

void out_begin(struct out *json, char bracket); /* '{' or '[' */
void out_end(struct out *json, char bracket);   /* '}' or ']' */
void out_name(struct out *json, const char *name);

/* An object in which every null has a reason: it ends with a member `reasons`, an object of codes
 * by the names of the members that are null, `why` says which. Names have to live until then. */
typedef const char *out_why(const void *context, const char *name);
void out_open(struct out *json, struct out_nulls *nulls);
void out_close(struct out *json, out_why *why, const void *context);

/* A null inside the member that was written. */
void out_note_null(struct out *json, const char *name);

void out_text(struct out *json, const char *text);    /* NULL: null */
void out_raw(struct out *json, const char *value);    /* JSON already; NULL: null */
void out_literal(struct out *json, const char *text); /* a number's text; not one of JSON: null */
void out_ratio(struct out *json, const char *text);   /* a number with at most 8 decimals */
void out_boolean(struct out *json, bool value);

/* How a column of a result becomes a member. */
enum out_kind { OUT_TEXT, OUT_NUMBER, OUT_RATIO, OUT_BOOLEAN, OUT_RAW };

struct out_column {
    const char *name;
    enum out_kind kind;
};

/* Members of an object from columns `first` and following of a row. */
void out_columns(struct out *json, const PGresult *result, int row, int first,
                 const struct out_column *columns, size_t count);

/* A member with one column's value. */
void out_member(struct out *json, const PGresult *result, int row, int column,
                const struct out_column *spec);

#endif
