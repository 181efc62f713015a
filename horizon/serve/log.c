/* log.c - see log.h. */
#include "serve/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES_MAX 2048

static const char *const names[] = {"error", "warning", "info", "debug"};
static enum log_level greatest = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
    greatest = level;
}

bool log_is_on(enum log_level level)
{
    return level <= greatest;
}

bool log_level_parse(const char *text, enum log_level *ret_level)
{
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(text, names[i]) == 0) {
            *ret_level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static size_t write_head(enum log_level level, char *line)
{
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t at = strftime(line, 32, "%Y-%m-%dT%H:%M:%S", &utc);
    int more = snprintf(line + at, 64, ".%03ldZ %s %d ", now.tv_nsec / 1000000, names[level],
                        (int)getpid());
    return at + (size_t)more;
}

void log_write(enum log_level level, const char *format, ...)
{
    char line[LINE_BYTES_MAX];
    if (!log_is_on(level)) {
        return;
    }
    size_t start = write_head(level, line);
    va_list arguments;
    va_start(arguments, format);
    int bytes = vsnprintf(line + start, sizeof(line) - start - 1, format, arguments);
    va_end(arguments);
    if (bytes < 0) {
        return;
    }
    size_t end = start + (size_t)bytes;
    end = end < sizeof(line) - 2 ? end : sizeof(line) - 2;
    for (size_t i = start; i < end; i++) {
        line[i] = (unsigned char)line[i] < ' ' || line[i] == 127 ? '?' : line[i];
    }
    line[end] = '\n';
    ssize_t written = write(STDERR_FILENO, line, end + 1);
    (void)written; /* a log that cannot be written must not stop the service */
}
