/* Tests of proxy/text.c. */
#include "proxy/text.h"
#include "test.h"

TEST(equal_texts_are_one_pointer)
{
    struct proxy_texts texts;
    assert_int_equal(proxy_texts_init(&texts), BASE_OK);
    struct proxy_text *a = proxy_text_take(&texts, base_slice_text("UTF8"));
    struct proxy_text *b = proxy_text_take(&texts, base_slice_text("UTF8"));
    struct proxy_text *c = proxy_text_take(&texts, base_slice_text("UTF"));
    assert_ptr_equal(a, b);
    assert_ptr_not_equal(a, c);
    assert_int_equal(a->references, 2);
    assert_string_equal(a->chars, "UTF8");
    assert_ptr_equal(proxy_text_share(a), a);
    proxy_text_drop(&texts, a);
    proxy_text_drop(&texts, a);
    assert_int_equal(texts.table.count, 2);
    proxy_text_drop(&texts, b);
    assert_int_equal(texts.table.count, 1);
    proxy_text_drop(&texts, c);
    proxy_texts_done(&texts);
}

TEST(a_text_may_be_empty_and_may_hold_zero_bytes)
{
    struct proxy_texts texts;
    assert_int_equal(proxy_texts_init(&texts), BASE_OK);
    struct proxy_text *empty = proxy_text_take(&texts, base_slice_of(NULL, 0));
    struct proxy_text *zeros = proxy_text_take(&texts, base_slice_of("a\0b", 3));
    struct proxy_text *other = proxy_text_take(&texts, base_slice_of("a\0c", 3));
    assert_non_null(empty);
    assert_int_equal(empty->bytes, 0);
    assert_int_equal(zeros->bytes, 3);
    assert_ptr_not_equal(zeros, other);
    assert_null(proxy_text_share(NULL));
    proxy_text_drop(&texts, NULL);
    proxy_text_drop(&texts, empty);
    proxy_text_drop(&texts, zeros);
    proxy_text_drop(&texts, other);
    proxy_texts_done(&texts);
}

TEST(a_thousand_texts_are_all_found_again)
{
    struct proxy_texts texts;
    assert_int_equal(proxy_texts_init(&texts), BASE_OK);
    struct proxy_text *held[1000];
    for (int i = 0; i < 1000; i++) {
        held[i] = proxy_text_take(&texts, base_slice_of(&i, sizeof(i)));
    }
    for (int i = 0; i < 1000; i++) {
        struct proxy_text *again = proxy_text_take(&texts, base_slice_of(&i, sizeof(i)));
        assert_ptr_equal(again, held[i]);
        proxy_text_drop(&texts, again);
        proxy_text_drop(&texts, held[i]);
    }
    proxy_texts_done(&texts);
}
