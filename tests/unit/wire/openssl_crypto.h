/* openssl_crypto.h - struct wire_crypto for tests and fuzz targets. */
#ifndef WIRE_OPENSSL_CRYPTO_H
#define WIRE_OPENSSL_CRYPTO_H

#include "wire/crypto.h"

/* No PBKDF2, no SASLprep: what is optional is missing. */
extern const struct wire_crypto test_crypto;
/* With PBKDF2 by OpenSSL, and a stand-in for SASLprep: 0xff becomes 'x', 0xfe is refused. */
extern const struct wire_crypto test_crypto_fast;

/* The n-th call from now fails with BASE_ESYSTEM; 0: none. */
void test_crypto_fail_at(unsigned n);
/* `random` counts up, from here. */
void test_crypto_seed(uint8_t seed);

#endif
