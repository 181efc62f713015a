/* log.h - the service's log: lines on standard error, one write each.
 *
 *     2018-05-11T20:15:00.123Z info 4711 serving on 127.0.0.1:8080
 *
 * Every file of the server logs through here and nothing else prints. Never in a line: passwords,
 * tokens, secrets. Control characters of what came from outside are shown as '?'.
 */
#ifndef HORIZON_SERVE_LOG_H
#define HORIZON_SERVE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Lines above this level are left out. To be called before threads start. */
void log_set_level(enum log_level level);

/* "debug", "info", "warning", "error"; false when it is none. */
bool log_level_parse(const char *text, enum log_level *ret_level);

bool log_is_on(enum log_level level);

void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
