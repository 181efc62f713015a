/* resolve.c - host names to addresses: c-ares in the loop, with a cache in front.
 *
 *     net_resolve -> literal: answered at once
 *                 -> entry KNOWN and fresh: answered at once
 *                 -> entry PENDING: waits with the others, one query for all of them
 *                 -> else: entry becomes PENDING, a query begins (A and AAAA; /etc/hosts first)
 *     query done  -> entry KNOWN (addresses, or a failure), everybody who waits is told
 *
 * Invariants
 *   1. An entry that is PENDING, or whose waiters are being told, is not evicted.
 *   2. A lookup is in one entry's list of waiters, or in none; its done() is called once at most.
 *   3. There is a watch for exactly the descriptors c-ares says it has open.
 *
 * c-ares sorts the addresses (RFC 6724). A record's own time to live is not looked at: the cache
 * keeps what the caller of net_resolver_new said. Test: unit/net/test_resolve.c.
 */
#include "net/resolve_internal.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ENTRIES_MAX   1024
#define ADDRESSES_MAX 64
#define QUERY_MS      2000
#define QUERY_TRIES   3

struct resolver_socket {
    struct net_watch watch;
    struct base_list link;
    struct net_resolver *resolver;
};

/* ---- c-ares in the loop ---------------------------------------------------------------------- */

void net_resolver_set_timer(struct net_resolver *resolver)
{
    struct timeval left;
    if (!ares_timeout(resolver->channel, NULL, &left)) {
        net_timer_set(resolver->loop, &resolver->timer, BASE_NEVER);
        return;
    }
    base_time span = (base_time)left.tv_sec * BASE_SECOND + (base_time)left.tv_usec * BASE_US;
    net_timer_set(resolver->loop, &resolver->timer,
                  base_time_add(resolver->loop->now, span + BASE_MS));
}

static void timer_fired(struct net_timer *timer)
{
    struct net_resolver *resolver = base_list_entry(timer, struct net_resolver, timer);
    ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    net_resolver_set_timer(resolver);
}

/* The watch may be gone when c-ares returns. */
static void socket_ready(struct net_watch *watch, bool is_readable, bool is_writable)
{
    struct net_resolver *resolver = base_list_entry(watch, struct resolver_socket, watch)->resolver;
    ares_socket_t fd = watch->fd;
    ares_process_fd(resolver->channel, is_readable ? fd : ARES_SOCKET_BAD,
                    is_writable ? fd : ARES_SOCKET_BAD);
    net_resolver_set_timer(resolver);
}

static struct resolver_socket *find_socket(struct net_resolver *resolver, int fd)
{
    base_list_each(it, &resolver->sockets)
    {
        struct resolver_socket *found = base_list_entry(it, struct resolver_socket, link);
        if (found->watch.fd == fd) {
            return found;
        }
    }
    struct resolver_socket *made = calloc(1, sizeof(*made));
    if (made) {
        made->resolver = resolver;
        made->watch = (struct net_watch){.fd = fd, .fire = socket_ready};
        base_list_push_back(&resolver->sockets, &made->link);
    }
    return made;
}

/* c-ares opened, closed, or wants other events of a descriptor. Without memory for a watch its
 * query runs into the time-out. */
static void socket_state(void *arg, ares_socket_t fd, int is_readable, int is_writable)
{
    struct net_resolver *resolver = arg;
    struct resolver_socket *found = find_socket(resolver, fd);
    if (!found) {
        return;
    }
    if (!is_readable && !is_writable) {
        net_watch_drop(resolver->loop, &found->watch);
        base_list_remove(&found->link);
        free(found);
        return;
    }
    (void)!net_watch_set(resolver->loop, &found->watch, is_readable, is_writable);
}

/* ---- answers --------------------------------------------------------------------------------- */

static void set_port(struct net_address *address, uint16_t port)
{
    uint16_t big_endian = (uint16_t)(port >> 8 | port << 8);
    struct sockaddr_in *in4 = (void *)&address->storage;
    struct sockaddr_in6 *in6 = (void *)&address->storage;
    if (address->storage.ss_family == AF_INET) {
        in4->sin_port = big_endian;
    } else {
        in6->sin6_port = big_endian;
    }
}

/* The addresses are copied to turn memory with the lookup's port: done() may start another lookup
 * of the same name. */
static void answer(const struct entry *entry, struct net_lookup *lookup)
{
    lookup->addresses = NULL;
    lookup->address_count = 0;
    if (entry->status == BASE_OK) {
        size_t bytes = entry->address_count * sizeof(struct net_address);
        lookup->addresses = net_turn_alloc(entry->resolver->loop, bytes);
        lookup->address_count = entry->address_count;
        memcpy(lookup->addresses, entry->addresses, bytes);
        for (uint32_t i = 0; i < entry->address_count; i++) {
            set_port(&lookup->addresses[i], lookup->port);
        }
    }
    lookup->done(lookup, entry->status);
}

static void tell_waiters(struct entry *entry)
{
    entry->is_telling = true;
    while (!base_list_is_empty(&entry->waiting)) {
        struct net_lookup *lookup = base_list_entry(entry->waiting.next, struct net_lookup, link);
        base_list_remove(&lookup->link);
        answer(entry, lookup);
    }
    entry->is_telling = false;
}

static int take_addresses(struct net_address **ret_addresses, uint32_t *ret_count,
                          const struct ares_addrinfo *info)
{
    uint32_t count = 0;
    for (const struct ares_addrinfo_node *it = info->nodes; it; it = it->ai_next) {
        count++;
    }
    count = count < ADDRESSES_MAX ? count : ADDRESSES_MAX;
    struct net_address *addresses = count ? calloc(count, sizeof(*addresses)) : NULL;
    if (!addresses) {
        return BASE_ERESOLVE;
    }
    const struct ares_addrinfo_node *node = info->nodes;
    for (uint32_t i = 0; i < count; i++, node = node->ai_next) {
        memcpy(&addresses[i].storage, node->ai_addr, (size_t)node->ai_addrlen);
        addresses[i].bytes = (socklen_t)node->ai_addrlen;
    }
    *ret_addresses = addresses;
    *ret_count = count;
    return BASE_OK;
}

static bool has_address(const struct net_address *addresses, uint32_t count,
                        const struct net_address *address)
{
    for (uint32_t i = 0; i < count; i++) {
        if (net_address_is_same_host(&addresses[i], address)) {
            return true;
        }
    }
    return false;
}

/* Is one of what was known gone? More addresses than before harm nobody. */
static bool has_moved(const struct entry *entry, const struct net_address *addresses,
                      uint32_t count)
{
    for (uint32_t i = 0; i < entry->address_count; i++) {
        if (!has_address(addresses, count, &entry->addresses[i])) {
            return true;
        }
    }
    return false;
}

/* What was known is kept through a failure: then the name has not moved, it is not told. */
static bool take_answer(struct entry *entry, int ares_status, const struct ares_addrinfo *info)
{
    struct net_address *addresses = NULL;
    uint32_t count = 0;
    entry->status =
        ares_status == ARES_SUCCESS ? take_addresses(&addresses, &count, info) : BASE_ERESOLVE;
    if (entry->status < 0) {
        return false;
    }
    bool moved = has_moved(entry, addresses, count);
    free(entry->addresses);
    entry->addresses = addresses;
    entry->address_count = count;
    return moved;
}

static void query_done(void *arg, int ares_status, int timeouts, struct ares_addrinfo *info)
{
    struct entry *entry = arg;
    struct net_resolver *resolver = entry->resolver;
    (void)timeouts;
    if (resolver->is_closing) {
        ares_freeaddrinfo(info);
        return;
    }
    resolver->query_count--;
    bool moved = take_answer(entry, ares_status, info);
    ares_freeaddrinfo(info);
    entry->state = ENTRY_KNOWN;
    entry->fresh_until = base_time_add(
        resolver->loop->now, entry->status == BASE_OK ? resolver->ttl : resolver->failure_ttl);
    entry->is_telling = true;
    if (moved && resolver->on_change) {
        resolver->on_change(resolver->arg, entry->host, entry->addresses, entry->address_count);
    }
    tell_waiters(entry);
}

void net_resolver_ask(struct entry *entry)
{
    struct net_resolver *resolver = entry->resolver;
    struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    entry->state = ENTRY_PENDING;
    resolver->query_count++;
    ares_getaddrinfo(resolver->channel, entry->host, NULL, &hints, query_done, entry);
    net_resolver_set_timer(resolver);
}

/* ---- entries --------------------------------------------------------------------------------- */

static void entry_free(struct entry *entry)
{
    /* Who still waits is told nothing and may cancel later. */
    while (!base_list_is_empty(&entry->waiting)) {
        base_list_remove(entry->waiting.next);
    }
    base_list_remove(&entry->link);
    entry->resolver->entry_count--;
    free(entry->addresses);
    free(entry);
}

/* Frees the entry that was not used for the longest time; false when all are in use. */
static bool evict_one(struct net_resolver *resolver)
{
    for (struct base_list *it = resolver->entries.prev; it != &resolver->entries; it = it->prev) {
        struct entry *entry = base_list_entry(it, struct entry, link);
        if (entry->state != ENTRY_PENDING && !entry->is_telling) {
            entry_free(entry);
            return true;
        }
    }
    return false;
}

static struct entry *entry_new(struct net_resolver *resolver, const char *host)
{
    if (strlen(host) > HOST_BYTES_MAX ||
        (resolver->entry_count >= ENTRIES_MAX && !evict_one(resolver))) {
        return NULL;
    }
    struct entry *entry = calloc(1, sizeof(*entry));
    if (entry) {
        memcpy(entry->host, host, strlen(host));
        entry->resolver = resolver;
        base_list_init(&entry->waiting);
        base_list_push_front(&resolver->entries, &entry->link);
        resolver->entry_count++;
    }
    return entry;
}

/* The entry of a name, made when there is none, moved to the front. */
static struct entry *entry_of(struct net_resolver *resolver, const char *host)
{
    base_list_each(it, &resolver->entries)
    {
        struct entry *entry = base_list_entry(it, struct entry, link);
        if (strcasecmp(entry->host, host) == 0) {
            base_list_remove(&entry->link);
            base_list_push_front(&resolver->entries, &entry->link);
            return entry;
        }
    }
    return entry_new(resolver, host);
}

/* ---- the interface --------------------------------------------------------------------------- */

void net_resolve(struct net_resolver *resolver, const char *host, uint16_t port,
                 struct net_lookup *lookup)
{
    struct net_address literal;
    base_list_init(&lookup->link);
    lookup->port = port;
    if (net_address_parse(host, port, &literal) == BASE_OK) {
        lookup->addresses = &literal;
        lookup->address_count = 1;
        lookup->done(lookup, BASE_OK);
        return;
    }
    struct entry *entry = host[0] == '/' || !host[0] ? NULL : entry_of(resolver, host);
    if (!entry) {
        lookup->addresses = NULL;
        lookup->address_count = 0;
        lookup->done(lookup, BASE_ERESOLVE);
        return;
    }
    bool is_fresh = entry->state == ENTRY_KNOWN && resolver->loop->now < entry->fresh_until;
    if (is_fresh) {
        answer(entry, lookup);
        return;
    }
    base_list_push_back(&entry->waiting, &lookup->link);
    if (entry->state == ENTRY_PENDING) {
        return;
    }
    net_resolver_ask(entry);
}

void net_lookup_cancel(struct net_lookup *lookup)
{
    if (lookup->link.next) {
        base_list_remove(&lookup->link);
    }
}

void net_resolver_list(const struct net_resolver *resolver,
                       void (*fn)(void *arg, const struct net_resolved *resolved), void *arg)
{
    base_list_each(it, &resolver->entries)
    {
        const struct entry *entry = base_list_entry(it, const struct entry, link);
        if (entry->state == ENTRY_KNOWN) {
            struct net_resolved resolved = {
                .host = entry->host,
                .fresh_for = base_time_since(entry->fresh_until, resolver->loop->now),
                .addresses = entry->addresses,
                .address_count = entry->status == BASE_OK ? entry->address_count : 0,
            };
            fn(arg, &resolved);
        }
    }
}

void net_resolver_configure(struct net_resolver *resolver, base_time ttl, base_time failure_ttl)
{
    resolver->ttl = ttl;
    resolver->failure_ttl = failure_ttl;
}

uint32_t net_resolver_query_count(const struct net_resolver *resolver)
{
    return resolver->query_count;
}

static int open_channel(struct net_resolver *resolver, const char *resolv_conf)
{
    char lookups[] = "fb";
    char path[4096];
    struct ares_options options = {.timeout = QUERY_MS,
                                   .tries = QUERY_TRIES,
                                   .lookups = lookups,
                                   .sock_state_cb = socket_state,
                                   .sock_state_cb_data = resolver};
    int flags = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;
    if (resolv_conf) {
        if (strlen(resolv_conf) >= sizeof(path)) {
            return BASE_ETOOBIG;
        }
        memcpy(path, resolv_conf, strlen(resolv_conf) + 1);
        options.resolvconf_path = path;
        flags |= ARES_OPT_RESOLVCONF;
    }
    int result = ares_init_options(&resolver->channel, &options, flags);
    if (result != ARES_SUCCESS) {
        return result == ARES_ENOMEM ? BASE_ENOMEM : BASE_ESYSTEM;
    }
    int r = resolv_conf ? net_name_servers(resolver->channel, resolv_conf) : BASE_OK;
    if (r < 0) {
        ares_destroy(resolver->channel);
    }
    return r;
}

int net_resolver_new(struct net_loop *loop, const struct net_resolver_options *options,
                     struct net_resolver **ret_resolver)
{
    struct net_resolver *resolver = calloc(1, sizeof(*resolver));
    if (!resolver || ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS) {
        free(resolver);
        return BASE_ENOMEM;
    }
    resolver->loop = loop;
    resolver->on_change = options->on_change;
    resolver->arg = options->arg;
    resolver->timer.fire = timer_fired;
    resolver->zone_timer.fire = net_zones_fire;
    net_resolver_configure(resolver, options->ttl, options->failure_ttl);
    base_list_init(&resolver->entries);
    base_list_init(&resolver->sockets);
    base_list_init(&resolver->zones);
    int r = open_channel(resolver, options->resolv_conf);
    if (r < 0) {
        ares_library_cleanup();
        free(resolver);
        return r;
    }
    *ret_resolver = resolver;
    return BASE_OK;
}

void net_resolver_free(struct net_resolver *resolver)
{
    if (!resolver) {
        return;
    }
    resolver->is_closing = true;
    ares_destroy(resolver->channel);
    ares_library_cleanup();
    net_timer_set(resolver->loop, &resolver->timer, BASE_NEVER);
    net_resolver_check_zones(resolver, 0);
    base_list_each_safe(it, &resolver->entries)
    {
        struct entry *entry = base_list_entry(it, struct entry, link);
        INVARIANT(!entry->is_telling);
        entry_free(entry);
    }
    INVARIANT(base_list_is_empty(&resolver->sockets));
    free(resolver);
}
