/* fork.c - the child of a fork: a pool of its own, and not a byte on the parent's sockets.
 *
 * A child has copies of the parent's descriptors and of libpq's buffers; PQfinish there would say
 * good-bye on the parent's connection. So /dev/null is put over each socket before anything else is
 * done. The epoll descriptor names the parent's own set: it is closed before anything could be
 * taken out of it. The mutex may have been held by a thread that does not exist here: it is made
 * anew, and what that thread was in the middle of changing, a PGconn, a look-up, is left alone and
 * not freed.
 *
 * The generation is counted up in every child by pthread_atfork; each call of the library compares.
 * A process made by clone() or _Fork(), past pthread_atfork, must not use the parent's pools.
 * Test: tests/unit/lib/test_fork.c.
 */
#include "lib/lib.h"

#include <fcntl.h>
#include <unistd.h>

_Atomic uint32_t lib_fork_count = 1;
static pthread_mutex_t renewing = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int once_status;

static void in_child(void)
{
    static const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;
    renewing = fresh;
    atomic_fetch_add(&lib_fork_count, 1);
}

static void register_once(void)
{
    once_status = pthread_atfork(NULL, NULL, in_child) == 0 ? 0 : WEIR_ENOMEM;
}

int lib_fork_init(void)
{
    pthread_once(&once, register_once);
    return once_status;
}

static void cover(int fd)
{
    if (fd < 0)
        return;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup3(null, fd, O_CLOEXEC) < 0)
        (void)close(fd); /* no descriptor left: closed is as silent */
    if (null >= 0)
        (void)close(null);
}

static void leave(struct lib_server *server, bool is_whole)
{
    if (server->linger_fd >= 0)
        (void)close(server->linger_fd);
    if (server->cancel_fd >= 0)
        (void)close(server->cancel_fd);
    if (is_whole)
        lib_connect_free(server);
    if (server->conn == NULL || server->is_detached)
        return; /* a detached one is its owner's, as before the fork */
    cover(PQsocket(server->conn));
    lib_notices_end(server);
    if (is_whole && !server->is_lent)
        PQfinish(server->conn);
    server->conn = NULL;
}

static void renew(struct weir_pool *pool)
{
    bool is_whole = pthread_mutex_trylock(&pool->mutex) == 0;
    (void)close(pool->epoll);
    (void)close(pool->wake_fd);
    pool->epoll = pool->wake_fd = -1;
    if (is_whole) {
        lib_resolve_done(pool);
        pthread_mutex_unlock(&pool->mutex);
    } else {
        pool->resolver = NULL;
        memset(&pool->owners, 0, sizeof(pool->owners));
    }
    for (uint32_t i = 0; i < pool->high; i++)
        if (pool->servers[i].id.gen != 0)
            leave(&pool->servers[i], is_whole);
    lib_pool_end(pool);
    pool->broken = lib_pool_begin(pool, NULL);
}

int lib_enter_fast(struct weir_pool *pool)
{
    uint32_t now = lib_fork_generation();
    if (atomic_load_explicit(&pool->generation, memory_order_acquire) != now) {
        pthread_mutex_lock(&renewing);
        if (atomic_load(&pool->generation) != now) {
            renew(pool); /* what fails is in pool->broken */
            atomic_store(&pool->generation, now);
        }
        pthread_mutex_unlock(&renewing);
    }
    if (pool->broken != 0)
        return pool->broken;
    lib_lock_fast(pool);
    return 0;
}

int lib_enter(struct weir_pool *pool)
{
    int status = lib_enter_fast(pool);
    if (status == 0)
        lib_warm_flush(pool);
    return status;
}

void weir_pool_after_fork(struct weir_pool *pool)
{
    if (pool == NULL)
        return;
    if (lib_enter(pool) == 0)
        lib_unlock(pool);
}
