/* text.c - statistics as a line for a log and as OpenMetrics.
 * Test: tests/unit/lib/test_stats.c. */
#include "lib/lib.h"

#include <stdarg.h>
#include <string.h>

/* Writes as far as there is room and counts all of it, as snprintf does. */
struct out {
    char *text;
    size_t bytes, length;
};

static void put(struct out *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct out *out, const char *format, ...)
{
    size_t room = out->length < out->bytes ? out->bytes - out->length : 0;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(room > 0 ? out->text + out->length : NULL, room, format, arguments);
    va_end(arguments);
    if (length > 0)
        out->length += (size_t)length;
}

int weir_stats_line(const struct weir_stats *stats, char *text, size_t bytes)
{
    struct out out = {.text = text, .bytes = bytes};
    if (stats == NULL || (text == NULL && bytes > 0))
        return WEIR_EINVALID;
    put(&out, "pool size=%u checked_out=%u overflow=%u waiting=%u ceiling=", stats->pool_size,
        stats->checked_out, stats->overflow, stats->waiting);
    if (stats->ceiling != WEIR_NO_LIMIT)
        put(&out, "%u", stats->ceiling);
    else if (stats->grant != WEIR_NO_LIMIT)
        put(&out, "%u", stats->grant);
    else
        put(&out, "unknown");
    put(&out, " idle=%u connecting=%u takes=%llu timeouts=%llu", stats->idle, stats->connecting,
        (unsigned long long)stats->takes, (unsigned long long)stats->timeouts);
    return (int)out.length;
}

/* ---- OpenMetrics ----------------------------------------------------------------------------- */

struct metric {
    const char *name, *help;
    double value;
};

/* A label's value: backslash, quote and newline are escaped (OpenMetrics 1.0, "Text format"). */
static void put_label(struct out *out, const char *name)
{
    for (const char *at = name == NULL ? "" : name; *at != '\0'; at++) {
        if (*at == '\n')
            put(out, "\\n");
        else
            put(out, "%s%c", *at == '"' || *at == '\\' ? "\\" : "", *at);
    }
}

static void put_family(struct out *out, const char *type, const struct metric *metrics,
                       size_t count, const char *name)
{
    bool is_counter = type[0] == 'c';
    for (size_t i = 0; i < count; i++) {
        put(out, "# TYPE weir_pool_%s %s\n# HELP weir_pool_%s %s\nweir_pool_%s%s{pool=\"",
            metrics[i].name, type, metrics[i].name, metrics[i].help, metrics[i].name,
            is_counter ? "_total" : "");
        put_label(out, name);
        if (metrics[i].value > 1e300)
            put(out, "\"} +Inf\n");
        else
            put(out, "\"} %.15g\n", metrics[i].value);
    }
}

static void put_histogram(struct out *out, const char *metric, const char *help,
                          const uint64_t *counts, weir_time total, const char *name)
{
    uint64_t sum = 0;
    put(out,
        "# TYPE weir_pool_%s_seconds histogram\n# UNIT weir_pool_%s_seconds seconds\n"
        "# HELP weir_pool_%s_seconds %s\n",
        metric, metric, metric, help);
    for (unsigned i = 0; i < WEIR_BUCKETS; i++) {
        sum += counts[i];
        put(out, "weir_pool_%s_seconds_bucket{pool=\"", metric);
        put_label(out, name);
        if (i + 1 < WEIR_BUCKETS)
            put(out, "\",le=\"%.15g\"} %llu\n", 1e-6 * (double)(1ull << i),
                (unsigned long long)sum);
        else
            put(out, "\",le=\"+Inf\"} %llu\n", (unsigned long long)sum);
    }
    put(out, "weir_pool_%s_seconds_sum{pool=\"", metric);
    put_label(out, name);
    put(out, "\"} %.15g\nweir_pool_%s_seconds_count{pool=\"", (double)total / 1e9, metric);
    put_label(out, name);
    put(out, "\"} %llu\n", (unsigned long long)sum);
}

int weir_stats_openmetrics(const struct weir_stats *stats, const char *name, char *text,
                           size_t bytes)
{
    if (stats == NULL || (text == NULL && bytes > 0))
        return WEIR_EINVALID;
    struct out out = {.text = text, .bytes = bytes};
    const struct metric gauges[] = {
        {"size", "Connections kept (pool_size).", stats->pool_size},
        {"limit", "pool_size + max_overflow.", stats->limit},
        {"ceiling", "Connections the server accepts, as learned; +Inf when unknown.",
         stats->ceiling == WEIR_NO_LIMIT ? __builtin_inf() : stats->ceiling},
        {"checked_out", "Connections lent.", stats->checked_out},
        {"idle", "Connections that wait to be lent.", stats->idle},
        {"overflow", "Connections beyond pool_size.", stats->overflow},
        {"connecting", "Connects under way.", stats->connecting},
        {"waiting", "Callers that wait.", stats->waiting},
        {"oldest_wait_seconds", "How long the first in line has waited.",
         (double)stats->oldest_wait / 1e9},
        {"suggested_size", "Connections that Little's law asks for; 0 when not known yet.",
         stats->suggested_size},
    };
    const struct metric counters[] = {
        {"takes", "Connections lent so far.", (double)stats->takes},
        {"timeouts", "Takes that timed out.", (double)stats->timeouts},
        {"refusals", "Takes refused for other reasons.", (double)stats->refusals},
        {"deadlocks", "Takes that could never have succeeded.", (double)stats->deadlocks},
        {"connects", "Connects begun.", (double)stats->connects},
        {"connect_failures", "Connects that failed.", (double)stats->connect_failures},
    };
    put_family(&out, "gauge", gauges, sizeof(gauges) / sizeof(gauges[0]), name);
    put_family(&out, "counter", counters, sizeof(counters) / sizeof(counters[0]), name);
    put_histogram(&out, "wait", "How long takes waited.", stats->wait_count, stats->wait_total,
                  name);
    put_histogram(&out, "hold", "How long connections were held.", stats->hold_count,
                  stats->hold_total, name);
    return (int)out.length;
}
