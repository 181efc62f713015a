/* import.c - see import.h. Test: tests/system/test_horizon_import.py. */
#include "store/import.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/copy.h"

/* Symbols that the user has not, with what is known of them. */
#define ADD_ASSETS(source)                                                                       \
    "INSERT INTO assets (user_id, symbol, name, kind, currency)"                                 \
    " SELECT DISTINCT ON (n.symbol) $1::uuid, n.symbol, n.symbol,"                               \
    " CASE WHEN n.symbol LIKE '^%' THEN 'INDEX' ELSE 'EQUITY' END, u.base_currency FROM " source \
    " n, users u WHERE u.user_id = $1 AND n.symbol <> ''"                                        \
    " ON CONFLICT (user_id, symbol) DO NOTHING"

/* Symbols that the user has prices of, or trades in. */
#define WATCH_ASSETS(source, condition)                     \
    "INSERT INTO watchlist (user_id, asset_id)"             \
    " SELECT DISTINCT user_id, id FROM assets JOIN " source \
    " USING (symbol) WHERE user_id = $1" condition " ON CONFLICT DO NOTHING"

static const char put_prices[] =
    "WITH put AS (INSERT INTO prices AS p"
    " (user_id, asset_id, day, open, high, low, close, adj_close, volume, source)"
    " SELECT $1::uuid, a.id, n.day, n.open, n.high, n.low, n.close, n.adj_close, n.volume, 'csv'"
    " FROM import_prices n JOIN assets a ON a.user_id = $1 AND a.symbol = n.symbol"
    " ON CONFLICT (user_id, asset_id, day) DO UPDATE SET open = excluded.open,"
    " high = excluded.high, low = excluded.low, close = excluded.close,"
    " adj_close = coalesce(excluded.adj_close, p.adj_close), volume = excluded.volume"
    " WHERE (p.open, p.high, p.low, p.close, p.adj_close, p.volume) IS DISTINCT FROM"
    " (excluded.open, excluded.high, excluded.low, excluded.close,"
    " coalesce(excluded.adj_close, p.adj_close), excluded.volume)"
    " RETURNING xmax = 0 AS is_new)"
    " SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM put";

static const char put_activities[] =
    "WITH put AS (INSERT INTO activities (user_id, account_id, asset_id, day, kind, quantity, "
    "price,"
    " fee, amount, numerator, denominator, note, idempotency_key)"
    " SELECT $1::uuid, c.id, a.id, n.day, n.kind, n.quantity, n.price, n.fee, n.amount, "
    "n.numerator,"
    " n.denominator, n.note, n.key FROM import_activities n"
    " JOIN accounts c ON c.user_id = $1 AND c.name = n.account"
    " LEFT JOIN assets a ON a.user_id = $1 AND a.symbol = n.symbol"
    " WHERE NOT EXISTS (SELECT FROM activities o WHERE o.user_id = $1 AND o.day = n.day"
    " AND o.idempotency_key IS NULL AND o.kind = n.kind AND o.asset_id IS NOT DISTINCT FROM a.id"
    " AND o.quantity IS NOT DISTINCT FROM n.quantity AND o.price IS NOT DISTINCT FROM n.price"
    " AND o.fee = n.fee AND o.amount IS NOT DISTINCT FROM n.amount"
    " AND o.numerator IS NOT DISTINCT FROM n.numerator"
    " AND o.denominator IS NOT DISTINCT FROM n.denominator)"
    " ORDER BY n.line ON CONFLICT (user_id, idempotency_key) DO NOTHING RETURNING 1)"
    " SELECT count(*), 0 FROM put";

/* Runs a statement with the user's id as its only value; the number of rows it has touched. */
static int do_count(PGconn *conn, const char *statement, const char *user_id, int64_t *ret_count,
                    struct store_problem *problem)
{
    PGresult *result;
    int status = store_query(conn, statement, 1, &user_id, &result, problem);
    if (status == STORE_OK) {
        *ret_count = strtoll(PQcmdTuples(result), NULL, 10);
        PQclear(result);
    }
    return status;
}

/* Runs a statement that tells how many rows it has added and changed, of so many. */
static int put(PGconn *conn, const char *statement, const char *user_id, size_t row_count,
               struct store_imported *imported, struct store_problem *problem)
{
    PGresult *result;
    int status = store_query(conn, statement, 1, &user_id, &result, problem);
    if (status == STORE_OK) {
        imported->added = store_integer(result, 0, 0, 0);
        imported->changed = store_integer(result, 0, 1, 0);
        imported->known = (int64_t)row_count - imported->added - imported->changed;
        PQclear(result);
    }
    return status;
}

/* ---- prices ---------------------------------------------------------------------------------- */

static int copy_prices(PGconn *conn, const struct import_prices *prices,
                       struct store_problem *problem)
{
    struct store_copy copy;
    int status = store_run(conn,
                           "CREATE TEMP TABLE import_prices (symbol text, day date,"
                           " open numeric(18,6), high numeric(18,6), low numeric(18,6),"
                           " close numeric(18,6), adj_close numeric(18,6), volume bigint)"
                           " ON COMMIT DROP",
                           problem);
    if (status != STORE_OK)
        return status;
    store_copy_begin(&copy, conn, "COPY import_prices FROM STDIN");
    for (size_t i = 0; i < prices->count; i++) {
        const struct quote *quote = &prices->prices[i].quote;
        store_copy_text(&copy, prices->prices[i].symbol);
        store_copy_day(&copy, quote->when);
        store_copy_decimal(&copy, quote->open, 6);
        store_copy_decimal(&copy, quote->high, 6);
        store_copy_decimal(&copy, quote->low, 6);
        store_copy_decimal(&copy, quote->close, 6);
        store_copy_decimal(&copy, quote->adj_close, 6);
        if (quote->volume < 0)
            store_copy_text(&copy, NULL);
        else
            store_copy_integer(&copy, quote->volume);
        store_copy_row(&copy);
    }
    return store_copy_end(&copy, problem);
}

/* What the caller knows of an asset; NULL keeps what is there. */
static int describe(PGconn *conn, const char *user_id, const struct store_asset *asset,
                    struct store_problem *problem)
{
    const char *values[] = {user_id, asset->symbol, asset->name, asset->kind, asset->currency};
    return store_do(conn,
                    "UPDATE assets SET name = coalesce($3, name), kind = coalesce($4, kind),"
                    " currency = coalesce($5, currency) WHERE user_id = $1 AND symbol = $2",
                    5, values, problem);
}

int store_import_prices(PGconn *conn, const char *user_id, const struct import_prices *prices,
                        const struct store_asset *assets, size_t asset_count,
                        struct store_imported *ret_imported, struct store_problem *problem)
{
    struct store_imported imported = {0};
    int64_t watched;
    int status = copy_prices(conn, prices, problem);
    if (status == STORE_OK)
        status = do_count(conn, ADD_ASSETS("import_prices"), user_id, &imported.assets, problem);
    for (size_t i = 0; status == STORE_OK && i < asset_count; i++)
        status = describe(conn, user_id, &assets[i], problem);
    if (status == STORE_OK)
        status = put(conn, put_prices, user_id, prices->count, &imported, problem);
    if (status == STORE_OK)
        status = do_count(conn, WATCH_ASSETS("import_prices", " AND kind <> 'INDEX'"), user_id,
                          &watched, problem);
    if (status == STORE_OK)
        status = store_run(conn, "DROP TABLE import_prices", problem);
    if (status == STORE_OK)
        *ret_imported = imported;
    return status;
}

/* ---- activities ------------------------------------------------------------------------------ */

static void copy_scaled(struct store_copy *copy, bool is_there, int64_t scaled, int decimals)
{
    int64_t one = 1;
    for (int i = 0; i < decimals; i++)
        one *= 10;
    char text[48];
    snprintf(text, sizeof(text), "%" PRId64 ".%0*" PRId64, scaled / one, decimals, scaled % one);
    store_copy_text(copy, is_there ? text : NULL);
}

static void copy_activity(struct store_copy *copy, const struct import_activity *activity)
{
    bool is_trade = activity->kind == ACTIVITY_BUY || activity->kind == ACTIVITY_SELL;
    bool is_split = activity->kind == ACTIVITY_SPLIT;
    char line[12];
    snprintf(line, sizeof(line), "%u", activity->line);
    store_copy_text(copy, line);
    store_copy_day(copy, activity->when);
    store_copy_text(copy, activity_name(activity->kind));
    store_copy_text(copy, activity->symbol);
    store_copy_text(copy, activity->account);
    copy_scaled(copy, activity->quantity > 0, activity->quantity, 8);
    copy_scaled(copy, is_trade || activity->price > 0, activity->price, 6);
    copy_scaled(copy, true, activity->fee, 2);
    copy_scaled(copy, !is_trade && !is_split, activity->amount, 2);
    if (is_split) {
        store_copy_integer(copy, activity->numerator);
        store_copy_integer(copy, activity->denominator);
    } else {
        store_copy_text(copy, NULL);
        store_copy_text(copy, NULL);
    }
    store_copy_text(copy, activity->note);
    store_copy_text(copy, activity->key);
    store_copy_row(copy);
}

static int copy_activities(PGconn *conn, const struct import_activities *activities,
                           struct store_problem *problem)
{
    struct store_copy copy;
    int status =
        store_run(conn,
                  "CREATE TEMP TABLE import_activities (line integer, day date, kind text,"
                  " symbol text, account text, quantity numeric(20,8), price numeric(18,6),"
                  " fee numeric(18,2), amount numeric(18,2), numerator integer,"
                  " denominator integer, note text, key text) ON COMMIT DROP",
                  problem);
    if (status != STORE_OK)
        return status;
    store_copy_begin(&copy, conn, "COPY import_activities FROM STDIN");
    for (size_t i = 0; i < activities->count; i++)
        copy_activity(&copy, &activities->activities[i]);
    return store_copy_end(&copy, problem);
}

int store_import_activities(PGconn *conn, const char *user_id,
                            const struct import_activities *activities,
                            struct store_imported *ret_imported, struct store_problem *problem)
{
    struct store_imported imported = {0};
    int64_t ignored;
    int status = copy_activities(conn, activities, problem);
    if (status == STORE_OK)
        status =
            do_count(conn, ADD_ASSETS("import_activities"), user_id, &imported.assets, problem);
    if (status == STORE_OK)
        status = do_count(conn,
                          "INSERT INTO accounts (user_id, name, currency)"
                          " SELECT DISTINCT u.user_id, account, base_currency"
                          " FROM import_activities, users u WHERE u.user_id = $1"
                          " ON CONFLICT (user_id, name) DO NOTHING",
                          user_id, &ignored, problem);
    if (status == STORE_OK)
        status = put(conn, put_activities, user_id, activities->count, &imported, problem);
    if (status == STORE_OK)
        status = do_count(conn, WATCH_ASSETS("import_activities", ""), user_id, &ignored, problem);
    if (status == STORE_OK)
        status = store_run(conn, "DROP TABLE import_activities", problem);
    if (status == STORE_OK)
        *ret_imported = imported;
    return status;
}

int store_activity_key(PGconn *conn, const char *user_id, int64_t activity,
                       char ret_key[IMPORT_KEY_BYTES], struct store_problem *problem)
{
    char id[24];
    const char *values[] = {user_id, id};
    PGresult *result;
    snprintf(id, sizeof(id), "%" PRId64, activity);
    int status =
        store_query(conn, "SELECT idempotency_key FROM activities WHERE user_id = $1 AND id = $2",
                    2, values, &result, problem);
    if (status != STORE_OK)
        return status;
    const char *key = PQntuples(result) ? store_text(result, 0, 0) : NULL;
    snprintf(ret_key, IMPORT_KEY_BYTES, "%s", key ? key : "");
    PQclear(result);
    return STORE_OK;
}
