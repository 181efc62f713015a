/* test_held.c - output of a turn in net_loop_run, where the next wait may carry it (net/ring.c).
 *
 * The loop runs by itself here, so a script of timers does what happens outside. Without a ring
 * that receives nothing is held, and all else is the same. The program is linked with --wrap for
 * the wait of the ring and for the system call by whose cost a ring decides whether to hold.
 */
#include "test.h"

#include <errno.h>
#include <liburing.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net_internal.h"
#include "world.h"

#define STEP_SPAN (5 * BASE_MS) /* the loop sleeps between two steps */

#define DEAR_SPAN (2 * BASE_US)
static base_time call_span = DEAR_SPAN; /* of the system call that a new ring measures */

static int refused_waits; /* so many from now on fail before anything is submitted */

pid_t __wrap_getppid(void);

pid_t __wrap_getppid(void)
{
    base_time begin = net_clock();
    while (base_time_since(net_clock(), begin) < call_span) {
    }
    return 1;
}

int __real_io_uring_submit_and_wait_timeout(struct io_uring *ring, struct io_uring_cqe **cqe,
                                            unsigned count, struct __kernel_timespec *time,
                                            sigset_t *mask);
int __wrap_io_uring_submit_and_wait_timeout(struct io_uring *ring, struct io_uring_cqe **cqe,
                                            unsigned count, struct __kernel_timespec *time,
                                            sigset_t *mask);

int __wrap_io_uring_submit_and_wait_timeout(struct io_uring *ring, struct io_uring_cqe **cqe,
                                            unsigned count, struct __kernel_timespec *time,
                                            sigset_t *mask)
{
    if (refused_waits > 0) {
        /* As liburing leaves it: what was queued is the kernel's to take, which took nothing. */
        refused_waits--;
        io_uring_smp_store_release(ring->sq.ktail, ring->sq.sqe_tail);
        ring->sq.sqe_head = ring->sq.sqe_tail;
        return -EBUSY;
    }
    return __real_io_uring_submit_and_wait_timeout(ring, cqe, count, time, mask);
}

struct script {
    struct net_timer timer;
    struct world world;
    struct peer peer;
    int raw; /* the other end; -1 when closed */
    int next;
    void (*step[4])(struct script *script);
    size_t filled;  /* bytes that were in the socket before */
    size_t drained; /* bytes that came out of it */
};

static void step_is_due(struct net_timer *timer)
{
    struct script *script = base_list_entry(timer, struct script, timer);
    struct net_loop *loop = script->world.loop;
    net_timer_set(loop, timer, base_time_add(net_loop_now(loop), STEP_SPAN));
    script->step[script->next++](script);
}

/* A peer that waits for its steps, the first of which is due at once; `second` may be NULL. */
static void script_init(struct script *script, void (*first)(struct script *script),
                        void (*second)(struct script *script))
{
    *script = (struct script){.timer = {.fire = step_is_due}, .step = {first, second}};
    world_init(&script->world, 65536, 0);
    script->raw = peer_raw(&script->peer, &script->world, 1000);
    net_timer_set(script->world.loop, &script->timer, net_loop_now(script->world.loop));
}

static void script_run(struct script *script)
{
    assert_int_equal(net_loop_run(script->world.loop), BASE_OK);
    net_timer_set(script->world.loop, &script->timer, BASE_NEVER);
}

static void script_done(struct script *script)
{
    if (script->raw >= 0) {
        close(script->raw);
    }
    if (script->peer.close_calls == 0) {
        peer_finish(&script->peer);
    } else {
        peer_done(&script->peer);
    }
    world_done(&script->world);
}

static void send_turn_memory(struct script *script, size_t bytes)
{
    char *text = net_turn_alloc(script->world.loop, bytes);
    for (size_t i = 0; i < bytes; i++) {
        text[i] = (char)('a' + i % 23);
    }
    net_stream_send(&script->peer.stream, base_slice_of(text, bytes));
}

static void send_ten(struct script *script)
{
    send_turn_memory(script, 10);
}

static void read_ten(struct script *script)
{
    char bytes[11] = {0};
    assert_int_equal(recv(script->raw, bytes, 10, MSG_DONTWAIT), 10);
    assert_string_equal(bytes, "abcdefghij");
}

static void read_ten_and_stop(struct script *script)
{
    read_ten(script);
    assert_int_equal(net_stream_unsent(&script->peer.stream), 0);
    net_loop_stop(script->world.loop);
}

/* Are so many held where the ring receives? Elsewhere none is. */
static void assert_held(const struct script *script, uint64_t count)
{
    uint64_t held = net_loop_counters(script->world.loop)->held_sends;
    assert_int_equal(held, world_ring_receives(&script->world) ? count : 0);
}

TEST(a_turns_only_send_goes_with_the_wait)
{
    struct script script;
    script_init(&script, send_ten, read_ten_and_stop);
    script_run(&script);
    assert_held(&script, 1);
    assert_int_equal(net_loop_counters(script.world.loop)->sends, 1);
    assert_int_equal(net_loop_counters(script.world.loop)->sent_bytes, 10);
    script_done(&script);
}

/* Over what earlier turns left in their memory. */
static void scribble(struct world *world)
{
    memset(net_turn_alloc(world->loop, 4096), '?', 4096);
}

TEST(a_send_that_a_wait_did_not_take_goes_by_itself)
{
    struct script script;
    script_init(&script, send_ten, read_ten);
    script.world.hook = scribble;
    script.step[2] = send_ten; /* the place in the queue is free again */
    script.step[3] = read_ten_and_stop;
    /* The first wait is for the first step, which is due: it does not go through here. */
    refused_waits = 1;
    script_run(&script);
    assert_int_equal(refused_waits, world_ring_receives(&script.world) ? 0 : 1);
    refused_waits = 0;
    assert_held(&script, 1);
    assert_int_equal(net_loop_counters(script.world.loop)->sends, 2);
    script_done(&script);
}

static void send_and_stop(struct script *script)
{
    send_ten(script);
    net_loop_stop(script->world.loop);
}

TEST(what_is_queued_in_the_last_turn_is_sent_before_the_loop_ends)
{
    struct script script;
    script_init(&script, send_and_stop, NULL);
    script_run(&script);
    read_ten(&script);
    assert_held(&script, 0);
    script_done(&script);
}

static void stop_when_closed(struct peer *peer, int status)
{
    (void)status;
    net_loop_stop(peer->world->loop);
}

static void send_and_close(struct script *script)
{
    send_ten(script);
    net_timer_set(script->world.loop, &script->timer, BASE_NEVER);
    net_stream_close(&script->peer.stream, BASE_SECOND);
}

TEST(a_stream_that_closes_is_sent_for_and_told_in_its_turn)
{
    struct script script;
    script_init(&script, send_and_close, NULL);
    script.peer.on_close = stop_when_closed;
    script_run(&script);
    assert_held(&script, 0);
    assert_int_equal(script.peer.close_status, BASE_OK);
    read_ten(&script);
    script_done(&script);
}

static void send_with_a_block(struct script *script)
{
    (void)net_turn_alloc(script->world.loop, 100000); /* has no room in turn memory */
    send_ten(script);
}

TEST(memory_of_the_heap_is_not_kept_while_the_loop_sleeps)
{
    struct script script;
    script_init(&script, send_with_a_block, read_ten_and_stop);
    script_run(&script);
    assert_held(&script, 0);
    script_done(&script);
}

static void gone_and_sent_to(struct script *script)
{
    close(script->raw);
    script->raw = -1;
    net_timer_set(script->world.loop, &script->timer, BASE_NEVER);
    send_ten(script);
}

TEST(a_held_send_that_fails_ends_its_stream)
{
    struct script script;
    script_init(&script, gone_and_sent_to, NULL);
    script.peer.on_close = stop_when_closed;
    script_run(&script);
    assert_held(&script, 1);
    assert_int_equal(script.peer.close_status, BASE_EBROKEN);
    script_done(&script);
}

/* ---- a socket that takes a part, or nothing ------------------------------------------------ */

#define PART_BYTES 16000

static void narrow(struct script *script)
{
    int room = 4096;
    assert_int_equal(setsockopt(script->peer.stream.fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)),
                     0);
}

static void send_more_than_fits(struct script *script)
{
    narrow(script);
    send_turn_memory(script, PART_BYTES);
}

static void send_when_full(struct script *script)
{
    static const char bytes[1000];
    ssize_t taken;
    narrow(script);
    while ((taken = send(script->peer.stream.fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
        script->filled += (size_t)taken;
    }
    send_turn_memory(script, PART_BYTES);
}

static void look_at_the_rest(struct script *script)
{
    size_t unsent = net_stream_unsent(&script->peer.stream);
    assert_true(unsent > 0);
    assert_true(script->filled > 0 ? unsent == PART_BYTES : unsent < PART_BYTES);
}

/* Reads what is there, again and again until it has all. */
static void read_all_and_stop(struct script *script)
{
    char bytes[1000];
    ssize_t got;
    while ((got = recv(script->raw, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
        for (ssize_t i = 0; i < got; i++, script->drained++) {
            size_t at = script->drained - script->filled;
            assert_int_equal(bytes[i], script->drained < script->filled ? 0 : 'a' + at % 23);
        }
    }
    script->next--;
    if (script->drained == script->filled + PART_BYTES) {
        net_loop_stop(script->world.loop);
    }
}

static void rest_of(void (*send_it)(struct script *script))
{
    struct script script;
    script_init(&script, send_it, look_at_the_rest);
    script.step[2] = read_all_and_stop;
    script_run(&script);
    assert_held(&script, 1);
    assert_int_equal(net_stream_unsent(&script.peer.stream), 0);
    script_done(&script);
}

TEST(what_the_kernel_did_not_take_of_a_held_send_is_sent_later)
{
    rest_of(send_more_than_fits);
    rest_of(send_when_full);
}

/* ---- a receive that makes way -------------------------------------------------------------- */

TEST(what_the_kernel_took_long_ago_is_not_queued)
{
    uint32_t around = UINT32_MAX - 1; /* a queue over the point where positions begin anew */
    assert_false(net_ring_has(7, 7, 7));
    assert_true(net_ring_has(7, 8, 7));
    assert_false(net_ring_has(7, 8, 8));
    assert_false(net_ring_has(7, 8, 6));
    assert_true(net_ring_has(around, 3, around) && net_ring_has(around, 3, 2));
    assert_false(net_ring_has(around, 3, 3) || net_ring_has(around, 3, around - 1));
    for (int bit = 9; bit < 32; bit++) {
        assert_false(net_ring_has(5, 5 + 512, 5 - (1u << bit)));
        assert_false(net_ring_has(5, 5 + 512, 5 - (1u << bit) - 1));
    }
}

struct arrivals {
    struct peer early, late;
    int early_raw, late_raw;
    int descriptor;
};

static void late_comes(struct peer *early, int status)
{
    struct arrivals *arrivals = early->arg;
    (void)status;
    arrivals->late_raw = peer_raw(&arrivals->late, early->world, 1000);
    assert_int_equal(arrivals->late.stream.fd, arrivals->descriptor);
    raw_write(arrivals->late_raw, "hello", 5);
}

/* The wait that would have submitted the receive of `early` was refused. */
static void early_goes(struct world *world)
{
    struct arrivals *arrivals = world->arg;
    if (arrivals->descriptor && !refused_waits) {
        net_stream_abort(&arrivals->early.stream);
    }
}

static void early_comes(struct script *script)
{
    struct arrivals *arrivals = script->world.arg;
    arrivals->early_raw = peer_raw(&arrivals->early, &script->world, 1000);
    arrivals->early.arg = arrivals;
    arrivals->early.on_close = late_comes;
    arrivals->descriptor = arrivals->early.stream.fd;
    send_ten(script);
    refused_waits = world_ring_receives(&script->world) ? 1 : 0;
}

TEST(a_receive_that_made_way_for_a_held_send_is_forgotten_with_its_stream)
{
    struct script script;
    struct arrivals arrivals = {0};
    script_init(&script, early_comes, read_ten_and_stop);
    script.world.arg = &arrivals;
    script.world.hook = early_goes;
    script_run(&script);
    assert_int_equal(arrivals.early.close_calls, 1);
    assert_true(peer_got(&arrivals.late, "hello"));
    close(arrivals.early_raw);
    close(arrivals.late_raw);
    peer_done(&arrivals.early);
    peer_finish(&arrivals.late);
    script_done(&script);
}

/* ---- two in one loop ------------------------------------------------------------------------- */

#define ROUND_TRIPS 500

static size_t answer(struct peer *peer, struct base_slice in)
{
    size_t *count = peer->arg;
    ++*count;
    assert_int_equal(in.bytes, 10);
    assert_int_equal(in.data[9], *count % 251);
    if (*count == 2 * ROUND_TRIPS) {
        net_loop_stop(peer->world->loop);
        return in.bytes;
    }
    uint8_t *out = net_turn_alloc(peer->world->loop, in.bytes);
    memcpy(out, in.data, in.bytes);
    out[9] = (uint8_t)((*count + 1) % 251);
    net_stream_send(&peer->stream, base_slice_of(out, in.bytes));
    return in.bytes;
}

static void converse(bool is_dear)
{
    struct world world;
    struct peer a, b;
    size_t count = 0;
    uint8_t first[10] = {[9] = 1};
    call_span = is_dear ? DEAR_SPAN : 0;
    world_init(&world, 0, 0);
    call_span = DEAR_SPAN;
    peers_pair(&a, &b, &world, 1000);
    a.on_data = b.on_data = answer;
    a.arg = b.arg = &count;
    net_stream_send(&a.stream, base_slice_of(first, sizeof(first)));
    assert_int_equal(net_loop_run(world.loop), BASE_OK);
    assert_int_equal(count, 2 * ROUND_TRIPS);
    uint64_t held_sends = net_loop_counters(world.loop)->held_sends;
    assert_int_equal(held_sends, is_dear && world_ring_receives(&world) ? 2 * ROUND_TRIPS : 0);
    peer_finish(&a);
    peer_finish(&b);
    world_done(&world);
}

TEST(a_conversation_of_which_every_send_goes_with_a_wait)
{
    converse(true);
}

TEST(a_conversation_where_system_calls_are_cheap)
{
    converse(false);
}

static enum net_backend chosen_where_a_call_costs(base_time span)
{
    struct net_loop *loop = NULL;
    call_span = span;
    assert_int_equal(net_loop_new(NULL, &loop), BASE_OK);
    call_span = DEAR_SPAN;
    enum net_backend backend = net_loop_backend(loop);
    net_loop_free(loop);
    return backend;
}

TEST(the_ring_receives_where_a_system_call_is_dear)
{
    if (chosen_where_a_call_costs(0) == NET_BACKEND_EPOLL) {
        test_skip("the kernel has no io_uring, or refuses it");
    }
    assert_int_equal(chosen_where_a_call_costs(0), NET_BACKEND_IO_URING_SENDS);
    assert_int_equal(chosen_where_a_call_costs(DEAR_SPAN), NET_BACKEND_IO_URING);
}
