/* test_snapshot.c - src/config/snapshot.c, difference.c, file.c */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper.h"

TEST(database_is_found_exactly_then_by_the_star)
{
    struct config *config = helper_config("[databases]\nb = host=b\n* = host=star\na = host=a\n");
    bool is_fallback;

    assert_string_equal(helper_database(config, "a")->hosts[0], "a");
    assert_string_equal(
        config_database_find(config, base_slice_text("zzz"), &is_fallback)->hosts[0], "star");
    assert_true(is_fallback);
    assert_non_null(config_database_find(config, base_slice_text("*"), &is_fallback));
    assert_true(is_fallback);
    assert_non_null(config_database_find(config, base_slice_of("a\0b", 3), &is_fallback));
    assert_true(is_fallback);
    config_free(config);
    config = helper_config("[databases]\nb = host=b\n");
    assert_null(config_database_find(config, base_slice_text("c"), NULL));
    config_free(config);
    config_free(NULL);
}

TEST(many_databases_are_all_found)
{
    size_t bytes = 0, room = 64 * 1024;
    char *text = malloc(room), name[16];
    struct config *config;

    bytes += (size_t)snprintf(text, room, "[databases]\n");
    for (int i = 0; i < 1000; i++)
        bytes +=
            (size_t)snprintf(text + bytes, room - bytes, "d%d = host=h%d\n", i * 7919 % 1000, i);
    config = helper_config(text);
    assert_int_equal(config->database_count, 1000);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "d%d", i);
        helper_database(config, name);
        if (i > 0)
            assert_true(strcmp(config->databases[i - 1].name, config->databases[i].name) < 0);
    }
    config_free(config);
    free(text);
}

TEST(pool_takes_the_user_before_the_database_before_the_setting)
{
    struct config *config =
        helper_config("[weir]\npool_mode = transaction\nquery_timeout = 9\nmin_pool_size = 8\n"
                      "max_user_connections = 50\n"
                      "[databases]\nd = host=h pool_size=30 pool_mode=statement\n"
                      "[users]\nu = pool_mode=session query_timeout=1 pool_size=4\nv =\n");
    const struct config_database *d = helper_database(config, "d");
    struct config_pool pool;

    config_pool_resolve(config, d, helper_user(config, "u"), &pool);
    assert_int_equal(pool.pool_mode, CONFIG_POOL_MODE_SESSION);
    assert_int_equal(pool.pool_size, 4);
    assert_int_equal(pool.min_pool_size, 4);
    assert_int_equal(pool.max_user_connections, 50);
    assert_true(pool.query_timeout == BASE_SECOND);
    config_pool_resolve(config, d, helper_user(config, "v"), &pool);
    assert_int_equal(pool.pool_mode, CONFIG_POOL_MODE_STATEMENT);
    assert_int_equal(pool.pool_size, 30);
    config_pool_resolve(config, d, NULL, &pool);
    assert_int_equal(pool.min_pool_size, 8);
    assert_true(pool.query_timeout == 9 * BASE_SECOND);
    config_free(config);
}

TEST(list_items_are_trimmed)
{
    assert_true(config_list_has(" a , b c,,d ", base_slice_text("a")));
    assert_true(config_list_has(" a , b c,,d ", base_slice_text("b c")));
    assert_true(config_list_has("d", base_slice_text("d")));
    assert_false(config_list_has(" a , b c,,d ", base_slice_text("b")));
    assert_false(config_list_has(" a , b c,,d ", base_slice_text("")));
    assert_false(config_list_has("", base_slice_text("")));
    assert_false(config_list_has("ab", base_slice_text("a")));
}

TEST(set_makes_a_new_snapshot)
{
    struct config *old = helper_config("[weir]\npidfile = p\n[databases]\na = host=h\n"
                                       "b = host=h pool_size=3 password=x\n[users]\nu = "
                                       "pool_size=2\n");
    struct config_errors errors = {0};
    struct config *config = NULL;

#define SET(name, value) \
    config_with_option(old, base_slice_text(name), base_slice_text(value), &config, &errors)
    assert_int_equal(SET("listen_port", "1"), BASE_ECONFIG);
    assert_int_equal(SET("default_pool_size", "x"), BASE_ECONFIG);
    assert_int_equal(SET("use_lifo", "0"), BASE_ECONFIG);
    assert_int_equal(errors.error_count, 3);
    assert_true(helper_has(errors.errors, 1, "listen_port needs a restart"));
    config_errors_done(&errors);
    assert_null(config);
    assert_int_equal(SET("logfile", "new.log"), BASE_OK);
    assert_string_equal(config->options.logfile, "/etc/weir/new.log");
    config_free(config);
    config_errors_done(&errors);
    assert_int_equal(SET("pool_size", "5"), BASE_OK);
#undef SET
    assert_int_equal(old->options.default_pool_size, 20);
    config_free(old);
    assert_int_equal(config->options.default_pool_size, 5);
    assert_string_equal(config->options.pidfile, "/etc/weir/p");
    assert_int_equal(helper_database(config, "a")->pool_size, 5);
    assert_int_equal(helper_database(config, "b")->pool_size, 3);
    assert_string_equal(helper_database(config, "b")->password, "x");
    assert_string_equal(helper_database(config, "b")->hosts[0], "h");
    assert_int_equal(helper_user(config, "u")->pool_size, 2);
    config_errors_done(&errors);
    config_free(config);
}

/* ---- difference ---- */

static char changes[1024];

static void note(void *context, const struct config_change *change)
{
    static const char *const kinds[] = {"option", "+database", "-database", "database",
                                        "peers",  "+user",     "-user",     "user"};
    size_t used = strlen(changes);

    assert_ptr_equal(context, changes);
    snprintf(changes + used, sizeof(changes) - used, "%s %s%s%s;", kinds[change->kind],
             change->name, change->needs_restart ? " restart" : "",
             change->needs_reconnect ? " reconnect" : "");
}

static void differs(const char *a, const char *b, const char *auth_a, const char *auth_b,
                    const char *wanted)
{
    struct config_errors errors = {0};
    struct config *old = NULL, *new_config = NULL;

    assert_int_equal(helper_read(a, NULL, auth_a, &old, &errors), BASE_OK);
    assert_int_equal(helper_read(b, NULL, auth_b, &new_config, &errors), BASE_OK);
    changes[0] = '\0';
    config_difference(old, new_config, note, changes);
    assert_string_equal(changes, wanted);
    config_errors_done(&errors);
    config_free(old);
    config_free(new_config);
}

TEST(difference_names_what_changed)
{
    differs("[peers]\n2 = host=a\n1 = host=b\n", "[peers]\n1 = host=b port=6432\n2 = host=a\n",
            NULL, NULL, "");
    differs("[peers]\n1 = host=a\n", "[peers]\n1 = host=a pool_size=3\n", NULL, NULL,
            "peers [peers];");
    differs("", "", NULL, NULL, "");
    differs("[weir]\nlisten_port = 1\nmax_packet_size=5000\n", "[weir]\nmax_packet_size = 5001\n",
            NULL, NULL, "option listen_port restart;option max_packet_size;");
    differs("[databases]\na = host=x\nb = host=x\nc = host=x\nd = host=x\n",
            "[databases]\n0 = host=x\nb = host=y\nc = host=x pool_size=3\nd = host='x'\n", NULL,
            NULL, "+database 0;-database a reconnect;database b reconnect;database c;");
    differs("[databases]\na = host=x password=p\n", "[databases]\na = host=x password=q\n", NULL,
            NULL, "database a reconnect;");
    differs("[databases]\na = host=x\n", "[weir]\ndefault_pool_size=3\n[databases]\na = host=x\n",
            NULL, NULL, "option default_pool_size;database a;");
    differs("[users]\nu = pool_size=1\n", "[users]\nu = pool_size=2\n", "\"v\" \"a\"\n\"w\" \"a\"",
            "\"v\" \"b\"\n\"x\" \"a\"", "user u;user v reconnect;-user w reconnect;+user x;");
}

/* ---- files ---- */

static const char *data_path(const char *name)
{
    static char path[1024];

    snprintf(path, sizeof(path), "%s/%s", TEST_DATA, name);
    return path;
}

TEST(real_file_of_a_web_application)
{
    struct config_errors errors = {0};
    struct config *config = NULL;
    const struct config_database *app;

    if (config_load(data_path("web.ini"), &config, &errors) != BASE_OK)
        helper_print(&errors);
    assert_non_null(config);
    app = helper_database(config, "app");
    assert_string_equal(app->password, "it's secret");
    assert_int_equal(app->pool_size, 25);
    assert_int_equal(app->reserve_pool_size, 5);
    assert_string_equal(helper_database(config, "app_jobs")->connect_query,
                        "SET statement_timeout = '30s'");
    assert_int_equal(helper_database(config, "legacy app")->host_count, 2);
    assert_string_equal(helper_database(config, "legacy app")->client_encoding, "UNICODE");
    assert_true(helper_user(config, "report")->query_timeout == 300 * BASE_SECOND);
    assert_string_equal(helper_user(config, "stats")->secret, "with \"quotes\" inside");
    assert_true(config_list_has(config->options.admin_users, base_slice_text("deploy")));
    assert_int_equal(config->options.max_client_conn, 500);
    config_errors_done(&errors);
    config_free(config);
}

TEST(real_file_of_a_cluster)
{
    struct config_errors errors = {0};
    struct config *config = NULL;

    if (config_load(data_path("kube.ini"), &config, &errors) != BASE_OK)
        helper_print(&errors);
    assert_non_null(config);
    assert_int_equal(config->options.default_pool_size, 15);
    assert_int_equal(config->databases[0].max_db_connections, 60);
    assert_int_equal(config->options.server_tls_sslmode, CONFIG_TLS_MODE_REQUIRE);
    assert_string_equal(config->file, data_path("kube.ini"));
    config_errors_done(&errors);
    config_free(config);
}

TEST(real_file_with_what_is_not_served)
{
    static const unsigned lines[] = {8, 9, 10, 11, 12, 13, 6}; /* 6 is a file that is missing */
    struct config_errors errors = {0};
    struct config *config = NULL;

    assert_int_equal(config_load(data_path("old.ini"), &config, &errors), BASE_ECONFIG);
    assert_int_equal(errors.error_count, sizeof(lines) / sizeof(lines[0]));
    for (size_t i = 0; i < errors.error_count; i++)
        assert_int_equal(errors.errors[i].line, lines[i]);
    config_errors_done(&errors);
}

TEST(files_that_cannot_be_read_are_errors)
{
    char folder[] = "/tmp/weir-config-XXXXXX", path[64];
    struct config_errors errors = {0};
    struct config *config = NULL;
    FILE *file;

    assert_int_equal(config_load("/nonexistent/weir.ini", &config, &errors), BASE_ECONFIG);
    assert_true(helper_has(errors.errors, 1, "No such file"));
    assert_int_equal(config_load("/tmp", &config, &errors), BASE_ECONFIG);
    config_errors_done(&errors);
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/weir.ini", folder);
    file = fopen(path, "w");
    fputs("[weir]\nauth_file = gone.txt\nserver_tls_ca_file = gone.pem\n", file);
    fclose(file);
    assert_int_equal(config_load(path, &config, &errors), BASE_ECONFIG);
    assert_int_equal(errors.error_count, 2);
    assert_int_equal(errors.errors[0].line, 2);
    assert_true(helper_has(errors.errors, 1, folder));
    assert_int_equal(errors.errors[1].line, 3);
    config_errors_done(&errors);
    unlink(path);
    rmdir(folder);
}

TEST(file_size_has_a_limit)
{
    char path[] = "/tmp/weir-config-XXXXXX";
    struct config_errors errors = {0};
    struct config *config = NULL;
    int fd = mkstemp(path);
    char *text = malloc(CONFIG_FILE_BYTES_MAX + 1);

    assert_true(fd >= 0 && text != NULL);
    memset(text, '\n', CONFIG_FILE_BYTES_MAX + 1);
    assert_int_equal(write(fd, text, CONFIG_FILE_BYTES_MAX), CONFIG_FILE_BYTES_MAX);
    assert_int_equal(config_load(path, &config, &errors), BASE_OK);
    config_free(config);
    config_errors_done(&errors);
    assert_int_equal(write(fd, text, 1), 1);
    assert_int_equal(config_load(path, &config, &errors), BASE_ECONFIG);
    assert_true(helper_has(errors.errors, errors.error_count, "too large"));
    config_errors_done(&errors);
    close(fd);
    unlink(path);
    free(text);
}

TEST(url_checks_files_too)
{
    struct config_errors errors = {0};
    struct config *config = NULL;

    assert_int_equal(config_from_url("postgres://u:p@h/d", &config, &errors), BASE_OK);
    config_free(config);
    config_errors_done(&errors);
    config = NULL;
    assert_int_equal(
        config_from_url("postgres://u:p@h/d?sslrootcert=/nonexistent/ca", &config, &errors),
        BASE_ECONFIG);
    assert_null(config);
    config_errors_done(&errors);
}

TEST(error_format_tells_its_place)
{
    struct config_error error = {(char *)(uintptr_t) "f", 3, (char *)(uintptr_t) "t"};
    char out[16];

    assert_int_equal(config_error_format(&error, out, sizeof(out)), 6);
    assert_string_equal(out, "f:3: t");
    error.line = 0;
    config_error_format(&error, out, sizeof(out));
    assert_string_equal(out, "f: t");
    error.file = (char *)(uintptr_t) "";
    config_error_format(&error, out, sizeof(out));
    assert_string_equal(out, "t");
}
