/* lease.c - see lease.h. */
#include "serve/lease.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <microhttpd.h>

#include "serve/app.h"
#include "serve/http.h"
#include "serve/log.h"

#define QUERY_CANCELED   "57014"
#define RETRY_FULL_S     2
#define RETRY_DOWN_S     5
#define TEXT_OF_POOL_MAX 600

/* ---- replies ---------------------------------------------------------------------------------
 */

void lease_refuse_slow(struct request *request)
{
    reply_error(&request->reply, MHD_HTTP_GATEWAY_TIMEOUT, request->id, "query_timeout",
                "the database did not finish this within %ld ms and the statement was cancelled; "
                "try again, and if it stays so, look for locks and slow statements",
                request->app->settings->query_ms);
}

static void refuse_down(struct request *request, const char *text)
{
    log_write(LOG_LEVEL_WARNING, "request %s: database: %s", request->id, text);
    reply_later(&request->reply, MHD_HTTP_SERVICE_UNAVAILABLE, request->id, "database_down",
                RETRY_DOWN_S, "the database cannot be reached right now; try again in a moment");
}

/* SQLSTATE classes after which another try may go well: connection lost, resources, intervention by
 * an operator. */
static bool is_passing(const char *sqlstate)
{
    return !sqlstate[0] || strncmp(sqlstate, "08", 2) == 0 || strncmp(sqlstate, "53", 2) == 0 ||
           strncmp(sqlstate, "57", 2) == 0;
}

/* SQLSTATE classes of what a client has sent: a number too large, a constraint. */
static bool is_about_values(const char *sqlstate)
{
    return strncmp(sqlstate, "22", 2) == 0 || strncmp(sqlstate, "23", 2) == 0;
}

void lease_refuse(struct request *request, const char *sqlstate, const char *text)
{
    if (strcmp(sqlstate, QUERY_CANCELED) == 0 || weir_now() >= request->lease_ends_at) {
        lease_refuse_slow(request);
        return;
    }
    if (is_passing(sqlstate) || PQstatus(request->conn) == CONNECTION_BAD) {
        request->is_conn_broken = PQstatus(request->conn) == CONNECTION_BAD || !sqlstate[0] ||
                                  strncmp(sqlstate, "57P", 3) == 0;
        refuse_down(request, text);
        return;
    }
    if (is_about_values(sqlstate)) {
        reply_error(&request->reply, MHD_HTTP_UNPROCESSABLE_CONTENT, request->id, "invalid_field",
                    "the database does not take these values: %s", text);
        return;
    }
    log_write(LOG_LEVEL_ERROR, "request %s: statement failed: %s: %s", request->id, sqlstate, text);
    reply_error(&request->reply, MHD_HTTP_INTERNAL_SERVER_ERROR, request->id, "internal",
                "the database refused a statement of this server; the log of request %s says more",
                request->id);
}

/* Why there is no connection. The pool's own text says who holds what, and is for the log. */
static void refuse_lease(struct request *request, const struct weir_error *error)
{
    log_write(LOG_LEVEL_WARNING, "request %s: no connection: %.*s", request->id, TEXT_OF_POOL_MAX,
              error->text);
    /* without a refusal the SQLSTATE is the one of the status itself, and says nothing new */
    bool is_refused_full =
        error->cause == WEIR_CAUSE_REFUSED && strcmp(error->sqlstate, "53300") == 0;
    bool is_full = error->cause == WEIR_CAUSE_HELD || error->status == WEIR_EQUEUEFULL ||
                   error->status == WEIR_ECAPACITY || is_refused_full;
    if (!is_full) {
        reply_later(&request->reply, MHD_HTTP_SERVICE_UNAVAILABLE, request->id, "database_down",
                    RETRY_DOWN_S, "the database cannot be reached: no connection within %ld ms",
                    request->app->settings->pool_wait_ms);
        return;
    }
    uint32_t most = error->ceiling < error->limit ? error->ceiling : error->limit;
    reply_later(&request->reply, MHD_HTTP_SERVICE_UNAVAILABLE, request->id, "pool_exhausted",
                RETRY_FULL_S,
                "all %u database connections were in use for %ld ms, and %u requests wait; try "
                "again in a moment",
                most, request->app->settings->pool_wait_ms, error->waiting);
}

/* It was taken from the line when its time to wait was over, and nothing is free. */
static void refuse_late(struct request *request)
{
    struct weir_stats stats;
    if (weir_pool_stats(request->app->pool, &stats) == 0 && stats.last_failure != 0) {
        refuse_down(request, stats.last_failure_text);
        return;
    }
    reply_later(&request->reply, MHD_HTTP_SERVICE_UNAVAILABLE, request->id, "pool_exhausted",
                RETRY_FULL_S,
                "too many requests were before this one: no database connection was free when its "
                "turn came after %llu ms; try again in a moment",
                (unsigned long long)((weir_now() - request->waits_since) / WEIR_MS));
}

void lease_refuse_user(struct request *request)
{
    request->app->counts.user_refusals++;
    reply_later(&request->reply, MHD_HTTP_SERVICE_UNAVAILABLE, request->id, "user_limit",
                RETRY_FULL_S,
                "your own requests used all that one user may have under way at once, for %ld "
                "ms; wait for their answers, then try again",
                request->app->settings->pool_wait_ms);
    http_resume(request);
}

void lease_refuse_displaced(struct request *request)
{
    request->app->counts.user_refusals++;
    reply_later(&request->reply, MHD_HTTP_SERVICE_UNAVAILABLE, request->id, "user_limit",
                RETRY_FULL_S,
                "the line for the database is full, nobody has more requests in it than you, and "
                "others came; wait for your answers, then try again");
    http_resume(request);
}

static void refuse_unknown(struct request *request)
{
    reply_error(&request->reply, MHD_HTTP_UNAUTHORIZED, request->id, "unknown_user",
                "the token is good, but its user does not exist here or is locked; log in again");
    request->reply.challenge = "Bearer error=\"invalid_token\"";
}

/* ---- statements ------------------------------------------------------------------------------
 */

int lease_left_ms(const struct request *request)
{
    weir_time now = weir_now();
    return now + WEIR_MS >= request->lease_ends_at
               ? 1
               : (int)((request->lease_ends_at - now) / WEIR_MS);
}

/* Waits until libpq has a whole result. False: the deadline came first, or the connection broke. */
static bool await_result(struct request *request, bool *ret_is_late)
{
    while (PQisBusy(request->conn)) {
        struct pollfd fd = {.fd = PQsocket(request->conn), .events = POLLIN};
        *ret_is_late = weir_now() >= request->lease_ends_at;
        if (*ret_is_late) {
            return false;
        }
        if (poll(&fd, 1, lease_left_ms(request)) < 0 && errno != EINTR) {
            return false;
        }
        if (fd.revents && !PQconsumeInput(request->conn)) {
            return false;
        }
    }
    return true;
}

/* SQLSTATEs of a failure that is not one: there is a result then, but no reply. */
struct expected {
    const char *sqlstate;
    bool is_seen;
};

/* The last result of what was sent; NULL: the reply is an error already, or `expected` was seen. */
static PGresult *read_result(struct request *request, struct expected *expected)
{
    PGresult *result = NULL, *last = NULL;
    bool is_late = false;
    while (await_result(request, &is_late) && (result = PQgetResult(request->conn))) {
        PQclear(last);
        last = result;
    }
    if (is_late) {
        PQclear(last);
        lease_refuse_slow(request); /* giving the busy connection back cancels the statement */
        return NULL;
    }
    ExecStatusType status = PQresultStatus(last);
    if (last && (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)) {
        return last;
    }
    const char *sqlstate = last ? PQresultErrorField(last, PG_DIAG_SQLSTATE) : NULL;
    if (expected && sqlstate && strcmp(sqlstate, expected->sqlstate) == 0) {
        expected->is_seen = true;
        PQclear(last);
        return NULL;
    }
    lease_refuse(request, sqlstate ? sqlstate : "",
                 last ? PQresultErrorMessage(last) : PQerrorMessage(request->conn));
    PQclear(last);
    return NULL;
}

PGresult *lease_query(struct request *request, const char *statement, int count,
                      const char *const *values)
{
    if (!PQsendQueryParams(request->conn, statement, count, NULL, values, NULL, NULL, 0)) {
        lease_refuse(request, "", PQerrorMessage(request->conn));
        return NULL;
    }
    return read_result(request, NULL);
}

/* Prepares a statement where it is not yet. A pooler may have kept it from another session. */
static bool prepare(struct request *request, enum statement statement)
{
    struct expected exists = {STATEMENT_EXISTS, false};
    if (statement_is_prepared(request->conn, statement)) {
        return true;
    }
    if (!PQsendPrepare(request->conn, statement_name(statement), statement_text(statement), 0,
                       NULL)) {
        lease_refuse(request, "", PQerrorMessage(request->conn));
        return false;
    }
    PGresult *result = read_result(request, &exists);
    if (!result && !exists.is_seen) {
        return false;
    }
    PQclear(result);
    statement_set_prepared(request->conn, statement);
    return true;
}

void lease_go_unprepared(struct app *app)
{
    if (!atomic_exchange(&app->goes_unprepared, true)) {
        log_write(LOG_LEVEL_WARNING, "prepared statements get lost on the way to the database, by "
                                     "a pooler probably: going on without them");
    }
}

PGresult *lease_prepared(struct request *request, enum statement statement,
                         const char *const *values)
{
    int count = statement_values(statement);
    struct expected missing = {STATEMENT_MISSING, false};
    if (request->app->goes_unprepared) {
        return lease_query(request, statement_text(statement), count, values);
    }
    if (!prepare(request, statement)) {
        return NULL;
    }
    if (!PQsendQueryPrepared(request->conn, statement_name(statement), count, values, NULL, NULL,
                             0)) {
        lease_refuse(request, "", PQerrorMessage(request->conn));
        return NULL;
    }
    PGresult *result = read_result(request, &missing);
    if (!missing.is_seen) {
        return result;
    }
    lease_go_unprepared(request->app);
    return lease_query(request, statement_text(statement), count, values);
}

/* ---- users -----------------------------------------------------------------------------------
 */

static void copy(char *to, size_t bytes, const PGresult *result, int column)
{
    snprintf(to, bytes, "%s", PQgetvalue(result, 0, column));
}

static bool read_user(struct request *request)
{
    const char *values[] = {request->claims.user_id};
    uint64_t begun = users_begin(request->app->users);
    PGresult *result = lease_prepared(request, STATEMENT_USER, values);
    if (!result) {
        return false;
    }
    bool is_found = PQntuples(result) == 1;
    if (is_found) {
        struct user user;
        snprintf(user.id, sizeof(user.id), "%s", request->claims.user_id);
        copy(user.login, sizeof(user.login), result, 0);
        copy(user.name, sizeof(user.name), result, 1);
        copy(user.base_currency, sizeof(user.base_currency), result, 2);
        copy(user.benchmark, sizeof(user.benchmark), result, 3);
        users_store(request->app->users, &user, begun, weir_now());
        request->user = user;
    } else {
        refuse_unknown(request);
    }
    PQclear(result);
    return is_found;
}

/* ---- the work of a worker --------------------------------------------------------------------
 */

void lease_tell(const struct request *request, weir_time waited)
{
    struct weir_stats stats;
    if (log_is_on(LOG_LEVEL_DEBUG) && weir_pool_stats(request->app->pool, &stats) == 0) {
        log_write(LOG_LEVEL_DEBUG, "request %s pool size=%u checked_out=%u waiting=%u wait_ms=%.1f",
                  request->id, stats.pool_size, stats.checked_out, stats.waiting,
                  (double)waited / 1e6);
    }
}

static bool wait_for(struct request *request, const struct weir_want *want)
{
    struct weir_error error;
    bool is_lent = weir_pool_take(request->app->pool, want, &request->conn, &error) == 0;
    if (!is_lent) {
        refuse_lease(request, &error);
    }
    return is_lent;
}

/* For who may not wait any more. */
static bool try(struct request *request, const struct weir_want *want)
{
    bool is_lent = weir_pool_try(request->app->pool, want, &request->conn) == 0;
    if (!is_lent) {
        refuse_late(request);
    }
    return is_lent;
}

static bool take(struct request *request)
{
    const struct settings *settings = request->app->settings;
    struct weir_want want = {
        .deadline = request->waits_since + (weir_time)settings->pool_wait_ms * WEIR_MS,
        .tag = request->route->name,
    };
    weir_time start = weir_now();
    if (!(start < want.deadline ? wait_for(request, &want) : try(request, &want))) {
        request->conn = NULL;
        return false;
    }
    request->lease_ends_at = weir_now() + (weir_time)settings->query_ms * WEIR_MS;
    lease_tell(request, request->lease_ends_at - start - (weir_time)settings->query_ms * WEIR_MS);
    return true;
}

/* Changes run functions that block in libpq; what only reads has its own time limit (await_result).
 */
static void run_handler(struct request *request)
{
    struct guard guard;
    if (request->route->method == METHOD_GET) {
        request->route->handle(request);
        return;
    }
    guard_begin(&request->app->guards, &guard, request->conn, request->lease_ends_at);
    request->route->handle(request);
    guard_end(&request->app->guards, &guard);
}

static void run_once(struct request *request)
{
    struct app *app = request->app;
    bool is_known = users_find(app->users, request->claims.user_id, weir_now(), &request->user);
    *(is_known ? &app->counts.user_hits : &app->counts.user_misses) += 1;
    if (!take(request)) {
        return;
    }
    if (is_known || read_user(request)) {
        run_handler(request);
    }
    weir_pool_give(app->pool, request->conn);
    request->conn = NULL;
}

/* Whether what broke may be done once more, and the answer is still on its way in time. */
static bool may_try_again(const struct request *request)
{
    weir_time query = (weir_time)request->app->settings->query_ms * WEIR_MS;
    return request->is_conn_broken && request->route->method == METHOD_GET &&
           weir_now() + query <= request->tries_end_at;
}

void lease_run(struct request *request)
{
    run_once(request);
    if (may_try_again(request)) {
        request->is_conn_broken = false;
        reply_done(&request->reply);
        run_once(request);
    }
    http_resume(request);
}
