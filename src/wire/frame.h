/* frame.h - messages in a stream of bytes, and fields in a message.
 *
 * A typed message is one type byte, a 32-bit length that counts itself and the body but not the
 * type byte, and the body. All numbers are big-endian. (PostgreSQL documentation, "Message
 * Formats".) Messages without a type byte are in wire/startup.h.
 *
 * Nothing here copies or owns: slices point into the caller's bytes.
 */
#ifndef WIRE_FRAME_H
#define WIRE_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"

/* Type byte and length. */
#define WIRE_HEADER_BYTES 5
/* The longest frame that the length field can express: it is a signed 32-bit number. */
#define WIRE_FRAME_BYTES_MAX 0x80000000u

struct wire_frame {
    char type;
    struct base_slice body;
    size_t bytes; /* the whole frame: header and body */
};

/* Reads the header at the start of `in`. *ret_bytes is the whole frame's size, header included; at
 * least WIRE_HEADER_BYTES. `max_bytes` limits the whole frame.
 * BASE_EMORE: fewer than five bytes. BASE_EPROTOCOL: a length below four, or negative.
 * BASE_ETOOBIG: a frame above max_bytes. */
BASE_MUST_CHECK int wire_frame_header(struct base_slice in, uint32_t max_bytes, char *ret_type,
                                      uint32_t *ret_bytes);

/* Reads a whole frame at the start of `in`; further bytes after it are not looked at. BASE_EMORE
 * while it is not all there, else as wire_frame_header. */
BASE_MUST_CHECK int wire_frame_parse(struct base_slice in, uint32_t max_bytes,
                                     struct wire_frame *ret_frame);

/* Reads fields from the front of a body. Each function takes what it names, or returns
 * BASE_EPROTOCOL, takes nothing and leaves its output untouched. */
struct wire_reader {
    struct base_slice rest;
};

static inline struct wire_reader wire_reader_of(struct base_slice body)
{
    return (struct wire_reader){.rest = body};
}

BASE_MUST_CHECK int wire_reader_u8(struct wire_reader *reader, uint8_t *ret_value);
BASE_MUST_CHECK int wire_reader_u16(struct wire_reader *reader, uint16_t *ret_value);
BASE_MUST_CHECK int wire_reader_i16(struct wire_reader *reader, int16_t *ret_value);
BASE_MUST_CHECK int wire_reader_u32(struct wire_reader *reader, uint32_t *ret_value);
BASE_MUST_CHECK int wire_reader_i32(struct wire_reader *reader, int32_t *ret_value);
BASE_MUST_CHECK int wire_reader_bytes(struct wire_reader *reader, size_t bytes,
                                      struct base_slice *ret_slice);
/* Up to a zero byte, which is taken too and is not part of the slice. */
BASE_MUST_CHECK int wire_reader_cstring(struct wire_reader *reader, struct base_slice *ret_slice);
/* BASE_OK when nothing is left, BASE_EPROTOCOL when there is. */
BASE_MUST_CHECK int wire_reader_done(const struct wire_reader *reader);

#endif
