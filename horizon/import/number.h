/* number.h - numbers and dates as people and exports write them.
 *
 * 1234.5, 1,234.50, 1.234,50, 1 234,5, 1'234.5 are numbers; which mark is the decimal one is a
 * property of a file, found out from all its numbers (number_mark) or told. Dates are 2018-05-11
 * (with or without a time behind it), 20180511, 11-05-2018, 11.05.2018, 2018/05/11, and 11/05/2018
 * or 05/11/2018, which a file must not leave open.
 */
#ifndef HORIZON_IMPORT_NUMBER_H
#define HORIZON_IMPORT_NUMBER_H

#include "domain/day.h"

/* What the numbers of a file say about their decimal mark. Zeroed at first. */
struct number_evidence {
    size_t points, commas; /* numbers in which this mark can only be the decimal one */
};

void number_look(struct number_evidence *evidence, const char *text);

/* '.' or ','. Without evidence: a comma where the file's delimiter is not one, else a point. */
char number_mark(const struct number_evidence *evidence, char delimiter);

/* Reads a number as a whole number of 10^-decimals, rounded half away from zero. False when it is
 * none (with that mark) or too large. `decimals` 0..8. */
bool number_parse(const char *text, char mark, int decimals, int64_t *ret_scaled);

/* "", null, N/A, N/D, NaN, -, in any case: there is no number. */
bool number_is_absent(const char *text);

enum date_order {
    DATE_UNKNOWN,
    DATE_DAY_FIRST,   /* 17/11/2021 */
    DATE_MONTH_FIRST, /* 11/17/2021 */
    DATE_MIXED,       /* evidence for both */
};

/* What one date adds to what is known of a file's order. */
enum date_order date_look(enum date_order order, const char *text);

enum date_status {
    DATE_OK,
    DATE_NONE,      /* no date, or one that does not exist */
    DATE_AMBIGUOUS, /* 01/02/2021, and the order is unknown */
};

/* Reads a date of the years 1900 to 2199. */
enum date_status date_parse(const char *text, enum date_order order, day *ret_day);

#endif
