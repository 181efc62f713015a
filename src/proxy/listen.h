/* listen.h - the sockets that clients come to. */
#ifndef PROXY_LISTEN_H
#define PROXY_LISTEN_H

#include "proxy/daemon.h"

/* Opens listen_addr and unix_socket_dir. What is wrong is logged in one line. */
int proxy_listeners_open(struct proxy *proxy) BASE_MUST_CHECK;
/* The TCP ones only: the console stays reachable by the Unix socket. */
void proxy_listeners_close_tcp(struct proxy *proxy);
void proxy_listeners_close(struct proxy *proxy);

#endif
