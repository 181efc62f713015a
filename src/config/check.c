/* check.c - what must fit together, and advice.
 *
 * Errors: settings that are allowed one by one but not together, so that the daemon would do
 * something else than was meant. Advice: what works and is likely not wanted: open doors, pools
 * that add up to more than expected, users that cannot log in. Advice is given only when there is
 * no error, since a wrong line spoils the sums.
 * Test: tests/unit/config/test_check.c.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/invariant.h"
#include "config/build.h"
#include "config/hba.h"
#include "config/value.h"

#define UPSTREAMS_ADVISED_MAX 20

/* The place where an option was written. */
#define PLACE(builder, name) ((builder)->option_place[CONFIG_OPTION_##name])

/* ---- errors ---- */

static void check_listen(struct config_builder *builder)
{
    const struct config_options *options = config_build_options(builder);

    if (options->listen_addr[0] == '\0' && options->unix_socket_dir[0] == '\0')
        config_error_add(
            builder->errors, PLACE(builder, listen_addr),
            "there is nothing to listen on: set listen_addr (for example 127.0.0.1) or "
            "unix_socket_dir");
}

/* "address:port", "[v6]:port" */
static bool is_address_port(const char *text)
{
    const char *colon = strrchr(text, ':');
    uint64_t port;

    if (colon == NULL || colon == text || !config_number_parse(base_slice_text(colon + 1), &port) ||
        port > 65535)
        return false;
    if (text[0] == '[')
        return colon[-1] == ']';
    return memchr(text, ':', (size_t)(colon - text)) == NULL;
}

static void check_http(struct config_builder *builder)
{
    const char *http = config_build_options(builder)->http_listen;

    if (http[0] != '\0' && !is_address_port(http))
        config_error_add(builder->errors, PLACE(builder, http_listen),
                         "http_listen = \"%s\" is not allowed: use address:port, for example "
                         "127.0.0.1:9127 or [::1]:9127",
                         http);
}

static void check_syslog(struct config_builder *builder)
{
    static const char *const words[] = {"auth",   "authpriv", "daemon", "user",
                                        "local0", "local1",   "local2", "local3",
                                        "local4", "local5",   "local6", "local7"};
    const char *facility = config_build_options(builder)->syslog_facility;

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i], facility) == 0)
            return;
    }
    config_error_add(builder->errors, PLACE(builder, syslog_facility),
                     "syslog_facility = \"%s\" is not allowed: use auth, authpriv, daemon, user or "
                     "local0 to local7",
                     facility);
}

static void check_protocols(struct config_builder *builder, const char *name, const char *list,
                            struct config_place place)
{
    static const char *const words[] = {"secure",  "all",     "legacy",  "tlsv1.0",
                                        "tlsv1.1", "tlsv1.2", "tlsv1.3", NULL};
    const char *rest = list;
    struct base_slice item;
    unsigned items = 0;

    for (; config_list_next(&rest, &item); items++) {
        const char *const *word = words;

        while (*word && !config_slice_is_word(item, *word))
            word++;
        if (*word == NULL)
            config_error_add(builder->errors, place,
                             "%s = \"%s\" is not allowed: \"%.*s\" is none of secure, all, legacy, "
                             "tlsv1.0, tlsv1.1, tlsv1.2 and tlsv1.3",
                             name, list, CONFIG_SHOWN(item));
    }
    if (items == 0)
        config_error_add(builder->errors, place,
                         "%s is empty: use secure, all, or a list of tlsv1.2 and tlsv1.3", name);
}

static void check_client_tls(struct config_builder *builder)
{
    const struct config_options *options = config_build_options(builder);
    const char *mode = config_tls_mode_text(options->client_tls_sslmode);
    struct config_place place = PLACE(builder, client_tls_sslmode);

    check_protocols(builder, "client_tls_protocols", options->client_tls_protocols,
                    PLACE(builder, client_tls_protocols));
    if (options->client_tls_sslmode == CONFIG_TLS_MODE_DISABLE)
        return;
    if (options->client_tls_key_file[0] == '\0' || options->client_tls_cert_file[0] == '\0')
        config_error_add(builder->errors, place,
                         "client_tls_sslmode = %s needs client_tls_key_file and "
                         "client_tls_cert_file",
                         mode);
    if (options->client_tls_sslmode >= CONFIG_TLS_MODE_VERIFY_CA &&
        options->client_tls_ca_file[0] == '\0')
        config_error_add(builder->errors, place,
                         "client_tls_sslmode = %s needs client_tls_ca_file, whose authorities sign "
                         "the clients' certificates",
                         mode);
}

static void check_dheparams(struct config_builder *builder)
{
    const char *value = config_build_options(builder)->client_tls_dheparams;

    if (value[0] != '\0' && strcmp(value, "auto") != 0 && strcmp(value, "none") != 0 &&
        strcmp(value, "legacy") != 0)
        config_error_add(builder->errors, PLACE(builder, client_tls_dheparams),
                         "client_tls_dheparams = \"%s\" is not allowed: use auto, none or legacy",
                         value);
}

static void check_server_tls(struct config_builder *builder)
{
    const struct config_options *options = config_build_options(builder);

    check_protocols(builder, "server_tls_protocols", options->server_tls_protocols,
                    PLACE(builder, server_tls_protocols));
    if (options->server_tls_sslmode >= CONFIG_TLS_MODE_VERIFY_CA &&
        options->server_tls_ca_file[0] == '\0')
        config_error_add(builder->errors, PLACE(builder, server_tls_sslmode),
                         "server_tls_sslmode = %s needs server_tls_ca_file, for example "
                         "/etc/ssl/certs/ca-certificates.crt",
                         config_tls_mode_text(options->server_tls_sslmode));
    if ((options->server_tls_key_file[0] == '\0') != (options->server_tls_cert_file[0] == '\0'))
        config_error_add(builder->errors, PLACE(builder, server_tls_key_file),
                         "server_tls_key_file and server_tls_cert_file belong together: set both "
                         "or none");
}

/* A group of peers without a number of one's own hands nothing on. */
static void advise_peers(struct config_builder *builder)
{
    const struct config *config = &builder->snapshot->config;

    if (config->peer_count > 0 && config->options.peer_id == 0)
        config_advice_add(builder->errors, PLACE(builder, peer_id),
                          "[peers] has no effect without peer_id: set it to this process's number");
}

static void check_auth_any(struct config_builder *builder)
{
    const struct config *config = &builder->snapshot->config;

    if (config->options.auth_type != CONFIG_AUTH_TYPE_ANY)
        return;
    for (uint32_t i = 0; i < config->database_count; i++) {
        const struct config_database *database = &config->databases[i];

        if (database->user[0] == '\0')
            config_error_add(builder->errors,
                             (struct config_place){builder->snapshot->config.file, database->line},
                             "auth_type = any needs user= on the line of database %s: the name a "
                             "client gives means nothing",
                             database->name);
    }
}

/* Where clients are to show certificates they must be able to. */
static void check_certificates(struct config_builder *builder, struct config_place place,
                               const char *what)
{
    const struct config_options *options = config_build_options(builder);

    if (options->client_tls_sslmode == CONFIG_TLS_MODE_DISABLE ||
        options->client_tls_ca_file[0] == '\0')
        config_error_add(builder->errors, place,
                         "%s needs client_tls_ca_file, whose authorities sign the clients' "
                         "certificates, and a client_tls_sslmode other than disable",
                         what);
}

static void check_access(struct config_builder *builder)
{
    const struct config *config = &builder->snapshot->config;

    if (config->options.auth_type == CONFIG_AUTH_TYPE_CERT)
        check_certificates(builder, PLACE(builder, auth_type), "auth_type = cert");
    if (config->options.auth_type != CONFIG_AUTH_TYPE_HBA)
        return;
    if (config->options.auth_hba_file[0] == '\0')
        config_error_add(builder->errors, PLACE(builder, auth_type),
                         "auth_type = hba needs auth_hba_file, a file like PostgreSQL's "
                         "pg_hba.conf");
    else if (config->hba == NULL && builder->errors->error_count == 0)
        config_error_add(builder->errors, PLACE(builder, auth_type),
                         "auth_hba_file is read on RELOAD: write auth_type = hba into the file");
    for (uint32_t i = 0; i < config_hba_count(config->hba); i++) {
        const struct config_hba_rule *rule = config_hba_rule_at(config->hba, i);

        if (!rule->is_reject && rule->unserved == NULL &&
            (rule->method == CONFIG_AUTH_TYPE_CERT || rule->clientcert != CONFIG_HBA_CERT_NONE))
            check_certificates(builder, (struct config_place){rule->file, rule->line},
                               "a line that asks for certificates");
    }
}

static void check_auth_dbname(struct config_builder *builder, const char *name,
                              struct config_place place)
{
    const struct config *config = &builder->snapshot->config;

    if (name[0] == '\0')
        return;
    if (strcmp(name, "pgbouncer") == 0 || strcmp(name, "weir") == 0 ||
        config_database_find(config, base_slice_text(name), NULL) == NULL)
        config_error_add(builder->errors, place,
                         "auth_dbname = %s is not allowed: name a database of [databases]", name);
}

static void check_auth_query(struct config_builder *builder)
{
    const struct config *config = &builder->snapshot->config;

    check_auth_dbname(builder, config->options.auth_dbname, PLACE(builder, auth_dbname));
    for (uint32_t i = 0; i < config->database_count; i++) {
        const struct config_database *database = &config->databases[i];

        if (database->set & (UINT32_C(1) << CONFIG_DATABASE_KEY_auth_dbname))
            check_auth_dbname(builder, database->auth_dbname,
                              (struct config_place){config->file, database->line});
    }
}

/* Can users that are not listed log in, by auth_query? */
static bool asks_databases(const struct config *config)
{
    bool asks = config->options.auth_user[0] != '\0';

    for (uint32_t i = 0; !asks && i < config->database_count; i++)
        asks = config->databases[i].auth_user[0] != '\0';
    return asks;
}

/* ---- advice: doors ---- */

static bool is_loopback(struct base_slice address)
{
    return config_slice_is_word(address, "localhost") || base_slice_is(address, "::1") ||
           (address.bytes > 4 && memcmp(address.data, "127.", 4) == 0);
}

static bool listens_to_others(const struct config_options *options)
{
    const char *rest = options->listen_addr;
    struct base_slice item;

    while (config_list_next(&rest, &item)) {
        if (!is_loopback(item))
            return true;
    }
    return false;
}

/* From everywhere: the whole of IPv4 or IPv6. */
static bool is_everywhere(const struct config_hba_rule *rule)
{
    bool is_net = rule->address == CONFIG_HBA_NET;

    for (uint32_t i = 0; is_net && i < rule->net.bytes; i++) {
        if (rule->net.mask[i] != 0)
            return false;
    }
    return is_net || rule->address == CONFIG_HBA_ANY;
}

static void advise_hba(struct config_builder *builder)
{
    const struct config_hba *hba = builder->snapshot->config.hba;

    for (uint32_t i = 0; i < config_hba_count(hba); i++) {
        const struct config_hba_rule *rule = config_hba_rule_at(hba, i);
        struct config_place place = {rule->file, rule->line};
        bool is_encrypted = rule->type == CONFIG_HBA_HOSTSSL;

        if (rule->is_reject || rule->unserved != NULL || rule->type == CONFIG_HBA_LOCAL ||
            !is_everywhere(rule))
            continue;
        if (rule->method == CONFIG_AUTH_TYPE_TRUST)
            config_advice_add(builder->errors, place,
                              "trust lets in without a password from every address: use "
                              "scram-sha-256, or narrow the address");
        else if (!is_encrypted &&
                 (rule->method == CONFIG_AUTH_TYPE_PLAIN || rule->method == CONFIG_AUTH_TYPE_PAM ||
                  rule->method == CONFIG_AUTH_TYPE_LDAP))
            config_advice_add(builder->errors, place,
                              "passwords of this method are readable on the way: write hostssl, "
                              "or narrow the address");
    }
}

static void advise_doors(struct config_builder *builder)
{
    const struct config_options *options = config_build_options(builder);
    bool is_open =
        options->auth_type == CONFIG_AUTH_TYPE_ANY || options->auth_type == CONFIG_AUTH_TYPE_TRUST;

    if (!listens_to_others(options))
        return;
    advise_hba(builder);
    if (is_open)
        config_advice_add(builder->errors, PLACE(builder, auth_type),
                          "auth_type = %s lets in without a password whoever reaches %s: use "
                          "scram-sha-256, or listen_addr = 127.0.0.1",
                          config_auth_type_text(options->auth_type), options->listen_addr);
    if ((options->auth_type == CONFIG_AUTH_TYPE_PLAIN ||
         options->auth_type == CONFIG_AUTH_TYPE_PAM ||
         options->auth_type == CONFIG_AUTH_TYPE_LDAP) &&
        options->client_tls_sslmode < CONFIG_TLS_MODE_REQUIRE)
        config_advice_add(builder->errors, PLACE(builder, auth_type),
                          "auth_type = %s sends passwords readable over the network: use "
                          "scram-sha-256, or client_tls_sslmode = require",
                          config_auth_type_text(options->auth_type));
}

/* ---- advice: users ---- */

static void advise_admins(struct config_builder *builder)
{
    const struct config *config = &builder->snapshot->config;
    const char *rest = config->options.admin_users;
    struct base_slice item;
    unsigned found = 0;

    if (config->options.auth_type == CONFIG_AUTH_TYPE_ANY)
        return;
    if (rest[0] == '\0')
        config_advice_add(builder->errors, PLACE(builder, admin_users),
                          "admin_users is empty: nobody can RELOAD or PAUSE on the console");
    while (config_list_next(&rest, &item) && found++ < 20) {
        const struct config_user *user = config_user_find(config, item);

        if ((user == NULL || !user->is_listed) && !asks_databases(config))
            config_advice_add(builder->errors, PLACE(builder, admin_users),
                              "admin_users names %.*s, who is not in auth_file and cannot log in",
                              CONFIG_SHOWN(item));
    }
}

static void advise_users(struct config_builder *builder)
{
    const struct config *config = &builder->snapshot->config;
    const struct config_options *options = &config->options;
    uint32_t listed = 0, md5 = 0;

    for (uint32_t i = 0; i < config->user_count; i++) {
        listed += config->users[i].is_listed;
        md5 += config->users[i].secret_kind == CONFIG_SECRET_MD5;
    }
    if (listed == 0 && options->auth_type != CONFIG_AUTH_TYPE_ANY && !asks_databases(config))
        config_advice_add(builder->errors, PLACE(builder, auth_type),
                          "auth_type = %s and no user is known: nobody can log in; write users "
                          "into auth_file",
                          config_auth_type_text(options->auth_type));
    if (md5 > 0 && options->auth_type == CONFIG_AUTH_TYPE_SCRAM_SHA_256)
        config_advice_add(builder->errors, PLACE(builder, auth_type),
                          "%" PRIu32 " of the users have an md5 secret and cannot log in with "
                          "auth_type = scram-sha-256: give them SCRAM secrets, or use md5",
                          md5);
}

/* ---- advice: sums ---- */

static uint64_t database_servers(const struct config_database *database)
{
    uint64_t servers = (uint64_t)database->pool_size + database->reserve_pool_size;

    servers += database->max_overflow == CONFIG_NO_LIMIT ? 0 : database->max_overflow;
    if (database->max_db_connections > 0 && servers > database->max_db_connections)
        servers = database->max_db_connections;
    return servers;
}

static int compare_upstreams(const void *a, const void *b)
{
    const struct config_database *const *left = a, *const *right = b;
    int hosts = strcmp((*left)->hosts[0], (*right)->hosts[0]);

    return hosts != 0 ? hosts : ((*left)->port > (*right)->port) - ((*left)->port < (*right)->port);
}

/* Says what the pools of databases[0 .. count) on one upstream add up to. */
static void advise_upstream(struct config_builder *builder,
                            const struct config_database *const *databases, uint32_t count)
{
    const struct config_options *options = config_build_options(builder);
    const struct config_database *first = databases[0];
    uint64_t sum = 0;
    bool is_per_user = false, is_even = true;
    char how[64] = "";

    for (uint32_t i = 0; i < count; i++) {
        sum += database_servers(databases[i]);
        is_per_user = is_per_user || databases[i]->user[0] == '\0';
        is_even = is_even && database_servers(databases[i]) == options->default_pool_size;
    }
    if (count < 2 &&
        (options->max_upstream_connections == 0 || sum <= options->max_upstream_connections))
        return;
    if (is_even)
        snprintf(how, sizeof(how), "default_pool_size %" PRIu32 " × %" PRIu32 " database%s",
                 options->default_pool_size, count, count == 1 ? "" : "s");
    else
        snprintf(how, sizeof(how), "the pools of %" PRIu32 " database%s", count,
                 count == 1 ? "" : "s");
    if (options->max_upstream_connections > 0 && sum > options->max_upstream_connections)
        config_advice_add(builder->errors, PLACE(builder, max_upstream_connections),
                          "%s = up to %" PRIu64 " servers%s on %s:%" PRIu32
                          ", of which max_upstream_connections allows %" PRIu32,
                          how, sum, is_per_user ? " per user" : "", first->hosts[0], first->port,
                          options->max_upstream_connections);
    else
        config_advice_add(builder->errors, PLACE(builder, default_pool_size),
                          "%s = up to %" PRIu64 " servers%s on %s:%" PRIu32
                          "; compare with its max_connections",
                          how, sum, is_per_user ? " per user" : "", first->hosts[0], first->port);
}

static void advise_sums(struct config_builder *builder)
{
    const struct config *config = &builder->snapshot->config;
    const struct config_database **list;
    uint32_t advised = 0;

    list = config_build_take(builder, config->database_count * sizeof(*list));
    if (list == NULL || config->database_count == 0)
        return;
    for (uint32_t i = 0; i < config->database_count; i++)
        list[i] = &config->databases[i];
    qsort(list, config->database_count, sizeof(*list), compare_upstreams);
    for (uint32_t i = 0, next; i < config->database_count && advised < UPSTREAMS_ADVISED_MAX;
         i = next, advised++) {
        for (next = i + 1; next < config->database_count; next++) {
            if (compare_upstreams(&list[i], &list[next]) != 0)
                break;
        }
        advise_upstream(builder, list + i, next - i);
    }
}

static void advise_sizes(struct config_builder *builder)
{
    const struct config *config = &builder->snapshot->config;

    if (config->database_count == 0)
        config_advice_add(builder->errors, (struct config_place){config->file, 0},
                          "[databases] has no line: clients can reach the console only");
    for (uint32_t i = 0; i < config->database_count; i++) {
        const struct config_database *database = &config->databases[i];

        if (database->min_pool_size > database->pool_size)
            config_advice_add(builder->errors, PLACE(builder, min_pool_size),
                              "min_pool_size %" PRIu32 " of database %s is more than its pool_size "
                              "%" PRIu32 ", which holds",
                              database->min_pool_size, database->name, database->pool_size);
    }
    if (config->options.reserve_pool_size > 0 && config->options.reserve_pool_timeout == 0)
        config_advice_add(builder->errors, PLACE(builder, reserve_pool_timeout),
                          "reserve_pool_timeout = 0 turns the reserve_pool_size off");
}

void config_build_check(struct config_builder *builder)
{
    INVARIANT(builder->snapshot != NULL);
    check_listen(builder);
    check_http(builder);
    check_syslog(builder);
    check_client_tls(builder);
    check_dheparams(builder);
    check_server_tls(builder);
    check_auth_any(builder);
    check_access(builder);
    check_auth_query(builder);
    if (builder->errors->error_count > 0)
        return;
    advise_peers(builder);
    advise_doors(builder);
    advise_admins(builder);
    advise_users(builder);
    advise_sizes(builder);
    advise_sums(builder);
}
