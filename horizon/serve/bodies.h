/* bodies.h - answers of panels that were made lately, so that a page that did not change is not
 * made again: pure but for its lock.
 *
 * The key is user, panel, range and data_version; the version comes from the database with every
 * request, so an answer that is found is never an old one. At most so many bytes; those not used
 * for longest go first. A body is shared: it lives until the last request that sends it has given
 * it back, in the cache or not. All functions may be called from any thread. Test:
 * tests/unit/horizon/test_bodies.c.
 */
#ifndef HORIZON_SERVE_BODIES_H
#define HORIZON_SERVE_BODIES_H

#include <stddef.h>

#define BODIES_KEY_BYTES 128

struct bodies;
struct body;

/* NULL: no memory. 0 bytes: nothing is kept. */
struct bodies *bodies_new(size_t bytes_max);

/* Every body has to be given back before. NULL is fine. */
void bodies_free(struct bodies *bodies);

/* A body to be given back, or NULL. */
struct body *bodies_find(struct bodies *bodies, const char *key);

/* Takes a text over (from malloc) and makes a body of it, to be given back. NULL: no memory; the
 * text is freed then too. */
struct body *bodies_store(struct bodies *bodies, const char *key, char *text, size_t bytes);

const char *body_text(const struct body *body, size_t *ret_bytes);

/* NULL is fine. */
void bodies_give_back(struct bodies *bodies, struct body *body);

#endif
