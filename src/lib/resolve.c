/* resolve.c - host names to addresses without blocking: c-ares, its sockets in pool->epoll.
 *
 * libpq's own resolving blocks, so it is given addresses only. /etc/hosts comes first, as c-ares
 * reads it; /etc/nsswitch.conf is not followed beyond that. Nothing is cached: a connect is rare.
 * /etc/resolv.conf is read anew for each look-up that finds none under way, so a process outlives
 * its name servers.
 * A look-up carries the server's id and which host it is for: an answer that comes when the server
 * is gone, or tries another host by now, is for nobody.
 * Test: tests/unit/lib/test_resolve.c.
 */
#include "lib/lib.h"

#include <ares.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/time.h>

#define ADDRESSES_MAX 32
#define QUERY_MS      2000
#define QUERY_TRIES   3

struct lookup {
    struct weir_pool *pool;
    struct core_server_id server;
    uint32_t host_idx;
};

/* c-ares says which of its sockets it waits for. */
static void watch(void *data, ares_socket_t fd, int is_readable, int is_writable)
{
    const struct weir_pool *pool = data;
    struct epoll_event event = {
        .events = (is_readable ? EPOLLIN : 0u) | (is_writable ? EPOLLOUT : 0u),
        .data.u64 = (uint64_t)LIB_MARK_RESOLVER << 32 | (uint32_t)fd,
    };
    if (event.events == 0)
        (void)epoll_ctl(pool->epoll, EPOLL_CTL_DEL, fd, NULL);
    else if (epoll_ctl(pool->epoll, EPOLL_CTL_MOD, fd, &event) != 0)
        (void)epoll_ctl(pool->epoll, EPOLL_CTL_ADD, fd, &event); /* else it times out */
}

static int begin(struct weir_pool *pool)
{
    struct timeval left;
    bool is_idle = pool->resolver_depth == 0 && pool->resolver != NULL &&
                   ares_timeout(pool->resolver, NULL, &left) == NULL;
    if (is_idle)
        lib_resolve_done(pool);
    if (pool->resolver != NULL)
        return ARES_SUCCESS;
    struct ares_options options = {
        .timeout = QUERY_MS,
        .tries = QUERY_TRIES,
        .sock_state_cb = watch,
        .sock_state_cb_data = pool,
    };
    int status = ares_library_init(ARES_LIB_INIT_ALL);
    if (status == ARES_SUCCESS)
        status = ares_init_options(&pool->resolver, &options,
                                   ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
    if (status != ARES_SUCCESS)
        pool->resolver = NULL;
    return status;
}

static bool add(struct lib_address *address, const struct sockaddr *sockaddr)
{
    const void *bytes = NULL;
    if (sockaddr->sa_family == AF_INET)
        bytes = &((const struct sockaddr_in *)(const void *)sockaddr)->sin_addr;
    else if (sockaddr->sa_family == AF_INET6)
        bytes = &((const struct sockaddr_in6 *)(const void *)sockaddr)->sin6_addr;
    return bytes != NULL &&
           inet_ntop(sockaddr->sa_family, bytes, address->text, sizeof(address->text)) != NULL;
}

static uint32_t copy(const struct ares_addrinfo *result, struct lib_address *addresses)
{
    uint32_t count = 0;
    for (struct ares_addrinfo_node *node = result->nodes; node != NULL && count < ADDRESSES_MAX;
         node = node->ai_next)
        if (add(&addresses[count], node->ai_addr))
            count++;
    return count;
}

static void answered(void *argument, int status, int timeouts, struct ares_addrinfo *result)
{
    (void)timeouts;
    struct lookup lookup = *(struct lookup *)argument;
    struct weir_pool *pool = lookup.pool;
    struct lib_address *addresses = NULL;
    uint32_t count = 0;
    free(argument);
    if (status == ARES_SUCCESS && result != NULL)
        addresses = calloc(ADDRESSES_MAX, sizeof(*addresses));
    if (addresses != NULL)
        count = copy(result, addresses);
    if (result != NULL)
        ares_freeaddrinfo(result);
    struct lib_server *server = &pool->servers[lookup.server.idx];
    if (status == ARES_EDESTRUCTION || server->id.gen != lookup.server.gen ||
        server->host_idx != lookup.host_idx || server->task != LIB_TASK_RESOLVE) {
        free(addresses);
        return;
    }
    lib_connect_resolved(pool, server, addresses, count,
                         status == ARES_SUCCESS ? "it has no address" : ares_strerror(status));
}

void lib_resolve_begin(struct weir_pool *pool, struct lib_server *server, const char *host)
{
    int status = begin(pool);
    struct lookup *lookup = status == ARES_SUCCESS ? malloc(sizeof(*lookup)) : NULL;
    if (lookup == NULL) {
        lib_connect_resolved(pool, server, NULL, 0,
                             status == ARES_SUCCESS ? "out of memory" : ares_strerror(status));
        return;
    }
    *lookup = (struct lookup){pool, server->id, server->host_idx};
    struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    pool->resolver_depth++;
    ares_getaddrinfo(pool->resolver, host, NULL, &hints, answered, lookup);
    pool->resolver_depth--;
}

void lib_resolve_forget(struct weir_pool *pool, struct lib_server *server)
{
    (void)pool;
    server->task = LIB_TASK_CONNECT; /* answered() looks for LIB_TASK_RESOLVE */
}

/* Answers are taken in from within: the channel must not be ended there. */
static void process(struct weir_pool *pool, ares_socket_t readable, ares_socket_t writable)
{
    if (pool->resolver == NULL)
        return;
    pool->resolver_depth++;
    ares_process_fd(pool->resolver, readable, writable);
    pool->resolver_depth--;
}

void lib_resolve_step(struct weir_pool *pool, int fd, uint32_t events)
{
    bool is_readable = events & (EPOLLIN | EPOLLHUP | EPOLLERR);
    process(pool, is_readable ? fd : ARES_SOCKET_BAD, events & EPOLLOUT ? fd : ARES_SOCKET_BAD);
}

void lib_resolve_tick(struct weir_pool *pool)
{
    if (lib_resolve_deadline(pool) <= pool->now)
        process(pool, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

/* c-ares has its own clock and says spans only: it is asked as long as a look-up is under way. */
base_time lib_resolve_deadline(const struct weir_pool *pool)
{
    struct timeval left;
    if (pool->resolver == NULL || ares_timeout(pool->resolver, NULL, &left) == NULL)
        return BASE_NEVER;
    base_time span = (base_time)left.tv_sec * BASE_SECOND + (base_time)left.tv_usec * BASE_US;
    return span == 0 ? pool->now : base_time_add(pool->now, span + BASE_MS);
}

void lib_resolve_done(struct weir_pool *pool)
{
    if (pool->resolver == NULL)
        return;
    ares_destroy(pool->resolver);
    pool->resolver = NULL;
    ares_library_cleanup();
}
