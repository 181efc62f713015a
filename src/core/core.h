/* core.h - the pool as a pure state machine: the whole contract of src/core.
 *
 * One way in: core_apply(core, now, event). One way to let time pass: core_tick(core, now). One
 * question: core_next_deadline(core). One way out: core_effect(core, &effect), drained by the host
 * after every apply and tick. No clock, no system call, no allocation after core_init, no log, no
 * callback, no lock: one caller at a time. `now` never goes backward.
 *
 * Objects are named by ids with a generation. A stale id is found (BASE_ESTALE), never followed.
 *
 * Terms (ARCHITECTURE.md has the glossary)
 *   scope   something that limits how many servers may exist: one upstream, one database on it, one
 * user on it. Every pool is inside one scope of each kind, and is itself the innermost scope.
 *   server  a connection from the host to an upstream; it counts against its scopes from the moment
 *           CORE_EFFECT_OPEN is queued until the host has said CLOSED (or OPEN_FAILED, or LOST).
 *   claim   a request for a server with an absolute deadline. It ends by GRANT, REFUSE or CANCEL;
 * its id is stale from then on. What it was granted is a lease, named by the server's id. ceiling
 * how many servers a scope's peer really accepts, learned from refusals; CORE_NO_LIMIT while
 *           unknown.
 *
 * States of a server and who moves it (core_server.c has the picture):
 *   OPENING    -> IDLE | LEASED (OPENED)        -> free (OPEN_FAILED)
 *   IDLE       -> LEASED | CHECKING (a claim)   -> CLOSING (age, idle, limits, pause)  -> free
 * (LOST) CHECKING   -> LEASED | IDLE (CHECKED ok)    -> CLOSING (CHECKED not ok) LEASED     -> IDLE
 * | RESETTING | CLOSING (GIVE) -> free (LOST) -> DETACHED (DETACH) RESETTING  -> IDLE (RESET_DONE
 * ok)          -> CLOSING (RESET_DONE not ok) CLOSING    -> free (CLOSED) DETACHED   -> free
 * (CLOSED)
 */
#ifndef CORE_CORE_H
#define CORE_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/time.h"

struct core;

/* idx 0 with gen 0 names nothing; slots begin at idx 0 with gen 1. */
struct core_scope_id {
    uint32_t idx;
    uint32_t gen;
};
struct core_pool_id {
    uint32_t idx;
    uint32_t gen;
};
struct core_server_id {
    uint32_t idx;
    uint32_t gen;
};
struct core_claim_id {
    uint32_t idx;
    uint32_t gen;
};

#define CORE_NO_LIMIT UINT32_MAX
#define CORE_LANES    4  /* lane 0 is served first, but every lane advances: no starvation */
#define CORE_BUCKETS  32 /* histogram bucket i counts spans < 1 us * 2^i; the last one the rest */

enum core_scope_kind {
    CORE_SCOPE_POOL, /* one per pool, made with it */
    CORE_SCOPE_DATABASE,
    CORE_SCOPE_USER,
    CORE_SCOPE_UPSTREAM,
};

/* Sizes fixed at core_init. Memory that is not used is not touched, so large capacities cost
 * address space only. */
struct core_caps {
    uint32_t scopes; /* databases + users + upstreams; pools bring their own */
    uint32_t pools;
    uint32_t servers;
    uint32_t claims;
};

/* A pool's knobs. Spans in ns; BASE_NEVER or 0 turns a span off where said. */
struct core_pool_settings {
    uint32_t size;        /* servers kept */
    uint32_t overflow;    /* further servers on demand, closed when given back and nobody waits */
    uint32_t reserve;     /* further servers once a claim has waited reserve_after */
    uint32_t min_size;    /* servers opened and kept without demand (once the pool was used) */
    uint32_t max_waiting; /* queue cap; CORE_NO_LIMIT = none */
    uint32_t max_connecting; /* connects in flight at once, >= 1 */
    base_time reserve_after;
    base_time lifetime;     /* age after which a server is replaced, jitter +-10 %; 0 = never */
    base_time idle_timeout; /* idle span after which a server over min_size closes; 0 = never */
    base_time check_after;  /* idle span after which a server is checked before it is lent;
                               BASE_NEVER = no check */
    base_time
        notify_after; /* a claim that waited this long is told once where it stands; 0 = never */
    base_time auth_failure_hold; /* how long an authentication failure answers new claims at once */
    bool reset_on_give;          /* a DIRTY give is reset; otherwise it is closed */
    bool min_before_use;         /* min_size holds from the next POOL_LIMITS on, used or not */
    bool use_fifo; /* idle servers first in first out; the default is last in first out */
};

enum core_give {
    CORE_GIVE_CLEAN,  /* may be lent again as it is */
    CORE_GIVE_DIRTY,  /* must be reset first */
    CORE_GIVE_BROKEN, /* must not be lent again: close it */
};

/* Why a connect failed: decides what the core learns from it. */
enum core_failure {
    CORE_FAILURE_REFUSED,  /* nobody listens, network unreachable, broken off */
    CORE_FAILURE_TIMEOUT,  /* no answer within the connect time-out */
    CORE_FAILURE_STARTING, /* SQLSTATE 57P03 */
    CORE_FAILURE_FULL,     /* SQLSTATE 53300, a pooler's "max clients": `scope` says whose limit */
    CORE_FAILURE_AUTH, /* 28P01, 28000, 3D000 and everything else that trying again does not mend */
};

enum core_event_kind {
    CORE_EVENT_SCOPE_OPEN,  /* in: scope_kind, limit, tag; out: scope */
    CORE_EVENT_SCOPE_LIMIT, /* in: scope, limit */
    CORE_EVENT_SCOPE_CLOSE, /* in: scope; BASE_ESTATE while a pool is in it. A closed pool stays in
                               it until its last server is gone */
    CORE_EVENT_POOL_OPEN,   /* in: settings, database, user, upstream (scopes), tag; out: pool */
    CORE_EVENT_POOL_LIMITS, /* in: pool, settings */
    CORE_EVENT_POOL_CLOSE,  /* in: pool: waiters refused (BASE_ECLOSED), idle closed, leased closed
                               when  given back; the id is stale at once, servers keep counting until
                               closed */
    CORE_EVENT_CLAIM,  /* in: pool, deadline, lane, tag; out: claim. The answer (GRANT or REFUSE) is
                          always an effect, also when it is immediate. BASE_ECAPACITY also when the
                          host leaves effects undrained */
    CORE_EVENT_CANCEL, /* in: claim */
    CORE_EVENT_GIVE,   /* in: server, give. BASE_ESTATE when it is not leased (given back twice) */
    CORE_EVENT_DETACH, /* in: server (leased): the caller owns it; it counts until CLOSED */
    CORE_EVENT_OPENED, /* in: server */
    CORE_EVENT_OPEN_FAILED, /* in: server, failure, scope_kind (for FULL) */
    CORE_EVENT_CHECKED,     /* in: server, ok */
    CORE_EVENT_RESET_DONE,  /* in: server, ok */
    CORE_EVENT_CLOSED,      /* in: server (CLOSING or DETACHED): it does not exist any more */
    CORE_EVENT_LOST,   /* in: server in any state but free: its connection is gone, nothing to close
                        */
    CORE_EVENT_PAUSE,  /* in: pool, or every pool when pool is {0,0}: no grants, no connects, idle
                          servers close, leased ones close when given back; claims wait */
    CORE_EVENT_RESUME, /* in: as PAUSE */
    CORE_EVENT_INVALIDATE, /* in: pool, or every pool when {0,0}: servers of the generation until
                              now are closed at once when idle, when given back otherwise */
    CORE_EVENT_INVALIDATE_SERVER, /* in: server: the same for one */
    CORE_EVENT_RETRY, /* in: scope or pool ({0,0}: all): forget back-off, cached failures and what
                         was learned about ceilings (an operator's RECONNECT) */
};

struct core_event {
    enum core_event_kind kind;
    uint64_t tag;               /* the host's own name for the object, returned with effects */
    struct core_scope_id scope; /* in or out */
    struct core_pool_id pool;   /* in or out */
    struct core_server_id server;
    struct core_claim_id claim; /* in or out */
    struct core_scope_id database, user, upstream;
    enum core_scope_kind scope_kind;
    uint32_t limit;
    const struct core_pool_settings *settings;
    base_time deadline;
    uint32_t lane;
    enum core_give give;
    enum core_failure failure;
    bool ok;
};

enum core_close_reason {
    CORE_CLOSE_AGE,       /* server_lifetime */
    CORE_CLOSE_IDLE,      /* server_idle_timeout */
    CORE_CLOSE_SURPLUS,   /* overflow or reserve, not needed any more; limits were lowered */
    CORE_CLOSE_MAKE_ROOM, /* another pool's waiter needs the slot under a shared limit */
    CORE_CLOSE_PAUSED,
    CORE_CLOSE_INVALID, /* RECONNECT, changed configuration */
    CORE_CLOSE_BROKEN,  /* given back broken */
    CORE_CLOSE_CHECK,   /* the check failed */
    CORE_CLOSE_RESET,   /* the reset failed, or dirty and reset_on_give is off */
    CORE_CLOSE_POOL,    /* the pool was closed */
};

enum core_effect_kind {
    CORE_EFFECT_OPEN,   /* server, pool, tag = pool's: connect; answer OPENED or OPEN_FAILED */
    CORE_EFFECT_GRANT,  /* claim, tag = claim's, server, waited: it is leased now. The host that
                           cannot use it gives it back */
    CORE_EFFECT_REFUSE, /* claim, tag = claim's, status, waited */
    CORE_EFFECT_NOTIFY, /* claim, tag = claim's, ahead = claims before it, waited: still waiting */
    CORE_EFFECT_CHECK,  /* server: one round trip; answer CHECKED */
    CORE_EFFECT_RESET,  /* server: reset the session; answer RESET_DONE */
    CORE_EFFECT_CLOSE,  /* server, reason: close; answer CLOSED */
};

struct core_effect {
    enum core_effect_kind kind;
    uint64_t tag;
    struct core_pool_id pool;
    struct core_server_id server;
    struct core_claim_id claim;
    int status; /* REFUSE: BASE_ETIMEDOUT, BASE_EQUEUEFULL, BASE_EUPSTREAMAUTH, BASE_ECLOSED */
    uint32_t
        ahead; /* NOTIFY, REFUSE: claims before it in the pool now (NOTIFY), at arrival (REFUSE) */
    base_time waited; /* GRANT, REFUSE, NOTIFY */
    enum core_close_reason reason;
};

/* Bytes of memory that core_init needs; 0 when a capacity is 0 or the sum overflows. */
size_t core_bytes(const struct core_caps *caps);

/* Makes a core in `memory`: core_bytes(caps) bytes, all zero, aligned for max_align_t. Same seed,
 * same events, same effects, byte by byte. Errors: BASE_EINVALID. */
int core_init(void *memory, const struct core_caps *caps, uint64_t seed,
              struct core **ret_core) BASE_MUST_CHECK;

/* Applies one event at `now`. Fields marked "out" are set on success and untouched on failure.
 * Errors: BASE_ESTALE (an id names nothing), BASE_ESTATE (not possible now; nothing changed),
 * BASE_ECAPACITY (a capacity of core_caps is used up), BASE_EINVALID (settings). */
int core_apply(struct core *core, base_time now, struct core_event *event) BASE_MUST_CHECK;

/* Fires everything due at or before `now`, in order of deadline, equal ones in order of arming. */
void core_tick(struct core *core, base_time now);

/* When core_tick has to be called next; BASE_NEVER when nothing is pending. */
base_time core_next_deadline(const struct core *core);

/* Takes the oldest effect. False when there is none. The ring never overflows: it holds the most
 * effects that may be outstanding, and effects that became void (a cancelled claim's GRANT never
 * exists: the grant ends the claim) are the host's to undo by the next event. */
bool core_effect(struct core *core, struct core_effect *ret_effect);

/* What a pool looks like now. Counts are servers but for `waiting`. */
struct core_pool_stats {
    uint32_t idle, leased, checking, resetting, opening, closing, detached;
    uint32_t waiting;
    uint32_t ceiling; /* the lowest learned ceiling of its scopes; CORE_NO_LIMIT = none known */
    enum core_scope_kind ceiling_kind; /* whose it is */
    uint32_t limit;                    /* size + overflow + reserve */
    base_time oldest_wait;  /* how long the head of the queue has waited; 0 = nobody waits */
    base_time oldest_lease; /* how long the longest lease has lasted; 0 = none */
    struct core_server_id oldest_lease_server;
    bool is_paused;
    bool is_backing_off; /* a connect failed and the next try is ahead */
    base_time retry_in;  /* span until that try */
    int last_failure;    /* status of the last failed connect, 0 after a success */
    uint64_t grants, timeouts, refusals, connects,
        connect_failures;               /* counters since the pool opened */
    base_time wait_total;               /* sum of all waits that ended in a grant */
    uint64_t wait_bucket[CORE_BUCKETS]; /* waits that ended in a grant */
    uint64_t hold_bucket[CORE_BUCKETS]; /* leases that ended */
    base_time hold_total;
};

/* Bucket of a span in these histograms: for hosts that count spans the core does not see. */
uint32_t core_stats_bucket(base_time span);

int core_pool_stats(const struct core *core, base_time now, struct core_pool_id pool,
                    struct core_pool_stats *ret_stats) BASE_MUST_CHECK;

struct core_scope_stats {
    enum core_scope_kind kind;
    uint32_t limit, ceiling, live, opening,
        closing; /* live = idle + leased + checking + resetting + detached */
    bool is_backing_off;
    base_time retry_in;
};
int core_scope_stats(const struct core *core, base_time now, struct core_scope_id scope,
                     struct core_scope_stats *ret_stats) BASE_MUST_CHECK;

enum core_server_state {
    CORE_SERVER_FREE,
    CORE_SERVER_OPENING,
    CORE_SERVER_IDLE,
    CORE_SERVER_CHECKING,
    CORE_SERVER_LEASED,
    CORE_SERVER_RESETTING,
    CORE_SERVER_CLOSING,
    CORE_SERVER_DETACHED,
};

/* State of a server; CORE_SERVER_FREE for a stale id. `ret_since` (may be NULL): span in this
 * state. */
enum core_server_state core_server_state(const struct core *core, base_time now,
                                         struct core_server_id server, base_time *ret_since);

/* Walks everything and asserts the numbered invariants of core_check.c. O(all objects). */
void core_check(const struct core *core);

#endif
