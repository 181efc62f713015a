/* line.h - requests that stand in line for threads that do them.
 *
 * Threads are started on demand, up to a limit, and stay; the line has a limit too. One line runs
 * what needs the database, another what checks passwords, so that neither waits for the other.
 *
 * Users take turns: each has its requests in the order in which they came, and a thread takes the
 * first one of the user who has waited longest for a turn. A line that is fair (line_share) lets
 * one user have some of its places and run some of its requests at once, no more: what a user sends
 * above that waits for the user's own requests, while others are served. A full line makes room for
 * who has fewer requests in it than another. Requests without a user are those of one user without
 * such limits. Test: tests/unit/horizon/test_line.c,
 * test_horizon_faults.py.
 */
#ifndef HORIZON_SERVE_LINE_H
#define HORIZON_SERVE_LINE_H

#include <stddef.h>
#include <weir/weir.h>

struct request;
struct line;

enum line_answer {
    LINE_ADDED,
    LINE_FULL,      /* or no thread could be started */
    LINE_USER_FULL, /* only for this user */
};

/* At most `threads` of them; at most `most` requests wait. `run` does one and is done with it when
 * it returns. NULL: no memory. */
struct line *line_open(unsigned threads, size_t most, void (*run)(struct request *request));

/* What one user may have: so many requests in line or under way, so many of them under way.
 * What has waited for the user's own requests since before `patience` (request->waits_since) is
 * given to `late`; the newest request of who has most in line, when it is full and somebody with
 * fewer comes, to `displaced`. Both are done with it when they return. Before the first request. */
void line_share(struct line *line, size_t places, unsigned running, weir_time patience,
                void (*late)(struct request *request), void (*displaced)(struct request *request));

/* Changes how many requests of one user may be under way. */
void line_share_running(struct line *line, unsigned running);

enum line_answer line_add(struct line *line, struct request *request);

/* Does what stands in line, then ends the threads. NULL is fine. */
void line_close(struct line *line);

void line_count(struct line *line, unsigned *ret_threads, size_t *ret_waiting);

#endif
