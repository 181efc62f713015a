/* server_internal.h - what the server's files share.
 *
 *   server.c          life: made, moved between states, ended; link and unlink
 *   server_connect.c  socket, TLS, start-up
 *   server_login.c    authentication, parameters, until the first ReadyForQuery
 *   server_requests.c what it owes: noted, dropped, undone, answered by weir itself
 *   server_session.c  answers: matched with requests, passed on or swallowed
 *   server_task.c     what weir does with a server on its own: check, reset, drain
 */
#ifndef PROXY_SERVER_INTERNAL_H
#define PROXY_SERVER_INTERNAL_H

#include "core/core_refusal.h"
#include "proxy/daemon.h"
#include "proxy/server.h"
#include "wire/frame.h"
#include "wire/scram.h"

/* Longest answer that is looked into as a whole; longer ones are passed on unread. */
#define SERVER_IN_BYTES_MAX (1024 * 1024)
/* Most bytes of ParameterStatus messages at login. */
#define SERVER_WELCOME_BYTES_MAX 16384

struct proxy_server_login {
    struct proxy_server *server;
    struct net_lookup lookup;
    bool is_looking_up;
    bool is_unix;
    char *host; /* of the list, the one being tried */
    bool has_scram;
    bool is_proven; /* SCRAM: the server has proven that it knows the secret */
    struct wire_scram_client scram;
    size_t welcome_bytes;
    uint8_t welcome[SERVER_WELCOME_BYTES_MAX];
};

/* NULL when there is no memory. */
struct proxy_server *server_new(struct proxy *proxy, struct proxy_pool *pool,
                                struct core_server_id id);
/* Ends a server whose socket was never opened. */
void server_abandon(struct proxy_server *server);
/* Gives it back to the core: quiet, outside a transaction, without a client. */
void server_give(struct proxy_server *server);
void server_move(struct proxy_server *server, enum proxy_server_state state);
/* Arms the deadline of the state; span 0 means none. */
void server_set_timer(struct proxy_server *server, base_time span);
/* Notes why the login failed (for the clients that wait) and ends the connection. */
void server_login_fail(struct proxy_server *server, struct core_refusal refusal,
                       const char *sqlstate, struct base_slice text);
void server_login_free(struct proxy_server *server);
/* The connection is dead or must not be used any more: the core is told, the socket closed at once.
 */
void server_break(struct proxy_server *server, const char *reason);

/* server_connect.c */
void server_on_open(struct net_stream *stream, int status);
void server_on_tls(struct net_stream *stream, int status);
/* The user it logs in as. */
const char *server_user(const struct proxy_server *server);
size_t server_connect_data(struct proxy_server *server, struct base_slice in);
/* server_login.c */
size_t server_login_data(struct proxy_server *server, struct base_slice in);
/* connect_query has ended. */
void server_init_ready(struct proxy_server *server);
/* server_session.c */
size_t server_session_data(struct proxy_server *server, struct base_slice in);
/* server_requests.c */
/* Forgets what is owed, e.g. when the connection ends. */
void server_forget_requests(struct proxy_server *server);
/* Gives up what an entry, taken off the list, owns. */
void server_request_drop(struct proxy_server *server, struct proxy_request request);
/* The same for one that the server did not carry out: what it would have prepared is in doubt (the
 * server may have it from before), what it would have closed is there. */
void server_request_undo(struct proxy_server *server, struct proxy_request request);
/* LOCAL entries are answered, and markers dropped, as soon as nothing is ahead of them. */
void server_requests_settle(struct proxy_server *server);
/* server_task.c */
void server_drain(struct proxy_server *server);
/* A ReadyForQuery came in DRAIN, RESET, CHECK or INIT. */
void server_task_ready(struct proxy_server *server);
void server_on_timer(struct net_timer *timer);

/* Turn memory for a message and its writer. */
struct wire_out server_out(struct proxy_server *server, size_t bytes);
void server_send_out(struct proxy_server *server, const struct wire_out *out);
/* Sends a simple query of weir's own; its answer is swallowed. */
int server_send_query(struct proxy_server *server, const char *query);

#endif
