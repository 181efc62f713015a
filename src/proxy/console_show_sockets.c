/* console_show_sockets.c - SHOW CLIENTS, SERVERS, SOCKETS, ACTIVE_SOCKETS, FDS. Ten thousand rows
 * must be cheap: names and numbers are borrowed, only addresses and times are made into text. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>

#include "proxy/client.h"
#include "proxy/console.h"
#include "proxy/http.h"
#include "proxy/server.h"

/* Host and port: two values. A Unix socket has weir's own port, as PgBouncer shows it. */
static void put_address(struct console_rows *rows, const struct net_address *address)
{
    char host[INET6_ADDRSTRLEN] = "";
    uint16_t port = 0;
    const struct sockaddr_in *in4 = (const void *)&address->storage;
    const struct sockaddr_in6 *in6 = (const void *)&address->storage;
    if (address->bytes == 0) {
        host[0] = '\0';
    } else if (address->storage.ss_family == AF_INET) {
        inet_ntop(AF_INET, &in4->sin_addr, host, sizeof(host));
        port = ntohs(in4->sin_port);
    } else if (address->storage.ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
        port = ntohs(in6->sin6_port);
    } else {
        snprintf(host, sizeof(host), "unix");
        port = (uint16_t)rows->proxy->config->options.listen_port;
    }
    console_put_copy(rows, host);
    console_put_number(rows, port);
}

static void put_serial(struct console_rows *rows, uint64_t serial)
{
    char text[24];
    snprintf(text, sizeof(text), "0x%" PRIx64, serial);
    console_put_copy(rows, text);
}

static void put_tls(struct console_rows *rows, const struct net_stream *stream)
{
    char text[128] = "";
    if (net_stream_has_tls(stream)) {
        net_stream_tls_text(stream, text, sizeof(text));
    }
    console_put_copy(rows, text);
}

static void put_age(struct console_rows *rows, base_time since)
{
    if (since == 0) {
        console_put_null(rows);
    } else {
        console_put_us(rows, base_time_since(net_loop_now(rows->proxy->loop), since));
    }
}

/* ---- clients ----------------------------------------------------------------------------------
 */

/* PgBouncer's word; NULL while it logs in or closes: those are not shown. */
static const char *client_word(const struct proxy_client *client)
{
    switch (client->state) {
    case PROXY_CLIENT_STARTUP:
    case PROXY_CLIENT_TLS:
    case PROXY_CLIENT_AUTH:
    case PROXY_CLIENT_CLOSING:
        return NULL;
    case PROXY_CLIENT_READY:
        return "idle";
    case PROXY_CLIENT_WELCOME:
    case PROXY_CLIENT_WAITING:
        return "waiting";
    case PROXY_CLIENT_LINKED:
    case PROXY_CLIENT_CONSOLE:
        return "active";
    case PROXY_CLIENT_CANCEL:
        return "active_cancel_req";
    }
    return NULL;
}

/* Only a replication connection has a pool with a parent. */
static const char *replication_text(const struct proxy_pool *pool)
{
    return !pool || !pool->parent ? "none" : pool->is_physical ? "physical" : "logical";
}

/* A cancel request has no names; all others without a pool are on the console. */
static const char *nameless(const struct proxy_client *client, const char *text)
{
    return client->state == PROXY_CLIENT_CANCEL ? text : CONSOLE_DATABASE;
}

static void put_client_names(struct console_rows *rows, const struct proxy_client *client,
                             const char *word)
{
    console_put_text(rows, "C");
    console_put_text(rows, client->user ? client->user->name : nameless(client, "(nouser)"));
    console_put_text(rows,
                     client->pool ? client->pool->database->name : nameless(client, "(nodb)"));
    console_put_text(rows, replication_text(client->pool));
    console_put_text(rows, word);
}

static void put_client(struct console_rows *rows, const struct proxy_client *client,
                       const char *word)
{
    struct net_address local = {.bytes = 0};
    struct net_address peer = net_peer_address(&client->peer);
    net_stream_local_address(&client->stream, &local);
    bool is_waiting =
        client->state == PROXY_CLIENT_WAITING || client->state == PROXY_CLIENT_WELCOME;
    base_time now = net_loop_now(rows->proxy->loop);

    put_client_names(rows, client, word);
    put_address(rows, &peer);
    put_address(rows, &local);
    console_put_moment(rows, client->connected_at);
    console_put_moment(rows, client->request_at ? client->request_at : client->connected_at);
    console_put_wait(rows, is_waiting ? base_time_since(now, client->wait_at) : 0);
    console_put_number(rows, 0);
    put_serial(rows, client->serial);
    if (client->server) {
        put_serial(rows, client->server->serial);
    } else {
        console_put_text(rows, "");
    }
    console_put_number(rows, 0);
    put_tls(rows, &client->stream);
    console_put_slice(rows, proxy_text_slice(client->vars.value[PROXY_VAR_APPLICATION_NAME]));
    console_put_number(rows, client->names.table.count);
    console_put_number(rows, client->serial);
}

void console_show_clients(struct console_rows *rows)
{
    base_list_each(it, &rows->proxy->clients)
    {
        const struct proxy_client *client = base_list_entry(it, struct proxy_client, link);
        const char *word = client_word(client);
        if (word) {
            put_client(rows, client, word);
            console_put_text(rows, proxy_client_state_text(client));
        }
    }
}

/* ---- servers ----------------------------------------------------------------------------------
 */

static const char *server_word(const struct proxy_server *server)
{
    switch (server->state) {
    case PROXY_SERVER_CONNECTING:
    case PROXY_SERVER_TLS:
    case PROXY_SERVER_LOGIN:
    case PROXY_SERVER_INIT:
        return "new";
    case PROXY_SERVER_IDLE:
        return server->cancels > 0 ? "being_canceled" : "idle";
    case PROXY_SERVER_LINKED:
        return "active";
    case PROXY_SERVER_DRAIN:
        return server->cancels > 0 ? "being_canceled" : "active";
    case PROXY_SERVER_RESET:
    case PROXY_SERVER_CHECK:
    case PROXY_SERVER_LOOKUP:
        return "tested";
    case PROXY_SERVER_CLOSING:
        return "closing";
    }
    return NULL;
}

static void put_server(struct console_rows *rows, const struct proxy_server *server,
                       const char *word)
{
    struct net_address local = {.bytes = 0};
    struct net_address peer = {.bytes = 0};
    if (server->state != PROXY_SERVER_CLOSING && server->stream.fd >= 0) {
        net_stream_local_address(&server->stream, &local);
        net_stream_peer_address(&server->stream, &peer);
    }
    console_put_text(rows, "S");
    console_put_text(rows, server->pool->shown_user);
    console_put_text(rows, server->pool->database->name);
    console_put_text(rows, replication_text(server->pool));
    console_put_text(rows, word);
    put_address(rows, &peer);
    put_address(rows, &local);
    console_put_moment(rows, server->connected_at);
    console_put_moment(rows, server->request_at ? server->request_at : server->connected_at);
    console_put_wait(rows, 0);
    console_put_number(rows, server->is_outdated || server->state == PROXY_SERVER_CLOSING);
    put_serial(rows, server->serial);
    if (server->client) {
        put_serial(rows, server->client->serial);
    } else {
        console_put_text(rows, "");
    }
    console_put_number(rows, server->backend_pid);
    put_tls(rows, &server->stream);
    console_put_slice(rows, proxy_text_slice(server->vars.value[PROXY_VAR_APPLICATION_NAME]));
    console_put_number(rows, server->had.count);
    console_put_number(rows, server->serial);
}

/* Calls `put` for every server. */
static void each_server(struct console_rows *rows,
                        void (*put)(struct console_rows *rows, const struct proxy_server *server))
{
    base_list_each(it, &rows->proxy->pool_list)
    {
        const struct proxy_pool *pool = base_list_entry(it, struct proxy_pool, link);
        base_list_each(server, &pool->servers)
        {
            put(rows, base_list_entry(server, struct proxy_server, pool_link));
        }
    }
}

static void put_server_row(struct console_rows *rows, const struct proxy_server *server)
{
    put_server(rows, server, server_word(server));
    console_put_text(rows, proxy_server_state_text(server));
    put_age(rows, server->transaction_at);
    put_age(rows, server->query_at);
}

void console_show_servers(struct console_rows *rows)
{
    each_server(rows, put_server_row);
}

/* ---- sockets ----------------------------------------------------------------------------------
 */

static const char *client_socket_word(const struct proxy_client *client)
{
    switch (client->state) {
    case PROXY_CLIENT_STARTUP:
    case PROXY_CLIENT_TLS:
    case PROXY_CLIENT_AUTH:
        return "cl_login";
    case PROXY_CLIENT_WELCOME:
    case PROXY_CLIENT_WAITING:
        return "cl_waiting";
    case PROXY_CLIENT_READY:
    case PROXY_CLIENT_LINKED:
    case PROXY_CLIENT_CONSOLE:
    case PROXY_CLIENT_CLOSING:
        return "cl_active";
    case PROXY_CLIENT_CANCEL:
        return "cl_active_cancel_req";
    }
    return NULL;
}

static const char *server_socket_word(const struct proxy_server *server)
{
    switch (server->state) {
    case PROXY_SERVER_CONNECTING:
    case PROXY_SERVER_TLS:
    case PROXY_SERVER_LOGIN:
    case PROXY_SERVER_INIT:
        return "sv_login";
    case PROXY_SERVER_IDLE:
        return "sv_idle";
    case PROXY_SERVER_LINKED:
    case PROXY_SERVER_DRAIN:
    case PROXY_SERVER_CLOSING:
        return "sv_active";
    case PROXY_SERVER_RESET:
    case PROXY_SERVER_CHECK:
    case PROXY_SERVER_LOOKUP:
        return "sv_tested";
    }
    return NULL;
}

static bool is_active(const struct net_stream *stream, uint64_t remain)
{
    return net_stream_unread(stream) > 0 || net_stream_unsent(stream) > 0 || remain > 0;
}

static void put_stream(struct console_rows *rows, const struct net_stream *stream, uint64_t remain)
{
    size_t unread = net_stream_unread(stream);
    size_t unsent = net_stream_unsent(stream);
    console_put_number(rows, unread);
    console_put_number(rows, 0);
    console_put_number(rows, remain);
    console_put_number(rows, 0);
    console_put_number(rows, unsent);
    console_put_number(rows, unread);
    console_put_number(rows, unsent);
}

static void put_client_socket(struct console_rows *rows, const struct proxy_client *client)
{
    put_client(rows, client, client_socket_word(client));
    put_stream(rows, &client->stream, client->pass_left);
}

static void put_server_socket(struct console_rows *rows, const struct proxy_server *server)
{
    put_server(rows, server, server_socket_word(server));
    put_stream(rows, &server->stream, 0);
}

void console_show_sockets(struct console_rows *rows)
{
    base_list_each(it, &rows->proxy->clients)
    {
        put_client_socket(rows, base_list_entry(it, struct proxy_client, link));
    }
    each_server(rows, put_server_socket);
}

static void put_server_if_active(struct console_rows *rows, const struct proxy_server *server)
{
    if (is_active(&server->stream, 0)) {
        put_server_socket(rows, server);
    }
}

void console_show_active_sockets(struct console_rows *rows)
{
    base_list_each(it, &rows->proxy->clients)
    {
        const struct proxy_client *client = base_list_entry(it, struct proxy_client, link);
        if (is_active(&client->stream, client->pass_left)) {
            put_client_socket(rows, client);
        }
    }
    each_server(rows, put_server_if_active);
}

/* ---- descriptors ------------------------------------------------------------------------------
 */

/* What stands behind fd and task: names, address, link, parameters; secrets are NULL. */
struct descriptor {
    int fd;
    const char *task, *user, *database;
    const struct net_address *address;
    int link;
    const struct proxy_vars *vars;
};

static void put_descriptor(struct console_rows *rows, const struct descriptor *d)
{
    static const int vars[] = {PROXY_VAR_CLIENT_ENCODING, PROXY_VAR_STANDARD_CONFORMING_STRINGS,
                               PROXY_VAR_DATESTYLE, PROXY_VAR_TIMEZONE};
    console_put_number(rows, (uint64_t)d->fd);
    console_put_text(rows, d->task);
    console_put_text(rows, d->user);
    console_put_text(rows, d->database);
    put_address(rows, d->address);
    console_put_null(rows);
    console_put_number(rows, (uint64_t)d->link);
    for (size_t i = 0; i < sizeof(vars) / sizeof(vars[0]); i++) {
        const struct proxy_text *text = d->vars ? d->vars->value[vars[i]] : NULL;
        if (text) {
            console_put_slice(rows, proxy_text_slice(text));
        } else {
            console_put_null(rows);
        }
    }
    for (int i = 0; i < 3; i++) {
        console_put_null(rows);
    }
}

static void put_server_descriptor(struct console_rows *rows, const struct proxy_server *server)
{
    struct net_address peer = {.bytes = 0};
    if (server->state == PROXY_SERVER_CLOSING || server->stream.fd < 0) {
        return;
    }
    net_stream_peer_address(&server->stream, &peer);
    put_descriptor(rows, &(struct descriptor){server->stream.fd, "server", server->pool->shown_user,
                                              server->pool->database->name, &peer,
                                              server->client ? server->client->stream.fd : 0,
                                              &server->vars});
}

void console_show_fds(struct console_rows *rows)
{
    const struct proxy *proxy = rows->proxy;
    for (uint32_t i = 0; i < proxy->listener_count; i++) {
        const struct net_listener *listener = &proxy->listeners[i];
        if (listener->is_registered) {
            put_descriptor(rows, &(struct descriptor){listener->fd, "pooler", NULL, NULL,
                                                      &listener->address, 0, NULL});
        }
    }
    if (proxy->http && proxy_http_socket(proxy->http) >= 0) {
        int fd = proxy_http_socket(proxy->http);
        struct net_address own = {.bytes = sizeof(own.storage)};
        if (getsockname(fd, (struct sockaddr *)&own.storage, &own.bytes) == 0) {
            put_descriptor(rows, &(struct descriptor){fd, "http", NULL, NULL, &own, 0, NULL});
        }
    }
    base_list_each(it, &proxy->clients)
    {
        const struct proxy_client *client = base_list_entry(it, struct proxy_client, link);
        const struct proxy_pool *pool = client->pool;
        if (client->stream.fd >= 0 && client->state != PROXY_CLIENT_CONSOLE) {
            struct net_address peer = net_peer_address(&client->peer);
            put_descriptor(rows,
                           &(struct descriptor){
                               client->stream.fd, "client", pool ? client->user->name : NULL,
                               pool ? pool->database->name : NULL, &peer,
                               client->server ? client->server->stream.fd : 0, &client->vars});
        }
    }
    each_server(rows, put_server_descriptor);
}
