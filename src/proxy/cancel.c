/* cancel.c - CancelRequest to a server or to a peer, on a connection of its own.
 *
 *     start -> [waiting for the peer's turn] -> [name looked up] -> connecting -> sent -> over
 *
 * While one is under way the server is not given back: PostgreSQL signals the backend some time
 * after it has read the request, and a late signal must not hit the next client's query. PostgreSQL
 * (and a peer) closes the connection when that is done; it, or cancel_wait_timeout, ends the
 * request. Such connections count against no limit of the upstream's (postmaster,
 * ProcessCancelRequest).
 *
 * Always true: exactly one of `pool` and `peer` is set; a request is in proxy.cancels from start to
 * end; `has_socket` says whether its end comes by on_close.
 * Test: tests/system/test_pooling.py, test_peers.py.
 */
#include "proxy/cancel.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/invariant.h"
#include "proxy/client.h"
#include "proxy/client_internal.h"
#include "proxy/daemon.h"
#include "proxy/log.h"
#include "proxy/peer.h"
#include "proxy/server.h"
#include "proxy/takeover.h"
#include "wire/startup.h"

/* At most so many at once; further ones are left out, and what runs ends by its own time-outs. */
#define CANCELS_MAX 1000

#define INPUT_BYTES 1024 /* nothing is expected */

struct proxy_cancel {
    struct net_stream stream;
    struct net_timer timer;
    struct base_list link; /* in proxy->cancels */
    struct proxy *proxy;
    struct proxy_client *asker;
    struct core_server_id server;
    struct proxy_pool *pool;
    struct proxy_peer *peer;
    struct base_list peer_link; /* in peer->waiting */
    struct net_lookup lookup;
    bool is_waiting;
    bool is_looking_up;
    bool has_socket;
    bool is_sent;
    bool is_given_up; /* it ends with this connection */
    uint32_t pid;
    uint32_t key_bytes;
    uint8_t key[WIRE_CANCEL_KEY_BYTES_MAX];
};

static struct proxy_cancel *of(struct net_stream *stream)
{
    return base_list_entry(stream, struct proxy_cancel, stream);
}

/* ---- the end ---- */

static const struct net_stream_ops stream_ops;
static void start(struct proxy_cancel *cancel);
static void start_next(struct proxy_peer *peer);

static void leave_peer(struct proxy_cancel *cancel)
{
    struct proxy_peer *peer = cancel->peer;
    if (cancel->is_looking_up) {
        net_lookup_cancel(&cancel->lookup);
    }
    if (cancel->is_waiting) {
        base_list_remove(&cancel->peer_link);
    } else {
        peer->active--;
    }
    start_next(peer);
    peer->references--;
    proxy_peer_release(peer);
}

static void leave_server(struct proxy_cancel *cancel)
{
    struct proxy_server *server = proxy_server_by_id(cancel->proxy, cancel->server);
    struct proxy_pool *pool = cancel->pool;
    pool->cancels--;
    if (server) {
        proxy_server_cancel_done(server);
    }
    proxy_pool_release(pool);
}

/* A predecessor has closed: it, or one before it, was meant. */
static bool goes_further_back(struct proxy_cancel *cancel)
{
    bool is_passed_back = cancel->peer && cancel->peer->is_predecessor && !cancel->is_given_up;
    struct proxy_peer *next =
        is_passed_back ? proxy_peer_next_predecessor(cancel->proxy, cancel->peer) : NULL;
    if (!next) {
        return false;
    }
    leave_peer(cancel);
    cancel->peer = next;
    cancel->is_sent = false;
    net_stream_init(&cancel->stream, cancel->proxy->loop, &stream_ops, INPUT_BYTES);
    next->references++;
    start(cancel);
    return true;
}

static void finish(struct proxy_cancel *cancel)
{
    struct proxy *proxy = cancel->proxy;
    if (goes_further_back(cancel)) {
        return;
    }
    net_timer_set(proxy->loop, &cancel->timer, BASE_NEVER);
    base_list_remove(&cancel->link);
    proxy->cancel_count--;
    if (cancel->asker) {
        cancel->asker->cancel = NULL;
        proxy_client_close(cancel->asker, NULL, NULL, NULL, NULL, "cancel request");
    }
    if (cancel->peer) {
        leave_peer(cancel);
    } else {
        leave_server(cancel);
    }
    explicit_bzero(cancel->key, sizeof(cancel->key));
    free(cancel);
}

static void give_up(struct proxy_cancel *cancel)
{
    cancel->is_given_up = true;
    if (cancel->has_socket) {
        net_stream_abort(&cancel->stream);
    } else {
        finish(cancel);
    }
}

/* ---- the stream's callbacks ---- */

/* A predecessor is gone when nobody listens in its folder, or somebody else does. */
static bool is_gone(const struct proxy_cancel *cancel, int status)
{
    const struct proxy_peer *peer = cancel->peer;
    bool is_trusted = status < 0 || proxy_takeover_is_trusted(cancel->stream.fd, geteuid());
    if (!is_trusted) {
        proxy_log(PROXY_WARNING,
                  "%s is another system user's now: it gets no cancel requests; find out who has "
                  "put it there",
                  peer->host);
    }
    return status < 0 || !is_trusted;
}

static void on_open(struct net_stream *stream, int status)
{
    struct proxy_cancel *cancel = of(stream);
    if (cancel->peer && cancel->peer->is_predecessor) {
        cancel->peer->is_gone = is_gone(cancel, status);
    }
    if (status < 0 || (cancel->peer && cancel->peer->is_gone)) {
        net_stream_abort(stream);
        return;
    }
    struct wire_out out;
    wire_out_init(&out, net_turn_alloc(cancel->proxy->loop, WIRE_CANCEL_REQUEST_BYTES_MAX),
                  WIRE_CANCEL_REQUEST_BYTES_MAX);
    wire_cancel_request_put(&out, cancel->pid, base_slice_of(cancel->key, cancel->key_bytes));
    net_stream_send(stream, wire_out_slice(&out));
    cancel->is_sent = true;
}

static size_t on_data(__attribute__((unused)) struct net_stream *stream, struct base_slice in)
{
    return in.bytes;
}

static void on_close(struct net_stream *stream, __attribute__((unused)) int status)
{
    finish(of(stream));
}

static void on_timer(struct net_timer *timer)
{
    struct proxy_cancel *cancel = base_list_entry(timer, struct proxy_cancel, timer);
    if (cancel->asker) {
        proxy_log_client(PROXY_WARNING, cancel->asker, "cancel_wait_timeout");
    }
    give_up(cancel);
}

static const struct net_stream_ops stream_ops = {
    .on_open = on_open,
    .on_data = on_data,
    .on_close = on_close,
};

/* ---- the start ---- */

static struct proxy_cancel *cancel_new(struct proxy *proxy, struct proxy_client *asker,
                                       uint32_t pid, struct base_slice key)
{
    struct proxy_cancel *cancel =
        proxy->cancel_count < CANCELS_MAX ? calloc(1, sizeof(*cancel)) : NULL;
    if (!cancel) {
        return NULL;
    }
    cancel->proxy = proxy;
    cancel->pid = pid;
    cancel->key_bytes = (uint32_t)key.bytes;
    memcpy(cancel->key, key.data, key.bytes);
    cancel->timer.fire = on_timer;
    base_list_init(&cancel->peer_link);
    net_stream_init(&cancel->stream, proxy->loop, &stream_ops, INPUT_BYTES);
    base_time span = proxy->config->options.cancel_wait_timeout;
    net_timer_set(proxy->loop, &cancel->timer,
                  base_time_add(net_loop_now(proxy->loop), span ? span : BASE_NEVER));
    base_list_push_back(&proxy->cancels, &cancel->link);
    proxy->cancel_count++;
    cancel->asker = asker;
    if (asker) {
        asker->cancel = cancel;
        client_set_timer(asker, 0);
        client_move(asker, PROXY_CLIENT_CANCEL);
    }
    return cancel;
}

static void connect_to(struct proxy_cancel *cancel, const struct net_address *address)
{
    cancel->has_socket =
        net_stream_connect(&cancel->stream, address, &cancel->proxy->server_socket) == BASE_OK;
    if (!cancel->has_socket) {
        finish(cancel);
    }
}

void proxy_cancel_server(struct proxy_server *server, struct proxy_client *asker)
{
    if (server->key_bytes == 0 || server->cancels > 0) {
        return;
    }
    struct proxy_cancel *cancel = cancel_new(server->proxy, asker, server->backend_pid,
                                             base_slice_of(server->key, server->key_bytes));
    if (!cancel) {
        return;
    }
    cancel->server = server->id;
    cancel->pool = server->pool;
    server->cancels++;
    server->pool->cancels++;
    connect_to(cancel, &server->address);
}

/* ---- peers ---- */

static void on_lookup(struct net_lookup *lookup, int status)
{
    struct proxy_cancel *cancel = base_list_entry(lookup, struct proxy_cancel, lookup);
    cancel->is_looking_up = false;
    if (status < 0) {
        finish(cancel);
        return;
    }
    connect_to(cancel, &lookup->addresses[0]);
}

static void start(struct proxy_cancel *cancel)
{
    struct proxy_peer *peer = cancel->peer;
    peer->active++;
    cancel->is_waiting = false;
    cancel->is_looking_up = true;
    cancel->lookup.done = on_lookup;
    net_resolve(cancel->proxy->resolver, peer->host, peer->port, &cancel->lookup);
}

static void start_next(struct proxy_peer *peer)
{
    if (!base_list_is_empty(&peer->waiting) && peer->active < peer->limit) {
        struct proxy_cancel *next =
            base_list_entry(peer->waiting.next, struct proxy_cancel, peer_link);
        base_list_remove(&next->peer_link);
        start(next);
    }
}

static void refuse(struct proxy_client *asker, const char *why)
{
    proxy_log_client(PROXY_WARNING, asker, "%s", why);
    proxy_client_close(asker, NULL, NULL, NULL, NULL, why);
}

static void hand_to(struct proxy_peer *peer, struct proxy_client *asker, uint32_t pid,
                    struct base_slice key)
{
    struct proxy_cancel *cancel = cancel_new(asker->proxy, asker, pid, key);
    if (!cancel) {
        refuse(asker, "too many cancel requests");
        return;
    }
    cancel->peer = peer;
    peer->references++;
    if (peer->active < peer->limit) {
        start(cancel);
    } else {
        cancel->is_waiting = true;
        base_list_push_back(&peer->waiting, &cancel->peer_link);
    }
}

void proxy_cancel_pass_back(struct proxy_client *asker, uint32_t pid, struct base_slice key)
{
    if (asker->proxy->left_at) {
        return; /* the successor knows those before us, too, and asks them itself */
    }
    struct proxy_peer *before = proxy_peer_next_predecessor(asker->proxy, NULL);

    if (before) {
        hand_to(before, asker, pid, key);
    }
}

void proxy_cancel_forward(struct proxy_client *asker, uint32_t peer_id, uint32_t pid,
                          struct base_slice key)
{
    struct proxy_peer *peer = proxy_peer_find(asker->proxy, peer_id);
    uint8_t copy[WIRE_CANCEL_KEY_BYTES_MAX];
    INVARIANT(key.bytes <= sizeof(copy));
    memcpy(copy, key.data, key.bytes);
    if (!proxy_peer_hand_on(copy, key.bytes)) {
        refuse(asker, "failed to forward cancel request because its TTL was exhausted");
        return;
    }
    if (!peer) {
        refuse(asker, "could not find peer to forward request to");
        return;
    }
    hand_to(peer, asker, pid, base_slice_of(copy, key.bytes));
    explicit_bzero(copy, sizeof(copy));
}

void proxy_cancel_forget(struct proxy_client *asker)
{
    if (asker->cancel) {
        asker->cancel->asker = NULL;
        asker->cancel = NULL;
    }
}

void proxy_cancels_abort_waiting(struct proxy_peer *peer)
{
    base_list_each_safe(it, &peer->waiting)
    {
        finish(base_list_entry(it, struct proxy_cancel, peer_link));
    }
}

void proxy_cancels_abort(struct proxy *proxy)
{
    base_list_each(it, &proxy->peers)
    {
        proxy_cancels_abort_waiting(base_list_entry(it, struct proxy_peer, link));
    }
    base_list_each_safe(it, &proxy->cancels)
    {
        give_up(base_list_entry(it, struct proxy_cancel, link));
    }
}

struct proxy_cancel_counts proxy_cancel_count(const struct proxy *proxy,
                                              const struct proxy_peer *peer)
{
    struct proxy_cancel_counts counts = {0};
    base_list_each(it, &proxy->cancels)
    {
        const struct proxy_cancel *cancel = base_list_entry(it, struct proxy_cancel, link);
        if (cancel->peer == peer) {
            counts.sent += cancel->is_sent;
            counts.waiting += cancel->is_waiting;
            counts.connecting += !cancel->is_sent && !cancel->is_waiting;
        }
    }
    return counts;
}
