/* Valuations beyond the demonstration: missing prices, other calendars, contradictions. */
#include "test.h"

#include "domain/performance.h"

#include <math.h>
#include <string.h>

static void near(double got, double wanted)
{
    if (!(fabs(got - wanted) <= 1e-9))
        fail_msg("%.12g, not %.12g", got, wanted);
}

static struct quote quote_of(day when, double close)
{
    return (struct quote){.when = when,
                          .open = NAN,
                          .high = NAN,
                          .low = NAN,
                          .close = close,
                          .adj_close = NAN,
                          .volume = -1};
}

static struct asset asset_of(const char *symbol, const struct quote *quotes, size_t count)
{
    return (struct asset){symbol, symbol, "EQUITY", "USD", quotes, count};
}

static struct activity deposit(day when, double amount)
{
    return (struct activity){
        .id = 1, .when = when, .kind = ACTIVITY_DEPOSIT, .asset = NO_ASSET, .amount = amount};
}

static struct activity trade(enum activity_kind kind, day when, double shares, double price)
{
    return (struct activity){.id = 2,
                             .when = when,
                             .kind = kind,
                             .price = price,
                             .quantity = (int64_t)(shares * QUANTITY_ONE)};
}

static int value(struct portfolio *portfolio, struct valuation *ret_valuation,
                 struct complaint *ret_complaint)
{
    return valuation_init(ret_valuation, portfolio, ret_complaint);
}

TEST(no_activities_give_no_days_but_a_date)
{
    const struct quote quotes[] = {quote_of(10, 5), quote_of(11, 6)};
    struct asset asset = asset_of("A", quotes, 2);
    struct portfolio portfolio = {.assets = &asset, .asset_count = 1};
    struct valuation valuation;
    struct complaint complaint;
    struct figure xirr;
    assert_int_equal(value(&portfolio, &valuation, &complaint), 0);
    assert_int_equal(valuation.count, 0);
    assert_int_equal(valuation.as_of, 11);
    assert_true(performance_xirr(&valuation, &portfolio, DAY_NONE, &xirr));
    assert_string_equal(xirr.reason, FIGURE_NO_ACTIVITY);
    valuation_done(&valuation);
    portfolio.asset_count = 0;
    assert_int_equal(value(&portfolio, &valuation, &complaint), 0);
    assert_int_equal(valuation.as_of, DAY_NONE);
    valuation_done(&valuation);
}

TEST(a_price_is_the_last_trades_and_then_the_last_known)
{
    const struct quote quotes[] = {quote_of(12, 50)},
                       index[] = {quote_of(10, 100), quote_of(11, 101), quote_of(12, 102),
                                  quote_of(13, 103)};
    struct asset asset = asset_of("A", quotes, 1), benchmark = asset_of("^I", index, 4);
    struct activity activities[] = {deposit(10, 100), trade(ACTIVITY_BUY, 10, 2, 40)};
    struct portfolio portfolio = {&asset, 1, &benchmark, activities, 2};
    struct valuation valuation;
    struct complaint complaint;
    static const double totals[] = {100, 100, 120, 120};
    assert_int_equal(value(&portfolio, &valuation, &complaint), 0);
    assert_int_equal(valuation.count, 4);
    for (size_t i = 0; i < 4; i++)
        near(valuation.days[i].total, totals[i]);
    valuation_done(&valuation);
}

TEST(a_quote_of_an_earlier_day_counts_today_and_did_yesterday)
{
    const struct quote quotes[] = {quote_of(10, 50), quote_of(12, 60)};
    const struct asset asset = asset_of("A", quotes, 2);
    const struct position position = {.last_price = 45};
    static const struct {
        day when;
        double price, previous;
    } rows[] = {{9, 45, 45}, {10, 50, 50}, {11, 50, 50}, {12, 60, 50}, {13, 60, 60}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        double previous = 0;
        near(valuation_price(&asset, &position, rows[i].when, &previous), rows[i].price);
        near(previous, rows[i].previous);
    }
}

TEST(an_activity_on_a_sunday_counts_on_monday)
{
    const struct quote quotes[] = {quote_of(10, 50), quote_of(13, 50)};
    struct asset asset = asset_of("A", quotes, 2);
    struct activity activities[] = {deposit(10, 100), deposit(12, 60)};
    struct portfolio portfolio = {&asset, 1, NULL, activities, 2};
    struct valuation valuation;
    struct complaint complaint;
    assert_int_equal(value(&portfolio, &valuation, &complaint), 0);
    assert_int_equal(valuation.count, 2);
    near(valuation.days[1].inflow, 60);
    near(valuation.days[1].wealth, 1);
    valuation_done(&valuation);
}

TEST(activities_after_the_last_price_have_days_of_their_own)
{
    const struct quote quotes[] = {quote_of(10, 50)};
    struct asset asset = asset_of("A", quotes, 1);
    struct activity activities[] = {deposit(10, 100), deposit(30, 60)};
    struct portfolio portfolio = {&asset, 1, NULL, activities, 2};
    struct valuation valuation;
    struct complaint complaint;
    assert_int_equal(value(&portfolio, &valuation, &complaint), 0);
    assert_int_equal(valuation.as_of, 30);
    near(valuation.days[valuation.count - 1].total, 160);
    assert_true(isnan(valuation.days[0].benchmark));
    valuation_done(&valuation);
}

TEST(figures_know_activities_up_to_the_last_price)
{
    const struct quote quotes[] = {quote_of(10, 50), quote_of(11, 50)};
    struct asset asset = asset_of("A", quotes, 2);
    struct activity activities[] = {deposit(10, 100), deposit(11, 60), deposit(12, 5)};
    struct portfolio portfolio = {&asset, 1, NULL, activities, 3};
    assert_int_equal(valuation_known(&portfolio), 2);
    portfolio.activities += 2;
    portfolio.activity_count = 1;
    assert_int_equal(valuation_known(&portfolio), 0);
    portfolio.asset_count = 0; /* nothing has a price: the activities are what there is */
    assert_int_equal(valuation_known(&portfolio), 1);
}

TEST(investing_in_the_index_equals_the_index)
{
    const struct quote index[] = {quote_of(10, 100), quote_of(11, 110), quote_of(12, 99),
                                  quote_of(13, 130)};
    struct asset assets[] = {asset_of("^I", index, 4)};
    struct activity activities[] = {
        deposit(10, 1000),
        trade(ACTIVITY_BUY, 10, 10, 100),
        deposit(12, 550), /* at yesterday's close: it works all day */
        trade(ACTIVITY_BUY, 12, 5, 110),
    };
    struct portfolio portfolio = {assets, 1, &assets[0], activities, 4};
    struct valuation valuation;
    struct complaint complaint;
    assert_int_equal(value(&portfolio, &valuation, &complaint), 0);
    for (size_t i = 0; i < 4; i++)
        near(valuation.days[i].wealth, index[i].close / 100);
    valuation_done(&valuation);
}

TEST(selling_what_is_not_held_is_told_with_numbers)
{
    const struct quote quotes[] = {quote_of(0, 50)};
    struct asset asset = asset_of("IBM", quotes, 1);
    struct activity activities[] = {deposit(0, 100), trade(ACTIVITY_BUY, 0, 2, 50),
                                    trade(ACTIVITY_SELL, 0, 3, 50)};
    struct portfolio portfolio = {&asset, 1, NULL, activities, 3};
    struct valuation valuation;
    struct complaint complaint = {0};
    activities[2].id = 77;
    assert_int_equal(value(&portfolio, &valuation, &complaint), VALUATION_EWRONG);
    assert_int_equal(complaint.activity, 77);
    assert_string_equal(complaint.text, "3 IBM are sold on 1970-01-01, but only 2 are held then: a "
                                        "BUY is missing or its date is later");
}

TEST(a_negative_value_is_told_with_its_day)
{
    const struct quote quotes[] = {quote_of(0, 50), quote_of(1, 40)};
    struct asset asset = asset_of("IBM", quotes, 2);
    struct activity activities[] = {trade(ACTIVITY_BUY, 0, 2, 50)};
    struct portfolio portfolio = {&asset, 1, NULL, activities, 1};
    struct valuation valuation;
    struct complaint complaint = {0};
    assert_int_equal(value(&portfolio, &valuation, &complaint), VALUATION_EWRONG);
    assert_non_null(strstr(complaint.text, "worth -20.00 on 1970-01-02"));
}

TEST(the_view_of_an_asset_with_one_quote_has_no_change)
{
    const struct quote quotes[] = {quote_of(10, 50)};
    struct asset asset = asset_of("A", quotes, 1);
    struct asset_view view;
    assert_false(asset_look(&asset, 9, &view));
    assert_true(asset_look(&asset, 10, &view));
    assert_true(isnan(view.change) && isnan(view.change_ratio));
    near(view.high_year, 50);
    assert_int_equal(view.trend_50d, TREND_UNKNOWN);
    assert_string_equal(view.condition, "ALL_TIME_HIGH");
}

TEST(conditions_turn_at_twenty_percent_and_at_four_places)
{
    struct asset_view view;
    struct quote quotes[] = {quote_of(10, 100000), quote_of(11, 100000)};
    struct asset asset = asset_of("A", quotes, 2);
    static const struct {
        double close;
        const char *condition;
    } rows[] = {{99995.1, "ALL_TIME_HIGH"},
                {99994, "NEUTRAL_MARKET"},
                {80006, "NEUTRAL_MARKET"},
                {80004, "BEAR_MARKET"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        quotes[1].close = rows[i].close;
        assert_true(asset_look(&asset, 11, &view));
        assert_string_equal(view.condition, rows[i].condition);
    }
}

TEST(a_benchmark_that_begins_later_is_joined_where_both_are)
{
    static const day days[] = {1, 2, 3, 4}, later[] = {3, 4, 5};
    static const double values[] = {1, 2, 3, 4}, index[] = {10, 11, 12};
    struct series series = {days, values, 4, 1}, benchmark = {later, index, 3, 10};
    struct performance got;
    assert_true(performance_measure(&series, &benchmark, DAY_NONE, &got));
    near(got.total.value, 3);
    assert_int_equal(got.observations, 3);
    assert_string_equal(got.beta.reason, FIGURE_TOO_FEW);
}

TEST(figures_of_nothing_lack_all)
{
    struct series nothing = {0};
    struct performance got;
    assert_true(performance_measure(&nothing, NULL, DAY_NONE, &got));
    assert_string_equal(got.total.reason, FIGURE_TOO_FEW);
    assert_int_equal(got.start, DAY_NONE);
}

TEST(one_day_has_a_return_of_its_own_but_no_risk)
{
    static const day days[] = {5};
    static const double wealth[] = {0.99};
    struct series series = {days, wealth, 1, 1};
    struct performance got;
    assert_true(performance_measure(&series, NULL, DAY_NONE, &got));
    near(got.total.value, -0.01);
    near(got.max_drawdown.value, -0.01);
    assert_int_equal(got.drawdown_trough, 5);
    assert_string_equal(got.volatility.reason, FIGURE_TOO_FEW);
}
