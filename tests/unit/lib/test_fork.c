/* test_fork.c - the child of a fork sends no byte on the parent's sockets; both pools go on. */
#include "world.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "door.h"

#define BUSY   "SELECT pg_sleep(600)"
#define KILLED 1000 /* and the signal's number */

/* Runs `body` in a child; its result is the child's exit code. */
static int in_child(int (*body)(struct weir_pool *pool, PGconn *lent), struct weir_pool *pool,
                    PGconn *lent)
{
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(body(pool, lent));
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : KILLED + WTERMSIG(status);
}

static int close_pool(struct weir_pool *pool, PGconn *lent)
{
    weir_pool_after_fork(pool);
    if (weir_pool_give(pool, lent) != WEIR_ENOTLENT)
        return 1;
    PQfinish(lent);
    return weir_pool_close(pool, weir_now() + WEIR_SECOND, NULL) == 0 ? 0 : 2;
}

TEST(a_child_that_ends_its_pool_sends_no_byte_on_the_parents_sockets)
{
    struct door *door = door_open();
    struct weir_options options = world_options(4, 0);
    options.conninfo = door_conninfo(door);
    struct weir_pool *pool = world_open(&options);
    PGconn *lent = world_take(pool), *dirty = world_take(pool);
    weir_pool_give(pool, world_take(pool));
    PQclear(PQexec(dirty, "BEGIN"));
    uint64_t bytes = door_bytes(door);
    assert_int_equal(in_child(close_pool, pool, lent), 0);
    assert_int_equal(door_bytes(door), bytes);
    assert_int_equal(door_live(door), 3);
    assert_int_equal(world_query(lent, "SELECT 5"), 5);
    weir_pool_give(pool, lent);
    weir_pool_give(pool, dirty);
    PGconn *conn = world_take(pool);
    assert_int_equal(world_query(conn, "SELECT 6"), 6);
    weir_pool_give(pool, conn);
    world_close(pool);
    door_close(door);
}

static int use_pool(struct weir_pool *pool, PGconn *lent)
{
    PGconn *conn;
    struct weir_error error;
    (void)lent;
    if (weir_pool_take(pool, NULL, &conn, &error) != 0)
        return 1;
    PGresult *result = PQexec(conn, "SELECT 1");
    int is_good = PQresultStatus(result) == PGRES_TUPLES_OK;
    PQclear(result);
    weir_pool_give(pool, conn);
    struct weir_stats stats;
    weir_pool_stats(pool, &stats);
    if (!is_good || stats.connects != 1 || stats.checked_out != 0)
        return 2;
    return weir_pool_close(pool, weir_now() + 10 * WEIR_SECOND, NULL) == 0 ? 0 : 3;
}

TEST(a_child_may_use_the_pool_with_connections_of_its_own)
{
    struct weir_options options = world_options(2, 0);
    struct weir_pool *pool = world_open(&options);
    PGconn *lent = world_take(pool);
    weir_pool_give(pool, world_take(pool));
    assert_int_equal(in_child(use_pool, pool, lent), 0);
    assert_int_equal(in_child(use_pool, pool, lent), 0);
    assert_int_equal(world_query(lent, "SELECT 5"), 5);
    weir_pool_give(pool, lent);
    assert_int_equal(world_stats(pool).idle, 2);
    world_close(pool);
}

TEST(a_child_forked_while_a_thread_waits_is_not_stuck)
{
    struct weir_options options = world_options(1, 0);
    struct weir_pool *pool = world_open(&options);
    PGconn *lent = world_take(pool);
    struct world_taker *taker = world_taker_start(pool, 60 * WEIR_SECOND);
    WORLD_UNTIL(pool, waiting, 1);
    assert_int_equal(in_child(use_pool, pool, lent), 0);
    weir_pool_give(pool, lent);
    assert_int_equal(world_taker_join(taker, NULL), 0);
    world_close(pool);
}

struct worker {
    pthread_t thread;
    struct weir_pool *pool;
    atomic_bool *is_over;
};

/* Opens and closes connections all the time, so that a fork finds the pool at work. */
static void *work(void *argument)
{
    struct worker *worker = argument;
    while (!atomic_load(worker->is_over)) {
        PGconn *conn = NULL;
        if (weir_pool_take(worker->pool, NULL, &conn, NULL) == 0)
            weir_pool_discard(worker->pool, conn);
    }
    return NULL;
}

/* AddressSanitizer's allocator does not wait for its other threads when the process forks, as the C
 * library's does: a child may find it locked for ever. */
#ifdef __SANITIZE_ADDRESS__
#define ALLOCATOR_IS_COPIED_LOCKED true
#else
#define ALLOCATOR_IS_COPIED_LOCKED false
#endif

static int use_pool_in_time(struct weir_pool *pool, PGconn *lent)
{
    alarm(10);
    return use_pool(pool, lent);
}

TEST(a_child_forked_while_threads_are_at_work_is_whole)
{
    struct weir_options options = world_options(3, 0);
    struct weir_pool *pool = world_open(&options);
    atomic_bool is_over = false;
    struct worker workers[3];
    for (int i = 0; i < 3; i++) {
        workers[i] = (struct worker){.pool = pool, .is_over = &is_over};
        pthread_create(&workers[i].thread, NULL, work, &workers[i]);
    }
    int stuck = 0;
    for (int i = 0; i < 20; i++) {
        int code = in_child(use_pool_in_time, pool, NULL);
        assert_true(code == 0 || (code == KILLED + SIGALRM && ALLOCATOR_IS_COPIED_LOCKED));
        stuck += code != 0;
    }
    assert_true(stuck < 20);
    atomic_store(&is_over, true);
    for (int i = 0; i < 3; i++)
        pthread_join(workers[i].thread, NULL);
    world_close(pool);
}

static int has_limit_of_five(struct weir_pool *pool, PGconn *lent)
{
    struct weir_stats stats;
    (void)lent;
    return weir_pool_stats(pool, &stats) == 0 && stats.limit == 5 ? 0 : 1;
}

TEST(a_child_has_the_limits_that_were_set_last)
{
    struct weir_options options = world_options(1, 0);
    struct weir_pool *pool = world_open(&options);
    assert_int_equal(weir_pool_resize(pool, 3, 2), 0);
    assert_int_equal(in_child(has_limit_of_five, pool, NULL), 0);
    world_close(pool);
}

static int end_pool_and_own(struct weir_pool *pool, PGconn *detached)
{
    weir_pool_after_fork(pool);
    if (weir_pool_forget(pool, detached) != WEIR_ENOTLENT)
        return 1;
    return weir_pool_close(pool, weir_now() + 10 * WEIR_SECOND, NULL) == 0 ? 0 : 2;
}

/* What the door has accepted has been passed on, and what it has read is counted. */
static uint64_t bytes_now(struct door *door)
{
    door_freeze(door, true);
    return door_bytes(door);
}

TEST(a_child_forked_with_connections_in_every_state_sends_no_byte)
{
    struct door *door = door_open();
    struct weir_options options = world_options(6, 0);
    options.conninfo = door_conninfo(door);
    options.max_connecting = 6;
    struct weir_pool *pool = world_open(&options);
    PGconn *lent = world_take(pool), *detached = world_take(pool), *busy = world_take(pool);
    PGconn *idle = world_take(pool), *closed = world_take(pool), *unused;
    door_freeze(door, true);
    assert_int_equal(weir_pool_detach(pool, detached), 0);
    assert_int_equal(PQsendQuery(busy, BUSY), 1);
    weir_pool_give(pool, idle);
    weir_pool_discard(pool, closed); /* lingers: the door keeps the server's good-bye back */
    weir_pool_give(pool, busy);      /* is being cancelled and drained */
    door_hang(door, 1);
    PGconn *again = world_take(pool);                                  /* the idle one */
    assert_int_equal(weir_pool_try(pool, NULL, &unused), WEIR_EAGAIN); /* connects */
    struct weir_stats stats = world_stats(pool);
    assert_int_equal(stats.connecting, 1);
    assert_int_equal(stats.resetting, 1);
    assert_int_equal(stats.closing, 1);
    uint64_t bytes = bytes_now(door);
    int live = door_live(door);
    assert_int_equal(in_child(end_pool_and_own, pool, detached), 0);
    assert_int_equal(bytes_now(door), bytes);
    assert_int_equal(door_live(door), live);
    door_freeze(door, false);
    weir_pool_give(pool, again);
    assert_int_equal(world_query(lent, "SELECT 5"), 5);
    weir_pool_give(pool, lent);
    PQfinish(detached);
    assert_int_equal(weir_pool_forget(pool, detached), 0);
    world_close(pool);
    door_close(door);
}

static int close_loop_and_pool(struct weir_pool *pool, PGconn *loop)
{
    weir_loop_tick((struct weir_loop *)(void *)loop);
    if (weir_loop_close((struct weir_loop *)(void *)loop) != 0)
        return 1;
    return weir_pool_close(pool, weir_now() + 10 * WEIR_SECOND, NULL) == 0 ? 0 : 2;
}

static void must_not_end(struct weir_claim *claim, int status, PGconn *conn,
                         const struct weir_error *error)
{
    (void)status;
    (void)conn;
    (void)error;
    *(int *)claim->user += 1;
}

TEST(a_childs_copy_of_a_loop_does_nothing_and_the_parents_goes_on)
{
    struct weir_options options = world_options(1, 0);
    struct weir_pool *pool = world_open(&options);
    struct weir_loop *loop;
    int calls = 0;
    struct weir_claim claim = {.user = &calls};
    PGconn *lent = world_take(pool);
    assert_int_equal(weir_loop_open(pool, &loop), 0);
    assert_int_equal(weir_loop_claim(loop, &claim, NULL, must_not_end), 0);
    assert_int_equal(in_child(close_loop_and_pool, pool, (PGconn *)(void *)loop), 0);
    assert_int_equal(calls, 0);
    assert_int_equal(world_query(lent, "SELECT 5"), 5);
    assert_int_equal(weir_loop_cancel(loop, &claim), 0);
    weir_pool_give(pool, lent);
    assert_int_equal(weir_loop_close(loop), 0);
    world_close(pool);
}
