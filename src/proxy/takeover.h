/* takeover.h - a restart that refuses nobody (-R): both ends of it.
 *
 *     new process                                      old process
 *     takeover.c                                       handover.c
 *     logs in on the Unix socket's console      ->     as its own system user, else no descriptors
 *     SHOW FDS                                  ->     rows; the listening sockets as descriptors
 *     opens everything else; may still fail
 *     SHUTDOWN HANDED_OVER                      ->     accepts no more, ends with its last client
 *     writes the pid file, serves
 *
 * A listening socket and its queue belong to both until the old process lets go, so at no moment is
 * nobody there. From then on the service manager hears of the new process only. Sessions are not
 * moved: they stay where they are until their clients leave. The old process keeps a console for
 * that time in a folder of its own, to which cancel requests for its clients are handed on.
 */
#ifndef PROXY_TAKEOVER_H
#define PROXY_TAKEOVER_H

#include <stddef.h>
#include <sys/types.h>

#include "net/net.h"
#include "proxy/daemon.h"

/* ParameterStatus by which the old process tells the folder of its console, and those of its own
 * predecessors that may still have clients: one each. */
#define PROXY_TAKEOVER_PARAMETER "weir_left_at"
#define PROXY_LEFT_MAX           8
#define PROXY_LEFT_BYTES         256

/* The same for the service manager's socket and the time in which it wants to hear from us. */
#define PROXY_TAKEOVER_NOTIFY   "weir_notify_socket"
#define PROXY_TAKEOVER_WATCHDOG "weir_watchdog_usec"

/* ---- the new process ---- */

/* Asks the running process for its sockets: proxy.takeover. When there is none, or no way to it, a
 * log line says so and proxy.takeover stays NULL. Blocks, for seconds at most. An error is a
 * predecessor that does not hand over: it is logged, and nothing has changed. */
int proxy_takeover_begin(struct proxy *proxy) BASE_MUST_CHECK;
/* The socket that listens at the address, the caller's from then on; -1 when there is none. */
int proxy_takeover_socket(struct proxy *proxy, const struct net_address *address);
/* Tells the predecessor to let go. An error is logged; it then still serves. */
int proxy_takeover_finish(struct proxy *proxy) BASE_MUST_CHECK;
/* Closes what nobody took. NULL is harmless. */
void proxy_takeover_free(struct proxy_takeover *takeover);

/* Is the other end of a Unix socket, or who listens there, the system user `uid` or root? Anybody
 * may put a socket into /tmp. */
bool proxy_takeover_is_trusted(int fd, uid_t uid);

/* ---- the old process ---- */

#define PROXY_HANDOVER_MAX (PROXY_LISTENERS_MAX + 1)
/* The sockets to hand over; returns how many. */
uint32_t proxy_handover_sockets(const struct proxy *proxy, int fds[PROXY_HANDOVER_MAX]);
/* The process `pid` (0: not known) has them: leaves the sockets and their files to it, and ends
 * when the last client has left. Errors, with nothing changed and the reason in *ret_why:
 * BASE_ESTATE. */
int proxy_handover(struct proxy *proxy, int32_t pid, const char **ret_why) BASE_MUST_CHECK;
/* Removes the folder of its own console. */
void proxy_handover_done(struct proxy *proxy);

#endif
