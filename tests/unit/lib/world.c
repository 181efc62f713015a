/* world.c - see world.h. */
#include "world.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNTIL_MAX (60 * WEIR_SECOND)

struct weir_options world_options(uint32_t size, int32_t overflow)
{
    struct weir_options options;
    weir_options_init(&options);
    options.conninfo = postgres_conninfo();
    options.pool_size = size;
    options.max_overflow = overflow;
    options.ask_server = false;
    return options;
}

struct weir_pool *world_open(const struct weir_options *options)
{
    struct weir_pool *pool;
    struct weir_error error;
    if (weir_pool_open(options, &pool, &error) != 0)
        fail_msg("open: %s", error.text);
    return pool;
}

void world_close(struct weir_pool *pool)
{
    struct weir_error error;
    if (weir_pool_close(pool, weir_now() + 20 * WEIR_SECOND, &error) != 0)
        fail_msg("close: %s", error.text);
}

PGconn *world_take(struct weir_pool *pool)
{
    PGconn *conn = NULL;
    struct weir_error error;
    if (weir_pool_take(pool, NULL, &conn, &error) != 0)
        fail_msg("take: %s", error.text);
    return conn;
}

struct weir_stats world_stats(struct weir_pool *pool)
{
    struct weir_stats stats;
    assert_int_equal(weir_pool_stats(pool, &stats), 0);
    return stats;
}

long world_query(PGconn *conn, const char *text)
{
    PGresult *result = PQexec(conn, text);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", text, PQerrorMessage(conn));
    long number = strtol(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return number;
}

void world_until(struct weir_pool *pool, size_t offset, uint32_t value)
{
    weir_time end = weir_now() + UNTIL_MAX;
    for (;;) {
        struct weir_stats stats = world_stats(pool);
        uint32_t is;
        memcpy(&is, (const char *)&stats + offset, sizeof(is));
        if (is == value)
            return;
        if (weir_now() > end)
            fail_msg("a number of the pool is %u and does not become %u", is, value);
        poll(NULL, 0, 1);
    }
}

struct world_taker {
    pthread_t thread;
    struct weir_pool *pool;
    weir_time deadline, waited;
    int status;
};

static void *take_once(void *argument)
{
    struct world_taker *taker = argument;
    PGconn *conn;
    weir_time begin = weir_now();
    struct weir_want want = {.deadline = taker->deadline, .owner = WEIR_OWNER_NONE};
    taker->status = weir_pool_take(taker->pool, &want, &conn, NULL);
    taker->waited = weir_now() - begin;
    if (taker->status == 0)
        weir_pool_give(taker->pool, conn);
    return NULL;
}

struct world_taker *world_taker_start(struct weir_pool *pool, weir_time span)
{
    struct world_taker *taker = calloc(1, sizeof(*taker));
    taker->pool = pool;
    taker->deadline = weir_now() + span;
    pthread_create(&taker->thread, NULL, take_once, taker);
    return taker;
}

int world_taker_join(struct world_taker *taker, weir_time *ret_waited)
{
    pthread_join(taker->thread, NULL);
    int status = taker->status;
    if (ret_waited != NULL)
        *ret_waited = taker->waited;
    free(taker);
    return status;
}
