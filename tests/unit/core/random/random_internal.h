/* random_internal.h - what the files of the random world share: its objects and who does what.
 *
 *   random_world.c     drawing a world, steps, the quiet end, a run
 *   random_server.c    servers: plans, what becomes of connects and leases, effects about them
 *   random_claim.c     clients: claims, cancels, the effects that end a claim
 *   random_scope.c     scopes: limits, what their peers accept, what a refusal teaches
 *   random_operator.c  the operator and the faults: whatever changes the rules
 *   random_liveness.c  no claim waits beside a slot it may use
 *
 * The world's record of an object changes before the core hears of it, so that effects see the
 * truth. The world counts for itself; only liveness of time-outs is left to the core's deadline.
 */
#ifndef RANDOM_INTERNAL_H
#define RANDOM_INTERNAL_H

#include "random_world.h"

#include "base/heap.h"
#include "base/list.h"
#include "fake_upstream.h"

#define UPSTREAMS 2
#define DATABASES 2
#define USERS     2
#define POOLS     6
#define SERVERS   96
#define CLAIMS    512
#define KINDS     (CORE_SCOPE_UPSTREAM + 1)

enum server_state { GONE, CONNECTING, IDLING, CHECKING, HELD, RESETTING, CLOSING, APART };

struct server {
    struct base_heap_node node; /* what happens next */
    enum server_state state;
    struct core_server_id id;
    int pool;
    bool is_connected;   /* its peers count it */
    bool is_prober;      /* of an outage */
    unsigned probed_for; /* bit k: of the ceiling of its scope of kind k */
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
    uint32_t limit; /* what the core was told */
    uint32_t count; /* servers that exist in it */
    uint32_t connected, closing;
    uint32_t capacity; /* connections its peer takes: a role's limit, max_connections, ... */
    uint32_t ceiling;  /* what refusals have told so far; CORE_NO_LIMIT = nothing */
    bool is_probed;    /* a connect above the ceiling is in flight */
    base_time probe_not_before;
};

struct pool {
    struct core_pool_id id;
    bool is_open, is_paused, login_fails, is_used;
    int upstream;
    struct scope own;
    struct scope *scopes[KINDS]; /* own first */
    struct core_pool_settings settings;
    uint32_t connecting, checking, leaving; /* leaving: closing or detached */
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
    bool has_outages, has_denials, has_operator, has_kills, has_lanes, is_ending;
    unsigned full_kinds; /* bit k: scopes of kind k may be full at their peers */
    uint64_t next_tag;
    struct random_result result;
};

/* ---- random_world.c -------------------------------------------------------------------------- */

_Noreturn void random_fail(const struct world *w, const char *what, const char *file, int line);

#define REQUIRE(w, e) ((e) ? (void)0 : random_fail((w), #e, __FILE__, __LINE__))

/* Applies an event that must succeed, and drains the effects. */
void random_apply(struct world *w, struct core_event *event);
void random_drain(struct world *w);
uint32_t random_below(struct world *w, uint32_t bound);
/* A span drawn around another: half of it to one and a half. */
base_time random_around(struct world *w, base_time span);

/* ---- random_server.c ------------------------------------------------------------------------- */

/* The effects OPEN, CHECK, RESET and CLOSE. */
void random_server_open(struct world *w, const struct core_effect *effect);
void random_server_task(struct world *w, const struct core_effect *effect);
/* A server at rest is lent. */
void random_server_lend(struct world *w, struct core_server_id id, const struct claim *claim);
/* What was planned for a server happens. */
void random_server_advance(struct world *w, struct server *server);
/* Any server may be killed by its upstream. */
void random_server_kill(struct world *w);
/* An event that names the server. */
void random_server_apply(struct world *w, enum core_event_kind kind, struct server *server,
                         bool ok);

/* ---- random_claim.c -------------------------------------------------------------------------- */

void random_claim_begin(struct world *w, int pool);
void random_claim_cancel(struct world *w);
/* The effects GRANT, REFUSE and NOTIFY. */
void random_claim_grant(struct world *w, const struct core_effect *effect);
void random_claim_refuse(struct world *w, const struct core_effect *effect);
void random_claim_notify(struct world *w, const struct core_effect *effect);

/* ---- random_scope.c -------------------------------------------------------------------------- */

void random_scope_init(struct scope *scope, uint32_t limit);
void random_scope_open(struct world *w, struct scope *scope, enum core_scope_kind kind);
/* A connect begins in all scopes of a server's pool: none may be at its limit, and above a ceiling
 * it is the only one. */
void random_scope_enter(struct world *w, struct server *server);
/* It was answered, whatever the answer. */
void random_scope_answered(struct world *w, struct server *server);
/* True when the peers of all scopes accept one more; otherwise whose limit is reached. */
bool random_scope_accepts(const struct pool *pool, enum core_scope_kind *ret_kind);
/* It was accepted, is being closed, is gone. `probed_for` is what the server probed. */
void random_scope_connected(struct pool *pool, unsigned probed_for);
void random_scope_closing(struct pool *pool);
void random_scope_leave(struct pool *pool, bool was_connected, bool was_closing);
/* It was refused by the peer of the scope of this kind. */
void random_scope_refused(struct world *w, struct pool *pool, enum core_scope_kind kind,
                          unsigned probed_for);
/* An operator's RETRY: all open pools forget what was learned. */
void random_scope_forget(struct world *w);
bool random_scope_is_shut(const struct scope *scope);

/* ---- random_operator.c ----------------------------------------------------------------------- */

void random_operator_open_pool(struct world *w, int number);
/* One random act: of the operator, of the faults. */
void random_operator_act(struct world *w);
void random_operator_fault(struct world *w);
/* Everything works again, nothing ages. */
void random_operator_calm(struct world *w);

/* ---- random_liveness.c ----------------------------------------------------------------------- */

void random_liveness_check(struct world *w);

#endif
