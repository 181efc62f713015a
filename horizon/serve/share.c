/* share.c - see share.h. */
#include "serve/share.h"

#define SPARE 1

static uint32_t less(uint32_t limit, uint32_t others)
{
    if (limit == SHARE_NONE) {
        return SHARE_NONE;
    }
    return limit > others ? limit - others : 0;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t at_least_one(uint32_t value)
{
    return value > 0 ? value : 1;
}

struct share share_compute(const struct share_limits *limits, uint32_t pool_size,
                           uint32_t max_overflow, uint32_t processes)
{
    uint32_t granted = least(less(limits->server, limits->server_others),
                             least(less(limits->role, limits->role_others),
                                   less(limits->database, limits->database_others)));
    uint32_t kept = processes + SPARE;
    uint32_t asked = pool_size + max_overflow;
    uint32_t for_pools = granted == SHARE_NONE ? asked : granted > kept ? granted - kept : 0;
    uint32_t each = at_least_one(least(asked, for_pools) / processes);
    uint32_t size = at_least_one(pool_size / processes);
    struct share share = {
        .granted = granted,
        .asked = asked,
        .in_use = each * processes,
        .size = least(size, each),
        .is_short = granted != SHARE_NONE && granted < asked + processes,
    };
    share.overflow = each - share.size;
    return share;
}

uint32_t share_of_user(uint32_t count, uint32_t percent)
{
    return (uint32_t)(((uint64_t)count * percent + 99) / 100);
}

static uint32_t some_of(uint32_t all, uint32_t percent)
{
    uint32_t some = share_of_user(all, percent);
    return some < all ? some : SHARE_NONE;
}

uint32_t share_of_user_running(const struct share *share, uint32_t ceiling, uint32_t threads,
                               uint32_t percent)
{
    return least(some_of(least(share->size + share->overflow, ceiling), percent),
                 some_of(threads, percent));
}
