/* error.c - why a call failed, in words: what happened, why, who holds, what to do.
 *
 * In the manner of PostgreSQL's error style guide, on one line. What is told about holders is what
 * the pool knows at that moment; the transaction state is read while the holder may be at work.
 * Test: tests/unit/lib/test_take.c, test_upstream.c, test_deadlock.c.
 */
#include "lib/lib.h"

#include <stdarg.h>
#include <string.h>

#define HOLDERS_TOLD 5

const char *weir_status_name(int status)
{
    return base_status_info(status)->name;
}

const char *weir_status_text(int status)
{
    return status == WEIR_ETIMEDOUT ? "no connection became free in time"
                                    : base_status_text(status);
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Adds to a text of limited size. */
static void add(char *text, size_t bytes, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add(char *text, size_t bytes, const char *format, ...)
{
    size_t length = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + length, bytes - length, format, arguments);
    va_end(arguments);
}

static void clear(struct weir_error *error, int status)
{
    memset(error, 0, sizeof(*error));
    error->status = status;
    error->ceiling = WEIR_NO_LIMIT;
    memcpy(error->sqlstate, base_status_info(status)->sqlstate, 5);
}

void lib_error_set(struct weir_error *error, int status, const char *format, ...)
{
    if (error == NULL)
        return;
    clear(error, status);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof(error->text), format, arguments);
    va_end(arguments);
}

/* ---- holders --------------------------------------------------------------------------------- */

enum weir_transaction lib_transaction(const struct lib_server *server)
{
    if (server->is_detached || server->conn == NULL)
        return WEIR_TRANSACTION_UNKNOWN; /* its owner may have ended it */
    switch (PQtransactionStatus(server->conn)) {
    case PQTRANS_IDLE:
        return WEIR_TRANSACTION_IDLE;
    case PQTRANS_ACTIVE:
        return WEIR_TRANSACTION_ACTIVE;
    case PQTRANS_INTRANS:
        return WEIR_TRANSACTION_OPEN;
    case PQTRANS_INERROR:
        return WEIR_TRANSACTION_ERROR;
    case PQTRANS_UNKNOWN:
    default:
        return WEIR_TRANSACTION_UNKNOWN;
    }
}

static const char *transaction_text(enum weir_transaction transaction)
{
    switch (transaction) {
    case WEIR_TRANSACTION_IDLE:
        return "idle";
    case WEIR_TRANSACTION_ACTIVE:
        return "running a statement";
    case WEIR_TRANSACTION_OPEN:
        return "idle in transaction";
    case WEIR_TRANSACTION_ERROR:
        return "idle in a failed transaction";
    case WEIR_TRANSACTION_UNKNOWN:
        return "state unknown";
    }
    return "";
}

void lib_error_holders(struct weir_pool *pool, uint64_t waiting_owner, char *text, size_t bytes)
{
    struct weir_holder holders[HOLDERS_TOLD];
    size_t count = lib_holders(pool, holders, HOLDERS_TOLD);
    text[0] = '\0';
    for (size_t i = 0; i < count && i < HOLDERS_TOLD; i++) {
        const struct weir_holder *holder = &holders[i];
        add(text, bytes, "%s", i == 0 ? "" : ", ");
        if (holder->tag[0] != '\0')
            add(text, bytes, "\"%s\"", holder->tag);
        else if (holder->owner != 0 && holder->owner != WEIR_OWNER_NONE)
            add(text, bytes, "owner %llu", (unsigned long long)holder->owner);
        else
            add(text, bytes, "somebody");
        add(text, bytes, " for %.3f s (%s, backend %d%s)", (double)holder->held / 1e9,
            holder->is_detached ? "detached" : transaction_text(holder->transaction),
            holder->backend_pid,
            holder->is_waiting || (waiting_owner != 0 && holder->owner == waiting_owner)
                ? ", waits for another itself"
                : "");
    }
    if (count > HOLDERS_TOLD)
        add(text, bytes, " and %zu more", count - HOLDERS_TOLD);
}

/* ---- claims ---------------------------------------------------------------------------------- */

static enum weir_cause cause_of(const struct weir_pool *pool, const struct core_pool_stats *stats)
{
    if (stats->is_paused)
        return WEIR_CAUSE_PAUSED;
    if (stats->ceiling < stats->limit && pool->full.status != 0 &&
        stats->leased + stats->detached >= stats->ceiling)
        return WEIR_CAUSE_REFUSED; /* all the server accepts are held */
    if (pool->last.status != 0 && stats->leased + stats->detached < stats->limit)
        return WEIR_CAUSE_REFUSED;
    bool is_on_the_way = stats->opening + stats->checking + stats->resetting + stats->closing > 0;
    bool has_room = stats->leased + stats->detached < stats->ceiling; /* just opened, too late */
    if ((is_on_the_way || has_room) && stats->leased + stats->detached < stats->limit)
        return WEIR_CAUSE_CONNECTING;
    return WEIR_CAUSE_HELD;
}

static void say_cause(struct weir_pool *pool, const struct lib_claim *claim,
                      const struct core_pool_stats *stats, struct weir_error *error)
{
    char holders[512];
    size_t bytes = sizeof(error->text);
    if (error->cause == WEIR_CAUSE_PAUSED)
        add(error->text, bytes, "; the pool is paused: weir_pool_resume");
    if (error->cause == WEIR_CAUSE_CONNECTING)
        add(error->text, bytes, "; %u connects, %u checks and %u resets were under way",
            stats->opening, stats->checking, stats->resetting);
    if (error->cause == WEIR_CAUSE_REFUSED)
        add(error->text, bytes, "; the server refused: %s (SQLSTATE %s)", error->server_text,
            error->sqlstate);
    if (error->held > 0) {
        uint64_t waited = claim->status == WEIR_EDEADLOCK ? claim->owner : 0;
        lib_error_holders(pool, waited, holders, sizeof(holders));
        add(error->text, bytes, "; %u of %u connections are held", error->held, error->limit);
        if (error->ceiling < error->limit)
            add(error->text, bytes, " (the server accepts %u)", error->ceiling);
        add(error->text, bytes, ": %s", holders);
    }
    if (error->cause == WEIR_CAUSE_HELD)
        add(error->text, bytes,
            "; hold connections for a shorter time, or raise pool_size up to what the server "
            "grants");
    if (error->cause == WEIR_CAUSE_HELD && pool->grant != WEIR_NO_LIMIT)
        add(error->text, bytes, " (%u when it was asked)", pool->grant);
}

static void say_fact(const struct lib_claim *claim, struct weir_error *error)
{
    double waited = (double)error->waited / 1e9;
    size_t bytes = sizeof(error->text);
    switch (claim->status) {
    case WEIR_ETIMEDOUT:
        add(error->text, bytes, "no connection became free within %.3f s", waited);
        break;
    case WEIR_EQUEUEFULL:
        add(error->text, bytes, "max_waiting callers wait already");
        break;
    case WEIR_EUPSTREAMAUTH:
        add(error->text, bytes, "the server refused the login: %s; check user, password, database",
            error->server_text);
        break;
    case WEIR_EHOOK:
        add(error->text, bytes,
            "on_connect_sql failed on a new connection: %s (SQLSTATE %s); correct on_connect_sql",
            error->server_text, error->sqlstate);
        break;
    case WEIR_EDEADLOCK:
        add(error->text, bytes,
            "deadlock: every connection is held by callers that themselves wait for one here, so "
            "this take could never succeed; take one connection at a time, or all at once");
        break;
    default:
        add(error->text, bytes, "%s", weir_status_text(claim->status));
        break;
    }
}

void lib_error_claim(struct weir_pool *pool, const struct lib_claim *claim,
                     struct weir_error *error)
{
    struct core_pool_stats stats;
    struct weir_error unused;
    bool has_stats = core_pool_stats(pool->core, pool->now, pool->id, &stats) == 0;
    if (claim->status == WEIR_EAGAIN || (error == NULL && pool->traces == NULL))
        return;
    if (error == NULL)
        error = &unused;
    clear(error, claim->status);
    error->waited = base_time_since(pool->now, claim->since);
    if (has_stats) {
        error->limit = stats.limit;
        error->ceiling = stats.ceiling;
        error->held = stats.leased + stats.detached;
        error->waiting = stats.waiting;
        error->cause = claim->status == WEIR_ETIMEDOUT ? cause_of(pool, &stats) : WEIR_CAUSE_NONE;
    }
    bool is_refused = claim->status == WEIR_EUPSTREAMAUTH || claim->status == WEIR_EHOOK;
    if (is_refused || error->cause == WEIR_CAUSE_REFUSED) {
        error->cause = WEIR_CAUSE_REFUSED;
        const struct weir_error *refusal = pool->last.status != 0 ? &pool->last : &pool->full;
        memcpy(error->sqlstate, refusal->sqlstate, sizeof(error->sqlstate));
        memcpy(error->server_text, refusal->server_text, sizeof(error->server_text));
    }
    say_fact(claim, error);
    if (has_stats && !is_refused)
        say_cause(pool, claim, &stats, error);
    if (claim->status == WEIR_ETIMEDOUT)
        lib_trace(pool, WEIR_TRACE_TIMEOUT, "%s", error->text);
}
