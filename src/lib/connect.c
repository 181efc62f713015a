/* connect.c - opening a server: PQconnectStart and PQconnectPoll, one address after the other.
 *
 *     begin -> host without a name (socket, address) -> try an address
 *           -> name: RESOLVE -> its addresses, one after the other
 *     CONNECT -- OK ---------------------------> SETUP (setup.c) -> OPENED
 *        '------ nobody there, time is up -----> next address, next host -> OPEN_FAILED
 *        '------ an answer (full, wrong password) ---------------------> OPEN_FAILED
 *
 * libpq's own loop over hosts is not used: PQconnectPoll has no time-out, so a host that does not
 * answer would keep all others from being tried. Each address gets connect_timeout.
 *
 * The texts of errors are asked for in their verbose form while connecting: that is the only way to
 * learn the SQLSTATE of a refusal from libpq 15. The trace of the messages gives the key for cancel
 * requests, which libpq has but can only use blocking (cancel.c).
 * Test: tests/unit/lib/test_upstream.c, test_resolve.c.
 */
#include "lib/lib.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

/* host, hostaddr, port, target_session_attrs, and the end of the list */
#define OWN_KEYWORDS 5

/* ---- the end of a try ------------------------------------------------------------------------ */

/* Later versions of libpq may trace a password, so what was traced is cleared. */
static void free_key(struct lib_server *server)
{
    if (server->key_file != NULL)
        fclose(server->key_file);
    server->key_file = NULL;
    if (server->key_text != NULL)
        explicit_bzero(server->key_text, server->key_bytes);
    free(server->key_text);
    server->key_text = NULL;
}

void lib_connect_free(struct lib_server *server)
{
    free(server->addresses);
    server->addresses = NULL;
    server->address_count = 0;
    free_key(server);
}

static void drop_connection(struct weir_pool *pool, struct lib_server *server)
{
    lib_unwatch(pool, server);
    lib_finish(server->conn);
    server->conn = NULL;
    free_key(server);
}

/* All was tried: the core learns from the last failure. */
static void fail(struct weir_pool *pool, struct lib_server *server)
{
    struct weir_error *last = &pool->last;
    *last = (struct weir_error){.status = server->refusal.status};
    memcpy(last->sqlstate, server->sqlstate, sizeof(last->sqlstate));
    memcpy(last->server_text, server->failure_text, sizeof(last->server_text));
    if (server->refusal.failure == CORE_FAILURE_FULL)
        pool->full = *last;
    lib_trace(pool, WEIR_TRACE_CONNECT_FAILED, "cannot connect: %s (%s)", last->server_text,
              last->sqlstate);
    drop_connection(pool, server);
    lib_task_end(pool, server);
    lib_connect_free(server);
    lib_server_gone(pool, server);
    struct core_event event = {
        .kind = CORE_EVENT_OPEN_FAILED,
        .server = server->id,
        .failure = server->refusal.failure,
        .scope_kind = server->refusal.scope,
    };
    int status = lib_apply(pool, &event);
    INVARIANT(status == 0);
    if (server->refusal.failure == CORE_FAILURE_FULL)
        lib_tell_ceiling(pool);
}

static void note_failure(struct lib_server *server, enum core_failure failure, int status,
                         const char *sqlstate, const char *text)
{
    server->refusal = (struct core_refusal){failure, CORE_SCOPE_UPSTREAM, status};
    snprintf(server->sqlstate, sizeof(server->sqlstate), "%s", sqlstate);
    snprintf(server->failure_text, sizeof(server->failure_text), "%s", text);
}

static void try_address(struct weir_pool *pool, struct lib_server *server);
static void try_host(struct weir_pool *pool, struct lib_server *server);

/* Nobody answered at this address: the next one, of this host or another. */
static void try_next(struct weir_pool *pool, struct lib_server *server)
{
    drop_connection(pool, server);
    if (++server->address_idx < server->address_count) {
        try_address(pool, server);
        return;
    }
    if (++server->host_idx < pool->config.host_count) {
        try_host(pool, server);
        return;
    }
    fail(pool, server);
}

/* ---- what libpq says ------------------------------------------------------------------------- */

/* Finds "SEVERITY:  SQLSTATE: text" of the verbose form, in whatever language SEVERITY is. */
static const char *find_sqlstate(const char *text)
{
    for (const char *at = text; (at = strstr(at, ":  ")) != NULL; at++) {
        const char *code = at + 3;
        if (strspn(code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 && code[5] == ':')
            return code;
    }
    return NULL;
}

static void copy_line(char *target, size_t bytes, const char *text)
{
    size_t length = strcspn(text, "\n");
    if (length >= bytes)
        length = bytes - 1;
    memcpy(target, text, length);
    target[length] = '\0';
}

/* True when another address may do better. */
static bool note_refusal(struct lib_server *server)
{
    const char *text = PQerrorMessage(server->conn);
    const char *code = find_sqlstate(text);
    if (code == NULL) {
        /* No answer of the server: no route, nobody listens, TLS, or a wrong option. */
        note_failure(server, CORE_FAILURE_REFUSED, WEIR_EUPSTREAMDOWN, "08001", "");
        copy_line(server->failure_text, sizeof(server->failure_text), text);
        return true;
    }
    memcpy(server->sqlstate, code, 5);
    server->sqlstate[5] = '\0';
    copy_line(server->failure_text, sizeof(server->failure_text),
              code[6] == ' ' ? code + 7 : code + 6);
    server->refusal =
        core_refusal_of(base_slice_text(server->sqlstate), base_slice_text(server->failure_text));
    return server->refusal.failure == CORE_FAILURE_REFUSED ||
           server->refusal.failure == CORE_FAILURE_STARTING;
}

/* "B <tab> 12 <tab> BackendKeyData <tab> PID KEY" of PQtrace. */
static void read_cancel_key(struct lib_server *server)
{
    if (server->key_file == NULL || fflush(server->key_file) != 0 || server->key_text == NULL)
        return;
    const char *line = strstr(server->key_text, "BackendKeyData");
    int pid, key;
    if (line != NULL && sscanf(line, "BackendKeyData %d %d", &pid, &key) == 2) {
        server->cancel_key = key;
        server->has_cancel_key = true;
    }
}

/* ---- a try ----------------------------------------------------------------------------------- */

static PGconn *start(const struct weir_pool *pool, const struct lib_server *server)
{
    const struct lib_config *config = &pool->config;
    const struct lib_host *host = &config->hosts[server->host_idx];
    const char *address =
        server->addresses != NULL ? server->addresses[server->address_idx].text : host->hostaddr;
    uint32_t count = 0;
    const char **keywords = calloc(config->keyword_count + OWN_KEYWORDS, sizeof(*keywords));
    const char **values = calloc(config->keyword_count + OWN_KEYWORDS, sizeof(*values));
    PGconn *conn = NULL;
    if (keywords != NULL && values != NULL) {
        for (uint32_t i = 0; i < config->keyword_count; i++, count++) {
            keywords[count] = config->keywords[i];
            values[count] = config->values[i];
        }
        const char *own[][2] = {
            {"host", host->host},
            {"hostaddr", address},
            {"port", host->port},
            {"target_session_attrs", config->asks_for_primary ? "primary" : NULL},
        };
        for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
            if (own[i][1] != NULL) {
                keywords[count] = own[i][0];
                values[count++] = own[i][1];
            }
        }
        conn = PQconnectStartParams(keywords, values, 0);
    }
    free(keywords);
    free(values);
    return conn;
}

static void try_address(struct weir_pool *pool, struct lib_server *server)
{
    lib_task_begin(pool, server, LIB_TASK_CONNECT, pool->config.options.connect_timeout);
    server->conn = start(pool, server);
    if (server->conn == NULL) {
        note_failure(server, CORE_FAILURE_REFUSED, WEIR_ENOMEM, "53200", "out of memory");
        fail(pool, server);
        return;
    }
    lib_notices_begin(pool, server);
    PQsetErrorVerbosity(server->conn, PQERRORS_VERBOSE);
    server->key_file = open_memstream(&server->key_text, &server->key_bytes);
    if (server->key_file != NULL) {
        PQtrace(server->conn, server->key_file);
        PQsetTraceFlags(server->conn, PQTRACE_SUPPRESS_TIMESTAMPS);
    }
    if (PQstatus(server->conn) == CONNECTION_BAD) {
        if (note_refusal(server))
            try_next(pool, server);
        else
            fail(pool, server);
        return;
    }
    lib_watch(pool, server, PQsocket(server->conn), EPOLLOUT);
}

static bool is_address(const char *text)
{
    unsigned char bytes[16];
    return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

static void try_host(struct weir_pool *pool, struct lib_server *server)
{
    const struct lib_host *host = &pool->config.hosts[server->host_idx];
    free(server->addresses);
    server->addresses = NULL;
    server->address_idx = 0;
    server->address_count = 1;
    if (host->hostaddr != NULL || host->host == NULL || host->host[0] == '/' ||
        host->host[0] == '@' || is_address(host->host)) {
        try_address(pool, server);
        return;
    }
    lib_task_begin(pool, server, LIB_TASK_RESOLVE, pool->config.options.connect_timeout);
    lib_resolve_begin(pool, server, host->host);
}

void lib_connect_resolved(struct weir_pool *pool, struct lib_server *server,
                          struct lib_address *addresses, uint32_t count, const char *why)
{
    server->addresses = addresses;
    server->address_count = count;
    server->address_idx = 0;
    if (count > 0) {
        try_address(pool, server);
        return;
    }
    const struct lib_host *host = &pool->config.hosts[server->host_idx];
    char text[sizeof(server->failure_text)];
    snprintf(text, sizeof(text), "cannot resolve host name \"%s\": %s", host->host, why);
    note_failure(server, CORE_FAILURE_REFUSED, WEIR_ERESOLVE, "08001", text);
    try_next(pool, server);
}

void lib_connect_begin(struct weir_pool *pool, struct lib_server *server)
{
    server->host_idx = 0;
    note_failure(server, CORE_FAILURE_REFUSED, WEIR_EUPSTREAMDOWN, "08001", "");
    try_host(pool, server);
}

void lib_connect_step(struct weir_pool *pool, struct lib_server *server)
{
    /* libpq may close the socket here and open another. One that a forked child still has would
     * stay in the epoll, out of reach. */
    lib_unwatch(pool, server);
    switch (PQconnectPoll(server->conn)) {
    case PGRES_POLLING_READING:
        lib_watch(pool, server, PQsocket(server->conn), EPOLLIN);
        break;
    case PGRES_POLLING_WRITING:
        lib_watch(pool, server, PQsocket(server->conn), EPOLLOUT);
        break;
    case PGRES_POLLING_OK:
        read_cancel_key(server);
        PQuntrace(server->conn);
        PQsetErrorVerbosity(server->conn, PQERRORS_DEFAULT);
        lib_setup_begin(pool, server);
        break;
    case PGRES_POLLING_FAILED:
    default:
        if (note_refusal(server))
            try_next(pool, server);
        else
            fail(pool, server);
        break;
    }
}

void lib_connect_expired(struct weir_pool *pool, struct lib_server *server)
{
    const char *text = server->task == LIB_TASK_RESOLVE
                           ? "the host name was not resolved within connect_timeout"
                           : "no answer within connect_timeout";
    note_failure(server, CORE_FAILURE_TIMEOUT,
                 server->task == LIB_TASK_RESOLVE ? WEIR_ERESOLVE : WEIR_ECONNECTTIMEOUT, "08001",
                 text);
    if (server->task == LIB_TASK_RESOLVE)
        lib_resolve_forget(pool, server);
    try_next(pool, server);
}

void lib_connect_abandon(struct weir_pool *pool, struct lib_server *server)
{
    if (server->task != LIB_TASK_RESOLVE && server->task != LIB_TASK_CONNECT &&
        server->task != LIB_TASK_SETUP)
        return;
    note_failure(server, CORE_FAILURE_REFUSED, WEIR_ECLOSED, "57P01", "the pool is closed");
    fail(pool, server);
}

void lib_connect_failed(struct weir_pool *pool, struct lib_server *server)
{
    note_failure(server, CORE_FAILURE_REFUSED, WEIR_EUPSTREAMDOWN, "08006", "");
    copy_line(server->failure_text, sizeof(server->failure_text), PQerrorMessage(server->conn));
    fail(pool, server);
}

void lib_connect_refused(struct weir_pool *pool, struct lib_server *server, const char *sqlstate,
                         const char *text)
{
    note_failure(server, CORE_FAILURE_AUTH, WEIR_EHOOK, sqlstate, text);
    server->refusal = core_refusal_of(base_slice_text(sqlstate), base_slice_text(text));
    if (server->refusal.failure == CORE_FAILURE_AUTH)
        server->refusal.status = WEIR_EHOOK;
    fail(pool, server);
}

void lib_connect_done(struct weir_pool *pool, struct lib_server *server)
{
    lib_connect_free(server);
    lib_task_end(pool, server);
    server->backend_pid = PQbackendPID(server->conn);
    lib_table_add(pool, server);
    lib_trace(pool, WEIR_TRACE_CONNECTED, "connected to %s port %s, backend %d",
              PQhost(server->conn), PQport(server->conn), server->backend_pid);
    lib_note_standby(pool, server);
    pool->last = (struct weir_error){0};
    pool->available = server;
    lib_tell(pool, server, CORE_EVENT_OPENED, true);
    pool->available = NULL;
}
