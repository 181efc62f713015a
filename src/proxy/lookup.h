/* lookup.h - auth_query: the database is asked for the secret of a user that auth_file does not
 * list.
 *
 * States: WAITING (a claim for a server of the auth_user's pool) -> ASKING (the query runs on one)
 * -> told. Each login asks anew, so a changed password holds at once.
 *
 * The query runs in a session of its own: pools of the auth_user for this purpose are apart from
 * those that clients get (proxy_pool.is_lookup), nothing a client says reaches it but the user's
 * name, as the value of $1, and search_path is what the server gives the auth_user.
 *
 * Always true: `client` points back as long as it waits; a lookup whose client has gone ends by
 * itself.
 */
#ifndef PROXY_LOOKUP_H
#define PROXY_LOOKUP_H

#include "proxy/daemon.h"
#include "wire/frame.h"

struct proxy_client;
struct proxy_server;
struct proxy_lookup;

/* Tags of claims in the core are pointers to clients or, with this bit, to lookups. */
#define PROXY_LOOKUP_TAG ((uintptr_t)1)

/* Asks for this client's user. Returns BASE_OK when the answer comes by client_lookup_done, perhaps
 * from inside; BASE_EINVALID when there is nobody to ask (no auth_user, no such database);
 * BASE_ENOMEM, BASE_ECAPACITY. */
int proxy_lookup_begin(struct proxy_client *client) BASE_MUST_CHECK;
/* The client has gone, or is told otherwise. */
void proxy_lookup_leave(struct proxy_client *client);

/* ---- called by the host (host.c) for the core's effects; `tag` as given to the core ---- */
void proxy_lookup_grant(uint64_t tag, const struct core_effect *effect,
                        struct proxy_server *server);
void proxy_lookup_refuse(uint64_t tag, const struct core_effect *effect);

/* ---- called by the server side ---- */
/* A DataRow of the query; an error of it. */
void proxy_lookup_row(struct proxy_server *server, struct base_slice body);
void proxy_lookup_error(struct proxy_server *server, struct base_slice body);
/* ReadyForQuery: the server is given back, the client told. */
void proxy_lookup_ready(struct proxy_server *server);
/* The deadline of the query: it is cancelled, the server ends. */
void proxy_lookup_expired(struct proxy_server *server);
/* The server is gone: another one is asked, once. */
void proxy_lookup_lost(struct proxy_server *server);

#endif
