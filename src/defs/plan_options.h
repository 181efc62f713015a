/* plan_options.h - every option of `weir plan`, in one table.
 *
 * PLAN_OPTION(name, type, target, field, default, doc)
 *   name     as written: --name=VALUE, and name=VALUE in what --check is given
 *   type     COUNT a whole number; RATE a number; SPAN; DIST a span that is drawn; TEXT; BOOL;
 *            FLAG takes no value
 *   target   OWN: `field` of struct plan_arguments; SCENARIO, LOAD: of the scenario, its first load
 *   default  as text, for the reference and the help
 * From here come the reader (cli/plan_options.c), `weir plan --help` and docs/reference/plan.md.
 */
#ifndef DEFS_PLAN_OPTIONS_H
#define DEFS_PLAN_OPTIONS_H

/* clang-format off */
#define PLAN_OPTIONS_LIMIT(PLAN_OPTION) \
    PLAN_OPTION(plan, TEXT, OWN, plan, "", "A host's plan: weir plan --plans lists them.") \
    PLAN_OPTION(through, TEXT, OWN, through, "direct", \
        "direct or pooler: of a plan with both, whose connections count.") \
    PLAN_OPTION(limit, COUNT, OWN, limit, "", \
        "Connections that the database or pooler accepts from the application; wins over the plan.") \
    PLAN_OPTION(reserve, COUNT, OWN, reserve, "2", \
        "Connections kept free: psql, migrations, monitoring.") \
    PLAN_OPTION(cores, COUNT, OWN, cores, "", \
        "Processors of the database: more statements at once slow each other down.")

#define PLAN_OPTIONS_APPLICATION(PLAN_OPTION) \
    PLAN_OPTION(processes, COUNT, SCENARIO, processes, "1", \
        "Processes of the application, each with a pool of its own.") \
    PLAN_OPTION(overlap, FLAG, OWN, overlap, "", \
        "Deploys have old and new processes side by side (Heroku: preboot).") \
    PLAN_OPTION(pool_timeout, SPAN, SCENARIO, pool.timeout, "30s", \
        "How long a request waits for a connection before it fails.") \
    PLAN_OPTION(give_up, SPAN, SCENARIO, give_up, "30s", \
        "A router's time-out: an answer that comes later is a failure.")

#define PLAN_OPTIONS_LOAD(PLAN_OPTION) \
    PLAN_OPTION(rate, RATE, LOAD, rate, "", "Pages that are loaded in a second, by everybody.") \
    PLAN_OPTION(users, COUNT, LOAD, users, "", \
        "Or: so many users; each loads a page, thinks, loads the next.") \
    PLAN_OPTION(think, DIST, LOAD, think, "exponential 5s", "A user's pause.") \
    PLAN_OPTION(requests, COUNT, LOAD, requests, "5", "Requests that a page fires at once.") \
    PLAN_OPTION(transactions, COUNT, LOAD, transactions, "2", "Of a request.") \
    PLAN_OPTION(statements, COUNT, LOAD, statements, "1", "Of a transaction.") \
    PLAN_OPTION(service, DIST, LOAD, service, "lognormal 20ms 0.8", \
        "How long a statement runs: 8ms, \"exponential 8ms\" (mean), \"uniform 1ms 9ms\", " \
        "\"lognormal 8ms 1.0\" (median and sigma).") \
    PLAN_OPTION(between, DIST, LOAD, between, "0", \
        "The application's own time between two statements of a transaction.") \
    PLAN_OPTION(outside, DIST, LOAD, outside, "2ms", "And between two transactions.") \
    PLAN_OPTION(keep, BOOL, LOAD, is_held, "true", \
        "A request keeps its connection between its transactions.") \
    PLAN_OPTION(round_trip, SPAN, SCENARIO, round_trip, "1ms", "Of the network.") \
    PLAN_OPTION(connect, DIST, SCENARIO, connect, "exponential 10ms", \
        "PostgreSQL's own part of a connect.") \
    PLAN_OPTION(scenario, TEXT, OWN, scenario_path, "", \
        "Load, processes and network from this scenario file; other options change them.") \
    PLAN_OPTION(from_metrics, TEXT, OWN, metrics.source, "", \
        "Rate and holding time from the metrics of a running weir or libweir: a URL, a file, or " \
        "two files with a comma between them.") \
    PLAN_OPTION(metrics_pool, TEXT, OWN, metrics.pool, "", \
        "Which pool of the metrics: database/user of weir, the name of libweir.") \
    PLAN_OPTION(metrics_span, SPAN, OWN, metrics.span, "", \
        "How long to count at a URL (10s), or of how much time a file is.")

#define PLAN_OPTIONS_ANSWER(PLAN_OPTION) \
    PLAN_OPTION(goal, SPAN, OWN, goal, "100ms", \
        "99 % of all waits for connections end within it, and nothing fails.") \
    PLAN_OPTION(seed, COUNT, SCENARIO, seed, "1", "Another seed, other draws.") \
    PLAN_OPTION(json, FLAG, OWN, is_json, "", "The answer as JSON.") \
    PLAN_OPTION(plans, FLAG, OWN, is_list, "", "List the plans.") \
    PLAN_OPTION(check, TEXT, OWN, check, "", \
        "Judge settings instead: \"pool_size=20 max_overflow=10 processes=1 limit=20\".") \
    PLAN_OPTION(pool_size, COUNT, OWN, pool_size, "5", "For --check: connections kept.") \
    PLAN_OPTION(max_overflow, COUNT, OWN, max_overflow, "10", "For --check: further ones.")

#define PLAN_OPTIONS(PLAN_OPTION) \
    PLAN_OPTIONS_LIMIT(PLAN_OPTION) PLAN_OPTIONS_APPLICATION(PLAN_OPTION) \
    PLAN_OPTIONS_LOAD(PLAN_OPTION) PLAN_OPTIONS_ANSWER(PLAN_OPTION)
/* clang-format on */

#endif
