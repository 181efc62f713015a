/* reply.h - an answer before it is sent: status, headers, body; and the forms all errors have.
 *
 * A reply is filled by whoever handles the request, once, and sent by http.c, which adds what every
 * answer has (request id, security headers, Connection: close while draining). The body is the
 * reply's own (freed with it), a cache's (given back with it) or static. A handler that could not
 * get memory leaves the reply empty: it is then sent as 500.
 *
 * Errors are {"error":{"code":"...","message":"...","request_id":"..."}}, whatever the path.
 */
#ifndef HORIZON_SERVE_REPLY_H
#define HORIZON_SERVE_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "serve/bodies.h"

#define REPLY_ID_BYTES   17
#define REPLY_ETAG_BYTES 80

struct reply {
    unsigned status; /* 0: nothing yet */
    const char *type;
    const char *body;
    size_t bytes;
    char *owned;         /* freed with the reply; `body` may point into it */
    struct body *shared; /* given back to `bodies` with the reply; `body` is its text */
    struct bodies *bodies;
    char etag[REPLY_ETAG_BYTES];                     /* with quotes; "" = none */
    const char *cache;                               /* Cache-Control; NULL = "no-store" */
    const char *vary, *encoding, *allow, *challenge; /* NULL = none; challenge: WWW-Authenticate */
    unsigned retry_after;                            /* seconds; 0 = none */
};

void reply_done(struct reply *reply);

/* A JSON body made from a value, which it takes over. NULL leaves the reply empty. Numbers have up
 * to 15 digits: all that money, prices and ratios here can have. */
void reply_json(struct reply *reply, unsigned status, json_t *value);

/* A body that was made elsewhere by malloc, and is taken over. */
void reply_text(struct reply *reply, unsigned status, const char *type, char *text, size_t bytes);

/* A body of a cache, which is given back when the reply is done. */
void reply_shared(struct reply *reply, unsigned status, const char *type, struct bodies *bodies,
                  struct body *body);

/* Static bytes. */
void reply_static(struct reply *reply, unsigned status, const char *type, const void *bytes,
                  size_t count);

void reply_empty(struct reply *reply, unsigned status);

/* An error; `more` (may be NULL) is taken over and adds members to "error". */
void reply_error_with(struct reply *reply, unsigned status, const char *id, const char *code,
                      json_t *more, const char *format, ...) __attribute__((format(printf, 6, 7)));
#define reply_error(reply, status, id, code, ...) \
    reply_error_with(reply, status, id, code, NULL, __VA_ARGS__)

/* The same for 429 and 503: with Retry-After. */
void reply_later(struct reply *reply, unsigned status, const char *id, const char *code,
                 unsigned seconds, const char *format, ...) __attribute__((format(printf, 6, 7)));

/* Whether If-None-Match names an entity tag (RFC 9110 section 13.1.2: weak comparison). */
bool reply_matches(const char *if_none_match, const char *etag);

#endif
