/* lookup.c - see lookup.h. Test: tests/system/test_auth_query.py. */
#include "proxy/lookup.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/invariant.h"
#include "proxy/cancel.h"
#include "proxy/client_internal.h"
#include "proxy/log.h"
#include "wire/backend.h"

/* Longer secrets are no secrets. */
#define SECRET_BYTES_MAX 4096

struct proxy_lookup {
    struct proxy_client *client; /* NULL: gone */
    struct proxy_pool *pool;
    struct core_claim_id claim;  /* WAITING */
    struct proxy_server *server; /* ASKING */
    char user[CLIENT_NAME_BYTES];
    uint32_t rows;
    bool is_bad;   /* the answer was no answer; it has been logged */
    bool is_found; /* the user exists */
    bool is_second_try;
    char *secret; /* NULL: it has none */
};

static void lookup_free(struct proxy_lookup *lookup)
{
    if (lookup->secret) {
        explicit_bzero(lookup->secret, strlen(lookup->secret));
        free(lookup->secret);
    }
    free(lookup);
}

/* Ends it: the client hears the answer. */
static void tell(struct proxy_lookup *lookup, int status)
{
    struct proxy_client *client = lookup->client;
    if (client) {
        client->login->lookup = NULL;
        client_lookup_done(client, status, lookup->is_found, &lookup->secret);
    }
    lookup_free(lookup);
}

/* ---- begin ---- */

struct question {
    const char *database, *user, *query;
};

/* Whom to ask: the database's line before the options. False: nobody. */
static bool find_question(const struct proxy_client *client, struct question *ret_question)
{
    const struct config *config = client->proxy->config;
    const struct config_options *options = &config->options;
    const char *name = client->login->database;
    struct question question = {options->auth_dbname, options->auth_user, options->auth_query};
    if (!client->login->is_console) {
        const struct config_database *entry =
            config_database_find(config, base_slice_text(name), NULL);
        if (!entry) {
            return false;
        }
        question.database = *entry->auth_dbname ? entry->auth_dbname : name;
        question.user = entry->auth_user;
        question.query = entry->auth_query;
    }
    *ret_question = question;
    return *question.database && *question.user && *question.query;
}

static base_time deadline_of(const struct proxy_client *client)
{
    const struct config_options *options = &client->proxy->config->options;
    base_time span = options->query_wait_timeout;
    if (options->client_login_timeout && (!span || options->client_login_timeout < span)) {
        span = options->client_login_timeout;
    }
    return span ? base_time_add(net_loop_now(client->proxy->loop), span) : BASE_NEVER;
}

static int claim(struct proxy_lookup *lookup, base_time deadline)
{
    struct proxy *proxy = lookup->pool->proxy;
    struct core_event event = {
        .kind = CORE_EVENT_CLAIM,
        .pool = lookup->pool->id,
        .deadline = deadline,
        .lane = 1,
        .tag = (uintptr_t)lookup | PROXY_LOOKUP_TAG,
    };
    int r = core_apply(proxy->core, net_loop_now(proxy->loop), &event);
    if (r == BASE_OK) {
        lookup->claim = event.claim;
    }
    return r;
}

int proxy_lookup_begin(struct proxy_client *client)
{
    struct proxy *proxy = client->proxy;
    struct question question;
    if (!find_question(client, &question)) {
        return BASE_EINVALID;
    }
    struct proxy_lookup *lookup = calloc(1, sizeof(*lookup));
    if (!lookup) {
        return BASE_ENOMEM;
    }
    memcpy(lookup->user, client->login->user, sizeof(lookup->user));
    int r = proxy_pool_find_lookup(proxy, base_slice_text(question.database),
                                   base_slice_text(question.user), &lookup->pool);
    if (r == BASE_OK) {
        r = claim(lookup, deadline_of(client));
    }
    if (r < 0) {
        lookup_free(lookup);
        return r;
    }
    lookup->client = client;
    client->login->lookup = lookup;
    proxy_drain_effects(proxy);
    return BASE_OK;
}

void proxy_lookup_leave(struct proxy_client *client)
{
    struct proxy_lookup *lookup = client->login ? client->login->lookup : NULL;
    if (!lookup) {
        return;
    }
    client->login->lookup = NULL;
    lookup->client = NULL;
    if (lookup->claim.gen) {
        /* A grant or refusal that is on its way already (BASE_ESTALE) frees it. */
        struct core_event event = {.kind = CORE_EVENT_CANCEL, .claim = lookup->claim};
        int r = proxy_apply(client->proxy, &event);
        INVARIANT(r == BASE_OK || r == BASE_ESTALE);
        if (r == BASE_OK) {
            lookup_free(lookup);
        }
    }
}

/* ---- the core's answers ---- */

static struct proxy_lookup *of(uint64_t tag)
{
    return (struct proxy_lookup *)((uintptr_t)tag & ~PROXY_LOOKUP_TAG);
}

/* The query of the database that the client named, with the user's name as its $1. */
static int ask(struct proxy_lookup *lookup, struct proxy_server *server)
{
    static const uint8_t kinds[] = {PROXY_REQUEST_PARSE, PROXY_REQUEST_BIND, PROXY_REQUEST_EXECUTE,
                                    PROXY_REQUEST_SYNC};
    struct base_slice none = {0}, user = base_slice_text(lookup->user), query;
    struct question question;
    if (!find_question(lookup->client, &question)) {
        return BASE_ESTALE; /* a reload took it away */
    }
    query = base_slice_text(question.query);
    struct wire_out out = server_out(server, query.bytes + user.bytes + 128);
    wire_parse_put(&out, none, query, none);
    wire_bind_texts_put(&out, none, none, &user, 1);
    wire_execute_put(&out, none, 0);
    wire_frontend_bare_put(&out, WIRE_FRONTEND_SYNC);
    int r = wire_out_status(&out);
    for (size_t i = 0; r == BASE_OK && i < sizeof(kinds); i++) {
        r = proxy_server_expect(server,
                                (struct proxy_request){.kind = kinds[i], .who = PROXY_WHO_WEIR});
    }
    if (r == BASE_OK) {
        server_send_out(server, &out);
    }
    return r;
}

static void give_back(struct proxy_server *server)
{
    server->lookup = NULL;
    server_set_timer(server, 0);
    if (server->tx_status == 'I' && proxy_server_is_quiet(server) && !server->is_skipping) {
        server_give(server);
    } else {
        server_break(server, "auth_query left the session in a state that it must not be in");
    }
}

void proxy_lookup_grant(uint64_t tag, const struct core_effect *effect, struct proxy_server *server)
{
    struct proxy_lookup *lookup = of(tag);
    struct proxy *proxy = server->proxy;
    (void)effect;
    lookup->claim = (struct core_claim_id){0};
    if (server->state == PROXY_SERVER_CLOSING) {
        tell(lookup, BASE_EBROKEN); /* it broke in this turn: the core hears LOST at its end */
        return;
    }
    INVARIANT(server->state == PROXY_SERVER_IDLE);
    server->lookup = lookup;
    lookup->server = server;
    server->had_error = false;
    server_move(server, PROXY_SERVER_LOOKUP);
    if (!lookup->client) {
        give_back(server);
        lookup_free(lookup);
        return;
    }
    base_time span = proxy->config->options.server_connect_timeout;
    server_set_timer(server, span ? span : proxy->config->options.client_login_timeout);
    if (ask(lookup, server) < 0) {
        server->lookup = NULL;
        server_break(server, "auth_query could not be sent");
        tell(lookup, BASE_EBROKEN);
    }
}

void proxy_lookup_refuse(uint64_t tag, const struct core_effect *effect)
{
    struct proxy_lookup *lookup = of(tag);
    const struct proxy_failure *failure = &lookup->pool->failure;
    lookup->claim = (struct core_claim_id){0};
    /* A reload has moved the database: the pool goes on under another name in the core. */
    if (effect->status == BASE_ECLOSED && lookup->client && !lookup->pool->is_closed &&
        claim(lookup, deadline_of(lookup->client)) == BASE_OK) {
        return;
    }
    proxy_log(PROXY_WARNING, "auth_query for database %s could not run as %s: %s%s%s",
              lookup->pool->database->name, lookup->pool->user->name,
              base_status_text(effect->status), failure->status ? "; the server's last word: " : "",
              failure->status ? failure->text : "");
    tell(lookup, effect->status);
}

/* ---- the server's answers ---- */

static void bad(struct proxy_server *server, const char *why)
{
    struct proxy_lookup *lookup = server->lookup;
    if (!lookup->is_bad) {
        proxy_log_server(PROXY_WARNING, server, "auth_query for user \"%s\": %s", lookup->user,
                         why);
    }
    lookup->is_bad = true;
}

void proxy_lookup_row(struct proxy_server *server, struct base_slice body)
{
    struct proxy_lookup *lookup = server->lookup;
    struct base_slice values[2];
    size_t count = 0;
    if (wire_data_row_parse(body, values, 2, &count) < 0 || count != 2) {
        bad(server, "expected two columns, the user's name and secret");
        return;
    }
    if (++lookup->rows > 1) {
        bad(server, "more than one row: write a query that finds one user");
        return;
    }
    if (!values[0].data) {
        return; /* nobody of that name, as a function that gives a record says it */
    }
    if (!base_slice_is(values[0], lookup->user)) {
        bad(server, "the row is about another user");
        return;
    }
    lookup->is_found = true;
    if (!values[1].data) {
        return;
    }
    if (values[1].bytes > SECRET_BYTES_MAX || memchr(values[1].data, 0, values[1].bytes)) {
        bad(server, "the secret is too long or holds a zero byte");
        return;
    }
    lookup->secret = strndup((const char *)values[1].data, values[1].bytes);
    lookup->is_bad = lookup->is_bad || !lookup->secret;
}

static bool is_farewell(const struct wire_error *error)
{
    struct base_slice severity =
        error->severity_raw.bytes > 0 ? error->severity_raw : error->severity;
    return base_slice_is(severity, "FATAL") || base_slice_is(severity, "PANIC");
}

void proxy_lookup_error(struct proxy_server *server, struct base_slice body)
{
    struct wire_error error = {0};
    char why[256];
    if (wire_error_parse(body, &error) < 0) {
        error = (struct wire_error){0};
    }
    snprintf(why, sizeof(why), "%.*s (%.*s)",
             (int)(error.message.bytes < 200 ? error.message.bytes : 200),
             error.message.data ? (const char *)error.message.data : "",
             (int)(error.sqlstate.bytes < 5 ? error.sqlstate.bytes : 5),
             error.sqlstate.data ? (const char *)error.sqlstate.data : "");
    bool was_bad = server->lookup->is_bad;
    bad(server, why);
    if (is_farewell(&error)) {
        server->lookup->is_bad = was_bad; /* the server ends: proxy_lookup_lost goes on */
    }
}

void proxy_lookup_ready(struct proxy_server *server)
{
    struct proxy_lookup *lookup = server->lookup;
    if (server->requests.count > 0) {
        return;
    }
    give_back(server);
    tell(lookup, lookup->is_bad ? BASE_EPROTOCOL : BASE_OK);
}

void proxy_lookup_expired(struct proxy_server *server)
{
    bad(server, "the server did not answer in time");
    proxy_cancel_server(server, NULL);
    server_break(server, "auth_query did not end in time");
}

void proxy_lookup_lost(struct proxy_server *server)
{
    struct proxy_lookup *lookup = server->lookup;
    if (!lookup) {
        return;
    }
    server->lookup = NULL;
    lookup->server = NULL;
    /* It may have ended long ago, while it was idle. */
    if (lookup->client && !lookup->is_bad && lookup->rows == 0 && !lookup->is_second_try) {
        lookup->is_second_try = true;
        if (claim(lookup, deadline_of(lookup->client)) == BASE_OK) {
            return;
        }
    }
    proxy_log_server(PROXY_WARNING, server, "auth_query for user \"%s\": the server is gone",
                     lookup->user);
    tell(lookup, BASE_EBROKEN);
}
