/* threads.c - four threads share a pool of two connections.
 *
 *     cc threads.c $(pkg-config --cflags --libs weir) -lpthread && ./a.out [CONNINFO]
 *
 * Without CONNINFO it is $DATABASE_URL, or libpq's PG* variables.
 */
#include <pthread.h>
#include <stdio.h>

#include <weir/weir.h>

static struct weir_pool *pool;

static void *work(void *name)
{
    struct weir_want want = {.tag = name};
    struct weir_error error;
    PGconn *conn;
    for (int i = 0; i < 100; i++) {
        want.deadline = weir_now() + 10 * WEIR_SECOND;
        if (weir_pool_take(pool, &want, &conn, &error) != 0) {
            fprintf(stderr, "%s: %s\n", (const char *)name, error.text);
            return NULL;
        }
        PGresult *result = PQexec(conn, "SELECT count(*) FROM pg_stat_activity");
        if (PQresultStatus(result) != PGRES_TUPLES_OK)
            fprintf(stderr, "%s: %s", (const char *)name, PQerrorMessage(conn));
        PQclear(result);
        weir_pool_give(pool, conn);
    }
    return NULL;
}

static void print(void *user, const struct weir_trace *trace)
{
    (void)user;
    printf("trace: %s\n", trace->text);
}

int main(int argc, char **argv)
{
    static char names[][8] = {"anna", "ben", "clara", "david"};
    struct weir_options options;
    struct weir_error error;
    pthread_t threads[4];

    weir_options_init(&options);
    options.conninfo = argc > 1 ? argv[1] : NULL;
    options.pool_size = 2;
    options.max_overflow = 0;
    options.hooks.trace = print;
    if (weir_pool_open(&options, &pool, &error) != 0) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, work, names[i]);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);

    struct weir_stats stats;
    char line[256];
    weir_pool_stats(pool, &stats);
    weir_stats_line(&stats, line, sizeof(line));
    printf("%s\n", line);
    weir_pool_close(pool, weir_now() + 5 * WEIR_SECOND, NULL);
    return stats.takes == 400 ? 0 : 1;
}
