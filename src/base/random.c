/* random.c - xoshiro256** seeded by splitmix64. Test: tests/unit/base/test_random.c. */
#include "base/random.h"

#include "base/invariant.h"

static uint64_t rotate_left(uint64_t x, int bits)
{
    return (x << bits) | (x >> (64 - bits));
}

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

void base_random_init(struct base_random *random, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        random->state[i] = splitmix(&seed);
}

uint64_t base_random_next(struct base_random *random)
{
    uint64_t *s = random->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t base_random_below(struct base_random *random, uint64_t bound)
{
    if (bound == 0)
        return 0;
    /* Numbers under `skip` would make the low results a little more likely: draw again. */
    uint64_t skip = (0 - bound) % bound;
    for (;;) {
        uint64_t x = base_random_next(random);
        if (x >= skip)
            return x % bound;
    }
}

uint64_t base_random_between(struct base_random *random, uint64_t low, uint64_t high)
{
    INVARIANT(low <= high);
    uint64_t width = high - low + 1;
    return width == 0 ? base_random_next(random) : low + base_random_below(random, width);
}

base_time base_random_jitter(struct base_random *random, base_time span, unsigned percent)
{
    INVARIANT(percent <= 100);
    if (span == BASE_NEVER)
        return span;
    base_time reach = span / 100 * percent;
    return base_time_add(span - reach, base_random_between(random, 0, 2 * reach));
}
