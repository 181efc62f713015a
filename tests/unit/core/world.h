/* world.h - a small host for the core's unit tests: virtual time, one upstream, effects in a list.
 *
 * Every call applies one event, asserts success unless its name says otherwise, drains the effects
 * into a list and runs core_check(). The take_* functions remove the oldest effect of a kind and
 * fail the test when the next effect is another; world_quiet() says that none is left.
 */
#ifndef WORLD_H
#define WORLD_H

#include "test.h"

#include "core/core.h"

#define WORLD_EFFECTS 4096

struct world {
    void *memory;
    struct core *core;
    base_time now;
    struct core_scope_id upstream, database, user;
    struct core_effect effects[WORLD_EFFECTS];
    uint32_t first, count;
    uint64_t next_tag;
};

/* A core for some hundred objects with one scope of each kind, without limits. */
struct world *world_new(void);
/* The same with a seed of its own: one process of several. */
struct world *world_new_seeded(uint64_t seed);
void world_free(struct world *world);

/* size 2, nothing else, one connect at a time per waiter up to 10; no time-outs, no checks. */
struct core_pool_settings world_settings(uint32_t size);

int world_apply(struct world *world, struct core_event *event);
void world_advance(struct world *world, base_time span);

struct core_scope_id world_scope(struct world *world, enum core_scope_kind kind, uint32_t limit);
void world_limit(struct world *world, struct core_scope_id scope, uint32_t limit);
struct core_pool_id world_pool(struct world *world, struct core_pool_settings settings);
struct core_pool_id world_pool_in(struct world *world, struct core_pool_settings settings,
                                  struct core_scope_id database, struct core_scope_id user);
void world_limits(struct world *world, struct core_pool_id pool,
                  struct core_pool_settings settings);

/* A claim with a time-out from now; BASE_NEVER waits for ever. */
struct core_claim_id world_claim(struct world *world, struct core_pool_id pool, base_time timeout);
struct core_claim_id world_claim_lane(struct world *world, struct core_pool_id pool,
                                      base_time timeout, uint32_t lane);
void world_cancel(struct world *world, struct core_claim_id claim);
void world_give(struct world *world, struct core_server_id server, enum core_give give);
void world_opened(struct world *world, struct core_server_id server);
void world_failed(struct world *world, struct core_server_id server, enum core_failure failure);
void world_full(struct world *world, struct core_server_id server, enum core_scope_kind kind);
/* Any event that names a server and `ok`. */
void world_server(struct world *world, enum core_event_kind kind, struct core_server_id server,
                  bool ok);
/* Any event that names a pool only. */
void world_pool_event(struct world *world, enum core_event_kind kind, struct core_pool_id pool);

struct core_effect world_take(struct world *world, enum core_effect_kind kind);
struct core_server_id world_take_open(struct world *world);
/* The server granted; asserts whose claim it is. */
struct core_server_id world_take_grant(struct world *world, struct core_claim_id claim);
void world_take_refuse(struct world *world, struct core_claim_id claim, int status);
struct core_server_id world_take_close(struct world *world, enum core_close_reason reason);
struct core_server_id world_take_check(struct world *world);
void world_quiet(const struct world *world);

struct core_pool_stats world_stats(const struct world *world, struct core_pool_id pool);
struct core_scope_stats world_scope_stats(const struct world *world, struct core_scope_id scope);

/* CLAIM, OPEN, OPENED, GRANT: a leased server out of an empty pool. */
struct core_server_id world_lease(struct world *world, struct core_pool_id pool);
/* Closes a server by its CLOSE effect and CLOSED. */
void world_finish_close(struct world *world, enum core_close_reason reason);

/* A tick at the core's next deadline; fails when that is not exactly `at`. */
void world_fire_at(struct world *world, base_time at);

#endif
