/* net_internal.h - what the files of src/net share. Nobody else includes it.
 *
 * A stream's flags say what it is (NET_IS_...) and what is to be done for it (NET_DO_...). A stream
 * with any NET_DO_ bit is in loop->work; loop->work_mask is a superset of all these bits, so that a
 * phase with nothing to do costs one test.
 *
 * Invariants
 *   1. A stream in loop->work is alive: the owner may free it only in on_close, which is called
 *      after it has left the list.
 *   2. Handlers do not nest: on_data, on_open, on_drain, on_tls and on_close are called from the
 *      turn (loop.c) alone, never from inside a call the owner made.
 *   3. Bytes that were shown to an owner in a turn stay where they are to the end of it: an input
 *      buffer is never moved or freed in a turn, it is replaced and buried.
 */
#ifndef NET_NET_INTERNAL_H
#define NET_NET_INTERNAL_H

#include <signal.h>
#include <sys/epoll.h>
#include <sys/uio.h>

#include "base/invariant.h"
#include "net/net.h"

#define NET_IS_OPEN       (1u << 0)
#define NET_IS_CONNECTING (1u << 1)
#define NET_IS_PAUSED     (1u << 2)
#define NET_IS_CLOSING    (1u << 3) /* the owner closed it; output is still being sent */
#define NET_IS_ENDED      (1u << 4) /* only on_close is left */
#define NET_IS_IN_HANDLER (1u << 5)
#define NET_IS_OVER_HIGH  (1u << 6) /* unsent output exceeded NET_HIGH_WATER */
#define NET_IS_MUTE       (1u << 7) /* the peer takes nothing more; what it sent is still read */
#define NET_IS_EXPECTED   (1u << 8) /* its first bytes are there, it is thought, and not yet read */

/* Its enum net_rank. */
#define NET_RANK_SHIFT 9
#define NET_RANK_MASK  (3u << NET_RANK_SHIFT)

#define NET_DO_OPEN    (1u << 16) /* a connect that completed at once */
#define NET_DO_DELIVER (1u << 17) /* resumed */
#define NET_DO_TLS     (1u << 18) /* the handshake has to begin */
#define NET_DO_SEND    (1u << 19) /* output was queued */
#define NET_DO_DRAIN   (1u << 20) /* on_drain is due */
#define NET_DO_KEEP    (1u << 21) /* unconsumed input lies in turn memory */
#define NET_DO_END     (1u << 22) /* on_close is due */
#define NET_DO_INPUT   (NET_DO_OPEN | NET_DO_DELIVER | NET_DO_TLS)
#define NET_DO_ANY     (NET_DO_INPUT | NET_DO_SEND | NET_DO_DRAIN | NET_DO_KEEP | NET_DO_END)

/* Events the kernel reports in one wait. */
#define NET_EVENTS_MAX 256

/* What an event's data points to: the low bits of the pointer. */
enum net_kind {
    NET_KIND_STREAM,
    NET_KIND_LISTENER,
    NET_KIND_WATCH,
    NET_KIND_SIGNALS,
    NET_KIND_RECEIVED, /* of the ring alone: a receive of a stream is complete */
};

/* Something that one wait reported. */
struct net_event {
    uint64_t data;   /* the object's address, its kind in the low bits; 0: nobody cares any more */
    uint32_t events; /* epoll's */
    int32_t result;  /* NET_KIND_RECEIVED: bytes, 0 at the end, or a negative errno */
    uint32_t buffer; /* NET_KIND_RECEIVED: the ring's buffer that holds them, from 1; 0: none */
};

/* What a stream has queued in a turn, on its way to the kernel. */
struct net_output {
    struct net_stream *stream;
    struct iovec *slices;
    uint32_t count;
};

struct net_ring;

/* A block of bytes on the heap: [start, end) is live. */
struct net_buffer {
    struct net_buffer *next; /* in the loop's list of buried ones */
    size_t start;
    size_t end;
    size_t room;
    uint8_t data[];
};

struct net_turn_block {
    struct net_turn_block *next;
};

struct net_signal {
    void (*fn)(void *arg, int signo);
    void *arg;
};

struct net_loop {
    struct net_loop_options options;
    int epoll_fd;
    int signal_fd;
    struct net_ring *ring; /* streams send through it, and may receive; NULL: epoll alone */
    bool is_running;       /* inside net_loop_run: a turn is followed by another one */
    bool is_stopped;
    bool is_in_turn;
    bool is_hook_due; /* callbacks ran after the last call of the turn hook */
    base_time now;
    struct net_counters counters;

    uint8_t *turn;
    size_t turn_used;
    struct net_turn_block *blocks; /* allocations the turn memory had no room for */
    struct net_buffer *buried;     /* input buffers that are freed at the end of the turn */

    struct net_timer **timers; /* heap, [1 .. timer_count] */
    uint32_t timer_count;
    uint32_t timer_room;
    uint64_t timer_seq;

    struct base_list work;
    uint32_t work_mask;
    uint32_t stream_count;

    struct net_listener *accepting; /* inside its on_accept */
    struct net_signal signals[NSIG];
    sigset_t signal_mask;        /* what signal_fd reads */
    sigset_t signal_mask_before; /* of the process, before the first net_loop_signal */

    int event_idx; /* the next event of `events` to be dispatched */
    int event_count;
    int prompt_count; /* so many of them, the first ones, are of streams above NET_RANK_LAST */
    struct net_event events[2 * NET_EVENTS_MAX]; /* the ring's, and epoll's behind it */
};

/* loop.c */
/* One epoll_ctl; the status is BASE_ESYSTEM when the kernel refuses. */
int net_loop_control(struct net_loop *loop, int op, int fd, uint32_t events, void *object,
                     enum net_kind kind);
/* Adds to loop->events what epoll has to report. */
int net_loop_collect(struct net_loop *loop, int wait_ms) BASE_MUST_CHECK;
/* Events of `object` that were reported but not yet dispatched will not be. */
void net_loop_forget(struct net_loop *loop, const void *object);
/* The kernel's monotonic clock. */
base_time net_clock(void);
/* Ends the process: memory the loop cannot go on without is refused. */
_Noreturn void net_fatal_memory(size_t bytes);

/* turn.c */
/* Gives back the end of the latest allocation: `used` of its `bytes` are kept. */
void net_turn_trim(struct net_loop *loop, void *memory, size_t bytes, size_t used);
void net_turn_reset(struct net_loop *loop);
/* Too little turn memory is left for one more receive. */
bool net_turn_is_low(const struct net_loop *loop);
/* The buffer is freed at the end of the turn. NULL is fine. */
void net_turn_bury(struct net_loop *loop, struct net_buffer *buffer);
/* A list of slices in turn memory; one that continues the last one in memory is merged with it. */
void net_turn_push(struct net_loop *loop, void **list, uint32_t *count, uint32_t *room,
                   struct base_slice slice);
/* An empty buffer of `room` bytes or more, or NULL. */
struct net_buffer *net_buffer_new(size_t room);
/* Appends to *buffer, which is made or replaced by a larger one as needed. BASE_ENOMEM leaves it
 * as it was. */
int net_buffer_append(struct net_buffer **buffer, struct base_slice bytes) BASE_MUST_CHECK;
static inline struct base_slice net_buffer_live(const struct net_buffer *buffer)
{
    return buffer ? base_slice_of(buffer->data + buffer->start, buffer->end - buffer->start)
                  : base_slice_of(NULL, 0);
}

/* timer.c */
base_time net_timers_next(const struct net_loop *loop);
void net_timers_fire(struct net_loop *loop);

/* watch.c, listener.c, signal.c: what an event of that kind does */
void net_watch_event(struct net_watch *watch, uint32_t events);
void net_listener_event(struct net_loop *loop, struct net_listener *listener);
void net_signal_event(struct net_loop *loop);
void net_signal_done(struct net_loop *loop);

/* connect.c */
void net_connect_event(struct net_stream *stream);
/* Reports a connect that completed at once. */
void net_connect_report(struct net_stream *stream);
void net_connect_forget(struct net_stream *stream);
/* TCP's options do not exist on a Unix socket: that is not an error. */
int net_socket_set(int fd, int level, int name, int value);
int net_socket_configure(int fd, const struct net_socket_options *options);
/* Takes the cheapest congestion control for an address of this machine. */
void net_socket_set_congestion(int fd, const struct net_address *address);

/* ring.c */
/* BASE_ESYSTEM: the kernel has no io_uring, or not all of it that is needed. Not for EPOLL. */
int net_ring_new(enum net_backend backend, uint32_t receive_bytes,
                 struct net_ring **ret_ring) BASE_MUST_CHECK;
void net_ring_free(struct net_ring *ring);
/* Do streams receive through it, and the loop wait for it? false without a ring. */
bool net_ring_receives(const struct net_ring *ring);
/* Waits until the ring or epoll has something; adds it to loop->events. */
int net_ring_wait(struct net_loop *loop, base_time wait) BASE_MUST_CHECK;
/* Asks for one receive of the stream, unless one is under way. It is reported by a later wait. */
void net_ring_receive(struct net_stream *stream);
/* The stream goes: nobody will hear of its receive. */
void net_ring_forget(struct net_stream *stream);
/* Bytes that a NET_KIND_RECEIVED event holds; they stay to the end of the turn. */
struct base_slice net_ring_take(struct net_ring *ring, const struct net_event *event);
/* Is `position` in [head, tail) of a queue whose positions begin anew after 2^32? */
static inline bool net_ring_has(uint32_t head, uint32_t tail, uint32_t position)
{
    return position - head < tail - head;
}
/* Gives the buffers of this turn back to the kernel. */
void net_ring_reset(struct net_ring *ring);
/* Output that leaves with the next flush. */
void net_ring_send(struct net_loop *loop, struct net_output output);
/* Sends it all in one call and tells the streams (net_stream_sent); or holds what is a single send
 * for net_ring_wait. */
void net_ring_flush(struct net_loop *loop);
/* Output waits for net_ring_wait, which resets the memory of its turn. false without a ring. */
bool net_ring_is_holding(const struct net_ring *ring);

/* stream.c */
void net_stream_event(struct net_stream *stream, uint32_t events);
/* The receive that was asked for is complete: `result` bytes lie in `bytes`. */
void net_stream_received(struct net_stream *stream, int result, struct base_slice bytes);
/* Phases of a turn for one stream: NET_DO_INPUT, NET_DO_KEEP, NET_DO_END. */
void net_stream_work_input(struct net_stream *stream, uint32_t todo);
void net_stream_work_keep(struct net_stream *stream);
void net_stream_work_end(struct net_stream *stream);
void net_stream_queue(struct net_stream *stream, uint32_t todo);
/* The stream is over; the first status wins. */
void net_stream_end(struct net_stream *stream, int status);
/* The same for an error of the kernel. */
void net_stream_break(struct net_stream *stream, int system_error);
/* Makes `events` what the stream is told of. Where the ring receives EPOLLIN is a receive of it,
 * and epoll has only what the ring does not tell. */
void net_stream_interest(struct net_stream *stream, uint32_t events);

/* stream_out.c */
void net_stream_work_send(struct net_stream *stream);
/* What the ring's send of the output's first IOV_MAX slices came to: bytes or a negative errno. */
void net_stream_sent(struct net_output *output, int result);
/* The same output, sent without the ring. */
void net_stream_send_now(struct net_output *output);
void net_stream_writable(struct net_stream *stream);
void net_stream_drop_output(struct net_stream *stream);
/* Queues bytes as they are to go out (behind TLS). */
void net_stream_send_raw(struct net_stream *stream, struct base_slice out);

/* tls.c */
void net_tls_free(struct net_tls *tls);
/* Starts the handshake. */
void net_tls_begin(struct net_stream *stream);
/* Did TLS begin with what lay in the stream? */
bool net_tls_is_direct(const struct net_stream *stream);
/* Takes ciphertext that lies in turn memory. Nothing else may be left from before. */
void net_tls_feed(struct net_stream *stream, struct base_slice cipher);
/* Goes on with the handshake, or decrypts up to `bytes` into out. Returns the count; 0 when more
 * ciphertext is needed or the stream ended. */
size_t net_tls_read(struct net_stream *stream, uint8_t *out, size_t bytes);
/* Is there ciphertext, or decrypted text inside OpenSSL, that net_tls_read could use? */
bool net_tls_has_input(const struct net_stream *stream);
/* Moves ciphertext not yet used out of turn memory. */
int net_tls_keep(struct net_stream *stream) BASE_MUST_CHECK;
/* Takes plain text for encryption at the end of the turn. */
void net_tls_send(struct net_stream *stream, struct base_slice out);
/* Encrypts what was queued; adds the closing alert when the stream is closing. */
void net_tls_encrypt(struct net_stream *stream);
/* Forgets plain text that was queued. */
void net_tls_drop_output(struct net_tls *tls);
/* The socket came to its end. */
void net_tls_end_of_file(struct net_stream *stream);

#endif
