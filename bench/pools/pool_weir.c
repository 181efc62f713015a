/* pool_weir.c - libweir's side of `script/bench pool`; pools.py says what is measured and how.
 *
 *     bench-pool-weir PORT USER DATABASE take THREADS SECONDS
 *     bench-pool-weir PORT USER DATABASE fair TAKERS SECONDS
 *     bench-pool-weir PORT USER DATABASE spike TAKERS
 *
 * Prints one line of JSON.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "weir/weir.h"

#define TAKERS_MAX 256

struct taker {
    pthread_t thread;
    struct weir_pool *pool;
    pthread_barrier_t *start;
    weir_time until; /* 0 = one round */
    weir_time hold;
    uint64_t count;
    weir_time wait_max;
    weir_time ended_at;
};

static void fail(const char *what, const struct weir_error *error)
{
    fprintf(stderr, "bench-pool-weir: %s: %s\n", what, error->text);
    exit(1);
}

static void nap(weir_time span)
{
    struct timespec rest = {.tv_sec = (time_t)(span / WEIR_SECOND),
                            .tv_nsec = (long)(span % WEIR_SECOND)};
    nanosleep(&rest, NULL);
}

static void *take_and_give(void *arg)
{
    struct taker *me = arg;
    struct weir_error error;
    PGconn *conn;
    pthread_barrier_wait(me->start);
    do {
        weir_time before = me->hold ? weir_now() : 0;
        if (weir_pool_take(me->pool, NULL, &conn, &error) != 0) {
            fail("take", &error);
        }
        if (me->hold) {
            weir_time waited = weir_now() - before;
            me->wait_max = waited > me->wait_max ? waited : me->wait_max;
            nap(me->hold);
        }
        weir_pool_give(me->pool, conn);
        me->count++;
    } while (me->until && ((!me->hold && me->count % 256) || weir_now() < me->until));
    me->ended_at = weir_now();
    return NULL;
}

static void run_takers(struct taker *takers, int count, const struct taker *as)
{
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, (unsigned)count);
    for (int i = 0; i < count; i++) {
        takers[i] = *as;
        takers[i].start = &start;
        if (pthread_create(&takers[i].thread, NULL, take_and_give, &takers[i]) != 0) {
            fprintf(stderr, "bench-pool-weir: cannot start a thread\n");
            exit(1);
        }
    }
    for (int i = 0; i < count; i++) {
        pthread_join(takers[i].thread, NULL);
    }
    pthread_barrier_destroy(&start);
}

/* Opens so many connections by holding them at once. */
static void warm(struct weir_pool *pool, int count)
{
    PGconn *conns[TAKERS_MAX];
    struct weir_error error;
    for (int i = 0; i < count; i++) {
        if (weir_pool_take(pool, NULL, &conns[i], &error) != 0) {
            fail("connect", &error);
        }
    }
    for (int i = 0; i < count; i++) {
        weir_pool_give(pool, conns[i]);
    }
}

static struct weir_pool *open_pool(const char *conninfo, uint32_t size, bool is_checked)
{
    struct weir_options options;
    struct weir_pool *pool;
    struct weir_error error;
    weir_options_init(&options);
    options.conninfo = conninfo;
    options.pool_size = size;
    options.max_overflow = 0;
    options.pool_pre_ping = is_checked;
    if (weir_pool_open(&options, &pool, &error) != 0) {
        fail("open", &error);
    }
    return pool;
}

static void take(const char *conninfo, int threads, double seconds)
{
    struct taker takers[TAKERS_MAX];
    struct weir_pool *pool = open_pool(conninfo, 20, false);
    warm(pool, 20);
    weir_time start = weir_now();
    struct taker as = {.pool = pool, .until = start + (weir_time)(seconds * 1e9)};
    run_takers(takers, threads, &as);
    weir_time end = weir_now();
    uint64_t count = 0;
    for (int i = 0; i < threads; i++) {
        count += takers[i].count;
    }
    printf("{\"ops\": %llu, \"seconds\": %.6f}\n", (unsigned long long)count,
           (double)(end - start) / 1e9);
    weir_pool_close(pool, weir_now() + WEIR_SECOND, NULL);
}

static void fair(const char *conninfo, int count, double seconds)
{
    struct taker takers[TAKERS_MAX];
    weir_time wait_max = 0;
    struct weir_pool *pool = open_pool(conninfo, 10, true);
    warm(pool, 10);
    struct taker as = {
        .pool = pool, .until = weir_now() + (weir_time)(seconds * 1e9), .hold = 10 * WEIR_MS};
    run_takers(takers, count, &as);
    printf("{\"counts\": [");
    for (int i = 0; i < count; i++) {
        wait_max = takers[i].wait_max > wait_max ? takers[i].wait_max : wait_max;
        printf("%s%llu", i ? ", " : "", (unsigned long long)takers[i].count);
    }
    printf("], \"max_wait_ms\": %.3f}\n", (double)wait_max / 1e6);
    weir_pool_close(pool, weir_now() + WEIR_SECOND, NULL);
}

static void spike(const char *conninfo, int count)
{
    struct taker takers[TAKERS_MAX];
    struct weir_stats stats;
    weir_time end = 0;
    struct weir_pool *pool = open_pool(conninfo, 50, true);
    warm(pool, 5);
    weir_time start = weir_now();
    struct taker as = {.pool = pool, .hold = 2 * WEIR_MS};
    run_takers(takers, count, &as);
    for (int i = 0; i < count; i++) {
        end = takers[i].ended_at > end ? takers[i].ended_at : end;
    }
    weir_pool_stats(pool, &stats);
    printf("{\"ms\": %.3f, \"connections\": %u}\n", (double)(end - start) / 1e6,
           stats.idle + stats.checked_out + stats.connecting + stats.checking + stats.resetting +
               stats.closing);
    weir_pool_close(pool, weir_now() + WEIR_SECOND, NULL);
}

int main(int argc, char **argv)
{
    char conninfo[512];
    if (argc < 6) {
        fprintf(stderr,
                "usage: bench-pool-weir PORT USER DATABASE take|fair|spike COUNT SECONDS\n");
        return 2;
    }
    snprintf(conninfo, sizeof(conninfo), "host=127.0.0.1 port=%s user=%s dbname=%s sslmode=disable",
             argv[1], argv[2], argv[3]);
    int count = atoi(argv[5]);
    double seconds = argc > 6 ? atof(argv[6]) : 0;
    if (count < 1 || count > TAKERS_MAX) {
        fprintf(stderr, "bench-pool-weir: COUNT is 1 to %d\n", TAKERS_MAX);
        return 2;
    }
    if (strcmp(argv[4], "take") == 0) {
        take(conninfo, count, seconds);
    } else if (strcmp(argv[4], "fair") == 0) {
        fair(conninfo, count, seconds);
    } else {
        spike(conninfo, count);
    }
    return 0;
}
