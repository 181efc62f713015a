/* peer.h - the other processes of a group, to whom cancel requests are handed ([peers]).
 *
 * A client's cancel key says whose it is, in PgBouncer's layout, so that the two may be peers:
 *
 *     pid      1 byte (7 bits) random | 2 bytes peer_id, low byte first | 1 byte random
 *     key      random; the low two bits of its last byte say how often it may still be handed on
 *
 * Without peer_id pid is a number and the key random.
 */
#ifndef PROXY_PEER_H
#define PROXY_PEER_H

#include "base/list.h"
#include "base/slice.h"
#include "base/status.h"

struct proxy;

struct proxy_peer {
    struct base_list link; /* in proxy.peers */
    uint32_t id;
    char *host;
    uint16_t port;
    uint32_t limit;           /* requests on their way at once */
    uint32_t active;          /* on their way */
    struct base_list waiting; /* proxy_cancel.peer_link: first come, first served */
    uint32_t references;      /* requests, waiting or active */
    bool is_predecessor;      /* in proxy.predecessors instead */
    bool is_gone;             /* a predecessor that does not answer any more */
    bool is_removed;          /* gone from the configuration; freed with its last request */
};

/* Builds proxy.peers from proxy.config; on a reload compares and applies what changed. */
int proxy_peers_configure(struct proxy *proxy) BASE_MUST_CHECK;
void proxy_peers_done(struct proxy *proxy);
/* A process we have taken over from (takeover.h), or that one's own predecessor, reached by the
 * socket in `folder`: cancel requests that fit nobody here are handed on unchanged, from one to the
 * next in the order of the calls. Not among proxy.peers. */
int proxy_peer_add_predecessor(struct proxy *proxy, const char *folder,
                               uint16_t port) BASE_MUST_CHECK;
/* The first one behind `peer`, or of all with NULL, that still answers; NULL: none. */
struct proxy_peer *proxy_peer_next_predecessor(const struct proxy *proxy,
                                               const struct proxy_peer *peer);
/* NULL when there is none of that number. */
struct proxy_peer *proxy_peer_find(struct proxy *proxy, uint32_t id);
/* Frees it when it was removed and nothing leads to it any more. */
void proxy_peer_release(struct proxy_peer *peer);

/* Writes peer_id and the number of tries into a random key. */
void proxy_peer_sign(uint32_t peer_id, uint32_t *pid, uint8_t *key, size_t key_bytes);
/* peer_id of a key. */
uint32_t proxy_peer_of(uint32_t pid);
/* The same key whatever it says of tries: for comparing. */
void proxy_peer_normalise(uint8_t *key, size_t key_bytes);
/* One try less; false when there is none left. */
bool proxy_peer_hand_on(uint8_t *key, size_t key_bytes);

#endif
