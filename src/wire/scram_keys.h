/* scram_keys.h - the computations and the syntax that both sides of SCRAM share (RFC 5802,
 * sections 3 and 7). Internal to the scram_*.c files and auth.c.
 */
#ifndef WIRE_SCRAM_KEYS_H
#define WIRE_SCRAM_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"
#include "wire/crypto.h"
#include "wire/out.h"
#include "wire/scram.h"

/* "p=tls-server-end-point,," is the longest. */
#define WIRE_SCRAM_GS2_BYTES_MAX 24
/* Base64 of the longest gs2 header and the longest binding data. */
#define WIRE_SCRAM_CBIND_BYTES_MAX \
    WIRE_BASE64_BYTES(WIRE_SCRAM_GS2_BYTES_MAX + WIRE_SCRAM_BINDING_BYTES_MAX)

struct wire_scram_keys {
    uint8_t client_key[WIRE_SHA256_BYTES];
    uint8_t stored_key[WIRE_SHA256_BYTES];
    uint8_t server_key[WIRE_SHA256_BYTES];
};

/* The keys of a password, normalised if it can be. BASE_EINVALID: empty or too long. */
BASE_MUST_CHECK int wire_scram_keys_derive(const struct wire_crypto *crypto,
                                           struct base_slice password, struct base_slice salt,
                                           uint32_t iterations, struct wire_scram_keys *ret_keys);

/* The three texts that make the AuthMessage when joined by commas. */
struct wire_scram_transcript {
    struct base_slice client_first_bare;
    struct base_slice server_first;
    struct base_slice client_final_without_proof;
};

/* HMAC(key, AuthMessage): ClientSignature for StoredKey, ServerSignature for ServerKey. */
BASE_MUST_CHECK int wire_scram_sign(const struct wire_crypto *crypto,
                                    const uint8_t key[WIRE_SHA256_BYTES],
                                    const struct wire_scram_transcript *transcript,
                                    uint8_t ret_signature[WIRE_SHA256_BYTES]);

/* The value of "c=": base64 of the gs2 header of this flag ('n', 'y', 'p') and, for 'p', the
 * binding data. Writes at most WIRE_SCRAM_CBIND_BYTES_MAX. */
size_t wire_scram_cbind(char flag, struct base_slice binding, uint8_t *ret_text);

/* The gs2 header itself. */
struct base_slice wire_scram_gs2(char flag);

/* Takes one "x=value" off the front, and the comma after it. BASE_EPROTOCOL: there is none, or the
 * message ends in a comma. */
BASE_MUST_CHECK int wire_scram_attribute(struct base_slice *rest, char *ret_letter,
                                         struct base_slice *ret_value);

/* Takes one that must have this letter. */
BASE_MUST_CHECK int wire_scram_attribute_of(struct base_slice *rest, char letter,
                                            struct base_slice *ret_value);

/* Takes the rest: optional extensions, which are well-formed and ignored. "m=" is a mandatory one
 * and refused. */
BASE_MUST_CHECK int wire_scram_extensions(struct base_slice rest);

/* Neither empty nor too long, printable ASCII, no comma. */
bool wire_scram_is_nonce(struct base_slice nonce);

/* A message that may be looked at: not too long and without zero bytes. */
bool wire_scram_is_message(struct base_slice message);

/* A positive decimal number without sign or leading zero, at most WIRE_SCRAM_ITERATIONS_MAX. */
BASE_MUST_CHECK int wire_scram_iterations(struct base_slice text, uint32_t *ret_iterations);

/* The same number as text. */
void wire_scram_iterations_put(struct wire_out *out, uint32_t iterations);

/* Base64 of exactly 32 bytes. */
BASE_MUST_CHECK int wire_scram_key_decode(struct base_slice text,
                                          uint8_t ret_key[WIRE_SHA256_BYTES]);

#endif
