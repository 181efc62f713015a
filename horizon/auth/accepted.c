/* accepted.c - see accepted.h. */
#include "auth/accepted.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SETS 512 /* a power of two */
#define WAYS 4

_Static_assert(ACCEPTED_DIGEST_BYTES == SHA256_DIGEST_LENGTH, "a digest is SHA-256");

struct entry {
    unsigned char digest[ACCEPTED_DIGEST_BYTES];
    int64_t checked_at, expires; /* expires 0: empty */
    struct token_claims claims;
};

struct accepted {
    pthread_mutex_t lock;
    struct entry entries[SETS * WAYS];
    unsigned char next[SETS]; /* the way that is overwritten next */
};

struct accepted *accepted_new(void)
{
    struct accepted *accepted = calloc(1, sizeof(*accepted));
    if (accepted) {
        pthread_mutex_init(&accepted->lock, NULL);
    }
    return accepted;
}

void accepted_free(struct accepted *accepted)
{
    if (accepted) {
        pthread_mutex_destroy(&accepted->lock);
        free(accepted);
    }
}

bool accepted_digest(const struct token_rules *rules, const char *token, size_t bytes,
                     unsigned char ret_digest[ACCEPTED_DIGEST_BYTES])
{
    /* other rules may say another thing of the same token */
    unsigned char named[TOKEN_BYTES_MAX + sizeof(struct token_rules *)];
    if (bytes > TOKEN_BYTES_MAX) {
        return false;
    }
    memcpy(named, (const void *)&rules, sizeof(struct token_rules *));
    memcpy(named + sizeof(struct token_rules *), token, bytes);
    return SHA256(named, sizeof(struct token_rules *) + bytes, ret_digest) != NULL;
}

static size_t set_of(const unsigned char digest[ACCEPTED_DIGEST_BYTES])
{
    return (digest[0] | (size_t)digest[1] << 8) & (SETS - 1);
}

bool accepted_find(struct accepted *accepted, const unsigned char digest[ACCEPTED_DIGEST_BYTES],
                   int64_t now, struct token_claims *ret_claims)
{
    bool is_found = false;
    pthread_mutex_lock(&accepted->lock);
    const struct entry *entry = &accepted->entries[set_of(digest) * WAYS];
    for (size_t i = 0; i < WAYS && !is_found; i++, entry++) {
        is_found = CRYPTO_memcmp(entry->digest, digest, ACCEPTED_DIGEST_BYTES) == 0 &&
                   entry->checked_at <= now && now < entry->expires + TOKEN_LEEWAY_S &&
                   entry->expires > 0;
        if (is_found) {
            *ret_claims = entry->claims;
        }
    }
    pthread_mutex_unlock(&accepted->lock);
    return is_found;
}

void accepted_store(struct accepted *accepted, const unsigned char digest[ACCEPTED_DIGEST_BYTES],
                    int64_t now, const struct token_claims *claims)
{
    pthread_mutex_lock(&accepted->lock);
    size_t set = set_of(digest);
    struct entry *entry = &accepted->entries[set * WAYS + accepted->next[set]++ % WAYS];
    memcpy(entry->digest, digest, ACCEPTED_DIGEST_BYTES);
    entry->checked_at = now;
    entry->expires = claims->expires;
    entry->claims = *claims;
    pthread_mutex_unlock(&accepted->lock);
}

void accepted_forget(struct accepted *accepted)
{
    pthread_mutex_lock(&accepted->lock);
    memset(accepted->entries, 0, sizeof(accepted->entries));
    pthread_mutex_unlock(&accepted->lock);
}
