/* page.h - what the five answers of a page have to say, and how they have to agree: pure.
 *
 * The answers are those of horizon/data/examples. An answer that is not there, or is no JSON
 * object, is NULL. Test: tests/unit/horizon/test_page.c.
 *
 * Checked of each page
 * 1. Every answer has as_of, data_version and base_currency, the same on all five.
 * 2. At least so many assets are watched, each with a price and a sparkline.
 * 3. The benchmark is in the market and has a price; the chart's columns have equal length, days
 *    ascend, the portfolio's and the benchmark's last values are there.
 * 4. The weights of positions and cash add up to 1.
 * 5. summary.total_value = last of the chart's value.
 * 6. summary.twr = last of the chart's portfolio = report.portfolio.twr_cumulative.
 * 7. The benchmark's last change in the chart is its change in the market.
 * 8. price on the watch list x quantity = value of the position.
 */
#ifndef HORIZON_VERIFY_PAGE_H
#define HORIZON_VERIFY_PAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum page_part { PAGE_WATCH, PAGE_SUMMARY, PAGE_REPORT, PAGE_MARKET, PAGE_CHART, PAGE_PARTS };

#define PAGE_WHY_BYTES 256

struct page_wish {
    size_t assets;         /* so many watched at least */
    const char *benchmark; /* "^SPX" */
};

/* "watch", ... and the path of the request. Never NULL. */
const char *page_part_name(enum page_part part);
const char *page_part_path(enum page_part part);

/* False with a sentence that names the part and the values. */
bool page_check(const json_t *const parts[PAGE_PARTS], const struct page_wish *wish,
                char why[PAGE_WHY_BYTES]);

#endif
