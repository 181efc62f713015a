/* Tests of serve/out.h (JSON that is written) and of serve/reply.h (what a reply is made of). */
#include "serve/out.h"

#include <stdlib.h>
#include <string.h>

#include "serve/reply.h"
#include "test.h"

static void expect(struct out *out, const char *text)
{
    assert_false(out->is_failed);
    assert_int_equal(out->bytes, strlen(text));
    assert_memory_equal(out->text, text, out->bytes);
    free(out->text);
    *out = (struct out){0};
}

TEST(commas_stand_where_they_belong)
{
    struct out out = {0};
    out_begin(&out, '{');
    out_name(&out, "a");
    out_begin(&out, '[');
    out_end(&out, ']');
    out_name(&out, "b");
    out_begin(&out, '[');
    out_boolean(&out, true);
    out_text(&out, NULL);
    out_begin(&out, '{');
    out_end(&out, '}');
    out_end(&out, ']');
    out_end(&out, '}');
    expect(&out, "{\"a\":[],\"b\":[true,null,{}]}");
}

TEST(texts_are_escaped)
{
    struct out out = {0};
    out_text(&out, "a\"b\\c\n\x01\xc3\xa4</script>");
    expect(&out, "\"a\\u0022b\\u005cc\\u000a\\u0001\xc3\xa4</script>\"");
}

TEST(numbers_of_the_database_keep_their_digits_without_zeros_at_the_end)
{
    static const char *const cases[][2] = {
        {"440.00000000", "440"}, {"0.00", "0"},      {"-1338.54", "-1338.54"}, {"1500", "1500"},
        {"1.50", "1.5"},         {"1e-05", "1e-05"}, {"NaN", "null"},          {"Infinity", "null"},
        {"-Infinity", "null"},   {"", "null"},       {"-0.00", "-0"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct out out = {0};
        out_literal(&out, cases[i][0]);
        expect(&out, cases[i][1]);
    }
}

TEST(ratios_have_eight_decimals_at_most)
{
    static const char *const cases[][2] = {
        {"0.123456789", "0.12345679"},
        {"-0.000000001", "0"},
        {"1e-05", "0.00001"},
        {"0.5", "0.5"},
        {"NaN", "null"},
        {"1e300", "null"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct out out = {0};
        out_ratio(&out, cases[i][0]);
        expect(&out, cases[i][1]);
    }
    struct out out = {0};
    out_ratio(&out, NULL);
    expect(&out, "null");
}

TEST(entity_tags_are_compared_weakly_one_by_one)
{
    assert_true(reply_matches("\"a\"", "\"a\""));
    assert_true(reply_matches("W/\"a\"", "\"a\""));
    assert_true(reply_matches("\"x,y\" , \"a\"", "\"a\""));
    assert_true(reply_matches("*", "\"a\""));
    assert_false(reply_matches(NULL, "\"a\""));
    assert_false(reply_matches("", "\"a\""));
    assert_false(reply_matches("\"ab\"", "\"a\""));
    assert_false(reply_matches("a", "\"a\""));
    assert_false(reply_matches("\"a", "\"a\""));
    assert_false(reply_matches("\"b\"", ""));
}

TEST(error_has_code_message_and_id_even_when_the_message_is_cut)
{
    struct reply reply = {0};
    char large[3000];
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    large[1022] = '\xc3'; /* cut in the middle of a character */
    reply_error(&reply, 400, "id", "a_code", "%s", large);
    json_t *body = json_loadb(reply.body, reply.bytes, 0, NULL);
    const json_t *error = json_object_get(body, "error");
    assert_string_equal(json_string_value(json_object_get(error, "code")), "a_code");
    assert_string_equal(json_string_value(json_object_get(error, "request_id")), "id");
    assert_non_null(json_string_value(json_object_get(error, "message")));
    json_decref(body);
    reply_later(&reply, 503, "id", "full", 7, "later");
    assert_int_equal(reply.retry_after, 7);
    reply_done(&reply);
}
