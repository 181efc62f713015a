/* driver.h - what an implementation of the pool has to offer to the conformance suite.
 *
 * One program is built for each driver; it defines conform_driver and links the cases, which see
 * the rig only (rig.h). A driver owns one pool and the upstream behind it, both made by open(). All
 * calls come from one thread.
 *
 * Time belongs to the driver: a virtual one jumps from event to event, also where the upstream is
 * real (lib_driver.c); a real one would poll, and say so by `is_virtual`.
 *
 * A take is answered by rig_served() or rig_refused(), from within any call, exactly once, unless
 * it was cancelled: then never.
 */
#ifndef DRIVER_H
#define DRIVER_H

#include "rig.h"

struct driver {
    bool is_virtual; /* time is a variable: the cases may ask for exact spans */
    bool is_fast;    /* tens of thousands of takes are a matter of a second or two */
    bool sees_tasks; /* it counts checks and resets one by one */
    /* How long a refused login is told to others who take, without another try. */
    base_time denial_hold;

    /* A pool that has not connected yet, and an upstream that accepts everything. */
    void *(*open)(struct rig *rig, const struct rig_settings *settings);
    /* Refuses who waits and closes what idles; what is lent goes when it is given back. */
    void (*close)(void *pool);
    /* Frees everything, upstream included. Nothing is connected any more. */
    void (*free)(void *pool);

    base_time (*now)(void *pool);
    /* Lets time pass until something happened, but not beyond `until`. */
    void (*step)(void *pool, base_time until);

    /* `taker` is the rig's number for whoever takes, below RIG_TAKERS; it has one take at a time.
     * give, detach and forget name what the taker holds. Statuses are 0 or negative. */
    void (*take)(void *pool, int taker, base_time deadline);
    bool (*cancel)(void *pool, int taker); /* false: takes of this kind cannot be cancelled */
    int (*give)(void *pool, int taker, enum rig_give how);
    int (*detach)(void *pool, int taker);
    int (*forget)(void *pool, int taker); /* a detached one is closed by its owner */
    int (*invalidate_held)(void *pool, int taker);
    void (*invalidate_all)(void *pool);
    /* The upstream is known to be alive: no back-off is waited out any more. */
    void (*retry)(void *pool);

    void (*count)(void *pool, struct rig_counts *ret_counts);

    void (*upstream)(void *pool, const struct rig_upstream *upstream);
    /* The upstream ends one connection, named as in rig_served(). */
    void (*kill)(void *pool, uint64_t server);
    /* It ends all of them and starts anew. None may be in the middle of anything. */
    void (*restart)(void *pool);
};

extern const struct driver conform_driver;

#endif
