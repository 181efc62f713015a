/* performance.h - all figures of one series over one range, against a benchmark.
 *
 * Returns are those between the series' own days; with the benchmark only the days count that both
 * have. The range's base is the last day on or before its start, or the first day there is.
 */
#ifndef HORIZON_DOMAIN_PERFORMANCE_H
#define HORIZON_DOMAIN_PERFORMANCE_H

#include "domain/valuation.h"

struct series {
    const day *days;
    const double *values;
    size_t count;
    /* The value before the first day, from which a range that begins with the first day counts: 1
     * for a wealth index, whose first day has a return already; the first value for prices. */
    double before;
};

struct performance {
    day start, end;
    size_t observations; /* returns */
    struct figure total, annualised, volatility, downside, sharpe, max_drawdown;
    day drawdown_peak, drawdown_trough; /* DAY_NONE without a drawdown */
    struct figure beta, correlation, alpha, alpha_compounded;
};

/* Measures `series` from the range's start (DAY_NONE: from its beginning). `benchmark` may be NULL
 * or empty. False: no memory. An empty series gives figures that all lack. */
bool performance_measure(const struct series *series, const struct series *benchmark, day start,
                         struct performance *ret_performance) __attribute__((warn_unused_result));

/* The money-weighted return of a portfolio over a range: what it was worth at the base, what came
 * in and went out since, what it is worth at the end. None below a year, as with the annualised
 * return: it is shown as a return a year, and 3 % of a month would read 43 %. False: no memory. */
bool performance_xirr(const struct valuation *valuation, const struct portfolio *portfolio,
                      day start, struct figure *ret_figure) __attribute__((warn_unused_result));

#endif
