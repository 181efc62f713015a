/* listen_socket.h - where the listening socket comes from, so that no client is refused between an
 * old process and a new one.
 *
 * 1. From the service manager (LISTEN_FDS, sd_listen_fds(3)): it keeps the socket over restarts.
 * 2. From the process that serves now, over the Unix socket `handover`: the new process connects,
 *    gets the descriptor (SCM_RIGHTS), starts, and says "ready"; only then does the old one drain.
 *    Clients in the queue of the socket belong to both; none is lost. A new process that ends
 * before it is ready changes nothing.
 * 3. Otherwise bound here, on host and port.
 *
 * The Unix socket is mode 0600: who may connect to it may take the port.
 * Test: tests/system/test_horizon_restart.py.
 */
#ifndef HORIZON_SERVE_LISTEN_SOCKET_H
#define HORIZON_SERVE_LISTEN_SOCKET_H

#include <stdbool.h>

#include "serve/settings.h"

struct listen_socket {
    int fd;       /* listening, non-blocking, close on exec */
    int old_fd;   /* the connection to the process it came from, or -1 */
    int door_fd;  /* where a successor connects, or -1 */
    bool is_lone; /* nobody else has this socket: what waits in its queue must be taken */
};

/* False after a line in the log. */
bool listen_socket_get(const struct settings *settings, struct listen_socket *ret_socket);

/* This process serves now: the old one may drain; the door for a successor opens. */
void listen_socket_ready(struct listen_socket *listen_socket, const struct settings *settings);

/* Serves one successor at the door, when one stands there; true: it is ready, drain now. Waits for
 * a successor to start without blocking: to be called whenever the door or the successor is
 * readable.
 */
bool listen_socket_hand_over(struct listen_socket *listen_socket, int *successor_fd);

void listen_socket_close(struct listen_socket *listen_socket);

#endif
