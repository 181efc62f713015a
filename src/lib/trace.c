/* trace.c - lines for the application's log, told outside the lock (host.c) in their order.
 *
 * A line that finds the ring full is dropped: what happened before it tells more.
 * Test: tests/unit/lib/test_stats.c.
 */
#include "lib/lib.h"

#include <stdarg.h>
#include <string.h>

void lib_trace(struct weir_pool *pool, enum weir_trace_kind kind, const char *format, ...)
{
    if (pool->traces == NULL || pool->trace_count == LIB_TRACES_MAX)
        return;
    uint32_t place = (pool->trace_first + pool->trace_count++) % LIB_TRACES_MAX;
    struct lib_trace *trace = &pool->traces[place];
    trace->kind = kind;
    trace->at = pool->now;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(trace->text, sizeof(trace->text), format, arguments);
    va_end(arguments);
}

/* Called by libpq: in the thread of whoever has the connection, or in the pool's own steps, which
 * are made under the lock on connections that are not lent. */
static void notice(void *argument, const char *text)
{
    struct lib_server *server = argument;
    struct weir_pool *pool = server->pool;
    int length = (int)strcspn(text, "\n");
    if (!server->is_lent) {
        lib_trace(pool, WEIR_TRACE_NOTICE, "%.*s", length, text);
    } else if (lib_enter(pool) == 0) {
        lib_trace(pool, WEIR_TRACE_NOTICE, "%.*s", length, text);
        lib_unlock(pool);
    }
}

void lib_notices_begin(struct weir_pool *pool, struct lib_server *server)
{
    server->pool = pool;
    server->default_notice = PQsetNoticeProcessor(server->conn, notice, server);
    server->default_receiver = PQsetNoticeReceiver(server->conn, NULL, NULL);
}

void lib_notices_again(struct lib_server *server)
{
    PQsetNoticeReceiver(server->conn, server->default_receiver, NULL);
    PQsetNoticeProcessor(server->conn, notice, server);
    PQsetErrorVerbosity(server->conn, PQERRORS_DEFAULT);
    PQuntrace(server->conn);
}

void lib_notices_end(struct lib_server *server)
{
    PQsetNoticeProcessor(server->conn, server->default_notice, NULL);
}

void lib_tell_ceiling(struct weir_pool *pool)
{
    struct core_pool_stats stats;
    if (core_pool_stats(pool->core, pool->now, pool->id, &stats) != 0 ||
        stats.ceiling == pool->ceiling_told || stats.ceiling == CORE_NO_LIMIT)
        return;
    pool->ceiling_told = stats.ceiling;
    lib_trace(pool, WEIR_TRACE_CEILING, "the server accepts no more than %u connections now: %s",
              stats.ceiling, pool->last.server_text);
}
