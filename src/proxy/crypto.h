/* crypto.h - OpenSSL's digests, as src/wire wants them handed in. */
#ifndef PROXY_CRYPTO_H
#define PROXY_CRYPTO_H

#include "wire/crypto.h"

/* Lives as long as the process. */
const struct wire_crypto *proxy_crypto(void);

/* Unpredictable bytes; BASE_ESYSTEM when the system gives none. */
int proxy_random(void *bytes, size_t count) BASE_MUST_CHECK;

/* The same for a few bytes at a time, which come from a store: a call of OpenSSL costs more than
 * the bytes. A store of zeroes is empty; `count` is at most its size. */
struct proxy_random_store {
    uint8_t bytes[1024];
    size_t left; /* the first ones, not yet given away */
};
int proxy_random_few(struct proxy_random_store *store, void *bytes, size_t count) BASE_MUST_CHECK;

#endif
