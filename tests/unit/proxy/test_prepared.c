/* Tests of proxy/prepared.c. */
#include "proxy/prepared.h"
#include "fail_alloc.h"
#include "test.h"

static const uint8_t seed[16] = "0123456789abcdef";

static struct proxy_statement *take(struct proxy_statements *statements, const char *query)
{
    return proxy_statement_take(statements, base_slice_text(query));
}

TEST(equal_bodies_are_one_statement_with_one_number)
{
    struct proxy_statements statements;
    assert_int_equal(proxy_statements_init(&statements), BASE_OK);
    struct proxy_statement *a = take(&statements, "select 1");
    struct proxy_statement *b = take(&statements, "select 1");
    struct proxy_statement *c = take(&statements, "select 2");
    assert_ptr_equal(a, b);
    assert_int_equal(a->references, 2);
    assert_int_not_equal(a->number, c->number);
    char name[PROXY_STATEMENT_NAME_BYTES];
    assert_int_equal(proxy_statement_name(a, name), 6);
    assert_string_equal(name, "weir_1");
    proxy_statement_drop(&statements, a);
    proxy_statement_drop(&statements, b);
    assert_int_equal(statements.table.count, 1);
    struct proxy_statement *again = take(&statements, "select 1");
    assert_int_equal(again->number, 3); /* never the old number */
    proxy_statement_drop(&statements, again);
    proxy_statement_drop(&statements, c);
    assert_int_equal(statements.bytes, 0);
    proxy_statements_done(&statements);
}

TEST(numbers_that_ran_out_are_not_used_again)
{
    struct proxy_statements statements;
    assert_int_equal(proxy_statements_init(&statements), BASE_OK);
    statements.last_number = UINT32_MAX - 1;
    struct proxy_statement *last = take(&statements, "a");
    assert_int_equal(last->number, UINT32_MAX);
    assert_null(take(&statements, "b"));
    assert_ptr_equal(take(&statements, "a"), last);
    char name[PROXY_STATEMENT_NAME_BYTES];
    proxy_statement_name(last, name);
    assert_string_equal(name, "weir_4294967295");
    proxy_statement_drop(&statements, last);
    proxy_statement_drop(&statements, last);
    proxy_statements_done(&statements);
}

TEST(a_name_is_bound_replaced_and_removed_with_exact_references)
{
    struct proxy_statements statements;
    assert_int_equal(proxy_statements_init(&statements), BASE_OK);
    struct proxy_names names = {.seed = seed};
    struct base_slice s1 = base_slice_text("s1");
    struct proxy_statement *a = take(&statements, "a");
    struct proxy_statement *b = take(&statements, "b");
    assert_null(proxy_names_get(&names, s1));
    assert_false(proxy_names_remove(&names, &statements, s1));
    assert_int_equal(proxy_names_set(&names, &statements, s1, a), BASE_OK);
    assert_int_equal(a->references, 2);
    assert_int_equal(proxy_names_set(&names, &statements, s1, a), BASE_OK);
    assert_int_equal(a->references, 2);
    assert_int_equal(proxy_names_set(&names, &statements, s1, b), BASE_OK);
    assert_int_equal(a->references, 1);
    assert_int_equal(b->references, 2);
    assert_ptr_equal(proxy_names_get(&names, s1), b);
    assert_int_equal(proxy_names_set(&names, &statements, base_slice_text(""), a), BASE_OK);
    assert_ptr_equal(proxy_names_get(&names, base_slice_text("")), a);
    assert_true(proxy_names_remove(&names, &statements, s1));
    assert_null(proxy_names_get(&names, s1));
    assert_int_equal(b->references, 1);
    proxy_names_clear(&names, &statements);
    assert_int_equal(names.bytes, 0);
    proxy_names_clear(&names, &statements);
    proxy_statement_drop(&statements, a);
    proxy_statement_drop(&statements, b);
    proxy_statements_done(&statements);
}

TEST(a_client_has_a_limit_of_names)
{
    struct proxy_statements statements;
    assert_int_equal(proxy_statements_init(&statements), BASE_OK);
    struct proxy_names names = {.seed = seed};
    struct proxy_statement *a = take(&statements, "a");
    for (uint32_t i = 0; i < PROXY_NAMES_MAX; i++) {
        assert_int_equal(proxy_names_set(&names, &statements, base_slice_of(&i, sizeof(i)), a),
                         BASE_OK);
    }
    assert_int_equal(proxy_names_set(&names, &statements, base_slice_text("one more"), a),
                     BASE_ECAPACITY);
    uint32_t first = 0;
    assert_int_equal(proxy_names_set(&names, &statements, base_slice_of(&first, sizeof(first)), a),
                     BASE_OK);
    proxy_names_clear(&names, &statements);
    assert_int_equal(a->references, 1);
    proxy_statement_drop(&statements, a);
    proxy_statements_done(&statements);
}

TEST(the_least_recently_used_statement_is_the_oldest)
{
    struct proxy_statements statements;
    assert_int_equal(proxy_statements_init(&statements), BASE_OK);
    struct proxy_had had = {0};
    struct proxy_statement *a = take(&statements, "a");
    struct proxy_statement *b = take(&statements, "b");
    assert_null(proxy_had_oldest(&had));
    assert_int_equal(proxy_had_use(&had, a), PROXY_HAVE_NOT);
    assert_int_equal(proxy_had_add(&had, &statements, a), BASE_OK);
    assert_int_equal(proxy_had_add(&had, &statements, b), BASE_OK);
    assert_ptr_equal(proxy_had_oldest(&had), a);
    assert_int_equal(proxy_had_use(&had, a), PROXY_HAVE);
    assert_ptr_equal(proxy_had_oldest(&had), b);
    assert_int_equal(proxy_had_add(&had, &statements, b), BASE_OK);
    assert_int_equal(had.count, 2);
    assert_ptr_equal(proxy_had_oldest(&had), a);
    proxy_had_remove(&had, &statements, a);
    proxy_had_remove(&had, &statements, a);
    assert_int_equal(a->references, 1);
    assert_int_equal(had.count, 1);
    proxy_had_clear(&had, &statements);
    proxy_had_clear(&had, &statements);
    proxy_statement_drop(&statements, a);
    proxy_statement_drop(&statements, b);
    proxy_statements_done(&statements);
}

TEST(a_moved_epoch_makes_a_statement_stale_until_it_is_added_again)
{
    struct proxy_statements statements;
    assert_int_equal(proxy_statements_init(&statements), BASE_OK);
    struct proxy_had had = {0};
    struct proxy_statement *a = take(&statements, "a");
    assert_int_equal(proxy_had_add(&had, &statements, a), BASE_OK);
    a->epoch++;
    assert_int_equal(proxy_had_use(&had, a), PROXY_HAVE_STALE);
    assert_int_equal(proxy_had_add(&had, &statements, a), BASE_OK);
    assert_int_equal(proxy_had_use(&had, a), PROXY_HAVE);
    assert_int_equal(a->references, 2);
    proxy_had_clear(&had, &statements);
    proxy_statement_drop(&statements, a);
    proxy_statements_done(&statements);
}

/* Everything once; gives back whether all of it worked. Nothing may be left behind. */
static bool prepare_and_clear(void)
{
    struct proxy_statements statements;
    if (proxy_statements_init(&statements) < 0) {
        return false;
    }
    struct proxy_names names = {.seed = seed};
    struct proxy_had had = {0};
    bool is_ok = true;
    for (uint32_t i = 0; i < 40; i++) {
        struct proxy_statement *s = proxy_statement_take(&statements, base_slice_of(&i, sizeof(i)));
        if (!s) {
            is_ok = false;
            continue;
        }
        is_ok &= proxy_names_set(&names, &statements, base_slice_of(&i, sizeof(i)), s) == BASE_OK;
        is_ok &= proxy_had_add(&had, &statements, s) == BASE_OK;
        proxy_statement_drop(&statements, s);
    }
    proxy_names_clear(&names, &statements);
    proxy_had_clear(&had, &statements);
    proxy_statements_done(&statements);
    return is_ok;
}

TEST(every_allocation_of_prepared_statements_may_fail)
{
    unsigned n = 0;
    for (bool has_failed = true; has_failed; n++) {
        fail_alloc_after(n);
        prepare_and_clear();
        has_failed = fail_alloc_off();
    }
    assert_true(n > 100);
    assert_true(prepare_and_clear());
}
