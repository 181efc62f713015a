/* csv.h - reading comma-separated values as they come: RFC 4180 and its usual relatives.
 *
 * The delimiter (comma, semicolon, tab, bar) is found in the first line. A line ends with LF, CRLF
 * or CR; a byte-order mark is skipped, and so are blank lines. A field that begins with a quote
 * ends with one, may hold delimiters and line ends, and "" in it is a quote. Fields are trimmed of
 * blanks unless quoted.
 *
 * Rows are cut in place: the text is the caller's, is changed, and has to live as long as the rows.
 * Every text is accepted or refused with a line number; nothing allocates but import_problems.
 */
#ifndef HORIZON_IMPORT_CSV_H
#define HORIZON_IMPORT_CSV_H

#include <stdbool.h>
#include <stddef.h>

#define CSV_FIELDS_MAX 64
#define CSV_BYTES_MAX  (64U << 20) /* of a file; more is refused before it is read */

struct csv {
    char *at, *end;
    unsigned line; /* of the next row, from 1 */
    char delimiter;
    const char *refusal; /* why reading has stopped, NULL at the end of the text */
};

struct csv_row {
    unsigned line;
    size_t count;
    char *fields[CSV_FIELDS_MAX]; /* each ends with a zero byte */
};

/* Begins to read; text[bytes] must be writable, for a zero byte. */
void csv_begin(struct csv *csv, char *text, size_t bytes);

/* The next row that is not blank. False at the end, or when the text is no CSV: csv->refusal. */
bool csv_next(struct csv *csv, struct csv_row *ret_row);

/* "" where the row has no such field (CSV_FIELDS_MAX means none). */
const char *csv_field(const struct csv_row *row, size_t idx);

/* ---- what is wrong with a file ----------------------------------------------------------------
 */

#define IMPORT_PROBLEMS_KEPT 100
#define IMPORT_PROBLEM_BYTES 256

struct import_problem {
    unsigned line; /* 0: the file as a whole */
    char text[IMPORT_PROBLEM_BYTES];
};

struct import_problems {
    struct import_problem kept[IMPORT_PROBLEMS_KEPT];
    size_t count; /* all of them, those that were not kept too */
};

void import_complain(struct import_problems *problems, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- headers --------------------------------------------------------------------------------- */

/* Whether a header is one of `names` ("date|tradedate|data"). Letter case, blanks, _ - * < > and
 * the accents of Polish letters do not count. */
bool import_header_is(const char *header, const char *names);

/* Whether two headers are the same, but for what does not count. */
bool import_headers_equal(const char *one, const char *other);

/* What a file that is no CSV with a known header seems to be, in words with what to do. */
const char *import_guess(const char *text);

#endif
