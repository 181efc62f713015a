/* text.c - interned, reference-counted short texts.
 *
 * Always true:
 *   1. No two texts in the table have the same bytes.
 *   2. A text's `references` is how many pointers to it are owned; at 0 it is gone.
 *
 * Clients choose the texts, so the hash is keyed with random bytes. Does not limit how long or how
 * many texts there are: who takes them does. Test: tests/unit/proxy/test_text.c.
 */
#include "proxy/text.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/invariant.h"
#include "wire/prepared.h"

int proxy_texts_init(struct proxy_texts *texts)
{
    struct proxy_texts fresh = {0};
    if (getrandom(fresh.seed, sizeof(fresh.seed), 0) != (ssize_t)sizeof(fresh.seed)) {
        return BASE_ESYSTEM;
    }
    int r = base_hash_init(&fresh.table);
    if (r < 0) {
        return r;
    }
    *texts = fresh;
    return BASE_OK;
}

void proxy_texts_done(struct proxy_texts *texts)
{
    INVARIANT(texts->table.count == 0); /* a text that is left is a lost reference */
    base_hash_done(&texts->table);
}

static struct proxy_text *find(const struct proxy_texts *texts, struct base_slice bytes,
                               uint64_t hash)
{
    struct base_hash_node *node = base_hash_first(&texts->table, hash);
    for (; node; node = base_hash_next(node, hash)) {
        struct proxy_text *text = base_hash_entry(node, struct proxy_text, node);
        if (base_slice_equal(proxy_text_slice(text), bytes)) {
            return text;
        }
    }
    return NULL;
}

struct proxy_text *proxy_text_take(struct proxy_texts *texts, struct base_slice bytes)
{
    uint64_t hash = wire_siphash(texts->seed, bytes);
    struct proxy_text *text = find(texts, bytes, hash);
    if (text) {
        return proxy_text_share(text);
    }
    if (bytes.bytes >= UINT32_MAX) {
        return NULL;
    }
    text = malloc(sizeof(*text) + bytes.bytes + 1);
    if (!text) {
        return NULL;
    }
    text->references = 1;
    text->bytes = (uint32_t)bytes.bytes;
    if (bytes.bytes > 0) {
        memcpy(text->chars, bytes.data, bytes.bytes);
    }
    text->chars[bytes.bytes] = '\0';
    base_hash_insert(&texts->table, &text->node, hash);
    return text;
}

struct proxy_text *proxy_text_share(struct proxy_text *text)
{
    if (text) {
        INVARIANT(text->references > 0 && text->references < UINT32_MAX);
        text->references++;
    }
    return text;
}

void proxy_text_drop(struct proxy_texts *texts, struct proxy_text *text)
{
    if (!text) {
        return;
    }
    INVARIANT(text->references > 0);
    if (--text->references == 0) {
        base_hash_remove(&texts->table, &text->node);
        free(text);
    }
}
