/* lease.h - a connection for one request: taken from the pool, used under a deadline, given back.
 *
 * lease_run is what workers do with a request: find the user (cache, else database), take one
 * connection, call the handler, give the connection back, resume. Whatever goes wrong becomes the
 * request's reply: 503 with Retry-After when there is no connection within pool_wait, 504 when
 * statements are not done within query_ms (the pool cancels them at the server), 401 when the user
 * is gone. A GET whose connection turns out to be dead is done once more on another one, if that
 * can end in time (request->tries_end_at). A request whose time to wait is over when a worker takes
 * it from the line still gets a connection that is free, but waits for none. Test:
 * tests/unit/horizon/test_lease.c, tests/system/test_horizon_faults.py.
 */
#ifndef HORIZON_SERVE_LEASE_H
#define HORIZON_SERVE_LEASE_H

#include <libpq-fe.h>

#include "serve/request.h"
#include "serve/statements.h"

/* The work of a worker; ends with http_resume. */
void lease_run(struct request *request);

/* A worker's reply to a request that has waited too long for others of its user (line.h): 503, and
 * http_resume. */
void lease_refuse_user(struct request *request);

/* The same to a request that made room for one of somebody with fewer in line. */
void lease_refuse_displaced(struct request *request);

/* One statement on the request's connection, before its deadline. The result is to be PQclear'd;
 * NULL: the reply is an error already. */
PGresult *lease_query(struct request *request, const char *statement, int count,
                      const char *const *values) __attribute__((warn_unused_result));

/* The same for one of the statements that are prepared. */
PGresult *lease_prepared(struct request *request, enum statement statement,
                         const char *const *values) __attribute__((warn_unused_result));

/* From now on nothing is prepared: what was is missing (STATEMENT_MISSING). Logged once. */
void lease_go_unprepared(struct app *app);

/* The reply to a statement that failed with that SQLSTATE ("" when the connection broke). */
void lease_refuse(struct request *request, const char *sqlstate, const char *text);

/* The reply to a statement that takes too long: 504. */
void lease_refuse_slow(struct request *request);

/* Milliseconds that are left for statements, at least 1. */
int lease_left_ms(const struct request *request);

/* The debug line about the connection that a request was given, after it waited so long. */
void lease_tell(const struct request *request, weir_time waited);

#endif
