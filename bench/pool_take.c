/* pool_take.c - what take + give of libweir costs when a connection is free.
 *
 * Usage: bench-pool-take CONNINFO
 * Prints nanoseconds of processor time for one take and its give: with pool_pre_ping off (the pool
 * alone), with it on (one poll() more), and with it off in two and four threads that share one pool
 * large enough for all. Each figure is the least of some runs: others use the machine too. It
 * asserts nothing.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <weir/weir.h>

#define RUNS    7
#define ROUNDS  300000
#define THREADS 4

static double cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

struct worker {
    pthread_t thread;
    struct weir_pool *pool;
    double ns;
};

static void *work(void *argument)
{
    struct worker *worker = argument;
    double begin = cpu_ns();
    for (int i = 0; i < ROUNDS; i++) {
        PGconn *conn;
        if (weir_pool_take(worker->pool, NULL, &conn, NULL) != 0 ||
            weir_pool_give(worker->pool, conn) != 0)
            exit(1);
    }
    worker->ns = (cpu_ns() - begin) / ROUNDS;
    return NULL;
}

static double run(struct weir_pool *pool, int threads)
{
    struct worker workers[THREADS];
    double sum = 0;
    for (int i = 0; i < threads; i++) {
        workers[i].pool = pool;
        pthread_create(&workers[i].thread, NULL, work, &workers[i]);
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(workers[i].thread, NULL);
        sum += workers[i].ns;
    }
    return sum / threads;
}

static void measure(const char *conninfo, const char *what, bool has_ping, int threads)
{
    struct weir_options options;
    struct weir_pool *pool;
    struct weir_error error;
    double least = 1e18;
    weir_options_init(&options);
    options.conninfo = conninfo;
    options.pool_pre_ping = has_ping;
    options.pool_size = THREADS;
    if (weir_pool_open(&options, &pool, &error) != 0) {
        fprintf(stderr, "%s\n", error.text);
        exit(1);
    }
    for (int i = 0; i < RUNS; i++) {
        double ns = run(pool, threads);
        least = ns < least ? ns : least;
    }
    printf("%-40s %6.0f ns\n", what, least);
    weir_pool_close(pool, weir_now() + 5 * WEIR_SECOND, NULL);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: bench-pool-take CONNINFO\n");
        return 2;
    }
    measure(argv[1], "take + give, no check, 1 thread", false, 1);
    measure(argv[1], "take + give, poll(), 1 thread", true, 1);
    measure(argv[1], "take + give, no check, 2 threads", false, 2);
    measure(argv[1], "take + give, no check, 4 threads", false, 4);
    return 0;
}
