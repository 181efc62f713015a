/* weir.h - libweir: a connection pool over libpq, for threads and for event loops.
 *
 *     struct weir_options options;
 *     struct weir_pool *pool;
 *     struct weir_error error;
 *     weir_options_init(&options);
 *     options.conninfo = "postgres://app@db.example.com/shop";
 *     if (weir_pool_open(&options, &pool, &error) != 0) ...          error.text says why
 *     PGconn *conn;
 *     if (weir_pool_take(pool, NULL, &conn, &error) == 0) {
 *         PGresult *result = PQexec(conn, "SELECT 1");
 *         PQclear(result);
 *         weir_pool_give(pool, conn);
 *     }
 *     weir_pool_close(pool, weir_now() + 5 * WEIR_SECOND, NULL);
 *
 * Build with `pkg-config --cflags --libs weir`. C11 or later, C++11 or later.
 *
 * Conventions
 * - Functions return 0 or a negative status (WEIR_E...). Outputs (ret_...) are set on success only.
 *   A `struct weir_error *` may be NULL; it is filled on failure only.
 * - A mistake of the caller (a connection given twice, one the pool never lent) is a status. The
 *   library never exits, never prints, never installs a signal handler, starts no thread, and calls
 *   abort only when its own invariant is broken.
 * - Points in time are nanoseconds on CLOCK_MONOTONIC, as weir_now() gives them; spans are
 *   nanoseconds. A step of the wall clock changes nothing. WEIR_NEVER is no limit.
 * - Every function may be called from any thread at any time, except where it says otherwise. No
 *   function may be called from a signal handler. A connection is one caller's at a time, as always
 *   with libpq.
 * - None of the functions blocks, but weir_pool_take and weir_pool_close until their deadline and
 *   hooks as long as they like. There is no background thread: a thread that waits in take drives
 *   all pending connects, checks and resets of the pool; an event loop drives them in its tick.
 *
 * Ownership: the pool owns its connections. A caller owns one between take and give (discard,
 * detach) and may do with it whatever libpq allows but PQfinish and PQreset.
 *
 * Promises
 * 1. Never more than pool_size + max_overflow connections exist, those being opened, closed or
 *    detached included. (After weir_pool_resize to less: as soon as enough are given back.)
 * 2. Callers are served in order of arrival within their lane; none overtakes.
 * 3. A take ends by its deadline: waiting, name resolution, connecting, checking and resetting
 *    included; hooks are not. It never ends before without a reason that is told.
 * 4. A connection that is dead or in a transaction is never lent (see pool_pre_ping,
 *    reset_on_return); one given back busy is cancelled and drained first, or closed.
 * 5. A refusal by the server ("too many connections") is no failure while there is a connection
 *    that will be given back: the pool learns the ceiling and waits in line.
 * 6. take and give allocate nothing and take one lock each when a connection is free; they make no
 *    system call but, with pool_pre_ping, one poll() without waiting.
 */
#ifndef WEIR_WEIR_H
#define WEIR_WEIR_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_VERSION_MAJOR 0
#define WEIR_VERSION_MINOR 1

#if defined(__GNUC__)
#define WEIR_API        __attribute__((visibility("default")))
#define WEIR_MUST_CHECK __attribute__((warn_unused_result))
#else
#define WEIR_API
#define WEIR_MUST_CHECK
#endif

/* ---- time ------------------------------------------------------------------------------------ */

typedef uint64_t weir_time; /* ns on CLOCK_MONOTONIC, or a span in ns */

#define WEIR_US     ((weir_time)1000)
#define WEIR_MS     ((weir_time)1000000)
#define WEIR_SECOND ((weir_time)1000000000)
#define WEIR_NEVER  UINT64_MAX

/* CLOCK_MONOTONIC now. */
WEIR_API weir_time weir_now(void);

/* ---- statuses -------------------------------------------------------------------------------- */

enum weir_status {
    WEIR_OK = 0,
    WEIR_EINVALID = -1,       /* an argument or option is wrong; the text says which */
    WEIR_ESTATE = -3,         /* not possible now: see the function */
    WEIR_ENOMEM = -4,         /* out of memory */
    WEIR_ECAPACITY = -5,      /* more than WEIR_CLAIMS_MAX callers wait */
    WEIR_EQUEUEFULL = -10,    /* max_waiting callers wait already */
    WEIR_ETIMEDOUT = -11,     /* the deadline came first; the error says what stood in the way */
    WEIR_EUPSTREAMFULL = -12, /* cause of a time-out: the server accepts no more connections */
    WEIR_EUPSTREAMDOWN = -13, /* cause of a time-out: the server cannot be reached */
    WEIR_EUPSTREAMSTARTING = -14, /* cause of a time-out: the server is starting up */
    WEIR_EUPSTREAMAUTH = -15,     /* the server refused the login: trying again does not help */
    WEIR_ECONNECTTIMEOUT = -16,   /* cause of a time-out: the server did not answer in time */
    WEIR_EBROKEN = -17,           /* the connection broke */
    WEIR_ECLOSED = -20,           /* the pool is closed */
    WEIR_ERESOLVE = -23,          /* cause of a time-out: the host name cannot be resolved */
    WEIR_ESYSTEM = -25,           /* a system call failed */
    WEIR_ENOTLENT = -29,          /* this pool has not lent that connection: given back twice? */
    WEIR_EDEADLOCK = -30,         /* every connection is held by callers that wait for one */
    WEIR_EHOOK = -31,             /* a hook refused the connection, or on_connect_sql failed */
    WEIR_EAGAIN = -32,            /* weir_pool_try: nothing is free this moment */
};

/* "ETIMEDOUT"; and the fact in words. Never NULL, static. */
WEIR_API const char *weir_status_name(int status);
WEIR_API const char *weir_status_text(int status);

#define WEIR_TAG_BYTES   32    /* of a tag, its end included; longer ones are cut */
#define WEIR_LANES       4     /* 0 is served first, but every lane advances */
#define WEIR_SERVERS_MAX 10000 /* connections of one pool */
#define WEIR_CLAIMS_MAX  16384 /* callers that wait in one pool */
#define WEIR_BUCKETS     32    /* of a histogram: bucket i counts spans < 1 us * 2^i */
#define WEIR_NO_LIMIT    UINT32_MAX

/* What stood in the way of a take that failed. */
enum weir_cause {
    WEIR_CAUSE_NONE,       /* the failure has nothing to do with the pool's state */
    WEIR_CAUSE_HELD,       /* all connections that may exist are held by others */
    WEIR_CAUSE_CONNECTING, /* a connect, check or reset was under way, or only just over */
    WEIR_CAUSE_REFUSED, /* the server refused the last connect: sqlstate and server_text say how */
    WEIR_CAUSE_PAUSED,  /* the pool is paused */
};

/* Why a call failed. Plain data, owned by the caller; fill nothing in. */
struct weir_error {
    int status;
    enum weir_cause cause;
    char sqlstate[6];      /* of the server's refusal; for others the one of `status`: 53300 for a
                              time-out too, so `cause`, not this, tells a refusal from a long wait */
    weir_time waited;      /* how long the caller waited */
    uint32_t limit;        /* pool_size + max_overflow */
    uint32_t ceiling;      /* learned; WEIR_NO_LIMIT = none known */
    uint32_t held;         /* connections held by callers */
    uint32_t waiting;      /* callers that still wait */
    char server_text[256]; /* the server's own words, or libpq's; "" when there are none */
    char text[1024];       /* all of it in words: what happened, why, who holds, what to do */
};

/* ---- options --------------------------------------------------------------------------------- */

enum weir_reset {
    WEIR_RESET_ROLLBACK, /* a transaction left open is rolled back; the rest of the session stays */
    WEIR_RESET_FULL,     /* ROLLBACK when needed and DISCARD ALL after every use */
    WEIR_RESET_NONE,     /* a connection given back in a transaction, or busy, is closed */
};

enum weir_trace_kind {
    WEIR_TRACE_CONNECTED,      /* a connection was opened */
    WEIR_TRACE_CONNECT_FAILED, /* one could not be */
    WEIR_TRACE_CLOSED,         /* one was closed; the text says why */
    WEIR_TRACE_CEILING,        /* the server accepts no more than that many */
    WEIR_TRACE_GRANT_SHORT,    /* pool_size + max_overflow is more than the server will grant */
    WEIR_TRACE_TIMEOUT,        /* a take timed out; text as in its error */
    WEIR_TRACE_STANDBY,        /* a server turned out to be in hot standby */
    WEIR_TRACE_NOTICE,         /* a NOTICE or WARNING of the server on a pooled connection */
};

/* Something worth a line in a log. The text is one line without newline, valid during the call. */
struct weir_trace {
    enum weir_trace_kind kind;
    weir_time at;
    const char *text;
};

/* Functions of the application. Each may be NULL. `user` is handed through.
 * on_connect, on_lend and on_give run in the thread that takes or gives (for event loops: the one
 * that ticks), outside the pool's lock; they may use the connection and block, and may call other
 * functions of the pool but not end the connection. Nobody can end a function that blocks: a take
 * lasts as long as they do, whatever its deadline. What only sends SQL belongs into on_connect_sql,
 * which connect_timeout and the deadline bound. A result other than 0 refuses the connection:
 * it is closed, and take fails with WEIR_EHOOK (give succeeds).
 *   on_connect   once per connection, before it is lent for the first time
 *   on_lend      each time, last thing before take returns
 *   on_give      each time, first thing in give (not in discard and detach)
 * trace runs outside the lock too, in some thread that calls the pool at that time; one thread at a
 * time, in order. It may look at the pool, and must not wait for another thread that uses it. */
struct weir_hooks {
    void *user;
    int (*on_connect)(void *user, PGconn *conn);
    int (*on_lend)(void *user, PGconn *conn);
    int (*on_give)(void *user, PGconn *conn);
    void (*trace)(void *user, const struct weir_trace *trace);
};

/* What a pool is made with. Always begin with weir_options_init. Texts are copied by
 * weir_pool_open. In URLs and the environment an option has the name it has here, or PgBouncer's
 * (default_pool_size, query_wait_timeout, server_lifetime, server_idle_timeout, server_check_delay
 * for pre_ping_after); there spans are in seconds (decimals allowed), yes and no are 1 and 0. */
struct weir_options {
    const char *conninfo;   /* URL or "key=value ..." as for libpq. NULL: DATABASE_URL from the
                               environment; where that is missing, libpq's PG* variables. */
    uint32_t pool_size;     /* connections kept; 20. The pool starts empty. 1..WEIR_SERVERS_MAX */
    int32_t max_overflow;   /* further ones on demand, closed when given back and nobody waits; 10;
                               -1 = no limit but the ceiling and WEIR_SERVERS_MAX */
    weir_time pool_timeout; /* of a take without a deadline; 30 s */
    weir_time pool_recycle; /* age at which a connection is replaced before it is lent, +-10 %;
                               3600 s; 0 = never */
    bool pool_pre_ping;     /* look at a connection before it is lent; true. Always poll(); and a
                               round trip when it idled longer than pre_ping_after */
    weir_time pre_ping_after; /* 1 s; WEIR_NEVER = no round trip */
    uint32_t min_pool_size;   /* opened and kept without demand, once the pool was used; 0 */
    weir_time idle_timeout; /* idle span after which one above min_pool_size is closed, at the next
                               call that comes by; 600 s; 0 = never */
    /* Connects in flight at once; 2. A connect costs the server a process and a login, and while it
     * lasts those who wait are mostly served by connections that come back. More only helps a pool
     * that starts cold under a load of long holds: from empty it has n connections after
     * n / max_connecting connects one after the other (20 of 5 ms each: 50 ms; 20 of 150 ms: 1.5
     * s). min_pool_size keeps it from being cold. */
    uint32_t max_connecting;
    uint32_t max_waiting; /* callers that may wait, for a connect too; 1..WEIR_CLAIMS_MAX */
    bool use_lifo;        /* lend the connection used last; true. false: the one idle longest */
    enum weir_reset reset_on_return; /* WEIR_RESET_ROLLBACK */
    weir_time connect_timeout;       /* for each address of a connect; 10 s. connect_timeout in the
                                        conninfo, when there is one, replaces it */
    weir_time task_timeout;          /* of a check, a reset, a cancel; 5 s */
    bool require_primary;            /* never lend a server in hot standby; false (implied by
                                        target_session_attrs=primary or read-write in the conninfo) */
    /* Lend a connection while its check or reset is still unanswered; false. Whoever takes then
     * promises that the first use of a connection is weir_send or weir_settle. No effect together
     * with on_connect or on_lend. */
    bool lend_early;
    bool detect_deadlock;       /* fail a take that can never succeed at once; true. See
                                   struct weir_want */
    bool ask_server;            /* ask once, at the first connect, how many connections the server
                                   will grant; true */
    const char *on_connect_sql; /* run on each new connection before it is lent; NULL. When it
                                   fails, takes do, with WEIR_EHOOK and the server's words. Part of
                                   the connect: connect_timeout is for both together */
    struct weir_hooks hooks;
};

/* Every option at its default. */
WEIR_API void weir_options_init(struct weir_options *options);

/* Overrides options from the environment (WEIR_POOL_SIZE, WEIR_MAX_OVERFLOW, ...: WEIR_ and the
 * option's name in capitals). What is not set there stays. The same options may stand in the query
 * of a URL (postgres://.../shop?pool_size=5), which weir_pool_open reads and which comes last.
 * Errors: WEIR_EINVALID, with the name of the variable; nothing is changed then. */
WEIR_API int weir_options_environment(struct weir_options *options,
                                      struct weir_error *ret_error) WEIR_MUST_CHECK;

/* ---- life of a pool -------------------------------------------------------------------------- */

struct weir_pool;

/* Makes a pool; connects nothing yet. `options` may be NULL: all defaults, then the environment as
 * weir_options_environment reads it. Not to be called while another thread changes the environment.
 * Errors: WEIR_EINVALID, WEIR_ENOMEM, WEIR_ESYSTEM. */
WEIR_API int weir_pool_open(const struct weir_options *options, struct weir_pool **ret_pool,
                            struct weir_error *ret_error) WEIR_MUST_CHECK;

/* Ends a pool. At once: callers that wait are refused (WEIR_ECLOSED), idle connections are closed.
 * Then waits until `deadline` for those that are lent, detached or being closed; 0 = does not wait.
 * 0: the pool is gone, nobody may use it any more, not even to give. WEIR_ETIMEDOUT: connections
 * are still out, the error names who holds them; the pool stays closed but alive, for gives and
 * another weir_pool_close. WEIR_ESTATE: a loop is open; its claims end with WEIR_ECLOSED in its
 * next tick, and connections may be given back: close it, then the pool again. NULL is fine. */
WEIR_API int weir_pool_close(struct weir_pool *pool, weir_time deadline,
                             struct weir_error *ret_error);

/* ---- take and give --------------------------------------------------------------------------- */

/* Deadlock: a take is refused at once with WEIR_EDEADLOCK when every connection that may exist is
 * held by a caller that itself waits in this pool. The holder is `owner`: 0 = the calling thread
 * (in a loop: nobody). A program that gives a connection back from another thread than the one that
 * took it says WEIR_OWNER_NONE, or a number of its own (a request, a coroutine); such a holder is
 * then never, or only under that number, taken for waiting. */
#define WEIR_OWNER_NONE UINT64_MAX

/* What a caller wants. All zero is a good default, and so is NULL. */
struct weir_want {
    weir_time deadline; /* absolute; 0 = now + pool_timeout; WEIR_NEVER = waits for ever */
    const char *tag;    /* who asks, shown by weir_pool_holders and in errors; NULL = "" */
    uint64_t owner;
    uint32_t lane;  /* 0..WEIR_LANES-1 */
    uint32_t flags; /* 0 */
};

/* Takes a connection, waiting for it until the deadline. It is connected, idle, in blocking mode.
 * Errors: WEIR_ETIMEDOUT (with the cause), WEIR_EQUEUEFULL, WEIR_EUPSTREAMAUTH, WEIR_EDEADLOCK,
 * WEIR_EHOOK, WEIR_ECLOSED, WEIR_ECAPACITY, WEIR_EINVALID. Not a cancellation point. */
WEIR_API int weir_pool_take(struct weir_pool *pool, const struct weir_want *want, PGconn **ret_conn,
                            struct weir_error *ret_error) WEIR_MUST_CHECK;

/* The same without waiting: WEIR_EAGAIN when nothing is free this moment or others wait. What would
 * make one free (a connect, a check) is then begun, so that a later call may succeed.
 * want->deadline is ignored. */
WEIR_API int weir_pool_try(struct weir_pool *pool, const struct weir_want *want,
                           PGconn **ret_conn) WEIR_MUST_CHECK;

/* Gives a connection back, in whatever state: in a transaction it is rolled back, busy it is
 * cancelled and drained, broken it is closed; nothing of that is waited for. Notice processor and
 * receiver, verbosity and trace that the caller has set in libpq end here. WEIR_ENOTLENT when
 * this pool has not lent it (given back already; foreign): nothing happened. The pointer must not
 * be used afterwards. A pointer that was given back and lent to somebody else since cannot be told
 * apart. */
WEIR_API int weir_pool_give(struct weir_pool *pool, PGconn *conn);

/* Gives a connection back to be closed. Errors as give. */
WEIR_API int weir_pool_discard(struct weir_pool *pool, PGconn *conn);

/* Makes a lent connection the caller's for good: to PQfinish, or to give to other code. It counts
 * against the limit until weir_pool_forget(pool, conn), which must follow PQfinish (the pointer is
 * only a name there). Errors: WEIR_ENOTLENT. */
WEIR_API int weir_pool_detach(struct weir_pool *pool, PGconn *conn);
WEIR_API int weir_pool_forget(struct weir_pool *pool, const PGconn *conn);

/* Has every connection that exists now replaced: idle ones at once, lent ones when they are given
 * back. With a connection (lent): only that one. Errors: WEIR_ENOTLENT. */
WEIR_API int weir_pool_invalidate(struct weir_pool *pool, const PGconn *conn);

/* New limits. Fewer: idle connections are closed at once, lent ones when they are given back.
 * Errors: WEIR_EINVALID, WEIR_ECLOSED. */
WEIR_API int weir_pool_resize(struct weir_pool *pool, uint32_t pool_size, int32_t max_overflow);

/* Pause: nothing is lent and nothing connects, callers wait, idle connections are closed.
 * Errors: WEIR_ECLOSED. */
WEIR_API int weir_pool_pause(struct weir_pool *pool);
WEIR_API int weir_pool_resume(struct weir_pool *pool);

/* The server was seen alive (somebody else's connection came through, an operator says so): the
 * pool forgets its back-off after failed connects, a refused login and the learned ceiling, and
 * connects at once for those who wait. Without it the pool finds out by itself, at its next try.
 * Errors: WEIR_ECLOSED. */
WEIR_API int weir_pool_retry(struct weir_pool *pool);

/* In a child after fork(): makes the pool usable there, empty and with connections of its own; no
 * byte goes to the parent's connections, whose sockets are replaced by /dev/null. Any call on the
 * pool does it by itself; call it to have it done before the child touches a connection (PQfinish
 * on an inherited one would say good-bye on the parent's socket). Connections that were lent at the
 * fork are the child's to PQfinish; the pool does not know them any more (WEIR_ENOTLENT). Loops are
 * dead in the child: only weir_loop_close may be called. In the parent: does nothing. */
WEIR_API void weir_pool_after_fork(struct weir_pool *pool);

/* ---- queries behind a check or reset --------------------------------------------------------- */

/* With lend_early a check (pool_pre_ping) or reset (reset_on_return) costs no round trip of its
 * own: the first query of whoever takes the connection travels right behind it. Without lend_early
 * these functions are PQsendQueryParams and PQgetResult. They may be used on lent connections only,
 * by whoever holds them: WEIR_ENOTLENT otherwise. WEIR_EBROKEN: the connection is of no use any
 * more, PQerrorMessage may say why; give it back. A query that was sent may have run. */

/* Sends one statement; `values` are texts or NULL, param_count of them. All results of it have to
 * be read by weir_result before anything else is sent. */
WEIR_API int weir_send(struct weir_pool *pool, PGconn *conn, const char *command, int param_count,
                       const char *const *values) WEIR_MUST_CHECK;

/* Waits for the next result; NULL when there is none any more: the connection is then as any other.
 * The result is the caller's to PQclear. */
WEIR_API int weir_result(struct weir_pool *pool, PGconn *conn,
                         PGresult **ret_result) WEIR_MUST_CHECK;

/* Waits for what is still unanswered, so that the connection may be used with libpq directly. */
WEIR_API int weir_settle(struct weir_pool *pool, PGconn *conn) WEIR_MUST_CHECK;

/* ---- looking --------------------------------------------------------------------------------- */

struct weir_stats {
    uint32_t pool_size, limit;            /* limit = pool_size + max_overflow */
    uint32_t ceiling;                     /* learned; WEIR_NO_LIMIT = none known */
    uint32_t idle, checked_out, overflow; /* overflow: how many exist beyond pool_size */
    uint32_t connecting, checking, resetting, closing, detached;
    uint32_t waiting;
    weir_time oldest_wait, oldest_hold; /* 0 = nobody */
    bool is_paused, is_closed, is_backing_off;
    weir_time retry_in; /* span until the next connect is tried, while backing off */
    int last_failure;   /* status of the last failed connect, 0 after a success */
    char last_sqlstate[6];
    char last_failure_text[256];

    uint64_t takes, timeouts, refusals, connects, connect_failures, deadlocks; /* since open */
    uint64_t wait_count[WEIR_BUCKETS], hold_count[WEIR_BUCKETS];
    weir_time wait_total, hold_total;
    uint32_t
        suggested_size; /* Little's law over what was seen: see weir_pool_stats; 0 = too little */

    /* What the server said at the first connect (ask_server). WEIR_NO_LIMIT = unknown or none. */
    bool is_server_asked;
    uint32_t server_max; /* max_connections less those reserved for others */
    uint32_t role_limit, database_limit;
    uint32_t held_by_others; /* connections of other clients then */
    uint32_t grant;          /* the least of the above less held_by_others: what we can have */
    uint32_t standbys;       /* of our connections, those to a server in hot standby */
};

/* What the pool looks like now. suggested_size: by Little's law the mean number of busy connections
 * is (takes per second) x (mean hold); plus twice its square root, so that waiting is rare. */
WEIR_API int weir_pool_stats(struct weir_pool *pool, struct weir_stats *ret_stats);

enum weir_transaction {
    WEIR_TRANSACTION_IDLE,   /* not in a transaction */
    WEIR_TRANSACTION_ACTIVE, /* a statement runs */
    WEIR_TRANSACTION_OPEN,   /* idle in transaction */
    WEIR_TRANSACTION_ERROR,  /* idle in a failed transaction */
    WEIR_TRANSACTION_UNKNOWN,
};

struct weir_holder {
    char tag[WEIR_TAG_BYTES];
    uint64_t owner; /* as in struct weir_want; a thread's number is its kernel id */
    weir_time held; /* since when, as a span */
    int backend_pid;
    enum weir_transaction transaction; /* a hint: read while the holder works */
    bool is_detached, is_waiting;      /* is_waiting: the owner itself waits in this pool */
};

/* Who holds connections, the longest first; at most `capacity` of them. Returns how many hold one
 * (which may be more than capacity), or a status. */
WEIR_API int weir_pool_holders(struct weir_pool *pool, struct weir_holder *holders,
                               size_t capacity);

/* One line for a log: "pool size=20 checked_out=3 overflow=0 waiting=0 ceiling=20 ...". Returns the
 * length it has, as snprintf does. */
WEIR_API int weir_stats_line(const struct weir_stats *stats, char *text, size_t bytes);

/* OpenMetrics text, without the closing "# EOF", each metric with the label pool="name". Returns
 * the length it has, as snprintf does. */
WEIR_API int weir_stats_openmetrics(const struct weir_stats *stats, const char *name, char *text,
                                    size_t bytes);

/* ---- event loops ----------------------------------------------------------------------------- */

/* A loop is one thread's door to a pool: one descriptor to wait for, one function to call when it
 * is readable. Many loops and threads may share a pool. All functions below are called on the
 * loop's thread only. */
struct weir_loop;
struct weir_claim;

/* The end of a claim: status 0 and a connection (to give back by weir_pool_give), or a failure and
 * NULL; `error` is NULL on success, and valid during the call. */
typedef void weir_claim_done(struct weir_claim *claim, int status, PGconn *conn,
                             const struct weir_error *error);

/* A claim of a loop: the caller's memory, untouched by the caller from weir_loop_claim until done()
 * or weir_loop_cancel. `user` is the caller's at all times. */
struct weir_claim {
    void *user;
    void *internal[32];
};

/* Errors: WEIR_ENOMEM, WEIR_ESYSTEM, WEIR_ECLOSED. */
WEIR_API int weir_loop_open(struct weir_pool *pool, struct weir_loop **ret_loop) WEIR_MUST_CHECK;

/* Needs that no claim is pending (WEIR_ESTATE otherwise). NULL is fine. */
WEIR_API int weir_loop_close(struct weir_loop *loop);

/* The descriptor: readable when weir_loop_tick has something to do, timers included. Level
 * triggered. It is the loop's; do nothing with it but wait (poll, epoll, kqueue-alikes). */
WEIR_API int weir_loop_fd(const struct weir_loop *loop);

/* Does what is due and calls done() of the claims that have ended. Never waits. May be called at
 * any time, but not from within done(). */
WEIR_API void weir_loop_tick(struct weir_loop *loop);

/* Claims a connection. done() is called exactly once, from a later weir_loop_tick, unless the claim
 * is cancelled before. Errors: as weir_pool_take for arguments; done() is not called then. */
WEIR_API int weir_loop_claim(struct weir_loop *loop, struct weir_claim *claim,
                             const struct weir_want *want, weir_claim_done *done) WEIR_MUST_CHECK;

/* Withdraws a claim: done() is never called after this returns. WEIR_ESTATE: it has ended, done()
 * was called or is being called. */
WEIR_API int weir_loop_cancel(struct weir_loop *loop, struct weir_claim *claim);

#ifdef __cplusplus
}
#endif

#endif
