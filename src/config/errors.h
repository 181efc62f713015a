/* errors.h - collecting what is wrong, with its place. Private to src/config. */
#ifndef CONFIG_ERRORS_H
#define CONFIG_ERRORS_H

#include <stdarg.h>

#include "config/config.h"

/* Where something was written; file "" and line 0 where there is no such place. */
struct config_place {
    const char *file;
    unsigned line;
};

/* Add one error, or one piece of advice. Without memory, or above CONFIG_ERRORS_MAX, the message is
 * only counted as dropped. */
void config_error_add(struct config_errors *errors, struct config_place place, const char *format,
                      ...) __attribute__((format(printf, 3, 4)));
void config_advice_add(struct config_errors *errors, struct config_place place, const char *format,
                       ...) __attribute__((format(printf, 3, 4)));

/* printf precision and text of a slice, cut to what fits into a message: "%.*s". */
#define CONFIG_SHOWN(slice) \
    (int)((slice).bytes < 60 ? (slice).bytes : 60), (const char *)(slice).data

#endif
