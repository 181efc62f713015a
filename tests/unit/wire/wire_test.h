/* wire_test.h - what the tests of src/wire share: exact heap blocks, byte vectors, bounded
 * writing.
 */
#ifndef WIRE_TEST_H
#define WIRE_TEST_H

#include <stdlib.h>

#include "test.h"

#include "base/slice.h"
#include "base/status.h"
#include "wire/out.h"

/* The bytes of a string literal, zero bytes included, without its own terminator. */
#define BYTES(literal) base_slice_of((literal), sizeof(literal) - 1)

/* A copy that ends where its heap block ends: a read past it is seen by ASan. Free with
 * heap_free. */
struct heap {
    void *block;
    struct base_slice slice;
};

struct heap heap_of(struct base_slice slice);
void heap_free(struct heap *heap);

#define assert_slice_is(slice, expected)                                      \
    do {                                                                      \
        struct base_slice actual_ = (slice), expected_ = (expected);          \
        assert_int_equal(actual_.bytes, expected_.bytes);                     \
        if (expected_.bytes > 0) {                                            \
            assert_memory_equal(actual_.data, expected_.data, actual_.bytes); \
        }                                                                     \
    } while (0)
#define assert_text(slice, text) assert_slice_is(slice, base_slice_text(text))

/* Runs `parse` on every prefix of `whole` that is shorter than it, each in a block of its own, and
 * wants `status`. */
void assert_prefixes(struct base_slice whole, int (*parse)(struct base_slice in), int status);

/* A writer over a static block; the test's own. */
extern struct wire_out test_out;
void test_out_reset(void);
/* The body of the only message written; checks type and length. */
struct base_slice test_out_body(char type);

/* Runs `put` with every capacity below what it needs: overflow is told, nothing of the message is
 * left. Then with just enough. */
void assert_put_is_bounded(void (*put)(struct wire_out *out));

#endif
