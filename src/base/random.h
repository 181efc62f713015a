/* random.h - seeded random numbers for decisions (jitter, simulation), never for secrets.
 *
 * xoshiro256** (Blackman, Vigna: "Scrambled linear pseudorandom number generators", 2018), its
 * state filled by splitmix64 as its authors advise. One seed, one sequence, on every machine.
 * Test: tests/unit/base/test_random.c.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stdint.h>

#include "base/time.h"

struct base_random {
    uint64_t state[4];
};

void base_random_init(struct base_random *random, uint64_t seed);

uint64_t base_random_next(struct base_random *random);

/* Evenly distributed in [0, bound); 0 when bound is 0. */
uint64_t base_random_below(struct base_random *random, uint64_t bound);

/* Evenly distributed in [low, high]; needs low <= high. */
uint64_t base_random_between(struct base_random *random, uint64_t low, uint64_t high);

/* `span` moved by at most `percent` (0 to 100) of itself either way. */
base_time base_random_jitter(struct base_random *random, base_time span, unsigned percent);

#endif
