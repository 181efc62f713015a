/* world.h - what the files of the simulated world share: its objects and who does what.
 *
 *   world.c       making a world, the loop, samples, the end
 *   load.c        arrivals, users, pages
 *   request.c     a request's life: take, statements, pauses, give
 *   pool.c        pools of both kinds: claims, give; connections and what becomes of them
 *   pool_core.c   the pool that asks weir's core for every decision
 *   pool_naive.c  the pool as SQLAlchemy has it, for comparison
 *   database.c    limits, refusals, outages
 *   fleet.c       processes, deploys, changes
 *   checker.c     promises: sees events and effects only, never the inside of the core
 *
 * Everything that will happen is a node in one heap of virtual time; equal times happen in the
 * order in which they were planned. Nothing reads a clock, nothing follows the order of addresses.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "base/heap.h"
#include "base/list.h"
#include "base/slab.h"
#include "core/core.h"
#include "sim/result.h"

enum node_kind {
    NODE_CONN,
    NODE_REQUEST,
    NODE_POOL,
    NODE_LOAD,
    NODE_USER,
    NODE_CHANGE,
    NODE_SAMPLE
};

struct node {
    struct base_heap_node heap; /* first: a node is found by its heap node */
    enum node_kind kind;
};

enum conn_state {
    CONN_FREE,
    CONN_OPENING,
    CONN_IDLE,
    CONN_LENT,
    CONN_CHECKING,
    CONN_RESETTING,
    CONN_CLOSING,
};

/* A connection that a pool opens: to the database, or to weir (then it may have a lease there). */
struct conn {
    struct node node;
    enum conn_state state;
    struct pool *pool;
    struct core_server_id id;
    bool is_hanging;       /* nobody will answer this connect */
    bool is_counted;       /* takes a slot of the database */
    bool is_above;         /* opened above a ceiling that is known */
    bool is_leaked;        /* nobody will give it back */
    struct request *user;  /* lent to */
    struct conn *lease;    /* of a connection to weir: the server it has there */
    struct conn *holder;   /* of a server of weir: the connection that has it */
    struct base_list link; /* naive pool: idle ones */
};

struct pool {
    struct node node; /* the core's deadline; naive pool: the first time-out */
    const struct sim_pool_settings *settings;
    bool is_to_weir; /* its connections go to weir, not to the database */
    bool is_weir;
    bool is_over;      /* its process has ended */
    struct pool *weir; /* where its connections go when is_to_weir */
    uint32_t limit;    /* connections that may exist */
    uint32_t capacity; /* of conns */
    struct conn *conns;
    uint32_t used; /* conns that are not free; naive pool: below this index all were used */
    uint32_t opening, live, lent, closing, resting; /* resting: idle, and nothing under way */
    struct base_list waiting;                       /* requests, in order of arrival */
    uint32_t waiting_count;
    /* the core's */
    void *memory;
    struct core *core;
    struct core_pool_id id;
    bool is_draining;
    bool is_behind; /* something happened that the core has yet to be told */
    /* the naive pool's */
    struct base_list idle, free;
    /* the checker's */
    uint32_t ceiling; /* told by refusals so far */
    bool is_probing;
    bool is_out; /* the last connect was not answered */
    base_time probe_not_before;
    base_time stuck_since; /* a claim waits beside a free slot; BASE_NEVER = not so */
};

enum request_state { REQUEST_WAITING, REQUEST_RUNNING, REQUEST_BETWEEN, REQUEST_OUTSIDE };

struct request {
    struct base_slot slot;
    struct node node;
    enum request_state state;
    uint32_t load;
    struct page *page;
    struct pool *pool; /* of its process */
    base_time began, waited;
    struct conn *conn;
    uint32_t transactions, statements; /* left */
    bool will_break;
    /* while it waits */
    struct pool *claimed;
    struct core_claim_id claim;
    struct base_list link;
    base_time since, deadline;
};

struct page {
    struct base_slot slot;
    uint32_t load;
    struct user *user; /* NULL = of an open load */
    uint32_t open;
    bool is_failed, is_counted;
    base_time began;
};

struct load {
    struct node node;
    const struct sim_load *settings;
    uint32_t trace_next, service_next;
};

struct user {
    struct node node;
    uint32_t load;
};

struct change {
    struct node node;
    const struct sim_change *settings;
    uint32_t step;
    uint32_t first_old; /* DEPLOY: the generation that ends */
};

struct world {
    const struct sim_scenario *scenario;
    struct sim_result *result;
    struct base_random random;
    base_time now;
    struct base_heap heap;
    struct node sample;
    base_time sample_span;

    struct pool *pools; /* weirs first, then generations of processes */
    uint32_t pool_count, first_process, process_count; /* those that get new requests */
    uint32_t generation;
    struct conn *conns;
    struct load loads[SIM_LOADS_MAX];
    struct user *users;
    uint32_t user_count;
    struct change changes[SIM_CHANGES_MAX];
    struct base_slab requests, pages;
    void *request_memory, *page_memory;

    /* the database */
    struct sim_limits limits;
    uint32_t counted; /* connections that take a slot */
    bool is_down, is_starting;
    uint32_t running; /* statements */
    /* levels over time */
    uint32_t lent, waiting;
    double lent_area, running_area;
    base_time area_since;
};

/* ---- world.c --------------------------------------------------------------------------------- */

void world_plan(struct world *w, struct node *node, base_time at);
void world_unplan(struct world *w, struct node *node);
/* Before `lent` or `running` change: the time until now counts with their values. */
void world_tally(struct world *w);
/* Puts numbers into the run's hash. */
void world_hash(struct world *w, uint64_t a, uint64_t b);
struct sim_sample *world_sample(struct world *w);
void world_waiting(struct world *w, int change);
bool world_has_chance(struct world *w, double share);

/* ---- load.c ---------------------------------------------------------------------------------- */

void load_init(struct world *w);
void load_arrive(struct world *w, struct load *load);
void load_user_acts(struct world *w, struct user *user);
void page_request_ended(struct world *w, struct page *page, bool is_good);

/* ---- request.c ------------------------------------------------------------------------------- */

void request_begin(struct world *w, struct page *page);
void request_granted(struct world *w, struct request *request, struct conn *conn);
void request_refused(struct world *w, struct request *request, enum sim_outcome outcome);
void request_acts(struct world *w, struct request *request);
/* Its connection is gone: the statement fails. */
void request_broken(struct world *w, struct request *request);

/* ---- pool.c ---------------------------------------------------------------------------------- */

void pool_init(struct world *w, struct pool *pool, const struct sim_pool_settings *settings,
               struct conn *conns);
void pool_done(struct pool *pool);
/* What a pool of these settings may open. */
uint32_t pool_limit(const struct sim_pool_settings *settings);
void pool_claim(struct world *w, struct pool *pool, struct request *request);
void pool_give(struct world *w, struct conn *conn, enum core_give give);
/* Its process ends: what is idle closes, what is lent closes when given back. */
void pool_end(struct world *w, struct pool *pool);
/* Its time has come. */
void pool_acts(struct world *w, struct pool *pool);

void conn_acts(struct world *w, struct conn *conn);
void conn_move(struct world *w, struct conn *conn, enum conn_state to);
void conn_connect(struct world *w, struct conn *conn);
void conn_close(struct world *w, struct conn *conn);
/* The network or the database ended it. */
void conn_lost(struct world *w, struct conn *conn);
void conn_lend(struct world *w, struct conn *conn, struct request *request);

/* ---- pool_core.c, pool_naive.c: the same questions to each kind -------------------------------
 */

int pool_core_init(struct world *w, struct pool *pool);
void pool_core_claim(struct world *w, struct pool *pool, struct request *request);
void pool_core_give(struct world *w, struct conn *conn, enum core_give give);
void pool_core_end(struct world *w, struct pool *pool);
void pool_core_tick(struct world *w, struct pool *pool);
void pool_core_tell(struct world *w, struct conn *conn, enum core_event_kind kind);
void pool_core_refused(struct world *w, struct conn *conn, enum core_failure failure,
                       enum core_scope_kind scope);

void pool_naive_init(struct pool *pool);
void pool_naive_claim(struct world *w, struct pool *pool, struct request *request);
void pool_naive_give(struct world *w, struct conn *conn, enum core_give give);
void pool_naive_end(struct world *w, struct pool *pool);
void pool_naive_tick(struct world *w, struct pool *pool);
void pool_naive_opened(struct world *w, struct conn *conn);
void pool_naive_refused(struct world *w, struct conn *conn);
void pool_naive_gone(struct world *w, struct conn *conn);

/* A request enters or leaves a pool's queue. */
void pool_enqueue(struct world *w, struct pool *pool, struct request *request);
void pool_dequeue(struct world *w, struct request *request);

/* ---- database.c ------------------------------------------------------------------------------ */

/* True when it accepts one more connection; otherwise why not. */
bool database_accepts(struct world *w, enum core_failure *ret_failure,
                      enum core_scope_kind *ret_scope);
void database_enter(struct world *w, struct conn *conn);
void database_leave(struct world *w, struct conn *conn);
/* How many more it would accept now. */
uint32_t database_room(const struct world *w);
/* Every connection ends. */
void database_break(struct world *w);
/* How long a statement takes that starts now. */
base_time database_statement(struct world *w, const struct sim_load *load);

/* ---- fleet.c --------------------------------------------------------------------------------- */

int fleet_init(struct world *w);
void fleet_done(struct world *w);
void fleet_change(struct world *w, struct change *change);
/* The process that gets a new request. */
struct pool *fleet_route(struct world *w);

/* ---- checker.c ------------------------------------------------------------------------------- */

_Noreturn void checker_unreachable(const char *what);
void checker_violated(struct world *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void checker_opening(struct world *w, struct conn *conn);
void checker_opened(struct world *w, struct conn *conn);
void checker_refused(struct world *w, struct conn *conn, bool is_full);
void checker_granted(struct world *w, const struct request *request, const struct conn *conn);
void checker_ended(struct world *w, const struct request *request, enum sim_outcome outcome);
/* A pool has carried out all its effects: nothing that could be done now may be left. */
void checker_settled(struct world *w, const struct pool *pool);
/* A promise about time: looked at with every sample. */
void checker_look(struct world *w);
/* Nothing is planned any more. */
void checker_end(struct world *w);

#endif
