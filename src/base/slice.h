/* slice.h - bytes that somebody else owns.
 *
 * Bytes from the network are slices, never C strings: they carry their length and may hold any
 * byte. A slice borrows; who made it says how long it lives.
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct base_slice {
    const uint8_t *data;
    size_t bytes;
};

static inline struct base_slice base_slice_of(const void *data, size_t bytes)
{
    return (struct base_slice){.data = data, .bytes = bytes};
}

/* The bytes of a C string without its terminator; NULL gives the empty slice. */
static inline struct base_slice base_slice_text(const char *text)
{
    return base_slice_of(text, text ? strlen(text) : 0);
}

static inline bool base_slice_equal(struct base_slice a, struct base_slice b)
{
    return a.bytes == b.bytes && (a.bytes == 0 || memcmp(a.data, b.data, a.bytes) == 0);
}

static inline bool base_slice_is(struct base_slice a, const char *text)
{
    return base_slice_equal(a, base_slice_text(text));
}

/* The rest after the first `bytes` bytes; needs bytes <= s.bytes. */
static inline struct base_slice base_slice_skip(struct base_slice s, size_t bytes)
{
    return base_slice_of(s.data + bytes, s.bytes - bytes);
}

#endif
