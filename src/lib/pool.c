/* pool.c - life of a pool, its limits, pause.
 *
 *     open --> open <-> paused
 *               | close: waiters refused, idle connections closed
 *               v
 *             closed -- nothing is out any more, nothing is closing --> gone
 *
 * A pool has one core with one pool in it, inside a scope each for the database, the user and the
 * upstream: a refusal lowers the ceiling of the one it names.
 * Test: tests/unit/lib/.
 */
#include "lib/lib.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A refused login answers new claims at once for this span. */
#define AUTH_FAILURE_HOLD (1 * BASE_SECOND)

static const struct core_caps caps = {
    .scopes = 3,
    .pools = 1,
    .servers = WEIR_SERVERS_MAX,
    .claims = WEIR_CLAIMS_MAX,
};

/* ---- parts ----------------------------------------------------------------------------------- */

static uint32_t overflow_of(uint32_t size, int32_t overflow)
{
    uint32_t most = WEIR_SERVERS_MAX - size;
    return overflow < 0 || (uint32_t)overflow > most ? most : (uint32_t)overflow;
}

static struct core_pool_settings settings_of(const struct weir_options *options)
{
    return (struct core_pool_settings){
        .size = options->pool_size,
        .overflow = overflow_of(options->pool_size, options->max_overflow),
        .min_size = options->min_pool_size,
        .max_waiting = options->max_waiting,
        .max_connecting = options->max_connecting,
        .lifetime = options->pool_recycle,
        .idle_timeout = options->idle_timeout,
        .check_after = options->pool_pre_ping ? options->pre_ping_after : BASE_NEVER,
        .auth_failure_hold = AUTH_FAILURE_HOLD,
        .reset_on_give = options->reset_on_return != WEIR_RESET_NONE,
        .use_fifo = !options->use_lifo,
    };
}

/* The seed of jitter: differs between processes that start together. */
static uint64_t seed(const struct weir_pool *pool)
{
    return lib_clock() ^ ((uint64_t)getpid() << 32) ^ (uint64_t)(uintptr_t)pool;
}

static int open_core(struct weir_pool *pool)
{
    void *memory = calloc(1, core_bytes(&caps));
    if (memory == NULL)
        return WEIR_ENOMEM;
    int status = core_init(memory, &caps, seed(pool), &pool->core);
    INVARIANT(status == 0);
    for (unsigned i = 0; i < 3; i++) {
        struct core_event event = {.kind = CORE_EVENT_SCOPE_OPEN,
                                   .scope_kind = CORE_SCOPE_DATABASE + i,
                                   .limit = CORE_NO_LIMIT};
        status = core_apply(pool->core, pool->now, &event);
        INVARIANT(status == 0);
        pool->scopes[i] = event.scope;
    }
    pool->settings = settings_of(&pool->config.options);
    struct core_event event = {
        .kind = CORE_EVENT_POOL_OPEN,
        .settings = &pool->settings,
        .database = pool->scopes[0],
        .user = pool->scopes[1],
        .upstream = pool->scopes[2],
    };
    status = core_apply(pool->core, pool->now, &event);
    INVARIANT(status == 0);
    pool->id = event.pool;
    return 0;
}

static int open_descriptors(struct weir_pool *pool)
{
    pool->epoll = epoll_create1(EPOLL_CLOEXEC);
    pool->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return pool->epoll < 0 || pool->wake_fd < 0 ? WEIR_ESYSTEM : 0;
}

int lib_pool_begin(struct weir_pool *pool, struct weir_error *ret_error)
{
    pthread_mutex_init(&pool->mutex, NULL);
    base_list_init(&pool->active);
    base_list_init(&pool->waiters);
    base_list_init(&pool->loops);
    pool->now = pool->opened_at = lib_clock();
    pool->epoll = pool->wake_fd = -1;
    pool->servers = calloc(WEIR_SERVERS_MAX, sizeof(*pool->servers));
    pool->by_conn = calloc(LIB_TABLE_SLOTS, sizeof(*pool->by_conn));
    int status = pool->servers == NULL || pool->by_conn == NULL ? WEIR_ENOMEM : open_core(pool);
    if (status == 0 && base_hash_init(&pool->owners) != 0)
        status = WEIR_ENOMEM;
    if (status == 0)
        status = open_descriptors(pool);
    if (status == WEIR_ENOMEM)
        lib_error_set(ret_error, status, "out of memory for a pool");
    else if (status != 0)
        lib_error_set(ret_error, status,
                      "the kernel gives no descriptor for a pool; raise the limit of open files");
    return status;
}

void lib_pool_end(struct weir_pool *pool)
{
    lib_resolve_done(pool);
    if (pool->epoll >= 0)
        (void)close(pool->epoll);
    if (pool->wake_fd >= 0)
        (void)close(pool->wake_fd);
    base_hash_done(&pool->owners);
    free(pool->core);
    free(pool->servers);
    free(pool->by_conn);
    pthread_mutex_destroy(&pool->mutex);
    pool->core = NULL;
    pool->servers = NULL;
    pool->by_conn = NULL;
    pool->leader = NULL;
    pool->available = pool->warm = NULL;
    pool->is_applying = pool->is_leader_woken = pool->is_telling = false;
    pool->out = pool->existing = pool->high = pool->inside = 0;
    pool->trace_first = pool->trace_count = 0;
    pool->resolver_depth = 0;
    pool->is_asking = false;
    pool->last = pool->full = (struct weir_error){0};
}

/* ---- open ------------------------------------------------------------------------------------ */

static void release(struct weir_pool *pool)
{
    lib_pool_end(pool);
    free(pool->traces);
    lib_config_done(&pool->config);
    free(pool);
}

int weir_pool_open(const struct weir_options *options, struct weir_pool **ret_pool,
                   struct weir_error *ret_error)
{
    struct weir_options defaults;
    int status;
    if (ret_pool == NULL) {
        lib_error_set(ret_error, WEIR_EINVALID, "weir_pool_open needs ret_pool");
        return WEIR_EINVALID;
    }
    if (options == NULL) {
        weir_options_init(&defaults);
        status = weir_options_environment(&defaults, ret_error);
        if (status != 0)
            return status;
        options = &defaults;
    }
    struct weir_pool *pool = calloc(1, sizeof(*pool));
    if (pool == NULL || lib_fork_init() != 0) {
        free(pool);
        lib_error_set(ret_error, WEIR_ENOMEM, "out of memory for a pool");
        return WEIR_ENOMEM;
    }
    pool->ceiling_told = WEIR_NO_LIMIT;
    pool->server_max = pool->role_limit = pool->database_limit = WEIR_NO_LIMIT;
    pool->grant = WEIR_NO_LIMIT;
    status = lib_config_init(options, &pool->config, ret_error);
    if (status != 0) {
        free(pool);
        return status;
    }
    if (options->hooks.on_connect != NULL || options->hooks.on_lend != NULL)
        pool->config.options.lend_early = false; /* hooks use libpq directly */
    atomic_store(&pool->generation, lib_fork_generation());
    status = lib_pool_begin(pool, ret_error);
    if (status == 0 && pool->config.options.hooks.trace != NULL) {
        pool->traces = calloc(LIB_TRACES_MAX, sizeof(*pool->traces));
        status = pool->traces == NULL ? WEIR_ENOMEM : 0;
        if (status != 0)
            lib_error_set(ret_error, status, "out of memory for a pool");
    }
    if (status != 0) {
        release(pool);
        return status;
    }
    *ret_pool = pool;
    return 0;
}

/* ---- close ----------------------------------------------------------------------------------- */

void lib_server_gone(struct weir_pool *pool, struct lib_server *server)
{
    (void)server;
    INVARIANT(pool->existing > 0);
    pool->existing--;
    lib_wake_leader(pool);
}

/* Refuses everybody, closes what is idle, gives up what is being opened. */
static void shut(struct weir_pool *pool)
{
    if (pool->is_closed)
        return;
    pool->is_closed = true;
    pool->epoch++;
    struct core_event event = {.kind = CORE_EVENT_POOL_CLOSE, .pool = pool->id};
    int status = lib_apply(pool, &event);
    INVARIANT(status == 0);
    for (uint32_t i = 0; i < pool->high; i++)
        lib_connect_abandon(pool, &pool->servers[i]);
}

/* Waits until nothing exists any more, as the driver or behind one. */
static void wait_until_gone(struct weir_pool *pool, base_time deadline)
{
    pthread_cond_t cond;
    lib_cond_init(&cond);
    struct lib_claim self = {.cond = &cond};
    base_list_init(&self.link);
    lib_drive(pool);
    while ((pool->existing > 0 || pool->inside > 0) && pool->now < deadline) {
        base_time next = lib_next_deadline(pool);
        base_time until = next < deadline ? next : deadline;
        if (pool->leader == NULL) {
            pool->leader = &self;
            pool->is_leader_woken = false;
        }
        if (pool->leader == &self)
            lib_drive_until(pool, until);
        else
            lib_cond_wait(pool, &cond, base_time_add(pool->now, BASE_MS));
    }
    if (pool->leader == &self)
        pool->leader = NULL;
    pthread_cond_destroy(&cond);
}

int weir_pool_close(struct weir_pool *pool, weir_time deadline, struct weir_error *ret_error)
{
    if (pool == NULL)
        return 0;
    int status = lib_enter(pool);
    if (status != 0) {
        release(pool); /* of a child whose pool could not be made anew: nothing is open */
        return 0;
    }
    shut(pool);
    if (!base_list_is_empty(&pool->loops)) {
        lib_error_set(ret_error, WEIR_ESTATE,
                      "the pool is closed, but a loop of it is open: weir_loop_close, then "
                      "weir_pool_close again");
        lib_unlock(pool);
        return WEIR_ESTATE;
    }
    wait_until_gone(pool, deadline);
    if (pool->out > 0 || pool->inside > 0) {
        char holders[512];
        lib_error_holders(pool, 0, holders, sizeof(holders));
        lib_error_set(ret_error, WEIR_ETIMEDOUT,
                      "%u connections were not given back until the deadline: %s", pool->out,
                      holders);
        lib_unlock(pool);
        return WEIR_ETIMEDOUT;
    }
    lib_close_all(pool); /* what the server has not noticed yet */
    lib_unlock(pool);
    release(pool);
    return 0;
}

/* ---- limits, pause --------------------------------------------------------------------------- */

int weir_pool_resize(struct weir_pool *pool, uint32_t pool_size, int32_t max_overflow)
{
    if (pool == NULL || pool_size < 1 || pool_size > WEIR_SERVERS_MAX || max_overflow < -1)
        return WEIR_EINVALID;
    int status = lib_enter(pool);
    if (status != 0)
        return status;
    pool->epoch++;
    pool->settings.size = pool_size;
    pool->settings.overflow = overflow_of(pool_size, max_overflow);
    pool->config.options.pool_size = pool_size; /* of a pool made anew in a child, too */
    pool->config.options.max_overflow = max_overflow;
    struct core_event event = {
        .kind = CORE_EVENT_POOL_LIMITS, .pool = pool->id, .settings = &pool->settings};
    status = lib_apply(pool, &event);
    lib_unlock(pool);
    return status == BASE_ESTALE ? WEIR_ECLOSED : status;
}

static int apply_to_pool(struct weir_pool *pool, enum core_event_kind kind)
{
    if (pool == NULL)
        return WEIR_EINVALID;
    int status = lib_enter(pool);
    if (status != 0)
        return status;
    pool->epoch++;
    struct core_event event = {.kind = kind, .pool = pool->id};
    status = lib_apply(pool, &event);
    lib_unlock(pool);
    return status == BASE_ESTALE ? WEIR_ECLOSED : status;
}

int weir_pool_pause(struct weir_pool *pool)
{
    return apply_to_pool(pool, CORE_EVENT_PAUSE);
}

int weir_pool_resume(struct weir_pool *pool)
{
    return apply_to_pool(pool, CORE_EVENT_RESUME);
}

int weir_pool_retry(struct weir_pool *pool)
{
    return apply_to_pool(pool, CORE_EVENT_RETRY);
}
