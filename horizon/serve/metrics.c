/* metrics.c - see metrics.h. */
#include "serve/metrics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <microhttpd.h>

#include "serve/app.h"
#include "serve/http.h"
#include "serve/log.h"
#include "serve/request.h"
#include "serve/sentinel.h"

#define POOL_TEXT_BYTES 32768
#define WARNING_S       10 /* at most one warning in so many seconds */
#define US_PER_MS       1000.0

/* The statuses that are counted by themselves; 0 takes all others, broken off ones among them. */
static const unsigned statuses[APP_STATUSES] = {0,   200, 201, 204, 304, 400, 401, 404,
                                                405, 409, 413, 422, 429, 500, 503, 504};

void metrics_count(struct app_counts *counts, unsigned status, weir_time took)
{
    size_t at = 0, bucket = 0;
    for (size_t i = 1; i < APP_STATUSES; i++) {
        at = statuses[i] == status ? i : at;
    }
    while (bucket + 1 < WEIR_BUCKETS && took >= WEIR_US << bucket) {
        bucket++;
    }
    counts->by_status[at]++;
    counts->duration_count[bucket]++;
    counts->duration_total += took;
}

/* ---- OpenMetrics -----------------------------------------------------------------------------
 */

static void write_counter(FILE *out, const char *name, const char *help, uint64_t value)
{
    fprintf(out, "# TYPE %s counter\n# HELP %s %s\n%s_total %llu\n", name, name, help, name,
            (unsigned long long)value);
}

static void write_gauge(FILE *out, const char *name, const char *help, double value)
{
    fprintf(out, "# TYPE %s gauge\n# HELP %s %s\n%s %.15g\n", name, name, help, name, value);
}

static void write_statuses(FILE *out, struct app_counts *counts)
{
    fputs("# TYPE horizon_http_requests counter\n"
          "# HELP horizon_http_requests Requests that were answered, by status; other = broken off "
          "or another status.\n",
          out);
    for (size_t i = 0; i < APP_STATUSES; i++) {
        char name[16] = "other";
        if (statuses[i] > 0) {
            snprintf(name, sizeof(name), "%u", statuses[i]);
        }
        fprintf(out, "horizon_http_requests_total{status=\"%s\"} %llu\n", name,
                (unsigned long long)counts->by_status[i]);
    }
}

static void write_durations(FILE *out, struct app_counts *counts)
{
    static const char name[] = "horizon_http_request_duration_seconds";
    uint64_t sum = 0;
    fprintf(
        out,
        "# TYPE %s histogram\n# UNIT %s seconds\n# HELP %s From headers to the last byte of the "
        "answer.\n",
        name, name, name);
    for (size_t i = 0; i < WEIR_BUCKETS; i++) {
        sum += counts->duration_count[i];
        if (i + 1 == WEIR_BUCKETS) {
            fprintf(out, "%s_bucket{le=\"+Inf\"} %llu\n", name, (unsigned long long)sum);
        } else {
            fprintf(out, "%s_bucket{le=\"%.10g\"} %llu\n", name,
                    (double)(WEIR_US << i) / (double)WEIR_SECOND, (unsigned long long)sum);
        }
    }
    fprintf(out, "%s_sum %.9f\n%s_count %llu\n", name,
            (double)counts->duration_total / (double)WEIR_SECOND, name, (unsigned long long)sum);
}

static void write_lines(FILE *out, struct app *app)
{
    unsigned threads;
    size_t waiting;
    line_count(app->workers, &threads, &waiting);
    write_gauge(out, "horizon_workers", "Threads that do requests with the database.", threads);
    write_gauge(out, "horizon_requests_queued", "Requests that wait for such a thread.",
                (double)waiting);
    write_gauge(out, "horizon_http_connections", "Clients that are connected.",
                (double)http_connections(app->http));
    write_gauge(out, "horizon_http_requests_in_flight", "Requests without a complete answer.",
                (double)app->counts.in_flight);
    write_gauge(out, "horizon_uptime_seconds", "Since the process started.",
                (double)(weir_now() - app->started) / (double)WEIR_SECOND);
}

static void write_pool(FILE *out, const struct app *app)
{
    struct weir_stats stats;
    char *text = malloc(POOL_TEXT_BYTES);
    if (text && weir_pool_stats(app->pool, &stats) == 0 &&
        weir_stats_openmetrics(&stats, "horizon", text, POOL_TEXT_BYTES) < POOL_TEXT_BYTES) {
        fputs(text, out);
    }
    free(text);
}

void metrics_handle(struct request *request)
{
    struct app *app = request->app;
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    if (!out) {
        return;
    }
    write_pool(out, app);
    write_statuses(out, &app->counts);
    write_durations(out, &app->counts);
    write_lines(out, app);
    write_counter(out, "horizon_user_cache_hits", "Requests whose user was remembered.",
                  app->counts.user_hits);
    write_counter(out, "horizon_user_cache_misses", "Requests that asked for their user.",
                  app->counts.user_misses);
    write_counter(out, "horizon_user_limit_refusals",
                  "Requests refused because their user had too many others (503 user_limit).",
                  app->counts.user_refusals);
    fputs("# EOF\n", out);
    if (fclose(out) != 0) {
        free(text);
        return;
    }
    reply_text(&request->reply, MHD_HTTP_OK,
               "application/openmetrics-text; version=1.0.0; charset=utf-8", text, bytes);
}

/* ---- operations ------------------------------------------------------------------------------
 */

static json_t *limit_or_null(uint32_t limit)
{
    return limit == WEIR_NO_LIMIT ? json_null() : json_integer(limit);
}

static double ms(weir_time span)
{
    return round((double)span / (double)WEIR_US) / US_PER_MS; /* three decimals */
}

/* The numbers of what the server said are null until it was asked. */
static json_t *said(const struct sentinel_answer *answer, uint32_t number)
{
    return answer->is_asked ? limit_or_null(number) : json_null();
}

static json_t *pool_json(const struct app *app, const struct weir_stats *stats,
                         const struct sentinel_answer *answer)
{
    json_t *pool = json_pack(
        "{s:I, s:I, s:o, s:I, s:I, s:I, s:I, s:f, s:f}", "size", (json_int_t)stats->pool_size,
        "limit", (json_int_t)stats->limit, "ceiling", limit_or_null(stats->ceiling), "in_use",
        (json_int_t)stats->checked_out, "idle", (json_int_t)stats->idle, "connecting",
        (json_int_t)stats->connecting, "waiting", (json_int_t)stats->waiting, "oldest_wait_ms",
        ms(stats->oldest_wait), "oldest_hold_ms", ms(stats->oldest_hold));
    json_t *more = json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:b, s:o, s:o, s:o, s:o, s:I}", "takes",
        (json_int_t)stats->takes, "timeouts", (json_int_t)stats->timeouts, "refusals",
        (json_int_t)stats->refusals, "connects", (json_int_t)stats->connects, "connect_failures",
        (json_int_t)stats->connect_failures, "backing_off", stats->is_backing_off, "last_failure",
        stats->last_failure ? json_string(weir_status_text(stats->last_failure)) : json_null(),
        "server_max", said(answer, answer->limits.server), "role_limit",
        said(answer, answer->limits.role), "suggested_size",
        stats->suggested_size ? json_integer(stats->suggested_size) : json_null(), "overflow_max",
        (json_int_t)app->settings->max_overflow);
    json_object_update(pool, more);
    json_decref(more);
    return pool;
}

static json_t *histogram_json(const uint64_t count[WEIR_BUCKETS])
{
    json_t *upper = json_array(), *counts = json_array();
    for (size_t i = 0; i < WEIR_BUCKETS; i++) {
        json_array_append_new(upper,
                              i + 1 == WEIR_BUCKETS ? json_null() : json_real(ms(WEIR_US << i)));
        json_array_append_new(counts, json_integer((json_int_t)count[i]));
    }
    return json_pack("{s:o, s:o}", "upper_ms", upper, "count", counts);
}

static json_t *http_json(struct app *app)
{
    unsigned threads;
    size_t waiting;
    json_t *by_status = json_object();
    for (size_t i = 0; i < APP_STATUSES; i++) {
        char name[16] = "other";
        if (statuses[i] > 0) {
            snprintf(name, sizeof(name), "%u", statuses[i]);
        }
        if (app->counts.by_status[i] > 0) {
            json_object_set_new(by_status, name,
                                json_integer((json_int_t)app->counts.by_status[i]));
        }
    }
    line_count(app->workers, &threads, &waiting);
    return json_pack("{s:I, s:I, s:o, s:I, s:I, s:I}", "requests", (json_int_t)app->counts.requests,
                     "in_flight", (json_int_t)app->counts.in_flight, "by_status", by_status,
                     "connections", (json_int_t)http_connections(app->http), "workers",
                     (json_int_t)threads, "queued", (json_int_t)waiting);
}

void operations_handle(struct request *request)
{
    struct app *app = request->app;
    struct weir_stats stats;
    struct sentinel_answer answer;
    if (weir_pool_stats(app->pool, &stats) != 0) {
        return;
    }
    sentinel_answer(app->sentinel, &answer);
    reply_json(
        &request->reply, MHD_HTTP_OK,
        json_pack("{s:o, s:o, s:o, s:o, s:{s:i, s:I, s:I, s:s, s:b}, s:I, s:I, s:o, s:o, s:o}",
                  "pool", pool_json(app, &stats, &answer), "wait_histogram",
                  histogram_json(stats.wait_count), "hold_histogram",
                  histogram_json(stats.hold_count), "http", http_json(app), "process", "pid",
                  (int)getpid(), "processes", (json_int_t)app->settings->processes, "uptime_s",
                  (json_int_t)((weir_now() - app->started) / WEIR_SECOND), "version", WEIR_VERSION,
                  "draining", (int)app->is_draining, "asked_for",
                  (json_int_t)app->settings->pool_size + app->settings->max_overflow, "using",
                  (json_int_t)stats.limit, "granted", said(&answer, answer.share.granted),
                  "using_all", said(&answer, answer.share.in_use), "notice",
                  answer.notice[0] ? json_string(answer.notice) : json_null()));
}

/* ---- the log ---------------------------------------------------------------------------------
 */

void metrics_tell(struct app *app)
{
    static weir_time told, warned; /* one caller: the main thread */
    struct weir_stats stats;
    char line[512];
    weir_time now = weir_now();
    if (weir_pool_stats(app->pool, &stats) != 0) {
        return;
    }
    weir_stats_line(&stats, line, sizeof(line));
    if (stats.waiting > 0 && now - warned > WARNING_S * WEIR_SECOND) {
        warned = now;
        log_write(LOG_LEVEL_WARNING, "saturated: every connection is in use: %s", line);
    }
    weir_time span = (weir_time)app->settings->summary_s * WEIR_SECOND;
    if (span > 0 && now - told >= span) {
        if (told > 0) {
            log_write(LOG_LEVEL_INFO, "%s; %llu requests, %llu in flight, %zu clients", line,
                      (unsigned long long)app->counts.requests,
                      (unsigned long long)app->counts.in_flight, http_connections(app->http));
        }
        told = now;
    }
}
