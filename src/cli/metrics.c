/* metrics.c - from where metrics come and how much time they are of. */
#include "cli/metrics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "sim/scenario_read.h"

#define SPAN_OF_URL (10 * BASE_SECOND)

/* One reading, and when it was taken: seconds since 1970. */
struct reading {
    struct sim_metrics metrics;
    double at;
};

static bool is_url(const char *source)
{
    return strncmp(source, "http://", 7) == 0 || strncmp(source, "https://", 8) == 0;
}

static double time_of_file(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return 0;
    return (double)status.st_mtim.tv_sec + (double)status.st_mtim.tv_nsec / 1e9;
}

static double time_now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static bool read_one(const char *source, struct reading *ret)
{
    char error[SIM_ERROR_BYTES] = "";
    size_t bytes = 0;
    char *text =
        is_url(source) ? cli_http_get(source, &bytes, error) : sim_file_read(source, &bytes, error);
    ret->at = is_url(source) ? time_now() : time_of_file(source);
    bool is_good = text && sim_metrics_read(base_slice_of(text, bytes), &ret->metrics, error) == 0;
    if (!is_good)
        fprintf(stderr, "weir: %s: %s\n", source, error);
    free(text);
    return is_good;
}

static const struct sim_metrics_pool *find(const struct cli_metrics *metrics,
                                           const struct reading *reading)
{
    char reason[256];
    const struct sim_metrics_pool *pool =
        sim_metrics_find(&reading->metrics, metrics->pool, reason);
    if (!pool)
        fprintf(stderr, "weir: metrics_pool: %s\n", reason);
    return pool;
}

/* ---- two readings ---------------------------------------------------------------------------- */

static bool compare(struct cli_metrics *metrics, const struct reading *first,
                    const struct reading *second)
{
    const struct sim_metrics_pool *earlier = find(metrics, first);
    const struct sim_metrics_pool *later = earlier ? find(metrics, second) : NULL;
    if (!later)
        return false;
    metrics->counted = sim_metrics_between(earlier, later);
    metrics->seconds = second->at - first->at;
    return true;
}

static void wait_for(base_time span)
{
    struct timespec left = {(time_t)(span / BASE_SECOND), (long)(span % BASE_SECOND)};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

static bool read_url(struct cli_metrics *metrics, struct reading readings[2])
{
    base_time span = metrics->span ? metrics->span : SPAN_OF_URL;
    if (!read_one(metrics->source, &readings[0]))
        return false;
    fprintf(stderr, "weir: counting for %.0f s at %s\n", (double)span / 1e9, metrics->source);
    wait_for(span);
    return read_one(metrics->source, &readings[1]) && compare(metrics, &readings[0], &readings[1]);
}

static bool read_two(struct cli_metrics *metrics, const char *comma, struct reading readings[2])
{
    char first[4096];
    snprintf(first, sizeof(first), "%.*s", (int)(comma - metrics->source), metrics->source);
    if (!read_one(first, &readings[0]) || !read_one(comma + 1, &readings[1]) ||
        !compare(metrics, &readings[0], &readings[1]))
        return false;
    if (metrics->span)
        metrics->seconds = (double)metrics->span / 1e9;
    return true;
}

/* ---- one reading ----------------------------------------------------------------------------- */

static bool read_file(struct cli_metrics *metrics, struct reading *reading)
{
    if (!read_one(metrics->source, reading))
        return false;
    const struct sim_metrics_pool *pool = find(metrics, reading);
    if (!pool)
        return false;
    double started = reading->metrics.started;
    if (!metrics->span && (started == 0 || reading->at <= started)) {
        fprintf(stderr,
                "weir: %s does not tell how long it has counted: give metrics_span, or two files "
                "with a comma between them\n",
                metrics->source);
        return false;
    }
    metrics->seconds = metrics->span ? (double)metrics->span / 1e9 : reading->at - started;
    metrics->counted = *pool;
    return true;
}

bool cli_metrics_read(struct cli_metrics *metrics)
{
    struct reading *readings = calloc(2, sizeof(*readings));
    const char *comma = strchr(metrics->source, ',');
    bool is_good;
    if (!readings) {
        fputs("weir: out of memory\n", stderr);
        return false;
    }
    if (is_url(metrics->source))
        is_good = read_url(metrics, readings);
    else if (comma)
        is_good = read_two(metrics, comma, readings);
    else
        is_good = read_file(metrics, readings);
    free(readings);
    return is_good;
}

/* ---- the scenario ---------------------------------------------------------------------------- */

/* The pool that was measured, alone. */
static void init_alone(const struct sim_metrics_pool *pool, struct sim_scenario *scenario)
{
    double size = pool->ceiling > 0 && pool->ceiling < pool->limit ? pool->ceiling : pool->limit;
    scenario->pool.kind = SIM_POOL_LIBWEIR;
    scenario->pool.size = size >= 1 ? (uint32_t)size : 20;
    scenario->pool.overflow = 0;
    scenario->limits.max_connections = SIM_NO_LIMIT;
    scenario->round_trip = 0; /* it is part of the holding time */
    snprintf(scenario->name, sizeof(scenario->name), "%.60s", pool->name);
    struct sim_load *load = &scenario->loads[scenario->load_count++];
    sim_load_init(load);
    snprintf(load->name, sizeof(load->name), "as measured");
}

bool cli_metrics_apply(const struct cli_metrics *metrics, struct sim_scenario *scenario)
{
    char reason[256];
    if (scenario->load_count == 0)
        init_alone(&metrics->counted, scenario);
    if (sim_metrics_apply(&metrics->counted, metrics->seconds, &scenario->loads[0], reason) == 0)
        return true;
    fprintf(stderr, "weir: %s: %s\n", metrics->source, reason);
    return false;
}
