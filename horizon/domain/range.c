/* range.c - see range.h. */
#include "domain/range.h"

#include <string.h>

static const struct {
    const char *name;
    int months; /* 0: not a number of months */
} ranges[RANGES] = {
    [RANGE_1M] = {"1m", 1},   [RANGE_6M] = {"6m", 6},  [RANGE_YTD] = {"ytd", 0},
    [RANGE_1Y] = {"1y", 12},  [RANGE_3Y] = {"3y", 36}, [RANGE_5Y] = {"5y", 60},
    [RANGE_MAX] = {"max", 0},
};

const char *range_name(enum range range)
{
    return ranges[range].name;
}

bool range_parse(const char *text, enum range *ret_range)
{
    for (int i = 0; i < RANGES; i++) {
        if (strcmp(text, ranges[i].name) == 0) {
            *ret_range = (enum range)i;
            return true;
        }
    }
    return false;
}

day range_start(enum range range, day end)
{
    int year, month, day_of_month;
    if (range == RANGE_MAX)
        return DAY_NONE;
    if (range != RANGE_YTD)
        return day_add_months(end, -ranges[range].months);
    day_split(end, &year, &month, &day_of_month);
    return day_of(year, 1, 1) - 1;
}

size_t range_base(const day *days, size_t count, day when)
{
    size_t low = 0, high = count; /* days[low] <= when < days[high], once low has moved */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (days[middle] <= when)
            low = middle;
        else
            high = middle;
    }
    return low;
}
