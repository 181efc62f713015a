/* metrics.h - the load of a running pool, for `weir simulate` and `weir plan`. */
#ifndef CLI_METRICS_H
#define CLI_METRICS_H

#include "sim/metrics_read.h"

struct cli_metrics {
    const char *source; /* a URL, a file, or two files with a comma; NULL = none */
    const char *pool;   /* NULL = the only one */
    base_time span;     /* 0 = find out */
    double seconds;     /* that the counts are of */
    struct sim_metrics_pool counted;
};

/* Reads `source` and fills `seconds` and `counted`. A URL is read twice, `span` (10 s) apart; of
 * one file the span is from the start of the process to the file's time, of two from one file's
 * time to the other's. False after an error, which has been printed. */
bool cli_metrics_read(struct cli_metrics *metrics);

/* The first load of the scenario gets their rate and holding times; without a load it gets one, and
 * the pool is as large as the one that was measured. False after an error, which has been printed.
 */
bool cli_metrics_apply(const struct cli_metrics *metrics, struct sim_scenario *scenario);

/* A page from the web, malloc'ed, not longer than 16 MB; NULL with the reason. */
char *cli_http_get(const char *url, size_t *ret_bytes, char reason[256]);

#endif
