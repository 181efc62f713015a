/* activity.h - what happened in a portfolio: the rows from which everything else follows.
 *
 *     kind         asset  quantity x price   fee  amount
 *     DEPOSIT      -      -                  -    paid in
 *     WITHDRAWAL   -      -                  -    paid out
 *     BUY, SELL    yes    yes                yes  -
 *     DIVIDEND     yes    -                  yes  received, before the fee
 *     INTEREST     -      -                  yes  received
 *     FEE, TAX     -      -                  -    paid, not for a trade
 *     SPLIT        yes    -                  -    -       numerator new shares for denominator old
 *
 * Quantities are whole numbers of 1/100,000,000 share, so that "all of it" is exact.
 */
#ifndef HORIZON_DOMAIN_ACTIVITY_H
#define HORIZON_DOMAIN_ACTIVITY_H

#include "domain/day.h"

enum activity_kind {
    ACTIVITY_SPLIT, /* of one day in this order */
    ACTIVITY_DEPOSIT,
    ACTIVITY_BUY,
    ACTIVITY_SELL,
    ACTIVITY_DIVIDEND,
    ACTIVITY_INTEREST,
    ACTIVITY_FEE,
    ACTIVITY_TAX,
    ACTIVITY_WITHDRAWAL,
    ACTIVITY_KINDS
};

#define QUANTITY_ONE INT64_C(100000000) /* one share */
#define QUANTITY_MAX (INT64_C(1) << 62) /* 46 thousand million shares */
#define NO_ASSET     ((size_t)-1)       /* for kinds without one */
#define SHARES(q)    ((double)(q) / QUANTITY_ONE)

struct activity {
    int64_t id; /* breaks ties; named in complaints */
    day when;
    enum activity_kind kind;
    size_t asset; /* index into the portfolio's assets, or NO_ASSET */
    int64_t quantity;
    double price, fee, amount;
    int32_t numerator, denominator;
};

/* "BUY". Never NULL. */
const char *activity_name(enum activity_kind kind);

/* In any case; false when there is no such kind. */
bool activity_parse(const char *text, enum activity_kind *ret_kind);

/* Whether activities of this kind name an asset. */
bool activity_has_asset(enum activity_kind kind);

/* Sorts by day, then kind in the order above, then id. */
void activity_sort(struct activity *activities, size_t count);

/* Restates trades before a split in shares after it, for sorted activities: quantities times n/d,
 * prices times d/n, as price files do it. What was paid stays the same. False when a quantity
 * outgrows QUANTITY_MAX; ret_idx names the activity. */
bool activity_adjust(struct activity *activities, size_t count, size_t *ret_idx);

#endif
