/* lib_clock.h - the time libweir sees in the conformance suite: a variable.
 *
 * The program is linked with clock_gettime and timerfd_settime wrapped, so the library under test
 * is the one that ships. PostgreSQL and libpq work in real time, which costs no time of this clock:
 * spans come out exact, however slow the machine is. */
#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H

#include "base/time.h"

extern base_time lib_clock_now;
/* When the loop's timer would have fired; BASE_NEVER: it is not armed. */
extern base_time lib_clock_armed;

#endif
