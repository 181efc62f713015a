/* client_session.c - what a client says: passed on to its server, answered here, or made to wait.
 *
 * A client without a server asks for one at its first message that needs one (client_claim); until
 * it is granted nothing more is read. Bytes for the server are passed on as they lie: consecutive
 * messages become one slice ("run"). A message that is not all there is passed on in pieces
 * (pass_left) where only its type matters. The run is sent before the client is closed: its server
 * owes the answers already, and is drained by them.
 *
 * A client that does not read what it is answered is not read either: on_drain (client.c) goes on.
 *
 * is_discarding: the batch that waited was answered with an error (time-out, cancel). What the
 * client had sent of it is dropped up to the Query or Sync that ends it, which is answered
 * ReadyForQuery.
 */
#include <stdio.h>

#include "base/invariant.h"
#include "proxy/client_internal.h"
#include "proxy/log.h"
#include "wire/backend.h"
#include "wire/message.h"
#include "wire/prepared.h"

/* A DEALLOCATE longer than this is not looked for. */
#define COMMAND_BYTES_MAX 256

/* One walk over received bytes. */
struct walk {
    struct proxy_client *client;
    struct base_slice in;
    size_t done;
    size_t run_start;
};

static void send_run(struct walk *walk)
{
    struct proxy_client *client = walk->client;
    if (walk->done > walk->run_start && client->server) {
        struct base_slice run =
            base_slice_of(walk->in.data + walk->run_start, walk->done - walk->run_start);
        net_stream_send(&client->server->stream, run);
        client->pool->stats.total.received_bytes += run.bytes;
    }
    walk->run_start = walk->done;
}

static void swallow(struct walk *walk, size_t bytes)
{
    send_run(walk);
    walk->done += bytes;
    walk->run_start = walk->done;
}

static void send_bare(struct proxy_client *client, enum wire_message_type type)
{
    struct wire_out out = client_out(client, WIRE_BARE_MESSAGE_BYTES);
    wire_backend_bare_put(&out, type);
    client_send_out(client, &out);
}

static void send_ready(struct proxy_client *client)
{
    struct wire_out out = client_out(client, WIRE_READY_FOR_QUERY_BYTES);
    wire_ready_for_query_put(&out, 'I');
    client_send_out(client, &out);
}

/* How much of the message at the front has arrived. */
static size_t arrived(const struct client_message *message)
{
    return message->bytes < message->rest.bytes ? message->bytes : message->rest.bytes;
}

static bool is_whole(const struct client_message *message)
{
    return message->rest.bytes >= message->bytes;
}

/* Takes the message off the input: passed on to the server (also what of it comes later), or
 * dropped. */
static void take(struct walk *walk, const struct client_message *message, bool is_dropped)
{
    size_t here = arrived(message);
    if (is_dropped) {
        swallow(walk, here);
    } else {
        walk->done += here;
    }
    walk->client->pass_left = message->bytes - here;
    walk->client->pass_is_dropped = is_dropped;
}

/* ---- without a server ---- */

static bool discard(struct walk *walk, const struct client_message *message)
{
    struct proxy_client *client = walk->client;
    switch (message->type) {
    case 'Q':
    case 'S':
    case 'F':
        client->is_discarding = false;
        send_ready(client);
        if (client_close_when_leaving(client)) {
            return false;
        }
        break;
    case 'X':
        return false;
    default:
        break;
    }
    take(walk, message, true);
    return true;
}

/* What a short Query says; OTHER where it does not matter. False: the rest of it is still to come.
 */
static bool command_of(const struct proxy_client *client, const struct client_message *message,
                       struct wire_command *ret_command)
{
    struct base_slice query;
    *ret_command = (struct wire_command){.kind = WIRE_COMMAND_OTHER};
    if (message->type != 'Q' || message->bytes > COMMAND_BYTES_MAX ||
        !client_tracks_statements(client)) {
        return true;
    }
    if (!is_whole(message)) {
        return false;
    }
    struct base_slice body =
        base_slice_of(message->rest.data + WIRE_HEADER_BYTES, message->bytes - WIRE_HEADER_BYTES);
    if (wire_query_parse(body, &query) == BASE_OK) {
        *ret_command = wire_command_of(query);
    }
    return true;
}

/* DEALLOCATE of a name that the client prepared by protocol: the server does not know that name.
 * It is answered here when what is ahead of it has been answered. */
static bool deallocate_here(struct walk *walk, const struct client_message *message,
                            const struct wire_command *command)
{
    struct proxy_client *client = walk->client;
    struct proxy_server *server = client->server;
    if (command->kind != WIRE_COMMAND_DEALLOCATE || client->names.table.count == 0) {
        return false;
    }
    if (server && !proxy_server_is_quiet(server)) {
        client->awaits_answers = !server->in_copy_in;
        return false;
    }
    if (!client_deallocate(client, command)) {
        return false;
    }
    struct wire_out out = client_out(client, 64);
    wire_command_complete_put(&out, base_slice_text("DEALLOCATE"));
    wire_ready_for_query_put(&out, server ? server->tx_status : 'I');
    client_send_out(client, &out);
    swallow(walk, message->bytes);
    return true;
}

/* Messages that a client without a server gets answered without one. False: it needs a server. */
static bool answer_here(struct walk *walk, const struct client_message *message)
{
    struct proxy_client *client = walk->client;
    struct wire_target target;
    switch (message->type) {
    case 'S':
        send_ready(client);
        break;
    case 'H':
    case 'd':
    case 'c':
    case 'f':
        break; /* COPY data after the COPY failed: PostgreSQL drops it too */
    case 'P':
        if (!client_tracks_statements(client) || !is_whole(message) ||
            !client_parse_here(client, message)) {
            return false;
        }
        send_bare(client, WIRE_BACKEND_PARSE_COMPLETE);
        break;
    case 'C':
        if (!client_tracks_statements(client) || !is_whole(message) ||
            wire_target_parse(base_slice_of(message->rest.data + WIRE_HEADER_BYTES,
                                            message->bytes - WIRE_HEADER_BYTES),
                              &target) < 0 ||
            target.kind != 'S') {
            return false;
        }
        proxy_names_remove(&client->names, &client->proxy->statements, target.name);
        send_bare(client, WIRE_BACKEND_CLOSE_COMPLETE);
        break;
    default:
        return false;
    }
    take(walk, message, true);
    return true;
}

/* ---- with a server ---- */

static bool expect(struct walk *walk, enum proxy_request_kind kind)
{
    struct proxy_client *client = walk->client;
    int r = proxy_server_expect(
        client->server, (struct proxy_request){.kind = (uint8_t)kind, .who = PROXY_WHO_CLIENT});
    if (r < 0) {
        send_run(walk);
        proxy_client_close_status(client, r, NULL, "too many requests outstanding");
    }
    return r == BASE_OK;
}

/* A message whose statement name matters. True when it was dealt with, at least in part. */
static bool take_prepared(struct walk *walk, const struct client_message *message)
{
    struct proxy_client *client = walk->client;
    size_t used = 0;
    send_run(walk);
    int r = message->type == 'P' ? client_prepared_parse(client, message, &used)
                                 : client_prepared_refer(client, message, &used);
    if (r < 0) {
        proxy_client_close_status(client, r, NULL, "prepared statement refused");
        return false;
    }
    if (used == 0) {
        return false;
    }
    /* The head went out as weir wrote it; the rest of the message follows as it lies. */
    walk->done += used;
    walk->run_start = walk->done;
    size_t left = message->bytes - used;
    size_t here = message->rest.bytes - used;
    size_t now = left < here ? left : here;
    walk->done += now;
    client->pass_left = left - now;
    client->pass_is_dropped = false;
    return true;
}

static bool take_untracked(struct walk *walk, const struct client_message *message)
{
    struct proxy_client *client = walk->client;
    static const struct {
        char type;
        enum proxy_request_kind kind;
    } kinds[] = {
        {'P', PROXY_REQUEST_PARSE},    {'B', PROXY_REQUEST_BIND},  {'D', PROXY_REQUEST_DESCRIBE},
        {'E', PROXY_REQUEST_EXECUTE},  {'C', PROXY_REQUEST_CLOSE}, {'S', PROXY_REQUEST_SYNC},
        {'F', PROXY_REQUEST_FUNCTION}, {'Q', PROXY_REQUEST_QUERY},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (kinds[i].type == message->type && !expect(walk, kinds[i].kind)) {
            return false;
        }
    }
    if (message->type == 'E' && client->has_bound_drop) {
        client->awaits_answers = true;
    } else if (message->type == 'S') {
        client->has_bound_drop = false;
    }
    take(walk, message, false);
    return true;
}

static bool take_query(struct walk *walk, const struct client_message *message)
{
    struct proxy_client *client = walk->client;
    if (client->proxy->config->options.disable_pqexec) {
        send_run(walk);
        proxy_client_close(client, "08P01", "PQexec disallowed", NULL,
                           "Use the extended protocol, or set disable_pqexec = 0.",
                           "PQexec disallowed");
        return false;
    }
    client->server->unnamed_is_known = false; /* a simple query destroys the unnamed statement */
    return take_untracked(walk, message);
}

static bool take_copy_end(struct walk *walk, const struct client_message *message)
{
    struct proxy_server *server = walk->client->server;
    if (server->in_copy_in) {
        server->in_copy_in = false;
    } else if (!expect(walk, PROXY_REQUEST_COPY_END)) {
        return false;
    }
    take(walk, message, false);
    return true;
}

static bool pass_on(struct walk *walk, const struct client_message *message)
{
    switch (message->type) {
    case 'Q':
        return take_query(walk, message);
    case 'P':
    case 'B':
    case 'D':
    case 'C':
        return client_tracks_statements(walk->client) ? take_prepared(walk, message)
                                                      : take_untracked(walk, message);
    case 'c':
    case 'f':
        return take_copy_end(walk, message);
    case 'E':
    case 'S':
    case 'F':
        return take_untracked(walk, message);
    default: /* Flush, CopyData */
        take(walk, message, false);
        return true;
    }
}

/* ---- the walk ---- */

static void break_protocol(struct walk *walk, int status, char type)
{
    struct proxy_client *client = walk->client;
    char text[128];
    send_run(walk);
    if (status == BASE_ETOOBIG) {
        proxy_client_close_status(client, status, NULL, "message is too long");
        return;
    }
    snprintf(text, sizeof(text), "protocol violation: unexpected message type 0x%02x",
             (unsigned char)type);
    proxy_client_close(client, "08P01", text, NULL,
                       "Check that the client speaks PostgreSQL protocol 3.",
                       "client broke the protocol");
}

static bool read_header(struct walk *walk, struct client_message *ret_message)
{
    struct proxy_client *client = walk->client;
    uint64_t limit = client->proxy->config->options.max_packet_size;
    uint32_t max = limit < WIRE_FRAME_BYTES_MAX - 1 ? (uint32_t)limit : WIRE_FRAME_BYTES_MAX - 1;
    struct base_slice rest = base_slice_skip(walk->in, walk->done);
    int r = wire_frame_header(rest, max, &ret_message->type, &ret_message->bytes);
    if (r == BASE_EMORE) {
        return false;
    }
    ret_message->rest = rest;
    if (r < 0 || !wire_frontend_is_known(rest.data[0]) || rest.data[0] == 'p') {
        break_protocol(walk, r, (char)rest.data[0]);
        return false;
    }
    return true;
}

/* Behind DISCARD ALL nothing is taken until it is answered: what is prepared behind it would be
 * mistaken for what it dropped. In a batch the answer comes only when it is asked for. */
static bool awaits_answers(struct walk *walk)
{
    struct proxy_client *client = walk->client;
    struct proxy_server *server = client->server;
    if (!client->awaits_answers || server->requests.count == 0) {
        client->awaits_answers = client->has_flushed = false;
        return false;
    }
    if (server->is_in_batch && !client->has_flushed) {
        struct wire_out out = server_out(server, WIRE_BARE_MESSAGE_BYTES);
        wire_frontend_bare_put(&out, WIRE_FRONTEND_FLUSH);
        send_run(walk);
        server_send_out(server, &out);
        client->has_flushed = true;
    }
    return true;
}

/* One message. False when the walk must stop: more bytes, a wait, or the end. */
static bool step(struct walk *walk)
{
    struct proxy_client *client = walk->client;
    struct client_message message;
    struct wire_command command;
    if (!read_header(walk, &message)) {
        return false;
    }
    if (client->is_discarding && message.type != 'X') {
        return discard(walk, &message);
    }
    if (message.type == 'X') {
        swallow(walk, arrived(&message));
        proxy_client_close(client, NULL, NULL, NULL, NULL, "client close request");
        return false;
    }
    if (client->is_replication && client->server) {
        take(walk, &message, false); /* a session of its own: nothing to keep in step */
        return true;
    }
    if (!command_of(client, &message, &command)) {
        return false;
    }
    if (deallocate_here(walk, &message, &command)) {
        return true;
    }
    if (!client->server) {
        if (answer_here(walk, &message)) {
            return true;
        }
        client_claim(client, PROXY_CLIENT_WAITING, net_loop_now(client->proxy->loop));
        if (!client->server) {
            return false;
        }
    }
    if (client->server->is_setting || proxy_requests_is_full(&client->server->requests) ||
        awaits_answers(walk)) {
        net_stream_pause(&client->stream);
        return false;
    }
    client->awaits_answers =
        command.kind == WIRE_COMMAND_DISCARD_ALL || command.kind == WIRE_COMMAND_DEALLOCATE_ALL;
    if (pass_on(walk, &message)) {
        return true;
    }
    if (client->server && client->awaits_answers && awaits_answers(walk)) {
        net_stream_pause(&client->stream); /* a Parse of a name that may not be there */
    }
    return false;
}

static void pass_piece(struct walk *walk)
{
    struct proxy_client *client = walk->client;
    size_t left = walk->in.bytes - walk->done;
    size_t bytes = client->pass_left < left ? (size_t)client->pass_left : left;
    client->pass_left -= bytes;
    if (client->pass_is_dropped || !client->server) {
        swallow(walk, bytes);
    } else {
        walk->done += bytes;
    }
}

size_t proxy_client_session_data(struct proxy_client *client, struct base_slice in)
{
    struct walk walk = {.client = client, .in = in};
    client->request_at = client->idle_at = net_loop_now(client->proxy->loop);
    while (walk.done < in.bytes) {
        if (net_stream_unsent(&client->stream) > NET_HIGH_WATER) {
            net_stream_pause(&client->stream);
            break;
        }
        if (client->pass_left > 0) {
            pass_piece(&walk);
        } else if (!step(&walk)) {
            break;
        }
    }
    if (client->state == PROXY_CLIENT_CLOSING) {
        return in.bytes;
    }
    send_run(&walk);
    if (client->server) {
        client_limits_watch(client);
        if (net_stream_unsent(&client->server->stream) > NET_HIGH_WATER) {
            net_stream_pause(&client->stream);
        }
        proxy_server_settle(client->server); /* the last piece of a late message may have gone */
    }
    return walk.done;
}
