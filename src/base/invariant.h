/* invariant.h - what must hold, checked in every build.
 *
 * INVARIANT(e) is always on: a broken one is our own bug, so the process says where and aborts
 * before it can do harm. EXPENSIVE(e) is the same in builds with WEIR_EXPENSIVE (tests, fuzzers,
 * simulation) and costs nothing elsewhere. Bad input is never an invariant: it is a status.
 */
#ifndef BASE_INVARIANT_H
#define BASE_INVARIANT_H

/* Prints the place and the broken condition to standard error, then aborts. */
_Noreturn void base_invariant_failed(const char *file, int line, const char *condition);

#define INVARIANT(e) ((e) ? (void)0 : base_invariant_failed(__FILE__, __LINE__, #e))

#ifdef WEIR_EXPENSIVE
#define EXPENSIVE(e) INVARIANT(e)
#else
#define EXPENSIVE(e) ((void)sizeof((e) ? 1 : 0))
#endif

#endif
