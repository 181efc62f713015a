/* portfolio.c - see portfolio.h. Test: tests/system/test_horizon_data.py. */
#include "store/portfolio.h"

#include <stdlib.h>
#include <string.h>

/* Of a date: days since 1970. */
#define DAY(column) "(" column " - DATE '1970-01-01')"

static int out_of_memory(struct store_problem *problem)
{
    return store_fail(problem, STORE_ENOMEM, "out of memory");
}

static int load_user(PGconn *conn, const char *user_id, struct store_portfolio *loaded,
                     struct store_problem *problem)
{
    int status = store_query(conn, "SELECT base_currency, benchmark FROM users WHERE user_id = $1",
                             1, &user_id, &loaded->user, problem);
    if (status != STORE_OK)
        return status;
    if (PQntuples(loaded->user) == 0)
        return store_fail(problem, STORE_ENOTFOUND, "there is no user %s", user_id);
    loaded->base_currency = PQgetvalue(loaded->user, 0, 0);
    loaded->benchmark = PQgetvalue(loaded->user, 0, 1);
    return STORE_OK;
}

static int load_assets(PGconn *conn, const char *user_id, struct store_portfolio *loaded,
                       struct store_problem *problem)
{
    int status = store_query(conn,
                             "SELECT id, symbol, name, kind, currency FROM assets"
                             " WHERE user_id = $1 ORDER BY symbol COLLATE \"C\"",
                             1, &user_id, &loaded->asset_rows, problem);
    if (status != STORE_OK)
        return status;
    size_t count = (size_t)PQntuples(loaded->asset_rows);
    loaded->assets = calloc(count + 1, sizeof(*loaded->assets));
    loaded->asset_ids = calloc(count + 1, sizeof(*loaded->asset_ids));
    if (!loaded->assets || !loaded->asset_ids)
        return out_of_memory(problem);
    for (size_t i = 0; i < count; i++) {
        struct asset *asset = &loaded->assets[i];
        loaded->asset_ids[i] = store_integer(loaded->asset_rows, (int)i, 0, 0);
        asset->symbol = PQgetvalue(loaded->asset_rows, (int)i, 1);
        asset->name = PQgetvalue(loaded->asset_rows, (int)i, 2);
        asset->kind = PQgetvalue(loaded->asset_rows, (int)i, 3);
        asset->currency = PQgetvalue(loaded->asset_rows, (int)i, 4);
        if (strcmp(asset->symbol, loaded->benchmark) == 0)
            loaded->portfolio.benchmark = asset;
    }
    loaded->portfolio.assets = loaded->assets;
    loaded->portfolio.asset_count = count;
    return STORE_OK;
}

/* NO_ASSET when there is none with that id. */
static size_t find_asset(const struct store_portfolio *loaded, int64_t id)
{
    for (size_t i = 0; i < loaded->portfolio.asset_count; i++)
        if (loaded->asset_ids[i] == id)
            return i;
    return NO_ASSET;
}

static int load_quotes(PGconn *conn, const char *user_id, struct store_portfolio *loaded,
                       struct store_problem *problem)
{
    PGresult *rows;
    int status = store_query(
        conn,
        "SELECT asset_id, " DAY("day") ", open, high, low, close, adj_close, volume"
                                       " FROM prices WHERE user_id = $1 ORDER BY asset_id, day",
        1, &user_id, &rows, problem);
    if (status != STORE_OK)
        return status;
    int count = PQntuples(rows);
    loaded->quotes = calloc((size_t)count + 1, sizeof(*loaded->quotes));
    for (int row = 0; loaded->quotes && row < count; row++) {
        size_t idx = find_asset(loaded, store_integer(rows, row, 0, 0));
        if (idx == NO_ASSET) /* came after the assets were read; the next revaluation has it */
            continue;
        struct asset *asset = &loaded->assets[idx];
        struct quote *quote = &loaded->quotes[row];
        if (asset->quote_count++ == 0)
            asset->quotes = quote;
        *quote = (struct quote){.when = (day)store_integer(rows, row, 1, 0),
                                .open = store_number(rows, row, 2),
                                .high = store_number(rows, row, 3),
                                .low = store_number(rows, row, 4),
                                .close = store_number(rows, row, 5),
                                .adj_close = store_number(rows, row, 6),
                                .volume = store_integer(rows, row, 7, -1)};
    }
    PQclear(rows);
    return loaded->quotes ? STORE_OK : out_of_memory(problem);
}

static double number_or_zero(const PGresult *result, int row, int column)
{
    return PQgetisnull(result, row, column) ? 0 : store_number(result, row, column);
}

static bool read_activity(const struct store_portfolio *loaded, const PGresult *rows, int row,
                          struct activity *activity)
{
    int64_t asset_id = store_integer(rows, row, 3, 0);
    *activity = (struct activity){.id = store_integer(rows, row, 0, 0),
                                  .when = (day)store_integer(rows, row, 1, 0),
                                  .asset = asset_id ? find_asset(loaded, asset_id) : NO_ASSET,
                                  .quantity = store_integer(rows, row, 4, 0),
                                  .price = number_or_zero(rows, row, 5),
                                  .fee = number_or_zero(rows, row, 6),
                                  .amount = number_or_zero(rows, row, 7),
                                  .numerator = (int32_t)store_integer(rows, row, 8, 0),
                                  .denominator = (int32_t)store_integer(rows, row, 9, 0)};
    return activity_parse(PQgetvalue(rows, row, 2), &activity->kind) &&
           (activity->asset != NO_ASSET) == activity_has_asset(activity->kind);
}

static int restate(struct activity *activities, size_t count, struct store_problem *problem)
{
    size_t wrong;
    if (activity_adjust(activities, count, &wrong))
        return STORE_OK;
    store_fail(problem, STORE_EWRONG,
               "a SPLIT after activity %lld makes more shares than can be counted",
               (long long)activities[wrong].id);
    if (problem)
        problem->activity = activities[wrong].id;
    return STORE_EWRONG;
}

/* From `count` activities that are sorted; there is place for as many behind them. */
static int divide(struct store_portfolio *loaded, size_t count, struct store_problem *problem)
{
    struct activity *entered = loaded->activities + count;
    memcpy(entered, loaded->activities, count * sizeof(*entered));
    loaded->portfolio.activities = loaded->activities;
    loaded->portfolio.activity_count = count;
    loaded->portfolio.activity_count = valuation_known(&loaded->portfolio);
    loaded->entered = loaded->portfolio;
    loaded->entered.activities = entered;
    loaded->entered.activity_count = count;
    int status = restate(loaded->activities, loaded->portfolio.activity_count, problem);
    return status == STORE_OK ? restate(entered, count, problem) : status;
}

static int load_activities(PGconn *conn, const char *user_id, struct store_portfolio *loaded,
                           struct store_problem *problem)
{
    PGresult *rows;
    int status = store_query(
        conn,
        "SELECT id, " DAY("day") ", kind, asset_id,"
                                 " (quantity * 100000000)::bigint, price, fee, amount, numerator,"
                                 " denominator FROM activities WHERE user_id = $1 ORDER BY day, id",
        1, &user_id, &rows, problem);
    if (status != STORE_OK)
        return status;
    size_t count = (size_t)PQntuples(rows);
    loaded->activities = calloc(2 * count + 1, sizeof(*loaded->activities));
    if (!loaded->activities) {
        PQclear(rows);
        return out_of_memory(problem);
    }
    for (size_t i = 0; status == STORE_OK && i < count; i++)
        if (!read_activity(loaded, rows, (int)i, &loaded->activities[i]))
            status = store_fail(problem, STORE_EWRONG,
                                "activity %s is of a kind this program does not know: it is older "
                                "than the database",
                                PQgetvalue(rows, (int)i, 0));
    PQclear(rows);
    if (status != STORE_OK)
        return status;
    activity_sort(loaded->activities, count);
    return divide(loaded, count, problem);
}

int store_portfolio_load(PGconn *conn, const char *user_id, struct store_portfolio *ret_loaded,
                         struct store_problem *problem)
{
    struct store_portfolio loaded = {0};
    int status = load_user(conn, user_id, &loaded, problem);
    if (status == STORE_OK)
        status = load_assets(conn, user_id, &loaded, problem);
    if (status == STORE_OK)
        status = load_quotes(conn, user_id, &loaded, problem);
    if (status == STORE_OK)
        status = load_activities(conn, user_id, &loaded, problem);
    if (status == STORE_OK)
        *ret_loaded = loaded;
    else
        store_portfolio_done(&loaded);
    return status;
}

void store_portfolio_done(struct store_portfolio *loaded)
{
    PQclear(loaded->user);
    PQclear(loaded->asset_rows);
    free(loaded->assets);
    free(loaded->asset_ids);
    free(loaded->quotes);
    free(loaded->activities);
    *loaded = (struct store_portfolio){0};
}
