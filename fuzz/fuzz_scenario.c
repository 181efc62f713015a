/* fuzz_scenario.c - scenario files (src/sim/toml.c, scenario_read.c).
 *
 * Input: the file. What holds: what is accepted has no problems; what is refused says why.
 */
#include "fuzz.h"

#include <string.h>

#include "base/invariant.h"
#include "sim/scenario_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char error[SIM_ERROR_BYTES];
    static struct sim_scenario scenario;
    struct sim_problems problems;
    /* files that it names would be read: no folder has them */
    int r = sim_scenario_read(base_slice_of(data, size), "/dev/null", &scenario, error);
    INVARIANT(r == 0 || (strlen(error) > 0 && strlen(error) < SIM_ERROR_BYTES));
    if (r == 0) {
        sim_scenario_problems(&scenario, &problems);
        INVARIANT(problems.count == 0);
        sim_scenario_done(&scenario);
    }
    return 0;
}
