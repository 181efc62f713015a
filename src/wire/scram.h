/* scram.h - SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, both sides (RFC 5802, RFC 7677, PostgreSQL's
 * "SASL Authentication"), as state machines over slices.
 *
 *     server:  START --first--> CHALLENGED --final--> PROVEN      any error --> FAILED
 *     client:  START --first--> GREETED --proof--> SENT --verify--> VERIFIED
 *                                                                 any error --> FAILED
 *
 * A call in the wrong state is BASE_ESTATE. Slices given back point into the state and live until
 * its next call. The states hold keys: clear them with their _done function.
 *
 * Pass-through: a client's proof reveals its ClientKey. With the verifier's ServerKey that is all a
 * client needs to log in to a server that has the same verifier.
 */
#ifndef WIRE_SCRAM_H
#define WIRE_SCRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"
#include "wire/crypto.h"

#define WIRE_SCRAM_MECHANISM      "SCRAM-SHA-256"
#define WIRE_SCRAM_MECHANISM_PLUS "SCRAM-SHA-256-PLUS"

#define WIRE_SCRAM_ITERATIONS_DEFAULT 4096
/* A second or two of one core: more is an attack on us or a mistake. */
#define WIRE_SCRAM_ITERATIONS_MAX 1000000
#define WIRE_SCRAM_SALT_BYTES     16
#define WIRE_SCRAM_SALT_BYTES_MAX 128
/* What we make; 18 random bytes, as PostgreSQL. */
#define WIRE_SCRAM_NONCE_BYTES 24
/* What we accept from the other side, ours included. */
#define WIRE_SCRAM_NONCE_BYTES_MAX 256
/* client-first-message-bare: user name (ignored), nonce, extensions. */
#define WIRE_SCRAM_BARE_BYTES_MAX 1024
#define WIRE_SCRAM_FIRST_BYTES_MAX \
    (WIRE_SCRAM_NONCE_BYTES_MAX + WIRE_BASE64_BYTES(WIRE_SCRAM_SALT_BYTES_MAX) + 64)
/* Any message of the other side. */
#define WIRE_SCRAM_MESSAGE_BYTES_MAX 2048
/* tls-server-end-point: a hash of the certificate, SHA-512 at most. */
#define WIRE_SCRAM_BINDING_BYTES_MAX 64
#define WIRE_SCRAM_FINAL_BYTES_MAX                                       \
    (WIRE_SCRAM_NONCE_BYTES_MAX + WIRE_BASE64_BYTES(WIRE_SHA256_BYTES) + \
     WIRE_BASE64_BYTES(32 + WIRE_SCRAM_BINDING_BYTES_MAX) + 16)
/* Passwords longer than this are refused (BASE_EINVALID), as are empty ones. */
#define WIRE_PASSWORD_BYTES_MAX 2048

/* -- Verifiers ------------------------------------------------------------------------------ */

struct wire_scram_verifier {
    uint32_t iterations; /* 1 .. WIRE_SCRAM_ITERATIONS_MAX */
    size_t salt_bytes;   /* 1 .. WIRE_SCRAM_SALT_BYTES_MAX */
    uint8_t salt[WIRE_SCRAM_SALT_BYTES_MAX];
    uint8_t stored_key[WIRE_SHA256_BYTES];
    uint8_t server_key[WIRE_SHA256_BYTES];
};

/* "SCRAM-SHA-256$4096:" salt "$" StoredKey ":" ServerKey, no terminator. */
#define WIRE_SCRAM_VERIFIER_TEXT_BYTES_MAX                           \
    (14 + 7 + 1 + WIRE_BASE64_BYTES(WIRE_SCRAM_SALT_BYTES_MAX) + 1 + \
     2 * WIRE_BASE64_BYTES(WIRE_SHA256_BYTES) + 1)

/* BASE_EINVALID: not a verifier, or one with an iteration count or salt beyond the limits. */
BASE_MUST_CHECK int wire_scram_verifier_parse(struct base_slice text,
                                              struct wire_scram_verifier *ret_verifier);
BASE_MUST_CHECK int wire_scram_verifier_text(const struct wire_scram_verifier *verifier,
                                             uint8_t *ret_text, size_t capacity, size_t *ret_bytes);

/* BASE_EINVALID: a password empty or too long, iterations or salt outside the limits. */
BASE_MUST_CHECK int wire_scram_verifier_from_password(const struct wire_crypto *crypto,
                                                      struct base_slice password,
                                                      struct base_slice salt, uint32_t iterations,
                                                      struct wire_scram_verifier *ret_verifier);

/* A salt that is always the same for a user and cannot be foreseen without `secret`: for users
 * whose password is stored in plain text and for users that do not exist, so that the two look
 * alike. */
BASE_MUST_CHECK int wire_scram_salt(const struct wire_crypto *crypto, struct base_slice secret,
                                    struct base_slice user,
                                    uint8_t ret_salt[WIRE_SCRAM_SALT_BYTES]);

/* A verifier for a user that does not exist. No password fits it; use it with
 * wire_scram_server_options.is_mock, which makes sure. */
BASE_MUST_CHECK int wire_scram_verifier_mock(const struct wire_crypto *crypto,
                                             struct base_slice secret, struct base_slice user,
                                             struct wire_scram_verifier *ret_verifier);

void wire_scram_verifier_done(struct wire_scram_verifier *verifier);

/* -- Server side: our clients log in -------------------------------------------------------- */

struct wire_scram_server_options {
    bool is_plus;              /* the client chose SCRAM-SHA-256-PLUS */
    bool plus_offered;         /* we had offered it */
    bool is_mock;              /* the verifier is a mock: fails whatever the proof */
    struct base_slice binding; /* tls-server-end-point data; needed when is_plus; copied */
};

enum wire_scram_server_state {
    WIRE_SCRAM_SERVER_START,
    WIRE_SCRAM_SERVER_CHALLENGED,
    WIRE_SCRAM_SERVER_PROVEN,
    WIRE_SCRAM_SERVER_FAILED,
};

/* The fields are this module's own. */
struct wire_scram_server {
    const struct wire_crypto *crypto;
    enum wire_scram_server_state state;
    bool is_plus, plus_offered, is_mock;
    char binding_flag; /* 'n', 'y' or 'p': the client's */
    size_t binding_bytes, bare_bytes, nonce_bytes, first_bytes;
    struct wire_scram_verifier verifier;
    uint8_t client_key[WIRE_SHA256_BYTES];
    uint8_t binding[WIRE_SCRAM_BINDING_BYTES_MAX];
    uint8_t bare[WIRE_SCRAM_BARE_BYTES_MAX];                 /* client-first-message-bare */
    uint8_t nonce[WIRE_SCRAM_NONCE_BYTES_MAX];               /* the client's and ours */
    uint8_t first[WIRE_SCRAM_FIRST_BYTES_MAX];               /* server-first-message */
    uint8_t final[2 + WIRE_BASE64_BYTES(WIRE_SHA256_BYTES)]; /* server-final-message */
};

/* `crypto` must outlive the state; the verifier and the binding are copied. BASE_EINVALID: is_plus
 * without plus_offered or without binding data, binding too long, a verifier beyond its limits. */
BASE_MUST_CHECK int wire_scram_server_init(struct wire_scram_server *server,
                                           const struct wire_crypto *crypto,
                                           const struct wire_scram_verifier *verifier,
                                           const struct wire_scram_server_options *options);

/* Takes client-first-message, gives server-first-message. BASE_EPROTOCOL: malformed, an authzid, a
 * mandatory extension, a binding flag that does not suit the mechanism (also the downgrade "y" when
 * we had offered PLUS). */
BASE_MUST_CHECK int wire_scram_server_first(struct wire_scram_server *server,
                                            struct base_slice client_first,
                                            struct base_slice *ret_server_first);

/* Takes client-final-message, gives server-final-message. BASE_EAUTH: a wrong password (or a mock).
 * BASE_EPROTOCOL: malformed, another nonce, binding data that is not ours. */
BASE_MUST_CHECK int wire_scram_server_final(struct wire_scram_server *server,
                                            struct base_slice client_final,
                                            struct base_slice *ret_server_final);

/* The ClientKey that the proof revealed. BASE_ESTATE unless PROVEN. */
BASE_MUST_CHECK int wire_scram_server_client_key(const struct wire_scram_server *server,
                                                 uint8_t ret_client_key[WIRE_SHA256_BYTES]);

void wire_scram_server_done(struct wire_scram_server *server);

/* -- Client side: we log in to a server ----------------------------------------------------- */

struct wire_scram_client_options {
    bool is_plus;              /* we chose SCRAM-SHA-256-PLUS; needs binding data */
    bool may_bind;             /* we could bind but the server did not offer PLUS: flag "y" */
    struct base_slice binding; /* tls-server-end-point data; copied */
};

/* Exactly one: a password, or keys. */
struct wire_scram_secret {
    bool has_keys;
    struct base_slice password;
    uint8_t client_key[WIRE_SHA256_BYTES];
    uint8_t server_key[WIRE_SHA256_BYTES];
};

enum wire_scram_client_state {
    WIRE_SCRAM_CLIENT_START,
    WIRE_SCRAM_CLIENT_GREETED,
    WIRE_SCRAM_CLIENT_SENT,
    WIRE_SCRAM_CLIENT_VERIFIED,
    WIRE_SCRAM_CLIENT_FAILED,
};

/* The fields are this module's own. */
struct wire_scram_client {
    const struct wire_crypto *crypto;
    enum wire_scram_client_state state;
    bool is_plus, may_bind;
    size_t binding_bytes, first_bytes, final_bytes;
    uint8_t nonce[WIRE_SCRAM_NONCE_BYTES];
    uint8_t signature[WIRE_SHA256_BYTES]; /* the ServerSignature we expect */
    uint8_t binding[WIRE_SCRAM_BINDING_BYTES_MAX];
    uint8_t first[32 + WIRE_SCRAM_NONCE_BYTES]; /* client-first-message */
    uint8_t final[WIRE_SCRAM_FINAL_BYTES_MAX];  /* client-final-message */
};

/* As wire_scram_server_init. */
BASE_MUST_CHECK int wire_scram_client_init(struct wire_scram_client *client,
                                           const struct wire_crypto *crypto,
                                           const struct wire_scram_client_options *options);

/* Gives client-first-message: the initial response of SASLInitialResponse. */
BASE_MUST_CHECK int wire_scram_client_first(struct wire_scram_client *client,
                                            struct base_slice *ret_client_first);

/* Takes server-first-message, gives client-final-message. The secret is used here and not kept.
 * BASE_EPROTOCOL: malformed, a nonce that does not extend ours, iterations outside the limits. */
BASE_MUST_CHECK int wire_scram_client_proof(struct wire_scram_client *client,
                                            struct base_slice server_first,
                                            const struct wire_scram_secret *secret,
                                            struct base_slice *ret_client_final);

/* Takes server-final-message. BASE_OK: the server knows the secret too. BASE_EAUTH: its signature
 * is wrong or it says "e=...". BASE_EPROTOCOL: malformed. A login that does not come here has not
 * proven the server: AuthenticationOk alone must not be believed. */
BASE_MUST_CHECK int wire_scram_client_verify(struct wire_scram_client *client,
                                             struct base_slice server_final);

void wire_scram_client_done(struct wire_scram_client *client);

#endif
