/* server_requests.c - what a server owes: noted, dropped, undone, answered by weir itself.
 *
 * The kinds of entries and what ends each are in request.h; answers are matched with them in
 * server_session.c. What a server skipped after an error is undone: a name given for a Parse is
 * taken back, statements that it would have prepared are in doubt. Test: tests/system (prepared,
 * regressions).
 */
#include "proxy/client.h"
#include "proxy/server_internal.h"
#include "wire/backend.h"

/* A server with so many times max_prepared_statements statements, most of them in doubt, ends. */
#define HAD_FACTOR 4

static bool ends_batch(const struct proxy_request *request)
{
    return request->kind == PROXY_REQUEST_QUERY || request->kind == PROXY_REQUEST_FUNCTION ||
           request->kind == PROXY_REQUEST_SYNC;
}

void server_request_drop(struct proxy_server *server, struct proxy_request request)
{
    server->had.batches_answered += ends_batch(&request);
    proxy_statement_drop(&server->proxy->statements, request.statement);
    proxy_text_drop(&server->proxy->texts, request.name);
}

/* A Close that the server did not carry out: it may still have the statement. */
static void undo_close(struct proxy_server *server, struct proxy_statement *statement)
{
    uint64_t limit = HAD_FACTOR * server->proxy->config->options.max_prepared_statements;
    if (server->had.count < limit &&
        proxy_had_add(&server->had, &server->proxy->statements, statement) == BASE_OK) {
        proxy_had_doubt(&server->had, statement);
    } else {
        server->is_unfit = true;
    }
}

void server_request_undo(struct proxy_server *server, struct proxy_request request)
{
    struct proxy_statements *statements = &server->proxy->statements;
    if (request.kind == PROXY_REQUEST_CLOSE && request.statement) {
        undo_close(server, request.statement);
    }
    if (request.kind == PROXY_REQUEST_PARSE) {
        if (request.who != PROXY_WHO_LOCAL && request.statement) {
            proxy_had_doubt(&server->had, request.statement);
            server->unnamed_is_known = false;
        }
        if (request.name && server->client) {
            proxy_names_remove(&server->client->names, statements, proxy_text_slice(request.name));
        }
    }
    server_request_drop(server, request);
}

void server_forget_requests(struct proxy_server *server)
{
    while (server->requests.count > 0) {
        server_request_drop(server, proxy_requests_pop(&server->requests));
    }
    server->in_copy_in = false;
    server->is_in_batch = false;
    server->copy_syncs = server->doubtful_syncs = 0;
    server->has_begun = false;
    server->pass_left = 0;
    server->is_setting = false;
}

static void answer_locally(struct proxy_server *server, const struct proxy_request *request)
{
    if (!server->client) {
        return;
    }
    struct wire_out out = server_out(server, WIRE_BARE_MESSAGE_BYTES);
    wire_backend_bare_put(&out, request->kind == PROXY_REQUEST_PARSE ? WIRE_BACKEND_PARSE_COMPLETE
                                                                     : WIRE_BACKEND_CLOSE_COMPLETE);
    net_stream_send(&server->client->stream, wire_out_slice(&out));
}

void server_requests_settle(struct proxy_server *server)
{
    while (server->requests.count > 0) {
        struct proxy_request *head = proxy_requests_at(&server->requests, 0);
        if (head->who == PROXY_WHO_LOCAL) {
            answer_locally(server, head);
        } else if (head->kind != PROXY_REQUEST_COPY_END) {
            return;
        }
        server_request_drop(server, proxy_requests_pop(&server->requests));
    }
}

/* What the extended protocol did is committed by Sync (or by the end of a simple query). */
static void note_batch(struct proxy_server *server, const struct proxy_request *request)
{
    switch ((enum proxy_request_kind)request->kind) {
    case PROXY_REQUEST_QUERY:
    case PROXY_REQUEST_FUNCTION:
    case PROXY_REQUEST_SYNC:
        server->is_in_batch = false;
        return;
    case PROXY_REQUEST_PARSE:
    case PROXY_REQUEST_BIND:
    case PROXY_REQUEST_DESCRIBE:
    case PROXY_REQUEST_EXECUTE:
    case PROXY_REQUEST_CLOSE:
        server->is_in_batch = server->is_in_batch || request->who != PROXY_WHO_LOCAL;
        return;
    case PROXY_REQUEST_COPY_END:
        return;
    }
}

static void note_begin(struct proxy_server *server)
{
    base_time now = net_loop_now(server->proxy->loop);
    server->query_at = server->query_at ? server->query_at : now;
    server->transaction_at = server->transaction_at ? server->transaction_at : now;
}

int proxy_server_expect(struct proxy_server *server, struct proxy_request request)
{
    server->had.batches_sent += ends_batch(&request);
    /* While the server skips to Sync nothing else is answered; in COPY it ignores Sync. */
    bool is_ignored = (server->is_skipping && request.kind != PROXY_REQUEST_SYNC) ||
                      (server->in_copy_in && request.kind == PROXY_REQUEST_SYNC);
    if (is_ignored) {
        server->copy_syncs += request.kind == PROXY_REQUEST_SYNC;
        server_request_undo(server, request);
        return BASE_OK;
    }
    int r = proxy_requests_push(&server->requests, request);
    if (r < 0) {
        server_request_drop(server, request);
        return r;
    }
    note_batch(server, &request);
    if (request.kind == PROXY_REQUEST_SYNC) {
        server->is_skipping = false; /* what is sent behind it is answered again */
    }
    if (server->requests.count == 1) {
        note_begin(server);
        server_requests_settle(server);
    }
    return BASE_OK;
}
