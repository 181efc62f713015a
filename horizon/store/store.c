/* store.c - see store.h. Test: tests/system/test_horizon_data.py. */
#include "store/store.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_SECONDS "10"

int store_fail(struct store_problem *problem, int status, const char *format, ...)
{
    va_list arguments;
    if (problem) {
        *problem = (struct store_problem){.status = status};
        va_start(arguments, format);
        vsnprintf(problem->text, sizeof(problem->text), format, arguments);
        va_end(arguments);
    }
    return status;
}

int store_fail_query(struct store_problem *problem, PGconn *conn, const PGresult *result)
{
    const char *text = result ? PQresultErrorMessage(result) : PQerrorMessage(conn);
    const char *sqlstate = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    size_t length = strcspn(text, "\n");
    if (strncmp(text, "ERROR:  ", 8) == 0 || strncmp(text, "FATAL:  ", 8) == 0) {
        text += 8;
        length -= 8;
    }
    store_fail(problem, STORE_EDATABASE, "%.*s", (int)length, text);
    if (problem && sqlstate)
        snprintf(problem->sqlstate, sizeof(problem->sqlstate), "%s", sqlstate);
    return STORE_EDATABASE;
}

static void ignore_notice(void *user, const PGresult *result)
{
    (void)user;
    (void)result;
}

int store_open(const char *url, PGconn **ret_conn, struct store_problem *problem)
{
    static const char *const names[] = {"connect_timeout", "application_name", "dbname", NULL};
    const char *values[] = {CONNECT_SECONDS, "horizon", url, NULL};
    PGconn *conn = PQconnectdbParams(names, values, 1);
    if (!conn)
        return store_fail(problem, STORE_ENOMEM, "out of memory");
    if (PQstatus(conn) != CONNECTION_OK) {
        store_fail_query(problem, conn, NULL);
        PQfinish(conn);
        return STORE_EDATABASE;
    }
    PQsetNoticeReceiver(conn, ignore_notice, NULL);
    *ret_conn = conn;
    return STORE_OK;
}

static int check(PGconn *conn, PGresult *result, PGresult **ret_result,
                 struct store_problem *problem)
{
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_COPY_IN) {
        store_fail_query(problem, conn, result);
        PQclear(result);
        return STORE_EDATABASE;
    }
    if (ret_result)
        *ret_result = result;
    else
        PQclear(result);
    return STORE_OK;
}

int store_run(PGconn *conn, const char *statements, struct store_problem *problem)
{
    return check(conn, PQexec(conn, statements), NULL, problem);
}

int store_query(PGconn *conn, const char *statement, int value_count, const char *const *values,
                PGresult **ret_result, struct store_problem *problem)
{
    PGresult *result = PQexecParams(conn, statement, value_count, NULL, values, NULL, NULL, 0);
    return check(conn, result, ret_result, problem);
}

int store_do(PGconn *conn, const char *statement, int value_count, const char *const *values,
             struct store_problem *problem)
{
    return store_query(conn, statement, value_count, values, NULL, problem);
}

void store_rollback(PGconn *conn)
{
    if (PQtransactionStatus(conn) != PQTRANS_IDLE)
        PQclear(PQexec(conn, "ROLLBACK"));
}

/* ---- reading results ------------------------------------------------------------------------- */

const char *store_text(const PGresult *result, int row, int column)
{
    return PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column);
}

double store_number(const PGresult *result, int row, int column)
{
    return PQgetisnull(result, row, column) ? NAN : strtod(PQgetvalue(result, row, column), NULL);
}

int64_t store_integer(const PGresult *result, int row, int column, int64_t missing)
{
    return PQgetisnull(result, row, column) ? missing
                                            : strtoll(PQgetvalue(result, row, column), NULL, 10);
}
