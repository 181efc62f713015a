/* test.h - unit tests on cmocka that register themselves.
 *
 *     TEST(queue_gives_first_waiter_first)
 *     {
 *         assert_int_equal(...);
 *     }
 *
 * A test's name is a sentence. Every file's tests run in order of registration. The program takes
 * an optional argument: only tests whose name contains it run. main() is in test_main.c.
 */
#ifndef TEST_H
#define TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

void test_register(const char *name, void (*body)(void **state));
/* Ends the test that runs; it counts as skipped, and the reason is printed. */
_Noreturn void test_skip(const char *reason);

#define TEST(name)                                                 \
    static void name(void **state);                                \
    __attribute__((constructor)) static void name##_register(void) \
    {                                                              \
        test_register(#name, name);                                \
    }                                                              \
    static void name(__attribute__((unused)) void **state)

#endif
