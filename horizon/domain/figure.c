/* figure.c - see figure.h. Test: tests/test_figure.c, with the vectors of the tools named there. */
#include "domain/figure.h"

#include <math.h>

struct figure figure_of(double value)
{
    return (struct figure){.value = value};
}

struct figure figure_none(const char *reason)
{
    return (struct figure){.value = NAN, .reason = reason};
}

/* What is left of rounding in a deviation of equal numbers counts as none. */
static bool is_zero_deviation(double deviation, double mean)
{
    return deviation <= 1e-14 + 1e-13 * fabs(mean);
}

static double mean_of(const double *numbers, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += numbers[i];
    return sum / (double)count;
}

/* sum((a - mean a)(b - mean b)) / (n - 1); the variance where a is b. */
static double covariance(const double *a, const double *b, size_t count)
{
    double mean_a = mean_of(a, count), mean_b = mean_of(b, count), sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (a[i] - mean_a) * (b[i] - mean_b);
    return sum / (double)(count - 1);
}

static bool has_no_variance(const double *numbers, size_t count)
{
    double variance = covariance(numbers, numbers, count);
    return is_zero_deviation(sqrt(variance), mean_of(numbers, count));
}

/* ---- returns --------------------------------------------------------------------------------- */

void figure_returns(const double *values, size_t count, double *ret_returns)
{
    for (size_t i = 1; i < count; i++)
        ret_returns[i - 1] = values[i] / values[i - 1] - 1;
}

double figure_chain(const double *returns, size_t count)
{
    double wealth = 1;
    for (size_t i = 0; i < count; i++)
        wealth *= 1 + returns[i];
    return wealth - 1;
}

struct figure figure_day_return(double value_before, double inflow, double value, double outflow)
{
    double base = value_before + inflow;
    if (base <= 0)
        return figure_none(FIGURE_NO_BASE);
    return figure_of((value + outflow) / base - 1);
}

struct figure figure_annualise(double total, int days)
{
    if (days < FIGURE_YEAR_DAYS)
        return figure_none(FIGURE_SHORT);
    if (total <= -1)
        return figure_none(FIGURE_TOTAL_LOSS);
    return figure_of(pow(1 + total, (double)FIGURE_YEAR_DAYS / days) - 1);
}

struct figure figure_annualise_returns(double total, size_t count)
{
    if (count == 0)
        return figure_none(FIGURE_TOO_FEW);
    if (total <= -1)
        return figure_none(FIGURE_TOTAL_LOSS);
    return figure_of(pow(1 + total, (double)FIGURE_TRADING_DAYS / (double)count) - 1);
}

/* ---- XIRR ------------------------------------------------------------------------------------ */

/* Searched in x = ln(1 + rate): all rates from -100 % to infinity, and no pole. */
#define XIRR_STEP       0.05
#define XIRR_STEPS      500 /* up to e^25 - 1: 7e12 % a year */
#define XIRR_BISECTIONS 200

static double present_value(const struct figure_flow *flows, size_t count, double x)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        double years = (double)(flows[i].when - flows[0].when) / FIGURE_YEAR_DAYS;
        sum += flows[i].amount * exp(-x * years);
    }
    return sum;
}

static double bisect(const struct figure_flow *flows, size_t count, double low, double high)
{
    bool is_low_negative = present_value(flows, count, low) < 0;
    for (int i = 0; i < XIRR_BISECTIONS; i++) {
        double middle = low + (high - low) / 2;
        if (middle <= low || middle >= high)
            break;
        if ((present_value(flows, count, middle) < 0) == is_low_negative)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static bool changes_sign(const struct figure_flow *flows, size_t count, double low, double high)
{
    double at_low = present_value(flows, count, low), at_high = present_value(flows, count, high);
    return isfinite(at_low) && isfinite(at_high) && (at_low < 0) != (at_high < 0);
}

struct figure figure_xirr(const struct figure_flow *flows, size_t count)
{
    bool has_in = false, has_out = false, has_span = false;
    for (size_t i = 0; i < count; i++) {
        has_in = has_in || flows[i].amount < 0;
        has_out = has_out || flows[i].amount > 0;
        has_span = has_span || flows[i].when != flows[0].when;
    }
    if (!has_in || !has_out || !has_span)
        return figure_none(FIGURE_NO_SOLUTION);
    for (int step = 0; step < XIRR_STEPS; step++) {
        double reach = step * XIRR_STEP, next = reach + XIRR_STEP;
        if (changes_sign(flows, count, reach, next))
            return figure_of(expm1(bisect(flows, count, reach, next)));
        if (changes_sign(flows, count, -next, -reach))
            return figure_of(expm1(bisect(flows, count, -next, -reach)));
    }
    return figure_none(FIGURE_NO_SOLUTION);
}

/* ---- risk ------------------------------------------------------------------------------------ */

struct figure figure_volatility(const double *returns, size_t count)
{
    if (count < 2)
        return figure_none(FIGURE_TOO_FEW);
    if (has_no_variance(returns, count))
        return figure_of(0);
    return figure_of(sqrt(covariance(returns, returns, count) * FIGURE_TRADING_DAYS));
}

static struct figure log_deviation(const double *returns, size_t count, double periods,
                                   bool is_downside)
{
    double mean = 0, sum = 0;
    if (count < 2)
        return figure_none(FIGURE_TOO_FEW);
    for (size_t i = 0; i < count; i++) {
        if (returns[i] <= -1)
            return figure_none(FIGURE_TOTAL_LOSS);
        mean += log1p(returns[i]) / (double)count;
    }
    for (size_t i = 0; i < count; i++) {
        double distance = log1p(returns[i]) - mean;
        if (!is_downside || distance < 0)
            sum += distance * distance;
    }
    return figure_of(sqrt(sum / (double)(count - 1) * periods));
}

struct figure figure_log_volatility(const double *returns, size_t count, double periods)
{
    return log_deviation(returns, count, periods, false);
}

struct figure figure_downside(const double *returns, size_t count, double periods)
{
    return log_deviation(returns, count, periods, true);
}

struct figure figure_sharpe(const double *returns, size_t count, double risk_free)
{
    if (count < 2)
        return figure_none(FIGURE_TOO_FEW);
    if (has_no_variance(returns, count))
        return figure_none(FIGURE_ZERO_VARIANCE);
    double deviation = sqrt(covariance(returns, returns, count));
    return figure_of((mean_of(returns, count) - risk_free) / deviation * sqrt(FIGURE_TRADING_DAYS));
}

/* The running state of a drawdown; indices count the wealth's entries. */
struct fall {
    double high;
    size_t high_idx, peak, trough;
    double worst;
};

static void fall_add(struct fall *fall, double wealth, size_t idx)
{
    if (wealth > fall->high) {
        fall->high = wealth;
        fall->high_idx = idx;
    }
    double change = wealth / fall->high - 1;
    if (change < fall->worst) {
        fall->worst = change;
        fall->peak = fall->high_idx;
        fall->trough = idx;
    }
}

static double fall_end(const struct fall *fall, size_t *ret_peak, size_t *ret_trough)
{
    if (ret_peak)
        *ret_peak = fall->peak;
    if (ret_trough)
        *ret_trough = fall->trough;
    return fall->worst;
}

double figure_drawdown(const double *returns, size_t count, size_t *ret_peak, size_t *ret_trough)
{
    struct fall fall = {.high = 1};
    double wealth = 1;
    for (size_t i = 0; i < count; i++) {
        wealth *= 1 + returns[i];
        fall_add(&fall, wealth, i + 1);
    }
    return fall_end(&fall, ret_peak, ret_trough);
}

double figure_drawdown_of_wealth(const double *wealth, size_t count, size_t *ret_peak,
                                 size_t *ret_trough)
{
    struct fall fall = {.high = wealth[0]};
    for (size_t i = 1; i < count; i++)
        fall_add(&fall, wealth[i], i);
    return fall_end(&fall, ret_peak, ret_trough);
}

struct figure figure_beta(const double *returns, const double *benchmark, size_t count)
{
    if (count < 2)
        return figure_none(FIGURE_TOO_FEW);
    if (has_no_variance(benchmark, count))
        return figure_none(FIGURE_ZERO_VARIANCE);
    return figure_of(covariance(returns, benchmark, count) /
                     covariance(benchmark, benchmark, count));
}

struct figure figure_correlation(const double *returns, const double *benchmark, size_t count)
{
    if (count < 2)
        return figure_none(FIGURE_TOO_FEW);
    if (has_no_variance(returns, count) || has_no_variance(benchmark, count))
        return figure_none(FIGURE_ZERO_VARIANCE);
    return figure_of(
        covariance(returns, benchmark, count) /
        sqrt(covariance(returns, returns, count) * covariance(benchmark, benchmark, count)));
}

/* mean(r - rf) - beta x mean(b - rf), of one day. */
static struct figure daily_alpha(const double *returns, const double *benchmark, size_t count,
                                 double risk_free)
{
    struct figure beta = figure_beta(returns, benchmark, count);
    if (beta.reason)
        return beta;
    return figure_of(mean_of(returns, count) - risk_free -
                     beta.value * (mean_of(benchmark, count) - risk_free));
}

struct figure figure_alpha(const double *returns, const double *benchmark, size_t count,
                           double risk_free)
{
    struct figure alpha = daily_alpha(returns, benchmark, count, risk_free);
    if (!alpha.reason)
        alpha.value *= FIGURE_TRADING_DAYS;
    return alpha;
}

struct figure figure_alpha_compounded(const double *returns, const double *benchmark, size_t count,
                                      double risk_free)
{
    struct figure alpha = daily_alpha(returns, benchmark, count, risk_free);
    if (alpha.reason)
        return alpha;
    if (alpha.value <= -1)
        return figure_none(FIGURE_TOTAL_LOSS);
    return figure_of(pow(1 + alpha.value, FIGURE_TRADING_DAYS) - 1);
}
