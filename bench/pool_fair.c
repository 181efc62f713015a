/* pool_fair.c - how evenly libweir serves threads, and how it meets a spike.
 *
 * Usage: bench-pool-fair CONNINFO
 *   fairness   64 threads, 10 connections, each held for 10 ms, 5 s: the spread of the threads'
 *              takes, (most - least) / mean, and the longest wait (54 ms is ideal)
 *   spike      50 threads at once on a pool with 5 idle connections and room for 50, each works for
 *              2 ms: from the first take to the last give, and how many connections exist then
 * It asserts nothing.
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <weir/weir.h>

#define THREADS_MAX 64

struct crowd {
    struct weir_pool *pool;
    pthread_barrier_t begin;
    weir_time until;
    int hold_ms;
};

struct member {
    pthread_t thread;
    struct crowd *crowd;
    int takes;
    weir_time longest, end;
};

static void *work(void *argument)
{
    struct member *member = argument;
    struct crowd *crowd = member->crowd;
    pthread_barrier_wait(&crowd->begin);
    do {
        PGconn *conn;
        weir_time begin = weir_now();
        if (weir_pool_take(crowd->pool, NULL, &conn, NULL) != 0)
            exit(1);
        weir_time waited = weir_now() - begin;
        member->longest = waited > member->longest ? waited : member->longest;
        member->takes++;
        poll(NULL, 0, crowd->hold_ms);
        weir_pool_give(crowd->pool, conn);
        member->end = weir_now();
    } while (member->end < crowd->until);
    return NULL;
}

static struct weir_pool *open_pool(const char *conninfo, uint32_t size)
{
    struct weir_options options;
    struct weir_pool *pool;
    struct weir_error error;
    weir_options_init(&options);
    options.conninfo = conninfo;
    options.pool_size = size;
    options.max_overflow = 0;
    if (weir_pool_open(&options, &pool, &error) != 0) {
        fprintf(stderr, "%s\n", error.text);
        exit(1);
    }
    return pool;
}

static void run(struct crowd *crowd, struct member *members, int threads, weir_time span)
{
    pthread_barrier_init(&crowd->begin, NULL, (unsigned)threads);
    crowd->until = weir_now() + span;
    for (int i = 0; i < threads; i++) {
        members[i] = (struct member){.crowd = crowd};
        pthread_create(&members[i].thread, NULL, work, &members[i]);
    }
    for (int i = 0; i < threads; i++)
        pthread_join(members[i].thread, NULL);
    pthread_barrier_destroy(&crowd->begin);
}

static void fairness(const char *conninfo)
{
    struct member members[THREADS_MAX];
    struct crowd crowd = {.pool = open_pool(conninfo, 10), .hold_ms = 10};
    run(&crowd, members, THREADS_MAX, 5 * WEIR_SECOND);
    int least = members[0].takes, most = 0, sum = 0;
    weir_time longest = 0;
    for (int i = 0; i < THREADS_MAX; i++) {
        least = members[i].takes < least ? members[i].takes : least;
        most = members[i].takes > most ? members[i].takes : most;
        sum += members[i].takes;
        longest = members[i].longest > longest ? members[i].longest : longest;
    }
    printf("fairness  takes per thread %d to %d, spread %.1f %%, longest wait %.1f ms\n", least,
           most, 100.0 * (most - least) * THREADS_MAX / sum, (double)longest / 1e6);
    weir_pool_close(crowd.pool, weir_now() + 5 * WEIR_SECOND, NULL);
}

static void spike(const char *conninfo)
{
    struct member members[THREADS_MAX];
    struct crowd crowd = {.pool = open_pool(conninfo, 50), .hold_ms = 2};
    PGconn *idle[5];
    for (int i = 0; i < 5; i++)
        if (weir_pool_take(crowd.pool, NULL, &idle[i], NULL) != 0)
            exit(1);
    for (int i = 0; i < 5; i++)
        weir_pool_give(crowd.pool, idle[i]);
    weir_time begin = weir_now(), end = 0;
    run(&crowd, members, 50, 0);
    struct weir_stats stats;
    weir_pool_stats(crowd.pool, &stats);
    for (int i = 0; i < 50; i++)
        end = members[i].end > end ? members[i].end : end;
    printf("spike     50 callers done after %.1f ms, %u connections exist, %llu were begun\n",
           (double)(end - begin) / 1e6, stats.idle, (unsigned long long)stats.connects);
    weir_pool_close(crowd.pool, weir_now() + 5 * WEIR_SECOND, NULL);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: bench-pool-fair CONNINFO\n");
        return 2;
    }
    fairness(argv[1]);
    spike(argv[1]);
    return 0;
}
