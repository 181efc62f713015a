/* random_world.c - a world around the core, drawn from a seed, with its own checkers.
 * What it promises is in random_world.h. */
#include "random_world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "base/list.h"
#include "fake_upstream.h"

#define UPSTREAMS 2
#define DATABASES 2
#define USERS     2
#define POOLS     6
#define SERVERS   96
#define CLAIMS    512

/* A slot is held for another pool's older claim no longer than a few closings take. */
#define HELD_MOST (500 * BASE_MS)

enum server_state { GONE, CONNECTING, IDLING, CHECKING, HELD, RESETTING, CLOSING, APART };

struct server {
    struct base_heap_node node; /* what happens next */
    enum server_state state;
    struct core_server_id id;
    int pool;
    bool is_connected; /* the upstream counts it */
    bool is_prober;
};

struct claim {
    struct base_list link; /* in its pool's lane */
    bool is_waiting;
    struct core_claim_id id;
    int pool;
    uint32_t lane;
    base_time since, deadline;
    uint64_t tag;
};

struct scope {
    struct core_scope_id id;
    uint32_t limit, count;
};

struct pool {
    struct core_pool_id id;
    bool is_open, is_paused, login_fails, is_used;
    int database, user, upstream;
    struct core_pool_settings settings;
    uint32_t count, connecting, checking, leaving; /* leaving: closing or detached */
    uint32_t waiting;
    base_time slot_seen; /* last time without a free slot beside a claim */
    struct base_list lanes[CORE_LANES];
};

struct world {
    uint64_t seed;
    struct base_random random;
    struct core *core;
    base_time now, next_arrival, arrival_span, hold_span;
    struct base_heap heap;
    struct base_heap_entry entries[SERVERS];
    struct server servers[SERVERS];
    struct claim claims[CLAIMS];
    struct pool pools[POOLS];
    struct scope databases[DATABASES], users[USERS], upstreams[UPSTREAMS];
    struct fake_upstream fakes[UPSTREAMS];
    bool is_out[UPSTREAMS];
    uint32_t probers[UPSTREAMS];
    bool has_faults, has_operator, has_kills, has_lanes, is_ending;
    uint64_t next_tag;
    struct random_result result;
};

/* ---- checking -------------------------------------------------------------------------------- */

static void fail(const struct world *w, const char *what, int line)
{
    fprintf(stderr, "random world: seed %" PRIu64 ", event %" PRIu64 ", line %d: %s\n", w->seed,
            w->result.events, line, what);
    abort();
}

#define REQUIRE(w, e) ((e) ? (void)0 : fail((w), #e, __LINE__))

static void apply(struct world *w, struct core_event *event);

static void apply_server(struct world *w, enum core_event_kind kind, struct server *server, bool ok)
{
    struct core_event event = {.kind = kind, .server = server->id, .ok = ok};
    apply(w, &event);
}

static void mix(struct world *w, uint64_t x)
{
    w->result.hash = (w->result.hash ^ x) * 0x100000001b3;
}

static void hash_effect(struct world *w, const struct core_effect *e)
{
    mix(w, (uint64_t)e->kind << 32 | e->server.idx);
    mix(w, (uint64_t)e->server.gen << 32 | e->claim.idx);
    mix(w, (uint64_t)e->claim.gen << 32 | e->pool.idx);
    mix(w, e->tag);
    mix(w, e->waited);
    mix(w, (uint64_t)(uint32_t)e->status << 32 | (uint64_t)e->reason << 24 | e->ahead);
    mix(w, w->now);
}

static uint32_t below(struct world *w, uint32_t bound)
{
    return (uint32_t)base_random_below(&w->random, bound);
}

static base_time around(struct world *w, base_time span)
{
    return base_random_between(&w->random, span / 2, span + span / 2);
}

/* ---- servers, as the world sees them --------------------------------------------------------- */

static struct server *server_of(struct world *w, struct core_server_id id)
{
    REQUIRE(w, id.idx < SERVERS);
    struct server *server = &w->servers[id.idx];
    REQUIRE(w, server->state != GONE && server->id.gen == id.gen);
    return server;
}

static void count_server(struct world *w, const struct pool *pool, int by)
{
    w->databases[pool->database].count += (uint32_t)by;
    w->users[pool->user].count += (uint32_t)by;
    w->upstreams[pool->upstream].count += (uint32_t)by;
    w->pools[pool - w->pools].count += (uint32_t)by;
}

static void leave_connecting(struct world *w, struct server *server)
{
    w->pools[server->pool].connecting--;
    if (server->is_prober) {
        w->probers[w->pools[server->pool].upstream]--;
        server->is_prober = false;
    }
}

static void disconnect(struct world *w, struct server *server)
{
    if (server->is_connected)
        fake_disconnect(&w->fakes[w->pools[server->pool].upstream]);
    server->is_connected = false;
}

/* The world's record ends before the core hears of it, so that effects see the truth. */
static void remove_server(struct world *w, struct server *server)
{
    base_heap_remove(&w->heap, &server->node);
    disconnect(w, server);
    count_server(w, &w->pools[server->pool], -1);
    server->state = GONE;
}

static void begin(struct world *w, struct server *server, enum server_state state, base_time span)
{
    server->state = state;
    base_heap_set(&w->heap, &server->node, w->now + span);
}

/* ---- effects --------------------------------------------------------------------------------- */

static uint32_t wanted_most(const struct pool *pool)
{
    uint32_t present = pool->count - pool->leaving - pool->connecting;
    uint32_t minimum = pool->settings.min_size < pool->settings.size ? pool->settings.min_size
                                                                     : pool->settings.size;
    return pool->waiting + (minimum > present ? minimum - present : 0);
}

static int pool_of(struct world *w, struct core_pool_id id)
{
    for (int i = 0; i < POOLS; i++)
        if (w->pools[i].is_open && w->pools[i].id.idx == id.idx && w->pools[i].id.gen == id.gen)
            return i;
    fail(w, "effect names an open pool", __LINE__);
    return -1;
}

static void on_open(struct world *w, const struct core_effect *e)
{
    struct server *server = &w->servers[e->server.idx];
    REQUIRE(w, e->server.idx < SERVERS && server->state == GONE);
    server->pool = pool_of(w, e->pool);
    server->id = e->server;
    struct pool *pool = &w->pools[server->pool];
    const struct core_pool_settings *s = &pool->settings;
    REQUIRE(w, !pool->is_paused && pool->is_used);
    REQUIRE(w, pool->count < s->size + s->overflow + s->reserve);
    REQUIRE(w, w->databases[pool->database].count < w->databases[pool->database].limit);
    REQUIRE(w, w->users[pool->user].count < w->users[pool->user].limit);
    REQUIRE(w, w->upstreams[pool->upstream].count < w->upstreams[pool->upstream].limit);
    REQUIRE(w, pool->connecting < s->max_connecting);
    REQUIRE(w, pool->connecting < wanted_most(pool));
    if (w->is_out[pool->upstream]) {
        REQUIRE(w, w->probers[pool->upstream] == 0);
        w->probers[pool->upstream] = 1;
        server->is_prober = true;
    }
    pool->connecting++;
    count_server(w, pool, 1);
    server->is_connected = false;
    begin(w, server, CONNECTING, fake_connect_span(&w->fakes[pool->upstream], &w->random));
    w->result.opens++;
}

static struct claim *end_claim(struct world *w, const struct core_effect *e)
{
    REQUIRE(w, e->claim.idx < CLAIMS);
    struct claim *claim = &w->claims[e->claim.idx];
    REQUIRE(w, claim->is_waiting && claim->id.gen == e->claim.gen && claim->tag == e->tag);
    REQUIRE(w, e->waited == w->now - claim->since);
    return claim;
}

static void forget_claim(struct world *w, struct claim *claim)
{
    claim->is_waiting = false;
    base_list_remove(&claim->link);
    w->pools[claim->pool].waiting--;
}

static void on_grant(struct world *w, const struct core_effect *e)
{
    struct claim *claim = end_claim(w, e);
    struct pool *pool = &w->pools[claim->pool];
    struct server *server = server_of(w, e->server);
    REQUIRE(w, w->now < claim->deadline || w->now == claim->since);
    REQUIRE(w, pool->lanes[claim->lane].next == &claim->link);
    REQUIRE(w, server->state == IDLING && server->pool == claim->pool && server->is_connected);
    REQUIRE(w, pool->is_open && !pool->is_paused);
    forget_claim(w, claim);
    begin(w, server, HELD, around(w, w->hold_span));
    w->result.grants++;
}

static void on_refuse(struct world *w, const struct core_effect *e)
{
    struct claim *claim = end_claim(w, e);
    struct pool *pool = &w->pools[claim->pool];
    if (e->status == BASE_ETIMEDOUT) {
        REQUIRE(w, w->now == claim->deadline || claim->deadline < claim->since);
        w->result.timeouts++;
    } else if (e->status == BASE_EQUEUEFULL) {
        REQUIRE(w, pool->waiting > pool->settings.max_waiting);
    } else if (e->status == BASE_ECLOSED) {
        REQUIRE(w, !pool->is_open);
    } else {
        REQUIRE(w, e->status == BASE_EUPSTREAMAUTH && w->has_faults);
    }
    forget_claim(w, claim);
    w->result.refusals++;
}

static void on_close(struct world *w, const struct core_effect *e)
{
    struct server *server = server_of(w, e->server);
    REQUIRE(w, server->state == IDLING);
    begin(w, server, CLOSING, around(w, 5 * BASE_MS));
    w->pools[server->pool].leaving++;
    w->result.closes++;
}

static void on_effect(struct world *w, const struct core_effect *e)
{
    struct server *server;
    hash_effect(w, e);
    switch (e->kind) {
    case CORE_EFFECT_OPEN:
        on_open(w, e);
        break;
    case CORE_EFFECT_GRANT:
        on_grant(w, e);
        break;
    case CORE_EFFECT_REFUSE:
        on_refuse(w, e);
        break;
    case CORE_EFFECT_NOTIFY:
        (void)end_claim(w, e);
        break;
    case CORE_EFFECT_CHECK:
        server = server_of(w, e->server);
        REQUIRE(w, server->state == IDLING);
        w->pools[server->pool].checking++;
        begin(w, server, CHECKING, around(w, BASE_MS));
        w->result.checks++;
        break;
    case CORE_EFFECT_RESET:
        server = server_of(w, e->server);
        REQUIRE(w, server->state == IDLING);
        begin(w, server, RESETTING, around(w, BASE_MS));
        w->result.resets++;
        break;
    case CORE_EFFECT_CLOSE:
        on_close(w, e);
        break;
    }
}

static void drain(struct world *w)
{
    struct core_effect effect;
    while (core_effect(w->core, &effect))
        on_effect(w, &effect);
}

static void apply(struct world *w, struct core_event *event)
{
    int status = core_apply(w->core, w->now, event);
    REQUIRE(w, status == 0);
    drain(w);
}

/* ---- what happens to servers ----------------------------------------------------------------- */

static void finish_connect(struct world *w, struct server *server)
{
    struct pool *pool = &w->pools[server->pool];
    enum core_failure failure = CORE_FAILURE_AUTH;
    bool is_accepted = fake_connect(&w->fakes[pool->upstream], &failure);
    leave_connecting(w, server);
    if (is_accepted && !pool->login_fails) {
        w->is_out[pool->upstream] = false;
        server->is_connected = true;
        server->state = IDLING;
        apply_server(w, CORE_EVENT_OPENED, server, true);
        return;
    }
    if (is_accepted) {
        fake_disconnect(&w->fakes[pool->upstream]);
        failure = CORE_FAILURE_AUTH;
    }
    if (failure == CORE_FAILURE_AUTH || failure == CORE_FAILURE_FULL)
        w->is_out[pool->upstream] = false;
    else
        w->is_out[pool->upstream] = true;
    struct core_event event = {.kind = CORE_EVENT_OPEN_FAILED,
                               .server = server->id,
                               .failure = failure,
                               .scope_kind = CORE_SCOPE_UPSTREAM};
    remove_server(w, server);
    apply(w, &event);
}

static void finish_lease(struct world *w, struct server *server)
{
    static const enum core_give gives[] = {
        CORE_GIVE_CLEAN, CORE_GIVE_CLEAN, CORE_GIVE_CLEAN, CORE_GIVE_CLEAN, CORE_GIVE_CLEAN,
        CORE_GIVE_CLEAN, CORE_GIVE_CLEAN, CORE_GIVE_DIRTY, CORE_GIVE_DIRTY, CORE_GIVE_BROKEN};
    if (below(w, 200) == 0) {
        begin(w, server, APART, around(w, 10 * BASE_MS));
        w->pools[server->pool].leaving++;
        apply_server(w, CORE_EVENT_DETACH, server, true);
        return;
    }
    struct core_event event = {.kind = CORE_EVENT_GIVE, .server = server->id};
    event.give = gives[below(w, sizeof(gives) / sizeof(gives[0]))];
    server->state = IDLING;
    apply(w, &event);
}

static void vanish(struct world *w, struct server *server, enum core_event_kind kind)
{
    struct core_event event = {.kind = kind, .server = server->id};
    struct pool *pool = &w->pools[server->pool];
    if (server->state == CLOSING || server->state == APART)
        pool->leaving--;
    if (server->state == CHECKING)
        pool->checking--;
    if (server->state == CONNECTING) {
        leave_connecting(w, server);
        w->is_out[pool->upstream] = true;
    }
    remove_server(w, server);
    apply(w, &event);
}

static void advance_server(struct world *w, struct server *server)
{
    bool ok = below(w, 10) != 0;
    switch (server->state) {
    case CONNECTING:
        finish_connect(w, server);
        break;
    case HELD:
        finish_lease(w, server);
        break;
    case CHECKING:
        w->pools[server->pool].checking--;
        server->state = IDLING;
        apply_server(w, CORE_EVENT_CHECKED, server, ok);
        break;
    case RESETTING:
        server->state = IDLING;
        apply_server(w, CORE_EVENT_RESET_DONE, server, ok);
        break;
    case CLOSING:
    case APART:
        vanish(w, server, CORE_EVENT_CLOSED);
        break;
    case GONE:
    case IDLING:
        fail(w, "a server without a plan has a timer", __LINE__);
    }
}

/* ---- clients and the operator ---------------------------------------------------------------- */

static base_time draw_timeout(struct world *w)
{
    uint32_t roll = below(w, 100);
    if (roll == 0)
        return BASE_NEVER;
    return roll < 4 ? 0 : around(w, roll < 50 ? 20 * BASE_MS : 400 * BASE_MS);
}

static void claim(struct world *w, int number)
{
    struct pool *pool = &w->pools[number];
    base_time deadline = base_time_add(w->now, draw_timeout(w));
    struct core_event event = {.kind = CORE_EVENT_CLAIM,
                               .pool = pool->id,
                               .deadline = deadline,
                               .lane = w->has_lanes ? below(w, CORE_LANES) : 0,
                               .tag = ++w->next_tag};
    int status = core_apply(w->core, w->now, &event);
    if (status == BASE_ECAPACITY)
        return;
    REQUIRE(w, status == 0 && event.claim.idx < CLAIMS);
    pool->is_used = true;
    struct claim *c = &w->claims[event.claim.idx];
    REQUIRE(w, !c->is_waiting);
    *c = (struct claim){.is_waiting = true,
                        .id = event.claim,
                        .pool = number,
                        .lane = event.lane,
                        .since = w->now,
                        .deadline = deadline,
                        .tag = event.tag};
    base_list_push_back(&pool->lanes[c->lane], &c->link);
    pool->waiting++;
    drain(w);
}

static void cancel_one(struct world *w)
{
    uint32_t start = below(w, CLAIMS);
    for (uint32_t i = 0; i < 32; i++) {
        struct claim *c = &w->claims[(start + i) % CLAIMS];
        if (!c->is_waiting)
            continue;
        struct core_event event = {.kind = CORE_EVENT_CANCEL, .claim = c->id};
        forget_claim(w, c);
        apply(w, &event);
        return;
    }
}

static void kill_one(struct world *w)
{
    struct server *server = &w->servers[below(w, SERVERS)];
    if (server->state == GONE || (server->state == CONNECTING && !w->has_faults))
        return;
    vanish(w, server, CORE_EVENT_LOST);
}

static struct core_pool_settings draw_settings(struct world *w)
{
    return (struct core_pool_settings){
        .size = 1 + below(w, 8),
        .overflow = below(w, 3) == 0 ? below(w, 4) : 0,
        .reserve = below(w, 3) == 0 ? below(w, 3) : 0,
        .min_size = below(w, 3) == 0 ? below(w, 4) : 0,
        .max_waiting = below(w, 4) == 0 ? 1 + below(w, 40) : CORE_NO_LIMIT,
        .max_connecting = 1 + below(w, 4),
        .reserve_after = below(w, 2) ? 5 * BASE_MS : BASE_NEVER,
        .lifetime = below(w, 2) ? around(w, BASE_SECOND) : 0,
        .idle_timeout = below(w, 2) ? around(w, 200 * BASE_MS) : 0,
        .check_after = below(w, 2) ? around(w, 5 * BASE_MS) : BASE_NEVER,
        .notify_after = below(w, 2) ? 10 * BASE_MS : 0,
        .auth_failure_hold = below(w, 2) ? 50 * BASE_MS : 0,
        .reset_on_give = below(w, 4) != 0,
        .use_fifo = below(w, 2) != 0,
    };
}

static void open_pool(struct world *w, int number)
{
    struct pool *pool = &w->pools[number];
    if (pool->is_open || pool->count > 0)
        return;
    pool->settings = draw_settings(w);
    pool->database = (int)below(w, DATABASES);
    pool->user = (int)below(w, USERS);
    pool->upstream = (int)below(w, UPSTREAMS);
    pool->is_paused = pool->login_fails = pool->is_used = false;
    struct core_event event = {.kind = CORE_EVENT_POOL_OPEN,
                               .settings = &pool->settings,
                               .database = w->databases[pool->database].id,
                               .user = w->users[pool->user].id,
                               .upstream = w->upstreams[pool->upstream].id};
    apply(w, &event);
    pool->id = event.pool;
    pool->is_open = true;
}

static void change_limit(struct world *w)
{
    struct scope *scopes[] = {&w->databases[below(w, DATABASES)], &w->users[below(w, USERS)],
                              &w->upstreams[below(w, UPSTREAMS)]};
    struct scope *scope = scopes[below(w, 3)];
    scope->limit = below(w, 2) ? CORE_NO_LIMIT : 1 + below(w, 12);
    struct core_event event = {
        .kind = CORE_EVENT_SCOPE_LIMIT, .scope = scope->id, .limit = scope->limit};
    apply(w, &event);
}

static void set_paused(struct world *w, struct pool *pool, bool is_paused)
{
    struct core_event event = {.kind = is_paused ? CORE_EVENT_PAUSE : CORE_EVENT_RESUME,
                               .pool = pool->id};
    pool->is_paused = is_paused;
    apply(w, &event);
}

static void close_pool(struct world *w, struct pool *pool)
{
    struct core_event event = {.kind = CORE_EVENT_POOL_CLOSE, .pool = pool->id};
    pool->is_open = false;
    apply(w, &event);
}

static void forget_outages(struct world *w)
{
    memset(w->is_out, 0, sizeof(w->is_out));
    memset(w->probers, 0, sizeof(w->probers));
    for (int i = 0; i < SERVERS; i++)
        w->servers[i].is_prober = false;
}

static void operate(struct world *w)
{
    int number = (int)below(w, POOLS);
    struct pool *pool = &w->pools[number];
    struct core_event event = {.pool = pool->id};
    if (!pool->is_open) {
        open_pool(w, number);
        return;
    }
    switch (below(w, 8)) {
    case 0:
        close_pool(w, pool);
        break;
    case 1:
        event.kind = CORE_EVENT_INVALIDATE;
        apply(w, &event);
        break;
    case 2:
        pool->settings = draw_settings(w);
        event.kind = CORE_EVENT_POOL_LIMITS;
        event.settings = &pool->settings;
        apply(w, &event);
        break;
    case 3:
        set_paused(w, pool, true);
        break;
    case 4:
        for (int i = 0; i < POOLS; i++)
            if (w->pools[i].is_open)
                set_paused(w, &w->pools[i], false);
        break;
    case 5: {
        struct server *server = &w->servers[below(w, SERVERS)];
        if (server->state != GONE)
            apply_server(w, CORE_EVENT_INVALIDATE_SERVER, server, true);
        break;
    }
    case 6:
        if (below(w, 20) == 0) {
            event.kind = CORE_EVENT_RETRY;
            event.pool = (struct core_pool_id){0};
            forget_outages(w);
            apply(w, &event);
        }
        break;
    default:
        change_limit(w);
    }
}

static void change_fault(struct world *w)
{
    if (below(w, 4) == 0)
        w->pools[below(w, POOLS)].login_fails ^= true;
    else
        fake_change(&w->fakes[below(w, UPSTREAMS)], &w->random);
}

static void arrive(struct world *w)
{
    w->next_arrival = w->now + base_random_below(&w->random, 2 * w->arrival_span);
    uint32_t roll = below(w, 1000);
    int number = (int)below(w, POOLS);
    if (roll < 920) {
        if (w->pools[number].is_open)
            claim(w, number);
    } else if (roll < 980) {
        cancel_one(w);
    } else if (roll < 988) {
        if (w->has_kills)
            kill_one(w);
    } else if (roll < 994) {
        if (w->has_faults)
            change_fault(w);
    } else if (w->has_operator) {
        operate(w);
    }
}

/* ---- liveness -------------------------------------------------------------------------------- */

static base_time waits_since(const struct pool *pool)
{
    base_time oldest = BASE_NEVER;
    for (int lane = 0; lane < CORE_LANES; lane++) {
        if (base_list_is_empty(&pool->lanes[lane]))
            continue;
        const struct claim *first = base_list_entry(pool->lanes[lane].next, struct claim, link);
        oldest = first->since < oldest ? first->since : oldest;
    }
    return oldest;
}

/* Is there a claim nearby that waits longer? A slot may be held for it while a server is closing,
 * or others may stand behind it in the order. */
static bool has_elder(const struct world *w, const struct pool *pool)
{
    for (int i = 0; i < POOLS; i++) {
        const struct pool *other = &w->pools[i];
        bool is_near = other->database == pool->database || other->user == pool->user ||
                       other->upstream == pool->upstream;
        if (other != pool && other->waiting > 0 && is_near &&
            waits_since(other) < waits_since(pool))
            return true;
    }
    return false;
}

static bool is_at_a_limit(const struct world *w, const struct pool *pool)
{
    const struct core_pool_settings *s = &pool->settings;
    return pool->connecting >= s->max_connecting || pool->count >= s->size + s->overflow ||
           w->databases[pool->database].count >= w->databases[pool->database].limit ||
           w->users[pool->user].count >= w->users[pool->user].limit ||
           w->upstreams[pool->upstream].count >= w->upstreams[pool->upstream].limit;
}

/* Without faults nothing but its limits keeps a pool from connecting: a claim that has neither a
 * connect nor a check under way means that a limit is reached. */
static void check_no_lost_slot(struct world *w)
{
    for (int i = 0; i < POOLS; i++) {
        struct pool *pool = &w->pools[i];
        if (!pool->is_open || pool->is_paused ||
            pool->waiting <= pool->connecting + pool->checking || is_at_a_limit(w, pool)) {
            pool->slot_seen = w->now;
            continue;
        }
        REQUIRE(w, has_elder(w, pool));
        REQUIRE(w, w->now - pool->slot_seen < HELD_MOST);
    }
}

static void step(struct world *w)
{
    base_time server_at = base_heap_next(&w->heap);
    base_time core_at = core_next_deadline(w->core);
    base_time arrival = w->is_ending ? BASE_NEVER : w->next_arrival;
    base_time at = server_at < arrival ? server_at : arrival;
    w->result.events++;
    if (core_at <= at) {
        w->now = core_at > w->now ? core_at : w->now;
        core_tick(w->core, w->now);
        drain(w);
        return;
    }
    w->now = at;
    struct base_heap_node *node = base_heap_pop_due(&w->heap, at);
    if (node != NULL)
        advance_server(w, base_list_entry(node, struct server, node));
    else
        arrive(w);
}

static void step_checked(struct world *w, uint32_t check_every)
{
    step(w);
    if (check_every == 0 || w->result.events % check_every != 0)
        return;
    core_check(w->core);
    if (!w->has_faults)
        check_no_lost_slot(w);
}

/* Nothing ages any more and the pool goes on. */
static void calm_pool(struct world *w, struct pool *pool)
{
    pool->login_fails = false;
    if (!pool->is_open)
        return;
    pool->settings.lifetime = pool->settings.idle_timeout = 0;
    struct core_event event = {
        .kind = CORE_EVENT_POOL_LIMITS, .pool = pool->id, .settings = &pool->settings};
    apply(w, &event);
    set_paused(w, pool, false);
}

/* Everything works again: all that wait are served, all slots come back. */
static void end_quietly(struct world *w, uint32_t check_every)
{
    w->is_ending = true;
    for (int i = 0; i < UPSTREAMS; i++) {
        w->fakes[i].mode = FAKE_UP;
        w->fakes[i].capacity = CORE_NO_LIMIT;
    }
    for (int i = 0; i < POOLS; i++)
        calm_pool(w, &w->pools[i]);
    base_time end = w->now + 300 * BASE_SECOND;
    while (base_heap_next(&w->heap) < end || core_next_deadline(w->core) < end)
        step_checked(w, check_every);
    for (int i = 0; i < POOLS; i++) {
        const struct pool *pool = &w->pools[i];
        REQUIRE(w, pool->waiting == 0 && pool->connecting == 0 && pool->checking == 0);
        REQUIRE(w, pool->leaving == 0 && (pool->is_open || pool->count == 0));
        struct core_pool_stats stats;
        if (!pool->is_open)
            continue;
        REQUIRE(w, core_pool_stats(w->core, w->now, pool->id, &stats) == 0);
        REQUIRE(w, stats.idle == pool->count && stats.waiting == 0);
    }
    core_check(w->core);
}

/* ---- a run ----------------------------------------------------------------------------------- */

static void open_scope(struct world *w, struct scope *scope, enum core_scope_kind kind)
{
    scope->limit = below(w, 2) ? CORE_NO_LIMIT : 2 + below(w, 10);
    struct core_event event = {
        .kind = CORE_EVENT_SCOPE_OPEN, .scope_kind = kind, .limit = scope->limit};
    apply(w, &event);
    scope->id = event.scope;
}

static void draw_world(struct world *w)
{
    w->has_faults = below(w, 3) != 0;
    w->has_operator = below(w, 3) != 0;
    w->has_kills = below(w, 2) != 0;
    w->has_lanes = below(w, 2) != 0;
    w->arrival_span = 20 * BASE_US << below(w, 8);
    w->hold_span = 50 * BASE_US << below(w, 10);
    for (int i = 0; i < DATABASES; i++)
        open_scope(w, &w->databases[i], CORE_SCOPE_DATABASE);
    for (int i = 0; i < USERS; i++)
        open_scope(w, &w->users[i], CORE_SCOPE_USER);
    for (int i = 0; i < UPSTREAMS; i++) {
        open_scope(w, &w->upstreams[i], CORE_SCOPE_UPSTREAM);
        w->fakes[i].capacity = CORE_NO_LIMIT;
        w->fakes[i].connect_span = BASE_MS << below(w, 8);
    }
    for (int i = 0; i < POOLS; i++) {
        for (int lane = 0; lane < CORE_LANES; lane++)
            base_list_init(&w->pools[i].lanes[lane]);
        open_pool(w, i);
    }
}

struct random_result random_world_run(uint64_t seed, uint64_t events, uint32_t check_every)
{
    struct core_caps caps = {.scopes = 8, .pools = 2 * POOLS, .servers = SERVERS, .claims = CLAIMS};
    struct world *w = calloc(1, sizeof(*w));
    void *memory = calloc(1, core_bytes(&caps));
    if (w == NULL || memory == NULL)
        abort();
    w->seed = seed;
    w->now = w->next_arrival = BASE_SECOND;
    w->result.hash = 0xcbf29ce484222325;
    base_random_init(&w->random, seed);
    base_heap_init(&w->heap, w->entries, SERVERS);
    REQUIRE(w, core_init(memory, &caps, seed, &w->core) == 0);
    draw_world(w);
    while (w->result.events < events)
        step_checked(w, check_every);
    end_quietly(w, check_every);
    struct random_result result = w->result;
    free(memory);
    free(w);
    return result;
}
