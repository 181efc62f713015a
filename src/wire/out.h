/* out.h - a bounded writer of messages over the caller's memory.
 *
 *     struct wire_out out;
 *     wire_out_init(&out, memory, sizeof(memory));
 *     wire_parameter_status_put(&out, name, value);
 *     wire_ready_for_query_put(&out, 'I');
 *     r = wire_out_status(&out);             one check for all
 *     send(out.data, out.bytes);
 *
 * What does not fit sets `overflow`; what cannot be a message (a string with a zero byte in it, a
 * message longer than its length field can say) sets `invalid`. From then on nothing more is
 * written, and the message that failed is taken back as a whole when it ends: between a begin and
 * its end apart, `data` holds whole messages only.
 *
 * To size memory up front, measure first: wire_out_init_measure() gives a writer that has no memory
 * and no limit and only counts; `bytes` then is what the same calls need.
 */
#ifndef WIRE_OUT_H
#define WIRE_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"

struct wire_out {
    uint8_t *data; /* the caller's; NULL when only measuring */
    size_t capacity;
    size_t bytes;
    bool overflow;
    bool invalid;
};

void wire_out_init(struct wire_out *out, void *memory, size_t capacity);
void wire_out_init_measure(struct wire_out *out);

/* BASE_OK, BASE_ECAPACITY (overflow), BASE_EINVALID (invalid). */
BASE_MUST_CHECK int wire_out_status(const struct wire_out *out);

/* What has been written. */
struct base_slice wire_out_slice(const struct wire_out *out);

/* Starts a message; the mark is for the end function, which fills in the length. Messages do not
 * nest. The untyped pair is for StartupMessage and its kin. */
size_t wire_out_begin(struct wire_out *out, char type);
void wire_out_end(struct wire_out *out, size_t mark);
size_t wire_out_begin_untyped(struct wire_out *out);
void wire_out_end_untyped(struct wire_out *out, size_t mark);

void wire_out_u8(struct wire_out *out, uint8_t value);
void wire_out_u16(struct wire_out *out, uint16_t value);
void wire_out_u32(struct wire_out *out, uint32_t value);
void wire_out_bytes(struct wire_out *out, struct base_slice bytes);
/* The bytes and a zero byte. The bytes may hold no zero byte (sets `invalid`). */
void wire_out_cstring(struct wire_out *out, struct base_slice text);

#endif
