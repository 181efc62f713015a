/* revalue.c - see revalue.h. Test: tests/system/test_horizon_data.py. */
#include "store/revalue.h"

#include <stdio.h>
#include <stdlib.h>

#include "store/derive.h"

#define CLEAR(table) "DELETE FROM " table " WHERE user_id = $1"

int store_lock_user(PGconn *conn, const char *user_id, struct store_problem *problem)
{
    PGresult *result;
    int status = store_query(conn, "SELECT 1 FROM users WHERE user_id = $1 FOR NO KEY UPDATE", 1,
                             &user_id, &result, problem);
    if (status != STORE_OK)
        return status;
    if (PQntuples(result) == 0)
        status = store_fail(problem, STORE_ENOTFOUND, "there is no user %s", user_id);
    PQclear(result);
    return status;
}

/* Empties the derived tables; the version before, 0 when there was none. */
static int clear(PGconn *conn, const char *user_id, int64_t *ret_version,
                 struct store_problem *problem)
{
    static const char *const statements[] = {CLEAR("valuations"), CLEAR("positions"),
                                             CLEAR("views"),      CLEAR("figures"),
                                             CLEAR("charts"),     CLEAR("checks")};
    PGresult *result;
    for (size_t i = 0; i < sizeof(statements) / sizeof(*statements); i++) {
        int status = store_do(conn, statements[i], 1, &user_id, problem);
        if (status != STORE_OK)
            return status;
    }
    int status = store_query(conn, CLEAR("snapshots") " RETURNING data_version", 1, &user_id,
                             &result, problem);
    if (status == STORE_OK) {
        *ret_version = PQntuples(result) ? store_integer(result, 0, 0, 0) : 0;
        PQclear(result);
    }
    return status;
}

static int derive_all(const struct derive *derive, int64_t version, struct store_problem *problem)
{
    int status = derive_snapshot(derive, version, problem);
    if (status == STORE_OK)
        status = derive_valuations(derive, problem);
    if (status == STORE_OK)
        status = derive_positions(derive, problem);
    if (status == STORE_OK)
        status = derive_views(derive, problem);
    if (status == STORE_OK)
        status = derive_figures(derive, problem);
    if (status == STORE_OK)
        status = derive_charts(derive, problem);
    if (status == STORE_OK)
        status = derive_checks(derive, problem);
    return status;
}

/* The two series that figures and charts are made of. `days` and `values` have place for both. */
static void fill_series(struct derive *derive, day *days, double *values)
{
    const struct valuation *valuation = derive->valuation;
    const struct asset *benchmark = derive->loaded->portfolio.benchmark;
    for (size_t i = 0; i < valuation->count; i++) {
        days[i] = valuation->days[i].when;
        values[i] = valuation->days[i].wealth;
    }
    derive->wealth = (struct series){days, values, valuation->count, 1};
    days += valuation->count;
    values += valuation->count;
    for (size_t i = 0; benchmark && i < benchmark->quote_count; i++) {
        days[i] = benchmark->quotes[i].when;
        values[i] = benchmark->quotes[i].close;
    }
    if (benchmark && benchmark->quote_count > 0)
        derive->benchmark = (struct series){days, values, benchmark->quote_count, values[0]};
}

static int write_all(struct derive *derive, struct store_problem *problem)
{
    const struct asset *benchmark = derive->loaded->portfolio.benchmark;
    size_t count = derive->valuation->count + (benchmark ? benchmark->quote_count : 0) + 1;
    day *days = calloc(count, sizeof(*days));
    double *values = calloc(count, sizeof(*values));
    int64_t version = 0;
    int status = STORE_OK;
    if (days && values)
        fill_series(derive, days, values);
    else
        status = store_fail(problem, STORE_ENOMEM, "out of memory");
    if (status == STORE_OK)
        status = clear(derive->conn, derive->user_id, &version, problem);
    if (status == STORE_OK)
        status = derive_all(derive, version + 1, problem);
    if (status == STORE_OK)
        status = store_do(derive->conn, "SELECT pg_notify('horizon_data', $1)", 1, &derive->user_id,
                          problem);
    free(days);
    free(values);
    return status;
}

static int complain(int status, const struct complaint *complaint, struct store_problem *problem)
{
    if (status == VALUATION_ENOMEM)
        return store_fail(problem, STORE_ENOMEM, "out of memory");
    store_fail(problem, STORE_EWRONG, "%s", complaint->text);
    if (problem)
        problem->activity = complaint->activity;
    return STORE_EWRONG;
}

static bool has_split(const struct activity *activities, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (activities[i].kind == ACTIVITY_SPLIT)
            return true;
    return false;
}

/* Whether the activities that wait for a price fit the others: once prices come, it is too late to
 * ask. What shares are worth after a split no price tells yet, so that is not judged. */
static int try_waiting(const struct store_portfolio *loaded, struct store_problem *problem)
{
    size_t known = loaded->portfolio.activity_count, count = loaded->entered.activity_count;
    struct valuation valuation;
    struct complaint complaint = {0};
    if (known == count)
        return STORE_OK;
    int status = valuation_init(&valuation, &loaded->entered, &complaint);
    if (status == 0) {
        valuation_done(&valuation);
        return STORE_OK;
    }
    bool is_about_worth = status == VALUATION_EWRONG && complaint.activity == 0;
    if (is_about_worth && has_split(loaded->entered.activities + known, count - known))
        return STORE_OK;
    return complain(status, &complaint, problem);
}

int store_revalue(PGconn *conn, const char *user_id, struct store_problem *problem)
{
    struct store_portfolio loaded;
    struct valuation valuation;
    struct complaint complaint = {0};
    int status = store_portfolio_load(conn, user_id, &loaded, problem);
    if (status != STORE_OK)
        return status;
    status = valuation_init(&valuation, &loaded.portfolio, &complaint);
    if (status != 0) {
        status = complain(status, &complaint, problem);
    } else {
        struct derive derive = {.conn = conn,
                                .user_id = user_id,
                                .loaded = &loaded,
                                .valuation = &valuation,
                                .as_of = valuation.as_of};
        status = try_waiting(&loaded, problem);
        if (status == STORE_OK)
            status = write_all(&derive, problem);
        valuation_done(&valuation);
    }
    store_portfolio_done(&loaded);
    return status;
}
