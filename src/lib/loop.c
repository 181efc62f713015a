/* loop.c - event loops: one descriptor, one tick, claims in the caller's memory.
 *
 *     weir_loop_claim -> loop->claims -- ended (host.c) --> loop->ended -- tick --> done()
 *                             '------- weir_loop_cancel ------'----------> the caller's again
 *
 * The descriptor is an epoll of the pool's epoll (sockets with tasks), an eventfd (claims of this
 * loop have ended) and a timer (the pool's next deadline). done() runs outside the lock, one claim
 * at a time taken off the list first, so it may claim, cancel, take and give.
 * Test: tests/unit/lib/test_loop.c.
 */
#include "lib/lib.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* What lies in struct weir_claim. */
struct inner {
    struct lib_claim claim;
    weir_claim_done *done;
    char tag[WEIR_TAG_BYTES];
};
_Static_assert(sizeof(struct inner) <= sizeof(((struct weir_claim *)NULL)->internal),
               "struct weir_claim has room for a claim");

static struct inner *inner_of(struct weir_claim *claim)
{
    return (struct inner *)(void *)claim->internal;
}

static struct weir_claim *outer_of(struct lib_claim *claim)
{
    struct inner *inner = base_list_entry(claim, struct inner, claim);
    return base_list_entry(inner, struct weir_claim, internal);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void release(struct weir_loop *loop)
{
    int fds[] = {loop->timer_fd, loop->wake_fd, loop->epoll};
    for (int i = 0; i < 3; i++)
        if (fds[i] >= 0)
            (void)close(fds[i]);
    free(loop);
}

static bool add(const struct weir_loop *loop, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    return fd >= 0 && epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

int weir_loop_open(struct weir_pool *pool, struct weir_loop **ret_loop)
{
    if (pool == NULL || ret_loop == NULL)
        return WEIR_EINVALID;
    struct weir_loop *loop = calloc(1, sizeof(*loop));
    if (loop == NULL)
        return WEIR_ENOMEM;
    loop->pool = pool;
    loop->armed_at = BASE_NEVER;
    base_list_init(&loop->claims);
    base_list_init(&loop->ended);
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    int status = lib_enter(pool);
    if (status != 0) {
        release(loop);
        return status;
    }
    loop->generation = lib_fork_generation();
    status = pool->is_closed ? WEIR_ECLOSED : 0;
    if (status == 0 && (loop->epoll < 0 || !add(loop, pool->epoll) || !add(loop, loop->wake_fd) ||
                        !add(loop, loop->timer_fd)))
        status = WEIR_ESYSTEM;
    if (status == 0)
        base_list_push_back(&pool->loops, &loop->link);
    lib_unlock(pool);
    if (status != 0) {
        release(loop);
        return status;
    }
    *ret_loop = loop;
    return 0;
}

static bool is_inherited(const struct weir_loop *loop)
{
    return loop->generation != lib_fork_generation();
}

int weir_loop_close(struct weir_loop *loop)
{
    if (loop == NULL)
        return 0;
    if (!is_inherited(loop)) {
        lib_lock(loop->pool);
        bool is_busy = !base_list_is_empty(&loop->claims) || !base_list_is_empty(&loop->ended) ||
                       loop->is_ticking;
        if (!is_busy)
            base_list_remove(&loop->link);
        lib_unlock(loop->pool);
        if (is_busy)
            return WEIR_ESTATE;
    }
    release(loop);
    return 0;
}

int weir_loop_fd(const struct weir_loop *loop)
{
    return loop == NULL ? WEIR_EINVALID : loop->epoll;
}

/* ---- being woken ----------------------------------------------------------------------------- */

static void set_timer(struct weir_loop *loop, base_time at)
{
    struct itimerspec spec = {0};
    loop->armed_at = at;
    if (at != BASE_NEVER) {
        at = at == 0 ? 1 : at; /* zero would disarm it */
        spec.it_value.tv_sec = (time_t)(at / BASE_SECOND);
        spec.it_value.tv_nsec = (long)(at % BASE_SECOND);
    }
    (void)timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

void lib_loop_arm(struct weir_loop *loop, base_time at)
{
    if (at < loop->armed_at)
        set_timer(loop, at);
}

void lib_loop_ended(struct weir_loop *loop, struct lib_claim *claim)
{
    bool is_first = base_list_is_empty(&loop->ended);
    base_list_remove(&claim->link);
    base_list_push_back(&loop->ended, &claim->link);
    if (!is_first)
        return;
    uint64_t one = 1;
    ssize_t written = write(loop->wake_fd, &one, sizeof(one));
    (void)written; /* fails only when the counter is full, and then it is readable too */
}

/* ---- tick ------------------------------------------------------------------------------------ */

static void empty_descriptors(struct weir_loop *loop)
{
    uint64_t count;
    ssize_t woken = read(loop->wake_fd, &count, sizeof(count));
    ssize_t fired = read(loop->timer_fd, &count, sizeof(count));
    (void)woken; /* only emptied */
    (void)fired;
}

/* Calls done() of one ended claim; the lock is let go of meanwhile. */
static void tell(struct weir_loop *loop, struct lib_claim *claim)
{
    struct weir_pool *pool = loop->pool;
    struct weir_claim *outer = outer_of(claim);
    weir_claim_done *done = inner_of(outer)->done;
    struct lib_server *server = claim->server;
    PGconn *conn = server != NULL && claim->state == LIB_CLAIM_GRANTED ? server->conn : NULL;
    int status = claim->state == LIB_CLAIM_GRANTED ? 0 : claim->status;
    struct weir_error error;
    if (status != 0)
        lib_error_claim(pool, claim, &error);
    lib_unlock(pool);
    if (status == 0 && lib_claim_greet(pool, server) != 0) {
        status = WEIR_EHOOK;
        lib_error_set(&error, status,
                      "a hook of the application refused the connection; it is closed");
        (void)weir_pool_discard(pool, conn);
        conn = NULL;
    }
    done(outer, status, conn, status == 0 ? NULL : &error);
    lib_lock(pool);
}

void weir_loop_tick(struct weir_loop *loop)
{
    if (loop == NULL || is_inherited(loop) || loop->is_ticking)
        return;
    struct weir_pool *pool = loop->pool;
    lib_lock(pool);
    loop->is_ticking = true;
    empty_descriptors(loop);
    lib_drive(pool);
    /* Those that end during this tick are the next one's: a loop of instant grants must not keep
     * the application from its other work. */
    struct base_list batch;
    base_list_init(&batch);
    while (!base_list_is_empty(&loop->ended)) {
        struct base_list *link = loop->ended.next;
        base_list_remove(link);
        base_list_push_back(&batch, link);
    }
    while (!base_list_is_empty(&batch)) {
        struct lib_claim *claim = base_list_entry(batch.next, struct lib_claim, link);
        base_list_remove(&claim->link);
        tell(loop, claim);
    }
    loop->is_ticking = false;
    loop->armed_at = BASE_NEVER;
    set_timer(loop, lib_next_deadline(pool));
    lib_unlock(pool);
}

/* ---- claims ---------------------------------------------------------------------------------- */

int weir_loop_claim(struct weir_loop *loop, struct weir_claim *claim, const struct weir_want *want,
                    weir_claim_done *done)
{
    if (loop == NULL || claim == NULL || done == NULL || is_inherited(loop))
        return WEIR_EINVALID;
    struct weir_pool *pool = loop->pool;
    struct inner *inner = inner_of(claim);
    lib_lock(pool);
    int status = lib_claim_init(pool, want, WEIR_OWNER_NONE, &inner->claim, NULL);
    if (status == 0 && pool->is_closed)
        status = WEIR_ECLOSED;
    if (status == 0) {
        inner->done = done;
        inner->claim.loop = loop;
        snprintf(inner->tag, sizeof(inner->tag), "%s",
                 inner->claim.tag == NULL ? "" : inner->claim.tag);
        inner->claim.tag = inner->tag;
        base_list_push_back(&loop->claims, &inner->claim.link);
        lib_look_in_passing(pool);
        status = lib_claim_begin(pool, &inner->claim);
        if (status != 0)
            base_list_remove(&inner->claim.link);
    }
    if (status == 0 && inner->claim.state == LIB_CLAIM_WAITING &&
        lib_deadlock_enter(pool, &inner->claim))
        lib_claim_withdraw(pool, &inner->claim, WEIR_EDEADLOCK);
    lib_unlock(pool);
    return status;
}

int weir_loop_cancel(struct weir_loop *loop, struct weir_claim *claim)
{
    if (loop == NULL || claim == NULL || is_inherited(loop))
        return WEIR_EINVALID;
    struct weir_pool *pool = loop->pool;
    struct lib_claim *inner = &inner_of(claim)->claim;
    lib_lock(pool);
    if (base_list_is_empty(&inner->link)) {
        lib_unlock(pool); /* done() was called, or is being called */
        return WEIR_ESTATE;
    }
    if (inner->state == LIB_CLAIM_WAITING)
        lib_claim_withdraw(pool, inner, WEIR_ECLOSED);
    PGconn *unused = inner->state == LIB_CLAIM_GRANTED ? inner->server->conn : NULL;
    base_list_remove(&inner->link);
    lib_unlock(pool);
    if (unused != NULL)
        lib_give_back(pool, unused);
    return 0;
}
