/* lib_driver.c - the conformance suite on libweir and a real PostgreSQL.
 *
 *     case -> rig -> this driver -> face -> libweir -> libpq -> strait -> PostgreSQL
 *
 * Takers are claims of one event loop, or threads that wait in weir_pool_take (lib_driver.h); the
 * loop ticks in either case. The strait (lib_strait.h) is pumped here. Time is a variable
 * (lib_clock.h) that stands still while anything real is under way, a login, a query, a good-bye,
 * a thread that has to wake up, and jumps to the next deadline when nothing is.
 *
 * "Full" is PostgreSQL's own word: the role `conform` has a limit of connections. A kill is
 * pg_terminate_backend; a restart ends the server's processes and starts new ones.
 */
#include "lib_driver.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/postgres.h"
#include "lib_clock.h"

/* ---- what is real ---------------------------------------------------------------------------- */

struct weir_stats lib_driver_stats(const struct pool *pool)
{
    struct weir_stats stats;
    assert_int_equal(weir_pool_stats(pool->weir, &stats), 0);
    return stats;
}

/* Something is under way that PostgreSQL will answer. */
static bool is_working(const struct pool *pool)
{
    struct weir_stats stats = lib_driver_stats(pool);
    bool is_answering = pool->upstream.mode != RIG_HANGING;
    return strait_is_logging_in(pool->strait) || stats.closing > 0 ||
           (is_answering && stats.checking + stats.resetting > 0);
}

static bool tick_if_due(struct pool *pool)
{
    struct pollfd fd = {.fd = weir_loop_fd(pool->loop), .events = POLLIN};
    bool is_timer = lib_clock_armed() <= lib_clock_now();
    if (!is_timer && poll(&fd, 1, 0) == 0)
        return false;
    weir_loop_tick(pool->loop);
    return true;
}

static void await(struct pool *pool, const char *what)
{
    if (!strait_pump(pool->strait, lib_clock_now(), weir_loop_fd(pool->loop), PATIENCE_MS))
        fail_msg("%s: PostgreSQL does not answer", what);
}

/* Runs a statement on a lent connection. */
static void run(struct pool *pool, PGconn *conn, const char *text)
{
    PGresult *result = NULL;
    strait_thaw(pool->strait, PQbackendPID(conn));
    assert_int_equal(PQsendQuery(conn, text), 1);
    do {
        while (PQisBusy(conn)) {
            await(pool, text);
            assert_int_equal(PQconsumeInput(conn), 1);
        }
        PQclear(result);
        result = PQgetResult(conn);
    } while (result != NULL);
    strait_thaw(pool->strait, 0);
}

/* ---- answers --------------------------------------------------------------------------------- */

static int note_link(void *context, PGconn *conn)
{
    struct pool *pool = context;
    pthread_mutex_lock(&pool->mutex);
    bool is_refused = pool->upstream.connect_hook_fails || pool->link_count == LINKS;
    if (!is_refused)
        pool->links[pool->link_count++] = (struct link){conn, PQbackendPID(conn)};
    pthread_mutex_unlock(&pool->mutex);
    return is_refused ? -1 : 0;
}

static int may_lend(void *context, PGconn *conn)
{
    struct pool *pool = context;
    (void)conn;
    pthread_mutex_lock(&pool->mutex);
    bool is_refused = pool->upstream.lend_hook_fails;
    pthread_mutex_unlock(&pool->mutex);
    return is_refused ? -1 : 0;
}

/* libpq may use an address again: the youngest link has it. */
static uint64_t name_of(struct pool *pool, const PGconn *conn)
{
    pthread_mutex_lock(&pool->mutex);
    uint64_t name = pool->link_count;
    while (name > 0 && pool->links[name - 1].conn != conn)
        name--;
    pthread_mutex_unlock(&pool->mutex);
    assert_true(name > 0);
    return name;
}

static enum rig_answer answer_for(int status)
{
    switch (status) {
    case WEIR_ETIMEDOUT:
        return RIG_TIMED_OUT;
    case WEIR_EUPSTREAMAUTH:
        return RIG_DENIED;
    case WEIR_EHOOK:
        return RIG_HOOK_ERROR;
    case WEIR_ECLOSED:
        return RIG_CLOSED;
    default:
        return RIG_REFUSED;
    }
}

static enum rig_cause cause_for(enum weir_cause cause)
{
    switch (cause) {
    case WEIR_CAUSE_HELD:
        return RIG_ALL_HELD;
    case WEIR_CAUSE_CONNECTING:
        return RIG_STILL_CONNECTING;
    case WEIR_CAUSE_REFUSED:
        return RIG_UPSTREAM_SAID_NO;
    case WEIR_CAUSE_NONE:
    case WEIR_CAUSE_PAUSED:
        break;
    }
    return RIG_NO_CAUSE;
}

void lib_driver_answer(struct taker *taker, int status, PGconn *conn,
                       const struct weir_error *error)
{
    struct pool *pool = taker->pool;
    if (status != 0) {
        rig_refused(pool->rig, taker->number, answer_for(status), cause_for(error->cause));
        return;
    }
    assert_int_equal(PQstatus(conn), CONNECTION_OK);
    assert_int_equal(PQtransactionStatus(conn), PQTRANS_IDLE);
    taker->conn = conn;
    rig_served(pool->rig, taker->number, name_of(pool, conn));
}

/* ---- the driver: a pool ---------------------------------------------------------------------- */

/* Also after a case that has failed the role is as the next one wants it. */
static void limit_role(uint32_t capacity)
{
    static uint32_t present = RIG_NO_LIMIT;
    char text[128];
    if (capacity == present)
        return;
    present = capacity;
    snprintf(text, sizeof(text), "ALTER ROLE conform CONNECTION LIMIT %d",
             capacity == RIG_NO_LIMIT ? -1 : (int)capacity);
    postgres_sql(text);
}

static const char *server_path(void)
{
    static char path[256];
    const char *host = strstr(postgres_conninfo(), "host=") + 5;
    snprintf(path, sizeof(path), "%.*s/.s.PGSQL.5432", (int)strcspn(host, " "), host);
    return path;
}

static void make_role_once(void)
{
    static bool is_made;
    if (!is_made)
        postgres_sql("CREATE ROLE conform LOGIN");
    is_made = true;
}

static void open_pool(struct pool *pool, const struct rig_settings *settings)
{
    char conninfo[256];
    struct weir_options options;
    struct weir_error error;
    weir_options_init(&options);
    snprintf(conninfo, sizeof(conninfo), "host=%s user=conform dbname=postgres",
             strait_folder(pool->strait));
    options.conninfo = conninfo;
    options.pool_size = settings->size;
    options.max_overflow = settings->overflow == RIG_NO_LIMIT ? -1 : (int32_t)settings->overflow;
    options.min_pool_size = settings->min_size;
    options.max_connecting = settings->max_connecting;
    options.pool_recycle = settings->recycle;
    options.pre_ping_after = settings->check_after;
    options.idle_timeout = 0;
    options.connect_timeout = options.task_timeout = settings->connect_timeout;
    options.use_lifo = !settings->use_fifo;
    options.reset_on_return = settings->is_reset_off ? WEIR_RESET_NONE : WEIR_RESET_ROLLBACK;
    options.ask_server = false;
    options.hooks = (struct weir_hooks){.user = pool, .on_connect = note_link, .on_lend = may_lend};
    if (weir_pool_open(&options, &pool->weir, &error) != 0)
        fail_msg("open: %s", error.text);
    assert_int_equal(weir_loop_open(pool->weir, &pool->loop), 0);
}

static void *driver_open(struct rig *rig, const struct rig_settings *settings)
{
    struct pool *pool = calloc(1, sizeof(*pool));
    assert_non_null(pool);
    make_role_once();
    lib_clock_set(1000 * BASE_SECOND);
    lib_clock_disarm();
    pthread_mutex_init(&pool->mutex, NULL);
    pool->answer_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    assert_true(pool->answer_fd >= 0);
    pool->rig = rig;
    pool->strait = strait_open(server_path());
    for (int i = 0; i < RIG_TAKERS; i++)
        pool->takers[i] = (struct taker){.pool = pool, .number = i};
    open_pool(pool, settings);
    return pool;
}

static void driver_close(void *context)
{
    struct pool *pool = context;
    assert_int_equal(weir_pool_close(pool->weir, 0, NULL), WEIR_ESTATE); /* the loop goes on */
}

static void driver_free(void *context)
{
    struct pool *pool = context;
    assert_int_equal(weir_loop_close(pool->loop), 0);
    assert_int_equal(weir_pool_close(pool->weir, 0, NULL), 0);
    strait_close(pool->strait);
    close(pool->answer_fd);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
}

static void driver_count(void *context, struct rig_counts *ret_counts)
{
    const struct pool *pool = context;
    struct weir_stats stats = lib_driver_stats(pool);
    struct strait_counts seen = strait_counts(pool->strait);
    assert_true(stats.is_closed || seen.accepted <= stats.connects);
    *ret_counts = (struct rig_counts){
        .idle = stats.idle,
        .out = stats.checked_out + stats.detached,
        .waiting = stats.waiting,
        .connecting = stats.connecting,
        .busy = stats.checking + stats.resetting + stats.closing,
        .connected = seen.linked,
        .peak = seen.peak,
        .attempts = stats.connects,
        .checks = seen.checks,
        .resets = seen.resets,
        .closes = seen.ended,
        .failures = stats.connect_failures,
    };
}

/* ---- the driver: time ------------------------------------------------------------------------ */

static base_time driver_now(void *context)
{
    (void)context;
    return lib_clock_now();
}

static base_time least(base_time a, base_time b)
{
    return a < b ? a : b;
}

static void driver_step(void *context, base_time until)
{
    struct pool *pool = context;
    bool is_moved = strait_pump(pool->strait, lib_clock_now(), -1, 0);
    bool is_ticked = tick_if_due(pool);
    if (lib_face.collect(pool) || is_ticked || is_moved)
        return;
    if (is_working(pool)) {
        await(pool, "a login, query or good-bye");
        return;
    }
    base_time at = least(until, least(strait_next(pool->strait), lib_clock_armed()));
    if (at > lib_clock_now())
        lib_clock_set(at);
}

/* ---- the driver: takers ---------------------------------------------------------------------- */

static void driver_take(void *context, int number, base_time deadline)
{
    struct pool *pool = context;
    lib_face.take(&pool->takers[number], deadline);
}

static bool driver_cancel(void *context, int number)
{
    struct pool *pool = context;
    if (lib_face.cancel == NULL)
        return false;
    lib_face.cancel(&pool->takers[number]);
    return true;
}

static int driver_give(void *context, int number, enum rig_give how)
{
    struct pool *pool = context;
    PGconn *conn = pool->takers[number].conn;
    if (how == RIG_BROKEN)
        return weir_pool_discard(pool->weir, conn);
    if (how == RIG_DIRTY)
        run(pool, conn, "BEGIN");
    return weir_pool_give(pool->weir, conn);
}

static int driver_detach(void *context, int number)
{
    struct pool *pool = context;
    return weir_pool_detach(pool->weir, pool->takers[number].conn);
}

/* Until the upstream counts fewer. */
static void await_end(struct pool *pool, uint64_t ended)
{
    while (strait_counts(pool->strait).ended == ended)
        await(pool, "the end of a connection");
}

static int driver_forget(void *context, int number)
{
    struct pool *pool = context;
    PGconn *conn = pool->takers[number].conn;
    uint64_t ended = strait_counts(pool->strait).ended;
    PQfinish(conn);
    await_end(pool, ended);
    return weir_pool_forget(pool->weir, conn);
}

static int driver_invalidate_held(void *context, int number)
{
    struct pool *pool = context;
    return weir_pool_invalidate(pool->weir, pool->takers[number].conn);
}

static void driver_invalidate_all(void *context)
{
    struct pool *pool = context;
    assert_int_equal(weir_pool_invalidate(pool->weir, NULL), 0);
}

static void driver_retry(void *context)
{
    struct pool *pool = context;
    assert_int_equal(weir_pool_retry(pool->weir), 0);
}

/* ---- the driver: the upstream ---------------------------------------------------------------- */

static void driver_upstream(void *context, const struct rig_upstream *upstream)
{
    struct pool *pool = context;
    while (strait_pump(pool->strait, lib_clock_now(), -1, 0))
        continue; /* connects begun before meet the upstream as it was */
    limit_role(upstream->capacity);
    pthread_mutex_lock(&pool->mutex);
    pool->upstream = *upstream;
    pthread_mutex_unlock(&pool->mutex);
    strait_upstream(pool->strait, upstream);
}

static void driver_kill(void *context, uint64_t name)
{
    struct pool *pool = context;
    char text[128];
    uint64_t ended = strait_counts(pool->strait).ended;
    assert_in_range(name, 1, pool->link_count);
    snprintf(text, sizeof(text), "SELECT pg_terminate_backend(%d)", pool->links[name - 1].backend);
    postgres_sql(text);
    await_end(pool, ended);
}

static void driver_restart(void *context)
{
    struct pool *pool = context;
    postgres_stop();
    while (strait_counts(pool->strait).linked > 0)
        await(pool, "the ends of all connections");
    postgres_start();
}

const struct driver conform_driver = {
    .is_virtual = true,
    .is_fast = LIB_FACE_IS_FAST,
    .sees_tasks = true,
    .denial_hold = BASE_SECOND,
    .open = driver_open,
    .close = driver_close,
    .free = driver_free,
    .now = driver_now,
    .step = driver_step,
    .take = driver_take,
    .cancel = driver_cancel,
    .give = driver_give,
    .detach = driver_detach,
    .forget = driver_forget,
    .invalidate_held = driver_invalidate_held,
    .invalidate_all = driver_invalidate_all,
    .retry = driver_retry,
    .count = driver_count,
    .upstream = driver_upstream,
    .kill = driver_kill,
    .restart = driver_restart,
};
