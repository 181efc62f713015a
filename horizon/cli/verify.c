/* verify.c - horizon verify URL. Test: tests/system/test_horizon_verify.py. */
#include "verify/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static const char help[] =
    "usage: horizon verify URL [--user LOGIN] [--password-file FILE] [OPTION...]\n"
    "\n"
    "Logs in, loads the page's five requests at once, and checks that the watched assets and the\n"
    "benchmark are there and agree across all five, that no request failed and that the pool has\n"
    "counted no time-out, no refusal and no failed connect meanwhile. Exit code 0: all is well.\n"
    "\n"
    "    --user LOGIN           demo\n"
    "    --password-file FILE   its first line; - is standard input; else asked for\n"
    "    --pages N              pages to load; 1\n"
    "    --concurrency M        pages at a time, 5 requests each; 1\n"
    "    --assets N             watched at least; 4\n"
    "    --benchmark SYMBOL     ^SPX\n"
    "    --p99 MILLISECONDS     fail when 1 of 100 pages takes longer\n"
    "    --sample N             look into every N-th page only, into the others' statuses; 1\n"
    "    --json                 report as JSON\n";

struct request {
    const char *user, *password_file, *pages, *concurrency, *assets, *p99, *sample;
    bool is_json, is_help;
    struct verify_order order;
    double p99_seconds; /* 0 = any */
};

/* ---- report ---------------------------------------------------------------------------------- */

static void print_json(const struct verify_report *report, bool is_good)
{
    json_t *failures = json_array();
    for (size_t i = 0; i < report->failure_kinds; i++)
        json_array_append_new(failures, json_pack("{s:s, s:I}", "what", report->failures[i].text,
                                                  "count", (json_int_t)report->failures[i].count));
    json_t *json = json_pack(
        "{s:b, s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:I, s:I, s:I, s:I, s:I, s:o}",
        "verified", (int)is_good, "pages_good", (json_int_t)report->pages_good, "pages_wrong",
        (json_int_t)report->pages_wrong, "requests_good", (json_int_t)report->requests_good,
        "requests_failed", (json_int_t)report->requests_failed, "request_p50_s",
        report->request_p50, "request_p99_s", report->request_p99, "page_p50_s", report->page_p50,
        "page_p99_s", report->page_p99, "pages_per_second", report->pages_per_second, "processes",
        (json_int_t)report->processes, "pool_timeouts", (json_int_t)report->timeouts,
        "pool_refusals", (json_int_t)report->refusals, "pool_connect_failures",
        (json_int_t)report->connect_failures, "pool_limit", (json_int_t)report->limit, "failures",
        failures);
    if (json)
        json_dumpf(json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    puts("");
    json_decref(json);
}

static void print_text(const struct request *request, const struct verify_report *report)
{
    printf("%zu pages at %s, %zu at a time: %.0f pages per second\n", request->order.pages,
           request->order.url, request->order.concurrency, report->pages_per_second);
    printf("requests  %6zu good, %zu failed  p50 %.1f ms, p99 %.1f ms\n", report->requests_good,
           report->requests_failed, report->request_p50 * 1e3, report->request_p99 * 1e3);
    printf("pages     %6zu good, %zu wrong   p50 %.1f ms, p99 %.1f ms\n", report->pages_good,
           report->pages_wrong, report->page_p50 * 1e3, report->page_p99 * 1e3);
    if (report->pages_good > 0)
        printf("data      %zu assets against %s over %zu days, as of %s, version %s\n",
               report->assets, request->order.wish.benchmark, report->days, report->as_of,
               report->version);
    printf(
        "pool      %.0f time-outs, %.0f refusals, %.0f failed connects; %.0f connections in each "
        "of %zu processes\n",
        report->timeouts, report->refusals, report->connect_failures, report->limit,
        report->processes);
    for (size_t i = 0; i < report->failure_kinds; i++)
        printf("%6zu x   %s\n", report->failures[i].count, report->failures[i].text);
}

static int judge(const struct request *request, const struct verify_report *report)
{
    bool is_slow = request->p99_seconds > 0 && report->page_p99 > request->p99_seconds;
    bool is_good = verify_is_good(report) && !is_slow;
    if (request->is_json)
        print_json(report, is_good);
    else
        print_text(request, report);
    if (is_slow)
        return cli_fail("not verified: 1 of 100 pages took %.0f ms and more, %.0f are allowed",
                        report->page_p99 * 1e3, request->p99_seconds * 1e3);
    if (!is_good)
        return cli_fail("not verified: %zu requests failed, %zu pages were wrong, the pool counted "
                        "%.0f errors",
                        report->requests_failed, report->pages_wrong,
                        report->timeouts + report->refusals + report->connect_failures);
    if (!request->is_json)
        puts("verified");
    return CLI_DONE;
}

/* ---- options --------------------------------------------------------------------------------- */

/* A whole number from 1 to `max`; the default when there is no text. False after a complaint. */
static bool read_count(const char *name, const char *text, size_t max, size_t *count)
{
    char *end = NULL;
    if (!text)
        return true;
    unsigned long value = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || value < 1 || value > max) {
        cli_misuse("--%s is a number from 1 to %zu, not \"%s\"", name, max, text);
        return false;
    }
    *count = value;
    return true;
}

static bool read_counts(struct request *request)
{
    size_t milliseconds = 0;
    bool is_good =
        read_count("pages", request->pages, VERIFY_PAGES_MAX, &request->order.pages) &&
        read_count("concurrency", request->concurrency, VERIFY_PARALLEL_MAX,
                   &request->order.concurrency) &&
        read_count("assets", request->assets, 1000, &request->order.wish.assets) &&
        read_count("sample", request->sample, VERIFY_PAGES_MAX, &request->order.sample) &&
        read_count("p99", request->p99, 1000000, &milliseconds);
    request->p99_seconds = (double)milliseconds / 1e3;
    return is_good;
}

static int run(const struct request *request, const char *password)
{
    struct verify_report report;
    char why[FETCH_WHY_BYTES];
    struct fetcher *fetcher =
        fetcher_new(request->order.url, request->order.concurrency * PAGE_PARTS, why);
    if (!fetcher)
        return cli_misuse("%s", why);
    int code = CLI_FAILED;
    if (!verify_login(fetcher, request->user, password, why) ||
        !verify_run(fetcher, &request->order, &report, why))
        cli_fail("not verified: %s", why);
    else
        code = judge(request, &report);
    fetcher_free(fetcher);
    return code;
}

int cli_verify(int argc, char **argv)
{
    struct request request = {
        .user = "demo", .order = {.pages = 1, .concurrency = 1, .sample = 1, .wish = {4, "^SPX"}}};
    char password[CLI_PASSWORD_BYTES];
    size_t plain_count;
    const struct cli_option options[] = {{"user", &request.user, NULL, NULL},
                                         {"password-file", &request.password_file, NULL, NULL},
                                         {"pages", &request.pages, NULL, NULL},
                                         {"concurrency", &request.concurrency, NULL, NULL},
                                         {"assets", &request.assets, NULL, NULL},
                                         {"benchmark", &request.order.wish.benchmark, NULL, NULL},
                                         {"p99", &request.p99, NULL, NULL},
                                         {"sample", &request.sample, NULL, NULL},
                                         {"json", NULL, &request.is_json, NULL},
                                         {"help", NULL, &request.is_help, NULL}};
    if (!cli_parse(argc, argv, options, sizeof(options) / sizeof(*options), &request.order.url, 1,
                   &plain_count))
        return CLI_USAGE;
    if (request.is_help) {
        fputs(help, stdout);
        return CLI_DONE;
    }
    if (plain_count == 0)
        return cli_misuse("which one? `horizon verify http://host:port`");
    if (!read_counts(&request))
        return CLI_USAGE;
    if (!cli_read_password(request.password_file, false, password))
        return CLI_FAILED;
    int code = run(&request, password);
    explicit_bzero(password, sizeof(password));
    return code;
}
