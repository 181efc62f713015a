/* text.h - interned, reference-counted short texts.
 *
 * Ten thousand clients send the same few parameter values. One copy of each is kept; equal texts
 * are the same pointer, so comparing is comparing pointers and a client costs one pointer a value.
 */
#ifndef PROXY_TEXT_H
#define PROXY_TEXT_H

#include "base/hash.h"
#include "base/slice.h"

struct proxy_text {
    struct base_hash_node node;
    uint32_t references;
    uint32_t bytes;
    char chars[]; /* `bytes` characters and a zero byte */
};

struct proxy_texts {
    struct base_hash table;
    uint8_t seed[16];
};

int proxy_texts_init(struct proxy_texts *texts) BASE_MUST_CHECK;
void proxy_texts_done(struct proxy_texts *texts);

/* The text with these bytes, with one more reference; NULL when there is no memory. */
struct proxy_text *proxy_text_take(struct proxy_texts *texts, struct base_slice bytes);
/* One more reference. NULL gives NULL. */
struct proxy_text *proxy_text_share(struct proxy_text *text);
/* One reference less; the last one frees. NULL is harmless. */
void proxy_text_drop(struct proxy_texts *texts, struct proxy_text *text);

static inline struct base_slice proxy_text_slice(const struct proxy_text *text)
{
    return text ? base_slice_of(text->chars, text->bytes) : base_slice_of(NULL, 0);
}

#endif
