/* test_main.c - runs the registered tests and closes with "N passed, N failed, N skipped". */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TESTS_MAX 1024

static struct CMUnitTest tests[TESTS_MAX];
static size_t test_count;

void test_register(const char *name, void (*body)(void **state))
{
    if (test_count == TESTS_MAX) {
        fprintf(stderr, "more than %d tests in one program\n", TESTS_MAX);
        _exit(2);
    }
    tests[test_count++] = (struct CMUnitTest){.name = name, .test_func = body};
}

static size_t skipped_count;

_Noreturn void test_skip(const char *reason)
{
    skipped_count++;
    printf("skipped: %s\n", reason);
    skip();
    abort(); /* skip() does not return */
}

int main(int argc, char **argv)
{
    size_t kept = 0;
    for (size_t i = 0; i < test_count; i++) {
        if (argc < 2 || strstr(tests[i].name, argv[1])) {
            tests[kept++] = tests[i];
        }
    }
    if (kept == 0) {
        fprintf(stderr, "no test matches\n");
        return 2;
    }
    int failed = _cmocka_run_group_tests("unit", tests, kept, NULL, NULL);
    fflush(stdout);
    printf("%zu passed, %d failed, %zu skipped\n", kept - (size_t)failed - skipped_count, failed,
           skipped_count);
    return failed ? 1 : 0;
}
