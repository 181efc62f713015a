/* revalue.h - everything that follows from a user's activities and prices, computed and stored.
 *
 * The endpoints only read: snapshots, valuations, positions, views, figures, charts and checks are
 * written here, whole, for one user. Both functions run in a transaction of the caller's that
 * changes what the figures follow from; when one fails the caller rolls back, and nothing has
 * changed.
 *
 *     BEGIN; store_lock_user(); INSERT or DELETE ...; store_revalue(); COMMIT
 */
#ifndef HORIZON_STORE_REVALUE_H
#define HORIZON_STORE_REVALUE_H

#include "store/store.h"

/* Makes changes of one user's data wait for each other. STORE_ENOTFOUND: no such user. */
int store_lock_user(PGconn *conn, const char *user_id,
                    struct store_problem *problem) STORE_MUST_CHECK;

/* Recomputes, raises data_version, and tells those who LISTEN to horizon_data. STORE_EWRONG: the
 * activities contradict themselves; the problem's text says which and why, its `activity` is the
 * id.
 */
int store_revalue(PGconn *conn, const char *user_id,
                  struct store_problem *problem) STORE_MUST_CHECK;

#endif
