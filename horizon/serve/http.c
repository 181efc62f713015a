/* http.c - see http.h. A connection is a `peer` here: who it is, and since when it does what.
 *
 *     NEW --headers--> READING --body complete--> WORKING --reply queued--> WRITING --written-->
 * IDLE
 *                         ^------------------------ next request's headers ---------------------'
 *
 * http_sweep shuts a peer's socket down when it stays too long in NEW, READING, WRITING or IDLE;
 * its thread then sees the end of the stream and cleans up. WORKING has deadlines of its own.
 */
#include "serve/http.h"

#include <microhttpd.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "serve/app.h"
#include "serve/front.h"
#include "serve/log.h"
#include "serve/logins.h"
#include "serve/metrics.h"
#include "serve/request.h"
#include "serve/routes.h"

#define POOL_BYTES       ((size_t)48 * 1024) /* of a connection: headers in, headers out */
#define BODY_FIRST_BYTES 1024
#define DRAIN_IDLE_S     3 /* a client that goes on using a connection does so within this */
#define IDLE_GRACE_S     5 /* libmicrohttpd closes idle connections first, where it can tell */
#define UNHANDLED_STATUS MHD_HTTP_INTERNAL_SERVER_ERROR

enum peer_phase { PEER_NEW, PEER_READING, PEER_WORKING, PEER_WRITING, PEER_IDLE };

struct peer {
    struct peer *next, **at; /* in http->peers */
    int fd;
    enum peer_phase phase;
    weir_time since;
};

struct http {
    struct app *app;
    pthread_mutex_t lock;
    struct peer *peers;
    size_t peer_count;
    size_t front_count;
    struct front *fronts[];
};

/* ---- peers -----------------------------------------------------------------------------------
 */

static void peer_enter(struct http *http, struct MHD_Connection *connection, enum peer_phase phase)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct peer *peer = info ? info->socket_context : NULL;
    if (peer) {
        pthread_mutex_lock(&http->lock);
        peer->phase = phase;
        peer->since = weir_now();
        pthread_mutex_unlock(&http->lock);
    }
}

static void peer_add(struct http *http, struct MHD_Connection *connection, void **context)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct peer *peer = info ? calloc(1, sizeof(*peer)) : NULL;
    if (!peer) {
        return; /* without a peer it lives by libmicrohttpd's own time-out */
    }
    *peer = (struct peer){.fd = info->connect_fd, .since = weir_now()};
    pthread_mutex_lock(&http->lock);
    peer->next = http->peers;
    peer->at = &http->peers;
    if (peer->next) {
        peer->next->at = &peer->next;
    }
    http->peers = peer;
    http->peer_count++;
    pthread_mutex_unlock(&http->lock);
    *context = peer;
}

/* Runs before the socket is closed: a peer in the list has a descriptor that is its own. */
static void peer_remove(struct http *http, void **context)
{
    struct peer *peer = *context;
    if (!peer) {
        return;
    }
    pthread_mutex_lock(&http->lock);
    *peer->at = peer->next;
    if (peer->next) {
        peer->next->at = peer->at;
    }
    http->peer_count--;
    pthread_mutex_unlock(&http->lock);
    *context = NULL;
    free(peer);
}

static void on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http *http = context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        peer_add(http, connection, socket_context);
    } else {
        peer_remove(http, socket_context);
    }
}

size_t http_connections(struct http *http)
{
    pthread_mutex_lock(&http->lock);
    size_t count = http->peer_count;
    pthread_mutex_unlock(&http->lock);
    return count;
}

/* How long a peer may stay in its phase. */
static weir_time patience(const struct app *app, const struct peer *peer)
{
    long idle_s = app->settings->idle_s + IDLE_GRACE_S;
    switch (peer->phase) {
    case PEER_READING:
    case PEER_WRITING:
        return (weir_time)app->settings->request_s * WEIR_SECOND;
    case PEER_NEW:
        return (weir_time)(app->is_draining ? DRAIN_IDLE_S : app->settings->request_s) *
               WEIR_SECOND;
    case PEER_IDLE:
        return (weir_time)(app->is_draining ? DRAIN_IDLE_S : idle_s) * WEIR_SECOND;
    case PEER_WORKING:
        break;
    }
    return WEIR_NEVER;
}

void http_sweep(struct http *http)
{
    pthread_mutex_lock(&http->lock);
    weir_time now = weir_now();
    for (struct peer *peer = http->peers; peer; peer = peer->next) {
        if (now - peer->since > patience(http->app, peer)) {
            shutdown(peer->fd, SHUT_RDWR);
        }
    }
    pthread_mutex_unlock(&http->lock);
}

/* ---- answers ---------------------------------------------------------------------------------
 */

static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

struct header {
    const char *name, *value; /* NULL: left out */
};

static bool add_headers(struct MHD_Response *response, const struct request *request)
{
    const struct reply *reply = &request->reply;
    char retry[16];
    snprintf(retry, sizeof(retry), "%u", reply->retry_after);
    const struct header headers[] = {
        {"Content-Type", reply->type},
        {"Cache-Control", reply->cache ? reply->cache : "no-store"},
        {"ETag", reply->etag[0] ? reply->etag : NULL},
        {"Vary", reply->vary},
        {"Content-Encoding", reply->encoding},
        {"Allow", reply->allow},
        {"WWW-Authenticate", reply->challenge},
        {"Retry-After", reply->retry_after > 0 ? retry : NULL},
        {"X-Request-Id", request->id},
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
        {"Content-Security-Policy", policy},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Connection", request->app->is_draining ? "close" : NULL},
    };
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        if (headers[i].value &&
            MHD_add_response_header(response, headers[i].name, headers[i].value) != MHD_YES) {
            return false;
        }
    }
    return true;
}

static enum MHD_Result answer(struct request *request)
{
    struct reply *reply = &request->reply;
    if (reply->status == 0) {
        reply_error(reply, UNHANDLED_STATUS, request->id, "internal",
                    "the server could not make an answer, probably for want of memory; try again");
    }
    /* the reply outlives the answer: it is freed with the request, when that is complete */
    struct MHD_Response *response = MHD_create_response_from_buffer(
        reply->bytes, (void *)(uintptr_t)reply->body, MHD_RESPMEM_PERSISTENT);
    if (!response) {
        return MHD_NO;
    }
    enum MHD_Result result = MHD_NO;
    if (add_headers(response, request)) {
        peer_enter(request->app->http, request->connection, PEER_WRITING);
        result = MHD_queue_response(request->connection, reply->status, response);
    }
    MHD_destroy_response(response);
    return result;
}

/* ---- requests --------------------------------------------------------------------------------
 */

const char *request_header(const struct request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

bool request_query(const struct request *request, const char *name, char *out, size_t bytes)
{
    const char *raw = MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
    out[0] = '\0';
    if (raw && !path_decode_value(raw, out, bytes)) {
        snprintf(out, bytes, "?");
    }
    return raw != NULL;
}

/* Paths and parameters are decoded by path.h, more strictly. */
static size_t leave_as_it_is(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

static struct request *make(struct front *front, struct MHD_Connection *connection)
{
    struct request *request = calloc(1, sizeof(*request));
    unsigned char random[(REPLY_ID_BYTES - 1) / 2];
    if (!request || RAND_bytes(random, sizeof(random)) != 1) {
        free(request);
        return NULL;
    }
    for (size_t i = 0; i < sizeof(random); i++) {
        snprintf(request->id + 2 * i, 3, "%02x", random[i]);
    }
    request->app = front_app(front);
    request->front = front;
    request->connection = connection;
    request->began = weir_now();
    request->app->counts.requests++;
    request->app->counts.in_flight++;
    return request;
}

static void refuse_path(struct request *request, const char *method, enum route_found found,
                        const char *allow)
{
    struct reply *reply = &request->reply;
    if (found == ROUTE_NO_METHOD) {
        reply_error(reply, MHD_HTTP_METHOD_NOT_ALLOWED, request->id, "method_not_allowed",
                    "%.20s is not possible here; this path knows %s", method, allow);
        reply->allow = routes_allow(allow);
        return;
    }
    reply_error(reply, MHD_HTTP_NOT_FOUND, request->id, "not_found",
                "there is nothing at this path; /api/openapi.json tells what there is");
}

static bool find_route(struct request *request, const char *method, const char *raw_path)
{
    char allow[ROUTE_ALLOW_BYTES] = "";
    if (!path_decode(raw_path, request->path)) {
        reply_error(&request->reply, MHD_HTTP_BAD_REQUEST, request->id, "invalid_path",
                    "the path is not one this server reads: it is longer than %d bytes, or has a "
                    "broken %%XX, an encoded slash or zero, or a segment that is empty or dots",
                    PATH_BYTES_MAX - 1);
        return false;
    }
    enum route_found found = routes_find(request, method, allow);
    if (found != ROUTE_FOUND) {
        refuse_path(request, method, found, allow);
    }
    return found == ROUTE_FOUND;
}

static bool check_token(struct request *request)
{
    struct app *app = request->app;
    const char *token;
    size_t bytes;
    int r = token_of_header(request_header(request, "Authorization"), &token, &bytes);
    if (r == TOKEN_OK) {
        r = keys_check(app->keys, &app->rules, TOKEN_ACCESS, token, bytes, &request->claims);
    }
    if (r == TOKEN_OK) {
        return true;
    }
    reply_error(&request->reply, MHD_HTTP_UNAUTHORIZED, request->id, token_status_code(r), "%s",
                token_status_text(r));
    request->reply.challenge = r == TOKEN_EMISSING ? "Bearer" : "Bearer error=\"invalid_token\"";
    return false;
}

static void refuse_body(struct request *request)
{
    reply_error(&request->reply, MHD_HTTP_CONTENT_TOO_LARGE, request->id, "body_too_large",
                "the request's body has more than %ld bytes", request->app->settings->body_bytes);
}

static bool check_sizes(struct request *request)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    long limit = request->app->settings->header_bytes;
    if (info && info->header_size > (size_t)limit) {
        reply_error(&request->reply, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE, request->id,
                    "headers_too_large", "the request's headers have more than %ld bytes", limit);
        return false;
    }
    const char *length = request_header(request, "Content-Length");
    limit = request->app->settings->body_bytes;
    if (length && strtoull(length, NULL, 10) > (unsigned long long)limit) {
        refuse_body(request);
        return false;
    }
    return true;
}

/* Everything that can be said from the headers alone. */
static enum MHD_Result begin(struct request *request, const char *method, const char *raw_path)
{
    peer_enter(request->app->http, request->connection, PEER_READING);
    if (request->app->is_over) {
        reply_later(&request->reply, MHD_HTTP_SERVICE_UNAVAILABLE, request->id, "shutting_down", 1,
                    "this process is shutting down; try again");
    } else if (check_sizes(request) && find_route(request, method, raw_path) &&
               (!request->route->needs_token || check_token(request))) {
        return MHD_YES;
    }
    request->phase = REQUEST_DONE;
    return answer(request);
}

static void take_body(struct request *request, const char *bytes, size_t count)
{
    size_t limit = (size_t)request->app->settings->body_bytes;
    if (request->is_too_large || count > limit - request->body_bytes) {
        request->is_too_large = true; /* what follows is thrown away */
        return;
    }
    char *body = realloc(request->body, request->body_bytes + count + 1);
    if (!body) {
        request->is_too_large = true;
        return;
    }
    memcpy(body + request->body_bytes, bytes, count);
    request->body = body;
    request->body_bytes += count;
}

static bool check_body(struct request *request)
{
    if (request->is_too_large) {
        refuse_body(request);
        return false;
    }
    return !request->route->check || request->route->check(request);
}

/* A line's thread has it from here on, until http_resume. */
void http_stand_in_line(struct request *request)
{
    struct app *app = request->app;
    bool is_login = request->route->run == ROUTE_LOGIN;
    enum line_answer answer = line_add(is_login ? logins_line(app->logins) : app->workers, request);
    if (answer == LINE_ADDED) {
        return;
    }
    if (answer == LINE_USER_FULL) {
        app->counts.user_refusals++;
        reply_later(&request->reply, MHD_HTTP_SERVICE_UNAVAILABLE, request->id, "user_limit", 2,
                    "you have as many requests under way and in line as one user may have here; "
                    "wait for their answers, then try again");
    } else if (is_login) {
        reply_later(&request->reply, MHD_HTTP_TOO_MANY_REQUESTS, request->id, "too_many_logins", 2,
                    "too many logins wait for their turn; try again in a moment");
    } else {
        reply_later(&request->reply, MHD_HTTP_SERVICE_UNAVAILABLE, request->id, "pool_exhausted", 2,
                    "too many requests wait for the database already; try again in a moment");
    }
    http_resume(request);
}

/* Whether a panel may go the short way; its user has to be known, as with a worker. */
static bool fly(struct request *request)
{
    return request->route->run == ROUTE_PANEL &&
           users_find(request->app->users, request->claims.user_id, weir_now(), &request->user) &&
           front_board(request->front, request);
}

/* What a client took to send the request does not count. */
static void begin_waiting(struct request *request)
{
    weir_time most = (weir_time)settings_waits_ms(request->app->settings) * WEIR_MS;
    request->waits_since = weir_now();
    request->tries_end_at = request->waits_since + most;
}

static enum MHD_Result run(struct request *request)
{
    peer_enter(request->app->http, request->connection, PEER_WORKING);
    request->phase = REQUEST_RUNNING;
    begin_waiting(request);
    bool is_good = check_body(request);
    if (is_good && request->route->run != ROUTE_INLINE) {
        MHD_suspend_connection(request->connection);
        if (!fly(request)) {
            http_stand_in_line(request);
        }
        return MHD_YES;
    }
    if (is_good) {
        request->route->handle(request);
    }
    request->phase = REQUEST_DONE;
    return answer(request);
}

void http_resume(struct request *request)
{
    request->phase = REQUEST_DONE;
    front_resume(request->front, request);
}

/* libmicrohttpd calls this once with the headers, then with each piece of the body, then without
 * one, and again after a resume. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_bytes, void **state)
{
    struct request *request = *state;
    (void)version;
    if (!request) {
        request = *state = make(context, connection);
        return request ? begin(request, method, url) : MHD_NO;
    }
    if (*upload_bytes > 0) {
        take_body(request, upload, *upload_bytes);
        *upload_bytes = 0;
        return MHD_YES;
    }
    return request->phase == REQUEST_DONE ? answer(request) : run(request);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    struct http *http = context;
    struct request *request = *state;
    (void)code;
    if (!request) {
        return;
    }
    peer_enter(http, connection, PEER_IDLE);
    metrics_count(&http->app->counts, request->reply.status, weir_now() - request->began);
    if (log_is_on(LOG_LEVEL_DEBUG)) {
        log_write(LOG_LEVEL_DEBUG, "request %s %s %u %.1f ms", request->id, request->path,
                  request->reply.status, (double)(weir_now() - request->began) / 1e6);
    }
    http->app->counts.in_flight--;
    reply_done(&request->reply);
    if (request->body) {
        explicit_bzero(request->body, request->body_bytes); /* passwords come in bodies */
    }
    free(request->body);
    free(request);
    *state = NULL;
}

/* ---- life ------------------------------------------------------------------------------------
 */

static void on_log(void *context, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

static void on_log(void *context, const char *format, va_list arguments)
{
    char text[512];
    (void)context;
    vsnprintf(text, sizeof(text), format, arguments);
    text[strcspn(text, "\n")] = '\0';
    log_write(LOG_LEVEL_DEBUG, "http: %s", text);
}

static struct MHD_Daemon *start_daemon(struct http *http, struct front *front, int listen_fd)
{
    const struct settings *settings = http->app->settings;
    unsigned connections = (unsigned)(settings->connections / settings->http_threads);
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request,
        front, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET, listen_fd,
        MHD_OPTION_CONNECTION_LIMIT, connections > 0 ? connections : 1,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)settings->idle_s,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, POOL_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, http, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, http, MHD_OPTION_UNESCAPE_CALLBACK, leave_as_it_is, NULL, MHD_OPTION_END);
}

static bool open_front(struct http *http, int listen_fd)
{
    struct front *front = front_new(http->app);
    struct MHD_Daemon *daemon = front ? start_daemon(http, front, listen_fd) : NULL;
    if (!daemon) {
        front_free(front);
        return false;
    }
    http->fronts[http->front_count++] = front;
    return front_start(front, daemon);
}

struct http *http_open(struct app *app, int listen_fd)
{
    size_t count = (size_t)app->settings->http_threads;
    struct http *http = calloc(1, sizeof(*http) + count * sizeof(http->fronts[0]));
    bool is_open = true;
    if (!http) {
        return NULL;
    }
    http->app = app;
    app->http = http;
    pthread_mutex_init(&http->lock, NULL);
    for (size_t i = 0; i < count && is_open; i++) {
        is_open = open_front(http, listen_fd);
    }
    if (!is_open) {
        log_write(LOG_LEVEL_ERROR,
                  "the HTTP server does not start; are there file descriptors left?");
        http_close(http);
        app->http = NULL;
        return NULL;
    }
    return http;
}

void http_drain(struct http *http, bool takes_queue)
{
    http->app->is_draining = true;
    for (size_t i = 0; i < http->front_count; i++) {
        front_drain(http->fronts[i], takes_queue && i + 1 == http->front_count);
    }
}

void http_close(struct http *http)
{
    if (!http) {
        return;
    }
    for (size_t i = 0; i < http->front_count; i++) {
        front_free(http->fronts[i]);
    }
    pthread_mutex_destroy(&http->lock);
    free(http);
}
