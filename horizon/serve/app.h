/* app.h - what a serving process has, in one place: settings, pool, caches, threads, counters.
 *
 * Made by serve.c before the first request and ended after the last one; in between its pointers do
 * not change. What changes is behind a lock of its own or atomic.
 */
#ifndef HORIZON_SERVE_APP_H
#define HORIZON_SERVE_APP_H

#include <stdatomic.h>
#include <stdint.h>
#include <weir/weir.h>

#include "auth/keys.h"
#include "auth/token.h"
#include "serve/bodies.h"
#include "serve/guard.h"
#include "serve/line.h"
#include "serve/settings.h"
#include "serve/users.h"

#define APP_STATUSES     16 /* different HTTP statuses that are counted */
#define APP_NOTICE_BYTES 256

struct http;
struct logins;
struct sentinel;

/* What the requests were, since the start. */
struct app_counts {
    _Atomic uint64_t requests, in_flight;
    _Atomic uint64_t by_status[APP_STATUSES];                      /* see metrics.c for which */
    _Atomic uint64_t duration_count[WEIR_BUCKETS], duration_total; /* as weir_stats has waits */
    _Atomic uint64_t user_hits, user_misses;
    _Atomic uint64_t user_refusals; /* 503 user_limit */
};

struct app {
    const struct settings *settings;
    struct weir_pool *pool;
    struct users *users;
    struct bodies *bodies;
    uint64_t program; /* a mark of the program file: other code makes other answers */
    struct keys *keys;
    struct token_rules rules;
    bool is_external; /* tokens are another issuer's: no logins here */
    struct http *http;
    struct line *workers;
    struct logins *logins;
    struct sentinel *sentinel;
    struct guards guards;
    struct app_counts counts;
    weir_time started;
    _Atomic bool is_draining;
    _Atomic bool is_over;         /* no request is begun any more: those in flight are the last */
    _Atomic bool goes_unprepared; /* see statements.h */
};

#endif
