/* lib_clock.c - see lib_clock.h. */
#include "lib_clock.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/timerfd.h>
#include <time.h>

static _Atomic base_time present, armed = BASE_NEVER;

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_now);
int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *spec,
                           struct itimerspec *ret_old);
int __wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                 const sigset_t *signals);
int __real_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                 const sigset_t *signals);
int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                  const struct timespec *until);

base_time lib_clock_now(void)
{
    return atomic_load(&present);
}

void lib_clock_set(base_time now)
{
    atomic_store(&present, now);
}

base_time lib_clock_armed(void)
{
    return atomic_load(&armed);
}

void lib_clock_disarm(void)
{
    atomic_store(&armed, BASE_NEVER);
}

static base_time time_of(const struct timespec *time)
{
    return (base_time)time->tv_sec * BASE_SECOND + (base_time)time->tv_nsec;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_now)
{
    base_time now = lib_clock_now();
    (void)clock;
    *ret_now = (struct timespec){.tv_sec = (time_t)(now / BASE_SECOND),
                                 .tv_nsec = (long)(now % BASE_SECOND)};
    return 0;
}

/* The library has one timer, in absolute time; zero disarms it. */
int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *spec,
                           struct itimerspec *ret_old)
{
    base_time at = time_of(&spec->it_value);
    (void)fd;
    (void)flags;
    (void)ret_old;
    atomic_store(&armed, at == 0 ? BASE_NEVER : at);
    return 0;
}

int __wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                 const sigset_t *signals)
{
    bool is_look = timeout != NULL && time_of(timeout) == 0;
    return __real_ppoll(fds, count, is_look ? timeout : NULL, signals);
}

int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                  const struct timespec *until)
{
    (void)until;
    return pthread_cond_wait(cond, mutex);
}
