/* daemon.c - the process: made, run, reloaded, ended.
 *
 * proxy_run() opens everything that can fail before it says it is ready: certificates, sockets, the
 * log. What the configuration means for it is in configure.c.
 *
 * Signals: HUP reload, TERM and INT drain (a second one ends at once), QUIT at once, USR1 PAUSE,
 * USR2 RESUME, as PgBouncer.
 */
#include "proxy/daemon.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/invariant.h"
#include "proxy/background.h"
#include "proxy/cancel.h"
#include "proxy/client.h"
#include "proxy/crypto.h"
#include "proxy/helper.h"
#include "proxy/http.h"
#include "proxy/listen.h"
#include "proxy/log.h"
#include "proxy/peer.h"
#include "proxy/pidfile.h"
#include "proxy/privilege.h"
#include "proxy/proxy.h"
#include "proxy/server.h"
#include "proxy/server_internal.h"
#include "proxy/service.h"
#include "proxy/stats.h"
#include "proxy/takeover.h"
#include "proxy/verifier.h"

/* How long a drain may take before what is left is closed. Platforms kill after 30 s. */
#define DRAIN_SPAN (25 * BASE_SECOND)

/* How long clients may take to read why they were closed, and cancel requests to arrive. */
#define LAST_WORDS_SPAN BASE_SECOND

/* An aborted stream ends in its next turn; a few more for what leads to another. */
#define ABORT_TURNS_MAX 100

/* ---- the end ---- */

static bool has_sessions(const struct proxy *proxy)
{
    base_list_each(it, &proxy->clients)
    {
        if (base_list_entry(it, struct proxy_client, link)->state != PROXY_CLIENT_CONSOLE) {
            return true;
        }
    }
    return false;
}

void proxy_check_done(struct proxy *proxy)
{
    if (proxy->phase == PROXY_EMPTYING && !has_sessions(proxy)) {
        proxy_log(PROXY_LOG, "all clients have left, shutting down");
        proxy_shutdown(proxy, 0);
        return;
    }
    if (proxy->phase == PROXY_DRAINING && proxy->client_count == 0) {
        proxy->phase = PROXY_STOPPED;
        net_loop_stop(proxy->loop);
    }
}

static void close_all_clients(struct proxy *proxy)
{
    base_list_each_safe(it, &proxy->clients)
    {
        proxy_client_close(base_list_entry(it, struct proxy_client, link), "57P01",
                           "terminating connection due to administrator command", NULL,
                           "Reconnect.", "shutting down");
    }
}

static void on_shutdown_timer(struct net_timer *timer)
{
    struct proxy *proxy = base_list_entry(timer, struct proxy, shutdown_timer);
    if (proxy->phase == PROXY_EMPTYING) {
        proxy_check_done(proxy); /* nobody may have been there at all */
        return;
    }
    proxy_log(PROXY_WARNING, "drain took too long: closing %u clients", proxy->client_count);
    close_all_clients(proxy);
}

/* Those without work go at once; the others when their transaction is over. */
static void drain_clients(struct proxy *proxy)
{
    base_list_each_safe(it, &proxy->clients)
    {
        struct proxy_client *client = base_list_entry(it, struct proxy_client, link);
        client->is_closing_soon = true;
        if (client->state == PROXY_CLIENT_LINKED) {
            proxy_server_settle(client->server);
        } else if (client->state != PROXY_CLIENT_WAITING) {
            proxy_client_close(client, "57P01",
                               "terminating connection due to administrator command", NULL,
                               "Reconnect.", "shutting down");
        }
    }
}

void proxy_shutdown(struct proxy *proxy, base_time span)
{
    bool is_second = proxy->phase == PROXY_DRAINING;
    proxy_service_notify("STOPPING=1\nSTATUS=shutting down");
    proxy->phase = PROXY_DRAINING;
    proxy->shutdown_at = base_time_add(net_loop_now(proxy->loop), span);
    proxy_listeners_close(proxy);
    if (is_second || span == 0) {
        proxy_log(PROXY_LOG, "closing %u clients at once", proxy->client_count);
        close_all_clients(proxy);
    } else {
        proxy_log(PROXY_LOG, "draining: no new clients, %u open", proxy->client_count);
        drain_clients(proxy);
        net_timer_set(proxy->loop, &proxy->shutdown_timer, proxy->shutdown_at);
    }
    proxy_check_done(proxy);
}

void proxy_shutdown_when_left(struct proxy *proxy)
{
    proxy->phase = PROXY_EMPTYING;
    proxy->emptying_since = net_loop_now(proxy->loop);
    proxy_log(PROXY_LOG, "no new clients; ends when the last one has left");
    net_timer_set(proxy->loop, &proxy->shutdown_timer, net_loop_now(proxy->loop));
}

void proxy_shutdown_when_empty(struct proxy *proxy)
{
    if (proxy->phase != PROXY_RUNNING) {
        return; /* it ends sooner anyway */
    }
    proxy_service_notify("STOPPING=1\nSTATUS=waiting for clients to leave");
    proxy_listeners_close_tcp(proxy);
    proxy_shutdown_when_left(proxy);
}

/* ---- suspend ---- */

static void on_suspend_timer(struct net_timer *timer)
{
    proxy_suspend_expired(base_list_entry(timer, struct proxy, suspend_timer));
}

/* The turn's hook does the looking. */
static void on_look_timer(struct net_timer *timer)
{
    (void)timer;
}

void proxy_suspend(struct proxy *proxy)
{
    base_time span = proxy->config->options.suspend_timeout;
    proxy->is_suspended = true;
    net_timer_set(proxy->loop, &proxy->suspend_timer,
                  span ? base_time_add(net_loop_now(proxy->loop), span) : BASE_NEVER);
}

void proxy_unsuspend(struct proxy *proxy)
{
    if (!proxy->is_suspended) {
        return;
    }
    proxy->is_suspended = false;
    net_timer_set(proxy->loop, &proxy->suspend_timer, BASE_NEVER);
    base_list_each_safe(it, &proxy->clients)
    {
        struct proxy_client *client = base_list_entry(it, struct proxy_client, link);
        if (client->state == PROXY_CLIENT_READY || client->state == PROXY_CLIENT_LINKED) {
            net_stream_resume(&client->stream);
        }
    }
}

/* ---- signals ---- */

static void on_signal(void *arg, int signo)
{
    struct proxy *proxy = arg;
    char report[256];
    struct core_event event = {.kind = signo == SIGUSR1 ? CORE_EVENT_PAUSE : CORE_EVENT_RESUME};
    switch (signo) {
    case SIGHUP:
        proxy_log_reopen();
        (void)proxy_reload(proxy, report, sizeof(report));
        return;
    case SIGUSR1:
    case SIGUSR2:
        proxy->is_paused_all = signo == SIGUSR1;
        if (signo == SIGUSR2) {
            proxy_unsuspend(proxy);
        }
        proxy_log(PROXY_LOG, signo == SIGUSR1 ? "got SIGUSR1, PAUSE" : "got SIGUSR2, RESUME");
        (void)!proxy_apply(proxy, &event);
        return;
    default:
        proxy_log(PROXY_LOG, "got %s, shutting down",
                  signo == SIGTERM  ? "SIGTERM"
                  : signo == SIGINT ? "SIGINT"
                                    : "SIGQUIT");
        proxy_shutdown(proxy, signo == SIGQUIT ? 0 : DRAIN_SPAN);
    }
}

/* ---- the start ---- */

static void on_core_timer(__attribute__((unused)) struct net_timer *timer)
{
    /* The turn hook lets the core's time pass; this only ends the wait. */
}

static void on_stats_timer(struct net_timer *timer)
{
    struct proxy *proxy = base_list_entry(timer, struct proxy, stats_timer);
    proxy_stats_turn(proxy);
    net_timer_set(proxy->loop, timer,
                  base_time_add(net_loop_now(proxy->loop), proxy->config->options.stats_period));
}

static int make_core(struct proxy *proxy)
{
    static const struct core_caps caps = {.scopes = PROXY_SCOPES_MAX,
                                          .pools = PROXY_POOLS_MAX,
                                          .servers = PROXY_SERVERS_MAX,
                                          .claims = PROXY_CLAIMS_MAX};
    uint64_t seed;
    int r = proxy_random(&seed, sizeof(seed));
    if (r < 0) {
        return r;
    }
    proxy->core_bytes = core_bytes(&caps);
    void *memory = mmap(NULL, proxy->core_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    proxy->servers = calloc(PROXY_SERVERS_MAX, sizeof(struct proxy_server *));
    if (memory == MAP_FAILED || !proxy->servers) {
        return BASE_ENOMEM;
    }
    proxy->core_memory = memory;
    return core_init(memory, &caps, seed, &proxy->core);
}

static int make_tables(struct proxy *proxy)
{
    base_list_init(&proxy->clients);
    base_list_init(&proxy->cancels);
    base_list_init(&proxy->peers);
    base_list_init(&proxy->predecessors);
    base_list_init(&proxy->upstreams);
    base_list_init(&proxy->databases);
    base_list_init(&proxy->users);
    base_list_init(&proxy->pool_list);
    base_list_init(&proxy->console_waiters);
    base_list_init(&proxy->verifier_list);
    int r = base_hash_init(&proxy->cancel_keys);
    r = r < 0 ? r : base_hash_init(&proxy->pools);
    r = r < 0 ? r : base_hash_init(&proxy->verifiers);
    r = r < 0 ? r : proxy_texts_init(&proxy->texts);
    r = r < 0 ? r : proxy_statements_init(&proxy->statements);
    r = r < 0 ? r : proxy_random(proxy->mock_secret, sizeof(proxy->mock_secret));
    r = r < 0 ? r : proxy_random(proxy->hash_seed, sizeof(proxy->hash_seed));
    r = r < 0 ? r : proxy_random(proxy->texts.seed, sizeof(proxy->texts.seed));
    r = r < 0 ? r : proxy_random(proxy->statements.seed, sizeof(proxy->statements.seed));
    return r < 0 ? r
                 : proxy_var_names_init(&proxy->var_names,
                                        proxy->config->options.track_extra_parameters);
}

static int watch_signals(struct proxy *proxy)
{
    static const int signals[] = {SIGHUP, SIGTERM, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        int r = net_loop_signal(proxy->loop, signals[i], on_signal, proxy);
        if (r < 0) {
            return r;
        }
    }
    return net_loop_signal(proxy->loop, SIGPIPE, NULL, NULL);
}

/* Every client and server needs a descriptor: take what the system allows. */
static void raise_file_limit(const struct proxy *proxy)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)proxy->config->options.max_client_conn + 1024;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) {
        return;
    }
    limit.rlim_cur = limit.rlim_max;
    (void)!setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < wanted) {
        proxy_log(PROXY_WARNING,
                  "only %llu file descriptors are allowed, max_client_conn needs about %llu: raise "
                  "the limit (ulimit -n, LimitNOFILE) or lower max_client_conn",
                  (unsigned long long)limit.rlim_cur, (unsigned long long)wanted);
    }
}

static int fail_start(const char *what, int status)
{
    proxy_log(PROXY_FATAL, "%s: %s", what, base_status_text(status));
    return status;
}

static int make_loop(struct proxy *proxy, enum config_event_backend backend)
{
    static const enum net_backend backends[] = {
        [CONFIG_EVENT_BACKEND_AUTO] = NET_BACKEND_AUTO,
        [CONFIG_EVENT_BACKEND_EPOLL] = NET_BACKEND_EPOLL,
        [CONFIG_EVENT_BACKEND_IO_URING_SENDS] = NET_BACKEND_IO_URING_SENDS,
        [CONFIG_EVENT_BACKEND_IO_URING] = NET_BACKEND_IO_URING,
    };
    struct net_loop_options options = {
        .backend = backends[backend], .on_turn = proxy_host_turn, .host = proxy};
    return net_loop_new(&options, &proxy->loop);
}

static int write_pidfile(struct proxy *proxy, bool is_taken_over)
{
    const char *path = proxy->config->options.pidfile;
    int r = proxy_pidfile_write(path, is_taken_over);
    proxy->has_pidfile = r == BASE_OK && *path != 0;
    return r;
}

/* With a predecessor the pid file comes last: until it lets go the file is its own. */
static int open_sockets(struct proxy *proxy)
{
    const struct config_options *options = &proxy->config->options;
    char why[512];
    int r = proxy->is_reboot ? proxy_takeover_begin(proxy) : BASE_OK;
    bool has_predecessor = proxy->takeover != NULL;
    if (r == BASE_OK && !has_predecessor) {
        r = write_pidfile(proxy, false);
    }
    r = r < 0 ? r : proxy_listeners_open(proxy);
    if (r == BASE_OK && *options->http_listen) {
        r = proxy_http_open(proxy, options->http_listen, &proxy->http, why, sizeof(why));
        if (r < 0) {
            proxy_log(PROXY_FATAL, "http_listen: %s", why);
        }
    }
    if (r == BASE_OK && has_predecessor) {
        r = proxy_may_become_user(proxy->user ? proxy->user : options->user);
        r = r < 0 ? r : proxy_takeover_finish(proxy);
        if (r == BASE_OK) {
            proxy_listeners_own(proxy);
            (void)!write_pidfile(proxy, true); /* there is no way back: to serve is more */
        }
    }
    return r;
}

static int open_all(struct proxy *proxy)
{
    const struct config_options *options = &proxy->config->options;
    struct timespec wall;
    char why[512];
    int r = make_tables(proxy);
    r = r < 0 ? r : make_loop(proxy, options->event_backend);
    r = r < 0 ? r : make_core(proxy);
    r = r < 0 ? r : watch_signals(proxy);
    r = r < 0 ? r : proxy_names_open(proxy);
    if (r == BASE_EUNSUPPORTED) {
        return fail_start(
            "event_backend: io_uring needs Linux 6.1 and kernel.io_uring_disabled = 0; "
            "use auto or epoll",
            r);
    }
    if (r < 0) {
        return fail_start("weir cannot start", r);
    }
    clock_gettime(CLOCK_REALTIME, &wall);
    proxy->started_wall_us = (uint64_t)wall.tv_sec * 1000000 + (uint64_t)wall.tv_nsec / 1000;
    proxy->started_at = net_loop_now(proxy->loop);
    proxy->core_timer.fire = on_core_timer;
    proxy->stats_timer.fire = on_stats_timer;
    proxy->shutdown_timer.fire = on_shutdown_timer;
    proxy->suspend_timer.fire = on_suspend_timer;
    proxy->look_timer.fire = on_look_timer;
    raise_file_limit(proxy);
    r = proxy_settings_open(proxy, why, sizeof(why));
    if (r < 0) {
        proxy_log(PROXY_FATAL, "TLS cannot be set up: %s", why);
        return r;
    }
    r = proxy_peers_configure(proxy);
    r = r < 0 ? r : proxy_pools_configure(proxy);
    if (r < 0) {
        return fail_start("the databases cannot be set up", r);
    }
    r = open_sockets(proxy);
    if (r < 0) {
        return r;
    }
    net_timer_set(proxy->loop, &proxy->stats_timer,
                  base_time_add(proxy->started_at, options->stats_period));
    proxy_scheduling_start(&proxy->scheduling, options->batch_scheduling);
    return proxy_become_user(proxy->user ? proxy->user : options->user);
}

static bool is_anybody_left(const struct proxy *proxy)
{
    return proxy->client_count || proxy->cancel_count || proxy_server_count(proxy);
}

/* Last words have a moment to leave; who is there after that is cut off. */
static void let_go(struct proxy *proxy)
{
    base_time until = base_time_add(net_loop_now(proxy->loop), LAST_WORDS_SPAN);
    while (is_anybody_left(proxy) && net_loop_now(proxy->loop) < until) {
        (void)net_loop_turn(proxy->loop, 10 * BASE_MS);
    }
    base_list_each(it, &proxy->clients)
    {
        net_stream_abort(&base_list_entry(it, struct proxy_client, link)->stream);
    }
    proxy_cancels_abort(proxy);
    for (int i = 0; i < ABORT_TURNS_MAX && is_anybody_left(proxy); i++) {
        (void)net_loop_turn(proxy->loop, 0);
    }
}

/* Ends what is left, in the order in which things lean on each other. */
static void close_all(struct proxy *proxy)
{
    if (proxy->has_pidfile) {
        proxy_pidfile_remove(proxy->config->options.pidfile);
    }
    if (proxy->http) {
        proxy_http_close(proxy->http);
    }
    if (proxy->takeover) {
        proxy_listeners_leave(proxy); /* it could not start: the predecessor serves on */
        proxy_takeover_free(proxy->takeover);
    }
    if (proxy->core) {
        proxy_listeners_close(proxy);
        proxy_handover_done(proxy);
        proxy->phase = PROXY_STOPPED;
        close_all_clients(proxy);
        proxy_pools_close(proxy);
        for (uint32_t i = 0; i < PROXY_SERVERS_MAX; i++) {
            if (proxy->servers[i]) {
                server_break(proxy->servers[i], "shutting down");
            }
        }
        let_go(proxy);
        proxy_pools_done(proxy);
        proxy_peers_done(proxy);
    }
    proxy_helpers_free(proxy->helpers);
    proxy_verifiers_clear(proxy);
    if (proxy->resolver) {
        net_resolver_free(proxy->resolver);
    }
    if (proxy->loop) {
        net_loop_free(proxy->loop);
    }
    net_tls_context_free(proxy->client_tls);
    net_tls_context_free(proxy->server_tls);
    proxy_statements_done(&proxy->statements);
    proxy_texts_done(&proxy->texts);
    proxy_var_names_done(&proxy->var_names);
    base_hash_done(&proxy->cancel_keys);
    base_hash_done(&proxy->pools);
    base_hash_done(&proxy->verifiers);
    free(proxy->servers);
    if (proxy->core_memory) {
        munmap(proxy->core_memory, proxy->core_bytes);
    }
    explicit_bzero(proxy->mock_secret, sizeof(proxy->mock_secret));
    config_free(proxy->config);
}

uint32_t proxy_server_count(const struct proxy *proxy)
{
    uint32_t count = 0;
    base_list_each(it, &proxy->pool_list)
    {
        count += base_list_entry(it, struct proxy_pool, link)->server_count;
    }
    return count;
}

static void on_watchdog_timer(struct net_timer *timer)
{
    struct proxy *proxy = base_list_entry(timer, struct proxy, watchdog_timer);
    proxy_service_notify("WATCHDOG=1");
    net_timer_set(proxy->loop, timer,
                  base_time_add(net_loop_now(proxy->loop), proxy->watchdog_every));
}

static int serve(struct proxy *proxy, int background_fd)
{
    static const char *const backends[] = {
        [NET_BACKEND_EPOLL] = "epoll",
        [NET_BACKEND_IO_URING_SENDS] = "io_uring_sends",
        [NET_BACKEND_IO_URING] = "io_uring",
    };
    int r = open_all(proxy);
    if (r == BASE_OK) {
        proxy->phase = PROXY_RUNNING;
        proxy_log(PROXY_LOG, "process up: weir %s, pid %d, %s", WEIR_VERSION, (int)getpid(),
                  backends[net_loop_backend(proxy->loop)]);
        if (proxy->is_quiet) {
            proxy_log_quiet();
        }
        proxy_background_ready(background_fd);
        proxy_service_notify("READY=1\nSTATUS=serving");
        proxy->watchdog_timer.fire = on_watchdog_timer;
        if (proxy->watchdog_every) {
            net_timer_set(proxy->loop, &proxy->watchdog_timer, proxy->started_at);
        }
        r = net_loop_run(proxy->loop);
        proxy_log(PROXY_LOG, "process down");
    }
    close_all(proxy);
    return r;
}

/* What must be known of the process before it forks. */
static struct proxy *make_proxy(const struct proxy_start *start)
{
    struct proxy *proxy = calloc(1, sizeof(*proxy));
    if (proxy) {
        proxy->config = start->config;
        proxy->is_quiet = start->is_quiet || start->is_background;
        proxy->verbose = start->verbose;
        proxy->user = start->user;
        proxy->is_reboot = start->is_reboot;
        proxy->service_sockets = proxy_service_sockets();
        proxy->watchdog_every = proxy_service_watchdog();
    }
    return proxy;
}

int proxy_run(const struct proxy_start *start)
{
    const struct config_options *options = &start->config->options;
    struct proxy *proxy = make_proxy(start);
    int background_fd = -1;
    char why[512] = "there is no memory";
    int r = proxy ? BASE_OK : BASE_ENOMEM;
    if (r == BASE_OK && start->is_background) {
        snprintf(why, sizeof(why), "cannot go into the background");
        r = proxy_background_begin(&background_fd);
    }
    if (r == BASE_OK) {
        /* until the terminal is let go it is told what goes wrong */
        bool is_quiet = proxy->is_quiet;
        proxy->is_quiet = start->is_quiet;
        r = proxy_log_apply(proxy, options, why, sizeof(why));
        proxy->is_quiet = is_quiet;
    }
    if (r < 0) {
        fprintf(stderr, "weir: %s\n", why);
        config_free(start->config);
        free(proxy);
        return 1;
    }
    r = serve(proxy, background_fd);
    free(proxy);
    proxy_log_close();
    return r == BASE_OK ? 0 : 1;
}
