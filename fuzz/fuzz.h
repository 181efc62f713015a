/* fuzz.h - what fuzz targets share.
 *
 * A target is one file fuzz_NAME.c with LLVMFuzzerTestOneInput, a row in meson.build and a folder
 * corpus/NAME. Built with clang and -Dlibfuzzer=true it is a libFuzzer program; in every build
 * replay_main.c runs it over its corpus, as a test of suite `fuzz`. What must hold is an INVARIANT:
 * it aborts, which both notice.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "base/invariant.h"
#include "base/slice.h"
#include "base/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* Takes up to `bytes` bytes off the front. */
static inline struct base_slice fuzz_take(struct base_slice *rest, size_t bytes)
{
    struct base_slice taken = base_slice_of(rest->data, bytes < rest->bytes ? bytes : rest->bytes);
    if (taken.bytes > 0) {
        *rest = base_slice_skip(*rest, taken.bytes);
    }
    return taken;
}

/* Takes one byte off the front; 0 when there is none. */
static inline uint8_t fuzz_take_byte(struct base_slice *rest)
{
    struct base_slice taken = fuzz_take(rest, 1);
    return taken.bytes > 0 ? taken.data[0] : 0;
}

/* Takes what comes before the separator off the front, and the separator; everything when there is
 * none. */
static inline struct base_slice fuzz_take_until(struct base_slice *rest, uint8_t separator)
{
    const uint8_t *end = rest->bytes > 0 ? memchr(rest->data, separator, rest->bytes) : NULL;
    if (!end) {
        return fuzz_take(rest, rest->bytes);
    }
    struct base_slice taken = fuzz_take(rest, (size_t)(end - rest->data));
    (void)fuzz_take(rest, 1);
    return taken;
}

#endif
