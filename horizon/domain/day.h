/* day.h - calendar days: the number of days since 1970-01-01, without time zones.
 *
 * Prices and activities belong to days, never to instants. Valid days are 0001-01-01 to 9999-12-31
 * of the proleptic Gregorian calendar.
 */
#ifndef HORIZON_DOMAIN_DAY_H
#define HORIZON_DOMAIN_DAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int32_t day;

#define DAY_NONE       INT32_MIN
#define DAY_TEXT_BYTES 11 /* "2018-05-11" and its end */

/* What day a date is. The date has to be valid. */
day day_of(int year, int month, int day_of_month);

/* Whether such a date exists. */
bool day_exists(int year, int month, int day_of_month);

void day_split(day when, int *ret_year, int *ret_month, int *ret_day_of_month);

/* Reads "2018-05-11", exactly; false when it is anything else. */
bool day_parse(const char *text, size_t length, day *ret_day);

/* Writes "2018-05-11" into text, which it returns. */
char *day_format(day when, char text[DAY_TEXT_BYTES]);

/* The same day of the month so many months later (earlier when negative), or the month's last day
 * where there is no such day: 31 May less one month is 30 April. */
day day_add_months(day when, int months);

#endif
