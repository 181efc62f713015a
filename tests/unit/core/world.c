/* world.c - a small host for the core's unit tests. */
#include "world.h"

#include <stdlib.h>

struct world *world_new(void)
{
    return world_new_seeded(7);
}

struct world *world_new_seeded(uint64_t seed)
{
    struct core_caps caps = {.scopes = 16, .pools = 16, .servers = 256, .claims = 512};
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    world->memory = calloc(1, core_bytes(&caps));
    assert_non_null(world->memory);
    world->now = 1000 * BASE_SECOND;
    assert_int_equal(core_init(world->memory, &caps, seed, &world->core), 0);
    world->upstream = world_scope(world, CORE_SCOPE_UPSTREAM, CORE_NO_LIMIT);
    world->database = world_scope(world, CORE_SCOPE_DATABASE, CORE_NO_LIMIT);
    world->user = world_scope(world, CORE_SCOPE_USER, CORE_NO_LIMIT);
    return world;
}

void world_free(struct world *world)
{
    free(world->memory);
    free(world);
}

struct core_pool_settings world_settings(uint32_t size)
{
    return (struct core_pool_settings){
        .size = size,
        .max_waiting = CORE_NO_LIMIT,
        .max_connecting = 10,
        .reserve_after = BASE_NEVER,
        .check_after = BASE_NEVER,
        .reset_on_give = true,
    };
}

static void drain(struct world *world)
{
    struct core_effect effect;
    if (world->first == world->count)
        world->first = world->count = 0;
    while (core_effect(world->core, &effect)) {
        assert_true(world->count < WORLD_EFFECTS);
        world->effects[world->count++] = effect;
    }
    core_check(world->core);
}

int world_apply(struct world *world, struct core_event *event)
{
    int status = core_apply(world->core, world->now, event);
    drain(world);
    return status;
}

static void apply_well(struct world *world, struct core_event event)
{
    assert_int_equal(world_apply(world, &event), 0);
}

/* Steps through every deadline on the way, as a host would. */
void world_advance(struct world *world, base_time span)
{
    base_time end = world->now + span;
    while (core_next_deadline(world->core) <= end) {
        base_time at = core_next_deadline(world->core);
        world->now = at > world->now ? at : world->now;
        core_tick(world->core, world->now);
        drain(world);
    }
    world->now = end;
    core_tick(world->core, world->now);
    drain(world);
}

struct core_scope_id world_scope(struct world *world, enum core_scope_kind kind, uint32_t limit)
{
    struct core_event event = {.kind = CORE_EVENT_SCOPE_OPEN, .scope_kind = kind, .limit = limit};
    assert_int_equal(world_apply(world, &event), 0);
    return event.scope;
}

void world_limit(struct world *world, struct core_scope_id scope, uint32_t limit)
{
    apply_well(world,
               (struct core_event){.kind = CORE_EVENT_SCOPE_LIMIT, .scope = scope, .limit = limit});
}

struct core_pool_id world_pool_in(struct world *world, struct core_pool_settings settings,
                                  struct core_scope_id database, struct core_scope_id user)
{
    struct core_event event = {.kind = CORE_EVENT_POOL_OPEN,
                               .settings = &settings,
                               .database = database,
                               .user = user,
                               .upstream = world->upstream,
                               .tag = ++world->next_tag};
    assert_int_equal(world_apply(world, &event), 0);
    return event.pool;
}

struct core_pool_id world_pool(struct world *world, struct core_pool_settings settings)
{
    return world_pool_in(world, settings, world->database, world->user);
}

void world_limits(struct world *world, struct core_pool_id pool, struct core_pool_settings settings)
{
    apply_well(world, (struct core_event){
                          .kind = CORE_EVENT_POOL_LIMITS, .pool = pool, .settings = &settings});
}

struct core_claim_id world_claim_lane(struct world *world, struct core_pool_id pool,
                                      base_time timeout, uint32_t lane)
{
    struct core_event event = {.kind = CORE_EVENT_CLAIM,
                               .pool = pool,
                               .deadline = base_time_add(world->now, timeout),
                               .lane = lane,
                               .tag = ++world->next_tag};
    assert_int_equal(world_apply(world, &event), 0);
    return event.claim;
}

struct core_claim_id world_claim(struct world *world, struct core_pool_id pool, base_time timeout)
{
    return world_claim_lane(world, pool, timeout, 0);
}

void world_cancel(struct world *world, struct core_claim_id claim)
{
    apply_well(world, (struct core_event){.kind = CORE_EVENT_CANCEL, .claim = claim});
}

void world_give(struct world *world, struct core_server_id server, enum core_give give)
{
    apply_well(world, (struct core_event){.kind = CORE_EVENT_GIVE, .server = server, .give = give});
}

void world_opened(struct world *world, struct core_server_id server)
{
    apply_well(world, (struct core_event){.kind = CORE_EVENT_OPENED, .server = server});
}

void world_failed(struct world *world, struct core_server_id server, enum core_failure failure)
{
    apply_well(world, (struct core_event){.kind = CORE_EVENT_OPEN_FAILED,
                                          .server = server,
                                          .failure = failure,
                                          .scope_kind = CORE_SCOPE_UPSTREAM});
}

void world_full(struct world *world, struct core_server_id server, enum core_scope_kind kind)
{
    apply_well(world, (struct core_event){.kind = CORE_EVENT_OPEN_FAILED,
                                          .server = server,
                                          .failure = CORE_FAILURE_FULL,
                                          .scope_kind = kind});
}

void world_server(struct world *world, enum core_event_kind kind, struct core_server_id server,
                  bool ok)
{
    apply_well(world, (struct core_event){.kind = kind, .server = server, .ok = ok});
}

void world_pool_event(struct world *world, enum core_event_kind kind, struct core_pool_id pool)
{
    apply_well(world, (struct core_event){.kind = kind, .pool = pool});
}

struct core_effect world_take(struct world *world, enum core_effect_kind kind)
{
    assert_true(world->first < world->count);
    struct core_effect effect = world->effects[world->first++];
    assert_int_equal(effect.kind, kind);
    return effect;
}

struct core_server_id world_take_open(struct world *world)
{
    return world_take(world, CORE_EFFECT_OPEN).server;
}

struct core_server_id world_take_grant(struct world *world, struct core_claim_id claim)
{
    struct core_effect effect = world_take(world, CORE_EFFECT_GRANT);
    assert_memory_equal(&effect.claim, &claim, sizeof(claim));
    return effect.server;
}

void world_take_refuse(struct world *world, struct core_claim_id claim, int status)
{
    struct core_effect effect = world_take(world, CORE_EFFECT_REFUSE);
    assert_memory_equal(&effect.claim, &claim, sizeof(claim));
    assert_int_equal(effect.status, status);
}

struct core_server_id world_take_close(struct world *world, enum core_close_reason reason)
{
    struct core_effect effect = world_take(world, CORE_EFFECT_CLOSE);
    assert_int_equal(effect.reason, reason);
    return effect.server;
}

struct core_server_id world_take_check(struct world *world)
{
    return world_take(world, CORE_EFFECT_CHECK).server;
}

void world_quiet(const struct world *world)
{
    assert_int_equal(world->count - world->first, 0);
}

struct core_pool_stats world_stats(const struct world *world, struct core_pool_id pool)
{
    struct core_pool_stats stats;
    assert_int_equal(core_pool_stats(world->core, world->now, pool, &stats), 0);
    return stats;
}

struct core_scope_stats world_scope_stats(const struct world *world, struct core_scope_id scope)
{
    struct core_scope_stats stats;
    assert_int_equal(core_scope_stats(world->core, world->now, scope, &stats), 0);
    return stats;
}

struct core_server_id world_lease(struct world *world, struct core_pool_id pool)
{
    struct core_claim_id claim = world_claim(world, pool, BASE_NEVER);
    struct core_server_id server = world_take_open(world);
    world_opened(world, server);
    struct core_server_id granted = world_take_grant(world, claim);
    assert_memory_equal(&granted, &server, sizeof(server));
    return server;
}

void world_finish_close(struct world *world, enum core_close_reason reason)
{
    world_server(world, CORE_EVENT_CLOSED, world_take_close(world, reason), true);
}

void world_fire_at(struct world *world, base_time at)
{
    assert_int_equal(core_next_deadline(world->core), at);
    world->now = at;
    core_tick(world->core, world->now);
    drain(world);
}
