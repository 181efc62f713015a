/* give.c - what becomes of a connection that comes back, and finding the server of a connection.
 *
 * A PGconn is only a name here until the table says that this pool lent it: open addressing with
 * linear probing, its keys the pointers in pool->servers. A detached server stays in the table
 * until it is forgotten; libpq may use its address again meanwhile, so a look-up says which one it
 * means.
 *
 *   idle, no transaction                   -> CLEAN (DIRTY with WEIR_RESET_FULL)
 *   in a transaction, busy, pipeline, COPY -> DIRTY: task.c cancels, drains, rolls back
 *   broken, in hot standby where a primary is required -> BROKEN
 * Test: tests/unit/lib/test_give.c.
 */
#include "lib/lib.h"

/* ---- the table ------------------------------------------------------------------------------- */

static uint32_t slot_of(const PGconn *conn)
{
    uint64_t mixed = (uint64_t)(uintptr_t)conn * 0x9E3779B97F4A7C15u; /* Fibonacci hashing */
    return (uint32_t)(mixed >> 40) & (LIB_TABLE_SLOTS - 1);
}

void lib_table_add(struct weir_pool *pool, struct lib_server *server)
{
    uint32_t slot = slot_of(server->conn);
    while (pool->by_conn[slot] != 0)
        slot = (slot + 1) & (LIB_TABLE_SLOTS - 1);
    pool->by_conn[slot] = server->id.idx + 1;
}

void lib_table_remove(struct weir_pool *pool, const struct lib_server *server)
{
    uint32_t slot = slot_of(server->conn);
    while (pool->by_conn[slot] != server->id.idx + 1) {
        INVARIANT(pool->by_conn[slot] != 0);
        slot = (slot + 1) & (LIB_TABLE_SLOTS - 1);
    }
    /* Those behind it that would not be found any more move up (Knuth, 6.4, algorithm R). */
    uint32_t hole = slot;
    for (;;) {
        slot = (slot + 1) & (LIB_TABLE_SLOTS - 1);
        uint32_t entry = pool->by_conn[slot];
        if (entry == 0)
            break;
        uint32_t home = slot_of(pool->servers[entry - 1].conn);
        if (((slot - home) & (LIB_TABLE_SLOTS - 1)) >= ((slot - hole) & (LIB_TABLE_SLOTS - 1))) {
            pool->by_conn[hole] = entry;
            hole = slot;
        }
    }
    pool->by_conn[hole] = 0;
}

struct lib_server *lib_find(struct weir_pool *pool, const PGconn *conn, bool is_detached)
{
    uint32_t slot = slot_of(conn);
    for (uint32_t entry; (entry = pool->by_conn[slot]) != 0;
         slot = (slot + 1) & (LIB_TABLE_SLOTS - 1)) {
        struct lib_server *server = &pool->servers[entry - 1];
        if (server->conn == conn && (is_detached ? server->is_detached : server->is_lent))
            return server;
    }
    return NULL;
}

/* ---- give ------------------------------------------------------------------------------------ */

static enum core_give state_of(const struct weir_pool *pool, struct lib_server *server)
{
    PGconn *conn = server->conn;
    if (PQstatus(conn) != CONNECTION_OK || server->is_early_failed)
        return CORE_GIVE_BROKEN;
    if (pool->config.options.require_primary && lib_is_standby(server))
        return CORE_GIVE_BROKEN;
    PGTransactionStatusType transaction = PQtransactionStatus(conn);
    if (transaction == PQTRANS_UNKNOWN)
        return CORE_GIVE_BROKEN;
    if (transaction != PQTRANS_IDLE || PQpipelineStatus(conn) != PQ_PIPELINE_OFF ||
        pool->config.options.reset_on_return == WEIR_RESET_FULL)
        return CORE_GIVE_DIRTY;
    if (PQisnonblocking(conn) && PQsetnonblocking(conn, 0) != 0)
        return CORE_GIVE_BROKEN;
    return CORE_GIVE_CLEAN;
}

/* Notifications of the last user are not the next one's. */
static void forget_notifications(PGconn *conn)
{
    PGnotify *notify;
    while ((notify = PQnotifies(conn)) != NULL)
        PQfreemem(notify);
}

int lib_give_as(struct weir_pool *pool, struct lib_server *server, enum core_give how)
{
    struct core_event event = {.kind = CORE_EVENT_GIVE, .server = server->id, .give = how};
    return lib_apply(pool, &event);
}

/* The lent server, under the lock; NULL, without it, when there is none. */
static struct lib_server *lock_lent(struct weir_pool *pool, const PGconn *conn)
{
    if (lib_enter(pool) != 0)
        return NULL;
    struct lib_server *server = lib_find(pool, conn, false);
    if (server == NULL)
        lib_unlock(pool);
    return server;
}

/* Runs the hook while the lease still stands. False: it refuses the connection. */
static int ask_hook(struct weir_pool *pool, PGconn *conn, bool *ret_is_good)
{
    const struct weir_hooks *hooks = &pool->config.options.hooks;
    *ret_is_good = true;
    if (hooks->on_give == NULL)
        return 0;
    if (lock_lent(pool, conn) == NULL)
        return WEIR_ENOTLENT;
    lib_unlock(pool);
    *ret_is_good = hooks->on_give(hooks->user, conn) == 0;
    return 0;
}

/* A give that the core hears of. */
static void give_slowly(struct weir_pool *pool, struct lib_server *server, enum core_give how)
{
    lib_warm_flush(pool);
    lib_lease_end(pool, server);
    lib_warm_settle(pool, server);
    lib_look_in_passing(pool);
    int status = lib_give_as(pool, server, how);
    INVARIANT(status == 0);
}

void lib_give_back(struct weir_pool *pool, PGconn *conn)
{
    struct lib_server *server = lock_lent(pool, conn);
    if (server == NULL)
        return;
    give_slowly(pool, server, state_of(pool, server));
    lib_unlock(pool);
}

/* The state of a connection that comes back, its notifications thrown away. */
static enum core_give receive(const struct weir_pool *pool, struct lib_server *server, bool is_good)
{
    server->is_lent = false; /* from here on notices come in under the lock */
    lib_notices_again(server);
    forget_notifications(server->conn);
    enum core_give how = is_good ? state_of(pool, server) : CORE_GIVE_BROKEN;
    server->is_lent = true;
    return how;
}

int weir_pool_give(struct weir_pool *pool, PGconn *conn)
{
    bool is_good;
    if (pool == NULL || conn == NULL)
        return WEIR_EINVALID;
    int status = ask_hook(pool, conn, &is_good);
    if (status == 0)
        status = lib_enter_fast(pool);
    if (status != 0)
        return status;
    struct lib_server *server = lib_find(pool, conn, false);
    if (server == NULL) {
        pthread_mutex_unlock(&pool->mutex);
        return WEIR_ENOTLENT;
    }
    enum core_give how = receive(pool, server, is_good);
    if (how == CORE_GIVE_CLEAN && lib_warm_keep(pool, server)) {
        pthread_mutex_unlock(&pool->mutex);
        return 0;
    }
    give_slowly(pool, server, how);
    lib_unlock(pool);
    return 0;
}

int weir_pool_discard(struct weir_pool *pool, PGconn *conn)
{
    if (pool == NULL || conn == NULL)
        return WEIR_EINVALID;
    struct lib_server *server = lock_lent(pool, conn);
    if (server == NULL)
        return WEIR_ENOTLENT;
    lib_lease_end(pool, server);
    lib_warm_settle(pool, server);
    int status = lib_give_as(pool, server, CORE_GIVE_BROKEN);
    INVARIANT(status == 0);
    lib_unlock(pool);
    return 0;
}

int weir_pool_detach(struct weir_pool *pool, PGconn *conn)
{
    if (pool == NULL || conn == NULL)
        return WEIR_EINVALID;
    struct lib_server *server = lock_lent(pool, conn);
    if (server == NULL)
        return WEIR_ENOTLENT;
    server->is_lent = false;
    server->is_detached = true;
    lib_warm_settle(pool, server);
    lib_tell(pool, server, CORE_EVENT_DETACH, true);
    lib_notices_end(server);
    lib_unlock(pool);
    return 0;
}

int weir_pool_forget(struct weir_pool *pool, const PGconn *conn)
{
    if (pool == NULL || conn == NULL)
        return WEIR_EINVALID;
    int status = lib_enter(pool);
    if (status != 0)
        return status;
    struct lib_server *server = lib_find(pool, conn, true);
    if (server == NULL) {
        lib_unlock(pool);
        return WEIR_ENOTLENT;
    }
    lib_table_remove(pool, server);
    server->is_detached = false;
    server->conn = NULL;
    lib_lease_end(pool, server);
    lib_server_gone(pool, server);
    lib_tell(pool, server, CORE_EVENT_CLOSED, true);
    lib_unlock(pool);
    return 0;
}

int weir_pool_invalidate(struct weir_pool *pool, const PGconn *conn)
{
    if (pool == NULL)
        return WEIR_EINVALID;
    int status = 0;
    struct core_event event = {.kind = CORE_EVENT_INVALIDATE};
    if (conn != NULL) {
        struct lib_server *server = lock_lent(pool, conn);
        if (server == NULL)
            return WEIR_ENOTLENT;
        server->epoch = pool->epoch - 1;
        event = (struct core_event){.kind = CORE_EVENT_INVALIDATE_SERVER, .server = server->id};
    } else {
        status = lib_enter(pool);
        if (status != 0)
            return status;
        event.pool = pool->id;
        pool->epoch++;
    }
    status = lib_apply(pool, &event);
    lib_unlock(pool);
    return status == BASE_ESTALE ? WEIR_ECLOSED : status;
}
