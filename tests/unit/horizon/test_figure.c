/* The figures, with the vectors of the tools that define them: empyrical, Portfolio Performance
 * (PP), Excel's XIRR as PP restates it. */
#include "test.h"

#include "domain/figure.h"

#include <math.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void near(double got, double wanted, double tolerance)
{
    if (!(fabs(got - wanted) <= tolerance))
        fail_msg("%.12g, not %.12g", got, wanted);
}

static void near_figure(struct figure got, double wanted, double tolerance)
{
    assert_null(got.reason);
    near(got.value, wanted, tolerance);
}

static void lacks(struct figure got, const char *reason)
{
    assert_true(isnan(got.value));
    assert_string_equal(got.reason, reason);
}

/* ---- time-weighted --------------------------------------------------------------------------- */

/* PP ClientIndexTest.testExcelSample: a cash account of ten days. */
TEST(twr_of_PPs_sample_is_the_sheets)
{
    static const double inflow[] = {0, 200, 0, 0, 0, 5400, 0, 0};
    static const double outflow[] = {0, 0, 400, 0, 0, 0, 3697.04, 0};
    static const double gain[] = {230, 200, -234.41, 293.99, 293.99, 195.99, -882.52, -1003.85};
    static const double deltas[] = {0.023,        0.019175455, -0.0220517,    0.0294117647,
                                    0.0285714286, 0.012261967, -0.0545454545, -0.0865384615};
    static const double accumulated[] = {0.023,       0.042616491, 0.019624983, 0.049614163,
                                         0.079603343, 0.092841403, 0.03323197,  -0.056182678};
    double value = 10000, returns[8];
    for (size_t i = 0; i < 8; i++) {
        double next = value + inflow[i] - outflow[i] + gain[i];
        struct figure change = figure_day_return(value, inflow[i], next, outflow[i]);
        near_figure(change, deltas[i], 1e-5);
        returns[i] = change.value;
        near(figure_chain(returns, i + 1), accumulated[i], 1e-5);
        value = next;
    }
}

/* PP's invariance: the accumulated returns are those of the market, whatever flows in and out. */
static void accumulates(const double *flows, const double *wanted, size_t count)
{
    double value = 0, returns[16];
    for (size_t i = 0; i < count; i++) {
        double before = i == 0 ? 0 : wanted[i - 1];
        double change = (1 + wanted[i]) / (1 + before) - 1;
        double inflow = fmax(flows[i], 0), outflow = fmax(-flows[i], 0);
        double next = (value + inflow) * (1 + change) - outflow;
        struct figure got = figure_day_return(value, inflow, next, outflow);
        returns[i] = got.reason ? 0 : got.value;
        near(figure_chain(returns, i + 1), wanted[i], 1e-10);
        value = next;
    }
}

TEST(twr_does_not_depend_on_flows)
{
    static const double wanted[] = {0, .023, .043, .02, .05, .08, .1, .04, -.05};
    static const double many[] = {1000000, 0, 20000, -40000, 0, 0, 540000, -369704, 0};
    static const double one[] = {1000000, 0, 0, 0, 0, 0, 0, 0, 0};
    accumulates(many, wanted, COUNT(wanted));
    accumulates(one, wanted, COUNT(wanted));
}

/* 100 become 90, 2,000 are paid in, the 2,090 become 2,089.16: 10.84 of 2,100 are lost. */
TEST(a_deposit_is_not_gain)
{
    double returns[] = {figure_day_return(0, 100, 100, 0).value,
                        figure_day_return(100, 2000, 2090, 0).value,
                        figure_day_return(2090, 0, 2089.16, 0).value};
    near(figure_chain(returns, COUNT(returns)), -271.0 / 52500, 1e-12);
}

TEST(a_day_before_which_nothing_was_invested_has_no_return)
{
    lacks(figure_day_return(0, 0, 0, 0), FIGURE_NO_BASE);
    lacks(figure_day_return(0, 0, 5, 0), FIGURE_NO_BASE);
    near_figure(figure_day_return(0, 100000, 99960.2, 0), -0.000398, 1e-12);
}

/* The numbers are Python's decimal, 28 places; PP prints 0.7297 for the 65 days. */
TEST(annualising_is_by_365_days_and_not_below_a_year)
{
    near_figure(figure_annualise(.05, 365), .05, 1e-12);
    near_figure(figure_annualise(.1025, 366), 0.102206098437565755, 1e-12);
    near_figure(figure_annualise(.2374, 575), 0.144784683031513541, 1e-12);
    near_figure(figure_annualise(.1025, 730), .05, 1e-12);
    lacks(figure_annualise(.1025, 65), FIGURE_SHORT);
    lacks(figure_annualise(.1025, 364), FIGURE_SHORT);
    lacks(figure_annualise(-1, 400), FIGURE_TOTAL_LOSS);
}

/* ---- XIRR ------------------------------------------------------------------------------------ */

TEST(xirr_solves_what_the_tools_solve)
{
    const struct figure_flow year[] = {{day_of(2010, 1, 1), -200}, {day_of(2010, 12, 31), 210}};
    const struct figure_flow fund[] = {{day_of(2002, 11, 30), -4398}, {day_of(2007, 6, 11), 200},
                                       {day_of(2008, 5, 11), 270},    {day_of(2009, 5, 1), 280},
                                       {day_of(2010, 6, 1), 280},     {day_of(2011, 5, 2), 300},
                                       {day_of(2012, 4, 30), 330},    {day_of(2012, 12, 6), 14508}};
    const struct figure_flow loss[] = {
        {day_of(2019, 5, 24), -1560.94}, {day_of(2020, 1, 13), -1160}, {day_of(2020, 6, 29), 42.8}};
    const struct figure_flow good[] = {
        {day_of(2015, 12, 31), -1000}, {day_of(2016, 6, 1), 150}, {day_of(2016, 12, 31), 1230}};
    near_figure(figure_xirr(year, COUNT(year)), 0.050140747, 1e-8);
    near_figure(figure_xirr(fund, COUNT(fund)), 0.1444629967, 1e-4);
    near_figure(figure_xirr(fund, COUNT(fund)), 0.144438989, 1e-8);
    near_figure(figure_xirr(loss, COUNT(loss)), -0.999251643, 1e-4);
    near_figure(figure_xirr(good, COUNT(good)), 0.412128788, 1e-8);
}

TEST(xirr_that_does_not_exist_says_so)
{
    const struct figure_flow same_day[] = {{10, -100}, {10, 110}};
    const struct figure_flow only_in[] = {{10, -100}, {300, -110}};
    lacks(figure_xirr(same_day, 2), FIGURE_NO_SOLUTION);
    lacks(figure_xirr(only_in, 2), FIGURE_NO_SOLUTION);
    lacks(figure_xirr(only_in, 0), FIGURE_NO_SOLUTION);
}

/* ---- risk: empyrical ------------------------------------------------------------------------- */

static const double mixed[] = {.01, .1, -.04, .02, .03, .02, .01, -.1};
static const double positive[] = {.01, .02, .01, .01, .01, .01, .01, .01, .01};
static const double negative[] = {0, -.06, -.07, -.01, -.09, -.02, -.06, -.08, -.05};

TEST(empyricals_mixed_returns)
{
    double total = figure_chain(mixed, 8);
    near(total, 0.0389310917, 1e-10);
    near_figure(figure_volatility(mixed, 8), 0.9136465399704637, 1e-8);
    near_figure(figure_sharpe(mixed, 8, 0), 1.7238613961706866, 1e-8);
    near(figure_drawdown(mixed, 8, NULL, NULL), -0.1, 1e-8);
    near_figure(figure_annualise_returns(total, 9), 1.9135925373, 1e-8); /* its NaN row counts */
    near_figure(figure_annualise_returns(total, 8), 2.3302927973, 1e-8);
}

TEST(empyricals_positive_and_negative_returns)
{
    size_t peak, trough;
    const double jump[] = {.1, -.1, .1};
    near_figure(figure_sharpe(positive, 9, 0), 52.915026221291804, 1e-8);
    near_figure(figure_sharpe(negative, 9, 0), -24.406808633910085, 1e-8);
    near(figure_chain(negative, 9), -0.365907303498736, 1e-12); /* Python's fractions */
    near(figure_drawdown(negative, 9, &peak, &trough), -0.365907303498736, 1e-12);
    assert_int_equal(peak, 0);
    assert_int_equal(trough, 9);
    near(figure_drawdown(jump, 3, &peak, &trough), -.1, 1e-12);
    assert_int_equal(peak, 1);
    assert_int_equal(trough, 2);
    near(figure_drawdown(positive, 9, &peak, &trough), 0, 0);
}

TEST(empyricals_beta_and_alpha)
{
    double opposite[8];
    for (size_t i = 0; i < 8; i++)
        opposite[i] = -mixed[i];
    near_figure(figure_beta(mixed, negative + 1, 8), -0.71296296296296313, 1e-8);
    near_figure(figure_alpha_compounded(mixed, negative + 1, 8, 0), -0.9997853834885004, 1e-8);
    near_figure(figure_beta(mixed, mixed, 8), 1, 1e-12);
    near_figure(figure_alpha(mixed, mixed, 8, 0), 0, 1e-12);
    near_figure(figure_correlation(mixed, mixed, 8), 1, 1e-12);
    near_figure(figure_beta(mixed, opposite, 8), -1, 1e-12);
    near_figure(figure_alpha(mixed, opposite, 8, 0), 0, 1e-12);
}

TEST(flat_returns_have_no_sharpe_and_no_beta)
{
    double flat[9];
    for (size_t i = 0; i < 9; i++)
        flat[i] = 0.01;
    near_figure(figure_volatility(flat, 9), 0, 0);
    lacks(figure_sharpe(flat, 9, 0), FIGURE_ZERO_VARIANCE);
    lacks(figure_beta(positive, flat, 9), FIGURE_ZERO_VARIANCE);
    lacks(figure_alpha(positive, flat, 9, 0), FIGURE_ZERO_VARIANCE);
    lacks(figure_correlation(flat, positive, 9), FIGURE_ZERO_VARIANCE);
}

TEST(fewer_than_two_returns_have_no_risk)
{
    for (size_t count = 0; count < 2; count++) {
        lacks(figure_volatility(mixed, count), FIGURE_TOO_FEW);
        lacks(figure_sharpe(mixed, count, 0), FIGURE_TOO_FEW);
        lacks(figure_beta(mixed, positive, count), FIGURE_TOO_FEW);
        lacks(figure_alpha(mixed, positive, count, 0), FIGURE_TOO_FEW);
        lacks(figure_correlation(mixed, positive, count), FIGURE_TOO_FEW);
        lacks(figure_downside(mixed, count, 6), FIGURE_TOO_FEW);
    }
    near(figure_drawdown(mixed, 0, NULL, NULL), 0, 0);
}

/* ---- risk: PP -------------------------------------------------------------------------------- */

TEST(PPs_volatility_is_that_of_the_period)
{
    static const double returns[] = {.005, -1.0 / 300, -.005, .01, .01, -.005};
    near_figure(figure_log_volatility(returns, 6, 6), 0.017736692475, 1e-11);
    near_figure(figure_downside(returns, 6, 6), 0.012188677034, 1e-11);
}

TEST(PPs_drawdowns)
{
    static const double below_zero[] = {1, 1.1, 1.2, -0.4};
    static const double recovery[] = {2, 2, .5, 2, 2, 3, 4, 5, 6, 7};
    near(figure_drawdown_of_wealth(below_zero, 4, NULL, NULL), -4.0 / 3, 1e-11);
    near(figure_drawdown_of_wealth(recovery, 10, NULL, NULL), -0.75, 1e-11);
}
