/* doctor_connect.c - one connection of libpq, every wait with a deadline.
 *
 * The texts of errors are asked for in their verbose form while connecting: that is the only way to
 * learn the SQLSTATE of a refusal from libpq 15.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/doctor.h"

static base_time now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (base_time)at.tv_sec * BASE_SECOND + (base_time)at.tv_nsec;
}

void doctor_copy(char *target, size_t bytes, const char *text)
{
    size_t length = strcspn(text, "\n");
    if (length >= bytes)
        length = bytes - 1;
    memcpy(target, text, length);
    target[length] = '\0';
}

/* False when the deadline came first. */
static bool await(int fd, short events, base_time deadline)
{
    struct pollfd wait = {.fd = fd, .events = events};
    base_time at = now();
    if (at >= deadline)
        return false;
    int ms = (int)((deadline - at) / BASE_MS) + 1;
    return poll(&wait, 1, ms) > 0;
}

/* ---- connecting ------------------------------------------------------------------------------ */

/* "FATAL:  53300: too many connections ...": five letters or digits between two marks. */
static const char *find_sqlstate(const char *text)
{
    static const char marks[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (const char *at = strstr(text, ":  "); at; at = strstr(at + 1, ":  "))
        if (strspn(at + 3, marks) == 5 && at[8] == ':')
            return at + 3;
    return NULL;
}

static void note_refusal(struct doctor_refusal *refusal, const char *text)
{
    const char *code = find_sqlstate(text);
    memset(refusal, 0, sizeof(*refusal));
    if (code) {
        memcpy(refusal->sqlstate, code, 5);
        text = code + 6 + strspn(code + 6, " ");
    }
    doctor_copy(refusal->text, sizeof(refusal->text), text);
    doctor_refusal_read(refusal);
}

static bool finish(PGconn *conn, base_time deadline)
{
    for (;;) {
        switch (PQconnectPoll(conn)) {
        case PGRES_POLLING_OK:
            return true;
        case PGRES_POLLING_READING:
            if (!await(PQsocket(conn), POLLIN, deadline))
                return false;
            break;
        case PGRES_POLLING_WRITING:
            if (!await(PQsocket(conn), POLLOUT, deadline))
                return false;
            break;
        case PGRES_POLLING_FAILED:
        default:
            return false;
        }
    }
}

PGconn *doctor_connect(const char *url, const char *database, base_time patience,
                       struct doctor_refusal *refusal)
{
    /* what comes later wins, so the URL's database gives way to another one */
    const char *keywords[] = {"dbname", database ? "dbname" : "fallback_application_name",
                              "fallback_application_name", NULL};
    const char *values[] = {url, database ? database : "weir doctor", "weir doctor", NULL};
    base_time deadline = now() + patience;
    PGconn *conn = PQconnectStartParams(keywords, values, 1);
    if (!conn) {
        note_refusal(refusal, "out of memory");
        return NULL;
    }
    PQsetErrorVerbosity(conn, PQERRORS_VERBOSE);
    if (PQstatus(conn) != CONNECTION_BAD && finish(conn, deadline)) {
        PQsetErrorVerbosity(conn, PQERRORS_DEFAULT);
        return conn;
    }
    if (PQstatus(conn) == CONNECTION_BAD)
        note_refusal(refusal, PQerrorMessage(conn));
    else
        note_refusal(refusal, "no answer in time");
    PQfinish(conn);
    return NULL;
}

/* ---- queries --------------------------------------------------------------------------------- */

static void ignore_notice(void *unused, const char *text)
{
    (void)unused;
    (void)text;
}

/* The last result of what was sent; NULL when the time is up. */
static PGresult *collect(PGconn *conn, base_time deadline)
{
    PGresult *last = NULL;
    for (;;) {
        while (PQisBusy(conn)) {
            if (!await(PQsocket(conn), POLLIN, deadline) || !PQconsumeInput(conn)) {
                PQclear(last);
                return NULL;
            }
        }
        PGresult *next = PQgetResult(conn);
        if (!next)
            return last;
        PQclear(last);
        last = next;
    }
}

PGresult *doctor_query(PGconn *conn, const char *sql, base_time patience,
                       char why[DOCTOR_TEXT_BYTES])
{
    PQsetNoticeProcessor(conn, ignore_notice, NULL);
    PGresult *rows = PQsendQuery(conn, sql) ? collect(conn, now() + patience) : NULL;
    if (PQresultStatus(rows) == PGRES_TUPLES_OK)
        return rows;
    const char *text = rows ? PQresultErrorMessage(rows) : PQerrorMessage(conn);
    doctor_copy(why, DOCTOR_TEXT_BYTES, *text ? text : "no answer in time");
    PQclear(rows);
    return NULL;
}

const char *doctor_text(const PGresult *rows, int row, const char *column)
{
    int at = PQfnumber(rows, column);
    return at < 0 || row >= PQntuples(rows) ? "" : PQgetvalue(rows, row, at);
}

int64_t doctor_number(const PGresult *rows, int row, const char *column)
{
    return strtoll(doctor_text(rows, row, column), NULL, 10);
}
