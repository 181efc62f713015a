/* ring.c - io_uring: the sends of a turn in one system call, and so its receives where calls are
 * dear.
 *
 *     stream wants input -> net_ring_receive -> SQE -+
 *                                                    +-> net_ring_wait: submit, wait, reap ->
 * events epoll has something (the ring polls it) -------+
 *
 *     stream has output -> net_ring_send ... net_ring_flush: submit, reap -> net_stream_sent
 *                                              +-> one alone: held, with the next net_ring_wait
 *
 * Everything that is rare (accepting, connecting, room for a backlog, a hang-up while nobody reads,
 * foreign descriptors, signals) stays with epoll. Receives as well where a system call is cheap:
 * what the ring does for each is more than epoll's part and a call. Where it is dear streams
 * receive here, and the ring polls epoll's descriptor.
 *
 * A receive is asked for once and completes once: what a stream is not ready for stays in its
 * socket. The kernel takes a buffer for it only when bytes are there, so a stream that waits owns
 * none. It gets them back at the end of the turn; until then they are turn memory.
 *
 * Sends have a ring of their own, with MSG_DONTWAIT: each is complete when the call returns, and
 * their completions do not mix with those that are waited for.
 *
 * Where a call is dear, too, the only send of a turn is held, and goes with the wait that follows
 * it: one call for both. It is the first of what is submitted, so that its receiver starts while
 * the rest is asked for. The kernel says nothing of it when it took all (MSG_WAITALL makes less a
 * failure).
 *
 * Invariants
 *   1. A slot is taken exactly while its receive is under way; its stream is NULL when that has
 *      gone meanwhile. So a completion never follows a pointer to what was freed.
 *   2. A buffer is the kernel's, or is held by an event that was not dispatched, or is in `used`.
 *   3. Between flushes no send is under way. One that is held is over when the wait ends; until
 *      then no callback runs, and the turn's memory stays.
 *   4. No SQE of a socket is left in the queue when that is closed.
 *
 * The rings belong to the thread that makes them. Test: unit/net, as net io_uring.
 */
#include "net/net_internal.h"

#include <errno.h>
#include <limits.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_COUNT   128 /* a power of two; receives that find none are asked for again */
#define BUFFER_GROUP   0
#define RECEIVE_SQES   512
#define RECEIVE_CQES   8192
#define SENDS_MAX      256 /* in one call */
#define SLOTS_AT_FIRST 64
#define HELD_BYTES_MAX (16 * 1024)

/* A held send wins one system call and costs half a microsecond; a receive is much the same. */
#define DEAR_CALL    (BASE_US / 2)
#define COST_BATCHES 16
#define COST_CALLS   16

/* User data: the poll of epoll's descriptor, the held send, nobody; a slot, from 1, otherwise. */
#define DATA_EPOLL 0
#define DATA_HELD  (UINT64_MAX - 1) /* UINT64_MAX is liburing's own */
#define DATA_NONE  (UINT64_MAX - 2)

#define SETUP_FLAGS \
    (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL)

struct slot {
    struct net_stream *stream; /* NULL: gone */
    struct io_uring_sqe *sqe;  /* what asks for it, until it is submitted */
    uint32_t position;         /* of the SQE in the queue */
    uint32_t next_free;        /* from 1 */
};

struct net_ring {
    struct io_uring receives;
    struct io_uring sends;
    bool has_receives, has_sends, is_polling;

    struct io_uring_buf_ring *buffers;
    uint8_t *bytes; /* BUFFER_COUNT times receive_bytes */
    uint32_t receive_bytes;
    uint16_t used[BUFFER_COUNT];
    uint32_t used_count;

    struct slot *slots;
    uint32_t slot_count;
    uint32_t free_slot; /* from 1; 0: none */

    struct net_output outputs[SENDS_MAX];
    struct msghdr messages[SENDS_MAX];
    uint32_t output_count;

    bool is_dear;    /* a system call is */
    bool is_holding; /* outputs[0], the only one, goes with the next wait */
    struct io_uring_sqe *held_sqe;
    uint32_t held_position; /* of the SQE in the queue */
};

/* ---- life ------------------------------------------------------------------------------------ */

static int setup_status(int result)
{
    return result == -ENOMEM ? BASE_ENOMEM : BASE_ESYSTEM;
}

static int open_receives(struct net_ring *ring)
{
    struct io_uring_params params = {.flags = SETUP_FLAGS | IORING_SETUP_CQSIZE,
                                     .cq_entries = RECEIVE_CQES};
    int r = io_uring_queue_init_params(RECEIVE_SQES, &ring->receives, &params);
    ring->has_receives = r == 0;
    if (r < 0) {
        return setup_status(r);
    }
    return params.features & IORING_FEAT_EXT_ARG ? BASE_OK : BASE_ESYSTEM;
}

static int open_sends(struct net_ring *ring)
{
    struct io_uring_params params = {.flags = SETUP_FLAGS};
    int r = io_uring_queue_init_params(SENDS_MAX, &ring->sends, &params);
    ring->has_sends = r == 0;
    return r < 0 ? setup_status(r) : BASE_OK;
}

static void give_buffer(struct net_ring *ring, uint16_t buffer, int offset)
{
    io_uring_buf_ring_add(ring->buffers, ring->bytes + (size_t)buffer * ring->receive_bytes,
                          ring->receive_bytes, buffer, BUFFER_COUNT - 1, offset);
}

static int open_buffers(struct net_ring *ring)
{
    size_t size = BUFFER_COUNT * sizeof(struct io_uring_buf);
    struct io_uring_buf_reg registration = {.ring_entries = BUFFER_COUNT, .bgid = BUFFER_GROUP};
    ring->bytes = malloc((size_t)BUFFER_COUNT * ring->receive_bytes);
    if (!ring->bytes || posix_memalign((void **)&ring->buffers, 4096, size) != 0) {
        return BASE_ENOMEM;
    }
    memset(ring->buffers, 0, size);
    registration.ring_addr = (uintptr_t)ring->buffers;
    int r = io_uring_register_buf_ring(&ring->receives, &registration, 0);
    if (r < 0) {
        return setup_status(r);
    }
    io_uring_buf_ring_init(ring->buffers);
    for (uint16_t i = 0; i < BUFFER_COUNT; i++) {
        give_buffer(ring, i, i);
    }
    io_uring_buf_ring_advance(ring->buffers, BUFFER_COUNT);
    return BASE_OK;
}

/* Of a system call that does nothing, the least of several readings: others run meanwhile. */
static base_time call_cost(void)
{
    base_time least = BASE_NEVER;
    for (int batch = 0; batch < COST_BATCHES; batch++) {
        base_time begin = net_clock();
        for (int i = 0; i < COST_CALLS; i++) {
            (void)getppid();
        }
        base_time span = base_time_since(net_clock(), begin) / COST_CALLS;
        least = span < least ? span : least;
    }
    return least;
}

int net_ring_new(enum net_backend backend, uint32_t receive_bytes, struct net_ring **ret_ring)
{
    struct net_ring *ring = calloc(1, sizeof(*ring));
    if (!ring) {
        return BASE_ENOMEM;
    }
    ring->receive_bytes = receive_bytes;
    ring->is_dear = call_cost() >= DEAR_CALL;
    int r = open_sends(ring);
    if (backend == NET_BACKEND_IO_URING || (backend == NET_BACKEND_AUTO && ring->is_dear)) {
        r = r < 0 ? r : open_receives(ring);
        r = r < 0 ? r : open_buffers(ring);
    }
    if (r < 0) {
        net_ring_free(ring);
        return r;
    }
    *ret_ring = ring;
    return BASE_OK;
}

bool net_ring_receives(const struct net_ring *ring)
{
    return ring && ring->has_receives;
}

void net_ring_free(struct net_ring *ring)
{
    if (!ring) {
        return;
    }
    if (ring->has_receives) {
        io_uring_queue_exit(&ring->receives);
    }
    if (ring->has_sends) {
        io_uring_queue_exit(&ring->sends);
    }
    free(ring->slots);
    free(ring->buffers);
    free(ring->bytes);
    free(ring);
}

/* ---- receiving ------------------------------------------------------------------------------- */

/* Is the SQE at `position` one of those that the kernel has not taken? Positions begin anew after
 * 2^32: who waited that long has to look at the SQE as well. */
static bool is_queued(const struct net_ring *ring, uint32_t position)
{
    const struct io_uring_sq *sq = &ring->receives.sq;
    return net_ring_has(io_uring_smp_load_acquire(sq->khead), sq->sqe_tail, position);
}

/* A place in the queue; what is in it is submitted when it is full. */
static struct io_uring_sqe *next_sqe(struct io_uring *ring)
{
    struct io_uring_sqe *sqe;
    while (!(sqe = io_uring_get_sqe(ring))) {
        int r = io_uring_submit(ring);
        if (r < 0 && r != -EINTR && r != -EAGAIN && r != -EBUSY) {
            net_fatal_memory(sizeof(*sqe));
        }
    }
    return sqe;
}

static bool grow_slots(struct net_ring *ring)
{
    uint32_t more = ring->slot_count ? ring->slot_count * 2 : SLOTS_AT_FIRST;
    struct slot *larger = realloc(ring->slots, more * sizeof(*larger));
    if (!larger) {
        return false;
    }
    for (uint32_t i = ring->slot_count; i < more; i++) {
        larger[i] = (struct slot){.next_free = i + 1 < more ? i + 2 : 0};
    }
    ring->slots = larger;
    ring->free_slot = ring->slot_count + 1;
    ring->slot_count = more;
    return true;
}

void net_ring_receive(struct net_stream *stream)
{
    struct net_ring *ring = stream->loop->ring;
    if (stream->receive_slot) {
        return;
    }
    if (!ring->free_slot && !grow_slots(ring)) {
        net_stream_end(stream, BASE_ENOMEM);
        return;
    }
    stream->receive_slot = ring->free_slot;
    struct slot *slot = &ring->slots[stream->receive_slot - 1];
    ring->free_slot = slot->next_free;
    slot->stream = stream;
    struct io_uring_sqe *sqe = next_sqe(&ring->receives);
    slot->sqe = sqe;
    slot->position = ring->receives.sq.sqe_tail - 1;
    io_uring_prep_recv(sqe, stream->fd, NULL, ring->receive_bytes, 0);
    sqe->ioprio |= IORING_RECVSEND_POLL_FIRST; /* what was answered just now has not come yet */
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = BUFFER_GROUP;
    io_uring_sqe_set_data64(sqe, stream->receive_slot);
}

/* An SQE names its socket by number, which may be another socket's by the time it is submitted. */
void net_ring_forget(struct net_stream *stream)
{
    struct net_ring *ring = stream->loop->ring;
    if (!stream->receive_slot) {
        return;
    }
    struct slot *slot = &ring->slots[stream->receive_slot - 1];
    if (is_queued(ring, slot->position) && slot->sqe->user_data == stream->receive_slot) {
        io_uring_prep_nop(slot->sqe);
        io_uring_sqe_set_data64(slot->sqe, stream->receive_slot);
    }
    slot->stream = NULL;
    stream->receive_slot = 0;
}

/* The receive of a slot is over: its event, for nobody when the stream has gone. */
static struct net_event end_receive(struct net_ring *ring, const struct io_uring_cqe *cqe)
{
    struct slot *slot = &ring->slots[cqe->user_data - 1];
    struct net_event event = {.result = cqe->res};
    if (cqe->flags & IORING_CQE_F_BUFFER) {
        event.buffer = (cqe->flags >> IORING_CQE_BUFFER_SHIFT) + 1;
    }
    if (slot->stream) {
        slot->stream->receive_slot = 0;
        event.data = (uintptr_t)slot->stream | (uintptr_t)NET_KIND_RECEIVED;
        slot->stream = NULL;
    }
    slot->next_free = ring->free_slot;
    ring->free_slot = (uint32_t)cqe->user_data;
    return event;
}

struct base_slice net_ring_take(struct net_ring *ring, const struct net_event *event)
{
    if (event->buffer == 0) {
        return base_slice_of(NULL, 0);
    }
    uint32_t buffer = event->buffer - 1;
    INVARIANT(buffer < BUFFER_COUNT && ring->used_count < BUFFER_COUNT);
    ring->used[ring->used_count++] = (uint16_t)buffer;
    return base_slice_of(ring->bytes + (size_t)buffer * ring->receive_bytes,
                         event->result > 0 ? (size_t)event->result : 0);
}

void net_ring_reset(struct net_ring *ring)
{
    if (ring->used_count == 0) {
        return;
    }
    for (uint32_t i = 0; i < ring->used_count; i++) {
        give_buffer(ring, ring->used[i], (int)i);
    }
    io_uring_buf_ring_advance(ring->buffers, (int)ring->used_count);
    ring->used_count = 0;
}

/* ---- the send that goes with the wait -------------------------------------------------------- */

/* The stream need not be told before the wait is over, and the kernel will nearly always take all.
 */
static bool is_light(const struct net_output *output)
{
    uint32_t heedful = NET_IS_CLOSING | NET_IS_ENDED | NET_IS_MUTE | NET_IS_OVER_HIGH;
    return output->count == 1 && output->slices->iov_len <= HELD_BYTES_MAX &&
           !(output->stream->flags & heedful);
}

/* Is nothing left to do before the loop waits? */
static bool is_done(const struct net_loop *loop)
{
    return loop->event_idx == loop->event_count && !(loop->work_mask & (NET_DO_DRAIN | NET_DO_END));
}

/* May what the turn holds be kept while the loop sleeps? Not memory of the heap, nor most of the
 * buffers. */
static bool is_frugal(const struct net_loop *loop)
{
    return !loop->blocks && !loop->buried && loop->ring->used_count < BUFFER_COUNT / 2;
}

/* Will the kernel take what is submitted next first, and can it say at once what became of it? */
static bool is_clear(const struct net_ring *ring)
{
    const struct io_uring_sq *sq = &ring->receives.sq;
    return io_uring_smp_load_acquire(sq->khead) == sq->sqe_head &&
           io_uring_cq_ready(&ring->receives) == 0 && !io_uring_cq_has_overflow(&ring->receives);
}

static bool may_hold(const struct net_loop *loop)
{
    const struct net_ring *ring = loop->ring;
    return ring->is_dear && ring->has_receives && ring->output_count == 1 &&
           is_light(&ring->outputs[0]) && loop->is_running && !loop->is_stopped && is_done(loop) &&
           is_frugal(loop) && is_clear(ring);
}

bool net_ring_is_holding(const struct net_ring *ring)
{
    return ring && ring->is_holding;
}

/* Changes places with the first SQE that was not submitted yet. Returns its new place. */
static struct io_uring_sqe *put_first(struct net_ring *ring, struct io_uring_sqe *sqe)
{
    const struct io_uring_sq *sq = &ring->receives.sq;
    struct io_uring_sqe *first = &sq->sqes[sq->sqe_head & sq->ring_mask];
    if (first != sqe) {
        struct io_uring_sqe moved = *first;
        *first = *sqe;
        *sqe = moved;
        if (moved.user_data != DATA_EPOLL && moved.user_data != DATA_NONE) {
            struct slot *slot = &ring->slots[moved.user_data - 1];
            slot->sqe = sqe;
            slot->position = sq->sqe_tail - 1;
        }
    }
    return first;
}

static void queue_held(struct net_ring *ring)
{
    const struct net_output *output = &ring->outputs[0];
    struct io_uring_sqe *sqe = next_sqe(&ring->receives);
    io_uring_prep_send(sqe, output->stream->fd, output->slices->iov_base, output->slices->iov_len,
                       MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    io_uring_sqe_set_data64(sqe, DATA_HELD);
    ring->held_sqe = put_first(ring, sqe);
    ring->held_position = ring->receives.sq.sqe_head;
}

/* What the kernel says of it; silence is all of its bytes. */
static int held_result(struct net_ring *ring)
{
    int result = (int)ring->outputs[0].slices->iov_len;
    struct io_uring_cqe *cqe;
    unsigned head;
    io_uring_for_each_cqe(&ring->receives, head, cqe)
    {
        if (cqe->user_data == DATA_HELD) {
            result = cqe->res;
            cqe->user_data = DATA_NONE;
        }
    }
    return result;
}

/* After the wait. Only now the turn that the send belongs to is over. */
static void end_held(struct net_loop *loop)
{
    struct net_ring *ring = loop->ring;
    ring->is_holding = false;
    ring->output_count = 0;
    if (is_queued(ring, ring->held_position)) {
        /* The kernel did not come to it, for want of memory or of room for completions. */
        io_uring_prep_nop(ring->held_sqe);
        io_uring_sqe_set_data64(ring->held_sqe, DATA_NONE);
        net_stream_send_now(&ring->outputs[0]);
    } else {
        loop->counters.held_sends++;
        net_stream_sent(&ring->outputs[0], held_result(ring));
    }
    net_turn_reset(loop);
}

/* ---- waiting --------------------------------------------------------------------------------- */

static void poll_epoll(struct net_loop *loop)
{
    struct net_ring *ring = loop->ring;
    if (!ring->is_polling) {
        struct io_uring_sqe *sqe = next_sqe(&ring->receives);
        io_uring_prep_poll_add(sqe, loop->epoll_fd, EPOLLIN);
        io_uring_sqe_set_data64(sqe, DATA_EPOLL);
        ring->is_polling = true;
    }
}

static int submit_and_wait(struct net_ring *ring, base_time wait)
{
    struct __kernel_timespec time = {.tv_sec = (int64_t)(wait / BASE_SECOND),
                                     .tv_nsec = (long long)(wait % BASE_SECOND)};
    struct io_uring_cqe *first;
    int r = wait == 0 ? io_uring_submit_and_get_events(&ring->receives)
                      : io_uring_submit_and_wait_timeout(&ring->receives, &first, 1,
                                                         wait == BASE_NEVER ? NULL : &time, NULL);
    /* EBUSY, EAGAIN: completions have to be reaped, or memory found, before more is submitted. */
    bool is_fine = r >= 0 || r == -ETIME || r == -EINTR || r == -EBUSY || r == -EAGAIN;
    return is_fine ? BASE_OK : BASE_ESYSTEM;
}

int net_ring_wait(struct net_loop *loop, base_time wait)
{
    struct net_ring *ring = loop->ring;
    struct io_uring_cqe *cqe;
    unsigned head;
    int reaped = 0;
    bool has_epoll = false;
    poll_epoll(loop);
    if (ring->is_holding) {
        queue_held(ring);
    }
    int status = submit_and_wait(ring, wait);
    if (ring->is_holding) {
        end_held(loop);
    }
    if (status != BASE_OK) {
        return status;
    }
    io_uring_for_each_cqe(&ring->receives, head, cqe)
    {
        if (reaped == NET_EVENTS_MAX) {
            break;
        }
        reaped++;
        if (cqe->user_data == DATA_EPOLL) {
            has_epoll = true;
        } else if (cqe->user_data != DATA_NONE) {
            loop->events[loop->event_count++] = end_receive(ring, cqe);
        }
    }
    io_uring_cq_advance(&ring->receives, (unsigned)reaped);
    if (!has_epoll) {
        return BASE_OK;
    }
    ring->is_polling = false;
    return net_loop_collect(loop, 0);
}

/* ---- sending --------------------------------------------------------------------------------- */

void net_ring_send(struct net_loop *loop, struct net_output output)
{
    struct net_ring *ring = loop->ring;
    if (ring->output_count == SENDS_MAX) {
        net_ring_flush(loop);
    }
    ring->outputs[ring->output_count++] = output;
}

static void prepare_send(struct net_ring *ring, uint32_t idx)
{
    const struct net_output *output = &ring->outputs[idx];
    struct io_uring_sqe *sqe = next_sqe(&ring->sends);
    if (output->count == 1) {
        io_uring_prep_send(sqe, output->stream->fd, output->slices->iov_base,
                           output->slices->iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
    } else {
        ring->messages[idx] =
            (struct msghdr){.msg_iov = output->slices,
                            .msg_iovlen = output->count < IOV_MAX ? output->count : IOV_MAX};
        io_uring_prep_sendmsg(sqe, output->stream->fd, &ring->messages[idx],
                              MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    io_uring_sqe_set_data64(sqe, idx);
}

static uint32_t reap_sends(struct net_ring *ring)
{
    struct io_uring_cqe *cqe;
    unsigned head;
    uint32_t reaped = 0;
    io_uring_for_each_cqe(&ring->sends, head, cqe)
    {
        net_stream_sent(&ring->outputs[cqe->user_data], cqe->res);
        reaped++;
    }
    io_uring_cq_advance(&ring->sends, reaped);
    return reaped;
}

void net_ring_flush(struct net_loop *loop)
{
    struct net_ring *ring = loop->ring;
    uint32_t left = ring->output_count;
    ring->is_holding = may_hold(loop);
    if (ring->is_holding) {
        return;
    }
    if (left <= 1) {
        /* One call either way, and a send alone is the cheaper one. */
        for (uint32_t i = 0; i < left; i++) {
            net_stream_send_now(&ring->outputs[i]);
        }
        ring->output_count = 0;
        return;
    }
    for (uint32_t i = 0; i < left; i++) {
        prepare_send(ring, i);
    }
    loop->counters.flushes++;
    while (left > 0) {
        int r = io_uring_submit_and_wait(&ring->sends, left);
        if (r < 0 && r != -EINTR && r != -EAGAIN && r != -EBUSY) {
            net_fatal_memory(left * sizeof(struct io_uring_sqe));
        }
        left -= reap_sends(ring);
    }
    ring->output_count = 0;
}
