/* console.c - the console's protocol: bytes of a logged-in admin or stats user in, answers out.
 *
 * Simple protocol: a Query may hold several statements separated by semicolons; the first error
 * ends it. The extended protocol is in console_extended.c.
 *
 * Every answer is built twice: once to measure, once into turn memory; nothing changes between.
 * Drivers open with BEGIN or set session parameters: those are answered and do nothing.
 * Test: tests/system/test_console.py.
 */
#include "proxy/console.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/invariant.h"
#include "proxy/client.h"
#include "proxy/log.h"
#include "proxy/peer.h"
#include "proxy/service.h"
#include "proxy/takeover.h"
#include "wire/frame.h"
#include "wire/frontend.h"

#define FRAME_BYTES_MAX 65536 /* no console command is longer */

/* A query of several statements is answered as a whole, before its client can read any of it: the
 * first statement beyond so many bytes is refused. One SHOW may be longer. */
#define ANSWER_MB_MAX 16

/* ---- sending ----------------------------------------------------------------------------------
 */

/* What `build` writes, in turn memory. */
static struct base_slice build_whole(struct proxy_console *console,
                                     void (*build)(struct proxy_console *console,
                                                   struct wire_out *out, const void *context),
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
    return wire_out_slice(&out);
}

void console_send(struct proxy_console *console,
                  void (*build)(struct proxy_console *console, struct wire_out *out,
                                const void *context),
                  const void *context)
{
    net_stream_send(&console->client->stream, build_whole(console, build, context));
}

static void build_bare(struct proxy_console *console, struct wire_out *out, const void *context)
{
    (void)console;
    wire_backend_bare_put(out, *(const enum wire_message_type *)context);
}

void console_send_bare(struct proxy_console *console, enum wire_message_type type)
{
    console_send(console, build_bare, &type);
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

static void build_notice(struct proxy_console *console, struct wire_out *out, const void *context)
{
    (void)console;
    const struct console_result *result = context;
    struct wire_error notice = {.message = base_slice_text(result->notice)};
    wire_notice_put(out, &notice);
}

static void build_left_at(struct proxy_console *console, struct wire_out *out, const void *context)
{
    (void)context;
    const struct proxy *proxy = console->client->proxy;
    const struct base_slice name = base_slice_text(PROXY_TAKEOVER_PARAMETER);
    if (proxy->left_at) {
        wire_parameter_status_put(out, name, base_slice_text(proxy->left_at));
    }
    for (const struct proxy_peer *it = proxy_peer_next_predecessor(proxy, NULL); it;
         it = proxy_peer_next_predecessor(proxy, it)) {
        wire_parameter_status_put(out, name, base_slice_text(it->host));
    }
}

/* How the successor is heard by the service manager. */
static void build_manager(struct proxy_console *console, struct wire_out *out, const void *context)
{
    (void)context;
    char us[24];
    base_time every = console->client->proxy->watchdog_every;
    snprintf(us, sizeof(us), "%" PRIu64, every * 2 / BASE_US);
    wire_parameter_status_put(out, base_slice_text(PROXY_TAKEOVER_NOTIFY),
                              base_slice_text(proxy_service_socket_name()));
    wire_parameter_status_put(out, base_slice_text(PROXY_TAKEOVER_WATCHDOG),
                              base_slice_text(every ? us : ""));
}

static void build_show(struct proxy_console *console, struct wire_out *out, const void *context)
{
    const struct console_show_context *c = context;
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

/* SHOW FDS to who may have the sockets themselves (takeover.h): with them attached. */
static void send_with_sockets(struct proxy_console *console,
                              const struct console_show_context *context)
{
    struct proxy_client *client = console->client;
    int fds[PROXY_HANDOVER_MAX];
    uint32_t count = proxy_handover_sockets(client->proxy, fds);
    struct base_slice rows = build_whole(console, build_show, context);
    client->has_sockets = net_stream_send_with(&client->stream, rows, fds, count) == BASE_OK;
    if (client->has_sockets) {
        console_send(console, build_manager, NULL);
    } else {
        net_stream_send(&client->stream, rows);
    }
}

/* ---- one statement ----------------------------------------------------------------------------
 */

static enum console_outcome fail(struct proxy_console *console, const struct console_result *result)
{
    if (console->client->proxy->config->options.log_pooler_errors) {
        proxy_log_client(PROXY_WARNING, console->client, "console: %s", result->text);
    }
    console_send(console, build_error, result);
    return CONSOLE_FAILED;
}

enum console_outcome console_send_error(struct proxy_console *console, const char *sqlstate,
                                        const char *hint, const char *text)
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
        "default_transaction_isolation",
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

const struct console_show *console_show_of(const struct console_words *words)
{
    return words->count == 2 &&
                   (console_word_is(words, 0, "SHOW") || console_word_is(words, 0, "SELECT"))
               ? console_show_find(words->word[1].text)
               : NULL;
}

static enum console_outcome run_command(struct proxy_console *console,
                                        const struct console_words *words, bool is_simple)
{
    struct console_result result = {0};
    if (!console->client->is_admin) {
        return console_send_error(console, "42501", "Log in as one of admin_users.",
                                  "admin access needed");
    }
    console_command_run(console->client, words, &result);
    if (result.sqlstate) {
        return fail(console, &result);
    }
    if (result.wait != CONSOLE_WAIT_NOTHING) {
        console_wait_begin(console, words, result.wait, result.tag, is_simple);
        return CONSOLE_WAITING;
    }
    if (result.notice[0]) {
        console_send(console, build_notice, &result);
    }
    if (result.is_handed_over) {
        console_send(console, build_left_at, NULL);
    }
    console_send(console, build_tag, result.tag);
    return CONSOLE_DONE;
}

/* The statement's words, as PgBouncer repeats what it does not understand. */
static enum console_outcome fail_unknown(struct proxy_console *console,
                                         const struct console_words *words)
{
    char command[200] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < words->count && used < sizeof(command); i++) {
        struct base_slice word = words->word[i].text;
        int n = snprintf(command + used, sizeof(command) - used, "%s%.*s", i ? " " : "",
                         (int)word.bytes, (const char *)word.data);
        used += n > 0 ? (size_t)n : 0;
    }
    char text[256];
    snprintf(text, sizeof(text), "invalid command '%s', use SHOW HELP;", command);
    return console_send_error(console, "42601", NULL, text);
}

enum console_outcome console_run(struct proxy_console *console, const struct console_words *words,
                                 bool is_simple, const struct console_formats *formats)
{
    const struct console_show *show = console_show_of(words);
    if (show) {
        if (show->needs_admin && !console->client->is_admin) {
            return console_send_error(console, "42501", "Log in as one of admin_users.",
                                      "admin access needed");
        }
        struct console_show_context context = {show, formats, is_simple};
        if (show->rows == console_show_fds && console->client->is_own_user) {
            send_with_sockets(console, &context);
        } else {
            console_send(console, build_show, &context);
        }
        return CONSOLE_DONE;
    }
    const char *tag = harmless_tag(words);
    if (tag) {
        if (console_word_is(words, 0, "SET")) {
            struct console_result ignored = {.notice = "SET ignored"};
            console_send(console, build_notice, &ignored);
        }
        console_send(console, build_tag, tag);
        return CONSOLE_DONE;
    }
    if (console_command_is(words)) {
        return run_command(console, words, is_simple);
    }
    return fail_unknown(console, words);
}

/* ---- simple protocol --------------------------------------------------------------------------
 */

bool console_words_is_end(struct base_slice rest)
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
    return console_word_is(words, 0, "PAUSE") || console_word_is(words, 0, "WAIT_CLOSE") ||
           console_word_is(words, 0, "SUSPEND");
}

static enum console_outcome run_next(struct proxy_console *console, struct base_slice *rest,
                                     bool *is_empty)
{
    struct console_words words;
    if (console_words_next(rest, &words) < 0) {
        return console_send_error(console, "42601", "SHOW HELP lists the commands.",
                                  "syntax error");
    }
    if (words.count == 0) {
        return CONSOLE_DONE;
    }
    *is_empty = false;
    if (net_stream_unsent(&console->client->stream) > ANSWER_MB_MAX * 1024 * 1024) {
        char text[80];
        snprintf(text, sizeof(text), "the answers to one query are longer than %d MB",
                 ANSWER_MB_MAX);
        return console_send_error(console, "54000", "Send the statements in queries of their own.",
                                  text);
    }
    if (may_wait(&words) && !console_words_is_end(*rest)) {
        return console_send_error(console, "42601", "Send what follows in a query of its own.",
                                  "a command that waits must be the last one of a query");
    }
    return console_run(console, &words, true, NULL);
}

static void query(struct proxy_console *console, struct base_slice text)
{
    bool is_empty = true;
    enum console_outcome outcome = CONSOLE_DONE;
    while (text.bytes > 0 && outcome == CONSOLE_DONE) {
        outcome = run_next(console, &text, &is_empty);
    }
    if (outcome == CONSOLE_WAITING) {
        return;
    }
    if (is_empty && outcome == CONSOLE_DONE) {
        console_send_bare(console, WIRE_BACKEND_EMPTY_QUERY_RESPONSE);
    }
    console_send(console, build_ready, NULL);
}

/* ---- messages ---------------------------------------------------------------------------------
 */

static int on_query(struct proxy_console *console, struct base_slice body)
{
    struct base_slice text;
    int r = wire_query_parse(body, &text);
    if (r == BASE_OK) {
        proxy_log_client(PROXY_DEBUG, console->client, "got admin query: %.*s",
                         (int)(text.bytes < 200 ? text.bytes : 200), (const char *)text.data);
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
        return console_on_parse(console, frame->body);
    case WIRE_FRONTEND_BIND:
        return console_on_bind(console, frame->body);
    case WIRE_FRONTEND_DESCRIBE:
        return console_on_describe(console, frame->body);
    case WIRE_FRONTEND_EXECUTE:
        return console_on_execute(console, frame->body);
    case WIRE_FRONTEND_CLOSE:
        return console_on_close(console, frame->body);
    case WIRE_FRONTEND_FLUSH:
        return BASE_OK;
    case WIRE_FRONTEND_SYNC:
        console->is_skipping = false;
        console_send(console, build_ready, NULL);
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

bool proxy_console_is_waiting(const struct proxy_client *client)
{
    return client->console && client->console->wait != CONSOLE_WAIT_NOTHING;
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
        if (net_stream_unsent(&client->stream) > NET_HIGH_WATER) {
            net_stream_pause(&client->stream); /* until it has read its answers: on_drain */
            return used;
        }
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

void console_answer(struct proxy_console *console, const char *sqlstate, const char *text)
{
    if (!sqlstate) {
        console_send(console, build_tag, console->wait_tag);
    } else {
        console_send_error(console, sqlstate, NULL, text);
        console->is_skipping = !console->is_simple;
    }
    if (console->is_simple) {
        console_send(console, build_ready, NULL);
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
