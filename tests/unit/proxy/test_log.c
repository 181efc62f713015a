/* Tests of proxy/log.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/status.h"
#include "proxy/log.h"
#include "test.h"

static void named(enum proxy_level level, const char *who, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void named(enum proxy_level level, const char *who, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    proxy_log_named(level, who, format, arguments);
    va_end(arguments);
}

static char path[] = "/tmp/weir-test-log-XXXXXX";

static size_t contents(char *out, size_t bytes)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t got = fread(out, 1, bytes - 1, file);
    fclose(file);
    out[got] = '\0';
    return got;
}

static void open_log(int verbose)
{
    strcpy(path + strlen(path) - 6, "XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(proxy_log_open(&(struct proxy_log_options){
                         .path = path, .is_quiet = true, .verbose = verbose}),
                     BASE_OK);
}

static void close_log(void)
{
    proxy_log_close();
    unlink(path);
    assert_int_equal(proxy_log_open(&(struct proxy_log_options){.is_quiet = true}), BASE_OK);
}

TEST(a_line_has_time_pid_level_and_name)
{
    char text[8192];
    char expected[256];
    open_log(0);
    named(PROXY_LOG, "C-0x1f: shop/app@10.0.0.7:51234", "login attempt: %d", 7);
    size_t bytes = contents(text, sizeof(text));
    snprintf(expected, sizeof(expected),
             " UTC [%d] LOG C-0x1f: shop/app@10.0.0.7:51234 login attempt: 7\n", (int)getpid());
    assert_true(bytes > 23);
    assert_string_equal(text + 23, expected);
    assert_int_equal(text[10], ' ');
    assert_int_equal(text[19], '.');
    close_log();
}

TEST(control_bytes_cannot_forge_a_line)
{
    char text[8192];
    open_log(0);
    proxy_log(PROXY_WARNING, "user \"%s\"", "a\n2026-01-01 FATAL\x1b[2J\x7f");
    contents(text, sizeof(text));
    assert_non_null(strstr(text, "WARNING user \"a?2026-01-01 FATAL?[2J?\"\n"));
    close_log();
}

TEST(levels_below_the_wanted_one_are_silent)
{
    char text[8192];
    open_log(1);
    assert_true(proxy_log_has(PROXY_DEBUG));
    assert_false(proxy_log_has(PROXY_NOISE));
    proxy_log(PROXY_NOISE, "noise");
    assert_int_equal(contents(text, sizeof(text)), 0);
    proxy_log(PROXY_DEBUG, "debug");
    assert_true(contents(text, sizeof(text)) > 0);
    close_log();
}

TEST(a_line_that_is_too_long_is_cut)
{
    char text[8192];
    char big[6000];
    memset(big, 'x', sizeof(big));
    big[sizeof(big) - 1] = '\0';
    open_log(0);
    proxy_log(PROXY_LOG, "%s", big);
    size_t bytes = contents(text, sizeof(text));
    assert_int_equal(bytes, 4096);
    assert_int_equal(text[4095], '\n');
    close_log();
}

TEST(the_file_can_be_opened_again_under_its_name)
{
    char text[8192];
    open_log(0);
    proxy_log(PROXY_LOG, "before");
    unlink(path);
    proxy_log_reopen();
    proxy_log(PROXY_LOG, "after");
    contents(text, sizeof(text));
    assert_null(strstr(text, "before"));
    assert_non_null(strstr(text, "after"));
    close_log();
}

TEST(a_log_file_that_cannot_be_opened_is_an_error)
{
    assert_int_equal(proxy_log_open(&(struct proxy_log_options){.path = "/nonexistent/weir.log",
                                                                .is_quiet = true}),
                     BASE_ESYSTEM);
}
