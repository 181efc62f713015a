/* test_sizing.c - the smallest settings, against closed forms and against one less. */
#include <math.h>
#include <stdlib.h>

#include "sim/sizing.h"
#include "world.h"

/* One process, exponential statements of 10 ms, `use` of them at work on average. */
static struct sim_scenario scenario_of(double use)
{
    struct sim_scenario scenario = world_of(1);
    scenario.pool.timeout = 30 * BASE_SECOND;
    (void)world_load(&scenario, use / 0.01, 10 * BASE_MS);
    return scenario;
}

static struct sizing_answer search(const struct sizing_question *question)
{
    struct sizing_answer answer;
    char text[256];
    if (sizing_search(question, &answer, text) != 0)
        fail_msg("%s", text);
    return answer;
}

/* The share of an M/M/c queue that waits longer than t is Erlang's C times exp(-(c mu - lambda) t)
 * (Kleinrock, "Queueing Systems", 1975, volume 1, 3.5). */
static double wait_p99(uint32_t servers, double load, double service)
{
    double b = 1;
    for (uint32_t i = 1; i <= servers; i++)
        b = load * b / (i + load * b);
    double c = b / (1 - load / servers * (1 - b));
    return c <= 0.01 ? 0 : log(c / 0.01) / ((servers - load) / service);
}

TEST(sizing_finds_the_size_that_erlang_c_asks_for)
{
    struct sim_scenario scenario = scenario_of(8);
    struct sizing_question question = {&scenario, 40, 5 * BASE_MS, false};
    uint32_t expected = 9;
    while (wait_p99(expected, 8, 0.01) > 0.005)
        expected++;
    struct sizing_answer answer = search(&question);
    print_message("size %u, Erlang C asks for %u\n", answer.options[SIZING_OWN].run.size, expected);
    assert_true(answer.options[SIZING_OWN].is_found);
    assert_in_range(answer.options[SIZING_OWN].run.size, expected - 1, expected + 1);
    assert_in_range(answer.options[SIZING_WEIR].run.size, expected - 1, expected + 1);
    assert_true(fabs(answer.busy - 8) < 0.4); /* Little's law */
    assert_false(answer.thumb.is_good);
    assert_true(answer.options[SIZING_OWN].load_most > 1);
}

TEST(sizing_says_what_would_do_when_nothing_fits)
{
    struct sim_scenario scenario = scenario_of(8);
    struct sizing_question question = {&scenario, 6, 5 * BASE_MS, false};
    struct sizing_answer answer = search(&question);
    const struct sizing_remedy *remedy = &answer.remedies[SIZING_OWN];
    assert_false(answer.options[SIZING_OWN].is_found || answer.options[SIZING_WEIR].is_found);
    assert_in_range(remedy->room, 9, 16);
    assert_true(remedy->service > 0.1 && remedy->service < 0.75);
    /* what is said to be enough is enough */
    question.room = remedy->room;
    assert_true(search(&question).options[SIZING_OWN].run.wait_p99 <= 7 * BASE_MS);
}

TEST(sizing_gives_each_of_many_processes_less_than_they_need_together)
{
    struct sim_scenario scenario = scenario_of(8);
    scenario.processes = 5;
    struct sizing_question question = {&scenario, 60, 5 * BASE_MS, false};
    struct sizing_answer answer = search(&question);
    const struct sizing_option *own = &answer.options[SIZING_OWN];
    const struct sizing_option *weir = &answer.options[SIZING_WEIR];
    assert_true(own->is_found && weir->is_found);
    assert_true(own->run.total > weir->run.total); /* what pools of their own cost */
    question.is_overlapping = true;
    struct sizing_answer overlapping = search(&question);
    assert_true(overlapping.options[SIZING_OWN].run.total <= 60);
}

TEST(sizing_finds_the_users_at_whom_an_oversized_pool_is_refused)
{
    struct sim_scenario scenario = scenario_of(1);
    uint32_t users = 0;
    enum sim_outcome outcome = SIM_OK;
    char text[256];
    scenario.pool.kind = SIM_POOL_SQLALCHEMY;
    scenario.pool.size = 30;
    scenario.limits.role = 20;
    scenario.loads[0].rate = 0;
    scenario.loads[0].users = 1;
    scenario.loads[0].requests = 5;
    scenario.loads[0].think = (struct sim_dist){.kind = SIM_DIST_EXPONENTIAL, .a = 1e8};
    assert_int_equal(sizing_users(&scenario, &users, &outcome, text), 0);
    assert_in_range(users, 5, 40); /* four users of five requests are 20 */
    assert_int_equal(outcome, SIM_REFUSED);
    scenario.pool.size = 20;
    assert_int_equal(sizing_users(&scenario, &users, &outcome, text), 0);
    assert_true(outcome != SIM_REFUSED);
}
