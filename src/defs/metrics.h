/* metrics.h - every metric of /metrics, in tables.
 *
 * METRIC(type, name, unit, value, doc)
 *   type   gauge or counter (counters get _total)
 *   name   without the weir_ in front
 *   unit   seconds or bytes, and then the name ends with it; else ""
 *   value  an expression in what proxy/metrics.c has at hand: for the process `proxy`, `loop` (what
 *          the loop has counted); for a pool also `pool`, `core` (core_pool_stats) and `total` (its
 *          counters); a number, or NOT_KNOWN for no sample
 * STATE(state, value)     one sample of weir_pool_servers or weir_pool_clients
 * HISTOGRAM(name, buckets, sum, doc)   spans, in the core's buckets
 *
 * Pool metrics carry the labels database and user. From here come /metrics and
 * docs/reference/metrics.md.
 */
#ifndef DEFS_METRICS_H
#define DEFS_METRICS_H

/* clang-format off */
#define METRICS_PROCESS(METRIC) \
    METRIC(gauge, start_time_seconds, "seconds", (double)proxy->started_wall_us / 1e6, \
        "When the process started, seconds since 1970.") \
    METRIC(gauge, clients, "", proxy->client_count, "Connections from applications.") \
    METRIC(gauge, clients_max, "", proxy->config->options.max_client_conn, "max_client_conn.") \
    METRIC(gauge, pools, "", proxy->pool_count, "Pools: pairs of database and user.") \
    METRIC(gauge, paused, "", proxy->is_paused_all, "1 while everything is paused.") \
    METRIC(gauge, cancel_requests, "", proxy->cancel_count, "Cancel requests on their way.") \
    METRIC(gauge, prepared_statements, "", proxy->statements.table.count, \
        "Different prepared statements known.") \
    METRIC(gauge, prepared_statement_bytes, "bytes", proxy->statements.bytes, \
        "Memory they take.") \
    METRIC(counter, loop_turns, "", loop->turns, "Turns of the event loop.") \
    METRIC(counter, loop_waits, "", loop->waits, "Waits for events.") \
    METRIC(counter, loop_accepts, "", loop->accepts, "Calls of accept.") \
    METRIC(counter, loop_receives, "", loop->receives, "Calls that receive.") \
    METRIC(counter, loop_sends, "", loop->sends, "Calls that send.") \
    METRIC(counter, loop_received_bytes, "bytes", loop->received_bytes, \
        "Bytes received, from clients and servers.") \
    METRIC(counter, loop_sent_bytes, "bytes", loop->sent_bytes, \
        "Bytes sent, to clients and servers.")

#define METRICS_POOL_SERVERS(STATE) \
    STATE(idle, core->idle) \
    STATE(active, core->leased) \
    STATE(checking, core->checking) \
    STATE(resetting, core->resetting) \
    STATE(opening, core->opening) \
    STATE(closing, core->closing) \
    STATE(detached, core->detached)

#define METRICS_POOL_CLIENTS(STATE) \
    STATE(active, client_count - clients_waiting) \
    STATE(waiting, clients_waiting)

#define METRICS_POOL(METRIC) \
    METRIC(gauge, pool_ceiling, "", core->ceiling == CORE_NO_LIMIT ? NOT_KNOWN : core->ceiling, \
        "Servers the upstream really accepts, learned; no sample while it was not met.") \
    METRIC(gauge, pool_limit, "", core->limit == CORE_NO_LIMIT ? NOT_KNOWN : core->limit, \
        "Pool size, overflow and reserve together.") \
    METRIC(gauge, pool_paused, "", core->is_paused, "1 while the pool is paused.") \
    METRIC(gauge, pool_backing_off, "", core->is_backing_off, \
        "1 after a failed connect, until the next one succeeds.") \
    METRIC(gauge, pool_oldest_wait_seconds, "seconds", SECONDS(core->oldest_wait), \
        "How long the first in the queue has waited.") \
    METRIC(gauge, pool_oldest_lease_seconds, "seconds", SECONDS(core->oldest_lease), \
        "How long the longest lease has lasted.") \
    METRIC(counter, pool_grants, "", core->grants, "Times a server was lent.") \
    METRIC(counter, pool_timeouts, "", core->timeouts, "Waits that ended by query_wait_timeout.") \
    METRIC(counter, pool_refusals, "", core->refusals, "Claims refused for other reasons.") \
    METRIC(counter, pool_connects, "", core->connects, "Servers opened.") \
    METRIC(counter, pool_connect_failures, "", core->connect_failures, "Connects that failed.") \
    METRIC(counter, pool_logins, "", total->logins, "Clients that logged in.") \
    METRIC(counter, pool_transactions, "", total->transactions, "Transactions.") \
    METRIC(counter, pool_queries, "", total->queries, "Queries.") \
    METRIC(counter, pool_errors, "", total->errors, "Errors of servers passed on to clients.") \
    METRIC(counter, pool_received_bytes, "bytes", total->received_bytes, "Bytes from clients.") \
    METRIC(counter, pool_sent_bytes, "bytes", total->sent_bytes, "Bytes to clients.") \
    METRIC(counter, pool_transaction_seconds, "seconds", SECONDS(total->transaction_time), \
        "Time in transactions.") \
    METRIC(counter, pool_query_seconds, "seconds", SECONDS(total->query_time), \
        "Time in queries.") \
    METRIC(counter, pool_client_parses, "", total->prepared_client, \
        "Statements prepared by clients.") \
    METRIC(counter, pool_server_parses, "", total->prepared_server, \
        "Statements prepared on servers by weir.") \
    METRIC(counter, pool_binds, "", total->prepared_binds, "Prepared statements run.")

#define METRICS_POOL_HISTOGRAMS(HISTOGRAM) \
    HISTOGRAM(pool_wait_seconds, core->wait_bucket, core->wait_total, \
        "How long claims waited that got a server.") \
    HISTOGRAM(pool_hold_seconds, core->hold_bucket, core->hold_total, \
        "How long servers were lent.")
/* clang-format on */

#endif
