/* request.c - what a server still owes: a ring that grows by doubling out of an inline part.
 *
 * Always true:
 *   1. capacity is a power of two, PROXY_REQUESTS_INLINE exactly while `ring` is NULL.
 *   2. Entry i (the i-th oldest) is at slot (head + i) % capacity; count <= capacity.
 *   3. capacity <= PROXY_REQUESTS_MAX.
 *
 * A server that owed much keeps its ring until proxy_requests_done: pipelines come again. Owns no
 * statement: who removes an entry drops what it names. Test: tests/unit/proxy/test_request.c.
 */
#include "proxy/request.h"

#include <stdlib.h>

#include "base/invariant.h"

void proxy_requests_init(struct proxy_requests *requests)
{
    *requests = (struct proxy_requests){.capacity = PROXY_REQUESTS_INLINE};
}

void proxy_requests_done(struct proxy_requests *requests)
{
    free(requests->ring);
    proxy_requests_init(requests);
}

static struct proxy_request *slot(struct proxy_requests *requests, uint32_t i)
{
    struct proxy_request *ring = requests->ring ? requests->ring : requests->inlined;
    return &ring[(requests->head + i) & (requests->capacity - 1)];
}

static int grow(struct proxy_requests *requests)
{
    if (requests->capacity >= PROXY_REQUESTS_MAX) {
        return BASE_ECAPACITY;
    }
    uint32_t capacity = requests->capacity * 2;
    struct proxy_request *ring = calloc(capacity, sizeof(*ring));
    if (!ring) {
        return BASE_ENOMEM;
    }
    for (uint32_t i = 0; i < requests->count; i++) {
        ring[i] = *slot(requests, i);
    }
    free(requests->ring);
    requests->ring = ring;
    requests->capacity = capacity;
    requests->head = 0;
    return BASE_OK;
}

int proxy_requests_push(struct proxy_requests *requests, struct proxy_request request)
{
    INVARIANT(requests->count <= requests->capacity);
    if (requests->count == requests->capacity) {
        int r = grow(requests);
        if (r < 0) {
            return r;
        }
    }
    *slot(requests, requests->count) = request;
    requests->count++;
    return BASE_OK;
}

struct proxy_request *proxy_requests_at(struct proxy_requests *requests, uint32_t i)
{
    INVARIANT(i < requests->count);
    return slot(requests, i);
}

struct proxy_request proxy_requests_pop(struct proxy_requests *requests)
{
    INVARIANT(requests->count > 0);
    struct proxy_request request = *slot(requests, 0);
    *slot(requests, 0) = (struct proxy_request){0};
    requests->head = (requests->head + 1) & (requests->capacity - 1);
    requests->count--;
    return request;
}

struct proxy_request proxy_requests_remove(struct proxy_requests *requests, uint32_t i)
{
    INVARIANT(i < requests->count);
    struct proxy_request request = *slot(requests, i);
    for (uint32_t k = i; k + 1 < requests->count; k++) {
        *slot(requests, k) = *slot(requests, k + 1);
    }
    requests->count--;
    *slot(requests, requests->count) = (struct proxy_request){0};
    return request;
}
