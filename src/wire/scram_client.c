/* scram_client.c - the client's side of SCRAM: we log in to a server.
 *
 *     START --first--> GREETED --proof--> SENT --verify--> VERIFIED     any error --> FAILED
 *
 * Invariants: the secret is used in wire_scram_client_proof and not kept; of what is derived from
 * it only the signature that we expect of the server stays.
 *
 * Tests: tests/unit/wire/test_scram.c, test_scram_hostile.c, fuzz/fuzz_scram.c
 */
#include "wire/scram.h"

#include "base/invariant.h"
#include "wire/out.h"
#include "wire/scram_keys.h"

#define NONCE_RANDOM_BYTES 18

/* server-first-message, taken apart. */
struct challenge {
    struct base_slice nonce;
    uint32_t iterations;
    size_t salt_bytes;
    uint8_t salt[WIRE_SCRAM_SALT_BYTES_MAX];
};

int wire_scram_client_init(struct wire_scram_client *client, const struct wire_crypto *crypto,
                           const struct wire_scram_client_options *options)
{
    if ((options->is_plus && (options->binding.bytes == 0 || options->may_bind)) ||
        options->binding.bytes > WIRE_SCRAM_BINDING_BYTES_MAX) {
        return BASE_EINVALID;
    }
    *client = (struct wire_scram_client){
        .crypto = crypto,
        .state = WIRE_SCRAM_CLIENT_START,
        .is_plus = options->is_plus,
        .may_bind = options->may_bind,
        .binding_bytes = options->binding.bytes,
    };
    if (options->binding.bytes > 0) {
        memcpy(client->binding, options->binding.data, options->binding.bytes);
    }
    return BASE_OK;
}

static char flag_of(const struct wire_scram_client *client)
{
    if (client->is_plus) {
        return 'p';
    }
    return client->may_bind ? 'y' : 'n';
}

static int make_nonce(struct wire_scram_client *client)
{
    uint8_t random[NONCE_RANDOM_BYTES];
    int r = client->crypto->random(client->crypto->context, random, sizeof(random));
    if (r < 0) {
        return r;
    }
    size_t bytes = 0;
    r = wire_base64_encode(base_slice_of(random, sizeof(random)), client->nonce,
                           sizeof(client->nonce), &bytes);
    INVARIANT(r == BASE_OK && bytes == sizeof(client->nonce));
    return BASE_OK;
}

int wire_scram_client_first(struct wire_scram_client *client, struct base_slice *ret_client_first)
{
    if (client->state != WIRE_SCRAM_CLIENT_START) {
        return BASE_ESTATE;
    }
    int r = make_nonce(client);
    if (r < 0) {
        client->state = WIRE_SCRAM_CLIENT_FAILED;
        return r;
    }
    struct wire_out out;
    wire_out_init(&out, client->first, sizeof(client->first));
    wire_out_bytes(&out, wire_scram_gs2(flag_of(client)));
    /* No user name: the server takes it from the StartupMessage. */
    wire_out_bytes(&out, base_slice_text("n=,r="));
    wire_out_bytes(&out, base_slice_of(client->nonce, sizeof(client->nonce)));
    INVARIANT(wire_out_status(&out) == BASE_OK);
    client->first_bytes = out.bytes;
    client->state = WIRE_SCRAM_CLIENT_GREETED;
    *ret_client_first = wire_out_slice(&out);
    return BASE_OK;
}

static bool extends_nonce(const struct wire_scram_client *client, struct base_slice nonce)
{
    return wire_scram_is_nonce(nonce) && nonce.bytes > sizeof(client->nonce) &&
           memcmp(nonce.data, client->nonce, sizeof(client->nonce)) == 0;
}

static int parse_challenge(const struct wire_scram_client *client, struct base_slice message,
                           struct challenge *ret_challenge)
{
    struct base_slice salt, iterations;
    struct challenge challenge;
    if (!wire_scram_is_message(message) ||
        wire_scram_attribute_of(&message, 'r', &challenge.nonce) < 0 ||
        wire_scram_attribute_of(&message, 's', &salt) < 0 ||
        wire_scram_attribute_of(&message, 'i', &iterations) < 0 ||
        wire_scram_extensions(message) < 0 || !extends_nonce(client, challenge.nonce) ||
        wire_base64_decode(salt, challenge.salt, sizeof(challenge.salt), &challenge.salt_bytes) <
            0 ||
        challenge.salt_bytes == 0 || wire_scram_iterations(iterations, &challenge.iterations) < 0) {
        return BASE_EPROTOCOL;
    }
    *ret_challenge = challenge;
    return BASE_OK;
}

/* The keys from the secret: derived from the password, or those given. */
static int keys_of(const struct wire_scram_client *client, const struct challenge *challenge,
                   const struct wire_scram_secret *secret, struct wire_scram_keys *ret_keys)
{
    if (!secret->has_keys) {
        return wire_scram_keys_derive(client->crypto, secret->password,
                                      base_slice_of(challenge->salt, challenge->salt_bytes),
                                      challenge->iterations, ret_keys);
    }
    memcpy(ret_keys->client_key, secret->client_key, WIRE_SHA256_BYTES);
    memcpy(ret_keys->server_key, secret->server_key, WIRE_SHA256_BYTES);
    struct base_slice part = base_slice_of(secret->client_key, WIRE_SHA256_BYTES);
    return client->crypto->sha256(client->crypto->context, &part, 1, ret_keys->stored_key);
}

static void put_without_proof(const struct wire_scram_client *client, struct base_slice nonce,
                              struct wire_out *out)
{
    uint8_t cbind[WIRE_SCRAM_CBIND_BYTES_MAX];
    size_t cbind_bytes = wire_scram_cbind(
        flag_of(client), base_slice_of(client->binding, client->binding_bytes), cbind);
    wire_out_bytes(out, base_slice_text("c="));
    wire_out_bytes(out, base_slice_of(cbind, cbind_bytes));
    wire_out_bytes(out, base_slice_text(",r="));
    wire_out_bytes(out, nonce);
}

/* ClientProof = ClientKey xor ClientSignature; and the ServerSignature to expect. */
static int prove(struct wire_scram_client *client, const struct wire_scram_keys *keys,
                 const struct wire_scram_transcript *transcript, struct wire_out *out)
{
    uint8_t proof[WIRE_SHA256_BYTES], text[WIRE_BASE64_BYTES(WIRE_SHA256_BYTES)];
    int r = wire_scram_sign(client->crypto, keys->stored_key, transcript, proof);
    if (r < 0) {
        return r;
    }
    r = wire_scram_sign(client->crypto, keys->server_key, transcript, client->signature);
    if (r < 0) {
        return r;
    }
    for (size_t i = 0; i < sizeof(proof); i++) {
        proof[i] ^= keys->client_key[i];
    }
    size_t bytes = 0;
    r = wire_base64_encode(base_slice_of(proof, sizeof(proof)), text, sizeof(text), &bytes);
    INVARIANT(r == BASE_OK && bytes == sizeof(text));
    wire_out_bytes(out, base_slice_text(",p="));
    wire_out_bytes(out, base_slice_of(text, sizeof(text)));
    wire_secret_clear(proof, sizeof(proof));
    wire_secret_clear(text, sizeof(text));
    return BASE_OK;
}

static int make_final(struct wire_scram_client *client, struct base_slice server_first,
                      const struct wire_scram_secret *secret)
{
    struct challenge challenge;
    struct wire_scram_keys keys;
    int r = parse_challenge(client, server_first, &challenge);
    if (r < 0) {
        return r;
    }
    r = keys_of(client, &challenge, secret, &keys);
    if (r < 0) {
        return r;
    }
    struct wire_out out;
    wire_out_init(&out, client->final, sizeof(client->final));
    put_without_proof(client, challenge.nonce, &out);
    size_t gs2_bytes = wire_scram_gs2(flag_of(client)).bytes;
    struct wire_scram_transcript transcript = {
        .client_first_bare =
            base_slice_of(client->first + gs2_bytes, client->first_bytes - gs2_bytes),
        .server_first = server_first,
        .client_final_without_proof = wire_out_slice(&out),
    };
    r = prove(client, &keys, &transcript, &out);
    wire_secret_clear(&keys, sizeof(keys));
    INVARIANT(wire_out_status(&out) == BASE_OK);
    client->final_bytes = out.bytes;
    return r;
}

int wire_scram_client_proof(struct wire_scram_client *client, struct base_slice server_first,
                            const struct wire_scram_secret *secret,
                            struct base_slice *ret_client_final)
{
    if (client->state != WIRE_SCRAM_CLIENT_GREETED) {
        return BASE_ESTATE;
    }
    int r = make_final(client, server_first, secret);
    client->state = r == BASE_OK ? WIRE_SCRAM_CLIENT_SENT : WIRE_SCRAM_CLIENT_FAILED;
    if (r == BASE_OK) {
        *ret_client_final = base_slice_of(client->final, client->final_bytes);
    }
    return r;
}

static int check_signature(const struct wire_scram_client *client, struct base_slice message)
{
    char letter;
    struct base_slice value;
    if (!wire_scram_is_message(message) || wire_scram_attribute(&message, &letter, &value) < 0) {
        return BASE_EPROTOCOL;
    }
    if (letter == 'e') {
        return BASE_EAUTH;
    }
    uint8_t signature[WIRE_SHA256_BYTES];
    if (letter != 'v' || wire_scram_extensions(message) < 0 ||
        wire_scram_key_decode(value, signature) < 0) {
        return BASE_EPROTOCOL;
    }
    bool is_equal = wire_secret_equal(base_slice_of(signature, sizeof(signature)),
                                      base_slice_of(client->signature, sizeof(client->signature)));
    return is_equal ? BASE_OK : BASE_EAUTH;
}

int wire_scram_client_verify(struct wire_scram_client *client, struct base_slice server_final)
{
    if (client->state != WIRE_SCRAM_CLIENT_SENT) {
        return BASE_ESTATE;
    }
    int r = check_signature(client, server_final);
    client->state = r == BASE_OK ? WIRE_SCRAM_CLIENT_VERIFIED : WIRE_SCRAM_CLIENT_FAILED;
    return r;
}

void wire_scram_client_done(struct wire_scram_client *client)
{
    wire_secret_clear(client, sizeof(*client));
}
