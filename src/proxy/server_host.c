/* server_host.c - servers whose host's name leads elsewhere now: replaced when they are given back.
 *
 * Test: tests/system/test_dns.py.
 */
#include <strings.h>

#include "base/invariant.h"
#include "proxy/daemon.h"
#include "proxy/log.h"
#include "proxy/server.h"

struct base_slice proxy_host_of(const char *list, uint32_t n)
{
    uint32_t count = 1;
    for (const char *c = list; *c; c++) {
        count += *c == ',';
    }
    for (n %= count; n > 0; n--) {
        list = strchr(list, ',') + 1;
    }
    return base_slice_of(list, strcspn(list, ","));
}

struct move {
    const char *host;
    const struct net_address *addresses;
    uint32_t address_count;
};

static bool has_moved(const struct proxy_server *server, const struct move *move)
{
    struct base_slice host = proxy_host_of(server->pool->database->upstream->host, server->host_at);
    bool is_settled = server->state != PROXY_SERVER_CLOSING && server->ready_at != 0;
    if (!is_settled || host.bytes != strlen(move->host) ||
        strncasecmp((const char *)host.data, move->host, host.bytes) != 0) {
        return false;
    }
    for (uint32_t i = 0; i < move->address_count; i++) {
        if (net_address_is_same_host(&server->address, &move->addresses[i])) {
            return false;
        }
    }
    return true;
}

static void replace(struct proxy_server *server)
{
    struct core_event event = {.kind = CORE_EVENT_INVALIDATE_SERVER, .server = server->id};
    proxy_log_server(PROXY_LOG, server, "its host has another address now");
    server->is_outdated = true;
    int r = proxy_apply(server->proxy, &event);
    INVARIANT(r == BASE_OK);
    if (server->state == PROXY_SERVER_LINKED) {
        proxy_server_settle(server);
    }
}

void proxy_host_moved(void *arg, const char *host, const struct net_address *addresses,
                      uint32_t address_count)
{
    struct proxy *proxy = arg;
    struct move move = {host, addresses, address_count};
    for (uint32_t i = 0; i < PROXY_SERVERS_MAX; i++) {
        struct proxy_server *server = proxy->servers[i];
        if (server && has_moved(server, &move)) {
            replace(server);
        }
    }
}
