/* daemon.h - everything one weir process has: made by proxy_run (proxy.h), passed to everybody.
 *
 * Life of the process: STARTING (configuration checked, sockets open) -> RUNNING -> EMPTYING
 * (SHUTDOWN WAIT_FOR_CLIENTS: no new clients but on the console, nobody is closed) -> DRAINING
 * (SIGTERM, SHUTDOWN: no new clients, those without work are closed, the others when their
 * transaction is over)
 * -> STOPPED (the loop ends).
 */
#ifndef PROXY_DAEMON_H
#define PROXY_DAEMON_H

#include "base/hash.h"
#include "base/list.h"
#include "config/config.h"
#include "core/core.h"
#include "net/net.h"
#include "proxy/crypto.h"
#include "proxy/pool.h"
#include "proxy/prepared.h"
#include "proxy/scheduling.h"
#include "proxy/text.h"
#include "proxy/vars.h"

struct proxy_http;
struct proxy_peer;
struct proxy_takeover;

enum proxy_phase {
    PROXY_STARTING,
    PROXY_RUNNING,
    PROXY_EMPTYING,
    PROXY_DRAINING,
    PROXY_STOPPED,
};

/* The core's capacities: address space, touched only as used. */
#define PROXY_CLAIMS_MAX  262144
#define PROXY_SERVERS_MAX 65536
#define PROXY_POOLS_MAX   16384
#define PROXY_SCOPES_MAX  49152

#define PROXY_LISTENERS_MAX 16

/* Beyond max_client_conn so many connections may be open for the console and for telling clients
 * that there are too many. */
#define PROXY_CLIENTS_RESERVED 64

struct proxy {
    struct net_loop *loop;
    struct net_resolver *resolver;
    struct core *core;
    void *core_memory;
    size_t core_bytes;
    struct config *config;
    enum proxy_phase phase;
    bool is_draining_effects;
    struct proxy_scheduling scheduling;
    uint64_t turns; /* of the loop, to sample core_check */
    bool is_paused_all;
    bool is_suspended; /* clients that have logged in are not read */
    bool has_pidfile;
    bool is_quiet;            /* asked for at the start: no log on standard error */
    int verbose;              /* asked for at the start, added to the option */
    bool is_reboot;           /* -R */
    const char *user;         /* asked for at the start, before the option; NULL: not */
    uint32_t service_sockets; /* that the service manager has opened for us */
    base_time watchdog_every; /* the service manager wants to hear from us; 0: not */
    base_time started_at;
    uint64_t started_wall_us; /* wall clock at start, for SHOW: microseconds since 1970 */
    base_time shutdown_at;    /* DRAINING: when the rest is closed anyway */

    struct net_listener listeners[PROXY_LISTENERS_MAX];
    uint32_t listener_count;
    struct net_tls_context *client_tls; /* NULL: TLS not offered */
    struct net_tls_context *server_tls; /* NULL: never asked for */
    struct net_socket_options client_socket;
    struct net_socket_options server_socket;

    struct base_list clients;
    uint32_t client_count;
    uint64_t next_serial;
    struct base_hash cancel_keys;
    uint32_t next_cancel_pid;
    struct proxy_random_store random; /* for cancel keys */
    struct base_list cancels;         /* requests under way to servers */
    uint32_t cancel_count;
    struct base_list peers;          /* peer.h */
    struct proxy_takeover *takeover; /* STARTING: what the predecessor has handed over; else NULL */
    struct base_list predecessors;   /* proxy_peer: taken over from; the last one first */
    char *left_at;                   /* handed over: the folder of our own console; NULL: none */
    base_time emptying_since;        /* EMPTYING: who has connected since then comes too late */

    struct base_list upstreams;
    struct base_list databases;
    struct base_list users;
    struct base_list pool_list;
    struct base_hash pools;
    uint32_t pool_count;
    struct proxy_server **servers; /* by core_server_id.idx; PROXY_SERVERS_MAX pointers */

    struct proxy_texts texts;
    struct proxy_statements statements;
    struct base_hash verifiers; /* verifier.c */
    struct base_list verifier_list;
    struct proxy_var_names var_names;
    uint8_t mock_secret[32]; /* makes the salt told to unknown users */
    uint8_t hash_seed[16];

    struct net_timer core_timer;
    struct net_timer stats_timer;
    struct net_timer shutdown_timer;
    struct net_timer watchdog_timer;
    struct net_timer suspend_timer; /* suspend_timeout */
    struct net_timer look_timer;    /* console_wait.c: makes a turn while a SUSPEND waits */
    struct net_timer idle_timer;    /* pool_idle.c */
    struct proxy_http *http;
    struct proxy_helpers *helpers; /* threads that ask PAM and LDAP; NULL before the first */

    base_time stats_at;               /* the last rotation of the statistics; 0 = none yet */
    struct base_list console_waiters; /* PAUSE, WAIT_CLOSE, ... that wait for their answer */
};

/* ---- host.c: the core's host ---- */
/* Applies an event, then carries out every effect. Returns the event's status. */
int proxy_apply(struct proxy *proxy, struct core_event *event);
/* Carries out what the core has decided; for those who call core_apply themselves. */
void proxy_drain_effects(struct proxy *proxy);
/* Lets the core's time pass and arms the timer for its next deadline; once a turn. */
void proxy_host_turn(void *proxy);
/* The server with this core id; NULL when there is none. */
struct proxy_server *proxy_server_by_id(struct proxy *proxy, struct core_server_id id);

/* ---- configure.c ---- */
/* Sockets and TLS as proxy.config says. On failure `why` says what is wrong. */
int proxy_settings_open(struct proxy *proxy, char *why, size_t why_bytes) BASE_MUST_CHECK;
/* The resolver; needs the loop. */
int proxy_names_open(struct proxy *proxy) BASE_MUST_CHECK;
/* Opens the log as the configuration and the command line say. */
int proxy_log_apply(const struct proxy *proxy, const struct config_options *options, char *why,
                    size_t why_bytes) BASE_MUST_CHECK;
/* Takes over another configuration and applies what differs. On failure it is freed, and nothing
 * has changed but what `why` says. */
int proxy_settings_swap(struct proxy *proxy, struct config *config, char *why,
                        size_t why_bytes) BASE_MUST_CHECK;

/* ---- daemon.c ---- */
/* Reads the configuration again and applies what changed; on errors nothing changes. The outcome is
 * logged, and written to `report` for the console (cut at report_bytes). */
int proxy_reload(struct proxy *proxy, char *report, size_t report_bytes);
/* Begins the end: drain, at the latest in `span`; at once with span 0. */
void proxy_shutdown(struct proxy *proxy, base_time span);
/* Takes no new clients, and ends when the last one that is not on the console has left. */
void proxy_shutdown_when_empty(struct proxy *proxy);
/* The same once the listeners are another process's. */
void proxy_shutdown_when_left(struct proxy *proxy);
/* Stops reading from clients that have logged in; and goes on. */
void proxy_suspend(struct proxy *proxy);
void proxy_unsuspend(struct proxy *proxy);
/* Servers of all pools, whatever their state. */
uint32_t proxy_server_count(const struct proxy *proxy);
/* Called when a client or server is gone: ends the loop when draining is over. */
void proxy_check_done(struct proxy *proxy);

/* Clients that wait for a cancel, by the pid they were told; NULL when the key does not fit. */
struct proxy_client *proxy_client_by_key(struct proxy *proxy, uint32_t pid, struct base_slice key);

/* ---- server_host.c ---- */
/* Called by the resolver: servers of this host at other addresses are replaced. */
void proxy_host_moved(void *proxy, const char *host, const struct net_address *addresses,
                      uint32_t address_count);
/* The n-th of several hosts, separated by commas, counting round and round. */
struct base_slice proxy_host_of(const char *list, uint32_t n);

/* ---- console_wait.c ---- */
/* Answers console commands that have waited for something (PAUSE: until no server is lent). Called
 * once a turn; nearly free when nobody waits. `console_waiters` is initialised by the daemon. */
void proxy_console_turn(struct proxy *proxy);
/* suspend_timeout is over: closes the clients that a SUSPEND still waits for. */
void proxy_suspend_expired(struct proxy *proxy);

#endif
