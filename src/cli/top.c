/* top.c - `weir top`: who holds the connections, live.
 *
 * The doctor's look again and again, each on a connection of its own that ends before the pause:
 * what is shown is what a new client would meet, a refusal included. On a terminal each look takes
 * the place of the last; elsewhere they follow each other. Test: tests/system/test_doctor.py.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/doctor.h"
#include "sim/dist.h"

#define PATIENCE (5 * BASE_SECOND)

struct arguments {
    const char *url;
    base_time interval;
    unsigned long count; /* 0 = until it is ended */
};

enum { GO_ON = -1 };

static volatile sig_atomic_t is_ended;

static void end(int signal)
{
    (void)signal;
    is_ended = 1;
}

static int help(FILE *to)
{
    fputs(
        "Usage: weir top [OPTION]... [URL]\n\n"
        "Shows who holds the connections of a PostgreSQL, or of the pooler in front of it, again\n"
        "and again; what weir doctor shows once. Ctrl-C ends it. Without a URL: DATABASE_URL.\n\n"
        "  --interval=2s   pause between two looks\n"
        "  --count=N       end after N looks\n",
        to);
    return to == stdout ? 0 : 2;
}

static int parse_interval(const char *text, base_time *ret)
{
    if (sim_span_parse(text, ret) && *ret > 0 && *ret <= 3600 * BASE_SECOND)
        return GO_ON;
    fprintf(stderr, "weir: --interval has to be a span from 1ms to 1h, not \"%s\"\n", text);
    return 2;
}

static int parse_count(const char *text, unsigned long *ret)
{
    char *end_of;
    *ret = strtoul(text, &end_of, 10);
    if (end_of != text && *end_of == '\0' && *ret > 0 && text[0] != '-')
        return GO_ON;
    fprintf(stderr, "weir: --count has to be a number from 1, not \"%s\"\n", text);
    return 2;
}

static int parse(int argc, char **argv, struct arguments *ret)
{
    static const struct option options[] = {
        {"interval", required_argument, NULL, 'i'},
        {"count", required_argument, NULL, 'n'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int c, code = GO_ON;
    *ret = (struct arguments){.interval = 2 * BASE_SECOND};
    while (code == GO_ON && (c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        const char *given = optarg ? optarg : "";
        if (c == 'i')
            code = parse_interval(given, &ret->interval);
        else if (c == 'n')
            code = parse_count(given, &ret->count);
        else
            return help(c == 'h' ? stdout : stderr);
    }
    ret->url = optind < argc ? argv[optind] : getenv("DATABASE_URL");
    if (code == GO_ON && (argc - optind > 1 || !ret->url || !*ret->url)) {
        fputs("weir: name one URL, like postgres://user@host:5432/dbname, or set DATABASE_URL\n\n",
              stderr);
        return help(stderr);
    }
    return code;
}

/* A whole look is written at once, so that nothing flickers. */
static int show(const struct arguments *arguments, struct doctor_facts *facts)
{
    char clock[32];
    time_t now = time(NULL);
    struct tm local;
    doctor_look(facts, arguments->url, DOCTOR_FORGOTTEN, PATIENCE);
    struct doctor_verdict verdict = doctor_verdict_of(facts);
    strftime(clock, sizeof(clock), "%H:%M:%S", localtime_r(&now, &local));
    if (isatty(STDOUT_FILENO))
        fputs("\033[H\033[2J", stdout);
    printf("weir top, %s, every %.3g s\n\n", clock, (double)arguments->interval / 1e9);
    doctor_report_text(stdout, facts, &verdict);
    fflush(stdout);
    return (int)verdict.level;
}

static void rest(base_time span)
{
    struct timespec left = {(time_t)(span / BASE_SECOND), (long)(span % BASE_SECOND)};
    while (!is_ended && nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

int cli_top(int argc, char **argv)
{
    struct arguments arguments;
    int code = parse(argc, argv, &arguments);
    if (code != GO_ON)
        return code;
    struct doctor_facts *facts = calloc(1, sizeof(*facts));
    if (!facts) {
        fputs("weir: out of memory\n", stderr);
        return DOCTOR_CANNOT_TELL;
    }
    struct sigaction action = {.sa_handler = end};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    for (unsigned long i = 0; !is_ended && (arguments.count == 0 || i < arguments.count); i++) {
        if (i > 0)
            rest(arguments.interval);
        if (!is_ended)
            code = show(&arguments, facts);
    }
    free(facts);
    return code;
}
