/* test_loop.c - turns, turn memory, the hook, signals, watches. */
#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "world.h"

TEST(turn_memory_is_aligned_and_large_requests_get_their_own)
{
    struct world world;
    world_init(&world, 4096, 1024);
    uint8_t *memory[100];
    for (size_t i = 0; i < 100; i++) {
        memory[i] = net_turn_alloc(world.loop, i * 37 + 1);
        assert_int_equal((uintptr_t)memory[i] % 16, 0);
        memset(memory[i], (int)i, i * 37 + 1);
    }
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(memory[i][0], i);
        assert_int_equal(memory[i][i * 37], i);
    }
    uint8_t *large = net_turn_alloc(world.loop, 10000000);
    memset(large, 1, 10000000);
    assert_int_equal(net_loop_turn(world.loop, 0), BASE_OK);
    /* Reused from the start. */
    assert_ptr_equal(net_turn_alloc(world.loop, 1), memory[0]);
    world_done(&world);
}

static void wish_for_too_much(struct net_loop *loop)
{
    fclose(stderr);
    (void)net_turn_alloc(loop, ((size_t)1 << 30) + 1);
}

TEST(a_request_over_a_gibibyte_ends_the_process)
{
    struct world world;
    int status = 0;
    world_init(&world, 0, 0);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        wish_for_too_much(world.loop);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    world_done(&world);
}

TEST(the_hook_is_called_every_turn)
{
    struct world world;
    world_init(&world, 0, 0);
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(net_loop_turn(world.loop, 0), BASE_OK);
        assert_int_equal(world.hook_calls, i);
    }
    world_done(&world);
}

/* Three streams of the three ranks, by the letter their owner writes down. */
struct order {
    struct peer peer[3];
    int raw[3]; /* the other ends */
    char heard[4];
    int count;
    bool were_answered; /* the first two, when the last one is heard */
};

static size_t note_order(struct peer *peer, struct base_slice in)
{
    static const char letter[] = "LSF";
    struct order *order = peer->arg;
    long rank = peer - order->peer;
    order->heard[order->count++] = letter[rank];
    if (rank == NET_RANK_LAST) {
        char back[5];
        order->were_answered = recv(order->raw[NET_RANK_SOON], back, 5, MSG_DONTWAIT) == 5 &&
                               recv(order->raw[NET_RANK_FIRST], back, 5, MSG_DONTWAIT) == 5;
    }
    net_stream_send(&peer->stream, in);
    return in.bytes;
}

TEST(events_come_by_rank_and_those_of_rank_are_answered_before_the_rest_is_heard)
{
    static const char *const said[] = {"zero.", "first", "then."};
    struct world world;
    struct order order = {0};
    world_init(&world, 0, 0);
    for (int rank = NET_RANK_LAST; rank <= NET_RANK_FIRST; rank++) {
        order.raw[rank] = peer_raw(&order.peer[rank], &world, 1000);
        order.peer[rank].on_data = note_order;
        order.peer[rank].arg = &order;
        net_stream_rank(&order.peer[rank].stream, (enum net_rank)rank);
        raw_write(order.raw[rank], said[rank], 5);
    }
    UNTIL(&world, order.count == 3);
    assert_string_equal(order.heard, "FSL");
    assert_true(order.were_answered);
    for (int rank = NET_RANK_LAST; rank <= NET_RANK_FIRST; rank++) {
        close(order.raw[rank]);
        peer_finish(&order.peer[rank]);
    }
    world_done(&world);
}

/* Every end makes work for the next round: it ends another stream, and tells a witness out of turn
 * memory. */
static void end_the_next(struct peer *peer, int status)
{
    struct peer *witness = peer->arg;
    char *text = net_turn_alloc(peer->world->loop, 8);
    (void)status;
    memset(text, 'a' + witness->world->hook_calls % 26, 8);
    net_stream_send(&witness->stream, base_slice_of(text, 8));
    peer_take(witness, base_slice_of(text, 8));
    if (peer->other) {
        net_stream_abort(&peer->other->stream);
    }
}

static void stop_when_all_are_gone(struct world *world)
{
    struct peer *last = world->arg;
    /* Over what an earlier turn left; other memory of this turn is freed at its end. */
    memset(net_turn_alloc(world->loop, 4096), '?', 4096);
    if (last->close_calls) {
        net_loop_stop(world->loop);
    }
}

/* `count` ends in a row; the last one is seen by the hook, without a wait. */
static void end_in_a_row(int count)
{
    struct world world;
    struct peer witness;
    struct peer peers[40];
    int raw[40];
    char told[40 * 8];
    world_init(&world, 4096, 1024);
    int raw_witness = peer_raw(&witness, &world, 1000);
    for (int i = 0; i < count; i++) {
        raw[i] = peer_raw(&peers[i], &world, 1000);
        peers[i].on_close = end_the_next;
        peers[i].arg = &witness;
        peers[i].other = i + 1 < count ? &peers[i + 1] : NULL;
    }
    world.arg = &peers[count - 1];
    world.hook = stop_when_all_are_gone;
    net_stream_abort(&peers[0].stream);
    assert_int_equal(net_loop_run(world.loop), BASE_OK); /* would hang if it waited */
    raw_read(raw_witness, told, (size_t)count * 8);
    assert_memory_equal(told, witness.got, (size_t)count * 8);
    for (int i = 0; i < count; i++) {
        assert_int_equal(peers[i].close_calls, 1);
        close(raw[i]);
        peer_done(&peers[i]);
    }
    close(raw_witness);
    peer_finish(&witness);
    world_done(&world);
}

TEST(work_that_callbacks_make_is_done_without_waiting)
{
    /* A turn has 16 rounds: one less, just so many, more than two turns. */
    for (int count = 1; count <= 40; count++) {
        end_in_a_row(count);
    }
}

static size_t never_content(struct peer *peer, struct base_slice in)
{
    (void)in;
    net_stream_pause(&peer->stream);
    net_stream_resume(&peer->stream);
    return 0;
}

TEST(a_handler_that_resumes_itself_for_ever_does_not_hang_the_turn)
{
    struct world world;
    struct peer peer;
    world_init(&world, 0, 0);
    int raw = peer_raw(&peer, &world, 1000);
    peer.on_data = never_content;
    raw_write(raw, "x", 1);
    assert_int_equal(net_loop_turn(world.loop, BASE_SECOND), BASE_OK);
    int calls = peer.data_calls;
    assert_int_equal(net_loop_turn(world.loop, BASE_NEVER), BASE_OK); /* does not wait */
    assert_true(peer.data_calls > calls);
    close(raw);
    peer_finish(&peer);
    world_done(&world);
}

/* ---- signals --------------------------------------------------------------------------------- */

struct heard {
    int signo;
    int count;
};

static void on_signal(void *arg, int signo)
{
    struct heard *heard = arg;
    heard->signo = signo;
    heard->count++;
}

TEST(signals_come_as_events)
{
    struct world world;
    struct heard hup = {0};
    struct heard usr = {0};
    sigset_t before;
    sigset_t after;
    sigprocmask(SIG_SETMASK, NULL, &before);
    world_init(&world, 0, 0);
    assert_int_equal(net_loop_signal(world.loop, SIGHUP, on_signal, &hup), BASE_OK);
    assert_int_equal(net_loop_signal(world.loop, SIGUSR1, on_signal, &usr), BASE_OK);
    kill(getpid(), SIGHUP);
    UNTIL(&world, hup.count == 1);
    kill(getpid(), SIGUSR1);
    kill(getpid(), SIGHUP);
    UNTIL(&world, hup.count == 2 && usr.count == 1);
    assert_int_equal(hup.signo, SIGHUP);
    assert_int_equal(usr.signo, SIGUSR1);
    assert_int_equal(net_loop_signal(world.loop, SIGUSR1, NULL, NULL), BASE_OK);
    kill(getpid(), SIGUSR1);
    assert_int_equal(net_loop_turn(world.loop, 0), BASE_OK);
    assert_int_equal(usr.count, 1);
    assert_int_equal(net_loop_signal(world.loop, 0, on_signal, &usr), BASE_EINVALID);
    assert_int_equal(net_loop_signal(world.loop, NSIG, on_signal, &usr), BASE_EINVALID);
    world_done(&world);
    signal(SIGUSR1, SIG_DFL);
    sigprocmask(SIG_SETMASK, NULL, &after);
    for (int signo = 1; signo < 32; signo++) {
        assert_int_equal(sigismember(&before, signo), sigismember(&after, signo));
    }
}

/* ---- watches --------------------------------------------------------------------------------- */

struct watcher {
    struct net_watch watch;
    struct net_loop *loop;
    struct watcher *victim; /* dropped when this one fires */
    int readable;
    int writable;
};

static void watch_fired(struct net_watch *watch, bool is_readable, bool is_writable)
{
    struct watcher *watcher = base_list_entry(watch, struct watcher, watch);
    watcher->readable += is_readable;
    watcher->writable += is_writable;
    if (watcher->victim) {
        net_watch_drop(watcher->loop, &watcher->victim->watch);
        watcher->victim->victim = NULL;
        watcher->victim = NULL;
    }
}

static struct watcher watcher_on(struct net_loop *loop, int fd)
{
    return (struct watcher){.watch = {.fd = fd, .fire = watch_fired}, .loop = loop};
}

TEST(a_watch_tells_what_was_asked_for)
{
    struct world world;
    int fds[2];
    world_init(&world, 0, 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    struct watcher watcher = watcher_on(world.loop, fds[0]);
    assert_int_equal(net_watch_set(world.loop, &watcher.watch, true, false), BASE_OK);
    assert_int_equal(net_loop_turn(world.loop, 0), BASE_OK);
    assert_int_equal(watcher.readable + watcher.writable, 0);
    assert_int_equal(net_watch_set(world.loop, &watcher.watch, true, true), BASE_OK);
    assert_int_equal(net_loop_turn(world.loop, 0), BASE_OK);
    assert_int_equal(watcher.readable, 0);
    assert_int_equal(watcher.writable, 1);
    assert_int_equal(net_watch_set(world.loop, &watcher.watch, true, false), BASE_OK);
    raw_write(fds[1], "x", 1);
    assert_int_equal(net_loop_turn(world.loop, 0), BASE_OK);
    assert_int_equal(watcher.readable, 1);
    assert_int_equal(watcher.writable, 1);
    assert_int_equal(net_watch_set(world.loop, &watcher.watch, false, false), BASE_OK);
    assert_int_equal(net_loop_turn(world.loop, 0), BASE_OK);
    assert_int_equal(watcher.readable, 1);
    net_watch_drop(world.loop, &watcher.watch);
    close(fds[0]);
    close(fds[1]);
    world_done(&world);
}

TEST(a_watch_dropped_in_the_turn_of_its_event_does_not_fire)
{
    struct world world;
    int fds[2][2];
    world_init(&world, 0, 0);
    struct watcher watchers[2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds[i]), 0);
        watchers[i] = watcher_on(world.loop, fds[i][0]);
        watchers[i].victim = &watchers[1 - i];
        assert_int_equal(net_watch_set(world.loop, &watchers[i].watch, true, false), BASE_OK);
        raw_write(fds[i][1], "x", 1);
    }
    assert_int_equal(net_loop_turn(world.loop, 0), BASE_OK);
    assert_int_equal(watchers[0].readable + watchers[1].readable, 1);
    for (int i = 0; i < 2; i++) {
        net_watch_drop(world.loop, &watchers[i].watch);
        close(fds[i][0]);
        close(fds[i][1]);
    }
    world_done(&world);
}
