/* server.c - life of a server: made, moved between states, lent, given back, ended.
 *
 * The picture of states is in server.h. How the core hears of the end:
 *   - before OPENED was applied: OPEN_FAILED, from on_close
 *   - in CLOSING by the core's CLOSE: CLOSED, from on_close
 *   - any other time: LOST, as soon as the end is noticed
 * `is_told` makes sure that it hears exactly once.
 */
#include "proxy/server.h"

#include <stdlib.h>

#include "base/invariant.h"
#include "proxy/client.h"
#include "proxy/log.h"
#include "proxy/lookup.h"
#include "proxy/server_internal.h"
#include "wire/frontend.h"

#define CLOSE_LINGER (1 * BASE_SECOND)

const char *proxy_server_state_text(const struct proxy_server *server)
{
    switch (server->state) {
    case PROXY_SERVER_CONNECTING:
    case PROXY_SERVER_TLS:
    case PROXY_SERVER_LOGIN:
    case PROXY_SERVER_INIT:
        return "login";
    case PROXY_SERVER_IDLE:
        return "idle";
    case PROXY_SERVER_LINKED:
    case PROXY_SERVER_LOOKUP:
        return "active";
    case PROXY_SERVER_DRAIN:
        return "being_canceled";
    case PROXY_SERVER_RESET:
    case PROXY_SERVER_CHECK:
        return "tested";
    case PROXY_SERVER_CLOSING:
        return "closing";
    }
    return "unknown";
}

void server_move(struct proxy_server *server, enum proxy_server_state state)
{
    INVARIANT((state == PROXY_SERVER_LINKED) == (server->client != NULL));
    INVARIANT(state != PROXY_SERVER_IDLE || server->requests.count == 0);
    server->state = state;
}

void server_set_timer(struct proxy_server *server, base_time span)
{
    net_timer_set(server->proxy->loop, &server->timer,
                  span ? base_time_add(net_loop_now(server->proxy->loop), span) : BASE_NEVER);
}

struct wire_out server_out(struct proxy_server *server, size_t bytes)
{
    struct wire_out out;
    wire_out_init(&out, net_turn_alloc(server->proxy->loop, bytes), bytes);
    return out;
}

void server_send_out(struct proxy_server *server, const struct wire_out *out)
{
    INVARIANT(wire_out_status(out) == BASE_OK);
    net_stream_send(&server->stream, wire_out_slice(out));
}

int server_send_query(struct proxy_server *server, const char *query)
{
    struct base_slice text = base_slice_text(query);
    struct wire_out out = server_out(server, text.bytes + 16);
    wire_query_put(&out, text);
    int r = proxy_server_expect(
        server, (struct proxy_request){.kind = PROXY_REQUEST_QUERY, .who = PROXY_WHO_WEIR});
    if (r == BASE_OK) {
        server_send_out(server, &out);
    }
    return r;
}

/* ---- telling the core ---- */

static void tell(struct proxy_server *server, struct core_event event)
{
    if (!server->is_told) {
        server->is_told = true;
        /* The core may use the id again while this event is applied. */
        server->proxy->servers[server->id.idx] = NULL;
        event.server = server->id;
        int r = proxy_apply(server->proxy, &event);
        INVARIANT(r == BASE_OK);
    }
}

static bool is_opening(const struct proxy_server *server)
{
    return core_server_state(server->proxy->core, net_loop_now(server->proxy->loop), server->id,
                             NULL) == CORE_SERVER_OPENING;
}

static void tell_end(struct proxy_server *server)
{
    /* The core may give the slot to a new server before this call is back. */
    server->proxy->servers[server->id.idx] = NULL;
    enum core_server_state state =
        core_server_state(server->proxy->core, net_loop_now(server->proxy->loop), server->id, NULL);
    if (state == CORE_SERVER_OPENING) {
        tell(server, (struct core_event){.kind = CORE_EVENT_OPEN_FAILED,
                                         .failure = server->refusal.failure,
                                         .scope_kind = server->refusal.scope});
    } else if (state == CORE_SERVER_CLOSING || state == CORE_SERVER_DETACHED) {
        tell(server, (struct core_event){.kind = CORE_EVENT_CLOSED});
    } else {
        tell(server, (struct core_event){.kind = CORE_EVENT_LOST});
    }
}

/* ---- the stream's callbacks ---- */

static size_t on_data(struct net_stream *stream, struct base_slice in)
{
    struct proxy_server *server = base_list_entry(stream, struct proxy_server, stream);
    switch (server->state) {
    case PROXY_SERVER_CONNECTING:
    case PROXY_SERVER_TLS:
        return server_connect_data(server, in);
    case PROXY_SERVER_LOGIN:
        return server_login_data(server, in);
    case PROXY_SERVER_INIT:
    case PROXY_SERVER_IDLE:
    case PROXY_SERVER_LINKED:
    case PROXY_SERVER_DRAIN:
    case PROXY_SERVER_RESET:
    case PROXY_SERVER_CHECK:
    case PROXY_SERVER_LOOKUP:
        return server_session_data(server, in);
    case PROXY_SERVER_CLOSING:
        return in.bytes;
    }
    return in.bytes;
}

static void on_drain(struct net_stream *stream)
{
    struct proxy_server *server = base_list_entry(stream, struct proxy_server, stream);
    if (server->client) {
        net_stream_resume(&server->client->stream);
    }
}

static void free_server(struct proxy_server *server)
{
    struct proxy *proxy = server->proxy;
    struct proxy_pool *pool = server->pool;
    base_list_remove(&server->pool_link);
    pool->server_count--;
    net_timer_set(proxy->loop, &server->timer, BASE_NEVER);
    server_login_free(server);
    server_forget_requests(server);
    proxy_requests_done(&server->requests);
    proxy_vars_done(&server->vars, &proxy->texts);
    proxy_vars_done(&server->wanted, &proxy->texts);
    proxy_had_clear(&server->had, &proxy->statements);
    base_hash_done(&server->had.table);
    proxy_statement_drop(&proxy->statements, server->unnamed);
    free(server->key);
    free(server);
    proxy_pool_left(pool);
    proxy_pool_release(pool);
    proxy_check_done(proxy);
}

/* The client whose server broke is told and closed; what it had sent may or may not have happened.
 */
static void lose_client(struct proxy_server *server, const char *reason)
{
    struct proxy_client *client = server->client;
    server->client = NULL;
    proxy_client_lost(client, server, reason);
}

static void on_close(struct net_stream *stream, int status)
{
    struct proxy_server *server = base_list_entry(stream, struct proxy_server, stream);
    if (!server->close_reason) {
        server->close_reason = is_opening(server)       ? "server conn crashed?"
                               : status == BASE_ETOOBIG ? "server sent a message that is too long"
                                                        : "server conn crashed?";
        if (is_opening(server)) {
            const char *why =
                *net_stream_error(stream) ? net_stream_error(stream) : base_status_text(status);
            server_login_fail(server,
                              (struct core_refusal){CORE_FAILURE_REFUSED, CORE_SCOPE_UPSTREAM,
                                                    BASE_EUPSTREAMDOWN},
                              "08006", base_slice_text(why));
        }
    }
    if (server->client) {
        lose_client(server, server->close_reason);
    }
    proxy_lookup_lost(server);
    if (server->proxy->config->options.log_disconnections) {
        proxy_log_server(PROXY_LOG, server, "closing because: %s (age=%llus)", server->close_reason,
                         (unsigned long long)(base_time_since(net_loop_now(server->proxy->loop),
                                                              server->connected_at) /
                                              BASE_SECOND));
    }
    server->state = PROXY_SERVER_CLOSING;
    tell_end(server);
    free_server(server);
}

static const struct net_stream_ops stream_ops = {
    .on_open = server_on_open,
    .on_data = on_data,
    .on_drain = on_drain,
    .on_tls = server_on_tls,
    .on_close = on_close,
};

struct proxy_server *server_new(struct proxy *proxy, struct proxy_pool *pool,
                                struct core_server_id id)
{
    struct proxy_server *server = calloc(1, sizeof(*server));
    if (!server) {
        return NULL;
    }
    server->login = calloc(1, sizeof(*server->login));
    if (!server->login) {
        free(server);
        return NULL;
    }
    server->proxy = proxy;
    server->pool = pool;
    server->id = id;
    server->serial = ++proxy->next_serial;
    server->connected_at = net_loop_now(proxy->loop);
    server->timer.fire = server_on_timer;
    server->tx_status = 'I';
    server->refusal =
        (struct core_refusal){CORE_FAILURE_REFUSED, CORE_SCOPE_UPSTREAM, BASE_EUPSTREAMDOWN};
    proxy_requests_init(&server->requests);
    base_list_init(&server->had.by_use);
    net_stream_init(&server->stream, proxy->loop, &stream_ops, SERVER_IN_BYTES_MAX);
    net_stream_rank(&server->stream, NET_RANK_FIRST);
    INVARIANT(id.idx < PROXY_SERVERS_MAX && !proxy->servers[id.idx]);
    proxy->servers[id.idx] = server;
    base_list_push_back(&pool->servers, &server->pool_link);
    pool->server_count++;
    return server;
}

void server_abandon(struct proxy_server *server)
{
    tell_end(server);
    server->state = PROXY_SERVER_CLOSING;
    free_server(server);
}

/* ---- ending ---- */

void proxy_server_close(struct proxy_server *server, const char *reason)
{
    if (server->state == PROXY_SERVER_CLOSING) {
        return;
    }
    INVARIANT(!server->client);
    bool is_in_step = server->state != PROXY_SERVER_CONNECTING && server->state != PROXY_SERVER_TLS;
    server->close_reason = reason;
    server_forget_requests(server);
    server_move(server, PROXY_SERVER_CLOSING);
    server_set_timer(server, 0);
    if (is_in_step) {
        struct wire_out out = server_out(server, WIRE_TERMINATE_BYTES);
        wire_frontend_bare_put(&out, WIRE_FRONTEND_TERMINATE);
        server_send_out(server, &out);
    }
    net_stream_close(&server->stream, CLOSE_LINGER);
}

void server_break(struct proxy_server *server, const char *reason)
{
    if (server->state == PROXY_SERVER_CLOSING) {
        return;
    }
    server->close_reason = reason;
    if (server->client) {
        lose_client(server, reason);
    }
    proxy_lookup_lost(server);
    server_forget_requests(server);
    server_set_timer(server, 0);
    server->state = PROXY_SERVER_CLOSING;
    net_stream_abort(&server->stream);
}

/* ---- lending and giving back ---- */

/* The client's parameters in the server's spelling. */
static void take_over_vars(struct proxy_server *server)
{
    struct proxy *proxy = server->proxy;
    for (uint32_t i = 0; i < proxy->var_names.count; i++) {
        struct proxy_text **value = &server->client->vars.value[i];
        proxy_text_drop(&proxy->texts, *value);
        *value = proxy_text_share(server->vars.value[i]);
    }
}

void proxy_server_link(struct proxy_server *server, struct proxy_client *client)
{
    struct proxy *proxy = server->proxy;
    INVARIANT(server->state == PROXY_SERVER_IDLE && !server->client);
    server->client = client;
    server->request_at = net_loop_now(proxy->loop);
    server_move(server, PROXY_SERVER_LINKED);
    if (server->pool->parent) {
        take_over_vars(server); /* it was started with the client's parameters */
        return;
    }
    if (proxy_vars_agree(&client->vars, &server->vars, proxy->var_names.count)) {
        return;
    }
    struct wire_out out =
        server_out(server, proxy_vars_write_bytes(&proxy->var_names, &client->vars, &server->vars));
    proxy_vars_write(&proxy->var_names, &client->vars, &server->vars, &out);
    if (out.bytes > 0 &&
        proxy_server_expect(server, (struct proxy_request){.kind = PROXY_REQUEST_QUERY,
                                                           .who = PROXY_WHO_WEIR}) == BASE_OK) {
        server->is_setting = true;
        server_send_out(server, &out);
    }
    proxy_vars_done(&server->wanted, &proxy->texts);
    for (uint32_t i = 0; i < proxy->var_names.count; i++) {
        server->wanted.value[i] = proxy_text_share(client->vars.value[i]);
    }
    proxy_text_drop(&proxy->texts, server->vars.extra);
    server->vars.extra = proxy_text_share(client->vars.extra);
}

/* May it be given back as soon as it has no client? */
static bool is_at_rest(const struct proxy_server *server)
{
    return proxy_server_is_quiet(server) && server->tx_status == 'I' && server->cancels == 0 &&
           !server->is_skipping;
}

bool proxy_server_is_quiet(const struct proxy_server *server)
{
    return server->requests.count == 0 && server->pass_left == 0 && !server->in_copy_in &&
           !server->is_in_batch;
}

static void give(struct proxy_server *server, enum core_give how)
{
    struct core_event event = {.kind = CORE_EVENT_GIVE, .server = server->id, .give = how};
    int r = proxy_apply(server->proxy, &event);
    INVARIANT(r == BASE_OK);
}

void server_give(struct proxy_server *server)
{
    const struct config_options *options = &server->proxy->config->options;
    bool wants_reset =
        (server->pool->mode == CONFIG_POOL_MODE_SESSION || options->server_reset_query_always) &&
        *options->server_reset_query;
    INVARIANT(!server->client && proxy_server_is_quiet(server) && server->tx_status == 'I' &&
              server->doubtful_syncs == 0);
    server_set_timer(server, 0);
    server->is_skipping = false;
    server_move(server, PROXY_SERVER_IDLE);
    net_stream_resume(&server->stream);
    give(server, server->is_unfit ? CORE_GIVE_BROKEN
                 : wants_reset    ? CORE_GIVE_DIRTY
                                  : CORE_GIVE_CLEAN);
}

static void give_or_drain(struct proxy_server *server)
{
    server_move(server, PROXY_SERVER_DRAIN);
    if (is_at_rest(server) && server->doubtful_syncs == 0) {
        server_give(server);
    } else {
        server_drain(server);
    }
}

void proxy_server_unlink(struct proxy_server *server)
{
    INVARIANT(server->client);
    struct proxy_client *client = server->client;
    /* half a message was sent, or a stream runs that only the end of the connection ends */
    bool is_cut = client->pass_left > 0 || server->pool->parent;
    server->client = NULL;
    net_stream_resume(&server->stream);
    if (is_cut) {
        server->state = PROXY_SERVER_DRAIN;
        give(server, CORE_GIVE_BROKEN);
        return;
    }
    give_or_drain(server);
}

void proxy_server_settle(struct proxy_server *server)
{
    struct proxy_client *client = server->client;
    if (!client || !is_at_rest(server) || client->pass_left > 0) {
        return;
    }
    if (server->pool->mode == CONFIG_POOL_MODE_SESSION && !client->is_closing_soon) {
        if (server->is_outdated && server->proxy->config->options.server_fast_close) {
            proxy_client_close(client, "08P01", "database configuration changed", NULL,
                               "Reconnect; server_fast_close ends sessions on old servers.",
                               "database configuration changed");
        }
        return;
    }
    proxy_server_release(server);
}

void proxy_server_release(struct proxy_server *server)
{
    struct proxy_client *client = server->client;
    INVARIANT(client && server->tx_status == 'I' && proxy_server_is_quiet(server));
    server->client = NULL;
    server->state = PROXY_SERVER_DRAIN;
    proxy_client_unlink(client);
    give_or_drain(server);
}

void proxy_server_cancel_done(struct proxy_server *server)
{
    INVARIANT(server->cancels > 0);
    if (--server->cancels > 0) {
        return;
    }
    if (server->state == PROXY_SERVER_LINKED) {
        proxy_server_settle(server);
    } else if (server->state == PROXY_SERVER_DRAIN) {
        server_drain(server);
    }
}
