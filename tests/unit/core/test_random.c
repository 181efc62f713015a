/* test_random.c - seeded random worlds around the core (random_world.h says what is checked).
 *
 * WEIR_SEED starts at another seed, WEIR_SEEDS runs more worlds, WEIR_EVENTS makes them longer. The
 * seed is printed before each world runs, so a crash names it.
 */
#include "test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "random_world.h"

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

TEST(random_worlds_keep_every_promise)
{
    uint64_t first = number_from("WEIR_SEED", 1), seeds = number_from("WEIR_SEEDS", 40);
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
    }
    printf("%" PRIu64 " events: %" PRIu64 " grants, %" PRIu64 " time-outs, %" PRIu64
           " opens, %" PRIu64 " closes, %" PRIu64 " checks, %" PRIu64 " resets\n",
           sum.events, sum.grants, sum.timeouts, sum.opens, sum.closes, sum.checks, sum.resets);
    /* A world in which nothing happens checks nothing. */
    assert_true(sum.grants > sum.events / 20 && sum.timeouts > 0 && sum.opens > 0);
    assert_true(sum.closes > 0 && sum.checks > 0 && sum.resets > 0);
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

TEST(long_random_world_keeps_its_promises_and_its_pace)
{
    uint64_t events = number_from("WEIR_LONG_EVENTS", 2000000);
    uint64_t seed = number_from("WEIR_SEED", 5000);
    struct timespec from, to;
    printf("seed %" PRIu64 "\n", seed);
    clock_gettime(CLOCK_MONOTONIC, &from);
    struct random_result result = random_world_run(seed, events, 0);
    clock_gettime(CLOCK_MONOTONIC, &to);
    double seconds = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
    printf("%" PRIu64 " events in %.2f s: %.2f million/s\n", result.events, seconds,
           (double)result.events / seconds / 1e6);
    assert_true(result.grants > 0);
}
