/* page.c - see page.h. Test: tests/unit/horizon/test_page.c. */
#include "verify/page.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CENT_HALF  0.0050001 /* two roundings of one amount to cents */
#define RATIO_NEAR 2e-8      /* ratios have 8 decimals */

#define MANAGER "/api/portfolio-manager"

static const struct {
    const char *name, *path;
} parts_known[PAGE_PARTS] = {
    [PAGE_WATCH] = {"watch", MANAGER "/watch"},
    [PAGE_SUMMARY] = {"summary", MANAGER "/summary"},
    [PAGE_REPORT] = {"report", MANAGER "/report?range=max"},
    [PAGE_MARKET] = {"market", MANAGER "/market"},
    [PAGE_CHART] = {"charts/portfolio", MANAGER "/charts/portfolio?range=max"},
};

struct page {
    const json_t *const *parts;
    const struct page_wish *wish;
    char *why;
};

const char *page_part_name(enum page_part part)
{
    return parts_known[part].name;
}

const char *page_part_path(enum page_part part)
{
    return parts_known[part].path;
}

/* ---- reading --------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static bool refuse(const struct page *page,
                                                         const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(page->why, PAGE_WHY_BYTES, format, arguments);
    va_end(arguments);
    return false;
}

/* NaN when there is no such number. */
static double number(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* NaN when it is none, or there is none. */
static double number_at(const json_t *array, size_t idx)
{
    const json_t *value = json_array_get(array, idx);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static const char *text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "";
}

static bool near(double a, double b, double tolerance)
{
    return fabs(a - b) <= tolerance;
}

/* The element of an array of objects whose symbol is this; NULL when there is none. */
static const json_t *find(const json_t *array, const char *symbol)
{
    for (size_t i = 0; i < json_array_size(array); i++)
        if (strcmp(text(json_array_get(array, i), "symbol"), symbol) == 0)
            return json_array_get(array, i);
    return NULL;
}

/* ---- 1: one version -------------------------------------------------------------------------- */

static bool check_envelopes(const struct page *page)
{
    static const char *const names[] = {"as_of", "data_version", "base_currency"};
    for (size_t part = 0; part < PAGE_PARTS; part++) {
        if (!json_is_object(page->parts[part]))
            return refuse(page, "%s is no JSON object", page_part_name(part));
        for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
            const char *here = text(page->parts[part], names[i]);
            const char *first = text(page->parts[0], names[i]);
            if (!*here)
                return refuse(page, "%s has no %s", page_part_name(part), names[i]);
            if (strcmp(here, first) != 0)
                return refuse(page, "%s is \"%.40s\" in %s and \"%.40s\" in %s", names[i], first,
                              page_part_name(0), here, page_part_name(part));
        }
    }
    return true;
}

/* ---- 2, 3: what has to be there -------------------------------------------------------------- */

static bool check_watch(const struct page *page)
{
    const json_t *items = json_object_get(page->parts[PAGE_WATCH], "items");
    size_t count = json_array_size(items);
    if (count < page->wish->assets)
        return refuse(page, "watch has %zu assets, not %zu", count, page->wish->assets);
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(items, i);
        if (!(number(item, "price") > 0))
            return refuse(page, "watch has no price of \"%.32s\"", text(item, "symbol"));
        if (json_array_size(json_object_get(item, "sparkline")) == 0)
            return refuse(page, "watch has no sparkline of \"%.32s\"", text(item, "symbol"));
    }
    return true;
}

static bool check_market(const struct page *page)
{
    const json_t *market = page->parts[PAGE_MARKET];
    const char *wanted = page->wish->benchmark;
    const json_t *index = find(json_object_get(market, "indices"), wanted);
    if (strcmp(text(market, "benchmark"), wanted) != 0)
        return refuse(page, "market's benchmark is \"%.32s\", not \"%.32s\"",
                      text(market, "benchmark"), wanted);
    if (!index || !(number(index, "price") > 0))
        return refuse(page, "market has no price of %.32s", wanted);
    return true;
}

static bool check_chart(const struct page *page)
{
    static const char *const columns[] = {"value", "portfolio", "benchmark_series"};
    const json_t *chart = page->parts[PAGE_CHART];
    const json_t *dates = json_object_get(chart, "dates");
    size_t count = json_array_size(dates);
    if (count < 2)
        return refuse(page, "charts/portfolio has %zu days", count);
    for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++) {
        const json_t *column = json_object_get(chart, columns[i]);
        if (json_array_size(column) != count)
            return refuse(page, "charts/portfolio has %zu dates and %zu of %s", count,
                          json_array_size(column), columns[i]);
        if (!isfinite(number_at(column, count - 1)))
            return refuse(page, "charts/portfolio has no last %s", columns[i]);
    }
    for (size_t i = 1; i < count; i++) {
        const char *before = json_string_value(json_array_get(dates, i - 1));
        const char *here = json_string_value(json_array_get(dates, i));
        if (!before || !here || strcmp(before, here) >= 0)
            return refuse(page, "charts/portfolio: date %zu does not follow the one before", i);
    }
    if (strcmp(text(chart, "benchmark"), page->wish->benchmark) != 0)
        return refuse(page, "charts/portfolio is against \"%.32s\", not \"%.32s\"",
                      text(chart, "benchmark"), page->wish->benchmark);
    return true;
}

/* ---- 4 to 8: agreement ----------------------------------------------------------------------- */

static double last_of(const struct page *page, const char *column, size_t back)
{
    const json_t *array = json_object_get(page->parts[PAGE_CHART], column);
    return number_at(array, json_array_size(array) - 1 - back);
}

static bool check_totals(const struct page *page)
{
    const json_t *summary = page->parts[PAGE_SUMMARY];
    const json_t *positions = json_object_get(summary, "positions");
    double total = number(summary, "total_value"), sum = number(summary, "cash") / total;
    double chart_twr = last_of(page, "portfolio", 0), twr = number(summary, "twr");
    double report_twr =
        number(json_object_get(page->parts[PAGE_REPORT], "portfolio"), "twr_cumulative");
    for (size_t i = 0; i < json_array_size(positions); i++)
        sum += number(json_array_get(positions, i), "weight");
    /* cash is rounded to cents, each weight to 8 decimals */
    if (!near(sum, 1, CENT_HALF / fabs(total) + RATIO_NEAR * (double)json_array_size(positions)))
        return refuse(page, "summary: weights and cash add up to %.9g, not 1", sum);
    if (!near(total, last_of(page, "value", 0), CENT_HALF))
        return refuse(page, "total_value is %.2f in summary and %.2f in charts/portfolio", total,
                      last_of(page, "value", 0));
    if (!near(twr, chart_twr, RATIO_NEAR) || !near(twr, report_twr, RATIO_NEAR))
        return refuse(page, "twr is %.8f in summary, %.8f in charts/portfolio and %.8f in report",
                      twr, chart_twr, report_twr);
    return true;
}

static bool check_benchmark(const struct page *page)
{
    const json_t *market = page->parts[PAGE_MARKET];
    const json_t *index = find(json_object_get(market, "indices"), page->wish->benchmark);
    double before = last_of(page, "benchmark_series", 1);
    double in_chart = (1 + last_of(page, "benchmark_series", 0)) / (1 + before) - 1;
    double in_market = number(index, "change_ratio");
    if (strcmp(text(index, "price_date"), text(market, "as_of")) != 0 || !isfinite(before))
        return true; /* no price today: nothing to compare */
    if (!near(in_chart, in_market, 4 * RATIO_NEAR / (1 + before) + RATIO_NEAR))
        return refuse(page, "%.32s changed by %.8f in market and by %.8f in charts/portfolio",
                      page->wish->benchmark, in_market, in_chart);
    return true;
}

static bool check_positions(const struct page *page)
{
    const json_t *positions = json_object_get(page->parts[PAGE_SUMMARY], "positions");
    const json_t *items = json_object_get(page->parts[PAGE_WATCH], "items");
    for (size_t i = 0; i < json_array_size(positions); i++) {
        const json_t *position = json_array_get(positions, i);
        const json_t *item = find(items, text(position, "symbol"));
        double value = number(position, "market_value");
        double product = number(item, "price") * number(position, "quantity");
        if (!item) /* held, but not watched */
            continue;
        if (!near(product, value, CENT_HALF + fabs(value) * 1e-12))
            return refuse(page, "%.32s is worth %.2f in summary, price x quantity are %.4f",
                          text(position, "symbol"), value, product);
    }
    return true;
}

bool page_check(const json_t *const parts[PAGE_PARTS], const struct page_wish *wish,
                char why[PAGE_WHY_BYTES])
{
    const struct page page = {parts, wish, why};
    return check_envelopes(&page) && check_watch(&page) && check_market(&page) &&
           check_chart(&page) && check_totals(&page) && check_benchmark(&page) &&
           check_positions(&page);
}
