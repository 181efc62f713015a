/* random_world.h - a whole world around the core, drawn from a seed, with its own checkers.
 *
 * Virtual time; upstreams that accept after a delay, refuse, hang, start up, refuse a login and
 * kill servers; several pools under shared scopes; a peer for each scope, at every level (upstream,
 * database, user, a pooler for one pool), that is full at a number of connections of its own;
 * clients that claim, cancel, hold and give back in every way; an operator who pauses, invalidates,
 * changes limits, closes and opens pools. Which of these happen is drawn too (swarm testing), so
 * that quiet worlds exist in which stricter promises can be checked.
 *
 * The checkers see events and effects only, never the inside of the core. Each failure prints the
 * seed and the number of the event and aborts.
 *   limits      no OPEN where a scope is at its limit, by the world's own count; never more than
 *               max_connecting in flight, nor more than waiters and the wanted minimum
 *   claims      each ends exactly once, granted before its deadline or refused exactly at it
 *   order       a grant goes to the claim that waits longest in its lane and pool
 *   servers     no server is lent twice, or lent dirty, dead, closing or of another pool
 *   ceilings    above what a scope's refusals have told one connect at a time is tried, for a
 *               waiting claim, and not again before a while
 *   outage      one prober at a time once an upstream stopped answering
 *   liveness    in a world without outages no claim waits beside a slot it may use, whatever is
 *               full elsewhere; in every world all claims are served once the faults end, and every
 *               slot is there again
 */
#ifndef RANDOM_WORLD_H
#define RANDOM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

struct random_result {
    uint64_t events;
    uint64_t grants, timeouts, refusals, opens, closes, checks, resets;
    uint64_t refused_as_full[4]; /* by kind of scope */
    uint64_t hash;               /* of every effect in order */
};

/* Runs `events` events and the quiet end. core_check() runs every `check_every` events; 0 = never.
 */
struct random_result random_world_run(uint64_t seed, uint64_t events, uint32_t check_every);

#endif
