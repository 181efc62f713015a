/* derive.h - the tables below "derived" of the schema, one function each; revalue.c calls them.
 *
 * Each function adds one user's rows; there are none of that user when it is called.
 */
#ifndef HORIZON_STORE_DERIVE_H
#define HORIZON_STORE_DERIVE_H

#include "domain/performance.h"
#include "store/copy.h"
#include "store/portfolio.h"

struct derive {
    PGconn *conn;
    const char *user_id;
    const struct store_portfolio *loaded;
    const struct valuation *valuation;
    day as_of;
    struct series wealth, benchmark; /* of the portfolio; of the benchmark's closes */
};

int derive_snapshot(const struct derive *derive, int64_t version,
                    struct store_problem *problem) STORE_MUST_CHECK;
int derive_valuations(const struct derive *derive, struct store_problem *problem) STORE_MUST_CHECK;
int derive_positions(const struct derive *derive, struct store_problem *problem) STORE_MUST_CHECK;
int derive_views(const struct derive *derive, struct store_problem *problem) STORE_MUST_CHECK;
int derive_figures(const struct derive *derive, struct store_problem *problem) STORE_MUST_CHECK;
int derive_charts(const struct derive *derive, struct store_problem *problem) STORE_MUST_CHECK;
int derive_checks(const struct derive *derive, struct store_problem *problem) STORE_MUST_CHECK;

/* Why a portfolio without days has none. */
const char *derive_emptiness(const struct derive *derive);

/* Why figures lack, as a JSON object: zeroed at first, then a call for each figure (without effect
 * when its reason is NULL), then the text. */
struct derive_reasons {
    char text[1024];
    size_t length;
};

void derive_reason(struct derive_reasons *reasons, const char *figure, const char *reason);
const char *derive_reasons_end(struct derive_reasons *reasons);

#endif
