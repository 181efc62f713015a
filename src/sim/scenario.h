/* scenario.h - what is simulated: a database with limits, a fleet with pools, loads, faults.
 *
 * Plain data; sim_scenario_init gives the defaults, sim_scenario_check says what is impossible.
 * docs/simulate.md is the manual of the same things as a file.
 *
 *   load -> application process, with a pool of its own -> [weir] -> [session-mode pooler] ->
 * database
 *
 * Each application process has a pool. What the pool opens are connections to the database, to the
 * pooler in front of it, or to weir when there is one; then weir has a pool of its own.
 */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include "base/status.h"
#include "sim/dist.h"

#define SIM_NO_LIMIT      UINT32_MAX
#define SIM_LOADS_MAX     16
#define SIM_CHANGES_MAX   64
#define SIM_PROCESSES_MAX 1000
#define SIM_CONNS_MAX     5000  /* of one pool */
#define SIM_REQUESTS_MAX  65536 /* in flight at once; what comes beyond is counted as dropped */
#define SIM_USERS_MAX     20000
#define SIM_TRACE_MAX     1000000

enum sim_pool_kind {
    SIM_POOL_SQLALCHEMY, /* as SQLAlchemy's QueuePool: a refused connect fails its request */
    SIM_POOL_LIBWEIR,    /* weir's core in every process */
    SIM_POOL_NONE,       /* each request connects and disconnects */
};

enum sim_mode {
    SIM_MODE_TRANSACTION, /* a server is lent for a transaction */
    SIM_MODE_SESSION,     /* a server is lent until the client disconnects */
};

/* Limits; SIM_NO_LIMIT = none. */
struct sim_limits {
    uint32_t max_connections, reserved, role, database;
    uint32_t others; /* connections that somebody else holds, under all of these limits */
};

struct sim_pool_settings {
    enum sim_pool_kind kind;
    uint32_t size, overflow;
    uint32_t max_waiting, max_connecting;
    base_time timeout;
};

struct sim_load {
    char name[32];
    base_time from, until;
    double rate;           /* arrivals per second, Poisson; 0 = none */
    uint32_t users;        /* closed: each loads, waits, thinks, loads again; 0 = none */
    struct sim_dist think; /* of users */
    base_time *trace;      /* arrival times, growing; owned by the scenario; NULL = none */
    uint32_t trace_count;
    uint32_t requests;     /* fired at once by an arrival (a page load) */
    uint32_t transactions; /* of a request */
    uint32_t statements;   /* of a transaction */
    struct sim_dist service, slow_service;
    base_time
        *services; /* recorded: one after the other, from the front again; owned; NULL = none */
    uint32_t service_count;
    double slow;             /* share of statements that take slow_service */
    struct sim_dist between; /* the application's own time between two statements */
    struct sim_dist outside; /* and between two transactions */
    bool is_held;            /* a request keeps its connection between its transactions */
    double leak;             /* share of requests that do not give their connection back */
    base_time leak_for;      /* and then, how long it stays away */
    bool leak_in_transaction;
};

enum sim_change_kind {
    SIM_CHANGE_DEPLOY, /* new processes beside the old ones for a while */
    SIM_CHANGE_OUTAGE, /* the database is gone for a while, then starts up */
    SIM_CHANGE_LIMITS, /* its limits, or what others hold, are different from now on */
};

struct sim_change {
    enum sim_change_kind kind;
    base_time at;
    base_time span;     /* DEPLOY: old and new side by side; OUTAGE: nobody listens */
    base_time starting; /* OUTAGE: then "the database system is starting up" */
    struct sim_limits limits;
};

struct sim_scenario {
    char name[64];
    uint64_t seed;
    base_time duration; /* arrivals stop then; what is under way is finished */
    base_time warmup;   /* requests that begin earlier are not counted */
    base_time give_up;  /* a router's time-out: an answer that comes later is a failure */
    struct sim_limits limits;
    uint32_t pooler_clients; /* of a session-mode pooler in between; SIM_NO_LIMIT = there is none */
    uint32_t cores;          /* statements that run at full speed at once; 0 = any number */
    struct sim_dist connect; /* PostgreSQL's part of a connect */
    base_time disconnect;    /* how long a closed connection still counts */
    base_time round_trip;    /* of the network */
    double loss;             /* share of statements whose connection breaks */
    double connect_loss;     /* share of connects that hang */
    base_time connect_timeout;
    uint32_t processes;
    struct sim_pool_settings pool; /* of each process */
    bool has_weir;
    enum sim_mode mode;
    struct sim_pool_settings weir;
    uint32_t daemons; /* weirs side by side; a process uses one of them */
    uint32_t load_count, change_count;
    struct sim_load loads[SIM_LOADS_MAX];
    struct sim_change changes[SIM_CHANGES_MAX]; /* any order */
};

void sim_scenario_init(struct sim_scenario *scenario);
void sim_load_init(struct sim_load *load);
void sim_scenario_done(struct sim_scenario *scenario);

#define SIM_PROBLEMS_MAX 32

/* Something impossible, and the key of defs/scenario.h that is to blame. */
struct sim_problem {
    const char *section, *key;
    uint32_t load; /* section "load": which one */
    char text[160];
};

struct sim_problems {
    uint32_t count;
    struct sim_problem items[SIM_PROBLEMS_MAX];
};

/* Everything that is impossible; none when a simulation can run. */
void sim_scenario_problems(const struct sim_scenario *scenario, struct sim_problems *ret);

/* 0, or BASE_EINVALID with the first problem as text. */
int sim_scenario_check(const struct sim_scenario *scenario, char *text,
                       size_t bytes) BASE_MUST_CHECK;

/* How many connections the limits leave for the role and the pooler, and which limit that is. */
uint32_t sim_limits_room(const struct sim_limits *limits, uint32_t pooler_clients,
                         const char **ret_which);

#endif
