/* panels.c - see panels.h. */
#include "serve/panels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <microhttpd.h>

#include "domain/figure.h"
#include "domain/fnv.h"
#include "domain/range.h"
#include "serve/app.h"
#include "serve/out.h"
#include "serve/lease.h"
#include "serve/request.h"
#include "serve/statements.h"

#define RANGE_BYTES   16
#define VERSION_BYTES 40 /* "2018-05-11/" and a bigint */
#define COUNT(a)      (sizeof(a) / sizeof((a)[0]))

/* Why members are null, beside the reasons of figures. */
#define NO_PREVIOUS_PRICE "no_previous_price"
#define NOT_SUPPLIED      "not_supplied" /* the file of the prices does not have it */
#define NO_VALUE          "no_value"     /* there is nothing that a share could be of */
#define NO_COST           "no_cost"
#define NO_DRAWDOWN       "no_drawdown"

/* The first columns of every panel's statement (statements.c). */
enum { COLUMN_AS_OF, COLUMN_CURRENCY, COLUMN_VERSION, COLUMN_BENCHMARK, COLUMNS_COMMON };

/* ---- what all have in common -----------------------------------------------------------------
 */

static void write_now(struct out *out)
{
    char text[32];
    struct tm utc;
    time_t now = time(NULL);
    gmtime_r(&now, &utc);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
    out_name(out, "generated_at");
    out_text(out, text);
}

static const char *common(const struct request *request, const PGresult *result, int column)
{
    static const char *const nothing[COLUMNS_COMMON] = {NULL, NULL, "none/0", NULL};
    if (PQntuples(result) > 0) {
        return PQgetisnull(result, 0, column) ? NULL : PQgetvalue(result, 0, column);
    }
    return column == COLUMN_CURRENCY    ? request->user.base_currency
           : column == COLUMN_BENCHMARK ? request->user.benchmark
                                        : nothing[column];
}

/* What every answer says about its version. Versions are counted for each user, and a browser that
 * one person leaves to another asks with the tag of the first: so the tag is of a user, too. */
static void set_version(struct request *request, const char *version)
{
    struct reply *reply = &request->reply;
    snprintf(reply->etag, sizeof(reply->etag), "\"%.*s.%016llx\"", VERSION_BYTES, version,
             (unsigned long long)fnv_text(request->app->program, request->claims.user_id));
    reply->cache = "private, no-cache";
    reply->vary = "Authorization";
}

static void make_key(const struct request *request, enum statement statement, const char *range,
                     const char *version, char key[BODIES_KEY_BYTES])
{
    snprintf(key, BODIES_KEY_BYTES, "%s %d %s %s", request->claims.user_id, (int)statement, range,
             version);
}

static void begin(const struct request *request, struct out *out, struct out_nulls *nulls,
                  const PGresult *result)
{
    static const char *const names[COLUMNS_COMMON] = {"as_of", "base_currency", "data_version",
                                                      "benchmark"};
    out_open(out, nulls);
    for (int i = 0; i < COLUMNS_COMMON; i++) {
        out_name(out, names[i]);
        out_text(out, common(request, result, i));
    }
    write_now(out);
}

static const char type_json[] = "application/json; charset=utf-8";

/* The answer from what the statement gave. A user without a snapshot has no version to keep it by.
 */
static void finish(struct request *request, const PGresult *result, const char *key,
                   struct out *out)
{
    struct bodies *bodies = request->app->bodies;
    if (out->is_failed) {
        free(out->text);
        return; /* an empty reply is a 500 */
    }
    if (PQntuples(result) == 0) {
        reply_text(&request->reply, MHD_HTTP_OK, type_json, out->text, out->bytes);
        return;
    }
    struct body *body = bodies_store(bodies, key, out->text, out->bytes);
    if (body) {
        reply_shared(&request->reply, MHD_HTTP_OK, type_json, bodies, body);
    }
}

typedef void write_members(struct request *request, struct out *out, const PGresult *result);

struct panel {
    const char *route; /* its name */
    enum statement statement;
    bool has_range;
    write_members *write;
    out_why *why; /* of what is null in the answer itself; its context is the result */
};

/* Without a day of prices there is no as_of; all else in a list is there, if empty. */
static const char *why_no_day(const void *context, const char *name)
{
    (void)context;
    (void)name;
    return FIGURE_NO_PRICE;
}

/* Runs a panel's statement; `write` adds the panel's own members. */
static void make(struct request *request, const struct panel *panel, const char *range)
{
    const char *values[] = {request->user.id, range};
    char key[BODIES_KEY_BYTES];
    struct out out = {0};
    struct out_nulls nulls;
    PGresult *result = lease_prepared(request, panel->statement, values);
    if (!result) {
        return;
    }
    const char *version = common(request, result, COLUMN_VERSION);
    set_version(request, version);
    make_key(request, panel->statement, range, version, key);
    begin(request, &out, &nulls, result);
    panel->write(request, &out, result);
    out_close(&out, panel->why, result);
    finish(request, result, key, &out);
    PQclear(result);
}

/* The user's version; false: the reply is an error. */
static bool read_version(struct request *request, char version[VERSION_BYTES])
{
    const char *values[] = {request->user.id};
    PGresult *result = lease_prepared(request, STATEMENT_VERSION, values);
    if (!result) {
        return false;
    }
    snprintf(version, VERSION_BYTES, "%s",
             PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "none/0");
    PQclear(result);
    return true;
}

/* ---- ranges ----------------------------------------------------------------------------------
 */

/* The range that is asked for; max when none is. False: there is no such range. */
static bool read_range(const struct request *request, enum range *ret_range)
{
    char text[RANGE_BYTES];
    *ret_range = RANGE_MAX;
    return !request_query(request, "range", text, sizeof(text)) || range_parse(text, ret_range);
}

bool panel_check_range(struct request *request)
{
    enum range range;
    if (read_range(request, &range)) {
        return true;
    }
    json_t *allowed = json_array();
    for (unsigned i = 0; i < RANGES; i++) {
        json_array_append_new(allowed, json_string(range_name((enum range)i)));
    }
    reply_error_with(&request->reply, MHD_HTTP_BAD_REQUEST, request->id, "invalid_range",
                     json_pack("{s:o}", "allowed", allowed),
                     "there is no such range; `allowed` lists those there are");
    return false;
}

/* ---- assets ----------------------------------------------------------------------------------
 */

enum {
    VIEW_SYMBOL,
    VIEW_PRICE = 4,
    VIEW_HIGH_DATE = 15,
    VIEW_HIGH_COLUMNS = 3,
    VIEW_CONDITION = 18
};

static const char *why_item(const void *context, const char *name)
{
    const bool *has_price = context;
    if (!*has_price) {
        return FIGURE_NO_PRICE;
    }
    bool is_change = strcmp(name, "previous_close") == 0 || strcmp(name, "change") == 0 ||
                     strcmp(name, "change_ratio") == 0;
    return is_change ? NO_PREVIOUS_PRICE : NOT_SUPPLIED;
}

static void write_item(struct out *out, const PGresult *result, int row)
{
    static const struct out_column before[] = {
        {"symbol", OUT_TEXT},   {"name", OUT_TEXT},          {"kind", OUT_TEXT},
        {"currency", OUT_TEXT}, {"price", OUT_NUMBER},       {"previous_close", OUT_NUMBER},
        {"change", OUT_NUMBER}, {"change_ratio", OUT_RATIO}, {"price_date", OUT_TEXT},
        {"open", OUT_NUMBER},   {"high", OUT_NUMBER},        {"low", OUT_NUMBER},
        {"volume", OUT_NUMBER}, {"high_52w", OUT_NUMBER},    {"low_52w", OUT_NUMBER},
    };
    static const struct out_column high[] = {
        {"date", OUT_TEXT}, {"price", OUT_NUMBER}, {"drawdown_ratio", OUT_RATIO}};
    static const struct out_column after[] = {
        {"market_condition", OUT_TEXT}, {"trend_50d", OUT_TEXT}, {"trend_200d", OUT_TEXT},
        {"sparkline", OUT_RAW},         {"stale", OUT_BOOLEAN},
    };
    _Static_assert(COUNT(before) == VIEW_HIGH_DATE && COUNT(high) == VIEW_HIGH_COLUMNS,
                   "the columns are those of COLUMNS_VIEW");
    bool has_price = !PQgetisnull(result, row, COLUMNS_COMMON + VIEW_PRICE);
    struct out_nulls nulls;
    out_open(out, &nulls);
    out_columns(out, result, row, COLUMNS_COMMON, before, COUNT(before));
    out_name(out, "all_time_high");
    if (has_price) {
        out_begin(out, '{');
        out_columns(out, result, row, COLUMNS_COMMON + VIEW_HIGH_DATE, high, COUNT(high));
        out_end(out, '}');
    } else {
        out_raw(out, NULL);
    }
    out_columns(out, result, row, COLUMNS_COMMON + VIEW_CONDITION, after, COUNT(after));
    out_close(out, why_item, &has_price);
}

/* The rows that have an asset. */
static void write_items(struct out *out, const PGresult *result, const char *name)
{
    out_name(out, name);
    out_begin(out, '[');
    for (int row = 0; row < PQntuples(result); row++) {
        if (!PQgetisnull(result, row, COLUMNS_COMMON + VIEW_SYMBOL)) {
            write_item(out, result, row);
        }
    }
    out_end(out, ']');
}

static void write_watch(struct request *request, struct out *out, const PGresult *result)
{
    (void)request;
    write_items(out, result, "items");
}

/* ---- market ----------------------------------------------------------------------------------
 */

enum { MARKET_MOVERS = 23 };

static void write_market(struct request *request, struct out *out, const PGresult *result)
{
    static const struct out_column movers[] = {{"gainers", OUT_RAW}, {"losers", OUT_RAW}};
    (void)request;
    out_name(out, "status");
    out_text(out, "CLOSED"); /* prices are those of closes, never of a running session */
    write_items(out, result, "indices");
    out_name(out, "movers");
    out_begin(out, '{');
    if (PQntuples(result) > 0) {
        out_columns(out, result, 0, COLUMNS_COMMON + MARKET_MOVERS, movers, COUNT(movers));
    } else {
        out_name(out, "gainers");
        out_raw(out, "[]");
        out_name(out, "losers");
        out_raw(out, "[]");
    }
    out_end(out, '}');
}

/* ---- summary ---------------------------------------------------------------------------------
 */

static const struct out_column totals[] = {
    {"total_value", OUT_NUMBER},
    {"cash", OUT_NUMBER},
    {"market_value", OUT_NUMBER},
    {"net_contributions", OUT_NUMBER},
    {"total_gain", OUT_NUMBER},
    {"cost_basis", OUT_NUMBER},
    {"unrealised_pl", OUT_NUMBER},
    {"realised_pl", OUT_NUMBER},
    {"dividends", OUT_NUMBER},
    {"interest", OUT_NUMBER},
    {"fees", OUT_NUMBER},
    {"day_change", OUT_NUMBER},
    {"day_change_ratio", OUT_RATIO},
    {"cash_weight", OUT_RATIO},
    {"twr", OUT_RATIO},
    {"twr_annualised", OUT_RATIO},
    {"xirr", OUT_RATIO},
    {"first_activity", OUT_TEXT},
    {"activity_count", OUT_NUMBER},
    {"waiting_activities", OUT_NUMBER},
};

/* After the totals come the reasons of those that lack, then the positions. */
enum { SUMMARY_REASONS = COLUMNS_COMMON + COUNT(totals), SUMMARY_POSITION };

static const struct out_column position[] = {
    {"symbol", OUT_TEXT},          {"name", OUT_TEXT},
    {"quantity", OUT_NUMBER},      {"price", OUT_NUMBER},
    {"market_value", OUT_NUMBER},  {"weight", OUT_RATIO},
    {"average_cost", OUT_NUMBER},  {"cost_basis", OUT_NUMBER},
    {"unrealised_pl", OUT_NUMBER}, {"unrealised_pl_ratio", OUT_RATIO},
    {"realised_pl", OUT_NUMBER},   {"dividends", OUT_NUMBER},
    {"day_change", OUT_NUMBER},    {"day_change_ratio", OUT_RATIO},
};

static void write_no_totals(struct out *out)
{
    for (size_t i = 0; i < COUNT(totals); i++) {
        bool is_count = strcmp(totals[i].name, "activity_count") == 0 ||
                        strcmp(totals[i].name, "waiting_activities") == 0;
        out_name(out, totals[i].name);
        out_raw(out, is_count ? "0" : NULL);
    }
}

/* A code of the reasons that a row has stored; `lasting` lives as long as the program. NULL. */
static const char *stored_reason(const PGresult *result, int row, int column, const char *name)
{
    static const char *const lasting[] = {
        FIGURE_TOO_FEW,  FIGURE_ZERO_VARIANCE, FIGURE_SHORT,        FIGURE_NO_SOLUTION,
        FIGURE_NO_BASE,  FIGURE_NO_ACTIVITY,   FIGURE_NO_PRICE_YET, FIGURE_NO_BENCHMARK,
        FIGURE_NO_PRICE, FIGURE_TOTAL_LOSS,
    };
    json_t *reasons = json_loads(PQgetvalue(result, row, column), 0, NULL);
    const char *code = json_string_value(json_object_get(reasons, name)), *found = NULL;
    for (size_t i = 0; code && i < COUNT(lasting); i++) {
        found = strcmp(code, lasting[i]) == 0 ? lasting[i] : found;
    }
    json_decref(reasons);
    return found;
}

static const char *why_total(const void *context, const char *name)
{
    const PGresult *result = context;
    if (strcmp(name, "as_of") == 0) {
        return FIGURE_NO_PRICE;
    }
    if (PQntuples(result) == 0) {
        return FIGURE_NO_ACTIVITY;
    }
    const char *own = stored_reason(result, 0, SUMMARY_REASONS, name);
    const char *all = stored_reason(result, 0, SUMMARY_REASONS, "total_value");
    bool is_change = strcmp(name, "day_change_ratio") == 0;
    return own ? own : all ? all : is_change ? FIGURE_NO_BASE : NO_VALUE;
}

static const char *why_position(const void *context, const char *name)
{
    (void)context;
    return strcmp(name, "weight") == 0                ? NO_VALUE
           : strcmp(name, "unrealised_pl_ratio") == 0 ? NO_COST
                                                      : FIGURE_NO_PRICE;
}

static void write_positions(struct out *out, const PGresult *result)
{
    struct out_nulls nulls;
    out_name(out, "positions");
    out_begin(out, '[');
    for (int row = 0; row < PQntuples(result); row++) {
        if (!PQgetisnull(result, row, SUMMARY_POSITION)) {
            out_open(out, &nulls);
            out_columns(out, result, row, SUMMARY_POSITION, position, COUNT(position));
            out_close(out, why_position, NULL);
        }
    }
    out_end(out, ']');
}

static void write_summary(struct request *request, struct out *out, const PGresult *result)
{
    (void)request;
    out_name(out, "cost_method");
    out_text(out, "FIFO");
    if (PQntuples(result) > 0) {
        out_columns(out, result, 0, COLUMNS_COMMON, totals, COUNT(totals));
    } else {
        write_no_totals(out);
    }
    write_positions(out, result);
}

/* ---- report ----------------------------------------------------------------------------------
 */

enum {
    REPORT_CHECKS = COLUMNS_COMMON,
    REPORT_SUBJECT,
    REPORT_START,
    REPORT_REASONS = REPORT_START + 16,
    REPORT_HAS_BENCHMARK,
};

/* The figures' columns under the names that each of the three has. */
static const struct out_column of_portfolio[] = {
    {"start", OUT_TEXT},
    {"end", OUT_TEXT},
    {"observations", OUT_NUMBER},
    {"twr_cumulative", OUT_RATIO},
    {"twr_annualised_365", OUT_RATIO},
    {"xirr", OUT_RATIO},
    {"volatility", OUT_RATIO},
    {"downside", OUT_RATIO},
    {"sharpe_rf0", OUT_RATIO},
    {"max_drawdown", OUT_RATIO},
    {"mdd_peak", OUT_TEXT},
    {"mdd_trough", OUT_TEXT},
    {"beta", OUT_RATIO},
    {"correlation", OUT_RATIO},
    {"alpha_arith", OUT_RATIO},
    {"alpha_comp", OUT_RATIO},
};

/* What the columns are called in the database, for `reasons`. */
static const char *const figure_columns[] = {
    "start_day",  "end_day",      "observations",  "total",
    "annualised", "xirr",         "volatility",    "downside",
    "sharpe",     "max_drawdown", "drawdown_peak", "drawdown_trough",
    "beta",       "correlation",  "alpha",         "alpha_compounded",
};
_Static_assert(COUNT(of_portfolio) == COUNT(figure_columns) &&
                   COUNT(of_portfolio) == REPORT_REASONS - REPORT_START,
               "one name for each column");

enum subject { SUBJECT_PORTFOLIO, SUBJECT_BENCHMARK, SUBJECT_ASSET };

/* A figure's name; NULL when the subject does not show it. */
static const char *figure_name(size_t i, enum subject subject)
{
    const char *column = figure_columns[i];
    if (subject == SUBJECT_PORTFOLIO) {
        return of_portfolio[i].name;
    }
    if (strcmp(column, "total") == 0) {
        return "return";
    }
    if (strcmp(column, "annualised") == 0) {
        return subject == SUBJECT_BENCHMARK ? "annualised" : "annualised_365";
    }
    return strcmp(column, "xirr") == 0 ? NULL : of_portfolio[i].name;
}

/* A row of figures whose nulls are asked about. */
struct figures_row {
    const PGresult *result;
    int row;
    enum subject subject;
};

static const char *why_figure(const void *context, const char *name)
{
    const struct figures_row *figures = context;
    size_t i = 0;
    while (!figure_name(i, figures->subject) ||
           strcmp(figure_name(i, figures->subject), name) != 0) {
        i++; /* it is one of them */
    }
    const char *column = figure_columns[i];
    bool is_day = strcmp(column, "start_day") == 0 || strcmp(column, "end_day") == 0;
    bool is_drawdown = strncmp(column, "drawdown_", strlen("drawdown_")) == 0;
    const char *code = stored_reason(figures->result, figures->row, REPORT_REASONS,
                                     is_day        ? "total"
                                     : is_drawdown ? "max_drawdown"
                                                   : column);
    return code ? code : is_drawdown ? NO_DRAWDOWN : FIGURE_TOO_FEW;
}

static void write_figures(struct out *out, const PGresult *result, int row, enum subject subject)
{
    const struct figures_row figures = {result, row, subject};
    struct out_nulls nulls;
    out_open(out, &nulls);
    for (size_t i = 0; i < COUNT(figure_columns); i++) {
        struct out_column column = {figure_name(i, subject), of_portfolio[i].kind};
        if (column.name) {
            out_member(out, result, row, REPORT_START + (int)i, &column);
        }
    }
    out_close(out, why_figure, &figures);
}

/* The row of a subject; -1 when there is none. */
static int find_subject(const PGresult *result, const char *subject)
{
    for (int row = 0; row < PQntuples(result); row++) {
        if (!PQgetisnull(result, row, REPORT_SUBJECT) &&
            strcmp(PQgetvalue(result, row, REPORT_SUBJECT), subject) == 0) {
            return row;
        }
    }
    return -1;
}

static void write_subject(struct out *out, const PGresult *result, const char *name, const char *of,
                          enum subject subject)
{
    int row = of ? find_subject(result, of) : -1;
    out_name(out, name);
    if (row >= 0) {
        write_figures(out, result, row, subject);
    } else {
        out_raw(out, NULL);
    }
}

static void write_assets(struct out *out, const PGresult *result, const char *benchmark)
{
    out_name(out, "assets");
    out_begin(out, '{');
    for (int row = 0; row < PQntuples(result); row++) {
        const char *subject = PQgetvalue(result, row, REPORT_SUBJECT);
        if (subject[0] && !(benchmark && strcmp(subject, benchmark) == 0)) {
            out_name(out, subject);
            write_figures(out, result, row, SUBJECT_ASSET);
        }
    }
    out_end(out, '}');
}

/* Why nothing is known of the benchmark; `has_benchmark` is the column that says whether it is one
 * of the user's assets. */
static const char *why_benchmark(const PGresult *result, int has_benchmark)
{
    bool is_there = PQntuples(result) > 0 && strcmp(PQgetvalue(result, 0, has_benchmark), "t") == 0;
    return is_there ? FIGURE_NO_PRICE : FIGURE_NO_BENCHMARK;
}

/* A portfolio without figures, a benchmark without prices. */
static const char *why_report(const void *context, const char *name)
{
    return strcmp(name, "portfolio") == 0 ? FIGURE_NO_ACTIVITY
                                          : why_benchmark(context, REPORT_HAS_BENCHMARK);
}

static void write_report(struct request *request, struct out *out, const PGresult *result)
{
    enum range range = RANGE_MAX;
    const char *benchmark = common(request, result, COLUMN_BENCHMARK);
    (void)read_range(request, &range); /* was checked */
    out_name(out, "conventions");
    out_raw(out, "{\"returns\":\"simple daily\",\"trading_days\":252,\"stdev_ddof\":1,"
                 "\"risk_free_annual\":0,\"day_count\":365,\"annual_from_days\":365,\"alpha\":"
                 "\"arithmetic x252\"}");
    out_name(out, "range");
    out_text(out, range_name(range));
    write_subject(out, result, "portfolio", "", SUBJECT_PORTFOLIO);
    write_subject(out, result, "benchmark_figures", benchmark, SUBJECT_BENCHMARK);
    write_assets(out, result, benchmark);
    out_name(out, "checks");
    out_raw(out, PQntuples(result) > 0 ? PQgetvalue(result, 0, REPORT_CHECKS) : "[]");
}

/* ---- chart -----------------------------------------------------------------------------------
 */

/* The members of the stored object as members of this one. */
static void splice(struct out *out, char *object)
{
    char *end = strrchr(object, '}');
    char *start = strchr(object, '{');
    if (start && end) {
        *end = '\0';
        out_raw(out, start + 1);
        *end = '}';
    }
}

enum {
    CHART_START = COLUMNS_COMMON,
    CHART_SERIES = CHART_START + 2,
    CHART_ACTIVITIES,
    CHART_HAS_BENCHMARK
};

/* Arrays of the stored object that have nulls: the index before its first price, returns after a
 * total loss. */
static void note_holes(struct out *out, const char *object)
{
    static const char *const names[] = {"portfolio", "benchmark_series"};
    for (size_t i = 0; i < COUNT(names); i++) {
        char member[32];
        snprintf(member, sizeof(member), "\"%s\":[", names[i]);
        const char *start = strstr(object, member), *end = start ? strchr(start, ']') : NULL;
        if (end && memmem(start, (size_t)(end - start), "null", strlen("null"))) {
            out_note_null(out, names[i]);
        }
    }
}

static const char *why_chart(const void *context, const char *name)
{
    const PGresult *result = context;
    if (strcmp(name, "start") == 0 || strcmp(name, "end") == 0) {
        bool has_activities =
            PQntuples(result) > 0 && strcmp(PQgetvalue(result, 0, CHART_ACTIVITIES), "0") != 0;
        return has_activities ? FIGURE_NO_PRICE_YET : FIGURE_NO_ACTIVITY;
    }
    return strcmp(name, "portfolio") == 0 ? FIGURE_TOTAL_LOSS
                                          : why_benchmark(result, CHART_HAS_BENCHMARK);
}

static void write_chart(struct request *request, struct out *out, const PGresult *result)
{
    static const struct out_column days[] = {{"start", OUT_TEXT}, {"end", OUT_TEXT}};
    enum range range = RANGE_MAX;
    (void)read_range(request, &range);
    bool is_empty = PQntuples(result) == 0 || PQgetisnull(result, 0, CHART_SERIES);
    out_name(out, "range");
    out_text(out, range_name(range));
    out_name(out, "benchmark_return_type");
    out_text(out, "price");
    out_name(out, "unit");
    out_text(out, "ratio");
    if (is_empty) {
        out_name(out, "start");
        out_raw(out, NULL);
        out_name(out, "end");
        out_raw(out, NULL);
        out_raw(out, "\"dates\":[],\"value\":[],\"portfolio\":[],\"benchmark_series\":[]");
        return;
    }
    out_columns(out, result, 0, CHART_START, days, COUNT(days));
    note_holes(out, PQgetvalue(result, 0, CHART_SERIES));
    splice(out, PQgetvalue(result, 0, CHART_SERIES));
}

/* ---- the five --------------------------------------------------------------------------------
 */

static const struct panel panels[] = {
    {"watch", STATEMENT_WATCH, false, write_watch, why_no_day},
    {"summary", STATEMENT_SUMMARY, false, write_summary, why_total},
    {"market", STATEMENT_MARKET, false, write_market, why_no_day},
    {"report", STATEMENT_REPORT, true, write_report, why_report},
    {"chart", STATEMENT_CHART, true, write_chart, why_chart},
};

static const struct panel *panel_of(const struct request *request, const char **ret_range)
{
    size_t i = 0;
    while (strcmp(panels[i].route, request->route->name) != 0) {
        i++;
    }
    enum range range = RANGE_MAX;
    (void)read_range(request, &range); /* was checked */
    *ret_range = panels[i].has_range ? range_name(range) : "";
    return &panels[i];
}

bool panel_answer_kept(struct request *request, const char *version)
{
    const char *range;
    char key[BODIES_KEY_BYTES];
    const struct panel *panel = panel_of(request, &range);
    set_version(request, version);
    if (reply_matches(request_header(request, MHD_HTTP_HEADER_IF_NONE_MATCH),
                      request->reply.etag)) {
        reply_empty(&request->reply, MHD_HTTP_NOT_MODIFIED);
        return true;
    }
    make_key(request, panel->statement, range, version, key);
    struct body *body = bodies_find(request->app->bodies, key);
    if (body) {
        reply_shared(&request->reply, MHD_HTTP_OK, type_json, request->app->bodies, body);
    }
    return body != NULL;
}

void panel_handle(struct request *request)
{
    const char *range;
    char version[VERSION_BYTES];
    const struct panel *panel = panel_of(request, &range);
    if (read_version(request, version) && !panel_answer_kept(request, version)) {
        make(request, panel, range);
    }
}
