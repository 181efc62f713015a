/* fail_alloc.c - see fail_alloc.h. */
#include "fail_alloc.h"

#include <stddef.h>

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);

static bool is_on;
static bool has_failed;
static unsigned left;

void fail_alloc_after(unsigned n)
{
    is_on = true;
    has_failed = false;
    left = n;
}

bool fail_alloc_off(void)
{
    is_on = false;
    return has_failed;
}

static bool must_fail(void)
{
    if (!is_on) {
        return false;
    }
    if (left == 0) {
        has_failed = true;
        return true;
    }
    left--;
    return false;
}

void *__wrap_malloc(size_t bytes)
{
    return must_fail() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    return must_fail() ? NULL : __real_calloc(count, bytes);
}
