/* test_random.c - seeded random worlds around the core (random_world.h says what is checked).
 *
 * WEIR_SEED starts at another seed, WEIR_SEEDS runs more worlds, WEIR_EVENTS makes them longer. The
 * seed is printed before each world runs, so a crash names it. bench/core_random.c measures the
 * pace.
 */
#include "test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "random_world.h"

/* So many worlds see everything. */
#define SEEDS_ENOUGH 40

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

TEST(random_worlds_keep_every_promise)
{
    uint64_t first = number_from("WEIR_SEED", 1), seeds = number_from("WEIR_SEEDS", SEEDS_ENOUGH);
    uint64_t events = number_from("WEIR_EVENTS", 20000);
    struct random_result sum = {0};
    for (uint64_t seed = first; seed < first + seeds; seed++) {
        printf("seed %" PRIu64 "\n", seed);
        fflush(stdout);
        struct random_result result = random_world_run(seed, events, 1);
        sum.events += result.events;
        sum.grants += result.grants;
        sum.timeouts += result.timeouts;
        sum.opens += result.opens;
        sum.closes += result.closes;
        sum.checks += result.checks;
        sum.resets += result.resets;
        for (int kind = 0; kind < 4; kind++)
            sum.refused_as_full[kind] += result.refused_as_full[kind];
    }
    printf("%" PRIu64 " events: %" PRIu64 " grants, %" PRIu64 " time-outs, %" PRIu64
           " opens, %" PRIu64 " closes, %" PRIu64 " checks, %" PRIu64
           " resets; refused as full: %" PRIu64 " pools, %" PRIu64 " databases, %" PRIu64
           " users, %" PRIu64 " upstreams\n",
           sum.events, sum.grants, sum.timeouts, sum.opens, sum.closes, sum.checks, sum.resets,
           sum.refused_as_full[0], sum.refused_as_full[1], sum.refused_as_full[2],
           sum.refused_as_full[3]);
    if (seeds < SEEDS_ENOUGH)
        return;
    /* A world in which nothing happens checks nothing. */
    assert_true(sum.grants > sum.events / 20 && sum.timeouts > 0 && sum.opens > 0);
    assert_true(sum.closes > 0 && sum.checks > 0 && sum.resets > 0);
    for (int kind = 0; kind < 4; kind++)
        assert_true(sum.refused_as_full[kind] > 0);
}

TEST(two_runs_of_one_seed_are_equal)
{
    for (uint64_t seed = 1000; seed < 1008; seed++) {
        struct random_result a = random_world_run(seed, 50000, 0);
        struct random_result b = random_world_run(seed, 50000, 0);
        assert_true(a.hash == b.hash && a.events == b.events);
        assert_true(a.hash != random_world_run(seed + 100, 50000, 0).hash);
    }
}

TEST(long_random_world_keeps_every_promise)
{
    uint64_t events = number_from("WEIR_LONG_EVENTS", 2000000);
    uint64_t seed = number_from("WEIR_SEED", 5000);
    printf("seed %" PRIu64 "\n", seed);
    fflush(stdout);
    struct random_result result = random_world_run(seed, events, 0);
    assert_true(result.grants > 0);
}
