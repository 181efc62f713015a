/* log.c - writes log lines: to standard error, to a file, or both.
 *
 * A line is made in one buffer and leaves by one write(2) per sink, so that lines of several
 * processes on one file do not mix. What is longer than a line may be is cut. A sink that fails
 * loses the line: logging never stops the daemon. No locks: one thread.
 *
 * Not here: what clients and servers are called (log_peer.c), what is worth a line (the callers).
 * Test: tests/unit/proxy/test_log.c.
 */
#include "proxy/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/status.h"

#define LINE_BYTES 4096

static struct {
    char *path; /* NULL: no file */
    int fd;     /* -1: no file */
    bool is_quiet;
    enum proxy_level level; /* the least important one that is written */
} sink = {.fd = -1, .level = PROXY_LOG};

static const char *const level_names[] = {
    [PROXY_FATAL] = "FATAL", [PROXY_ERROR] = "ERROR", [PROXY_WARNING] = "WARNING",
    [PROXY_LOG] = "LOG",     [PROXY_DEBUG] = "DEBUG", [PROXY_NOISE] = "NOISE",
};

static int file_open(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);
}

int proxy_log_open(const char *path, bool is_quiet, int verbose)
{
    char *copy = NULL;
    int fd = -1;
    if (path && path[0] != '\0') {
        copy = strdup(path);
        if (!copy) {
            return BASE_ENOMEM;
        }
        fd = file_open(path);
        if (fd < 0) {
            free(copy);
            return BASE_ESYSTEM;
        }
    }
    proxy_log_close();
    sink.path = copy;
    sink.fd = fd;
    sink.is_quiet = is_quiet;
    sink.level = verbose <= 0 ? PROXY_LOG : verbose == 1 ? PROXY_DEBUG : PROXY_NOISE;
    return BASE_OK;
}

void proxy_log_reopen(void)
{
    if (!sink.path) {
        return;
    }
    int fd = file_open(sink.path);
    if (fd < 0) {
        proxy_log(PROXY_WARNING, "could not open log file \"%s\" again: %s", sink.path,
                  strerror(errno));
        return;
    }
    close(sink.fd);
    sink.fd = fd;
}

void proxy_log_close(void)
{
    if (sink.fd >= 0) {
        close(sink.fd);
    }
    free(sink.path);
    sink.path = NULL;
    sink.fd = -1;
}

bool proxy_log_has(enum proxy_level level)
{
    return level <= sink.level && (sink.fd >= 0 || !sink.is_quiet);
}

static void put(int fd, const char *line, size_t bytes)
{
    ssize_t r;
    do {
        r = write(fd, line, bytes);
    } while (r < 0 && errno == EINTR);
}

/* Where snprintf's result leads, at most to the last byte. */
static size_t advance(size_t at, int written)
{
    if (written < 0) {
        return at;
    }
    size_t end = at + (size_t)written;
    return end < LINE_BYTES - 1 ? end : LINE_BYTES - 1;
}

static size_t head_put(char line[LINE_BYTES], enum proxy_level level, const char *who)
{
    struct timespec now = {0};
    struct tm parts = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    size_t at = strftime(line, LINE_BYTES, "%Y-%m-%d %H:%M:%S", &parts);
    return advance(at, snprintf(line + at, LINE_BYTES - at, ".%03ld UTC [%d] %s %s%s",
                                now.tv_nsec / 1000000, (int)getpid(), level_names[level],
                                who ? who : "", who ? " " : ""));
}

/* Bytes that could end a line early or steer a terminal. */
static void tame(char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == 0x7f) {
            text[i] = '?';
        }
    }
}

void proxy_log_named(enum proxy_level level, const char *who, const char *format, va_list arguments)
{
    if (!proxy_log_has(level)) {
        return;
    }
    char line[LINE_BYTES];
    size_t bytes = head_put(line, level, who);
    bytes = advance(bytes, vsnprintf(line + bytes, sizeof(line) - bytes, format, arguments));
    tame(line, bytes);
    line[bytes++] = '\n';
    if (!sink.is_quiet) {
        put(STDERR_FILENO, line, bytes);
    }
    if (sink.fd >= 0) {
        put(sink.fd, line, bytes);
    }
}

void proxy_log(enum proxy_level level, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    proxy_log_named(level, NULL, format, arguments);
    va_end(arguments);
}
