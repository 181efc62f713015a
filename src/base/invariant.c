/* invariant.c - the end of a process whose state cannot be trusted any more. Test: unit/base/. */
#include "base/invariant.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void base_invariant_failed(const char *file, int line, const char *condition)
{
    fprintf(stderr, "weir: INVARIANT failed at %s:%d: %s\n", file, line, condition);
    abort();
}
