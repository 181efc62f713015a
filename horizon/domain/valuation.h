/* valuation.h - what a portfolio was worth on each trading day, and how it did.
 *
 * The days are those on which any of the portfolio's assets or its benchmark has a price, from the
 * first activity on, and the days of activities after the last price. An activity on another day
 * (a Sunday) counts on the next of these days. A price that is missing is the last one before it;
 * before the first one it is the price of the last trade.
 *
 * Figures go to the last price and no further: with an old price a new activity would make a day
 * that never was. So they are of the first valuation_known() activities; a valuation of all of them
 * tells whether those that wait for a price contradict the others.
 *
 * wealth[t] is what 1 has become: the product of the daily time-weighted returns, that of the first
 * day included (a fee paid there is a loss). A day before which nothing was invested has return 0.
 */
#ifndef HORIZON_DOMAIN_VALUATION_H
#define HORIZON_DOMAIN_VALUATION_H

#include "domain/asset.h"
#include "domain/book.h"
#include "domain/range.h"

struct portfolio {
    const struct asset *assets; /* held now or once, and watched */
    size_t asset_count;
    const struct asset *benchmark;     /* NULL when there is none */
    const struct activity *activities; /* sorted and adjusted */
    size_t activity_count;
};

struct valuation_day {
    day when;
    double cash, market_value, total, cost, contributions;
    double inflow, outflow; /* of this day, both positive */
    double wealth;
    double benchmark; /* its last close; NaN before its first one */
};

struct valuation {
    struct valuation_day *days;
    size_t count; /* 0 without activities */
    struct book book;
    day as_of; /* the last day; without activities the last price's; DAY_NONE without both */
};

/* Why a portfolio cannot be. */
struct complaint {
    int64_t activity; /* its id; 0 when it is about none */
    char text[256];
};

enum {
    VALUATION_ENOMEM = -1,
    VALUATION_EWRONG = -2, /* the activities contradict themselves: see the complaint */
};

/* How many of the activities are not after the last price, so that figures know them. Without any
 * price all of them: their own prices are what there is. */
size_t valuation_known(const struct portfolio *portfolio);

int valuation_init(struct valuation *valuation, const struct portfolio *portfolio,
                   struct complaint *ret_complaint) __attribute__((warn_unused_result));

/* Zeroed valuations are fine. */
void valuation_done(struct valuation *valuation);

/* The price that counts for an asset on a day, and the one that counted before that day: the last
 * trade's where there is no quote, 0 where there is neither. A quote of an earlier day is both. */
double valuation_price(const struct asset *asset, const struct position *position, day when,
                       double *ret_previous);

#endif
