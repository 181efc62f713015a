/* core_internal.h - what the files of src/core share: the objects and who does what to them.
 *
 *   core.c          memory, the two ways in, timers, settling
 *   core_effect.c   the ring of effects
 *   core_claim.c    claims: queue, lanes, deadlines, grant and refuse
 *   core_server.c   servers: the one function that moves a state, the picture of states
 *   core_pool.c     pools: life, pause, limits, serving waiters from idle servers
 *   core_connect.c  how many connects are wanted, whether the scopes let them pass, parking
 *   core_hold.c     slots held for a claim that needs one in several scopes
 *   core_scope.c    nested limits: counts, freed slots, making room
 *   core_backoff.c  what a refusal teaches: ceiling, outage, slow start
 *   core_stats.c    what the host may look at
 *   core_refusal.c  what a refused login means; the hosts ask it, the state machine does not
 *   core_check.c    the numbered invariants
 *
 * Inside, objects are pointers into the slabs; ids exist at the border only. Nothing here follows
 * the order of addresses, so two runs of one seed are equal.
 *
 * A server has depth 1: one lease at a time. What would change for more is pool->idle (servers
 * with room) and core_server_lend(); nothing else counts leases per server.
 */
#ifndef CORE_INTERNAL_H
#define CORE_INTERNAL_H

#include "base/heap.h"
#include "base/invariant.h"
#include "base/list.h"
#include "base/pairing.h"
#include "base/random.h"
#include "base/slab.h"
#include "core/core.h"

/* The scopes a server counts against, innermost first. The kinds of core.h come first, then one
 * scope around everything whose limit is the capacity for servers. */
#define CORE_SCOPE_ROOT (CORE_SCOPE_UPSTREAM + 1)
#define CORE_NESTING    (CORE_SCOPE_ROOT + 1)

/* A given-back server is closed for a starving pool when that pool's oldest claim has waited this
 * much longer than the giver's: longer than a connect usually takes, short for a person. */
#define CORE_STARVING_AFTER (100 * BASE_MS)

/* A lane's turns in a round while every lane has claims: 8 of 15 for lane 0, but no lane waits for
 * more than 14 others. */
#define CORE_LANE_TURNS(lane) (8u >> (lane))

/* A slot held for another pool's claim is looked at again after this span. */
#define CORE_HOLD_SPAN (100 * BASE_MS)

#define CORE_NO_KEY UINT64_MAX

enum core_timer_kind {
    CORE_TIMER_CLAIM,
    CORE_TIMER_SERVER,
    CORE_TIMER_POOL,
    CORE_TIMER_SCOPE,
};

struct core_timer {
    struct base_heap_node node;
    enum core_timer_kind kind;
};

/* Why a scope does not let a connect pass. */
enum core_gate {
    CORE_GATE_OPEN,
    CORE_GATE_PROBE, /* may pass, and is the scope's only prober */
    CORE_GATE_FULL,  /* limit or ceiling: a server that closes makes room */
    CORE_GATE_WAIT,  /* back-off, a prober or a slow start under way: time or an answer opens it */
};

struct core_scope {
    struct base_slot slot;
    enum core_scope_kind kind; /* the root says CORE_SCOPE_UPSTREAM; nobody asks it */
    uint32_t limit;
    uint32_t allowed; /* limit, or what is left of a higher one while it shrinks to the limit */
    uint32_t live;    /* idle, leased, checking, resetting, detached */
    uint32_t opening;
    uint32_t closing;
    uint32_t pools; /* in it, closed ones included until their last server is gone */

    /* What refusals taught (core_backoff.c). */
    uint32_t ceiling;
    uint32_t window; /* connects in flight during a slow start; CORE_NO_LIMIT otherwise */
    uint32_t prober; /* 1 + index of the server that probes; 0 = none */
    bool is_out;     /* outage: nobody answers */
    bool is_dry;     /* refused as full while nothing was live */
    base_time outage_span, probe_span; /* the last back-off spans */
    base_time outage_until, probe_at;  /* when the next try may be made */

    /* Pools that want a connect and were stopped here, by the age of their oldest claim. */
    struct base_pairing parked;
    uint32_t unmet; /* connects wanted by the parked pools that need room here */

    /* Pools in this scope that are parked at another one for lack of room (core_hold.c). */
    struct base_pairing claimants;
    uint32_t claimant_count;
    bool is_holding; /* a pool parked here was stopped by a claimant only */

    struct base_list idle_pools; /* pools with idle servers (and some that had), by idle_link */
    struct base_list dirty;      /* in core->dirty while a slot may have come free */
    struct core_timer timer;     /* the next try, when somebody is parked for it */
};

struct core_claim {
    struct base_slot slot;
    struct base_list link; /* in its pool's lane */
    struct core_timer timer;
    struct core_pool *pool;
    uint64_t tag;
    uint64_t sequence; /* order of arrival in the core */
    base_time since, deadline;
    uint32_t lane;
    uint32_t ahead; /* claims before it at arrival */
    bool is_notified;
};

struct core_server {
    struct base_slot slot;
    struct base_list link; /* pool->idle or pool->leased, else in none */
    struct core_timer timer;
    struct core_pool *pool;
    enum core_server_state state;
    base_time since;     /* in this state */
    base_time opened_at; /* age counts from here */
    int32_t age_jitter;  /* of the lifetime, in 1/1024, drawn when opened */
    uint32_t generation; /* the pool's when it was opened */
    bool is_invalid;
};

struct core_pool {
    struct base_slot slot;
    bool is_closed; /* its id is stale; it lives until its last server is gone */
    bool is_paused;
    bool is_used; /* had a claim, or min_before_use: min_size counts from then on */
    uint32_t generation;
    uint64_t tag;
    struct core_pool_settings settings;
    struct core_scope *scopes[CORE_NESTING];
    struct core_scope own; /* scopes[CORE_SCOPE_POOL] */

    struct base_list lanes[CORE_LANES];
    uint32_t turns[CORE_LANES]; /* left in this round */
    uint32_t waiting;

    struct base_list idle;   /* by the time they became idle, the last first */
    struct base_list leased; /* by the time of the grant, the first first */
    uint32_t in_state[CORE_SERVER_DETACHED + 1];
    uint32_t servers; /* sum of in_state */

    struct core_scope *parked_at; /* NULL = not parked */
    struct base_pairing_node parked;
    uint32_t unmet;                                  /* its part of parked_at->unmet */
    struct base_pairing_node claimant[CORE_NESTING]; /* see claims_in */
    unsigned claims_in;                              /* bit i: it is a claimant in scopes[i] */

    struct base_list idle_link[CORE_NESTING]; /* in the scopes' idle_pools, all or none */
    bool is_idle_listed;

    struct core_timer timer; /* reserve, end of a hold */
    base_time auth_hold_until;
    base_time quiet_until; /* no connects without a claim before then */

    int last_failure;
    uint64_t grants, timeouts, refusals, connects, connect_failures;
    base_time wait_total, hold_total;
    uint64_t wait_bucket[CORE_BUCKETS], hold_bucket[CORE_BUCKETS];
};

struct core {
    struct core_caps caps;
    base_time now;
    struct base_random random;
    struct base_heap timers;
    struct base_slab scopes, pools, servers, claims;
    struct core_scope root;
    struct base_list dirty; /* scopes where a slot may have come free */
    uint32_t parked;        /* pools parked anywhere */
    uint64_t sequence;      /* claims so far */

    struct core_effect *effects;
    uint32_t effect_capacity, effect_first, effect_count;
};

/* core.c */
/* Arms the timer for `at`; BASE_NEVER disarms it. */
void core_timer_set(struct core *core, struct core_timer *timer, base_time at);
/* The same, but an earlier time that is set stays. */
void core_timer_hasten(struct core *core, struct core_timer *timer, base_time at);

/* core_effect.c */
/* Queues an effect of this kind with everything else zero. */
struct core_effect *core_effect_push(struct core *core, enum core_effect_kind kind);

/* core_claim.c */
int core_claim_apply(struct core *core, struct core_pool *pool, struct core_event *event);
int core_claim_cancel(struct core *core, struct core_claim *claim);
void core_claim_timer(struct core *core, struct core_claim *claim);
/* Grants the server to the next waiting claim whose deadline is ahead. False when there is none. */
bool core_claim_grant_next(struct core *core, struct core_pool *pool, struct core_server *server);
/* Refuses every waiting claim of the pool. */
void core_claim_refuse_all(struct core *core, struct core_pool *pool, int status);
/* The claim of the pool that waits longest; NULL when nobody waits. */
struct core_claim *core_claim_oldest(const struct core_pool *pool);
/* The oldest claim of the pool beyond those for which a connect or a check is under way: the one
 * that a further server would be for. NULL when there is none. (Beyond 64 under way: an older one.)
 */
struct core_claim *core_claim_unserved(const struct core_pool *pool);

/* core_server.c */
/* The one place that moves a state; keeps every counter and list. */
void core_server_move(struct core *core, struct core_server *server, enum core_server_state to);
/* Takes a slot and queues the OPEN. The caller has checked the scopes. */
struct core_server *core_server_open(struct core *core, struct core_pool *pool);
void core_server_close(struct core *core, struct core_server *server,
                       enum core_close_reason reason);
/* Asks the host for a round trip on an idle server before it is lent. */
void core_server_check(struct core *core, struct core_server *server);
/* Marks a server leased; one that is leased already begins a new lease. */
void core_server_lend(struct core *core, struct core_server *server);
/* True, with the reason, when this server must not be lent again. */
bool core_server_is_unfit(const struct core *core, const struct core_server *server,
                          enum core_close_reason *ret_reason);
bool core_server_needs_check(const struct core *core, const struct core_server *server);
int core_server_give(struct core *core, struct core_server *server, enum core_give give);
int core_server_detach(struct core *core, struct core_server *server);
int core_server_opened(struct core *core, struct core_server *server);
int core_server_open_failed(struct core *core, struct core_server *server,
                            enum core_failure failure, enum core_scope_kind kind);
int core_server_checked(struct core *core, struct core_server *server, bool ok);
int core_server_reset_done(struct core *core, struct core_server *server, bool ok);
int core_server_closed(struct core *core, struct core_server *server);
int core_server_lost(struct core *core, struct core_server *server);
int core_server_invalidate(struct core *core, struct core_server *server);
void core_server_timer(struct core *core, struct core_server *server);
/* Arms the timer of an idle server for its age and idle time-out. */
void core_server_arm(struct core *core, struct core_server *server);

/* core_pool.c */
int core_pool_open(struct core *core, struct core_event *event);
int core_pool_limits(struct core *core, struct core_pool *pool,
                     const struct core_pool_settings *settings);
int core_pool_close(struct core *core, struct core_pool *pool);
void core_pool_pause(struct core *core, struct core_pool *pool);
void core_pool_resume(struct core *core, struct core_pool *pool);
void core_pool_invalidate(struct core *core, struct core_pool *pool);
/* Frees the slot of a closed pool that has no server any more. */
void core_pool_release(struct core *core, struct core_pool *pool);
/* Gives waiters idle servers, then starts the connects that are wanted and possible. Called after
 * whatever changed for the pool. */
void core_pool_serve(struct core *core, struct core_pool *pool);
/* Servers that are or will be the pool's to lend. */
uint32_t core_pool_kept(const struct core_pool *pool);
/* Those of them that exist already. */
uint32_t core_pool_lendable(const struct core_pool *pool);
/* The next idle server to lend; NULL when there is none. */
struct core_server *core_pool_next_idle(const struct core_pool *pool);
/* The server that has been idle longest; NULL when there is none. */
struct core_server *core_pool_oldest_idle(const struct core_pool *pool);
/* The pool's limit without reserve, saturating. */
uint32_t core_pool_base_limit(const struct core_pool_settings *settings);
/* The same with the reserve. */
uint32_t core_pool_full_limit(const struct core_pool_settings *settings);

/* core_connect.c */
/* Starts the connects that are wanted; where a scope stops them, parks the pool there. */
void core_connect_start(struct core *core, struct core_pool *pool);
/* Adjusts what the pool wants after a claim left its queue; starts nothing. */
void core_connect_refresh(struct core *core, struct core_pool *pool);
/* Lets the parked pools of a scope try, the longest waiting first, until the scope is shut. */
void core_connect_unpark(struct core *core, struct core_scope *scope);
/* Takes the pool out of the scope it is parked at, if any. */
void core_connect_leave(struct core *core, struct core_pool *pool);
/* The parked pool of a scope that waits longest, its key made true; NULL when none is parked. */
struct core_pool *core_connect_first_parked(struct core_scope *scope);

/* core_hold.c */
/* Says whether the pool, parked at a shared scope, lacks room for a claim there. */
void core_hold_set(struct core *core, struct core_pool *pool, bool lacks_room);
/* The scope whose last slot the pool must leave to another's older claim; NULL when it may go on.
 */
struct core_scope *core_hold_against(struct core *core, struct core_pool *pool, bool is_for_claim);

/* A claim left the pool's queue: what is held for it is looked at again. */
void core_hold_review(struct core *core, struct core_pool *pool);

/* core_scope.c */
void core_scope_init(struct core_scope *scope, enum core_scope_kind kind, uint32_t limit);
int core_scope_open(struct core *core, struct core_event *event);
int core_scope_limit(struct core *core, struct core_scope *scope, uint32_t limit);
int core_scope_close(struct core *core, struct core_scope *scope);
/* Sets a scope's limit; servers above it may stay until they end, none may be added. */
void core_scope_set_limit(struct core_scope *scope, uint32_t limit);
uint32_t core_scope_count(const struct core_scope *scope);
/* Moves one server of the pool between what its scopes count. */
void core_scope_move(struct core *core, struct core_pool *pool, enum core_server_state from,
                     enum core_server_state to);
/* True when the scope holds more than its limit, not counting what is closing. */
bool core_scope_is_over(const struct core_scope *scope);
/* Notes that parked pools of the scope may be able to go on; core_apply lets them at its end. */
void core_scope_mark(struct core *core, struct core_scope *scope);
/* Puts the pool where making room finds its idle servers. */
void core_scope_list_idle(struct core_pool *pool);
void core_scope_unlist_idle(struct core_pool *pool);
/* Closes idle servers, the longest idle first, until what is wanted here fits or none is idle. */
void core_scope_make_room(struct core *core, struct core_scope *scope, uint32_t wanted);
/* Makes room in every scope of the pool where somebody is parked for it. */
void core_scope_offer_idle(struct core *core, struct core_pool *pool);
/* How many of `count` connects lack room once everything that is closing has gone. */
uint32_t core_scope_short_of(const struct core_scope *scope, uint32_t count);
/* True when a server given back to `pool` should rather make room for a starving one. */
bool core_scope_is_starving(struct core *core, struct core_pool *pool);
/* Closes the server of the scope that has been idle longest. False when none is idle. */
bool core_scope_close_idle(struct core *core, struct core_scope *scope,
                           enum core_close_reason reason);

/* core_backoff.c */
/* May one more connect start in this scope? `may_probe` is whether a claim waits for it. */
enum core_gate core_backoff_gate(const struct core *core, const struct core_scope *scope,
                                 bool may_probe);
/* When a scope shut by CORE_GATE_WAIT or a ceiling opens by time; BASE_NEVER when only an answer or
 * a closed server opens it. */
base_time core_backoff_opens_at(const struct core *core, const struct core_scope *scope);
void core_backoff_opened(struct core *core, struct core_server *server);
/* `probed` is what core_backoff_release gave for the server that failed and is gone. */
void core_backoff_failed(struct core *core, struct core_pool *pool, unsigned probed,
                         enum core_failure failure, enum core_scope_kind kind);
/* The server is no prober any more, however its connect ended. Bit i: it was that of scopes[i]. */
unsigned core_backoff_release(struct core_server *server);
void core_backoff_forget(struct core *core, struct core_scope *scope);

#endif
