/* main.c - horizon: verbs, one file each. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static const struct verb {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *line;
} verbs[] = {
    {"serve", cli_serve, "run the service on $PORT"},
    {"migrate", cli_migrate, "bring the database's schema up to date"},
    {"user", cli_user, "add users, change passwords, list who there is"},
    {"import", cli_import, "read prices and activities from CSV files"},
    {"verify", cli_verify, "check a running service, under load when asked"},
};

#define VERBS (sizeof(verbs) / sizeof(*verbs))

static void usage(FILE *out)
{
    fputs("horizon: a portfolio service on libweir\n\nusage: horizon VERB [OPTION...]\n\n", out);
    for (size_t i = 0; i < VERBS; i++)
        fprintf(out, "    %-9s %s\n", verbs[i].name, verbs[i].line);
    fputs("\n`horizon VERB --help` says more. Version " WEIR_VERSION ".\n", out);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        usage(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        usage(stdout);
        return CLI_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("horizon " WEIR_VERSION);
        return CLI_DONE;
    }
    for (size_t i = 0; i < VERBS; i++)
        if (strcmp(argv[1], verbs[i].name) == 0)
            return verbs[i].run(argc - 1, argv + 1);
    return cli_misuse("there is no verb \"%s\"; `horizon --help` lists them", argv[1]);
}
