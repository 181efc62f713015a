/* test_scram_verifier.c - what a server stores of a password (src/wire/scram_verifier.c). */
#include "openssl_crypto.h"
#include "wire_test.h"

#include "wire/scram.h"

/* What PostgreSQL 15 stores of "correct horse". */
#define SALT       "gSN+KT7OAUpa+CIQNAe60A=="
#define STORED_KEY "XkpkDOIzBW1r6aC6GHyUCjLtLkxdakorrtvZ2Aa4cDs="
#define SERVER_KEY "yabixnXAQLIkq3HCNXOXIa6eGdea2i8P2b7b91gVUJw="
#define VERIFIER   "SCRAM-SHA-256$4096:" SALT "$" STORED_KEY ":" SERVER_KEY

static int parse(struct base_slice text)
{
    struct wire_scram_verifier verifier;
    struct heap heap = heap_of(text);
    int r = wire_scram_verifier_parse(heap.slice, &verifier);
    heap_free(&heap);
    return r;
}

static void assert_makes(const struct wire_crypto *crypto, struct base_slice password,
                         const char *text)
{
    struct wire_scram_verifier stored, made;
    assert_int_equal(wire_scram_verifier_parse(base_slice_text(text), &stored), BASE_OK);
    assert_int_equal(wire_scram_verifier_from_password(
                         crypto, password, base_slice_of(stored.salt, stored.salt_bytes),
                         stored.iterations, &made),
                     BASE_OK);
    uint8_t memory[WIRE_SCRAM_VERIFIER_TEXT_BYTES_MAX];
    size_t bytes;
    assert_int_equal(wire_scram_verifier_text(&made, memory, sizeof(memory), &bytes), BASE_OK);
    assert_text(base_slice_of(memory, bytes), text);
}

TEST(verifier_of_postgresql_is_made_from_the_password)
{
    assert_makes(&test_crypto, BYTES("correct horse"), VERIFIER);
    assert_makes(&test_crypto_fast, BYTES("correct horse"), VERIFIER);
}

TEST(verifier_of_a_password_outside_ascii_uses_what_saslprep_gives)
{
    /* PostgreSQL's of U&'I\00ADX p\00E4ss \2168', which SASLprep turns into "IX pass IX" with
     * a-umlaut. Our stand-in turns 0xff into 'x'; it is not asked about ASCII, and when it refuses
     * (0xfe) the bytes are used as they are. */
    assert_makes(&test_crypto, BYTES("IX p\xc3\xa4ss IX"),
                 "SCRAM-SHA-256$4096:rzUYLeG4qcTS7NjqAnxNfQ==$"
                 "/Z83uKhETmBDpovars+s/AdxQHroEDX/tP97on4TmGI=:"
                 "xkFiXqP/30R9L6gqq7IW1FTWEbqT0oMiXQUxz0NIMYs=");
    struct wire_scram_verifier a, b, raw, refused;
    assert_int_equal(
        wire_scram_verifier_from_password(&test_crypto_fast, BYTES("a\xff"), BYTES("s"), 1, &a),
        BASE_OK);
    assert_int_equal(
        wire_scram_verifier_from_password(&test_crypto_fast, BYTES("ax"), BYTES("s"), 1, &b),
        BASE_OK);
    assert_memory_equal(&a, &b, sizeof(a));
    assert_int_equal(
        wire_scram_verifier_from_password(&test_crypto, BYTES("a\xff"), BYTES("s"), 1, &raw),
        BASE_OK);
    assert_memory_not_equal(raw.stored_key, a.stored_key, sizeof(a.stored_key));
    assert_int_equal(wire_scram_verifier_from_password(&test_crypto_fast, BYTES("\xff\xfe"),
                                                       BYTES("s"), 1, &refused),
                     BASE_OK);
    assert_int_equal(
        wire_scram_verifier_from_password(&test_crypto, BYTES("\xff\xfe"), BYTES("s"), 1, &raw),
        BASE_OK);
    assert_memory_equal(&raw, &refused, sizeof(raw));
}

TEST(verifier_cut_anywhere_is_refused)
{
    struct base_slice whole = BYTES(VERIFIER);
    assert_int_equal(parse(whole), BASE_OK);
    assert_prefixes(whole, parse, BASE_EINVALID);
}

TEST(verifier_beyond_the_limits_is_refused)
{
#define WITH(iterations, salt) \
    BYTES("SCRAM-SHA-256$" iterations ":" salt "$" STORED_KEY ":" SERVER_KEY)
    assert_int_equal(parse(WITH("1", SALT)), BASE_OK);
    assert_int_equal(parse(WITH("1000000", SALT)), BASE_OK);
    assert_int_equal(parse(WITH("1000001", SALT)), BASE_EINVALID);
    assert_int_equal(parse(WITH("0", SALT)), BASE_EINVALID);
    assert_int_equal(parse(WITH("", SALT)), BASE_EINVALID);
    assert_int_equal(parse(WITH("-1", SALT)), BASE_EINVALID);
    assert_int_equal(parse(WITH("+1", SALT)), BASE_EINVALID);
    assert_int_equal(parse(WITH("04096", SALT)), BASE_EINVALID);
    assert_int_equal(parse(WITH("4096 ", SALT)), BASE_EINVALID);
    assert_int_equal(parse(WITH("4294971392", SALT)), BASE_EINVALID);
    assert_int_equal(parse(WITH("99999999999999999999999999", SALT)), BASE_EINVALID);
    assert_int_equal(parse(WITH("4096", "")), BASE_EINVALID);
    assert_int_equal(parse(WITH("4096", "AA=")), BASE_EINVALID);
    assert_int_equal(parse(BYTES(VERIFIER "\0")), BASE_EINVALID);
    assert_int_equal(parse(BYTES(VERIFIER "=")), BASE_EINVALID);
    assert_int_equal(parse(BYTES("scram-sha-256$1:" SALT "$" STORED_KEY ":" SERVER_KEY)),
                     BASE_EINVALID);
    assert_int_equal(parse(BYTES("SCRAM-SHA-256$1:" SALT "$AAAA:" SERVER_KEY)), BASE_EINVALID);
    assert_int_equal(parse(BYTES("SCRAM-SHA-256$1:" SALT "$" STORED_KEY ":AAAA")), BASE_EINVALID);
}

TEST(verifier_salt_is_bounded)
{
    for (size_t bytes = WIRE_SCRAM_SALT_BYTES_MAX - 1; bytes <= WIRE_SCRAM_SALT_BYTES_MAX + 1;
         bytes++) {
        uint8_t salt[WIRE_SCRAM_SALT_BYTES_MAX + 1] = {0}, text[512];
        uint8_t encoded[WIRE_BASE64_BYTES(sizeof(salt))];
        size_t encoded_bytes;
        assert_int_equal(wire_base64_encode(base_slice_of(salt, bytes), encoded, sizeof(encoded),
                                            &encoded_bytes),
                         BASE_OK);
        struct wire_out out;
        wire_out_init(&out, text, sizeof(text));
        wire_out_bytes(&out, BYTES("SCRAM-SHA-256$1:"));
        wire_out_bytes(&out, base_slice_of(encoded, encoded_bytes));
        wire_out_bytes(&out, BYTES("$" STORED_KEY ":" SERVER_KEY));
        bool fits = bytes <= WIRE_SCRAM_SALT_BYTES_MAX;
        assert_int_equal(parse(wire_out_slice(&out)), fits ? BASE_OK : BASE_EINVALID);
        struct wire_scram_verifier made;
        assert_int_equal(wire_scram_verifier_from_password(&test_crypto, BYTES("x"),
                                                           base_slice_of(salt, bytes), 1, &made),
                         fits ? BASE_OK : BASE_EINVALID);
    }
}

TEST(verifier_text_is_bounded)
{
    struct wire_scram_verifier verifier = {.iterations = WIRE_SCRAM_ITERATIONS_MAX,
                                           .salt_bytes = WIRE_SCRAM_SALT_BYTES_MAX};
    uint8_t memory[WIRE_SCRAM_VERIFIER_TEXT_BYTES_MAX];
    size_t bytes = 5;
    assert_int_equal(wire_scram_verifier_text(&verifier, memory, sizeof(memory) - 1, &bytes),
                     BASE_ECAPACITY);
    assert_int_equal(bytes, 5);
    assert_int_equal(wire_scram_verifier_text(&verifier, memory, sizeof(memory), &bytes), BASE_OK);
    assert_int_equal(bytes, WIRE_SCRAM_VERIFIER_TEXT_BYTES_MAX);
    assert_int_equal(parse(base_slice_of(memory, bytes)), BASE_OK);
}

TEST(verifier_from_a_password_checks_its_arguments)
{
    static uint8_t longest[WIRE_PASSWORD_BYTES_MAX + 1];
    memset(longest, 'p', sizeof(longest));
    struct wire_scram_verifier v;
    struct base_slice p = BYTES("p"), s = BYTES("s");
    const struct wire_crypto *crypto = &test_crypto_fast;
    assert_int_equal(wire_scram_verifier_from_password(crypto, BYTES(""), s, 1, &v), BASE_EINVALID);
    assert_int_equal(wire_scram_verifier_from_password(crypto, p, BYTES(""), 1, &v), BASE_EINVALID);
    assert_int_equal(wire_scram_verifier_from_password(crypto, p, s, 0, &v), BASE_EINVALID);
    assert_int_equal(
        wire_scram_verifier_from_password(crypto, p, s, WIRE_SCRAM_ITERATIONS_MAX + 1, &v),
        BASE_EINVALID);
    assert_int_equal(wire_scram_verifier_from_password(
                         crypto, base_slice_of(longest, sizeof(longest) - 1), s, 1, &v),
                     BASE_OK);
    assert_int_equal(wire_scram_verifier_from_password(
                         crypto, base_slice_of(longest, sizeof(longest)), s, 1, &v),
                     BASE_EINVALID);
}

TEST(mock_verifier_is_the_same_on_every_try_and_differs_by_user_and_secret)
{
    struct wire_scram_verifier a, again, other_user, other_secret;
    uint8_t salt[WIRE_SCRAM_SALT_BYTES];
    const struct wire_crypto *crypto = &test_crypto;
    assert_int_equal(wire_scram_verifier_mock(crypto, BYTES("secret"), BYTES("joe"), &a), BASE_OK);
    assert_int_equal(wire_scram_verifier_mock(crypto, BYTES("secret"), BYTES("joe"), &again),
                     BASE_OK);
    assert_int_equal(wire_scram_verifier_mock(crypto, BYTES("secret"), BYTES("jim"), &other_user),
                     BASE_OK);
    assert_int_equal(wire_scram_verifier_mock(crypto, BYTES("hidden"), BYTES("joe"), &other_secret),
                     BASE_OK);
    assert_memory_equal(&a, &again, sizeof(a));
    assert_memory_not_equal(a.salt, other_user.salt, WIRE_SCRAM_SALT_BYTES);
    assert_memory_not_equal(a.salt, other_secret.salt, WIRE_SCRAM_SALT_BYTES);
    assert_int_equal(a.iterations, WIRE_SCRAM_ITERATIONS_DEFAULT);
    assert_int_equal(a.salt_bytes, WIRE_SCRAM_SALT_BYTES);
    /* A user with a plain password has the salt the mock would have had. */
    assert_int_equal(wire_scram_salt(crypto, BYTES("secret"), BYTES("joe"), salt), BASE_OK);
    assert_memory_equal(a.salt, salt, sizeof(salt));
    /* No user name makes a salt that tells another user's mock keys. */
    assert_int_equal(wire_scram_salt(crypto, BYTES("secret"), BYTES("scram stored key joe"), salt),
                     BASE_OK);
    assert_memory_not_equal(a.stored_key, salt, sizeof(salt));
}

TEST(verifier_done_clears_the_keys)
{
    static const struct wire_scram_verifier zero;
    struct wire_scram_verifier verifier;
    assert_int_equal(wire_scram_verifier_parse(BYTES(VERIFIER), &verifier), BASE_OK);
    wire_scram_verifier_done(&verifier);
    assert_memory_equal(&verifier, &zero, sizeof(zero));
}
