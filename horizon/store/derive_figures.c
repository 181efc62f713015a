/* derive_figures.c - figures, charts and checks; see derive.h.
 * Test: tests/system/test_horizon_data.py. */
#include "store/derive.h"

#include <math.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#define CONCENTRATION_MAX 0.5  /* of one position in the portfolio's value */
#define FEE_RATIO_MAX     0.01 /* of contributions */
#define RESERVE_MIN       0.01 /* cash in the portfolio's value */

static int out_of_memory(struct store_problem *problem)
{
    return store_fail(problem, STORE_ENOMEM, "out of memory");
}

/* ---- reasons --------------------------------------------------------------------------------- */

void derive_reason(struct derive_reasons *reasons, const char *figure, const char *reason)
{
    size_t room = sizeof(reasons->text) - reasons->length;
    if (!reason || room < strlen(figure) + strlen(reason) + sizeof("{\"\":\"\"}"))
        return;
    reasons->length += (size_t)snprintf(reasons->text + reasons->length, room, "%c\"%s\":\"%s\"",
                                        reasons->length ? ',' : '{', figure, reason);
}

const char *derive_reasons_end(struct derive_reasons *reasons)
{
    memcpy(reasons->text + reasons->length, reasons->length ? "}" : "{}", reasons->length ? 2 : 3);
    return reasons->text;
}

const char *derive_emptiness(const struct derive *derive)
{
    return derive->loaded->entered.activity_count > 0 ? FIGURE_NO_PRICE_YET : FIGURE_NO_ACTIVITY;
}

/* ---- figures --------------------------------------------------------------------------------- */

struct named_figure {
    const char *name;
    struct figure figure;
};

#define FIGURES 11

static void name_figures(const struct performance *measured, struct figure xirr,
                         struct named_figure named[FIGURES])
{
    struct named_figure all[FIGURES] = {
        {"total", measured->total},
        {"annualised", measured->annualised},
        {"xirr", xirr},
        {"volatility", measured->volatility},
        {"downside", measured->downside},
        {"sharpe", measured->sharpe},
        {"max_drawdown", measured->max_drawdown},
        {"beta", measured->beta},
        {"correlation", measured->correlation},
        {"alpha", measured->alpha},
        {"alpha_compounded", measured->alpha_compounded},
    };
    memcpy(named, all, sizeof(all));
}

static void copy_figures(struct store_copy *copy, const struct derive *derive, enum range range,
                         const char *subject, const struct performance *measured,
                         struct figure xirr)
{
    struct named_figure named[FIGURES];
    struct derive_reasons reasons = {0};
    const char *emptiness = *subject ? FIGURE_NO_PRICE : derive_emptiness(derive);
    name_figures(measured, xirr, named);
    for (size_t i = 0; measured->end == DAY_NONE && i < FIGURES; i++)
        named[i].figure = figure_none(emptiness);
    store_copy_text(copy, derive->user_id);
    store_copy_text(copy, range_name(range));
    store_copy_text(copy, subject);
    store_copy_day(copy, measured->start);
    store_copy_day(copy, measured->end);
    store_copy_integer(copy, (int64_t)measured->observations);
    for (size_t i = 0; i < FIGURES; i++) {
        store_copy_double(copy, named[i].figure.value);
        derive_reason(&reasons, named[i].name, named[i].figure.reason);
    }
    store_copy_day(copy, measured->drawdown_peak);
    store_copy_day(copy, measured->drawdown_trough);
    store_copy_text(copy, derive_reasons_end(&reasons));
    store_copy_row(copy);
}

static int figures_of_portfolio(struct store_copy *copy, const struct derive *derive,
                                enum range range, day start)
{
    struct performance measured;
    struct figure xirr;
    if (!performance_measure(&derive->wealth, &derive->benchmark, start, &measured) ||
        !performance_xirr(derive->valuation, &derive->loaded->portfolio, start, &xirr))
        return STORE_ENOMEM;
    copy_figures(copy, derive, range, "", &measured, xirr);
    return STORE_OK;
}

static int figures_of_asset(struct store_copy *copy, const struct derive *derive, enum range range,
                            day start, const struct asset *asset)
{
    struct performance measured;
    day *days = calloc(asset->quote_count + 1, sizeof(*days));
    double *closes = calloc(asset->quote_count + 1, sizeof(*closes));
    bool is_done = days && closes;
    for (size_t i = 0; is_done && i < asset->quote_count; i++) {
        days[i] = asset->quotes[i].when;
        closes[i] = asset->quotes[i].close;
    }
    if (is_done) {
        struct series series = {days, closes, asset->quote_count, closes[0]};
        bool is_benchmark = asset == derive->loaded->portfolio.benchmark;
        is_done = performance_measure(&series, is_benchmark ? NULL : &derive->benchmark, start,
                                      &measured);
    }
    if (is_done)
        copy_figures(copy, derive, range, asset->symbol, &measured,
                     (struct figure){NAN, NULL}); /* money-weighted: of portfolios only */
    free(days);
    free(closes);
    return is_done ? STORE_OK : STORE_ENOMEM;
}

int derive_figures(const struct derive *derive, struct store_problem *problem)
{
    struct store_copy copy;
    int status = STORE_OK;
    store_copy_begin(&copy, derive->conn,
                     "COPY figures (user_id, range, subject, start_day, end_day, observations,"
                     " total, annualised, xirr, volatility, downside, sharpe, max_drawdown, beta,"
                     " correlation, alpha, alpha_compounded, drawdown_peak, drawdown_trough,"
                     " reasons) FROM STDIN");
    for (int range = 0; status == STORE_OK && range < RANGES; range++) {
        day start = derive->as_of == DAY_NONE ? DAY_NONE : range_start(range, derive->as_of);
        status = figures_of_portfolio(&copy, derive, range, start);
        for (size_t i = 0; status == STORE_OK && i < derive->loaded->portfolio.asset_count; i++)
            status = figures_of_asset(&copy, derive, range, start, &derive->loaded->assets[i]);
    }
    if (status == STORE_OK)
        return store_copy_end(&copy, problem);
    copy.status = status;
    (void)!store_copy_end(&copy, NULL);
    return out_of_memory(problem);
}

/* ---- charts ---------------------------------------------------------------------------------- */

/* A number, or null. */
static void add_number(struct store_buffer *buffer, size_t i, double value, int decimals)
{
    if (isfinite(value))
        store_buffer_add(buffer, "%s%.*f", i ? "," : "", decimals, value);
    else
        store_buffer_add(buffer, "%snull", i ? "," : "");
}

/* The benchmark's value from which a chart counts that begins with day `from`: its first one. */
static double benchmark_base(const struct valuation *valuation, size_t from)
{
    for (size_t i = from; i < valuation->count; i++)
        if (isfinite(valuation->days[i].benchmark))
            return valuation->days[i].benchmark;
    return NAN;
}

/* The days from `from` on; `base` is the wealth from which returns count. */
static void add_series(struct store_buffer *text, const struct valuation *valuation, size_t from,
                       double base)
{
    const struct valuation_day *days = valuation->days + from;
    size_t count = valuation->count - from;
    double index_base = benchmark_base(valuation, from);
    char when[DAY_TEXT_BYTES];
    store_buffer_add(text, "{\"dates\":[");
    for (size_t i = 0; i < count; i++)
        store_buffer_add(text, "%s\"%s\"", i ? "," : "", day_format(days[i].when, when));
    store_buffer_add(text, "],\"value\":[");
    for (size_t i = 0; i < count; i++)
        add_number(text, i, days[i].total, 2);
    store_buffer_add(text, "],\"portfolio\":[");
    for (size_t i = 0; i < count; i++)
        add_number(text, i, days[i].wealth / base - 1, 8);
    store_buffer_add(text, "],\"benchmark_series\":[");
    for (size_t i = 0; i < count; i++)
        add_number(text, i, days[i].benchmark / index_base - 1, 8);
    store_buffer_add(text, "]}");
}

static void copy_chart(struct store_copy *copy, const struct derive *derive, enum range range)
{
    const struct valuation *valuation = derive->valuation;
    const struct series *wealth = &derive->wealth;
    struct store_buffer text = {0};
    size_t count = valuation->count, from = 0;
    double base = wealth->before;
    day start = count ? range_start(range, derive->as_of) : DAY_NONE;
    if (start != DAY_NONE && start >= wealth->days[0]) {
        from = range_base(wealth->days, count, start);
        base = wealth->values[from];
    }
    add_series(&text, valuation, from, base);
    copy->row.is_failed |= text.is_failed;
    store_copy_text(copy, derive->user_id);
    store_copy_text(copy, range_name(range));
    store_copy_day(copy, count ? valuation->days[from].when : DAY_NONE);
    store_copy_day(copy, count ? valuation->days[count - 1].when : DAY_NONE);
    store_copy_integer(copy, (int64_t)(count - from));
    store_copy_text(copy, text.is_failed ? NULL : text.text);
    store_copy_row(copy);
    store_buffer_done(&text);
}

int derive_charts(const struct derive *derive, struct store_problem *problem)
{
    struct store_copy copy;
    store_copy_begin(&copy, derive->conn,
                     "COPY charts (user_id, range, start_day, end_day, points, series) FROM STDIN");
    for (int range = 0; range < RANGES; range++)
        copy_chart(&copy, derive, range);
    return store_copy_end(&copy, problem);
}

/* ---- checks ---------------------------------------------------------------------------------- */

static double largest_weight(const struct derive *derive, double total)
{
    double largest = 0, previous;
    for (size_t i = 0; i < derive->valuation->book.position_count; i++) {
        const struct position *position = &derive->valuation->book.positions[i];
        double price =
            valuation_price(&derive->loaded->assets[i], position, derive->as_of, &previous);
        largest = fmax(largest, SHARES(position->quantity) * price);
    }
    return total > 0 ? largest / total : NAN;
}

static void copy_check(struct store_copy *copy, const struct derive *derive, const char *key,
                       const char *name, double value, double threshold, bool is_maximum)
{
    bool is_fulfilled = is_maximum ? value <= threshold : value >= threshold;
    store_copy_text(copy, derive->user_id);
    store_copy_text(copy, key);
    store_copy_text(copy, name);
    store_copy_double(copy, value);
    store_copy_double(copy, threshold);
    store_copy_text(copy, !isfinite(value) ? NULL : is_fulfilled ? "t" : "f");
    store_copy_row(copy);
}

int derive_checks(const struct derive *derive, struct store_problem *problem)
{
    const struct valuation *valuation = derive->valuation;
    const struct book *book = &valuation->book;
    struct store_copy copy;
    if (valuation->count == 0)
        return STORE_OK;
    const struct valuation_day *last = &valuation->days[valuation->count - 1];
    double total = last->total > 0 ? last->total : NAN;
    store_copy_begin(&copy, derive->conn,
                     "COPY checks (user_id, key, name, value, threshold, is_fulfilled)"
                     " FROM STDIN");
    copy_check(&copy, derive, "CONCENTRATION_SINGLE_ASSET", "Largest position",
               largest_weight(derive, last->total), CONCENTRATION_MAX, true);
    copy_check(&copy, derive, "FEE_RATIO", "Fees / contributions",
               last->contributions > 0 ? book->fees / last->contributions : NAN, FEE_RATIO_MAX,
               true);
    copy_check(&copy, derive, "CASH_RESERVE", "Cash / total value", last->cash / total, RESERVE_MIN,
               false);
    return store_copy_end(&copy, problem);
}
