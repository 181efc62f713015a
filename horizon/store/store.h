/* store.h - talking to the database: statements that succeed or leave a problem behind.
 *
 * A connection is the caller's, be it lent by a pool or opened here. Values travel as texts, never
 * in the statement. A function that fails leaves the transaction to the caller, who rolls it back.
 */
#ifndef HORIZON_STORE_STORE_H
#define HORIZON_STORE_STORE_H

#include <libpq-fe.h>
#include <stddef.h>
#include <stdint.h>

enum store_status {
    STORE_OK = 0,
    STORE_ENOMEM = -1,
    STORE_EDATABASE = -2, /* a statement failed: sqlstate and text say how; "" when it broke */
    STORE_EWRONG = -3,    /* what was asked for contradicts what is there: the text says where */
    STORE_ENOTFOUND = -4, /* no such user, asset, ... */
    STORE_EEXISTS = -5,   /* there is one already */
};

struct store_problem {
    int status;
    char sqlstate[6];
    int64_t activity; /* the one that it is about; 0 = none */
    char text[512];   /* what happened, why, what to do; no line end */
};

#define STORE_MUST_CHECK __attribute__((warn_unused_result))
#define STORE_ID_BYTES   37 /* a UUID as text, its end included */

/* Fills the problem (NULL is fine) and returns `status`. */
int store_fail(struct store_problem *problem, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The connection's last error, or that of a result, as STORE_EDATABASE. */
int store_fail_query(struct store_problem *problem, PGconn *conn, const PGresult *result);

/* Opens a connection; `url` may be a URL or "key=value ...", as for libpq. Waits 10 s at most
 * unless the URL says how long. */
int store_open(const char *url, PGconn **ret_conn, struct store_problem *problem) STORE_MUST_CHECK;

/* One or several statements without values. */
int store_run(PGconn *conn, const char *statements, struct store_problem *problem) STORE_MUST_CHECK;

/* One statement; `values` are texts or NULL (SQL's NULL). The result is the caller's to PQclear. */
int store_query(PGconn *conn, const char *statement, int value_count, const char *const *values,
                PGresult **ret_result, struct store_problem *problem) STORE_MUST_CHECK;

/* The same where nobody needs the result. */
int store_do(PGconn *conn, const char *statement, int value_count, const char *const *values,
             struct store_problem *problem) STORE_MUST_CHECK;

/* Rolls back whatever is open; for the way out of a failure. */
void store_rollback(PGconn *conn);

/* ---- reading results ------------------------------------------------------------------------- */

/* NULL where the field is SQL's NULL. */
const char *store_text(const PGresult *result, int row, int column);

/* NaN where it is NULL. */
double store_number(const PGresult *result, int row, int column);

/* `missing` where it is NULL. */
int64_t store_integer(const PGresult *result, int row, int column, int64_t missing);

#endif
