/* cancel.h - CancelRequests on their way: to a server, or to the peer whose client is named.
 *
 * Who asked stays connected until the request is over, as with PostgreSQL: what it sends next then
 * comes behind the cancel. `asker` is such a client (state CANCEL) or NULL: weir itself wants it.
 */
#ifndef PROXY_CANCEL_H
#define PROXY_CANCEL_H

#include "base/slice.h"

struct proxy;
struct proxy_cancel;
struct proxy_client;
struct proxy_peer;
struct proxy_server;

/* For what the server runs now. Nothing happens while another is under way to it. */
void proxy_cancel_server(struct proxy_server *server, struct proxy_client *asker);
/* To the process whose peer_id is in the key. The asker is closed at once when there is none. */
void proxy_cancel_forward(struct proxy_client *asker, uint32_t peer_id, uint32_t pid,
                          struct base_slice key);
/* To the process we have taken over from, when there is one and it still answers; else nothing. */
void proxy_cancel_pass_back(struct proxy_client *asker, uint32_t pid, struct base_slice key);
/* The asker is gone; its request goes on. */
void proxy_cancel_forget(struct proxy_client *asker);
/* Cuts all of them off, or those to one peer that wait; they end in the next turn. */
void proxy_cancels_abort(struct proxy *proxy);
void proxy_cancels_abort_waiting(struct proxy_peer *peer);

/* Requests to a peer: sent and not over; connecting; waiting for their turn. */
struct proxy_cancel_counts {
    uint32_t sent, connecting, waiting;
};
struct proxy_cancel_counts proxy_cancel_count(const struct proxy *proxy,
                                              const struct proxy_peer *peer);

#endif
