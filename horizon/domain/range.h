/* range.h - the ranges a chart or a report may have: 1m 6m ytd 1y 3y 5y max.
 *
 * The base of a range is the last close on or before its start; the start of `ytd` is the last day
 * of the previous year. A range that begins before there is data begins with the data.
 */
#ifndef HORIZON_DOMAIN_RANGE_H
#define HORIZON_DOMAIN_RANGE_H

#include "domain/day.h"

enum range { RANGE_1M, RANGE_6M, RANGE_YTD, RANGE_1Y, RANGE_3Y, RANGE_5Y, RANGE_MAX, RANGES };

/* "1m" ... "max". Never NULL. */
const char *range_name(enum range range);

/* False when no range has that name. */
bool range_parse(const char *text, enum range *ret_range);

/* The day on which the range begins that ends at `end`; DAY_NONE for max. */
day range_start(enum range range, day end);

/* Index of the last of `count` ascending days that is not after `when`; 0 when all are after it.
 * For DAY_NONE: 0. `count` is at least 1. */
size_t range_base(const day *days, size_t count, day when);

#endif
