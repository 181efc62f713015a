/* pool.h - databases, users, upstreams and pools of the daemon, mirrored in the core.
 *
 * upstream   host and port; a core scope
 * database   a [databases] entry (or what `*` made of a name) on its upstream; a core scope
 * user       a name that clients or servers log in with; a core scope
 * pool       the servers for one database and one user, the one they log in as: the client's own,
 *            or `user=` of the database, whose clients then share one pool; a core pool. Made at
 *            the first login.
 *
 * A replication connection has a pool of its own, of one server that is opened for it with its
 * start-up parameters and never lent to anybody else. It counts in the same scopes, waits in the
 * same line, and is shown in the pool of its database and user, its parent.
 *
 * All are made on demand and live until their configuration goes away and nothing uses them. They
 * point into no configuration snapshot: what they need is copied, so a reload can free the old
 * snapshot.
 */
#ifndef PROXY_POOL_H
#define PROXY_POOL_H

#include "base/hash.h"
#include "base/list.h"
#include "config/config.h"
#include "core/core.h"
#include "net/net.h"
#include "proxy/stats.h"
#include "proxy/text.h"
#include "proxy/vars.h"

struct proxy;

struct proxy_upstream {
    struct base_list link; /* in proxy.upstreams */
    char *host;            /* as configured: name, address, socket directory; may be a list */
    uint16_t port;
    struct core_scope_id scope;
    uint32_t references;
};

struct proxy_database {
    struct base_list link; /* in proxy.databases */
    char *name;            /* what clients ask for */
    bool is_fallback;      /* made by the `*` entry */
    bool is_disabled;
    bool is_paused;  /* PAUSE or KILL of this database: new pools begin paused */
    bool is_removed; /* gone from the configuration; kept while pools live */
    struct proxy_upstream *upstream;
    struct core_scope_id scope;
    /* copied from the configuration */
    char *dbname;                   /* on the server */
    char *forced_user;              /* NULL: the client's own */
    char *forced_password;          /* NULL: from the user list */
    char *connect_query;            /* NULL: none */
    struct proxy_vars connect_vars; /* client_encoding, timezone, ... of the entry */
    enum config_pool_mode mode;
    enum config_balance balance;        /* of several hosts */
    enum config_target target;          /* which servers are taken */
    enum config_protocol protocol;      /* the newest that is asked for */
    struct core_pool_settings settings; /* the entry's sizes and lifetime, for SHOW DATABASES */
    bool has_mode; /* the entry says a mode; otherwise the user's or the default */
    uint32_t connection_limit;
    base_time made_at;
    base_time wait;        /* how long clients wait for a server, unless their user says it */
    uint32_t client_limit; /* 0: none */
    uint32_t client_count; /* logged in */
    uint32_t references;   /* pools */
};

/* Time-outs of a user's clients; 0 = none. */
struct proxy_limits {
    base_time wait; /* for a server; with has_wait: before what the database says */
    bool has_wait;
    base_time query, transaction, idle_transaction, client_idle;
    base_time shortest; /* of the line above; BASE_NEVER when there is none */
};

/* Learned from a user's own SCRAM login: with them weir logs in to a server that has the same
 * verifier. */
struct proxy_keys {
    bool is_known;
    uint8_t client_key[32];
    uint8_t server_key[32];
};

struct proxy_user {
    struct base_list link; /* in proxy.users */
    char *name;
    struct core_scope_id scope;
    uint32_t connection_limit;
    uint32_t client_limit; /* 0: none */
    uint32_t client_count; /* logged in, of all databases */
    struct proxy_limits limits;
    uint32_t references;    /* pools and clients */
    struct proxy_keys keys; /* of a user in auth_file */
};

/* What the last failed connect said, kept for the clients that will be told. */
struct proxy_failure {
    int status; /* 0 = the last connect succeeded */
    char sqlstate[6];
    char text[256];
};

struct proxy_pool {
    struct base_hash_node node; /* in proxy.pools, by (database, user) */
    struct base_list link;      /* in proxy.pool_list, in order of making */
    struct proxy *proxy;
    struct proxy_database *database;
    struct proxy_user *user;
    struct core_pool_id id;
    enum config_pool_mode mode;
    bool is_lookup;           /* auth_query runs here, as the auth_user; no client does */
    char *shown_user;         /* the user's name, as SHOW, metrics and the log have it */
    char *secret;             /* of its user, as auth_query said at the last login; NULL: none */
    struct proxy_keys keys;   /* learned at that login */
    bool is_closed;           /* closed in the core; freed when the last client and server left */
    uint32_t client_count;    /* logged in, of this pool */
    uint32_t server_count;    /* proxy_server objects */
    base_time idle_at;        /* the last of these left */
    struct base_list servers; /* proxy_server.pool_link */
    struct base_list clients; /* proxy_client.pool_link */
    struct proxy_failure failure;
    struct proxy_stats stats;
    uint32_t cancels;          /* cancel requests under way */
    uint32_t next_host;        /* of several: counts round and round */
    uint32_t next_address;     /* of several that the host's name has: the same */
    uint16_t family;           /* of the address that answered last; 0: none since a failure */
    struct proxy_pool *parent; /* of a replication connection's pool; else NULL */
    uint32_t children;         /* pools whose parent it is */
    bool is_physical;          /* with parent: the server is no session of its database */
    char *startup;             /* with parent: pairs for the start-up message */
    uint32_t startup_bytes;
    /* What a client is told at login: ParameterStatus messages of the first server, as one block
     * with the tracked parameters left out (each client has its own). NULL before the first server.
     */
    uint8_t *welcome;
    uint32_t welcome_bytes;
    struct proxy_vars welcome_vars;
};

/* Finds or makes the pool for clients of that name. Errors: BASE_EINVALID (no such database),
 * BASE_ENOMEM, BASE_ECAPACITY. */
int proxy_pool_find(struct proxy *proxy, struct base_slice database, struct base_slice user,
                    struct proxy_pool **ret_pool) BASE_MUST_CHECK;
/* The same for the pool in which auth_query runs as this user. */
int proxy_pool_find_lookup(struct proxy *proxy, struct base_slice database, struct base_slice user,
                           struct proxy_pool **ret_pool) BASE_MUST_CHECK;
/* Keeps what auth_query said about the pool's user, for logins to the server; takes the text over.
 * NULL forgets it. */
void proxy_pool_set_secret(struct proxy_pool *pool, char *secret);
/* A pool for one replication connection of that pool's clients, whose server starts with these
 * parameters (name, 0, value, 0, ...); it ends when its client leaves. Errors: BASE_ENOMEM,
 * BASE_ECAPACITY. */
int proxy_pool_replicate(struct proxy_pool *parent, bool is_physical, struct base_slice startup,
                         struct proxy_pool **ret_pool) BASE_MUST_CHECK;
/* core_pool_stats with what its children have. */
int proxy_pool_stats(const struct proxy_pool *pool,
                     struct core_pool_stats *ret_stats) BASE_MUST_CHECK;
/* The counters with those of its children. */
void proxy_pool_counters(const struct proxy_pool *pool, struct proxy_counters *ret_counters);
/* Clients, servers and cancel requests with those of its children. */
struct proxy_pool_counts {
    uint32_t clients, servers, cancels, cancelled;
};
struct proxy_pool_counts proxy_pool_counts(const struct proxy_pool *pool);
/* A client of that name is there: its user, counted until it is dropped. Errors: BASE_ENOMEM,
 * BASE_ECAPACITY. */
int proxy_user_take(struct proxy *proxy, struct base_slice name,
                    struct proxy_user **ret_user) BASE_MUST_CHECK;
void proxy_user_drop(struct proxy *proxy, struct proxy_user *user);
/* The database entry a name leads to, made from `*` if need be; NULL when there is none. */
struct proxy_database *proxy_database_find(struct proxy *proxy, struct base_slice name);
/* Its servers are replaced: idle ones at once, others when they are given back; with
 * server_fast_close sessions end for that, at the end of their transaction. */
void proxy_pool_reconnect(struct proxy_pool *pool);
/* Frees the pool if it is closed and nothing uses it any more. */
void proxy_pool_release(struct proxy_pool *pool);
/* A client or server of it has left: without any it begins to idle (pool_idle.c). */
void proxy_pool_left(struct proxy_pool *pool);
/* Looks for pools and databases that have idled for too long, now and when more are due. */
void proxy_pools_idle_watch(struct proxy *proxy);
/* Builds databases from proxy.config; on a reload compares and applies what changed. */
int proxy_pools_configure(struct proxy *proxy) BASE_MUST_CHECK;
/* The process ends: no pool opens a server any more, not even for its minimum. */
void proxy_pools_close(struct proxy *proxy);
void proxy_pools_done(struct proxy *proxy);

/* Takes over the ParameterStatus block of a server as the pool's welcome. */
int proxy_pool_set_welcome(struct proxy_pool *pool, struct base_slice block,
                           const struct proxy_vars *vars) BASE_MUST_CHECK;

#endif
