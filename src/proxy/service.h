/* service.h - the service manager: readiness, sockets it opened for us (systemd's two protocols).
 *
 * sd_notify(3): datagrams of lines to the socket named in NOTIFY_SOCKET.
 * sd_listen_fds(3): LISTEN_PID names us, LISTEN_FDS descriptors from 3 on are ours.
 */
#ifndef PROXY_SERVICE_H
#define PROXY_SERVICE_H

#include <stdint.h>

#include "net/net.h"

struct proxy;

/* Sends lines such as "READY=1\nSTATUS=..."; without a service manager it does nothing. */
void proxy_service_notify(const char *lines);
/* "RELOADING=1" with the time systemd asks for: the loop's, which is the monotonic clock's. */
void proxy_service_reloading(base_time now);
/* Says that the service is process `pid` from now on. What this process says later would be taken
 * for the service's own word (that it stops, that it lives), so it says nothing any more. */
void proxy_service_hand_over(int32_t pid);

/* The service manager's socket; "" when there is none. */
const char *proxy_service_socket_name(void);
/* The successor takes both from its predecessor ("": it has none): the socket where its own
 * environment names none, the interval in any case, since whoever started us need not be the
 * service manager. Returns as proxy_service_watchdog. */
base_time proxy_service_inherit(const char *socket_name, const char *watchdog_us);

/* How many sockets were handed over: descriptors PROXY_SERVICE_FD and on. The environment is
 * cleared, so that no child takes them for its own. */
#define PROXY_SERVICE_FD 3
uint32_t proxy_service_sockets(void);

/* Half of the interval in which the service manager wants to hear from us; 0 = it does not. */
base_time proxy_service_watchdog(void);

#endif
