/* fail_alloc.h - makes the n-th allocation of the code under test fail.
 *
 * The test program is linked with --wrap=malloc and --wrap=calloc. fail_alloc_after(n): n
 * allocations succeed, every later one fails; fail_alloc_off() ends that and returns whether one
 * was refused.
 */
#ifndef FAIL_ALLOC_H
#define FAIL_ALLOC_H

#include <stdbool.h>

void fail_alloc_after(unsigned n);
bool fail_alloc_off(void);

#endif
