/* test_swarm.c - worlds drawn from seeds: no promise of the pool is broken in any of them.
 *
 * Fifty seeds; WEIR_SEEDS=n for more, WEIR_SEED=n to begin elsewhere. A failing seed prints itself:
 * WEIR_SEED=<it> WEIR_SEEDS=1 plays it again.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sim/swarm.h"
#include "world.h"

#define SEEDS 50

static uint64_t number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static struct sim_result *run_seed(uint64_t seed, struct sim_scenario *scenario)
{
    char knobs[200], text[SIM_ERROR_BYTES];
    struct sim_result *result = NULL;
    sim_swarm_describe(sim_swarm(seed, scenario), knobs, sizeof(knobs));
    if (sim_scenario_check(scenario, text, sizeof(text)) != 0)
        fail_msg("seed %llu (%s): %s", (unsigned long long)seed, knobs, text);
    printf("seed %llu (%s)\n", (unsigned long long)seed, knobs);
    fflush(stdout);
    int r = sim_run(scenario, &result);
    if (r != 0)
        fail_msg("%s (%s)", r == BASE_ESTATE ? result->violation : "out of memory", knobs);
    return result;
}

TEST(no_promise_is_broken_in_any_world)
{
    struct sim_scenario *scenario = malloc(sizeof(*scenario));
    uint64_t first = number("WEIR_SEED", 1), count = number("WEIR_SEEDS", SEEDS);
    uint64_t events = 0, failed = 0, requests = 0, ceilings = 0;
    print_message("seeds %llu to %llu\n", (unsigned long long)first,
                  (unsigned long long)(first + count - 1));
    for (uint64_t seed = first; seed < first + count; seed++) {
        struct sim_result *result = run_seed(seed, scenario);
        events += result->core_events;
        requests += result->total.requests;
        failed += sim_result_failed(&result->total);
        ceilings += result->ceiling != SIM_NO_LIMIT;
        sim_result_free(result);
    }
    print_message("%llu events of cores, %llu requests, %llu of them failed, %llu worlds with "
                  "ceilings\n",
                  (unsigned long long)events, (unsigned long long)requests,
                  (unsigned long long)failed, (unsigned long long)ceilings);
    free(scenario);
}

TEST(a_seed_played_again_is_the_same_run)
{
    struct sim_scenario *scenario = malloc(sizeof(*scenario));
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct sim_result *first = run_seed(seed, scenario);
        struct sim_result *second = run_seed(seed, scenario);
        assert_int_equal(first->hash, second->hash);
        assert_int_equal(first->events, second->events);
        assert_memory_equal(&first->total, &second->total, sizeof(first->total));
        assert_memory_equal(first->samples, second->samples, sizeof(first->samples));
        sim_result_free(first);
        sim_result_free(second);
    }
    free(scenario);
}
