/* simulate.c - `weir simulate`: what these settings do under that load and those limits. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "sim/report.h"
#include "sim/scenario_read.h"

struct arguments {
    const char *scenario;
    const char *plot; /* a file for the picture; NULL = none */
    uint64_t seed;
    bool has_seed, is_json, is_csv, is_plotted;
};

static int help(FILE *to)
{
    fputs("Usage: weir simulate [OPTION]... SCENARIO.toml\n\n"
          "Runs the pool's own decisions in virtual time and prints how long requests wait for\n"
          "connections, what fails, and how many connections are used.\n\n"
          "  --json         everything as JSON\n"
          "  --csv          the course over time, 240 lines\n"
          "  --plot         the course over time in the terminal\n"
          "  --plot=FILE    the course over time as a picture (SVG)\n"
          "  --seed=N       another seed than the scenario's\n\n"
          "docs/simulate.md explains scenarios; examples/scenarios has some.\n",
          to);
    return to == stdout ? 0 : 2;
}

static int parse(int argc, char **argv, struct arguments *ret)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'},       {"csv", no_argument, NULL, 'c'},
        {"plot", optional_argument, NULL, 'p'}, {"seed", required_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},       {NULL, 0, NULL, 0},
    };
    char *end;
    int c;
    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        const char *given = optarg ? optarg : "";
        switch (c) {
        case 'j':
            ret->is_json = true;
            break;
        case 'c':
            ret->is_csv = true;
            break;
        case 'p':
            ret->plot = optarg;
            ret->is_plotted = ret->plot == NULL;
            break;
        case 's':
            ret->has_seed = true;
            ret->seed = strtoull(given, &end, 10);
            if (end == given || *end != '\0') {
                fprintf(stderr, "weir: --seed has to be a number, not \"%s\"\n", given);
                return 2;
            }
            break;
        case 'h':
            exit(help(stdout));
        default:
            return help(stderr);
        }
    }
    if (argc - optind != 1) {
        fputs("weir: name one scenario\n\n", stderr);
        return help(stderr);
    }
    ret->scenario = argv[optind];
    return 0;
}

static int write_picture(const char *path, const struct sim_scenario *scenario,
                         const struct sim_result *result)
{
    FILE *file = fopen(path, "we");
    if (file)
        sim_report_svg(file, scenario, result);
    if (!file || fclose(file) != 0) {
        fprintf(stderr, "weir: cannot write \"%s\": %s\n", path, strerror(errno));
        return 1;
    }
    return 0;
}

static int show(const struct arguments *arguments, const struct sim_scenario *scenario,
                const struct sim_result *result)
{
    if (arguments->is_json)
        sim_report_json(stdout, scenario, result);
    else if (arguments->is_csv)
        sim_report_csv(stdout, result);
    else
        sim_report_text(stdout, scenario, result);
    if (arguments->is_plotted)
        sim_report_plot(stdout, scenario, result);
    return arguments->plot ? write_picture(arguments->plot, scenario, result) : 0;
}

int cli_simulate(int argc, char **argv)
{
    struct arguments arguments = {0};
    char error[SIM_ERROR_BYTES];
    int code = parse(argc, argv, &arguments);
    if (code != 0)
        return code;
    struct sim_scenario *scenario = calloc(1, sizeof(*scenario));
    struct sim_result *result = NULL;
    if (!scenario || sim_scenario_load(arguments.scenario, scenario, error) < 0) {
        fprintf(stderr, "weir: %s\n", scenario ? error : "out of memory");
        free(scenario);
        return 1;
    }
    if (arguments.has_seed)
        scenario->seed = arguments.seed;
    int r = sim_run(scenario, &result);
    if (r == 0)
        code = show(&arguments, scenario, result);
    else
        fprintf(stderr, "weir: %s\n", r == BASE_ENOMEM ? "out of memory" : result->violation);
    sim_scenario_done(scenario);
    free(scenario);
    if (result)
        sim_result_free(result);
    return r == 0 ? code : 3;
}
