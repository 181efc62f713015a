/* dist.h - spans that are drawn: how long a statement takes, how long a user thinks.
 *
 * Test: tests/unit/sim/test_dist.c.
 */
#ifndef SIM_DIST_H
#define SIM_DIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/random.h"
#include "base/time.h"

#define SIM_DIST_BUCKETS 40

enum sim_dist_kind {
    SIM_DIST_FIXED,       /* always `a` */
    SIM_DIST_EXPONENTIAL, /* mean `a` */
    SIM_DIST_UNIFORM,     /* evenly from `a` to `b` */
    SIM_DIST_LOGNORMAL,   /* median `a`; `b` is sigma of the logarithm: 0.5 mild, 1 wide, 2 wild */
    SIM_DIST_MEASURED,    /* a histogram: evenly within a bucket */
};

struct sim_dist {
    enum sim_dist_kind kind;
    double a, b; /* ns, but for sigma */
    uint32_t bucket_count;
    double bucket_upto[SIM_DIST_BUCKETS];  /* upper ends, growing, ns */
    double bucket_share[SIM_DIST_BUCKETS]; /* of all, sum 1 */
};

/* A span; at most a century. Same random state, same span. */
base_time sim_dist_draw(const struct sim_dist *dist, struct base_random *random);

/* The mean in ns. */
double sim_dist_mean(const struct sim_dist *dist);

/* The same shape, `factor` times as long. */
struct sim_dist sim_dist_scaled(const struct sim_dist *dist, double factor);

/* Reads "8ms", "fixed 8ms", "exponential 8ms", "uniform 1ms 9ms" or "lognormal 8ms 1.0"; a plain
 * span gives SIM_DIST_FIXED. False when it is none of these. */
bool sim_dist_parse(const char *text, struct sim_dist *ret_dist);

/* Reads "250ms", "1.5s", "2min", "1h", "10us", "0" or "never". False otherwise. */
bool sim_span_parse(const char *text, base_time *ret_span);

/* Writes a span as a person would, "12.3 ms"; needs 16 bytes. */
void sim_span_format(double ns, char *out, size_t bytes);

/* Evenly distributed in [0, 1). */
double sim_random_unit(struct base_random *random);

#endif
