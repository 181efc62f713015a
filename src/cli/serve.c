/* serve.c - `weir serve`: finds the configuration, checks it, runs the daemon.
 *
 * The configuration is a file, a URL, or DATABASE_URL. With any error nothing starts, and all
 * errors are told at once. The options are PgBouncer's.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "config/config.h"
#include "proxy/proxy.h"

struct arguments {
    bool is_check, is_quiet, is_background, is_reboot;
    int verbose;
    const char *user;
    const char *source;
};

enum outcome {
    GO_ON = -1, /* otherwise the exit code */
};

static int take_source(int argc, char **argv, struct arguments *arguments)
{
    if (argc - optind > 1) {
        fprintf(stderr, "weir: one configuration file or URL is enough, got also \"%s\"\n",
                argv[optind + 1]);
        return 2;
    }
    arguments->source = optind < argc ? argv[optind] : getenv("DATABASE_URL");
    if (!arguments->source || !*arguments->source) {
        fputs("weir: what to serve? Name a configuration file or a URL, or set DATABASE_URL.\n"
              "For example: weir serve postgres://user:password@host:5432/dbname\n",
              stderr);
        return 2;
    }
    return GO_ON;
}

static int parse(int argc, char **argv, struct arguments *arguments)
{
    static const struct option options[] = {
        {"check", no_argument, NULL, 'c'},
        {"daemon", no_argument, NULL, 'd'},
        {"quiet", no_argument, NULL, 'q'},
        {"reboot", no_argument, NULL, 'R'},
        {"verbose", no_argument, NULL, 'v'},
        {"user", required_argument, NULL, 'u'},
        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int c;
    while ((c = getopt_long(argc, argv, "dqRvu:Vh", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            arguments->is_check = true;
            break;
        case 'd':
            arguments->is_background = true;
            break;
        case 'q':
            arguments->is_quiet = true;
            break;
        case 'R':
            arguments->is_reboot = true;
            break;
        case 'u':
            arguments->user = optarg;
            break;
        case 'v':
            arguments->verbose++;
            break;
        case 'V':
            puts("weir " WEIR_VERSION);
            return 0;
        case 'h':
            return cli_usage(stdout);
        default:
            fputs("weir: try `weir --help`\n", stderr);
            return 2;
        }
    }
    return take_source(argc, argv, arguments);
}

/* What the command line asks of the configuration. */
static int check_arguments(const struct arguments *arguments, const struct config *config)
{
    const struct config_options *options = &config->options;
    if (arguments->is_background && !*options->pidfile) {
        fputs("weir: -d needs pidfile in the configuration: set it, or leave -d out and let the "
              "service manager keep weir running\n",
              stderr);
        return 1;
    }
    if (arguments->is_background && !*options->logfile && !options->syslog) {
        fputs("weir: -d needs logfile or syslog in the configuration: in the background nobody "
              "reads standard error\n",
              stderr);
        return 1;
    }
    return GO_ON;
}

static void print(const char *kind, const struct config_error *list, uint32_t count)
{
    char text[2048];
    for (uint32_t i = 0; i < count; i++) {
        config_error_format(&list[i], text, sizeof(text));
        fprintf(stderr, "%s: %s\n", kind, text);
    }
}

/* The checked configuration; NULL after an error, which has been printed. */
static struct config *load(const struct arguments *arguments)
{
    struct config_errors errors = {0};
    struct config *config = NULL;
    int r = config_is_url(arguments->source) ? config_from_url(arguments->source, &config, &errors)
                                             : config_load(arguments->source, &config, &errors);
    print("error", errors.errors, errors.error_count);
    if (!arguments->is_quiet || arguments->is_check) {
        print("advice", errors.advice, errors.advice_count);
    }
    uint32_t count = errors.error_count + errors.dropped;
    config_errors_done(&errors);
    if (r < 0) {
        fprintf(stderr, "weir: nothing was started: %u error%s in the configuration\n", count,
                count == 1 ? "" : "s");
        return NULL;
    }
    return config;
}

int cli_serve(int argc, char **argv)
{
    struct arguments arguments = {0};
    int code = parse(argc, argv, &arguments);
    if (code != GO_ON) {
        return code;
    }
    struct config *config = load(&arguments);
    if (!config) {
        return 1;
    }
    if (arguments.is_check) {
        config_free(config);
        puts("the configuration is good");
        return 0;
    }
    code = check_arguments(&arguments, config);
    if (code != GO_ON) {
        config_free(config);
        return code;
    }
    struct proxy_start start = {
        .config = config,
        .is_quiet = arguments.is_quiet,
        .verbose = arguments.verbose,
        .is_background = arguments.is_background,
        .is_reboot = arguments.is_reboot,
        .user = arguments.user,
    };
    return proxy_run(&start);
}
