/* send.c - queries that travel right behind a check or reset (lend_early).
 *
 * With lend_early a check or reset is sent in pipeline mode and its answer not waited for: the
 * server is lent while server->early synchronisation points are still to be read. The holder's
 * first query goes into the same pipeline; the answers come in order, those of the pool are taken
 * out here. When the last point was read the connection leaves pipeline mode and is as any other.
 *
 *     give: ROLLBACK Sync, DISCARD ALL Sync   take   weir_send: query Sync   weir_result: 3 answers
 *
 * A check or reset that fails ends the connection: the holder is told WEIR_EBROKEN, and it is
 * closed when it comes back. server->early and server->own_sync belong to the holder while it is
 * lent, to the pool's lock otherwise. Test: tests/unit/lib/test_send.c.
 */
#include "lib/lib.h"

/* ---- the pool's part ------------------------------------------------------------------------- */

static bool send_segment(struct lib_server *server, const char *text)
{
    if (text != NULL && PQsendQueryParams(server->conn, text, 0, NULL, NULL, NULL, NULL, 0) != 1)
        return false;
    if (PQpipelineSync(server->conn) != 1)
        return false;
    server->early++;
    return true;
}

bool lib_early_begin(struct weir_pool *pool, struct lib_server *server, const char *first,
                     const char *second)
{
    PGconn *conn = server->conn;
    if (!pool->config.options.lend_early || PQpipelineStatus(conn) != PQ_PIPELINE_OFF ||
        PQtransactionStatus(conn) == PQTRANS_ACTIVE)
        return false;
    server->early = 0;
    server->is_early_failed = PQsetnonblocking(conn, 1) != 0 || PQenterPipelineMode(conn) != 1 ||
                              !send_segment(server, first) ||
                              (second != NULL && !send_segment(server, second)) ||
                              PQflush(conn) != 0 || PQsetnonblocking(conn, 0) != 0;
    return true;
}

/* Takes one answer of the pool's own; false when it shows that the connection is no good. */
static bool take_answer(struct lib_server *server, PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    if (status == PGRES_PIPELINE_SYNC)
        server->early--;
    return status == PGRES_PIPELINE_SYNC || status == PGRES_COMMAND_OK;
}

/* Reads the pool's own answers: those that are there, or with `may_wait` all. */
static void read_early(struct lib_server *server, bool may_wait)
{
    PGconn *conn = server->conn;
    while (server->early > 0 && !server->is_early_failed && (may_wait || !PQisBusy(conn))) {
        PGresult *result = PQgetResult(conn);
        if (PQstatus(conn) != CONNECTION_OK)
            server->is_early_failed = true;
        if (result != NULL && !take_answer(server, result))
            server->is_early_failed = true;
    }
    if (server->is_early_failed)
        server->early = 0;
}

bool lib_early_look(struct lib_server *server)
{
    if (server->early == 0)
        return !server->is_early_failed;
    if (PQconsumeInput(server->conn) == 0)
        server->is_early_failed = true;
    read_early(server, false);
    if (server->early == 0 && !server->is_early_failed && PQexitPipelineMode(server->conn) != 1)
        server->is_early_failed = true;
    return !server->is_early_failed;
}

/* ---- the holder's part ----------------------------------------------------------------------- */

/* The server lent as this connection; what is the holder's of it may be used without the lock. */
static int find(struct weir_pool *pool, const PGconn *conn, struct lib_server **ret_server)
{
    if (pool == NULL || conn == NULL)
        return WEIR_EINVALID;
    int status = lib_enter(pool);
    if (status != 0)
        return status;
    struct lib_server *server = lib_find(pool, conn, false);
    lib_unlock(pool);
    if (server == NULL)
        return WEIR_ENOTLENT;
    *ret_server = server;
    return 0;
}

int weir_send(struct weir_pool *pool, PGconn *conn, const char *command, int param_count,
              const char *const *values)
{
    struct lib_server *server;
    int status = command == NULL ? WEIR_EINVALID : find(pool, conn, &server);
    if (status != 0)
        return status;
    if (PQsendQueryParams(conn, command, param_count, NULL, values, NULL, NULL, 0) != 1)
        return WEIR_EBROKEN;
    if (server->early == 0)
        return 0;
    server->own_sync = true;
    return PQpipelineSync(conn) == 1 ? 0 : WEIR_EBROKEN;
}

/* The pool's answers in front of the holder's. */
static int settle(struct lib_server *server)
{
    if (server->early > 0)
        read_early(server, true);
    return server->is_early_failed ? WEIR_EBROKEN : 0;
}

int weir_settle(struct weir_pool *pool, PGconn *conn)
{
    struct lib_server *server;
    int status = find(pool, conn, &server);
    if (status != 0)
        return status;
    bool was_early = server->early > 0;
    status = settle(server);
    if (status == 0 && was_early && !server->own_sync && PQexitPipelineMode(conn) != 1)
        status = WEIR_EBROKEN;
    return status;
}

int weir_result(struct weir_pool *pool, PGconn *conn, PGresult **ret_result)
{
    struct lib_server *server;
    int status = ret_result == NULL ? WEIR_EINVALID : find(pool, conn, &server);
    if (status == 0)
        status = settle(server);
    if (status != 0)
        return status;
    PGresult *result = PQgetResult(conn);
    if (!server->own_sync) {
        *ret_result = result;
        return 0;
    }
    if (result == NULL) /* the end of the query; its synchronisation point follows */
        result = PQgetResult(conn);
    if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
        PQclear(result);
        result = NULL;
        server->own_sync = false;
        if (PQexitPipelineMode(conn) != 1)
            return WEIR_EBROKEN;
    }
    *ret_result = result;
    return 0;
}
