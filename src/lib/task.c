/* task.c - round trips of the pool's own: checks and resets.
 *
 * Check: an empty query. Reset, as far as the state of the connection asks for it:
 *
 *     busy            -> CANCEL (cancel.c), read everything that comes, leave COPY and pipeline
 *     in transaction  -> ROLLBACK
 *     always after a cancel: one more round trip, since PostgreSQL may signal late; it is repeated
 *                        when the late signal hit it
 *     WEIR_RESET_FULL -> DISCARD ALL
 *
 * All of it within task_timeout; whatever goes wrong closes the connection.
 * Test: tests/unit/lib/test_give.c.
 */
#include "lib/lib.h"

#include <poll.h>
#include <string.h>
#include <sys/epoll.h>

/* ---- looking --------------------------------------------------------------------------------- */

bool lib_is_standby(const struct lib_server *server)
{
    const char *value = PQparameterStatus(server->conn, "in_hot_standby");
    return value != NULL && strcmp(value, "on") == 0;
}

void lib_note_standby(struct weir_pool *pool, struct lib_server *server)
{
    bool was_standby = server->is_standby;
    server->is_standby = lib_is_standby(server);
    if (server->is_standby && !was_standby)
        lib_trace(pool, WEIR_TRACE_STANDBY, "%s port %s is in hot standby: it cannot write",
                  PQhost(server->conn), PQport(server->conn));
}

bool lib_is_alive(struct lib_server *server)
{
    PGconn *conn = server->conn;
    struct pollfd poll_fd = {.fd = PQsocket(conn), .events = POLLIN | POLLRDHUP};
    if (poll(&poll_fd, 1, 0) == 0)
        return true;
    if (poll_fd.revents & (POLLERR | POLLHUP | POLLNVAL | POLLRDHUP))
        return false;
    /* Something unread: a notice, a parameter, a notification; or the last words of the server. */
    if (PQconsumeInput(conn) == 0 || PQstatus(conn) != CONNECTION_OK)
        return false;
    PGnotify *notify;
    while ((notify = PQnotifies(conn)) != NULL)
        PQfreemem(notify);
    poll_fd.revents = 0;
    return PQstatus(conn) == CONNECTION_OK &&
           (poll(&poll_fd, 1, 0) == 0 ||
            !(poll_fd.revents & (POLLERR | POLLHUP | POLLNVAL | POLLRDHUP)));
}

/* ---- one query ------------------------------------------------------------------------------- */

/* Leaves COPY so that the server goes on. False: it cannot be left. */
static bool leave_copy(PGconn *conn, const PGresult *result)
{
    char *data;
    int bytes;
    switch ((int)PQresultStatus(result)) {
    case PGRES_COPY_IN:
        return PQputCopyEnd(conn, "given back to the pool") != -1;
    case PGRES_COPY_OUT:
        while ((bytes = PQgetCopyData(conn, &data, 1)) > 0)
            PQfreemem(data);
        return bytes != -2;
    case PGRES_COPY_BOTH:
        return false;
    default:
        return true;
    }
}

/* Reads results while there are any. 1: the last one was read, 0: more will come, -1: broken. */
static int read_results(struct weir_pool *pool, struct lib_server *server,
                        void (*each)(struct weir_pool *, struct lib_server *, const PGresult *))
{
    PGconn *conn = server->conn;
    while (!PQisBusy(conn)) {
        PGresult *result = PQgetResult(conn);
        if (result == NULL)
            return PQstatus(conn) == CONNECTION_OK ? 1 : -1;
        each(pool, server, result);
        bool is_left = leave_copy(conn, result);
        bool is_copy_out = PQresultStatus(result) == PGRES_COPY_OUT;
        PQclear(result);
        if (!is_left || PQstatus(conn) != CONNECTION_OK)
            return -1;
        if (is_copy_out)
            return 0; /* PQgetResult would give the same again until more has come */
    }
    return 0;
}

int lib_query_step(struct weir_pool *pool, struct lib_server *server,
                   void (*each)(struct weir_pool *, struct lib_server *, const PGresult *))
{
    PGconn *conn = server->conn;
    int flushed = PQflush(conn);
    if (flushed < 0 || PQconsumeInput(conn) == 0)
        return -1;
    int status = read_results(pool, server, each);
    if (status != 0)
        return status;
    flushed = PQflush(conn);
    if (flushed < 0)
        return -1;
    lib_watch(pool, server, PQsocket(conn), flushed > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
    return 0;
}

/* ---- check ----------------------------------------------------------------------------------- */

static void read_check(struct weir_pool *pool, struct lib_server *server, const PGresult *result)
{
    (void)pool;
    if (PQresultStatus(result) != PGRES_EMPTY_QUERY)
        server->is_failed = true;
}

static void end_task(struct weir_pool *pool, struct lib_server *server, enum core_event_kind kind)
{
    bool ok = !server->is_failed && PQsetnonblocking(server->conn, 0) == 0;
    lib_task_end(pool, server);
    lib_cancel_drop(pool, server);
    pool->available = server;
    lib_tell(pool, server, kind, ok);
    pool->available = NULL;
}

void lib_check_begin(struct weir_pool *pool, struct lib_server *server)
{
    lib_task_begin(pool, server, LIB_TASK_CHECK, pool->config.options.task_timeout);
    if (lib_is_alive(server) && lib_early_begin(pool, server, NULL, NULL)) {
        server->is_failed = server->is_early_failed;
        end_task(pool, server, CORE_EVENT_CHECKED);
        return;
    }
    server->is_failed = !lib_is_alive(server) || PQsetnonblocking(server->conn, 1) != 0 ||
                        PQsendQuery(server->conn, "") == 0;
    lib_check_step(pool, server);
}

void lib_check_step(struct weir_pool *pool, struct lib_server *server)
{
    int status = server->is_failed ? -1 : lib_query_step(pool, server, read_check);
    if (status == 0)
        return;
    if (status < 0)
        server->is_failed = true;
    end_task(pool, server, CORE_EVENT_CHECKED);
}

/* ---- reset ----------------------------------------------------------------------------------- */

enum reset_step {
    RESET_DRAIN,    /* what the last user left unread */
    RESET_ROLLBACK, /* ROLLBACK, or an empty query that takes a late cancel's signal */
    RESET_DISCARD,
    RESET_DONE,
};

static void drop_result(struct weir_pool *pool, struct lib_server *server, const PGresult *result)
{
    (void)pool;
    (void)server;
    (void)result;
}

/* A late signal of our own cancel: the same again. */
static void read_rollback(struct weir_pool *pool, struct lib_server *server, const PGresult *result)
{
    (void)pool;
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (sqlstate == NULL)
        return;
    if (server->is_cancelled && strcmp(sqlstate, "57014") == 0)
        server->is_hit = true;
    else
        server->is_failed = true;
}

static void read_discard(struct weir_pool *pool, struct lib_server *server, const PGresult *result)
{
    (void)pool;
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        server->is_failed = true;
}

static const char *rollback_text(const struct lib_server *server)
{
    if (PQtransactionStatus(server->conn) != PQTRANS_IDLE)
        return "ROLLBACK";
    return server->is_cancelled ? "" : NULL;
}

static void enter(struct weir_pool *pool, struct lib_server *server, enum reset_step step)
{
    const char *text = NULL;
    server->step = (int)step;
    if (step == RESET_ROLLBACK) {
        if (lib_cancel_is_pending(server))
            return; /* cancel.c calls again when its request was taken */
        text = rollback_text(server);
        if (text == NULL)
            step = RESET_DISCARD;
    }
    if (step == RESET_DISCARD) {
        if (pool->config.options.reset_on_return == WEIR_RESET_FULL)
            text = "DISCARD ALL";
        else
            step = RESET_DONE;
    }
    server->step = (int)step;
    if (text != NULL && PQsendQuery(server->conn, text) == 0)
        server->is_failed = true;
}

/* Out of pipeline mode, once everything was read. */
static bool leave_pipeline(PGconn *conn)
{
    return PQpipelineStatus(conn) == PQ_PIPELINE_OFF || PQexitPipelineMode(conn) == 1;
}

/* A reset whose answer nobody has to wait for. */
static bool begin_early_reset(struct weir_pool *pool, struct lib_server *server)
{
    bool is_full = pool->config.options.reset_on_return == WEIR_RESET_FULL;
    const char *rollback = PQtransactionStatus(server->conn) == PQTRANS_IDLE ? NULL : "ROLLBACK";
    const char *discard = is_full ? "DISCARD ALL" : NULL;
    const char *first = rollback != NULL ? rollback : discard;
    if (first == NULL || !lib_early_begin(pool, server, first, rollback != NULL ? discard : NULL))
        return false;
    server->is_failed = server->is_early_failed;
    end_task(pool, server, CORE_EVENT_RESET_DONE);
    return true;
}

void lib_reset_begin(struct weir_pool *pool, struct lib_server *server)
{
    PGconn *conn = server->conn;
    lib_task_begin(pool, server, LIB_TASK_RESET, pool->config.options.task_timeout);
    server->is_cancelled = server->is_hit = server->own_sync = false;
    server->early = 0; /* what is left of it is read away with everything else */
    if (begin_early_reset(pool, server))
        return;
    server->is_failed = PQsetnonblocking(conn, 1) != 0 && PQstatus(conn) != CONNECTION_OK;
    bool is_pipeline = PQpipelineStatus(conn) != PQ_PIPELINE_OFF;
    if (is_pipeline && PQtransactionStatus(conn) == PQTRANS_ACTIVE && PQpipelineSync(conn) != 1)
        server->is_failed = true;
    server->step = RESET_DRAIN;
    lib_reset_step(pool, server);
}

/* After reading what was there: is the statement still running? */
static void cancel_if_busy(struct weir_pool *pool, struct lib_server *server)
{
    if (server->is_cancelled)
        return;
    server->is_cancelled = true;
    lib_cancel_begin(pool, server);
}

static int drain(struct weir_pool *pool, struct lib_server *server)
{
    PGconn *conn = server->conn;
    if (PQpipelineStatus(conn) == PQ_PIPELINE_OFF || PQtransactionStatus(conn) != PQTRANS_ACTIVE) {
        int status = PQtransactionStatus(conn) == PQTRANS_ACTIVE
                         ? lib_query_step(pool, server, drop_result)
                         : 1;
        return status == 1 && !leave_pipeline(conn) ? -1 : status;
    }
    /* In a pipeline NULL ends one command, not all: until it lets itself be left. */
    for (;;) {
        int status = lib_query_step(pool, server, drop_result);
        if (status != 1)
            return status;
        if (PQexitPipelineMode(conn) == 1)
            return 1;
    }
}

bool lib_reset_is_draining(const struct lib_server *server)
{
    return server->task == LIB_TASK_RESET && server->step == RESET_DRAIN;
}

static int reset_once(struct weir_pool *pool, struct lib_server *server)
{
    int status = 0;
    switch ((enum reset_step)server->step) {
    case RESET_DRAIN:
        status = drain(pool, server);
        if (status == 0)
            cancel_if_busy(pool, server);
        if (status == 1)
            enter(pool, server, RESET_ROLLBACK);
        break;
    case RESET_ROLLBACK:
        if (lib_cancel_is_pending(server))
            return 0;
        if (PQtransactionStatus(server->conn) != PQTRANS_ACTIVE) {
            enter(pool, server, RESET_ROLLBACK); /* it was put off for the cancel */
            return 1;
        }
        status = lib_query_step(pool, server, read_rollback);
        if (status == 1)
            enter(pool, server, server->is_hit ? RESET_ROLLBACK : RESET_DISCARD);
        server->is_hit = false;
        break;
    case RESET_DISCARD:
        status = lib_query_step(pool, server, read_discard);
        if (status == 1)
            server->step = RESET_DONE;
        break;
    case RESET_DONE:
        break;
    }
    return status;
}

void lib_reset_step(struct weir_pool *pool, struct lib_server *server)
{
    while (!server->is_failed && server->step != RESET_DONE) {
        int status = reset_once(pool, server);
        if (status == 0 && !server->is_failed && server->step != RESET_DONE)
            return;
        if (status < 0)
            server->is_failed = true;
    }
    if (!server->is_failed && PQtransactionStatus(server->conn) != PQTRANS_IDLE)
        server->is_failed = true;
    end_task(pool, server, CORE_EVENT_RESET_DONE);
}
