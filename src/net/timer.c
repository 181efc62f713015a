/* timer.c - timers in a binary heap of pointers: earliest deadline first, equal ones in order of
 * arming (seq).
 *
 * Invariants
 *   1. timers[t->heap_pos] == t for every armed timer; positions begin at 1, 0 is "not armed".
 *   2. No timer comes before its parent (deadline, then seq).
 *   3. A timer that is armed while timers fire waits for the next turn, even when it is due.
 *
 * The heap grows by doubling and never shrinks. A process that cannot get memory for a timer ends:
 * it could keep no promise any more. Test: unit/net/test_timer.c.
 */
#include "net/net_internal.h"

#include <stdlib.h>

static bool is_before(const struct net_timer *a, const struct net_timer *b)
{
    return a->deadline != b->deadline ? a->deadline < b->deadline : a->seq < b->seq;
}

static void place(struct net_loop *loop, struct net_timer *timer, uint32_t pos)
{
    loop->timers[pos] = timer;
    timer->heap_pos = pos;
}

static void sift_up(struct net_loop *loop, struct net_timer *timer, uint32_t pos)
{
    while (pos > 1 && is_before(timer, loop->timers[pos / 2])) {
        place(loop, loop->timers[pos / 2], pos);
        pos /= 2;
    }
    place(loop, timer, pos);
}

static void sift_down(struct net_loop *loop, struct net_timer *timer, uint32_t pos)
{
    for (;;) {
        uint32_t child = pos * 2;
        if (child > loop->timer_count) {
            break;
        }
        if (child < loop->timer_count && is_before(loop->timers[child + 1], loop->timers[child])) {
            child++;
        }
        if (!is_before(loop->timers[child], timer)) {
            break;
        }
        place(loop, loop->timers[child], pos);
        pos = child;
    }
    place(loop, timer, pos);
}

static void reserve(struct net_loop *loop)
{
    if (loop->timer_count + 1 < loop->timer_room) {
        return;
    }
    uint32_t room = loop->timer_room ? loop->timer_room * 2 : 64;
    struct net_timer **larger = realloc(loop->timers, room * sizeof(struct net_timer *));
    if (!larger) {
        net_fatal_memory(room * sizeof(struct net_timer *));
    }
    loop->timers = larger;
    loop->timer_room = room;
}

static void disarm(struct net_loop *loop, struct net_timer *timer)
{
    uint32_t pos = timer->heap_pos;
    INVARIANT(pos <= loop->timer_count && loop->timers[pos] == timer);
    struct net_timer *last = loop->timers[loop->timer_count--];
    timer->heap_pos = 0;
    if (last == timer) {
        return;
    }
    if (pos > 1 && is_before(last, loop->timers[pos / 2])) {
        sift_up(loop, last, pos);
    } else {
        sift_down(loop, last, pos);
    }
}

void net_timer_set(struct net_loop *loop, struct net_timer *timer, base_time deadline)
{
    if (timer->heap_pos) {
        disarm(loop, timer);
    }
    timer->deadline = deadline;
    if (deadline == BASE_NEVER) {
        return;
    }
    timer->seq = loop->timer_seq++;
    reserve(loop);
    sift_up(loop, timer, ++loop->timer_count);
}

base_time net_timers_next(const struct net_loop *loop)
{
    return loop->timer_count ? loop->timers[1]->deadline : BASE_NEVER;
}

void net_timers_fire(struct net_loop *loop)
{
    uint64_t seq_end = loop->timer_seq;
    while (loop->timer_count && loop->timers[1]->deadline <= loop->now &&
           loop->timers[1]->seq < seq_end) {
        struct net_timer *timer = loop->timers[1];
        disarm(loop, timer);
        timer->fire(timer);
    }
}
