/* stream_out.c - the send side of a stream.
 *
 * What the owner queues in a turn is a list of slices in turn memory (out_turn); at the end of the
 * turn it goes to the kernel in one call, or with that of other streams through the ring. What the
 * kernel does not take is copied to the backlog
 * (`out`) and sent when the socket is writable; while there is a backlog new output is appended to
 * it, in order.
 *
 * Invariants
 *   1. unsent_bytes = queued slices + backlog (+ plain text that TLS has not encrypted yet).
 *   2. EPOLLOUT is registered exactly while an open stream has a backlog; the backlog is never
 *      empty: it is freed with its last byte.
 *   3. Nothing is sent out of order: with a backlog no slice goes to the kernel directly.
 *
 * When the peer is gone (EPIPE, ECONNRESET) its last words may still lie in the socket: PostgreSQL
 * says why it ends a session before it closes. So a stream that is being read only becomes mute,
 * and ends when reading comes to the end.
 *
 * A stream that ended because of its peer gets one more try to send what was queued, for a farewell
 * that the owner wrote; nothing waits for it. Test: unit/net/test_stream_out.c.
 */
#include "net/net_internal.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

void net_stream_send_raw(struct net_stream *stream, struct base_slice out)
{
    net_turn_push(stream->loop, &stream->out_turn, &stream->out_turn_count, &stream->out_turn_room,
                  out);
    stream->unsent_bytes += out.bytes;
    if (!(stream->flags & NET_DO_SEND)) {
        net_stream_queue(stream, NET_DO_SEND);
    }
}

void net_stream_send(struct net_stream *stream, struct base_slice out)
{
    bool is_live = (stream->flags & (NET_IS_OPEN | NET_IS_CONNECTING)) &&
                   !(stream->flags & (NET_IS_CLOSING | NET_IS_ENDED | NET_IS_MUTE));
    if (!is_live || out.bytes == 0) {
        return;
    }
    if (stream->tls) {
        net_tls_send(stream, out);
    } else {
        net_stream_send_raw(stream, out);
    }
    if (stream->unsent_bytes > NET_HIGH_WATER) {
        stream->flags |= NET_IS_OVER_HIGH;
    }
}

static int send_attached(struct net_stream *stream, struct base_slice out, const int *descriptors,
                         uint32_t descriptor_count, size_t *ret_taken)
{
    union {
        struct cmsghdr head;
        uint8_t bytes[CMSG_SPACE(NET_DESCRIPTORS_MAX * sizeof(int))];
    } control = {0};
    size_t bytes = descriptor_count * sizeof(int);
    struct iovec slice = {.iov_base = (void *)(uintptr_t)out.data, .iov_len = out.bytes};
    struct msghdr message = {.msg_iov = &slice,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = CMSG_SPACE(bytes)};
    control.head.cmsg_level = SOL_SOCKET;
    control.head.cmsg_type = SCM_RIGHTS;
    control.head.cmsg_len = CMSG_LEN(bytes);
    memcpy(CMSG_DATA(&control.head), descriptors, bytes);
    ssize_t taken;
    do {
        taken = sendmsg(stream->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (taken < 0 && errno == EINTR);
    stream->loop->counters.sends++;
    if (taken < 0) {
        return BASE_ESYSTEM;
    }
    stream->loop->counters.sent_bytes += (uint64_t)taken;
    *ret_taken = (size_t)taken;
    return BASE_OK;
}

int net_stream_send_with(struct net_stream *stream, struct base_slice out, const int *descriptors,
                         uint32_t descriptor_count)
{
    uint32_t uid;
    uint32_t ended = NET_IS_CLOSING | NET_IS_ENDED | NET_IS_MUTE;
    size_t taken = 0;
    if (!(stream->flags & NET_IS_OPEN) || (stream->flags & ended) || stream->tls ||
        stream->unsent_bytes > 0 || out.bytes == 0 || net_stream_peer_uid(stream, &uid) < 0) {
        return BASE_ESTATE;
    }
    if (descriptor_count == 0 || descriptor_count > NET_DESCRIPTORS_MAX) {
        return BASE_ECAPACITY;
    }
    int r = send_attached(stream, out, descriptors, descriptor_count, &taken);
    if (r == BASE_OK) {
        net_stream_send(stream, base_slice_skip(out, taken));
    }
    return r;
}

size_t net_stream_unsent(const struct net_stream *stream)
{
    return stream->unsent_bytes;
}

/* ---- to the kernel --------------------------------------------------------------------------- */

static void count_sent(struct net_stream *stream, size_t bytes)
{
    INVARIANT(bytes <= stream->unsent_bytes);
    stream->unsent_bytes -= bytes;
    stream->loop->counters.sent_bytes += bytes;
    if ((stream->flags & NET_IS_OVER_HIGH) && stream->unsent_bytes <= NET_LOW_WATER) {
        stream->flags &= ~NET_IS_OVER_HIGH;
        net_stream_queue(stream, NET_DO_DRAIN);
    }
}

static void send_failed(struct net_stream *stream, int error)
{
    bool is_read = !(stream->flags & (NET_IS_PAUSED | NET_IS_CLOSING | NET_IS_ENDED));
    if (is_read && (error == EPIPE || error == ECONNRESET)) {
        stream->system_error = error;
        stream->flags |= NET_IS_MUTE;
    } else {
        net_stream_break(stream, error);
    }
}

/* What a send came to: `result` bytes or a negative errno. Returns what the kernel took, 0 when it
 * takes nothing now or the stream broke. */
static size_t taken_of(struct net_stream *stream, int result)
{
    stream->loop->counters.sends++;
    if (result < 0) {
        if (result != -EAGAIN && result != -EINTR) {
            send_failed(stream, -result);
        }
        return 0;
    }
    count_sent(stream, (size_t)result);
    return (size_t)result;
}

/* One send or sendmsg. */
static size_t send_slices(struct net_stream *stream, struct iovec *slices, size_t count)
{
    struct msghdr message = {.msg_iov = slices, .msg_iovlen = count};
    ssize_t taken;
    do {
        taken = count == 1 ? send(stream->fd, slices->iov_base, slices->iov_len,
                                  MSG_NOSIGNAL | MSG_DONTWAIT)
                           : sendmsg(stream->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (taken < 0 && errno == EINTR);
    return taken_of(stream, taken < 0 ? -errno : (int)taken);
}

/* Moves slices[*idx] ... forward by `taken` bytes. */
static void skip_taken(struct iovec *slices, uint32_t count, uint32_t *idx, size_t taken)
{
    while (*idx < count && taken >= slices[*idx].iov_len) {
        taken -= slices[*idx].iov_len;
        (*idx)++;
    }
    if (taken > 0) {
        INVARIANT(*idx < count);
        slices[*idx].iov_base = (uint8_t *)slices[*idx].iov_base + taken;
        slices[*idx].iov_len -= taken;
    }
}

static void keep_backlog(struct net_stream *stream, const struct iovec *slices, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (net_buffer_append(&stream->out, base_slice_of(slices[i].iov_base, slices[i].iov_len)) !=
            BASE_OK) {
            net_stream_drop_output(stream);
            net_stream_end(stream, BASE_ENOMEM);
            return;
        }
    }
    if (stream->flags & NET_IS_OPEN) {
        net_stream_interest(stream, stream->interest | EPOLLOUT);
    }
}

/* The first slices that one call may carry, and their bytes. */
static uint32_t first_batch(const struct iovec *slices, uint32_t count, size_t *ret_bytes)
{
    uint32_t batch = count < IOV_MAX ? count : IOV_MAX;
    size_t bytes = 0;
    for (uint32_t i = 0; i < batch; i++) {
        bytes += slices[i].iov_len;
    }
    *ret_bytes = bytes;
    return batch;
}

/* Sends slices[idx] and on while the kernel takes all; the others become the backlog. */
static void send_from(struct net_output *output, uint32_t idx, bool is_taking)
{
    struct net_stream *stream = output->stream;
    struct iovec *slices = output->slices;
    uint32_t count = output->count;
    while (is_taking && idx < count) {
        size_t asked;
        uint32_t batch = first_batch(slices + idx, count - idx, &asked);
        size_t taken = send_slices(stream, slices + idx, batch);
        skip_taken(slices, count, &idx, taken);
        is_taking = taken == asked;
    }
    if (stream->flags & NET_IS_MUTE) {
        net_stream_drop_output(stream);
    } else if (idx < count && !(stream->flags & NET_IS_ENDED)) {
        keep_backlog(stream, slices + idx, count - idx);
    }
    if ((stream->flags & NET_IS_CLOSING) && !stream->out) {
        net_stream_end(stream, BASE_OK);
    }
}

void net_stream_send_now(struct net_output *output)
{
    send_from(output, 0, true);
}

void net_stream_sent(struct net_output *output, int result)
{
    uint32_t idx = 0;
    size_t asked;
    (void)first_batch(output->slices, output->count, &asked);
    size_t taken = taken_of(output->stream, result);
    skip_taken(output->slices, output->count, &idx, taken);
    send_from(output, idx, taken == asked || result == -EINTR);
}

void net_stream_work_send(struct net_stream *stream)
{
    if (stream->tls) {
        net_tls_encrypt(stream);
    }
    struct net_output output = {stream, stream->out_turn, stream->out_turn_count};
    bool may_send = !stream->out && !(stream->flags & NET_IS_CONNECTING);
    stream->out_turn = NULL;
    stream->out_turn_count = 0;
    stream->out_turn_room = 0;
    if (stream->loop->ring && may_send && output.count > 0) {
        net_ring_send(stream->loop, output);
    } else {
        send_from(&output, 0, may_send);
    }
}

static void drop_backlog(struct net_stream *stream)
{
    stream->unsent_bytes -= net_buffer_live(stream->out).bytes;
    free(stream->out);
    stream->out = NULL;
}

void net_stream_writable(struct net_stream *stream)
{
    struct base_slice live = net_buffer_live(stream->out);
    if (live.bytes > 0) {
        struct iovec slice = {.iov_base = (void *)(uintptr_t)live.data, .iov_len = live.bytes};
        size_t taken = send_slices(stream, &slice, 1);
        if (stream->flags & NET_IS_ENDED) {
            return;
        }
        stream->out->start += taken;
        if (taken < live.bytes && !(stream->flags & NET_IS_MUTE)) {
            net_stream_interest(stream, stream->interest | EPOLLOUT);
            return;
        }
        drop_backlog(stream);
    }
    net_stream_interest(stream, stream->interest & ~(uint32_t)EPOLLOUT);
    if (stream->flags & NET_IS_CLOSING) {
        net_stream_end(stream, BASE_OK);
    }
}

void net_stream_drop_output(struct net_stream *stream)
{
    free(stream->out);
    stream->out = NULL;
    stream->out_turn = NULL;
    stream->out_turn_count = 0;
    stream->out_turn_room = 0;
    stream->unsent_bytes = 0;
    if (stream->tls) {
        net_tls_drop_output(stream->tls);
    }
}
