/* log_peer.c - log lines about one client or one server.
 *
 *   C-0x1f: shop/app@10.0.0.7:51234 ...      a client: database/user@its address
 *   S-0x20: shop/app@10.0.0.1:5432 ...       a server: database/user@the upstream's address
 *
 * The number is the serial, also shown as `ptr` on the console. Names come from outside; log.c
 * takes control bytes out of the whole line. Test: tests/system (log lines), through log.c.
 */
#include <inttypes.h>
#include <stdio.h>

#include "proxy/client.h"
#include "proxy/log.h"
#include "proxy/server.h"

#define WHO_BYTES 384

void proxy_log_client(enum proxy_level level, const struct proxy_client *client, const char *format,
                      ...)
{
    if (!proxy_log_has(level)) {
        return;
    }
    char name[WHO_BYTES - 32];
    char who[WHO_BYTES];
    proxy_client_text(client, name, sizeof(name));
    snprintf(who, sizeof(who), "C-0x%" PRIx64 ": %s", client->serial, name);
    va_list arguments;
    va_start(arguments, format);
    proxy_log_named(level, who, format, arguments);
    va_end(arguments);
}

/* The address it is connected to; before there is one, host and port as configured. */
static void server_address(const struct proxy_server *server, char *out, size_t bytes)
{
    const struct proxy_upstream *upstream = server->pool->database->upstream;
    struct net_address address = {.bytes = 0};
    net_stream_peer_address(&server->stream, &address);
    if (net_address_is_unix(&address)) {
        snprintf(out, bytes, "unix:%u", (unsigned)upstream->port);
    } else if (address.bytes > 0) {
        net_address_text(&address, out, bytes);
    } else {
        snprintf(out, bytes, "%s:%u", upstream->host, (unsigned)upstream->port);
    }
}

void proxy_log_server(enum proxy_level level, const struct proxy_server *server, const char *format,
                      ...)
{
    if (!proxy_log_has(level)) {
        return;
    }
    char address[NET_ADDRESS_TEXT];
    char who[WHO_BYTES];
    server_address(server, address, sizeof(address));
    snprintf(who, sizeof(who), "S-0x%" PRIx64 ": %.64s/%.64s@%s", server->serial,
             server->pool->database->name, server->pool->shown_user, address);
    va_list arguments;
    va_start(arguments, format);
    proxy_log_named(level, who, format, arguments);
    va_end(arguments);
}
