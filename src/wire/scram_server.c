/* scram_server.c - the server's side of SCRAM: our clients log in.
 *
 *     START --first--> CHALLENGED --final--> PROVEN        any error --> FAILED
 *
 * Invariants: one attempt per state, so a client cannot try a second proof on one nonce; client_key
 * is set in PROVEN only; the proof is checked before anything about the result is told, and a mock
 * does the same work as a real verifier.
 *
 * Tests: tests/unit/wire/test_scram.c, test_scram_hostile.c, fuzz/fuzz_scram.c
 */
#include "wire/scram.h"

#include <assert.h>

#include "base/invariant.h"
#include "wire/out.h"
#include "wire/scram_keys.h"

#define NONCE_RANDOM_BYTES 18
static_assert(WIRE_BASE64_BYTES(NONCE_RANDOM_BYTES) == WIRE_SCRAM_NONCE_BYTES,
              "the nonce has no padding and this length");

int wire_scram_server_init(struct wire_scram_server *server, const struct wire_crypto *crypto,
                           const struct wire_scram_verifier *verifier,
                           const struct wire_scram_server_options *options)
{
    bool lacks_binding = !options->plus_offered || options->binding.bytes == 0;
    if ((options->is_plus && lacks_binding) ||
        options->binding.bytes > WIRE_SCRAM_BINDING_BYTES_MAX || verifier->iterations < 1 ||
        verifier->iterations > WIRE_SCRAM_ITERATIONS_MAX || verifier->salt_bytes < 1 ||
        verifier->salt_bytes > WIRE_SCRAM_SALT_BYTES_MAX) {
        return BASE_EINVALID;
    }
    *server = (struct wire_scram_server){
        .crypto = crypto,
        .state = WIRE_SCRAM_SERVER_START,
        .is_plus = options->is_plus,
        .plus_offered = options->plus_offered,
        .is_mock = options->is_mock,
        .verifier = *verifier,
        .binding_bytes = options->binding.bytes,
    };
    if (options->binding.bytes > 0) {
        memcpy(server->binding, options->binding.data, options->binding.bytes);
    }
    return BASE_OK;
}

/* Whether the client's flag suits what was offered and chosen (RFC 5802, section 6). */
static bool is_flag_right(const struct wire_scram_server *server, char flag)
{
    switch (flag) {
    case 'p':
        return server->is_plus;
    case 'y': /* "I could bind but you did not offer it": somebody removed our offer */
        return !server->is_plus && !server->plus_offered;
    case 'n':
        return !server->is_plus;
    default:
        return false;
    }
}

/* Takes the gs2 header: the flag and no authzid. */
static int take_gs2(struct wire_scram_server *server, struct base_slice *message)
{
    char flag = (char)message->data[0];
    if (!is_flag_right(server, flag)) {
        return BASE_EPROTOCOL;
    }
    struct base_slice header = wire_scram_gs2(flag);
    if (message->bytes < header.bytes || memcmp(message->data, header.data, header.bytes) != 0) {
        return BASE_EPROTOCOL;
    }
    server->binding_flag = flag;
    *message = base_slice_skip(*message, header.bytes);
    return BASE_OK;
}

/* Takes client-first-message-bare: a user name, which PostgreSQL ignores too, and a nonce. */
static int take_bare(struct wire_scram_server *server, struct base_slice bare,
                     struct base_slice *ret_nonce)
{
    struct base_slice rest = bare, user, nonce;
    if (bare.bytes > sizeof(server->bare) || wire_scram_attribute_of(&rest, 'n', &user) < 0 ||
        wire_scram_attribute_of(&rest, 'r', &nonce) < 0 || wire_scram_extensions(rest) < 0) {
        return BASE_EPROTOCOL;
    }
    if (!wire_scram_is_nonce(nonce) ||
        nonce.bytes > WIRE_SCRAM_NONCE_BYTES_MAX - WIRE_SCRAM_NONCE_BYTES) {
        return BASE_EPROTOCOL;
    }
    memcpy(server->bare, bare.data, bare.bytes);
    server->bare_bytes = bare.bytes;
    *ret_nonce = nonce;
    return BASE_OK;
}

/* The client's nonce and ours after it. */
static int make_nonce(struct wire_scram_server *server, struct base_slice client_nonce)
{
    uint8_t random[NONCE_RANDOM_BYTES];
    int r = server->crypto->random(server->crypto->context, random, sizeof(random));
    if (r < 0) {
        return r;
    }
    size_t bytes = 0;
    memcpy(server->nonce, client_nonce.data, client_nonce.bytes);
    r = wire_base64_encode(base_slice_of(random, sizeof(random)),
                           server->nonce + client_nonce.bytes,
                           sizeof(server->nonce) - client_nonce.bytes, &bytes);
    INVARIANT(r == BASE_OK && bytes == WIRE_SCRAM_NONCE_BYTES);
    server->nonce_bytes = client_nonce.bytes + bytes;
    return BASE_OK;
}

static void make_first(struct wire_scram_server *server)
{
    uint8_t salt[WIRE_BASE64_BYTES(WIRE_SCRAM_SALT_BYTES_MAX)];
    size_t salt_bytes = 0;
    int r = wire_base64_encode(base_slice_of(server->verifier.salt, server->verifier.salt_bytes),
                               salt, sizeof(salt), &salt_bytes);
    INVARIANT(r == BASE_OK);
    struct wire_out out;
    wire_out_init(&out, server->first, sizeof(server->first));
    wire_out_bytes(&out, base_slice_text("r="));
    wire_out_bytes(&out, base_slice_of(server->nonce, server->nonce_bytes));
    wire_out_bytes(&out, base_slice_text(",s="));
    wire_out_bytes(&out, base_slice_of(salt, salt_bytes));
    wire_out_bytes(&out, base_slice_text(",i="));
    wire_scram_iterations_put(&out, server->verifier.iterations);
    INVARIANT(wire_out_status(&out) == BASE_OK);
    server->first_bytes = out.bytes;
}

static int first(struct wire_scram_server *server, struct base_slice message)
{
    struct base_slice nonce;
    if (!wire_scram_is_message(message) || take_gs2(server, &message) < 0 ||
        take_bare(server, message, &nonce) < 0) {
        return BASE_EPROTOCOL;
    }
    int r = make_nonce(server, nonce);
    if (r < 0) {
        return r;
    }
    make_first(server);
    return BASE_OK;
}

int wire_scram_server_first(struct wire_scram_server *server, struct base_slice client_first,
                            struct base_slice *ret_server_first)
{
    if (server->state != WIRE_SCRAM_SERVER_START) {
        return BASE_ESTATE;
    }
    int r = first(server, client_first);
    server->state = r == BASE_OK ? WIRE_SCRAM_SERVER_CHALLENGED : WIRE_SCRAM_SERVER_FAILED;
    if (r == BASE_OK) {
        *ret_server_first = base_slice_of(server->first, server->first_bytes);
    }
    return r;
}

/* Takes client-final-message apart: binding and nonce must be ours, the proof comes last. */
static int take_final(const struct wire_scram_server *server, struct base_slice message,
                      struct base_slice *ret_without_proof, uint8_t ret_proof[WIRE_SHA256_BYTES])
{
    struct base_slice rest = message, binding, nonce, value;
    if (wire_scram_attribute_of(&rest, 'c', &binding) < 0 ||
        wire_scram_attribute_of(&rest, 'r', &nonce) < 0) {
        return BASE_EPROTOCOL;
    }
    uint8_t expected[WIRE_SCRAM_CBIND_BYTES_MAX];
    size_t expected_bytes = wire_scram_cbind(
        server->binding_flag, base_slice_of(server->binding, server->binding_bytes), expected);
    if (!wire_secret_equal(binding, base_slice_of(expected, expected_bytes)) ||
        !wire_secret_equal(nonce, base_slice_of(server->nonce, server->nonce_bytes))) {
        return BASE_EPROTOCOL;
    }
    char letter;
    size_t before;
    do {
        before = message.bytes - rest.bytes;
        if (wire_scram_attribute(&rest, &letter, &value) < 0 || letter == 'm') {
            return BASE_EPROTOCOL;
        }
    } while (letter != 'p');
    if (rest.bytes > 0) {
        return BASE_EPROTOCOL;
    }
    /* Without the comma before "p=". */
    *ret_without_proof = base_slice_of(message.data, before - 1);
    return wire_scram_key_decode(value, ret_proof);
}

/* Checks the proof and keeps the ClientKey in it. */
static int check_proof(struct wire_scram_server *server,
                       const struct wire_scram_transcript *transcript,
                       const uint8_t proof[WIRE_SHA256_BYTES])
{
    const struct wire_crypto *crypto = server->crypto;
    uint8_t client_key[WIRE_SHA256_BYTES], stored_key[WIRE_SHA256_BYTES];
    int r = wire_scram_sign(crypto, server->verifier.stored_key, transcript, client_key);
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < sizeof(client_key); i++) {
        client_key[i] ^= proof[i];
    }
    struct base_slice part = base_slice_of(client_key, sizeof(client_key));
    r = crypto->sha256(crypto->context, &part, 1, stored_key);
    if (r == BASE_OK) {
        bool is_equal = wire_secret_equal(
            base_slice_of(stored_key, sizeof(stored_key)),
            base_slice_of(server->verifier.stored_key, sizeof(server->verifier.stored_key)));
        r = is_equal && !server->is_mock ? BASE_OK : BASE_EAUTH;
    }
    if (r == BASE_OK) {
        memcpy(server->client_key, client_key, sizeof(client_key));
    }
    wire_secret_clear(client_key, sizeof(client_key));
    wire_secret_clear(stored_key, sizeof(stored_key));
    return r;
}

static int make_final(struct wire_scram_server *server,
                      const struct wire_scram_transcript *transcript)
{
    uint8_t signature[WIRE_SHA256_BYTES];
    int r = wire_scram_sign(server->crypto, server->verifier.server_key, transcript, signature);
    if (r < 0) {
        return r;
    }
    size_t bytes = 0;
    memcpy(server->final, "v=", 2);
    r = wire_base64_encode(base_slice_of(signature, sizeof(signature)), server->final + 2,
                           sizeof(server->final) - 2, &bytes);
    INVARIANT(r == BASE_OK && bytes + 2 == sizeof(server->final));
    return BASE_OK;
}

static int final(struct wire_scram_server *server, struct base_slice message)
{
    uint8_t proof[WIRE_SHA256_BYTES];
    struct wire_scram_transcript transcript = {
        .client_first_bare = base_slice_of(server->bare, server->bare_bytes),
        .server_first = base_slice_of(server->first, server->first_bytes),
    };
    if (!wire_scram_is_message(message)) {
        return BASE_EPROTOCOL;
    }
    int r = take_final(server, message, &transcript.client_final_without_proof, proof);
    if (r == BASE_OK) {
        r = check_proof(server, &transcript, proof);
    }
    if (r == BASE_OK) {
        r = make_final(server, &transcript);
    }
    wire_secret_clear(proof, sizeof(proof));
    return r;
}

int wire_scram_server_final(struct wire_scram_server *server, struct base_slice client_final,
                            struct base_slice *ret_server_final)
{
    if (server->state != WIRE_SCRAM_SERVER_CHALLENGED) {
        return BASE_ESTATE;
    }
    int r = final(server, client_final);
    server->state = r == BASE_OK ? WIRE_SCRAM_SERVER_PROVEN : WIRE_SCRAM_SERVER_FAILED;
    if (r == BASE_OK) {
        *ret_server_final = base_slice_of(server->final, sizeof(server->final));
    } else {
        wire_secret_clear(server->client_key, sizeof(server->client_key));
    }
    return r;
}

int wire_scram_server_client_key(const struct wire_scram_server *server,
                                 uint8_t ret_client_key[WIRE_SHA256_BYTES])
{
    if (server->state != WIRE_SCRAM_SERVER_PROVEN) {
        return BASE_ESTATE;
    }
    memcpy(ret_client_key, server->client_key, sizeof(server->client_key));
    return BASE_OK;
}

void wire_scram_server_done(struct wire_scram_server *server)
{
    wire_secret_clear(server, sizeof(*server));
}
