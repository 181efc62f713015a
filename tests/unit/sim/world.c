#include "world.h"

struct sim_scenario world_of(uint32_t size)
{
    struct sim_scenario scenario;
    sim_scenario_init(&scenario);
    scenario.limits = (struct sim_limits){SIM_NO_LIMIT, 0, SIM_NO_LIMIT, SIM_NO_LIMIT, 0};
    scenario.connect = (struct sim_dist){.kind = SIM_DIST_FIXED};
    scenario.disconnect = 0;
    scenario.round_trip = 0;
    scenario.pool.kind = SIM_POOL_LIBWEIR;
    scenario.pool.size = size;
    scenario.pool.overflow = 0;
    scenario.pool.max_connecting = size;
    scenario.pool.timeout = BASE_NEVER;
    return scenario;
}

struct sim_load *world_load(struct sim_scenario *scenario, double rate, base_time service)
{
    struct sim_load *load = &scenario->loads[scenario->load_count++];
    sim_load_init(load);
    load->rate = rate;
    load->service = (struct sim_dist){.kind = SIM_DIST_EXPONENTIAL, .a = (double)service};
    return load;
}

struct sim_result *world_run(const struct sim_scenario *scenario)
{
    struct sim_result *result = NULL;
    char text[SIM_ERROR_BYTES];
    if (sim_scenario_check(scenario, text, sizeof(text)) != 0)
        fail_msg("%s", text);
    int r = sim_run(scenario, &result);
    if (r == BASE_ESTATE)
        fail_msg("%s", result->violation);
    assert_int_equal(r, 0);
    return result;
}

struct sim_scenario world_read(const char *text)
{
    struct sim_scenario scenario;
    char error[SIM_ERROR_BYTES];
    if (sim_scenario_read(base_slice_text(text), ".", &scenario, error) != 0)
        fail_msg("%s", error);
    return scenario;
}
