/* configure.c - what the configuration means for the process: TLS, sockets, log, names; a reload.
 *
 * A reload builds a whole new configuration, checks it, and only then swaps it in; what is wrong
 * changes nothing. SET on the console swaps in a copy that differs in one setting. What it means
 * for databases and pools is in pool_configure.c. Test: tests/system/test_ops.py, test_console.py.
 */
#include <stdio.h>
#include <string.h>

#include "proxy/daemon.h"
#include "proxy/listen.h"
#include "proxy/log.h"
#include "proxy/peer.h"
#include "proxy/server.h"
#include "proxy/service.h"
#include "proxy/verifier.h"

/* ---- TLS contexts and socket options ---- */

static const char *or_null(const char *text)
{
    return text && *text && strcmp(text, "default") != 0 ? text : NULL;
}

static int make_tls(struct proxy *proxy, const struct config_options *options, char *why,
                    size_t why_bytes)
{
    struct net_tls_context *client = NULL, *server = NULL;
    enum config_tls_mode mode = options->client_tls_sslmode;
    int r = BASE_OK;
    if (mode != CONFIG_TLS_MODE_DISABLE) {
        struct net_tls_options tls = {
            .is_server = true,
            .verify = mode >= CONFIG_TLS_MODE_VERIFY_CA ? NET_TLS_VERIFY_CA
                      : *options->client_tls_ca_file    ? NET_TLS_VERIFY_OPTIONAL
                                                        : NET_TLS_VERIFY_NONE,
            .cert_file = or_null(options->client_tls_cert_file),
            .key_file = or_null(options->client_tls_key_file),
            .ca_file = or_null(options->client_tls_ca_file),
            .ciphers = or_null(options->client_tls_ciphers),
            .ciphersuites = or_null(options->client_tls13_ciphers),
            .protocols = options->client_tls_protocols,
            .ecdh_curve = or_null(options->client_tls_ecdhcurve),
            .dhe = options->client_tls_dheparams,
            .alpn_when_offered = true,
        };
        r = net_tls_context_new(&tls, why, why_bytes, &client);
    }
    mode = options->server_tls_sslmode;
    if (r == BASE_OK && mode != CONFIG_TLS_MODE_DISABLE) {
        struct net_tls_options tls = {
            .verify = mode == CONFIG_TLS_MODE_VERIFY_FULL ? NET_TLS_VERIFY_FULL
                      : mode == CONFIG_TLS_MODE_VERIFY_CA ? NET_TLS_VERIFY_CA
                                                          : NET_TLS_VERIFY_NONE,
            .cert_file = or_null(options->server_tls_cert_file),
            .key_file = or_null(options->server_tls_key_file),
            .ca_file = or_null(options->server_tls_ca_file),
            .ciphers = or_null(options->server_tls_ciphers),
            .ciphersuites = or_null(options->server_tls13_ciphers),
            .protocols = options->server_tls_protocols,
            .ecdh_curve = or_null(options->server_tls_ecdhcurve),
        };
        r = net_tls_context_new(&tls, why, why_bytes, &server);
    }
    if (r < 0) {
        net_tls_context_free(client);
        return r;
    }
    net_tls_context_free(proxy->client_tls);
    net_tls_context_free(proxy->server_tls);
    proxy->client_tls = client;
    proxy->server_tls = server;
    return BASE_OK;
}

static void set_socket_options(struct proxy *proxy)
{
    const struct config_options *options = &proxy->config->options;
    proxy->client_socket = (struct net_socket_options){
        .keepalive = options->tcp_keepalive,
        .keepidle_s = (uint32_t)options->tcp_keepidle,
        .keepintvl_s = (uint32_t)options->tcp_keepintvl,
        .keepcnt = (uint32_t)options->tcp_keepcnt,
        .user_timeout_ms = (uint32_t)(options->tcp_user_timeout / BASE_MS),
        .buffer_bytes = (uint32_t)options->tcp_socket_buffer,
    };
    proxy->server_socket = proxy->client_socket;
    proxy->client_socket.is_inherited = true;
    proxy_listeners_configure(proxy);
}

/* ---- log ---- */

/* As the configuration and the command line say. A reload opens the file again. */
static int open_log(const struct proxy *proxy, const struct config_options *options)
{
    return proxy_log_open(&(struct proxy_log_options){
        .path = options->logfile,
        .is_quiet = proxy->is_quiet,
        .verbose = proxy->verbose + (int)options->verbose,
        .has_syslog = options->syslog,
        .ident = options->syslog_ident,
        .facility = options->syslog_facility,
    });
}

int proxy_log_apply(const struct proxy *proxy, const struct config_options *options, char *why,
                    size_t why_bytes)
{
    int r = open_log(proxy, options);
    if (r == BASE_EINVALID) {
        snprintf(why, why_bytes, "syslog_facility = %s is not allowed: use " PROXY_LOG_FACILITIES,
                 options->syslog_facility);
    } else if (r < 0) {
        snprintf(why, why_bytes, "cannot open the log file %s: check the folder and its rights",
                 options->logfile);
    }
    return r;
}

/* ---- reload ---- */

struct report {
    struct proxy *proxy;
    char *text;
    size_t bytes, used;
    uint32_t changes, need_restart;
    bool has_other_tls; /* to servers */
};

/* What was learned from logins of a user whose secret is another now is void. */
static void forget_keys(struct proxy *proxy, const char *name)
{
    base_list_each(it, &proxy->users)
    {
        struct proxy_user *user = base_list_entry(it, struct proxy_user, link);
        if (strcmp(user->name, name) == 0) {
            explicit_bzero(&user->keys, sizeof(user->keys));
        }
    }
}

static void follow_change(struct report *report, const struct config_change *change)
{
    static const char tls[] = "server_tls_";
    bool is_user = change->kind == CONFIG_CHANGE_USER || change->kind == CONFIG_CHANGE_USER_NEW ||
                   change->kind == CONFIG_CHANGE_USER_GONE;
    if (is_user && (change->needs_reconnect || change->kind == CONFIG_CHANGE_USER_NEW)) {
        forget_keys(report->proxy, change->name);
    }
    if (change->kind == CONFIG_CHANGE_OPTION && strncmp(change->name, tls, sizeof(tls) - 1) == 0) {
        report->has_other_tls = true;
    }
}

static void note_change(void *context, const struct config_change *change)
{
    struct report *report = context;
    report->changes++;
    follow_change(report, change);
    report->need_restart += change->needs_restart;
    proxy_log(PROXY_LOG, "configuration changed: %s%s", change->name,
              change->needs_restart ? " (takes effect at the next start)" : "");
    if (report->used < report->bytes) {
        int n = snprintf(report->text + report->used, report->bytes - report->used, "%s%s%s",
                         report->used ? ", " : "", change->name,
                         change->needs_restart ? " (restart)" : "");
        report->used += n > 0 ? (size_t)n : 0;
    }
}

static void log_errors(const struct config_errors *errors)
{
    char text[1024];
    for (uint32_t i = 0; i < errors->error_count; i++) {
        config_error_format(&errors->errors[i], text, sizeof(text));
        proxy_log(PROXY_ERROR, "%s", text);
    }
}

/* After server_tls_ settings have changed no server goes on as it was. */
static void reconnect_all(struct proxy *proxy)
{
    base_list_each_safe(it, &proxy->pool_list)
    {
        proxy_pool_reconnect(base_list_entry(it, struct proxy_pool, link));
    }
}

static int swap(struct proxy *proxy, struct config *config, struct report *report)
{
    char why[512];
    int r = proxy_log_apply(proxy, &config->options, why, sizeof(why));
    r = r < 0 ? r : make_tls(proxy, &config->options, why, sizeof(why));
    if (r < 0) {
        proxy_log(PROXY_ERROR, "reload refused, nothing changed: %s", why);
        snprintf(report->text, report->bytes, "%s", why);
        config_free(config);
        return r;
    }
    struct config *old = proxy->config;
    report->proxy = proxy;
    config_difference(old, config, note_change, report);
    proxy->config = config;
    set_socket_options(proxy);
    net_resolver_configure(proxy->resolver, config->options.dns_max_ttl,
                           config->options.dns_nxdomain_ttl);
    net_resolver_check_zones(proxy->resolver, config->options.dns_zone_check_period);
    proxy_verifiers_clear(proxy);
    r = proxy_peers_configure(proxy);
    r = r < 0 ? r : proxy_pools_configure(proxy);
    if (report->has_other_tls) {
        reconnect_all(proxy);
    }
    config_free(old);
    return r;
}

int proxy_settings_swap(struct proxy *proxy, struct config *config, char *why, size_t why_bytes)
{
    struct report report = {.text = why, .bytes = why_bytes};
    return swap(proxy, config, &report);
}

int proxy_settings_open(struct proxy *proxy, char *why, size_t why_bytes)
{
    set_socket_options(proxy);
    return make_tls(proxy, &proxy->config->options, why, why_bytes);
}

int proxy_names_open(struct proxy *proxy)
{
    const struct config_options *options = &proxy->config->options;
    struct net_resolver_options names = {
        .ttl = options->dns_max_ttl,
        .failure_ttl = options->dns_nxdomain_ttl,
        .resolv_conf = *options->resolv_conf ? options->resolv_conf : NULL,
        .on_change = proxy_host_moved,
        .arg = proxy,
    };
    int r = net_resolver_new(proxy->loop, &names, &proxy->resolver);
    if (r == BASE_OK) {
        net_resolver_check_zones(proxy->resolver, options->dns_zone_check_period);
    }
    return r;
}

int proxy_reload(struct proxy *proxy, char *report_text, size_t report_bytes)
{
    struct config_errors errors = {0};
    struct config *config = NULL;
    struct report report = {.text = report_text, .bytes = report_bytes};
    if (report_bytes) {
        report_text[0] = 0;
    }
    const char *path = proxy->config->options.conffile;
    if (!*path) {
        snprintf(report_text, report_bytes, "weir was configured by URL: there is no file to read");
        return BASE_ESTATE;
    }
    proxy_log(PROXY_LOG, "got RELOAD, re-reading %s", path);
    proxy_service_reloading(net_loop_now(proxy->loop));
    int r = config_load(path, &config, &errors);
    if (r < 0) {
        log_errors(&errors);
        proxy_log(PROXY_ERROR, "reload refused, nothing changed: %u errors", errors.error_count);
        if (errors.error_count) {
            config_error_format(&errors.errors[0], report_text, report_bytes);
        }
    } else {
        r = swap(proxy, config, &report);
        if (r == BASE_OK) {
            proxy_log(PROXY_LOG, "reloaded: %u changes, %u of them at the next start",
                      report.changes, report.need_restart);
        }
    }
    config_errors_done(&errors);
    proxy_service_notify("READY=1");
    return r;
}
