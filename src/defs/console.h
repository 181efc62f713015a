/* console.h - what the console understands, in tables.
 *
 * CONSOLE_SHOW(NAME, rights, doc)            SHOW name; its columns are CONSOLE_NAME_COLUMNS
 *   rights   STATS: admin_users and stats_users; ADMIN: admin_users
 * CONSOLE_COMMAND(NAME, arguments, doc)      everything that changes something: admin_users only
 * COLUMN(type, name, doc)                    INT4, INT8, NUMERIC (whole numbers) or TEXT
 *
 * PgBouncer 1.25's columns come first and in its order; what stands behind the word `weir:` in doc
 * is ours. From here come the dispatch, RowDescription, SHOW HELP and docs/reference/console.md.
 */
#ifndef DEFS_CONSOLE_H
#define DEFS_CONSOLE_H

/* clang-format off */
#define CONSOLE_SHOW_TABLE(SHOW) \
    SHOW(POOLS, STATS, "One row per pool, that is database and user; the console's own first.") \
    SHOW(CLIENTS, STATS, "One row per client that has logged in.") \
    SHOW(SERVERS, STATS, "One row per connection to PostgreSQL.") \
    SHOW(DATABASES, STATS, "One row per database that clients may ask for.") \
    SHOW(STATS, STATS, "Totals and averages per database.") \
    SHOW(STATS_TOTALS, STATS, "Totals per database.") \
    SHOW(STATS_AVERAGES, STATS, "Averages per database over the last stats_period.") \
    SHOW(TOTALS, STATS, "Totals and averages over all databases, one a row.") \
    SHOW(USERS, STATS, "One row per known user.") \
    SHOW(LISTS, STATS, "How many objects of each kind there are.") \
    SHOW(CONFIG, STATS, "Every setting with its value.") \
    SHOW(STATE, STATS, "Whether weir serves, is paused, is shutting down.") \
    SHOW(SOCKETS, STATS, "Every connection, with what is on its way through it.") \
    SHOW(ACTIVE_SOCKETS, STATS, "Those of SHOW SOCKETS that have something on its way.") \
    SHOW(FDS, ADMIN, "File descriptors. Keys and passwords are never shown. By Unix socket, to the user pgbouncer of " \
        "the same system user (weir -R), the listening sockets themselves are attached.") \
    SHOW(DNS_HOSTS, STATS, "Host names that were looked up.") \
    SHOW(DNS_ZONES, STATS, "Zones whose serial numbers are watched (dns_zone_check_period).") \
    SHOW(PEERS, STATS, "One row per line of [peers].") \
    SHOW(PEER_POOLS, STATS, "Cancel requests on their way to each peer.") \
    SHOW(MEM, STATS, "Memory held by kind of object.") \
    SHOW(UPSTREAMS, STATS, "weir: one row per PostgreSQL, with the learned ceiling.") \
    SHOW(VERSION, STATS, "The version.") \
    SHOW(HELP, STATS, "Every command.")

#define CONSOLE_COMMAND_TABLE(COMMAND) \
    COMMAND(PAUSE, "[database]", \
        "Lend no servers and close them; answers when the last one is gone. Clients wait.") \
    COMMAND(RESUME, "[database]", "Go on after PAUSE or KILL.") \
    COMMAND(RELOAD, "", "Read the configuration again; nothing changes when it has errors.") \
    COMMAND(RECONNECT, "[database]", \
        "Replace every server as soon as it is free; forget back-off and learned ceilings.") \
    COMMAND(KILL, "[database]", "Close all clients and servers at once; the database is paused.") \
    COMMAND(KILL_CLIENT, "id", "Close one client; its id is in SHOW CLIENTS.") \
    COMMAND(DISABLE, "database", "Refuse new clients of the database.") \
    COMMAND(ENABLE, "database", "Take new clients again after DISABLE.") \
    COMMAND(WAIT_CLOSE, "[database]", "Answer when the servers of before RECONNECT are gone.") \
    COMMAND(SET, "option = value", "Change a setting until the next RELOAD.") \
    COMMAND(SUSPEND, "", \
        "Read nothing more from clients; answers when what they have been sent is with them.") \
    COMMAND(SHUTDOWN, "[WAIT_FOR_SERVERS | WAIT_FOR_CLIENTS | HANDED_OVER]", \
        "End at once; when every transaction that runs is over; or when the last client has left. " \
        "HANDED_OVER is what weir -R says: as WAIT_FOR_CLIENTS, but the sockets are its own now.")

/* What drivers ask a server for when they have connected: SHOW name answers the value.
 * PARAMETER(name, value) */
#define CONSOLE_PARAMETERS(PARAMETER) \
    PARAMETER(client_encoding, "UTF8") \
    PARAMETER(default_transaction_isolation, "read committed") \
    PARAMETER(standard_conforming_strings, "on") \
    PARAMETER(datestyle, "ISO") \
    PARAMETER(timezone, "GMT") \
    PARAMETER(extra_float_digits, "2")

#define CONSOLE_POOLS_COLUMNS(COLUMN) \
    COLUMN(TEXT, database, "Database as clients name it.") \
    COLUMN(TEXT, user, "User.") \
    COLUMN(INT4, cl_active, "Clients that have a server, or none and ask for none.") \
    COLUMN(INT4, cl_waiting, "Clients that wait for a server.") \
    COLUMN(INT4, cl_active_cancel_req, "Cancel requests on their way to a server.") \
    COLUMN(INT4, cl_waiting_cancel_req, "Always 0: cancel requests do not wait.") \
    COLUMN(INT4, sv_active, "Servers lent to clients.") \
    COLUMN(INT4, sv_active_cancel, "Connections that carry a cancel request.") \
    COLUMN(INT4, sv_being_canceled, "Servers kept until a cancel request is over.") \
    COLUMN(INT4, sv_idle, "Servers ready to be lent.") \
    COLUMN(INT4, sv_used, "Always 0: a long idle server is checked when it is lent.") \
    COLUMN(INT4, sv_tested, "Servers being checked or reset.") \
    COLUMN(INT4, sv_login, "Servers being opened.") \
    COLUMN(INT4, maxwait, "How long the first in the queue has waited: seconds.") \
    COLUMN(INT4, maxwait_us, "The same: microseconds beyond the second.") \
    COLUMN(TEXT, pool_mode, "session, transaction or statement.") \
    COLUMN(TEXT, load_balance_hosts, "With several hosts: round-robin or disable; else NULL.") \
    COLUMN(INT4, ceiling, "weir: servers the upstream really accepts; NULL: not met.") \
    COLUMN(TEXT, ceiling_of, "weir: whose ceiling: pool, database, user or upstream.") \
    COLUMN(INT4, limit_total, "weir: pool size, overflow and reserve together.") \
    COLUMN(INT4, sv_closing, "weir: servers being closed.") \
    COLUMN(INT8, retry_in_us, "weir: until the next try after a failure; NULL: none due.") \
    COLUMN(TEXT, last_error, "weir: what the last failed connect said; NULL after a success.") \
    COLUMN(TEXT, oldest_holder, "weir: the client that has held a server longest.") \
    COLUMN(INT8, oldest_holder_us, "weir: for how long.") \
    COLUMN(TEXT, paused, "weir: yes or no.") \
    COLUMN(INT8, timeouts, "weir: claims that ended by query_wait_timeout.") \
    COLUMN(INT8, refusals, "weir: claims refused otherwise.") \
    COLUMN(INT8, connects, "weir: servers opened.") \
    COLUMN(INT8, connect_failures, "weir: connects that failed.")

#define CONSOLE_SOCKET_COLUMNS(COLUMN) \
    COLUMN(TEXT, type, "C for a client, S for a server.") \
    COLUMN(TEXT, user, "User.") \
    COLUMN(TEXT, database, "Database.") \
    COLUMN(TEXT, replication, "none, logical or physical.") \
    COLUMN(TEXT, state, "active, idle, waiting, used, tested, new, being_canceled.") \
    COLUMN(TEXT, addr, "Address of the peer, or unix.") \
    COLUMN(INT4, port, "Port of the peer.") \
    COLUMN(TEXT, local_addr, "Own address.") \
    COLUMN(INT4, local_port, "Own port.") \
    COLUMN(TEXT, connect_time, "When it was connected.") \
    COLUMN(TEXT, request_time, "When it was last used.") \
    COLUMN(INT4, wait, "How long it has waited: seconds.") \
    COLUMN(INT4, wait_us, "The same: microseconds beyond the second.") \
    COLUMN(INT4, close_needed, "1 when it closes at the next occasion.") \
    COLUMN(TEXT, ptr, "Its name in log lines.") \
    COLUMN(TEXT, link, "ptr of what it is linked with; empty: nothing.") \
    COLUMN(INT4, remote_pid, "Process id of a server's backend, else 0.") \
    COLUMN(TEXT, tls, "TLS version and cipher; empty: none.") \
    COLUMN(TEXT, application_name, "As the client or server has set it.") \
    COLUMN(INT4, prepared_statements, "Prepared statements it has.") \
    COLUMN(INT8, id, "Number for KILL_CLIENT.")

#define CONSOLE_CLIENTS_COLUMNS(COLUMN) \
    CONSOLE_SOCKET_COLUMNS(COLUMN) \
    COLUMN(TEXT, detail, "weir: the state in weir's own words.")

#define CONSOLE_SERVERS_COLUMNS(COLUMN) \
    CONSOLE_SOCKET_COLUMNS(COLUMN) \
    COLUMN(TEXT, detail, "weir: the state in weir's own words.") \
    COLUMN(INT8, transaction_us, "weir: age of the transaction that runs; NULL: none.") \
    COLUMN(INT8, query_us, "weir: age of the query that runs; NULL: none.")

#define CONSOLE_SOCKETS_COLUMNS(COLUMN) \
    CONSOLE_SOCKET_COLUMNS(COLUMN) \
    COLUMN(INT4, recv_pos, "Bytes received and not used yet.") \
    COLUMN(INT4, pkt_pos, "Always 0: what was used is not kept.") \
    COLUMN(INT4, pkt_remain, "Bytes of a message still to come from a client.") \
    COLUMN(INT4, send_pos, "Always 0: what was sent is not kept.") \
    COLUMN(INT4, send_remain, "Bytes that wait to be sent.") \
    COLUMN(INT4, pkt_avail, "As recv_pos.") \
    COLUMN(INT4, send_avail, "As send_remain.")

#define CONSOLE_ACTIVE_SOCKETS_COLUMNS(COLUMN) CONSOLE_SOCKETS_COLUMNS(COLUMN)

#define CONSOLE_FDS_COLUMNS(COLUMN) \
    COLUMN(INT4, fd, "Descriptor.") \
    COLUMN(TEXT, task, "pooler, client or server; weir: http (http_listen).") \
    COLUMN(TEXT, user, "User; NULL: none.") \
    COLUMN(TEXT, database, "Database; NULL: none.") \
    COLUMN(TEXT, addr, "Address of the peer, or unix.") \
    COLUMN(INT4, port, "Port of the peer.") \
    COLUMN(INT8, cancel, "Always NULL: a secret.") \
    COLUMN(INT4, link, "Descriptor of what it is linked with, else 0.") \
    COLUMN(TEXT, client_encoding, "As the client or server has it.") \
    COLUMN(TEXT, std_strings, "standard_conforming_strings.") \
    COLUMN(TEXT, datestyle, "DateStyle.") \
    COLUMN(TEXT, timezone, "TimeZone.") \
    COLUMN(TEXT, password, "Always NULL: a secret.") \
    COLUMN(TEXT, scram_client_key, "Always NULL: a secret.") \
    COLUMN(TEXT, scram_server_key, "Always NULL: a secret.")

#define CONSOLE_DNS_HOSTS_COLUMNS(COLUMN) \
    COLUMN(TEXT, hostname, "Host name.") \
    COLUMN(INT8, ttl, "Seconds until it is looked up again.") \
    COLUMN(TEXT, addrs, "Addresses, separated by commas; empty: none were found.")

#define CONSOLE_DNS_ZONES_COLUMNS(COLUMN) \
    COLUMN(TEXT, zonename, "Zone.") \
    COLUMN(INT8, serial, "Serial number.") \
    COLUMN(INT4, count, "Host names in it.")

#define CONSOLE_PEERS_COLUMNS(COLUMN) \
    COLUMN(INT4, peer_id, "Its number.") \
    COLUMN(TEXT, host, "Host.") \
    COLUMN(INT4, port, "Port.") \
    COLUMN(INT4, pool_size, "Most cancel requests on their way to it at once.")

#define CONSOLE_PEER_POOLS_COLUMNS(COLUMN) \
    COLUMN(INT4, peer_id, "Its number.") \
    COLUMN(INT4, cl_active_cancel_req, "Cancel requests that were handed to it and are not over.") \
    COLUMN(INT4, cl_waiting_cancel_req, "Cancel requests that were not handed to it yet.") \
    COLUMN(INT4, sv_active_cancel, "Connections to it that carry a cancel request.") \
    COLUMN(INT4, sv_login, "Connections to it being opened.")

#define CONSOLE_DATABASES_COLUMNS(COLUMN) \
    COLUMN(TEXT, name, "As clients name it.") \
    COLUMN(TEXT, host, "Host, or NULL for the Unix socket.") \
    COLUMN(INT4, port, "Port.") \
    COLUMN(TEXT, database, "Name on the server.") \
    COLUMN(TEXT, force_user, "User of all its servers, or NULL.") \
    COLUMN(INT4, pool_size, "Servers per user.") \
    COLUMN(INT4, min_pool_size, "Servers kept without demand.") \
    COLUMN(INT4, reserve_pool_size, "Further servers after a wait.") \
    COLUMN(INT4, server_lifetime, "Age in seconds at which a server is replaced.") \
    COLUMN(TEXT, pool_mode, "Its own pool mode, or NULL.") \
    COLUMN(TEXT, load_balance_hosts, "With several hosts: round-robin or disable; else NULL.") \
    COLUMN(INT4, max_connections, "Most servers; 0: no limit.") \
    COLUMN(INT4, current_connections, "Servers now.") \
    COLUMN(INT4, max_client_connections, "Most clients; 0: no limit.") \
    COLUMN(INT4, current_client_connections, "Clients now.") \
    COLUMN(INT4, paused, "1 after PAUSE of this database.") \
    COLUMN(INT4, disabled, "1 after DISABLE.") \
    COLUMN(INT4, reserve_pool, "weir: reserve_pool_size by its name before PgBouncer 1.24.")

#define CONSOLE_STATS_TOTAL_NUMBERS(COLUMN) \
    COLUMN(NUMERIC, total_server_assignment_count, "Times a server was lent.") \
    COLUMN(NUMERIC, total_xact_count, "Transactions.") \
    COLUMN(NUMERIC, total_query_count, "Queries.") \
    COLUMN(NUMERIC, total_received, "Bytes from clients.") \
    COLUMN(NUMERIC, total_sent, "Bytes to clients.") \
    COLUMN(NUMERIC, total_xact_time, "Microseconds in transactions.") \
    COLUMN(NUMERIC, total_query_time, "Microseconds in queries.") \
    COLUMN(NUMERIC, total_wait_time, "Microseconds clients waited for servers.") \
    COLUMN(NUMERIC, total_client_parse_count, "Statements prepared by clients.") \
    COLUMN(NUMERIC, total_server_parse_count, "Statements prepared on servers by weir.") \
    COLUMN(NUMERIC, total_bind_count, "Prepared statements run.")

#define CONSOLE_STATS_AVERAGE_NUMBERS(COLUMN) \
    COLUMN(NUMERIC, avg_server_assignment_count, "Servers lent per second.") \
    COLUMN(NUMERIC, avg_xact_count, "Transactions per second.") \
    COLUMN(NUMERIC, avg_query_count, "Queries per second.") \
    COLUMN(NUMERIC, avg_recv, "Bytes from clients per second.") \
    COLUMN(NUMERIC, avg_sent, "Bytes to clients per second.") \
    COLUMN(NUMERIC, avg_xact_time, "Microseconds per transaction.") \
    COLUMN(NUMERIC, avg_query_time, "Microseconds per query.") \
    COLUMN(NUMERIC, avg_wait_time, "Microseconds per wait.") \
    COLUMN(NUMERIC, avg_client_parse_count, "Statements prepared by clients per second.") \
    COLUMN(NUMERIC, avg_server_parse_count, "Statements prepared on servers per second.") \
    COLUMN(NUMERIC, avg_bind_count, "Prepared statements run per second.")

#define CONSOLE_STATS_COLUMNS(COLUMN) \
    COLUMN(TEXT, database, "Database.") \
    CONSOLE_STATS_TOTAL_NUMBERS(COLUMN) \
    CONSOLE_STATS_AVERAGE_NUMBERS(COLUMN) \
    COLUMN(NUMERIC, total_requests, "weir: total_query_count by its name before PgBouncer 1.8.")

#define CONSOLE_STATS_TOTALS_COLUMNS(COLUMN) \
    COLUMN(TEXT, database, "Database.") \
    COLUMN(NUMERIC, server_assignment_count, "Times a server was lent.") \
    COLUMN(NUMERIC, xact_count, "Transactions.") \
    COLUMN(NUMERIC, query_count, "Queries.") \
    COLUMN(NUMERIC, bytes_received, "Bytes from clients.") \
    COLUMN(NUMERIC, bytes_sent, "Bytes to clients.") \
    COLUMN(NUMERIC, xact_time, "Microseconds in transactions.") \
    COLUMN(NUMERIC, query_time, "Microseconds in queries.") \
    COLUMN(NUMERIC, wait_time, "Microseconds clients waited for servers.") \
    COLUMN(NUMERIC, client_parse_count, "Statements prepared by clients.") \
    COLUMN(NUMERIC, server_parse_count, "Statements prepared on servers by weir.") \
    COLUMN(NUMERIC, bind_count, "Prepared statements run.")

#define CONSOLE_STATS_AVERAGES_COLUMNS(COLUMN) \
    COLUMN(TEXT, database, "Database.") \
    COLUMN(NUMERIC, server_assignment_count, "Servers lent per second.") \
    COLUMN(NUMERIC, xact_count, "Transactions per second.") \
    COLUMN(NUMERIC, query_count, "Queries per second.") \
    COLUMN(NUMERIC, bytes_received, "Bytes from clients per second.") \
    COLUMN(NUMERIC, bytes_sent, "Bytes to clients per second.") \
    COLUMN(NUMERIC, xact_time, "Microseconds per transaction.") \
    COLUMN(NUMERIC, query_time, "Microseconds per query.") \
    COLUMN(NUMERIC, wait_time, "Microseconds per wait.") \
    COLUMN(NUMERIC, avg_client_parse_count, "Statements prepared by clients per second.") \
    COLUMN(NUMERIC, avg_server_parse_count, "Statements prepared on servers per second.") \
    COLUMN(NUMERIC, avg_bind_count, "Prepared statements run per second.")

/* The rows of SHOW TOTALS, each with total_ and avg_ in front. */
#define CONSOLE_TOTALS_ROWS(ROW) \
    ROW(server_assignment_count) \
    ROW(xact_count) \
    ROW(query_count) \
    ROW(client_bytes) \
    ROW(server_bytes) \
    ROW(xact_time) \
    ROW(query_time) \
    ROW(wait_time) \
    ROW(ps_client_parse_count) \
    ROW(ps_server_parse_count) \
    ROW(ps_bind_count)

#define CONSOLE_TOTALS_COLUMNS(COLUMN) \
    COLUMN(TEXT, name, "total_ or avg_ and what is counted; client_bytes came from clients.") \
    COLUMN(NUMERIC, value, "The number.")

#define CONSOLE_USERS_COLUMNS(COLUMN) \
    COLUMN(TEXT, name, "User.") \
    COLUMN(TEXT, pool_size, "Its own pool size, or empty.") \
    COLUMN(TEXT, reserve_pool_size, "Its own reserve, or empty.") \
    COLUMN(TEXT, pool_mode, "Its own pool mode, or NULL.") \
    COLUMN(INT4, max_user_connections, "Most servers; 0: no limit.") \
    COLUMN(INT4, current_connections, "Servers now.") \
    COLUMN(INT4, max_user_client_connections, "Most clients; 0: no limit.") \
    COLUMN(INT4, current_client_connections, "Clients now.")

#define CONSOLE_LISTS_COLUMNS(COLUMN) \
    COLUMN(TEXT, list, "Kind of object.") \
    COLUMN(INT4, items, "How many.")

#define CONSOLE_CONFIG_COLUMNS(COLUMN) \
    COLUMN(TEXT, key, "Setting.") \
    COLUMN(TEXT, value, "Its value; secrets are stars.") \
    COLUMN(TEXT, default, "Its value when nothing is written.") \
    COLUMN(TEXT, changeable, "yes: RELOAD applies it; no: a restart does.")

#define CONSOLE_STATE_COLUMNS(COLUMN) \
    COLUMN(TEXT, key, "active, paused, suspended; weir: phase.") \
    COLUMN(TEXT, value, "yes or no; the phase.")

#define CONSOLE_MEM_COLUMNS(COLUMN) \
    COLUMN(TEXT, name, "Kind of object.") \
    COLUMN(INT4, size, "Bytes of one; 0: they differ.") \
    COLUMN(INT4, used, "How many there are.") \
    COLUMN(INT4, free, "Always 0: none are kept in stock.") \
    COLUMN(INT8, memtotal, "Bytes together.")

#define CONSOLE_UPSTREAMS_COLUMNS(COLUMN) \
    COLUMN(TEXT, host, "Host or list of hosts.") \
    COLUMN(INT4, port, "Port.") \
    COLUMN(INT4, sv_live, "Servers that are connected.") \
    COLUMN(INT4, sv_login, "Servers being opened.") \
    COLUMN(INT4, sv_closing, "Servers being closed.") \
    COLUMN(INT4, ceiling, "Servers it really accepts, learned; NULL: not met.") \
    COLUMN(INT4, max_connections, "Configured limit; NULL: none.") \
    COLUMN(INT8, retry_in_us, "Until the next try after a failure; NULL: none due.")

#define CONSOLE_VERSION_COLUMNS(COLUMN) \
    COLUMN(TEXT, version, "weir and the version of PgBouncer whose console it speaks.")

#define CONSOLE_HELP_COLUMNS(COLUMN) \
    COLUMN(TEXT, command, "The command with its arguments.") \
    COLUMN(TEXT, needs, "Who may use it.") \
    COLUMN(TEXT, what, "What it does.")
/* clang-format on */

#endif
