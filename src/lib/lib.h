/* lib.h - what the files of src/lib share: the pool, its servers and claims, and who does what.
 *
 *   pool.c     life of a pool, limits, pause          options.c  defaults, environment, URL
 *   host.c     the core's host: events in, effects out, time, lock
 *   claim.c    take and try: waiting, and who drives  give.c     give, discard, detach, forget
 *   loop.c     event loops                            drive.c    descriptors and deadlines of tasks
 *   connect.c  opening a server                       resolve.c  names to addresses
 *   setup.c    what a new server is asked             task.c     checks and resets
 *   cancel.c   cancel requests                        close.c    closing without waiting
 *   error.c    errors in words                        deadlock.c who waits for whom
 *   stats.c    numbers, text.c them as text           fork.c     the child of a fork
 *   warm.c     the fast path past the core
 *   trace.c    the application's log                  send.c     queries behind a check or reset
 *
 * Every decision is the core's (core/core.h). One mutex guards a pool and its core; libpq is called
 * under it only where it cannot wait. Hooks run outside.
 *
 * Who drives. Sockets of servers that have a task (connect, check, reset, close) are in
 * pool->epoll. While threads wait, one of them leads: it sleeps in poll() on that epoll and on
 * pool->wake_fd until the next deadline, the others sleep on a condition variable of their own. A
 * leader that gets its connection appoints the youngest waiter. Event loops drive in
 * weir_loop_tick. Where nobody waits, take and give look at the tasks in passing.
 *
 * Invariants
 * 1. A thread waits => somebody leads (pool->leader) or holds the lock.
 * 2. server->task != LIB_TASK_NONE <=> it is in pool->active.
 * 3. A claim is in the core, or has ended (state); its memory outlives neither.
 * 4. pool->now never goes backward, whatever order threads read the clock in.
 */
#ifndef LIB_LIB_H
#define LIB_LIB_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/invariant.h"
#include "base/list.h"
#include "core/core.h"
#include "core/core_refusal.h"
#include <weir/weir.h>

/* Slots of the table from connection to server: a power of two, at most half of it in use. */
#define LIB_TABLE_SLOTS 32768u
_Static_assert(LIB_TABLE_SLOTS >= 2 * WEIR_SERVERS_MAX, "the table is at most half full");

#define LIB_TRACES_MAX     32                /* lines that may wait to be told */
#define LIB_TRACE_BYTES    512               /* of a line */
#define LIB_PASSING_SPAN   BASE_MS           /* tasks are looked at in passing at most this often */
#define LIB_CANCEL_SPAN    (100 * BASE_MS)   /* a cancel that had no effect is repeated after it */
#define LIB_LINGER_SPAN    (2 * BASE_SECOND) /* how long a closed server may take to go */
#define LIB_EVENTS_AT_ONCE 64

/* Who an event of pool->epoll is for: a server's id (generation above, index below), or with one of
 * these above a descriptor of the resolver, the index of a server that is being cancelled. */
#define LIB_MARK_RESOLVER UINT32_MAX
#define LIB_MARK_CANCEL   (UINT32_MAX - 1)

enum lib_task {
    LIB_TASK_NONE,
    LIB_TASK_RESOLVE, /* names to addresses */
    LIB_TASK_CONNECT, /* PQconnectPoll */
    LIB_TASK_SETUP,   /* asking for limits, on_connect_sql */
    LIB_TASK_CHECK,
    LIB_TASK_RESET,
    LIB_TASK_LINGER, /* closed; waits until the server has noticed */
};

/* One address of a host, as text for libpq's hostaddr. */
struct lib_address {
    char text[64];
};

/* A server; its place in pool->servers is the core's index. */
struct lib_server {
    struct core_server_id id;
    struct weir_pool *pool;
    PQnoticeProcessor default_notice;
    PQnoticeReceiver default_receiver;
    PGconn *conn;
    struct base_list link; /* pool->active */
    enum lib_task task;
    int step; /* within the task */
    bool is_failed;
    base_time task_deadline;
    int fd; /* in pool->epoll; -1 = none */
    uint32_t fd_events;
    int linger_fd;

    /* connecting */
    uint32_t host_idx, address_idx, address_count;
    struct lib_address *addresses;
    struct core_refusal refusal; /* of the last try that failed */
    char sqlstate[6];
    char failure_text[256];
    FILE *key_file; /* libpq's trace of the login; NULL afterwards */
    char *key_text;
    size_t key_bytes;

    /* the lease */
    bool is_lent, is_detached;
    bool is_greeted;   /* on_connect was run */
    bool is_standby;   /* when it was last looked at */
    bool is_cancelled; /* a cancel was sent in this reset */
    bool is_hit;       /* its late signal hit the pool's own query */
    int cancel_fd;     /* -1 = none under way */
    bool is_cancel_sent;
    base_time cancel_at;  /* when the next one goes out, while the statement does not end */
    int early;            /* synchronisation points of the pool's own still to be read (send.c) */
    bool own_sync;        /* one of the holder's follows */
    bool is_early_failed; /* the check or reset in front went wrong */
    uint64_t owner;
    base_time lent_at, core_lent_at; /* this lease; the one the core knows */
    base_time warm_until;            /* when it has to go through the core again */
    uint32_t epoch;                  /* pool->epoch when the core lent it */
    bool is_elided;                  /* lent again without the core knowing (warm.c) */
    char tag[WEIR_TAG_BYTES];
    int backend_pid;
    int32_t cancel_key;
    bool has_cancel_key;
};

enum lib_claim_state {
    LIB_CLAIM_WAITING,
    LIB_CLAIM_GRANTED,
    LIB_CLAIM_REFUSED,
};

/* A claim: on the stack of a thread in take, or within a struct weir_claim. */
struct lib_claim {
    enum lib_claim_state state;
    int status;
    struct core_claim_id id;
    struct lib_server *server;
    base_time since, deadline;
    uint64_t owner;
    uint32_t lane, flags;
    const char *tag;
    struct weir_loop *loop;         /* NULL: a thread */
    pthread_cond_t *cond;           /* of a thread that waits */
    struct base_list link;          /* pool->waiters, loop->claims or loop->ended */
    struct base_hash_node by_owner; /* in pool->owners while it waits */
    bool is_in_owners;
};

/* Texts of the options, copied; hosts split. */
struct lib_host {
    char *host, *hostaddr, *port; /* NULL: libpq's default */
};

struct lib_config {
    struct weir_options options;
    char *conninfo, *on_connect_sql;
    struct lib_host *hosts;
    uint32_t host_count;
    char **keywords, **values; /* for PQconnectStartParams, without host, hostaddr and port */
    uint32_t keyword_count;
    bool asks_for_primary; /* require_primary, and no target_session_attrs of the conninfo's own */
};

struct lib_trace {
    enum weir_trace_kind kind;
    base_time at;
    char text[LIB_TRACE_BYTES];
};

struct weir_pool {
    pthread_mutex_t mutex;
    struct core *core;
    struct core_pool_id id;
    struct core_scope_id scopes[3]; /* database, user, upstream */
    struct core_pool_settings settings;
    _Atomic uint32_t generation; /* lib_fork_generation of the process it belongs to */
    base_time now;
    base_time opened_at;
    bool is_applying; /* effects are being carried out further up the stack */
    bool is_closed;
    int broken; /* status when the pool could not be made anew after a fork */
    /* Has answered in this very event, so it is not looked at before it is lent. One given back has
     * not: its holder may have kept it for long without a word. */
    struct lib_server *available;

    struct lib_config config;
    struct lib_server *servers; /* WEIR_SERVERS_MAX, untouched where not used */
    uint32_t *by_conn;          /* 1 + index in servers; 0 = free */
    uint32_t out;               /* lent or detached */
    uint32_t existing;          /* servers that are not free in the core */
    uint32_t high;              /* servers below it were used at least once */

    struct lib_server *warm; /* warm.c */
    base_time warm_at;
    uint32_t epoch; /* counts what makes servers unfit: invalidate, resize, pause, close */
    struct {
        uint64_t grants, hold_bucket[CORE_BUCKETS];
        base_time hold_total;
    } warm_counts;

    int epoll, wake_fd;
    struct base_list active;
    base_time look_at; /* when tasks are looked at in passing */
    struct base_list waiters;
    uint32_t inside; /* threads that wait in take or run a trace hook */
    struct lib_claim *leader;
    base_time leader_until;
    bool is_leader_woken;
    struct base_list loops;
    struct base_hash owners;

    bool is_telling;          /* a thread is in the trace hook */
    struct lib_trace *traces; /* a ring of LIB_TRACES_MAX; NULL without a trace hook */
    uint32_t trace_first, trace_count;

    struct weir_error last; /* the last connect, when it failed: status, sqlstate, server_text */
    struct weir_error full; /* the last one that was refused because the server is full */
    uint64_t deadlocks;
    uint32_t ceiling_told;
    struct ares_channeldata *resolver;
    uint32_t resolver_depth; /* calls into it that are under way */

    /* setup.c */
    bool is_server_asked, is_asking;
    uint32_t server_max, role_limit, database_limit, held_by_others, grant;
};

/* host.c */
/* The library's one look at the clock. */
base_time lib_clock(void);
void lib_lock(struct weir_pool *pool);
/* The same, but a give that was put off stays so (warm.c). */
void lib_lock_fast(struct weir_pool *pool);
/* Wakes who must know of an earlier deadline, lets go of the lock, tells the traces. */
void lib_unlock(struct weir_pool *pool);
/* Applies an event at pool->now and carries out what follows from it. */
int lib_apply(struct weir_pool *pool, struct core_event *event);
/* The same for an event about a server that cannot be refused. */
void lib_tell(struct weir_pool *pool, struct lib_server *server, enum core_event_kind kind,
              bool ok);
/* Lets time pass up to now. */
void lib_tick(struct weir_pool *pool);
base_time lib_next_deadline(const struct weir_pool *pool);

/* Carries out what the core has decided, unless that is being done further up the stack. */
void lib_drain(struct weir_pool *pool);
void lib_wake_leader(struct weir_pool *pool);
/* Wakes the leader and arms the loops where they would sleep past the next deadline. */
void lib_tell_sleepers(struct weir_pool *pool);
/* Tasks that nobody drives are looked at by whoever comes by. */
void lib_look_in_passing(struct weir_pool *pool);

/* warm.c */
static inline void lib_lease_begin(struct weir_pool *pool, struct lib_server *server,
                                   uint64_t owner, const char *tag)
{
    server->is_lent = true;
    server->lent_at = pool->now;
    server->owner = owner;
    size_t bytes = tag == NULL ? 0 : strnlen(tag, WEIR_TAG_BYTES - 1);
    if (bytes > 0)
        memcpy(server->tag, tag, bytes);
    server->tag[bytes] = '\0';
    pool->out++;
}

static inline void lib_lease_end(struct weir_pool *pool, struct lib_server *server)
{
    server->is_lent = false;
    server->owner = 0;
    INVARIANT(pool->out > 0);
    pool->out--;
}

/* The core has lent the server just now. */
void lib_warm_lent(struct weir_pool *pool, struct lib_server *server);
/* The core is about to hear of the end of the lease. */
void lib_warm_settle(struct weir_pool *pool, struct lib_server *server);
/* Ends the lease and keeps the server at hand; false, nothing done, when the core must hear of it.
 */
bool lib_warm_keep(struct weir_pool *pool, struct lib_server *server);
/* Lends the server at hand; NULL, with nothing at hand any more, when the core has to be asked. */
struct lib_server *lib_warm_take(struct weir_pool *pool, const struct weir_want *want,
                                 uint64_t owner);
/* Applies the give that was put off, if any. */
void lib_warm_flush(struct weir_pool *pool);

/* claim.c */
/* Puts a claim into the core. Errors: those of CORE_EVENT_CLAIM; it may have ended on return. */
int lib_claim_begin(struct weir_pool *pool, struct lib_claim *claim);
/* A claim has ended: tells whoever waits for it. */
void lib_claim_end(struct weir_pool *pool, struct lib_claim *claim);
/* Checks and copies what a caller wants. Errors: WEIR_EINVALID. */
int lib_claim_init(const struct weir_pool *pool, const struct weir_want *want, uint64_t owner,
                   struct lib_claim *ret_claim, struct weir_error *ret_error);
/* Takes a waiting claim out of the core and ends it with this status. */
void lib_claim_withdraw(struct weir_pool *pool, struct lib_claim *claim, int status);
/* Runs the hooks of a server that is about to be lent, outside the lock. 0 or WEIR_EHOOK. */
int lib_claim_greet(struct weir_pool *pool, struct lib_server *server);
/* Sleeps as the pool's driver until something happens or `until`. Lets go of the lock meanwhile. */
void lib_drive_until(struct weir_pool *pool, base_time until);

/* A condition variable on the monotonic clock. */
void lib_cond_init(pthread_cond_t *cond);
/* Waits on it until the point in time at most; pool->now is new afterwards. */
void lib_cond_wait(struct weir_pool *pool, pthread_cond_t *cond, base_time until);

/* deadlock.c */
/* The claim begins to wait: true when it can never be served. */
bool lib_deadlock_enter(struct weir_pool *pool, struct lib_claim *claim);
void lib_deadlock_leave(struct weir_pool *pool, struct lib_claim *claim);
bool lib_deadlock_waits(const struct weir_pool *pool, uint64_t owner);

/* fork.c */
/* Changes in the child of a fork. */
extern _Atomic uint32_t lib_fork_count; /* begins at 1 */
static inline uint32_t lib_fork_generation(void)
{
    return atomic_load_explicit(&lib_fork_count, memory_order_relaxed);
}
int lib_fork_init(void);
/* lib_lock for a public call, after which the pool is this process's own. Without the lock when it
 * fails: WEIR_ENOMEM, WEIR_ESYSTEM (the pool could not be made anew in a child). */
int lib_enter(struct weir_pool *pool) BASE_MUST_CHECK;
/* The same, but a give that was put off stays so (warm.c). */
int lib_enter_fast(struct weir_pool *pool) BASE_MUST_CHECK;

/* loop.c */
struct weir_loop {
    struct base_list link; /* pool->loops */
    struct weir_pool *pool;
    int epoll, wake_fd, timer_fd;
    base_time armed_at;
    bool is_ticking;
    uint32_t generation;
    struct base_list claims, ended;
};
void lib_loop_arm(struct weir_loop *loop, base_time at);
void lib_loop_ended(struct weir_loop *loop, struct lib_claim *claim);

/* pool.c */
/* Everything of a pool but its configuration: core, servers, descriptors. */
int lib_pool_begin(struct weir_pool *pool, struct weir_error *ret_error);
void lib_pool_end(struct weir_pool *pool);

/* give.c */
struct lib_server *lib_find(struct weir_pool *pool, const PGconn *conn, bool is_detached);
void lib_table_add(struct weir_pool *pool, struct lib_server *server);
void lib_table_remove(struct weir_pool *pool, const struct lib_server *server);
/* Gives back what was lent but never handed to the application: no hook. */
void lib_give_back(struct weir_pool *pool, PGconn *conn);
int lib_give_as(struct weir_pool *pool, struct lib_server *server, enum core_give how);

/* drive.c */
void lib_task_begin(struct weir_pool *pool, struct lib_server *server, enum lib_task task,
                    base_time span);
void lib_task_end(struct weir_pool *pool, struct lib_server *server);
/* What the task waits for: EPOLLIN, EPOLLOUT. */
void lib_watch(struct weir_pool *pool, struct lib_server *server, int fd, uint32_t events);
void lib_unwatch(struct weir_pool *pool, struct lib_server *server);
/* Whatever is ready or overdue goes a step on. Never waits. */
void lib_drive(struct weir_pool *pool);
bool lib_is_ready(int fd, short events);

/* connect.c */
void lib_connect_begin(struct weir_pool *pool, struct lib_server *server);
void lib_connect_step(struct weir_pool *pool, struct lib_server *server);
void lib_connect_expired(struct weir_pool *pool, struct lib_server *server);
void lib_connect_resolved(struct weir_pool *pool, struct lib_server *server,
                          struct lib_address *addresses, uint32_t count, const char *why);
/* The new connection broke while it was asked. */
void lib_connect_failed(struct weir_pool *pool, struct lib_server *server);
/* on_connect_sql failed on it: what trying again does not mend ends takes with WEIR_EHOOK. */
void lib_connect_refused(struct weir_pool *pool, struct lib_server *server, const char *sqlstate,
                         const char *text);
void lib_connect_done(struct weir_pool *pool, struct lib_server *server);
void lib_connect_free(struct lib_server *server);
/* The pool is closed: a connect under way is given up. */
void lib_connect_abandon(struct weir_pool *pool, struct lib_server *server);

/* A server does not exist any more; said before the core hears of it. */
void lib_server_gone(struct weir_pool *pool, struct lib_server *server);

/* resolve.c */
void lib_resolve_begin(struct weir_pool *pool, struct lib_server *server, const char *host);
/* The answer for this server, when it comes, is for nobody. */
void lib_resolve_forget(struct weir_pool *pool, struct lib_server *server);
void lib_resolve_step(struct weir_pool *pool, int fd, uint32_t events);
void lib_resolve_tick(struct weir_pool *pool);
/* When lib_resolve_tick has to be called next. */
base_time lib_resolve_deadline(const struct weir_pool *pool);
void lib_resolve_done(struct weir_pool *pool);

/* cancel.c */
void lib_cancel_begin(struct weir_pool *pool, struct lib_server *server);
/* Sends another one when the statement still runs: PostgreSQL forgets a cancel that comes before it
 * has begun. */
void lib_cancel_again(struct weir_pool *pool, struct lib_server *server);
void lib_cancel_step(struct weir_pool *pool, struct lib_server *server);
void lib_cancel_drop(struct weir_pool *pool, struct lib_server *server);
static inline bool lib_cancel_is_pending(const struct lib_server *server)
{
    return server->cancel_fd >= 0;
}

/* setup.c, task.c */
void lib_setup_begin(struct weir_pool *pool, struct lib_server *server);
void lib_setup_step(struct weir_pool *pool, struct lib_server *server);
void lib_check_begin(struct weir_pool *pool, struct lib_server *server);
void lib_check_step(struct weir_pool *pool, struct lib_server *server);
void lib_reset_begin(struct weir_pool *pool, struct lib_server *server);
void lib_reset_step(struct weir_pool *pool, struct lib_server *server);
/* True while the last user's statement has not ended. */
bool lib_reset_is_draining(const struct lib_server *server);
/* True when the connection shows no sign of being dead, and nothing unread that is more than a
 * notice. One poll(). */
bool lib_is_alive(struct lib_server *server);
bool lib_is_standby(const struct lib_server *server);
/* Looks whether it is one, and traces when it has become one. */
void lib_note_standby(struct weir_pool *pool, struct lib_server *server);
/* Sends, and reads what is there. 1: all results were read; 0: not yet, watched; -1: broken. */
int lib_query_step(struct weir_pool *pool, struct lib_server *server,
                   void (*each)(struct weir_pool *pool, struct lib_server *server,
                                const PGresult *result));

/* send.c */
/* Sends the pool's own statements (NULL: only a synchronisation point) without waiting for the
 * answers, where lend_early is on and the connection is idle. True: that was done. */
bool lib_early_begin(struct weir_pool *pool, struct lib_server *server, const char *first,
                     const char *second);
/* Reads the answers that have come. False: the connection is no good. */
bool lib_early_look(struct lib_server *server);

/* close.c */
void lib_close_begin(struct weir_pool *pool, struct lib_server *server, const char *why);
void lib_close_step(struct weir_pool *pool, struct lib_server *server);
/* Ends the wait for servers to notice that they were closed. */
void lib_close_all(struct weir_pool *pool);
/* PQfinish that does not wait. NULL is fine. */
void lib_finish(PGconn *conn);

/* error.c */
void lib_error_set(struct weir_error *error, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Says why a claim of this pool failed, with the holders. */
void lib_error_claim(struct weir_pool *pool, const struct lib_claim *claim,
                     struct weir_error *error);
/* The longest holders as text. `waiting_owner` (0 = none) is said to wait, though its claim ended.
 */
void lib_error_holders(struct weir_pool *pool, uint64_t waiting_owner, char *text, size_t bytes);
/* As weir_pool_holders, under the lock. */
size_t lib_holders(struct weir_pool *pool, struct weir_holder *holders, size_t capacity);
enum weir_transaction lib_transaction(const struct lib_server *server);

/* trace.c */
void lib_trace(struct weir_pool *pool, enum weir_trace_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Notices of the server go to the trace; and as libpq has them, when the connection is not the
 * pool's any more. */
void lib_notices_begin(struct weir_pool *pool, struct lib_server *server);
void lib_notices_end(struct lib_server *server);
/* What a holder may have set in libpq, pointers of its own among them, is the pool's again. */
void lib_notices_again(struct lib_server *server);
/* Tells a ceiling that was learned, once for each value. */
void lib_tell_ceiling(struct weir_pool *pool);

/* options.c */
int lib_config_init(const struct weir_options *options, struct lib_config *ret_config,
                    struct weir_error *ret_error);
void lib_config_done(struct lib_config *config);

#endif
