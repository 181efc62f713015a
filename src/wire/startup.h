/* startup.h - the first packet of a connection: no type byte, a 32-bit length, a 32-bit code.
 *
 * Limits and checks follow PostgreSQL's ProcessStartupPacket; where that reads past sloppiness
 * (bytes after an SSLRequest) we refuse.
 */
#ifndef WIRE_STARTUP_H
#define WIRE_STARTUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"
#include "wire/out.h"

#define WIRE_STARTUP_BYTES_MIN 8
/* PostgreSQL's MAX_STARTUP_PACKET_LENGTH, which does not count the length field. */
#define WIRE_STARTUP_BYTES_MAX (4 + 10000)

/* A cancel key: always 4 in protocol 3.0, 4 to 256 in 3.2. */
#define WIRE_CANCEL_KEY_BYTES_MIN 4
#define WIRE_CANCEL_KEY_BYTES_MAX 256

#define WIRE_SSL_REQUEST_BYTES        8
#define WIRE_CANCEL_REQUEST_BYTES_MAX (12 + WIRE_CANCEL_KEY_BYTES_MAX)

enum wire_startup_kind {
    WIRE_STARTUP_MESSAGE, /* major is 3; minor may be newer than what we speak */
    WIRE_STARTUP_SSL_REQUEST,
    WIRE_STARTUP_GSSENC_REQUEST,
    WIRE_STARTUP_CANCEL_REQUEST,
    WIRE_STARTUP_UNKNOWN, /* another major version or an unknown request code */
};

struct wire_startup {
    enum wire_startup_kind kind;
    size_t bytes;                 /* of the whole packet */
    uint16_t major, minor;        /* the two halves of the code, whatever the kind */
    struct base_slice parameters; /* MESSAGE: well-formed name/value pairs, see wire_pairs_next */
    uint32_t pid;                 /* CANCEL_REQUEST */
    struct base_slice key;        /* CANCEL_REQUEST */
};

struct wire_pair {
    struct base_slice name;
    struct base_slice value;
};

/* The packet's size from its first four bytes. BASE_EMORE: fewer than four are there.
 * BASE_EPROTOCOL: below WIRE_STARTUP_BYTES_MIN (or negative). BASE_ETOOBIG: above
 * WIRE_STARTUP_BYTES_MAX. */
BASE_MUST_CHECK int wire_startup_header(struct base_slice in, uint32_t *ret_bytes);

/* The whole packet at the start of `in`; bytes after it are not looked at (a StartupMessage may not
 * follow an SSLRequest before it is answered: the caller compares ret->bytes with in.bytes).
 * BASE_EMORE until it is all there; BASE_EPROTOCOL for pairs that do not end in a terminator as the
 * last byte, a name without a value, a cancel key of impossible length, trailing bytes. */
BASE_MUST_CHECK int wire_startup_parse(struct base_slice in, struct wire_startup *ret_startup);

/* Walks the pairs of a parsed StartupMessage: takes the next pair off the front of *parameters.
 * False when there is none left. */
bool wire_pairs_next(struct base_slice *parameters, struct wire_pair *ret_pair);

/* The value of a name (case matters, as in PostgreSQL); the last of several wins. False when there
 * is none. */
bool wire_pairs_find(struct base_slice parameters, const char *name, struct base_slice *ret_value);

/* A parameter that belongs to protocol negotiation: its name starts with "_pq_.". */
bool wire_pair_is_protocol_option(const struct wire_pair *pair);

/* One setting in the `options` parameter. */
struct wire_option {
    struct base_slice name; /* with '-' turned into '_', as PostgreSQL does */
    struct base_slice value;
};

/* Reads "-c name=value", "-cname=value" and "--name=value", separated by white space, with a
 * backslash before any byte that is meant literally (pg_split_opts). `memory` takes the unescaped
 * text, needs text.bytes bytes and lives as long as the options; `options_max` bounds the array.
 * BASE_EUNSUPPORTED: any other switch. BASE_EINVALID: no '=', an empty name, -c at the end.
 * BASE_ECAPACITY: more than options_max settings, or too little memory. */
BASE_MUST_CHECK int wire_options_parse(struct base_slice text, struct wire_out *memory,
                                       struct wire_option *ret_options, size_t options_max,
                                       size_t *ret_count);

/* StartupMessage of version 3.minor. */
void wire_startup_put(struct wire_out *out, uint16_t minor, const struct wire_pair *pairs,
                      size_t pair_count);
void wire_ssl_request_put(struct wire_out *out);
/* BASE_EINVALID through wire_out_status when the key's length is impossible. */
void wire_cancel_request_put(struct wire_out *out, uint32_t pid, struct base_slice key);

/* NegotiateProtocolVersion: the newest minor version we speak, and all "_pq_." names among the
 * client's parameters, none of which we know. */
void wire_negotiate_put(struct wire_out *out, uint16_t minor, struct base_slice parameters);
/* Whether a StartupMessage must be answered by that: a newer minor or a protocol option. */
bool wire_startup_needs_negotiation(const struct wire_startup *startup, uint16_t minor);

#endif
