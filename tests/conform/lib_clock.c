/* lib_clock.c - see lib_clock.h. */
#include "lib_clock.h"

#include <sys/timerfd.h>
#include <time.h>

base_time lib_clock_now, lib_clock_armed = BASE_NEVER;

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_now);
int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *spec,
                           struct itimerspec *ret_old);

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_now)
{
    (void)clock;
    *ret_now = (struct timespec){.tv_sec = (time_t)(lib_clock_now / BASE_SECOND),
                                 .tv_nsec = (long)(lib_clock_now % BASE_SECOND)};
    return 0;
}

/* The library has one timer, in absolute time; zero disarms it. */
int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *spec,
                           struct itimerspec *ret_old)
{
    (void)fd;
    (void)flags;
    (void)ret_old;
    base_time at =
        (base_time)spec->it_value.tv_sec * BASE_SECOND + (base_time)spec->it_value.tv_nsec;
    lib_clock_armed = at == 0 ? BASE_NEVER : at;
    return 0;
}
