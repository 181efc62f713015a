/* client_prepared.c - a client's prepared statements on the server it has now.
 *
 *   Parse named     remembered under the client's name; sent as weir_<n> unless the server has it
 *   Parse unnamed   remembered, sent as it is
 *   Bind, Describe  of a statement the server lacks: Parse goes in front, its answer is swallowed
 *   Close           of a statement: the client's name goes; the server keeps the statement for
 *                   others
 *   Parse unnamed   of DEALLOCATE of a name of the client's: sent as DEALLOCATE of DROPPED_NAME,
 *                   which is prepared for that; once it is done, the client's name goes
 *
 * A name the client never prepared is passed on as it is: the server says what is wrong.
 */
#include "base/invariant.h"
#include "proxy/client_internal.h"
#include "wire/message.h"
#include "wire/prepared.h"

/* What a server drops in place of a statement that others may use. */
#define DROPPED_NAME "weir_dropped"

/* Most statements closed for one that comes: together they stay below the slack of a full FIFO. */
#define EVICT_MAX 2

/* A name in DEALLOCATE longer than this is none of the client's. */
#define FOLDED_BYTES 256

bool client_tracks_statements(const struct proxy_client *client)
{
    return client->pool->mode != CONFIG_POOL_MODE_SESSION &&
           client->proxy->config->options.max_prepared_statements > 0;
}

static int expect(struct proxy_client *client, enum proxy_request_kind kind,
                  enum proxy_request_who who, struct proxy_statement *statement)
{
    struct proxy_request request = {
        .kind = (uint8_t)kind, .who = (uint8_t)who, .statement = proxy_statement_share(statement)};
    return proxy_server_expect(client->server, request);
}

/* Parse of the client's own: when it fails its name is given up again. */
static int expect_named(struct proxy_client *client, enum proxy_request_who who,
                        struct proxy_statement *statement, struct base_slice name)
{
    struct proxy_request request = {
        .kind = PROXY_REQUEST_PARSE,
        .who = (uint8_t)who,
        .name = proxy_text_take(&client->proxy->texts, name),
    };
    if (!request.name) {
        return BASE_ENOMEM;
    }
    request.statement = proxy_statement_share(statement);
    return proxy_server_expect(client->server, request);
}

static struct base_slice name_of(const struct proxy_statement *statement,
                                 char text[PROXY_STATEMENT_NAME_BYTES])
{
    return base_slice_of(text, proxy_statement_name(statement, text));
}

static int send_close(struct proxy_client *client, struct proxy_statement *statement)
{
    char text[PROXY_STATEMENT_NAME_BYTES];
    struct wire_out out = server_out(client->server, PROXY_STATEMENT_NAME_BYTES + 16);
    wire_close_put(&out, 'S', name_of(statement, text));
    int r = expect(client, PROXY_REQUEST_CLOSE, PROXY_WHO_WEIR, statement);
    if (r == BASE_OK) {
        server_send_out(client->server, &out);
        proxy_had_remove(&client->server->had, &client->proxy->statements, statement);
    }
    return r;
}

/* Writes Parse of the statement under `name`. */
static int put_parse(struct proxy_client *client, const struct proxy_statement *statement,
                     struct base_slice name, struct wire_out *out)
{
    *out = server_out(client->server, (size_t)statement->body_bytes + name.bytes + 16);
    size_t mark = wire_out_begin(out, 'P');
    wire_out_cstring(out, name);
    wire_out_bytes(out, base_slice_of(statement->body, statement->body_bytes));
    wire_out_end(out, mark);
    client->pool->stats.total.prepared_server++;
    return wire_out_status(out);
}

/* Sends Parse of weir's own: the client does not see the answer. */
static int send_parse(struct proxy_client *client, struct proxy_statement *statement,
                      struct base_slice name)
{
    struct wire_out out;
    int r = put_parse(client, statement, name, &out);
    r = r < 0 ? r : expect(client, PROXY_REQUEST_PARSE, PROXY_WHO_WEIR, statement);
    if (r == BASE_OK) {
        server_send_out(client->server, &out);
    }
    return r;
}

/* Room for one more statement on the server. A few at a time: the limit may have been lowered, and
 * each needs a request. */
static int evict(struct proxy_client *client)
{
    struct proxy_had *had = &client->server->had;
    int r = BASE_OK;
    for (int i = 0; r == BASE_OK && i < EVICT_MAX &&
                    had->count > client->proxy->config->options.max_prepared_statements;
         i++) {
        r = send_close(client, proxy_had_oldest(had));
    }
    return r;
}

/* Makes room for the statement on the server. *ret_is_there: it has it, nothing need be sent. What
 * it was asked for in an earlier batch it has for who uses it (or refuses, as PostgreSQL would),
 * but not for who prepares it again. A server that skips to Sync does none of it, and what is asked
 * of it is undone. */
static int make_ready(struct proxy_client *client, struct proxy_statement *statement,
                      bool is_prepared_again, bool *ret_is_there)
{
    struct proxy_had *had = &client->server->had;
    int r = BASE_OK;
    enum proxy_have have = proxy_had_use(had, statement);
    if (have == PROXY_HAVE_ASKED) {
        have = is_prepared_again ? PROXY_HAVE_STALE : PROXY_HAVE;
    }
    *ret_is_there = have == PROXY_HAVE;
    if (have == PROXY_HAVE || client->server->is_skipping) {
        return BASE_OK;
    }
    /* What was closed in an earlier batch may be there after all. */
    bool is_doubtful = have == PROXY_HAVE_NOT && had->batches_answered < had->batches_sent;
    if (have == PROXY_HAVE_STALE || is_doubtful) {
        r = send_close(client, statement);
    }
    r = r < 0 ? r : proxy_had_add(had, &client->proxy->statements, statement);
    return r < 0 ? r : evict(client);
}

/* Makes sure the server has it, without the client's seeing anything. */
static int ensure(struct proxy_client *client, struct proxy_statement *statement)
{
    char text[PROXY_STATEMENT_NAME_BYTES];
    bool is_there;
    int r = make_ready(client, statement, false, &is_there);
    return r < 0 || is_there ? r : send_parse(client, statement, name_of(statement, text));
}

static int ensure_unnamed(struct proxy_client *client)
{
    struct proxy_server *server = client->server;
    if (!client->unnamed || (server->unnamed_is_known && server->unnamed == client->unnamed)) {
        return BASE_OK;
    }
    int r = send_parse(client, client->unnamed, base_slice_of("", 0));
    if (r == BASE_OK) {
        proxy_statement_drop(&client->proxy->statements, server->unnamed);
        server->unnamed = proxy_statement_share(client->unnamed);
        server->unnamed_is_known = !server->is_skipping;
    }
    return r;
}

/* ---- Parse ---- */

/* The unnamed statement of the client, and of its server, is this one from now on. */
static void set_unnamed(struct proxy_client *client, struct proxy_statement *statement)
{
    struct proxy_server *server = client->server;
    struct proxy_statements *statements = &client->proxy->statements;
    proxy_text_drop(&client->proxy->texts, client->dropped);
    client->dropped = NULL;
    proxy_statement_drop(statements, client->unnamed);
    client->unnamed = proxy_statement_share(statement);
    proxy_statement_drop(statements, server->unnamed);
    server->unnamed = proxy_statement_share(statement);
    server->unnamed_is_known = !server->is_skipping;
}

static int parse_unnamed(struct proxy_client *client, struct proxy_statement *statement,
                         const struct client_message *message, size_t *ret_used)
{
    int r = expect(client, PROXY_REQUEST_PARSE, PROXY_WHO_CLIENT, statement);
    if (r < 0) {
        return r;
    }
    set_unnamed(client, statement);
    net_stream_send(&client->server->stream, base_slice_of(message->rest.data, message->bytes));
    *ret_used = message->bytes;
    return BASE_OK;
}

/* The name of a DEALLOCATE as it is compared; false when it is longer than a name can be. */
static bool fold_name(const struct wire_command *command, char out[FOLDED_BYTES],
                      struct base_slice *ret_name)
{
    struct base_slice name = command->name;
    if (name.bytes > FOLDED_BYTES) {
        return false;
    }
    for (size_t i = 0; i < name.bytes; i++) {
        char c = (char)name.data[i];
        out[i] = !command->is_quoted && c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    *ret_name = base_slice_of(out, name.bytes);
    return true;
}

/* The name of the client's that an unnamed statement is to DEALLOCATE; false: of no such name. */
static bool dropped_name(const struct proxy_client *client, const struct proxy_statement *statement,
                         char out[FOLDED_BYTES], struct base_slice *ret_name)
{
    struct wire_command command =
        proxy_statement_command(base_slice_of(statement->body, statement->body_bytes));
    return fold_name(&command, out, ret_name) && proxy_names_get(&client->names, *ret_name);
}

/* Parse, unnamed, of a DEALLOCATE of the client's `name`. */
static int parse_drop(struct proxy_client *client, struct base_slice name,
                      const struct client_message *message, size_t *ret_used)
{
    static const char body[] = "DEALLOCATE " DROPPED_NAME "\0\0"; /* no types of parameters */
    struct proxy_statements *statements = &client->proxy->statements;
    struct wire_out out;
    struct proxy_text *text = proxy_text_take(&client->proxy->texts, name);
    struct proxy_statement *statement =
        proxy_statement_take(statements, base_slice_of(body, sizeof(body)));
    int r = text && statement ? BASE_OK : BASE_ENOMEM;
    r = r < 0 ? r : put_parse(client, statement, base_slice_of("", 0), &out);
    r = r < 0 ? r : expect(client, PROXY_REQUEST_PARSE, PROXY_WHO_CLIENT, statement);
    if (r == BASE_OK) {
        set_unnamed(client, statement);
        client->dropped = proxy_text_share(text);
        server_send_out(client->server, &out);
        *ret_used = message->bytes;
    }
    proxy_text_drop(&client->proxy->texts, text);
    proxy_statement_drop(statements, statement);
    return r;
}

/* Sends what makes DEALLOCATE of DROPPED_NAME work. The name may be left over from a batch that
 * failed: closing what is not there is no error. */
static int ensure_dropped(struct proxy_client *client)
{
    struct base_slice name = base_slice_text(DROPPED_NAME);
    struct wire_out out = server_out(client->server, 2 * sizeof(DROPPED_NAME) + 32);
    wire_close_put(&out, 'S', name);
    size_t mark = wire_out_begin(&out, 'P');
    wire_out_cstring(&out, name);
    wire_out_bytes(&out, base_slice_of("\0\0", 3)); /* an empty query without parameters */
    wire_out_end(&out, mark);
    int r = wire_out_status(&out);
    r = r < 0 ? r : expect(client, PROXY_REQUEST_CLOSE, PROXY_WHO_WEIR, NULL);
    r = r < 0 ? r : expect(client, PROXY_REQUEST_PARSE, PROXY_WHO_WEIR, NULL);
    if (r == BASE_OK) {
        server_send_out(client->server, &out);
    }
    return r;
}

void proxy_client_deallocated(struct proxy_client *client)
{
    if (client->dropped && client->has_bound_drop) {
        proxy_names_remove(&client->names, &client->proxy->statements,
                           proxy_text_slice(client->dropped));
        proxy_text_drop(&client->proxy->texts, client->dropped);
        client->dropped = NULL;
    }
}

/* The client prepares a name it has: the server says what is wrong with that, about its own name.
 * Not before it owes nothing: it may have skipped the Parse that gave the name. */
static int parse_again(struct proxy_client *client, struct proxy_statement *statement,
                       const struct client_message *message, size_t *ret_used)
{
    char text[PROXY_STATEMENT_NAME_BYTES];
    struct wire_out out;
    if (client->server->requests.count > 0 && !client->server->in_copy_in) {
        client->awaits_answers = true;
        return BASE_OK;
    }
    int r = ensure(client, statement);
    r = r < 0 ? r : put_parse(client, statement, name_of(statement, text), &out);
    r = r < 0 ? r : expect(client, PROXY_REQUEST_PARSE, PROXY_WHO_CLIENT, NULL);
    if (r == BASE_OK) {
        server_send_out(client->server, &out);
        *ret_used = message->bytes;
    }
    return r;
}

static int parse_named(struct proxy_client *client, struct base_slice name,
                       struct proxy_statement *statement, const struct client_message *message,
                       size_t *ret_used)
{
    char text[PROXY_STATEMENT_NAME_BYTES];
    struct wire_out out;
    bool is_there = false;
    struct proxy_statement *known = proxy_names_get(&client->names, name);
    if (known) {
        return parse_again(client, known, message, ret_used);
    }
    int r = proxy_names_set(&client->names, &client->proxy->statements, name, statement);
    r = r < 0 ? r : make_ready(client, statement, true, &is_there);
    if (r == BASE_OK && is_there) {
        r = expect_named(client, PROXY_WHO_LOCAL, statement, name);
    } else if (r == BASE_OK) {
        r = put_parse(client, statement, name_of(statement, text), &out);
        r = r < 0 ? r : expect_named(client, PROXY_WHO_CLIENT, statement, name);
        if (r == BASE_OK) {
            server_send_out(client->server, &out);
        }
    }
    if (r == BASE_OK) {
        *ret_used = message->bytes;
    }
    return r;
}

bool client_parse_here(struct proxy_client *client, const struct client_message *message)
{
    struct wire_parse parse;
    struct base_slice body =
        base_slice_of(message->rest.data + WIRE_HEADER_BYTES, message->bytes - WIRE_HEADER_BYTES);
    if (wire_parse_parse(body, &parse) < 0 || parse.name.bytes == 0 ||
        proxy_names_get(&client->names, parse.name)) {
        return false;
    }
    struct proxy_statement *statement = proxy_statement_take(
        &client->proxy->statements, base_slice_skip(body, parse.name.bytes + 1));
    bool is_known = false;
    base_list_each(it, &client->pool->servers)
    {
        struct proxy_server *server = base_list_entry(it, struct proxy_server, pool_link);
        if (statement && proxy_had_use(&server->had, statement) == PROXY_HAVE) {
            is_known = proxy_names_set(&client->names, &client->proxy->statements, parse.name,
                                       statement) == BASE_OK;
            break;
        }
    }
    proxy_statement_drop(&client->proxy->statements, statement);
    client->pool->stats.total.prepared_client += is_known;
    return is_known;
}

int client_prepared_parse(struct proxy_client *client, const struct client_message *message,
                          size_t *ret_used)
{
    struct wire_parse parse;
    if (message->bytes > CLIENT_IN_BYTES_MAX) {
        return BASE_ETOOBIG;
    }
    if (message->rest.bytes < message->bytes) {
        return BASE_OK;
    }
    struct base_slice body =
        base_slice_of(message->rest.data + WIRE_HEADER_BYTES, message->bytes - WIRE_HEADER_BYTES);
    int r = wire_parse_parse(body, &parse);
    if (r < 0) {
        return r;
    }
    struct proxy_statement *statement = proxy_statement_take(
        &client->proxy->statements, base_slice_skip(body, parse.name.bytes + 1));
    if (!statement) {
        return BASE_ENOMEM;
    }
    client->pool->stats.total.prepared_client++;
    char folded[FOLDED_BYTES];
    struct base_slice name;
    if (parse.name.bytes > 0) {
        r = parse_named(client, parse.name, statement, message, ret_used);
    } else if (statement->drops_one && dropped_name(client, statement, folded, &name)) {
        r = parse_drop(client, name, message, ret_used);
    } else {
        r = parse_unnamed(client, statement, message, ret_used);
    }
    proxy_statement_drop(&client->proxy->statements, statement);
    return r;
}

/* ---- Bind, Describe, Close ---- */

static enum proxy_request_kind kind_of(char type)
{
    return type == 'B'   ? PROXY_REQUEST_BIND
           : type == 'D' ? PROXY_REQUEST_DESCRIBE
                         : PROXY_REQUEST_CLOSE;
}

/* The header and the body up to `head_bytes` go out as they lie. */
static int pass_head(struct proxy_client *client, const struct client_message *message,
                     const struct wire_statement_ref *ref, struct proxy_statement *statement,
                     size_t *ret_used)
{
    int r = expect(client, kind_of(message->type), PROXY_WHO_CLIENT, statement);
    if (r == BASE_OK) {
        *ret_used = WIRE_HEADER_BYTES + ref->head_bytes;
        net_stream_send(&client->server->stream, base_slice_of(message->rest.data, *ret_used));
    }
    return r;
}

static int rename_head(struct proxy_client *client, const struct client_message *message,
                       const struct wire_statement_ref *ref, struct proxy_statement *statement,
                       size_t *ret_used)
{
    char text[PROXY_STATEMENT_NAME_BYTES];
    struct base_slice name = name_of(statement, text);
    int r = ensure(client, statement);
    if (r < 0) {
        return r;
    }
    struct wire_out out = server_out(client->server, wire_statement_rename_bytes(ref, name));
    wire_statement_rename(&out, ref, name);
    r = wire_out_status(&out);
    if (r == BASE_OK) {
        r = expect(client, kind_of(message->type), PROXY_WHO_CLIENT, statement);
    }
    if (r == BASE_OK) {
        server_send_out(client->server, &out);
        *ret_used = WIRE_HEADER_BYTES + ref->head_bytes;
    }
    return r;
}

/* Close of a statement stays here: others may use it. */
static int close_here(struct proxy_client *client, const struct client_message *message,
                      const struct wire_statement_ref *ref, size_t *ret_used)
{
    int r = expect(client, PROXY_REQUEST_CLOSE, PROXY_WHO_LOCAL, NULL);
    if (r == BASE_OK) {
        proxy_names_remove(&client->names, &client->proxy->statements, ref->name);
        *ret_used = message->bytes;
    }
    return r;
}

int client_prepared_refer(struct proxy_client *client, const struct client_message *message,
                          size_t *ret_used)
{
    struct wire_statement_ref ref;
    size_t here = message->rest.bytes < message->bytes ? message->rest.bytes : message->bytes;
    struct base_slice seen =
        base_slice_of(message->rest.data + WIRE_HEADER_BYTES, here - WIRE_HEADER_BYTES);
    int r = wire_statement_find(message->type, message->bytes, seen, &ref);
    if (r == BASE_EMORE) {
        return BASE_OK;
    }
    if (r < 0) {
        return r;
    }
    if (message->type == 'C' && ref.is_statement && ref.name.bytes > 0) {
        return here < message->bytes ? BASE_OK : close_here(client, message, &ref, ret_used);
    }
    if (message->type == 'C' || !ref.is_statement) {
        if (ref.is_statement) {
            client->server->unnamed_is_known = false;
        }
        return pass_head(client, message, &ref, NULL, ret_used);
    }
    if (message->type == 'B') {
        client->pool->stats.total.prepared_binds++;
    }
    struct proxy_statement *statement =
        ref.name.bytes > 0 ? proxy_names_get(&client->names, ref.name) : client->unnamed;
    bool drops_one = ref.name.bytes == 0 && client->dropped;
    if (message->type == 'B' && statement && (statement->drops_all || drops_one)) {
        client->has_bound_drop = true;
    }
    if (ref.name.bytes == 0) {
        r = message->type == 'B' && drops_one ? ensure_dropped(client) : BASE_OK;
        r = r < 0 ? r : ensure_unnamed(client);
        return r == BASE_OK ? pass_head(client, message, &ref, statement, ret_used) : r;
    }
    return statement ? rename_head(client, message, &ref, statement, ret_used)
                     : pass_head(client, message, &ref, NULL, ret_used);
}

bool client_deallocate(struct proxy_client *client, const struct wire_command *command)
{
    char folded[FOLDED_BYTES];
    struct base_slice name;
    return fold_name(command, folded, &name) &&
           proxy_names_remove(&client->names, &client->proxy->statements, name);
}
