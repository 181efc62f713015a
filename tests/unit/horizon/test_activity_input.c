/* Tests of serve/activity_input.h. The endpoints' own tests have more cases. */
#include "serve/activity_input.h"

#include <string.h>

#include "test.h"

static bool read_input(const char *text, struct activity_input *input, const char **ret_field)
{
    static char field[64];
    char why[256] = "";
    json_t *object = json_loads(text, 0, NULL);
    const char *name = "";
    assert_non_null(object);
    bool is_good = activity_input_read(object, input, &name, why, sizeof(why));
    strncpy(field, name, sizeof(field) - 1);
    *ret_field = field;
    assert_true(is_good || why[0]);
    json_decref(object);
    return is_good;
}

TEST(numbers_keep_the_digits_they_were_sent_with)
{
    struct activity_input input;
    const char *field;
    assert_true(read_input("{\"date\":\"2018-05-11\",\"kind\":\"buy\",\"symbol\":\"AAPL\","
                           "\"quantity\":0.1,\"price\":188.589996,\"fee\":null}",
                           &input, &field));
    assert_string_equal(input.quantity, "0.1");
    assert_string_equal(input.price, "188.589996");
    assert_string_equal(input.fee, "");
    assert_string_equal(input.amount, "");
    assert_int_equal(input.kind, ACTIVITY_BUY);
    assert_true(read_input("{\"date\":\"2018-05-11\",\"kind\":\"DEPOSIT\",\"amount\":100000}",
                           &input, &field));
    assert_string_equal(input.amount, "100000");
}

TEST(limits_are_allowed_and_what_is_beyond_them_is_not)
{
    static const struct {
        const char *quantity;
        bool is_good;
    } cases[] = {{"0.00000001", true},   {"0.000000001", false}, {"10000000000", true},
                 {"10000000001", false}, {"0", false},           {"-1", false},
                 {"true", false},        {"\"1\"", false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[200];
        struct activity_input input;
        const char *field;
        snprintf(text, sizeof(text),
                 "{\"date\":\"2018-05-11\",\"kind\":\"BUY\",\"symbol\":\"A\",\"price\":1,"
                 "\"quantity\":%s}",
                 cases[i].quantity);
        assert_int_equal(read_input(text, &input, &field), cases[i].is_good);
        assert_true(cases[i].is_good || strcmp(field, "quantity") == 0);
    }
}

TEST(every_kind_has_its_members_and_no_others)
{
    static const struct {
        const char *members, *wrong;
    } cases[] = {
        {"\"kind\":\"SPLIT\",\"symbol\":\"A\",\"numerator\":7,\"denominator\":1", NULL},
        {"\"kind\":\"SPLIT\",\"symbol\":\"A\",\"numerator\":7", "denominator"},
        {"\"kind\":\"SPLIT\",\"symbol\":\"A\",\"numerator\":7.5,\"denominator\":1", "numerator"},
        {"\"kind\":\"DIVIDEND\",\"symbol\":\"A\",\"amount\":1,\"fee\":0.1", NULL},
        {"\"kind\":\"DIVIDEND\",\"amount\":1", "symbol"},
        {"\"kind\":\"TAX\",\"amount\":1", NULL},
        {"\"kind\":\"TAX\",\"amount\":1,\"fee\":1", "fee"},
        {"\"kind\":\"TAX\",\"amount\":1,\"symbol\":\"A\"", "symbol"},
        {"\"kind\":\"TAX\",\"amount\":1,\"colour\":1", "colour"},
        {"\"kind\":\"BUY\",\"symbol\":\"A\",\"price\":1", "quantity"},
        {"\"kind\":\"\",\"amount\":1", "kind"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[200];
        struct activity_input input;
        const char *field;
        snprintf(text, sizeof(text), "{\"date\":\"2018-05-11\",%s}", cases[i].members);
        assert_int_equal(read_input(text, &input, &field), cases[i].wrong == NULL);
        if (cases[i].wrong) {
            assert_string_equal(field, cases[i].wrong);
        }
    }
}

TEST(symbols_are_short_and_printable)
{
    assert_true(activity_input_is_symbol("^SPX"));
    assert_true(activity_input_is_symbol("01234567890123456789012345678901"));
    assert_false(activity_input_is_symbol("012345678901234567890123456789012"));
    assert_false(activity_input_is_symbol(""));
    assert_false(activity_input_is_symbol("A B"));
    assert_false(activity_input_is_symbol("A/B"));
    assert_false(activity_input_is_symbol("\xc3\xa4"));
}
