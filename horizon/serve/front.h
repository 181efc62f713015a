/* front.h - a thread that reads requests and writes answers: a loop around one daemon of
 * libmicrohttpd and the flight of its requests (flight.h).
 *
 *     poll: libmicrohttpd's epoll | news of other threads | the flight's socket
 *     -> resume what others have done -> what landed -> MHD_run -> gather -> depart
 *
 * Always: libmicrohttpd's daemon is touched by the front's own thread alone, once it runs; that
 * thread never waits for anything but these three. Test: tests/system/test_horizon_faults.py (the
 * flight that hangs), test_horizon_restart.py (draining), test_horizon_server.py.
 */
#ifndef HORIZON_SERVE_FRONT_H
#define HORIZON_SERVE_FRONT_H

#include <stdbool.h>

struct MHD_Daemon;
struct app;
struct front;
struct request;

/* NULL: no memory, or no descriptors. */
struct front *front_new(struct app *app);

struct app *front_app(const struct front *front);

/* Runs the daemon, which was started with MHD_USE_EPOLL and without a thread of its own. False: no
 * thread; the daemon belongs to the front all the same. */
bool front_start(struct front *front, struct MHD_Daemon *daemon);

/* Goes on with a suspended request whose reply is filled. From any thread, as its last act. */
void front_resume(struct front *front, struct request *request);

/* A suspended request boards the front's flight; in the front's thread. False: it is full. */
bool front_board(struct front *front, struct request *request);

/* Accepts no more; takes_queue: but first all that waits in the listening socket's queue. Comes
 * back when that is so. From another thread. */
void front_drain(struct front *front, bool takes_queue);

/* Ends thread and daemon. NULL is fine. */
void front_free(struct front *front);

#endif
