/* print_openmetrics.c - prints the metrics of a pool that was used, for check_openmetrics. */
#include <stdio.h>
#include <stdlib.h>

#include <weir/weir.h>

static int fail(const struct weir_error *error)
{
    fprintf(stderr, "%s\n", error->text);
    return 1;
}

int main(int argc, char **argv)
{
    struct weir_options options;
    struct weir_error error;
    struct weir_stats stats;
    struct weir_pool *pool;
    PGconn *conn, *other;
    static char text[65536];
    weir_options_init(&options);
    options.conninfo = argc > 1 ? argv[1] : NULL;
    options.pool_size = 1;
    options.max_overflow = 1;
    if (weir_pool_open(&options, &pool, &error) != 0 ||
        weir_pool_take(pool, NULL, &conn, &error) != 0 ||
        weir_pool_take(pool, NULL, &other, &error) != 0)
        return fail(&error);
    weir_pool_give(pool, other);
    weir_pool_stats(pool, &stats);
    int length = weir_stats_openmetrics(&stats, "a \"pool\"\\\n", text, sizeof(text));
    printf("%s# EOF\n", text);
    weir_pool_give(pool, conn);
    weir_pool_close(pool, weir_now() + 5 * WEIR_SECOND, NULL);
    return length > 0 && (size_t)length < sizeof(text) ? 0 : 1;
}
