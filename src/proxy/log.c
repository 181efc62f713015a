/* log.c - writes log lines: to standard error, to a file, to syslog, or to several of them.
 *
 * A line is made in one buffer and leaves by one write(2) per sink, so that lines of several
 * processes on one file do not mix. What is longer than a line may be is cut. A sink that fails
 * loses the line: logging never stops the daemon. No locks: one thread. Syslog gets the line
 * without time, process id and level, which are its own business.
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
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/status.h"

#define LINE_BYTES 4096

static struct {
    char *path; /* NULL: no file */
    int fd;     /* -1: no file */
    bool is_quiet;
    bool has_syslog;
    char *ident;            /* syslog(3) keeps the pointer */
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

/* ---- syslog ---- */

static int facility_find(const char *name, int *ret_facility)
{
    static const struct {
        const char *name;
        int facility;
    } list[] = {
        {"", LOG_DAEMON},       {"auth", LOG_AUTH},     {"authpriv", LOG_AUTHPRIV},
        {"daemon", LOG_DAEMON}, {"user", LOG_USER},     {"local0", LOG_LOCAL0},
        {"local1", LOG_LOCAL1}, {"local2", LOG_LOCAL2}, {"local3", LOG_LOCAL3},
        {"local4", LOG_LOCAL4}, {"local5", LOG_LOCAL5}, {"local6", LOG_LOCAL6},
        {"local7", LOG_LOCAL7},
    };
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        if (strcmp(name, list[i].name) == 0) {
            *ret_facility = list[i].facility;
            return BASE_OK;
        }
    }
    return BASE_EINVALID;
}

static int priority(enum proxy_level level)
{
    static const int priorities[] = {
        [PROXY_FATAL] = LOG_CRIT, [PROXY_ERROR] = LOG_ERR,   [PROXY_WARNING] = LOG_WARNING,
        [PROXY_LOG] = LOG_INFO,   [PROXY_DEBUG] = LOG_DEBUG, [PROXY_NOISE] = LOG_DEBUG,
    };
    return priorities[level];
}

/* ---- opening ---- */

static char *copy_of(const char *text, const char *otherwise)
{
    return strdup(text && *text ? text : otherwise);
}

/* A descriptor of the options' file in *ret_fd, -1 when they name none. */
static int open_path(const struct proxy_log_options *options, char **ret_path, int *ret_fd)
{
    *ret_path = NULL;
    *ret_fd = -1;
    if (!options->path || !*options->path) {
        return BASE_OK;
    }
    char *path = strdup(options->path);
    int fd = path ? file_open(path) : -1;
    if (fd < 0) {
        int r = path ? BASE_ESYSTEM : BASE_ENOMEM;
        free(path);
        return r;
    }
    *ret_path = path;
    *ret_fd = fd;
    return BASE_OK;
}

int proxy_log_open(const struct proxy_log_options *options)
{
    int facility;
    char *path;
    int fd;
    int r = facility_find(options->facility ? options->facility : "", &facility);
    r = r < 0 ? r : open_path(options, &path, &fd);
    if (r < 0) {
        return r;
    }
    char *ident = copy_of(options->ident, "weir");
    if (!ident) {
        free(path);
        if (fd >= 0) {
            close(fd);
        }
        return BASE_ENOMEM;
    }
    proxy_log_close();
    sink.path = path;
    sink.fd = fd;
    sink.ident = ident;
    sink.is_quiet = options->is_quiet;
    sink.has_syslog = options->has_syslog;
    sink.level = options->verbose <= 0   ? PROXY_LOG
                 : options->verbose == 1 ? PROXY_DEBUG
                                         : PROXY_NOISE;
    if (sink.has_syslog) {
        openlog(sink.ident, LOG_PID | LOG_NDELAY, facility);
    }
    return BASE_OK;
}

void proxy_log_quiet(void)
{
    sink.is_quiet = true;
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
    if (sink.has_syslog) {
        closelog();
    }
    free(sink.path);
    free(sink.ident);
    sink.path = NULL;
    sink.ident = NULL;
    sink.fd = -1;
    sink.has_syslog = false;
}

bool proxy_log_has(enum proxy_level level)
{
    return level <= sink.level && (sink.fd >= 0 || !sink.is_quiet || sink.has_syslog);
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

/* What is before the text; *ret_skip is where the part that syslog gets begins. */
static size_t head_put(char line[LINE_BYTES], enum proxy_level level, const char *who,
                       size_t *ret_skip)
{
    struct timespec now = {0};
    struct tm parts = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    size_t at = strftime(line, LINE_BYTES, "%Y-%m-%d %H:%M:%S", &parts);
    at = advance(at, snprintf(line + at, LINE_BYTES - at, ".%03ld UTC [%d] %s ",
                              now.tv_nsec / 1000000, (int)getpid(), level_names[level]));
    *ret_skip = at;
    return advance(at,
                   snprintf(line + at, LINE_BYTES - at, "%s%s", who ? who : "", who ? " " : ""));
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
    size_t skip;
    size_t bytes = head_put(line, level, who, &skip);
    bytes = advance(bytes, vsnprintf(line + bytes, sizeof(line) - bytes, format, arguments));
    tame(line, bytes);
    if (sink.has_syslog) {
        syslog(priority(level), "%.*s", (int)(bytes - skip), line + skip);
    }
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
