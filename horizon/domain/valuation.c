/* valuation.c - see valuation.h. Tests: test_valuation.c, test_golden.c. */
#include "domain/valuation.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Money that two orders of adding may differ by. */
#define ROUNDING 0.005

/* ---- calendar -------------------------------------------------------------------------------- */

static int compare_days(const void *left, const void *right)
{
    day a = *(const day *)left, b = *(const day *)right;
    return (a > b) - (a < b);
}

static size_t add_quote_days(const struct asset *asset, day first, day *days, size_t count)
{
    for (size_t i = 0; i < asset->quote_count; i++)
        if (asset->quotes[i].when >= first)
            days[count++] = asset->quotes[i].when;
    return count;
}

static day last_quote(const struct portfolio *portfolio)
{
    day last = DAY_NONE;
    for (size_t i = 0; i <= portfolio->asset_count; i++) {
        const struct asset *asset =
            i < portfolio->asset_count ? &portfolio->assets[i] : portfolio->benchmark;
        if (asset && asset->quote_count > 0 && asset->quotes[asset->quote_count - 1].when > last)
            last = asset->quotes[asset->quote_count - 1].when;
    }
    return last;
}

size_t valuation_known(const struct portfolio *portfolio)
{
    day last = last_quote(portfolio);
    size_t known = portfolio->activity_count;
    while (last != DAY_NONE && known > 0 && portfolio->activities[known - 1].when > last)
        known--;
    return known;
}

/* The valuation's days, ascending, each once. NULL: no memory. */
static day *make_calendar(const struct portfolio *portfolio, size_t *ret_count)
{
    size_t capacity = portfolio->activity_count + 1, count = 0;
    day first = portfolio->activities[0].when, last = last_quote(portfolio);
    for (size_t i = 0; i < portfolio->asset_count; i++)
        capacity += portfolio->assets[i].quote_count;
    if (portfolio->benchmark)
        capacity += portfolio->benchmark->quote_count;
    day *days = calloc(capacity, sizeof(*days));
    if (!days)
        return NULL;
    for (size_t i = 0; i < portfolio->asset_count; i++)
        count = add_quote_days(&portfolio->assets[i], first, days, count);
    if (portfolio->benchmark)
        count = add_quote_days(portfolio->benchmark, first, days, count);
    for (size_t i = 0; i < portfolio->activity_count; i++)
        if (portfolio->activities[i].when > last)
            days[count++] = portfolio->activities[i].when;
    qsort(days, count, sizeof(*days), compare_days);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || days[i] != days[kept - 1])
            days[kept++] = days[i];
    *ret_count = kept;
    return days;
}

/* ---- one day --------------------------------------------------------------------------------- */

static int complain(const struct portfolio *portfolio, const struct activity *activity,
                    const struct book *book, int status, struct complaint *ret_complaint)
{
    char when[DAY_TEXT_BYTES];
    const char *symbol = portfolio->assets[activity->asset].symbol;
    ret_complaint->activity = activity->id;
    if (status == BOOK_EOVERSOLD)
        snprintf(ret_complaint->text, sizeof(ret_complaint->text),
                 "%.8g %s are sold on %s, but only %.8g are held then: a BUY is missing or its "
                 "date is later",
                 SHARES(activity->quantity), symbol, day_format(activity->when, when),
                 SHARES(book->positions[activity->asset].quantity));
    else
        snprintf(ret_complaint->text, sizeof(ret_complaint->text),
                 "more %s on %s than can be counted", symbol, day_format(activity->when, when));
    return VALUATION_EWRONG;
}

/* Applies the activities up to `today`; *next is the first that is left. */
static int apply_day(struct book *book, const struct portfolio *portfolio,
                     struct valuation_day *today, size_t *next, struct complaint *ret_complaint)
{
    for (; *next < portfolio->activity_count; ++*next) {
        const struct activity *activity = &portfolio->activities[*next];
        if (activity->when > today->when)
            break;
        int status = book_apply(book, activity);
        if (status == BOOK_ENOMEM)
            return VALUATION_ENOMEM;
        if (status != BOOK_OK)
            return complain(portfolio, activity, book, status, ret_complaint);
        if (activity->kind == ACTIVITY_DEPOSIT)
            today->inflow += activity->amount;
        if (activity->kind == ACTIVITY_WITHDRAWAL)
            today->outflow += activity->amount;
    }
    return 0;
}

double valuation_price(const struct asset *asset, const struct position *position, day when,
                       double *ret_previous)
{
    size_t idx;
    if (!asset_quote_at(asset, when, &idx)) {
        *ret_previous = position->last_price;
        return position->last_price;
    }
    bool is_of_day = asset->quotes[idx].when == when;
    *ret_previous = asset->quotes[is_of_day && idx > 0 ? idx - 1 : idx].close;
    return asset->quotes[idx].close;
}

static void value_day(const struct book *book, const struct portfolio *portfolio,
                      struct valuation_day *today)
{
    double previous;
    size_t idx;
    for (size_t i = 0; i < portfolio->asset_count; i++) {
        const struct position *position = &book->positions[i];
        if (position->quantity > 0)
            today->market_value +=
                SHARES(position->quantity) *
                valuation_price(&portfolio->assets[i], position, today->when, &previous);
    }
    today->cash = book->cash;
    today->cost = book_cost(book);
    today->contributions = book->contributions;
    today->total = today->cash + today->market_value;
    today->benchmark = NAN;
    if (portfolio->benchmark && asset_quote_at(portfolio->benchmark, today->when, &idx))
        today->benchmark = portfolio->benchmark->quotes[idx].close;
}

static int check_day(const struct valuation_day *today, struct complaint *ret_complaint)
{
    char when[DAY_TEXT_BYTES];
    if (today->total >= -ROUNDING)
        return 0;
    ret_complaint->activity = 0;
    snprintf(
        ret_complaint->text, sizeof(ret_complaint->text),
        "the portfolio is worth %.2f on %s: a DEPOSIT before a BUY is missing, or an amount is "
        "wrong",
        today->total, day_format(today->when, when));
    return VALUATION_EWRONG;
}

/* ---- all days -------------------------------------------------------------------------------- */

static int walk(struct valuation *valuation, const struct portfolio *portfolio,
                struct complaint *ret_complaint)
{
    double before = 0, wealth = 1;
    size_t next = 0;
    for (size_t i = 0; i < valuation->count; i++) {
        struct valuation_day *today = &valuation->days[i];
        int status = apply_day(&valuation->book, portfolio, today, &next, ret_complaint);
        if (status != 0)
            return status;
        value_day(&valuation->book, portfolio, today);
        status = check_day(today, ret_complaint);
        if (status != 0)
            return status;
        struct figure change =
            figure_day_return(before, today->inflow, today->total, today->outflow);
        wealth *= change.reason ? 1 : 1 + change.value;
        today->wealth = wealth;
        before = today->total;
    }
    return 0;
}

int valuation_init(struct valuation *valuation, const struct portfolio *portfolio,
                   struct complaint *ret_complaint)
{
    size_t count = 0;
    *valuation = (struct valuation){.as_of = last_quote(portfolio)};
    if (book_init(&valuation->book, COST_FIFO, portfolio->asset_count, portfolio->activity_count) !=
        BOOK_OK)
        return VALUATION_ENOMEM;
    if (portfolio->activity_count == 0)
        return 0;
    day *calendar = make_calendar(portfolio, &count);
    valuation->days = calendar ? calloc(count + 1, sizeof(*valuation->days)) : NULL;
    valuation->count = count;
    for (size_t i = 0; valuation->days && i < count; i++)
        valuation->days[i].when = calendar[i];
    free(calendar);
    int status = valuation->days ? walk(valuation, portfolio, ret_complaint) : VALUATION_ENOMEM;
    if (status != 0) {
        valuation_done(valuation);
        return status;
    }
    valuation->as_of = valuation->days[count - 1].when;
    return 0;
}

void valuation_done(struct valuation *valuation)
{
    book_done(&valuation->book);
    free(valuation->days);
    *valuation = (struct valuation){.as_of = DAY_NONE};
}
