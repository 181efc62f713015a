/* lib_face_thread.c - takers as threads, each of which waits in weir_pool_take: one of them leads,
 * the others follow, and the driver's loop ticks beside them. A thread lives for one take.
 *
 * A step of the driver ends only when every thread either waits in the pool or has posted its
 * answer, so what threads do is in order: the oldest take is told first.
 */
#include "lib_driver.h"

#include <poll.h>
#include <unistd.h>

static void *wait_in_take(void *argument)
{
    struct taker *taker = argument;
    struct pool *pool = taker->pool;
    struct weir_want want = {.deadline = taker->deadline, .owner = WEIR_OWNER_NONE};
    struct weir_error error;
    PGconn *conn = NULL;
    uint64_t one = 1;
    int status = weir_pool_take(pool->weir, &want, &conn, &error);
    pthread_mutex_lock(&pool->mutex);
    taker->status = status;
    taker->conn = status == 0 ? conn : taker->conn;
    if (status != 0)
        taker->error = error;
    taker->is_posted = true;
    pthread_mutex_unlock(&pool->mutex);
    ssize_t written = write(pool->answer_fd, &one, sizeof(one));
    (void)written; /* fails only when the counter is full, and then it is readable too */
    return NULL;
}

/* Threads that have neither posted nor wait in the pool are about to do the one or the other. */
static bool is_settled(struct pool *pool)
{
    uint32_t silent = 0;
    pthread_mutex_lock(&pool->mutex);
    for (int i = 0; i < RIG_TAKERS; i++)
        silent += pool->takers[i].is_taking && !pool->takers[i].is_posted;
    pthread_mutex_unlock(&pool->mutex);
    return silent == lib_driver_stats(pool).waiting;
}

static void settle(struct pool *pool)
{
    uint64_t count;
    for (int tries = 0; !is_settled(pool); tries++) {
        struct pollfd fd = {.fd = pool->answer_fd, .events = POLLIN};
        ssize_t emptied = poll(&fd, 1, 1) > 0 ? read(pool->answer_fd, &count, sizeof(count)) : 0;
        (void)emptied;
        if (tries == PATIENCE_MS)
            fail_msg("a thread neither waits nor ends");
    }
}

static void take(struct taker *taker, base_time deadline)
{
    taker->deadline = deadline;
    taker->sequence = ++taker->pool->sequence;
    taker->is_posted = false;
    taker->is_taking = true;
    assert_int_equal(pthread_create(&taker->thread, NULL, wait_in_take, taker), 0);
    settle(taker->pool); /* the order of arrival is that of the calls */
}

/* The oldest take that has ended; NULL: none has. */
static struct taker *oldest_posted(struct pool *pool)
{
    struct taker *oldest = NULL;
    pthread_mutex_lock(&pool->mutex);
    for (int i = 0; i < RIG_TAKERS; i++) {
        struct taker *taker = &pool->takers[i];
        if (taker->is_posted && (oldest == NULL || taker->sequence < oldest->sequence))
            oldest = taker;
    }
    pthread_mutex_unlock(&pool->mutex);
    return oldest;
}

static bool collect(struct pool *pool)
{
    bool has_some = false;
    struct taker *taker;
    settle(pool);
    while ((taker = oldest_posted(pool)) != NULL) {
        pthread_join(taker->thread, NULL);
        taker->is_taking = taker->is_posted = false;
        lib_driver_answer(taker, taker->status, taker->conn, &taker->error);
        has_some = true;
    }
    return has_some;
}

const struct face lib_face = {.take = take, .collect = collect};
