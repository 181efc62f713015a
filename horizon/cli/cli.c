/* cli.c - see cli.h. Test: tests/system/test_horizon_data.py. */
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "store/migrate.h"

#define CREDENTIALS_DEFAULT "horizon.credentials"

static void complain(const char *format, va_list arguments)
{
    fputs("horizon: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

int cli_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    complain(format, arguments);
    va_end(arguments);
    return CLI_FAILED;
}

int cli_misuse(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    complain(format, arguments);
    va_end(arguments);
    return CLI_USAGE;
}

/* ---- options --------------------------------------------------------------------------------- */

/* The option that `text` ("name" or "name=value") is; NULL when there is none. */
static const struct cli_option *find(const struct cli_option *options, size_t count,
                                     const char *text)
{
    size_t length = strcspn(text, "=");
    for (size_t i = 0; i < count; i++)
        if (strlen(options[i].name) == length && strncmp(options[i].name, text, length) == 0)
            return &options[i];
    return NULL;
}

/* Takes the option at argv[i]; how many arguments it has used, 0 when it is wrong. */
static int take(int argc, char **argv, int i, const struct cli_option *options, size_t count)
{
    const char *text = argv[i] + 2, *equals = strchr(text, '=');
    const struct cli_option *option = find(options, count, text);
    if (!option) {
        cli_misuse("there is no option %s; --help lists them", argv[i]);
        return 0;
    }
    if (option->flag) {
        if (equals) {
            cli_misuse("--%s takes no value", option->name);
            return 0;
        }
        *option->flag = true;
        return 1;
    }
    if (!equals && i + 1 >= argc) {
        cli_misuse("--%s needs a value", option->name);
        return 0;
    }
    const char *value = equals ? equals + 1 : argv[i + 1];
    if (option->list && option->list->count == CLI_LIST_MAX) {
        cli_misuse("--%s is given more than %d times", option->name, CLI_LIST_MAX);
        return 0;
    }
    *(option->list ? &option->list->values[option->list->count++] : option->value) = value;
    return equals ? 1 : 2;
}

bool cli_parse(int argc, char **argv, const struct cli_option *options, size_t option_count,
               const char **plain, size_t plain_max, size_t *ret_plain_count)
{
    bool is_over = false;
    size_t count = 0;
    for (int i = 1; i < argc;) {
        bool is_option = !is_over && strncmp(argv[i], "--", 2) == 0;
        if (is_option && argv[i][2] == '\0') {
            is_over = true;
            i++;
        } else if (is_option) {
            int used = take(argc, argv, i, options, option_count);
            if (used == 0)
                return false;
            i += used;
        } else if (count == plain_max) {
            cli_misuse("\"%s\" is one argument too many; --help says what there may be", argv[i]);
            return false;
        } else {
            plain[count++] = argv[i++];
        }
    }
    *ret_plain_count = count;
    return true;
}

const char *cli_credentials_path(const char *option)
{
    const char *path = option ? option : getenv("HORIZON_CREDENTIALS");
    return path && *path ? path : CREDENTIALS_DEFAULT;
}

/* ---- the database ---------------------------------------------------------------------------- */

PGconn *cli_connect(const char *option)
{
    struct store_problem problem;
    const char *url = option ? option : getenv("DATABASE_URL");
    PGconn *conn = NULL;
    if (!url || !*url) {
        cli_misuse("which database? Set DATABASE_URL or say --database "
                   "postgres://user@host/name");
        return NULL;
    }
    if (store_open(url, &conn, &problem) != STORE_OK)
        cli_fail("the database cannot be reached: %s. Is it running, and is the URL right?",
                 problem.text);
    return conn;
}

PGconn *cli_connect_migrated(const char *option)
{
    struct store_problem problem;
    PGconn *conn = cli_connect(option);
    if (conn && store_check_schema(conn, &problem) != STORE_OK) {
        cli_fail("%s", problem.text);
        PQfinish(conn);
        return NULL;
    }
    return conn;
}

/* ---- passwords ------------------------------------------------------------------------------- */

/* The first line of a file into `password`. */
static bool read_line(FILE *file, char *password)
{
    if (!fgets(password, CLI_PASSWORD_BYTES, file))
        return false;
    password[strcspn(password, "\r\n")] = '\0';
    return true;
}

static bool ask(const char *prompt, char *password)
{
    struct termios before, silent;
    if (tcgetattr(STDIN_FILENO, &before) != 0)
        return false;
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    fputs(prompt, stderr);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    bool is_read = read_line(stdin, password);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    fputc('\n', stderr);
    return is_read;
}

static bool read_file(const char *path, char *password)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "re");
    if (!file) {
        cli_fail("%s cannot be read: %s", path, strerror(errno));
        return false;
    }
    bool is_read = read_line(file, password);
    if (!is_stdin)
        fclose(file);
    if (!is_read)
        cli_fail("there is no password in %s: it has to be in the first line",
                 is_stdin ? "the standard input" : path);
    return is_read;
}

bool cli_read_password(const char *path, bool is_new, char ret_password[CLI_PASSWORD_BYTES])
{
    char again[CLI_PASSWORD_BYTES];
    if (path)
        return read_file(path, ret_password);
    if (!isatty(STDIN_FILENO)) {
        cli_misuse("there is no terminal to ask for a password: say --password-file FILE (- is the "
                   "standard input)");
        return false;
    }
    bool is_good = ask("Password: ", ret_password) && (!is_new || ask("Again: ", again));
    if (is_good && is_new && strcmp(again, ret_password) != 0) {
        cli_fail("the two passwords differ: nothing was changed");
        is_good = false;
    }
    explicit_bzero(again, sizeof(again));
    return is_good;
}
