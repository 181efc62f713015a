/* serve.c - horizon serve: the HTTP server. */
#include "serve/serve.h"

#include <stdio.h>

#include "cli/cli.h"

#define WHY_BYTES 512

int cli_serve(int argc, char **argv)
{
    struct settings settings;
    char why[WHY_BYTES];
    bool wants_help;
    if (!settings_read(argc, argv, &settings, &wants_help, why, sizeof(why))) {
        return cli_misuse("%s", why);
    }
    if (wants_help) {
        puts("horizon serve: the service, on $PORT\n\n"
             "usage: horizon serve [OPTION VALUE]...\n\n"
             "The environment says the same as the options, which come last.\n");
        settings_help(stdout);
        return CLI_DONE;
    }
    return serve_run(&settings);
}
