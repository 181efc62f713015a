/* server_connect.c - from the core's OPEN to the start-up message: name, socket, TLS.
 *
 *   proxy_server_open -> look up -> net_stream_connect -> on_open -> [SSLRequest -> 'S' -> TLS] ->
 * start-up
 *
 * With several hosts each connect takes the next one. What the whole may take is
 * server_connect_timeout.
 */
#include "proxy/server_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/invariant.h"
#include "proxy/log.h"
#include "wire/startup.h"

void server_login_free(struct proxy_server *server)
{
    struct proxy_server_login *login = server->login;
    if (login) {
        if (login->is_looking_up) {
            net_lookup_cancel(&login->lookup);
        }
        if (login->has_scram) {
            wire_scram_client_done(&login->scram);
        }
        free(login->host);
        free(login);
        server->login = NULL;
    }
}

/* With load_balance_hosts = disable the next server goes to the next host, unless this one is full
 * only. */
static void leave_host(struct proxy_server *server)
{
    struct proxy_pool *pool = server->pool;
    if (pool->database->balance == CONFIG_BALANCE_DISABLE && server->host_at == pool->next_host &&
        server->refusal.failure != CORE_FAILURE_FULL) {
        pool->next_host++;
    }
}

void server_login_fail(struct proxy_server *server, struct core_refusal refusal,
                       const char *sqlstate, struct base_slice text)
{
    struct proxy_failure *failure = &server->pool->failure;
    size_t bytes = text.bytes < sizeof(failure->text) ? text.bytes : sizeof(failure->text) - 1;
    server->refusal = refusal;
    failure->status = refusal.status;
    strncpy(failure->sqlstate, sqlstate, sizeof(failure->sqlstate) - 1);
    if (bytes > 0) {
        memcpy(failure->text, text.data, bytes);
    }
    failure->text[bytes] = 0;
    server->close_reason = "login failed";
    leave_host(server);
    proxy_log_server(PROXY_WARNING, server, "server login failed: %s (%s)", failure->text,
                     failure->sqlstate);
    if (server->state != PROXY_SERVER_CLOSING) {
        server_set_timer(server, 0);
        server->state = PROXY_SERVER_CLOSING;
        net_stream_abort(&server->stream);
    }
}

static void fail_system(struct proxy_server *server, int status, const char *why)
{
    server_login_fail(
        server,
        (struct core_refusal){CORE_FAILURE_REFUSED, CORE_SCOPE_UPSTREAM, BASE_EUPSTREAMDOWN},
        base_status_info(status)->sqlstate, base_slice_text(why));
}

/* Which of several addresses: each connect takes the next of the kind that answered last, for a
 * name that has both IPv6 and IPv4 (localhost) may have a server on one of them only. */
static const struct net_address *address_of(const struct net_lookup *lookup,
                                            struct proxy_pool *pool)
{
    uint32_t first = pool->next_address;
    INVARIANT(lookup->address_count > 0);
    for (uint32_t i = 0; i < lookup->address_count; i++) {
        const struct net_address *address = &lookup->addresses[(first + i) % lookup->address_count];
        if (pool->family == 0 || pool->family == address->storage.ss_family) {
            pool->next_address = (first + i + 1) % lookup->address_count;
            return address;
        }
    }
    pool->next_address = first + 1;
    return &lookup->addresses[first % lookup->address_count];
}

static void on_lookup(struct net_lookup *lookup, int status)
{
    struct proxy_server_login *login = base_list_entry(lookup, struct proxy_server_login, lookup);
    struct proxy_server *server = login->server;
    login->is_looking_up = false;
    if (status == BASE_OK) {
        server->address = *address_of(lookup, server->pool);
        login->is_unix = net_address_is_unix(&server->address);
        status =
            net_stream_connect(&server->stream, &server->address, &server->proxy->server_socket);
        if (status == BASE_OK) {
            server->has_socket = true;
            return;
        }
    }
    server->state = PROXY_SERVER_CLOSING; /* no socket: nothing to abort */
    fail_system(server, status, base_status_text(status));
    server_abandon(server);
}

void proxy_server_open(struct proxy *proxy, struct proxy_pool *pool, struct core_server_id id)
{
    struct proxy_upstream *upstream = pool->database->upstream;
    struct proxy_server *server = server_new(proxy, pool, id);
    struct base_slice name = proxy_host_of(upstream->host, pool->next_host);
    char *host = server ? strndup((const char *)name.data, name.bytes) : NULL;
    if (!host) {
        if (server) {
            server_abandon(server);
            return;
        }
        struct core_event event = {.kind = CORE_EVENT_OPEN_FAILED, .server = id};
        int r = proxy_apply(proxy, &event);
        INVARIANT(r == BASE_OK);
        return;
    }
    server->host_at = pool->next_host;
    pool->next_host += pool->database->balance == CONFIG_BALANCE_ROUND_ROBIN;
    proxy_log_server(PROXY_LOG, server, "new connection to server");
    server->login->server = server;
    server->login->host = host;
    server->login->lookup.done = on_lookup;
    server->login->is_looking_up = true;
    server_set_timer(server, proxy->config->options.server_connect_timeout);
    net_resolve(proxy->resolver, host, upstream->port, &server->login->lookup);
}

/* ---- start-up ---- */

/* Room for the pairs of this server; in turn memory. */
static struct wire_pair *startup_pairs(struct proxy_server *server, size_t *ret_count)
{
    const struct proxy_pool *pool = server->pool;
    const struct proxy_database *database = pool->database;
    const struct proxy_var_names *names = &server->proxy->var_names;
    struct base_slice given = base_slice_of(pool->startup, pool->startup_bytes), rest = given;
    struct wire_pair pair;
    size_t count = 2;
    while (wire_pairs_next(&rest, &pair)) {
        count++;
    }
    struct wire_pair *pairs =
        net_turn_alloc(server->proxy->loop, (count + names->count) * sizeof(*pairs));
    pairs[0] = (struct wire_pair){base_slice_text("user"), base_slice_text(server_user(server))};
    pairs[1] = (struct wire_pair){base_slice_text("database"), base_slice_text(database->dbname)};
    count = 2;
    for (uint32_t i = 0; i < names->count; i++) {
        if (database->connect_vars.value[i] && !wire_pairs_find(given, names->name[i], &rest)) {
            pairs[count++] = (struct wire_pair){base_slice_text(names->name[i]),
                                                proxy_text_slice(database->connect_vars.value[i])};
        }
    }
    while (wire_pairs_next(&given, &pair)) {
        pairs[count++] = pair;
    }
    *ret_count = count;
    return pairs;
}

static void send_startup(struct proxy_server *server)
{
    size_t count;
    struct wire_pair *pairs = startup_pairs(server, &count);
    struct wire_out out = server_out(server, WIRE_STARTUP_BYTES_MAX);
    bool is_3_0 = server->pool->database->protocol == CONFIG_PROTOCOL_3_0;
    wire_startup_put(&out, is_3_0 ? 0 : 2, pairs, count);
    if (wire_out_status(&out) < 0) {
        fail_system(server, BASE_ETOOBIG,
                    "user, database and parameters are longer than a "
                    "start-up message may be");
        return;
    }
    server_move(server, PROXY_SERVER_LOGIN);
    server_send_out(server, &out);
}

const char *server_user(const struct proxy_server *server)
{
    const struct proxy_database *database = server->pool->database;
    return database->forced_user && !server->pool->is_lookup ? database->forced_user
                                                             : server->pool->user->name;
}

static bool wants_tls(const struct proxy_server *server)
{
    enum config_tls_mode mode = server->proxy->config->options.server_tls_sslmode;
    return mode != CONFIG_TLS_MODE_DISABLE && !server->login->is_unix && server->proxy->server_tls;
}

void server_on_open(struct net_stream *stream, int status)
{
    struct proxy_server *server = base_list_entry(stream, struct proxy_server, stream);
    if (server->state != PROXY_SERVER_CONNECTING) {
        return;
    }
    server->pool->family = status < 0 ? 0 : server->address.storage.ss_family;
    if (status < 0) {
        fail_system(server, status,
                    *net_stream_error(stream) ? net_stream_error(stream)
                                              : base_status_text(status));
        return;
    }
    if (!wants_tls(server)) {
        send_startup(server);
        return;
    }
    struct wire_out out = server_out(server, WIRE_SSL_REQUEST_BYTES);
    wire_ssl_request_put(&out);
    server_move(server, PROXY_SERVER_TLS);
    server_send_out(server, &out);
}

void server_on_tls(struct net_stream *stream, int status)
{
    struct proxy_server *server = base_list_entry(stream, struct proxy_server, stream);
    if (server->state != PROXY_SERVER_TLS) {
        return;
    }
    if (status < 0) {
        fail_system(server, BASE_ETLS, net_stream_tls_error(stream));
        return;
    }
    send_startup(server);
}

/* The one byte that answers SSLRequest. An ErrorResponse may come instead (a server before 7.0, or
 * one that is full and says so at once): then the login's parser reads it. */
size_t server_connect_data(struct proxy_server *server, struct base_slice in)
{
    enum config_tls_mode mode = server->proxy->config->options.server_tls_sslmode;
    if (server->state == PROXY_SERVER_CONNECTING) {
        return 0;
    }
    if (in.data[0] == 'E') {
        server_move(server, PROXY_SERVER_LOGIN);
        return server_login_data(server, in);
    }
    if (in.bytes > 1 || (in.data[0] != 'S' && in.data[0] != 'N')) {
        fail_system(server, BASE_EPROTOCOL, "unexpected answer to SSLRequest");
        return in.bytes;
    }
    if (in.data[0] == 'S') {
        int r =
            net_stream_start_tls(&server->stream, server->proxy->server_tls, server->login->host);
        if (r < 0) {
            fail_system(server, r, base_status_text(r));
        }
        return 1;
    }
    if (mode == CONFIG_TLS_MODE_PREFER || mode == CONFIG_TLS_MODE_ALLOW) {
        send_startup(server);
    } else {
        fail_system(server, BASE_ETLS,
                    "the server does not offer TLS, which server_tls_sslmode demands");
    }
    return 1;
}
