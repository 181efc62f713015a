/* loop.c - the turn: wait, timers, events, the hook, flush, ends. net.h has the order.
 *
 * With io_uring (ring.c) streams send through the ring, receive through it where system calls are
 * dear, and epoll has the rest; without it, all. One event of a stream is one receive; what is left
 * in the socket is reported again by a later wait. A turn whose memory runs low ends early: the
 * events of the batch that were not dispatched yet belong to the next turn, which does not wait.
 *
 * Events are dispatched by the rank of their streams: the daemon's servers, then clients that log
 * in, then the rest. What the first two led to is sent before the rest is dispatched.
 *
 * After the events a turn goes in rounds until nothing is left to do:
 *
 *     deliver (resumed streams) <-> hook, until no stream was resumed
 *     flush    one send for every stream with output; with io_uring one that is alone may go with
 *              the next wait, and the turn's memory stays so long
 *     report   on_drain, on_close
 *
 * Rounds are bounded; what is left then makes the next turn start without waiting.
 *
 * Invariants
 *   1. When turn memory is reset no stream has slices queued, and none holds input in turn memory.
 *   2. Events point to objects that are alive: who goes away is forgotten (net_loop_forget).
 *
 * Test: unit/net/test_loop.c.
 */
#include "net/net_internal.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TURN_BYTES    (1024 * 1024)
#define RECEIVE_BYTES (16 * 1024)
#define ROUNDS_MAX    16

#define KIND_MASK ((uintptr_t)7)

base_time net_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (base_time)now.tv_sec * BASE_SECOND + (base_time)now.tv_nsec;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void options_default(struct net_loop_options *options)
{
    if (options->receive_bytes == 0) {
        options->receive_bytes = RECEIVE_BYTES;
    }
    if (options->turn_bytes == 0) {
        options->turn_bytes = TURN_BYTES;
    }
    /* A turn must have room for a few receives, or every turn would end after one event. */
    if (options->turn_bytes / 4 < options->receive_bytes) {
        options->receive_bytes = options->turn_bytes / 4;
    }
}

/* Memory that is short is an error with any backend; a kernel without io_uring only for who asked
 * for it. */
static int open_ring(struct net_loop *loop)
{
    enum net_backend backend = loop->options.backend;
    if (backend == NET_BACKEND_EPOLL) {
        return BASE_OK;
    }
    int status = net_ring_new(backend, loop->options.receive_bytes, &loop->ring);
    if (status == BASE_ESYSTEM) {
        status = backend == NET_BACKEND_AUTO ? BASE_OK : BASE_EUNSUPPORTED;
    }
    return status;
}

int net_loop_new(const struct net_loop_options *options, struct net_loop **ret_loop)
{
    struct net_loop *loop = calloc(1, sizeof(*loop));
    if (!loop) {
        return BASE_ENOMEM;
    }
    if (options) {
        loop->options = *options;
    }
    options_default(&loop->options);
    loop->signal_fd = -1;
    sigemptyset(&loop->signal_mask);
    base_list_init(&loop->work);
    loop->turn = malloc(loop->options.turn_bytes);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    int status = !loop->turn                        ? BASE_ENOMEM
                 : loop->epoll_fd < 0               ? BASE_ESYSTEM
                 : loop->options.receive_bytes == 0 ? BASE_EINVALID
                                                    : open_ring(loop);
    if (status != BASE_OK) {
        net_loop_free(loop);
        return status;
    }
    loop->now = net_clock();
    *ret_loop = loop;
    return BASE_OK;
}

base_time net_loop_now(const struct net_loop *loop)
{
    return loop->now;
}

enum net_backend net_loop_backend(const struct net_loop *loop)
{
    return net_ring_receives(loop->ring) ? NET_BACKEND_IO_URING
           : loop->ring                  ? NET_BACKEND_IO_URING_SENDS
                                         : NET_BACKEND_EPOLL;
}

const struct net_counters *net_loop_counters(const struct net_loop *loop)
{
    return &loop->counters;
}

void net_loop_stop(struct net_loop *loop)
{
    loop->is_stopped = true;
}

/* ---- epoll ----------------------------------------------------------------------------------- */

int net_loop_control(struct net_loop *loop, int op, int fd, uint32_t events, void *object,
                     enum net_kind kind)
{
    struct epoll_event event = {.events = events, .data.u64 = (uintptr_t)object | (uintptr_t)kind};
    loop->counters.epoll_ctls++;
    return epoll_ctl(loop->epoll_fd, op, fd, &event) == 0 ? BASE_OK : BASE_ESYSTEM;
}

int net_loop_collect(struct net_loop *loop, int wait_ms)
{
    struct epoll_event found[NET_EVENTS_MAX];
    int count = epoll_wait(loop->epoll_fd, found, NET_EVENTS_MAX, wait_ms);
    if (count < 0) {
        return errno == EINTR ? BASE_OK : BASE_ESYSTEM;
    }
    for (int i = 0; i < count; i++) {
        loop->events[loop->event_count++] =
            (struct net_event){.data = found[i].data.u64, .events = found[i].events};
    }
    return BASE_OK;
}

void net_loop_forget(struct net_loop *loop, const void *object)
{
    for (int i = loop->event_idx; i < loop->event_count; i++) {
        if ((loop->events[i].data & ~KIND_MASK) == (uintptr_t)object) {
            loop->events[i].data = 0;
        }
    }
}

static void dispatch(struct net_loop *loop, struct net_event event)
{
    void *object = (void *)(uintptr_t)(event.data & ~KIND_MASK);
    struct base_slice bytes =
        event.buffer ? net_ring_take(loop->ring, &event) : base_slice_of(NULL, 0);
    if (!object) {
        return;
    }
    switch ((enum net_kind)(event.data & KIND_MASK)) {
    case NET_KIND_RECEIVED:
        net_stream_received(object, event.result, bytes);
        break;
    case NET_KIND_STREAM:
        net_stream_event(object, event.events);
        break;
    case NET_KIND_LISTENER:
        net_listener_event(loop, object);
        break;
    case NET_KIND_WATCH:
        net_watch_event(object, event.events);
        break;
    case NET_KIND_SIGNALS:
        net_signal_event(loop);
        break;
    }
}

static base_time wait_time(const struct net_loop *loop, base_time max_wait)
{
    if (!base_list_is_empty(&loop->work) || loop->is_hook_due) {
        return 0;
    }
    base_time next = net_timers_next(loop);
    base_time wait = next == BASE_NEVER ? BASE_NEVER : base_time_since(next, loop->now);
    return wait < max_wait ? wait : max_wait;
}

static int wait_ms(base_time wait)
{
    if (wait == BASE_NEVER) {
        return -1;
    }
    /* Rounded up: a timer must not be waited for in a spin. */
    base_time ms = wait / BASE_MS + (wait % BASE_MS != 0);
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

static enum net_rank rank_of(const struct net_event *event)
{
    const struct net_stream *stream = (void *)(uintptr_t)(event->data & ~KIND_MASK);
    enum net_kind kind = (enum net_kind)(event->data & KIND_MASK);
    bool is_of_stream = stream && (kind == NET_KIND_STREAM || kind == NET_KIND_RECEIVED);
    return is_of_stream ? (enum net_rank)((stream->flags & NET_RANK_MASK) >> NET_RANK_SHIFT)
                        : NET_RANK_LAST;
}

/* By rank, the highest first; otherwise the order stays. */
static void sort_events(struct net_loop *loop)
{
    struct net_event sorted[2 * NET_EVENTS_MAX];
    int count = 0;
    if (loop->event_count == 1) {
        loop->prompt_count = rank_of(&loop->events[0]) > NET_RANK_LAST;
        return;
    }
    for (int rank = NET_RANK_FIRST; rank >= NET_RANK_LAST; rank--) {
        loop->prompt_count = count;
        for (int i = 0; i < loop->event_count; i++) {
            if ((int)rank_of(&loop->events[i]) == rank) {
                sorted[count++] = loop->events[i];
            }
        }
    }
    memcpy(loop->events, sorted, (size_t)count * sizeof(sorted[0]));
}

static int wait_for_events(struct net_loop *loop, base_time max_wait)
{
    if (loop->event_idx < loop->event_count) {
        INVARIANT(!net_ring_is_holding(loop->ring));
        return BASE_OK;
    }
    base_time wait = wait_time(loop, max_wait);
    loop->counters.waits++;
    loop->event_idx = 0;
    loop->event_count = 0;
    int status = net_ring_receives(loop->ring) ? net_ring_wait(loop, wait)
                                               : net_loop_collect(loop, wait_ms(wait));
    sort_events(loop);
    return status;
}

/* ---- phases ---------------------------------------------------------------------------------- */

static void phase_one(struct net_stream *stream, uint32_t todo)
{
    if (todo & NET_DO_INPUT) {
        net_stream_work_input(stream, todo);
    } else if (todo & NET_DO_SEND) {
        net_stream_work_send(stream);
    } else if (todo & NET_DO_DRAIN) {
        if (!(stream->flags & (NET_IS_CLOSING | NET_IS_ENDED)) && stream->ops->on_drain) {
            stream->ops->on_drain(stream);
        }
    } else if (todo & NET_DO_KEEP) {
        net_stream_work_keep(stream);
    }
}

/* Does `mask` for every stream that asks for it now; true when one did. */
static bool phase(struct net_loop *loop, uint32_t mask)
{
    if (!(loop->work_mask & mask)) {
        return false;
    }
    bool did = false;
    loop->work_mask &= ~mask;
    struct base_list todo_list;
    base_list_insert_after(loop->work.prev, &todo_list);
    base_list_remove(&loop->work); /* the list goes on with todo_list as its head */
    while (!base_list_is_empty(&todo_list)) {
        struct net_stream *stream = base_list_entry(todo_list.next, struct net_stream, link);
        base_list_remove(&stream->link);
        uint32_t todo = stream->flags & mask;
        stream->flags &= ~todo;
        did = did || todo;
        if (todo & NET_DO_END) {
            net_stream_work_end(stream);
            continue; /* it may be freed */
        }
        phase_one(stream, todo);
        if ((stream->flags & NET_DO_ANY) && base_list_is_empty(&stream->link)) {
            base_list_push_back(&loop->work, &stream->link);
        }
    }
    if ((mask & NET_DO_SEND) && loop->ring) {
        net_ring_flush(loop);
    }
    return did;
}

/* What streams of rank said goes out before the others are heard: who it is for starts sooner,
 * and what comes back meanwhile makes the next batch larger. At least one event is dispatched,
 * however little turn memory the timers have left. */
static void dispatch_all(struct net_loop *loop)
{
    while (loop->event_idx < loop->event_count) {
        if (loop->event_idx == loop->prompt_count) {
            (void)phase(loop, NET_DO_INPUT);
            (void)phase(loop, NET_DO_SEND);
        }
        dispatch(loop, loop->events[loop->event_idx++]);
        if (net_turn_is_low(loop)) {
            return;
        }
    }
}

static void deliver_and_decide(struct net_loop *loop)
{
    (void)phase(loop, NET_DO_INPUT);
    for (int round = 0; round < ROUNDS_MAX; round++) {
        loop->is_hook_due = false;
        if (loop->options.on_turn) {
            loop->options.on_turn(loop->options.host);
        }
        if (!phase(loop, NET_DO_INPUT)) {
            return;
        }
        loop->is_hook_due = true;
    }
}

static void finish_turn(struct net_loop *loop)
{
    bool is_more = true;
    for (int round = 0; round < ROUNDS_MAX && is_more; round++) {
        deliver_and_decide(loop);
        (void)phase(loop, NET_DO_SEND);
        is_more = phase(loop, NET_DO_DRAIN);
        is_more = phase(loop, NET_DO_END) || is_more;
        loop->is_hook_due = loop->is_hook_due || is_more;
    }
    (void)phase(loop, NET_DO_SEND);
    (void)phase(loop, NET_DO_KEEP);
    if (!net_ring_is_holding(loop->ring)) {
        net_turn_reset(loop);
    }
}

int net_loop_turn(struct net_loop *loop, base_time max_wait)
{
    INVARIANT(!loop->is_in_turn);
    int status = wait_for_events(loop, max_wait);
    if (status != BASE_OK) {
        return status;
    }
    loop->is_in_turn = true;
    loop->counters.turns++;
    loop->now = net_clock();
    net_timers_fire(loop);
    dispatch_all(loop);
    finish_turn(loop);
    loop->is_in_turn = false;
    return BASE_OK;
}

int net_loop_run(struct net_loop *loop)
{
    int status = BASE_OK;
    loop->now = net_clock();
    loop->is_running = true;
    while (!loop->is_stopped && status == BASE_OK) {
        status = net_loop_turn(loop, BASE_NEVER);
    }
    loop->is_running = loop->is_stopped = false;
    INVARIANT(!net_ring_is_holding(loop->ring));
    return status;
}

void net_loop_free(struct net_loop *loop)
{
    if (!loop) {
        return;
    }
    (void)phase(loop, NET_DO_SEND);
    while (phase(loop, NET_DO_END)) {
    }
    net_signal_done(loop);
    net_turn_reset(loop);
    net_ring_free(loop->ring);
    if (loop->epoll_fd >= 0) {
        close(loop->epoll_fd);
    }
    free(loop->timers);
    free(loop->turn);
    free(loop);
}
