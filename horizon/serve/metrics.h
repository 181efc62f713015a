/* metrics.h - what the process counts, as OpenMetrics text and as the small JSON of the page's
 * operations view. The pool's own metrics are libweir's (weir_stats_openmetrics).
 */
#ifndef HORIZON_SERVE_METRICS_H
#define HORIZON_SERVE_METRICS_H

#include <weir/weir.h>

struct app;
struct app_counts;
struct request;

/* Counts a request that was answered with that status (0: it broke off) after so long. */
void metrics_count(struct app_counts *counts, unsigned status, weir_time took);

/* GET /metrics, GET /api/operations. */
void metrics_handle(struct request *request);
void operations_handle(struct request *request);

/* A line for the log each minute, and a warning while requests wait; to be called each second. */
void metrics_tell(struct app *app);

#endif
