/* scenario.h - every key of a scenario file, in tables.
 *
 * KEY(section, key, type, field, default, doc)
 *   type     COUNT a number; LIMIT a number, or -1 for none; SPAN; DIST a span that is drawn; SHARE
 *            0 to 1; RATE a number with decimals; TEXT; BOOL; POOL, MODE, PLAN one of some words;
 *            TRACE a file or a list of seconds that grow; SPANS one of seconds
 *   field    of struct sim_scenario; for [[load]] of struct sim_load, for changes of sim_change
 *   default  as text, for the reference; the value itself is in sim/scenario.c
 * From here come the reader (sim/scenario_read.c) and docs/reference/scenario.md.
 */
#ifndef DEFS_SCENARIO_H
#define DEFS_SCENARIO_H

/* clang-format off */
#define SCENARIO_TOP(KEY) \
    KEY("", "name", TEXT, name, "", "What the run is called in its output.") \
    KEY("", "seed", COUNT64, seed, "1", "Another seed, another run; the same seed, the same run.") \
    KEY("", "duration", SPAN, duration, "1min", "Arrivals end then; what is under way is finished.") \
    KEY("", "warmup", SPAN, warmup, "0", "Requests that begin earlier are not counted.") \
    KEY("", "give_up", SPAN, give_up, "never", \
        "A router's time-out (Heroku: 30s): an answer that comes later is a failure.")

#define SCENARIO_DATABASE(KEY) \
    KEY("database", "plan", PLAN, limits, "", \
        "A named plan (docs/reference/plans.md): sets the limits below; keys after it win.") \
    KEY("database", "max_connections", LIMIT, limits.max_connections, "100", "As in PostgreSQL.") \
    KEY("database", "reserved", COUNT, limits.reserved, "3", \
        "superuser_reserved_connections and reserved_connections together.") \
    KEY("database", "role_limit", LIMIT, limits.role, "-1", "CONNECTION LIMIT of the role.") \
    KEY("database", "database_limit", LIMIT, limits.database, "-1", \
        "CONNECTION LIMIT of the database.") \
    KEY("database", "others", COUNT, limits.others, "0", \
        "Connections that others hold all the time; they count under each of the limits.") \
    KEY("database", "cores", COUNT, cores, "0", \
        "Statements that run at full speed at once; beyond, all slow down. 0 = any number.") \
    KEY("database", "connect", DIST, connect, "exponential 10ms", \
        "PostgreSQL's own part of a connect: process and authentication.") \
    KEY("database", "disconnect", SPAN, disconnect, "2ms", \
        "How long a connection that was closed still counts.")

#define SCENARIO_POOLER(KEY) \
    KEY("pooler", "max_clients", LIMIT, pooler_clients, "-1", \
        "Clients that a session-mode pooler in front of the database lets in; the rest it refuses.")

#define SCENARIO_NETWORK(KEY) \
    KEY("network", "round_trip", SPAN, round_trip, "1ms", \
        "A statement, check or reset takes one, a connect two.") \
    KEY("network", "loss", SHARE, loss, "0", "Statements whose connection breaks.") \
    KEY("network", "connect_loss", SHARE, connect_loss, "0", \
        "Connects that nobody answers; they end by connect_timeout.") \
    KEY("network", "connect_timeout", SPAN, connect_timeout, "15s", "Of a connect.")

#define SCENARIO_APPLICATION(KEY) \
    KEY("application", "processes", COUNT, processes, "1", \
        "Processes, each with a pool of its own. A request goes to one at random.") \
    KEY("application", "pool", POOL, pool.kind, "sqlalchemy", \
        "sqlalchemy: a refused connect fails its request, as with most pools. libweir: queues and " \
        "learns the ceiling. none: every request connects and disconnects.") \
    KEY("application", "pool_size", COUNT, pool.size, "5", "Connections kept.") \
    KEY("application", "max_overflow", LIMIT, pool.overflow, "10", \
        "Further ones on demand; -1 = no limit.") \
    KEY("application", "pool_timeout", SPAN, pool.timeout, "30s", "How long a request may wait.") \
    KEY("application", "max_waiting", LIMIT, pool.max_waiting, "-1", "Longest queue.") \
    KEY("application", "max_connecting", COUNT, pool.max_connecting, "2", \
        "Connects at once (libweir).")

#define SCENARIO_WEIR(KEY) \
    KEY("weir", "pool_mode", MODE, mode, "transaction", \
        "transaction: a server is lent for a transaction. session: until the client disconnects.") \
    KEY("weir", "default_pool_size", COUNT, weir.size, "20", "Servers kept.") \
    KEY("weir", "max_overflow", LIMIT, weir.overflow, "0", "Further ones on demand; -1 = no limit.") \
    KEY("weir", "query_wait_timeout", SPAN, weir.timeout, "2min", "How long a client may wait.") \
    KEY("weir", "max_waiting_clients", LIMIT, weir.max_waiting, "-1", "Longest queue.") \
    KEY("weir", "max_connecting", COUNT, weir.max_connecting, "3", "Connects at once.") \
    KEY("weir", "daemons", COUNT, daemons, "1", \
        "weirs side by side, which know nothing of each other.")

#define SCENARIO_LOAD(KEY) \
    KEY("load", "name", TEXT, name, "load", "What the load is called in the output.") \
    KEY("load", "rate", RATE, rate, "", "Open load: so many arrivals a second (Poisson).") \
    KEY("load", "users", COUNT, users, "", \
        "Closed load: so many users; each waits for its page, thinks, and comes again.") \
    KEY("load", "think", DIST, think, "exponential 5s", "A user's pause.") \
    KEY("load", "trace", TRACE, trace, "", \
        "Arrivals at these seconds after `from`: a list, or a file with one number a line.") \
    KEY("load", "from", SPAN, from, "0", "When it begins.") \
    KEY("load", "until", SPAN, until, "never", "When it ends.") \
    KEY("load", "requests", COUNT, requests, "1", "Requests that an arrival fires at once.") \
    KEY("load", "transactions", COUNT, transactions, "1", "Of a request.") \
    KEY("load", "statements", COUNT, statements, "1", "Of a transaction.") \
    KEY("load", "service", DIST, service, "exponential 10ms", "How long a statement runs.") \
    KEY("load", "service_trace", SPANS, services, "", \
        "Recorded times instead: seconds, one for each statement in the order in which they start, " \
        "from the front again at the end; a list, or a file.") \
    KEY("load", "slow", SHARE, slow, "0", "Statements that take slow_service instead.") \
    KEY("load", "slow_service", DIST, slow_service, "2s", "How long a slow one runs.") \
    KEY("load", "between", DIST, between, "0", \
        "The application's own time between two statements of a transaction.") \
    KEY("load", "outside", DIST, outside, "0", "And between two transactions of a request.") \
    KEY("load", "keep", BOOL, is_held, "true", \
        "A request keeps its connection between its transactions.") \
    KEY("load", "leak", SHARE, leak, "0", "Requests that do not give their connection back.") \
    KEY("load", "leak_for", SPAN, leak_for, "never", "For how long.") \
    KEY("load", "leak_in_transaction", BOOL, leak_in_transaction, "false", \
        "And leave their transaction open.")

#define SCENARIO_CHANGES(KEY) \
    KEY("deploy", "at", SPAN, at, "", "New processes start beside the old ones.") \
    KEY("deploy", "overlap", SPAN, span, "0", "How long both are there; then the old ones end.") \
    KEY("outage", "at", SPAN, at, "", "Every connection breaks, nobody listens.") \
    KEY("outage", "for", SPAN, span, "0", "For how long.") \
    KEY("outage", "starting", SPAN, starting, "0", "Then \"starting up\" for this long.") \
    KEY("limits", "at", SPAN, at, "", "From then on the database's limits are:") \
    KEY("limits", "max_connections", LIMIT, limits.max_connections, "as before", "") \
    KEY("limits", "role_limit", LIMIT, limits.role, "as before", "") \
    KEY("limits", "database_limit", LIMIT, limits.database, "as before", "") \
    KEY("limits", "others", COUNT, limits.others, "as before", "Connections that others hold.")

#define SCENARIO_WHOLE(KEY) \
    SCENARIO_TOP(KEY) SCENARIO_DATABASE(KEY) SCENARIO_POOLER(KEY) SCENARIO_NETWORK(KEY) \
    SCENARIO_APPLICATION(KEY) SCENARIO_WEIR(KEY)
/* clang-format on */

#endif
