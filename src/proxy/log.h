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

#include "base/status.h"

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

/* Where lines go, and which. Texts are copied. */
struct proxy_log_options {
    const char *path;     /* a file; NULL or "": none */
    bool is_quiet;        /* not to standard error */
    int verbose;          /* 0: LOG and above, 1: DEBUG too, 2: everything */
    bool has_syslog;      /* to syslog(3) as well */
    const char *ident;    /* under this name; NULL or "": "weir" */
    const char *facility; /* and this facility; NULL or "": daemon */
};
/* Opens, or changes what is open: on errors nothing changes. Errors: BASE_ESYSTEM (the file cannot
 * be opened), BASE_EINVALID (no such facility), BASE_ENOMEM. */
int proxy_log_open(const struct proxy_log_options *options) BASE_MUST_CHECK;
/* The names of facilities, separated by commas, for people. */
#define PROXY_LOG_FACILITIES "auth, authpriv, daemon, user, local0 to local7"
/* Standard error leads nowhere from now on. */
void proxy_log_quiet(void);
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
