/* fetch.h - many HTTP requests at once, over libcurl.
 *
 * A fetcher keeps its connections. Requests do not follow redirects, are never repeated, and end
 * after a deadline; an answer larger than FETCH_BYTES_MAX is cut off and counts as failed.
 */
#ifndef HORIZON_VERIFY_FETCH_H
#define HORIZON_VERIFY_FETCH_H

#include <stdbool.h>
#include <stddef.h>

#define FETCH_BYTES_MAX (16U << 20)
#define FETCH_SECONDS   30 /* what a router waits */
#define FETCH_WHY_BYTES 256

struct fetcher;

/* One request. The caller fills in the first part; the rest is the answer. */
struct fetch {
    const char *path; /* after the fetcher's base URL */
    const char *body; /* JSON to POST; NULL = GET */
    bool is_fresh;    /* over a connection of its own */
    void *user;

    int status; /* of HTTP; 0 when there is no answer: see `why` */
    double seconds;
    char *text; /* freed by fetch_done, used again by a fetch that is started again; NULL: none */
    size_t bytes, capacity;
    char why[FETCH_WHY_BYTES];
};

/* `base` is a URL without a path ("http://127.0.0.1:8080"). NULL after `why` says what is wrong. */
struct fetcher *fetcher_new(const char *base, size_t connections_max, char why[FETCH_WHY_BYTES]);

/* NULL is fine. */
void fetcher_free(struct fetcher *fetcher);

/* The token that requests carry from now on; NULL = none. False: no memory. */
bool fetcher_authorize(struct fetcher *fetcher, const char *token);

/* Begins a request. When it has ended, `ended` is called from fetcher_run, and may start others. */
bool fetcher_start(struct fetcher *fetcher, struct fetch *fetch,
                   void (*ended)(struct fetcher *fetcher, struct fetch *fetch))
    __attribute__((warn_unused_result));

/* Comes back when all requests have ended. */
bool fetcher_run(struct fetcher *fetcher) __attribute__((warn_unused_result));

/* Frees an answer. */
void fetch_done(struct fetch *fetch);

#endif
