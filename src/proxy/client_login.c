/* client_login.c - from the first packet to the welcome.
 *
 *   [SSLRequest -> 'S' -> TLS] [GSSENCRequest -> 'N'] StartupMessage -> authentication -> welcome
 *   CancelRequest -> handed on, closed
 *
 * The welcome tells the parameters of a real server. Before the pool has had one the client waits
 * for one like any query (state WELCOME). Every state here ends by client_login_timeout.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/invariant.h"
#include "proxy/cancel.h"
#include "proxy/client_internal.h"
#include "proxy/crypto.h"
#include "proxy/log.h"
#include "proxy/lookup.h"
#include "proxy/outside.h"
#include "proxy/peer.h"
#include "wire/backend.h"
#include "wire/prepared.h"

/* Login messages are short. */
#define LOGIN_FRAME_BYTES_MAX 10000
#define OPTIONS_MAX           32
/* Clients are spoken to in protocol 3.0 to 3.2, whose cancel keys are longer. */
#define PROTOCOL_MINOR_MAX 2

void proxy_client_login_free(struct proxy_client *client)
{
    if (client->login) {
        if (client->login->has_scram) {
            wire_scram_server_done(&client->login->scram);
        }
        config_hba_drop(client->login->hba);
        proxy_lookup_leave(client);
        outside_leave(client);
        if (client->login->secret) {
            explicit_bzero(client->login->secret, strlen(client->login->secret));
            free(client->login->secret);
        }
        explicit_bzero(client->login, sizeof(*client->login));
        free(client->login);
        client->login = NULL;
    }
}

/* With a literal as text: it is the reason in the log too. */
static void fail(struct proxy_client *client, const char *sqlstate, const char *text,
                 const char *hint)
{
    proxy_client_close(client, sqlstate, text, NULL, hint, text);
}

/* ---- cancel ---- */

struct proxy_client *proxy_client_by_key(struct proxy *proxy, uint32_t pid, struct base_slice key)
{
    for (struct base_hash_node *n = base_hash_first(&proxy->cancel_keys, pid); n;
         n = base_hash_next(n, pid)) {
        struct proxy_client *client = base_hash_entry(n, struct proxy_client, key_node);
        if (client->cancel_pid == pid &&
            wire_secret_equal(key, base_slice_of(client->cancel_key, client->cancel_key_bytes))) {
            return client;
        }
    }
    return NULL;
}

static void take_cancel(struct proxy_client *client, const struct wire_startup *startup)
{
    uint32_t own = client->proxy->config->options.peer_id;
    uint32_t peer = proxy_peer_of(startup->pid);
    uint8_t key[WIRE_CANCEL_KEY_BYTES_MAX];
    INVARIANT(startup->key.bytes <= sizeof(key));
    memcpy(key, startup->key.data, startup->key.bytes);
    if (own && peer && peer != own) {
        proxy_cancel_forward(client, peer, startup->pid, startup->key);
        return;
    }
    if (own) {
        proxy_peer_normalise(key, startup->key.bytes);
    }
    struct proxy_client *named =
        proxy_client_by_key(client->proxy, startup->pid, base_slice_of(key, startup->key.bytes));
    explicit_bzero(key, sizeof(key));
    if (named) {
        proxy_client_cancel(named, client);
    } else {
        proxy_cancel_pass_back(client, startup->pid, startup->key);
    }
    if (client->state != PROXY_CLIENT_CANCEL) {
        proxy_client_close(client, NULL, NULL, NULL, NULL, "cancel request");
    }
}

/* ---- start-up parameters ---- */

static int take_parameter(struct proxy_client *client, struct base_slice name,
                          struct base_slice value);

static int take_options(struct proxy_client *client, struct base_slice text)
{
    struct wire_option options[OPTIONS_MAX];
    size_t count = 0;
    struct wire_out memory = client_out(client, text.bytes + 1);
    int r = wire_options_parse(text, &memory, options, OPTIONS_MAX, &count);
    for (size_t i = 0; r == BASE_OK && i < count; i++) {
        r = take_parameter(client, options[i].name, options[i].value);
    }
    return r;
}

static bool is_name(struct base_slice name, const char *text)
{
    return base_slice_is(name, text);
}

static int copy_name(char out[CLIENT_NAME_BYTES], struct base_slice value)
{
    if (value.bytes >= CLIENT_NAME_BYTES) {
        return BASE_ETOOBIG;
    }
    memcpy(out, value.data, value.bytes);
    out[value.bytes] = 0;
    return BASE_OK;
}

/* PostgreSQL's words for a boolean, or "database": then it is a logical one. */
static int take_replication(struct proxy_client *client, struct base_slice value)
{
    static const char *const on[] = {"1", "true", "on", "yes"};
    static const char *const off[] = {"0", "false", "off", "no"};
    client->is_replication = client->is_physical = false;
    if (is_name(value, "database")) {
        client->is_replication = true;
        return BASE_OK;
    }
    for (size_t i = 0; i < sizeof(on) / sizeof(on[0]); i++) {
        if (is_name(value, on[i]) || is_name(value, off[i])) {
            client->is_replication = client->is_physical = is_name(value, on[i]);
            return BASE_OK;
        }
    }
    return BASE_EINVALID;
}

static int take_parameter(struct proxy_client *client, struct base_slice name,
                          struct base_slice value)
{
    struct proxy *proxy = client->proxy;
    int var = proxy_var_find(&proxy->var_names, name);
    if (var >= 0) {
        return proxy_vars_set(&client->vars, &proxy->texts, var, value);
    }
    if (is_name(name, "user")) {
        return copy_name(client->login->user, value);
    }
    if (is_name(name, "database")) {
        return copy_name(client->login->database, value);
    }
    if (is_name(name, "options")) {
        return take_options(client, value);
    }
    if (is_name(name, "replication")) {
        return take_replication(client, value);
    }
    if (config_list_has(proxy->config->options.ignore_startup_parameters, name)) {
        return BASE_OK;
    }
    return proxy_vars_add_extra(&client->vars, &proxy->texts, name, value);
}

static void take_parameters(struct proxy_client *client, struct base_slice parameters)
{
    struct wire_pair pair;
    struct base_slice rest = parameters;
    while (wire_pairs_next(&rest, &pair)) {
        if (wire_pair_is_protocol_option(&pair)) {
            continue;
        }
        int r = take_parameter(client, pair.name, pair.value);
        if (r < 0) {
            char text[200];
            snprintf(text, sizeof(text), "unsupported startup parameter: %.*s",
                     (int)(pair.name.bytes < 64 ? pair.name.bytes : 64),
                     (const char *)pair.name.data);
            proxy_client_close(client, "08P01", text, NULL,
                               "Leave it out, or name it in ignore_startup_parameters.",
                               "unsupported startup parameter");
            return;
        }
    }
    if (!proxy_vars_may_settle(&client->vars, &client->proxy->var_names)) {
        proxy_client_close(client, "08P01", "startup parameters are too long together", NULL,
                           "Leave some out.", "startup parameters too long");
    }
}

/* ---- the start-up message ---- */

static bool is_console_name(const char *database)
{
    return strcmp(database, "pgbouncer") == 0 || strcmp(database, "weir") == 0;
}

static bool may_enter_console(const struct proxy_client *client)
{
    const struct config_options *options = &client->proxy->config->options;
    struct base_slice user = base_slice_text(client->login->user);
    return config_list_has(options->admin_users, user) ||
           config_list_has(options->stats_users, user) || client->is_admin ||
           options->auth_type == CONFIG_AUTH_TYPE_ANY; /* whose names mean nothing: to look only */
}

/* The process's own system user may enter the console by Unix socket without a password, as
 * "pgbouncer" or "weir". */
static bool is_own_user(struct proxy_client *client)
{
    uint32_t uid;
    return client->is_unix && client->login->is_console && is_console_name(client->login->user) &&
           net_stream_peer_uid(&client->stream, &uid) == BASE_OK && uid == (uint32_t)getuid();
}

/* A last look before the password: what can be refused without knowing who it is. */
static bool is_refused_early(struct proxy_client *client)
{
    struct proxy *proxy = client->proxy;
    const struct config_options *options = &proxy->config->options;
    bool needs_tls = options->client_tls_sslmode >= CONFIG_TLS_MODE_REQUIRE && !client->is_unix;
    if (client->login->user[0] == 0) {
        fail(client, "28000", "no username supplied", "Name a user.");
    } else if (needs_tls && !net_stream_has_tls(&client->stream)) {
        fail(client, "08P01", "SSL required", "Connect with sslmode=require or better.");
    } else if (proxy->phase > PROXY_EMPTYING ||
               (proxy->phase == PROXY_EMPTYING && !client->login->is_console &&
                client->connected_at > proxy->emptying_since)) {
        fail(client, "57P01", "pooler is shutting down", "Connect again in a moment.");
    } else if (proxy->client_count > options->max_client_conn && !client->login->is_console) {
        fail(client, "53300", "no more connections allowed (max_client_conn)",
             "Close idle clients, or raise max_client_conn.");
    } else if (client->is_replication && client->login->is_console) {
        fail(client, "0A000", "the console is no database to replicate",
             "Name the database of the server to replicate from.");
    } else {
        return false;
    }
    return true;
}

static void refuse_protocol(struct proxy_client *client, uint16_t major)
{
    fail(client, "08P01",
         major == 2 ? "old V2 protocol not supported" : "unsupported frontend protocol",
         "Speak protocol 3.");
}

static void take_startup(struct proxy_client *client, const struct wire_startup *startup)
{
    if (startup->major != 3) {
        refuse_protocol(client, startup->major);
        return;
    }
    client->login = calloc(1, sizeof(*client->login));
    if (!client->login) {
        proxy_client_close_status(client, BASE_ENOMEM, NULL, "out of memory");
        return;
    }
    take_parameters(client, startup->parameters);
    if (client->state == PROXY_CLIENT_CLOSING) {
        return;
    }
    if (client->login->database[0] == 0) {
        memcpy(client->login->database, client->login->user, CLIENT_NAME_BYTES);
    }
    client->login->is_console = is_console_name(client->login->database);
    if (is_refused_early(client)) {
        return;
    }
    client->minor =
        startup->minor < PROTOCOL_MINOR_MAX ? (uint8_t)startup->minor : PROTOCOL_MINOR_MAX;
    if (wire_startup_needs_negotiation(startup, PROTOCOL_MINOR_MAX)) {
        struct wire_out out = client_out(client, startup->bytes + 64);
        wire_negotiate_put(&out, client->minor, startup->parameters);
        client_send_out(client, &out);
    }
    client_move(client, PROXY_CLIENT_AUTH);
    if (is_own_user(client)) {
        client->is_own_user = true;
        client->is_admin = true;
        client_login_accepted(client);
        return;
    }
    client_auth_begin(client);
}

/* SSLRequest and GSSENCRequest are for once: who repeats them wants nothing but answers. */
static bool is_repeated(struct proxy_client *client, bool *has_asked)
{
    bool is_second = *has_asked;
    *has_asked = true;
    if (is_second) {
        fail(client, "08P01", "encryption was asked for twice", "Send the start-up message.");
    }
    return is_second;
}

static void take_ssl_request(struct proxy_client *client, bool has_more)
{
    static const uint8_t yes = 'S', no = 'N';
    struct proxy *proxy = client->proxy;
    if (is_repeated(client, &client->has_asked_tls)) {
        return;
    }
    if (has_more) {
        proxy_client_close(client, "08P01", "received unencrypted data after SSL request", NULL,
                           "This could be an attack or a faulty driver.",
                           "unencrypted data behind the TLS request");
        return;
    }
    if (!proxy->client_tls || client->is_unix) {
        net_stream_send(&client->stream, base_slice_of(&no, 1));
        return;
    }
    net_stream_send(&client->stream, base_slice_of(&yes, 1));
    client_move(client, PROXY_CLIENT_TLS);
    if (net_stream_start_tls(&client->stream, proxy->client_tls, NULL) < 0) {
        proxy_client_close(client, NULL, NULL, NULL, NULL, "TLS could not be started");
    }
}

static void take_gss_request(struct proxy_client *client, bool has_more)
{
    static const uint8_t no = 'N';
    if (is_repeated(client, &client->has_asked_gss)) {
        return;
    }
    if (has_more) {
        fail(client, "08P01", "received unencrypted data after GSSAPI encryption request", NULL);
        return;
    }
    net_stream_send(&client->stream, base_slice_of(&no, 1));
}

/* ---- the welcome ---- */

static int make_cancel_key(struct proxy_client *client)
{
    struct proxy *proxy = client->proxy;
    uint32_t peer_id = proxy->config->options.peer_id;
    uint32_t pid = ++proxy->next_cancel_pid & INT32_MAX;
    client->cancel_key_bytes =
        client->minor >= 2 ? PROXY_CLIENT_KEY_BYTES : PROXY_CLIENT_KEY_BYTES_3_0;
    int r = proxy_random_few(&proxy->random, client->cancel_key, client->cancel_key_bytes);
    if (peer_id) {
        r = r < 0 ? r : proxy_random_few(&proxy->random, &pid, sizeof(pid));
        proxy_peer_sign(peer_id, &pid, client->cancel_key, client->cancel_key_bytes);
    }
    if (r == BASE_OK && !client->cancel_pid) {
        client->cancel_pid = pid + (pid == 0);
        base_hash_insert(&proxy->cancel_keys, &client->key_node, client->cancel_pid);
    }
    return r;
}

static void put_vars(struct proxy_client *client, struct wire_out *out)
{
    const struct proxy_var_names *names = &client->proxy->var_names;
    const struct proxy_pool *pool = client->pool;
    for (uint32_t i = 0; i < names->count; i++) {
        if (!client->vars.value[i]) {
            client->vars.value[i] = proxy_text_share(pool->welcome_vars.value[i]);
        }
        if (client->vars.value[i]) {
            wire_parameter_status_put(out, base_slice_text(names->name[i]),
                                      proxy_text_slice(client->vars.value[i]));
        }
    }
}

static void put_end(struct proxy_client *client, struct wire_out *out)
{
    wire_backend_key_put(out, client->cancel_pid,
                         base_slice_of(client->cancel_key, client->cancel_key_bytes));
    wire_ready_for_query_put(out, 'I');
}

void client_send_welcome(struct proxy_client *client)
{
    struct proxy_pool *pool = client->pool;
    struct wire_out out = client_out(client, pool->welcome_bytes + WIRE_STARTUP_BYTES_MAX + 1024);
    wire_out_bytes(&out, base_slice_of(pool->welcome, pool->welcome_bytes));
    put_vars(client, &out);
    if (make_cancel_key(client) < 0) {
        proxy_client_close_status(client, BASE_ESYSTEM, NULL, "no random bytes");
        return;
    }
    put_end(client, &out);
    client_send_out(client, &out);
    client->idle_at = net_loop_now(client->proxy->loop);
    client_limits_watch(client);
}

static void enter_console(struct proxy_client *client)
{
    static const char *const parameters[][2] = {
        {"server_version", "1.25.0/weir"},
        {"client_encoding", "UTF8"},
        {"server_encoding", "UTF8"},
        {"DateStyle", "ISO"},
        {"TimeZone", "GMT"},
        {"is_superuser", "on"},
        {"standard_conforming_strings", "on"},
        {"integer_datetimes", "on"},
    };
    if (!may_enter_console(client)) {
        fail(client, "28000", "not allowed",
             "Add the user to admin_users or stats_users to let it use the console.");
        return;
    }
    struct base_slice user = base_slice_text(client->login->user);
    client->is_admin =
        client->is_admin || config_list_has(client->proxy->config->options.admin_users, user);
    struct wire_out out = client_out(client, 1024);
    for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++) {
        wire_parameter_status_put(&out, base_slice_text(parameters[i][0]),
                                  base_slice_text(parameters[i][1]));
    }
    if (make_cancel_key(client) < 0) {
        proxy_client_close_status(client, BASE_ESYSTEM, NULL, "no random bytes");
        return;
    }
    put_end(client, &out);
    client_send_out(client, &out);
    client_move(client, PROXY_CLIENT_CONSOLE);
    client_set_timer(client, 0);
}

static void add_host_to_application_name(struct proxy_client *client)
{
    struct proxy *proxy = client->proxy;
    char address[NET_ADDRESS_TEXT], text[NET_ADDRESS_TEXT + 128];
    struct base_slice name = proxy_text_slice(client->vars.value[PROXY_VAR_APPLICATION_NAME]);
    if (!proxy->config->options.application_name_add_host) {
        return;
    }
    struct net_address peer = net_peer_address(&client->peer);
    net_address_text(&peer, address, sizeof(address));
    int bytes =
        snprintf(text, sizeof(text), "%.*s - %s", (int)(name.bytes < 100 ? name.bytes : 100),
                 name.data ? (const char *)name.data : "app", address);
    if (proxy_vars_set(&client->vars, &proxy->texts, PROXY_VAR_APPLICATION_NAME,
                       base_slice_of(text, (size_t)bytes)) < 0) {
        proxy_log_client(PROXY_WARNING, client, "out of memory for application_name");
    }
}

/* The limits of clients per database and user; admins come in above them, as in PgBouncer. */
static bool is_too_many(struct proxy_client *client, const struct proxy_database *database,
                        const struct proxy_user *user)
{
    const char *admins = client->proxy->config->options.admin_users;
    bool is_database = database->client_limit && database->client_count >= database->client_limit;
    bool is_user = user->client_limit && user->client_count >= user->client_limit;
    if (!(is_database || is_user) || config_list_has(admins, base_slice_text(user->name))) {
        return false;
    }
    fail(client, "53300",
         is_database ? "client connections exceeded (max_db_client_connections)"
                     : "client connections exceeded (max_user_client_connections)",
         "Close idle clients, or raise the limit of the database or user.");
    return true;
}

/* What its server is to be started with: a walsender takes no SET. */
static void put_startup(const struct proxy_client *client, struct wire_out *out)
{
    const struct proxy_var_names *names = &client->proxy->var_names;
    wire_out_cstring(out, base_slice_text("replication"));
    wire_out_cstring(out, base_slice_text(client->is_physical ? "true" : "database"));
    for (uint32_t i = 0; i < names->count; i++) {
        if (client->vars.value[i]) {
            wire_out_cstring(out, base_slice_text(names->name[i]));
            wire_out_cstring(out, proxy_text_slice(client->vars.value[i]));
        }
    }
    wire_out_bytes(out, proxy_text_slice(client->vars.extra));
}

static int enter_replication(struct proxy_client *client, struct proxy_pool **pool)
{
    struct wire_out out = client_out(client, 2 * WIRE_STARTUP_BYTES_MAX);
    put_startup(client, &out);
    return wire_out_status(&out) < 0
               ? BASE_ETOOBIG
               : proxy_pool_replicate(*pool, client->is_physical, wire_out_slice(&out), pool);
}

static void enter_pool(struct proxy_client *client)
{
    struct proxy *proxy = client->proxy;
    struct proxy_pool *pool = NULL;
    struct proxy_user *user = NULL;
    char text[CLIENT_NAME_BYTES + 64];
    int r = proxy_pool_find(proxy, base_slice_text(client->login->database),
                            base_slice_text(client->login->user), &pool);
    if (r == BASE_EINVALID) {
        snprintf(text, sizeof(text), "no such database: %s", client->login->database);
        proxy_client_close(client, "3D000", text, NULL, NULL, "no such database");
        return;
    }
    if (r == BASE_OK && pool->database->is_disabled) {
        snprintf(text, sizeof(text), "database \"%s\" is disabled", client->login->database);
        proxy_client_close(client, "57P03", text, NULL, "ENABLE on the console lets it go on.",
                           "database is disabled");
        return;
    }
    r = r < 0 ? r : proxy_user_take(proxy, base_slice_text(client->login->user), &user);
    if (r < 0) {
        proxy_client_close_status(client, r, NULL, "no pool");
        return;
    }
    if (is_too_many(client, pool->database, user)) {
        proxy_user_drop(proxy, user);
        return;
    }
    r = client->is_replication ? enter_replication(client, &pool) : BASE_OK;
    if (r < 0) {
        proxy_user_drop(proxy, user);
        proxy_client_close_status(client, r, NULL, "no pool");
        return;
    }
    client->user = user;
    user->client_count++;
    client_enter_pool(client, pool);
    pool->stats.total.logins++;
    add_host_to_application_name(client);
    client_learn_secrets(client);
    if (proxy->config->options.log_connections) {
        proxy_log_client(PROXY_LOG, client, "login attempt: db=%s user=%s tls=%s",
                         client->login->database, client->login->user,
                         net_stream_has_tls(&client->stream) ? "yes" : "no");
    }
    proxy_client_login_free(client);
    client_set_timer(client, 0);
    if (pool->welcome) { /* else once there is a server, when it is granted */
        (void)!proxy_vars_settle(&client->vars, &proxy->texts, &proxy->var_names,
                                 &pool->welcome_vars);
    }
    client_move(client, PROXY_CLIENT_READY);
    if (pool->welcome && !client->vars.extra && !client->is_replication) {
        client_send_welcome(client);
    } else {
        client_claim(client, PROXY_CLIENT_WELCOME, net_loop_now(proxy->loop));
    }
}

void client_login_accepted(struct proxy_client *client)
{
    struct wire_out out = client_out(client, 64);
    wire_authentication_ok_put(&out);
    client_send_out(client, &out);
    net_stream_rank(&client->stream, NET_RANK_LAST);
    if (client->login->is_console) {
        enter_console(client);
        proxy_client_login_free(client);
    } else {
        enter_pool(client);
    }
}

/* ---- bytes ---- */

/* A TLS handshake record; as a start-up packet it would be 369 MB long. */
#define TLS_HANDSHAKE 0x16

/* The client begins with TLS without asking for it (sslnegotiation=direct). */
static size_t take_direct_tls(struct proxy_client *client, size_t bytes)
{
    struct proxy *proxy = client->proxy;
    if (!proxy->client_tls || client->is_unix || client->has_asked_tls) {
        proxy_client_close(client, NULL, NULL, NULL, NULL, "TLS is not offered here");
        return bytes;
    }
    client->has_asked_tls = true;
    client_move(client, PROXY_CLIENT_TLS);
    if (net_stream_start_tls_direct(&client->stream, proxy->client_tls) < 0) {
        proxy_client_close(client, NULL, NULL, NULL, NULL, "TLS could not be started");
    }
    return 0;
}

static size_t take_packet(struct proxy_client *client, struct base_slice in)
{
    if (in.data[0] == TLS_HANDSHAKE) {
        return take_direct_tls(client, in.bytes);
    }
    struct wire_startup startup;
    int r = wire_startup_parse(in, &startup);
    if (r == BASE_EMORE) {
        return 0;
    }
    if (r < 0) {
        fail(client, "08P01", "invalid start-up packet",
             "Check that the client speaks PostgreSQL protocol 3.");
        return in.bytes;
    }
    switch (startup.kind) {
    case WIRE_STARTUP_SSL_REQUEST:
        take_ssl_request(client, in.bytes > startup.bytes);
        break;
    case WIRE_STARTUP_GSSENC_REQUEST:
        take_gss_request(client, in.bytes > startup.bytes);
        break;
    case WIRE_STARTUP_CANCEL_REQUEST:
        take_cancel(client, &startup);
        break;
    case WIRE_STARTUP_MESSAGE:
        take_startup(client, &startup);
        break;
    case WIRE_STARTUP_UNKNOWN:
        refuse_protocol(client, startup.major);
        break;
    }
    return startup.bytes;
}

static size_t take_auth_frame(struct proxy_client *client, struct base_slice in)
{
    struct wire_frame frame;
    /* Anything else, another start-up message first of all, is not waited for. */
    bool is_expected = in.data[0] == 'p' || in.data[0] == 'X';
    int r = is_expected ? wire_frame_parse(in, LOGIN_FRAME_BYTES_MAX, &frame) : BASE_EPROTOCOL;
    if (r == BASE_EMORE) {
        return 0;
    }
    if (r < 0) {
        fail(client, "08P01", "expected a password", NULL);
        return in.bytes;
    }
    if (frame.type == 'X') {
        proxy_client_close(client, NULL, NULL, NULL, NULL, "client gave up the login");
    } else {
        client_auth_take(client, &frame);
    }
    return frame.bytes;
}

size_t proxy_client_login_data(struct proxy_client *client, struct base_slice in)
{
    size_t done = 0;
    while (done < in.bytes) {
        struct base_slice rest = base_slice_skip(in, done);
        size_t used;
        if (client->state == PROXY_CLIENT_STARTUP) {
            used = take_packet(client, rest);
        } else if (client->state == PROXY_CLIENT_AUTH) {
            used = take_auth_frame(client, rest);
        } else {
            break; /* the rest is for the state that came */
        }
        if (used == 0) {
            break;
        }
        done += used;
    }
    if (done < in.bytes && client->state == PROXY_CLIENT_READY) {
        done += proxy_client_session_data(client, base_slice_skip(in, done));
    } else if (done < in.bytes && client->state == PROXY_CLIENT_CONSOLE) {
        done += proxy_console_data(client, base_slice_skip(in, done));
    }
    return client->state == PROXY_CLIENT_CLOSING ? in.bytes : done;
}
