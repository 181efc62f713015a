/* test_fleet.c - several processes, each with its own core, at one upstream that they share.
 *
 * They know nothing of each other; what keeps them apart is the jitter of their back-off, which is
 * drawn from their seeds.
 */
#include "world.h"

#include <stdlib.h>

#define PROCESSES    12
#define CLAIMS       20 /* of each process, all waiting for good */
#define CONNECT_SPAN (20 * BASE_MS)
#define IN_FLIGHT    64

struct connect {
    struct world *process;
    struct core_server_id server;
    base_time ends_at;
};

struct fleet {
    struct world *processes[PROCESSES];
    struct core_pool_id pools[PROCESSES];
    base_time now;
    bool is_down;
    uint32_t capacity, connected;
    struct connect connects[IN_FLIGHT]; /* in the order of their ends */
    uint32_t in_flight, most_in_flight, attempts;
};

/* Takes what the processes' cores want now: connects begin, grants are held for good. */
static void collect(struct fleet *fleet, struct world *process)
{
    while (process->first < process->count) {
        struct core_effect effect = process->effects[process->first++];
        if (effect.kind == CORE_EFFECT_GRANT)
            continue;
        assert_int_equal(effect.kind, CORE_EFFECT_OPEN);
        assert_true(fleet->in_flight < IN_FLIGHT);
        fleet->connects[fleet->in_flight++] =
            (struct connect){process, effect.server, fleet->now + CONNECT_SPAN};
        fleet->attempts++;
        if (fleet->in_flight > fleet->most_in_flight)
            fleet->most_in_flight = fleet->in_flight;
    }
}

static void finish_first(struct fleet *fleet)
{
    struct connect connect = fleet->connects[0];
    fleet->in_flight--;
    for (uint32_t i = 0; i < fleet->in_flight; i++)
        fleet->connects[i] = fleet->connects[i + 1];
    connect.process->now = fleet->now;
    if (fleet->is_down) {
        world_failed(connect.process, connect.server, CORE_FAILURE_REFUSED);
    } else if (fleet->connected == fleet->capacity) {
        world_full(connect.process, connect.server, CORE_SCOPE_UPSTREAM);
    } else {
        fleet->connected++;
        world_opened(connect.process, connect.server);
    }
    collect(fleet, connect.process);
}

/* The process whose core wants to be called next. */
static struct world *next_process(const struct fleet *fleet)
{
    struct world *next = fleet->processes[0];
    for (int i = 1; i < PROCESSES; i++)
        if (core_next_deadline(fleet->processes[i]->core) < core_next_deadline(next->core))
            next = fleet->processes[i];
    return next;
}

static void run(struct fleet *fleet, base_time span)
{
    base_time end = fleet->now + span;
    fleet->attempts = 0;
    fleet->most_in_flight = fleet->in_flight;
    for (;;) {
        struct world *process = next_process(fleet);
        base_time core_at = core_next_deadline(process->core);
        base_time connect_at = fleet->in_flight > 0 ? fleet->connects[0].ends_at : BASE_NEVER;
        base_time at = core_at < connect_at ? core_at : connect_at;
        if (at > end)
            break;
        fleet->now = at > fleet->now ? at : fleet->now;
        if (connect_at <= core_at) {
            finish_first(fleet);
        } else {
            world_fire_at(process, core_at);
            collect(fleet, process);
        }
    }
    fleet->now = end;
}

static struct fleet *fleet_new(uint32_t capacity, bool is_down)
{
    struct fleet *fleet = calloc(1, sizeof(*fleet));
    assert_non_null(fleet);
    fleet->capacity = capacity;
    fleet->is_down = is_down;
    for (uint64_t i = 0; i < PROCESSES; i++) {
        struct world *process = world_new_seeded(100 + i);
        struct core_pool_settings settings = world_settings(10);
        settings.max_connecting = 3;
        fleet->now = process->now;
        fleet->processes[i] = process;
        fleet->pools[i] = world_pool(process, settings);
        for (int j = 0; j < CLAIMS; j++)
            world_claim(process, fleet->pools[i], BASE_NEVER);
        collect(fleet, process);
    }
    return fleet;
}

static void fleet_free(struct fleet *fleet)
{
    for (int i = 0; i < PROCESSES; i++)
        world_free(fleet->processes[i]);
    free(fleet);
}

TEST(processes_that_probe_one_full_upstream_do_not_stampede)
{
    struct fleet *fleet = fleet_new(40, false);
    run(fleet, 120 * BASE_SECOND); /* all have learned: spans of 30 s by now */
    assert_int_equal(fleet->connected, 40);
    run(fleet, 600 * BASE_SECOND);
    /* Each probes every 30 s, a quarter more or less: 20 times, 27 at most. */
    assert_in_range(fleet->attempts, PROCESSES * 10, PROCESSES * 27);
    assert_true(fleet->most_in_flight <= 3);
    for (int i = 0; i < PROCESSES; i++) /* and nobody failed */
        assert_int_equal(world_stats(fleet->processes[i], fleet->pools[i]).timeouts +
                             world_stats(fleet->processes[i], fleet->pools[i]).refusals,
                         0);
    fleet->capacity = 45; /* somebody else left: all of it is found by time */
    run(fleet, 120 * BASE_SECOND);
    assert_int_equal(fleet->connected, 45);
    fleet_free(fleet);
}

TEST(processes_do_not_meet_when_an_upstream_comes_back)
{
    struct fleet *fleet = fleet_new(1000, true);
    run(fleet, 60 * BASE_SECOND);
    assert_int_equal(fleet->connected, 0);
    run(fleet, 60 * BASE_SECOND);
    /* One prober each, a span of 2.5 s on average. */
    assert_in_range(fleet->attempts, PROCESSES * 10, PROCESSES * 40);
    assert_true(fleet->most_in_flight <= 4);
    fleet->is_down = false;
    run(fleet, 10 * BASE_SECOND);
    assert_int_equal(fleet->connected, PROCESSES * 10);
    /* Each begins with one, then two: far from three of each process at once. */
    assert_true(fleet->most_in_flight <= 12);
    fleet_free(fleet);
}
