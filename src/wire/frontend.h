/* frontend.h - messages from the client: read (from our clients) and built (for our servers).
 *
 * Conventions as in wire/backend.h.
 *
 * A long Parse or Bind need not be in memory as a whole to get another statement name:
 * wire_statement_find() works on what has arrived of the body, wire_statement_rename() writes the
 * new header and the part up to and with the name, and the caller forwards the rest of the body,
 * from head_bytes on, as it comes.
 */
#ifndef WIRE_FRONTEND_H
#define WIRE_FRONTEND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"
#include "wire/message.h"
#include "wire/out.h"

#define WIRE_SYNC_BYTES      5
#define WIRE_FLUSH_BYTES     5
#define WIRE_TERMINATE_BYTES 5

/* -- Queries -------------------------------------------------------------------------------- */

struct wire_parse {
    struct base_slice name; /* empty: the unnamed statement */
    struct base_slice query;
    struct base_slice types; /* parameter type OIDs as on the wire, 4 bytes each */
    uint16_t type_count;
};

struct wire_bind {
    struct base_slice portal;
    struct base_slice statement;
    struct base_slice rest; /* formats, parameters, result formats; not checked */
};

/* Describe and Close. */
struct wire_target {
    char kind; /* 'S' a statement, 'P' a portal */
    struct base_slice name;
};

struct wire_execute {
    struct base_slice portal;
    uint32_t rows_max; /* 0: all */
};

BASE_MUST_CHECK int wire_query_parse(struct base_slice body, struct base_slice *ret_query);
BASE_MUST_CHECK int wire_parse_parse(struct base_slice body, struct wire_parse *ret_parse);
BASE_MUST_CHECK int wire_bind_parse(struct base_slice body, struct wire_bind *ret_bind);
BASE_MUST_CHECK int wire_target_parse(struct base_slice body, struct wire_target *ret_target);
BASE_MUST_CHECK int wire_execute_parse(struct base_slice body, struct wire_execute *ret_execute);
BASE_MUST_CHECK int wire_copy_fail_parse(struct base_slice body, struct base_slice *ret_message);

void wire_query_put(struct wire_out *out, struct base_slice query);
/* `types` as on the wire (wire_parse.types); its length is a multiple of four, at most 65535 * 4.
 */
void wire_parse_put(struct wire_out *out, struct base_slice name, struct base_slice query,
                    struct base_slice types);
/* No parameters, all results in text format. */
void wire_bind_put(struct wire_out *out, struct base_slice portal, struct base_slice statement);
/* Parameters and results in text format; a value with data NULL is NULL; at most 65535 values. */
void wire_bind_texts_put(struct wire_out *out, struct base_slice portal,
                         struct base_slice statement, const struct base_slice *values,
                         size_t value_count);
void wire_describe_put(struct wire_out *out, char kind, struct base_slice name);
void wire_close_put(struct wire_out *out, char kind, struct base_slice name);
void wire_execute_put(struct wire_out *out, struct base_slice portal, uint32_t rows_max);
void wire_copy_fail_put(struct wire_out *out, struct base_slice message);

/* A message without body: FLUSH, SYNC, TERMINATE, COPY_DONE (of the frontend). */
void wire_frontend_bare_put(struct wire_out *out, enum wire_message_type type);

/* -- Passwords ------------------------------------------------------------------------------ */

struct wire_sasl_initial {
    struct base_slice mechanism;
    struct base_slice response; /* data NULL when the client sent none */
};

/* One string, nothing after it. A zero byte inside makes it malformed. */
BASE_MUST_CHECK int wire_password_parse(struct base_slice body, struct base_slice *ret_password);
BASE_MUST_CHECK int wire_sasl_initial_parse(struct base_slice body,
                                            struct wire_sasl_initial *ret_initial);
/* SASLResponse is the body itself; there is nothing to parse. */

void wire_password_put(struct wire_out *out, struct base_slice password);
/* response.data NULL: no initial response. */
void wire_sasl_initial_put(struct wire_out *out, const char *mechanism, struct base_slice response);
void wire_sasl_response_put(struct wire_out *out, struct base_slice data);

/* -- Another statement name ----------------------------------------------------------------- */

/* Where a Parse, Bind, Describe or Close names its statement. */
struct wire_statement_ref {
    char type;                /* of the message */
    bool is_statement;        /* false for Describe and Close of a portal */
    uint32_t frame_bytes;     /* of the whole message */
    struct base_slice before; /* body bytes before the name: Bind's portal with its terminator, or
                                 Describe's and Close's kind */
    struct base_slice name;   /* without its terminator; of a portal when !is_statement */
    uint32_t head_bytes;      /* body bytes up to and with the name's terminator */
};

/* Finds the name in the first bytes of a body. `frame_bytes` is what wire_frame_header said, `seen`
 * what has arrived of the body (not more than it has).
 * BASE_EMORE: the name does not end in what has arrived. BASE_EPROTOCOL: it does not end in the
 * message, Describe/Close has an unknown kind. BASE_EINVALID: not one of the four messages. */
BASE_MUST_CHECK int wire_statement_find(char type, uint32_t frame_bytes, struct base_slice seen,
                                        struct wire_statement_ref *ret_ref);

/* Writes the message's header and its body up to and with the name, with `name` in place of the
 * old one and the length made right. The caller then forwards the body from ref->head_bytes on.
 * Failure (memory, a zero byte in the name, a frame too long): wire_out_status. */
void wire_statement_rename(struct wire_out *out, const struct wire_statement_ref *ref,
                           struct base_slice name);

/* Bytes that wire_statement_rename writes. */
size_t wire_statement_rename_bytes(const struct wire_statement_ref *ref, struct base_slice name);

#endif
