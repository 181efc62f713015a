/* request.h - one request from its headers to its answer.
 *
 *     READING --headers, body--> RUNNING --handler--> DONE --answer written--> freed
 *
 * Owned by the connection's HTTP thread while READING and DONE, by whoever runs it in between:
 * never by two. A handler fills `reply` and nothing else. Test:
 * tests/system/test_horizon_server.py.
 */
#ifndef HORIZON_SERVE_REQUEST_H
#define HORIZON_SERVE_REQUEST_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <weir/weir.h>

#include "auth/token.h"
#include "serve/path.h"
#include "serve/reply.h"
#include "serve/route.h"
#include "serve/users.h"

struct MHD_Connection;
struct app;
struct front;

enum request_phase { REQUEST_READING, REQUEST_RUNNING, REQUEST_DONE };

struct request {
    struct app *app;
    struct front *front; /* where it came in, and goes out */
    struct MHD_Connection *connection;
    enum request_phase phase;
    char id[REPLY_ID_BYTES];
    const struct route *route;
    char path[PATH_BYTES_MAX];
    const char *argument; /* the part of `path` that the pattern leaves open */
    weir_time began;
    weir_time waits_since;  /* for a connection; after a flight that did not help, anew */
    weir_time tries_end_at; /* no second try that could end after it */
    char *body;
    size_t body_bytes;
    bool is_too_large;
    struct token_claims claims;
    struct user user;
    PGconn *conn;            /* lent, while a worker runs it */
    weir_time lease_ends_at; /* when its statements have to be done */
    bool is_conn_broken;     /* the connection broke under a statement */
    struct reply reply;
    struct request *next; /* in a line */
};

/* The value of a query parameter, decoded; false when it is absent, `out` is then "". A value that
 * is refused counts as "?", which no parameter accepts. */
bool request_query(const struct request *request, const char *name, char *out, size_t bytes);

/* A request header's value; NULL. */
const char *request_header(const struct request *request, const char *name);

/* The body as a JSON object, to be decref'd; NULL when the reply is an error: 400, 413, 415. */
json_t *request_json(struct request *request);

#endif
