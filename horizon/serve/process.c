/* process.c - see process.h. */
#include "serve/process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "serve/app.h"
#include "serve/http.h"
#include "serve/lease.h"
#include "serve/log.h"
#include "serve/logins.h"
#include "serve/metrics.h"
#include "serve/sentinel.h"

#define TURN_MS      1000
#define DRAIN_MS     50
#define LAST_MS      1000 /* for what began at the last moment */
#define POOL_CLOSE_S 3
#define WHY_BYTES    1024

/* ---- making ----------------------------------------------------------------------------------
 */

static void on_pool_event(void *user, const struct weir_trace *trace)
{
    static const enum log_level levels[] = {
        [WEIR_TRACE_CONNECTED] = LOG_LEVEL_DEBUG,
        [WEIR_TRACE_CONNECT_FAILED] = LOG_LEVEL_WARNING,
        [WEIR_TRACE_CLOSED] = LOG_LEVEL_DEBUG,
        [WEIR_TRACE_CEILING] = LOG_LEVEL_WARNING,
        [WEIR_TRACE_GRANT_SHORT] = LOG_LEVEL_INFO,
        [WEIR_TRACE_TIMEOUT] = LOG_LEVEL_DEBUG, /* the request's own line says it */
        [WEIR_TRACE_STANDBY] = LOG_LEVEL_WARNING,
        [WEIR_TRACE_NOTICE] = LOG_LEVEL_DEBUG,
    };
    (void)user;
    log_write(levels[trace->kind], "pool: %s", trace->text);
}

/* Until the sentinel knows what the server grants. */
static struct share first_share(const struct settings *settings)
{
    const struct share_limits unknown = {SHARE_NONE, SHARE_NONE, SHARE_NONE, 0, 0, 0};
    return share_compute(&unknown, (uint32_t)settings->pool_size, (uint32_t)settings->max_overflow,
                         (uint32_t)settings->processes);
}

static struct weir_pool *open_pool(const struct settings *settings, char *why, size_t why_bytes)
{
    struct weir_options options;
    struct weir_pool *pool;
    struct weir_error error;
    struct share share = first_share(settings);
    weir_options_init(&options);
    options.conninfo = settings->database;
    options.pool_size = share.size;
    options.max_overflow = (int32_t)share.overflow;
    options.pool_timeout = (weir_time)settings->pool_wait_ms * WEIR_MS;
    options.pool_recycle = (weir_time)settings->pool_recycle_s * WEIR_SECOND;
    options.pool_pre_ping = settings->pool_pre_ping != 0;
    options.ask_server = false; /* the sentinel does, for all processes together */
    options.hooks.trace = on_pool_event;
    if (weir_pool_open(&options, &pool, &error) != 0) {
        snprintf(why, why_bytes, "%s", error.text);
        return NULL;
    }
    return pool;
}

static void tell_keys(bool is_good, const char *text)
{
    log_write(is_good ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING, "%s", text);
}

static struct keys *open_keys(const struct settings *settings, char *why, size_t why_bytes)
{
    if (settings->jwks) {
        return keys_of_source(settings->jwks, KEYS_PACE, tell_keys, why, why_bytes);
    }
    return keys_of_secret(settings->external_secret ? settings->external_secret : settings->secret,
                          why, why_bytes);
}

/* Of the program file: its size and age. Copies of one image have the same. */
static uint64_t program_mark(void)
{
    struct stat file;
    if (stat("/proc/self/exe", &file) != 0) {
        return 0;
    }
    return ((uint64_t)file.st_mtim.tv_sec << 24) ^ (uint64_t)file.st_mtim.tv_nsec ^
           ((uint64_t)file.st_size << 8);
}

static uint32_t running_of_user(const struct settings *settings, const struct share *share,
                                uint32_t ceiling)
{
    return share_of_user_running(share, ceiling, (uint32_t)settings->workers,
                                 (uint32_t)settings->user_share);
}

/* Half of everything by default: whoever sends as much as possible, be it by a loop gone wrong,
 * leaves as much for all others. */
static struct line *open_workers(const struct settings *settings)
{
    struct line *line = line_open((unsigned)settings->workers, (size_t)settings->line, lease_run);
    struct share share = first_share(settings);
    if (line) {
        line_share(line,
                   share_of_user((uint32_t)(settings->workers + settings->line),
                                 (uint32_t)settings->user_share),
                   running_of_user(settings, &share, SHARE_NONE),
                   (weir_time)settings->pool_wait_ms * WEIR_MS, lease_refuse_user,
                   lease_refuse_displaced);
    }
    return line;
}

/* What one user may have follows what there is: as the sentinel was told, and as the pool has
 * learned since. */
static void fit_share(struct app *app)
{
    struct sentinel_answer answer;
    struct weir_stats stats;
    sentinel_answer(app->sentinel, &answer);
    if (answer.is_asked && weir_pool_stats(app->pool, &stats) == 0) {
        line_share_running(app->workers,
                           running_of_user(app->settings, &answer.share, stats.ceiling));
    }
}

static bool open_app(struct app *app, char *why, size_t why_bytes)
{
    const struct settings *settings = app->settings;
    snprintf(why, why_bytes, "out of memory or threads");
    app->started = weir_now();
    app->program = program_mark();
    guards_init(&app->guards);
    app->is_external = settings->jwks || settings->external_secret;
    app->rules = (struct token_rules){settings->issuer, settings->audience, !app->is_external};
    app->keys = open_keys(settings, why, why_bytes);
    app->pool = app->keys ? open_pool(settings, why, why_bytes) : NULL;
    app->logins = app->pool ? logins_open(app, why, why_bytes) : NULL;
    if (!app->logins) {
        return false;
    }
    app->users = users_new((size_t)settings->users, (uint64_t)settings->user_ttl_s * WEIR_SECOND);
    app->bodies = bodies_new((size_t)settings->cache_bytes);
    app->workers = open_workers(settings);
    app->sentinel = app->users && app->bodies && app->workers ? sentinel_open(app) : NULL;
    return app->sentinel != NULL;
}

static void close_app(struct app *app)
{
    struct weir_error error;
    http_close(app->http);
    line_close(app->workers);
    logins_close(app->logins);
    sentinel_close(app->sentinel);
    users_free(app->users);
    bodies_free(app->bodies);
    if (weir_pool_close(app->pool, weir_now() + POOL_CLOSE_S * WEIR_SECOND, &error) != 0) {
        log_write(LOG_LEVEL_WARNING, "pool: %s", error.text);
    }
    keys_free(app->keys);
    guards_done(&app->guards);
}

/* ---- serving ---------------------------------------------------------------------------------
 */

struct turn {
    int signals_fd, successor_fd;
};

/* Reads a signal; 0 when there is none. */
static int read_signal(int fd)
{
    struct signalfd_siginfo info;
    return read(fd, &info, sizeof(info)) == sizeof(info) ? (int)info.ssi_signo : 0;
}

/* One wait; true when the end has come. */
static bool wait_for_end(struct turn *turn, struct listen_socket *listen_socket)
{
    int other = turn->successor_fd >= 0 ? turn->successor_fd : listen_socket->door_fd;
    struct pollfd fds[2] = {{.fd = turn->signals_fd, .events = POLLIN},
                            {.fd = other, .events = POLLIN}};
    if (poll(fds, 2, TURN_MS) <= 0) {
        return false;
    }
    int signo = fds[0].revents ? read_signal(turn->signals_fd) : 0;
    if (signo == SIGUSR2) {
        listen_socket->is_lone = false;
    }
    return signo != 0 ||
           (fds[1].revents && listen_socket_hand_over(listen_socket, &turn->successor_fd));
}

static bool has_none_in_flight(struct app *app)
{
    return app->counts.in_flight == 0;
}

static bool is_quiet(struct app *app)
{
    return has_none_in_flight(app) && http_connections(app->http) == 0;
}

static void wait_until(struct app *app, bool (*is_it)(struct app *app), weir_time end)
{
    while (!is_it(app) && weir_now() < end) {
        poll(NULL, 0, DRAIN_MS);
        http_sweep(app->http);
        guards_sweep(&app->guards);
    }
}

/* False: time ran out while requests were still being done. A client that is still connected may
 * send one at any moment; whoever looks at in_flight before is_over is set may miss it, and
 * libmicrohttpd cannot be stopped under a request (http.c counts first, then asks is_over). */
static bool drain(struct app *app, struct listen_socket *listen_socket)
{
    weir_time end = weir_now() + (weir_time)app->settings->drain_s * WEIR_SECOND;
    log_write(LOG_LEVEL_INFO, "draining: %llu requests in flight, %zu clients",
              (unsigned long long)app->counts.in_flight, http_connections(app->http));
    http_drain(app->http, listen_socket->is_lone);
    listen_socket_close(listen_socket);
    wait_until(app, is_quiet, end);
    app->is_over = true;
    wait_until(app, has_none_in_flight, weir_now() + LAST_MS * WEIR_MS);
    return has_none_in_flight(app);
}

static int serve(struct app *app, struct listen_socket *listen_socket)
{
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGUSR2);
    struct turn turn = {.signals_fd = signalfd(-1, &ends, SFD_CLOEXEC), .successor_fd = -1};
    if (turn.signals_fd < 0 || !http_open(app, listen_socket->fd)) {
        return EXIT_FAILURE;
    }
    listen_socket_ready(listen_socket, app->settings);
    log_write(LOG_LEVEL_INFO, "horizon %s serves", WEIR_VERSION);
    while (!wait_for_end(&turn, listen_socket)) {
        http_sweep(app->http);
        guards_sweep(&app->guards);
        fit_share(app);
        metrics_tell(app);
    }
    bool is_done = drain(app, listen_socket);
    close(turn.signals_fd);
    if (!is_done) {
        log_write(LOG_LEVEL_ERROR, "requests were still running when time to drain was over");
        _exit(EXIT_FAILURE); /* their threads cannot be stopped */
    }
    log_write(LOG_LEVEL_INFO, "drained, bye");
    return EXIT_SUCCESS;
}

int process_run(const struct settings *settings, struct listen_socket *listen_socket)
{
    struct app *app = calloc(1, sizeof(*app));
    char why[WHY_BYTES] = "out of memory";
    int code = EXIT_FAILURE;
    if (app) {
        app->settings = settings;
    }
    if (app && open_app(app, why, sizeof(why))) {
        code = serve(app, listen_socket);
    } else {
        log_write(LOG_LEVEL_ERROR, "cannot start: %s", why);
    }
    if (app) {
        close_app(app);
    }
    free(app);
    return code;
}
