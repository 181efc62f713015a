/* crypto.h - OpenSSL's digests, as src/wire wants them handed in. */
#ifndef PROXY_CRYPTO_H
#define PROXY_CRYPTO_H

#include "wire/crypto.h"

/* Lives as long as the process. */
const struct wire_crypto *proxy_crypto(void);

/* Unpredictable bytes; BASE_ESYSTEM when the system gives none. */
int proxy_random(void *bytes, size_t count) BASE_MUST_CHECK;

#endif
