/* address.c - socket addresses as text and back. No name is looked up here (resolve.c does).
 * Test: unit/net/test_address.c.
 */
#include "net/net_internal.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>

bool net_address_is_same_host(const struct net_address *a, const struct net_address *b)
{
    if (a->storage.ss_family != b->storage.ss_family) {
        return false;
    }
    if (a->storage.ss_family == AF_INET) {
        const struct sockaddr_in *left = (const void *)&a->storage,
                                 *right = (const void *)&b->storage;
        return left->sin_addr.s_addr == right->sin_addr.s_addr;
    }
    if (a->storage.ss_family == AF_INET6) {
        const struct sockaddr_in6 *left = (const void *)&a->storage,
                                  *right = (const void *)&b->storage;
        return memcmp(&left->sin6_addr, &right->sin6_addr, sizeof(left->sin6_addr)) == 0;
    }
    return a->bytes == b->bytes && memcmp(&a->storage, &b->storage, a->bytes) == 0;
}

bool net_address_is_loopback(const struct net_address *address)
{
    const struct sockaddr_in *in4 = (const void *)&address->storage;
    const struct sockaddr_in6 *in6 = (const void *)&address->storage;
    if (address->storage.ss_family == AF_INET) {
        return ntohl(in4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    }
    return address->storage.ss_family == AF_INET6 &&
           (IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr) ||
            (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr) &&
             in6->sin6_addr.s6_addr[12] == IN_LOOPBACKNET));
}

bool net_address_is_unix(const struct net_address *address)
{
    return address->storage.ss_family == AF_UNIX;
}

void net_address_text(const struct net_address *address, char *out, size_t bytes)
{
    char host[INET6_ADDRSTRLEN] = "?";
    const struct sockaddr_in *in4 = (const void *)&address->storage;
    const struct sockaddr_in6 *in6 = (const void *)&address->storage;
    const struct sockaddr_un *un = (const void *)&address->storage;
    switch (address->storage.ss_family) {
    case AF_INET:
        inet_ntop(AF_INET, &in4->sin_addr, host, sizeof(host));
        snprintf(out, bytes, "%s:%u", host, ntohs(in4->sin_port));
        break;
    case AF_INET6:
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
        snprintf(out, bytes, "[%s]:%u", host, ntohs(in6->sin6_port));
        break;
    case AF_UNIX: /* the peer of a listener usually has no name */
        snprintf(out, bytes, "unix:%.*s", (int)sizeof(un->sun_path),
                 address->bytes > offsetof(struct sockaddr_un, sun_path) ? un->sun_path : "");
        break;
    default:
        snprintf(out, bytes, "unknown");
    }
}

void net_address_host_text(const struct net_address *address, char *out, size_t bytes)
{
    const struct sockaddr_in *in4 = (const void *)&address->storage;
    const struct sockaddr_in6 *in6 = (const void *)&address->storage;
    char host[INET6_ADDRSTRLEN] = "unix";
    if (address->storage.ss_family == AF_INET) {
        inet_ntop(AF_INET, &in4->sin_addr, host, sizeof(host));
    } else if (address->storage.ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
    }
    snprintf(out, bytes, "%s", host);
}

struct net_peer net_peer_of(const struct net_address *address)
{
    const struct sockaddr_in *in4 = (const void *)&address->storage;
    const struct sockaddr_in6 *in6 = (const void *)&address->storage;
    struct net_peer peer = {.family = address->storage.ss_family};
    if (peer.family == AF_INET) {
        memcpy(peer.host, &in4->sin_addr, sizeof(in4->sin_addr));
        peer.port = ntohs(in4->sin_port);
    } else if (peer.family == AF_INET6) {
        memcpy(peer.host, &in6->sin6_addr, sizeof(in6->sin6_addr));
        peer.port = ntohs(in6->sin6_port);
        peer.scope = in6->sin6_scope_id;
    }
    return peer;
}

struct net_address net_peer_address(const struct net_peer *peer)
{
    struct net_address address = {.storage.ss_family = peer->family,
                                  .bytes = offsetof(struct sockaddr_un, sun_path)};
    struct sockaddr_in *in4 = (void *)&address.storage;
    struct sockaddr_in6 *in6 = (void *)&address.storage;
    if (peer->family == AF_INET) {
        memcpy(&in4->sin_addr, peer->host, sizeof(in4->sin_addr));
        in4->sin_port = htons(peer->port);
        address.bytes = sizeof(*in4);
    } else if (peer->family == AF_INET6) {
        memcpy(&in6->sin6_addr, peer->host, sizeof(in6->sin6_addr));
        in6->sin6_port = htons(peer->port);
        in6->sin6_scope_id = peer->scope;
        address.bytes = sizeof(*in6);
    }
    return address;
}

static int parse_directory(const char *directory, uint16_t port, struct net_address *ret_address)
{
    struct net_address address = {0};
    struct sockaddr_un *un = (void *)&address.storage;
    un->sun_family = AF_UNIX;
    int length =
        snprintf(un->sun_path, sizeof(un->sun_path), "%s/.s.PGSQL.%u", directory, (unsigned)port);
    if (length < 0 || (size_t)length >= sizeof(un->sun_path)) {
        return BASE_EINVALID;
    }
    address.bytes = (socklen_t)sizeof(*un);
    *ret_address = address;
    return BASE_OK;
}

int net_address_parse(const char *host, uint16_t port, struct net_address *ret_address)
{
    struct net_address address = {0};
    struct sockaddr_in *in4 = (void *)&address.storage;
    struct sockaddr_in6 *in6 = (void *)&address.storage;
    if (host[0] == '/') {
        return parse_directory(host, port, ret_address);
    }
    if (inet_pton(AF_INET, host, &in4->sin_addr) == 1) {
        in4->sin_family = AF_INET;
        in4->sin_port = htons(port);
        address.bytes = sizeof(*in4);
    } else if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1) {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(port);
        address.bytes = sizeof(*in6);
    } else {
        return BASE_EINVALID;
    }
    *ret_address = address;
    return BASE_OK;
}
