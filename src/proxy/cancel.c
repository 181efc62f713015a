/* cancel.c - CancelRequest to a server, on a connection of its own.
 *
 * While one is under way the server is not given back: PostgreSQL signals the backend some time
 * after it has read the request, and a late signal must not hit the next client's query. PostgreSQL
 * closes the connection when it has signalled; that, or cancel_wait_timeout, ends the request. Such
 * connections count against no limit of the upstream's (postmaster, ProcessCancelRequest).
 */
#include <stdlib.h>

#include "proxy/daemon.h"
#include "proxy/log.h"
#include "proxy/server.h"
#include "wire/startup.h"

/* At most so many at once; further ones are left out, and what runs ends by its own time-outs. */
#define CANCELS_MAX 1000

struct cancel {
    struct net_stream stream;
    struct net_timer timer;
    struct base_list link; /* in proxy->cancels */
    struct proxy *proxy;
    struct core_server_id server;
    struct proxy_pool *pool;
    uint32_t pid;
    uint32_t key_bytes;
    uint8_t key[PROXY_CANCEL_KEY_MAX];
};

static struct cancel *of(struct net_stream *stream)
{
    return base_list_entry(stream, struct cancel, stream);
}

static void finish(struct cancel *cancel)
{
    struct proxy_server *server = proxy_server_by_id(cancel->proxy, cancel->server);
    struct proxy_pool *pool = cancel->pool;
    net_timer_set(cancel->proxy->loop, &cancel->timer, BASE_NEVER);
    base_list_remove(&cancel->link);
    cancel->proxy->cancel_count--;
    pool->cancels--;
    explicit_bzero(cancel->key, sizeof(cancel->key));
    free(cancel);
    if (server) {
        proxy_server_cancel_done(server);
    }
    proxy_pool_release(pool);
}

static void on_open(struct net_stream *stream, int status)
{
    struct cancel *cancel = of(stream);
    if (status < 0) {
        net_stream_abort(stream);
        return;
    }
    struct wire_out out;
    wire_out_init(&out, net_turn_alloc(cancel->proxy->loop, WIRE_CANCEL_REQUEST_BYTES_MAX),
                  WIRE_CANCEL_REQUEST_BYTES_MAX);
    wire_cancel_request_put(&out, cancel->pid, base_slice_of(cancel->key, cancel->key_bytes));
    net_stream_send(stream, wire_out_slice(&out));
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
    net_stream_abort(&base_list_entry(timer, struct cancel, timer)->stream);
}

static const struct net_stream_ops stream_ops = {
    .on_open = on_open,
    .on_data = on_data,
    .on_close = on_close,
};

void proxy_cancel_server(struct proxy_server *server)
{
    struct proxy *proxy = server->proxy;
    if (server->key_bytes == 0 || server->cancels > 0 || proxy->cancel_count >= CANCELS_MAX) {
        return;
    }
    struct cancel *cancel = calloc(1, sizeof(*cancel));
    if (!cancel) {
        return;
    }
    cancel->proxy = proxy;
    cancel->server = server->id;
    cancel->pool = server->pool;
    cancel->pid = server->backend_pid;
    cancel->key_bytes = server->key_bytes;
    memcpy(cancel->key, server->key, server->key_bytes);
    cancel->timer.fire = on_timer;
    net_stream_init(&cancel->stream, proxy->loop, &stream_ops, 1024);
    if (net_stream_connect(&cancel->stream, &server->address, &proxy->server_socket) < 0) {
        free(cancel);
        return;
    }
    base_time span = proxy->config->options.cancel_wait_timeout;
    net_timer_set(proxy->loop, &cancel->timer,
                  base_time_add(net_loop_now(proxy->loop), span ? span : BASE_NEVER));
    server->cancels++;
    server->pool->cancels++;
    base_list_push_back(&proxy->cancels, &cancel->link);
    proxy->cancel_count++;
}

void proxy_cancels_abort(struct proxy *proxy)
{
    base_list_each(it, &proxy->cancels)
    {
        net_stream_abort(&base_list_entry(it, struct cancel, link)->stream);
    }
}
