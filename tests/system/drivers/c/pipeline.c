/* libpq's pipeline mode through the daemon: many queries without waiting, errors in the middle,
 * Flush without Sync, statements prepared inside, results row by row, a pipeline longer than every
 * buffer, COPY and cancel beside it. ../README.md says what the cases are and how they report.
 */
#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLIENTS_MAX = 256, SQL_BYTES = 512 };

/* A case that fails jumps back to its reporter; each thread has its own. */
static _Thread_local jmp_buf failed;
static _Thread_local char why[2048];

static _Noreturn void fail(const char *what, const char *more)
{
    snprintf(why, sizeof why, "%s: %s", what, more);
    longjmp(failed, 1);
}

static void check(bool is_good, const char *what, const PGconn *conn)
{
    if (!is_good) {
        fail(what, conn ? PQerrorMessage(conn) : "");
    }
}

static void same(const char *expected, const char *got)
{
    if (strcmp(expected, got) != 0) {
        char text[512];
        snprintf(text, sizeof text, "expected %.200s, got %.200s", expected, got);
        fail("values differ", text);
    }
}

static PGconn *open_one(void)
{
    const char *ca = getenv("WEIR_CA");
    bool is_tls = ca && *ca;
    const char *keys[] = {"host",   "port",    "user",        "password",
                          "dbname", "sslmode", "sslrootcert", NULL};
    const char *values[] = {getenv("WEIR_HOST"),     getenv("WEIR_PORT"),
                            getenv("WEIR_USER"),     getenv("WEIR_PASSWORD"),
                            getenv("WEIR_DATABASE"), is_tls ? "verify-full" : "disable",
                            is_tls ? ca : "",        NULL};
    PGconn *conn = PQconnectdbParams(keys, values, 0);
    check(PQstatus(conn) == CONNECTION_OK, "connect", conn);
    return conn;
}

static PGconn *open_pipeline(void)
{
    PGconn *conn = open_one();
    check(PQenterPipelineMode(conn), "enter pipeline mode", conn);
    return conn;
}

/* The next result, which has this status; the caller clears it. */
static PGresult *result_with(PGconn *conn, ExecStatusType status)
{
    PGresult *result = PQgetResult(conn);
    if (!result) {
        fail(PQresStatus(status), "expected, got no result");
    }
    if (PQresultStatus(result) != status) {
        char text[512];
        snprintf(text, sizeof text, "got %s %s", PQresStatus(PQresultStatus(result)),
                 PQresultErrorMessage(result));
        fail(PQresStatus(status), text);
    }
    return result;
}

/* The whole answer of one query: a result with this status, then NULL. */
static void answer(PGconn *conn, ExecStatusType status, const char *value)
{
    PGresult *result = result_with(conn, status);
    if (value) {
        same(value, status == PGRES_FATAL_ERROR ? PQresultErrorField(result, PG_DIAG_SQLSTATE)
                                                : PQgetvalue(result, 0, 0));
    }
    PQclear(result);
    result = PQgetResult(conn);
    if (result) {
        fail("expected the end of the query, got", PQresStatus(PQresultStatus(result)));
    }
}

static void synced(PGconn *conn)
{
    PQclear(result_with(conn, PGRES_PIPELINE_SYNC));
}

static void send_int(PGconn *conn, const char *sql, int value)
{
    char text[16];
    snprintf(text, sizeof text, "%d", value);
    const char *values[] = {text};
    check(PQsendQueryParams(conn, sql, 1, NULL, values, NULL, NULL, 0), "send", conn);
}

static void sync_now(PGconn *conn)
{
    check(PQpipelineSync(conn), "sync", conn);
}

static const char *table_sql(char *ret, const char *format)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(ret, SQL_BYTES, format, getenv("WEIR_TABLE"));
#pragma GCC diagnostic pop
    return ret;
}

static void close_pipeline(PGconn *conn)
{
    check(PQexitPipelineMode(conn), "exit pipeline mode", conn);
    PGresult *result = PQexec(conn, "SELECT 'after'");
    check(PQresultStatus(result) == PGRES_TUPLES_OK, "query after the pipeline", conn);
    PQclear(result);
    PQfinish(conn);
}

static void count_is(const char *expected, const char *note)
{
    PGconn *conn = open_one();
    char sql[SQL_BYTES];
    const char *values[] = {note};
    PGresult *result = PQexecParams(conn, table_sql(sql, "SELECT count(*) FROM %s WHERE note = $1"),
                                    1, NULL, values, NULL, NULL, 0);
    check(PQresultStatus(result) == PGRES_TUPLES_OK, "count", conn);
    same(expected, PQgetvalue(result, 0, 0));
    PQclear(result);
    PQfinish(conn);
}

/* ---- cases */

static void simple(void)
{
    PGconn *conn = open_pipeline();
    for (int n = 0; n < 50; n++) {
        send_int(conn, "SELECT $1::int + 1000", n);
    }
    sync_now(conn);
    for (int n = 0; n < 50; n++) {
        char text[16];
        snprintf(text, sizeof text, "%d", n + 1000);
        answer(conn, PGRES_TUPLES_OK, text);
    }
    synced(conn);
    close_pipeline(conn);
}

static void prepared(void)
{
    PGconn *conn = open_pipeline();
    const char *values[] = {"41"};
    for (int round = 0; round < 3; round++) {
        check(PQsendPrepare(conn, "mine", "SELECT $1::int + 1", 0, NULL), "prepare", conn);
        check(PQsendDescribePrepared(conn, "mine"), "describe", conn);
        for (int n = 0; n < 5; n++) {
            check(PQsendQueryPrepared(conn, "mine", 1, values, NULL, NULL, 0), "execute", conn);
        }
        check(PQsendQueryParams(conn, "DEALLOCATE mine", 0, NULL, NULL, NULL, NULL, 0),
              "deallocate", conn);
        sync_now(conn);
        answer(conn, PGRES_COMMAND_OK, NULL);
        answer(conn, PGRES_COMMAND_OK, NULL);
        for (int n = 0; n < 5; n++) {
            answer(conn, PGRES_TUPLES_OK, "42");
        }
        answer(conn, PGRES_COMMAND_OK, NULL);
        synced(conn);
    }
    close_pipeline(conn);
}

static void rollback(void)
{
    PGconn *conn = open_pipeline();
    char sql[SQL_BYTES];
    table_sql(sql, "INSERT INTO %s (id, note) VALUES ($1, 'tx')");
    send_int(conn, sql, 1); /* what is between two Syncs is one transaction */
    sync_now(conn);
    check(PQsendQueryParams(conn, "BEGIN", 0, NULL, NULL, NULL, NULL, 0), "begin", conn);
    send_int(conn, sql, 2);
    sync_now(conn);
    send_int(conn, sql, 3);
    check(PQsendQueryParams(conn, "ROLLBACK", 0, NULL, NULL, NULL, NULL, 0), "rollback", conn);
    sync_now(conn);
    answer(conn, PGRES_COMMAND_OK, NULL);
    synced(conn);
    answer(conn, PGRES_COMMAND_OK, NULL);
    answer(conn, PGRES_COMMAND_OK, NULL);
    synced(conn);
    answer(conn, PGRES_COMMAND_OK, NULL);
    answer(conn, PGRES_COMMAND_OK, NULL);
    synced(conn);
    close_pipeline(conn);
    count_is("1", "tx");
}

static void error(void)
{
    PGconn *conn = open_pipeline();
    char sql[SQL_BYTES];
    table_sql(sql, "INSERT INTO %s (id, note) VALUES ($1, 'undone')");
    for (int round = 0; round < 4; round++) {
        send_int(conn, sql, 50);
        send_int(conn, "SELECT 1 / $1", 0);
        check(PQsendPrepare(conn, "lost", "SELECT 1", 0, NULL), "prepare", conn);
        send_int(conn, sql, 51);
        sync_now(conn);
        send_int(conn, "SELECT $1::int", round);
        sync_now(conn);
        answer(conn, PGRES_COMMAND_OK, NULL);
        answer(conn, PGRES_FATAL_ERROR, "22012");
        answer(conn, PGRES_PIPELINE_ABORTED, NULL);
        answer(conn, PGRES_PIPELINE_ABORTED, NULL);
        synced(conn);
        char text[16];
        snprintf(text, sizeof text, "%d", round);
        answer(conn, PGRES_TUPLES_OK, text);
        synced(conn);
    }
    close_pipeline(conn);
    count_is("0", "undone");
}

/* Flush brings answers while the implicit transaction stays open. */
static void flush(void)
{
    PGconn *conn = open_pipeline();
    for (int n = 0; n < 5; n++) {
        send_int(conn, "SELECT $1::int * 2", n);
        check(PQsendFlushRequest(conn), "flush request", conn);
        check(PQflush(conn) == 0, "flush", conn);
        char text[16];
        snprintf(text, sizeof text, "%d", n * 2);
        answer(conn, PGRES_TUPLES_OK, text);
    }
    sync_now(conn);
    synced(conn);
    close_pipeline(conn);
}

static void single_rows(void)
{
    PGconn *conn = open_pipeline();
    send_int(conn, "SELECT generate_series(1, $1)", 3000);
    send_int(conn, "SELECT $1::int", 7);
    sync_now(conn);
    check(PQsetSingleRowMode(conn), "single row mode", conn);
    long sum = 0;
    for (int n = 0; n < 3000; n++) {
        PGresult *result = result_with(conn, PGRES_SINGLE_TUPLE);
        sum += strtol(PQgetvalue(result, 0, 0), NULL, 10);
        PQclear(result);
    }
    check(sum == 4501500, "sum of the rows", NULL);
    answer(conn, PGRES_TUPLES_OK, NULL);
    answer(conn, PGRES_TUPLES_OK, "7");
    synced(conn);
    close_pipeline(conn);
}

/* Sends and reads at the same time, as a pipeline longer than all buffers must. */
static void deep(void)
{
    enum { QUERIES = 4000 };
    PGconn *conn = open_pipeline();
    char text[4001] = {0};
    memset(text, 'x', sizeof text - 1);
    const char *values[] = {text};
    check(PQsetnonblocking(conn, 1) == 0, "nonblocking", conn);
    int sent = 0;
    int got = 0;
    while (got < QUERIES) {
        if (sent < QUERIES) {
            check(PQsendQueryParams(conn, "SELECT $1::text", 1, NULL, values, NULL, NULL, 0),
                  "send", conn);
            if (++sent == QUERIES) {
                sync_now(conn);
            } else if (sent % 20) {
                continue;
            }
        }
        struct pollfd socket = {.fd = PQsocket(conn), .events = POLLIN};
        int left = PQflush(conn);
        check(left >= 0, "flush", conn);
        socket.events = (short)(POLLIN | (left || sent < QUERIES ? POLLOUT : 0));
        check(poll(&socket, 1, 30000) > 0, "poll", conn);
        check(PQconsumeInput(conn), "consume", conn);
        while (got < sent && !PQisBusy(conn)) {
            answer(conn, PGRES_TUPLES_OK, text);
            got++;
        }
    }
    check(PQsetnonblocking(conn, 0) == 0, "blocking", conn);
    synced(conn);
    close_pipeline(conn);
}

static void copy(void)
{
    PGconn *conn = open_one();
    char sql[SQL_BYTES];
    PGresult *result = PQexec(conn, table_sql(sql, "COPY %s (id, note) FROM STDIN"));
    check(PQresultStatus(result) == PGRES_COPY_IN, "copy in", conn);
    PQclear(result);
    for (int n = 0; n < 3000; n++) {
        char line[32];
        int bytes = snprintf(line, sizeof line, "%d\tcopied\n", 100 + n);
        check(PQputCopyData(conn, line, bytes) == 1, "copy data", conn);
    }
    check(PQputCopyEnd(conn, NULL) == 1, "copy end", conn);
    answer(conn, PGRES_COMMAND_OK, NULL);
    result =
        PQexec(conn, table_sql(sql, "COPY (SELECT id FROM %s WHERE note = 'copied') TO STDOUT"));
    check(PQresultStatus(result) == PGRES_COPY_OUT, "copy out", conn);
    PQclear(result);
    int rows = 0;
    char *line = NULL;
    while (PQgetCopyData(conn, &line, 0) > 0) {
        PQfreemem(line);
        rows++;
    }
    answer(conn, PGRES_COMMAND_OK, NULL);
    check(rows == 3000, "rows copied out", NULL);
    PQfinish(conn);
}

static void cancel(void)
{
    PGconn *conn = open_pipeline();
    PGconn *eye = open_one();
    send_int(conn, "SELECT pg_sleep($1), 'libpq pipeline'", 60);
    send_int(conn, "SELECT $1::int", 1);
    sync_now(conn);
    /* Asleep, not just active: between the messages of a query PostgreSQL ignores a request. */
    for (bool is_busy = false; !is_busy;) {
        PGresult *result =
            PQexec(eye, "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND pid"
                        " <> pg_backend_pid() AND query LIKE '%libpq pipeline%'");
        is_busy = PQntuples(result) == 1;
        PQclear(result);
    }
    PGcancel *request = PQgetCancel(conn);
    char text[256] = "";
    int is_sent = PQcancel(request, text, sizeof text);
    PQfreeCancel(request);
    check(is_sent, text, conn);
    answer(conn, PGRES_FATAL_ERROR, "57014");
    answer(conn, PGRES_PIPELINE_ABORTED, NULL);
    synced(conn);
    close_pipeline(conn);
    PQfinish(eye);
}

static void *parallel_client(void *argument)
{
    if (setjmp(failed)) {
        return strdup(why);
    }
    int me = *(const int *)argument;
    PGconn *conn = open_pipeline();
    char sql[64];
    snprintf(sql, sizeof sql, "SELECT $1::int + %d", me);
    for (int round = 0; round < 4; round++) {
        for (int n = 0; n < 10; n++) {
            send_int(conn, sql, n * 1000);
        }
        sync_now(conn);
        for (int n = 0; n < 10; n++) {
            char text[16];
            snprintf(text, sizeof text, "%d", n * 1000 + me);
            answer(conn, PGRES_TUPLES_OK, text);
        }
        synced(conn);
    }
    close_pipeline(conn);
    return NULL;
}

static void parallel(void)
{
    long count = strtol(getenv("WEIR_CLIENTS"), NULL, 10);
    check(count > 0 && count <= CLIENTS_MAX, "WEIR_CLIENTS", NULL);
    pthread_t threads[CLIENTS_MAX];
    int names[CLIENTS_MAX];
    for (int i = 0; i < count; i++) {
        names[i] = i;
        check(pthread_create(&threads[i], NULL, parallel_client, &names[i]) == 0, "thread", NULL);
    }
    char *first = NULL;
    for (int i = 0; i < count; i++) {
        void *text = NULL;
        pthread_join(threads[i], &text);
        first = first ? first : text;
    }
    if (first) {
        fail("a client", first);
    }
}

static int report(const char *name, void (*work)(void))
{
    if (setjmp(failed)) {
        for (char *at = why; *at; at++) {
            *at = *at == '\n' ? '|' : *at;
        }
        printf("failed %s: %s\n", name, why);
        return 1;
    }
    work();
    printf("ok %s\n", name);
    return 0;
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    int bad = 0;
    bad += report("simple", simple);
    bad += report("prepared", prepared);
    bad += report("rollback", rollback);
    bad += report("error", error);
    bad += report("flush", flush);
    bad += report("single_rows", single_rows);
    bad += report("deep", deep);
    bad += report("copy", copy);
    bad += report("cancel", cancel);
    bad += report("parallel", parallel);
    return bad ? 1 : 0;
}
