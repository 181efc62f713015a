/* listen.c - the sockets that clients come to: TCP addresses of listen_addr, one Unix socket; or
 * what a service manager has opened for us, then only those. Where the predecessor has handed over
 * a socket of the same address (takeover.h), that one is used.
 *
 * listen_port 0 lets the system choose a port; the log line says which.
 */
#include "proxy/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "proxy/client.h"
#include "proxy/log.h"
#include "proxy/service.h"
#include "proxy/takeover.h"

/* As PgBouncer: what connects and says nothing is accepted after so many seconds. */
#define DEFER_ACCEPT_S 45

static void on_accept(struct net_listener *listener, int fd, const struct net_address *peer)
{
    proxy_client_accept(listener->owner, fd, peer);
}

/* The next listener, ready to be opened; NULL when there is no room. */
static struct net_listener *listener_new(struct proxy *proxy, const char *what)
{
    if (proxy->listener_count == PROXY_LISTENERS_MAX) {
        proxy_log(PROXY_FATAL, "cannot listen on %s: there are more than %d addresses", what,
                  PROXY_LISTENERS_MAX);
        return NULL;
    }
    struct net_listener *listener = &proxy->listeners[proxy->listener_count];
    listener->on_accept = on_accept;
    listener->owner = proxy;
    return listener;
}

static void configure(const struct proxy *proxy, struct net_listener *listener)
{
    if (net_listener_configure(listener, &proxy->client_socket) < 0) {
        proxy_log(PROXY_WARNING, "tcp_keepalive cannot be set: %s", strerror(errno));
    }
}

void proxy_listeners_configure(struct proxy *proxy)
{
    for (uint32_t i = 0; i < proxy->listener_count; i++) {
        if (proxy->listeners[i].is_registered) {
            configure(proxy, &proxy->listeners[i]);
        }
    }
}

static void opened(struct proxy *proxy, struct net_listener *listener)
{
    char text[NET_ADDRESS_TEXT];
    if (!listener->is_taken) {
        configure(proxy, listener);
    }
    proxy->listener_count++;
    net_address_text(&listener->address, text, sizeof(text));
    proxy_log(PROXY_LOG, "listening on %s", text);
}

static struct net_listener_options listen_options(const struct proxy *proxy)
{
    const struct config_options *options = &proxy->config->options;
    return (struct net_listener_options){
        .backlog = (int)options->listen_backlog,
        .unix_socket_mode = (unsigned)options->unix_socket_mode,
        .defer_accept_s = options->tcp_defer_accept ? DEFER_ACCEPT_S : 0,
        .reuse_port = options->so_reuseport,
    };
}

static int open_one(struct proxy *proxy, const struct net_address *address)
{
    const struct net_listener_options listen = listen_options(proxy);
    char text[NET_ADDRESS_TEXT];
    const char *reason = "";
    net_address_text(address, text, sizeof(text));
    struct net_listener *listener = listener_new(proxy, text);
    if (!listener) {
        return BASE_ECAPACITY;
    }
    int taken = proxy_takeover_socket(proxy, address);
    int r = taken >= 0 ? net_listener_take(proxy->loop, listener, taken, &reason)
                       : net_listener_open(proxy->loop, listener, address, &listen, &reason);
    if (r < 0) {
        proxy_log(PROXY_FATAL, "cannot listen on %s: %s%s", text, reason,
                  r == BASE_EINUSE ? "; stop the program that uses it or choose another listen_port"
                                   : "");
        return r;
    }
    opened(proxy, listener);
    return BASE_OK;
}

static int adopt_one(struct proxy *proxy, int fd)
{
    const char *reason = "";
    struct net_listener *listener = listener_new(proxy, "a socket of the service manager");
    if (!listener) {
        return BASE_ECAPACITY;
    }
    int r = net_listener_adopt(proxy->loop, listener, fd, &reason);
    if (r < 0) {
        proxy_log(PROXY_FATAL,
                  "the service manager's socket %d is of no use: %s; it must be a stream socket "
                  "that listens (ListenStream, Accept=no)",
                  fd, reason);
        return r;
    }
    opened(proxy, listener);
    return BASE_OK;
}

/* unix_socket_group: who may connect, where the mode leaves others out. A socket that the
 * predecessor may still serve is left as it is. */
static int give_to_group(const struct proxy *proxy, const struct net_address *address,
                         bool is_taken)
{
    const char *name = proxy->config->options.unix_socket_group;
    const struct sockaddr_un *un = (const void *)&address->storage;
    const struct group *group = *name ? getgrnam(name) : NULL;
    if (!*name || un->sun_path[0] == '\0') {
        return BASE_OK;
    }
    if (!group) {
        proxy_log(PROXY_FATAL, "unix_socket_group: there is no system group \"%s\"", name);
        return BASE_EINVALID;
    }
    if (!is_taken && lchown(un->sun_path, (uid_t)-1, group->gr_gid) != 0) {
        proxy_log(
            PROXY_FATAL,
            "unix_socket_group: %s cannot be given to group \"%s\": %s; start weir as root or "
            "as a member of that group",
            un->sun_path, name, strerror(errno));
        return BASE_ESYSTEM;
    }
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

uint16_t proxy_listeners_unix_port(const struct proxy *proxy)
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

static int adopt_all(struct proxy *proxy)
{
    proxy_log(PROXY_LOG,
              "socket activation: %u sockets of the service manager in place of listen_addr, "
              "listen_port and unix_socket_dir",
              proxy->service_sockets);
    for (uint32_t i = 0; i < proxy->service_sockets; i++) {
        int r = adopt_one(proxy, PROXY_SERVICE_FD + (int)i);
        if (r < 0) {
            return r;
        }
    }
    return BASE_OK;
}

int proxy_listeners_open(struct proxy *proxy)
{
    if (proxy->service_sockets > 0) {
        return adopt_all(proxy);
    }
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
        int r =
            net_address_parse(options->unix_socket_dir, proxy_listeners_unix_port(proxy), &address);
        r = r < 0 ? r : open_one(proxy, &address);
        r = r < 0 ? r
                  : give_to_group(proxy, &address,
                                  proxy->listeners[proxy->listener_count - 1].is_taken);
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

void proxy_listeners_own(struct proxy *proxy)
{
    const struct net_listener_options options = listen_options(proxy);
    for (uint32_t i = 0; i < proxy->listener_count; i++) {
        struct net_listener *listener = &proxy->listeners[i];
        const char *reason = "";
        if (!listener->is_taken) {
            continue;
        }
        int r = net_listener_own(listener, &options, &reason);
        if (r < 0) {
            proxy_log(PROXY_WARNING, "a socket stays as the predecessor had it: %s", reason);
        }
        configure(proxy, listener);
        if (r == BASE_OK && net_address_is_unix(&listener->address)) {
            (void)!give_to_group(proxy, &listener->address, false); /* it has said what is wrong */
        }
    }
}

void proxy_listeners_close_tcp(struct proxy *proxy)
{
    for (uint32_t i = 0; i < proxy->listener_count; i++) {
        if (!net_address_is_unix(&proxy->listeners[i].address)) {
            net_listener_close(&proxy->listeners[i]);
        }
    }
}

void proxy_listeners_close(struct proxy *proxy)
{
    while (proxy->listener_count > 0) {
        net_listener_close(&proxy->listeners[--proxy->listener_count]);
    }
}

void proxy_listeners_leave(struct proxy *proxy)
{
    while (proxy->listener_count > 0) {
        net_listener_leave(&proxy->listeners[--proxy->listener_count]);
    }
}

int proxy_listeners_open_own(struct proxy *proxy, const char *folder, uint16_t port)
{
    const struct net_listener_options options = {
        .backlog = (int)proxy->config->options.listen_backlog,
        .unix_socket_mode = S_IRUSR | S_IWUSR,
    };
    struct net_address address;
    struct net_listener *listener = listener_new(proxy, folder);
    int r = listener ? net_address_parse(folder, port, &address) : BASE_ECAPACITY;
    r = r < 0 ? r : net_listener_open(proxy->loop, listener, &address, &options, NULL);
    if (r == BASE_OK) {
        opened(proxy, listener);
    }
    return r;
}
