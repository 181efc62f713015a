/* number.c - see number.h. Test: tests/unit/horizon/test_number.c, fuzz/fuzz_csv.c. */
#include "import/number.h"

#include <string.h>
#include <strings.h>

#define YEAR_MIN 1900
#define YEAR_MAX 2199

/* ---- numbers --------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Length of a mark between groups of three at `text`: blank, apostrophe, no-break space (two
 * bytes), narrow one (three); 0 when there is none. */
static size_t group_mark(const char *text)
{
    if (*text == ' ' || *text == '\'')
        return 1;
    if (strncmp(text, "\xC2\xA0", 2) == 0)
        return 2;
    return strncmp(text, "\xE2\x80\xAF", 3) == 0 ? 3 : 0;
}

void number_look(struct number_evidence *evidence, const char *text)
{
    const char *point = strrchr(text, '.'), *comma = strrchr(text, ',');
    const char *last = !point || (comma && comma > point) ? comma : point;
    if (!last)
        return;
    bool is_only = strchr(text, *last) == last;
    bool is_first = strspn(text, "-+0123456789") == (size_t)(last - text);
    size_t after = strspn(last + 1, "0123456789");
    size_t before = strspn(text, "-+0123456789");
    size_t sign = *text == '-' || *text == '+';
    /* 1,234 can be both; 1,23 and 1.234,567 and 0,123 and 1234,567 cannot. */
    bool is_clear =
        is_only && (after != 3 || (point && comma) ||
                    (is_first && (before - sign > 3 || before - sign == 0 || text[sign] == '0')));
    if (is_clear)
        ++*(*last == '.' ? &evidence->points : &evidence->commas);
    if (!is_only) /* 1.234.567: a mark between groups, so the other one is the decimal mark */
        ++*(*last == '.' ? &evidence->commas : &evidence->points);
}

char number_mark(const struct number_evidence *evidence, char delimiter)
{
    if (evidence->points == evidence->commas)
        return delimiter == ',' || evidence->points > 0 ? '.' : ',';
    return evidence->points > evidence->commas ? '.' : ',';
}

/* The digits before the decimal mark, groups checked. Steps over them; false when it is no number
 * or too large. */
static bool read_whole(const char **text, char other, int64_t *value)
{
    const char *at = *text;
    size_t digits = 0, in_group = 0;
    bool has_groups = false;
    for (;;) {
        size_t mark = *at == other ? 1 : group_mark(at);
        if (is_digit(*at)) {
            if (__builtin_mul_overflow(*value, 10, value) ||
                __builtin_add_overflow(*value, *at - '0', value))
                return false;
            digits++;
            in_group++;
            at++;
        } else if (mark > 0 && is_digit(at[mark])) {
            if (digits == 0 || in_group > 3 || (has_groups && in_group != 3))
                return false;
            has_groups = true;
            in_group = 0;
            at += mark;
        } else {
            break;
        }
    }
    *text = at;
    return !has_groups || in_group == 3;
}

bool number_parse(const char *text, char mark, int decimals, int64_t *ret_scaled)
{
    bool is_negative = *text == '-', has_digits;
    int64_t value = 0;
    int left = decimals;
    if (*text == '-' || *text == '+')
        text++;
    has_digits = is_digit(*text);
    if (!read_whole(&text, mark == '.' ? ',' : '.', &value))
        return false;
    bool is_up = false;
    if (*text == mark) {
        text++;
        for (int i = 0; is_digit(*text); text++, i++) {
            has_digits = true;
            if (left > 0) {
                left--;
                if (__builtin_mul_overflow(value, 10, &value) ||
                    __builtin_add_overflow(value, *text - '0', &value))
                    return false;
            } else if (i == decimals) {
                is_up = *text >= '5';
            }
        }
    }
    for (; left > 0; left--)
        if (__builtin_mul_overflow(value, 10, &value))
            return false;
    if (*text || !has_digits || __builtin_add_overflow(value, is_up, &value))
        return false;
    *ret_scaled = is_negative ? -value : value;
    return true;
}

bool number_is_absent(const char *text)
{
    static const char *const words[] = {"", "null", "n/a", "n/d", "nan", "-", "none"};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (strcasecmp(text, words[i]) == 0)
            return true;
    return false;
}

/* ---- dates ----------------------------------------------------------------------------------- */

/* Reads up to eight digits; how many. */
static size_t read_digits(const char **text, int *ret_number)
{
    size_t count = 0;
    for (*ret_number = 0; count < 8 && is_digit(**text); count++, ++*text)
        *ret_number = *ret_number * 10 + (**text - '0');
    return count;
}

/* Three numbers with one kind of mark between them ("2018-05-11"), or eight digits (mark 0); a time
 * may follow. False: no date. */
static bool cut_date(const char *text, int numbers[3], char *ret_mark)
{
    size_t first = read_digits(&text, &numbers[0]), second, third = 2;
    *ret_mark = '\0';
    if (first == 8) {
        numbers[2] = numbers[0] % 100;
        numbers[1] = numbers[0] / 100 % 100;
        numbers[0] /= 10000;
    } else {
        char mark = *ret_mark = *text;
        if (first < 1 || first > 4 || (mark != '-' && mark != '.' && mark != '/'))
            return false;
        text++;
        second = read_digits(&text, &numbers[1]);
        if (second < 1 || second > 2 || *text != mark)
            return false;
        text++;
        third = read_digits(&text, &numbers[2]);
        if (first == 4 ? third < 1 || third > 2 : first > 2 || third != 4)
            return false;
    }
    return *text == '\0' || *text == ' ' || *text == 'T' || *text == ',';
}

static bool make_day(int year, int month, int day_of_month, day *ret_day)
{
    if (year < YEAR_MIN || year > YEAR_MAX || !day_exists(year, month, day_of_month))
        return false;
    *ret_day = day_of(year, month, day_of_month);
    return true;
}

enum date_order date_look(enum date_order order, const char *text)
{
    int numbers[3];
    char mark;
    if (!cut_date(text, numbers, &mark) || mark != '/' || numbers[0] > 31)
        return order;
    enum date_order seen = numbers[0] > 12   ? DATE_DAY_FIRST
                           : numbers[1] > 12 ? DATE_MONTH_FIRST
                                             : DATE_UNKNOWN;
    if (order == DATE_UNKNOWN || seen == DATE_UNKNOWN)
        return order == DATE_UNKNOWN ? seen : order;
    return order == seen ? order : DATE_MIXED;
}

enum date_status date_parse(const char *text, enum date_order order, day *ret_day)
{
    int numbers[3];
    char mark;
    if (!cut_date(text, numbers, &mark))
        return DATE_NONE;
    bool is_year_first = mark == '\0' || numbers[0] > 31;
    bool is_open = mark == '/' && order != DATE_DAY_FIRST && order != DATE_MONTH_FIRST;
    bool is_month_first =
        mark == '/' && (order == DATE_MONTH_FIRST || (is_open && numbers[1] > 12));
    if (is_open && !is_year_first && numbers[0] <= 12 && numbers[1] <= 12 &&
        numbers[0] != numbers[1])
        return DATE_AMBIGUOUS;
    int month = is_month_first ? numbers[0] : numbers[1];
    int day_of_month = is_month_first ? numbers[1] : numbers[0];
    bool is_done = is_year_first ? make_day(numbers[0], numbers[1], numbers[2], ret_day)
                                 : make_day(numbers[2], month, day_of_month, ret_day);
    return is_done ? DATE_OK : DATE_NONE;
}
