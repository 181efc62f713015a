/* fuzz_metrics.c - metrics of a running pool (src/sim/metrics_read.c).
 *
 * Input: the text. What holds: quantiles are finite and not negative; a load that was accepted has
 * a rate and a mean.
 */
#include "fuzz.h"

#include <math.h>

#include "base/invariant.h"
#include "sim/metrics_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sim_metrics metrics;
    char reason[256];
    struct sim_load load;
    if (sim_metrics_read(base_slice_of(data, size), &metrics, reason) != 0)
        return 0;
    for (uint32_t i = 0; i < metrics.pool_count; i++) {
        const struct sim_metrics_pool *pool = &metrics.pools[i];
        double median = sim_metrics_quantile(&pool->hold, 0.5);
        INVARIANT(median >= 0 && isfinite(median));
        sim_load_init(&load);
        if (sim_metrics_apply(pool, 10, &load, reason) == 0)
            INVARIANT(load.rate > 0 && sim_dist_mean(&load.service) > 0);
        (void)sim_metrics_between(&metrics.pools[0], pool);
    }
    return 0;
}
