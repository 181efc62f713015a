/* test_auth.c - plain and md5 passwords, stored secrets (src/wire/auth.c). */
#include "openssl_crypto.h"
#include "wire_test.h"

#include "wire/auth.h"
#include "wire/scram.h"

/* What PostgreSQL 15 stores of the password "correct horse": for the user c with md5, and with
 * scram-sha-256. */
#define MD5_STORED "md57f9dba2c89152540e058c6ca17bcda4c"
#define SCRAM_STORED                                                                            \
    "SCRAM-SHA-256$4096:gSN+KT7OAUpa+CIQNAe60A==$XkpkDOIzBW1r6aC6GHyUCjLtLkxdakorrtvZ2Aa4cDs=:" \
    "yabixnXAQLIkq3HCNXOXIa6eGdea2i8P2b7b91gVUJw="

static const uint8_t salt[4] = {1, 0, 0xff, 4};

static int check(const char *stored, const char *password)
{
    return wire_password_check(&test_crypto_fast, base_slice_text(stored), BYTES("c"),
                               base_slice_text(password));
}

TEST(secret_kinds_are_recognised)
{
    assert_int_equal(wire_secret_kind_of(BYTES("")), WIRE_SECRET_NONE);
    assert_int_equal(wire_secret_kind_of(base_slice_of(NULL, 0)), WIRE_SECRET_NONE);
    assert_int_equal(wire_secret_kind_of(BYTES(MD5_STORED)), WIRE_SECRET_MD5);
    assert_int_equal(wire_secret_kind_of(BYTES(MD5_STORED "0")), WIRE_SECRET_PLAIN);
    assert_int_equal(wire_secret_kind_of(BYTES("md57F9DBA2C89152540E058C6CA17BCDA4C")),
                     WIRE_SECRET_PLAIN);
    assert_int_equal(wire_secret_kind_of(BYTES("md5")), WIRE_SECRET_PLAIN);
    assert_int_equal(wire_secret_kind_of(BYTES(SCRAM_STORED)), WIRE_SECRET_SCRAM);
    assert_int_equal(wire_secret_kind_of(BYTES("SCRAM-SHA-256$")), WIRE_SECRET_SCRAM);
    assert_int_equal(wire_secret_kind_of(BYTES("secret")), WIRE_SECRET_PLAIN);
}

TEST(md5_stored_secret_is_postgresqls)
{
    uint8_t text[WIRE_MD5_TEXT_BYTES];
    assert_int_equal(wire_md5_stored(&test_crypto, BYTES("c"), BYTES("correct horse"), text),
                     BASE_OK);
    assert_text(base_slice_of(text, sizeof(text)), MD5_STORED);
}

TEST(md5_answer_fits_the_stored_hash_and_the_password)
{
    uint8_t answer[WIRE_MD5_TEXT_BYTES];
    struct base_slice slice = base_slice_of(answer, sizeof(answer));
    assert_int_equal(wire_md5_answer(&test_crypto, BYTES(MD5_STORED), salt, answer), BASE_OK);
    assert_int_equal(wire_md5_check(&test_crypto, BYTES(MD5_STORED), BYTES("c"), salt, slice),
                     BASE_OK);
    assert_int_equal(wire_md5_check(&test_crypto, BYTES("correct horse"), BYTES("c"), salt, slice),
                     BASE_OK);
    assert_int_equal(wire_md5_check(&test_crypto, BYTES("correct horse"), BYTES("d"), salt, slice),
                     BASE_EAUTH);
    assert_int_equal(wire_md5_check(&test_crypto, BYTES("wrong horse"), BYTES("c"), salt, slice),
                     BASE_EAUTH);
    assert_int_equal(
        wire_md5_check(&test_crypto, BYTES(MD5_STORED), BYTES("c"), (const uint8_t *)"abcd", slice),
        BASE_EAUTH);
}

TEST(md5_answer_of_the_wrong_form_is_refused)
{
    uint8_t answer[WIRE_MD5_TEXT_BYTES + 1] = {0};
    assert_int_equal(wire_md5_answer(&test_crypto, BYTES(MD5_STORED), salt, answer), BASE_OK);
    for (size_t bytes = 0; bytes <= sizeof(answer); bytes++) {
        struct heap heap = heap_of(base_slice_of(answer, bytes));
        int r = wire_md5_check(&test_crypto, BYTES(MD5_STORED), BYTES("c"), salt, heap.slice);
        assert_int_equal(r, bytes == WIRE_MD5_TEXT_BYTES ? BASE_OK : BASE_EAUTH);
        heap_free(&heap);
    }
    assert_int_equal(wire_md5_check(&test_crypto, BYTES(""), BYTES("c"), salt, BYTES("")),
                     BASE_EAUTH);
    assert_int_equal(wire_md5_check(&test_crypto, BYTES(SCRAM_STORED), BYTES("c"), salt, BYTES("")),
                     BASE_EINVALID);
    assert_int_equal(wire_md5_answer(&test_crypto, BYTES("plain"), salt, answer), BASE_EINVALID);
}

TEST(password_is_checked_against_each_kind_of_secret)
{
    static const char *const stored[] = {"correct horse", MD5_STORED, SCRAM_STORED};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(check(stored[i], "correct horse"), BASE_OK);
        assert_int_equal(check(stored[i], "correct hors"), BASE_EAUTH);
        assert_int_equal(check(stored[i], "correct horse "), BASE_EAUTH);
        assert_int_equal(check(stored[i], "Correct horse"), BASE_EAUTH);
        assert_int_equal(check(stored[i], ""), BASE_EAUTH);
        /* Who has stolen the secret has not got the password. */
        assert_int_equal(check(stored[i], stored[i]), i == 0 ? BASE_OK : BASE_EAUTH);
    }
    assert_int_equal(check("", ""), BASE_EAUTH);
    assert_int_equal(check("", "x"), BASE_EAUTH);
}

TEST(password_that_equals_a_broken_verifier_is_refused)
{
    static const char *const stored[] = {"SCRAM-SHA-256$", "SCRAM-SHA-256$9999999999:AA==$x:y"};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(check(stored[i], stored[i]), BASE_EAUTH);
    }
}

TEST(password_longer_than_allowed_is_refused)
{
    static uint8_t text[WIRE_PASSWORD_BYTES_MAX + 1];
    memset(text, 'a', sizeof(text));
    struct base_slice at = base_slice_of(text, sizeof(text) - 1);
    struct base_slice above = base_slice_of(text, sizeof(text));
    assert_int_equal(wire_password_check(&test_crypto, at, BYTES("c"), at), BASE_OK);
    assert_int_equal(wire_password_check(&test_crypto, above, BYTES("c"), above), BASE_EAUTH);
}

TEST(password_check_tells_when_a_digest_fails)
{
    static const char *const stored[] = {"correct horse", MD5_STORED, SCRAM_STORED};
    static const unsigned calls[] = {2, 1, 4};
    for (size_t i = 0; i < 3; i++) {
        for (unsigned n = 1; n <= calls[i]; n++) {
            test_crypto_fail_at(n);
            assert_int_equal(check(stored[i], "correct horse"), BASE_ESYSTEM);
        }
        test_crypto_fail_at(calls[i] + 1);
        assert_int_equal(check(stored[i], "correct horse"), BASE_OK);
        test_crypto_fail_at(0);
    }
}
