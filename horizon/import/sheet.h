/* sheet.h - a CSV file whose columns have names: the part that prices and activities share.
 *
 * A file is read twice: first for its marks (decimal mark, order of dates), then for its rows. Both
 * times rows are cut in place, so the second time needs the rows of the first, which a sheet keeps.
 */
#ifndef HORIZON_IMPORT_SHEET_H
#define HORIZON_IMPORT_SHEET_H

#include "import/csv.h"
#include "import/number.h"

/* A column that may be there. */
struct sheet_column {
    const char *names; /* of its header, as for import_header_is */
    enum { SHEET_TEXT, SHEET_NUMBER, SHEET_DATE } kind;
};

#define SHEET_COLUMNS_MAX 24
#define SHEET_ROWS_MAX    500000         /* of a file: a hundred assets for twenty years */
#define SHEET_NONE        CSV_FIELDS_MAX /* the file has no such column */

/* What the caller calls a column: `column` is one of its names, `header` what the file has. */
struct sheet_naming {
    const char *column, *header;
};

/* What the caller knows of a file. */
struct sheet_hints {
    char delimiter; /* 0 = find out */
    const struct sheet_naming *namings;
    size_t naming_count;
    char decimal_mark;     /* '.' or ','; 0 = find out */
    enum date_order order; /* DATE_UNKNOWN = find out */
};

struct sheet {
    char **fields;  /* of all rows, one after the other */
    size_t *begins; /* where in `fields` each row begins; row_count + 1 of them */
    unsigned *lines;
    size_t field_count, field_capacity, row_count, row_capacity;
    size_t where[SHEET_COLUMNS_MAX]; /* field of each column, or SHEET_NONE */
    char mark;
    enum date_order order;
};

/* Reads the whole text. False: no memory. What is no CSV, or has none of the columns, is told to
 * `problems`; the sheet is then empty. */
bool sheet_read(struct sheet *sheet, char *text, size_t bytes, const struct sheet_column *columns,
                size_t column_count, const struct sheet_hints *hints,
                struct import_problems *problems) __attribute__((warn_unused_result));

/* Zeroed sheets are fine. */
void sheet_done(struct sheet *sheet);

bool sheet_has(const struct sheet *sheet, size_t column);

/* "" where there is no such column or field. */
const char *sheet_text(const struct sheet *sheet, size_t row, size_t column);

/* Reads a field of one row; `what` names it in a complaint. False after a complaint. An absent
 * number gives *ret_is_there = false. */
bool sheet_number(const struct sheet *sheet, size_t row, size_t column, const char *what,
                  int decimals, bool *ret_is_there, int64_t *ret_scaled,
                  struct import_problems *problems);
bool sheet_day(const struct sheet *sheet, size_t row, size_t column, day *ret_day,
               struct import_problems *problems);

/* Whether a text may be stored: valid UTF-8 without control characters, at most `bytes` long. */
bool sheet_text_is_valid(const char *text, size_t bytes);

#endif
