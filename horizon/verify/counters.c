/* counters.c - see counters.h. Test: tests/system/test_horizon_verify.py. */
#include "verify/counters.h"

#include <stdio.h>

#include "verify/verify.h"

static const struct counter *find(const struct counters *counters, double pid)
{
    for (size_t i = 0; i < counters->count; i++)
        if (counters->of[i].pid == pid)
            return &counters->of[i];
    return NULL;
}

static double number(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

/* Adds the process that has answered; how many there are, 0 when that is no answer. */
static size_t add(struct counters *counters, const struct fetch *fetch)
{
    json_t *answer = fetch->text ? json_loadb(fetch->text, fetch->bytes, 0, NULL) : NULL;
    const json_t *pool = json_object_get(answer, "pool");
    const json_t *process = json_object_get(answer, "process");
    size_t processes = 0;
    if (fetch->status == 200 && pool && process && number(process, "processes") >= 1) {
        struct counter read = {.pid = number(process, "pid"),
                               .timeouts = number(pool, "timeouts"),
                               .refusals = number(pool, "refusals"),
                               .connect_failures = number(pool, "connect_failures"),
                               .waiting = number(pool, "waiting"),
                               .limit = number(pool, "limit")};
        processes = (size_t)number(process, "processes");
        if (!find(counters, read.pid) && counters->count < COUNTERS_PROCESSES_MAX)
            counters->of[counters->count++] = read;
    }
    json_decref(answer);
    return processes;
}

static void end_request(struct fetcher *fetcher, struct fetch *fetch)
{
    (void)fetcher;
    (void)fetch;
}

bool counters_read(struct fetcher *fetcher, struct counters *ret_counters,
                   char why[FETCH_WHY_BYTES])
{
    struct counters counters = {0};
    for (int i = 0; i < COUNTERS_TRIES; i++) {
        struct fetch fetch = {.path = "/api/operations", .is_fresh = i > 0};
        snprintf(why, FETCH_WHY_BYTES, "out of memory");
        if (!fetcher_start(fetcher, &fetch, end_request) || !fetcher_run(fetcher))
            return false;
        size_t processes = add(&counters, &fetch);
        if (processes == 0)
            snprintf(why, FETCH_WHY_BYTES, "the pool's counters cannot be read: status %d %.160s",
                     fetch.status, fetch.why);
        fetch_done(&fetch);
        if (processes == 0)
            return false;
        if (counters.count >= processes)
            break;
    }
    *ret_counters = counters;
    return true;
}

void counters_compare(const struct counters *before, const struct counters *after,
                      struct verify_report *report)
{
    static const struct counter none = {0};
    report->processes = after->count;
    for (size_t i = 0; i < after->count; i++) {
        const struct counter *now = &after->of[i], *then = find(before, now->pid);
        then = then ? then : &none;
        report->timeouts += now->timeouts - then->timeouts;
        report->refusals += now->refusals - then->refusals;
        report->connect_failures += now->connect_failures - then->connect_failures;
        report->waiting += now->waiting;
        report->limit = now->limit;
    }
}
