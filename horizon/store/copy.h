/* copy.h - many rows into one table: COPY's text form, field by field.
 *
 *     struct store_copy copy;
 *     store_copy_begin(&copy, conn, "COPY valuations (user_id, day) FROM STDIN");
 *     store_copy_text(&copy, user_id);
 *     store_copy_day(&copy, when);
 *     store_copy_row(&copy);
 *     status = store_copy_end(&copy, problem);
 *
 * What goes wrong on the way is told at the end. A number that is NaN is SQL's NULL.
 */
#ifndef HORIZON_STORE_COPY_H
#define HORIZON_STORE_COPY_H

#include <stdbool.h>

#include "domain/day.h"
#include "store/store.h"

/* A text that grows. `is_failed`: no memory; the text is then incomplete. */
struct store_buffer {
    char *text; /* ends with a zero byte when there is one */
    size_t length, capacity;
    bool is_failed;
};

void store_buffer_add(struct store_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Zeroed buffers are fine. */
void store_buffer_done(struct store_buffer *buffer);

struct store_copy {
    PGconn *conn;
    struct store_buffer row;
    int status;
    bool is_begun;  /* the server is in COPY */
    bool has_field; /* of the row that is being made */
    struct store_problem problem;
};

void store_copy_begin(struct store_copy *copy, PGconn *conn, const char *statement);
void store_copy_text(struct store_copy *copy, const char *text); /* NULL: SQL's NULL */
void store_copy_integer(struct store_copy *copy, int64_t value);
void store_copy_day(struct store_copy *copy, day when); /* DAY_NONE: NULL */

/* With so many decimals; -0 is 0. */
void store_copy_decimal(struct store_copy *copy, double value, int decimals);

/* With all digits a double has. */
void store_copy_double(struct store_copy *copy, double value);

/* Ends a row. */
void store_copy_row(struct store_copy *copy);

/* Frees everything. Has to be called once after begin. */
int store_copy_end(struct store_copy *copy, struct store_problem *problem) STORE_MUST_CHECK;

#endif
