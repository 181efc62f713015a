/* golden.h - the real prices and the demonstration's activities, as the domain sees them. */
#ifndef GOLDEN_H
#define GOLDEN_H

#include "domain/performance.h"

#define GOLDEN_ASSETS 4 /* AAPL AMZN GOOG IBM; the benchmark ^SPX follows them */

struct golden {
    struct asset assets[GOLDEN_ASSETS + 1];
    struct activity activities[64];
    struct portfolio portfolio;
};

/* Reads horizon/data once; fails the test when it cannot. */
const struct golden *golden_load(void);

/* The closes of an asset as a series; the arrays live as long as the program. */
struct series golden_closes(const struct asset *asset, bool is_adjusted);

#endif
