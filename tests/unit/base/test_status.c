/* test_status.c - the status table is complete and consistent. */
#include "test.h"

#include <string.h>

#include "base/status.h"

TEST(every_status_finds_its_own_row)
{
#define STATUS(NAME, NUMBER, SQLSTATE, CLASS, TEXT, HINT)                 \
    assert_string_equal(base_status_info(BASE_##NAME)->name, #NAME);      \
    assert_int_equal(strlen(base_status_info(BASE_##NAME)->sqlstate), 5); \
    assert_true(strlen(base_status_info(BASE_##NAME)->text) > 0);
    STATUS_TABLE(STATUS)
#undef STATUS
}

TEST(an_unknown_status_is_our_own_bug)
{
    assert_int_equal(base_status_info(-4000)->status_class, BASE_CLASS_BUG);
    assert_int_equal(base_status_info(7)->status_class, BASE_CLASS_BUG);
    assert_string_equal(base_status_info(-4000)->sqlstate, "XX000");
}
