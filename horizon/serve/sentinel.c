/* sentinel.c - see sentinel.h. */
#include "serve/sentinel.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "serve/log.h"

#define CHANNEL        "horizon_user"
#define PAUSE_MS_FIRST 200
#define PAUSE_MS_MOST  5000
#define CONNECT_S      "5"
#define QUERY_MS       "5000"
#define ALIVE_MS       30000 /* asks for a sign of life after so long without news */

struct sentinel {
    struct app *app;
    pthread_t thread;
    int end_fd; /* an eventfd: readable when the end has come */
    PGconn *conn;
    pthread_mutex_t lock; /* of what follows */
    struct sentinel_answer answer;
    bool is_up;
};

/* ---- waiting ---------------------------------------------------------------------------------
 */

/* Waits until the connection is readable or writable (`events`), or so long. False: the end. */
static bool await(struct sentinel *sentinel, int fd, short events, int ms, bool *ret_is_ready)
{
    struct pollfd fds[2] = {{.fd = sentinel->end_fd, .events = POLLIN},
                            {.fd = fd, .events = events}};
    int r = poll(fds, 2, ms);
    *ret_is_ready = r > 0 && fds[1].revents != 0;
    return !(r > 0 && fds[0].revents);
}

static bool is_ending(struct sentinel *sentinel)
{
    bool is_ready;
    return !await(sentinel, -1, 0, 0, &is_ready);
}

/* One statement, waited for with a limit; NULL: it failed, or the end has come. */
static PGresult *ask(struct sentinel *sentinel, const char *statement)
{
    PGresult *last = NULL, *result = NULL;
    if (!PQsendQuery(sentinel->conn, statement)) {
        return NULL;
    }
    do {
        bool is_ready = true;
        while (is_ready && PQisBusy(sentinel->conn)) {
            if (!await(sentinel, PQsocket(sentinel->conn), POLLIN, atoi(QUERY_MS), &is_ready) ||
                !is_ready || !PQconsumeInput(sentinel->conn)) {
                PQclear(last);
                return NULL;
            }
        }
        result = PQgetResult(sentinel->conn);
        if (result) {
            PQclear(last);
            last = result;
        }
    } while (result);
    ExecStatusType status = PQresultStatus(last);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        PQclear(last);
        return NULL;
    }
    return last;
}

/* ---- connecting ------------------------------------------------------------------------------
 */

static PGconn *start_connect(const struct settings *settings)
{
    const char *url = settings->listen_database ? settings->listen_database : settings->database;
    const char *names[] = {"dbname", "connect_timeout", "fallback_application_name", NULL};
    const char *values[] = {url, CONNECT_S, "horizon sentinel", NULL};
    return PQconnectStartParams(names, values, 1);
}

/* Without blocking, so that the end of the process does not wait for it. False: no connection. */
static bool connect_database(struct sentinel *sentinel)
{
    sentinel->conn = start_connect(sentinel->app->settings);
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;
    while (sentinel->conn && PQstatus(sentinel->conn) != CONNECTION_BAD) {
        bool is_ready;
        short events = status == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        if (!await(sentinel, PQsocket(sentinel->conn), events, atoi(CONNECT_S) * 1000, &is_ready) ||
            !is_ready) {
            return false;
        }
        status = PQconnectPoll(sentinel->conn);
        if (status == PGRES_POLLING_OK) {
            return true;
        }
        if (status == PGRES_POLLING_FAILED) {
            return false;
        }
    }
    return false;
}

/* ---- limits ----------------------------------------------------------------------------------
 */

/* Programs of this service are told by their application_name: they share, others take away.
 * Without the rights of pg_read_all_stats backend_type is NULL for other roles' sessions: those
 * with a database and a user are then taken for clients (a worker of autovacuum has no user). */
static const char limits_statement[] =
    "SELECT current_setting('max_connections')::bigint"
    " - CASE WHEN r.rolsuper THEN 0 ELSE current_setting('superuser_reserved_connections')::bigint"
    " + coalesce(current_setting('reserved_connections', true)::bigint, 0) END,"
    " CASE WHEN r.rolsuper THEN -1 ELSE r.rolconnlimit END,"
    " CASE WHEN r.rolsuper THEN -1 ELSE d.datconnlimit END,"
    " count(a.pid), count(a.pid) FILTER (WHERE a.usesysid = r.oid),"
    " count(a.pid) FILTER (WHERE a.datid = d.oid)"
    " FROM pg_catalog.pg_roles r JOIN pg_catalog.pg_database d ON d.datname = current_database()"
    " LEFT JOIN pg_catalog.pg_stat_activity a"
    " ON (a.backend_type = 'client backend' OR (a.backend_type IS NULL AND a.datid IS NOT NULL"
    " AND a.usesysid IS NOT NULL))"
    " AND a.application_name NOT LIKE 'horizon%'"
    " WHERE r.rolname = session_user GROUP BY r.oid, r.rolsuper, r.rolconnlimit, d.oid,"
    " d.datconnlimit";

static uint32_t number(const PGresult *result, int column)
{
    long value = strtol(PQgetvalue(result, 0, column), NULL, 10);
    return value < 0 ? SHARE_NONE : (uint32_t)value;
}

static void keep_answer(struct sentinel *sentinel, const struct share_limits *limits,
                        const struct share *share)
{
    struct sentinel_answer answer = {.is_asked = true, .limits = *limits, .share = *share};
    if (share->is_short) {
        snprintf(answer.notice, sizeof(answer.notice),
                 "asked for %u, the server grants %u: using %u and queueing", share->asked,
                 share->granted, share->in_use);
        log_write(LOG_LEVEL_WARNING, "%s", answer.notice);
    } else {
        log_write(LOG_LEVEL_INFO, "the server grants the %u connections asked for", share->asked);
    }
    pthread_mutex_lock(&sentinel->lock);
    sentinel->answer = answer;
    pthread_mutex_unlock(&sentinel->lock);
}

static bool fit_pool(struct sentinel *sentinel)
{
    const struct settings *settings = sentinel->app->settings;
    PGresult *result = ask(sentinel, limits_statement);
    if (!result || PQntuples(result) != 1) {
        PQclear(result);
        return false;
    }
    struct share_limits limits = {
        .server = number(result, 0),
        .role = number(result, 1),
        .database = number(result, 2),
        .server_others = number(result, 3),
        .role_others = number(result, 4),
        .database_others = number(result, 5),
    };
    PQclear(result);
    struct share share =
        share_compute(&limits, (uint32_t)settings->pool_size, (uint32_t)settings->max_overflow,
                      (uint32_t)settings->processes);
    keep_answer(sentinel, &limits, &share);
    (void)weir_pool_retry(sentinel->app->pool); /* the database is there: nothing to wait for */
    int r = weir_pool_resize(sentinel->app->pool, share.size, (int32_t)share.overflow);
    if (r != 0) {
        log_write(LOG_LEVEL_WARNING, "the pool keeps its size: %s", weir_status_text(r));
    }
    return true;
}

/* ---- news ------------------------------------------------------------------------------------
 */

static void hear(struct sentinel *sentinel)
{
    PGnotify *news;
    while ((news = PQnotifies(sentinel->conn))) {
        log_write(LOG_LEVEL_DEBUG, "user %s has changed", news->extra);
        users_forget(sentinel->app->users, news->extra);
        PQfreemem(news);
    }
}

static void set_up(struct sentinel *sentinel, bool is_up)
{
    pthread_mutex_lock(&sentinel->lock);
    sentinel->is_up = is_up;
    pthread_mutex_unlock(&sentinel->lock);
}

/* Listens until the connection breaks or the end comes. */
static void listen_for_news(struct sentinel *sentinel)
{
    PGresult *result = ask(sentinel, "LISTEN " CHANNEL);
    bool is_ready;
    if (!result) {
        return;
    }
    PQclear(result);
    users_forget(sentinel->app->users, "");
    set_up(sentinel, true);
    while (await(sentinel, PQsocket(sentinel->conn), POLLIN, ALIVE_MS, &is_ready)) {
        if (is_ready) {
            if (!PQconsumeInput(sentinel->conn)) {
                break;
            }
        } else {
            PGresult *sign = ask(sentinel, "SELECT 1");
            if (!sign) {
                break;
            }
            PQclear(sign);
        }
        hear(sentinel);
    }
    set_up(sentinel, false);
}

static void *watch(void *argument)
{
    struct sentinel *sentinel = argument;
    int pause = PAUSE_MS_FIRST;
    bool is_told = false, is_ready;
    while (!is_ending(sentinel)) {
        bool is_connected = connect_database(sentinel) && fit_pool(sentinel);
        if (is_connected) {
            pause = PAUSE_MS_FIRST;
            is_told = false;
            listen_for_news(sentinel);
        }
        if (!is_ending(sentinel) && !is_told) {
            log_write(LOG_LEVEL_WARNING, "no connection for news of the database, trying again: %s",
                      sentinel->conn ? PQerrorMessage(sentinel->conn) : "out of memory");
            is_told = true;
        }
        PQfinish(sentinel->conn);
        sentinel->conn = NULL;
        await(sentinel, -1, 0, pause, &is_ready);
        pause = pause * 2 < PAUSE_MS_MOST ? pause * 2 : PAUSE_MS_MOST;
    }
    return NULL;
}

/* ---- life ------------------------------------------------------------------------------------
 */

void sentinel_answer(struct sentinel *sentinel, struct sentinel_answer *ret_answer)
{
    pthread_mutex_lock(&sentinel->lock);
    *ret_answer = sentinel->answer;
    pthread_mutex_unlock(&sentinel->lock);
}

bool sentinel_is_up(struct sentinel *sentinel)
{
    pthread_mutex_lock(&sentinel->lock);
    bool is_up = sentinel->is_up;
    pthread_mutex_unlock(&sentinel->lock);
    return is_up;
}

struct sentinel *sentinel_open(struct app *app)
{
    struct sentinel *sentinel = calloc(1, sizeof(*sentinel));
    if (!sentinel) {
        return NULL;
    }
    sentinel->app = app;
    sentinel->end_fd = eventfd(0, EFD_CLOEXEC);
    pthread_mutex_init(&sentinel->lock, NULL);
    if (sentinel->end_fd >= 0 && pthread_create(&sentinel->thread, NULL, watch, sentinel) == 0) {
        return sentinel;
    }
    if (sentinel->end_fd >= 0) {
        close(sentinel->end_fd);
    }
    free(sentinel);
    return NULL;
}

void sentinel_close(struct sentinel *sentinel)
{
    if (sentinel) {
        uint64_t one = 1;
        ssize_t written = write(sentinel->end_fd, &one, sizeof(one));
        (void)written; /* an eventfd takes a 1 */
        pthread_join(sentinel->thread, NULL);
        close(sentinel->end_fd);
        pthread_mutex_destroy(&sentinel->lock);
        free(sentinel);
    }
}
