/* world.h - scenarios for tests of the simulator, and runs that must keep every promise. */
#ifndef TEST_SIM_WORLD_H
#define TEST_SIM_WORLD_H

#include "sim/result.h"
#include "sim/scenario_read.h"
#include "test.h"

/* One process with libweir's pool of `size` and nothing in the way: no network, connects at once.
 */
struct sim_scenario world_of(uint32_t size);

/* A Poisson load with exponential service; returns it. */
struct sim_load *world_load(struct sim_scenario *scenario, double rate, base_time service);

/* Runs; a broken promise fails the test with its text. Freed with sim_result_free. */
struct sim_result *world_run(const struct sim_scenario *scenario);

/* A scenario from text, which must be good. */
struct sim_scenario world_read(const char *text);

#endif
