/* server.h - one connection from weir to PostgreSQL.
 *
 * States, and the function that moves there (all moves go through server_move in server.c):
 *
 *   CONNECTING  proxy_server_open             socket connecting, or name being looked up
 *   TLS         server_connect.c              SSLRequest sent, or handshake under way
 *   LOGIN       server_connect.c              start-up sent; authentication, parameters, first 'Z'
 *   INIT        server_connect.c              connect_query under way
 *   IDLE        server_task.c                 in the core's idle stack; nothing is owed
 *   LINKED      proxy_server_link             lent to a client
 *   DRAIN       server_task.c                 its client is gone: what runs is cancelled and its
 * answers thrown away until the transaction is over RESET       proxy_server_reset
 * server_reset_query under way CHECK       proxy_server_check            a round trip under way
 *   LOOKUP      lookup.c                      auth_query runs on it
 *   CLOSING     proxy_server_close            socket closing; on_close tells the core
 *
 * Always true:
 *   1. `client` is set exactly in LINKED, and client->server points back; `lookup` only in LOOKUP.
 *   2. `requests` is empty in IDLE.
 *   3. The core knows the server by `id` from OPEN until CLOSED, OPEN_FAILED or LOST was applied.
 *   4. A server is given back only with no request outstanding, no batch without its Sync, no
 *      half-sent message, no Sync in doubt and no cancel request under way (a late cancel must not
 *      hit the next client's query).
 */
#ifndef PROXY_SERVER_H
#define PROXY_SERVER_H

#include "core/core.h"
#include "core/core_refusal.h"
#include "net/net.h"
#include "proxy/pool.h"
#include "proxy/prepared.h"
#include "proxy/request.h"
#include "proxy/vars.h"

struct proxy_client;
struct proxy_lookup;
struct proxy_server_login; /* what only the login needs: freed when it is over */

enum proxy_server_state {
    PROXY_SERVER_CONNECTING,
    PROXY_SERVER_TLS,
    PROXY_SERVER_LOGIN,
    PROXY_SERVER_INIT,
    PROXY_SERVER_IDLE,
    PROXY_SERVER_LINKED,
    PROXY_SERVER_DRAIN,
    PROXY_SERVER_RESET,
    PROXY_SERVER_CHECK,
    PROXY_SERVER_LOOKUP,
    PROXY_SERVER_CLOSING,
};

struct proxy_server {
    struct net_stream stream;
    struct net_timer timer;     /* the deadline of the state: connect, check, reset, drain */
    struct base_list pool_link; /* in pool.servers */
    struct proxy *proxy;
    struct proxy_pool *pool;
    struct proxy_client *client;
    struct proxy_lookup *lookup;
    struct core_server_id id;
    enum proxy_server_state state;
    char tx_status;   /* of the last ReadyForQuery: 'I', 'T' or 'E' */
    bool is_told;     /* the core has been told of its end */
    bool is_setting;  /* the SET query for its client is under way */
    bool is_draining; /* DRAIN: what runs has been told to stop */
    bool is_outdated; /* RECONNECT, or its database leads elsewhere: it ends when given back */
    bool is_unfit;    /* its parameters or statements are in doubt: it ends when given back */
    bool is_skipping; /* after an error: the server ignores what it is sent until that is a Sync */
    bool is_in_batch; /* extended messages were sent since the last Sync: work not committed */
    bool in_copy_in;  /* the server waits for COPY data: it ignores Sync and Flush */
    bool has_begun;   /* the oldest request, a Query, has had an answer other than ReadyForQuery */
    bool had_error;   /* an ErrorResponse came since the task (reset, check, init) began */
    bool is_hot_standby;
    bool is_read_only;       /* default_transaction_read_only */
    bool has_said_role;      /* it reports the two */
    bool unnamed_is_known;   /* `unnamed` says what the unnamed statement on the server is */
    uint8_t cancels;         /* cancel requests under way */
    uint32_t copy_syncs;     /* Syncs sent into the COPY under way: ignored while it lasts */
    uint32_t doubtful_syncs; /* those of a COPY that failed: each may be answered yet, or not */
    uint64_t pass_left;      /* bytes of a message still to come that are passed on (or dropped) */
    bool pass_is_dropped;
    uint32_t backend_pid;
    uint32_t key_bytes;
    uint8_t *key; /* backend key, key_bytes long */
    struct proxy_requests requests;
    struct proxy_vars vars;
    struct proxy_vars wanted; /* values asked for by the SET query under way */
    struct proxy_had had;
    struct proxy_statement *unnamed; /* what the unnamed statement is; owned reference */
    struct proxy_server_login *login;
    base_time connected_at;      /* socket open was asked for */
    base_time ready_at;          /* login over */
    base_time request_at;        /* lent, or last used */
    base_time query_at;          /* what is unanswered was sent, or its answer began; 0 = none */
    base_time transaction_at;    /* the transaction began, or what may begin one; 0 = none */
    struct net_address address;  /* of the upstream */
    uint32_t host_at;            /* which of several hosts: pool.next_host of then */
    bool has_socket;             /* connect was called: the end comes by on_close */
    struct core_refusal refusal; /* why the login failed */
    uint64_t serial;             /* for SHOW: ptr column, log lines */
    const char *close_reason;    /* "closing because: ..." */
};

/* ---- called by the host (host.c) for the core's effects ---- */
void proxy_server_open(struct proxy *proxy, struct proxy_pool *pool, struct core_server_id id);
void proxy_server_check(struct proxy_server *server);
void proxy_server_reset(struct proxy_server *server);
/* Ends it: Terminate, then close; the core hears CLOSED when the socket is gone. */
void proxy_server_close(struct proxy_server *server, const char *reason);

/* ---- called by the client side ---- */
/* Lends it to a client: parameters are brought in line in front of the client's first message. */
void proxy_server_link(struct proxy_server *server, struct proxy_client *client);
/* The client is done with it (or gone). Gives it back, drains or closes it, as its state demands.
 */
void proxy_server_unlink(struct proxy_server *server);
/* Gives it back when nothing is owed and the pool mode says so. Called whenever that may have come
 * true. */
void proxy_server_settle(struct proxy_server *server);
/* Gives it back although the pool mode would let the client keep it; it is at rest. */
void proxy_server_release(struct proxy_server *server);
/* Notes a request and, for LOCAL ones, answers at once when nothing is ahead of it. */
int proxy_server_expect(struct proxy_server *server, struct proxy_request request) BASE_MUST_CHECK;
/* Is everything answered, and nothing left that only a Sync ends? */
bool proxy_server_is_quiet(const struct proxy_server *server);

/* A cancel request for it came to an end (cancel.c). */
void proxy_server_cancel_done(struct proxy_server *server);

const char *proxy_server_state_text(const struct proxy_server *server);

#endif
