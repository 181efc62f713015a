/* Tests of proxy/console_words.c. */
#include "proxy/console.h"
#include "test.h"

static struct console_words words;

static int next(struct base_slice *rest)
{
    return console_words_next(rest, &words);
}

static bool word(uint32_t i, const char *text)
{
    return i < words.count && base_slice_is(words.word[i].text, text);
}

TEST(a_statement_is_words_in_any_case_up_to_its_semicolon)
{
    struct base_slice rest = base_slice_text("  show\n Pools ; PAUSE shop");
    assert_int_equal(next(&rest), BASE_OK);
    assert_int_equal(words.count, 2);
    assert_true(console_word_is(&words, 0, "SHOW"));
    assert_true(console_word_is(&words, 1, "pools"));
    assert_false(console_word_is(&words, 1, "pool"));
    assert_false(console_word_is(&words, 2, ""));
    assert_int_equal(next(&rest), BASE_OK);
    assert_true(word(0, "PAUSE") && word(1, "shop"));
    assert_int_equal(rest.bytes, 0);
    assert_int_equal(next(&rest), BASE_OK);
    assert_int_equal(words.count, 0);
}

TEST(quoted_words_keep_their_bytes_and_are_no_keywords)
{
    struct base_slice rest = base_slice_text("pause \"my \"\"db; x\";set a='it''s, so'");
    assert_int_equal(next(&rest), BASE_OK);
    assert_true(word(1, "my \"db; x"));
    assert_false(console_word_is(&words, 1, "my \"db; x"));
    assert_int_equal(next(&rest), BASE_OK);
    assert_int_equal(words.count, 4);
    assert_true(word(1, "a") && word(2, "=") && word(3, "it's, so"));
}

TEST(an_empty_quoted_word_is_a_word)
{
    struct base_slice rest = base_slice_text("set logfile = ''");
    assert_int_equal(next(&rest), BASE_OK);
    assert_int_equal(words.count, 4);
    assert_int_equal(words.word[3].text.bytes, 0);
}

TEST(comments_are_skipped)
{
    struct base_slice rest = base_slice_text("/* a ; */ show -- ; x\n state /* open");
    assert_int_equal(next(&rest), BASE_OK);
    assert_int_equal(words.count, 2);
    assert_true(word(1, "state"));
    assert_int_equal(rest.bytes, 0);
}

TEST(open_quotes_and_too_many_or_too_long_words_are_errors)
{
    char big[CONSOLE_WORD_BYTES_MAX + 2];
    struct base_slice rest = base_slice_text("pause \"x");
    assert_int_equal(next(&rest), BASE_EINVALID);
    rest = base_slice_text("1 2 3 4 5 6 7 8");
    assert_int_equal(next(&rest), BASE_OK);
    rest = base_slice_text("1 2 3 4 5 6 7 8 9");
    assert_int_equal(next(&rest), BASE_EINVALID);
    memset(big, 'x', sizeof(big));
    rest = base_slice_of(big, CONSOLE_WORD_BYTES_MAX);
    assert_int_equal(next(&rest), BASE_OK);
    rest = base_slice_of(big, CONSOLE_WORD_BYTES_MAX + 1);
    assert_int_equal(next(&rest), BASE_EINVALID);
}
