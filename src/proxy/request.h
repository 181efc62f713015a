/* request.h - what a server still owes: the answers outstanding on one server, oldest first.
 *
 * PostgreSQL answers in the order of the messages it was sent. weir adds messages of its own (SET,
 * Parse of a statement the server lacks) whose answers the client must not see, and leaves messages
 * out (Parse of a statement the server has) whose answers the client must see all the same. So
 * every message that has an answer gets an entry here, and the answer is matched with the oldest
 * entry.
 *
 *   kind       ends with                       from
 *   QUERY      ReadyForQuery                   Query
 *   FUNCTION   ReadyForQuery                   FunctionCall
 *   SYNC       ReadyForQuery                   Sync
 *   PARSE      ParseComplete                   Parse
 *   BIND       BindComplete                    Bind
 *   DESCRIBE   RowDescription or NoData        Describe
 *   EXECUTE    CommandComplete, EmptyQueryResponse, PortalSuspended   Execute
 *   CLOSE      CloseComplete                   Close
 *   COPY_END   nothing: marks where the client ended its COPY data
 *
 * who: CLIENT - sent by the client, the answer is passed on; WEIR - added by weir, the answer is
 * swallowed; LOCAL - never sent, weir answers itself when the entry has become the oldest.
 *
 * A Sync that the server reads while COPY data is expected is ignored; its entry goes when the COPY
 * begins. When the COPY fails at once (a cancel, a view) the server has perhaps not read it yet and
 * answers it after all: it is in doubt (server.doubtful_syncs) until something sent behind it has
 * been answered. A ReadyForQuery that fits no entry is the answer to one in doubt.
 *
 * After an ErrorResponse in the extended protocol the server ignores everything up to Sync: those
 * entries are dropped. The ring grows on demand up to PROXY_REQUESTS_MAX; then the client is not
 * read until the server has caught up.
 */
#ifndef PROXY_REQUEST_H
#define PROXY_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

struct proxy_statement;
struct proxy_text;

enum proxy_request_kind {
    PROXY_REQUEST_QUERY,
    PROXY_REQUEST_FUNCTION,
    PROXY_REQUEST_SYNC,
    PROXY_REQUEST_PARSE,
    PROXY_REQUEST_BIND,
    PROXY_REQUEST_DESCRIBE,
    PROXY_REQUEST_EXECUTE,
    PROXY_REQUEST_CLOSE,
    PROXY_REQUEST_COPY_END,
};

enum proxy_request_who {
    PROXY_WHO_CLIENT,
    PROXY_WHO_WEIR,
    PROXY_WHO_LOCAL,
};

struct proxy_request {
    uint8_t kind;
    uint8_t who;
    /* PARSE: what is being prepared; BIND: what is used; CLOSE of weir's: what goes. Owned
     * reference, may be NULL. */
    struct proxy_statement *statement;
    /* PARSE of a client: its name for the statement, given up when the Parse fails. Owned, may be
     * NULL. */
    struct proxy_text *name;
};

#define PROXY_REQUESTS_INLINE 8
#define PROXY_REQUESTS_MAX    65536 /* 1 MiB a server: deeper pipelines wait */

struct proxy_requests {
    struct proxy_request *ring; /* NULL: the inline part is used */
    struct proxy_request inlined[PROXY_REQUESTS_INLINE];
    uint32_t capacity;
    uint32_t head;
    uint32_t count;
};

void proxy_requests_init(struct proxy_requests *requests);
/* Frees the ring. Entries' statements must have been dropped by the owner. */
void proxy_requests_done(struct proxy_requests *requests);

/* Errors: BASE_ENOMEM, BASE_ECAPACITY. */
int proxy_requests_push(struct proxy_requests *requests,
                        struct proxy_request request) BASE_MUST_CHECK;
/* The i-th oldest; i < count. */
struct proxy_request *proxy_requests_at(struct proxy_requests *requests, uint32_t i);
/* Removes the oldest; needs count > 0. */
struct proxy_request proxy_requests_pop(struct proxy_requests *requests);
/* Removes the i-th oldest, keeping the order of the others. */
struct proxy_request proxy_requests_remove(struct proxy_requests *requests, uint32_t i);

static inline bool proxy_requests_is_full(const struct proxy_requests *requests)
{
    return requests->count >= PROXY_REQUESTS_MAX - 16;
}

#endif
