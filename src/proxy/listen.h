/* listen.h - the sockets that clients come to. */
#ifndef PROXY_LISTEN_H
#define PROXY_LISTEN_H

#include "proxy/daemon.h"

/* Opens listen_addr and unix_socket_dir. What is wrong is logged in one line. */
int proxy_listeners_open(struct proxy *proxy) BASE_MUST_CHECK;
/* What accepted sockets inherit is what the configuration says now. */
void proxy_listeners_configure(struct proxy *proxy);
/* The predecessor has let go: what was taken over is set up as the configuration says. What does
 * not work is logged; there is no way back. */
void proxy_listeners_own(struct proxy *proxy);
/* The TCP ones only: the console stays reachable by the Unix socket. */
void proxy_listeners_close_tcp(struct proxy *proxy);
void proxy_listeners_close(struct proxy *proxy);
/* Closes all; sockets and files live on in the process that has taken them over. */
void proxy_listeners_leave(struct proxy *proxy);
/* One Unix socket in `folder`; what is wrong is not logged. */
int proxy_listeners_open_own(struct proxy *proxy, const char *folder,
                             uint16_t port) BASE_MUST_CHECK;
/* The port that the Unix socket is named after: the TCP one, also when the system chose it. */
uint16_t proxy_listeners_unix_port(const struct proxy *proxy);

#endif
