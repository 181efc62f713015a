/* stats.h - what is counted, per database and user pair.
 *
 * Counters only grow. SHOW STATS and the metrics read them; averages are differences over
 * stats_period, taken by proxy_stats_rotate().
 */
#ifndef PROXY_STATS_H
#define PROXY_STATS_H

#include <stdint.h>

#include "base/time.h"

struct proxy_counters {
    uint64_t transactions;
    uint64_t queries;
    uint64_t received_bytes; /* from clients */
    uint64_t sent_bytes;     /* to clients */
    uint64_t server_assignments;
    uint64_t logins;
    uint64_t errors;          /* ErrorResponses passed on to clients */
    uint64_t prepared_client; /* Parse messages of clients */
    uint64_t prepared_server; /* Parse messages weir sent to servers */
    uint64_t prepared_binds;
    base_time transaction_time;
    base_time query_time;
    base_time wait_time;
};

struct proxy_stats {
    struct proxy_counters total;
    struct proxy_counters mark;    /* total at the last rotation */
    struct proxy_counters average; /* difference over the last period */
    base_time average_span;        /* length of that period; 0 before the first */
};

struct proxy;

/* Adds every counter. */
void proxy_counters_add(struct proxy_counters *sum, const struct proxy_counters *counters);

/* A period of length `span` is over: takes the difference and marks the next period's begin. */
void proxy_stats_rotate(struct proxy_stats *stats, base_time span);

/* The last period as numbers for people: counts and bytes a second, spans per piece. All 0 before
 * the first period is over. */
struct proxy_rates {
    uint64_t transactions, queries, received_bytes, sent_bytes, server_assignments;
    uint64_t prepared_client, prepared_server, prepared_binds;
    uint64_t transaction_us; /* per transaction */
    uint64_t query_us;       /* per query */
    uint64_t wait_us;        /* per server assignment */
};
struct proxy_rates proxy_counters_rates(const struct proxy_counters *average, base_time span);

/* Called when stats_period is over: rotates every pool and, with log_stats, logs one line. */
void proxy_stats_turn(struct proxy *proxy);

#endif
