/* Days, months and ranges. */
#include "test.h"

#include "domain/range.h"

#include <string.h>

static day parse(const char *text)
{
    day when = DAY_NONE;
    assert_true(day_parse(text, strlen(text), &when));
    return when;
}

TEST(a_day_is_counted_from_1970)
{
    assert_int_equal(parse("1970-01-01"), 0);
    assert_int_equal(parse("1969-12-31"), -1);
    assert_int_equal(parse("2018-05-11"), 17662);
    assert_int_equal(parse("0001-01-01"), -719162);
    assert_int_equal(parse("9999-12-31"), 2932896);
}

TEST(every_day_of_400_years_is_written_as_it_is_read)
{
    char text[DAY_TEXT_BYTES];
    day previous = parse("1799-12-31");
    for (int year = 1800; year < 2200; year++)
        for (int month = 1; month <= 12; month++)
            for (int day_of_month = 1; day_exists(year, month, day_of_month); day_of_month++) {
                day when = day_of(year, month, day_of_month);
                assert_int_equal(when, previous + 1);
                assert_int_equal(parse(day_format(when, text)), when);
                previous = when;
            }
}

TEST(what_is_no_day_is_not_read)
{
    static const char *const wrong[] = {
        "",           "2018-5-11",  "2018-05-1",  "2018/05/11", "2018-13-01",  "2018-00-10",
        "2018-04-31", "2017-02-29", "1900-02-29", "0000-01-01", "2018-05-111", "+018-05-11",
        "2018-05-1x", "20180511",   "          ",
    };
    day when = 7;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        assert_false(day_parse(wrong[i], strlen(wrong[i]), &when));
    assert_int_equal(when, 7);
    assert_int_equal(parse("2000-02-29") + 1, parse("2000-03-01"));
}

TEST(a_month_back_from_its_last_day_is_the_last_day)
{
    assert_int_equal(day_add_months(parse("2018-05-31"), -1), parse("2018-04-30"));
    assert_int_equal(day_add_months(parse("2016-02-29"), -12), parse("2015-02-28"));
    assert_int_equal(day_add_months(parse("2018-01-15"), -1), parse("2017-12-15"));
    assert_int_equal(day_add_months(parse("2018-12-31"), 2), parse("2019-02-28"));
}

TEST(a_range_has_a_name_and_a_start)
{
    static const struct {
        const char *name, *start;
    } rows[] = {{"1m", "2018-04-11"}, {"6m", "2017-11-11"}, {"ytd", "2017-12-31"},
                {"1y", "2017-05-11"}, {"3y", "2015-05-11"}, {"5y", "2013-05-11"}};
    enum range range;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        assert_true(range_parse(rows[i].name, &range));
        assert_string_equal(range_name(range), rows[i].name);
        assert_int_equal(range_start(range, parse("2018-05-11")), parse(rows[i].start));
    }
    assert_true(range_parse("max", &range));
    assert_int_equal(range_start(range, parse("2018-05-11")), DAY_NONE);
    assert_false(range_parse("2y", &range));
    assert_false(range_parse("", &range));
    assert_false(range_parse("1M", &range));
}

TEST(the_base_is_the_last_day_on_or_before_the_start)
{
    static const day days[] = {10, 11, 14, 15};
    assert_int_equal(range_base(days, 4, 11), 1);
    assert_int_equal(range_base(days, 4, 13), 1);
    assert_int_equal(range_base(days, 4, 15), 3);
    assert_int_equal(range_base(days, 4, 99), 3);
    assert_int_equal(range_base(days, 4, 9), 0);
    assert_int_equal(range_base(days, 4, DAY_NONE), 0);
    assert_int_equal(range_base(days, 1, 10), 0);
}
