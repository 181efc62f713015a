/* client.h - one connection from an application to weir.
 *
 * States, and the function that moves there (all moves go through client_move in client.c):
 *
 *   STARTUP  proxy_client_accept     waiting for the first packet (or SSLRequest, GSSENCRequest)
 *   TLS      client_login.c          handshake under way
 *   AUTH     client_login.c          waiting for a password or SASL message
 *   WELCOME  client_login.c          authenticated; the pool has no server yet whose parameters we
 *                                    know: a claim is waiting
 *   READY    client_login.c, unlink  logged in, has no server
 *   WAITING  client_session.c        a claim is waiting
 *   LINKED   proxy_client_grant      has a server
 *   CONSOLE  client_login.c          logged in to the admin console
 *   CANCEL   cancel.c                its CancelRequest is under way
 *   CLOSING  proxy_client_close      what is queued goes out, then the socket closes
 *
 * Always true:
 *   1. `server` is set exactly in LINKED, `claim` exactly in WELCOME and WAITING.
 *   2. A client is in proxy.clients from accept until on_close.
 *   3. Every state before READY ends by client_login_timeout (WELCOME by query_wait_timeout).
 *   4. `pool` is set from WELCOME on, and counted in pool.client_count; with it `user`, which is
 * not the pool's where the database has a user of its own. A pool that was closed is left for the
 * one that holds now at the next claim.
 */
#ifndef PROXY_CLIENT_H
#define PROXY_CLIENT_H

#include "base/hash.h"
#include "core/core.h"
#include "net/net.h"
#include "proxy/pool.h"
#include "proxy/prepared.h"
#include "proxy/vars.h"

struct proxy_server;
struct proxy_cancel;
struct proxy_client_login; /* what only the login needs: freed when it is over */
struct proxy_console;      /* what only the console needs */

enum proxy_client_state {
    PROXY_CLIENT_STARTUP,
    PROXY_CLIENT_TLS,
    PROXY_CLIENT_AUTH,
    PROXY_CLIENT_WELCOME,
    PROXY_CLIENT_READY,
    PROXY_CLIENT_WAITING,
    PROXY_CLIENT_LINKED,
    PROXY_CLIENT_CONSOLE,
    PROXY_CLIENT_CANCEL,
    PROXY_CLIENT_CLOSING,
};

/* A key of protocol 3.2 as long as PostgreSQL's; 3.0 has 4. */
#define PROXY_CLIENT_KEY_BYTES     32
#define PROXY_CLIENT_KEY_BYTES_3_0 4

struct proxy_client {
    struct net_stream stream;
    struct net_timer timer;         /* login; later what client_limits.c watches */
    struct base_list link;          /* in proxy.clients */
    struct base_list pool_link;     /* in pool.clients */
    struct base_hash_node key_node; /* in proxy.cancel_keys, by cancel_pid */
    struct proxy *proxy;
    struct proxy_pool *pool;
    struct proxy_user *user; /* that it has logged in as; set with `pool` */
    struct proxy_server *server;
    struct core_claim_id claim;
    enum proxy_client_state state;
    bool is_unix;
    bool is_admin;       /* CONSOLE: may change things */
    bool is_own_user;    /* CONSOLE: by Unix socket, of this process's system user */
    bool has_sockets;    /* CONSOLE: was handed the listening sockets */
    bool is_replication; /* asked for with `replication`; its pool is for it alone */
    bool is_physical;    /* is_replication, without a database */
    bool has_asked_tls;  /* STARTUP: SSLRequest and GSSENCRequest are answered once each */
    bool has_asked_gss;
    bool is_discarding;  /* a batch was answered without a server: drop up to Sync */
    bool has_bound_drop; /* since its last Sync it bound a statement that drops statements */
    bool awaits_answers; /* not read until its server owes nothing: what is prepared may change */
    bool has_flushed;    /* awaits_answers: the server was told to send what it has */
    bool sent_error;     /* a fatal error is already queued */
    bool needs_welcome;  /* LINKED only to try its start-up parameters: the login ends after that */
    bool is_closing_soon; /* closed as soon as it has no transaction open (drain, KILL) */
    uint64_t pass_left;   /* bytes of a message still to come that are passed on (or dropped) */
    bool pass_is_dropped;
    struct proxy_cancel *cancel; /* CANCEL: its request */
    uint8_t minor;               /* of the protocol: 3.0 to 3.2 */
    uint8_t cancel_key_bytes;
    uint32_t cancel_pid;
    uint8_t cancel_key[PROXY_CLIENT_KEY_BYTES];
    struct proxy_names names;        /* its prepared statements */
    struct proxy_statement *unnamed; /* its unnamed statement; owned reference */
    struct proxy_text
        *dropped; /* the name that `unnamed` is to DEALLOCATE, a name of its own; owned */
    struct proxy_vars vars;
    struct proxy_client_login *login;
    struct proxy_console *console; /* NULL until the first command */
    base_time connected_at;
    base_time request_at; /* its last message */
    base_time idle_at;    /* its last message, or the last answer to it */
    base_time wait_at;    /* the claim was made */
    uint64_t serial;      /* for SHOW and log lines */
    struct net_peer peer;
    const char *close_reason;
};

void proxy_client_accept(struct proxy *proxy, int fd, const struct net_address *peer);

/* ---- called by the host (host.c) for the core's effects ---- */
void proxy_client_grant(struct proxy_client *client, struct proxy_server *server, base_time waited);
void proxy_client_refuse(struct proxy_client *client, int status, base_time waited, uint32_t ahead);
void proxy_client_notify(struct proxy_client *client, base_time waited, uint32_t ahead);

/* ---- called by the server side ---- */
/* The server has the client's parameters now: what waited for that goes on. */
void proxy_client_set_up(struct proxy_client *client);
/* The server is about to be given back: the client has none any more. */
void proxy_client_unlink(struct proxy_client *client);
/* The server would not set the client's parameters, by no fault of theirs: what waited for that is
 * answered with this error; the server is given up. */
void proxy_client_setting_failed(struct proxy_client *client, const char *sqlstate,
                                 const char *text);
/* The server is gone while it was lent: the client is told and closed, unless nothing of its own
 * was sent yet: then it claims again. */
void proxy_client_lost(struct proxy_client *client, struct proxy_server *server,
                       const char *reason);
/* The server has run a DEALLOCATE: when it stood for one of the client's names, that goes. */
void proxy_client_deallocated(struct proxy_client *client);
/* Its pool's time-outs are others now. */
void proxy_client_limits_changed(struct proxy_client *client);
/* Its database left the configuration. */
void proxy_client_database_removed(struct proxy_client *client);
/* One whole answer of the server was passed on; a ReadyForQuery with this status came. */
void proxy_client_answered(struct proxy_client *client, char tx_status);

/* Ends it: sends ErrorResponse FATAL with this SQLSTATE and text (unless sqlstate is NULL), then
 * closes. `reason` is for the log line "closing because: ...", which comes later: a literal. */
void proxy_client_close(struct proxy_client *client, const char *sqlstate, const char *text,
                        const char *detail, const char *hint, const char *reason);
/* As proxy_client_close with the texts of a status. */
void proxy_client_close_status(struct proxy_client *client, int status, const char *detail,
                               const char *reason);

/* A cancel request named this client; `asker` sent it. */
void proxy_client_cancel(struct proxy_client *client, struct proxy_client *asker);

/* "shop/app@10.0.0.7:51234": database, user, address, as in log lines. Cuts at `bytes`. */
void proxy_client_text(const struct proxy_client *client, char *out, size_t bytes);
const char *proxy_client_state_text(const struct proxy_client *client);

/* ---- client_session.c ---- */
size_t proxy_client_session_data(struct proxy_client *client, struct base_slice in);
/* ---- client_login.c ---- */
size_t proxy_client_login_data(struct proxy_client *client, struct base_slice in);
void proxy_client_login_free(struct proxy_client *client);
/* ---- console.c ---- */
size_t proxy_console_data(struct proxy_client *client, struct base_slice in);
/* Is a command of it waiting for its answer (PAUSE, WAIT_CLOSE)? Then it is not read. */
bool proxy_console_is_waiting(const struct proxy_client *client);
/* A cancel request named it while a command of it waits: the wait ends. */
void proxy_console_cancel(struct proxy_client *client);
/* Frees what the console keeps for a client: to be called when any client goes. */
void proxy_console_free(struct proxy_client *client);

#endif
