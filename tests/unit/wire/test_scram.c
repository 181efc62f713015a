/* test_scram.c - SCRAM as it should go, both sides (src/wire/scram_*.c). */
#include "openssl_crypto.h"
#include "wire_test.h"

#include "wire/scram.h"
#include "wire/scram_keys.h"

/* RFC 7677, section 3 */
#define RFC_BARE      "n=user,r=rOprNGfwEbeRWgbNEkqO"
#define RFC_NONCE     "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define RFC_FIRST     "r=" RFC_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
#define RFC_NO_PROOF  "c=biws,r=" RFC_NONCE
#define RFC_PROOF     "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define RFC_SIGNATURE "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

static const struct wire_crypto *crypto = &test_crypto_fast;
static struct wire_scram_server server;
static struct wire_scram_client client;

static struct wire_scram_verifier verifier_of(const char *password)
{
    struct wire_scram_verifier verifier;
    assert_int_equal(wire_scram_verifier_from_password(crypto, base_slice_text(password),
                                                       BYTES("0123456789abcdef"), 4096, &verifier),
                     BASE_OK);
    return verifier;
}

static void start(const char *stored_password, struct wire_scram_server_options server_options,
                  struct wire_scram_client_options client_options)
{
    struct wire_scram_verifier verifier = verifier_of(stored_password);
    assert_int_equal(wire_scram_server_init(&server, crypto, &verifier, &server_options), BASE_OK);
    assert_int_equal(wire_scram_client_init(&client, crypto, &client_options), BASE_OK);
}

/* Runs the exchange; gives the first status that is not BASE_OK. */
static int exchange(const struct wire_scram_secret *secret)
{
    struct base_slice client_first, server_first, client_final, server_final;
    assert_int_equal(wire_scram_client_first(&client, &client_first), BASE_OK);
    int r = wire_scram_server_first(&server, client_first, &server_first);
    if (r == BASE_OK) {
        r = wire_scram_client_proof(&client, server_first, secret, &client_final);
    }
    if (r == BASE_OK) {
        r = wire_scram_server_final(&server, client_final, &server_final);
    }
    return r == BASE_OK ? wire_scram_client_verify(&client, server_final) : r;
}

static struct wire_scram_secret password(const char *text)
{
    return (struct wire_scram_secret){.password = base_slice_text(text)};
}

static const struct wire_scram_server_options plain_server;
static const struct wire_scram_client_options plain_client;

TEST(scram_client_computes_the_vector_of_rfc_7677)
{
    struct wire_scram_keys keys;
    uint8_t salt[16], signature[32], text[64];
    size_t bytes;
    assert_int_equal(wire_base64_decode(BYTES("W22ZaJ0SNY7soEsUEjb6gQ=="), salt, 16, &bytes),
                     BASE_OK);
    assert_int_equal(
        wire_scram_keys_derive(&test_crypto, BYTES("pencil"), base_slice_of(salt, 16), 4096, &keys),
        BASE_OK);
    struct wire_scram_transcript transcript = {BYTES(RFC_BARE), BYTES(RFC_FIRST),
                                               BYTES(RFC_NO_PROOF)};
    assert_int_equal(wire_scram_sign(&test_crypto, keys.stored_key, &transcript, signature),
                     BASE_OK);
    for (size_t i = 0; i < 32; i++) {
        signature[i] ^= keys.client_key[i];
    }
    assert_int_equal(wire_base64_encode(base_slice_of(signature, 32), text, sizeof(text), &bytes),
                     BASE_OK);
    assert_text(base_slice_of(text, bytes), RFC_PROOF);
}

TEST(scram_server_accepts_the_vector_of_rfc_7677)
{
    struct wire_scram_verifier verifier;
    uint8_t salt[16], client_key[32];
    size_t bytes;
    struct base_slice server_final;
    assert_int_equal(wire_base64_decode(BYTES("W22ZaJ0SNY7soEsUEjb6gQ=="), salt, 16, &bytes),
                     BASE_OK);
    assert_int_equal(wire_scram_verifier_from_password(crypto, BYTES("pencil"),
                                                       base_slice_of(salt, 16), 4096, &verifier),
                     BASE_OK);
    assert_int_equal(wire_scram_server_init(&server, crypto, &verifier, &plain_server), BASE_OK);
    /* The state after the RFC's first messages: its server nonce is not one that we would make. */
    server.state = WIRE_SCRAM_SERVER_CHALLENGED;
    server.binding_flag = 'n';
    memcpy(server.bare, RFC_BARE, server.bare_bytes = strlen(RFC_BARE));
    memcpy(server.nonce, RFC_NONCE, server.nonce_bytes = strlen(RFC_NONCE));
    memcpy(server.first, RFC_FIRST, server.first_bytes = strlen(RFC_FIRST));
    assert_int_equal(
        wire_scram_server_final(&server, BYTES(RFC_NO_PROOF ",p=" RFC_PROOF), &server_final),
        BASE_OK);
    assert_text(server_final, "v=" RFC_SIGNATURE);
    assert_int_equal(wire_scram_server_client_key(&server, client_key), BASE_OK);
}

TEST(scram_login_with_the_right_password_succeeds_on_both_sides)
{
    struct wire_scram_secret secret = password("pencil");
    start("pencil", plain_server, plain_client);
    assert_int_equal(exchange(&secret), BASE_OK);
    assert_int_equal(client.state, WIRE_SCRAM_CLIENT_VERIFIED);
    assert_int_equal(server.state, WIRE_SCRAM_SERVER_PROVEN);
    start("p\xc3\xa4ss", plain_server, plain_client);
    secret = password("p\xc3\xa4ss");
    assert_int_equal(exchange(&secret), BASE_OK);
}

TEST(scram_messages_have_the_form_that_postgresql_sends)
{
    struct base_slice client_first, server_first;
    start("pencil", plain_server, plain_client);
    test_crypto_seed(0);
    assert_int_equal(wire_scram_client_first(&client, &client_first), BASE_OK);
    assert_text(client_first, "n,,n=,r=AAECAwQFBgcICQoLDA0ODxAR");
    assert_int_equal(wire_scram_server_first(&server, client_first, &server_first), BASE_OK);
    assert_text(server_first, "r=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIj,"
                              "s=MDEyMzQ1Njc4OWFiY2RlZg==,i=4096");
}

TEST(scram_login_with_a_wrong_password_fails_at_the_proof)
{
    struct wire_scram_secret secret = password("pencil ");
    uint8_t key[WIRE_SHA256_BYTES];
    start("pencil", plain_server, plain_client);
    assert_int_equal(exchange(&secret), BASE_EAUTH);
    assert_int_equal(server.state, WIRE_SCRAM_SERVER_FAILED);
    assert_int_equal(wire_scram_server_client_key(&server, key), BASE_ESTATE);
}

TEST(scram_mock_fails_even_with_a_password_that_fits)
{
    struct wire_scram_secret secret = password("pencil");
    start("pencil", (struct wire_scram_server_options){.is_mock = true}, plain_client);
    assert_int_equal(exchange(&secret), BASE_EAUTH);
    struct wire_scram_verifier mock;
    assert_int_equal(wire_scram_verifier_mock(crypto, BYTES("s"), BYTES("u"), &mock), BASE_OK);
    struct wire_scram_server_options options = {.is_mock = true};
    assert_int_equal(wire_scram_server_init(&server, crypto, &mock, &options), BASE_OK);
    assert_int_equal(wire_scram_client_init(&client, crypto, &plain_client), BASE_OK);
    assert_int_equal(exchange(&secret), BASE_EAUTH);
}

TEST(scram_keys_learned_from_a_login_open_a_server_with_the_same_verifier)
{
    struct wire_scram_secret secret = password("pencil"), learned = {.has_keys = true};
    struct wire_scram_verifier verifier = verifier_of("pencil");
    start("pencil", plain_server, plain_client);
    assert_int_equal(exchange(&secret), BASE_OK);
    assert_int_equal(wire_scram_server_client_key(&server, learned.client_key), BASE_OK);
    memcpy(learned.server_key, verifier.server_key, sizeof(learned.server_key));
    start("pencil", plain_server, plain_client);
    assert_int_equal(exchange(&learned), BASE_OK);
    /* Another salt, another verifier: the keys do not fit, nor does another ServerKey. */
    start("pencil2", plain_server, plain_client);
    assert_int_equal(exchange(&learned), BASE_EAUTH);
    learned.server_key[0] ^= 1;
    start("pencil", plain_server, plain_client);
    assert_int_equal(exchange(&learned), BASE_EAUTH);
    assert_int_equal(client.state, WIRE_SCRAM_CLIENT_FAILED);
}

static const struct wire_scram_server_options plus_server = {
    .is_plus = true, .plus_offered = true, .binding = {(const uint8_t *)"certificate hash", 16}};

TEST(scram_plus_binds_to_the_certificate)
{
    struct wire_scram_secret secret = password("pencil");
    struct wire_scram_client_options options = {.is_plus = true, .binding = plus_server.binding};
    start("pencil", plus_server, options);
    assert_int_equal(exchange(&secret), BASE_OK);
    /* A man in the middle has another certificate. */
    options.binding = BYTES("certificate hasH");
    start("pencil", plus_server, options);
    assert_int_equal(exchange(&secret), BASE_EPROTOCOL);
    options.binding = BYTES("certificate has");
    start("pencil", plus_server, options);
    assert_int_equal(exchange(&secret), BASE_EPROTOCOL);
}

TEST(scram_plus_with_the_longest_binding_works)
{
    uint8_t hash[WIRE_SCRAM_BINDING_BYTES_MAX + 1] = {1, 2, 3};
    struct wire_scram_secret secret = password("pencil");
    struct wire_scram_server_options server_options = plus_server;
    struct wire_scram_client_options client_options = {.is_plus = true};
    server_options.binding = client_options.binding = base_slice_of(hash, sizeof(hash) - 1);
    start("pencil", server_options, client_options);
    assert_int_equal(exchange(&secret), BASE_OK);
    server_options.binding = client_options.binding = base_slice_of(hash, sizeof(hash));
    struct wire_scram_verifier verifier = verifier_of("x");
    assert_int_equal(wire_scram_server_init(&server, crypto, &verifier, &server_options),
                     BASE_EINVALID);
    assert_int_equal(wire_scram_client_init(&client, crypto, &client_options), BASE_EINVALID);
}

TEST(scram_client_that_was_not_offered_plus_says_so_and_a_removed_offer_is_seen)
{
    struct wire_scram_secret secret = password("pencil");
    struct wire_scram_client_options could = {.may_bind = true};
    start("pencil", plain_server, could);
    assert_int_equal(exchange(&secret), BASE_OK);
    start("pencil", (struct wire_scram_server_options){.plus_offered = true}, could);
    assert_int_equal(exchange(&secret), BASE_EPROTOCOL);
    start("pencil", (struct wire_scram_server_options){.plus_offered = true}, plain_client);
    assert_int_equal(exchange(&secret), BASE_OK);
}

TEST(scram_binding_flag_and_mechanism_must_agree)
{
    struct wire_scram_secret secret = password("pencil");
    start("pencil", plus_server, plain_client);
    assert_int_equal(exchange(&secret), BASE_EPROTOCOL);
    struct wire_scram_client_options bound = {.is_plus = true, .binding = plus_server.binding};
    start("pencil", (struct wire_scram_server_options){.plus_offered = true}, bound);
    assert_int_equal(exchange(&secret), BASE_EPROTOCOL);
}

TEST(scram_init_refuses_options_that_contradict_each_other)
{
    struct wire_scram_verifier verifier = verifier_of("x");
    struct wire_scram_server_options s = plus_server;
    s.plus_offered = false;
    assert_int_equal(wire_scram_server_init(&server, crypto, &verifier, &s), BASE_EINVALID);
    s = plus_server;
    s.binding = BYTES("");
    assert_int_equal(wire_scram_server_init(&server, crypto, &verifier, &s), BASE_EINVALID);
    verifier.iterations = WIRE_SCRAM_ITERATIONS_MAX + 1;
    assert_int_equal(wire_scram_server_init(&server, crypto, &verifier, &plain_server),
                     BASE_EINVALID);
    struct wire_scram_client_options c = {.is_plus = true};
    assert_int_equal(wire_scram_client_init(&client, crypto, &c), BASE_EINVALID);
    c = (struct wire_scram_client_options){
        .is_plus = true, .may_bind = true, .binding = BYTES("x")};
    assert_int_equal(wire_scram_client_init(&client, crypto, &c), BASE_EINVALID);
}

TEST(scram_steps_out_of_order_are_refused)
{
    struct base_slice slice = BYTES("x");
    struct wire_scram_secret secret = password("pencil");
    start("pencil", plain_server, plain_client);
    assert_int_equal(wire_scram_server_final(&server, slice, &slice), BASE_ESTATE);
    assert_int_equal(wire_scram_client_proof(&client, slice, &secret, &slice), BASE_ESTATE);
    assert_int_equal(wire_scram_client_verify(&client, slice), BASE_ESTATE);
    assert_int_equal(exchange(&secret), BASE_OK);
    assert_int_equal(wire_scram_server_first(&server, slice, &slice), BASE_ESTATE);
    assert_int_equal(wire_scram_server_final(&server, slice, &slice), BASE_ESTATE);
    assert_int_equal(wire_scram_client_first(&client, &slice), BASE_ESTATE);
    assert_int_equal(wire_scram_client_verify(&client, slice), BASE_ESTATE);
    assert_text(slice, "x");
}

TEST(scram_stops_when_a_digest_or_random_bytes_fail)
{
    struct wire_scram_secret secret = password("pencil");
    /* The n-th call of the exchange fails; at some n all calls succeed. */
    unsigned n = 1;
    for (;; n++) {
        struct base_slice a, b;
        start("pencil", plain_server, plain_client);
        test_crypto_fail_at(n);
        int r = wire_scram_client_first(&client, &a);
        r = r < 0 ? r : wire_scram_server_first(&server, a, &b);
        r = r < 0 ? r : wire_scram_client_proof(&client, b, &secret, &a);
        r = r < 0 ? r : wire_scram_server_final(&server, a, &b);
        r = r < 0 ? r : wire_scram_client_verify(&client, b);
        test_crypto_fail_at(0);
        if (r == BASE_OK) {
            break;
        }
        assert_int_equal(r, BASE_ESYSTEM);
        assert_false(server.state == WIRE_SCRAM_SERVER_PROVEN &&
                     client.state == WIRE_SCRAM_CLIENT_VERIFIED);
    }
    assert_int_equal(n, 1 + 2 + 6 + 3);
}

TEST(scram_done_clears_what_was_secret)
{
    static const struct wire_scram_server zero_server;
    static const struct wire_scram_client zero_client;
    struct wire_scram_secret secret = password("pencil");
    start("pencil", plain_server, plain_client);
    assert_int_equal(exchange(&secret), BASE_OK);
    wire_scram_server_done(&server);
    wire_scram_client_done(&client);
    assert_memory_equal(&server, &zero_server, sizeof(server));
    assert_memory_equal(&client, &zero_client, sizeof(client));
}
