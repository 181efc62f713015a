/* verify.c - see verify.h. Test: tests/system/test_horizon_verify.py. */
#include "verify/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "verify/counters.h"

struct page {
    struct load *load;
    struct fetch fetches[PAGE_PARTS];
    size_t number; /* from 0, in order of their start */
    size_t pending;
    double began;
};

struct load {
    const struct verify_order *order;
    struct verify_report *report;
    size_t started, ended;
    double *request_seconds, *page_seconds; /* of good ones and others */
    size_t request_count;
    struct page *pages;
    bool is_out_of_memory;
};

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- failures -------------------------------------------------------------------------------- */

static void note(struct verify_report *report, const char *text)
{
    size_t i = 0;
    while (i < report->failure_kinds && strcmp(report->failures[i].text, text) != 0)
        i++;
    if (i == VERIFY_KINDS)
        return;
    if (i == report->failure_kinds)
        snprintf(report->failures[report->failure_kinds++].text, sizeof(report->failures[i].text),
                 "%s", text);
    report->failures[i].count++;
}

/* "503 database_down of summary", or why there is no answer. */
static void note_fetch(struct verify_report *report, enum page_part part, const struct fetch *fetch)
{
    char text[FETCH_WHY_BYTES + 64];
    json_t *answer = fetch->text ? json_loadb(fetch->text, fetch->bytes, 0, NULL) : NULL;
    const char *code = json_string_value(json_object_get(json_object_get(answer, "error"), "code"));
    if (fetch->status == 0)
        snprintf(text, sizeof(text), "%s: %s", page_part_name(part), fetch->why);
    else
        snprintf(text, sizeof(text), "%s: status %d %.40s", page_part_name(part), fetch->status,
                 code ? code : "(no JSON error)");
    json_decref(answer);
    note(report, text);
}

/* ---- pages ----------------------------------------------------------------------------------- */

static void start_page(struct fetcher *fetcher, struct page *page);

static void remember(struct verify_report *report, const json_t *const parts[PAGE_PARTS])
{
    const json_t *watch = parts[PAGE_WATCH];
    snprintf(report->version, sizeof(report->version), "%s",
             json_string_value(json_object_get(watch, "data_version")));
    snprintf(report->as_of, sizeof(report->as_of), "%s",
             json_string_value(json_object_get(watch, "as_of")));
    report->assets = json_array_size(json_object_get(watch, "items"));
    report->days = json_array_size(json_object_get(parts[PAGE_CHART], "dates"));
}

/* Whether all five answers came and agree. */
static bool judge(struct page *page)
{
    struct verify_report *report = page->load->report;
    json_t *parts[PAGE_PARTS] = {0};
    char why[PAGE_WHY_BYTES];
    bool is_good = true, is_sample = page->number % page->load->order->sample == 0;
    for (size_t i = 0; i < PAGE_PARTS; i++) {
        const struct fetch *fetch = &page->fetches[i];
        if (fetch->status == 200 && is_sample)
            parts[i] = json_loadb(fetch->text ? fetch->text : "", fetch->bytes, 0, NULL);
        is_good = is_good && fetch->status == 200;
    }
    if (is_good && is_sample &&
        !page_check((const json_t *const *)parts, &page->load->order->wish, why)) {
        note(report, why);
        is_good = false;
    }
    if (is_good && is_sample)
        remember(report, (const json_t *const *)parts);
    for (size_t i = 0; i < PAGE_PARTS; i++)
        json_decref(parts[i]);
    return is_good;
}

static void end_page(struct fetcher *fetcher, struct page *page)
{
    struct load *load = page->load;
    load->page_seconds[load->ended++] = now_seconds() - page->began;
    if (judge(page))
        load->report->pages_good++;
    else
        load->report->pages_wrong++;
    if (load->started < load->order->pages)
        start_page(fetcher, page);
}

static void end_request(struct fetcher *fetcher, struct fetch *fetch)
{
    struct page *page = fetch->user;
    struct load *load = page->load;
    load->request_seconds[load->request_count++] = fetch->seconds;
    if (fetch->status == 200) {
        load->report->requests_good++;
    } else {
        load->report->requests_failed++;
        note_fetch(load->report, (enum page_part)(fetch - page->fetches), fetch);
    }
    if (--page->pending == 0)
        end_page(fetcher, page);
}

static void start_page(struct fetcher *fetcher, struct page *page)
{
    struct load *load = page->load;
    page->number = load->started++;
    page->began = now_seconds();
    page->pending = 0;
    for (size_t i = 0; i < PAGE_PARTS; i++) {
        page->fetches[i].path = page_part_path(i);
        page->fetches[i].user = page;
        if (fetcher_start(fetcher, &page->fetches[i], end_request))
            page->pending++;
        else
            load->is_out_of_memory = true;
    }
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* The least value that `share` of the sorted values do not exceed. */
static double quantile(const double *sorted, size_t count, double share)
{
    size_t idx = (size_t)(share * (double)count);
    return count == 0 ? 0 : sorted[idx < count ? idx : count - 1];
}

static void sum_up(struct load *load, double took)
{
    struct verify_report *report = load->report;
    qsort(load->request_seconds, load->request_count, sizeof(double), compare);
    qsort(load->page_seconds, load->ended, sizeof(double), compare);
    report->request_p50 = quantile(load->request_seconds, load->request_count, 0.50);
    report->request_p99 = quantile(load->request_seconds, load->request_count, 0.99);
    report->page_p50 = quantile(load->page_seconds, load->ended, 0.50);
    report->page_p99 = quantile(load->page_seconds, load->ended, 0.99);
    report->pages_per_second = took > 0 ? (double)load->ended / took : 0;
}

static bool load_pages(struct fetcher *fetcher, const struct verify_order *order,
                       struct verify_report *report)
{
    size_t slots = order->concurrency < order->pages ? order->concurrency : order->pages;
    struct load load = {.order = order,
                        .report = report,
                        .pages = calloc(slots, sizeof(struct page)),
                        .request_seconds = calloc(order->pages * PAGE_PARTS, sizeof(double)),
                        .page_seconds = calloc(order->pages, sizeof(double))};
    bool is_done = load.pages && load.request_seconds && load.page_seconds;
    double began = now_seconds();
    for (size_t i = 0; is_done && i < slots; i++) {
        load.pages[i].load = &load;
        start_page(fetcher, &load.pages[i]);
    }
    is_done = is_done && fetcher_run(fetcher) && !load.is_out_of_memory;
    if (is_done)
        sum_up(&load, now_seconds() - began);
    for (size_t i = 0; load.pages && i < slots * PAGE_PARTS; i++)
        fetch_done(&load.pages[i / PAGE_PARTS].fetches[i % PAGE_PARTS]);
    free(load.pages);
    free(load.request_seconds);
    free(load.page_seconds);
    return is_done;
}

/* ---- logging in ------------------------------------------------------------------------------ */

static void end_login(struct fetcher *fetcher, struct fetch *fetch)
{
    (void)fetcher;
    (void)fetch;
}

static bool take_token(struct fetcher *fetcher, const struct fetch *fetch, const char *user,
                       char why[FETCH_WHY_BYTES])
{
    json_t *answer = fetch->text ? json_loadb(fetch->text, fetch->bytes, 0, NULL) : NULL;
    const char *token = json_string_value(json_object_get(answer, "access_token"));
    const char *code = json_string_value(json_object_get(json_object_get(answer, "error"), "code"));
    bool is_in = fetch->status == 200 && token && fetcher_authorize(fetcher, token);
    if (fetch->status == 0)
        snprintf(why, FETCH_WHY_BYTES, "there is no answer to the login: %.200s", fetch->why);
    else if (!is_in)
        snprintf(why, FETCH_WHY_BYTES, "%.64s cannot log in: status %d %.40s", user, fetch->status,
                 code ? code : "(no JSON answer)");
    json_decref(answer);
    return is_in;
}

bool verify_login(struct fetcher *fetcher, const char *user, const char *password,
                  char why[FETCH_WHY_BYTES])
{
    json_t *body = json_pack("{s:s, s:s}", "login", user, "password", password);
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    struct fetch fetch = {.path = "/api/auth/login", .body = text};
    bool is_in = false;
    snprintf(why, FETCH_WHY_BYTES, "out of memory, or the user or password is no UTF-8");
    if (text && fetcher_authorize(fetcher, NULL) && fetcher_start(fetcher, &fetch, end_login) &&
        fetcher_run(fetcher))
        is_in = take_token(fetcher, &fetch, user, why);
    fetch_done(&fetch);
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
    json_decref(body);
    return is_in;
}

/* ---- all of it ------------------------------------------------------------------------------- */

bool verify_run(struct fetcher *fetcher, const struct verify_order *order,
                struct verify_report *ret_report, char why[FETCH_WHY_BYTES])
{
    struct counters before = {0}, after = {0};
    struct verify_report report = {0};
    if (!counters_read(fetcher, &before, why))
        return false;
    if (!load_pages(fetcher, order, &report)) {
        snprintf(why, FETCH_WHY_BYTES, "out of memory");
        return false;
    }
    if (!counters_read(fetcher, &after, why))
        return false;
    counters_compare(&before, &after, &report);
    *ret_report = report;
    return true;
}

bool verify_is_good(const struct verify_report *report)
{
    return report->pages_wrong == 0 && report->requests_failed == 0 && report->pages_good > 0 &&
           report->timeouts == 0 && report->refusals == 0 && report->connect_failures == 0;
}
