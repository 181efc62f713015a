/* fake_upstream.h - a PostgreSQL that only counts connections, for the random test.
 *
 * It decides what becomes of a connect when it completes, and keeps its own count of connections,
 * which a closing one leaves only when the close is complete.
 */
#ifndef FAKE_UPSTREAM_H
#define FAKE_UPSTREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "core/core.h"

enum fake_mode {
    FAKE_UP,
    FAKE_DOWN,
    FAKE_HANGING,
    FAKE_STARTING,
};

struct fake_upstream {
    enum fake_mode mode;
    uint32_t capacity;  /* connections it accepts */
    uint32_t connected; /* connections it counts */
    base_time connect_span;
};

/* How long a connect started now takes to be answered. */
base_time fake_connect_span(const struct fake_upstream *upstream, struct base_random *random);

/* Completes a connect. True when it is accepted (and counted), false with the failure otherwise. */
bool fake_connect(struct fake_upstream *upstream, enum core_failure *ret_failure);

void fake_disconnect(struct fake_upstream *upstream);

/* Draws a new mode and capacity. */
void fake_change(struct fake_upstream *upstream, struct base_random *random);

#endif
