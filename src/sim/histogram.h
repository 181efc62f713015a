/* histogram.h - spans counted in buckets of 1.6 %, with exact mean and maximum.
 *
 * Quantiles are the upper end of their bucket, so never too small, at most 1.6 % too large.
 * Test: tests/unit/sim/test_histogram.c.
 */
#ifndef SIM_HISTOGRAM_H
#define SIM_HISTOGRAM_H

#include <stdint.h>

#include "base/time.h"

#define SIM_HISTOGRAM_SUB  64 /* buckets per doubling */
#define SIM_HISTOGRAM_SIZE (SIM_HISTOGRAM_SUB * 59)

struct sim_histogram {
    uint64_t count;
    double sum; /* ns */
    base_time max;
    uint32_t buckets[SIM_HISTOGRAM_SIZE];
};

void sim_histogram_add(struct sim_histogram *histogram, base_time span);

/* The span that `share` (0 to 1) of all do not exceed; 0 when there is none. */
base_time sim_histogram_quantile(const struct sim_histogram *histogram, double share);

double sim_histogram_mean(const struct sim_histogram *histogram);

#endif
