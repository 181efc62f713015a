/* setup.c - what a new connection is asked before it is lent: once, how many connections the server
 * will grant; and on_connect_sql.
 *
 * The question needs no privilege (defs/sessions.h). Where it fails (another server than
 * PostgreSQL, a pooler that forbids it) the answer is "unknown". What other clients hold is counted
 * at that moment.
 *
 *   grant = least of  max_connections - superuser_reserved_connections - reserved_connections
 *                       - held by others in all
 *                     role limit - held by others of our role
 *                     database limit - held by others in our database
 * Test: tests/unit/lib/test_stats.c, test_give.c.
 */
#include "defs/sessions.h"
#include "lib/lib.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char question[] =
    "SELECT current_setting('max_connections')::int"
    " - CASE WHEN r.rolsuper THEN 0 ELSE current_setting('superuser_reserved_connections')::int"
    " + coalesce(current_setting('reserved_connections', true)::int, 0) END,"
    " CASE WHEN r.rolsuper THEN -1 ELSE r.rolconnlimit END,"
    " CASE WHEN r.rolsuper THEN -1 ELSE d.datconnlimit END,"
    " count(a.pid), count(a.pid) FILTER (WHERE a.usesysid = r.oid),"
    " count(a.pid) FILTER (WHERE a.datid = d.oid)"
    " FROM pg_catalog.pg_roles r JOIN pg_catalog.pg_database d ON d.datname = current_database()"
    " LEFT JOIN pg_catalog.pg_stat_get_activity(NULL) a"
    " ON" SESSIONS_OF_CLIENTS " AND a.pid <> pg_backend_pid()"
    " WHERE r.rolname = session_user GROUP BY r.rolsuper, r.rolconnlimit, d.datconnlimit";

enum step { STEP_ASK, STEP_SQL };

/* ---- the answer ------------------------------------------------------------------------------ */

static uint32_t left_of(uint32_t limit, uint32_t used)
{
    if (limit == WEIR_NO_LIMIT)
        return limit;
    return limit > used ? limit - used : 0;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t number(const PGresult *result, int column)
{
    long value = strtol(PQgetvalue(result, 0, column), NULL, 10);
    return value < 0 ? WEIR_NO_LIMIT : (uint32_t)value;
}

static void tell_short(struct weir_pool *pool)
{
    uint32_t limit = pool->settings.size + pool->settings.overflow;
    if (pool->settings.overflow == CORE_NO_LIMIT || limit <= pool->grant)
        return;
    lib_trace(pool, WEIR_TRACE_GRANT_SHORT,
              "pool_size + max_overflow is %u, but the server will grant %u: it accepts %u, the "
              "role may have %d and the database %d (-1 = no limit), and others hold %u; lower "
              "pool_size or max_overflow, or raise the limit that is in the way",
              limit, pool->grant, pool->server_max, (int)pool->role_limit,
              (int)pool->database_limit, pool->held_by_others);
}

/* Connections of other clients: those that were counted, less those that this pool has opened
 * meanwhile. One whose login is under way may not have been counted; then others are said to hold
 * one fewer, which a refusal corrects. */
static uint32_t held(const struct weir_pool *pool, const PGresult *result, int column)
{
    return left_of(number(result, column), pool->existing - 1);
}

static void read_answer(struct weir_pool *pool, struct lib_server *server, const PGresult *result)
{
    (void)server;
    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1)
        return;
    pool->server_max = number(result, 0);
    pool->role_limit = number(result, 1);
    pool->database_limit = number(result, 2);
    pool->held_by_others = held(pool, result, 3);
    pool->grant = least(left_of(pool->server_max, pool->held_by_others),
                        least(left_of(pool->role_limit, held(pool, result, 4)),
                              left_of(pool->database_limit, held(pool, result, 5))));
    pool->is_server_asked = true;
    tell_short(pool);
}

static void read_sql(struct weir_pool *pool, struct lib_server *server, const PGresult *result)
{
    (void)pool;
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY ||
        server->is_failed)
        return;
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    server->is_failed = true;
    snprintf(server->sqlstate, sizeof(server->sqlstate), "%s", sqlstate == NULL ? "" : sqlstate);
    snprintf(server->failure_text, sizeof(server->failure_text), "%s",
             text == NULL ? "it does not end by itself (COPY)" : text);
}

/* ---- the steps ------------------------------------------------------------------------------- */

/* The next question; NULL when all were asked. */
static const char *next_question(struct weir_pool *pool, struct lib_server *server)
{
    if (server->step == STEP_ASK && pool->config.options.ask_server && !pool->is_asking) {
        pool->is_asking = true;
        return question;
    }
    if (server->step <= STEP_SQL && pool->config.on_connect_sql != NULL) {
        server->step = STEP_SQL;
        return pool->config.on_connect_sql;
    }
    return NULL;
}

static void next(struct weir_pool *pool, struct lib_server *server)
{
    const char *text = next_question(pool, server);
    bool is_broken = text != NULL ? PQsendQuery(server->conn, text) == 0
                                  : PQsetnonblocking(server->conn, 0) != 0;
    if (is_broken)
        lib_connect_failed(pool, server);
    else if (text != NULL)
        lib_setup_step(pool, server);
    else
        lib_connect_done(pool, server);
}

void lib_setup_begin(struct weir_pool *pool, struct lib_server *server)
{
    base_time deadline = server->task_deadline; /* all of it within connect_timeout */
    lib_task_begin(pool, server, LIB_TASK_SETUP, 0);
    server->task_deadline = deadline;
    server->step = STEP_ASK;
    if (PQsetnonblocking(server->conn, 1) != 0)
        lib_connect_failed(pool, server);
    else
        next(pool, server);
}

void lib_setup_step(struct weir_pool *pool, struct lib_server *server)
{
    int status = lib_query_step(pool, server, server->step == STEP_ASK ? read_answer : read_sql);
    if (status == 0)
        return;
    if (status < 0) {
        lib_connect_failed(pool, server);
        return;
    }
    if (server->is_failed) {
        char sqlstate[sizeof(server->sqlstate)], text[sizeof(server->failure_text)];
        memcpy(sqlstate, server->sqlstate, sizeof(sqlstate));
        memcpy(text, server->failure_text, sizeof(text));
        lib_connect_refused(pool, server, sqlstate, text);
        return;
    }
    server->step++;
    next(pool, server);
}
