/* share.h - how many connections each of several processes may have: pure.
 * Test: tests/unit/horizon/test_share.c.
 */
#ifndef HORIZON_SERVE_SHARE_H
#define HORIZON_SERVE_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#define SHARE_NONE UINT32_MAX /* no limit */

/* What the server said. */
struct share_limits {
    uint32_t server, role, database;                      /* most connections; SHARE_NONE */
    uint32_t server_others, role_others, database_others; /* connections of other programs now */
};

struct share {
    uint32_t granted;        /* connections this service may have in all */
    uint32_t asked;          /* pool_size + max_overflow */
    uint32_t in_use;         /* of all processes' pools together, as fitted */
    uint32_t size, overflow; /* of one process's pool */
    bool is_short;           /* granted is less than asked for */
};

/* Divides what is granted, less one for each process's sentinel and one spare, among the processes:
 * each gets at least one. pool_size is filled first, overflow gets the rest. */
struct share share_compute(const struct share_limits *limits, uint32_t pool_size,
                           uint32_t max_overflow, uint32_t processes);

/* Of `count` things how many one user may have: `percent`, rounded up. */
uint32_t share_of_user(uint32_t count, uint32_t percent);

/* How many requests of one user one process may run: each has a thread, and a connection of the
 * pool, which may have learned that it gets only `ceiling` of them. SHARE_NONE where none would be
 * left for others: then a limit protects nobody. */
uint32_t share_of_user_running(const struct share *share, uint32_t ceiling, uint32_t threads,
                               uint32_t percent);

#endif
