/* resolve_internal.h - what resolve.c and zones.c share. */
#ifndef NET_RESOLVE_INTERNAL_H
#define NET_RESOLVE_INTERNAL_H

#include <ares.h>

#include "net/net_internal.h"

#define HOST_BYTES_MAX 255 /* RFC 1035, 2.3.4 */

enum entry_state { ENTRY_UNKNOWN, ENTRY_PENDING, ENTRY_KNOWN };

/* A name. Its addresses are the last ones that were found, also after a failure. */
struct entry {
    struct base_list link; /* resolver->entries, the latest used one first */
    struct base_list waiting;
    struct net_resolver *resolver;
    enum entry_state state;
    bool is_telling;
    int status;
    base_time fresh_until;
    struct net_address *addresses;
    uint32_t address_count;
    char host[HOST_BYTES_MAX + 1];
};

struct net_resolver {
    struct net_loop *loop;
    ares_channel channel;
    base_time ttl;
    base_time failure_ttl;
    void (*on_change)(void *arg, const char *host, const struct net_address *addresses,
                      uint32_t address_count);
    void *arg;
    struct net_timer timer; /* when c-ares wants to look at its own time-outs */
    struct base_list entries;
    struct base_list sockets;
    uint32_t entry_count;
    uint32_t query_count;
    bool is_closing;
    struct base_list zones; /* zones.c */
    struct net_timer zone_timer;
    base_time zone_period;
};

/* Begins a query for it; nobody may be waiting yet. */
void net_resolver_ask(struct entry *entry);
/* Arms the timer after c-ares was given something to do. */
void net_resolver_set_timer(struct net_resolver *resolver);
/* The ports of the name servers in this file, if there are any (name_servers.c). */
int net_name_servers(ares_channel channel, const char *path) BASE_MUST_CHECK;
/* The timer of zones.c. */
void net_zones_fire(struct net_timer *timer);

#endif
