/* lib_strait.h - the way between libweir and a real PostgreSQL, for the conformance suite: it lets
 * bytes pass, keeps them back, delays connects and answers in the server's place, as rig_upstream
 * says. A Unix socket on one side, PostgreSQL's on the other; no thread, no clock: whoever calls
 * strait_pump() moves everything on and says what time it is.
 *
 * What is real: connects, logins, queries, the ends of connections, the kernel's refusal where
 * nobody listens (RIG_DOWN) and PostgreSQL's where a role has its limit of connections. What the
 * strait answers itself: "the database system is starting up" and a wrong password, in PostgreSQL's
 * own words.
 */
#ifndef LIB_STRAIT_H
#define LIB_STRAIT_H

#include "rig.h"

struct strait;

/* `server` is the path of PostgreSQL's socket. Aborts when the system does not let it. */
struct strait *strait_open(const char *server);
void strait_close(struct strait *strait);
/* The folder of its socket: libpq's host. */
const char *strait_folder(const struct strait *strait);

void strait_upstream(struct strait *strait, const struct rig_upstream *upstream);

/* The answers of this server process pass although the mode is RIG_HANGING; 0: nobody's do. */
void strait_thaw(struct strait *strait, int backend);

/* Moves on what can be moved. Where nothing can, waits for it, or for `other_fd` (-1: none) to be
 * readable, at most `wait_ms`. True when something moved or `other_fd` is readable. */
bool strait_pump(struct strait *strait, base_time now, int other_fd, int wait_ms);
/* When a delayed answer is due; BASE_NEVER: none is. */
base_time strait_next(const struct strait *strait);
/* A login is under way at the server. */
bool strait_is_logging_in(const struct strait *strait);

struct strait_counts {
    uint32_t linked;          /* connections whose login has ended well */
    uint32_t peak;            /* the most clients at once, logged in or not */
    uint64_t accepted, ended; /* ended: of those that were linked */
    uint64_t checks, resets;  /* queries of the pool's own: empty ones, ROLLBACK */
};
struct strait_counts strait_counts(const struct strait *strait);

#endif
