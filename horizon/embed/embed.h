/* embed.h - files that are part of the program; tools/embed writes their tables.
 *
 * tools/embed NAME FILE... makes a C file with `const struct embed_file NAME[]` in the order of the
 * files and `const size_t NAME_count`.
 */
#ifndef HORIZON_EMBED_EMBED_H
#define HORIZON_EMBED_EMBED_H

#include <stddef.h>

struct embed_file {
    const char *name; /* without folders */
    const unsigned char *bytes;
    size_t size;
};

#endif
