/* verify.h - the load of real pages against a running horizon, and what came of it.
 *
 * A page is five requests at once, as the browser makes them; so many pages are loaded at a time.
 * Nothing is repeated: an answer other than 200 is a failure. The pool's counters are read before
 * and after, of each process that answers; what counts is what they have grown by.
 */
#ifndef HORIZON_VERIFY_VERIFY_H
#define HORIZON_VERIFY_VERIFY_H

#include "verify/fetch.h"
#include "verify/page.h"

#define VERIFY_PAGES_MAX    100000
#define VERIFY_PARALLEL_MAX 1000
#define VERIFY_KINDS        16 /* of failures that are told apart */

struct verify_order {
    const char *url;
    size_t pages, concurrency;
    size_t sample; /* every so many pages the contents are checked, else the statuses alone */
    struct page_wish wish;
};

struct verify_failure {
    char text[FETCH_WHY_BYTES + 64];
    size_t count;
};

struct verify_report {
    size_t pages_good, pages_wrong, requests_good, requests_failed;
    double request_p50, request_p99, page_p50, page_p99; /* seconds */
    double pages_per_second;
    struct verify_failure failures[VERIFY_KINDS]; /* the most frequent kinds are not sorted */
    size_t failure_kinds;

    char version[64], as_of[16]; /* of the last page that was right */
    size_t assets, days;

    size_t processes;                                     /* whose counters were read */
    double timeouts, refusals, connect_failures, waiting; /* waiting: callers at the end */
    double limit;                                         /* connections of one process */
};

/* Logs in. The password is not kept. False after `why`. */
bool verify_login(struct fetcher *fetcher, const char *user, const char *password,
                  char why[FETCH_WHY_BYTES]);

/* False after `why`: no memory, or the pool's counters cannot be read. */
bool verify_run(struct fetcher *fetcher, const struct verify_order *order,
                struct verify_report *ret_report, char why[FETCH_WHY_BYTES]);

/* Whether everything was as it should be. */
bool verify_is_good(const struct verify_report *report);

#endif
