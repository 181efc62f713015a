/* fake_upstream.c - a PostgreSQL that answers connects, or does not. */
#include "fake_upstream.h"

#define CONNECT_TIMEOUT (500 * BASE_MS)

base_time fake_connect_span(const struct fake_upstream *upstream, struct base_random *random)
{
    if (upstream->mode == FAKE_HANGING)
        return CONNECT_TIMEOUT;
    return base_random_between(random, upstream->connect_span / 2, upstream->connect_span);
}

bool fake_answers(const struct fake_upstream *upstream, enum core_failure *ret_failure)
{
    switch (upstream->mode) {
    case FAKE_UP:
        return true;
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
    return true;
}

void fake_change(struct fake_upstream *upstream, struct base_random *random)
{
    static const enum fake_mode modes[] = {FAKE_UP,   FAKE_UP,      FAKE_UP,      FAKE_UP,
                                           FAKE_DOWN, FAKE_HANGING, FAKE_STARTING};
    upstream->mode = modes[base_random_below(random, sizeof(modes) / sizeof(modes[0]))];
}
