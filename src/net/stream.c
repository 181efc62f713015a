/* stream.c - the receive side of a stream, and its end.
 *
 *     init -> adopt -> OPEN -------------------+-- close --> CLOSING --(sent, linger over)--+
 *          -> connect -> CONNECTING -(OK)-> OPEN                                            v
 *                            +-(failed)------------- abort, EOF, error ------------------> ENDED
 *                                                                  on_close, from the turn --->
 * gone
 *
 * What was received and not consumed is the rest. It lies in turn memory (`held`) to the end of the
 * turn, so that a handler that is resumed in the same turn costs no copy; after that in a heap
 * buffer of its own (`in`), behind which the next receive goes directly.
 *
 * Invariants
 *   1. At most one of held.bytes and `in` is non-zero; `in` is never empty.
 *   2. The rest is at most in_bytes_max.
 *   3. A paused stream is read from neither the socket nor the rest; its registration loses
 *      EPOLLIN only when something arrives meanwhile, so pausing is free in the common case. Where
 *      the ring receives that something is one receive, kept raw in `early`, behind the rest, until
 *      the stream is resumed; no other is asked for before.
 *   4. `in` is buried, not freed: slices of it may be queued for another stream.
 *   5. Epoll tells of what comes, not of what is there (edge triggered: it need not ask
 *      again after each event), while a stream waits for input alone. So whenever a receive may
 * have left something in the socket the registration is renewed, which tells of it anew: it filled
 *      its room, or stopped at urgent data. (Who sends descriptors to a Unix socket, which nobody
 *      does, is received on with its next bytes.)
 *
 * Test: unit/net/test_stream.c.
 */
#include "net/net_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INTEREST_BASE (EPOLLIN | EPOLLRDHUP)

/* Most plain text that is decrypted for one delivery. */
#define TEXT_BYTES_MAX (32 * 1024)

void net_stream_init(struct net_stream *stream, struct net_loop *loop,
                     const struct net_stream_ops *ops, uint32_t in_bytes_max)
{
    INVARIANT(in_bytes_max > 0);
    *stream = (struct net_stream){.loop = loop, .ops = ops, .fd = -1, .in_bytes_max = in_bytes_max};
    base_list_init(&stream->link);
}

void net_stream_rank(struct net_stream *stream, enum net_rank rank)
{
    stream->flags = (stream->flags & ~NET_RANK_MASK) | ((uint32_t)rank << NET_RANK_SHIFT);
}

void net_stream_expect(struct net_stream *stream)
{
    stream->flags |= NET_IS_EXPECTED;
}

void net_stream_queue(struct net_stream *stream, uint32_t todo)
{
    stream->flags |= todo;
    stream->loop->work_mask |= todo;
    if (base_list_is_empty(&stream->link)) {
        base_list_push_back(&stream->loop->work, &stream->link);
    }
}

/* What epoll has to tell of an interest in `events`. Where the ring receives: room to send, and a
 * hang-up while nobody reads. */
static uint32_t registration(const struct net_stream *stream, uint32_t events)
{
    if (!net_ring_receives(stream->loop->ring)) {
        return events == INTEREST_BASE ? events | (uint32_t)(EPOLLET | EPOLLPRI) : events;
    }
    return events & (events & EPOLLIN ? (uint32_t)EPOLLOUT : (uint32_t)(EPOLLOUT | EPOLLRDHUP));
}

static int register_events(struct net_stream *stream, uint32_t events)
{
    int op = !stream->registered ? EPOLL_CTL_ADD : events ? EPOLL_CTL_MOD : EPOLL_CTL_DEL;
    int status = net_loop_control(stream->loop, op, stream->fd, events, stream, NET_KIND_STREAM);
    if (status == BASE_OK) {
        stream->registered = events;
    }
    return status;
}

void net_stream_interest(struct net_stream *stream, uint32_t events)
{
    uint32_t registered = registration(stream, events);
    if (stream->flags & NET_IS_ENDED) {
        return;
    }
    if ((events & EPOLLIN) && net_ring_receives(stream->loop->ring)) {
        net_ring_receive(stream);
    }
    if (stream->registered != registered && register_events(stream, registered) != BASE_OK) {
        net_stream_break(stream, errno);
        return;
    }
    stream->interest = events;
}

int net_stream_adopt(struct net_stream *stream, int fd, const struct net_socket_options *options)
{
    INVARIANT(stream->fd < 0);
    int status = net_socket_configure(fd, options);
    if (status != BASE_OK) {
        return status;
    }
    stream->fd = fd;
    stream->flags |= NET_IS_OPEN;
    stream->loop->stream_count++;
    if (stream->flags & NET_IS_EXPECTED) {
        net_stream_queue(stream, NET_DO_DELIVER);
    } else {
        net_stream_interest(stream, INTEREST_BASE);
    }
    return BASE_OK;
}

/* ---- the rest -------------------------------------------------------------------------------- */

static struct base_slice rest_of(const struct net_stream *stream)
{
    return stream->held.bytes > 0 ? stream->held : net_buffer_live(stream->in);
}

size_t net_stream_unread(const struct net_stream *stream)
{
    return rest_of(stream).bytes + net_buffer_live(stream->early).bytes;
}

static void drop_rest(struct net_stream *stream)
{
    stream->held = base_slice_of(NULL, 0);
    net_turn_bury(stream->loop, stream->in);
    stream->in = NULL;
}

static void drop_input(struct net_stream *stream)
{
    drop_rest(stream);
    net_turn_bury(stream->loop, stream->early);
    stream->early = NULL;
}

/* `rest` is the end of what was delivered: of `in` where that exists, else of turn memory. */
static void set_rest(struct net_stream *stream, struct base_slice rest)
{
    if (rest.bytes == 0) {
        drop_rest(stream);
    } else if (stream->in) {
        stream->in->start = stream->in->end - rest.bytes;
    } else {
        stream->held = rest;
        net_stream_queue(stream, NET_DO_KEEP);
    }
}

/* A place for up to `*bytes` more behind the rest: in `in`, or in turn memory when there is none.
 * NULL when memory is short. */
static uint8_t *reserve(struct net_stream *stream, size_t *bytes)
{
    size_t live = net_buffer_live(stream->in).bytes;
    INVARIANT(stream->held.bytes == 0 && live <= stream->in_bytes_max);
    if (*bytes > stream->in_bytes_max - live) {
        *bytes = stream->in_bytes_max - live;
    }
    if (!stream->in) {
        return net_turn_alloc(stream->loop, *bytes);
    }
    if (stream->in->room - stream->in->end < *bytes) {
        /* Twice what is there, so that a long message is copied a few times and not for every
         * receive; replaced, because slices of the old one may be queued. */
        struct net_buffer *larger =
            net_buffer_new(live * 2 > live + *bytes ? live * 2 : live + *bytes);
        if (!larger) {
            return NULL;
        }
        memcpy(larger->data, stream->in->data + stream->in->start, live);
        larger->end = live;
        net_turn_bury(stream->loop, stream->in);
        stream->in = larger;
    }
    return stream->in->data + stream->in->end;
}

/* At the end of the turn: the rest moves to a buffer of its own. */
void net_stream_work_keep(struct net_stream *stream)
{
    if (stream->flags & (NET_IS_CLOSING | NET_IS_ENDED)) {
        stream->held = base_slice_of(NULL, 0);
        return;
    }
    if (stream->held.bytes > 0) {
        INVARIANT(!stream->in);
        if (net_buffer_append(&stream->in, stream->held) != BASE_OK) {
            net_stream_end(stream, BASE_ENOMEM);
        }
        stream->held = base_slice_of(NULL, 0);
    }
    if (stream->tls && net_tls_keep(stream) != BASE_OK) {
        net_stream_end(stream, BASE_ENOMEM);
    }
}

/* ---- receiving ------------------------------------------------------------------------------- */

static bool may_read(const struct net_stream *stream)
{
    return !(stream->flags & (NET_IS_PAUSED | NET_IS_CLOSING | NET_IS_ENDED));
}

static void deliver(struct net_stream *stream, struct base_slice in)
{
    const struct net_tls *tls = stream->tls;
    stream->flags |= NET_IS_IN_HANDLER;
    size_t used = stream->ops->on_data(stream, in);
    stream->flags &= ~NET_IS_IN_HANDLER;
    INVARIANT(used <= in.bytes);
    if (stream->flags & (NET_IS_CLOSING | NET_IS_ENDED)) {
        drop_rest(stream);
        return;
    }
    if (stream->tls != tls && net_tls_is_direct(stream)) {
        drop_rest(stream); /* its memory stays to the end of the turn */
        net_tls_feed(stream, base_slice_skip(in, used));
        net_stream_queue(stream, NET_DO_KEEP);
        return;
    }
    set_rest(stream, base_slice_skip(in, used));
    if (stream->tls != tls && used < in.bytes) {
        net_stream_end(stream, BASE_EPROTOCOL);
        return;
    }
    if (in.bytes - used >= stream->in_bytes_max && may_read(stream)) {
        net_stream_end(stream, BASE_ETOOBIG);
    }
}

/* `bytes` were received at `place`, which reserve(room) gave. */
static void received(struct net_stream *stream, uint8_t *place, size_t room, size_t bytes)
{
    if (stream->in) {
        stream->in->end += bytes;
        deliver(stream, net_buffer_live(stream->in));
    } else {
        net_turn_trim(stream->loop, place, room, bytes);
        deliver(stream, base_slice_of(place, bytes));
    }
}

/* A receive brought no bytes: the end, or a negative errno. */
static void received_none(struct net_stream *stream, int result)
{
    if (result == 0 && stream->tls) {
        net_tls_end_of_file(stream);
    } else if (result == 0) {
        net_stream_end(stream, BASE_EEOF);
    } else {
        net_stream_break(stream, -result);
    }
}

/* One recv. Returns the count, or 0 when there is nothing for now or the stream ended. */
static size_t receive_bytes(struct net_stream *stream, uint8_t *place, size_t room)
{
    struct net_counters *counters = &stream->loop->counters;
    ssize_t got;
    do {
        got = recv(stream->fd, place, room, MSG_DONTWAIT);
        counters->receives++;
    } while (got < 0 && errno == EINTR);
    if (got > 0) {
        counters->received_bytes += (uint64_t)got;
        return (size_t)got;
    }
    if (got == 0 || errno != EAGAIN) {
        received_none(stream, got == 0 ? 0 : -errno);
    }
    return 0;
}

/* One receive. Returns whether the socket may have more. */
static bool receive_plain(struct net_stream *stream)
{
    size_t room = stream->loop->options.receive_bytes;
    uint8_t *place = reserve(stream, &room);
    if (!place) {
        net_stream_end(stream, BASE_ENOMEM);
        return false;
    }
    if (room == 0) {
        return true; /* resumed in this turn, and what is there is delivered first */
    }
    size_t got = receive_bytes(stream, place, room);
    if (got > 0) {
        received(stream, place, room, got);
    } else if (!stream->in) {
        net_turn_trim(stream->loop, place, room, 0);
    }
    return got == room;
}

/* Decrypts and delivers until the ciphertext at hand is used up or the owner wants no more. */
static void deliver_decrypted(struct net_stream *stream)
{
    while (may_read(stream) && net_tls_has_input(stream)) {
        if (stream->held.bytes > 0) {
            net_stream_work_keep(stream);
        }
        size_t room = TEXT_BYTES_MAX;
        uint8_t *place = reserve(stream, &room);
        if (!place) {
            net_stream_end(stream, BASE_ENOMEM);
            return;
        }
        if (room == 0) {
            break; /* the same */
        }
        size_t got = net_tls_read(stream, place, room);
        if (got > 0 && may_read(stream)) {
            received(stream, place, room, got);
        } else if (got == 0 && !stream->in) {
            net_turn_trim(stream->loop, place, room, 0);
        }
    }
    if (stream->tls && net_tls_has_input(stream)) {
        net_stream_queue(stream, NET_DO_KEEP);
    }
}

/* The same; no receive while there is something to decrypt. */
static bool receive_encrypted(struct net_stream *stream)
{
    bool is_more = true;
    if (!net_tls_has_input(stream)) {
        size_t room = stream->loop->options.receive_bytes;
        uint8_t *place = net_turn_alloc(stream->loop, room);
        size_t got = receive_bytes(stream, place, room);
        net_turn_trim(stream->loop, place, room, got);
        if (got == 0) {
            return false;
        }
        is_more = got == room;
        net_tls_feed(stream, base_slice_of(place, got));
    }
    deliver_decrypted(stream);
    return is_more;
}

/* `is_told`: of what comes behind the bytes, the end or urgent data, epoll has told already. */
static void receive(struct net_stream *stream, bool is_told)
{
    bool is_more = stream->tls ? receive_encrypted(stream) : receive_plain(stream);
    bool is_edge = stream->registered & (uint32_t)EPOLLET;
    if ((is_more || is_told) && is_edge && !(stream->flags & (NET_IS_CLOSING | NET_IS_ENDED)) &&
        register_events(stream, stream->registered) != BASE_OK) {
        net_stream_break(stream, errno);
    }
}

/* ---- receiving by the ring ------------------------------------------------------------------- */

/* Delivers up to in_bytes_max of `bytes`, behind the rest; returns how many. */
static size_t take_plain(struct net_stream *stream, struct base_slice bytes)
{
    size_t room = bytes.bytes < stream->in_bytes_max ? bytes.bytes : stream->in_bytes_max;
    if (!stream->in) {
        deliver(stream, base_slice_of(bytes.data, room));
        return room;
    }
    uint8_t *place = reserve(stream, &room);
    if (!place) {
        net_stream_end(stream, BASE_ENOMEM);
        return 0;
    }
    memcpy(place, bytes.data, room);
    received(stream, place, room, room);
    return room;
}

static size_t take_encrypted(struct net_stream *stream, struct base_slice bytes)
{
    if (net_tls_has_input(stream)) {
        deliver_decrypted(stream);
        return 0;
    }
    net_tls_feed(stream, bytes);
    deliver_decrypted(stream);
    return bytes.bytes;
}

/* `bytes` lie in memory of the turn. What the owner does not want now is kept. */
static void take(struct net_stream *stream, struct base_slice bytes)
{
    const struct net_tls *tls = stream->tls;
    while (bytes.bytes > 0 && may_read(stream)) {
        if (stream->held.bytes > 0) {
            net_stream_work_keep(stream);
        }
        size_t taken = tls ? take_encrypted(stream, bytes) : take_plain(stream, bytes);
        bytes = base_slice_skip(bytes, taken);
        if (stream->tls != tls && bytes.bytes > 0) {
            net_stream_end(stream, BASE_EPROTOCOL);
        }
    }
    if (bytes.bytes > 0 && !(stream->flags & (NET_IS_CLOSING | NET_IS_ENDED)) &&
        net_buffer_append(&stream->early, bytes) != BASE_OK) {
        net_stream_end(stream, BASE_ENOMEM);
    }
}

static void take_early(struct net_stream *stream)
{
    struct net_buffer *early = stream->early;
    if (early && may_read(stream)) {
        stream->early = NULL;
        net_turn_bury(stream->loop, early);
        take(stream, net_buffer_live(early));
    }
}

static void event_while_unread(struct net_stream *stream, uint32_t events);

/* The peer is gone, or has said its last, while nobody reads. */
static void ended_while_unread(struct net_stream *stream, int result)
{
    if (result < 0) {
        net_stream_break(stream, -result);
    } else {
        event_while_unread(stream, EPOLLRDHUP);
    }
}

void net_stream_received(struct net_stream *stream, int result, struct base_slice bytes)
{
    bool is_again = result == -ENOBUFS || result == -EAGAIN || result == -EINTR;
    if (stream->flags & NET_IS_ENDED) {
        return;
    }
    if (!is_again) {
        stream->loop->counters.receives++;
    }
    if (result > 0) {
        stream->loop->counters.received_bytes += (uint64_t)result;
        take(stream, bytes);
    } else if (!is_again && !may_read(stream)) {
        ended_while_unread(stream, result);
        return;
    } else if (!is_again) {
        received_none(stream, result);
    }
    bool is_wanted = may_read(stream) || (!stream->early && !(stream->flags & NET_IS_CLOSING));
    uint32_t without = (stream->flags & NET_IS_CLOSING) ? INTEREST_BASE : EPOLLIN;
    net_stream_interest(stream, is_wanted ? stream->interest : stream->interest & ~without);
}

static void receive_first(struct net_stream *stream)
{
    stream->flags &= ~NET_IS_EXPECTED;
    if (may_read(stream)) {
        receive(stream, false);
    }
    if (!(stream->flags & (NET_IS_CLOSING | NET_IS_ENDED))) {
        net_stream_interest(stream, stream->interest | INTEREST_BASE);
    }
}

void net_stream_work_input(struct net_stream *stream, uint32_t todo)
{
    if (stream->flags & (NET_IS_CLOSING | NET_IS_ENDED)) {
        return;
    }
    if (todo & NET_DO_OPEN) {
        net_connect_report(stream);
    }
    if ((todo & NET_DO_TLS) && stream->tls) {
        net_tls_begin(stream);
    }
    if (stream->flags & NET_IS_EXPECTED) {
        receive_first(stream);
        return;
    }
    if (!(todo & NET_DO_DELIVER) || !may_read(stream)) {
        return;
    }
    struct base_slice rest = rest_of(stream);
    if (rest.bytes > 0) {
        deliver(stream, rest);
    }
    if (stream->tls) {
        deliver_decrypted(stream);
    }
    take_early(stream);
    if (may_read(stream)) {
        net_stream_interest(stream, stream->interest | INTEREST_BASE);
    }
}

/* ---- events ---------------------------------------------------------------------------------- */

static int pending_error(const struct net_stream *stream)
{
    int error = 0;
    socklen_t bytes = sizeof(error);
    return getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &bytes) == 0 ? error : errno;
}

static void event_while_unread(struct net_stream *stream, uint32_t events)
{
    bool is_closing = stream->flags & NET_IS_CLOSING;
    if (events & EPOLLERR) {
        net_stream_break(stream, pending_error(stream));
    } else if ((events & EPOLLHUP) || (!is_closing && (events & EPOLLRDHUP))) {
        net_stream_end(stream, BASE_EEOF);
    } else {
        net_stream_interest(stream, stream->interest & ~(is_closing ? INTEREST_BASE : EPOLLIN));
    }
}

void net_stream_event(struct net_stream *stream, uint32_t events)
{
    if (stream->flags & NET_IS_CONNECTING) {
        net_connect_event(stream);
        return;
    }
    if ((events & EPOLLOUT) && !(stream->flags & NET_IS_ENDED)) {
        net_stream_writable(stream);
    }
    if ((stream->flags & NET_IS_ENDED) || !(events & ~(uint32_t)EPOLLOUT)) {
        return;
    }
    if (stream->flags & (NET_IS_PAUSED | NET_IS_CLOSING)) {
        event_while_unread(stream, events);
        return;
    }
    if (net_ring_receives(stream->loop->ring)) {
        return; /* the receive that is under way tells */
    }
    if (stream->held.bytes > 0) {
        net_stream_work_keep(stream);
    }
    if (!may_read(stream)) {
        return;
    }
    receive(stream, events & ~(uint32_t)(EPOLLIN | EPOLLOUT));
}

void net_stream_pause(struct net_stream *stream)
{
    stream->flags |= NET_IS_PAUSED;
}

void net_stream_resume(struct net_stream *stream)
{
    if (!(stream->flags & NET_IS_PAUSED)) {
        return;
    }
    stream->flags &= ~NET_IS_PAUSED;
    if (stream->flags & NET_IS_OPEN) {
        net_stream_queue(stream, NET_DO_DELIVER);
    }
}

bool net_stream_is_paused(const struct net_stream *stream)
{
    return stream->flags & NET_IS_PAUSED;
}

/* ---- the end --------------------------------------------------------------------------------- */

void net_stream_end(struct net_stream *stream, int status)
{
    if (!(stream->flags & NET_IS_ENDED)) {
        stream->flags |= NET_IS_ENDED;
        if ((stream->flags & NET_IS_MUTE) && status == BASE_EEOF) {
            status = BASE_EBROKEN;
        }
        stream->end_status = (stream->flags & NET_IS_CLOSING) ? BASE_OK : status;
        net_stream_queue(stream, NET_DO_END);
    }
}

void net_stream_break(struct net_stream *stream, int system_error)
{
    if (!(stream->flags & NET_IS_ENDED)) {
        stream->system_error = system_error;
        net_stream_end(stream, BASE_EBROKEN);
    }
}

static void linger_over(struct net_timer *timer)
{
    net_stream_end(base_list_entry(timer, struct net_stream, timer), BASE_OK);
}

void net_stream_close(struct net_stream *stream, base_time linger)
{
    if (stream->flags & NET_IS_CONNECTING) {
        net_stream_abort(stream);
    }
    if (!(stream->flags & NET_IS_OPEN) || (stream->flags & (NET_IS_CLOSING | NET_IS_ENDED))) {
        return;
    }
    stream->flags |= NET_IS_CLOSING;
    if (!(stream->flags & NET_IS_IN_HANDLER)) {
        drop_input(stream);
    }
    stream->timer.fire = linger_over;
    net_timer_set(stream->loop, &stream->timer, base_time_add(stream->loop->now, linger));
    net_stream_queue(stream, NET_DO_SEND);
}

void net_stream_abort(struct net_stream *stream)
{
    if (!(stream->flags & (NET_IS_OPEN | NET_IS_CONNECTING))) {
        return;
    }
    net_stream_drop_output(stream);
    if (!(stream->flags & NET_IS_IN_HANDLER)) {
        drop_input(stream);
    }
    net_stream_end(stream, BASE_OK);
    stream->end_status = BASE_OK;
}

void net_stream_work_end(struct net_stream *stream)
{
    struct net_loop *loop = stream->loop;
    struct net_tls *tls = stream->tls;
    net_timer_set(loop, &stream->timer, BASE_NEVER);
    net_connect_forget(stream);
    drop_input(stream);
    net_stream_drop_output(stream);
    net_loop_forget(loop, stream);
    if (stream->registered) {
        /* close() alone leaves epoll's interest alive while something else has the socket open, a
         * receive under way or a child that a library forked in another thread: its events would
         * reach a stream that is gone. */
        (void)register_events(stream, 0);
    }
    if (stream->receive_slot) {
        /* The receive is ended, and the peer hears of it now. */
        (void)shutdown(stream->fd, SHUT_RDWR);
        net_ring_forget(stream);
    }
    if (stream->fd >= 0) {
        close(stream->fd);
        stream->fd = -1;
    }
    stream->flags = NET_IS_ENDED;
    loop->stream_count--;
    stream->ops->on_close(stream, stream->end_status);
    net_tls_free(tls); /* only now: on_close may ask what went wrong */
}

/* ---- questions ------------------------------------------------------------------------------- */

bool net_stream_is_alive(const struct net_stream *stream)
{
    return (stream->flags & NET_IS_OPEN) &&
           !(stream->flags & (NET_IS_CLOSING | NET_IS_ENDED | NET_IS_MUTE));
}

void net_stream_local_address(const struct net_stream *stream, struct net_address *ret_address)
{
    *ret_address = (struct net_address){.bytes = sizeof(ret_address->storage)};
    if (getsockname(stream->fd, (struct sockaddr *)&ret_address->storage, &ret_address->bytes)) {
        *ret_address = (struct net_address){0};
    }
}

void net_stream_peer_address(const struct net_stream *stream, struct net_address *ret_address)
{
    *ret_address = (struct net_address){.bytes = sizeof(ret_address->storage)};
    if (getpeername(stream->fd, (struct sockaddr *)&ret_address->storage, &ret_address->bytes)) {
        *ret_address = (struct net_address){0};
    }
}

static int peer_of(const struct net_stream *stream, struct ucred *ret_peer)
{
    struct ucred peer;
    socklen_t bytes = sizeof(peer);
    int domain = 0;
    socklen_t domain_bytes = sizeof(domain);
    if (getsockopt(stream->fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_bytes) != 0) {
        return BASE_ESYSTEM;
    }
    if (domain != AF_UNIX) {
        return BASE_EUNSUPPORTED;
    }
    if (getsockopt(stream->fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) != 0) {
        return BASE_ESYSTEM;
    }
    *ret_peer = peer;
    return BASE_OK;
}

int net_stream_peer_uid(const struct net_stream *stream, uint32_t *ret_uid)
{
    struct ucred peer;
    int r = peer_of(stream, &peer);
    if (r == BASE_OK) {
        *ret_uid = peer.uid;
    }
    return r;
}

int net_stream_peer_pid(const struct net_stream *stream, int32_t *ret_pid)
{
    struct ucred peer;
    int r = peer_of(stream, &peer);
    if (r == BASE_OK) {
        *ret_pid = peer.pid;
    }
    return r;
}

const char *net_stream_error(const struct net_stream *stream)
{
    return stream->system_error ? strerror(stream->system_error) : "";
}
