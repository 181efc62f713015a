/* core_events.c - how many events per second the pool's state machine takes, alone.
 *
 * Usage: bench-core-events [quick]
 * Plays the host as the daemon does: apply an event, drain the effects, tick when a deadline has
 * come. Time is a variable that advances 1 us per event, so timers are armed, moved and fired as in
 * life, but no clock, no socket and no system call is inside the loop.
 *
 *   idle     one client, one idle server: claim, grant, give
 *   queue    20 servers all lent, 200 claims waiting: every give grants the oldest claim, and its
 *            client queues again
 *   cancel   as queue, but every client withdraws a random waiting claim instead (queue removal)
 *
 * It prints events (core_apply calls) per second, best and median of some runs. It asserts only
 * what the core promises (INVARIANT), never a speed. script/bench core runs it; there is no other
 * test.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/invariant.h"
#include "core/core.h"

#define SERVERS     20
#define WAITING     200
#define RUNS        5
#define DEADLINE_NS (120 * BASE_SECOND)

static const struct core_caps caps = {.scopes = 4, .pools = 4, .servers = 64, .claims = 512};
static const struct core_pool_settings settings_default = {
    .size = SERVERS,
    .max_waiting = CORE_NO_LIMIT,
    .max_connecting = SERVERS,
    .lifetime = 3600 * BASE_SECOND,
    .idle_timeout = 600 * BASE_SECOND,
    .check_after = 30 * BASE_SECOND,
    .reset_on_give = true,
};

struct host {
    void *memory;
    struct core *core;
    struct core_pool_id pool;
    base_time now;
    uint64_t event_count;
    uint32_t server_count; /* opened so far */
    uint32_t lent_count;
    struct core_server_id lent[SERVERS];             /* servers that are leased, any order */
    struct core_claim_id waiting[WAITING + SERVERS]; /* by the claim's tag */
    uint64_t random;
};

static void host_apply(struct host *host, struct core_event *event)
{
    host->now += BASE_US;
    host->event_count++;
    INVARIANT(core_apply(host->core, host->now, event) == BASE_OK);
}

static void host_open_server(struct host *host, struct core_server_id server)
{
    struct core_event event = {.kind = CORE_EVENT_OPENED, .server = server};
    host_apply(host, &event);
    host->server_count++;
}

static void host_drain(struct host *host)
{
    struct core_effect effect;
    if (core_next_deadline(host->core) <= host->now)
        core_tick(host->core, host->now);
    while (core_effect(host->core, &effect)) {
        if (effect.kind == CORE_EFFECT_GRANT) {
            INVARIANT(host->lent_count < SERVERS);
            host->lent[host->lent_count++] = effect.server;
        } else {
            INVARIANT(effect.kind == CORE_EFFECT_OPEN);
            host_open_server(host, effect.server);
        }
    }
}

static void host_claim(struct host *host, uint64_t tag)
{
    struct core_event event = {.kind = CORE_EVENT_CLAIM,
                               .pool = host->pool,
                               .tag = tag,
                               .deadline = host->now + DEADLINE_NS};
    host_apply(host, &event);
    host->waiting[tag] = event.claim;
    host_drain(host);
}

static void host_give(struct host *host, uint32_t idx)
{
    struct core_event event = {
        .kind = CORE_EVENT_GIVE, .server = host->lent[idx], .give = CORE_GIVE_CLEAN};
    host->lent[idx] = host->lent[--host->lent_count];
    host_apply(host, &event);
    host_drain(host);
}

static uint32_t host_random(struct host *host, uint32_t bound)
{
    host->random = host->random * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)((host->random >> 33) % bound);
}

static void host_init(struct host *host, uint32_t pool_size)
{
    struct core_pool_settings settings = settings_default;
    settings.size = pool_size;
    memset(host, 0, sizeof *host);
    host->now = BASE_SECOND;
    host->memory = calloc(1, core_bytes(&caps));
    INVARIANT(host->memory != NULL);
    INVARIANT(core_init(host->memory, &caps, 1, &host->core) == BASE_OK);
    static const enum core_scope_kind kinds[] = {CORE_SCOPE_DATABASE, CORE_SCOPE_USER,
                                                 CORE_SCOPE_UPSTREAM};
    struct core_scope_id scopes[3];
    for (int i = 0; i < 3; i++) {
        struct core_event event = {
            .kind = CORE_EVENT_SCOPE_OPEN, .scope_kind = kinds[i], .limit = CORE_NO_LIMIT};
        host_apply(host, &event);
        scopes[i] = event.scope;
    }
    struct core_event event = {.kind = CORE_EVENT_POOL_OPEN,
                               .settings = &settings,
                               .database = scopes[0],
                               .user = scopes[1],
                               .upstream = scopes[2]};
    host_apply(host, &event);
    host->pool = event.pool;
}

static void host_fill_queue(struct host *host)
{
    for (uint64_t tag = 0; tag < SERVERS + WAITING; tag++)
        host_claim(host, tag);
    INVARIANT(host->server_count == SERVERS && host->lent_count == SERVERS);
}

static void play_idle(struct host *host, uint64_t cycles)
{
    for (uint64_t i = 0; i < cycles; i++) {
        host_claim(host, 0);
        host_give(host, 0);
    }
}

static void play_queue(struct host *host, uint64_t cycles)
{
    for (uint64_t i = 0; i < cycles; i++) {
        host_give(host, host_random(host, host->lent_count));
        host_claim(host, i % WAITING);
    }
}

/* The first SERVERS tags were granted at once; the claims of all others wait for good. */
static void play_cancel(struct host *host, uint64_t cycles)
{
    for (uint64_t i = 0; i < cycles; i++) {
        uint64_t tag = SERVERS + host_random(host, WAITING);
        struct core_event event = {.kind = CORE_EVENT_CANCEL, .claim = host->waiting[tag]};
        host_apply(host, &event);
        host_claim(host, tag);
    }
}

static const struct {
    const char *name, *what;
    uint32_t pool_size;
    void (*play)(struct host *host, uint64_t cycles);
} plays[] = {
    {"idle", "claim + give, a server is idle", 1, play_idle},
    {"queue", "give + claim, 20 servers, 200 waiting", SERVERS, play_queue},
    {"cancel", "cancel + claim, 200 waiting", SERVERS, play_cancel},
};

static double clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void run_play(size_t idx, uint64_t cycles)
{
    double ns_per_event[RUNS];
    struct host host;
    for (int run = 0; run < RUNS; run++) {
        host_init(&host, plays[idx].pool_size);
        if (plays[idx].pool_size == SERVERS)
            host_fill_queue(&host);
        plays[idx].play(&host, cycles / 10);
        uint64_t before = host.event_count;
        double start = clock_ns();
        plays[idx].play(&host, cycles);
        ns_per_event[run] = (clock_ns() - start) / (double)(host.event_count - before);
        core_check(host.core);
        free(host.memory);
    }
    qsort(ns_per_event, RUNS, sizeof *ns_per_event, compare_doubles);
    double median = ns_per_event[RUNS / 2];
    printf("%-8s %-38s %7.1f %7.1f %10.2f\n", plays[idx].name, plays[idx].what, ns_per_event[0],
           median, 1e3 / median);
}

int main(int argc, char **argv)
{
    bool is_quick = argc > 1 && strcmp(argv[1], "quick") == 0;
    printf("%-47s %7s %7s %10s\n", "ns per event (core_apply and its effects)", "best", "median",
           "M events/s");
    for (size_t i = 0; i < sizeof plays / sizeof plays[0]; i++)
        run_play(i, is_quick ? 100000 : 1000000);
    puts("target: at least 2 million events per second (the simulator's pace)");
    return 0;
}
