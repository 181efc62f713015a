/* included.h - the files that a fuzzed configuration may include.
 *
 * A name that ends with ! finds none, one that ends with e a text that includes itself, any other a
 * text that is good.
 */
#ifndef FUZZ_INCLUDED_H
#define FUZZ_INCLUDED_H

#include <string.h>

#include "config/build.h"

struct included {
    const char *good, *circle;
};

static inline int included_read(void *context, const char *path, struct base_slice *ret_text,
                                char *why, size_t why_bytes)
{
    const struct included *included = context;
    char last = path[strlen(path) - 1];
    (void)why, (void)why_bytes;
    if (last == '!') {
        return BASE_ECONFIG;
    }
    *ret_text = base_slice_text(last == 'e' ? included->circle : included->good);
    return BASE_OK;
}

static inline void included_release(void *context, struct base_slice text)
{
    (void)context, (void)text;
}

static inline struct config_reader included_reader(struct included *included)
{
    return (struct config_reader){included_read, included_release, included};
}

#endif
