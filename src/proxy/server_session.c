/* server_session.c - what a server answers: matched with what it owes, passed on or swallowed.
 *
 * Bytes that go on to the client are passed on as they lie: consecutive messages become one slice
 * ("run"). Only headers are looked at, but for the few messages that matter here. A message that is
 * not all there yet and does not matter is passed on in pieces (pass_left).
 *
 * Without a client (IDLE, DRAIN, RESET, CHECK, INIT, LOOKUP) nothing is passed on. Test:
 * tests/system (pooling, drivers, faults).
 */
#include "proxy/server_internal.h"

#include <stdio.h>

#include "base/invariant.h"
#include "proxy/client.h"
#include "proxy/log.h"
#include "proxy/lookup.h"
#include "wire/backend.h"
#include "wire/frontend.h"

/* One walk over received bytes. */
struct walk {
    struct proxy_server *server;
    struct base_slice in;
    size_t done;       /* bytes dealt with */
    size_t run_start;  /* the run is [run_start, done) */
    bool is_stream;    /* of replication: passed on, whatever it says */
    bool ends_request; /* the message at hand is the last answer to the oldest request */
    bool is_ready;     /* it is the ReadyForQuery of a request that is gone already */
};

static void send_run(struct walk *walk)
{
    struct proxy_client *client = walk->server->client;
    if (walk->done > walk->run_start && client) {
        struct base_slice run =
            base_slice_of(walk->in.data + walk->run_start, walk->done - walk->run_start);
        net_stream_send(&client->stream, run);
        client->pool->stats.total.sent_bytes += run.bytes;
    }
    walk->run_start = walk->done;
}

/* Takes `bytes` out of the stream without passing them on. */
static void swallow(struct walk *walk, size_t bytes)
{
    send_run(walk);
    walk->done += bytes;
    walk->run_start = walk->done;
}

/* ---- requests ---- */

/* The oldest entry has been answered. A Sync may have been taken for another; any other answer
 * shows that what was sent before it has had its answers. */
static void pop(struct walk *walk)
{
    struct proxy_requests *requests = &walk->server->requests;
    if (proxy_requests_at(requests, 0)->kind != PROXY_REQUEST_SYNC) {
        walk->server->doubtful_syncs = 0;
    }
    walk->server->has_begun = false;
    server_request_drop(walk->server, proxy_requests_pop(requests));
}

/* What weir answers itself has its turn: behind the message that ended the entry before it. */
static void settle(struct walk *walk)
{
    struct proxy_requests *requests = &walk->server->requests;
    if (requests->count > 0 && proxy_requests_at(requests, 0)->who == PROXY_WHO_LOCAL) {
        send_run(walk);
    }
    server_requests_settle(walk->server);
}

/* This answer ends the oldest entry, which must be of this kind. Returns whether the client sees
 * it. */
static bool end_of(struct walk *walk, enum proxy_request_kind kind, bool *ret_is_wrong)
{
    struct proxy_server *server = walk->server;
    if (server->requests.count == 0 || proxy_requests_at(&server->requests, 0)->kind != kind) {
        *ret_is_wrong = true;
        return false;
    }
    walk->ends_request = true;
    return proxy_requests_at(&server->requests, 0)->who == PROXY_WHO_CLIENT;
}

/* CommandComplete, EmptyQueryResponse, PortalSuspended: they end an Execute, not a Query. */
static bool take_completion(struct walk *walk, bool *ret_is_wrong)
{
    struct proxy_requests *requests = &walk->server->requests;
    walk->server->copy_syncs = 0; /* a COPY that came to its end has swallowed them */
    if (requests->count > 0 && proxy_requests_at(requests, 0)->kind == PROXY_REQUEST_QUERY) {
        return proxy_requests_at(requests, 0)->who != PROXY_WHO_WEIR;
    }
    return end_of(walk, PROXY_REQUEST_EXECUTE, ret_is_wrong);
}

/* ---- errors ---- */

/* A plan that a migration made invalid: every server must prepare the statement anew. */
static void note_invalid_plan(struct proxy_server *server, const struct wire_error *error)
{
    if (server->requests.count == 0 || !base_slice_is(error->sqlstate, "0A000") ||
        !base_slice_is(error->message, "cached plan must not change result type")) {
        return;
    }
    struct proxy_request *head = proxy_requests_at(&server->requests, 0);
    if (head->statement) {
        head->statement->epoch++;
    }
}

/* After an error in the extended protocol nothing up to Sync is answered. */
static void skip_to_sync(struct proxy_server *server)
{
    server->has_begun = false;
    while (server->requests.count > 0) {
        struct proxy_request *head = proxy_requests_at(&server->requests, 0);
        if (head->kind == PROXY_REQUEST_SYNC) {
            return;
        }
        server_request_undo(server, proxy_requests_pop(&server->requests));
    }
    server->is_skipping = true;
    server->is_in_batch = true; /* also when a Query, which was skipped, seemed to end it */
}

static void doubt_copy_syncs(struct proxy_server *server)
{
    server->doubtful_syncs += server->copy_syncs;
    server->copy_syncs = 0;
}

/* SQLSTATE classes of errors that a SET meets but does not cause: the connection, a conflict, a
 * resource, an operator or a time-out, the system, a bug. */
static bool is_of_circumstances(const char *sqlstate)
{
    static const char *const classes[] = {"08", "40", "53", "55P03", "57", "58", "XX"};
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        if (strncmp(sqlstate, classes[i], strlen(classes[i])) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_fatal(const struct wire_error *error)
{
    struct base_slice severity =
        error->severity_raw.bytes > 0 ? error->severity_raw : error->severity;
    return base_slice_is(severity, "FATAL") || base_slice_is(severity, "PANIC");
}

/* What the client wanted set is not: it must not run anything on this server. Nothing of its own
 * was sent yet. A server that says farewell is replaced; another error goes to the client. */
static void fail_setting(struct proxy_server *server, const struct wire_error *error)
{
    char text[300], sqlstate[6] = "22023";
    int bytes = (int)(error->message.bytes < 200 ? error->message.bytes : 200);
    const char *message = error->message.data ? (const char *)error->message.data : "";
    if (error->sqlstate.bytes == 5) {
        memcpy(sqlstate, error->sqlstate.data, 5);
    }
    server->is_unfit = true;
    if (!is_of_circumstances(sqlstate)) {
        snprintf(text, sizeof(text), "unsupported startup parameter: %.*s", bytes, message);
        proxy_client_close(server->client, sqlstate, text, NULL,
                           "Correct the parameter in the connection string, or name it in "
                           "ignore_startup_parameters.",
                           "unsupported startup parameter");
        return;
    }
    snprintf(text, sizeof(text), "%.*s", bytes, message);
    if (is_fatal(error)) {
        proxy_log_server(PROXY_LOG, server, "server said: %s", text);
        server_break(server, "server conn crashed?");
    } else {
        proxy_client_setting_failed(server->client, sqlstate, text);
    }
}

static bool take_error(struct walk *walk, struct base_slice body)
{
    struct proxy_server *server = walk->server;
    struct wire_error error = {0};
    bool is_swallowed = false;
    server->had_error = true;
    server->in_copy_in = false;
    if (wire_error_parse(body, &error) < 0) {
        error = (struct wire_error){0};
    }
    if (server->requests.count > 0) {
        struct proxy_request *head = proxy_requests_at(&server->requests, 0);
        note_invalid_plan(server, &error);
        if (head->kind == PROXY_REQUEST_QUERY || head->kind == PROXY_REQUEST_FUNCTION) {
            is_swallowed = head->who == PROXY_WHO_WEIR;
        } else {
            skip_to_sync(server);
            doubt_copy_syncs(server);
        }
    } else {
        server->is_skipping = server->state == PROXY_SERVER_LINKED && server->query_at != 0;
    }
    if (server->is_setting && is_swallowed) {
        server->is_unfit = true; /* what it undid, too: vars.extra is not what the server has */
        if (server->client) {
            fail_setting(server, &error);
            return false;
        }
    }
    if (server->client && !is_swallowed) {
        server->pool->stats.total.errors++;
    }
    if (server->state == PROXY_SERVER_LOOKUP) {
        proxy_lookup_error(server, body);
    }
    if (!server->client && error.message.data && server->state == PROXY_SERVER_IDLE) {
        proxy_log_server(PROXY_LOG, server, "server said: %.*s", (int)error.message.bytes,
                         (const char *)error.message.data);
    }
    return !is_swallowed;
}

/* ---- session state ---- */

static void take_parameter(struct walk *walk, struct base_slice body)
{
    struct proxy_server *server = walk->server;
    struct proxy_texts *texts = &server->proxy->texts;
    struct base_slice name, value;
    if (wire_parameter_status_parse(body, &name, &value) < 0) {
        return;
    }
    int var = proxy_var_find(&server->proxy->var_names, name);
    if (var < 0) {
        return;
    }
    int r = proxy_vars_set(&server->vars, texts, var, value);
    if (r == BASE_OK && server->client) {
        r = proxy_vars_set(&server->client->vars, texts, var, value);
    }
    if (r < 0) {
        proxy_log_server(PROXY_WARNING, server, "out of memory for a session parameter");
    }
}

/* The SET query for the client is answered. What the server did not report it had already, in its
 * own spelling: take that over, or it would be set again each time. So is what the client did not
 * know of. */
static void end_of_setting(struct proxy_server *server)
{
    server->is_setting = false;
    if (!server->client) {
        return;
    }
    for (uint32_t i = 0; i < server->proxy->var_names.count; i++) {
        struct proxy_text **have = &server->client->vars.value[i];
        if (*have == server->wanted.value[i] && server->vars.value[i] &&
            proxy_var_differs(&server->client->vars, &server->vars, i)) {
            proxy_text_drop(&server->proxy->texts, *have);
            *have = proxy_text_share(server->vars.value[i]);
        }
    }
}

/* The server has dropped all statements. What was sent behind that may prepare some again: names of
 * a Parse still to be answered stay; the server may have them or not. A client that sends DISCARD
 * ALL alone waits for its answer (client_session.c); among other statements it is not noticed. */
static void drop_statements(struct proxy_server *server)
{
    struct proxy_statements *statements = &server->proxy->statements;
    struct proxy_requests *requests = &server->requests;
    if (requests->count > 1) {
        proxy_had_doubt_all(&server->had);
    } else {
        proxy_had_clear(&server->had, statements);
    }
    if (!server->client) {
        return;
    }
    proxy_names_clear(&server->client->names, statements);
    for (uint32_t i = 1; i < requests->count; i++) {
        struct proxy_request *request = proxy_requests_at(requests, i);
        if (request->name && request->statement &&
            proxy_names_set(&server->client->names, statements, proxy_text_slice(request->name),
                            request->statement) < 0) {
            proxy_log_server(PROXY_WARNING, server, "out of memory for a statement's name");
        }
    }
}

static void take_tag(struct proxy_server *server, struct base_slice body)
{
    struct base_slice tag;
    if (body.data[0] != 'D' || wire_command_complete_parse(body, &tag) < 0) {
        return;
    }
    if (base_slice_is(tag, "DISCARD ALL") || base_slice_is(tag, "DEALLOCATE ALL")) {
        drop_statements(server);
    } else if (server->client && base_slice_is(tag, "DEALLOCATE")) {
        proxy_client_deallocated(server->client);
    }
    if (base_slice_is(tag, "DISCARD ALL")) {
        proxy_statement_drop(&server->proxy->statements, server->unnamed);
        server->unnamed = NULL;
        server->unnamed_is_known = false;
        proxy_text_drop(&server->proxy->texts, server->vars.extra);
        server->vars.extra = NULL;
    }
}

/* COPY FROM begins: Syncs sent before the client's CopyDone are ignored by the server. */
static void begin_copy_in(struct proxy_server *server)
{
    bool has_ended = false;
    for (uint32_t i = 0; i < server->requests.count;) {
        struct proxy_request *request = proxy_requests_at(&server->requests, i);
        if (request->kind == PROXY_REQUEST_COPY_END) {
            has_ended = true;
            break;
        }
        if (request->kind == PROXY_REQUEST_SYNC) {
            server_request_drop(server, proxy_requests_remove(&server->requests, i));
            server->is_in_batch = true; /* this Sync did not end it */
            server->copy_syncs++;
        } else {
            i++;
        }
    }
    server->in_copy_in = !has_ended;
}

/* A ReadyForQuery: what is owed still begins now. */
static void note_end(struct proxy_server *server)
{
    base_time now = server->requests.count > 0 ? net_loop_now(server->proxy->loop) : 0;
    server->query_at = now;
    if (server->tx_status == 'I') {
        server->transaction_at = now;
    }
}

static void count_query(struct proxy_server *server)
{
    struct proxy_counters *total = &server->pool->stats.total;
    base_time now = net_loop_now(server->proxy->loop);
    total->queries++;
    total->query_time += base_time_since(now, server->query_at);
    if (server->tx_status == 'I') {
        total->transactions++;
        total->transaction_time += base_time_since(now, server->transaction_at);
    }
}

/* A transaction block in statement pooling. */
static bool is_forbidden_block(const struct proxy_server *server)
{
    return server->pool->mode == CONFIG_POOL_MODE_STATEMENT && server->tx_status != 'I' &&
           server->client;
}

/* Can ReadyForQuery be the answer to the oldest request? While a Sync is in doubt one looks closer:
 * a Query has had another answer before. */
static bool fits_ready(struct proxy_server *server)
{
    if (server->requests.count == 0) {
        return false;
    }
    switch ((enum proxy_request_kind)proxy_requests_at(&server->requests, 0)->kind) {
    case PROXY_REQUEST_SYNC:
        return true;
    case PROXY_REQUEST_QUERY:
    case PROXY_REQUEST_FUNCTION:
        return server->doubtful_syncs == 0 || server->has_begun;
    case PROXY_REQUEST_PARSE:
    case PROXY_REQUEST_BIND:
    case PROXY_REQUEST_DESCRIBE:
    case PROXY_REQUEST_EXECUTE:
    case PROXY_REQUEST_CLOSE:
    case PROXY_REQUEST_COPY_END:
        return false;
    }
    return false;
}

/* ReadyForQuery. Returns whether the client sees it. */
static bool take_ready(struct walk *walk, char status, bool *ret_is_wrong)
{
    struct proxy_server *server = walk->server;
    bool is_skipping = server->is_skipping;
    if (!fits_ready(server) && server->doubtful_syncs == 0) {
        *ret_is_wrong = true;
        return false;
    }
    server->tx_status = status;
    server->is_skipping = false;
    server->in_copy_in = false;
    if (!fits_ready(server)) {
        server->doubtful_syncs--;
        note_end(server);
        server->is_in_batch = server->is_in_batch && !is_skipping;
        return !is_forbidden_block(server);
    }
    struct proxy_request head = *proxy_requests_at(&server->requests, 0);
    pop(walk);
    walk->is_ready = true;
    doubt_copy_syncs(server);
    if (head.who == PROXY_WHO_WEIR) {
        if (server->is_setting) {
            end_of_setting(server);
        }
        return false;
    }
    count_query(server);
    return !is_forbidden_block(server); /* the client gets an error instead */
}

/* ---- the walk ---- */

/* Deals with one message that is all there and matters. Returns whether it is passed on. */
static bool take_frame(struct walk *walk, const struct wire_frame *frame, bool *ret_is_wrong)
{
    struct proxy_server *server = walk->server;
    switch (frame->type) {
    case 'Z':
        if (frame->body.bytes != 1) {
            *ret_is_wrong = true;
            return false;
        }
        return take_ready(walk, (char)frame->body.data[0], ret_is_wrong);
    case 'E':
        return take_error(walk, frame->body);
    case 'S':
        take_parameter(walk, frame->body);
        return true;
    case 'C':
        if (frame->body.bytes > 0) {
            take_tag(server, frame->body);
        }
        return take_completion(walk, ret_is_wrong);
    case 's':
    case 'I':
        return take_completion(walk, ret_is_wrong);
    case '1':
        return end_of(walk, PROXY_REQUEST_PARSE, ret_is_wrong);
    case '2':
        return end_of(walk, PROXY_REQUEST_BIND, ret_is_wrong);
    case '3':
        return end_of(walk, PROXY_REQUEST_CLOSE, ret_is_wrong);
    case 'n':
        return end_of(walk, PROXY_REQUEST_DESCRIBE, ret_is_wrong);
    case 'D':
        proxy_lookup_row(server, frame->body);
        return false;
    case 'G':
        begin_copy_in(server);
        return true;
    default:
        return true;
    }
}

/* Does this message matter as a whole? */
static bool matters(const struct proxy_server *server, char type)
{
    switch (type) {
    case 'D':
        return server->state == PROXY_SERVER_LOOKUP;
    case 'Z':
    case 'E':
    case 'S':
    case 'C':
    case 's':
    case 'I':
    case '1':
    case '2':
    case '3':
    case 'n':
    case 'G':
        return true;
    default:
        return false;
    }
}

/* Is it part of the answer to the oldest request, and not its end? */
static bool begins_answer(const struct proxy_server *server, char type)
{
    return server->requests.count > 0 && type != 'Z' && type != 'S' && type != 'N' && type != 'A';
}

/* A message that does not matter but for its header: rows, COPY data, notices, ... */
static bool is_passed_unread(struct walk *walk, char type)
{
    struct proxy_requests *requests = &walk->server->requests;
    if (!walk->server->client) {
        return false;
    }
    if (requests->count == 0) {
        return true; /* NoticeResponse, NotificationResponse, COPY of replication */
    }
    struct proxy_request *head = proxy_requests_at(requests, 0);
    if (type == 'T' && head->kind == PROXY_REQUEST_DESCRIBE) {
        walk->ends_request = true;
    }
    return head->who != PROXY_WHO_WEIR || type == 'N' || type == 'A';
}

static void pass_piece(struct walk *walk)
{
    struct proxy_server *server = walk->server;
    size_t left = walk->in.bytes - walk->done;
    size_t bytes = server->pass_left < left ? (size_t)server->pass_left : left;
    server->pass_left -= bytes;
    if (server->pass_is_dropped || !server->client) {
        swallow(walk, bytes);
    } else {
        walk->done += bytes;
    }
}

static void end_request(struct walk *walk)
{
    if (walk->ends_request) {
        walk->ends_request = false;
        pop(walk);
        settle(walk);
    }
    if (walk->is_ready) {
        walk->is_ready = false;
        settle(walk);
        note_end(walk->server);
    }
}

/* After a ReadyForQuery: the client may be done with the server, or weir's own task goes on. */
static void after_ready(struct walk *walk, bool is_passed)
{
    struct proxy_server *server = walk->server;
    send_run(walk);
    if (server->state == PROXY_SERVER_LINKED) {
        struct proxy_client *client = server->client;
        if (is_passed || is_forbidden_block(server)) {
            proxy_client_answered(client, server->tx_status);
            if (server->client == client) {
                proxy_server_settle(server);
            }
        } else if (!server->is_setting) {
            proxy_client_set_up(client);
        }
    } else {
        server_task_ready(server);
    }
}

/* One message. False when the walk must stop for lack of bytes or because the server ended. */
static bool step(struct walk *walk)
{
    struct proxy_server *server = walk->server;
    struct base_slice rest = base_slice_skip(walk->in, walk->done);
    uint32_t bytes;
    char type;
    bool is_wrong = false;
    int r = wire_frame_header(rest, WIRE_FRAME_BYTES_MAX - 1, &type, &bytes);
    if (r == BASE_EMORE) {
        return false;
    }
    if (r < 0) {
        server_break(server, "the server broke the protocol");
        return false;
    }
    bool is_looked_into = !walk->is_stream && matters(server, type) && bytes <= SERVER_IN_BYTES_MAX;
    if (is_looked_into && bytes > rest.bytes) {
        return false;
    }
    bool is_passed;
    server->has_begun = server->has_begun || begins_answer(server, type);
    if (is_looked_into) {
        struct wire_frame frame = {type, base_slice_of(rest.data + 5, bytes - 5), bytes};
        is_passed = take_frame(walk, &frame, &is_wrong);
    } else {
        is_passed = is_passed_unread(walk, type);
    }
    if (is_wrong) {
        send_run(walk);
        server_break(server, "the server answered what was not asked");
        return false;
    }
    size_t here = bytes < rest.bytes ? bytes : rest.bytes;
    if (is_passed && server->client) {
        walk->done += here;
    } else {
        swallow(walk, here);
    }
    server->pass_left = bytes - here;
    server->pass_is_dropped = !is_passed;
    end_request(walk);
    if (walk->is_stream) {
        server->had_error = server->had_error || type == 'E';
    } else if (type == 'Z') {
        after_ready(walk, is_passed);
    }
    return server->state != PROXY_SERVER_CLOSING;
}

/* A client that is not read because too much was owed goes on when half of that is answered: its
 * batch may be longer than that, and no ReadyForQuery comes before its Sync. */
static void resume_client(struct proxy_server *server)
{
    struct net_stream *stream = &server->client->stream;
    if (net_stream_is_paused(stream) && !server->is_setting &&
        server->requests.count <= PROXY_REQUESTS_MAX / 2 &&
        net_stream_unsent(&server->stream) <= NET_LOW_WATER) {
        net_stream_resume(stream);
    }
}

size_t server_session_data(struct proxy_server *server, struct base_slice in)
{
    struct walk walk = {.server = server, .in = in};
    walk.is_stream = server->pool->parent && server->client;
    while (walk.done < in.bytes) {
        if (server->pass_left > 0) {
            pass_piece(&walk);
        } else if (!step(&walk)) {
            break;
        }
    }
    if (server->state == PROXY_SERVER_CLOSING) {
        return in.bytes;
    }
    send_run(&walk);
    if (server->client && net_stream_unsent(&server->client->stream) > NET_HIGH_WATER) {
        net_stream_pause(&server->stream);
    } else if (server->client) {
        resume_client(server);
    }
    return walk.done;
}
