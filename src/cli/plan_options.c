/* plan_options.c - the command line of `weir plan`: one table, read twice.
 *
 * First the one that names a scenario, then all others over what it says.
 * --name=VALUE, --name VALUE and, in what --check is given, name=VALUE are the same; in names - and
 * _ are.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/plan.h"
#include "defs/plan_options.h"

enum type { TYPE_COUNT, TYPE_RATE, TYPE_SPAN, TYPE_DIST, TYPE_TEXT, TYPE_BOOL, TYPE_FLAG };
enum target { TARGET_OWN, TARGET_SCENARIO, TARGET_LOAD };

struct option_row {
    const char *name;
    enum type type;
    enum target target;
    size_t offset, bytes;
    const char *value, *doc;
};

#define STRUCT_OWN      struct plan_arguments
#define STRUCT_SCENARIO struct sim_scenario
#define STRUCT_LOAD     struct sim_load
#define ROW(name, type, target, field, value, doc) \
    {#name,                                        \
     TYPE_##type,                                  \
     TARGET_##target,                              \
     offsetof(STRUCT_##target, field),             \
     sizeof(((STRUCT_##target *)0)->field),        \
     value,                                        \
     doc},

static const struct option_row rows[] = {PLAN_OPTIONS(ROW)};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

void plan_help(FILE *to)
{
    fputs("Usage: weir plan [OPTION]...\n\n"
          "Finds the smallest pools that meet a goal under a load and a connection limit, by\n"
          "simulation, and prints the settings. For example:\n\n"
          "  weir plan --plan=heroku-essential-0 --processes=2 --rate=50\n"
          "  weir plan --limit=20 --processes=2 --users=200 --think=\"exponential 3s\"\n"
          "  weir plan --check \"pool_size=20 max_overflow=10 processes=1 limit=20\"\n\n",
          to);
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const struct option_row *row = &rows[i];
        fprintf(to, "  --%s%s", row->name, row->type == TYPE_FLAG ? "" : "=VALUE");
        if (row->value[0] != '\0')
            fprintf(to, " (%s)", row->value);
        fprintf(to, "\n      %s\n", row->doc);
    }
}

/* ---- one value ------------------------------------------------------------------------------- */

static void *field_of(const struct option_row *row, struct plan_arguments *arguments)
{
    char *base[] = {(char *)arguments, (char *)&arguments->scenario,
                    (char *)&arguments->scenario.loads[0]};
    return base[row->target] + row->offset;
}

static bool read_count(const struct option_row *row, const char *value, void *field)
{
    char *end;
    unsigned long long number = strtoull(value, &end, 10);
    if (end == value || *end != '\0' || value[0] == '-' || number > 1000000000)
        return false;
    if (row->bytes == sizeof(uint64_t))
        *(uint64_t *)field = number;
    else
        *(uint32_t *)field = (uint32_t)number;
    return true;
}

static bool read_rate(const char *value, double *field)
{
    char *end;
    double number = strtod(value, &end);
    if (end == value || *end != '\0' || !isfinite(number) || number <= 0 || number > 1e6)
        return false;
    *field = number;
    return true;
}

static bool read_bool(const char *value, bool *field)
{
    bool is_true = strcmp(value, "true") == 0;
    if (is_true || strcmp(value, "false") == 0) {
        *field = is_true;
        return true;
    }
    return false;
}

static bool read_value(const struct option_row *row, const char *value, void *field)
{
    switch (row->type) {
    case TYPE_COUNT:
        return read_count(row, value, field);
    case TYPE_RATE:
        return read_rate(value, field);
    case TYPE_SPAN:
        return sim_span_parse(value, field);
    case TYPE_DIST:
        return sim_dist_parse(value, field);
    case TYPE_BOOL:
        return read_bool(value, field);
    case TYPE_TEXT:
        *(const char **)field = value;
        return true;
    case TYPE_FLAG:
        *(bool *)field = true;
        return value[0] == '\0' || read_bool(value, field);
    }
    return false;
}

static const char *allowed(enum type type)
{
    static const char *const texts[] = {
        [TYPE_COUNT] = "a whole number",
        [TYPE_RATE] = "a number greater than 0",
        [TYPE_SPAN] = "a span like 250ms, 30s, 2min or never",
        [TYPE_DIST] = "8ms, \"exponential 8ms\", \"uniform 1ms 9ms\" or \"lognormal 8ms 1.0\"",
        [TYPE_TEXT] = "a text",
        [TYPE_BOOL] = "true or false",
        [TYPE_FLAG] = "without a value",
    };
    return texts[type];
}

/* ---- words ----------------------------------------------------------------------------------- */

static bool is_same_name(const char *name, const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (name[i] == '\0' || name[i] != (text[i] == '-' ? '_' : text[i]))
            return false;
    return name[bytes] == '\0';
}

static const struct option_row *find(const char *text, size_t bytes)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (is_same_name(rows[i].name, text, bytes))
            return &rows[i];
    fprintf(stderr, "weir: weir plan has no option \"%.*s\"; weir plan --help lists all\n",
            (int)bytes, text);
    return NULL;
}

/* Of rate and users the one given last counts. */
static void settle_kind(const struct option_row *row, struct plan_arguments *arguments)
{
    struct sim_load *load = &arguments->scenario.loads[0];
    if (strcmp(row->name, "rate") == 0)
        load->users = 0;
    if (strcmp(row->name, "users") == 0)
        load->rate = 0;
    if (strcmp(row->name, "rate") == 0 || strcmp(row->name, "users") == 0) {
        free(load->trace);
        load->trace = NULL;
    }
    if (strcmp(row->name, "service") == 0) {
        free(load->services);
        load->services = NULL;
    }
}

/* The scenario is read in the first pass, the others in the second. */
static bool is_of_pass(const struct option_row *row, int pass)
{
    return (strcmp(row->name, "scenario") == 0) == (pass == 0);
}

static int set(const struct option_row *row, const char *value, int pass,
               struct plan_arguments *arguments)
{
    if (!is_of_pass(row, pass))
        return GO_ON;
    if (!read_value(row, value, field_of(row, arguments))) {
        fprintf(stderr, "weir: %s has to be %s, not \"%s\"\n", row->name, allowed(row->type),
                value);
        return 2;
    }
    settle_kind(row, arguments);
    return GO_ON;
}

/* name=VALUE words, divided by blanks or commas; `text` is cut up. */
static int read_words(char *text, int pass, struct plan_arguments *arguments)
{
    int code = GO_ON;
    char *rest;
    for (char *word = strtok_r(text, " ,\t\n", &rest); word && code == GO_ON;
         word = strtok_r(NULL, " ,\t\n", &rest)) {
        char *equals = strchr(word, '=');
        const struct option_row *row = find(word, equals ? (size_t)(equals - word) : strlen(word));
        if (!row)
            return 2;
        code = set(row, equals ? equals + 1 : "", pass, arguments);
    }
    return code;
}

static int read_check(const char *value, int pass, struct plan_arguments *arguments)
{
    char *text = strdup(value);
    free(arguments->check_text[pass]);
    arguments->check_text[pass] = text;
    arguments->check = value;
    return text ? read_words(text, pass, arguments) : 1;
}

static int read_option(int argc, char **argv, int *at, int pass, struct plan_arguments *arguments)
{
    const char *word = argv[*at];
    if (strncmp(word, "--", 2) != 0) {
        fprintf(stderr, "weir: weir plan takes options only, not \"%s\"; weir plan --help\n", word);
        return 2;
    }
    const char *equals = strchr(word, '=');
    const struct option_row *row =
        find(word + 2, equals ? (size_t)(equals - word - 2) : strlen(word + 2));
    if (!row)
        return 2;
    const char *value = equals ? equals + 1 : "";
    if (!equals && row->type != TYPE_FLAG) {
        if (*at + 1 >= argc) {
            fprintf(stderr, "weir: --%s needs a value: %s\n", row->name, allowed(row->type));
            return 2;
        }
        value = argv[++*at];
    }
    if (strcmp(row->name, "check") == 0)
        return read_check(value, pass, arguments);
    return set(row, value, pass, arguments);
}

static int read_pass(int argc, char **argv, int pass, struct plan_arguments *arguments)
{
    int code = GO_ON;
    for (int i = 1; i < argc && code == GO_ON; i++)
        code = read_option(argc, argv, &i, pass, arguments);
    return code;
}

/* ---- whole ----------------------------------------------------------------------------------- */

/* The incident's page, so that little has to be said. */
static void init(struct plan_arguments *arguments)
{
    struct sim_scenario *s = &arguments->scenario;
    *arguments = (struct plan_arguments){.through = "direct",
                                         .limit = PLAN_NOT_GIVEN,
                                         .reserve = 2,
                                         .pool_size = 5,
                                         .max_overflow = 10,
                                         .goal = 100 * BASE_MS};
    sim_scenario_init(s);
    s->give_up = 30 * BASE_SECOND;
    s->load_count = 1;
    struct sim_load *load = &s->loads[0];
    sim_load_init(load);
    load->requests = 5;
    load->transactions = 2;
    load->service = (struct sim_dist){.kind = SIM_DIST_LOGNORMAL, .a = 20e6, .b = 0.8};
    load->outside = (struct sim_dist){.kind = SIM_DIST_FIXED, .a = 2e6};
}

static int read_scenario(struct plan_arguments *arguments)
{
    char error[SIM_ERROR_BYTES];
    if (!arguments->scenario_path)
        return GO_ON;
    struct sim_scenario *s = malloc(sizeof(*s));
    int r = s ? sim_scenario_load(arguments->scenario_path, s, error) : BASE_ENOMEM;
    if (r == 0)
        arguments->scenario = *s;
    else
        fprintf(stderr, "%s\n", r == BASE_ENOMEM ? "weir: out of memory" : error);
    free(s);
    return r == 0 ? GO_ON : 1;
}

static int find_plan(struct plan_arguments *arguments)
{
    bool is_pooler = strcmp(arguments->through, "pooler") == 0;
    if (!is_pooler && strcmp(arguments->through, "direct") != 0) {
        fprintf(stderr, "weir: through has to be direct or pooler, not \"%s\"\n",
                arguments->through);
        return 2;
    }
    if (!arguments->plan)
        return GO_ON;
    arguments->named = sim_plan_find(arguments->plan);
    if (!arguments->named) {
        fprintf(stderr, "weir: there is no plan \"%s\"; weir plan --plans lists them\n",
                arguments->plan);
        return 2;
    }
    if (is_pooler && arguments->named->pooler == 0) {
        fprintf(stderr, "weir: plan \"%s\" has no pooler\n", arguments->plan);
        return 2;
    }
    if (arguments->limit == PLAN_NOT_GIVEN)
        arguments->limit = is_pooler ? arguments->named->pooler : arguments->named->direct;
    return GO_ON;
}

/* Requests, transactions and statements are as given; their number and their time are measured. */
static int read_metrics(struct plan_arguments *arguments)
{
    if (!arguments->metrics.source)
        return GO_ON;
    bool is_good = cli_metrics_read(&arguments->metrics) &&
                   cli_metrics_apply(&arguments->metrics, &arguments->scenario);
    arguments->scenario.round_trip = 0; /* it is part of the holding time */
    return is_good ? GO_ON : 1;
}

/* The limit that a scenario's database has. */
static void take_scenario_limit(struct plan_arguments *arguments)
{
    const struct sim_scenario *s = &arguments->scenario;
    if (arguments->limit == PLAN_NOT_GIVEN && arguments->scenario_path)
        arguments->limit = sim_limits_room(&s->limits, s->pooler_clients, NULL);
}

static int check(struct plan_arguments *arguments)
{
    char text[256];
    struct sim_scenario *s = &arguments->scenario;
    struct sim_load *load = &s->loads[0];
    if (arguments->cores > 0)
        s->cores = arguments->cores;
    else if (arguments->named)
        arguments->cores = arguments->named->cores;
    if (arguments->limit == PLAN_NOT_GIVEN) {
        fputs("weir: how many connections are there? --plan=NAME, --limit=N, or a scenario\n",
              stderr);
        return 2;
    }
    if (arguments->limit == 0 || arguments->limit > 100000) {
        fputs("weir: limit has to be 1 to 100000\n", stderr);
        return 2;
    }
    if (load->rate == 0 && load->users == 0 && !load->trace && !arguments->check) {
        fputs("weir: how much load is there? --rate=N pages a second, --users=N, a scenario, or "
              "--from_metrics\n",
              stderr);
        return 2;
    }
    if (load->rate == 0 && load->users == 0 && !load->trace)
        load->users = 1; /* --check looks for the number of users itself */
    if (sim_scenario_check(s, text, sizeof(text)) != 0) {
        fprintf(stderr, "weir: %s\n", text);
        return 2;
    }
    return GO_ON;
}

int plan_arguments_read(int argc, char **argv, struct plan_arguments *ret)
{
    init(ret);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            plan_help(stdout);
            return 0;
        }
    }
    int code = read_pass(argc, argv, 0, ret);
    if (code == GO_ON)
        code = read_scenario(ret);
    if (code == GO_ON)
        code = read_pass(argc, argv, 1, ret);
    if (code != GO_ON || ret->is_list)
        return code;
    code = find_plan(ret);
    if (code == GO_ON)
        code = read_metrics(ret);
    take_scenario_limit(ret);
    return code == GO_ON ? check(ret) : code;
}

void plan_arguments_done(struct plan_arguments *arguments)
{
    sim_scenario_done(&arguments->scenario);
    for (int pass = 0; pass < 2; pass++)
        free(arguments->check_text[pass]);
}
