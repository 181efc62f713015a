/* test_queue.c - the simulator against closed forms of queueing theory.
 *
 * M/M/c: Poisson arrivals, exponential service, c servers. The mean wait is Erlang's C divided by
 * (c mu - lambda) (Kleinrock, "Queueing Systems", 1975, volume 1, 3.5).
 */
#include <math.h>

#include "world.h"

static double erlang_c(uint32_t servers, double load)
{
    double b = 1; /* Erlang's B by its recursion */
    for (uint32_t i = 1; i <= servers; i++)
        b = load * b / (i + load * b);
    double use = load / servers;
    return b / (1 - use + use * b);
}

static void compare(uint32_t servers, double use, double tolerance)
{
    const double service = 0.01;
    double rate = servers * use / service;
    struct sim_scenario scenario = world_of(servers);
    scenario.duration = (base_time)(400000 / rate * 1e9);
    scenario.warmup = scenario.duration / 20;
    (void)world_load(&scenario, rate, (base_time)(service * 1e9));
    struct sim_result *result = world_run(&scenario);
    double expected = erlang_c(servers, servers * use) / (servers / service - rate);
    double mean = sim_histogram_mean(&result->total.wait) / 1e9;
    print_message("c=%u use %.2f: mean wait %.3f ms, Erlang C says %.3f ms\n", servers, use,
                  mean * 1e3, expected * 1e3);
    assert_true(fabs(mean - expected) <= tolerance * expected);
    assert_true(fabs(result->lent_mean - servers * use) <= 0.02 * servers * use);
    assert_int_equal(sim_result_failed(&result->total), 0);
    sim_result_free(result);
}

TEST(mean_wait_is_what_erlang_c_says_for_one_server)
{
    compare(1, 0.5, 0.03);
    compare(1, 0.8, 0.08);
}

TEST(mean_wait_is_what_erlang_c_says_for_a_pool)
{
    compare(5, 0.7, 0.05);
    compare(20, 0.8, 0.05);
    compare(20, 0.9, 0.08);
}

/* Pollaczek and Khinchin: with fixed service the queue waits half as long as with exponential. */
TEST(mean_wait_of_fixed_service_is_half_of_exponential)
{
    struct sim_scenario scenario = world_of(1);
    scenario.duration = 4000 * BASE_SECOND;
    struct sim_load *load = world_load(&scenario, 70, 10 * BASE_MS);
    load->service = (struct sim_dist){.kind = SIM_DIST_FIXED, .a = 10e6};
    struct sim_result *result = world_run(&scenario);
    double expected = 0.7 / (2 * (1 - 0.7)) * 0.01;
    assert_true(fabs(sim_histogram_mean(&result->total.wait) / 1e9 - expected) <= 0.05 * expected);
    sim_result_free(result);
}

/* Little: what is in use is arrivals times holding time, whatever the distributions are. */
TEST(what_is_in_use_is_rate_times_holding_time)
{
    struct sim_scenario scenario = world_of(50);
    scenario.duration = 600 * BASE_SECOND;
    struct sim_load *load = world_load(&scenario, 200, 0);
    load->service = (struct sim_dist){.kind = SIM_DIST_LOGNORMAL, .a = 20e6, .b = 1};
    load->statements = 3;
    load->between = (struct sim_dist){.kind = SIM_DIST_UNIFORM, .a = 1e6, .b = 9e6};
    struct sim_result *result = world_run(&scenario);
    double expected = 200 * (3 * 0.02 * exp(0.5) + 2 * 0.005);
    assert_true(fabs(result->lent_mean - expected) <= 0.03 * expected);
    sim_result_free(result);
}
