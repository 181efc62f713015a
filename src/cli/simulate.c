/* simulate.c - `weir simulate`: what these settings do under that load and those limits. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/metrics.h"
#include "sim/report.h"
#include "sim/scenario_read.h"

struct arguments {
    const char *scenario; /* NULL = none: metrics alone */
    struct cli_metrics metrics;
    const char *plot; /* a file for the picture; NULL = none */
    uint64_t seed;
    bool has_seed, is_json, is_csv, is_plotted;
};

static int help(FILE *to)
{
    fputs(
        "Usage: weir simulate [OPTION]... SCENARIO.toml\n"
        "       weir simulate [OPTION]... --from-metrics=URL|FILE[,FILE] [SCENARIO.toml]\n\n"
        "Runs the pool's own decisions in virtual time and prints how long requests wait for\n"
        "connections, what fails, and how many connections are used.\n\n"
        "  --json         everything as JSON\n"
        "  --csv          the course over time, 240 lines\n"
        "  --plot         the course over time in the terminal\n"
        "  --plot=FILE    the course over time as a picture (SVG)\n"
        "  --seed=N       another seed than the scenario's\n"
        "  --from-metrics=URL|FILE[,FILE]\n"
        "                 arrivals and holding times as a running weir or libweir has counted\n"
        "                 them; with a scenario its first load gets them, and how many requests,\n"
        "                 transactions and statements that are is the scenario's\n"
        "  --metrics-pool=NAME  which pool: database/user of weir, the name of libweir\n"
        "  --metrics-span=SPAN  how long to count at a URL (10s), of how much time a file is\n\n"
        "docs/simulate.md explains scenarios; examples/scenarios has some.\n",
        to);
    return to == stdout ? 0 : 2;
}

static int parse_span(const char *text, base_time *ret)
{
    if (sim_span_parse(text, ret) && *ret > 0 && *ret != BASE_NEVER)
        return 0;
    fprintf(stderr, "weir: --metrics-span has to be a span like 10s or 1h, not \"%s\"\n", text);
    return 2;
}

static int parse_seed(const char *text, struct arguments *ret)
{
    char *end;
    ret->has_seed = true;
    ret->seed = strtoull(text, &end, 10);
    if (end != text && *end == '\0')
        return 0;
    fprintf(stderr, "weir: --seed has to be a number, not \"%s\"\n", text);
    return 2;
}

static int parse(int argc, char **argv, struct arguments *ret)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'},
        {"csv", no_argument, NULL, 'c'},
        {"plot", optional_argument, NULL, 'p'},
        {"seed", required_argument, NULL, 's'},
        {"from-metrics", required_argument, NULL, 'm'},
        {"metrics-pool", required_argument, NULL, 'n'},
        {"metrics-span", required_argument, NULL, 't'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int c, code = 0;
    while (code == 0 && (c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
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
            code = parse_seed(given, ret);
            break;
        case 'm':
            ret->metrics.source = given;
            break;
        case 'n':
            ret->metrics.pool = given;
            break;
        case 't':
            code = parse_span(given, &ret->metrics.span);
            break;
        case 'h':
            exit(help(stdout));
        default:
            return help(stderr);
        }
    }
    ret->scenario = optind < argc ? argv[optind] : NULL;
    if (code == 0 && (argc - optind > 1 || (!ret->scenario && !ret->metrics.source))) {
        fputs("weir: name one scenario\n\n", stderr);
        return help(stderr);
    }
    return code;
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

/* What was simulated beside what was measured: how far the model can be trusted here. */
static void show_measured(const struct cli_metrics *metrics)
{
    char p50[16], p99[16];
    const struct sim_metrics_histogram *wait = &metrics->counted.wait;
    sim_span_format(sim_metrics_quantile(wait, 0.5) * 1e9, p50, sizeof(p50));
    sim_span_format(sim_metrics_quantile(wait, 0.99) * 1e9, p99, sizeof(p99));
    printf("measured     %.0f claims in %.0f s waited p50 %s, p99 %s (of a histogram whose buckets "
           "double)\n",
           wait->count, metrics->seconds, p50, p99);
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
    if (arguments->metrics.source && !arguments->is_json && !arguments->is_csv)
        show_measured(&arguments->metrics);
    if (arguments->is_plotted)
        sim_report_plot(stdout, scenario, result);
    return arguments->plot ? write_picture(arguments->plot, scenario, result) : 0;
}

/* Scenario, metrics, or both. False after an error, which has been printed. */
static bool load(struct arguments *arguments, struct sim_scenario *scenario)
{
    char error[SIM_ERROR_BYTES];
    sim_scenario_init(scenario);
    if (arguments->scenario && sim_scenario_load(arguments->scenario, scenario, error) < 0) {
        fprintf(stderr, "%s\n", error);
        return false;
    }
    if (arguments->metrics.source && (!cli_metrics_read(&arguments->metrics) ||
                                      !cli_metrics_apply(&arguments->metrics, scenario)))
        return false;
    if (arguments->has_seed)
        scenario->seed = arguments->seed;
    return true;
}

static int simulate(const struct arguments *arguments, const struct sim_scenario *scenario)
{
    struct sim_result *result = NULL;
    int r = sim_run(scenario, &result), code = 3;
    if (r == 0)
        code = show(arguments, scenario, result);
    else
        fprintf(stderr, "weir: %s\n", r == BASE_ENOMEM ? "out of memory" : result->violation);
    sim_result_free(result);
    return code;
}

int cli_simulate(int argc, char **argv)
{
    struct arguments *arguments = calloc(1, sizeof(*arguments));
    struct sim_scenario *scenario = calloc(1, sizeof(*scenario));
    int code = 1;
    if (!arguments || !scenario)
        fputs("weir: out of memory\n", stderr);
    else
        code = parse(argc, argv, arguments);
    if (arguments && scenario && code == 0)
        code = load(arguments, scenario) ? simulate(arguments, scenario) : 1;
    if (scenario)
        sim_scenario_done(scenario);
    free(scenario);
    free(arguments);
    return code;
}
