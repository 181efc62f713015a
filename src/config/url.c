/* url.c - postgres://user:password@host:port/dbname?parameters as a whole configuration.
 *
 *     scheme://[user[:password]@][host[:port][,host[:port]...]][/dbname][?name=value[&...]]
 * Every part may hold %XX; IPv6 addresses stand in brackets; a host that begins with / (written
 * %2F in front, or host= behind) is a Unix socket's folder. (libpq's manual, 34.1.1.2.)
 *
 * Invariant: no error shows the URL or a part of it in which a password may be.
 * Not here: files, the meaning of a setting. Tests: tests/unit/config/test_url.c,
 * fuzz/fuzz_config.c.
 */
#include <inttypes.h>
#include <stdio.h>

#include "config/build.h"
#include "config/value.h"

/* System-wide authorities, for sslrootcert=system (libpq 16). */
#define SYSTEM_CA_FILE "/etc/ssl/certs/ca-certificates.crt"

struct url_parts {
    struct base_slice user, password, hosts, dbname, parameters;
    bool has_password;
};

/* Parts after percent-decoding. Texts "" where absent. */
struct url_values {
    const char *user, *password, *host, *dbname, *application_name, *client_encoding;
    uint32_t port; /* 0 = not said */
    bool has_password;
};

bool config_slice_is_url(struct base_slice text)
{
    static const char *const schemes[] = {"postgres://", "postgresql://"};

    for (size_t i = 0; i < 2; i++) {
        if (text.bytes >= strlen(schemes[i]) &&
            memcmp(text.data, schemes[i], strlen(schemes[i])) == 0)
            return true;
    }
    return false;
}

bool config_is_url(const char *text)
{
    return text != NULL && config_slice_is_url(base_slice_text(text));
}

static void url_error(struct config_builder *builder, const char *text)
{
    config_error_add(builder->errors, builder->place, "%s", text);
}

/* ---- cutting ---- */

/* Cuts at the first (or last) `c`: what is before it; the rest after it in `ret_after`. False when
 * there is none. */
static bool cut(struct base_slice text, char c, bool last, struct base_slice *ret_before,
                struct base_slice *ret_after)
{
    const uint8_t *found = NULL;

    if (text.data != NULL)
        found = last ? memrchr(text.data, c, text.bytes) : memchr(text.data, c, text.bytes);
    if (found == NULL)
        return false;
    *ret_before = base_slice_of(text.data, (size_t)(found - text.data));
    *ret_after = base_slice_skip(text, (size_t)(found - text.data) + 1);
    return true;
}

static struct url_parts url_cut(struct base_slice url)
{
    struct url_parts parts = {0};
    struct base_slice after = {0}, login = {0};

    cut(url, ':', false, &login, &after);
    url = base_slice_skip(after, 2); /* the scheme was checked: "//" follows */
    if (cut(url, '?', false, &login, &after)) {
        url = login;
        parts.parameters = after;
    }
    /* An unescaped "/" in a password is a mistake we cannot tell from a path, as libpq. */
    if (cut(url, '/', false, &login, &after)) {
        url = login;
        parts.dbname = after;
    }
    if (cut(url, '@', true, &login, &after)) {
        url = after;
        parts.user = login;
        parts.has_password = cut(login, ':', false, &parts.user, &parts.password);
    }
    parts.hosts = url;
    return parts;
}

/* ---- decoding ---- */

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* %XX to bytes, as a text of the arena; "" and an error when it is malformed. */
static const char *decode(struct config_builder *builder, struct base_slice text, const char *what)
{
    char *out = config_build_take(builder, text.bytes + 1);
    size_t bytes = 0;

    for (size_t i = 0; out != NULL && i < text.bytes; i++) {
        int high, low;

        if (text.data[i] != '%') {
            out[bytes++] = (char)text.data[i];
            continue;
        }
        high = i + 2 < text.bytes ? hex_digit(text.data[i + 1]) : -1;
        low = high >= 0 ? hex_digit(text.data[i + 2]) : -1;
        if (low < 0 || (high == 0 && low == 0)) {
            config_error_add(builder->errors, builder->place,
                             "the %s of the URL has a %% that is not followed by two hexadecimal "
                             "digits (and not 00): write %%25 for a percent sign",
                             what);
            return "";
        }
        out[bytes++] = (char)(high * 16 + low);
        i += 2;
    }
    return out ? out : "";
}

/* ---- hosts ---- */

static bool read_port(struct config_builder *builder, struct base_slice text,
                      struct url_values *values)
{
    uint64_t port;

    if (!config_number_parse(text, &port) || port < 1 || port > 65535) {
        url_error(builder, "the port of the URL is not allowed: use 1 to 65535");
        return false;
    }
    if (values->port != 0 && values->port != port) {
        url_error(builder, "the hosts of the URL have different ports: weir needs one port for "
                           "all; write a configuration file for several upstreams");
        return false;
    }
    values->port = (uint32_t)port;
    return true;
}

/* One host[:port]: the host without brackets. */
static bool read_host(struct config_builder *builder, struct base_slice text,
                      struct url_values *values, struct base_slice *ret_host)
{
    struct base_slice host = text, port;

    if (text.bytes > 0 && text.data[0] == '[') {
        if (!cut(base_slice_skip(text, 1), ']', false, &host, &port)) {
            url_error(builder, "an IPv6 address in the URL needs its closing bracket: [::1]");
            return false;
        }
        *ret_host = host;
        if (port.bytes > 0 && port.data[0] != ':') {
            url_error(builder, "after the bracket of an IPv6 address the URL needs :port or /");
            return false;
        }
        return port.bytes < 2 || read_port(builder, base_slice_skip(port, 1), values);
    }
    *ret_host = text;
    if (!cut(text, ':', false, &host, &port))
        return true;
    *ret_host = host;
    if (port.bytes > 0 && memchr(port.data, ':', port.bytes) != NULL) {
        url_error(builder, "an IPv6 address in the URL stands in brackets: [::1]:5432");
        return false;
    }
    return port.bytes == 0 || read_port(builder, port, values);
}

/* host[:port],host[:port]: decoded hosts joined by commas. */
static void read_hosts(struct config_builder *builder, struct base_slice list,
                       struct url_values *values)
{
    char *joined = config_build_take(builder, list.bytes + 1);
    struct base_slice item, after = list, host;
    size_t used = 0;
    bool more = joined != NULL && list.bytes > 0;

    while (more) {
        const char *decoded;
        size_t bytes;

        more = cut(after, ',', false, &item, &after);
        if (!more)
            item = after;
        if (!read_host(builder, item, values, &host))
            return;
        decoded = decode(builder, host, "host");
        bytes = strlen(decoded); /* decoding never lengthens */
        if (used > 0)
            joined[used++] = ',';
        memcpy(joined + used, decoded, bytes);
        used += bytes;
    }
    values->host = joined ? joined : "";
}

/* ---- parameters ---- */

static void set_option(struct config_builder *builder, const char *name, const char *value)
{
    config_build_option(builder, base_slice_text(name), base_slice_text(value));
}

enum parameter_effect {
    PARAMETER_OPTION,  /* sets the option `target` */
    PARAMETER_CA,      /* the option server_tls_ca_file, or "system" */
    PARAMETER_VALUE,   /* a part of the URL said once more; `target` tells which */
    PARAMETER_FOREIGN, /* means something to clients only: advice */
    PARAMETER_REFUSED, /* `target` says what to do instead */
};

static const struct parameter {
    const char *name;
    enum parameter_effect effect;
    const char *target;
} parameters[] = {
    {"sslmode", PARAMETER_OPTION, "server_tls_sslmode"},
    {"sslcert", PARAMETER_OPTION, "server_tls_cert_file"},
    {"sslkey", PARAMETER_OPTION, "server_tls_key_file"},
    {"connect_timeout", PARAMETER_OPTION, "server_connect_timeout"},
    {"sslrootcert", PARAMETER_CA, ""},
    {"host", PARAMETER_VALUE, "host"},
    {"port", PARAMETER_VALUE, "port"},
    {"user", PARAMETER_VALUE, "user"},
    {"password", PARAMETER_VALUE, "password"},
    {"dbname", PARAMETER_VALUE, "dbname"},
    {"application_name", PARAMETER_VALUE, "application_name"},
    {"client_encoding", PARAMETER_VALUE, "client_encoding"},
    {"fallback_application_name", PARAMETER_FOREIGN, ""},
    {"channel_binding", PARAMETER_FOREIGN, ""},
    {"gssencmode", PARAMETER_FOREIGN, ""},
    {"sslnegotiation", PARAMETER_FOREIGN, ""},
    {"sslsni", PARAMETER_FOREIGN, ""},
    {"keepalives", PARAMETER_FOREIGN, ""},
    {"keepalives_idle", PARAMETER_FOREIGN, ""},
    {"keepalives_interval", PARAMETER_FOREIGN, ""},
    {"keepalives_count", PARAMETER_FOREIGN, ""},
    {"pgbouncer", PARAMETER_FOREIGN, ""},
    {"schema", PARAMETER_FOREIGN, ""},
    {"connection_limit", PARAMETER_FOREIGN, ""},
    {"pool_timeout", PARAMETER_FOREIGN, ""},
    {"options", PARAMETER_REFUSED, "set it in the application's own connection"},
    {"hostaddr", PARAMETER_REFUSED, "write the address as the host"},
    {"service", PARAMETER_REFUSED, "write host, port and dbname"},
    {"passfile", PARAMETER_REFUSED, "write the password into the URL, or a configuration file"},
    {"sslpassword", PARAMETER_REFUSED, "use a key without a password"},
    {"sslcrl", PARAMETER_REFUSED, "leave it out"},
    {"replication", PARAMETER_REFUSED, "the client asks for it"},
    {"target_session_attrs", PARAMETER_REFUSED, "name the primary's host"},
};

#define PARAMETER_COUNT (sizeof(parameters) / sizeof(parameters[0]))

static const struct parameter *parameter_find(const char *name)
{
    for (size_t i = 0; i < PARAMETER_COUNT; i++) {
        if (strcmp(parameters[i].name, name) == 0)
            return &parameters[i];
    }
    return NULL;
}

static void set_value(struct config_builder *builder, struct url_values *values, const char *target,
                      const char *value)
{
    static const struct {
        const char *name;
        size_t offset;
    } texts[] = {
        {"host", offsetof(struct url_values, host)},
        {"user", offsetof(struct url_values, user)},
        {"password", offsetof(struct url_values, password)},
        {"dbname", offsetof(struct url_values, dbname)},
        {"application_name", offsetof(struct url_values, application_name)},
        {"client_encoding", offsetof(struct url_values, client_encoding)},
    };

    if (strcmp(target, "port") == 0) {
        values->port = 0;
        read_port(builder, base_slice_text(value), values);
        return;
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (strcmp(texts[i].name, target) == 0)
            memcpy((char *)values + texts[i].offset, &value, sizeof(value));
    }
    values->has_password = values->has_password || strcmp(target, "password") == 0;
}

static void unknown_parameter(struct config_builder *builder, const char *name)
{
    unsigned best = config_distance_max(strlen(name)) + 1;
    const char *nearest = NULL;

    for (size_t i = 0; i < PARAMETER_COUNT && strlen(name) <= 64; i++) {
        unsigned distance =
            config_distance(base_slice_text(name), base_slice_text(parameters[i].name));

        if (distance < best) {
            best = distance;
            nearest = parameters[i].name;
        }
    }
    if (nearest != NULL)
        config_error_add(builder->errors, builder->place,
                         "the URL has an unknown parameter: did you mean %s?", nearest);
    else
        config_error_add(builder->errors, builder->place,
                         "the URL has an unknown parameter: use sslmode, sslrootcert, sslcert, "
                         "sslkey, connect_timeout, application_name, client_encoding, host, port, "
                         "user, password or dbname; a & in a value is written %%26");
}

static void apply_parameter(struct config_builder *builder, struct url_values *values,
                            const char *name, const char *value)
{
    const struct parameter *parameter = parameter_find(name);

    if (parameter == NULL) {
        unknown_parameter(builder, name);
        return;
    }
    switch (parameter->effect) {
    case PARAMETER_OPTION:
        set_option(builder, parameter->target, value);
        break;
    case PARAMETER_CA:
        set_option(builder, "server_tls_ca_file",
                   strcmp(value, "system") == 0 ? SYSTEM_CA_FILE : value);
        break;
    case PARAMETER_VALUE:
        set_value(builder, values, parameter->target, value);
        break;
    case PARAMETER_FOREIGN:
        config_advice_add(builder->errors, builder->place,
                          "parameter %s of the URL is for clients and has no effect here", name);
        break;
    case PARAMETER_REFUSED:
        config_error_add(builder->errors, builder->place,
                         "parameter %s of the URL is not served: %s", name, parameter->target);
        break;
    }
}

static void read_parameters(struct config_builder *builder, struct base_slice list,
                            struct url_values *values)
{
    struct base_slice item, after = list, name, value;
    bool more = list.bytes > 0;

    while (more) {
        more = cut(after, '&', false, &item, &after);
        if (!more)
            item = after;
        if (item.bytes == 0)
            continue;
        if (!cut(item, '=', false, &name, &value)) {
            url_error(builder, "a parameter of the URL has no value: write name=value, with & "
                               "between parameters");
            continue;
        }
        apply_parameter(builder, values, decode(builder, name, "parameter"),
                        decode(builder, value, "parameter"));
    }
}

/* ---- putting together ---- */

static void add_key(struct config_builder *builder, struct config_database *database,
                    const char *key, const char *value)
{
    struct config_pair pair = {.key = base_slice_text(key), .value = base_slice_text(value)};

    if (value[0] != '\0')
        config_build_key(builder, &config_table_databases, database, &database->set, pair, false);
}

static void add_database(struct config_builder *builder, const char *name,
                         const struct url_values *values)
{
    struct config_database *database = config_build_database(builder, base_slice_text(name));
    char port[16];

    if (database == NULL)
        return;
    snprintf(port, sizeof(port), "%" PRIu32, values->port ? values->port : 5432);
    add_key(builder, database, "host", values->host[0] ? values->host : "localhost");
    add_key(builder, database, "port", port);
    add_key(builder, database, "application_name", values->application_name);
    add_key(builder, database, "client_encoding", values->client_encoding);
    if (strcmp(name, "*") != 0)
        add_key(builder, database, "dbname", values->dbname);
}

static void add_user(struct config_builder *builder, const struct url_values *values)
{
    struct config_user *user = config_build_user(builder, base_slice_text(values->user));

    if (user == NULL)
        return;
    user->is_listed = true;
    user->secret = values->password;
    user->secret_kind = values->has_password ? CONFIG_SECRET_PLAIN : CONFIG_SECRET_NONE;
}

static void set_options(struct config_builder *builder, const struct url_values *values)
{
    set_option(builder, "listen_addr", "127.0.0.1");
    set_option(builder, "listen_port", "6432");
    set_option(builder, "unix_socket_dir", "");
    set_option(builder, "pool_mode", "transaction");
    set_option(builder, "auth_type", values->has_password ? "scram-sha-256" : "trust");
    set_option(builder, "admin_users", values->user);
}

void config_build_url(struct config_builder *builder, const char *url, const char *system_user)
{
    struct url_values values = {"", "", "", "", "", "", 0, false};
    struct url_parts parts;

    if (!config_is_url(url)) {
        url_error(builder, "this is not a URL of PostgreSQL: write "
                           "postgres://user:password@host:port/dbname");
        return;
    }
    parts = url_cut(base_slice_text(url));
    values.user = decode(builder, parts.user, "user");
    values.password = decode(builder, parts.password, "password");
    values.has_password = parts.has_password && values.password[0] != '\0';
    values.dbname = decode(builder, parts.dbname, "database name");
    read_hosts(builder, parts.hosts, &values);
    read_parameters(builder, parts.parameters, &values);
    if (values.user[0] == '\0')
        values.user = config_build_copy(builder, base_slice_text(system_user));
    if (values.dbname[0] == '\0')
        values.dbname = values.user;
    if (values.user[0] == '\0' || strlen(values.user) > OPTION_NAME_BYTES ||
        strchr(values.user, ',') != NULL)
        url_error(builder, "the URL's user is not allowed: use 1 to 63 bytes without a comma");
    else if (strcmp(values.dbname, "weir") == 0 || strcmp(values.dbname, "pgbouncer") == 0)
        url_error(builder, "the URL's database has a name that is reserved for the console: write "
                           "a configuration file with another name and dbname=");
    else {
        set_options(builder, &values);
        add_database(builder, values.dbname, &values);
        add_database(builder, "*", &values);
        add_user(builder, &values);
    }
}
