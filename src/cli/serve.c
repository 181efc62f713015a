/* serve.c - `weir serve`: finds the configuration, checks it, runs the daemon.
 *
 * The configuration is a file, a URL, or DATABASE_URL. With any error nothing starts, and all
 * errors are told at once.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "config/config.h"
#include "proxy/proxy.h"

struct arguments {
    bool is_check, is_quiet;
    int verbose;
    const char *source;
};

static int parse(int argc, char **argv, struct arguments *ret)
{
    static const struct option options[] = {
        {"check", no_argument, NULL, 'c'},
        {"quiet", no_argument, NULL, 'q'},
        {"verbose", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    struct arguments arguments = {0};
    int c;
    while ((c = getopt_long(argc, argv, "qv", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            arguments.is_check = true;
            break;
        case 'q':
            arguments.is_quiet = true;
            break;
        case 'v':
            arguments.verbose++;
            break;
        default:
            fputs("weir: try `weir --help`\n", stderr);
            return 2;
        }
    }
    if (argc - optind > 1) {
        fprintf(stderr, "weir: one configuration file or URL is enough, got also \"%s\"\n",
                argv[optind + 1]);
        return 2;
    }
    arguments.source = optind < argc ? argv[optind] : getenv("DATABASE_URL");
    if (!arguments.source || !*arguments.source) {
        fputs("weir: what to serve? Name a configuration file or a URL, or set DATABASE_URL.\n"
              "For example: weir serve postgres://user:password@host:5432/dbname\n",
              stderr);
        return 2;
    }
    *ret = arguments;
    return 0;
}

static void print(const char *kind, const struct config_error *list, uint32_t count)
{
    char text[2048];
    for (uint32_t i = 0; i < count; i++) {
        config_error_format(&list[i], text, sizeof(text));
        fprintf(stderr, "%s: %s\n", kind, text);
    }
}

int cli_serve(int argc, char **argv)
{
    struct arguments arguments;
    struct config_errors errors = {0};
    struct config *config = NULL;
    int code = parse(argc, argv, &arguments);
    if (code != 0) {
        return code;
    }
    bool is_url = config_is_url(arguments.source);
    int r = is_url ? config_from_url(arguments.source, &config, &errors)
                   : config_load(arguments.source, &config, &errors);
    print("error", errors.errors, errors.error_count);
    if (!arguments.is_quiet || arguments.is_check) {
        print("advice", errors.advice, errors.advice_count);
    }
    uint32_t count = errors.error_count + errors.dropped;
    config_errors_done(&errors);
    if (r < 0) {
        fprintf(stderr, "weir: nothing was started: %u error%s in the configuration\n", count,
                count == 1 ? "" : "s");
        return 1;
    }
    if (arguments.is_check) {
        config_free(config);
        puts("the configuration is good");
        return 0;
    }
    struct proxy_start start = {
        .config = config,
        .config_path = is_url ? NULL : arguments.source,
        .is_quiet = arguments.is_quiet,
        .verbose = arguments.verbose,
    };
    return proxy_run(&start);
}
