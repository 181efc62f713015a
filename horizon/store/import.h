/* import.h - rows of files into a user's tables.
 *
 * Both functions run in a transaction of the caller's after store_lock_user, and are followed by
 * store_revalue. What is there already stays or is replaced, never doubled: reading a file again
 * changes nothing.
 */
#ifndef HORIZON_STORE_IMPORT_H
#define HORIZON_STORE_IMPORT_H

#include "import/activities.h"
#include "import/prices.h"
#include "store/store.h"

/* What an asset is that the user does not have yet. NULL: not known; then its name is its symbol,
 * its kind INDEX when the symbol begins with ^, else EQUITY, and its currency the user's. */
struct store_asset {
    const char *symbol, *name, *kind, *currency;
};

struct store_imported {
    int64_t added, changed, known; /* rows: new, with other values than before, there already */
    int64_t assets;                /* new ones */
};

/* `assets` tells about some of the symbols. Assets that are no index come on the watch list. */
int store_import_prices(PGconn *conn, const char *user_id, const struct import_prices *prices,
                        const struct store_asset *assets, size_t asset_count,
                        struct store_imported *ret_imported,
                        struct store_problem *problem) STORE_MUST_CHECK;

/* A row is known when its key is, or when the same was entered by hand. */
int store_import_activities(PGconn *conn, const char *user_id,
                            const struct import_activities *activities,
                            struct store_imported *ret_imported,
                            struct store_problem *problem) STORE_MUST_CHECK;

/* The key with which an activity was imported; "" when it was not. */
int store_activity_key(PGconn *conn, const char *user_id, int64_t activity,
                       char ret_key[IMPORT_KEY_BYTES],
                       struct store_problem *problem) STORE_MUST_CHECK;

#endif
