/* figure.h - the figures of performance and risk, each one a pure function of numbers.
 *
 * A figure that does not exist for the numbers at hand (one return has no deviation) is a NaN with
 * a reason, a code that goes to the client; a figure is never infinite. All returns are simple
 * (price over previous price, less 1), one per trading day. Deviations are those of a sample
 * (n - 1). Sources: empyrical and quantstats for volatility, Sharpe, beta; Portfolio Performance
 * for the time-weighted return, XIRR and annualising.
 */
#ifndef HORIZON_DOMAIN_FIGURE_H
#define HORIZON_DOMAIN_FIGURE_H

#include "domain/day.h"

#define FIGURE_TRADING_DAYS 252 /* of a year, for everything made of daily returns */
#define FIGURE_YEAR_DAYS    365 /* of a year, for everything made of dates */

#define FIGURE_TOO_FEW       "too_few_returns"
#define FIGURE_ZERO_VARIANCE "zero_variance"
#define FIGURE_SHORT         "less_than_a_year"
#define FIGURE_NO_SOLUTION   "no_solution"
#define FIGURE_NO_BASE       "no_base_value"
#define FIGURE_NO_ACTIVITY   "no_activities"
#define FIGURE_NO_PRICE_YET  "no_price_yet" /* all activities are after the last price */
#define FIGURE_NO_BENCHMARK  "no_benchmark" /* it is no asset, or there is nothing of it */
#define FIGURE_NO_PRICE      "no_price"
#define FIGURE_TOTAL_LOSS    "total_loss"

struct figure {
    double value;       /* NaN when reason is set */
    const char *reason; /* NULL, or one of the codes above */
};

struct figure figure_of(double value);
struct figure figure_none(const char *reason);

/* ---- returns --------------------------------------------------------------------------------- */

/* values[i+1] / values[i] - 1 for count - 1 of them. */
void figure_returns(const double *values, size_t count, double *ret_returns);

/* prod(1 + r) - 1; 0 for no returns. */
double figure_chain(const double *returns, size_t count);

/* The time-weighted return of one day: (value + outflow) / (value_before + inflow) - 1. What comes
 * in works from the start of the day, what goes out from its end on. */
struct figure figure_day_return(double value_before, double inflow, double value, double outflow);

/* (1 + total)^(365 / days) - 1, for a year and more only. */
struct figure figure_annualise(double total, int days);

/* (1 + total)^(252 / count) - 1: empyrical's annual return over `count` daily returns. */
struct figure figure_annualise_returns(double total, size_t count);

/* One payment: the investor's sign (a deposit is negative; withdrawals and the value at the end
 * are positive). */
struct figure_flow {
    day when;
    double amount;
};

/* The money-weighted return per year: the rate with sum(amount / (1+rate)^((when-first)/365)) = 0,
 * bracketed, then bisected. Where several rates solve it, the one closest to 0 %. */
struct figure figure_xirr(const struct figure_flow *flows, size_t count);

/* ---- risk ------------------------------------------------------------------------------------ */

/* stdev(r) x sqrt(252). */
struct figure figure_volatility(const double *returns, size_t count);

/* stdev(ln(1+r)) x sqrt(periods): Portfolio Performance's volatility of a period of so many
 * returns; the second takes only what lies below the mean. */
struct figure figure_log_volatility(const double *returns, size_t count, double periods);
struct figure figure_downside(const double *returns, size_t count, double periods);

/* mean(r - rf) / stdev(r - rf) x sqrt(252), rf per day. */
struct figure figure_sharpe(const double *returns, size_t count, double risk_free);

/* The largest fall from a peak, as a negative fraction of the peak, and where: indices into the
 * wealth 1, (1+r0), (1+r0)(1+r1), ... which starts with 1 as the first peak. Without a fall 0, and
 * both indices are 0. The indices may be NULL. */
double figure_drawdown(const double *returns, size_t count, size_t *ret_peak, size_t *ret_trough);

/* The same over a given wealth index. `count` is at least 1. */
double figure_drawdown_of_wealth(const double *wealth, size_t count, size_t *ret_peak,
                                 size_t *ret_trough);

/* cov(r, b) / var(b); both have `count` returns of the same days. */
struct figure figure_beta(const double *returns, const double *benchmark, size_t count);
struct figure figure_correlation(const double *returns, const double *benchmark, size_t count);

/* With a = mean(r - rf) - beta x mean(b - rf): a x 252, and (1 + a)^252 - 1. */
struct figure figure_alpha(const double *returns, const double *benchmark, size_t count,
                           double risk_free);
struct figure figure_alpha_compounded(const double *returns, const double *benchmark, size_t count,
                                      double risk_free);

#endif
