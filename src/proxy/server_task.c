/* server_task.c - what weir does with a server on its own: check, reset, drain; and deadlines.
 *
 * Drain, when the client is gone and the server is not at rest:
 *   1. a cancel request stops what runs; CopyFail ends a COPY; ROLLBACK and Sync end an open batch
 *   2. answers are thrown away until nothing is owed
 *   3. ROLLBACK ends the transaction; an empty query shows whether a Sync in doubt was answered
 *   4. the server is given back
 * Whatever has not ended after cancel_wait_timeout is closed.
 */
#include "base/invariant.h"
#include "proxy/cancel.h"
#include "proxy/client.h"
#include "proxy/log.h"
#include "proxy/lookup.h"
#include "proxy/server_internal.h"
#include "wire/frontend.h"

static void answer_core(struct proxy_server *server, enum core_event_kind kind, bool is_ok)
{
    struct core_event event = {.kind = kind, .server = server->id, .ok = is_ok};
    server_set_timer(server, 0);
    if (is_ok) {
        server_move(server, PROXY_SERVER_IDLE);
    }
    int r = proxy_apply(server->proxy, &event);
    INVARIANT(r == BASE_OK);
}

static void give_broken(struct proxy_server *server)
{
    struct core_event event = {
        .kind = CORE_EVENT_GIVE, .server = server->id, .give = CORE_GIVE_BROKEN};
    int r = proxy_apply(server->proxy, &event);
    INVARIANT(r == BASE_OK);
}

/* ---- drain ---- */

static int send_sync(struct proxy_server *server)
{
    struct wire_out out = server_out(server, WIRE_SYNC_BYTES);
    wire_frontend_bare_put(&out, WIRE_FRONTEND_SYNC);
    int r = proxy_server_expect(
        server, (struct proxy_request){.kind = PROXY_REQUEST_SYNC, .who = PROXY_WHO_WEIR});
    server_send_out(server, &out);
    return r;
}

/* Sync alone would commit what the batch did. A server that skips to Sync skips ROLLBACK too: then
 * there is nothing to roll back. */
static int end_batch(struct proxy_server *server)
{
    int r = server_send_query(server, "ROLLBACK");
    return r < 0 ? r : send_sync(server);
}

/* Will a ReadyForQuery come whatever happens? Behind extended messages only a Sync is sure of one:
 * after an error the server skips a Query too. */
static bool owes_a_ready(struct proxy_server *server)
{
    bool may_skip = server->is_skipping;
    bool is_sure = false;
    for (uint32_t i = 0; i < server->requests.count; i++) {
        switch ((enum proxy_request_kind)proxy_requests_at(&server->requests, i)->kind) {
        case PROXY_REQUEST_SYNC:
            may_skip = false;
            is_sure = true;
            break;
        case PROXY_REQUEST_QUERY:
        case PROXY_REQUEST_FUNCTION:
            is_sure = !may_skip;
            break;
        case PROXY_REQUEST_PARSE:
        case PROXY_REQUEST_BIND:
        case PROXY_REQUEST_DESCRIBE:
        case PROXY_REQUEST_EXECUTE:
        case PROXY_REQUEST_CLOSE:
            may_skip = true;
            is_sure = false;
            break;
        case PROXY_REQUEST_COPY_END:
            break;
        }
    }
    return is_sure;
}

static void end_copy(struct proxy_server *server)
{
    struct wire_out out = server_out(server, 64);
    wire_copy_fail_put(&out, base_slice_text("the client is gone"));
    server->in_copy_in = false;
    server_send_out(server, &out);
}

void server_drain(struct proxy_server *server)
{
    int r = BASE_OK;
    if (server->state != PROXY_SERVER_DRAIN || server->cancels > 0) {
        return;
    }
    if (proxy_server_is_quiet(server) && !server->is_skipping) {
        if (server->tx_status == 'I' && server->doubtful_syncs == 0) {
            server_give(server);
            return;
        }
        server_set_timer(server, server->proxy->config->options.cancel_wait_timeout);
        r = server_send_query(server, server->tx_status == 'I' ? "" : "ROLLBACK");
    } else if (!server->is_draining) {
        server->is_draining = true;
        server_set_timer(server, server->proxy->config->options.cancel_wait_timeout);
        bool is_copy = server->in_copy_in;
        if (is_copy) {
            end_copy(server);
        } else if (server->requests.count > 0) {
            proxy_cancel_server(server, NULL);
        }
        if (!owes_a_ready(server)) {
            r = end_batch(server);
        }
    }
    if (r < 0) {
        give_broken(server);
    }
}

/* ---- check and reset ---- */

void proxy_server_check(struct proxy_server *server)
{
    const struct config_options *options = &server->proxy->config->options;
    if (server->state == PROXY_SERVER_CLOSING) {
        return; /* it broke in this turn: the core hears LOST at its end */
    }
    INVARIANT(server->state == PROXY_SERVER_IDLE);
    server->had_error = false;
    server_move(server, PROXY_SERVER_CHECK);
    server_set_timer(server, options->server_connect_timeout);
    bool has_query = *options->server_check_query &&
                     !base_slice_is(base_slice_text("<empty>"), options->server_check_query);
    int r = has_query ? server_send_query(server, options->server_check_query) : send_sync(server);
    if (r < 0) {
        answer_core(server, CORE_EVENT_CHECKED, false);
    }
}

void proxy_server_reset(struct proxy_server *server)
{
    if (server->state == PROXY_SERVER_CLOSING) {
        return; /* as above */
    }
    INVARIANT(server->state == PROXY_SERVER_IDLE);
    server->had_error = false;
    server_move(server, PROXY_SERVER_RESET);
    server_set_timer(server, server->proxy->config->options.server_connect_timeout);
    if (server_send_query(server, server->proxy->config->options.server_reset_query) < 0) {
        answer_core(server, CORE_EVENT_RESET_DONE, false);
    }
}

void server_task_ready(struct proxy_server *server)
{
    if (server->requests.count > 0) {
        return;
    }
    bool is_ok = !server->had_error && server->tx_status == 'I';
    switch (server->state) {
    case PROXY_SERVER_CHECK:
        answer_core(server, CORE_EVENT_CHECKED, is_ok);
        return;
    case PROXY_SERVER_RESET:
        answer_core(server, CORE_EVENT_RESET_DONE, is_ok);
        return;
    case PROXY_SERVER_LOOKUP:
        proxy_lookup_ready(server);
        return;
    case PROXY_SERVER_DRAIN:
        server->is_draining = false;
        server_drain(server);
        return;
    case PROXY_SERVER_INIT:
        server_init_ready(server);
        return;
    case PROXY_SERVER_CONNECTING:
    case PROXY_SERVER_TLS:
    case PROXY_SERVER_LOGIN:
    case PROXY_SERVER_IDLE:
    case PROXY_SERVER_LINKED:
    case PROXY_SERVER_CLOSING:
        return;
    }
}

/* ---- deadlines ---- */

static void login_timed_out(struct proxy_server *server)
{
    bool has_socket = server->has_socket;
    if (!has_socket) {
        server->state = PROXY_SERVER_CLOSING;
    }
    server_login_fail(
        server,
        (struct core_refusal){CORE_FAILURE_TIMEOUT, CORE_SCOPE_UPSTREAM, BASE_ECONNECTTIMEOUT},
        "08001",
        base_slice_text("the server did not finish the login within "
                        "server_connect_timeout"));
    if (!has_socket) {
        server_abandon(server);
    }
}

void server_on_timer(struct net_timer *timer)
{
    struct proxy_server *server = base_list_entry(timer, struct proxy_server, timer);
    switch (server->state) {
    case PROXY_SERVER_CONNECTING:
    case PROXY_SERVER_TLS:
    case PROXY_SERVER_LOGIN:
    case PROXY_SERVER_INIT:
        login_timed_out(server);
        return;
    case PROXY_SERVER_CHECK:
        answer_core(server, CORE_EVENT_CHECKED, false);
        return;
    case PROXY_SERVER_RESET:
        answer_core(server, CORE_EVENT_RESET_DONE, false);
        return;
    case PROXY_SERVER_DRAIN:
        give_broken(server);
        return;
    case PROXY_SERVER_LOOKUP:
        proxy_lookup_expired(server);
        return;
    case PROXY_SERVER_LINKED:
    case PROXY_SERVER_IDLE:
    case PROXY_SERVER_CLOSING:
        return;
    }
}
