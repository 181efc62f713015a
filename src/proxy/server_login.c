/* server_login.c - weir logs in to PostgreSQL: authentication, parameters, the first ReadyForQuery.
 *
 * Secrets, in this order: the database's own password=; the user's secret in auth_file; what
 * auth_query said about the client's user (plain: every method; md5: md5; SCRAM verifier: SCRAM
 * with the keys learned from the client's own login).
 *
 * A login by SCRAM must have proven the server before AuthenticationOk is believed.
 */
#include "proxy/server_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/invariant.h"
#include "proxy/crypto.h"
#include "proxy/log.h"
#include "wire/auth.h"
#include "wire/backend.h"
#include "wire/frontend.h"

/* Login messages are short; a longer one is not PostgreSQL's. */
#define LOGIN_FRAME_BYTES_MAX 65536

static void fail(struct proxy_server *server, enum core_failure failure, const char *sqlstate,
                 const char *text)
{
    server_login_fail(server,
                      (struct core_refusal){failure, CORE_SCOPE_UPSTREAM,
                                            failure == CORE_FAILURE_AUTH ? BASE_EUPSTREAMAUTH
                                                                         : BASE_EUPSTREAMDOWN},
                      sqlstate, base_slice_text(text));
}

static const struct config_user *listed_user(const struct proxy_server *server)
{
    const struct config_user *user =
        config_user_find(server->proxy->config, base_slice_text(server_user(server)));
    return user && user->is_listed ? user : NULL;
}

/* Does password= of the [databases] line count? For auth_query only when it is the auth_user's. */
static bool has_forced_password(const struct proxy_server *server)
{
    const struct proxy_database *database = server->pool->database;
    return database->forced_password &&
           (!server->pool->is_lookup ||
            (database->forced_user && strcmp(database->forced_user, server_user(server)) == 0));
}

/* The secret to log in with; empty when there is none. */
static struct base_slice secret_of(const struct proxy_server *server)
{
    const struct config_user *user = listed_user(server);
    if (has_forced_password(server)) {
        return base_slice_text(server->pool->database->forced_password);
    }
    if (user) {
        return base_slice_text(user->secret);
    }
    /* what auth_query said is about the client's own user */
    bool is_own = strcmp(server->pool->user->name, server_user(server)) == 0;
    return base_slice_text(is_own ? server->pool->secret : NULL);
}

static void fail_secret(struct proxy_server *server, const char *method)
{
    char text[200];
    snprintf(text, sizeof(text),
             "the server asks for %s, and weir has no fitting secret for this user: add it to "
             "auth_file or password= to the [databases] line",
             method);
    fail(server, CORE_FAILURE_AUTH, "28000", text);
}

static void send_password(struct proxy_server *server, struct base_slice password)
{
    struct wire_out out = server_out(server, password.bytes + 16);
    wire_password_put(&out, password);
    if (wire_out_status(&out) == BASE_OK) {
        server_send_out(server, &out);
    } else {
        fail_secret(server, "a password");
    }
}

static void answer_md5(struct proxy_server *server, struct base_slice salt)
{
    const struct wire_crypto *crypto = proxy_crypto();
    uint8_t stored[WIRE_MD5_TEXT_BYTES], answer[WIRE_MD5_TEXT_BYTES];
    struct base_slice secret = secret_of(server);
    struct base_slice user = base_slice_text(server_user(server));
    int r = BASE_EINVALID;
    switch (wire_secret_kind_of(secret)) {
    case WIRE_SECRET_PLAIN:
        r = wire_md5_stored(crypto, user, secret, stored);
        secret = base_slice_of(stored, sizeof(stored));
        break;
    case WIRE_SECRET_MD5:
        r = BASE_OK;
        break;
    case WIRE_SECRET_NONE:
    case WIRE_SECRET_SCRAM:
        break;
    }
    if (r == BASE_OK) {
        r = wire_md5_answer(crypto, secret, salt.data, answer);
    }
    if (r == BASE_OK) {
        send_password(server, base_slice_of(answer, sizeof(answer)));
    } else {
        fail_secret(server, "an md5 password");
    }
    explicit_bzero(stored, sizeof(stored));
}

/* ---- SCRAM ---- */

static void begin_scram(struct proxy_server *server, struct base_slice mechanisms)
{
    struct proxy_server_login *login = server->login;
    uint8_t binding[64];
    size_t binding_bytes = net_stream_tls_endpoint(&server->stream, binding);
    bool is_plus = binding_bytes > 0 && wire_sasl_offers(mechanisms, WIRE_SCRAM_MECHANISM_PLUS);
    struct wire_scram_client_options options = {
        .is_plus = is_plus,
        .may_bind = binding_bytes > 0 && !is_plus,
        .binding = base_slice_of(binding, binding_bytes),
    };
    struct base_slice first;
    if (login->has_scram || (!is_plus && !wire_sasl_offers(mechanisms, WIRE_SCRAM_MECHANISM))) {
        fail(server, CORE_FAILURE_AUTH, "08P01",
             "the server offers no SASL method that weir knows");
        return;
    }
    login->has_scram = true;
    if (wire_scram_client_init(&login->scram, proxy_crypto(), &options) < 0 ||
        wire_scram_client_first(&login->scram, &first) < 0) {
        fail(server, CORE_FAILURE_REFUSED, "58000", "SCRAM could not be started");
        return;
    }
    struct wire_out out = server_out(server, first.bytes + 64);
    wire_sasl_initial_put(&out, is_plus ? WIRE_SCRAM_MECHANISM_PLUS : WIRE_SCRAM_MECHANISM, first);
    server_send_out(server, &out);
}

/* Fills in password or keys; false when there is neither. */
static bool scram_secret(struct proxy_server *server, struct wire_scram_secret *secret)
{
    const struct proxy_user *user = server->pool->user;
    const struct proxy_keys *keys = listed_user(server) ? &user->keys : &server->pool->keys;
    struct base_slice stored = secret_of(server);
    switch (wire_secret_kind_of(stored)) {
    case WIRE_SECRET_PLAIN:
        secret->password = stored;
        return true;
    case WIRE_SECRET_SCRAM:
        if (keys->is_known && strcmp(user->name, server_user(server)) == 0) {
            secret->has_keys = true;
            memcpy(secret->client_key, keys->client_key, sizeof(secret->client_key));
            memcpy(secret->server_key, keys->server_key, sizeof(secret->server_key));
            return true;
        }
        return false;
    case WIRE_SECRET_NONE:
    case WIRE_SECRET_MD5:
        return false;
    }
    return false;
}

static void continue_scram(struct proxy_server *server, struct base_slice data)
{
    struct wire_scram_secret secret = {0};
    struct base_slice final;
    if (!server->login->has_scram) {
        fail(server, CORE_FAILURE_AUTH, "08P01", "SASL data before SASL was begun");
        return;
    }
    if (!scram_secret(server, &secret)) {
        fail_secret(server, "a SCRAM-SHA-256 login");
        return;
    }
    int r = wire_scram_client_proof(&server->login->scram, data, &secret, &final);
    explicit_bzero(&secret, sizeof(secret));
    if (r < 0) {
        fail(server, CORE_FAILURE_AUTH, "08P01", "malformed SCRAM message from the server");
        return;
    }
    struct wire_out out = server_out(server, final.bytes + 16);
    wire_sasl_response_put(&out, final);
    server_send_out(server, &out);
}

static void finish_scram(struct proxy_server *server, struct base_slice data)
{
    if (!server->login->has_scram || wire_scram_client_verify(&server->login->scram, data) < 0) {
        fail(server, CORE_FAILURE_AUTH, "28000",
             "the server could not prove that it knows the password");
        return;
    }
    server->login->is_proven = true;
}

static void authentication(struct proxy_server *server, struct base_slice body)
{
    struct wire_authentication asked;
    if (wire_authentication_parse(body, &asked) < 0) {
        fail(server, CORE_FAILURE_AUTH, "08P01", "malformed authentication request");
        return;
    }
    struct base_slice secret;
    switch (asked.code) {
    case WIRE_AUTHENTICATION_OK:
        if (server->login->has_scram && !server->login->is_proven) {
            fail(server, CORE_FAILURE_AUTH, "28000", "the server skipped its own proof");
        }
        return;
    case WIRE_AUTHENTICATION_CLEARTEXT:
        secret = secret_of(server);
        if (wire_secret_kind_of(secret) == WIRE_SECRET_PLAIN) {
            send_password(server, secret);
        } else {
            fail_secret(server, "a plain password");
        }
        return;
    case WIRE_AUTHENTICATION_MD5:
        answer_md5(server, asked.payload);
        return;
    case WIRE_AUTHENTICATION_SASL:
        begin_scram(server, asked.payload);
        return;
    case WIRE_AUTHENTICATION_SASL_CONTINUE:
        continue_scram(server, asked.payload);
        return;
    case WIRE_AUTHENTICATION_SASL_FINAL:
        finish_scram(server, asked.payload);
        return;
    default:
        fail(server, CORE_FAILURE_AUTH, "0A000",
             "the server asks for an authentication method that weir does not have");
    }
}

/* ---- the rest of the login ---- */

static void parameter(struct proxy_server *server, const struct wire_frame *frame,
                      struct base_slice whole)
{
    struct proxy_server_login *login = server->login;
    struct base_slice name, value;
    if (wire_parameter_status_parse(frame->body, &name, &value) < 0) {
        fail(server, CORE_FAILURE_REFUSED, "08P01", "malformed ParameterStatus");
        return;
    }
    if (base_slice_is(name, "in_hot_standby")) {
        server->is_hot_standby = base_slice_is(value, "on");
        server->has_said_role = true;
    } else if (base_slice_is(name, "default_transaction_read_only")) {
        server->is_read_only = base_slice_is(value, "on");
    }
    int var = proxy_var_find(&server->proxy->var_names, name);
    if (var >= 0) {
        if (proxy_vars_set(&server->vars, &server->proxy->texts, var, value) < 0) {
            fail(server, CORE_FAILURE_REFUSED, "53200", "out of memory");
        }
        return;
    }
    if (whole.bytes <= sizeof(login->welcome) - login->welcome_bytes) {
        memcpy(login->welcome + login->welcome_bytes, whole.data, whole.bytes);
        login->welcome_bytes += whole.bytes;
    }
}

static void backend_key(struct proxy_server *server, struct base_slice body)
{
    struct base_slice key;
    uint32_t pid;
    if (wire_backend_key_parse(body, &pid, &key) < 0) {
        fail(server, CORE_FAILURE_REFUSED, "08P01", "malformed BackendKeyData");
        return;
    }
    free(server->key);
    server->key = malloc(key.bytes);
    server->key_bytes = server->key ? (uint32_t)key.bytes : 0;
    if (server->key) {
        memcpy(server->key, key.data, key.bytes);
    }
    server->backend_pid = pid;
}

static void refused(struct proxy_server *server, struct base_slice body)
{
    struct wire_error error = {0};
    char sqlstate[6] = "08P01";
    if (wire_error_parse(body, &error) < 0) {
        fail(server, CORE_FAILURE_REFUSED, sqlstate, "malformed ErrorResponse");
        return;
    }
    if (error.sqlstate.bytes == 5) {
        memcpy(sqlstate, error.sqlstate.data, 5);
    }
    server_login_fail(server, core_refusal_of(error.sqlstate, error.message), sqlstate,
                      error.message);
}

/* target_session_attrs, as libpq means them. */
static bool is_wanted(const struct proxy_server *server)
{
    bool may_write = !server->is_hot_standby && !server->is_read_only;
    switch (server->pool->database->target) {
    case CONFIG_TARGET_ANY:
        return true;
    case CONFIG_TARGET_READ_WRITE:
        return server->has_said_role && may_write;
    case CONFIG_TARGET_READ_ONLY:
        return server->has_said_role && !may_write;
    case CONFIG_TARGET_PRIMARY:
        return server->has_said_role && !server->is_hot_standby;
    case CONFIG_TARGET_STANDBY:
        return server->has_said_role && server->is_hot_standby;
    }
    return false;
}

static void login_done(struct proxy_server *server)
{
    struct proxy_pool *pool = server->pool;
    if (!is_wanted(server)) {
        char text[128];
        snprintf(text, sizeof(text), "the server is not what target_session_attrs = %s asks for",
                 config_target_text(pool->database->target));
        fail(server, CORE_FAILURE_REFUSED, "08004", text);
        return;
    }
    int r = proxy_pool_set_welcome(
        pool, base_slice_of(server->login->welcome, server->login->welcome_bytes), &server->vars);
    if (r < 0) {
        fail(server, CORE_FAILURE_REFUSED, "53200", "out of memory");
        return;
    }
    server_login_free(server);
    server_set_timer(server, 0);
    server->ready_at = net_loop_now(server->proxy->loop);
    pool->failure = (struct proxy_failure){0};
    server_move(server, PROXY_SERVER_IDLE);
    struct core_event event = {.kind = CORE_EVENT_OPENED, .server = server->id};
    r = proxy_apply(server->proxy, &event);
    INVARIANT(r == BASE_OK);
}

void server_init_ready(struct proxy_server *server)
{
    if (server->tx_status != 'I') {
        fail(server, CORE_FAILURE_AUTH, "25001",
             "connect_query leaves a transaction open: end it with COMMIT in the [databases] line");
        return;
    }
    if (server->had_error) {
        proxy_log_server(PROXY_WARNING, server, "connect_query failed");
    }
    login_done(server);
}

static void ready(struct proxy_server *server)
{
    const char *query = server->pool->database->connect_query;
    if (!query || server->pool->is_physical) { /* which knows no SQL */
        login_done(server);
        return;
    }
    server->had_error = false;
    server_move(server, PROXY_SERVER_INIT);
    if (server_send_query(server, query) < 0) {
        fail(server, CORE_FAILURE_REFUSED, "53200", "out of memory");
    }
}

static void take_frame(struct proxy_server *server, const struct wire_frame *frame,
                       struct base_slice whole)
{
    switch (frame->type) {
    case 'R':
        authentication(server, frame->body);
        return;
    case 'S':
        parameter(server, frame, whole);
        return;
    case 'K':
        backend_key(server, frame->body);
        return;
    case 'E':
        refused(server, frame->body);
        return;
    case 'Z':
        ready(server);
        return;
    case 'N':
    case 'v':
        return;
    default:
        fail(server, CORE_FAILURE_REFUSED, "08P01", "unexpected message during the login");
    }
}

size_t server_login_data(struct proxy_server *server, struct base_slice in)
{
    size_t done = 0;
    while (server->state == PROXY_SERVER_LOGIN && done < in.bytes) {
        struct base_slice rest = base_slice_skip(in, done);
        struct wire_frame frame;
        int r = wire_frame_parse(rest, LOGIN_FRAME_BYTES_MAX, &frame);
        if (r == BASE_EMORE) {
            return done;
        }
        if (r < 0) {
            fail(server, CORE_FAILURE_REFUSED, "08P01", "the upstream does not speak PostgreSQL");
            return in.bytes;
        }
        done += frame.bytes;
        take_frame(server, &frame, base_slice_of(rest.data, frame.bytes));
    }
    return done;
}
