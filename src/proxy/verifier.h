/* verifier.h - SCRAM verifiers made from plain passwords, kept: making one costs 4096 digests. */
#ifndef PROXY_VERIFIER_H
#define PROXY_VERIFIER_H

#include "proxy/daemon.h"
#include "wire/scram.h"

/* The verifier of a user whose password is known in plain. Errors: BASE_ENOMEM, those of src/wire.
 */
int proxy_verifier_find(struct proxy *proxy, struct base_slice user, struct base_slice password,
                        struct wire_scram_verifier *ret_verifier) BASE_MUST_CHECK;
/* The same, made anew and not kept. */
int proxy_verifier_make(const struct proxy *proxy, struct base_slice user,
                        struct base_slice password,
                        struct wire_scram_verifier *ret_verifier) BASE_MUST_CHECK;
/* Forgets all: passwords may have changed. */
void proxy_verifiers_clear(struct proxy *proxy);

#endif
