/* event_loop.c - one thread, ten queries, two connections, nothing blocks: poll() on the pool's
 * descriptor and on the sockets of the queries under way.
 *
 *     cc event_loop.c $(pkg-config --cflags --libs weir) && ./a.out [CONNINFO]
 */
#include <poll.h>
#include <stdio.h>

#include <weir/weir.h>

#define JOBS 10

struct job {
    struct weir_claim claim;
    PGconn *conn; /* NULL: waits, or done */
    int number;
};

static struct weir_pool *pool;
static struct job jobs[JOBS];
static int left = JOBS, failed;

static void finish(struct job *job, int is_good)
{
    if (job->conn != NULL)
        weir_pool_give(pool, job->conn);
    job->conn = NULL;
    failed += !is_good;
    left--;
}

/* The claim has ended: send the query. */
static void on_connection(struct weir_claim *claim, int status, PGconn *conn,
                          const struct weir_error *error)
{
    struct job *job = claim->user;
    job->conn = conn;
    if (status != 0)
        fprintf(stderr, "job %d: %s\n", job->number, error->text);
    if (status != 0 || PQsendQuery(conn, "SELECT pg_backend_pid(), pg_sleep(0.01)") != 1)
        finish(job, 0);
}

/* The query's socket is readable: read what there is. */
static void on_readable(struct job *job)
{
    PGresult *result;
    if (PQconsumeInput(job->conn) != 1) {
        finish(job, 0);
        return;
    }
    while (!PQisBusy(job->conn)) {
        result = PQgetResult(job->conn);
        if (result == NULL) {
            finish(job, 1);
            return;
        }
        printf("job %d ran on backend %s\n", job->number, PQgetvalue(result, 0, 0));
        PQclear(result);
    }
}

static void run(struct weir_loop *loop)
{
    while (left > 0) {
        struct pollfd fds[JOBS + 1] = {{.fd = weir_loop_fd(loop), .events = POLLIN}};
        for (int i = 0; i < JOBS; i++) {
            fds[i + 1].fd = jobs[i].conn == NULL ? -1 : PQsocket(jobs[i].conn);
            fds[i + 1].events = POLLIN;
        }
        if (poll(fds, JOBS + 1, -1) < 0)
            return;
        for (int i = 0; i < JOBS; i++)
            if (fds[i + 1].revents != 0)
                on_readable(&jobs[i]);
        if (fds[0].revents != 0)
            weir_loop_tick(loop);
    }
}

int main(int argc, char **argv)
{
    struct weir_options options;
    struct weir_error error;
    struct weir_loop *loop;

    weir_options_init(&options);
    options.conninfo = argc > 1 ? argv[1] : NULL;
    options.pool_size = 2;
    options.max_overflow = 0;
    if (weir_pool_open(&options, &pool, &error) != 0) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    if (weir_loop_open(pool, &loop) != 0)
        return 1;
    for (int i = 0; i < JOBS; i++) {
        jobs[i].number = i;
        jobs[i].claim.user = &jobs[i];
        if (weir_loop_claim(loop, &jobs[i].claim, NULL, on_connection) != 0)
            return 1;
    }
    run(loop);
    weir_loop_close(loop);
    weir_pool_close(pool, weir_now() + 5 * WEIR_SECOND, NULL);
    return failed;
}
