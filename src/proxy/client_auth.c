/* client_auth.c - clients prove who they are: trust, plain, md5, SCRAM-SHA-256, cert, peer.
 *
 * A user that does not exist goes through the same messages with a secret that fits nothing, so
 * that names cannot be guessed. Comparisons take the same time wherever they differ (src/wire).
 * Secrets are never logged. A verifier made from a plain password is kept until the next reload:
 * making one costs thousands of digests.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/invariant.h"
#include "proxy/client_internal.h"
#include "proxy/crypto.h"
#include "proxy/log.h"
#include "proxy/lookup.h"
#include "proxy/outside.h"
#include "proxy/verifier.h"
#include "wire/backend.h"

static struct base_slice user_of(const struct proxy_client *client)
{
    return base_slice_text(client->login->user);
}

/* The user's secret; empty for one that is not known, or has none. */
static struct base_slice secret_of(const struct proxy_client *client)
{
    if (client->login->is_looked_up) {
        return base_slice_text(client->login->secret);
    }
    const struct config_user *user = config_user_find(client->proxy->config, user_of(client));
    return user ? base_slice_text(user->secret) : base_slice_of(NULL, 0);
}

/* What a client is told does not say whether the user exists. */
static void refuse(struct proxy_client *client, const char *why)
{
    static const struct {
        const char *word, *sqlstate;
    } methods[] = {
        [CONFIG_AUTH_TYPE_TRUST] = {"\"trust\"", "28000"},
        [CONFIG_AUTH_TYPE_CERT] = {"certificate", "28000"},
        [CONFIG_AUTH_TYPE_PEER] = {"unix socket login rejected: peer", "28000"},
        [CONFIG_AUTH_TYPE_PAM] = {"PAM", "28000"},
        [CONFIG_AUTH_TYPE_LDAP] = {"LDAP", "28000"},
        [CONFIG_AUTH_TYPE_HBA] = {NULL, NULL},
    };
    enum config_auth_type method = client->login->method;
    const char *word = methods[method].word ? methods[method].word : "password";
    char text[CLIENT_NAME_BYTES + 64];
    snprintf(text, sizeof(text), "%s authentication failed for user \"%s\"", word,
             client->login->user);
    proxy_log_client(PROXY_LOG, client, "login failed: %s", why);
    proxy_client_close(client, methods[method].word ? methods[method].sqlstate : "28P01", text,
                       NULL, NULL, "authentication failed");
}

static void let_in(struct proxy_client *client)
{
    client->login->step = CLIENT_AUTH_NONE;
    client_login_accepted(client);
}

/* ---- the question ---- */

static void ask_sasl(struct proxy_client *client)
{
    uint8_t binding[64];
    struct wire_out out = client_out(client, 128);
    client->login->plus_offered = net_stream_tls_endpoint(&client->stream, binding) > 0;
    client->login->step = CLIENT_AUTH_SASL_INITIAL;
    wire_authentication_sasl_put(&out, client->login->plus_offered);
    client_send_out(client, &out);
}

static void ask_md5(struct proxy_client *client)
{
    struct wire_out out = client_out(client, 64);
    if (proxy_random(client->login->salt, sizeof(client->login->salt)) < 0) {
        proxy_client_close_status(client, BASE_ESYSTEM, NULL, "no random bytes");
        return;
    }
    client->login->step = CLIENT_AUTH_MD5;
    wire_authentication_md5_put(&out, client->login->salt);
    client_send_out(client, &out);
}

static void ask_plain(struct proxy_client *client)
{
    struct wire_out out = client_out(client, 64);
    client->login->step = CLIENT_AUTH_PLAIN;
    wire_authentication_cleartext_put(&out);
    client_send_out(client, &out);
}

/* Methods without a question: `is_proven` says whether the client passes. */
static void decide(struct proxy_client *client, bool is_proven, const char *why)
{
    if (!is_proven || client->login->is_mock) {
        refuse(client, is_proven ? "no such user" : why);
    } else {
        let_in(client);
    }
}

/* In PgBouncer's words. */
static const char *certificate_fault(const struct proxy_client *client)
{
    return !net_stream_has_tls(&client->stream)        ? "TLS connection required"
           : !net_stream_tls_has_peer(&client->stream) ? "TLS client certificate required"
                                                       : "TLS certificate name mismatch";
}

static void ask(struct proxy_client *client)
{
    bool is_scram = wire_secret_kind_of(secret_of(client)) == WIRE_SECRET_SCRAM;
    switch (client->login->method) {
    case CONFIG_AUTH_TYPE_ANY:
        let_in(client);
        return;
    case CONFIG_AUTH_TYPE_TRUST:
        decide(client, true, NULL);
        return;
    case CONFIG_AUTH_TYPE_CERT:
        decide(client, client_access_has_certificate(client), certificate_fault(client));
        return;
    case CONFIG_AUTH_TYPE_PEER:
        decide(client, client_access_is_peer(client), "the Unix user does not fit");
        return;
    case CONFIG_AUTH_TYPE_PLAIN:
    case CONFIG_AUTH_TYPE_PAM:
    case CONFIG_AUTH_TYPE_LDAP:
        ask_plain(client);
        return;
    case CONFIG_AUTH_TYPE_MD5:
        if (is_scram) {
            ask_sasl(client);
        } else {
            ask_md5(client);
        }
        return;
    case CONFIG_AUTH_TYPE_SCRAM_SHA_256:
        ask_sasl(client);
        return;
    case CONFIG_AUTH_TYPE_HBA:
        break;
    }
    INVARIANT(!"a method of its own");
}

/* Does the method itself know who exists? */
static bool knows_users(enum config_auth_type method)
{
    return method == CONFIG_AUTH_TYPE_PAM || method == CONFIG_AUTH_TYPE_LDAP;
}

void client_auth_begin(struct proxy_client *client)
{
    const struct config_user *user = config_user_find(client->proxy->config, user_of(client));
    if (!client_access_decide(client)) {
        return;
    }
    client->login->is_mock = !knows_users(client->login->method) && (!user || !user->is_listed);
    if (client->login->is_mock && client->login->method != CONFIG_AUTH_TYPE_ANY) {
        client->login->step = CLIENT_AUTH_LOOKUP;
        int r = proxy_lookup_begin(client);
        if (r == BASE_OK) {
            if (client->state == PROXY_CLIENT_AUTH && client->login->lookup) {
                net_stream_pause(&client->stream);
            }
            return;
        }
        if (r != BASE_EINVALID) {
            client_lookup_done(client, r, false, NULL);
            return;
        }
    }
    ask(client);
}

/* The log has the reason: who is not known yet is not told more. */
void client_lookup_done(struct proxy_client *client, int status, bool is_found, char **secret)
{
    struct proxy_client_login *login = client->login;
    if (client->state != PROXY_CLIENT_AUTH) {
        return; /* it is being closed */
    }
    if (status < 0) {
        proxy_client_close(client, "08006", "auth_query failed", NULL,
                           "Try again after a moment; weir's log says why.", "auth_query failed");
        return;
    }
    if (is_found) {
        login->is_mock = false;
        login->is_looked_up = true;
        login->secret = *secret;
        *secret = NULL;
    }
    net_stream_resume(&client->stream);
    ask(client);
}

/* ---- the answer ---- */

/* An empty password is never asked about: LDAP takes it for "nobody in particular" and agrees. */
static void take_outside(struct proxy_client *client, struct base_slice password)
{
    if (password.bytes == 0 || password.bytes > WIRE_PASSWORD_BYTES_MAX) {
        refuse(client, "an empty or too long password");
        return;
    }
    client->login->step = CLIENT_AUTH_OUTSIDE;
    int r = outside_begin(client, password);
    if (r < 0) {
        proxy_client_close_status(client, r, NULL, "the password could not be checked");
        return;
    }
    net_stream_pause(&client->stream);
}

void client_outside_done(struct proxy_client *client, int status, const char *why,
                         const char *password)
{
    struct proxy_client_login *login = client->login;
    if (client->state != PROXY_CLIENT_AUTH) {
        return; /* it is being closed */
    }
    if (status < 0) {
        refuse(client, why);
        return;
    }
    login->secret = strdup(password);
    login->is_looked_up = true;
    net_stream_resume(&client->stream);
    let_in(client);
}

static void take_password(struct proxy_client *client, struct base_slice body)
{
    const struct wire_crypto *crypto = proxy_crypto();
    struct base_slice password;
    int r = wire_password_parse(body, &password);
    if (r < 0) {
        proxy_client_close_status(client, BASE_EPROTOCOL, NULL, "malformed password message");
        return;
    }
    if (knows_users(client->login->method)) {
        take_outside(client, password);
        return;
    }
    if (client->login->step == CLIENT_AUTH_PLAIN) {
        r = wire_password_check(crypto, secret_of(client), user_of(client), password);
    } else {
        r = wire_md5_check(crypto, secret_of(client), user_of(client), client->login->salt,
                           password);
    }
    if (r < 0 || client->login->is_mock) {
        refuse(client, client->login->is_mock ? "no such user" : "wrong password");
    } else {
        let_in(client);
    }
}

static int find_verifier(struct proxy_client *client, struct wire_scram_verifier *verifier)
{
    struct proxy *proxy = client->proxy;
    struct base_slice secret = secret_of(client);
    struct base_slice mock_secret = base_slice_of(proxy->mock_secret, sizeof(proxy->mock_secret));
    if (!client->login->is_mock) {
        switch (wire_secret_kind_of(secret)) {
        case WIRE_SECRET_SCRAM:
            if (wire_scram_verifier_parse(secret, verifier) == BASE_OK) {
                return BASE_OK;
            }
            break;
        case WIRE_SECRET_PLAIN:
            if (client->login->is_looked_up) {
                return proxy_verifier_make(proxy, user_of(client), secret, verifier);
            }
            return proxy_verifier_find(proxy, user_of(client), secret, verifier);
        case WIRE_SECRET_MD5:
        case WIRE_SECRET_NONE:
            break;
        }
    }
    client->login->is_mock = true;
    int r = wire_scram_verifier_mock(proxy_crypto(), mock_secret, user_of(client), verifier);
    if (r == BASE_OK) {
        verifier->iterations = proxy->config->options.scram_iterations; /* as everybody else's */
    }
    return r;
}

static void take_sasl_initial(struct proxy_client *client, struct base_slice body)
{
    struct proxy_client_login *login = client->login;
    struct wire_scram_verifier verifier;
    struct wire_sasl_initial initial;
    struct base_slice first = {0};
    uint8_t binding[64];
    int r = wire_sasl_initial_parse(body, &initial);
    if (r == BASE_OK && !initial.response.data) {
        r = BASE_EPROTOCOL;
    }
    bool is_plus = r == BASE_OK && base_slice_is(initial.mechanism, WIRE_SCRAM_MECHANISM_PLUS);
    if (r == BASE_OK && !is_plus && !base_slice_is(initial.mechanism, WIRE_SCRAM_MECHANISM)) {
        r = BASE_EPROTOCOL;
    }
    if (r == BASE_OK) {
        r = find_verifier(client, &verifier);
    }
    if (r == BASE_OK) {
        struct wire_scram_server_options options = {
            .is_plus = is_plus,
            .plus_offered = login->plus_offered,
            .is_mock = login->is_mock,
            .binding = base_slice_of(binding, net_stream_tls_endpoint(&client->stream, binding)),
        };
        r = wire_scram_server_init(&login->scram, proxy_crypto(), &verifier, &options);
        wire_scram_verifier_done(&verifier);
        login->has_scram = true;
    }
    if (r == BASE_OK) {
        r = wire_scram_server_first(&login->scram, initial.response, &first);
    }
    if (r < 0) {
        proxy_client_close_status(client, BASE_EPROTOCOL, NULL, "malformed SCRAM message");
        return;
    }
    struct wire_out out = client_out(client, first.bytes + 64);
    wire_authentication_sasl_continue_put(&out, first);
    client_send_out(client, &out);
    login->step = CLIENT_AUTH_SASL_FINAL;
}

static void take_sasl_final(struct proxy_client *client, struct base_slice body)
{
    struct base_slice final;
    int r = wire_scram_server_final(&client->login->scram, body, &final);
    if (r == BASE_EAUTH) {
        refuse(client, client->login->is_mock ? "no such user" : "wrong password");
        return;
    }
    if (r < 0) {
        proxy_client_close_status(client, BASE_EPROTOCOL, NULL, "malformed SCRAM message");
        return;
    }
    struct wire_out out = client_out(client, final.bytes + 64);
    wire_authentication_sasl_final_put(&out, final);
    client_send_out(client, &out);
    let_in(client);
}

void client_auth_take(struct proxy_client *client, const struct wire_frame *frame)
{
    switch (client->login->step) {
    case CLIENT_AUTH_PLAIN:
    case CLIENT_AUTH_MD5:
        take_password(client, frame->body);
        return;
    case CLIENT_AUTH_SASL_INITIAL:
        take_sasl_initial(client, frame->body);
        return;
    case CLIENT_AUTH_SASL_FINAL:
        take_sasl_final(client, frame->body);
        return;
    case CLIENT_AUTH_NONE:
    case CLIENT_AUTH_LOOKUP:
    case CLIENT_AUTH_OUTSIDE:
        proxy_client_close_status(client, BASE_EPROTOCOL, NULL, "password not asked for");
        return;
    }
}

static void learn_keys(struct proxy_client *client, struct proxy_keys *keys)
{
    struct wire_scram_verifier verifier;
    if (!client->login->has_scram || wire_secret_kind_of(secret_of(client)) != WIRE_SECRET_SCRAM ||
        wire_scram_verifier_parse(secret_of(client), &verifier) < 0) {
        return;
    }
    if (wire_scram_server_client_key(&client->login->scram, keys->client_key) == BASE_OK) {
        memcpy(keys->server_key, verifier.server_key, sizeof(keys->server_key));
        keys->is_known = true;
    }
    wire_scram_verifier_done(&verifier);
}

void client_learn_secrets(struct proxy_client *client)
{
    struct proxy_client_login *login = client->login;
    if (!login->is_looked_up) {
        learn_keys(client, &client->user->keys);
        return;
    }
    if (client->pool->user != client->user) {
        return; /* its servers log in as somebody else */
    }
    learn_keys(client, &client->pool->keys);
    if (login->secret) {
        proxy_pool_set_secret(client->pool, login->secret);
        login->secret = NULL;
    }
}
