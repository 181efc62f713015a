/* process.h - one serving process: makes an app, serves, drains, ends.
 *
 * SIGTERM, SIGINT: stop accepting (what waits in the socket's queue is still taken, when nobody
 * else could), answer with `Connection: close`, finish what runs, exit 0; at the latest after
 * drain_s. SIGUSR2, from the master: the same, but another process has the socket already. The
 * caller has blocked these signals.
 */
#ifndef HORIZON_SERVE_PROCESS_H
#define HORIZON_SERVE_PROCESS_H

#include "serve/listen_socket.h"
#include "serve/settings.h"

/* The exit code. */
int process_run(const struct settings *settings, struct listen_socket *listen_socket);

#endif
