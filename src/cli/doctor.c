/* doctor.c - `weir doctor`: the order of its questions.
 *
 * One look with one connection; when something stands in between, that connection is closed before
 * its console is asked on another one.
 */
#include "cli/doctor.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "sim/dist.h"

struct arguments {
    const char *url;
    bool is_json, is_ending;
    base_time patience, idle, forgotten;
};

enum { GO_ON = -1 };

static int help(FILE *to)
{
    fputs(
        "Usage: weir doctor [OPTION]... [URL]\n\n"
        "Looks at a PostgreSQL or at a pooler in front of one: its limits, who holds the\n"
        "connections, what is stuck, and which settings would do. It needs one connection, and no\n"
        "rights but to log in. Without a URL: DATABASE_URL.\n\n"
        "  --json                                everything as JSON\n"
        "  --timeout=10s                         patience with the connection and each question\n"
        "  --forgotten-after=1h                  an idle session counts as forgotten after so "
        "long\n"
        "  --terminate-idle-in-transaction=10min end sessions that have been idle in transaction\n"
        "                                        for longer; asks first\n\n"
        "The exit code is 0 (good), 1 (warning), 2 (critical), 3 (could not tell).\n",
        to);
    return to == stdout ? 0 : DOCTOR_CANNOT_TELL;
}

static bool read_span(const char *name, const char *text, base_time *ret)
{
    if (text && sim_span_parse(text, ret) && *ret > 0 && *ret != BASE_NEVER)
        return true;
    fprintf(stderr, "weir: --%s has to be a span like 30s or 10min, not \"%s\"\n", name,
            text ? text : "");
    return false;
}

static int parse(int argc, char **argv, struct arguments *ret)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'},
        {"timeout", required_argument, NULL, 't'},
        {"forgotten-after", required_argument, NULL, 'f'},
        {"terminate-idle-in-transaction", required_argument, NULL, 'i'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int c;
    *ret = (struct arguments){.patience = 10 * BASE_SECOND, .forgotten = DOCTOR_FORGOTTEN};
    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (c) {
        case 'j':
            ret->is_json = true;
            break;
        case 't':
            if (!read_span("timeout", optarg, &ret->patience))
                return DOCTOR_CANNOT_TELL;
            break;
        case 'f':
            if (!read_span("forgotten-after", optarg, &ret->forgotten))
                return DOCTOR_CANNOT_TELL;
            break;
        case 'i':
            ret->is_ending = true;
            if (!read_span("terminate-idle-in-transaction", optarg, &ret->idle))
                return DOCTOR_CANNOT_TELL;
            break;
        case 'h':
            return help(stdout);
        default:
            return help(stderr);
        }
    }
    ret->url = optind < argc ? argv[optind] : getenv("DATABASE_URL");
    if (argc - optind > 1 || !ret->url || !*ret->url) {
        fputs("weir: name one URL, like postgres://user@host:5432/dbname, or set DATABASE_URL\n\n",
              stderr);
        return help(stderr);
    }
    return GO_ON;
}

static bool is_console(const char *database)
{
    return database && (strcmp(database, "pgbouncer") == 0 || strcmp(database, "weir") == 0);
}

void doctor_look(struct doctor_facts *facts, const char *url, base_time forgotten_after,
                 base_time patience)
{
    *facts = (struct doctor_facts){.forgotten_s = (double)forgotten_after / BASE_SECOND};
    PGconn *conn = doctor_connect(url, NULL, patience, &facts->refusal);
    if (!conn) {
        facts->kind = facts->refusal.kind;
        return;
    }
    facts->is_reached = true;
    doctor_copy(facts->host, sizeof(facts->host), PQhost(conn) ? PQhost(conn) : "");
    doctor_copy(facts->port, sizeof(facts->port), PQport(conn) ? PQport(conn) : "");
    doctor_copy(facts->role, sizeof(facts->role), PQuser(conn));
    doctor_copy(facts->database, sizeof(facts->database), PQdb(conn));
    bool is_at_console = is_console(PQdb(conn));
    if (!is_at_console)
        facts->is_asked = doctor_facts_ask(facts, conn, patience);
    PQfinish(conn);
    if (is_at_console || !facts->is_asked || doctor_is_between(facts))
        doctor_console_ask(facts, url, patience);
}

int cli_doctor(int argc, char **argv)
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
    doctor_look(facts, arguments.url, arguments.forgotten, arguments.patience);
    struct doctor_verdict verdict = doctor_verdict_of(facts);
    if (arguments.is_json)
        doctor_report_json(stdout, facts, &verdict);
    else
        doctor_report_text(stdout, facts, &verdict);
    code = (int)verdict.level;
    /* what is asked and done is no part of the report: JSON stays JSON */
    FILE *talk = arguments.is_json ? stderr : stdout;
    if (arguments.is_ending && facts->is_asked &&
        !doctor_end_idle(facts, arguments.url, arguments.idle, arguments.patience, stdin, talk))
        code = DOCTOR_CANNOT_TELL;
    free(facts);
    return code;
}
