/* console_extended.c - the console's extended protocol: Parse, Bind, Describe, Execute, Close.
 *
 * For statements without parameters. Statements are kept in client.names and client.unnamed, as
 * those of any client; there is one portal at a time, whatever it is called. After an error
 * everything up to Sync is dropped (console.c). Test: tests/system/test_console.py.
 */
#include "proxy/client.h"
#include "proxy/console.h"
#include "wire/frame.h"
#include "wire/frontend.h"

static void fail_extended(struct proxy_console *console, const char *sqlstate, const char *text)
{
    console_send_error(console, sqlstate, "SHOW HELP lists the commands.", text);
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
    return console_words_is_end(text);
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

int console_on_parse(struct proxy_console *console, struct base_slice body)
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
            console_send_bare(console, WIRE_BACKEND_PARSE_COMPLETE);
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

int console_on_bind(struct proxy_console *console, struct base_slice body)
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
    const struct console_show *show = words_of(statement, &words) ? console_show_of(&words) : NULL;
    if (r == BASE_OK && show && console->formats.count > 1 &&
        console->formats.count != show->column_count) {
        return BASE_EPROTOCOL;
    }
    if (r == BASE_OK) {
        proxy_statement_drop(&console->client->proxy->statements, console->portal);
        console->portal = proxy_statement_share(statement);
        console_send_bare(console, WIRE_BACKEND_BIND_COMPLETE);
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
    const struct console_show_context *c = context;
    console_rows_description(out, c->show->columns, c->show->column_count, c->formats);
}

int console_on_describe(struct proxy_console *console, struct base_slice body)
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
        console_send(console, build_parameters, NULL);
    }
    struct console_show_context context = {console_show_of(&words),
                                           is_statement ? NULL : &console->formats, true};
    if (context.show) {
        console_send(console, build_description, &context);
    } else {
        console_send_bare(console, WIRE_BACKEND_NO_DATA);
    }
    return BASE_OK;
}

int console_on_execute(struct proxy_console *console, struct base_slice body)
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
        console_send_bare(console, WIRE_BACKEND_EMPTY_QUERY_RESPONSE);
    } else if (console_run(console, &words, false, &console->formats) == CONSOLE_FAILED) {
        console->is_skipping = true;
    }
    return BASE_OK;
}

int console_on_close(struct proxy_console *console, struct base_slice body)
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
    console_send_bare(console, WIRE_BACKEND_CLOSE_COMPLETE);
    return BASE_OK;
}
