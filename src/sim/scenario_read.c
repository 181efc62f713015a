/* scenario_read.c - a table of keys and one function per type of value.
 *
 * Nothing is ignored: a key that is not known, or comes twice, is an error, and an error names its
 * line.
 */
#include "sim/scenario_read.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "defs/plans.h"
#include "defs/scenario.h"
#include "sim/toml.h"

#define FILE_BYTES_MOST (64u << 20)
#define ERRORS_MOST     16
#define ERROR_BYTES     480 /* of one */

enum type {
    TYPE_COUNT,
    TYPE_COUNT64,
    TYPE_LIMIT,
    TYPE_SPAN,
    TYPE_DIST,
    TYPE_SHARE,
    TYPE_RATE,
    TYPE_TEXT,
    TYPE_BOOL,
    TYPE_POOL,
    TYPE_MODE,
    TYPE_PLAN,
    TYPE_TRACE,
    TYPE_SPANS,
};

struct key {
    const char *section, *name;
    enum type type;
    size_t offset, bytes;
};

#define FIELD(type, field) offsetof(type, field), sizeof(((type *)0)->field)
#define KEY(section, name, type, field, value, doc) \
    {section, name, TYPE_##type, FIELD(struct sim_scenario, field)},
#define LOAD_KEY(section, name, type, field, value, doc) \
    {section, name, TYPE_##type, FIELD(struct sim_load, field)},
#define CHANGE_KEY(section, name, type, field, value, doc) \
    {section, name, TYPE_##type, FIELD(struct sim_change, field)},

static const struct key keys[] = {SCENARIO_WHOLE(KEY) SCENARIO_LOAD(LOAD_KEY)
                                      SCENARIO_CHANGES(CHANGE_KEY)};

#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))

#define PLAN(name, host, direct, pooler, clients, cores, doc) \
    {name, host, direct, pooler, clients, cores, doc},
const struct sim_plan sim_plans[] = {PLANS_TABLE(PLAN)};
const size_t sim_plan_count = sizeof(sim_plans) / sizeof(sim_plans[0]);

const struct sim_plan *sim_plan_find(const char *name)
{
    for (size_t i = 0; i < sim_plan_count; i++)
        if (strcmp(sim_plans[i].name, name) == 0)
            return &sim_plans[i];
    return NULL;
}

/* What is being read, and into what. */
struct reader {
    struct toml toml;
    struct toml_item item;
    struct sim_scenario *scenario;
    const char *folder;
    char *error;
    char section[64];
    void *target;
    uint32_t error_count;
    bool is_unknown; /* the section: what is in it has been refused with it */
    /* the line in which a key was set, 0 = not; of a load, with that of its head, in loads */
    uint32_t lines[KEY_COUNT];
    uint32_t load_lines[SIM_LOADS_MAX][KEY_COUNT];
    uint32_t load_heads[SIM_LOADS_MAX];
    bool is_load_wrong[SIM_LOADS_MAX];
};

static int wrong(struct reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds an error to the others; those that do not fit are counted only. */
static void add_error(struct reader *r, uint32_t line, const char *text)
{
    size_t length = strlen(r->error);
    char place[32] = "";
    if (line > 0)
        snprintf(place, sizeof(place), "line %u: ", line);
    if (r->error_count++ < ERRORS_MOST)
        snprintf(r->error + length, SIM_ERROR_BYTES - length, "%s%s%s", length ? "\n" : "", place,
                 text);
}

static int wrong(struct reader *r, const char *format, ...)
{
    char text[ERROR_BYTES];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    add_error(r, r->item.line, text);
    return BASE_EINVALID;
}

/* ---- values ---------------------------------------------------------------------------------- */

static int read_count(struct reader *r, const struct key *key, double least, double most)
{
    const struct toml_item *item = &r->item;
    if (item->kind != TOML_NUMBER || !item->is_integer || item->number < least ||
        item->number > most)
        return wrong(r, "%s has to be a whole number from %.0f to %.0f", key->name, least, most);
    char *at = (char *)r->target + key->offset;
    if (key->type == TYPE_COUNT64)
        *(uint64_t *)(void *)at = (uint64_t)item->number;
    else
        *(uint32_t *)(void *)at = item->number < 0 ? SIM_NO_LIMIT : (uint32_t)item->number;
    return 0;
}

static int read_double(struct reader *r, const struct key *key, double most)
{
    if (r->item.kind != TOML_NUMBER || r->item.number < 0 || r->item.number > most)
        return wrong(r, "%s has to be a number from 0 to %.10g", key->name, most);
    *(double *)(void *)((char *)r->target + key->offset) = r->item.number;
    return 0;
}

static int read_span(struct reader *r, const struct key *key)
{
    void *at = (char *)r->target + key->offset;
    if (r->item.kind == TOML_NUMBER && r->item.number == 0)
        snprintf(r->item.text, sizeof(r->item.text), "0");
    else if (r->item.kind != TOML_STRING)
        r->item.text[0] = '\0';
    if (key->type == TYPE_SPAN && sim_span_parse(r->item.text, at))
        return 0;
    if (key->type == TYPE_DIST && sim_dist_parse(r->item.text, at))
        return 0;
    return wrong(r,
                 key->type == TYPE_SPAN
                     ? "%s has to be a span in quotes: \"250ms\", \"30s\", \"2min\", \"never\""
                     : "%s has to be a span that is drawn: \"8ms\", \"exponential 8ms\", "
                       "\"uniform 1ms 9ms\" or \"lognormal 8ms 1.0\" (median and sigma)",
                 key->name);
}

static int read_text(struct reader *r, const struct key *key)
{
    if (r->item.kind != TOML_STRING || strlen(r->item.text) >= key->bytes)
        return wrong(r, "%s has to be a text in quotes of at most %zu bytes", key->name,
                     key->bytes - 1);
    snprintf((char *)r->target + key->offset, key->bytes, "%s", r->item.text);
    return 0;
}

static int read_word(struct reader *r, const struct key *key, const char *const *words,
                     const char *all)
{
    for (uint32_t i = 0; r->item.kind == TOML_STRING && words[i]; i++) {
        if (strcmp(words[i], r->item.text) == 0) {
            *(uint32_t *)(void *)((char *)r->target + key->offset) = i;
            return 0;
        }
    }
    return wrong(r, "%s has to be one of %s", key->name, all);
}

static int read_bool(struct reader *r, const struct key *key)
{
    if (r->item.kind != TOML_BOOL)
        return wrong(r, "%s has to be true or false", key->name);
    *((bool *)r->target + key->offset) = r->item.truth;
    return 0;
}

static int refuse_plan(struct reader *r, const struct key *key)
{
    char names[ERROR_BYTES] = "";
    size_t length = 0;
    for (size_t i = 0; i < sim_plan_count && length < sizeof(names); i++)
        length += (size_t)snprintf(names + length, sizeof(names) - length, "%s%s", i ? ", " : "",
                                   sim_plans[i].name);
    return wrong(r, "%s has to be a name from docs/reference/plans.md: %s", key->name, names);
}

static int read_plan(struct reader *r, const struct key *key)
{
    const struct sim_plan *plan = r->item.kind == TOML_STRING ? sim_plan_find(r->item.text) : NULL;
    if (!plan)
        return refuse_plan(r, key);
    struct sim_limits *limits = &r->scenario->limits;
    limits->role = plan->direct;
    limits->max_connections = SIM_NO_LIMIT;
    limits->reserved = 0;
    if (plan->pooler)
        r->scenario->pooler_clients = plan->pooler;
    return 0;
}

/* ---- traces ---------------------------------------------------------------------------------- */

static int set_trace(struct reader *r, const struct key *key, const double *numbers, uint32_t count)
{
    struct sim_load *load = r->target;
    bool is_growing = key->type == TYPE_TRACE;
    if (count == 0)
        return wrong(r, "%s is empty", key->name);
    base_time *trace = malloc(count * sizeof(*trace));
    if (!trace)
        return BASE_ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        if (!(numbers[i] >= 0) || numbers[i] > 1e9 ||
            (is_growing && i > 0 && numbers[i] < numbers[i - 1])) {
            free(trace);
            return wrong(r, "number %u of %s is negative, above 1e9%s", i + 1, key->name,
                         is_growing ? ", or smaller than the one before" : "");
        }
        trace[i] = (base_time)(numbers[i] * 1e9);
    }
    *(base_time **)(void *)((char *)load + key->offset) = trace;
    *(is_growing ? &load->trace_count : &load->service_count) = count;
    return 0;
}

static int parse_trace(struct reader *r, const struct key *key, char *text)
{
    uint32_t count = 0;
    double *numbers = malloc(SIM_TRACE_MAX * sizeof(*numbers));
    int code = numbers ? 0 : BASE_ENOMEM;
    for (char *at = text, *end; code == 0; at = end) {
        at += strspn(at, " \t\r\n,");
        if (*at == '\0')
            break;
        double number = strtod(at, &end);
        if (end == at || !isfinite(number))
            code = wrong(r, "number %u of %s is no number: \"%.20s\"", count + 1, key->name, at);
        else if (count == SIM_TRACE_MAX)
            code = wrong(r, "%s has more than %d numbers", key->name, SIM_TRACE_MAX);
        else
            numbers[count++] = number;
    }
    if (code == 0)
        code = set_trace(r, key, numbers, count);
    free(numbers);
    return code;
}

static int read_trace(struct reader *r, const struct key *key)
{
    char path[4096], reason[SIM_ERROR_BYTES];
    size_t bytes;
    if (r->item.kind == TOML_ARRAY)
        return set_trace(r, key, r->item.numbers, r->item.count);
    if (r->item.kind != TOML_STRING)
        return wrong(r, "%s has to be a file in quotes or a list of seconds", key->name);
    bool is_absolute = r->item.text[0] == '/';
    snprintf(path, sizeof(path), "%s%s%s", is_absolute ? "" : r->folder, is_absolute ? "" : "/",
             r->item.text);
    char *text = sim_file_read(path, &bytes, reason);
    if (!text)
        return wrong(r, "%.400s", reason);
    int code = parse_trace(r, key, text);
    free(text);
    return code;
}

/* ---- items ----------------------------------------------------------------------------------- */

static int read_value(struct reader *r, const struct key *key)
{
    static const char *const pools[] = {"sqlalchemy", "libweir", "none", NULL};
    static const char *const modes[] = {"transaction", "session", NULL};
    switch (key->type) {
    case TYPE_COUNT:
        return read_count(r, key, 0, 1e9);
    case TYPE_COUNT64:
        return read_count(r, key, 0, 9e15);
    case TYPE_LIMIT:
        return read_count(r, key, -1, 1e9);
    case TYPE_SPAN:
    case TYPE_DIST:
        return read_span(r, key);
    case TYPE_SHARE:
        return read_double(r, key, 1);
    case TYPE_RATE:
        return read_double(r, key, 1e6);
    case TYPE_TEXT:
        return read_text(r, key);
    case TYPE_BOOL:
        return read_bool(r, key);
    case TYPE_POOL:
        return read_word(r, key, pools, "\"sqlalchemy\", \"libweir\" and \"none\"");
    case TYPE_MODE:
        return read_word(r, key, modes, "\"transaction\" and \"session\"");
    case TYPE_PLAN:
        return read_plan(r, key);
    case TYPE_TRACE:
    case TYPE_SPANS:
        return read_trace(r, key);
    }
    return BASE_EINVALID;
}

/* Where the lines of the current section's keys are kept. */
static uint32_t *lines_of(struct reader *r)
{
    if (strcmp(r->section, "load") == 0 && r->scenario->load_count > 0)
        return r->load_lines[r->scenario->load_count - 1];
    return r->lines;
}

static int refuse_key(struct reader *r)
{
    char names[ERROR_BYTES] = "";
    size_t length = 0;
    for (size_t i = 0; i < KEY_COUNT && length < sizeof(names); i++)
        if (strcmp(keys[i].section, r->section) == 0)
            length += (size_t)snprintf(names + length, sizeof(names) - length, "%s%s",
                                       length ? ", " : "", keys[i].name);
    return wrong(r, "there is no key \"%s\" %s%s%s; there are %s", r->item.key,
                 r->section[0] ? "in [" : "at the top", r->section, r->section[0] ? "]" : "",
                 names);
}

/* A load whose rate, users or trace could not be read has one all the same. */
static void note_kind(struct reader *r)
{
    static const char *const names[] = {"rate", "users", "trace"};
    for (int i = 0; i < 3; i++)
        if (strcmp(r->section, "load") == 0 && strcmp(r->item.key, names[i]) == 0)
            r->is_load_wrong[r->scenario->load_count - 1] = true;
}

static int read_pair(struct reader *r)
{
    if (r->is_unknown)
        return BASE_EINVALID;
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (strcmp(keys[i].section, r->section) != 0 || strcmp(keys[i].name, r->item.key) != 0)
            continue;
        uint32_t *line = &lines_of(r)[i];
        if (*line != 0)
            return wrong(r, "%s comes twice, first in line %u", r->item.key, *line);
        *line = r->item.line;
        int code = read_value(r, &keys[i]);
        if (code < 0)
            note_kind(r);
        return code;
    }
    return refuse_key(r);
}

static int begin_load(struct reader *r)
{
    struct sim_scenario *s = r->scenario;
    if (s->load_count == SIM_LOADS_MAX) {
        r->is_unknown = true;
        return wrong(r, "more than %d loads", SIM_LOADS_MAX);
    }
    r->load_heads[s->load_count] = r->item.line;
    r->target = &s->loads[s->load_count++];
    sim_load_init(r->target);
    return 0;
}

static int begin_change(struct reader *r, enum sim_change_kind kind)
{
    struct sim_scenario *s = r->scenario;
    if (s->change_count == SIM_CHANGES_MAX) {
        r->is_unknown = true;
        return wrong(r, "more than %d deploys, outages and limits", SIM_CHANGES_MAX);
    }
    struct sim_change *change = &s->changes[s->change_count++];
    *change = (struct sim_change){.kind = kind, .limits = s->limits};
    r->target = change;
    return 0;
}

static int begin_array(struct reader *r)
{
    static const char *const kinds[] = {"deploy", "outage", "limits"};
    for (size_t i = 0; i < KEY_COUNT; i++)
        if (strcmp(keys[i].section, r->section) == 0)
            r->lines[i] = 0;
    if (strcmp(r->section, "load") == 0)
        return begin_load(r);
    for (int i = 0; i < 3; i++)
        if (strcmp(r->section, kinds[i]) == 0)
            return begin_change(r, (enum sim_change_kind)i);
    r->is_unknown = true;
    return wrong(r, "there is no [[%s]]; there are [[load]], [[deploy]], [[outage]] and [[limits]]",
                 r->section);
}

static int begin_table(struct reader *r)
{
    static const char *const names[] = {"database", "pooler", "network", "application", "weir"};
    r->target = r->scenario;
    if (strcmp(r->section, "weir") == 0)
        r->scenario->has_weir = true;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(r->section, names[i]) == 0)
            return 0;
    r->is_unknown = true;
    return wrong(r,
                 "there is no [%s]; there are [database], [pooler], [network], [application], "
                 "[weir], and [[load]], [[deploy]], [[outage]], [[limits]] in double brackets",
                 r->section);
}

static int read_item(struct reader *r)
{
    if (r->item.kind != TOML_TABLE && r->item.kind != TOML_TABLES)
        return read_pair(r);
    snprintf(r->section, sizeof(r->section), "%s", r->item.key);
    r->is_unknown = false;
    return r->item.kind == TOML_TABLE ? begin_table(r) : begin_array(r);
}

/* ---- whole texts ----------------------------------------------------------------------------- */

/* To the end of the text, whatever is wrong. 0 or BASE_ENOMEM. */
static int read_all(struct reader *r)
{
    for (;;) {
        int code = toml_next(&r->toml, &r->item);
        if (code == BASE_EINVALID) {
            add_error(r, r->toml.line, r->toml.error);
            toml_skip_line(&r->toml);
            continue;
        }
        if (code < 0 || r->item.kind == TOML_END)
            return code;
        code = read_item(r);
        free(r->item.numbers);
        r->item.numbers = NULL;
        if (code == BASE_ENOMEM)
            return code;
    }
}

/* The line that a problem is about: of its key, else of its section's head; 0 = none. */
static uint32_t line_of(const struct reader *r, const struct sim_problem *problem)
{
    bool is_load = strcmp(problem->section, "load") == 0;
    const uint32_t *lines = is_load ? r->load_lines[problem->load] : r->lines;
    for (size_t i = 0; i < KEY_COUNT; i++)
        if (strcmp(keys[i].section, problem->section) == 0 &&
            strcmp(keys[i].name, problem->key) == 0 && lines[i] != 0)
            return lines[i];
    return is_load ? r->load_heads[problem->load] : 0;
}

/* What the values together do not allow. */
static void check_whole(struct reader *r)
{
    struct sim_problems problems;
    sim_scenario_problems(r->scenario, &problems);
    for (uint32_t i = 0; i < problems.count; i++) {
        const struct sim_problem *problem = &problems.items[i];
        bool is_load = strcmp(problem->section, "load") == 0;
        if (!is_load || problem->key[0] || !r->is_load_wrong[problem->load])
            add_error(r, line_of(r, problem), problem->text);
    }
}

static int conclude(struct reader *r)
{
    check_whole(r);
    size_t length = strlen(r->error);
    if (r->error_count > ERRORS_MOST)
        snprintf(r->error + length, SIM_ERROR_BYTES - length, "\nand %u more errors",
                 r->error_count - ERRORS_MOST);
    return r->error_count > 0 ? BASE_EINVALID : 0;
}

int sim_scenario_read(struct base_slice text, const char *folder, struct sim_scenario *ret_scenario,
                      char error[SIM_ERROR_BYTES])
{
    struct reader *r = calloc(1, sizeof(*r));
    struct sim_scenario *scenario = malloc(sizeof(*scenario));
    int code = r && scenario ? 0 : BASE_ENOMEM;
    if (code == 0) {
        sim_scenario_init(scenario);
        r->scenario = r->target = scenario;
        r->folder = folder;
        r->error = error;
        toml_init(&r->toml, text);
        error[0] = '\0';
        code = read_all(r);
        if (code == 0)
            code = conclude(r);
        if (code == 0)
            *ret_scenario = *scenario;
        else
            sim_scenario_done(scenario);
    }
    if (code == BASE_ENOMEM)
        snprintf(error, SIM_ERROR_BYTES, "out of memory");
    free(r);
    free(scenario);
    return code;
}

char *sim_file_read(const char *path, size_t *ret_bytes, char error[SIM_ERROR_BYTES])
{
    FILE *file = fopen(path, "re");
    size_t room = 65536, bytes = 0, n;
    char *text = file ? malloc(room + 1) : NULL;
    while (text && (n = fread(text + bytes, 1, room - bytes, file)) > 0) {
        bytes += n;
        if (bytes < room)
            continue;
        room *= 2;
        char *more = room <= FILE_BYTES_MOST ? realloc(text, room + 1) : NULL;
        if (!more) {
            free(text);
            errno = EFBIG;
        }
        text = more;
    }
    if (!file || !text || ferror(file)) {
        snprintf(error, SIM_ERROR_BYTES, "cannot read \"%.300s\": %s", path, strerror(errno));
        free(text);
        text = NULL;
    } else {
        text[bytes] = '\0';
        *ret_bytes = bytes;
    }
    if (file)
        fclose(file);
    return text;
}

/* The path in front of each line. */
static void put_path(const char *path, const char *reasons, char error[SIM_ERROR_BYTES])
{
    size_t length = 0;
    for (const char *at = reasons; *at && length < SIM_ERROR_BYTES;) {
        size_t bytes = strcspn(at, "\n");
        length += (size_t)snprintf(error + length, SIM_ERROR_BYTES - length, "%s%.200s: %.*s",
                                   length ? "\n" : "", path, (int)bytes, at);
        at += bytes + (at[bytes] == '\n');
    }
}

int sim_scenario_load(const char *path, struct sim_scenario *ret_scenario,
                      char error[SIM_ERROR_BYTES])
{
    char folder[4096], reason[SIM_ERROR_BYTES];
    size_t bytes;
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    char *text = sim_file_read(path, &bytes, error);
    if (!text)
        return BASE_EINVALID;
    int code = sim_scenario_read(base_slice_of(text, bytes), slash == path ? "/" : folder,
                                 ret_scenario, reason);
    free(text);
    if (code < 0)
        put_path(path, reason, error);
    return code;
}
