/* lib_clock.h - the time libweir sees in the conformance suite: a variable.
 *
 * The program is linked with clock_gettime, timerfd_settime, ppoll and pthread_cond_timedwait
 * wrapped, so the library under test is the one that ships. PostgreSQL and libpq work in real time,
 * which costs no time of this clock: spans come out exact, however slow the machine is. Threads
 * that sleep to a deadline sleep until they are woken: the driver's loop, which ticks whenever time
 * has passed, ends their takes. */
#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H

#include "base/time.h"

base_time lib_clock_now(void);
void lib_clock_set(base_time now);
/* When the loop's timer would have fired; BASE_NEVER: it is not armed. */
base_time lib_clock_armed(void);
void lib_clock_disarm(void);

#endif
