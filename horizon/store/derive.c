/* derive.c - snapshot, valuations, positions and views; see derive.h.
 * Test: tests/system/test_horizon_data.py. */
#include "store/derive.h"

#include <math.h>
#include <string.h>

#define MONEY    2
#define PRICE    6
#define QUANTITY 8

/* What the positions are worth together, and what they were a day before. */
struct worth {
    double now, before;
};

static struct worth worth_of(const struct derive *derive)
{
    struct worth worth = {0, 0};
    for (size_t i = 0; i < derive->valuation->book.position_count; i++) {
        const struct position *position = &derive->valuation->book.positions[i];
        double previous, shares = SHARES(position->quantity);
        if (position->quantity == 0)
            continue;
        worth.now += shares * valuation_price(&derive->loaded->assets[i], position, derive->as_of,
                                              &previous);
        worth.before += shares * previous;
    }
    return worth;
}

static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : NAN;
}

/* ---- snapshot -------------------------------------------------------------------------------- */

static void copy_money(struct store_copy *copy, double value)
{
    store_copy_decimal(copy, value, MONEY);
}

/* The columns from total_value to cash_weight; without activities all of them lack. */
static void copy_totals(struct store_copy *copy, const struct derive *derive)
{
    const struct valuation *valuation = derive->valuation;
    if (valuation->count == 0) {
        for (int i = 0; i < 14; i++)
            store_copy_text(copy, NULL);
        return;
    }
    const struct valuation_day *last = &valuation->days[valuation->count - 1];
    const struct book *book = &valuation->book;
    struct worth worth = worth_of(derive);
    copy_money(copy, last->total);
    copy_money(copy, last->cash);
    copy_money(copy, last->market_value);
    copy_money(copy, last->contributions);
    copy_money(copy, last->total - last->contributions);
    copy_money(copy, last->cost);
    copy_money(copy, last->market_value - last->cost);
    copy_money(copy, book->realised);
    copy_money(copy, book->dividends);
    copy_money(copy, book->interest);
    copy_money(copy, book->fees);
    copy_money(copy, worth.now - worth.before);
    store_copy_double(copy, ratio(worth.now - worth.before, worth.before));
    store_copy_double(copy, ratio(last->cash, last->total));
}

static void copy_returns(struct store_copy *copy, const struct performance *all,
                         const struct figure *xirr)
{
    store_copy_double(copy, all->total.value);
    store_copy_double(copy, all->annualised.value);
    store_copy_double(copy, xirr->value);
}

static void copy_reasons(struct store_copy *copy, const struct derive *derive,
                         const struct performance *all, const struct figure *xirr)
{
    struct derive_reasons reasons = {0};
    if (derive->valuation->count == 0) {
        derive_reason(&reasons, "total_value", derive_emptiness(derive));
        derive_reason(&reasons, "twr", derive_emptiness(derive));
        derive_reason(&reasons, "xirr", derive_emptiness(derive));
    } else {
        derive_reason(&reasons, "twr", all->total.reason);
        derive_reason(&reasons, "twr_annualised", all->annualised.reason);
        derive_reason(&reasons, "xirr", xirr->reason);
    }
    store_copy_text(copy, derive_reasons_end(&reasons));
}

int derive_snapshot(const struct derive *derive, int64_t version, struct store_problem *problem)
{
    const struct portfolio *portfolio = &derive->loaded->portfolio;
    const struct portfolio *entered = &derive->loaded->entered;
    struct performance all;
    struct figure xirr;
    struct store_copy copy;
    if (!performance_measure(&derive->wealth, NULL, DAY_NONE, &all) ||
        !performance_xirr(derive->valuation, portfolio, DAY_NONE, &xirr))
        return store_fail(problem, STORE_ENOMEM, "out of memory");
    store_copy_begin(&copy, derive->conn,
                     "COPY snapshots (user_id, data_version, as_of, base_currency, benchmark,"
                     " total_value, cash, market_value, net_contributions, total_gain, cost_basis,"
                     " unrealised_pl, realised_pl, dividends, interest, fees, day_change,"
                     " day_change_ratio, cash_weight, twr, twr_annualised, xirr, first_activity,"
                     " activity_count, reasons) FROM STDIN");
    store_copy_text(&copy, derive->user_id);
    store_copy_integer(&copy, version);
    store_copy_day(&copy, derive->as_of);
    store_copy_text(&copy, derive->loaded->base_currency);
    store_copy_text(&copy, derive->loaded->benchmark);
    copy_totals(&copy, derive);
    copy_returns(&copy, &all, &xirr);
    store_copy_day(&copy, entered->activity_count ? entered->activities[0].when : DAY_NONE);
    store_copy_integer(&copy, (int64_t)entered->activity_count);
    copy_reasons(&copy, derive, &all, &xirr);
    store_copy_row(&copy);
    return store_copy_end(&copy, problem);
}

/* ---- valuations ------------------------------------------------------------------------------ */

int derive_valuations(const struct derive *derive, struct store_problem *problem)
{
    struct store_copy copy;
    store_copy_begin(&copy, derive->conn,
                     "COPY valuations (user_id, day, total_value, cash, market_value, cost_basis,"
                     " net_contributions, inflow, outflow, wealth, benchmark) FROM STDIN");
    for (size_t i = 0; i < derive->valuation->count; i++) {
        const struct valuation_day *today = &derive->valuation->days[i];
        store_copy_text(&copy, derive->user_id);
        store_copy_day(&copy, today->when);
        copy_money(&copy, today->total);
        copy_money(&copy, today->cash);
        copy_money(&copy, today->market_value);
        copy_money(&copy, today->cost);
        copy_money(&copy, today->contributions);
        copy_money(&copy, today->inflow);
        copy_money(&copy, today->outflow);
        store_copy_double(&copy, today->wealth);
        store_copy_decimal(&copy, today->benchmark, PRICE);
        store_copy_row(&copy);
    }
    return store_copy_end(&copy, problem);
}

/* ---- positions ------------------------------------------------------------------------------- */

static bool was_held(const struct derive *derive, size_t asset)
{
    const struct portfolio *portfolio = &derive->loaded->portfolio;
    for (size_t i = 0; i < portfolio->activity_count; i++)
        if (portfolio->activities[i].asset == asset)
            return true;
    return false;
}

static void copy_position(struct store_copy *copy, const struct derive *derive, size_t asset)
{
    const struct valuation *valuation = derive->valuation;
    const struct position *position = &valuation->book.positions[asset];
    double previous, shares = SHARES(position->quantity);
    double price =
        valuation_price(&derive->loaded->assets[asset], position, derive->as_of, &previous);
    double value = shares * price;
    store_copy_text(copy, derive->user_id);
    store_copy_integer(copy, derive->loaded->asset_ids[asset]);
    store_copy_decimal(copy, shares, QUANTITY);
    store_copy_decimal(copy, price > 0 ? price : NAN, PRICE);
    copy_money(copy, value);
    store_copy_double(copy, ratio(value, valuation->days[valuation->count - 1].total));
    store_copy_decimal(copy, ratio(position->cost, shares), PRICE);
    copy_money(copy, position->cost);
    copy_money(copy, value - position->cost);
    store_copy_double(copy, ratio(value - position->cost, position->cost));
    copy_money(copy, position->realised);
    copy_money(copy, position->dividends);
    copy_money(copy, shares * (price - previous));
    store_copy_double(copy, ratio(price - previous, previous));
    store_copy_row(copy);
}

int derive_positions(const struct derive *derive, struct store_problem *problem)
{
    struct store_copy copy;
    store_copy_begin(&copy, derive->conn,
                     "COPY positions (user_id, asset_id, quantity, price, market_value, weight,"
                     " average_cost, cost_basis, unrealised_pl, unrealised_pl_ratio, realised_pl,"
                     " dividends, day_change, day_change_ratio) FROM STDIN");
    for (size_t i = 0; i < derive->loaded->portfolio.asset_count; i++)
        if (was_held(derive, i))
            copy_position(&copy, derive, i);
    return store_copy_end(&copy, problem);
}

/* ---- views ----------------------------------------------------------------------------------- */

static void copy_sparkline(struct store_copy *copy, const struct asset_view *view)
{
    struct store_buffer sparks = {0};
    for (size_t i = 0; i < view->spark_count; i++)
        store_buffer_add(&sparks, "%s%.6g", i ? "," : "[", view->sparks[i].close);
    store_buffer_add(&sparks, "]");
    copy->row.is_failed |= sparks.is_failed;
    store_copy_text(copy, sparks.is_failed ? NULL : sparks.text);
    store_buffer_done(&sparks);
}

static void copy_view(struct store_copy *copy, const struct derive *derive, size_t asset,
                      const struct asset_view *view)
{
    const struct quote *last = view->last;
    store_copy_text(copy, derive->user_id);
    store_copy_integer(copy, derive->loaded->asset_ids[asset]);
    store_copy_decimal(copy, last->close, PRICE);
    store_copy_decimal(copy, view->previous_close, PRICE);
    store_copy_decimal(copy, view->change, PRICE);
    store_copy_double(copy, view->change_ratio);
    store_copy_day(copy, last->when);
    store_copy_decimal(copy, last->open, PRICE);
    store_copy_decimal(copy, last->high, PRICE);
    store_copy_decimal(copy, last->low, PRICE);
    if (last->volume < 0)
        store_copy_text(copy, NULL);
    else
        store_copy_integer(copy, last->volume);
    store_copy_decimal(copy, view->high_year, PRICE);
    store_copy_decimal(copy, view->low_year, PRICE);
    store_copy_day(copy, view->high->when);
    store_copy_decimal(copy, view->high->close, PRICE);
    store_copy_double(copy, view->drawdown_ratio);
    store_copy_text(copy, view->condition);
    store_copy_text(copy, asset_trend_name(view->trend_50d));
    store_copy_text(copy, asset_trend_name(view->trend_200d));
    copy_sparkline(copy, view);
    store_copy_text(copy, last->when < derive->as_of ? "t" : "f");
    store_copy_row(copy);
}

int derive_views(const struct derive *derive, struct store_problem *problem)
{
    struct store_copy copy;
    struct asset_view view;
    store_copy_begin(&copy, derive->conn,
                     "COPY views (user_id, asset_id, price, previous_close, change, change_ratio,"
                     " price_date, open, high, low, volume, high_52w, low_52w, high_date,"
                     " high_price, high_drawdown, market_condition, trend_50d, trend_200d,"
                     " sparkline, is_stale) FROM STDIN");
    for (size_t i = 0; i < derive->loaded->portfolio.asset_count; i++)
        if (asset_look(&derive->loaded->assets[i], derive->as_of, &view))
            copy_view(&copy, derive, i, &view);
    return store_copy_end(&copy, problem);
}
