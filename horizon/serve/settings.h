/* settings.h - what `horizon serve` was told: the environment, then the command line.
 *
 * A setting given as an empty text in the environment counts as not set. Secrets are only ever read
 * from the environment or a file (NAME_FILE), never from the command line, which others can see.
 * Texts live as long as the process. Test: tests/unit/horizon/test_settings.c.
 */
#ifndef HORIZON_SERVE_SETTINGS_H
#define HORIZON_SERVE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "serve/settings_table.h"

#define SETTING_FIELD_TEXT              const char *
#define SETTING_FIELD_NUMBER            long
#define SETTING_FIELD(kind, field, ...) SETTING_FIELD_##kind field;

struct settings {
    SETTINGS(SETTING_FIELD)
};

/* Reads the environment and the arguments (argv[0] is the verb). False with a sentence in `why`.
 * ret_help: --help was among them. */
bool settings_read(int argc, char **argv, struct settings *ret_settings, bool *ret_help, char *why,
                   size_t why_bytes);

/* The longest that a request's waits may take: one for a connection, and two tries. */
long settings_waits_ms(const struct settings *settings);

/* One line for each setting. */
void settings_help(FILE *to);

#endif
