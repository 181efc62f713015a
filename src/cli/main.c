/* main.c - the program `weir`: finds the verb and hands over. One file per verb in this folder.
 *
 * Started as PgBouncer is (`weir [-d] [-q] [-v] [-u USER] FILE`), it serves: existing units need
 * one changed word.
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
    {"top", cli_top, "the same, live"},
    {"doctor", cli_doctor, "who holds a database's connections, and what would help"},
    {"plan", cli_plan, "the smallest settings that meet a goal"},
};

int cli_usage(FILE *to)
{
    fputs("weir keeps PostgreSQL from running out of connections.\n\n"
          "Usage:\n"
          "  weir [OPTION]... FILE            run the pooler with a configuration in PgBouncer's "
          "dialect\n"
          "  weir serve [OPTION]... FILE      the same\n"
          "  weir serve [OPTION]... URL       run it for postgres://user:password@host/dbname, on "
          "127.0.0.1:6432\n"
          "  weir serve [OPTION]...           the same with the URL in DATABASE_URL\n"
          "  weir serve --check FILE          tell everything that is wrong with a configuration\n"
          "  weir simulate SCENARIO.toml      what these settings do under that load, in virtual "
          "time\n"
          "  weir plan [OPTION]...            the smallest settings that meet a goal; --help\n"
          "  weir doctor [URL]                who holds the connections, and what would help; "
          "--help\n"
          "  weir top [URL]                   the same, live\n"
          "\n"
          "Options, as PgBouncer's:\n"
          "  -d, --daemon         run in the background; needs pidfile, and logfile or syslog\n"
          "  -q, --quiet          do not log to standard error\n"
          "  -R, --reboot         take over from the process that runs; its clients stay there\n"
          "  -u, --user=USERNAME  become this system user after the start\n"
          "  -v, --verbose        log more; twice: log everything\n"
          "  -V, --version        show the version\n"
          "  -h, --help           show this\n",
          to);
    return to == stdout ? 0 : 2;
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc >= 2 && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(argv[1], verbs[i].name) == 0) {
            return verbs[i].run(argc - 1, argv + 1);
        }
    }
    if (argc >= 2) {
        return cli_serve(argc, argv);
    }
    return cli_usage(stderr);
}
