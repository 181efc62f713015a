/* asset.c - see asset.h. Trends and conditions as Ghostfolio defines them. Test: test_golden.c. */
#include "domain/asset.h"

#include <math.h>

#define BEAR_DRAWDOWN 0.2

bool asset_quote_at(const struct asset *asset, day when, size_t *ret_idx)
{
    size_t low = 0, high = asset->quote_count; /* quotes[low-1] <= when < quotes[high] */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (asset->quotes[middle].when <= when)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return false;
    *ret_idx = low - 1;
    return true;
}

static double mean_close(const struct quote *quotes, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += quotes[i].close;
    return sum / (double)count;
}

/* The mean of the last `days` closes against the mean of those before them. */
static enum asset_trend trend_of(const struct quote *quotes, size_t count, size_t days)
{
    if (count < 2 * days)
        return TREND_UNKNOWN;
    double now = mean_close(quotes + count - days, days);
    double before = mean_close(quotes + count - 2 * days, days);
    return now > before ? TREND_UP : now < before ? TREND_DOWN : TREND_NEUTRAL;
}

static void look_at_year(const struct quote *quotes, size_t count, struct asset_view *view)
{
    day begin = day_add_months(view->last->when, -12);
    view->high_year = -INFINITY;
    view->low_year = INFINITY;
    for (size_t i = count; i > 0 && quotes[i - 1].when > begin; i--) {
        const struct quote *quote = &quotes[i - 1];
        double high = isnan(quote->high) ? quote->close : quote->high;
        double low = isnan(quote->low) ? quote->close : quote->low;
        view->high_year = fmax(view->high_year, high);
        view->low_year = fmin(view->low_year, low);
    }
}

static void look_at_high(const struct quote *quotes, size_t count, struct asset_view *view)
{
    view->high = quotes;
    for (size_t i = 1; i < count; i++)
        if (quotes[i].close > view->high->close)
            view->high = &quotes[i];
    view->drawdown_ratio = view->last->close / view->high->close - 1;
    double rounded = round(view->drawdown_ratio * 1e4) / 1e4;
    view->condition = rounded >= 0                ? "ALL_TIME_HIGH"
                      : rounded <= -BEAR_DRAWDOWN ? "BEAR_MARKET"
                                                  : "NEUTRAL_MARKET";
}

bool asset_look(const struct asset *asset, day when, struct asset_view *ret_view)
{
    size_t last;
    if (!asset_quote_at(asset, when, &last))
        return false;
    size_t count = last + 1;
    const struct quote *quotes = asset->quotes;
    struct asset_view view = {.last = &quotes[last]};
    view.previous_close = last > 0 ? quotes[last - 1].close : NAN;
    view.change = view.last->close - view.previous_close;
    view.change_ratio = view.change / view.previous_close;
    look_at_year(quotes, count, &view);
    look_at_high(quotes, count, &view);
    view.trend_50d = trend_of(quotes, count, 50);
    view.trend_200d = trend_of(quotes, count, 200);
    view.spark_count = count < ASSET_SPARKS ? count : ASSET_SPARKS;
    view.sparks = quotes + count - view.spark_count;
    *ret_view = view;
    return true;
}

const char *asset_trend_name(enum asset_trend trend)
{
    switch (trend) {
    case TREND_UP:
        return "UP";
    case TREND_DOWN:
        return "DOWN";
    case TREND_NEUTRAL:
        return "NEUTRAL";
    case TREND_UNKNOWN:
        break;
    }
    return "UNKNOWN";
}
