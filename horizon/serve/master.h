/* master.h - several serving processes on one listening socket (WEB_CONCURRENCY).
 *
 * The master binds, forks, starts anew what ended by itself, passes SIGTERM on, and is the one that
 * hands the socket to a successor. It serves nothing, so nothing a client does can end it.
 */
#ifndef HORIZON_SERVE_MASTER_H
#define HORIZON_SERVE_MASTER_H

#include "serve/listen_socket.h"
#include "serve/settings.h"

/* The exit code: 0 when every process ended well. */
int master_run(const struct settings *settings, struct listen_socket *listen_socket);

#endif
