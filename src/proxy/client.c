/* client.c - life of a client: accepted, moved between states, granted and refused servers, ended.
 *
 * The picture of states is in client.h. A client that ends gives up what it has in on_close: its
 * claim is cancelled, its server drained and given back.
 */
#include "proxy/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/invariant.h"
#include "proxy/cancel.h"
#include "proxy/client_internal.h"
#include "proxy/console.h"
#include "proxy/crypto.h"
#include "proxy/log.h"
#include "wire/backend.h"

#define CLOSE_LINGER (5 * BASE_SECOND)

const char *proxy_client_state_text(const struct proxy_client *client)
{
    switch (client->state) {
    case PROXY_CLIENT_STARTUP:
    case PROXY_CLIENT_TLS:
    case PROXY_CLIENT_AUTH:
        return "login";
    case PROXY_CLIENT_WELCOME:
    case PROXY_CLIENT_WAITING:
        return "waiting";
    case PROXY_CLIENT_READY:
        return "idle";
    case PROXY_CLIENT_LINKED:
    case PROXY_CLIENT_CONSOLE:
        return "active";
    case PROXY_CLIENT_CANCEL:
        return "active_cancel_req";
    case PROXY_CLIENT_CLOSING:
        return "closing";
    }
    return "unknown";
}

void client_move(struct proxy_client *client, enum proxy_client_state state)
{
    INVARIANT((state == PROXY_CLIENT_LINKED) == (client->server != NULL));
    INVARIANT((state == PROXY_CLIENT_WAITING || state == PROXY_CLIENT_WELCOME) ==
              (client->claim.gen != 0));
    client->state = state;
}

struct wire_out client_out(struct proxy_client *client, size_t bytes)
{
    struct wire_out out;
    wire_out_init(&out, net_turn_alloc(client->proxy->loop, bytes), bytes);
    return out;
}

void client_send_out(struct proxy_client *client, const struct wire_out *out)
{
    INVARIANT(wire_out_status(out) == BASE_OK);
    net_stream_send(&client->stream, wire_out_slice(out));
}

void client_set_timer(struct proxy_client *client, base_time span)
{
    net_timer_set(client->proxy->loop, &client->timer,
                  span ? base_time_add(net_loop_now(client->proxy->loop), span) : BASE_NEVER);
}

/* ---- the stream's callbacks ---- */

static size_t on_data(struct net_stream *stream, struct base_slice in)
{
    struct proxy_client *client = base_list_entry(stream, struct proxy_client, stream);
    switch (client->state) {
    case PROXY_CLIENT_STARTUP:
    case PROXY_CLIENT_TLS:
    case PROXY_CLIENT_AUTH:
        return proxy_client_login_data(client, in);
    case PROXY_CLIENT_WELCOME:
    case PROXY_CLIENT_WAITING:
        return 0;
    case PROXY_CLIENT_READY:
    case PROXY_CLIENT_LINKED:
        if (client->proxy->is_suspended && client->pass_left == 0) {
            net_stream_pause(stream); /* until proxy_unsuspend */
            return 0;
        }
        return proxy_client_session_data(client, in);
    case PROXY_CLIENT_CONSOLE:
        return proxy_console_data(client, in);
    case PROXY_CLIENT_CANCEL:
    case PROXY_CLIENT_CLOSING:
        return in.bytes;
    }
    return in.bytes;
}

/* The client has read what was kept for it: who waited for that goes on. */
static void on_drain(struct net_stream *stream)
{
    struct proxy_client *client = base_list_entry(stream, struct proxy_client, stream);
    if (client->server) {
        net_stream_resume(&client->server->stream);
    }
    if (client->state == PROXY_CLIENT_READY || client->state == PROXY_CLIENT_LINKED ||
        (client->state == PROXY_CLIENT_CONSOLE && !proxy_console_is_waiting(client))) {
        net_stream_resume(stream);
    }
}

static void on_tls(struct net_stream *stream, int status)
{
    struct proxy_client *client = base_list_entry(stream, struct proxy_client, stream);
    if (client->state != PROXY_CLIENT_TLS) {
        return;
    }
    if (status < 0) {
        proxy_log_client(PROXY_LOG, client, "TLS handshake failed: %s",
                         net_stream_tls_error(stream));
        client->close_reason = "TLS handshake failed";
        return;
    }
    client_move(client, PROXY_CLIENT_STARTUP);
}

static void cancel_claim(struct proxy_client *client)
{
    if (client->claim.gen) {
        struct core_event event = {.kind = CORE_EVENT_CANCEL, .claim = client->claim};
        client->claim = (struct core_claim_id){0};
        int r = proxy_apply(client->proxy, &event);
        INVARIANT(r == BASE_OK ||
                  r == BASE_ESTALE); /* its grant or refusal is on its way: host.c */
    }
}

void client_leave_server(struct proxy_client *client)
{
    struct proxy_server *server = client->server;
    if (server) {
        client->server = NULL;
        proxy_server_unlink(server);
    }
}

void client_enter_pool(struct proxy_client *client, struct proxy_pool *pool)
{
    client->pool = pool;
    pool->client_count++;
    pool->database->client_count++;
    base_list_push_back(&pool->clients, &client->pool_link);
}

static void leave_pool(struct proxy_client *client)
{
    struct proxy_pool *pool = client->pool;
    base_list_remove(&client->pool_link);
    pool->client_count--;
    pool->database->client_count--;
    proxy_pool_left(pool);
    proxy_pool_release(pool);
}

/* Its pool was closed: into the one that holds for its database and user now. */
static int change_pool(struct proxy_client *client)
{
    struct proxy_pool *pool = NULL;
    const struct proxy_database *database = client->pool->database;
    int r = database->is_removed || client->is_replication
                ? BASE_ECLOSED
                : proxy_pool_find(client->proxy, base_slice_text(database->name),
                                  base_slice_text(client->user->name), &pool);
    if (r == BASE_OK) {
        leave_pool(client);
        client_enter_pool(client, pool);
    }
    return r;
}

/* Takes it out of everything it is in. */
static void detach(struct proxy_client *client)
{
    struct proxy *proxy = client->proxy;
    bool has_user = client->user;
    net_timer_set(proxy->loop, &client->timer, BASE_NEVER);
    cancel_claim(client);
    proxy_cancel_forget(client);
    client_leave_server(client);
    proxy_console_free(client);
    proxy_client_login_free(client);
    proxy_names_clear(&client->names, &proxy->statements);
    base_hash_done(&client->names.table);
    proxy_statement_drop(&proxy->statements, client->unnamed);
    proxy_text_drop(&proxy->texts, client->dropped);
    proxy_vars_done(&client->vars, &proxy->texts);
    if (client->cancel_pid) {
        base_hash_remove(&proxy->cancel_keys, &client->key_node);
    }
    base_list_remove(&client->link);
    proxy->client_count--;
    if (has_user) {
        leave_pool(client);
        client->user->client_count--;
        proxy_user_drop(proxy, client->user);
    }
}

static void on_close(struct net_stream *stream, int status)
{
    struct proxy_client *client = base_list_entry(stream, struct proxy_client, stream);
    struct proxy *proxy = client->proxy;
    bool had_login = client->pool || client->login || client->state == PROXY_CLIENT_CONSOLE;
    if (!client->close_reason) {
        client->close_reason = status == BASE_ETOOBIG ? "message is too long"
                               : status == BASE_EPROTOCOL
                                   ? "unencrypted data behind the TLS request"
                                   : "client unexpected eof";
    }
    if (!had_login || proxy->config->options.log_disconnections) {
        proxy_log_client(
            had_login ? PROXY_LOG : PROXY_DEBUG, client, "closing because: %s (age=%llus)",
            client->close_reason,
            (unsigned long long)(base_time_since(net_loop_now(proxy->loop), client->connected_at) /
                                 BASE_SECOND));
    }
    client->state = PROXY_CLIENT_CLOSING;
    detach(client);
    free(client);
    proxy_check_done(proxy);
}

static void on_timer(struct net_timer *timer)
{
    struct proxy_client *client = base_list_entry(timer, struct proxy_client, timer);
    switch (client->state) {
    case PROXY_CLIENT_STARTUP:
    case PROXY_CLIENT_TLS:
    case PROXY_CLIENT_AUTH:
        proxy_client_close(client, "08P01", "client_login_timeout", NULL,
                           "Finish the login sooner, or raise client_login_timeout.",
                           "client_login_timeout");
        return;
    case PROXY_CLIENT_READY:
    case PROXY_CLIENT_LINKED:
        client_limits_fire(client);
        return;
    case PROXY_CLIENT_WELCOME:
    case PROXY_CLIENT_WAITING:
    case PROXY_CLIENT_CONSOLE:
    case PROXY_CLIENT_CANCEL:
    case PROXY_CLIENT_CLOSING:
        return;
    }
}

static const struct net_stream_ops stream_ops = {
    .on_data = on_data,
    .on_drain = on_drain,
    .on_tls = on_tls,
    .on_close = on_close,
};

void proxy_client_accept(struct proxy *proxy, int fd, const struct net_address *peer)
{
    struct proxy_client *client = NULL;
    if (proxy->client_count < proxy->config->options.max_client_conn + PROXY_CLIENTS_RESERVED) {
        client = calloc(1, sizeof(*client));
    }
    if (!client) {
        close(fd);
        return;
    }
    client->proxy = proxy;
    client->peer = net_peer_of(peer);
    client->is_unix = net_address_is_unix(peer);
    client->serial = ++proxy->next_serial;
    client->connected_at = client->request_at = net_loop_now(proxy->loop);
    client->timer.fire = on_timer;
    client->names.seed = proxy->hash_seed;
    base_list_init(&client->pool_link);
    net_stream_init(&client->stream, proxy->loop, &stream_ops, CLIENT_IN_BYTES_MAX);
    net_stream_rank(&client->stream, NET_RANK_SOON); /* until it is logged in */
    net_stream_expect(&client->stream);
    if (net_stream_adopt(&client->stream, fd, &proxy->client_socket) < 0) {
        close(fd);
        free(client);
        return;
    }
    base_list_push_back(&proxy->clients, &client->link);
    proxy->client_count++;
    proxy_log_client(PROXY_DEBUG, client, "new connection");
    client_set_timer(client, proxy->config->options.client_login_timeout);
}

/* ---- claims ---- */

void client_claim(struct proxy_client *client, enum proxy_client_state while_waiting,
                  base_time since)
{
    client->wait_at = since;
    if (client->pool->is_closed && change_pool(client) < 0) {
        client->claim = (struct core_claim_id){0};
        proxy_client_close_status(client, BASE_ECLOSED, NULL, "database configuration changed");
        return;
    }
    client->claim = (struct core_claim_id){UINT32_MAX, UINT32_MAX}; /* until its id is known */
    client->state = while_waiting;
    struct core_event event = {
        .kind = CORE_EVENT_CLAIM,
        .pool = client->pool->id,
        .deadline = base_time_add(since, client_wait_limit(client)),
        .lane = 1,
        .tag = (uintptr_t)client,
    };
    client_set_timer(client, 0);
    int r = core_apply(client->proxy->core, net_loop_now(client->proxy->loop), &event);
    if (r < 0) {
        client->claim = (struct core_claim_id){0};
        proxy_client_close_status(client, r, NULL, "claim refused");
        return;
    }
    client->claim = event.claim;
    proxy_drain_effects(client->proxy);
    if (client->state == while_waiting) {
        net_stream_pause(&client->stream);
    }
}

/* It may have broken in this turn, of which the core hears at its end: a dead server is never lent.
 * Servers' events come first in a turn, so what the kernel knew when the turn began is known. */
static bool is_dead(const struct proxy_server *server)
{
    return server->state == PROXY_SERVER_CLOSING || !net_stream_is_alive(&server->stream);
}

/* A server to learn the parameters from: the login can be finished, the server goes back. */
static void finish_welcome(struct proxy_client *client, struct proxy_server *server)
{
    client_move(client, PROXY_CLIENT_READY);
    client_send_welcome(client);
    net_stream_resume(&client->stream);
    struct core_event event = {
        .kind = CORE_EVENT_GIVE, .server = server->id, .give = CORE_GIVE_CLEAN};
    int r = proxy_apply(client->proxy, &event);
    INVARIANT(r == BASE_OK);
}

void proxy_client_grant(struct proxy_client *client, struct proxy_server *server, base_time waited)
{
    client->claim = (struct core_claim_id){0};
    if (is_dead(server)) {
        enum proxy_client_state state = client->state;
        server_break(server, "server conn crashed?");
        client_reclaim(client, state);
        return;
    }
    if (proxy_vars_fit(&client->vars, &client->proxy->texts, &client->proxy->var_names,
                       &server->vars) < 0) {
        server->is_unfit = true; /* what is set on it then is not known to be there */
    }
    if (client->state == PROXY_CLIENT_WELCOME && !client->vars.extra && !client->is_replication) {
        finish_welcome(client, server);
        return;
    }
    INVARIANT(client->state == PROXY_CLIENT_WAITING || client->state == PROXY_CLIENT_WELCOME);
    client->needs_welcome = client->state == PROXY_CLIENT_WELCOME;
    client->pool->stats.total.wait_time += waited;
    client->pool->stats.total.server_assignments++;
    client->server = server;
    client_move(client, PROXY_CLIENT_LINKED);
    proxy_server_link(server, client);
    client_limits_watch(client);
    if (!server->is_setting) {
        proxy_client_set_up(client);
    }
}

void proxy_client_set_up(struct proxy_client *client)
{
    if (client->needs_welcome) {
        client->needs_welcome = false;
        client_send_welcome(client);
        if (!client->is_replication) {
            proxy_server_release(client->server);
        }
    }
    net_stream_resume(&client->stream);
}

void client_reclaim(struct proxy_client *client, enum proxy_client_state state)
{
    client_claim(client, state, client->wait_at);
}

bool client_close_when_leaving(struct proxy_client *client)
{
    if (!client->is_closing_soon && client->proxy->phase != PROXY_DRAINING) {
        return false;
    }
    proxy_client_close(client, "57P01", "terminating connection due to administrator command", NULL,
                       "Reconnect.", "shutting down");
    return true;
}

void proxy_client_unlink(struct proxy_client *client)
{
    client->server = NULL;
    client_move(client, PROXY_CLIENT_READY);
    if (client_close_when_leaving(client)) {
        return;
    }
    client_limits_watch(client);
    net_stream_resume(&client->stream);
}

void proxy_client_answered(struct proxy_client *client, char tx_status)
{
    if (client->pool->mode == CONFIG_POOL_MODE_STATEMENT && tx_status != 'I') {
        proxy_client_close(client, "0A000",
                           "transaction blocks not allowed in statement pooling mode", NULL,
                           "Use pool_mode = transaction for clients that need transactions.",
                           "transaction blocks not allowed in statement pooling mode");
        return;
    }
    client->idle_at = net_loop_now(client->proxy->loop);
    client_limits_watch(client);
    if (net_stream_is_paused(&client->stream)) {
        net_stream_resume(&client->stream);
    }
}

/* ---- the end ---- */

/* Has its client a part of a message, a row perhaps? Then an error would be the rest of it. */
static bool is_mid_row(const struct proxy_server *server)
{
    return server && server->pass_left > 0 && !server->pass_is_dropped;
}

void proxy_client_close(struct proxy_client *client, const char *sqlstate, const char *text,
                        const char *detail, const char *hint, const char *reason)
{
    if (client->state == PROXY_CLIENT_CLOSING) {
        return;
    }
    if (sqlstate && client->state != PROXY_CLIENT_TLS && !is_mid_row(client->server)) {
        client_send_error(client, &(struct client_error){"FATAL", sqlstate, text, detail, hint});
        if (client->proxy->config->options.log_pooler_errors) {
            proxy_log_client(PROXY_WARNING, client, "pooler error: %s", text);
        }
    }
    client->close_reason = reason;
    cancel_claim(client);
    client_leave_server(client);
    client->state = PROXY_CLIENT_CLOSING;
    net_timer_set(client->proxy->loop, &client->timer, BASE_NEVER);
    net_stream_close(&client->stream, CLOSE_LINGER);
}

void proxy_client_close_status(struct proxy_client *client, int status, const char *detail,
                               const char *reason)
{
    const struct base_status_info *info = base_status_info(status);
    proxy_client_close(client, info->sqlstate, info->text, detail, *info->hint ? info->hint : NULL,
                       reason);
}

void proxy_client_lost(struct proxy_client *client, struct proxy_server *server, const char *reason)
{
    client->server = NULL;
    if (server->is_setting) {
        client_reclaim(client, client->needs_welcome ? PROXY_CLIENT_WELCOME : PROXY_CLIENT_WAITING);
        return;
    }
    client->state = PROXY_CLIENT_READY;
    proxy_client_close(
        client, is_mid_row(server) ? NULL : "08006", "server conn crashed?",
        server->had_error ? "The server said why in the message before this one."
                          : "The connection to PostgreSQL ended.",
        "Reconnect and try again; whether the last statement took effect is unknown.", reason);
}

void proxy_client_database_removed(struct proxy_client *client)
{
    if (client->state == PROXY_CLIENT_LINKED) {
        client->is_closing_soon = true;
        proxy_server_settle(client->server);
        return;
    }
    proxy_client_close(client, "57P01", "database removed",
                       "Its line in [databases] is gone since the configuration was read again.",
                       "Connect to another database.", "database configuration changed");
}

/* A cancel request named this client: stop what its server runs, or its wait. */
void proxy_client_cancel(struct proxy_client *client, struct proxy_client *asker)
{
    if (client->state == PROXY_CLIENT_LINKED) {
        proxy_cancel_server(client->server, asker);
    } else if (client->state == PROXY_CLIENT_WAITING) {
        cancel_claim(client);
        client_move(client, PROXY_CLIENT_READY);
        client_send_error(client, &(struct client_error){
                                      "ERROR", "57014", "canceling statement due to user request",
                                      "It was still waiting for a server.", NULL});
        client->is_discarding = true;
        net_stream_resume(&client->stream);
    } else if (client->state == PROXY_CLIENT_CONSOLE) {
        proxy_console_cancel(client);
    }
}

void proxy_client_text(const struct proxy_client *client, char *out, size_t bytes)
{
    char address[NET_ADDRESS_TEXT];
    const char *database = "(nodb)", *user = "(nouser)";
    struct net_address peer = net_peer_address(&client->peer);
    net_address_text(&peer, address, sizeof(address));
    if (client->pool) {
        database = client->pool->database->name;
        user = client->user->name;
    } else if (client->login && client->login->user[0]) {
        database = client->login->database;
        user = client->login->user;
    } else if (client->state == PROXY_CLIENT_CONSOLE) {
        database = "pgbouncer";
    }
    snprintf(out, bytes, "%s/%s@%s", database, user, address);
}
