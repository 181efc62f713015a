/* line.h - requests that stand in line for threads that do them.
 *
 * Threads are started on demand, up to a limit, and stay; the line has a limit too. First come,
 * first served. One line runs what needs the database, another what checks passwords, so that
 * neither waits for the other.
 */
#ifndef HORIZON_SERVE_LINE_H
#define HORIZON_SERVE_LINE_H

#include <stdbool.h>
#include <stddef.h>

struct request;
struct line;

/* At most `threads` of them; at most `most` requests wait. `run` does one and is done with it when
 * it returns. NULL: no memory. */
struct line *line_open(unsigned threads, size_t most, void (*run)(struct request *request));

/* False: the line is full, or no thread could be started. */
bool line_add(struct line *line, struct request *request);

/* Does what stands in line, then ends the threads. NULL is fine. */
void line_close(struct line *line);

void line_count(struct line *line, unsigned *ret_threads, size_t *ret_waiting);

#endif
