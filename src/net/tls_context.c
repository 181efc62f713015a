/* tls_context.c - one side's TLS settings as an OpenSSL context, shared by its streams.
 *
 * A context is built whole or not at all, from files, so that a reload can try a new one and keep
 * the old. Streams hold a reference: the old context lives as long as the last stream made from it.
 *
 * Fixed, whatever the options say: no renegotiation, no compression, no session resumption (no
 * PostgreSQL client uses it, and it would carry a verified identity past a reload), a key file with
 * a passphrase is an error instead of a question on the terminal. Test: unit/net/test_tls.c.
 */
#include "net/tls_internal.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const unsigned char alpn_list[] = "\012postgresql";
#define ALPN_LIST_BYTES (sizeof(alpn_list) - 1)

struct protocol {
    const char *name;
    uint64_t off_option;
};
static const struct protocol protocols_known[] = {
    {"tlsv1.0", SSL_OP_NO_TLSv1},
    {"tlsv1.1", SSL_OP_NO_TLSv1_1},
    {"tlsv1.2", SSL_OP_NO_TLSv1_2},
    {"tlsv1.3", SSL_OP_NO_TLSv1_3},
};
#define PROTOCOL_COUNT (sizeof(protocols_known) / sizeof(protocols_known[0]))

struct report {
    char *why;
    size_t bytes;
};

static int fail(const struct report *report, const char *what, const char *value)
{
    unsigned long code = ERR_peek_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    if (code && ERR_SYSTEM_ERROR(code)) {
        reason = strerror((int)ERR_GET_REASON(code));
    }
    if (report->why && report->bytes > 0) {
        snprintf(report->why, report->bytes, "%s%s%s%s%s%s", what, value ? " \"" : "",
                 value ? value : "", value ? "\"" : "", reason ? ": " : "", reason ? reason : "");
    }
    ERR_clear_error();
    return BASE_ETLS;
}

/* ---- protocols ------------------------------------------------------------------------------- */

/* The bits that switch off what the list does not name; 0 for an unknown name. */
static uint64_t protocols_off(const char *list)
{
    uint64_t off = 0;
    uint64_t on = 0;
    for (size_t i = 0; i < PROTOCOL_COUNT; i++) {
        off |= protocols_known[i].off_option;
    }
    while (*list) {
        size_t length = strcspn(list, ", ");
        uint64_t found = 0;
        for (size_t i = 0; i < PROTOCOL_COUNT; i++) {
            const char *name = protocols_known[i].name;
            if (strlen(name) == length && strncmp(list, name, length) == 0) {
                found = protocols_known[i].off_option;
            }
        }
        if (length > 0 && !found) {
            return 0;
        }
        on |= found;
        list += length;
        list += strspn(list, ", ");
    }
    return on ? off & ~on : 0;
}

static int set_protocols(SSL_CTX *ctx, const char *list, const struct report *report)
{
    if (!list || !*list || strcmp(list, "secure") == 0) {
        SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
        return BASE_OK;
    }
    if (strcmp(list, "all") == 0) {
        SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
        return BASE_OK;
    }
    uint64_t off = protocols_off(list);
    bool is_all = strstr(list, "tlsv1.0") && strstr(list, "tlsv1.1") && strstr(list, "tlsv1.2") &&
                  strstr(list, "tlsv1.3");
    if (!off && !is_all) {
        return fail(report, "unknown TLS protocol in", list);
    }
    SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
    SSL_CTX_set_options(ctx, off);
    return BASE_OK;
}

static int set_ciphers(SSL_CTX *ctx, const struct net_tls_options *options,
                       const struct report *report)
{
    if (options->ciphers && SSL_CTX_set_cipher_list(ctx, options->ciphers) != 1) {
        return fail(report, "invalid TLS cipher list", options->ciphers);
    }
    if (options->ciphersuites && SSL_CTX_set_ciphersuites(ctx, options->ciphersuites) != 1) {
        return fail(report, "invalid TLS 1.3 cipher suites", options->ciphersuites);
    }
    if (options->ecdh_curve && strcmp(options->ecdh_curve, "auto") != 0 &&
        SSL_CTX_set1_groups_list(ctx, options->ecdh_curve) != 1) {
        return fail(report, "unknown TLS curve", options->ecdh_curve);
    }
    if (options->is_server && !(options->dhe && strcmp(options->dhe, "none") == 0)) {
        SSL_CTX_set_dh_auto(ctx, options->dhe && strcmp(options->dhe, "legacy") == 0 ? 2 : 1);
    }
    return set_protocols(ctx, options->protocols, report);
}

/* ---- files ----------------------------------------------------------------------------------- */

/* Never asks: an encrypted key cannot be read. */
static int no_passphrase(char *buffer, int bytes, int is_writing, void *arg)
{
    (void)buffer;
    (void)bytes;
    (void)is_writing;
    (void)arg;
    return 0;
}

static int load_certificate(SSL_CTX *ctx, const struct net_tls_options *options,
                            const struct report *report)
{
    if (!options->cert_file) {
        return options->is_server ? fail(report, "a TLS server needs a certificate file", NULL)
                                  : BASE_OK;
    }
    const char *key_file = options->key_file ? options->key_file : options->cert_file;
    SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
    if (SSL_CTX_use_certificate_chain_file(ctx, options->cert_file) != 1) {
        return fail(report, "cannot load certificate file", options->cert_file);
    }
    if (SSL_CTX_use_PrivateKey_file(ctx, key_file, SSL_FILETYPE_PEM) != 1) {
        return fail(report, "cannot load key file", key_file);
    }
    if (SSL_CTX_check_private_key(ctx) != 1) {
        return fail(report, "the certificate does not match key file", key_file);
    }
    return BASE_OK;
}

static int load_authorities(SSL_CTX *ctx, const struct net_tls_options *options,
                            const struct report *report)
{
    if (options->verify == NET_TLS_VERIFY_NONE) {
        SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
        return BASE_OK;
    }
    if (!options->ca_file) {
        if (options->is_server) {
            return fail(report, "verifying clients needs a CA file", NULL);
        }
        if (SSL_CTX_set_default_verify_paths(ctx) != 1) {
            return fail(report, "cannot load the system's CA certificates", NULL);
        }
    } else if (SSL_CTX_load_verify_locations(ctx, options->ca_file, NULL) != 1) {
        return fail(report, "cannot load CA file", options->ca_file);
    }
    if (options->is_server) {
        SSL_CTX_set_client_CA_list(ctx, SSL_load_client_CA_file(options->ca_file));
    }
    bool is_optional = options->verify == NET_TLS_VERIFY_OPTIONAL;
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | (is_optional ? 0 : SSL_VERIFY_FAIL_IF_NO_PEER_CERT),
                       NULL);
    return BASE_OK;
}

/* ---- ALPN ------------------------------------------------------------------------------------ */

static int select_alpn(SSL *ssl, const unsigned char **ret_name, unsigned char *ret_bytes,
                       const unsigned char *offered, unsigned int offered_bytes, void *arg)
{
    (void)ssl;
    (void)arg;
    unsigned char *name = NULL;
    if (SSL_select_next_proto(&name, ret_bytes, alpn_list, ALPN_LIST_BYTES, offered,
                              offered_bytes) != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *ret_name = name;
    return SSL_TLSEXT_ERR_OK;
}

bool net_tls_alpn_is_agreed(const SSL *ssl)
{
    const unsigned char *name = NULL;
    unsigned int bytes = 0;
    SSL_get0_alpn_selected(ssl, &name, &bytes);
    return bytes == ALPN_LIST_BYTES - 1 && memcmp(name, alpn_list + 1, bytes) == 0;
}

/* ---- life ------------------------------------------------------------------------------------ */

static int configure(SSL_CTX *ctx, const struct net_tls_options *options,
                     const struct report *report)
{
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ctx, 0);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    int status = set_ciphers(ctx, options, report);
    if (status == BASE_OK) {
        status = load_certificate(ctx, options, report);
    }
    if (status == BASE_OK) {
        status = load_authorities(ctx, options, report);
    }
    if (status == BASE_OK && (options->alpn_postgresql || options->alpn_when_offered)) {
        if (options->is_server) {
            SSL_CTX_set_alpn_select_cb(ctx, select_alpn, NULL);
        } else if (SSL_CTX_set_alpn_protos(ctx, alpn_list, ALPN_LIST_BYTES) != 0) {
            status = fail(report, "cannot offer ALPN", "postgresql");
        }
    }
    return status;
}

int net_tls_context_new(const struct net_tls_options *options, char *why, size_t why_bytes,
                        struct net_tls_context **ret_context)
{
    struct report report = {.why = why, .bytes = why_bytes};
    struct net_tls_context *context = calloc(1, sizeof(*context));
    if (!context) {
        return fail(&report, "out of memory", NULL);
    }
    context->refs = 1;
    context->is_server = options->is_server;
    context->verify = options->verify;
    context->needs_alpn = options->alpn_postgresql;
    context->ctx = SSL_CTX_new(options->is_server ? TLS_server_method() : TLS_client_method());
    context->bio_method = net_tls_bio_method_new();
    ERR_clear_error();
    int status = context->ctx && context->bio_method ? configure(context->ctx, options, &report)
                                                     : fail(&report, "out of memory", NULL);
    if (status != BASE_OK) {
        net_tls_context_free(context);
        return status;
    }
    *ret_context = context;
    return BASE_OK;
}

void net_tls_context_free(struct net_tls_context *context)
{
    if (!context || --context->refs > 0) {
        return;
    }
    SSL_CTX_free(context->ctx);
    BIO_meth_free(context->bio_method);
    free(context);
}
