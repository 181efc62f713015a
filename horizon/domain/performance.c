/* performance.c - see performance.h. Test: test_golden.c. */
#include "domain/performance.h"

#include <stdlib.h>
#include <string.h>

#define RISK_FREE 0.0

static struct performance performance_none(const char *reason)
{
    struct figure none = figure_none(reason);
    return (struct performance){.start = DAY_NONE,
                                .end = DAY_NONE,
                                .total = none,
                                .annualised = none,
                                .volatility = none,
                                .downside = none,
                                .sharpe = none,
                                .max_drawdown = none,
                                .drawdown_peak = DAY_NONE,
                                .drawdown_trough = DAY_NONE,
                                .beta = none,
                                .correlation = none,
                                .alpha = none,
                                .alpha_compounded = none};
}

/* ---- the series alone ------------------------------------------------------------------------ */

/* `values` are those of the range, values[0] at its base; `first` is what the total counts from and
 * the first peak; `scratch` has place for count + 1. */
static void measure_alone(const double *values, const day *days, size_t count, double first,
                          double *scratch, struct performance *result)
{
    size_t peak, trough;
    result->start = days[0];
    result->end = days[count - 1];
    result->observations = count - 1;
    result->total = figure_of(values[count - 1] / first - 1);
    result->annualised = figure_annualise(result->total.value, days[count - 1] - days[0]);
    figure_returns(values, count, scratch);
    result->volatility = figure_volatility(scratch, count - 1);
    result->downside = figure_downside(scratch, count - 1, FIGURE_TRADING_DAYS);
    result->sharpe = figure_sharpe(scratch, count - 1, RISK_FREE);
    scratch[0] = first;
    memcpy(scratch + 1, values, count * sizeof(*values));
    double worst = figure_drawdown_of_wealth(scratch, count + 1, &peak, &trough);
    result->max_drawdown = figure_of(worst);
    if (worst < 0) {
        result->drawdown_peak = days[peak > 0 ? peak - 1 : 0];
        result->drawdown_trough = days[trough - 1];
    }
}

/* ---- against the benchmark ------------------------------------------------------------------- */

/* The values of days that both series have, from `start` on; how many. */
static size_t join(const struct series *series, size_t from, const struct series *benchmark,
                   double *own, double *other)
{
    size_t count = 0;
    for (size_t i = from, k = 0; i < series->count && k < benchmark->count;) {
        if (series->days[i] < benchmark->days[k]) {
            i++;
        } else if (series->days[i] > benchmark->days[k]) {
            k++;
        } else {
            own[count] = series->values[i++];
            other[count++] = benchmark->values[k++];
        }
    }
    return count;
}

static bool measure_against(const struct series *series, size_t from,
                            const struct series *benchmark, struct performance *result)
{
    size_t capacity = series->count - from;
    double *memory = calloc(4 * capacity, sizeof(*memory));
    if (!memory)
        return false;
    double *own = memory, *other = own + capacity, *returns = other + capacity;
    double *other_returns = returns + capacity;
    size_t count = join(series, from, benchmark, own, other);
    if (count > 0) {
        figure_returns(own, count, returns);
        figure_returns(other, count, other_returns);
    }
    size_t pairs = count > 0 ? count - 1 : 0;
    result->beta = figure_beta(returns, other_returns, pairs);
    result->correlation = figure_correlation(returns, other_returns, pairs);
    result->alpha = figure_alpha(returns, other_returns, pairs, RISK_FREE);
    result->alpha_compounded = figure_alpha_compounded(returns, other_returns, pairs, RISK_FREE);
    free(memory);
    return true;
}

bool performance_measure(const struct series *series, const struct series *benchmark, day start,
                         struct performance *ret_performance)
{
    *ret_performance = performance_none(FIGURE_TOO_FEW);
    if (series->count == 0)
        return true;
    size_t from = range_base(series->days, series->count, start);
    bool is_whole = start == DAY_NONE || start < series->days[0];
    size_t count = series->count - from;
    double *scratch = calloc(count + 1, sizeof(*scratch));
    if (!scratch)
        return false;
    measure_alone(series->values + from, series->days + from, count,
                  is_whole ? series->before : series->values[from], scratch, ret_performance);
    free(scratch);
    if (benchmark && benchmark->count > 0)
        return measure_against(series, from, benchmark, ret_performance);
    ret_performance->beta = ret_performance->correlation = figure_none(FIGURE_NO_BENCHMARK);
    ret_performance->alpha = ret_performance->alpha_compounded = ret_performance->beta;
    return true;
}

/* ---- money-weighted -------------------------------------------------------------------------- */

static size_t collect_flows(const struct portfolio *portfolio, day after, struct figure_flow *flows,
                            size_t count)
{
    for (size_t i = 0; i < portfolio->activity_count; i++) {
        const struct activity *activity = &portfolio->activities[i];
        bool is_in = activity->kind == ACTIVITY_DEPOSIT;
        if ((is_in || activity->kind == ACTIVITY_WITHDRAWAL) && activity->when > after)
            flows[count++] =
                (struct figure_flow){activity->when, is_in ? -activity->amount : activity->amount};
    }
    return count;
}

bool performance_xirr(const struct valuation *valuation, const struct portfolio *portfolio,
                      day start, struct figure *ret_figure)
{
    *ret_figure = figure_none(FIGURE_NO_ACTIVITY);
    if (valuation->count == 0)
        return true;
    const struct valuation_day *days = valuation->days, *last = &days[valuation->count - 1];
    struct figure_flow *flows = calloc(portfolio->activity_count + 2, sizeof(*flows));
    if (!flows)
        return false;
    size_t count = 0;
    day after = DAY_NONE;
    if (start != DAY_NONE && start >= days[0].when) {
        size_t base = 0;
        while (base + 1 < valuation->count && days[base + 1].when <= start)
            base++;
        after = days[base].when;
        flows[count++] = (struct figure_flow){after, -days[base].total};
    }
    count = collect_flows(portfolio, after, flows, count);
    if (count == 0 || last->when - flows[0].when < FIGURE_YEAR_DAYS) {
        *ret_figure = figure_none(count == 0 ? FIGURE_NO_SOLUTION : FIGURE_SHORT);
    } else {
        flows[count++] = (struct figure_flow){last->when, last->total};
        *ret_figure = figure_xirr(flows, count);
    }
    free(flows);
    return true;
}
