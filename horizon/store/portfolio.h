/* portfolio.h - a user's portfolio as the figures need it, read from the database.
 *
 * Activities come sorted and restated for splits. Those after the last price wait for a later one:
 * figures do not know them (valuation.h), and a split among them does not restate what came before,
 * for the prices do not know it either. The benchmark is one of the assets.
 */
#ifndef HORIZON_STORE_PORTFOLIO_H
#define HORIZON_STORE_PORTFOLIO_H

#include "domain/valuation.h"
#include "store/store.h"

struct store_portfolio {
    PGresult *user, *asset_rows; /* own the texts that assets point to */
    const char *base_currency, *benchmark;
    struct asset *assets; /* by symbol, all of the user's */
    int64_t *asset_ids;
    struct quote *quotes;
    struct activity *activities;
    struct portfolio portfolio; /* benchmark is NULL when no asset has that symbol */
    struct portfolio entered;   /* the same with the activities that wait for a price */
};

/* STORE_ENOTFOUND: no such user. STORE_EWRONG: splits that outgrow what can be counted. */
int store_portfolio_load(PGconn *conn, const char *user_id, struct store_portfolio *ret_loaded,
                         struct store_problem *problem) STORE_MUST_CHECK;

/* Zeroed ones are fine. */
void store_portfolio_done(struct store_portfolio *loaded);

#endif
