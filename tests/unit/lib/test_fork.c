/* test_fork.c - the child of a fork sends no byte on the parent's sockets; both pools go on. */
#include "world.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "door.h"

/* Runs `body` in a child; its result is the child's exit code. */
static int in_child(int (*body)(struct weir_pool *pool, PGconn *lent), struct weir_pool *pool,
                    PGconn *lent)
{
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(body(pool, lent));
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
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
    for (int i = 0; i < 20; i++)
        assert_int_equal(in_child(use_pool, pool, NULL), 0);
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
