/* console.c - the console's protocol: bytes of a logged-in admin or stats user in, answers out.
 *
 * Simple protocol: a Query may hold several statements separated by semicolons; the first error
 * ends it. Extended protocol: Parse, Bind, Describe, Execute and Close of statements without
 * parameters; one portal at a time, whatever it is called; results in text or binary. Statements
 * are kept in client.names and client.unnamed, as those of any client.
 *
 * Every answer is built twice: once to measure, once into turn memory; nothing changes between.
 * Drivers open with BEGIN or set session parameters: those are answered and do nothing.
 * Test: tests/system/test_console.py.
 */
#include "proxy/console.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/invariant.h"
#include "proxy/client.h"
#include "proxy/log.h"
#include "wire/frame.h"
#include "wire/frontend.h"

#define FRAME_BYTES_MAX 65536 /* no console command is longer */

/* ---- sending ----------------------------------------------------------------------------------
 */

struct show_context {
    const struct console_show *show;
    const struct console_formats *formats;
    bool with_description;
};

static void send_built(struct proxy_console *console,
                       void (*build)(struct proxy_console *console, struct wire_out *out,
                                     const void *context),
                       const void *context)
{
    struct net_stream *stream = &console->client->stream;
    struct wire_out out;
    wire_out_init_measure(&out);
    build(console, &out, context);
    size_t bytes = out.bytes;
    wire_out_init(&out, net_turn_alloc(stream->loop, bytes > 0 ? bytes : 1), bytes);
    build(console, &out, context);
    INVARIANT(wire_out_status(&out) == BASE_OK && out.bytes == bytes);
    net_stream_send(stream, wire_out_slice(&out));
}

static void build_bare(struct proxy_console *console, struct wire_out *out, const void *context)
{
    (void)console;
    wire_backend_bare_put(out, *(const enum wire_message_type *)context);
}

static void send_bare(struct proxy_console *console, enum wire_message_type type)
{
    send_built(console, build_bare, &type);
}

static void build_tag(struct proxy_console *console, struct wire_out *out, const void *context)
{
    (void)console;
    wire_command_complete_put(out, base_slice_text(context));
}

static void build_ready(struct proxy_console *console, struct wire_out *out, const void *context)
{
    (void)console;
    (void)context;
    wire_ready_for_query_put(out, 'I');
}

static void build_error(struct proxy_console *console, struct wire_out *out, const void *context)
{
    (void)console;
    const struct console_result *result = context;
    struct wire_error error = {.severity = base_slice_text("ERROR"),
                               .sqlstate = base_slice_text(result->sqlstate),
                               .message = base_slice_text(result->text),
                               .hint = base_slice_text(result->hint)};
    wire_error_put(out, &error);
}

static void build_show(struct proxy_console *console, struct wire_out *out, const void *context)
{
    const struct show_context *c = context;
    if (c->with_description) {
        console_rows_description(out, c->show->columns, c->show->column_count, c->formats);
    }
    struct console_rows rows;
    rows.proxy = console->client->proxy;
    rows.out = out;
    rows.columns = c->show->columns;
    rows.column_count = c->show->column_count;
    rows.formats = c->formats;
    rows.at = 0;
    rows.row_count = 0;
    rows.scratch_used = 0;
    c->show->rows(&rows);
    INVARIANT(rows.at == 0);
    wire_command_complete_put(out, base_slice_text("SHOW"));
}

void console_fail(struct console_result *result, const char *sqlstate, const char *hint,
                  const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(result->text, sizeof(result->text), format, arguments);
    va_end(arguments);
    result->sqlstate = sqlstate;
    result->hint = hint;
    result->tag = NULL;
}

/* ---- one statement ----------------------------------------------------------------------------
 */

enum outcome {
    DONE,
    FAILED,
    WAITING,
};

static enum outcome fail(struct proxy_console *console, const struct console_result *result)
{
    if (console->client->proxy->config->options.log_pooler_errors) {
        proxy_log_client(PROXY_WARNING, console->client, "console: %s", result->text);
    }
    send_built(console, build_error, result);
    return FAILED;
}

static enum outcome fail_text(struct proxy_console *console, const char *sqlstate, const char *hint,
                              const char *text)
{
    struct console_result result = {0};
    console_fail(&result, sqlstate, hint, "%s", text);
    return fail(console, &result);
}

/* What drivers and psql send of their own accord: answered, without effect. NULL: not such one. */
static const char *harmless_tag(const struct console_words *words)
{
    static const struct {
        const char *word;
        const char *tag;
    } list[] = {
        {"BEGIN", "BEGIN"},           {"START", "START TRANSACTION"},
        {"COMMIT", "COMMIT"},         {"END", "COMMIT"},
        {"ROLLBACK", "ROLLBACK"},     {"ABORT", "ROLLBACK"},
        {"DISCARD", "DISCARD ALL"},   {"RESET", "RESET"},
        {"DEALLOCATE", "DEALLOCATE"},
    };
    static const char *const session[] = {
        "application_name",
        "client_encoding",
        "client_min_messages",
        "datestyle",
        "extra_float_digits",
        "intervalstyle",
        "session",
        "standard_conforming_strings",
        "statement_timeout",
        "timezone",
    };
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        if (console_word_is(words, 0, list[i].word)) {
            return list[i].tag;
        }
    }
    for (size_t i = 0; console_word_is(words, 0, "SET") && i < sizeof(session) / sizeof(session[0]);
         i++) {
        if (console_word_is(words, 1, session[i])) {
            return "SET";
        }
    }
    return NULL;
}

static const struct console_show *show_of(const struct console_words *words)
{
    return words->count == 2 && console_word_is(words, 0, "SHOW")
               ? console_show_find(words->word[1].text)
               : NULL;
}

static enum outcome run_command(struct proxy_console *console, const struct console_words *words,
                                bool is_simple)
{
    struct console_result result = {0};
    if (!console->client->is_admin) {
        return fail_text(console, "42501", "Log in as one of admin_users.",
                         "admin access is needed");
    }
    console_command_run(console->client, words, &result);
    if (result.sqlstate) {
        return fail(console, &result);
    }
    if (result.wait != CONSOLE_WAIT_NOTHING) {
        console_wait_begin(console, words, result.wait, result.tag, is_simple);
        return WAITING;
    }
    send_built(console, build_tag, result.tag);
    return DONE;
}

static enum outcome run(struct proxy_console *console, const struct console_words *words,
                        bool is_simple, const struct console_formats *formats)
{
    const struct console_show *show = show_of(words);
    if (show) {
        if (show->needs_admin && !console->client->is_admin) {
            return fail_text(console, "42501", "Log in as one of admin_users.",
                             "admin access is needed");
        }
        struct show_context context = {show, formats, is_simple};
        send_built(console, build_show, &context);
        return DONE;
    }
    const char *tag = harmless_tag(words);
    if (tag) {
        send_built(console, build_tag, tag);
        return DONE;
    }
    if (console_command_is(words)) {
        return run_command(console, words, is_simple);
    }
    return fail_text(console, "42601", "SHOW HELP lists the commands.", "unknown command");
}

/* ---- simple protocol --------------------------------------------------------------------------
 */

static bool is_empty_rest(struct base_slice rest)
{
    struct console_words words;
    while (rest.bytes > 0) {
        if (console_words_next(&rest, &words) < 0 || words.count > 0) {
            return false;
        }
    }
    return true;
}

static bool may_wait(const struct console_words *words)
{
    return console_word_is(words, 0, "PAUSE") || console_word_is(words, 0, "WAIT_CLOSE");
}

static enum outcome run_next(struct proxy_console *console, struct base_slice *rest, bool *is_empty)
{
    struct console_words words;
    if (console_words_next(rest, &words) < 0) {
        return fail_text(console, "42601", "SHOW HELP lists the commands.", "syntax error");
    }
    if (words.count == 0) {
        return DONE;
    }
    *is_empty = false;
    if (may_wait(&words) && !is_empty_rest(*rest)) {
        return fail_text(console, "42601", "Send what follows in a query of its own.",
                         "a command that waits must be the last one of a query");
    }
    return run(console, &words, true, NULL);
}

static void query(struct proxy_console *console, struct base_slice text)
{
    bool is_empty = true;
    enum outcome outcome = DONE;
    while (text.bytes > 0 && outcome == DONE) {
        outcome = run_next(console, &text, &is_empty);
    }
    if (outcome == WAITING) {
        return;
    }
    if (is_empty && outcome == DONE) {
        send_bare(console, WIRE_BACKEND_EMPTY_QUERY_RESPONSE);
    }
    send_built(console, build_ready, NULL);
}

/* ---- extended protocol ------------------------------------------------------------------------
 */

static void fail_extended(struct proxy_console *console, const char *sqlstate, const char *text)
{
    fail_text(console, sqlstate, "SHOW HELP lists the commands.", text);
    console->is_skipping = true;
}

/* The words of a kept statement; false when it is not one statement. */
static bool words_of(const struct proxy_statement *statement, struct console_words *ret_words)
{
    struct base_slice text = base_slice_of(
        statement->body, strnlen((const char *)statement->body, statement->body_bytes));
    ret_words->count = 0;
    while (text.bytes > 0 && ret_words->count == 0) {
        if (console_words_next(&text, ret_words) < 0) {
            return false;
        }
    }
    return is_empty_rest(text);
}

static struct proxy_statement *statement_of(const struct proxy_client *client,
                                            struct base_slice name)
{
    return name.bytes == 0 ? client->unnamed : proxy_names_get(&client->names, name);
}

static int keep(struct proxy_client *client, struct base_slice name,
                struct proxy_statement *statement)
{
    struct proxy_statements *statements = &client->proxy->statements;
    if (name.bytes > 0) {
        return proxy_names_set(&client->names, statements, name, statement);
    }
    proxy_statement_drop(statements, client->unnamed);
    client->unnamed = proxy_statement_share(statement);
    return BASE_OK;
}

static int on_parse(struct proxy_console *console, struct base_slice body)
{
    struct proxy_client *client = console->client;
    struct wire_parse parse;
    int r = wire_parse_parse(body, &parse);
    if (r < 0) {
        return r;
    }
    struct proxy_statement *statement = proxy_statement_take(
        &client->proxy->statements, base_slice_skip(body, parse.name.bytes + 1));
    struct console_words words;
    if (!statement) {
        return BASE_ENOMEM;
    }
    if (!words_of(statement, &words)) {
        fail_extended(console, "42601", "syntax error, or more than one statement");
    } else {
        r = keep(client, parse.name, statement);
        if (r == BASE_OK) {
            send_bare(console, WIRE_BACKEND_PARSE_COMPLETE);
        }
    }
    proxy_statement_drop(&client->proxy->statements, statement);
    return r;
}

/* The result formats behind the parameters; there may be no parameters. */
static int read_formats(struct base_slice rest, struct console_formats *ret_formats)
{
    struct wire_reader reader = wire_reader_of(rest);
    uint16_t skipped = 0;
    uint16_t count = 0;
    struct base_slice bytes;
    int r = wire_reader_u16(&reader, &skipped);
    r = r < 0 ? r : wire_reader_bytes(&reader, skipped * 2u, &bytes);
    r = r < 0 ? r : wire_reader_u16(&reader, &count);
    if (r < 0 || count != 0) {
        return r < 0 ? r : BASE_EUNSUPPORTED;
    }
    struct console_formats formats = {0};
    r = wire_reader_u16(&reader, &formats.count);
    if (r < 0 || formats.count > CONSOLE_COLUMNS_MAX) {
        return BASE_EPROTOCOL;
    }
    for (uint16_t i = 0; r == BASE_OK && i < formats.count; i++) {
        r = wire_reader_u16(&reader, &formats.format[i]);
    }
    r = r < 0 ? r : wire_reader_done(&reader);
    if (r == BASE_OK) {
        *ret_formats = formats;
    }
    return r;
}

static int on_bind(struct proxy_console *console, struct base_slice body)
{
    struct wire_bind bind;
    int r = wire_bind_parse(body, &bind);
    if (r < 0) {
        return r;
    }
    struct proxy_statement *statement = statement_of(console->client, bind.statement);
    if (!statement) {
        fail_extended(console, "26000", "there is no such prepared statement");
        return BASE_OK;
    }
    r = read_formats(bind.rest, &console->formats);
    if (r == BASE_EUNSUPPORTED) {
        fail_extended(console, "08P01", "console commands take no parameters");
        return BASE_OK;
    }
    struct console_words words;
    const struct console_show *show = words_of(statement, &words) ? show_of(&words) : NULL;
    if (r == BASE_OK && show && console->formats.count > 1 &&
        console->formats.count != show->column_count) {
        return BASE_EPROTOCOL;
    }
    if (r == BASE_OK) {
        proxy_statement_drop(&console->client->proxy->statements, console->portal);
        console->portal = proxy_statement_share(statement);
        send_bare(console, WIRE_BACKEND_BIND_COMPLETE);
    }
    return r;
}

static void build_parameters(struct proxy_console *console, struct wire_out *out,
                             const void *context)
{
    (void)console;
    (void)context;
    wire_parameter_description_put(out, NULL, 0);
}

static void build_description(struct proxy_console *console, struct wire_out *out,
                              const void *context)
{
    (void)console;
    const struct show_context *c = context;
    console_rows_description(out, c->show->columns, c->show->column_count, c->formats);
}

static int on_describe(struct proxy_console *console, struct base_slice body)
{
    struct wire_target target;
    int r = wire_target_parse(body, &target);
    if (r < 0) {
        return r;
    }
    bool is_statement = target.kind == 'S';
    const struct proxy_statement *statement =
        is_statement ? statement_of(console->client, target.name) : console->portal;
    struct console_words words;
    if (!statement || !words_of(statement, &words)) {
        fail_extended(console, is_statement ? "26000" : "34000", "there is nothing to describe");
        return BASE_OK;
    }
    if (is_statement) {
        send_built(console, build_parameters, NULL);
    }
    struct show_context context = {show_of(&words), is_statement ? NULL : &console->formats, true};
    if (context.show) {
        send_built(console, build_description, &context);
    } else {
        send_bare(console, WIRE_BACKEND_NO_DATA);
    }
    return BASE_OK;
}

static int on_execute(struct proxy_console *console, struct base_slice body)
{
    struct wire_execute execute;
    int r = wire_execute_parse(body, &execute);
    if (r < 0) {
        return r;
    }
    struct console_words words;
    if (!console->portal || !words_of(console->portal, &words)) {
        fail_extended(console, "34000", "there is no such portal");
    } else if (words.count == 0) {
        send_bare(console, WIRE_BACKEND_EMPTY_QUERY_RESPONSE);
    } else if (run(console, &words, false, &console->formats) == FAILED) {
        console->is_skipping = true;
    }
    return BASE_OK;
}

static int on_close(struct proxy_console *console, struct base_slice body)
{
    struct proxy_client *client = console->client;
    struct proxy_statements *statements = &client->proxy->statements;
    struct wire_target target;
    int r = wire_target_parse(body, &target);
    if (r < 0) {
        return r;
    }
    if (target.kind == 'P') {
        proxy_statement_drop(statements, console->portal);
        console->portal = NULL;
    } else if (target.name.bytes > 0) {
        proxy_names_remove(&client->names, statements, target.name);
    } else {
        proxy_statement_drop(statements, client->unnamed);
        client->unnamed = NULL;
    }
    send_bare(console, WIRE_BACKEND_CLOSE_COMPLETE);
    return BASE_OK;
}

/* ---- messages ---------------------------------------------------------------------------------
 */

static int on_query(struct proxy_console *console, struct base_slice body)
{
    struct base_slice text;
    int r = wire_query_parse(body, &text);
    if (r == BASE_OK) {
        query(console, text);
    }
    return r;
}

static int on_frame(struct proxy_console *console, const struct wire_frame *frame)
{
    if (console->is_skipping && frame->type != WIRE_FRONTEND_SYNC &&
        frame->type != WIRE_FRONTEND_TERMINATE) {
        return BASE_OK;
    }
    switch (frame->type) {
    case WIRE_FRONTEND_QUERY:
        return on_query(console, frame->body);
    case WIRE_FRONTEND_PARSE:
        return on_parse(console, frame->body);
    case WIRE_FRONTEND_BIND:
        return on_bind(console, frame->body);
    case WIRE_FRONTEND_DESCRIBE:
        return on_describe(console, frame->body);
    case WIRE_FRONTEND_EXECUTE:
        return on_execute(console, frame->body);
    case WIRE_FRONTEND_CLOSE:
        return on_close(console, frame->body);
    case WIRE_FRONTEND_FLUSH:
        return BASE_OK;
    case WIRE_FRONTEND_SYNC:
        console->is_skipping = false;
        send_built(console, build_ready, NULL);
        return BASE_OK;
    case WIRE_FRONTEND_TERMINATE:
        proxy_client_close(console->client, NULL, NULL, NULL, NULL, "client close request");
        return BASE_OK;
    default:
        return BASE_EPROTOCOL;
    }
}

static struct proxy_console *console_of(struct proxy_client *client)
{
    if (!client->console) {
        client->console = calloc(1, sizeof(*client->console));
        if (client->console) {
            client->console->client = client;
            base_list_init(&client->console->link);
        }
    }
    return client->console;
}

size_t proxy_console_data(struct proxy_client *client, struct base_slice in)
{
    struct proxy_console *console = console_of(client);
    if (!console) {
        proxy_client_close_status(client, BASE_ENOMEM, NULL, "out of memory");
        return in.bytes;
    }
    size_t used = 0;
    while (client->state == PROXY_CLIENT_CONSOLE && console->wait == CONSOLE_WAIT_NOTHING) {
        struct wire_frame frame;
        int r = wire_frame_parse(base_slice_skip(in, used), FRAME_BYTES_MAX, &frame);
        if (r == BASE_EMORE) {
            return used;
        }
        if (r == BASE_OK) {
            used += frame.bytes;
            client->request_at = net_loop_now(client->proxy->loop);
            r = on_frame(console, &frame);
        }
        if (r < 0) {
            proxy_client_close_status(client, r, NULL, "bad message on the console");
        }
    }
    return client->state == PROXY_CLIENT_CONSOLE ? used : in.bytes;
}

void console_answer(struct proxy_console *console)
{
    bool is_simple = console->is_simple;
    send_built(console, build_tag, console->wait_tag);
    if (is_simple) {
        send_built(console, build_ready, NULL);
    }
}

void proxy_console_free(struct proxy_client *client)
{
    struct proxy_console *console = client->console;
    if (!console) {
        return;
    }
    base_list_remove(&console->link);
    proxy_statement_drop(&client->proxy->statements, console->portal);
    free(console);
    client->console = NULL;
}
