/* cli.h - horizon's verbs, one file each, and what they share.
 *
 * A verb gets the arguments that follow its name (argv[0] is the name) and returns the exit code:
 * 0 done, 1 not done (a line on standard error says what happened, why and what to do), 2 wrong
 * usage. Options that every verb with a database or logins has:
 *
 *     --database URL       else DATABASE_URL
 *     --credentials FILE   else HORIZON_CREDENTIALS, else ./horizon.credentials
 */
#ifndef HORIZON_CLI_CLI_H
#define HORIZON_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "store/store.h"

enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

#define CLI_PASSWORD_BYTES \
    1026 /* the longest password, one byte to see that it is longer, an end */

int cli_import(int argc, char **argv);
int cli_migrate(int argc, char **argv);
int cli_serve(int argc, char **argv);
int cli_user(int argc, char **argv);
int cli_verify(int argc, char **argv);

/* The values of an option that may be given several times. */
#define CLI_LIST_MAX 32
struct cli_list {
    const char *values[CLI_LIST_MAX];
    size_t count;
};

/* One option with a value (`value` or `list` is set) or without one (`flag` is set). */
struct cli_option {
    const char *name; /* without dashes */
    const char **value;
    bool *flag;
    struct cli_list *list;
};

/* Reads options (--name value, --name=value, --name) and plain arguments in any order; "--" ends
 * the options. `plain` gets at most `plain_max` arguments, *plain_count how many. False after a
 * line on standard error. */
bool cli_parse(int argc, char **argv, const struct cli_option *options, size_t option_count,
               const char **plain, size_t plain_max, size_t *ret_plain_count);

/* "horizon: ..." on standard error; CLI_FAILED. */
int cli_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same for a wrong usage; CLI_USAGE. */
int cli_misuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The option when it is given, else the environment, else the default. */
const char *cli_credentials_path(const char *option);

/* Connects to the option's database, or DATABASE_URL's. NULL after a line on standard error. */
PGconn *cli_connect(const char *option);

/* The same, and the schema must be the one this program needs. */
PGconn *cli_connect_migrated(const char *option);

/* A password: from a file (its first line; "-" is standard input), else asked for on the terminal,
 * twice when `is_new`. The caller clears it. False after a line on standard error. */
bool cli_read_password(const char *path, bool is_new, char ret_password[CLI_PASSWORD_BYTES]);

#endif
