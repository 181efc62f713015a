/* listen.c - the sockets that clients come to: TCP addresses of listen_addr, one Unix socket.
 *
 * listen_port 0 lets the system choose a port; the log line says which.
 */
#include "proxy/listen.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "proxy/client.h"
#include "proxy/log.h"

static void on_accept(struct net_listener *listener, int fd, const struct net_address *peer)
{
    proxy_client_accept(listener->owner, fd, peer);
}

static int open_one(struct proxy *proxy, const struct net_address *address)
{
    const struct config_options *options = &proxy->config->options;
    char text[NET_ADDRESS_TEXT];
    const char *reason = "";
    net_address_text(address, text, sizeof(text));
    if (proxy->listener_count == PROXY_LISTENERS_MAX) {
        proxy_log(PROXY_FATAL, "cannot listen on %s: listen_addr names more than %d addresses",
                  text, PROXY_LISTENERS_MAX);
        return BASE_ECAPACITY;
    }
    struct net_listener *listener = &proxy->listeners[proxy->listener_count];
    listener->on_accept = on_accept;
    listener->owner = proxy;
    int r = net_listener_open(proxy->loop, listener, address, (int)options->listen_backlog,
                              (unsigned)options->unix_socket_mode, &reason);
    if (r < 0) {
        proxy_log(PROXY_FATAL, "cannot listen on %s: %s%s", text, reason,
                  r == BASE_EINUSE ? "; stop the program that uses it or choose another listen_port"
                                   : "");
        return r;
    }
    proxy->listener_count++;
    net_address_text(&listener->address, text, sizeof(text));
    proxy_log(PROXY_LOG, "listening on %s", text);
    return BASE_OK;
}

static int open_host(struct proxy *proxy, const char *host)
{
    struct net_address address;
    int r = net_address_parse(host, (uint16_t)proxy->config->options.listen_port, &address);
    if (r < 0) {
        proxy_log(PROXY_FATAL,
                  "listen_addr: \"%s\" is not an address: give IPv4 or IPv6 addresses, "
                  "localhost or *",
                  host);
        return r;
    }
    return open_one(proxy, &address);
}

static int open_item(struct proxy *proxy, struct base_slice item)
{
    char host[256];
    if (base_slice_is(item, "*")) {
        int r = open_host(proxy, "0.0.0.0");
        return r < 0 ? r : open_host(proxy, "::");
    }
    if (base_slice_is(item, "localhost")) {
        return open_host(proxy, "127.0.0.1");
    }
    snprintf(host, sizeof(host), "%.*s", (int)item.bytes, (const char *)item.data);
    return open_host(proxy, host);
}

/* The port that the Unix socket is named after: the TCP one, also when the system chose it. */
static uint16_t socket_port(const struct proxy *proxy)
{
    const struct sockaddr_storage *storage = &proxy->listeners[0].address.storage;
    if (proxy->listener_count > 0 && storage->ss_family == AF_INET) {
        return ntohs(((const struct sockaddr_in *)(const void *)storage)->sin_port);
    }
    if (proxy->listener_count > 0 && storage->ss_family == AF_INET6) {
        return ntohs(((const struct sockaddr_in6 *)(const void *)storage)->sin6_port);
    }
    return (uint16_t)proxy->config->options.listen_port;
}

int proxy_listeners_open(struct proxy *proxy)
{
    const struct config_options *options = &proxy->config->options;
    const char *rest = options->listen_addr;
    struct base_slice item;
    while (config_list_next(&rest, &item)) {
        int r = open_item(proxy, item);
        if (r < 0) {
            return r;
        }
    }
    if (*options->unix_socket_dir) {
        struct net_address address;
        int r = net_address_parse(options->unix_socket_dir, socket_port(proxy), &address);
        r = r < 0 ? r : open_one(proxy, &address);
        if (r < 0) {
            return r;
        }
    }
    if (proxy->listener_count == 0) {
        proxy_log(PROXY_FATAL, "nothing to listen on: set listen_addr or unix_socket_dir");
        return BASE_ECONFIG;
    }
    return BASE_OK;
}

void proxy_listeners_close(struct proxy *proxy)
{
    while (proxy->listener_count > 0) {
        net_listener_close(&proxy->listeners[--proxy->listener_count]);
    }
}
