/* rig.h - what a case of the conformance suite sees: a pool, its upstream, and takers.
 *
 * A taker is somebody who takes a server, holds it and gives it back; it is named by a number. The
 * rig keeps the books on all of them and checks, in every case and on every implementation:
 *   limit      never more connections at the upstream than size + overflow
 *   order      a server goes to whoever has waited longest
 *   deadlines  nobody is refused for time before its deadline or served after it; where time is
 *              virtual, it is refused exactly then
 *   identity   no server is held by two
 *   ends       a take is answered once, and never after it was cancelled
 * A broken promise fails the case and names the takers.
 *
 * A case reads: given settings, when takers do this, then counts and answers are that. Spans are
 * written in BASE_SECOND and BASE_MS.
 */
#ifndef RIG_H
#define RIG_H

#include <stdbool.h>

#include "test.h"

#include "base/time.h"

#define RIG_TAKERS   512
#define RIG_NO_LIMIT UINT32_MAX

struct rig;

struct rig_settings {
    uint32_t size, overflow; /* overflow: RIG_NO_LIMIT = none */
    uint32_t min_size;
    uint32_t max_connecting;   /* 0: as many as are wanted */
    base_time recycle;         /* 0: never */
    base_time check_after;     /* idle span before a check; BASE_NEVER: none. 0: always */
    base_time connect_timeout; /* of one connect; 0: 5 s */
    bool use_fifo;
    bool is_reset_off; /* what is given back dirty is closed */
};

/* How the upstream meets a connect from now on. */
enum rig_mode {
    RIG_UP,
    RIG_DOWN,     /* refuses at once: nobody listens */
    RIG_HANGING,  /* accepts and never answers */
    RIG_STARTING, /* "the database system is starting up" */
    RIG_DENYING,  /* a login that trying again does not mend */
};

struct rig_upstream {
    enum rig_mode mode;
    uint32_t capacity;       /* connections it takes; RIG_NO_LIMIT: any number */
    base_time connect_span;  /* until a connect is answered */
    bool connect_hook_fails; /* the application's own, run on each new server */
    bool lend_hook_fails;    /* the application's own, run before a server is lent */
};

enum rig_answer {
    RIG_WAITS,
    RIG_HOLDS,
    RIG_TIMED_OUT,
    RIG_DENIED,     /* the login was refused */
    RIG_HOOK_ERROR, /* a hook of the application said no */
    RIG_CLOSED,     /* the pool was closed */
    RIG_REFUSED,    /* anything else */
    RIG_IDLES,      /* takes nothing and holds nothing */
    RIG_DETACHED,   /* owns a server that the pool only counts */
};

/* What a pool says about a take that failed for time. */
enum rig_cause {
    RIG_NO_CAUSE,
    RIG_ALL_HELD,
    RIG_STILL_CONNECTING,
    RIG_UPSTREAM_SAID_NO, /* the last connect failed */
};

enum rig_give { RIG_CLEAN, RIG_DIRTY, RIG_BROKEN };

struct rig_counts {
    uint32_t idle, out, waiting; /* out: held, or detached and not forgotten */
    uint32_t connecting;
    uint32_t busy;                             /* checking, resetting, closing */
    uint32_t connected;                        /* as the upstream counts */
    uint32_t peak;                             /* the most it ever counted */
    uint64_t attempts;                         /* connects it saw, refused ones included */
    uint64_t checks, resets, closes, failures; /* failures: of connects */
};

/* ---- a pool ---------------------------------------------------------------------------------- */

struct rig *rig_open(struct rig_settings settings);
/* Everybody gives back, the pool closes, and nothing is left at the upstream. */
void rig_close(struct rig *rig);

/* The pool closes while takers hold and wait. */
void rig_shut(struct rig *rig);
void rig_invalidate_all(struct rig *rig);
/* Somebody saw the upstream alive, and tells the pool. */
void rig_retry(struct rig *rig);
struct rig_counts rig_counts(const struct rig *rig);
/* Servers beyond `size` in SQLAlchemy's sense: negative while fewer exist. */
int rig_overflow(const struct rig *rig);

/* ---- time ------------------------------------------------------------------------------------ */

/* What the implementation under test can be asked: exact spans, counts of checks and resets. */
bool rig_is_virtual(const struct rig *rig);
bool rig_sees_tasks(const struct rig *rig);
/* Tens of thousands of takes are a matter of a second or two. */
bool rig_is_fast(const struct rig *rig);
base_time rig_now(const struct rig *rig);
/* How long a refused login is told to others who take, without another try. */
base_time rig_denial_hold(const struct rig *rig);
void rig_pass(struct rig *rig, base_time span);
/* Until nothing is under way: no connect, check, reset or close. */
void rig_settle(struct rig *rig);
/* Until a taker's take has ended. */
void rig_wait(struct rig *rig, int taker);
/* Until the upstream has seen this many connects since the rig was opened. */
void rig_wait_for_attempts(struct rig *rig, uint64_t count);
/* One event, or `until`. */
void rig_step(struct rig *rig, base_time until);

/* ---- takers ---------------------------------------------------------------------------------- */

/* A new taker begins a take; BASE_NEVER waits for ever. */
int rig_take(struct rig *rig, base_time timeout);
/* A taker that idles or was refused takes again. */
void rig_take_again(struct rig *rig, int taker, base_time timeout);
/* A new taker that holds a server when this returns. */
int rig_hold(struct rig *rig);
/* `count` new takers that hold servers when this returns. */
void rig_hold_many(struct rig *rig, int *takers, int count);
/* So many servers idle when this returns; nobody else may hold or wait. */
void rig_warm_up(struct rig *rig, int count);

/* False, nothing done: takes of this implementation cannot be cancelled. */
bool rig_cancel(struct rig *rig, int taker);
void rig_give(struct rig *rig, int taker, enum rig_give how);
/* Gives back what the taker does not hold any more; the status. */
int rig_give_again(struct rig *rig, int taker);
void rig_detach(struct rig *rig, int taker);
void rig_forget(struct rig *rig, int taker);
void rig_invalidate_held(struct rig *rig, int taker);

enum rig_answer rig_answer(const struct rig *rig, int taker);
enum rig_cause rig_cause(const struct rig *rig, int taker);
/* Names the connection that a taker holds or held last; no two connections have one name. */
uint64_t rig_server(const struct rig *rig, int taker);
/* How long the taker's last take lasted, or has lasted. */
base_time rig_waited(const struct rig *rig, int taker);

/* ---- the upstream ---------------------------------------------------------------------------- */

void rig_upstream(struct rig *rig, struct rig_upstream upstream);
void rig_mode(struct rig *rig, enum rig_mode mode);
/* The upstream ends a connection: as an administrator or a crash would. */
void rig_kill(struct rig *rig, uint64_t server);
/* It ends all connections and starts anew; nothing may be under way. */
void rig_restart(struct rig *rig);

/* ---- for drivers ----------------------------------------------------------------------------- */

/* A take has ended: with a server, or without one and why. */
void rig_served(struct rig *rig, int taker, uint64_t server);
void rig_refused(struct rig *rig, int taker, enum rig_answer answer, enum rig_cause cause);

#endif
