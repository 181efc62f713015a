/* fuzz_scram.c - SCRAM from both ends, verifiers, base64, stored secrets (src/wire/scram_*.c,
 * crypto.c, auth.c).
 *
 * Input: one byte that chooses the kind, then its fields, separated by line feeds:
 *   's' client-first, client-final    at a server that knows "pencil"; nonces count up from 0
 *   'c' server-first, server-final    at a client that knows "pencil"
 *   'v' a verifier                    read and written again it is the same text
 *   'b' base64                        the same
 *   'x' eight bytes, then a password  an honest exchange, which succeeds, also with the keys it
 *                                     revealed; with one byte of one message changed it does not
 *   'p' stored secret, user, password
 * Nobody gets in with 's' and 'c': the proof is out of a fuzzer's reach, the server's signature
 * too.
 */
#include "fuzz.h"

#include <stdlib.h>

#include "openssl_crypto.h"
#include "wire/auth.h"
#include "wire/scram.h"

static const struct wire_scram_secret pencil = {.password = {(const uint8_t *)"pencil", 6}};
static const struct base_slice certificate = {(const uint8_t *)"0123456789abcdef", 16};
static struct wire_crypto crypto;

/* Fast at any number of iterations; a server may ask for a million. */
static int short_pbkdf2(void *context, struct base_slice password, struct base_slice salt,
                        uint32_t iterations, uint8_t ret_key[WIRE_SHA256_BYTES])
{
    INVARIANT(iterations >= 1 && iterations <= WIRE_SCRAM_ITERATIONS_MAX);
    return test_crypto_fast.hmac_sha256(context, password, &salt, 1, ret_key);
}

static struct wire_scram_verifier verifier_of(struct base_slice password, uint32_t iterations)
{
    struct wire_scram_verifier verifier;
    int r = wire_scram_verifier_from_password(&crypto, password, base_slice_text("salt"),
                                              iterations, &verifier);
    INVARIANT(r == BASE_OK);
    return verifier;
}

static void attack_server(struct base_slice in)
{
    struct base_slice first = fuzz_take_until(&in, '\n'), final = in, reply;
    struct wire_scram_verifier verifier = verifier_of(pencil.password, 1);
    struct wire_scram_server server;
    struct wire_scram_server_options options = {
        .plus_offered = first.bytes > 0 && first.data[0] == 'p', .binding = certificate};
    options.is_plus = options.plus_offered;
    int r = wire_scram_server_init(&server, &crypto, &verifier, &options);
    INVARIANT(r == BASE_OK);
    if (wire_scram_server_first(&server, first, &reply) == BASE_OK) {
        INVARIANT(reply.bytes <= WIRE_SCRAM_FIRST_BYTES_MAX);
        r = wire_scram_server_final(&server, final, &reply);
        INVARIANT(r == BASE_EPROTOCOL || r == BASE_EAUTH);
    }
    INVARIANT(server.state == WIRE_SCRAM_SERVER_FAILED);
    wire_scram_server_done(&server);
}

static void attack_client(struct base_slice in)
{
    struct base_slice first = fuzz_take_until(&in, '\n'), final = in, reply;
    struct wire_scram_client client;
    struct wire_scram_client_options options = {.may_bind = true};
    int r = wire_scram_client_init(&client, &crypto, &options);
    INVARIANT(r == BASE_OK);
    r = wire_scram_client_first(&client, &reply);
    INVARIANT(r == BASE_OK);
    if (wire_scram_client_proof(&client, first, &pencil, &reply) == BASE_OK) {
        INVARIANT(reply.bytes <= WIRE_SCRAM_FINAL_BYTES_MAX);
        r = wire_scram_client_verify(&client, final);
        INVARIANT(r == BASE_EPROTOCOL || r == BASE_EAUTH);
    }
    INVARIANT(client.state == WIRE_SCRAM_CLIENT_FAILED);
    wire_scram_client_done(&client);
}

static void check_verifier(struct base_slice in)
{
    struct wire_scram_verifier verifier;
    uint8_t text[WIRE_SCRAM_VERIFIER_TEXT_BYTES_MAX];
    size_t bytes;
    if (wire_scram_verifier_parse(in, &verifier) != BASE_OK) {
        return;
    }
    INVARIANT(wire_secret_kind_of(in) == WIRE_SECRET_SCRAM);
    int r = wire_scram_verifier_text(&verifier, text, sizeof(text), &bytes);
    INVARIANT(r == BASE_OK && base_slice_equal(base_slice_of(text, bytes), in));
}

static void check_base64(struct base_slice in)
{
    size_t capacity = in.bytes / 4 * 3, data_bytes, text_bytes;
    uint8_t *data = malloc(capacity + 1), *text = malloc(in.bytes + 1);
    INVARIANT(data && text);
    int r = wire_base64_decode(in, data, capacity, &data_bytes);
    if (r == BASE_OK) {
        r = wire_base64_encode(base_slice_of(data, data_bytes), text, in.bytes, &text_bytes);
        INVARIANT(r == BASE_OK && base_slice_equal(base_slice_of(text, text_bytes), in));
    }
    INVARIANT(r == BASE_OK || r == BASE_EPROTOCOL);
    free(data);
    free(text);
}

/* Which byte of which message to change, and how; change 0: none. */
struct damage {
    size_t message;
    size_t at;
    uint8_t change;
};

/* A copy of a message as it arrives; free it. */
static struct base_slice deliver(struct base_slice message, size_t number,
                                 const struct damage *damage)
{
    uint8_t *copy = malloc(message.bytes);
    INVARIANT(copy);
    memcpy(copy, message.data, message.bytes);
    if (number == damage->message) {
        copy[damage->at % message.bytes] ^= damage->change;
    }
    return base_slice_of(copy, message.bytes);
}

/* Runs an exchange; true when both sides believe the other. */
static bool exchange(struct wire_scram_server *server, struct wire_scram_client *client,
                     const struct wire_scram_secret *secret, const struct damage *damage)
{
    struct base_slice reply, in[4] = {{NULL, 0}};
    int r = wire_scram_client_first(client, &reply);
    INVARIANT(r == BASE_OK);
    in[0] = deliver(reply, 0, damage);
    r = wire_scram_server_first(server, in[0], &reply);
    if (r == BASE_OK) {
        in[1] = deliver(reply, 1, damage);
        r = wire_scram_client_proof(client, in[1], secret, &reply);
    }
    if (r == BASE_OK) {
        in[2] = deliver(reply, 2, damage);
        r = wire_scram_server_final(server, in[2], &reply);
    }
    if (r == BASE_OK) {
        in[3] = deliver(reply, 3, damage);
        r = wire_scram_client_verify(client, in[3]);
    }
    for (size_t i = 0; i < 4; i++) {
        free((void *)(uintptr_t)in[i].data);
    }
    return r == BASE_OK;
}

static void start(const struct wire_scram_verifier *verifier, uint8_t flags,
                  struct wire_scram_server *server, struct wire_scram_client *client)
{
    struct wire_scram_server_options server_options = {
        .is_plus = flags & 1, .plus_offered = flags & 1, .binding = certificate};
    struct wire_scram_client_options client_options = {
        .is_plus = flags & 1, .may_bind = (flags & 3) == 2, .binding = certificate};
    int r = wire_scram_server_init(server, &crypto, verifier, &server_options);
    INVARIANT(r == BASE_OK);
    r = wire_scram_client_init(client, &crypto, &client_options);
    INVARIANT(r == BASE_OK);
}

static void check_exchange(struct base_slice in)
{
    uint8_t flags = fuzz_take_byte(&in);
    test_crypto_seed(fuzz_take_byte(&in));
    struct damage damage = {.message = fuzz_take_byte(&in) % 4}, none = {0};
    damage.at = fuzz_take_byte(&in);
    damage.at = damage.at << 8 | fuzz_take_byte(&in);
    damage.change = fuzz_take_byte(&in);
    uint32_t iterations = 1 + (uint32_t)fuzz_take_byte(&in) * 3900u;
    struct wire_scram_secret secret = {.password = in}, keys = {.has_keys = true};
    struct wire_scram_server server;
    struct wire_scram_client client;
    if (in.bytes == 0 || in.bytes > WIRE_PASSWORD_BYTES_MAX) {
        return;
    }
    struct wire_scram_verifier verifier = verifier_of(in, iterations);
    start(&verifier, flags, &server, &client);
    INVARIANT(exchange(&server, &client, &secret, &none));
    int r = wire_scram_server_client_key(&server, keys.client_key);
    INVARIANT(r == BASE_OK);
    memcpy(keys.server_key, verifier.server_key, sizeof(keys.server_key));
    start(&verifier, flags, &server, &client);
    INVARIANT(exchange(&server, &client, &keys, &none));
    if (damage.change != 0) {
        start(&verifier, flags, &server, &client);
        INVARIANT(!exchange(&server, &client, &secret, &damage));
        INVARIANT(client.state != WIRE_SCRAM_CLIENT_VERIFIED);
    }
    wire_scram_server_done(&server);
    wire_scram_client_done(&client);
}

static void check_password(struct base_slice in)
{
    static const uint8_t salt[WIRE_MD5_SALT_BYTES] = {1, 2, 3, 4};
    struct base_slice stored = fuzz_take_until(&in, '\n'), user = fuzz_take_until(&in, '\n');
    uint8_t text[WIRE_MD5_TEXT_BYTES];
    int r = wire_password_check(&crypto, stored, user, in);
    INVARIANT(r == BASE_OK || r == BASE_EAUTH);
    if (wire_secret_kind_of(stored) == WIRE_SECRET_PLAIN && in.bytes <= WIRE_PASSWORD_BYTES_MAX) {
        INVARIANT((r == BASE_OK) == base_slice_equal(stored, in));
    }
    r = wire_md5_check(&crypto, stored, user, salt, in);
    INVARIANT(r == BASE_OK || r == BASE_EAUTH || r == BASE_EINVALID);
    if (stored.bytes > 6000 || user.bytes > 2000) {
        return;
    }
    if (wire_secret_kind_of(stored) == WIRE_SECRET_PLAIN) {
        uint8_t hashed[WIRE_MD5_TEXT_BYTES];
        r = wire_md5_stored(&crypto, user, stored, hashed);
        INVARIANT(r == BASE_OK);
        r = wire_md5_answer(&crypto, base_slice_of(hashed, sizeof(hashed)), salt, text);
        INVARIANT(r == BASE_OK);
        r = wire_md5_check(&crypto, stored, user, salt, base_slice_of(text, sizeof(text)));
        INVARIANT(r == BASE_OK);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct base_slice in = base_slice_of(data, bytes);
    crypto = test_crypto_fast;
    crypto.pbkdf2_sha256 = short_pbkdf2;
    test_crypto_seed(0);
    switch (fuzz_take_byte(&in)) {
    case 's':
        attack_server(in);
        break;
    case 'c':
        attack_client(in);
        break;
    case 'v':
        check_verifier(in);
        break;
    case 'b':
        check_base64(in);
        break;
    case 'x':
        check_exchange(in);
        break;
    case 'p':
        check_password(in);
        break;
    default:
        break;
    }
    return 0;
}
