/* counters.h - the pool's counters of a horizon, which may be several processes.
 *
 * They come from /api/operations, which is answered by any one of the processes: it is asked again
 * over new connections until all have been seen, COUNTERS_TRIES times at most.
 */
#ifndef HORIZON_VERIFY_COUNTERS_H
#define HORIZON_VERIFY_COUNTERS_H

#include "verify/fetch.h"

#define COUNTERS_PROCESSES_MAX 64
#define COUNTERS_TRIES         256

struct counter {
    double pid, timeouts, refusals, connect_failures, waiting, limit;
};

struct counters {
    struct counter of[COUNTERS_PROCESSES_MAX];
    size_t count;
};

struct verify_report;

/* False after `why`. */
bool counters_read(struct fetcher *fetcher, struct counters *ret_counters,
                   char why[FETCH_WHY_BYTES]);

/* What each process has counted since `before`; a process that was not seen then, since its start.
 */
void counters_compare(const struct counters *before, const struct counters *after,
                      struct verify_report *report);

#endif
