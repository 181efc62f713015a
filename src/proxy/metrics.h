/* metrics.h - what /metrics says, as OpenMetrics 1.0 text. */
#ifndef PROXY_METRICS_H
#define PROXY_METRICS_H

#include <stdio.h>

#include "base/status.h"

struct proxy;

#define PROXY_METRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* Writes everything, "# EOF" included. Errors: BASE_ENOMEM. */
int proxy_metrics_write(const struct proxy *proxy, FILE *out) BASE_MUST_CHECK;

#endif
