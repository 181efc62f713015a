/* guard.h - an end for what blocks inside libpq: a server that hangs answers nothing, not even that
 * a statement timed out.
 *
 * While a worker runs blocking functions on its connection, the connection is guarded.
 * guards_sweep, called once a second from the main thread, shuts the socket of an overdue one down:
 * the function then fails as with any broken connection. The guard holds a descriptor of its own
 * for the socket, so that one that libpq has closed meanwhile, and the kernel given to somebody
 * else, is never hit. Test: tests/system/test_horizon_faults.py.
 */
#ifndef HORIZON_SERVE_GUARD_H
#define HORIZON_SERVE_GUARD_H

#include <libpq-fe.h>
#include <pthread.h>
#include <weir/weir.h>

struct guard {
    struct guard *next, **at; /* in guards->first */
    int fd;                   /* -1: could not be guarded */
    weir_time ends_at;
};

struct guards {
    pthread_mutex_t lock;
    struct guard *first;
};

void guards_init(struct guards *guards);
void guards_done(struct guards *guards);

/* Guards a connection until guard_end, from the same thread. */
void guard_begin(struct guards *guards, struct guard *guard, const PGconn *conn, weir_time ends_at);
void guard_end(struct guards *guards, struct guard *guard);

void guards_sweep(struct guards *guards);

#endif
