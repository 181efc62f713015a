/* metrics_read.h - how a real pool was used, from its metrics: weir's /metrics or what libweir's
 * weir_stats_openmetrics writes.
 *
 * Read are the histograms of holding and waiting, the limit, the ceiling and the start of the
 * process (OpenMetrics 1.0, "Text format"); every other line is passed over. A pool is called
 * "database/user" by weir and by its own name by libweir.
 * Test: tests/unit/sim/test_metrics.c, fuzz/fuzz_metrics.c.
 */
#ifndef SIM_METRICS_READ_H
#define SIM_METRICS_READ_H

#include "base/slice.h"
#include "sim/scenario.h"

#define SIM_METRICS_POOLS 64
#define SIM_METRICS_NAME  130

/* Counts grow since the pool was opened. */
struct sim_metrics_histogram {
    uint32_t bucket_count;
    double upto[SIM_DIST_BUCKETS];  /* seconds, growing; the last may be infinite */
    double below[SIM_DIST_BUCKETS]; /* how many were not longer */
    double count, sum;              /* sum in seconds */
};

struct sim_metrics_pool {
    char name[SIM_METRICS_NAME];
    struct sim_metrics_histogram hold, wait;
    double limit, ceiling; /* 0 = not told */
};

struct sim_metrics {
    double started; /* seconds since 1970; 0 = not told */
    uint32_t pool_count;
    struct sim_metrics_pool pools[SIM_METRICS_POOLS];
};

/* Reads a whole text. BASE_EINVALID with the reason when it is no metrics of weir. */
int sim_metrics_read(struct base_slice text, struct sim_metrics *ret,
                     char reason[256]) BASE_MUST_CHECK;

/* The pool of that name; with NULL the only one. NULL with the reason, which lists the names. */
const struct sim_metrics_pool *sim_metrics_find(const struct sim_metrics *metrics, const char *name,
                                                char reason[256]);

/* What `later` has counted since `earlier`, of the same pool. */
struct sim_metrics_pool sim_metrics_between(const struct sim_metrics_pool *earlier,
                                            const struct sim_metrics_pool *later);

/* The span that `share` of all did not exceed, in seconds, evenly within a bucket. */
double sim_metrics_quantile(const struct sim_metrics_histogram *histogram, double share);

/* Gives a load the arrival rate and the holding times that a pool counted in `span` seconds: a
 * claim is a transaction of the load, its holding time is divided among the statements.
 * BASE_EINVALID with the reason when it counted nothing. */
int sim_metrics_apply(const struct sim_metrics_pool *pool, double span, struct sim_load *load,
                      char reason[256]) BASE_MUST_CHECK;

#endif
