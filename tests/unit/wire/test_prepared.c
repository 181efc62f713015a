/* test_prepared.c - hash of statements, recognition of commands (src/wire/statement_hash.c,
 * src/wire/command.c). */
#include "wire_test.h"

#include "wire/prepared.h"

static const uint8_t key[WIRE_HASH_KEY_BYTES] = {0, 1, 2,  3,  4,  5,  6,  7,
                                                 8, 9, 10, 11, 12, 13, 14, 15};

/* The independent way: SipHash-1-3 of one whole message, as in the paper. */
static uint64_t reference(const uint8_t *data, size_t bytes);

TEST(siphash_agrees_with_a_reference_at_every_length)
{
    uint8_t data[64];
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)i;
    }
    for (size_t bytes = 0; bytes <= sizeof(data); bytes++) {
        struct heap heap = heap_of(base_slice_of(data, bytes));
        assert_true(wire_siphash(key, heap.slice) == reference(data, bytes));
        heap_free(&heap);
    }
    /* Published for this key: the first of the vectors of SipHash-1-3. */
    assert_true(wire_siphash(key, BYTES("")) == UINT64_C(0xabac0158050fc4dc));
}

#define ROTATE(x, b) ((x) << (b) | (x) >> (64 - (b)))
#define ROUND                                                                                 \
    (a += b, b = ROTATE(b, 13), b ^= a, a = ROTATE(a, 32), c += d, d = ROTATE(d, 16), d ^= c, \
     a += d, d = ROTATE(d, 21), d ^= a, c += b, b = ROTATE(b, 17), b ^= c, c = ROTATE(c, 32))

static uint64_t reference(const uint8_t *data, size_t bytes)
{
    uint8_t padded[128] = {0};
    memcpy(padded, data, bytes);
    padded[bytes / 8 * 8 + 7] = (uint8_t)bytes;
    uint64_t k0, k1;
    memcpy(&k0, key, 8);
    memcpy(&k1, key + 8, 8);
    uint64_t a = k0 ^ UINT64_C(0x736f6d6570736575), b = k1 ^ UINT64_C(0x646f72616e646f6d);
    uint64_t c = k0 ^ UINT64_C(0x6c7967656e657261), d = k1 ^ UINT64_C(0x7465646279746573);
    for (size_t i = 0; i <= bytes / 8; i++) {
        uint64_t m;
        memcpy(&m, padded + 8 * i, 8);
        d ^= m;
        ROUND;
        a ^= m;
    }
    c ^= 0xff;
    ROUND;
    ROUND;
    ROUND;
    return a ^ b ^ c ^ d;
}

TEST(hash_depends_on_where_parts_end_and_on_the_key)
{
    struct base_slice one[] = {BYTES("ab"), BYTES("c")}, two[] = {BYTES("a"), BYTES("bc")};
    struct base_slice three[] = {BYTES("abc"), BYTES("")};
    uint8_t other[WIRE_HASH_KEY_BYTES] = {1};
    assert_false(wire_hash(key, one, 2) == wire_hash(key, two, 2));
    assert_false(wire_hash(key, one, 2) == wire_hash(key, three, 2));
    assert_false(wire_hash(key, one, 2) == wire_hash(other, one, 2));
    assert_true(wire_statement_hash(key, one[0], one[1]) == wire_hash(key, one, 2));
    assert_false(wire_statement_hash(key, BYTES("select $1"), BYTES("\0\0\0\27")) ==
                 wire_statement_hash(key, BYTES("select $1"), BYTES("\0\0\0\31")));
}

static enum wire_command_kind kind_of(const char *text)
{
    struct heap heap = heap_of(base_slice_text(text));
    enum wire_command_kind kind = wire_command_of(heap.slice).kind;
    heap_free(&heap);
    return kind;
}

static void assert_kinds(const char *const *texts, enum wire_command_kind kind)
{
    for (; *texts; texts++) {
        if (kind_of(*texts) != kind) {
            fail_msg("\"%s\" is %d, not %d", *texts, kind_of(*texts), kind);
        }
    }
}

TEST(commands_of_transactions_are_recognised)
{
    static const char *const begin[] = {"BEGIN",
                                        "begin;",
                                        " Begin Work ; ",
                                        "begin transaction",
                                        "start transaction",
                                        "BEGIN ISOLATION LEVEL SERIALIZABLE",
                                        "begin read only, deferrable",
                                        "/* a */begin--b",
                                        NULL};
    static const char *const commit[] = {
        "commit", "END", "commit work;", "end transaction", "commit and no chain", NULL};
    static const char *const rollback[] = {"rollback", "abort", "ROLLBACK TRANSACTION",
                                           "rollback work and no chain;", NULL};
    assert_kinds(begin, WIRE_COMMAND_BEGIN);
    assert_kinds(commit, WIRE_COMMAND_COMMIT);
    assert_kinds(rollback, WIRE_COMMAND_ROLLBACK);
}

TEST(commands_that_drop_statements_are_recognised)
{
    static const char *const discard[] = {"DISCARD ALL",    "discard all;",
                                          "discard/**/all", "\n--x\n discard\tall ;;",
                                          ";discard all",   NULL};
    static const char *const deallocate[] = {"DEALLOCATE ALL", "deallocate prepare all",
                                             "Deallocate /* all /* of */ them */ all;", NULL};
    static const char *const reset[] = {"RESET ALL", "reset all;", NULL};
    assert_kinds(discard, WIRE_COMMAND_DISCARD_ALL);
    assert_kinds(deallocate, WIRE_COMMAND_DEALLOCATE_ALL);
    assert_kinds(reset, WIRE_COMMAND_RESET_ALL);
}

TEST(commands_that_are_doubtful_are_other)
{
    static const char *const other[] = {
        "select 1",
        "begin; select 1",
        "select 1; discard all",
        "discard plans",
        "discard",
        "discard all all",
        "discardall",
        "\"discard\" all",
        "commit and chain",
        "commit prepared 'x'",
        "rollback to a",
        "rollback to savepoint a",
        "begin garbage",
        "start",
        "start work",
        "reset work_mem",
        "deallocate",
        "deallocate a b",
        "deallocate prepare a b",
        "deallocate \"\"",
        "deallocate \"a",
        "deallocate 'a'",
        "deallocate U&\"a\"",
        "deallocate a.b",
        "discard all /*",
        "discard all */",
        "discard all -",
        "/* discard all",
        "discard \xc2\xa0"
        "all",
        "discard\vall",
        "deallocate a123456789012345678901234567890123456789012345678901234567890123",
        NULL};
    assert_kinds(other, WIRE_COMMAND_OTHER);
    assert_int_equal(wire_command_of(BYTES("discard all\0")).kind, WIRE_COMMAND_OTHER);
    assert_int_equal(wire_command_of(BYTES("discard all;\0select 1")).kind, WIRE_COMMAND_OTHER);
}

TEST(commands_of_nothing_are_empty)
{
    static const char *const empty[] = {"", " ", ";", " ; ;", "-- x", "/* x */", "--\n;\n", NULL};
    assert_kinds(empty, WIRE_COMMAND_EMPTY);
    assert_int_equal(wire_command_of(base_slice_of(NULL, 0)).kind, WIRE_COMMAND_EMPTY);
}

static bool names(const char *text, const char *statement)
{
    struct wire_command command = wire_command_of(base_slice_text(text));
    return wire_command_names(&command, base_slice_text(statement));
}

TEST(deallocate_means_the_name_that_postgresql_would_take)
{
    assert_true(names("DEALLOCATE Foo", "foo"));
    assert_false(names("DEALLOCATE Foo", "Foo"));
    assert_true(names("deallocate \"Foo\";", "Foo"));
    assert_false(names("deallocate \"Foo\"", "foo"));
    assert_true(names("deallocate \"a\"\"b\"", "a\"b"));
    assert_false(names("deallocate \"a\"\"b\"", "a\"\"b"));
    assert_true(names("deallocate prepare s_1$", "s_1$"));
    assert_true(names("deallocate prepare", "prepare"));
    assert_true(names("deallocate prepare prepare", "prepare"));
    assert_true(names("deallocate \"all\"", "all"));
    assert_true(names("deallocate caf\xc3\xa9", "caf\xc3\xa9"));
    assert_false(names("deallocate foo", "fo"));
    assert_false(names("deallocate fo", "foo"));
    assert_false(names("deallocate all", "all"));
    assert_true(names("deallocate a12345678901234567890123456789012345678901234567890123456789012",
                      "a12345678901234567890123456789012345678901234567890123456789012"));
}
