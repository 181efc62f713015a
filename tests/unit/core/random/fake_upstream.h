/* fake_upstream.h - a PostgreSQL that answers connects, or does not, for the random test.
 *
 * What becomes of a connect is decided when it completes. How many it accepts is a matter of the
 * scopes (random_scope.c).
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
    base_time connect_span;
};

/* How long a connect started now takes to be answered. */
base_time fake_connect_span(const struct fake_upstream *upstream, struct base_random *random);

/* True when whoever connects now is answered at all; false with the failure otherwise. */
bool fake_answers(const struct fake_upstream *upstream, enum core_failure *ret_failure);

/* Draws a new mode. */
void fake_change(struct fake_upstream *upstream, struct base_random *random);

#endif
