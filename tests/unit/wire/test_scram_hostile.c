/* test_scram_hostile.c - SCRAM messages that no honest peer sends. Among them what has broken
 * poolers: proofs shorter than expected, missing attributes, negative and huge iteration counts,
 * oversized base64, zero bytes, nonces that are not ours. */
#include "openssl_crypto.h"
#include "wire_test.h"

#include "wire/scram.h"

#define PROOF "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="

static const struct wire_crypto *crypto = &test_crypto_fast;
static struct wire_scram_server server;
static struct wire_scram_client client;
static const struct wire_scram_secret secret = {.password = {(const uint8_t *)"pencil", 6}};

static void start_server(void)
{
    struct wire_scram_server_options options = {0};
    struct wire_scram_verifier verifier;
    assert_int_equal(
        wire_scram_verifier_from_password(crypto, secret.password, BYTES("salt"), 1, &verifier),
        BASE_OK);
    assert_int_equal(wire_scram_server_init(&server, crypto, &verifier, &options), BASE_OK);
}

static int server_first(struct base_slice message)
{
    struct base_slice reply;
    start_server();
    struct heap heap = heap_of(message);
    int r = wire_scram_server_first(&server, heap.slice, &reply);
    heap_free(&heap);
    if (r != BASE_OK) {
        assert_int_equal(server.state, WIRE_SCRAM_SERVER_FAILED);
        assert_int_equal(wire_scram_server_final(&server, message, &reply), BASE_ESTATE);
    }
    return r;
}

/* The server after "n,,n=,r=abc", given this client-final-message. */
static int server_final(struct base_slice message)
{
    struct base_slice reply;
    test_crypto_seed(0);
    start_server();
    assert_int_equal(wire_scram_server_first(&server, BYTES("n,,n=,r=abc"), &reply), BASE_OK);
    assert_text(reply, "r=abcAAECAwQFBgcICQoLDA0ODxAR,s=c2FsdA==,i=1");
    struct heap heap = heap_of(message);
    int r = wire_scram_server_final(&server, heap.slice, &reply);
    heap_free(&heap);
    if (r != BASE_OK) {
        assert_int_equal(server.state, WIRE_SCRAM_SERVER_FAILED);
    }
    return r;
}

#define NONCE "abcAAECAwQFBgcICQoLDA0ODxAR"

TEST(hostile_client_first_messages_are_refused)
{
    static const char *const messages[] = {
        "",
        "n",
        "n,",
        "n,,",
        "n,,n=",
        "n,,n=,",
        "n,,r=abc",
        "n,,n=,r=",
        "n,,n=,x=abc",
        "n,,r=abc,n=",
        "n,,n=,r=abc,",
        "n,,n=,r=abc,x",
        "n,,n=,r=abc,=",
        "n,,n=,r=abc,1=x",
        "n,,m=x,n=,r=abc",
        "n,,n=,r=abc,m=x",
        "n,,n=,m=x,r=abc",
        "n,a=admin,n=,r=abc",
        "y,a=,n=,r=abc",
        "n,x,n=,r=abc",
        "x,,n=,r=abc",
        "p=tls-unique,,n=,r=abc",
        "p=tls-server-end-point,,n=,r=abc",
        "p,,n=,r=abc",
        "n,,n=,r=a c",
        "n,,n=,r=a\x7f",
        "n,,n=,r=a\xc3\xa4",
        "n,,n=,r=a\n",
        "N,,n=,r=abc",
        " n,,n=,r=abc",
        "n ,,n=,r=abc",
        "n,,N=,r=abc",
    };
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        if (server_first(base_slice_text(messages[i])) != BASE_EPROTOCOL) {
            fail_msg("\"%s\" is taken", messages[i]);
        }
    }
    assert_int_equal(server_first(BYTES("n,,n=,r=ab\0c")), BASE_EPROTOCOL);
    assert_int_equal(server_first(BYTES("n,,n=\0,r=abc")), BASE_EPROTOCOL);
    assert_int_equal(server_first(BYTES("n,,n=,r=abc\0")), BASE_EPROTOCOL);
}

TEST(client_first_messages_of_other_drivers_are_taken)
{
    assert_int_equal(server_first(BYTES("n,,n=*,r=abc")), BASE_OK);
    assert_int_equal(server_first(BYTES("y,,n=jo=2Ce,r=abc")), BASE_OK);
    assert_int_equal(server_first(BYTES("n,,n=j\xc3\xb6,r=a=b==,x=future,y=")), BASE_OK);
}

static struct base_slice filled(uint8_t *memory, const char *before, size_t count,
                                const char *after)
{
    size_t bytes = strlen(before);
    memcpy(memory, before, bytes);
    memset(memory + bytes, 'a', count);
    memcpy(memory + bytes + count, after, strlen(after));
    return base_slice_of(memory, bytes + count + strlen(after));
}

TEST(client_nonce_and_message_lengths_are_bounded)
{
    static uint8_t m[4096];
    size_t nonce_max = WIRE_SCRAM_NONCE_BYTES_MAX - WIRE_SCRAM_NONCE_BYTES;
    assert_int_equal(server_first(filled(m, "n,,n=,r=", nonce_max - 1, "")), BASE_OK);
    assert_int_equal(server_first(filled(m, "n,,n=,r=", nonce_max, "")), BASE_OK);
    assert_int_equal(server.nonce_bytes, WIRE_SCRAM_NONCE_BYTES_MAX);
    assert_int_equal(server_first(filled(m, "n,,n=,r=", nonce_max + 1, "")), BASE_EPROTOCOL);
    assert_int_equal(server_first(filled(m, "n,,n=,r=", 4000, "")), BASE_EPROTOCOL);
    size_t user_max = WIRE_SCRAM_BARE_BYTES_MAX - strlen("n=,r=abc");
    assert_int_equal(server_first(filled(m, "n,,n=", user_max - 1, ",r=abc")), BASE_OK);
    assert_int_equal(server_first(filled(m, "n,,n=", user_max, ",r=abc")), BASE_OK);
    assert_int_equal(server_first(filled(m, "n,,n=", user_max + 1, ",r=abc")), BASE_EPROTOCOL);
    assert_int_equal(server_first(filled(m, "n,,n=", 3000, ",r=abc")), BASE_EPROTOCOL);
}

TEST(hostile_client_final_messages_are_refused)
{
    static const char *const messages[] = {
        "",
        "c",
        "c=",
        "c=biws",
        "c=biws,",
        "c=biws,r=",
        "c=biws,r=" NONCE,
        "c=biws,r=" NONCE ",",
        "c=biws,r=" NONCE ",p",
        "c=biws,r=" NONCE ",p=",
        "c=biws,r=" NONCE ",p=AAAA",
        "c=biws,r=" NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndV==",
        "c=biws,r=" NONCE ",p=" PROOF "AAAA",
        "c=biws,r=" NONCE ",p=" PROOF ",",
        "p=" PROOF,
        "c=biws,r=" NONCE ",p=" PROOF ",x=y",
        "r=" NONCE ",c=biws,p=" PROOF,
        "r=" NONCE ",p=" PROOF,
        "c=biws,p=" PROOF,
        "c=eSws,r=" NONCE ",p=" PROOF,
        "c=biws=,r=" NONCE ",p=" PROOF,
        "c=,r=" NONCE ",p=" PROOF,
        "c=biwsAAAA,r=" NONCE ",p=" PROOF,
        "c=biws,r=abc,p=" PROOF,
        "c=biws,r=" NONCE "A,p=" PROOF,
        "c=biws,r=bbcAAECAwQFBgcICQoLDA0ODxAR,p=" PROOF,
        "c=biws,r=" NONCE ",m=x,p=" PROOF,
        "c=biws,r=" NONCE ",1=x,p=" PROOF,
        "c=biws,r=" NONCE ",p=" PROOF " ",
        "c=biws,r=" NONCE ",P=" PROOF,
        "c=biws,r=" NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7Andb!=",
    };
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        if (server_final(base_slice_text(messages[i])) != BASE_EPROTOCOL) {
            fail_msg("\"%s\" is taken", messages[i]);
        }
    }
    assert_int_equal(server_final(BYTES("c=biws,r=" NONCE ",p=" PROOF "\0")), BASE_EPROTOCOL);
    assert_int_equal(server_final(BYTES("c=biws\0,r=" NONCE ",p=" PROOF)), BASE_EPROTOCOL);
    assert_int_equal(server_final(BYTES("c=biws,r=" NONCE ",p=" PROOF)), BASE_EAUTH);
    assert_int_equal(server_final(BYTES("c=biws,r=" NONCE ",x=,p=" PROOF)), BASE_EAUTH);
}

TEST(huge_client_final_messages_are_refused)
{
    static uint8_t m[65536];
    assert_int_equal(server_final(filled(m, "c=biws,r=" NONCE ",p=", 2000, "")), BASE_EPROTOCOL);
    assert_int_equal(server_final(filled(m, "c=biws,r=" NONCE ",p=", 60000, "")), BASE_EPROTOCOL);
    assert_int_equal(server_final(filled(m, "c=", 60000, ",r=" NONCE ",p=" PROOF)), BASE_EPROTOCOL);
    assert_int_equal(server_final(filled(m, "c=biws,r=", 60000, ",p=" PROOF)), BASE_EPROTOCOL);
    size_t room = WIRE_SCRAM_MESSAGE_BYTES_MAX - strlen("c=biws,r=" NONCE ",x=,p=" PROOF);
    assert_int_equal(server_final(filled(m, "c=biws,r=" NONCE ",x=", room, ",p=" PROOF)),
                     BASE_EAUTH);
    assert_int_equal(server_final(filled(m, "c=biws,r=" NONCE ",x=", room + 1, ",p=" PROOF)),
                     BASE_EPROTOCOL);
}

TEST(client_final_message_cut_or_changed_anywhere_does_not_log_in)
{
    struct base_slice first, final, reply;
    struct wire_scram_client_options options = {0};
    static uint8_t right[WIRE_SCRAM_FINAL_BYTES_MAX];
    size_t bytes = 1;
    /* Each length, then each byte changed, against a fresh server with the same nonces. */
    for (size_t i = 0; i < 2 * bytes; i++) {
        test_crypto_seed(50);
        start_server();
        assert_int_equal(wire_scram_client_init(&client, crypto, &options), BASE_OK);
        assert_int_equal(wire_scram_client_first(&client, &first), BASE_OK);
        assert_int_equal(wire_scram_server_first(&server, first, &reply), BASE_OK);
        assert_int_equal(wire_scram_client_proof(&client, reply, &secret, &final), BASE_OK);
        bytes = final.bytes;
        memcpy(right, final.data, bytes);
        right[i % bytes] ^= i >= bytes ? 1 : 0;
        struct heap heap = heap_of(base_slice_of(right, i < bytes ? i : bytes));
        assert_true(wire_scram_server_final(&server, heap.slice, &reply) < 0);
        heap_free(&heap);
    }
    assert_true(bytes > 100);
}

/* The client, whose nonce is "AAEC...", given this server-first-message. */
static int client_proof(struct base_slice message)
{
    struct wire_scram_client_options options = {0};
    struct base_slice first, final;
    test_crypto_seed(0);
    assert_int_equal(wire_scram_client_init(&client, crypto, &options), BASE_OK);
    assert_int_equal(wire_scram_client_first(&client, &first), BASE_OK);
    struct heap heap = heap_of(message);
    int r = wire_scram_client_proof(&client, heap.slice, &secret, &final);
    heap_free(&heap);
    if (r != BASE_OK) {
        assert_int_equal(client.state, WIRE_SCRAM_CLIENT_FAILED);
    }
    return r;
}

#define MINE "AAECAwQFBgcICQoLDA0ODxAR"

TEST(hostile_server_first_messages_are_refused)
{
    static const char *const messages[] = {
        "",
        "r=" MINE "x",
        "r=" MINE "x,s=c2FsdA==",
        "r=" MINE "x,s=c2FsdA==,",
        "s=c2FsdA==,i=1",
        "r=" MINE ",s=c2FsdA==,i=1",
        "r=x" MINE ",s=c2FsdA==,i=1",
        "r=AAEC,s=c2FsdA==,i=1",
        "r=,s=c2FsdA==,i=1",
        "r=" MINE "x,s=,i=1",
        "r=" MINE "x,s=c2FsdA=,i=1",
        "r=" MINE "x,s=c2FsdA== ,i=1",
        "r=" MINE "x,i=1,s=c2FsdA==",
        "r=" MINE "x,s=c2FsdA==,i=",
        "r=" MINE "x,s=c2FsdA==,i=0",
        "r=" MINE "x,s=c2FsdA==,i=-1",
        "r=" MINE "x,s=c2FsdA==,i=+1",
        "r=" MINE "x,s=c2FsdA==,i=1x",
        "r=" MINE "x,s=c2FsdA==,i= 1",
        "r=" MINE "x,s=c2FsdA==,i=1000001",
        "r=" MINE "x,s=c2FsdA==,i=2147483648",
        "r=" MINE "x,s=c2FsdA==,i=4294967297",
        "r=" MINE "x,s=c2FsdA==,i=99999999999999999999",
        "r=" MINE "x,s=c2FsdA==,i=1,m=x",
        "m=x,r=" MINE "x,s=c2FsdA==,i=1",
        "r=" MINE "x y,s=c2FsdA==,i=1",
        "r=" MINE "\x01,s=c2FsdA==,i=1",
        "r=" MINE "x,s=c2FsdA==,i=1,",
        "e=other-error",
    };
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        if (client_proof(base_slice_text(messages[i])) != BASE_EPROTOCOL) {
            fail_msg("\"%s\" is taken", messages[i]);
        }
    }
    assert_int_equal(client_proof(BYTES("r=" MINE "x\0,s=c2FsdA==,i=1")), BASE_EPROTOCOL);
    assert_int_equal(client_proof(BYTES("r=" MINE "x,s=c2FsdA==,i=1\0")), BASE_EPROTOCOL);
    assert_int_equal(client_proof(BYTES("r=" MINE "x,s=c2FsdA==,i=1")), BASE_OK);
    assert_int_equal(client_proof(BYTES("r=" MINE "x,s=c2FsdA==,i=1,x=future")), BASE_OK);
}

TEST(server_nonce_and_salt_lengths_are_bounded)
{
    static uint8_t m[65536];
    size_t nonce_max = WIRE_SCRAM_NONCE_BYTES_MAX - strlen(MINE);
    assert_int_equal(client_proof(filled(m, "r=" MINE, nonce_max, ",s=c2FsdA==,i=1")), BASE_OK);
    assert_int_equal(client_proof(filled(m, "r=" MINE, nonce_max + 1, ",s=c2FsdA==,i=1")),
                     BASE_EPROTOCOL);
    assert_int_equal(client_proof(filled(m, "r=" MINE, 60000, ",s=c2FsdA==,i=1")), BASE_EPROTOCOL);
    /* 126 bytes of salt in 168 characters; with four more 129 */
    assert_int_equal(client_proof(filled(m, "r=" MINE "x,s=", 168, ",i=1")), BASE_OK);
    assert_int_equal(client_proof(filled(m, "r=" MINE "x,s=", 172, ",i=1")), BASE_EPROTOCOL);
    assert_int_equal(client_proof(filled(m, "r=" MINE "x,s=", 60000, ",i=1")), BASE_EPROTOCOL);
}

TEST(client_refuses_a_password_that_is_empty_or_too_long)
{
    static uint8_t longest[WIRE_PASSWORD_BYTES_MAX + 1];
    memset(longest, 'p', sizeof(longest));
    for (int i = 0; i < 3; i++) {
        size_t bytes = i == 0 ? 0 : WIRE_PASSWORD_BYTES_MAX + (size_t)i - 1;
        struct wire_scram_secret odd = {.password = base_slice_of(longest, bytes)};
        struct wire_scram_client_options options = {0};
        struct base_slice first, final;
        test_crypto_seed(0);
        assert_int_equal(wire_scram_client_init(&client, crypto, &options), BASE_OK);
        assert_int_equal(wire_scram_client_first(&client, &first), BASE_OK);
        int r = wire_scram_client_proof(&client, BYTES("r=" MINE "x,s=c2FsdA==,i=1"), &odd, &final);
        assert_int_equal(r, i == 1 ? BASE_OK : BASE_EINVALID);
    }
}

static int client_verify(struct base_slice message)
{
    assert_int_equal(client_proof(BYTES("r=" MINE "x,s=c2FsdA==,i=1")), BASE_OK);
    struct heap heap = heap_of(message);
    int r = wire_scram_client_verify(&client, heap.slice);
    heap_free(&heap);
    return r;
}

TEST(hostile_server_final_messages_are_refused)
{
    static const char *const messages[] = {
        "",
        "v",
        "v=",
        "v=AAAA",
        "v=" PROOF "AAAA",
        "x=" PROOF,
        "v=" PROOF ",",
        "v=" PROOF ",x",
        "v=" PROOF ",m=x",
        "V=" PROOF,
        "v=\n",
        ",v=" PROOF,
    };
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        if (client_verify(base_slice_text(messages[i])) != BASE_EPROTOCOL) {
            fail_msg("\"%s\" is taken", messages[i]);
        }
        assert_int_equal(client.state, WIRE_SCRAM_CLIENT_FAILED);
    }
    assert_int_equal(client_verify(BYTES("v=" PROOF "\0")), BASE_EPROTOCOL);
    assert_int_equal(client_verify(BYTES("v=" PROOF ",x=\0")), BASE_EPROTOCOL);
    assert_int_equal(client_verify(BYTES("e=\0")), BASE_EPROTOCOL);
    assert_int_equal(client_verify(BYTES("v=" PROOF)), BASE_EAUTH);
    assert_int_equal(client_verify(BYTES("e=invalid-proof")), BASE_EAUTH);
    assert_int_equal(client.state, WIRE_SCRAM_CLIENT_FAILED);
}

TEST(server_that_does_not_know_the_secret_is_found_out)
{
    /* The server has the StoredKey, say from a backup of another one, but not the ServerKey. */
    struct wire_scram_server_options options = {0};
    struct wire_scram_client_options client_options = {0};
    struct wire_scram_verifier verifier;
    struct base_slice a, b;
    assert_int_equal(
        wire_scram_verifier_from_password(crypto, secret.password, BYTES("salt"), 1, &verifier),
        BASE_OK);
    verifier.server_key[31] ^= 1;
    assert_int_equal(wire_scram_server_init(&server, crypto, &verifier, &options), BASE_OK);
    assert_int_equal(wire_scram_client_init(&client, crypto, &client_options), BASE_OK);
    assert_int_equal(wire_scram_client_first(&client, &a), BASE_OK);
    assert_int_equal(wire_scram_server_first(&server, a, &b), BASE_OK);
    assert_int_equal(wire_scram_client_proof(&client, b, &secret, &a), BASE_OK);
    assert_int_equal(wire_scram_server_final(&server, a, &b), BASE_OK);
    assert_int_equal(wire_scram_client_verify(&client, b), BASE_EAUTH);
}
