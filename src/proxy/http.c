/* http.c - libmicrohttpd inside our loop.
 *
 * The library has an epoll descriptor of its own; the loop watches it and calls MHD_run when it is
 * readable, or when the library's next time-out is due. An answer is made whole in memory, so a
 * slow reader holds a copy, not the daemon. Test: tests/system/test_http.py.
 */
#include "proxy/http.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <microhttpd.h>

#include "proxy/daemon.h"
#include "proxy/log.h"
#include "proxy/metrics.h"
#include "proxy/takeover.h"

#define CONNECTIONS_MAX   32
#define TIMEOUT_S         10
#define REQUEST_BYTES_MAX 8192
#define ADDRESS_BYTES_MAX 64
#define REASON_BYTES      256

struct proxy_http {
    struct proxy *proxy;
    struct MHD_Daemon *daemon;
    int listen_fd; /* the library's, once it runs */
    struct net_watch watch;
    struct net_timer timer;
};

/* ---- answers ----------------------------------------------------------------------------------
 */

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned code, const char *type,
                              char *body, size_t bytes)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(bytes, body, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(body);
        return MHD_NO;
    }
    enum MHD_Result result = MHD_NO;
    if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_YES &&
        MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") == MHD_YES &&
        (code != MHD_HTTP_METHOD_NOT_ALLOWED ||
         MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD") == MHD_YES)) {
        result = MHD_queue_response(connection, code, response);
    }
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned code,
                                   const char *text)
{
    char *body;
    int bytes = asprintf(&body, "%s\n", text);
    if (bytes < 0) {
        return MHD_NO;
    }
    return answer(connection, code, "text/plain; charset=utf-8", body, (size_t)bytes);
}

static enum MHD_Result answer_metrics(struct MHD_Connection *connection, const struct proxy *proxy)
{
    char *body = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&body, &bytes);
    if (!out) {
        return MHD_NO;
    }
    int r = proxy_metrics_write(proxy, out);
    if (fclose(out) != 0 || r < 0) {
        free(body);
        return answer_text(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory");
    }
    return answer(connection, MHD_HTTP_OK, PROXY_METRICS_TYPE, body, bytes);
}

/* A pool that has no server and cannot get one makes the process not ready. */
static bool is_ready(const struct proxy *proxy, char *why, size_t why_bytes)
{
    if (proxy->phase != PROXY_RUNNING) {
        snprintf(why, why_bytes, "not running: %s",
                 proxy->phase == PROXY_STARTING ? "starting" : "shutting down");
        return false;
    }
    base_list_each(it, &proxy->pool_list)
    {
        const struct proxy_pool *pool = base_list_entry(it, struct proxy_pool, link);
        struct core_pool_stats s;
        if (pool->parent ||
            core_pool_stats(proxy->core, net_loop_now(proxy->loop), pool->id, &s) < 0) {
            continue;
        }
        if (s.is_backing_off && s.idle + s.leased + s.checking + s.resetting == 0) {
            snprintf(why, why_bytes, "pool %s/%s has no server: %s", pool->database->name,
                     pool->shown_user, base_status_text(s.last_failure));
            return false;
        }
    }
    return true;
}

static enum MHD_Result answer_ready(struct MHD_Connection *connection, const struct proxy *proxy)
{
    char why[REASON_BYTES];
    return is_ready(proxy, why, sizeof(why))
               ? answer_text(connection, MHD_HTTP_OK, "ready")
               : answer_text(connection, MHD_HTTP_SERVICE_UNAVAILABLE, why);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_bytes, void **request)
{
    static int seen; /* its address marks a request whose headers were announced before */
    const struct proxy_http *http = context;
    (void)version;
    (void)upload;
    if (!*request) {
        *request = &seen;
        return MHD_YES;
    }
    if (*upload_bytes > 0) { /* a body is taken and dropped */
        *upload_bytes = 0;
        return MHD_YES;
    }
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        return answer_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET is served here");
    }
    if (strcmp(url, "/metrics") == 0) {
        return answer_metrics(connection, http->proxy);
    }
    if (strcmp(url, "/healthz") == 0) {
        return answer_text(connection, MHD_HTTP_OK, "ok");
    }
    if (strcmp(url, "/readyz") == 0) {
        return answer_ready(connection, http->proxy);
    }
    return answer_text(connection, MHD_HTTP_NOT_FOUND, "/metrics, /healthz and /readyz are served");
}

/* ---- the loop ---------------------------------------------------------------------------------
 */

static void turn(struct proxy_http *http)
{
    MHD_UNSIGNED_LONG_LONG ms = 0;
    base_time deadline = BASE_NEVER;
    MHD_run(http->daemon);
    MHD_run(http->daemon); /* full, it stops to listen; it starts again at the start of a run */
    if (MHD_get_timeout(http->daemon, &ms) == MHD_YES) {
        /* 0 means at once; a millisecond keeps it from spinning the loop. */
        deadline = base_time_add(net_loop_now(http->proxy->loop), (ms > 0 ? ms : 1) * BASE_MS);
    }
    net_timer_set(http->proxy->loop, &http->timer, deadline);
}

static void on_readable(struct net_watch *watch, bool is_readable, bool is_writable)
{
    (void)is_readable;
    (void)is_writable;
    turn(base_list_entry(watch, struct proxy_http, watch));
}

static void on_timer(struct net_timer *timer)
{
    turn(base_list_entry(timer, struct proxy_http, timer));
}

/* ---- opening ----------------------------------------------------------------------------------
 */

/* "HOST:PORT" in its forms. */
static int parse_listen(const char *listen, struct net_address *ret_address)
{
    char host[ADDRESS_BYTES_MAX];
    const char *colon = strrchr(listen, ':');
    const char *digits = colon ? colon + 1 : listen;
    size_t host_bytes = colon ? (size_t)(colon - listen) : 0;
    if (host_bytes >= sizeof(host)) {
        return BASE_EINVALID;
    }
    memcpy(host, listen, host_bytes);
    host[host_bytes] = '\0';
    if (host_bytes >= 2 && host[0] == '[' && host[host_bytes - 1] == ']') {
        host[host_bytes - 1] = '\0';
        memmove(host, host + 1, host_bytes - 1);
    } else if (strchr(host, ':')) {
        return BASE_EINVALID; /* IPv6 needs its brackets */
    }
    size_t digit_count = strspn(digits, "0123456789");
    if (digit_count == 0 || digit_count > 5 || digits[digit_count] != '\0' || host[0] == '/') {
        return BASE_EINVALID;
    }
    long port = strtol(digits, NULL, 10);
    if (port > UINT16_MAX) {
        return BASE_EINVALID;
    }
    const char *name = host[0] == '\0' || strcmp(host, "localhost") == 0 ? "127.0.0.1"
                       : strcmp(host, "*") == 0                          ? "0.0.0.0"
                                                                         : host;
    return net_address_parse(name, (uint16_t)port, ret_address);
}

static int open_socket(const struct net_address *address, int *ret_fd)
{
    int family = address->storage.ss_family;
    int on = 1;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return BASE_ESYSTEM;
    }
    bool is_ok = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0;
    is_ok = is_ok &&
            (family != AF_INET6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0);
    is_ok = is_ok && bind(fd, (const struct sockaddr *)&address->storage, address->bytes) == 0 &&
            listen(fd, CONNECTIONS_MAX) == 0;
    if (!is_ok) {
        int reason = errno;
        close(fd);
        errno = reason;
        return reason == EADDRINUSE ? BASE_EINUSE : BASE_ESYSTEM;
    }
    *ret_fd = fd;
    return BASE_OK;
}

/* Starts the library on the socket, which is its own from then on. */
static int start(struct proxy_http *http)
{
    http->daemon = MHD_start_daemon(
        MHD_USE_EPOLL, 0, NULL, NULL, on_request, http, MHD_OPTION_LISTEN_SOCKET, http->listen_fd,
        MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_BYTES_MAX, MHD_OPTION_END);
    if (!http->daemon) {
        close(http->listen_fd);
        return BASE_ESYSTEM;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    int r = BASE_ESYSTEM;
    if (info) {
        http->watch = (struct net_watch){.fd = info->epoll_fd, .fire = on_readable};
        http->timer = (struct net_timer){.fire = on_timer};
        r = net_watch_set(http->proxy->loop, &http->watch, true, false);
    }
    if (r < 0) {
        MHD_stop_daemon(http->daemon);
    }
    return r;
}

static void log_address(int fd)
{
    struct net_address address = {.bytes = sizeof(address.storage)};
    char text[NET_ADDRESS_TEXT];
    if (getsockname(fd, (struct sockaddr *)&address.storage, &address.bytes) == 0) {
        net_address_text(&address, text, sizeof(text));
        proxy_log(PROXY_LOG, "listening on http://%s (metrics)", text);
    }
}

int proxy_http_open(struct proxy *proxy, const char *listen, struct proxy_http **ret_http,
                    char *why, size_t why_bytes)
{
    struct net_address address;
    int fd = -1;
    int r = parse_listen(listen, &address);
    if (r < 0) {
        snprintf(why, why_bytes, "http_listen \"%s\" is not an address and a port", listen);
        return BASE_EINVALID;
    }
    fd = proxy_takeover_socket(proxy, &address);
    r = fd >= 0 ? BASE_OK : open_socket(&address, &fd);
    if (r < 0) {
        snprintf(why, why_bytes, "cannot listen on http_listen %s: %s", listen, strerror(errno));
        return r;
    }
    struct proxy_http *http = calloc(1, sizeof(*http));
    if (!http) {
        close(fd);
        snprintf(why, why_bytes, "out of memory");
        return BASE_ENOMEM;
    }
    http->proxy = proxy;
    http->listen_fd = fd;
    r = start(http);
    if (r < 0) {
        free(http);
        snprintf(why, why_bytes, "the HTTP server did not start");
        return r;
    }
    log_address(fd);
    *ret_http = http;
    return BASE_OK;
}

int proxy_http_socket(const struct proxy_http *http)
{
    return http->listen_fd;
}

void proxy_http_leave(struct proxy_http *http)
{
    /* stopping the library would shut the socket down, also for who has taken it over */
    if (http->listen_fd >= 0 && MHD_quiesce_daemon(http->daemon) == http->listen_fd) {
        close(http->listen_fd);
    }
    http->listen_fd = -1;
}

void proxy_http_close(struct proxy_http *http)
{
    if (!http) {
        return;
    }
    proxy_http_leave(http);
    net_timer_set(http->proxy->loop, &http->timer, BASE_NEVER);
    net_watch_drop(http->proxy->loop, &http->watch);
    MHD_stop_daemon(http->daemon);
    free(http);
}
