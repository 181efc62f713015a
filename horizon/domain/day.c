/* day.c - see day.h. The conversions are Howard Hinnant's, "chrono-Compatible Low-Level Date
 * Algorithms": a year that begins in March puts the leap day at its end. */
#include "domain/day.h"

#define DAYS_OF_400_YEARS    146097
#define DAYS_FROM_0_TO_EPOCH 719468 /* from 0000-03-01 to 1970-01-01 */

day day_of(int year, int month, int day_of_month)
{
    year -= month <= 2;
    int era = (year >= 0 ? year : year - 399) / 400;
    int year_of_era = year - era * 400;
    int day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day_of_month - 1;
    int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_OF_400_YEARS + day_of_era - DAYS_FROM_0_TO_EPOCH;
}

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && is_leap ? 29 : days[month - 1];
}

bool day_exists(int year, int month, int day_of_month)
{
    return year >= 1 && year <= 9999 && month >= 1 && month <= 12 && day_of_month >= 1 &&
           day_of_month <= month_days(year, month);
}

void day_split(day when, int *ret_year, int *ret_month, int *ret_day_of_month)
{
    int shifted = when + DAYS_FROM_0_TO_EPOCH;
    int era = (shifted >= 0 ? shifted : shifted - DAYS_OF_400_YEARS + 1) / DAYS_OF_400_YEARS;
    int day_of_era = shifted - era * DAYS_OF_400_YEARS;
    int year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int month_from_march = (5 * day_of_year + 2) / 153;
    *ret_day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    *ret_month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    *ret_year = year_of_era + era * 400 + (*ret_month <= 2);
}

static bool read_digits(const char *text, size_t count, int *ret_number)
{
    int number = 0;
    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        number = number * 10 + (text[i] - '0');
    }
    *ret_number = number;
    return true;
}

bool day_parse(const char *text, size_t length, day *ret_day)
{
    int year, month, day_of_month;
    if (length != DAY_TEXT_BYTES - 1 || text[4] != '-' || text[7] != '-')
        return false;
    if (!read_digits(text, 4, &year) || !read_digits(text + 5, 2, &month) ||
        !read_digits(text + 8, 2, &day_of_month) || !day_exists(year, month, day_of_month))
        return false;
    *ret_day = day_of(year, month, day_of_month);
    return true;
}

static char *write_digits(char *text, int number, int count)
{
    for (int i = count - 1; i >= 0; i--) {
        text[i] = (char)('0' + number % 10);
        number /= 10;
    }
    return text + count;
}

char *day_format(day when, char text[DAY_TEXT_BYTES])
{
    int year, month, day_of_month;
    day_split(when, &year, &month, &day_of_month);
    char *at = write_digits(text, year, 4);
    *at++ = '-';
    at = write_digits(at, month, 2);
    *at++ = '-';
    at = write_digits(at, day_of_month, 2);
    *at = '\0';
    return text;
}

day day_add_months(day when, int months)
{
    int year, month, day_of_month;
    day_split(when, &year, &month, &day_of_month);
    int count = year * 12 + month - 1 + months;
    year = count / 12;
    month = count % 12 + 1;
    int last = month_days(year, month);
    return day_of(year, month, day_of_month < last ? day_of_month : last);
}
