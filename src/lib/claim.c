/* claim.c - take and try: waiting for a connection, and driving the pool meanwhile.
 *
 *   lib_claim_begin -> WAITING -- GRANT ---> GRANTED   (host.c)
 *                         |------ REFUSE --> REFUSED   (host.c)
 *                         '------ CANCEL --> (the caller's again)
 *
 * A thread that waits is in pool->waiters, in order of arrival, with a condition variable of its
 * own: it alone is woken by what is meant for it. One of the waiting threads leads (lib.h says
 * how). A follower also wakes by itself at its own deadline, so that it depends on no leader.
 * Test: tests/unit/lib/test_take.c.
 */
#include "lib/lib.h"

#include <poll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* ---- arguments ------------------------------------------------------------------------------- */

/* The kernel's number of the calling thread, asked for once in each thread. */
static uint64_t thread_number(void)
{
    /* initial-exec: found without a call; 16 bytes fit where a program loads the library late. */
    static _Thread_local __attribute__((tls_model("initial-exec"))) struct {
        uint64_t number;
        uint32_t generation;
    } self;
    uint32_t generation = lib_fork_generation();
    if (self.generation != generation) {
        self.number = (uint64_t)syscall(SYS_gettid);
        self.generation = generation;
    }
    return self.number;
}

int lib_claim_init(const struct weir_pool *pool, const struct weir_want *want, uint64_t owner,
                   struct lib_claim *ret_claim, struct weir_error *ret_error)
{
    static const struct weir_want nothing_special = {0};
    if (want == NULL)
        want = &nothing_special;
    if (want->lane >= WEIR_LANES || want->flags != 0) {
        lib_error_set(ret_error, WEIR_EINVALID, "lane must be below %d and flags 0", WEIR_LANES);
        return WEIR_EINVALID;
    }
    struct lib_claim *claim = ret_claim;
    claim->state = LIB_CLAIM_WAITING;
    claim->status = 0;
    claim->server = NULL;
    claim->since = pool->now;
    claim->deadline = want->deadline != 0
                          ? want->deadline
                          : base_time_add(pool->now, pool->config.options.pool_timeout);
    claim->owner = want->owner != 0 ? want->owner : owner;
    claim->lane = want->lane;
    claim->flags = want->flags;
    claim->tag = want->tag;
    claim->loop = NULL;
    claim->cond = NULL;
    claim->is_in_owners = false;
    base_list_init(&claim->link);
    return 0;
}

/* ---- into the core and out ------------------------------------------------------------------- */

int lib_claim_begin(struct weir_pool *pool, struct lib_claim *claim)
{
    struct core_event event = {
        .kind = CORE_EVENT_CLAIM,
        .pool = pool->id,
        .tag = (uint64_t)(uintptr_t)claim,
        .deadline = claim->deadline,
        .lane = claim->lane,
    };
    int status = core_apply(pool->core, pool->now, &event);
    if (status != 0)
        return status == BASE_ESTALE ? WEIR_ECLOSED : status;
    claim->id = event.claim; /* before the effects: they may end the claim */
    lib_drain(pool);
    return 0;
}

static void appoint(struct weir_pool *pool)
{
    if (pool->leader != NULL || base_list_is_empty(&pool->waiters))
        return;
    /* The youngest waits longest, so leaders change least. */
    struct lib_claim *claim = base_list_entry(pool->waiters.prev, struct lib_claim, link);
    pool->leader = claim;
    pool->leader_until = 0;
    pool->is_leader_woken = false;
    pthread_cond_signal(claim->cond);
}

void lib_claim_end(struct weir_pool *pool, struct lib_claim *claim)
{
    lib_deadlock_leave(pool, claim);
    if (claim->loop != NULL) {
        lib_loop_ended(claim->loop, claim);
        return;
    }
    base_list_remove(&claim->link);
    if (claim->cond == NULL)
        return; /* it does not sleep yet */
    if (pool->leader == claim)
        lib_wake_leader(pool);
    else
        pthread_cond_signal(claim->cond);
}

void lib_claim_withdraw(struct weir_pool *pool, struct lib_claim *claim, int status)
{
    struct core_event event = {.kind = CORE_EVENT_CANCEL, .claim = claim->id};
    int cancelled = lib_apply(pool, &event);
    INVARIANT(cancelled == 0);
    pool->deadlocks += status == WEIR_EDEADLOCK;
    claim->state = LIB_CLAIM_REFUSED;
    claim->status = status;
    lib_claim_end(pool, claim);
}

/* ---- waiting --------------------------------------------------------------------------------- */

void lib_drive_until(struct weir_pool *pool, base_time until)
{
    struct pollfd fds[] = {{.fd = pool->epoll, .events = POLLIN},
                           {.fd = pool->wake_fd, .events = POLLIN}};
    base_time span = base_time_since(until, pool->now);
    struct timespec timeout = {.tv_sec = (time_t)(span / BASE_SECOND),
                               .tv_nsec = (long)(span % BASE_SECOND)};
    pool->leader_until = until;
    lib_unlock(pool);
    int ready = ppoll(fds, 2, until == BASE_NEVER ? NULL : &timeout, NULL);
    lib_lock(pool);
    if (ready > 0 && fds[1].revents != 0) {
        uint64_t count;
        ssize_t bytes = read(pool->wake_fd, &count, sizeof(count));
        (void)bytes; /* only emptied */
        pool->is_leader_woken = false;
    }
    lib_drive(pool);
}

static base_time least(base_time a, base_time b)
{
    return a < b ? a : b;
}

void lib_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attributes);
    pthread_condattr_destroy(&attributes);
}

void lib_cond_wait(struct weir_pool *pool, pthread_cond_t *cond, base_time until)
{
    if (until == BASE_NEVER) {
        pthread_cond_wait(cond, &pool->mutex);
    } else {
        struct timespec at = {.tv_sec = (time_t)(until / BASE_SECOND),
                              .tv_nsec = (long)(until % BASE_SECOND)};
        pthread_cond_timedwait(cond, &pool->mutex, &at);
    }
    base_time now = lib_clock();
    if (now > pool->now)
        pool->now = now;
}

static void follow(struct weir_pool *pool, struct lib_claim *claim)
{
    lib_cond_wait(pool, claim->cond, claim->deadline);
    if (claim->state == LIB_CLAIM_WAITING && claim->deadline <= pool->now)
        lib_tick(pool);
}

/* Sleeps, or leads, until the claim has ended. */
static void wait_for(struct weir_pool *pool, struct lib_claim *claim)
{
    pthread_cond_t cond;
    int cancel_state;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    lib_cond_init(&cond);
    claim->cond = &cond;
    pool->inside++;
    base_list_push_back(&pool->waiters, &claim->link);
    lib_tell_sleepers(pool);
    while (claim->state == LIB_CLAIM_WAITING) {
        if (pool->leader == NULL) {
            pool->leader = claim;
            pool->is_leader_woken = false;
        }
        if (pool->leader == claim)
            lib_drive_until(pool, least(lib_next_deadline(pool), claim->deadline));
        else
            follow(pool, claim);
    }
    if (pool->leader == claim)
        pool->leader = NULL;
    appoint(pool);
    pool->inside--;
    if (pool->is_closed)
        lib_wake_leader(pool); /* a thread in weir_pool_close */
    claim->cond = NULL;
    pthread_cond_destroy(&cond);
    pthread_setcancelstate(cancel_state, NULL);
}

/* ---- hooks ----------------------------------------------------------------------------------- */

int lib_claim_greet(struct weir_pool *pool, struct lib_server *server)
{
    const struct weir_hooks *hooks = &pool->config.options.hooks;
    if (!server->is_greeted && hooks->on_connect != NULL &&
        hooks->on_connect(hooks->user, server->conn) != 0)
        return WEIR_EHOOK;
    server->is_greeted = true;
    if (hooks->on_lend != NULL && hooks->on_lend(hooks->user, server->conn) != 0)
        return WEIR_EHOOK;
    return 0;
}

static bool has_hooks(const struct weir_pool *pool)
{
    const struct weir_hooks *hooks = &pool->config.options.hooks;
    return hooks->on_connect != NULL || hooks->on_lend != NULL;
}

/* Outside the lock: the hooks, and the connection to the caller. */
static int hand_out(struct weir_pool *pool, struct lib_server *server, PGconn *conn,
                    PGconn **ret_conn, struct weir_error *ret_error)
{
    if (has_hooks(pool) && lib_claim_greet(pool, server) != 0) {
        lib_error_set(ret_error, WEIR_EHOOK,
                      "a hook of the application refused the connection; it is closed");
        (void)weir_pool_discard(pool, conn);
        return WEIR_EHOOK;
    }
    *ret_conn = conn;
    return 0;
}

/* The lock is held on entry and let go of on return. */
static int finish(struct weir_pool *pool, struct lib_claim *claim, PGconn **ret_conn,
                  struct weir_error *ret_error)
{
    if (claim->state == LIB_CLAIM_REFUSED) {
        lib_error_claim(pool, claim, ret_error);
        lib_unlock(pool);
        return claim->status;
    }
    struct lib_server *server = claim->server;
    PGconn *conn = server->conn;
    lib_unlock(pool);
    return hand_out(pool, server, conn, ret_conn, ret_error);
}

/* The server at hand, outside the lock; NULL, under the lock, when the core has to be asked. */
static struct lib_server *take_warm(struct weir_pool *pool, const struct weir_want *want,
                                    uint64_t owner)
{
    struct lib_server *server = lib_warm_take(pool, want, owner);
    if (server != NULL)
        pthread_mutex_unlock(&pool->mutex);
    return server;
}

/* ---- the calls ------------------------------------------------------------------------------- */

/* The part that take and try share. */
static int begin(struct weir_pool *pool, const struct weir_want *want, uint64_t owner,
                 struct lib_claim *claim, struct weir_error *ret_error)
{
    int status = lib_claim_init(pool, want, owner, claim, ret_error);
    if (status != 0)
        return status;
    lib_look_in_passing(pool);
    status = pool->is_closed ? WEIR_ECLOSED : lib_claim_begin(pool, claim);
    if (status == WEIR_ECLOSED)
        lib_error_set(ret_error, status, "the pool is closed");
    else if (status != 0)
        lib_error_set(ret_error, status, "%d callers wait in this pool already", WEIR_CLAIMS_MAX);
    return status;
}

int weir_pool_take(struct weir_pool *pool, const struct weir_want *want, PGconn **ret_conn,
                   struct weir_error *ret_error)
{
    struct lib_claim claim;
    if (pool == NULL || ret_conn == NULL) {
        lib_error_set(ret_error, WEIR_EINVALID, "weir_pool_take needs a pool and ret_conn");
        return WEIR_EINVALID;
    }
    uint64_t thread = thread_number();
    int status = lib_enter_fast(pool);
    if (status != 0) {
        lib_error_set(ret_error, status, "the pool could not be made anew after fork");
        return status;
    }
    struct lib_server *server = take_warm(pool, want, thread);
    if (server != NULL)
        return hand_out(pool, server, server->conn, ret_conn, ret_error);
    status = begin(pool, want, thread, &claim, ret_error);
    if (status != 0) {
        lib_unlock(pool);
        return status;
    }
    if (claim.state == LIB_CLAIM_WAITING) {
        if (lib_deadlock_enter(pool, &claim))
            lib_claim_withdraw(pool, &claim, WEIR_EDEADLOCK);
        else
            wait_for(pool, &claim);
    }
    return finish(pool, &claim, ret_conn, ret_error);
}

int weir_pool_try(struct weir_pool *pool, const struct weir_want *want, PGconn **ret_conn)
{
    struct lib_claim claim;
    if (pool == NULL || ret_conn == NULL)
        return WEIR_EINVALID;
    uint64_t thread = thread_number();
    struct weir_want mine = want == NULL ? (struct weir_want){0} : *want;
    mine.deadline = WEIR_NEVER;
    int status = lib_enter_fast(pool);
    if (status != 0)
        return status;
    struct lib_server *server = take_warm(pool, &mine, thread);
    if (server != NULL)
        return hand_out(pool, server, server->conn, ret_conn, NULL);
    status = begin(pool, &mine, thread, &claim, NULL);
    if (status != 0) {
        lib_unlock(pool);
        return status;
    }
    if (claim.state == LIB_CLAIM_WAITING)
        lib_claim_withdraw(pool, &claim, WEIR_EAGAIN);
    return finish(pool, &claim, ret_conn, NULL);
}
