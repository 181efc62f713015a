/* test_incident.c - the incident and its remedies, in virtual time. */
#include <stdlib.h>

#include "world.h"

static const char incident[] = "give_up = \"30s\"\n"
                               "[database]\n"
                               "plan = \"heroku-essential-0\"\n"
                               "[application]\n"
                               "processes = 2\n"
                               "pool = \"sqlalchemy\"\n"
                               "pool_size = 20\n"
                               "max_overflow = 10\n"
                               "[[load]]\n"
                               "rate = 40\n"
                               "requests = 5\n"
                               "transactions = 2\n"
                               "service = \"exponential 20ms\"\n";

TEST(the_incident_as_it_was_fails_and_uses_all_twenty)
{
    struct sim_scenario scenario = world_read(incident);
    struct sim_result *result = world_run(&scenario);
    assert_true(result->total.outcomes[SIM_REFUSED] > 100);
    assert_true(result->total.pages_failed > 20);
    assert_int_equal(result->room, 20);
    assert_int_equal(result->peak_connected, 20);
    sim_result_free(result);
}

TEST(the_same_application_through_weir_fails_nothing)
{
    struct sim_scenario scenario = world_read(incident);
    scenario.has_weir = true;
    struct sim_result *result = world_run(&scenario);
    assert_int_equal(sim_result_failed(&result->total), 0);
    assert_int_equal(result->peak_connected, 20);
    assert_int_equal(result->refused_connects, 0);
    sim_result_free(result);
}

TEST(a_weir_that_was_told_too_much_learns_the_ceiling)
{
    struct sim_scenario scenario = world_read(incident);
    scenario.has_weir = true;
    scenario.weir.size = 30;
    scenario.loads[0].rate = 80;
    struct sim_result *result = world_run(&scenario);
    assert_int_equal(sim_result_failed(&result->total), 0);
    assert_int_equal(result->ceiling, 20);
    assert_true(result->refused_connects >= 1 && result->refused_connects <= 20);
    sim_result_free(result);
}

TEST(libweir_in_both_processes_shares_the_twenty)
{
    struct sim_scenario scenario = world_read(incident);
    scenario.pool.kind = SIM_POOL_LIBWEIR;
    struct sim_result *result = world_run(&scenario);
    assert_int_equal(sim_result_failed(&result->total), 0);
    assert_int_equal(result->peak_connected, 20);
    sim_result_free(result);
}

TEST(a_session_mode_pooler_refuses_the_sixteenth_client)
{
    struct sim_scenario scenario = world_read(incident);
    scenario.pooler_clients = 15;
    struct sim_result *result = world_run(&scenario);
    assert_int_equal(result->peak_connected, 15);
    assert_true(result->total.outcomes[SIM_REFUSED] > 0);
    sim_result_free(result);
    scenario.pool.kind = SIM_POOL_LIBWEIR;
    result = world_run(&scenario);
    assert_int_equal(sim_result_failed(&result->total), 0);
    sim_result_free(result);
}

TEST(one_seed_is_one_run_and_another_seed_is_another)
{
    struct sim_scenario scenario = world_read(incident);
    scenario.has_weir = true;
    struct sim_result *first = world_run(&scenario), *second = world_run(&scenario);
    assert_memory_equal(first->loads, second->loads, sizeof(*first->loads));
    struct sim_load_result *loads[] = {first->loads, second->loads};
    first->loads = second->loads = NULL;
    assert_memory_equal(first, second, sizeof(*first));
    free(loads[0]);
    free(loads[1]);
    scenario.seed = 2;
    struct sim_result *other = world_run(&scenario);
    assert_true(other->hash != first->hash);
    sim_result_free(first);
    sim_result_free(second);
    sim_result_free(other);
}
