/* histogram.c - buckets: 0 to 63 ns one by one, then 64 for each doubling. */
#include "sim/histogram.h"

#include <math.h>

#include "base/invariant.h"

static uint32_t bucket_of(base_time span)
{
    if (span < SIM_HISTOGRAM_SUB)
        return (uint32_t)span;
    uint32_t shift = 63 - (uint32_t)__builtin_clzll(span) - 6;
    return SIM_HISTOGRAM_SUB * shift + (uint32_t)(span >> shift);
}

/* The largest span in a bucket. */
static base_time upper_end(uint32_t bucket)
{
    if (bucket < SIM_HISTOGRAM_SUB)
        return bucket;
    uint32_t shift = bucket / SIM_HISTOGRAM_SUB - 1;
    base_time mantissa = bucket - SIM_HISTOGRAM_SUB * shift;
    return ((mantissa + 1) << shift) - 1;
}

void sim_histogram_add(struct sim_histogram *histogram, base_time span)
{
    uint32_t bucket = bucket_of(span);
    INVARIANT(bucket < SIM_HISTOGRAM_SIZE);
    histogram->buckets[bucket]++;
    histogram->count++;
    histogram->sum += (double)span;
    if (span > histogram->max)
        histogram->max = span;
}

base_time sim_histogram_quantile(const struct sim_histogram *histogram, double share)
{
    double wanted = ceil(share * (double)histogram->count);
    uint64_t seen = 0;
    for (uint32_t i = 0; i < SIM_HISTOGRAM_SIZE && histogram->count > 0; i++) {
        seen += histogram->buckets[i];
        if ((double)seen >= wanted && seen > 0) {
            base_time end = upper_end(i);
            return end < histogram->max ? end : histogram->max;
        }
    }
    return histogram->max;
}

double sim_histogram_mean(const struct sim_histogram *histogram)
{
    return histogram->count ? histogram->sum / (double)histogram->count : 0;
}
