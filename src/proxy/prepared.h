/* prepared.h - protocol-level prepared statements across servers.
 *
 * In transaction and statement pooling a client's next transaction may run on another server, so
 * weir keeps what a client prepared and prepares it again where it is missing.
 *
 *   statement   one text with its parameter types, known to the whole process once, whoever
 * prepared it. On servers it is called weir_<number>. client map  the client's own names for
 * statements ("" is the unnamed one) server set  which statements a server has, least recently used
 * ones are closed beyond a limit
 *
 * epoch: when a migration makes a plan invalid ("cached plan must not change result type"), the
 * statement's epoch moves on, and servers that prepared it before must close it and prepare it
 * again.
 */
#ifndef PROXY_PREPARED_H
#define PROXY_PREPARED_H

#include "base/hash.h"
#include "base/list.h"
#include "base/slice.h"
#include "wire/prepared.h"

struct proxy_statement {
    struct base_hash_node node;
    uint32_t references;
    uint32_t number;
    uint32_t epoch;
    uint32_t body_bytes;
    bool drops_all; /* DISCARD ALL or DEALLOCATE ALL */
    bool drops_one; /* DEALLOCATE of a name */
    uint8_t body[]; /* of Parse behind the name: query text, zero byte, types */
};

struct proxy_statements {
    struct base_hash table;
    uint8_t seed[16];
    uint32_t last_number;
    size_t bytes; /* held by all statements, for SHOW MEM and metrics */
};

int proxy_statements_init(struct proxy_statements *statements) BASE_MUST_CHECK;
void proxy_statements_done(struct proxy_statements *statements);

/* The statement with this body, one reference more; NULL when there is no memory. */
struct proxy_statement *proxy_statement_take(struct proxy_statements *statements,
                                             struct base_slice body);
struct proxy_statement *proxy_statement_share(struct proxy_statement *statement);
/* NULL is harmless. */
void proxy_statement_drop(struct proxy_statements *statements, struct proxy_statement *statement);

/* What the text of a statement's body commands; the command's name lies in `body`. */
struct wire_command proxy_statement_command(struct base_slice body);

#define PROXY_STATEMENT_NAME_BYTES 24
/* "weir_<number>"; returns its length without the zero byte. */
size_t proxy_statement_name(const struct proxy_statement *statement,
                            char out[PROXY_STATEMENT_NAME_BYTES]);

/* ---- a client's names --------------------------------------------------------------------------
 */

struct proxy_names {
    struct base_hash table; /* buckets NULL until the first named statement */
    const uint8_t *seed;
    size_t bytes;
};

/* Binds `name` to the statement, taking a reference of its own; an older binding is replaced.
 * Errors: BASE_ENOMEM, BASE_ECAPACITY (PROXY_NAMES_MAX). */
#define PROXY_NAMES_MAX 65536 /* a client that prepares without end must not eat the process */
int proxy_names_set(struct proxy_names *names, struct proxy_statements *statements,
                    struct base_slice name, struct proxy_statement *statement) BASE_MUST_CHECK;
/* Borrowed; NULL when the client has no such name. */
struct proxy_statement *proxy_names_get(const struct proxy_names *names, struct base_slice name);
/* True when the name existed. */
bool proxy_names_remove(struct proxy_names *names, struct proxy_statements *statements,
                        struct base_slice name);
void proxy_names_clear(struct proxy_names *names, struct proxy_statements *statements);

/* ---- what a server has -------------------------------------------------------------------------
 */

struct proxy_had {
    struct base_hash table;  /* buckets NULL until the first */
    struct base_list by_use; /* least recently used first */
    uint32_t count;
    /* Batches, each up to a Sync or simple query: the server has been sent so many, and has
     * answered so many. Whoever talks to it counts. */
    uint64_t batches_sent, batches_answered;
};

enum proxy_have {
    PROXY_HAVE_NOT,
    PROXY_HAVE,       /* usable as it is; now the most recently used */
    PROXY_HAVE_ASKED, /* asked for in an earlier batch; that may fail before it comes to that */
    PROXY_HAVE_STALE, /* prepared before the statement's epoch moved: close it, then prepare it */
};

enum proxy_have proxy_had_use(struct proxy_had *had, const struct proxy_statement *statement);
/* Notes that the server has it (or will, once it answers). Errors: BASE_ENOMEM. */
int proxy_had_add(struct proxy_had *had, struct proxy_statements *statements,
                  struct proxy_statement *statement) BASE_MUST_CHECK;
void proxy_had_remove(struct proxy_had *had, struct proxy_statements *statements,
                      const struct proxy_statement *statement);
/* Nobody knows any more whether the server has it: it counts as stale from now on. Nothing when it
 * is not noted. */
void proxy_had_doubt(struct proxy_had *had, const struct proxy_statement *statement);
/* The same for every one of them. */
void proxy_had_doubt_all(struct proxy_had *had);
/* The least recently used statement, NULL when empty: to be closed when count exceeds the limit. */
struct proxy_statement *proxy_had_oldest(const struct proxy_had *had);
void proxy_had_clear(struct proxy_had *had, struct proxy_statements *statements);

#endif
