/* core_random.c - how many events per second the random worlds of the tests play: the core together
 * with a host, upstreams, clients and checkers in virtual time
 * (tests/unit/core/random/random_world.h).
 *
 * Usage: bench-core-random [quick]
 *
 * It runs a row of seeds, each without core_check() and with one for every 1,000 events, and prints
 * events per second: the sum over all seeds and the slowest seed. An event is a step of the world:
 * something that happens to a server, an arrival, or a deadline of the core. A broken promise
 * aborts with its seed; a speed is never asserted.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "random_world.h"

#define SEED_FIRST 1
#define SEEDS      20

static double clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void run_row(const char *name, uint64_t events, uint32_t check_every)
{
    double sum = 0, slowest = 0;
    uint64_t count = 0, slowest_seed = 0;
    for (uint64_t seed = SEED_FIRST; seed < SEED_FIRST + SEEDS; seed++) {
        double start = clock_seconds();
        uint64_t played = random_world_run(seed, events, check_every).events;
        double seconds = clock_seconds() - start;
        sum += seconds;
        count += played;
        if (seconds / (double)played > slowest) {
            slowest = seconds / (double)played;
            slowest_seed = seed;
        }
    }
    printf("%-34s %8.2f %14.2f (seed %llu)\n", name, (double)count / sum / 1e6, 1e-6 / slowest,
           (unsigned long long)slowest_seed);
}

int main(int argc, char **argv)
{
    bool is_quick = argc > 1 && strcmp(argv[1], "quick") == 0;
    uint64_t events = is_quick ? 50000 : 500000;
    printf("%-34s %8s %14s\n", "random worlds, million events/s", "all", "slowest");
    run_row("without core_check", events, 0);
    run_row("core_check every 1,000 events", events, 1000);
    puts("target: at least 1 million events per second");
    return 0;
}
