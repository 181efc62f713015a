/* peer.c - the group's other processes: configured, found; the layout of keys.
 *
 * Test: tests/system/test_peers.py.
 */
#include "proxy/peer.h"

#include <stdlib.h>
#include <string.h>

#include "base/invariant.h"
#include "proxy/cancel.h"
#include "proxy/daemon.h"

#define TRIES_MASK 0x03

/* ---- keys ---- */

void proxy_peer_sign(uint32_t peer_id, uint32_t *pid, uint8_t *key, size_t key_bytes)
{
    uint32_t low = peer_id & 0xff, high = peer_id >> 8 & 0xff;
    *pid = (*pid & 0x7f0000ff) | low << 16 | high << 8;
    key[key_bytes - 1] |= TRIES_MASK;
}

uint32_t proxy_peer_of(uint32_t pid)
{
    return (pid >> 16 & 0xff) | (pid >> 8 & 0xff) << 8;
}

void proxy_peer_normalise(uint8_t *key, size_t key_bytes)
{
    key[key_bytes - 1] |= TRIES_MASK;
}

bool proxy_peer_hand_on(uint8_t *key, size_t key_bytes)
{
    if ((key[key_bytes - 1] & TRIES_MASK) == 0) {
        return false;
    }
    key[key_bytes - 1]--;
    return true;
}

/* ---- peers ---- */

struct proxy_peer *proxy_peer_find(struct proxy *proxy, uint32_t id)
{
    base_list_each(it, &proxy->peers)
    {
        struct proxy_peer *peer = base_list_entry(it, struct proxy_peer, link);
        if (peer->id == id && !peer->is_removed) {
            return peer;
        }
    }
    return NULL;
}

static void free_peer(struct proxy_peer *peer)
{
    base_list_remove(&peer->link);
    free(peer->host);
    free(peer);
}

void proxy_peer_release(struct proxy_peer *peer)
{
    if (peer->is_removed && peer->references == 0) {
        free_peer(peer);
    }
}

static void remove_peer(struct proxy_peer *peer)
{
    peer->is_removed = true;
    peer->references++; /* held while those who wait are told */
    proxy_cancels_abort_waiting(peer);
    peer->references--;
    proxy_peer_release(peer);
}

static int apply_peer(struct proxy *proxy, const struct config_peer *entry)
{
    struct proxy_peer *peer = proxy_peer_find(proxy, entry->id);
    char *host = strdup(entry->host);
    if (!peer && host) {
        peer = calloc(1, sizeof(*peer));
        if (peer) {
            peer->id = entry->id;
            base_list_init(&peer->waiting);
            base_list_push_back(&proxy->peers, &peer->link);
        }
    }
    if (!peer || !host) {
        free(host);
        return BASE_ENOMEM;
    }
    free(peer->host);
    peer->host = host;
    peer->port = (uint16_t)entry->port;
    peer->limit = entry->pool_size;
    return BASE_OK;
}

static bool is_configured(const struct config *config, uint32_t id)
{
    for (uint32_t i = 0; i < config->peer_count; i++) {
        if (config->peers[i].id == id) {
            return true;
        }
    }
    return false;
}

int proxy_peers_configure(struct proxy *proxy)
{
    const struct config *config = proxy->config;
    int r = BASE_OK;
    base_list_each_safe(it, &proxy->peers)
    {
        struct proxy_peer *peer = base_list_entry(it, struct proxy_peer, link);
        if (!peer->is_removed && !is_configured(config, peer->id)) {
            remove_peer(peer);
        }
    }
    for (uint32_t i = 0; i < config->peer_count && r == BASE_OK; i++) {
        r = apply_peer(proxy, &config->peers[i]);
    }
    return r;
}

int proxy_peer_add_predecessor(struct proxy *proxy, const char *folder, uint16_t port)
{
    struct proxy_peer *peer = calloc(1, sizeof(*peer));
    char *host = peer ? strdup(folder) : NULL;
    if (!host) {
        free(peer);
        return BASE_ENOMEM;
    }
    base_list_init(&peer->waiting);
    peer->host = host;
    peer->port = port;
    peer->limit = UINT32_MAX; /* proxy_cancel_pass_back has a limit for all together */
    peer->is_predecessor = true;
    base_list_push_back(&proxy->predecessors, &peer->link);
    return BASE_OK;
}

struct proxy_peer *proxy_peer_next_predecessor(const struct proxy *proxy,
                                               const struct proxy_peer *peer)
{
    const struct base_list *end = &proxy->predecessors;
    for (const struct base_list *it = peer ? peer->link.next : end->next; it != end;
         it = it->next) {
        struct proxy_peer *next = base_list_entry(it, struct proxy_peer, link);
        if (!next->is_gone) {
            return next;
        }
    }
    return NULL;
}

static void free_peers(struct base_list *peers)
{
    base_list_each_safe(it, peers)
    {
        struct proxy_peer *peer = base_list_entry(it, struct proxy_peer, link);
        INVARIANT(peer->references == 0);
        free_peer(peer);
    }
}

void proxy_peers_done(struct proxy *proxy)
{
    free_peers(&proxy->peers);
    free_peers(&proxy->predecessors);
}
