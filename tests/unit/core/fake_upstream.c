/* fake_upstream.c - a PostgreSQL that only counts connections. */
#include "fake_upstream.h"

#include "base/invariant.h"

#define CONNECT_TIMEOUT (500 * BASE_MS)

base_time fake_connect_span(const struct fake_upstream *upstream, struct base_random *random)
{
    if (upstream->mode == FAKE_HANGING)
        return CONNECT_TIMEOUT;
    return base_random_between(random, upstream->connect_span / 2, upstream->connect_span);
}

bool fake_connect(struct fake_upstream *upstream, enum core_failure *ret_failure)
{
    switch (upstream->mode) {
    case FAKE_UP:
        break;
    case FAKE_DOWN:
        *ret_failure = CORE_FAILURE_REFUSED;
        return false;
    case FAKE_HANGING:
        *ret_failure = CORE_FAILURE_TIMEOUT;
        return false;
    case FAKE_STARTING:
        *ret_failure = CORE_FAILURE_STARTING;
        return false;
    }
    if (upstream->connected >= upstream->capacity) {
        *ret_failure = CORE_FAILURE_FULL;
        return false;
    }
    upstream->connected++;
    return true;
}

void fake_disconnect(struct fake_upstream *upstream)
{
    INVARIANT(upstream->connected > 0);
    upstream->connected--;
}

void fake_change(struct fake_upstream *upstream, struct base_random *random)
{
    static const enum fake_mode modes[] = {FAKE_UP,   FAKE_UP,      FAKE_UP,      FAKE_UP,
                                           FAKE_DOWN, FAKE_HANGING, FAKE_STARTING};
    upstream->mode = modes[base_random_below(random, sizeof(modes) / sizeof(modes[0]))];
    upstream->capacity =
        base_random_below(random, 2) ? CORE_NO_LIMIT : (uint32_t)base_random_below(random, 16);
}
