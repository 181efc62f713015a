/* What `horizon verify` believes: the examples with their real numbers pass, and each way in which
 * five answers can disagree is found and named. */
#include "test.h"

#include "verify/page.h"

#include <stdio.h>
#include <string.h>

static json_t *parts[PAGE_PARTS];
static char why[PAGE_WHY_BYTES];

/* The five examples, fresh. */
static void load_parts(void)
{
    static const char *const files[PAGE_PARTS] = {"watch", "summary", "report", "market",
                                                  "charts_portfolio"};
    char path[512];
    for (size_t i = 0; i < PAGE_PARTS; i++) {
        json_decref(parts[i]);
        snprintf(path, sizeof(path), "%s/examples/%s.json", HORIZON_DATA, files[i]);
        parts[i] = json_load_file(path, 0, NULL);
        assert_non_null(parts[i]);
    }
    /* the example's chart has 6 decimals; the service's has 8 */
    json_t *portfolio = json_object_get(parts[PAGE_CHART], "portfolio");
    json_array_set_new(portfolio, json_array_size(portfolio) - 1, json_real(2.15323607));
    json_t *index = json_object_get(parts[PAGE_CHART], "benchmark_series");
    json_array_set_new(index, json_array_size(index) - 1, json_real(0.66958626));
    json_array_set_new(index, json_array_size(index) - 2, json_real(0.66674016));
}

static bool check(size_t assets, const char *benchmark)
{
    const struct page_wish wish = {assets, benchmark};
    return page_check((const json_t *const *)parts, &wish, why);
}

static void refused(const char *fragment)
{
    if (check(4, "^SPX"))
        fail_msg("not refused, but should be: %s", fragment);
    if (!strstr(why, fragment))
        fail_msg("\"%s\" does not say \"%s\"", why, fragment);
    load_parts();
}

static json_t *first_of(enum page_part part, const char *array)
{
    return json_array_get(json_object_get(parts[part], array), 0);
}

TEST(a_page_of_real_numbers_is_right)
{
    load_parts();
    if (!check(4, "^SPX"))
        fail_msg("%s", why);
}

TEST(what_is_missing_is_named)
{
    load_parts();
    assert_false(check(5, "^SPX"));
    assert_string_equal(why, "watch has 4 assets, not 5");
    assert_false(check(4, "^DJI"));
    assert_string_equal(why, "market's benchmark is \"^SPX\", not \"^DJI\"");
    json_decref(parts[PAGE_REPORT]);
    parts[PAGE_REPORT] = NULL;
    refused("report is no JSON object");
    json_object_del(parts[PAGE_MARKET], "data_version");
    refused("market has no data_version");
    json_object_set_new(first_of(PAGE_WATCH, "items"), "price", json_null());
    refused("watch has no price of \"AAPL\"");
    json_object_set_new(first_of(PAGE_WATCH, "items"), "sparkline", json_array());
    refused("watch has no sparkline of \"AAPL\"");
    json_object_set_new(parts[PAGE_MARKET], "indices", json_array());
    refused("market has no price of ^SPX");
    json_object_set_new(parts[PAGE_CHART], "dates", json_array());
    refused("charts/portfolio has 0 days");
    json_array_remove(json_object_get(parts[PAGE_CHART], "value"), 3);
    refused("1260 dates and 1259 of value");
    json_t *index = json_object_get(parts[PAGE_CHART], "benchmark_series");
    json_array_set_new(index, json_array_size(index) - 1, json_null());
    refused("no last benchmark_series");
    json_t *dates = json_object_get(parts[PAGE_CHART], "dates");
    json_array_set(dates, 7, json_array_get(dates, 6));
    refused("date 7 does not follow");
}

TEST(what_disagrees_is_named_with_both_values)
{
    load_parts();
    json_object_set_new(parts[PAGE_CHART], "data_version", json_string("2018-05-11/2"));
    refused("data_version is \"2018-05-11/1\" in watch and \"2018-05-11/2\" in charts/portfolio");
    json_object_set_new(parts[PAGE_SUMMARY], "as_of", json_string("2018-05-10"));
    refused("as_of is \"2018-05-11\" in watch and \"2018-05-10\" in summary");
    json_object_set_new(first_of(PAGE_SUMMARY, "positions"), "weight", json_real(0.2312));
    refused("weights and cash add up to 1.00006");
    json_object_set_new(parts[PAGE_SUMMARY], "total_value", json_real(359009.48));
    refused("total_value is 359009.48 in summary and 359009.47 in charts/portfolio");
    json_object_set_new(parts[PAGE_SUMMARY], "twr", json_real(2.1532));
    refused("twr is 2.15320000 in summary, 2.15323607 in charts/portfolio and 2.15323607 in");
    json_object_set_new(json_object_get(parts[PAGE_REPORT], "portfolio"), "twr_cumulative",
                        json_real(2.15));
    refused("2.15000000 in report");
    json_object_set_new(first_of(PAGE_MARKET, "indices"), "change_ratio", json_real(0.0018));
    refused("^SPX changed by 0.00180000 in market");
    json_object_set_new(first_of(PAGE_WATCH, "items"), "price", json_real(188.7));
    refused("AAPL is worth 82979.60 in summary, price x quantity are 83028.0000");
}

TEST(a_benchmark_without_a_price_today_is_not_compared)
{
    load_parts();
    json_object_set_new(first_of(PAGE_MARKET, "indices"), "change_ratio", json_real(0.5));
    json_object_set_new(first_of(PAGE_MARKET, "indices"), "price_date", json_string("2018-05-10"));
    assert_true(check(4, "^SPX"));
    for (size_t i = 0; i < PAGE_PARTS; i++) {
        json_decref(parts[i]);
        parts[i] = NULL;
    }
}
