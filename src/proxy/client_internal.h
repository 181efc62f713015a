/* client_internal.h - what the client's files share.
 *
 *   client.c          life: accepted, moved between states, ended; granted, refused, unlinked
 *   client_error.c    what a client is told when there is no server to give
 *   client_limits.c   time-outs of logged-in clients
 *   client_login.c    start-up packet, TLS, choice of database, welcome
 *   client_access.c   which method a client has to pass; those without a conversation
 *   client_auth.c     passwords
 *   client_session.c  messages: passed on, answered, or made to wait
 *   client_prepared.c prepared statements of a client on the server it has now
 */
#ifndef PROXY_CLIENT_INTERNAL_H
#define PROXY_CLIENT_INTERNAL_H

#include "proxy/client.h"
#include "proxy/daemon.h"
#include "proxy/server_internal.h"
#include "wire/auth.h"
#include "wire/frame.h"
#include "wire/frontend.h"
#include "wire/out.h"
#include "wire/prepared.h"
#include "wire/scram.h"
#include "wire/startup.h"

/* Longest message that must be in memory as a whole: Parse, in transaction pooling. */
#define CLIENT_IN_BYTES_MAX (64 * 1024 * 1024)

enum client_auth_step {
    CLIENT_AUTH_NONE,
    CLIENT_AUTH_LOOKUP,  /* auth_query is under way; the client is not read */
    CLIENT_AUTH_OUTSIDE, /* PAM or LDAP is asked; the client is not read */
    CLIENT_AUTH_PLAIN,
    CLIENT_AUTH_MD5,
    CLIENT_AUTH_SASL_INITIAL,
    CLIENT_AUTH_SASL_FINAL,
};

#define CLIENT_NAME_BYTES 256 /* user and database names: PostgreSQL's own limit is 63 */

struct proxy_client_login {
    char user[CLIENT_NAME_BYTES];
    char database[CLIENT_NAME_BYTES];
    enum client_auth_step step;
    enum config_auth_type method;       /* what this client has to pass; never HBA */
    const struct config_hba_rule *rule; /* the line that says so; NULL without auth_hba_file */
    struct config_hba *hba;             /* the table it is in; a reference */
    struct proxy_lookup *lookup;        /* auth_query under way */
    struct outside_job *outside;        /* PAM or LDAP are being asked */
    bool
        is_looked_up; /* `secret` is what auth_query said, or the password that PAM or LDAP knows */
    char *secret;     /* NULL: none */
    bool is_console;
    bool is_mock; /* the user does not exist: every answer is wrong */
    bool plus_offered;
    bool has_scram;
    uint8_t salt[4];
    struct wire_scram_server scram;
};

/* Counts it in the pool. */
void client_enter_pool(struct proxy_client *client, struct proxy_pool *pool);
void client_move(struct proxy_client *client, enum proxy_client_state state);
struct wire_out client_out(struct proxy_client *client, size_t bytes);
void client_send_out(struct proxy_client *client, const struct wire_out *out);
/* Asks the core for a server; the client is LINKED, WAITING (paused) or being closed afterwards.
 * `since` is when the wait began. */
void client_claim(struct proxy_client *client, enum proxy_client_state while_waiting,
                  base_time since);
/* Claims again after a dead server was granted: the deadline stays. */
void client_reclaim(struct proxy_client *client, enum proxy_client_state state);
/* Gives its server up, if it has one, whatever that is doing. */
void client_leave_server(struct proxy_client *client);
/* A client that is to go when its work is done (drain, KILL) goes now; false when it stays. */
bool client_close_when_leaving(struct proxy_client *client);
/* Arms the timer; span 0 disarms it. */
void client_set_timer(struct proxy_client *client, base_time span);

/* client_limits.c */
/* Something has begun that may be limited: idling, a query, a transaction. */
void client_limits_watch(struct proxy_client *client);
/* The timer of a logged-in client fired. */
void client_limits_fire(struct proxy_client *client);
/* How long it may wait for a server; BASE_NEVER: as long as it takes. */
base_time client_wait_limit(const struct proxy_client *client);
/* Is that query_timeout, not query_wait_timeout? */
bool client_waits_for_query(const struct proxy_client *client);

/* client_error.c */
struct client_error {
    const char *severity; /* "FATAL", "ERROR", "NOTICE" */
    const char *sqlstate, *text, *detail, *hint;
};
void client_send_error(struct proxy_client *client, const struct client_error *error);
/* "Waited 30.0 s; 20 of 20 servers in use ...": why there is no server. */
void client_wait_detail(struct proxy_client *client, base_time waited, uint32_t ahead, char *out,
                        size_t bytes);

/* client_access.c */
/* Which method it has to pass: auth_type, or what auth_hba_file says. False: it was refused. */
bool client_access_decide(struct proxy_client *client);
/* Does the certificate, or the Unix user at the other end, fit the user's name? */
bool client_access_has_certificate(struct proxy_client *client);
bool client_access_is_peer(struct proxy_client *client);

/* client_auth.c */
void client_auth_begin(struct proxy_client *client);
void client_auth_take(struct proxy_client *client, const struct wire_frame *frame);
/* The answer of auth_query; with BASE_OK the client may take the secret (NULL: none) over. */
void client_lookup_done(struct proxy_client *client, int status, bool is_found, char **secret);
/* The answer of PAM or LDAP; `why` is for the log. */
void client_outside_done(struct proxy_client *client, int status, const char *why,
                         const char *password);
/* After the login: keeps what auth_query said, and the keys that a SCRAM proof revealed, for logins
 * to the server. */
void client_learn_secrets(struct proxy_client *client);
/* client_login.c: authenticated. */
void client_login_accepted(struct proxy_client *client);
void client_send_welcome(struct proxy_client *client);

/* client_prepared.c. Each deals with one whole or partly arrived message for the server the client
 * has: it sends the head (and what must go before it) and says how many bytes of the message in
 * `rest` that used up; the caller passes on the remaining ones. 0: more bytes are needed. Errors:
 * BASE_ENOMEM, BASE_ECAPACITY, BASE_EPROTOCOL. */
struct client_message {
    char type;
    uint32_t bytes;         /* the whole message */
    struct base_slice rest; /* what has arrived of it, header first */
};
bool client_tracks_statements(const struct proxy_client *client);
int client_prepared_parse(struct proxy_client *client, const struct client_message *message,
                          size_t *ret_used) BASE_MUST_CHECK;
int client_prepared_refer(struct proxy_client *client, const struct client_message *message,
                          size_t *ret_used) BASE_MUST_CHECK;
/* Parse of a whole, named statement that a server of the pool has already: the client gets its name
 * without a server. False: it needs one. */
bool client_parse_here(struct proxy_client *client, const struct client_message *message);
/* Takes the name of a DEALLOCATE off the client; false when the client has no such name. */
bool client_deallocate(struct proxy_client *client, const struct wire_command *command);

#endif
