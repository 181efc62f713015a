/* Every figure of horizon/data/golden.json, recomputed from the prices beside it. */
#include "test.h"

#include "golden.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define NEAR 1e-9

static json_t *load(const char *name)
{
    char path[512];
    json_error_t error;
    snprintf(path, sizeof(path), "%s/%s", HORIZON_DATA, name);
    json_t *json = json_load_file(path, 0, &error);
    if (!json)
        fail_msg("%s: %s", path, error.text);
    return json;
}

static void equals(const char *what, double got, const json_t *wanted)
{
    double number = json_number_value(wanted);
    if (!json_is_number(wanted) || !(fabs(got - number) <= NEAR * (1 + fabs(number))))
        fail_msg("%s is %.15g, not %.15g", what, got, number);
}

static void equals_figure(const char *what, struct figure got, const json_t *wanted)
{
    if (got.reason)
        fail_msg("%s lacks: %s", what, got.reason);
    equals(what, got.value, wanted);
}

static void equals_day(const char *what, day got, const json_t *wanted)
{
    char text[DAY_TEXT_BYTES];
    assert_non_null(json_string_value(wanted));
    if (strcmp(day_format(got, text), json_string_value(wanted)) != 0)
        fail_msg("%s is %s, not %s", what, text, json_string_value(wanted));
}

/* ---- assets and index by range --------------------------------------------------------------- */

static void check_performance(const struct performance *got, const json_t *wanted, bool is_index)
{
    equals_figure("return", got->total, json_object_get(wanted, "return"));
    if (got->end - got->start >= 365) /* the file has it for every range */
        equals_figure("annualised", got->annualised, json_object_get(wanted, "annualised_365"));
    else
        assert_string_equal(got->annualised.reason, FIGURE_SHORT);
    equals_figure("volatility", got->volatility, json_object_get(wanted, "volatility"));
    equals_figure("sharpe", got->sharpe, json_object_get(wanted, "sharpe_rf0"));
    equals_figure("drawdown", got->max_drawdown, json_object_get(wanted, "max_drawdown"));
    equals_day("peak", got->drawdown_peak, json_object_get(wanted, "mdd_peak"));
    equals_day("trough", got->drawdown_trough, json_object_get(wanted, "mdd_trough"));
    if (is_index)
        return;
    equals_figure("beta", got->beta, json_object_get(wanted, "beta"));
    equals_figure("correlation", got->correlation, json_object_get(wanted, "correlation"));
    equals_figure("alpha", got->alpha, json_object_get(wanted, "alpha_arith"));
    equals_figure("alpha", got->alpha_compounded, json_object_get(wanted, "alpha_comp"));
}

static void check_range(enum range range, const char *name)
{
    const struct golden *golden = golden_load();
    json_t *json = load("golden.json");
    const json_t *wanted = json_object_get(json_object_get(json, "ranges"), name);
    struct performance got;
    day start = range_start(range, day_of(2018, 5, 11));
    for (size_t i = 0; i < 2 * (GOLDEN_ASSETS + 1); i++) {
        const struct asset *asset = &golden->assets[i / 2];
        struct series series = golden_closes(asset, i % 2);
        struct series benchmark = golden_closes(&golden->assets[GOLDEN_ASSETS], false);
        assert_true(performance_measure(&series, &benchmark, start, &got));
        equals_day("base", got.start, json_object_get(wanted, "base_date"));
        equals("observations", (double)got.observations, json_object_get(wanted, "observations"));
        check_performance(
            &got,
            json_object_get(json_object_get(json_object_get(wanted, "series"), asset->symbol),
                            i % 2 ? "total" : "price"),
            i / 2 == GOLDEN_ASSETS);
    }
    json_decref(json);
}

TEST(figures_of_one_month_are_golden)
{
    check_range(RANGE_1M, "1M");
}

TEST(figures_of_six_months_are_golden)
{
    check_range(RANGE_6M, "6M");
}

TEST(figures_of_the_year_to_date_are_golden)
{
    check_range(RANGE_YTD, "YTD");
}

TEST(figures_of_one_year_are_golden)
{
    check_range(RANGE_1Y, "1Y");
}

TEST(figures_of_three_years_are_golden)
{
    check_range(RANGE_3Y, "3Y");
}

TEST(figures_of_everything_are_golden)
{
    check_range(RANGE_MAX, "MAX");
}

TEST(five_years_begin_with_the_data)
{
    const struct golden *golden = golden_load();
    struct performance got;
    struct series series = golden_closes(&golden->assets[0], false);
    day start = range_start(RANGE_5Y, day_of(2018, 5, 11));
    assert_true(start < series.days[0]);
    assert_true(performance_measure(&series, NULL, start, &got));
    assert_int_equal(got.start, series.days[0]);
    assert_string_equal(got.beta.reason, FIGURE_NO_BENCHMARK);
}

/* ---- the demonstration's portfolio ----------------------------------------------------------- */

static void check_position(const struct valuation *valuation, const struct golden *golden, size_t i,
                           const json_t *wanted)
{
    double previous;
    const struct position *position = &valuation->book.positions[i];
    double price = valuation_price(&golden->assets[i], position, valuation->as_of, &previous);
    double shares = SHARES(position->quantity);
    equals("quantity", shares, json_object_get(wanted, "quantity"));
    equals("price", price, json_object_get(wanted, "price"));
    equals("value", shares * price, json_object_get(wanted, "market_value"));
    equals("weight", shares * price / valuation->days[valuation->count - 1].total,
           json_object_get(wanted, "weight_of_total"));
    equals("cost", position->cost, json_object_get(wanted, "cost_basis_fifo"));
    equals("unrealised", shares * price - position->cost,
           json_object_get(wanted, "unrealised_fifo"));
    equals("realised", position->realised, json_object_get(wanted, "realised_fifo"));
    equals("dividends", position->dividends, json_object_get(wanted, "dividends"));
    equals("day change", shares * (price - previous), json_object_get(wanted, "day_change"));
    equals("day change", price / previous - 1, json_object_get(wanted, "day_change_pct"));
}

static void check_final(const struct valuation *valuation, const json_t *wanted)
{
    const struct valuation_day *last = &valuation->days[valuation->count - 1];
    const struct book *book = &valuation->book;
    equals_day("as of", valuation->as_of, json_object_get(wanted, "as_of"));
    equals("cash", last->cash, json_object_get(wanted, "cash"));
    equals("securities", last->market_value, json_object_get(wanted, "market_value_securities"));
    equals("total", last->total, json_object_get(wanted, "total_value"));
    equals("contributions", last->contributions, json_object_get(wanted, "net_contributions"));
    equals("fees", book->fees, json_object_get(wanted, "fees"));
    equals("dividends", book->dividends, json_object_get(wanted, "dividends"));
    equals("unrealised", last->market_value - last->cost,
           json_object_get(wanted, "unrealised_fifo"));
    equals("realised", book->realised, json_object_get(wanted, "realised_fifo"));
    equals("gain", last->total - last->contributions, json_object_get(wanted, "total_gain"));
    equals("twr", last->wealth - 1, json_object_get(wanted, "twr_cumulative"));
}

/* value - contributions = unrealised + realised + dividends + interest - charges, on every day. */
static void check_identity(const struct valuation *valuation, const struct portfolio *portfolio)
{
    struct book book;
    size_t next = 0;
    assert_int_equal(book_init(&book, COST_FIFO, portfolio->asset_count, portfolio->activity_count),
                     0);
    for (size_t i = 0; i < valuation->count; i++) {
        const struct valuation_day *today = &valuation->days[i];
        for (; next < portfolio->activity_count && portfolio->activities[next].when <= today->when;
             next++)
            assert_int_equal(book_apply(&book, &portfolio->activities[next]), 0);
        double gain = today->market_value - today->cost + book.realised + book.dividends +
                      book.interest - book.charges;
        assert_true(fabs(today->total - today->contributions - gain) < 1e-6);
    }
    book_done(&book);
}

static void check_portfolio_figures(const struct valuation *valuation, const struct golden *golden,
                                    const json_t *wanted)
{
    static day days[1300];
    static double wealth[1300];
    struct performance got;
    struct figure xirr;
    for (size_t i = 0; i < valuation->count; i++) {
        days[i] = valuation->days[i].when;
        wealth[i] = valuation->days[i].wealth;
    }
    struct series series = {days, wealth, valuation->count, 1};
    struct series benchmark = golden_closes(golden->portfolio.benchmark, false);
    assert_true(performance_measure(&series, &benchmark, DAY_NONE, &got));
    equals_figure("twr", got.total, json_object_get(wanted, "twr_cumulative"));
    equals_figure("annualised", got.annualised, json_object_get(wanted, "twr_annualised_365"));
    equals_figure("volatility", got.volatility, json_object_get(wanted, "volatility"));
    equals_figure("sharpe", got.sharpe, json_object_get(wanted, "sharpe_rf0"));
    equals_figure("drawdown", got.max_drawdown, json_object_get(wanted, "max_drawdown"));
    equals_figure("beta", got.beta, json_object_get(wanted, "beta"));
    equals_figure("correlation", got.correlation, json_object_get(wanted, "correlation"));
    equals_figure("alpha", got.alpha, json_object_get(wanted, "alpha_arith"));
    equals_figure("alpha", got.alpha_compounded, json_object_get(wanted, "alpha_comp"));
    assert_true(performance_xirr(valuation, &golden->portfolio, DAY_NONE, &xirr));
    equals_figure("xirr", xirr, json_object_get(wanted, "xirr"));
}

TEST(the_demonstration_portfolio_is_golden)
{
    const struct golden *golden = golden_load();
    struct valuation valuation;
    struct complaint complaint;
    json_t *json = load("golden.json");
    const json_t *final = json_object_get(json_object_get(json, "demo_portfolio"), "final");
    assert_int_equal(valuation_init(&valuation, &golden->portfolio, &complaint), 0);
    check_final(&valuation, final);
    for (size_t i = 0; i < GOLDEN_ASSETS; i++)
        check_position(
            &valuation, golden, i,
            json_object_get(json_object_get(final, "positions"), golden->assets[i].symbol));
    check_portfolio_figures(&valuation, golden, final);
    check_identity(&valuation, &golden->portfolio);
    valuation_done(&valuation);
    json_decref(json);
}

TEST(each_of_the_demonstrations_days_is_golden)
{
    const struct golden *golden = golden_load();
    struct valuation valuation;
    struct complaint complaint;
    char path[512], line[128], when[DAY_TEXT_BYTES];
    double total, twr, index;
    size_t count = 0;
    assert_int_equal(valuation_init(&valuation, &golden->portfolio, &complaint), 0);
    snprintf(path, sizeof(path), "%s/demo_portfolio_series.csv", HORIZON_DATA);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof(line), file));
    for (; fgets(line, sizeof(line), file); count++) {
        const struct valuation_day *today = &valuation.days[count];
        assert_true(count < valuation.count);
        assert_int_equal(sscanf(line + 11, "%lf,%lf,%lf", &total, &twr, &index), 3);
        assert_memory_equal(line, day_format(today->when, when), DAY_TEXT_BYTES - 1);
        assert_true(fabs(today->total - total) < 0.005001);
        assert_true(fabs(today->wealth - 1 - twr) < 5.001e-9);
        assert_true(fabs(today->benchmark / valuation.days[0].benchmark - 1 - index) < 5.001e-9);
    }
    fclose(file);
    assert_int_equal(count, valuation.count);
    valuation_done(&valuation);
}

/* ---- the watch list -------------------------------------------------------------------------- */

static void check_view(const struct asset_view *got, const json_t *wanted)
{
    const json_t *high = json_object_get(wanted, "all_time_high");
    const json_t *sparks = json_object_get(wanted, "sparkline");
    equals("price", got->last->close, json_object_get(wanted, "price"));
    equals("previous", got->previous_close, json_object_get(wanted, "previous_close"));
    assert_true(fabs(got->change - json_number_value(json_object_get(wanted, "change"))) < 1e-6);
    assert_true(fabs(got->change_ratio -
                     json_number_value(json_object_get(wanted, "change_ratio"))) < 1e-8);
    equals("high", got->high_year, json_object_get(wanted, "high_52w"));
    equals("low", got->low_year, json_object_get(wanted, "low_52w"));
    equals_day("high", got->high->when, json_object_get(high, "date"));
    equals("high", got->high->close, json_object_get(high, "price"));
    assert_true(fabs(got->drawdown_ratio -
                     json_number_value(json_object_get(high, "drawdown_ratio"))) < 1e-8);
    assert_string_equal(got->condition,
                        json_string_value(json_object_get(wanted, "market_condition")));
    assert_string_equal(asset_trend_name(got->trend_50d),
                        json_string_value(json_object_get(wanted, "trend_50d")));
    assert_string_equal(asset_trend_name(got->trend_200d),
                        json_string_value(json_object_get(wanted, "trend_200d")));
    assert_int_equal(got->spark_count, json_array_size(sparks));
    for (size_t i = 0; i < got->spark_count; i++)
        assert_true(fabs(got->sparks[i].close - json_number_value(json_array_get(sparks, i))) <
                    0.00501);
}

TEST(the_watch_list_is_golden)
{
    const struct golden *golden = golden_load();
    json_t *watch = load("examples/watch.json"), *market = load("examples/market.json");
    for (size_t i = 0; i <= GOLDEN_ASSETS; i++) {
        struct asset_view view;
        const json_t *wanted = i < GOLDEN_ASSETS
                                   ? json_array_get(json_object_get(watch, "items"), i)
                                   : json_array_get(json_object_get(market, "indices"), 0);
        assert_true(asset_look(&golden->assets[i], day_of(2018, 5, 11), &view));
        check_view(&view, wanted);
    }
    json_decref(watch);
    json_decref(market);
}
