/* asset.h - assets, their prices, and what can be said about one of them without a portfolio.
 *
 * Closes are split-adjusted, as price files have them; adj_close takes dividends into account too.
 */
#ifndef HORIZON_DOMAIN_ASSET_H
#define HORIZON_DOMAIN_ASSET_H

#include "domain/figure.h"

/* One trading day of one asset. Unknown fields are NaN, an unknown volume is -1; the close is
 * always known and positive. */
struct quote {
    day when;
    double open, high, low, close, adj_close;
    int64_t volume;
};

struct asset {
    const char *symbol, *name, *kind, *currency;
    const struct quote *quotes; /* ascending days, each once */
    size_t quote_count;
};

/* Index of the last quote not after `when`; false when there is none. */
bool asset_quote_at(const struct asset *asset, day when, size_t *ret_idx);

/* ---- the view of a watch list ---------------------------------------------------------------- */

#define ASSET_SPARKS 30 /* closes of a sparkline */

enum asset_trend { TREND_UNKNOWN, TREND_DOWN, TREND_NEUTRAL, TREND_UP };

struct asset_view {
    const struct quote *last;
    double previous_close; /* NaN with one quote only, and so the changes */
    double change, change_ratio;
    double high_year, low_year; /* of the year before and including the last quote */
    const struct quote *high;   /* the highest close of all, the first of equals */
    double drawdown_ratio;      /* last close against it: 0 or negative */
    const char *condition;      /* ALL_TIME_HIGH, NEUTRAL_MARKET, BEAR_MARKET (20 % below) */
    enum asset_trend trend_50d, trend_200d;
    const struct quote *sparks; /* the last ones, at most ASSET_SPARKS */
    size_t spark_count;
};

/* False when the asset has no quote up to `when`. */
bool asset_look(const struct asset *asset, day when, struct asset_view *ret_view);

/* "UP", "DOWN", "NEUTRAL" or "UNKNOWN". */
const char *asset_trend_name(enum asset_trend trend);

#endif
