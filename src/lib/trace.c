/* trace.c - lines for the application's log, told outside the lock (host.c) in their order.
 *
 * A line that finds the ring full is dropped: what happened before it tells more.
 * Test: tests/unit/lib/test_trace.c.
 */
#include "lib/lib.h"

#include <stdarg.h>

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
