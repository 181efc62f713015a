/* main.c - the program `weir`: finds the verb and hands over. One file per verb in this folder.
 *
 * Started as PgBouncer is (`weir [-q] [-v] FILE`), it serves: existing units need one changed word.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} verbs[] = {
    {"serve", cli_serve, "run the pooler"},
    {"simulate", cli_simulate, "what settings do under a load, in virtual time"},
};

static int usage(FILE *to)
{
    fputs("weir keeps PostgreSQL from running out of connections.\n\n"
          "Usage:\n"
          "  weir serve [-q] [-v] FILE        run the pooler with a configuration in PgBouncer's "
          "dialect\n"
          "  weir serve [-q] [-v] URL         run it for postgres://user:password@host/dbname, on "
          "127.0.0.1:6432\n"
          "  weir serve [-q] [-v]             the same with the URL in DATABASE_URL\n"
          "  weir serve --check FILE          tell everything that is wrong with a configuration\n"
          "  weir simulate SCENARIO.toml      what these settings do under that load, in virtual "
          "time\n"
          "  weir [-q] [-v] FILE              as `weir serve`, for units written for pgbouncer\n"
          "  weir --version, weir --help\n",
          to);
    return to == stdout ? 0 : 2;
}

int main(int argc, char **argv)
{
    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        return usage(stdout);
    }
    if (argc >= 2 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)) {
        puts("weir " WEIR_VERSION);
        return 0;
    }
    for (size_t i = 0; argc >= 2 && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(argv[1], verbs[i].name) == 0) {
            return verbs[i].run(argc - 1, argv + 1);
        }
    }
    if (argc >= 2) {
        return cli_serve(argc, argv);
    }
    return usage(stderr);
}
