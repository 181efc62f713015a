/* sentinel.h - the process's own connection to the database, beside the pool.
 *
 * A thread keeps it open, with growing pauses between tries. Whenever it is opened anew it
 * 1. asks the server how many connections it grants: max_connections less those reserved, the
 *    role's and the database's limit, less who else is connected; and fits the pool to that:
 *    "asked for 30, the server grants 20: using 18 and queueing". The processes share evenly; one
 *    connection for each sentinel and one for verbs like `horizon user` stay free;
 * 2. forgets all users, for their news may have been missed, and listens for more (horizon_user).
 * Behind a transaction pooler news do not arrive; users are then forgotten by their time to live.
 * Test: tests/system/test_horizon_server.py; sentinel_share: tests/unit/horizon/test_share.c.
 */
#ifndef HORIZON_SERVE_SENTINEL_H
#define HORIZON_SERVE_SENTINEL_H

#include <stdbool.h>

#include "serve/app.h"
#include "serve/share.h"

/* NULL: no memory or thread. */
struct sentinel *sentinel_open(struct app *app);
void sentinel_close(struct sentinel *sentinel);

/* What was said about the limits; "" when everything asked for is granted. */
void sentinel_notice(struct sentinel *sentinel, char ret_text[APP_NOTICE_BYTES]);

/* Whether it is connected. */
bool sentinel_is_up(struct sentinel *sentinel);

#endif
