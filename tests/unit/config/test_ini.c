/* test_ini.c - src/config/ini.c: the grammar of lines and of key=value. */
#include "helper.h"

static struct config_ini_item first(const char *text, size_t bytes)
{
    struct config_ini ini = {.rest = base_slice_of(text, bytes)};
    struct config_ini_item item = {0};

    assert_true(config_ini_next(&ini, &item));
    return item;
}
#define FIRST(text) first(text, sizeof(text) - 1)

TEST(line_kinds_are_told_apart)
{
    struct config_ini_item item = FIRST("\n ; c\n\t# c\r\n  key = a value ; not a comment \r\n");

    assert_int_equal(item.kind, CONFIG_INI_ENTRY);
    assert_true(base_slice_is(item.name, "key"));
    assert_true(base_slice_is(item.value, "a value ; not a comment"));
    item = FIRST(" [ users ] ; why not");
    assert_int_equal(item.kind, CONFIG_INI_SECTION);
    assert_true(base_slice_is(item.name, "users"));
    item = FIRST("%include  a b.ini ");
    assert_int_equal(item.kind, CONFIG_INI_INCLUDE);
    assert_true(base_slice_is(item.value, "a b.ini"));
    item = FIRST("\"a = \"\"b\"\"\"=");
    assert_true(item.is_quoted);
    assert_true(base_slice_is(item.name, "a = \"\"b\"\""));
    assert_int_equal(item.value.bytes, 0);
    item = FIRST("\xEF\xBB\xBF[users]");
    assert_int_equal(item.kind, CONFIG_INI_SECTION);
}

TEST(bad_lines_say_why)
{
    assert_int_equal(FIRST("key").kind, CONFIG_INI_BAD);
    assert_int_equal(FIRST("= value").kind, CONFIG_INI_BAD);
    assert_int_equal(FIRST("my db = host=a").kind, CONFIG_INI_BAD);
    assert_int_equal(FIRST("[users").kind, CONFIG_INI_BAD);
    assert_int_equal(FIRST("[users] x").kind, CONFIG_INI_BAD);
    assert_int_equal(FIRST("%include").kind, CONFIG_INI_BAD);
    assert_int_equal(FIRST("%includefile").kind, CONFIG_INI_BAD);
    assert_int_equal(FIRST("%exclude a").kind, CONFIG_INI_BAD);
    assert_int_equal(FIRST("\"open = 1").kind, CONFIG_INI_BAD);
    assert_int_equal(FIRST("a = b\0c").kind, CONFIG_INI_BAD);
    assert_non_null(FIRST("key").why);
}

TEST(line_length_has_a_limit)
{
    static char text[CONFIG_LINE_BYTES_MAX + 2];

    memset(text, 'x', sizeof(text));
    memcpy(text, "a=", 2);
    assert_int_equal(first(text, CONFIG_LINE_BYTES_MAX - 1).kind, CONFIG_INI_ENTRY);
    assert_int_equal(first(text, CONFIG_LINE_BYTES_MAX).kind, CONFIG_INI_ENTRY);
    assert_int_equal(first(text, CONFIG_LINE_BYTES_MAX + 1).kind, CONFIG_INI_BAD);
}

TEST(pairs_follow_the_quoting_rules)
{
    struct base_slice rest = base_slice_text(" a=1  b = 'x ''y'' z'\tc='' d=it's ");
    struct config_pair pair;
    char plain[32];

    assert_int_equal(config_pair_next(&rest, &pair), CONFIG_PAIR);
    assert_true(base_slice_is(pair.key, "a") && base_slice_is(pair.value, "1"));
    assert_int_equal(config_pair_next(&rest, &pair), CONFIG_PAIR);
    assert_true(base_slice_is(pair.key, "b") && pair.is_quoted);
    plain[config_unquote(pair.value, '\'', plain)] = '\0';
    assert_string_equal(plain, "x 'y' z");
    assert_int_equal(config_pair_next(&rest, &pair), CONFIG_PAIR);
    assert_true(base_slice_is(pair.key, "c") && pair.value.bytes == 0);
    assert_int_equal(config_pair_next(&rest, &pair), CONFIG_PAIR);
    assert_true(base_slice_is(pair.value, "it's") && !pair.is_quoted);
    assert_int_equal(config_pair_next(&rest, &pair), CONFIG_PAIR_END);
}

static enum config_pair_result only(const char *text)
{
    struct base_slice rest = base_slice_text(text);
    struct config_pair pair;

    return config_pair_next(&rest, &pair);
}

TEST(pairs_that_do_not_parse_are_told_apart)
{
    assert_int_equal(only("=x"), CONFIG_PAIR_NO_KEY);
    assert_int_equal(only("word"), CONFIG_PAIR_NO_VALUE);
    assert_int_equal(only("word other=1"), CONFIG_PAIR_NO_VALUE);
    assert_int_equal(only("a='b"), CONFIG_PAIR_OPEN_QUOTE);
    assert_int_equal(only("a='b''"), CONFIG_PAIR_OPEN_QUOTE);
    assert_int_equal(only("a='b'c"), CONFIG_PAIR_GLUED);
    assert_int_equal(only("a="), CONFIG_PAIR);
}
