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

/* What the server said about limits when it was last asked, and what came of it. */
struct sentinel_answer {
    bool is_asked;                 /* false: not yet, and nothing else is set */
    struct share_limits limits;    /* SHARE_NONE: there is no such limit */
    struct share share;            /* of all processes; granted: SHARE_NONE where nothing limits */
    char notice[APP_NOTICE_BYTES]; /* "" when everything asked for is granted */
};

/* NULL: no memory or thread. */
struct sentinel *sentinel_open(struct app *app);
void sentinel_close(struct sentinel *sentinel);

/* A copy of the last answer. */
void sentinel_answer(struct sentinel *sentinel, struct sentinel_answer *ret_answer);

/* Whether it is connected. */
bool sentinel_is_up(struct sentinel *sentinel);

#endif
