/* host.c - the core's host: events in, effects out, the lock, the clock.
 *
 * lib_apply hands an event to the core and carries out its effects in order. An effect's handler
 * may apply further events; their effects are carried out by the loop already running, so handlers
 * never nest. Between lib_lock and lib_unlock the core may be used; lib_unlock is where others are
 * told that a deadline has come nearer.
 *
 * This is the only file of the library that reads a clock (lib_clock).
 * Test: tests/unit/lib/.
 */
#include "lib/lib.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

base_time lib_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (base_time)now.tv_sec * BASE_SECOND + (base_time)now.tv_nsec;
}

weir_time weir_now(void)
{
    return lib_clock();
}

/* ---- the lock -------------------------------------------------------------------------------- */

void lib_lock_fast(struct weir_pool *pool)
{
    base_time now = lib_clock();
    pthread_mutex_lock(&pool->mutex);
    if (now > pool->now)
        pool->now = now;
}

void lib_lock(struct weir_pool *pool)
{
    lib_lock_fast(pool);
    lib_warm_flush(pool);
}

/* The oldest line out of the ring. */
static bool next_trace(struct weir_pool *pool, struct lib_trace *ret_trace)
{
    if (pool->trace_count == 0)
        return false;
    *ret_trace = pool->traces[pool->trace_first];
    pool->trace_first = (pool->trace_first + 1) % LIB_TRACES_MAX;
    pool->trace_count--;
    return true;
}

/* One thread at a time tells all there is, in order; what others add meanwhile it tells too. */
static void tell_traces(struct weir_pool *pool)
{
    const struct weir_hooks hooks = pool->config.options.hooks;
    struct lib_trace line;
    if (pool->is_telling)
        return;
    pool->is_telling = true;
    while (next_trace(pool, &line)) {
        struct weir_trace trace = {.kind = line.kind, .at = line.at, .text = line.text};
        pool->inside++;
        pthread_mutex_unlock(&pool->mutex);
        hooks.trace(hooks.user, &trace);
        pthread_mutex_lock(&pool->mutex);
        pool->inside--;
    }
    pool->is_telling = false;
}

void lib_wake_leader(struct weir_pool *pool)
{
    if (pool->leader == NULL || pool->is_leader_woken)
        return;
    pool->is_leader_woken = true;
    uint64_t one = 1;
    ssize_t written = write(pool->wake_fd, &one, sizeof(one));
    (void)written; /* fails only when the counter is full, and then it wakes too */
}

/* Whoever sleeps until a later point must look again. */
void lib_tell_sleepers(struct weir_pool *pool)
{
    base_time next = lib_next_deadline(pool);
    if (pool->leader != NULL && next < pool->leader_until)
        lib_wake_leader(pool);
    base_list_each(link, &pool->loops)
        lib_loop_arm(base_list_entry(link, struct weir_loop, link), next);
}

void lib_unlock(struct weir_pool *pool)
{
    if (pool->trace_count > 0)
        tell_traces(pool);
    if (pool->leader != NULL || !base_list_is_empty(&pool->loops))
        lib_tell_sleepers(pool);
    pthread_mutex_unlock(&pool->mutex);
}

/* ---- effects --------------------------------------------------------------------------------- */

static struct lib_server *server_of(struct weir_pool *pool, const struct core_effect *effect)
{
    struct lib_server *server = &pool->servers[effect->server.idx];
    INVARIANT(server->id.gen == effect->server.gen);
    return server;
}

static const char *close_text(enum core_close_reason reason)
{
    switch (reason) {
    case CORE_CLOSE_AGE:
        return "pool_recycle: it is old";
    case CORE_CLOSE_IDLE:
        return "idle_timeout: it was idle for long";
    case CORE_CLOSE_SURPLUS:
        return "not needed any more";
    case CORE_CLOSE_MAKE_ROOM:
        return "another pool needs its place";
    case CORE_CLOSE_PAUSED:
        return "the pool is paused";
    case CORE_CLOSE_INVALID:
        return "it was invalidated";
    case CORE_CLOSE_BROKEN:
        return "it is broken";
    case CORE_CLOSE_CHECK:
        return "the check failed";
    case CORE_CLOSE_RESET:
        return "it could not be reset";
    case CORE_CLOSE_POOL:
        return "the pool is closed";
    }
    return "";
}

static void opened(struct weir_pool *pool, const struct core_effect *effect)
{
    struct lib_server *server = &pool->servers[effect->server.idx];
    INVARIANT(server->task == LIB_TASK_NONE && server->conn == NULL);
    memset(server, 0, sizeof(*server));
    server->id = effect->server;
    server->fd = server->linger_fd = server->cancel_fd = -1;
    server->cancel_at = BASE_NEVER;
    base_list_init(&server->link);
    pool->existing++;
    if (effect->server.idx >= pool->high)
        pool->high = effect->server.idx + 1;
    lib_connect_begin(pool, server);
}

/* A server that the core did not hear from this very moment is looked at before it is lent. */
static bool is_fit(struct weir_pool *pool, struct lib_server *server)
{
    const struct weir_options *options = &pool->config.options;
    if (options->pool_pre_ping && server != pool->available && !lib_is_alive(server))
        return false;
    if (!lib_early_look(server))
        return false;
    lib_note_standby(pool, server);
    return !options->require_primary || !server->is_standby;
}

static void granted(struct weir_pool *pool, const struct core_effect *effect)
{
    struct lib_claim *claim = (struct lib_claim *)(uintptr_t)effect->tag;
    struct lib_server *server = server_of(pool, effect);
    if (!is_fit(pool, server)) {
        lib_trace(pool, WEIR_TRACE_CLOSED, "a connection is closed: it was found unfit (%s)",
                  server->is_standby ? "hot standby" : "pool_pre_ping");
        (void)lib_give_as(pool, server, CORE_GIVE_BROKEN);
        int status = lib_claim_begin(pool, claim);
        if (status != 0) {
            claim->state = LIB_CLAIM_REFUSED;
            claim->status = status;
            lib_claim_end(pool, claim);
        }
        return;
    }
    lib_lease_begin(pool, server, claim->owner, claim->tag);
    lib_warm_lent(pool, server);
    claim->state = LIB_CLAIM_GRANTED;
    claim->server = server;
    lib_claim_end(pool, claim);
}

static void refused(struct weir_pool *pool, const struct core_effect *effect)
{
    struct lib_claim *claim = (struct lib_claim *)(uintptr_t)effect->tag;
    bool is_hook = effect->status == BASE_EUPSTREAMAUTH && pool->last.status == WEIR_EHOOK;
    claim->state = LIB_CLAIM_REFUSED;
    claim->status = is_hook ? WEIR_EHOOK : effect->status; /* the core knows no on_connect_sql */
    lib_claim_end(pool, claim);
}

static void carry_out(struct weir_pool *pool, const struct core_effect *effect)
{
    switch (effect->kind) {
    case CORE_EFFECT_OPEN:
        opened(pool, effect);
        break;
    case CORE_EFFECT_GRANT:
        granted(pool, effect);
        break;
    case CORE_EFFECT_REFUSE:
        refused(pool, effect);
        break;
    case CORE_EFFECT_NOTIFY:
        break; /* never asked for: notify_after is 0 */
    case CORE_EFFECT_CHECK:
        lib_check_begin(pool, server_of(pool, effect));
        break;
    case CORE_EFFECT_RESET:
        lib_reset_begin(pool, server_of(pool, effect));
        break;
    case CORE_EFFECT_CLOSE:
        lib_close_begin(pool, server_of(pool, effect), close_text(effect->reason));
        break;
    }
}

void lib_drain(struct weir_pool *pool)
{
    struct core_effect effect;
    if (pool->is_applying)
        return;
    pool->is_applying = true;
    while (core_effect(pool->core, &effect))
        carry_out(pool, &effect);
    pool->is_applying = false;
}

/* ---- events ---------------------------------------------------------------------------------- */

int lib_apply(struct weir_pool *pool, struct core_event *event)
{
    int status = core_apply(pool->core, pool->now, event);
    lib_drain(pool);
    return status;
}

void lib_tell(struct weir_pool *pool, struct lib_server *server, enum core_event_kind kind, bool ok)
{
    struct core_event event = {.kind = kind, .server = server->id, .ok = ok};
    int status = lib_apply(pool, &event);
    INVARIANT(status == 0);
}

void lib_look_in_passing(struct weir_pool *pool)
{
    if (!base_list_is_empty(&pool->active) && pool->now >= pool->look_at) {
        pool->look_at = base_time_add(pool->now, LIB_PASSING_SPAN);
        lib_drive(pool);
    }
    lib_tick(pool);
}

void lib_tick(struct weir_pool *pool)
{
    if (core_next_deadline(pool->core) > pool->now)
        return;
    core_tick(pool->core, pool->now);
    lib_drain(pool);
}

base_time lib_next_deadline(const struct weir_pool *pool)
{
    base_time next = core_next_deadline(pool->core), resolver = lib_resolve_deadline(pool);
    if (resolver < next)
        next = resolver;
    base_list_each(link, &pool->active)
    {
        const struct lib_server *server = base_list_entry(link, struct lib_server, link);
        if (server->task_deadline < next)
            next = server->task_deadline;
        if (server->cancel_at < next)
            next = server->cancel_at;
    }
    return next;
}
