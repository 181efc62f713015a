/* test_regex.c - regular expressions over names. */
#include "test.h"

#include <string.h>

#include "config/regex.h"

static enum config_regex_result match(const char *expression, const char *text)
{
    return config_regex_match(expression, base_slice_text(text));
}

TEST(an_expression_matches_anywhere_unless_it_is_anchored)
{
    assert_int_equal(match("shop", "my_shop_1"), CONFIG_REGEX_YES);
    assert_int_equal(match("^shop", "my_shop_1"), CONFIG_REGEX_NO);
    assert_int_equal(match("^(a|b)[0-9]{2,3}$", "b123"), CONFIG_REGEX_YES);
    assert_int_equal(match("^(a|b)[0-9]{2,3}$", "b1234"), CONFIG_REGEX_NO);
    assert_int_equal(match("Shop", "shop"), CONFIG_REGEX_NO);
    assert_int_equal(config_regex_match("^$", (struct base_slice){0}), CONFIG_REGEX_YES);
}

TEST(the_end_is_the_end_and_not_a_last_newline)
{
    assert_int_equal(match("^admin$", "admin"), CONFIG_REGEX_YES);
    assert_int_equal(match("^admin$", "admin\n"), CONFIG_REGEX_NO);
}

TEST(the_first_group_is_told)
{
    struct base_slice part;
    assert_int_equal(
        config_regex_part("^(.*)@example\\.com$", base_slice_text("anna@example.com"), &part),
        CONFIG_REGEX_YES);
    assert_true(base_slice_is(part, "anna"));
    assert_int_equal(config_regex_part("^(x)?anna$", base_slice_text("anna"), &part),
                     CONFIG_REGEX_YES);
    assert_null(part.data);
    assert_int_equal(config_regex_part("^anna$", base_slice_text("anna"), &part), CONFIG_REGEX_YES);
    assert_null(part.data);
    assert_int_equal(config_regex_part("(a\\K)", base_slice_text("a"), &part), CONFIG_REGEX_YES);
}

/* `part` is what PostgreSQL's regexp_match() gives (test_hba.py compares the two); NULL: it
 * cannot be told. */
static void assert_part(const char *expression, const char *text, const char *part)
{
    struct base_slice found;
    char why[200];
    assert_true(config_regex_part_check(expression, why, sizeof(why)));
    enum config_regex_result result = config_regex_part(expression, base_slice_text(text), &found);
    assert_int_equal(result, part ? CONFIG_REGEX_YES : CONFIG_REGEX_UNDECIDED);
    if (part && !base_slice_is(found, part))
        fail_msg("%s in %s: %.*s", expression, text, (int)found.bytes, (const char *)found.data);
}

TEST(the_first_group_is_what_postgresql_finds_or_cannot_be_told)
{
    assert_part("^(anna|annabel)", "annabel@x", "annabel");
    assert_part("^(anna|annabel)(@x)?", "annabel@x", "annabel");
    assert_part("^(a|ab)(c|bcd)(d*)$", "abcd", NULL);
    assert_part("^(.*?)@", "anna@x", "anna");
    assert_part("^(.*)@.*$", "anna@x@y", "anna@x");
    assert_part("^(.*?)@.*$", "anna@x@y", NULL);
    assert_part("(a*)(ab)*", "aab", "a");
    assert_part("(an|anna)", "bo-anna", "anna");
    assert_part("^(.*?)@", "anna@x@y", "anna");
    assert_part("^(.*?)_", "u_md5_x", "u");
    assert_part("^CN=(.+?),", "CN=ann,OU=dev,O=corp", "ann");
    assert_part("^CN=([^,]+?), ?OU=([a-z*]+)", "CN=ann, OU=dev", "ann");
    assert_part("^[]*?[:alpha:]x]*?(\\*?a+?)", "xaaa", "a");
    assert_part("^x*(.*?)@", "anna@x@y", NULL);
    assert_part("^(.{1,9}?)@", "anna@x@y", NULL);
    assert_part("^(([a-z]{2,3}-?)+).*@x$", "anna-b@x", NULL);
    assert_part("(.*)*", "anna", NULL);
    assert_part("^(a+)(b+)$", "aabb", "aa");
    assert_part("^([^@|]+)@x$", "anna@x", "anna");
    assert_part("(?C7)^(a)", "a", "a");
}

TEST(an_expression_whose_group_cannot_be_asked_for_is_told)
{
    char why[200];
    assert_true(config_regex_check("(?x)(a) # the name", why, sizeof(why)));
    assert_false(config_regex_part_check("(?x)(a) # the name", why, sizeof(why)));
    assert_false(config_regex_part_check("(*ANYCRLF)(a)", why, sizeof(why)));
    assert_non_null(strstr(why, "at byte"));
}

TEST(what_takes_too_much_effort_is_given_up)
{
    char text[64];
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(match("^(a+|b)+[cd]$", text), CONFIG_REGEX_UNDECIDED);
    assert_int_equal(match("^(a+)+b$", "aaab"), CONFIG_REGEX_YES);
}

TEST(what_is_no_expression_is_told_with_its_place)
{
    char why[200];
    char repeats[900], groups[900];
    memset(repeats, '+', sizeof(repeats));
    repeats[0] = 'b';
    repeats[sizeof(repeats) - 1] = '\0';
    memset(groups, '(', sizeof(groups));
    groups[sizeof(groups) - 1] = '\0';
    assert_true(config_regex_check("^a(b|c)*$", why, sizeof(why)));
    assert_false(config_regex_check("a(b", why, sizeof(why)));
    assert_non_null(strstr(why, "missing closing parenthesis, at byte 4"));
    assert_false(config_regex_check(repeats, why, sizeof(why)));
    assert_false(config_regex_check(groups, why, sizeof(why)));
    assert_false(config_regex_check("((a{1,9999}){1,9999}){1,9999}", why, sizeof(why)));
    assert_false(config_regex_check("\\C", why, sizeof(why)));
}

TEST(an_expression_has_a_length)
{
    char why[200];
    char text[CONFIG_REGEX_BYTES_MAX + 2];
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_false(config_regex_check(text, why, sizeof(why)));
    assert_non_null(strstr(why, "longer than 1000 bytes"));
    text[CONFIG_REGEX_BYTES_MAX] = '\0';
    assert_true(config_regex_check(text, why, sizeof(why)));
}
