/* statements.c - see statements.h. */
#include "serve/statements.h"

#include <inttypes.h>
#include <libpq-events.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>

#include "domain/fnv.h"

/* Every panel begins with the same columns: of the snapshot, so that they and the data are of one
 * moment. */
#define VERSION "coalesce(s.as_of::text, 'none') || '/' || s.data_version"

#define SELECT_COMMON "SELECT s.as_of, s.base_currency, " VERSION ", s.benchmark, "

#define HAS_BENCHMARK                                                          \
    "EXISTS (SELECT FROM assets b WHERE b.user_id = s.user_id AND b.symbol = " \
    "s.benchmark) "

#define COLUMNS_VIEW                                                                         \
    "a.symbol, a.name, a.kind, a.currency, v.price, v.previous_close, v.change, "            \
    "v.change_ratio, v.price_date, v.open, v.high, v.low, v.volume, v.high_52w, v.low_52w, " \
    "v.high_date, v.high_price, v.high_drawdown, v.market_condition, v.trend_50d, "          \
    "v.trend_200d, coalesce(v.sparkline::text, '[]'), coalesce(v.is_stale, true) "

#define SELECT_MOVERS(condition, order)                                                    \
    "coalesce((SELECT json_agg(ma.symbol ORDER BY mv.change_ratio " order ", ma.symbol) "  \
    "FROM watchlist mw JOIN assets ma ON ma.user_id = mw.user_id AND ma.id = mw.asset_id " \
    "JOIN views mv ON mv.user_id = mw.user_id AND mv.asset_id = mw.asset_id "              \
    "WHERE mw.user_id = s.user_id AND ma.kind <> 'INDEX' AND NOT mv.is_stale "             \
    "AND mv.change_ratio " condition "), "                                                 \
    "'[]')::text "

static const struct {
    const char *name, *text;
    int values;
} statements[STATEMENTS] = {
    [STATEMENT_USER] = {"horizon_user",
                        "SELECT login, name, base_currency, benchmark FROM users "
                        "WHERE user_id = $1::uuid AND is_active",
                        1},
    [STATEMENT_VERSION] = {"horizon_version",
                           "SELECT " VERSION " FROM snapshots s WHERE s.user_id = $1::uuid", 1},
    /* a join and no "= ANY", for which the server makes a plan each time */
    [STATEMENT_VERSIONS] = {"horizon_versions",
                            "SELECT s.user_id, " VERSION " FROM unnest($1::uuid[]) asked(user_id) "
                            "JOIN snapshots s USING (user_id)",
                            1},
    [STATEMENT_WATCH] = {"horizon_watch",
                         SELECT_COMMON COLUMNS_VIEW
                         "FROM snapshots s LEFT JOIN watchlist w ON w.user_id = s.user_id "
                         "LEFT JOIN assets a ON a.user_id = w.user_id AND a.id = w.asset_id "
                         "LEFT JOIN views v ON v.user_id = w.user_id AND v.asset_id = w.asset_id "
                         "WHERE s.user_id = $1::uuid ORDER BY a.symbol",
                         1},
    [STATEMENT_SUMMARY] =
        {"horizon_summary",
         SELECT_COMMON
         "s.total_value, s.cash, s.market_value, s.net_contributions, s.total_gain, "
         "s.cost_basis, s.unrealised_pl, s.realised_pl, s.dividends, s.interest, s.fees, "
         "s.day_change, s.day_change_ratio, s.cash_weight, s.twr, s.twr_annualised, s.xirr, "
         "s.first_activity, s.activity_count, (SELECT count(*) FROM activities v "
         "WHERE v.user_id = s.user_id AND v.day > s.as_of), s.reasons, "
         "a.symbol, a.name, p.quantity, p.price, p.market_value, p.weight, p.average_cost, "
         "p.cost_basis, p.unrealised_pl, p.unrealised_pl_ratio, p.realised_pl, p.dividends, "
         "p.day_change, p.day_change_ratio "
         "FROM snapshots s LEFT JOIN (positions p JOIN assets a ON a.user_id = p.user_id AND "
         "a.id = p.asset_id AND p.quantity > 0) ON p.user_id = s.user_id "
         "WHERE s.user_id = $1::uuid ORDER BY a.symbol",
         1},
    [STATEMENT_MARKET] =
        {"horizon_market",
         SELECT_COMMON COLUMNS_VIEW ", " SELECT_MOVERS("> 0", "DESC") ", " SELECT_MOVERS(
             "< 0", "ASC") "FROM snapshots s LEFT JOIN (assets a JOIN views v ON v.user_id = "
                           "a.user_id AND v.asset_id = a.id AND a.kind = 'INDEX') "
                           "ON a.user_id = s.user_id WHERE s.user_id = $1::uuid "
                           "ORDER BY (a.symbol = s.benchmark) DESC, a.symbol",
         1},
    [STATEMENT_REPORT] =
        {"horizon_report",
         SELECT_COMMON
         "coalesce((SELECT json_agg(json_build_object('key', c.key, 'name', c.name, 'value', "
         "round(c.value::numeric, 8), 'threshold', c.threshold, 'fulfilled', c.is_fulfilled, "
         "'reasons', CASE WHEN c.value IS NOT NULL THEN '{}'::json WHEN c.key = 'FEE_RATIO' THEN "
         "'{\"value\":\"no_contributions\",\"fulfilled\":\"no_contributions\"}' ELSE "
         "'{\"value\":\"no_value\",\"fulfilled\":\"no_value\"}' END) "
         "ORDER BY c.key) FROM checks c WHERE c.user_id = s.user_id), '[]')::text, "
         "f.subject, f.start_day, f.end_day, f.observations, f.total, f.annualised, f.xirr, "
         "f.volatility, f.downside, f.sharpe, f.max_drawdown, f.drawdown_peak, "
         "f.drawdown_trough, f.beta, f.correlation, f.alpha, f.alpha_compounded, "
         "f.reasons, " HAS_BENCHMARK
         "FROM snapshots s LEFT JOIN figures f ON f.user_id = s.user_id AND f.range = $2 "
         "WHERE s.user_id = $1::uuid ORDER BY f.subject",
         2},
    [STATEMENT_CHART] = {"horizon_chart",
                         SELECT_COMMON
                         "c.start_day, c.end_day, c.series, s.activity_count, " HAS_BENCHMARK
                         "FROM snapshots s LEFT JOIN charts c ON c.user_id = s.user_id AND "
                         "c.range = $2 WHERE s.user_id = $1::uuid",
                         2},
};

/* Names end with a hash of the text: a session that a pooler shares with another version
 * of this program may have that version's statements. */
static char names[STATEMENTS][64];
static pthread_once_t named = PTHREAD_ONCE_INIT;

static void make_names(void)
{
    for (size_t i = 0; i < STATEMENTS; i++) {
        uint64_t hash = fnv_text(FNV_BEGIN, statements[i].text);
        snprintf(names[i], sizeof(names[i]), "%s_%016" PRIx64, statements[i].name, hash);
    }
}

const char *statement_name(enum statement statement)
{
    pthread_once(&named, make_names);
    return names[statement];
}

const char *statement_text(enum statement statement)
{
    return statements[statement].text;
}

int statement_values(enum statement statement)
{
    return statements[statement].values;
}

/* The event procedure names the instance data; it has nothing to do. */
static int on_event(PGEventId event, void *info, void *data)
{
    (void)event;
    (void)info;
    (void)data;
    return 1;
}

/* A bit for each statement, in the place of a pointer. */
static uintptr_t known(const PGconn *conn)
{
    return (uintptr_t)PQinstanceData(conn, on_event);
}

bool statement_is_prepared(const PGconn *conn, enum statement statement)
{
    return known(conn) & (uintptr_t)1 << statement;
}

void statement_set_prepared(PGconn *conn, enum statement statement)
{
    uintptr_t bits = known(conn) | (uintptr_t)1 << statement;
    if (bits == (uintptr_t)1 << statement) {
        /* the first one: fails when it is registered already, or memory is short; then the data is
         * not kept either, and the statement is prepared again the next time */
        PQregisterEventProc(conn, on_event, "horizon", NULL);
    }
    PQsetInstanceData(conn, on_event, (void *)bits);
}
