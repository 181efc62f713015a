/* test_url.c - src/config/url.c */
#include <stdlib.h>

#include "helper.h"

static int read_url(const char *url, struct config **ret_config, struct config_errors *errors)
{
    struct config_builder builder;

    config_build_begin(&builder, errors, NULL);
    config_build_url(&builder, url, "me");
    return config_build_end(&builder, ret_config);
}

static struct config *url_config(const char *url)
{
    struct config_errors errors = {0};
    struct config *config = NULL;

    if (read_url(url, &config, &errors) != BASE_OK)
        helper_print(&errors);
    assert_non_null(config);
    config_errors_done(&errors);
    return config;
}

static void url_refuses(const char *url, const char *part)
{
    struct config_errors errors = {0};
    struct config *config = NULL;

    assert_int_equal(read_url(url, &config, &errors), BASE_ECONFIG);
    if (!helper_has(errors.errors, errors.error_count, part))
        helper_print(&errors);
    assert_true(helper_has(errors.errors, errors.error_count, part));
    assert_false(helper_has(errors.errors, errors.error_count, "hunter2"));
    config_errors_done(&errors);
}

TEST(url_is_a_working_pooler)
{
    struct config *config = url_config(
        "postgresql://al%20ice:p%40ss%2Fw%3ard@db.example.com:5433/shop?sslmode=require");
    const struct config_database *shop = helper_database(config, "shop");
    const struct config_user *alice = helper_user(config, "al ice");
    bool is_fallback = false;

    assert_string_equal(config->options.listen_addr, "127.0.0.1");
    assert_int_equal(config->options.listen_port, 6432);
    assert_string_equal(config->options.unix_socket_dir, "");
    assert_int_equal(config->options.pool_mode, CONFIG_POOL_MODE_TRANSACTION);
    assert_int_equal(config->options.auth_type, CONFIG_AUTH_TYPE_SCRAM_SHA_256);
    assert_int_equal(config->options.server_tls_sslmode, CONFIG_TLS_MODE_REQUIRE);
    assert_string_equal(config->options.admin_users, "al ice");
    assert_string_equal(alice->secret, "p@ss/w:rd");
    assert_int_equal(alice->secret_kind, CONFIG_SECRET_PLAIN);
    assert_string_equal(shop->hosts[0], "db.example.com");
    assert_int_equal(shop->port, 5433);
    assert_string_equal(shop->dbname, "shop");
    assert_string_equal(
        config_database_find(config, base_slice_text("other"), &is_fallback)->hosts[0],
        "db.example.com");
    assert_true(is_fallback);
    config_free(config);
}

TEST(url_without_password_trusts)
{
    struct config *config = url_config("postgres://bob@localhost");

    assert_int_equal(config->options.auth_type, CONFIG_AUTH_TYPE_TRUST);
    assert_int_equal(config->options.server_tls_sslmode, CONFIG_TLS_MODE_PREFER);
    assert_string_equal(helper_database(config, "bob")->dbname, "bob");
    assert_int_equal(helper_database(config, "bob")->port, 5432);
    assert_true(helper_user(config, "bob")->is_listed);
    config_free(config);
    config = url_config("postgres://u:ends%2F@h/%64");
    assert_string_equal(helper_user(config, "u")->secret, "ends/");
    helper_database(config, "d");
    config_free(config);
    config = url_config("postgres:///shop");
    assert_true(helper_user(config, "me")->is_listed);
    assert_string_equal(helper_database(config, "shop")->hosts[0], "localhost");
    config_free(config);
}

TEST(url_hosts_come_in_all_forms)
{
    static const struct {
        const char *url, *host;
        uint32_t port, count;
    } cases[] = {
        {"postgres://u@[::1]:7/d", "::1", 7, 1},
        {"postgres://u@[2001:db8::2]/d", "2001:db8::2", 5432, 1},
        {"postgres://u@%2Fvar%2Frun%2Fpostgresql/d", "/var/run/postgresql", 5432, 1},
        {"postgres://u@/d?host=/run/pg&port=9", "/run/pg", 9, 1},
        {"postgres://u@h1:8,h2:8/d", "h1", 8, 2},
        {"postgres://u@h1,h2/d", "h1", 5432, 2},
        {"postgres://u@h:/d", "h", 5432, 1},
        {"postgres://u:p@ss@h/d", "h", 5432, 1},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config *config = url_config(cases[i].url);
        const struct config_database *d = helper_database(config, "d");

        assert_string_equal(d->hosts[0], cases[i].host);
        assert_int_equal(d->port, cases[i].port);
        assert_int_equal(d->host_count, cases[i].count);
        config_free(config);
    }
}

TEST(url_parameters_set_what_they_mean)
{
    struct config *config =
        url_config("postgres://h?user=a%26b&password=c&dbname=d&application_name=my%20app&"
                   "connect_timeout=3&sslmode=verify-full&sslrootcert=system&&pgbouncer=true&"
                   "client_encoding=UTF8");

    assert_string_equal(helper_user(config, "a&b")->secret, "c");
    assert_string_equal(helper_database(config, "d")->application_name, "my app");
    assert_string_equal(helper_database(config, "d")->client_encoding, "UTF8");
    assert_true(config->options.server_connect_timeout == 3 * BASE_SECOND);
    assert_int_equal(config->options.server_tls_sslmode, CONFIG_TLS_MODE_VERIFY_FULL);
    assert_string_equal(config->options.server_tls_ca_file, "/etc/ssl/certs/ca-certificates.crt");
    config_free(config);
}

TEST(url_errors_say_what_is_wrong_and_no_secret)
{
    url_refuses("mysql://u:hunter2@h/d", "not a URL of PostgreSQL");
    url_refuses("u:hunter2@h/d", "not a URL of PostgreSQL");
    url_refuses("postgres://u:hunter2@h:0/d", "use 1 to 65535");
    url_refuses("postgres://u:hunter2@h:65536/d", "use 1 to 65535");
    url_refuses("postgres://u:hunter2@h:54x2/d", "use 1 to 65535");
    url_refuses("postgres://u:hunter2@h:1,g:2/d", "different ports");
    url_refuses("postgres://u:hunter2@::1/d", "stands in brackets");
    url_refuses("postgres://u:hunter2@[::1/d", "closing bracket");
    url_refuses("postgres://u:hunter2@[::1]5432/d", "needs :port");
    url_refuses("postgres://u:hunter2%4@h/d", "password of the URL has a %");
    url_refuses("postgres://u:hunter2%00@h/d", "password of the URL has a %");
    url_refuses("postgres://u:hunter2@h/d?sslmod=require", "did you mean sslmode?");
    url_refuses("postgres://u:hunter2@h/d?hunter2=require", "unknown parameter");
    url_refuses("postgres://u:hunter2@h/d?sslmode=on", "use disable, allow, prefer");
    url_refuses("postgres://u:hunter2@h/d?sslmode", "no value");
    url_refuses("postgres://u:hunter2@h/d?options=-c", "not served");
    url_refuses("postgres://u:hunter2@h/d?sslmode=verify-ca", "server_tls_ca_file");
    url_refuses("postgres://u:hunter2@h/weir", "reserved for the console");
    url_refuses("postgres://a,b:hunter2@h/d", "user is not allowed");
}

TEST(url_is_known_by_its_scheme)
{
    assert_true(config_is_url("postgres://"));
    assert_true(config_is_url("postgresql://x"));
    assert_false(config_is_url("postgres:/x"));
    assert_false(config_is_url("/etc/weir.ini"));
    assert_false(config_is_url(NULL));
    config_free(url_config("postgres://"));
}
