/* Tests of serve/settings.h. */
#include "serve/settings.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

static char why[512];

static bool read_settings(struct settings *settings, char *argument, char *value)
{
    char verb[] = "serve";
    char *argv[] = {verb, argument, value, NULL};
    bool wants_help;
    return settings_read(argument ? value ? 3 : 2 : 1, argv, settings, &wants_help, why,
                         sizeof(why));
}

TEST(defaults_are_those_of_the_table)
{
    struct settings settings;
    unsetenv("PORT");
    unsetenv("WEB_CONCURRENCY");
    assert_true(read_settings(&settings, NULL, NULL));
    assert_int_equal(settings.port, 8080);
    assert_int_equal(settings.pool_size, 20);
    assert_int_equal(settings.max_overflow, 10);
    assert_int_equal(settings.pool_wait_ms, 2000);
    assert_int_equal(settings.query_ms, 5000);
    assert_true(settings.idle_s > 90);
}

TEST(command_line_comes_after_the_environment)
{
    struct settings settings;
    char flag[] = "--pool-size", equals[] = "--pool-size=3", five[] = "5";
    char database[] = "--database", url[] = "postgres:///x";
    setenv("HORIZON_POOL_SIZE", "7", 1);
    assert_true(read_settings(&settings, NULL, NULL));
    assert_int_equal(settings.pool_size, 7);
    assert_true(read_settings(&settings, flag, five));
    assert_int_equal(settings.pool_size, 5);
    assert_true(read_settings(&settings, equals, NULL));
    assert_int_equal(settings.pool_size, 3);
    setenv("HORIZON_POOL_SIZE", "", 1);
    assert_true(read_settings(&settings, NULL, NULL));
    assert_int_equal(settings.pool_size, 20);
    unsetenv("HORIZON_POOL_SIZE");
    assert_true(read_settings(&settings, database, url));
    assert_string_equal(settings.database, url);
}

TEST(waits_end_before_a_router_gives_up)
{
    struct settings settings;
    char flag[] = "--pool-timeout-ms", most[] = "18000", above[] = "18001";
    assert_true(read_settings(&settings, flag, most));
    assert_false(read_settings(&settings, flag, above));
    assert_non_null(strstr(why, "28001 ms together, and a router gives up after 30 s"));
    char query[] = "--query-timeout-ms", last[] = "13000", first[] = "13001";
    assert_true(read_settings(&settings, query, last));
    assert_false(read_settings(&settings, query, first));
    char far[] = "25000", longer[] = "30000";
    assert_false(read_settings(&settings, query, far));
    assert_non_null(strstr(why, "a router gives up after 30 s"));
    assert_false(read_settings(&settings, flag, longer));
    assert_non_null(strstr(why, "a router gives up after 30 s"));
}

TEST(wrong_values_and_options_are_told)
{
    struct settings settings;
    char unknown[] = "--pool", flag[] = "--port", large[] = "65536", word[] = "8080x";
    assert_false(read_settings(&settings, unknown, word));
    assert_non_null(strstr(why, "no such option"));
    assert_false(read_settings(&settings, flag, NULL));
    assert_false(read_settings(&settings, flag, large));
    assert_false(read_settings(&settings, flag, word));
    assert_non_null(strstr(why, "PORT"));
}

TEST(secrets_come_from_the_environment_or_a_file_and_never_from_the_command_line)
{
    struct settings settings;
    char flag[] = "--jwt-secret", value[] = "x", path[] = "/tmp/horizon-secret-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, "from a file\n", 12) == 12);
    close(fd);
    assert_false(read_settings(&settings, flag, value));
    setenv("HORIZON_JWT_SECRET_FILE", path, 1);
    assert_true(read_settings(&settings, NULL, NULL));
    assert_string_equal(settings.secret, "from a file");
    free((char *)(uintptr_t)settings.secret); /* lives as long as a process, usually */
    unlink(path);
    assert_false(read_settings(&settings, NULL, NULL));
    assert_non_null(strstr(why, path));
    unsetenv("HORIZON_JWT_SECRET_FILE");
}
