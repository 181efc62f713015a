/* edits.c - see edits.h. */
#include "serve/edits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <microhttpd.h>

#include "serve/activity_input.h"
#include "serve/out.h"
#include "serve/lease.h"
#include "serve/request.h"
#include "store/revalue.h"

#define PAGE_DEFAULT 100
#define PAGE_MAX     1000
#define ID_BYTES     24
#define WHY_BYTES    256
#define COUNT(a)     (sizeof(a) / sizeof((a)[0]))

static const char type_json[] = "application/json; charset=utf-8";

/* ---- checks ----------------------------------------------------------------------------------
 */

static bool refuse_field(struct request *request, const char *field, const char *why)
{
    reply_error_with(&request->reply, MHD_HTTP_UNPROCESSABLE_CONTENT, request->id, "invalid_field",
                     json_pack("{s:s}", "field", field), "%s: %s", field, why);
    return false;
}

/* A positive number of at most 18 digits. */
static bool is_id(const char *text)
{
    size_t bytes = strspn(text, "0123456789");
    return bytes >= 1 && bytes <= 18 && !text[bytes];
}

bool edit_check_id(struct request *request)
{
    if (is_id(request->argument)) {
        return true;
    }
    reply_error(&request->reply, MHD_HTTP_NOT_FOUND, request->id, "not_found",
                "there is no activity with that id");
    return false;
}

static int page_size(const struct request *request)
{
    char text[ID_BYTES];
    if (!request_query(request, "limit", text, sizeof(text))) {
        return PAGE_DEFAULT;
    }
    long size = is_id(text) ? strtol(text, NULL, 10) : 0;
    return size >= 1 && size <= PAGE_MAX ? (int)size : -1;
}

bool edit_check_page(struct request *request)
{
    char before[ID_BYTES];
    if (page_size(request) < 0) {
        return refuse_field(request, "limit", "has to be a whole number from 1 to 1000");
    }
    if (request_query(request, "before", before, sizeof(before)) && !is_id(before)) {
        return refuse_field(request, "before", "has to be the `next_before` of an earlier answer");
    }
    return true;
}

/* The body's symbol, if that is all it has. */
static bool read_symbol(struct request *request, char symbol[INPUT_SYMBOL_BYTES])
{
    json_t *body = request_json(request);
    if (!body) {
        return false;
    }
    const char *text = json_string_value(json_object_get(body, "symbol"));
    bool is_good = text && json_object_size(body) == 1 && activity_input_is_symbol(text);
    if (is_good) {
        snprintf(symbol, INPUT_SYMBOL_BYTES, "%s", text);
    } else {
        refuse_field(request, "symbol",
                     "has to be the symbol of an asset, 1 to 32 characters, and nothing else");
    }
    json_decref(body);
    return is_good;
}

bool edit_check_watch(struct request *request)
{
    char symbol[INPUT_SYMBOL_BYTES];
    return read_symbol(request, symbol);
}

static bool read_activity(struct request *request, struct activity_input *input)
{
    json_t *body = request_json(request);
    const char *field = "";
    char why[WHY_BYTES];
    if (!body) {
        return false;
    }
    bool is_good = activity_input_read(body, input, &field, why, sizeof(why));
    if (!is_good) {
        refuse_field(request, field, why);
    }
    json_decref(body);
    return is_good;
}

bool edit_check_activity(struct request *request)
{
    struct activity_input input;
    return read_activity(request, &input);
}

/* ---- transactions ----------------------------------------------------------------------------
 */

static bool run(struct request *request, const char *statement)
{
    PGresult *result = lease_query(request, statement, 0, NULL);
    PQclear(result);
    return result != NULL;
}

static void refuse_problem(struct request *request, const struct store_problem *problem)
{
    switch (problem->status) {
    case STORE_EWRONG:
        reply_error(&request->reply, MHD_HTTP_CONFLICT, request->id, "contradiction", "%s",
                    problem->text);
        break;
    case STORE_EDATABASE:
        lease_refuse(request, problem->sqlstate, problem->text);
        break;
    case STORE_ENOTFOUND:
        reply_error(&request->reply, MHD_HTTP_NOT_FOUND, request->id, "not_found", "%s",
                    problem->text);
        break;
    default: /* no memory: the empty reply says so */
        break;
    }
}

/* Begins a change: a transaction that the server ends when the request's time is over, and no other
 * change of this user beside it. */
static bool begin(struct request *request)
{
    char limit[64];
    struct store_problem problem = {0};
    snprintf(limit, sizeof(limit), "SET LOCAL statement_timeout = %d", lease_left_ms(request));
    if (!run(request, "BEGIN") || !run(request, limit)) {
        return false;
    }
    if (store_lock_user(request->conn, request->user.id, &problem) != 0) {
        refuse_problem(request, &problem);
        return false;
    }
    return true;
}

/* Has everything computed anew. On failure the pool rolls back. */
static bool revalue(struct request *request)
{
    struct store_problem problem = {0};
    if (store_revalue(request->conn, request->user.id, &problem) != 0) {
        refuse_problem(request, &problem);
        return false;
    }
    return true;
}

static bool commit(struct request *request)
{
    return revalue(request) && run(request, "COMMIT");
}

/* ---- assets and the watch list ---------------------------------------------------------------
 */

static void answer_list(struct request *request, const char *name, const PGresult *result,
                        const struct out_column *columns, size_t count)
{
    struct out out = {0};
    out_begin(&out, '{');
    out_name(&out, name);
    out_begin(&out, '[');
    for (int row = 0; row < PQntuples(result); row++) {
        out_begin(&out, '{');
        out_columns(&out, result, row, 0, columns, count);
        out_end(&out, '}');
    }
    out_end(&out, ']');
    out_end(&out, '}');
    if (out.is_failed) {
        free(out.text);
        return;
    }
    reply_text(&request->reply, MHD_HTTP_OK, type_json, out.text, out.bytes);
}

void edit_list_assets(struct request *request)
{
    static const struct out_column columns[] = {
        {"symbol", OUT_TEXT},   {"name", OUT_TEXT},       {"kind", OUT_TEXT},
        {"currency", OUT_TEXT}, {"watched", OUT_BOOLEAN},
    };
    const char *values[] = {request->user.id};
    PGresult *result = lease_query(
        request,
        "SELECT a.symbol, a.name, a.kind, a.currency, w.asset_id IS NOT NULL FROM assets a "
        "LEFT JOIN watchlist w ON w.user_id = a.user_id AND w.asset_id = a.id "
        "WHERE a.user_id = $1::uuid ORDER BY a.symbol",
        1, values);
    if (result) {
        answer_list(request, "assets", result, columns, COUNT(columns));
        PQclear(result);
    }
}

static void refuse_symbol(struct request *request, const char *symbol)
{
    reply_error(&request->reply, MHD_HTTP_NOT_FOUND, request->id, "unknown_symbol",
                "there is no asset %s; import its prices first", symbol);
}

/* The id of an asset of the user, as text; false: there is none, or a statement failed. */
static bool find_asset(struct request *request, const char *symbol, char id[ID_BYTES])
{
    const char *values[] = {request->user.id, symbol};
    PGresult *result = lease_query(
        request, "SELECT id FROM assets WHERE user_id = $1::uuid AND symbol = $2", 2, values);
    if (!result) {
        return false;
    }
    bool is_found = PQntuples(result) == 1;
    if (is_found) {
        snprintf(id, ID_BYTES, "%s", PQgetvalue(result, 0, 0));
    } else {
        refuse_symbol(request, symbol);
    }
    PQclear(result);
    return is_found;
}

/* Runs a statement that changes at most one row; ret_changed: whether it did. */
static bool change(struct request *request, const char *statement, int count,
                   const char *const *values, bool *ret_changed)
{
    PGresult *result = lease_query(request, statement, count, values);
    if (!result) {
        return false;
    }
    *ret_changed = strcmp(PQcmdTuples(result), "1") == 0;
    PQclear(result);
    return true;
}

void edit_add_watch(struct request *request)
{
    char symbol[INPUT_SYMBOL_BYTES], id[ID_BYTES];
    const char *values[] = {request->user.id, id};
    bool is_new;
    if (!read_symbol(request, symbol) || !begin(request) || !find_asset(request, symbol, id) ||
        !change(request,
                "INSERT INTO watchlist (user_id, asset_id) VALUES ($1::uuid, $2) "
                "ON CONFLICT DO NOTHING",
                2, values, &is_new)) {
        return;
    }
    if (!is_new) {
        reply_error(&request->reply, MHD_HTTP_CONFLICT, request->id, "conflict",
                    "%s is on the watch list already", symbol);
        return;
    }
    if (commit(request)) {
        reply_json(&request->reply, MHD_HTTP_CREATED, json_pack("{s:s}", "symbol", symbol));
    }
}

void edit_delete_watch(struct request *request)
{
    const char *values[] = {request->user.id, request->argument};
    bool is_gone;
    if (!begin(request) ||
        !change(request,
                "DELETE FROM watchlist w USING assets a WHERE w.user_id = $1::uuid AND "
                "a.user_id = w.user_id AND a.id = w.asset_id AND a.symbol = $2",
                2, values, &is_gone)) {
        return;
    }
    if (!is_gone) {
        reply_error(&request->reply, MHD_HTTP_NOT_FOUND, request->id, "not_found",
                    "%s is not on the watch list", request->argument);
        return;
    }
    if (commit(request)) {
        reply_empty(&request->reply, MHD_HTTP_NO_CONTENT);
    }
}

/* ---- activities ------------------------------------------------------------------------------
 */

static const struct out_column activity_columns[] = {
    {"id", OUT_NUMBER},          {"date", OUT_TEXT},       {"kind", OUT_TEXT},
    {"symbol", OUT_TEXT},        {"quantity", OUT_NUMBER}, {"price", OUT_NUMBER},
    {"fee", OUT_NUMBER},         {"amount", OUT_NUMBER},   {"numerator", OUT_NUMBER},
    {"denominator", OUT_NUMBER}, {"note", OUT_TEXT},       {"waiting", OUT_BOOLEAN},
};

#define SELECT_ACTIVITY                                                                         \
    "SELECT v.id, v.day, v.kind, a.symbol, v.quantity, v.price, v.fee, v.amount, v.numerator, " \
    "v.denominator, v.note, coalesce(v.day > s.as_of, false) "                                  \
    "FROM activities v LEFT JOIN assets a ON a.user_id = v.user_id AND a.id = v.asset_id "      \
    "LEFT JOIN snapshots s ON s.user_id = v.user_id WHERE v.user_id = $1::uuid "

static void write_page(struct request *request, const PGresult *result, int size)
{
    struct out out = {0};
    int rows = PQntuples(result) < size ? PQntuples(result) : size;
    out_begin(&out, '{');
    out_name(&out, "items");
    out_begin(&out, '[');
    for (int row = 0; row < rows; row++) {
        out_begin(&out, '{');
        out_columns(&out, result, row, 0, activity_columns, COUNT(activity_columns));
        out_end(&out, '}');
    }
    out_end(&out, ']');
    out_name(&out, "next_before");
    out_raw(&out, PQntuples(result) > size ? PQgetvalue(result, rows - 1, 0) : NULL);
    out_end(&out, '}');
    if (out.is_failed) {
        free(out.text);
        return;
    }
    reply_text(&request->reply, MHD_HTTP_OK, type_json, out.text, out.bytes);
}

/* Newest first: by day, then id. `before` is the id after which a page goes on. */
void edit_list_activities(struct request *request)
{
    char before[ID_BYTES], limit[ID_BYTES];
    int size = page_size(request);
    bool goes_on = request_query(request, "before", before, sizeof(before));
    snprintf(limit, sizeof(limit), "%d", size + 1);
    const char *values[] = {request->user.id, goes_on ? before : NULL, limit};
    PGresult *result = lease_query(
        request,
        SELECT_ACTIVITY
        "AND ($2::bigint IS NULL OR (v.day, v.id) < "
        "(SELECT b.day, b.id FROM activities b WHERE b.user_id = $1::uuid AND b.id = $2::bigint)) "
        "ORDER BY v.day DESC, v.id DESC LIMIT $3::int",
        3, values);
    if (result) {
        write_page(request, result, size);
        PQclear(result);
    }
}

static const char *or_null(const char *text)
{
    return text[0] ? text : NULL;
}

/* The user's first account, made when there is none. */
#define INSERT_ACTIVITY                                                                        \
    "WITH first AS (SELECT id FROM accounts WHERE user_id = $1::uuid ORDER BY id LIMIT 1), "   \
    "made AS (INSERT INTO accounts (user_id, name) SELECT $1::uuid, 'Main' "                   \
    "WHERE NOT EXISTS (SELECT FROM first) RETURNING id) "                                      \
    "INSERT INTO activities (user_id, account_id, asset_id, day, kind, quantity, price, "      \
    "fee, amount, numerator, denominator, note) "                                              \
    "SELECT $1::uuid, (SELECT id FROM first UNION ALL SELECT id FROM made), $2::bigint, "      \
    "$3::date, $4, $5::numeric, $6::numeric, coalesce($7::numeric, 0), $8::numeric, $9::int, " \
    "$10::int, coalesce($11, '') RETURNING id"

static bool insert_activity(struct request *request, const struct activity_input *input,
                            char id[ID_BYTES])
{
    char asset[ID_BYTES] = "";
    if (input->symbol[0] && !find_asset(request, input->symbol, asset)) {
        return false;
    }
    const char *values[] = {
        request->user.id,
        or_null(asset),
        input->date,
        activity_name(input->kind),
        or_null(input->quantity),
        or_null(input->price),
        or_null(input->fee),
        or_null(input->amount),
        or_null(input->numerator),
        or_null(input->denominator),
        or_null(input->note),
    };
    PGresult *result = lease_query(request, INSERT_ACTIVITY, COUNT(values), values);
    if (!result) {
        return false;
    }
    snprintf(id, ID_BYTES, "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    return true;
}

void edit_add_activity(struct request *request)
{
    struct activity_input input;
    char id[ID_BYTES];
    const char *values[] = {request->user.id, id};
    if (!read_activity(request, &input) || !begin(request) ||
        !insert_activity(request, &input, id) || !revalue(request)) {
        return;
    }
    PGresult *result =
        lease_query(request, SELECT_ACTIVITY "AND v.id = $2::bigint", COUNT(values), values);
    if (!result) {
        return;
    }
    if (run(request, "COMMIT")) {
        struct out out = {0};
        out_begin(&out, '{');
        out_columns(&out, result, 0, 0, activity_columns, COUNT(activity_columns));
        out_end(&out, '}');
        if (out.is_failed) {
            free(out.text);
        } else {
            reply_text(&request->reply, MHD_HTTP_CREATED, type_json, out.text, out.bytes);
        }
    }
    PQclear(result);
}

void edit_delete_activity(struct request *request)
{
    const char *values[] = {request->user.id, request->argument};
    bool is_gone;
    if (!begin(request) ||
        !change(request, "DELETE FROM activities WHERE user_id = $1::uuid AND id = $2::bigint", 2,
                values, &is_gone)) {
        return;
    }
    if (!is_gone) {
        reply_error(&request->reply, MHD_HTTP_NOT_FOUND, request->id, "not_found",
                    "there is no activity with that id");
        return;
    }
    if (commit(request)) {
        reply_empty(&request->reply, MHD_HTTP_NO_CONTENT);
    }
}
