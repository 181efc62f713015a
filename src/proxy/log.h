/* log.h - the daemon's log: one line an event, PgBouncer's shape.
 *
 *   2026-01-31 12:00:00.123 UTC [4711] LOG C-0x1f: shop/app@10.0.0.7:51234 login attempt: ...
 *
 * Only proxy and cli log. Secrets never go in. Control bytes in texts that come from outside are
 * shown as
 * "?", so that nobody can forge a line.
 */
#ifndef PROXY_LOG_H
#define PROXY_LOG_H

#include <stdarg.h>
#include <stdbool.h>

enum proxy_level {
    PROXY_FATAL,
    PROXY_ERROR,
    PROXY_WARNING,
    PROXY_LOG,
    PROXY_DEBUG,
    PROXY_NOISE,
};

struct proxy_client;
struct proxy_server;

/* path NULL: standard error only. Errors: BASE_ESYSTEM when the file cannot be opened. */
int proxy_log_open(const char *path, bool is_quiet, int verbose);
/* Opens the file again (log rotation). */
void proxy_log_reopen(void);
void proxy_log_close(void);

/* Would a line of this level be written? For lines that are dear to make. */
bool proxy_log_has(enum proxy_level level);

void proxy_log(enum proxy_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* With the client's or server's name in front. */
void proxy_log_client(enum proxy_level level, const struct proxy_client *client, const char *format,
                      ...) __attribute__((format(printf, 3, 4)));
void proxy_log_server(enum proxy_level level, const struct proxy_server *server, const char *format,
                      ...) __attribute__((format(printf, 3, 4)));

/* With `who` ("C-0x1f: shop/app@10.0.0.7:51234") in front; the two above are made of it. NULL:
 * nobody. */
void proxy_log_named(enum proxy_level level, const char *who, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

#endif
