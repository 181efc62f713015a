/* test_connect.c - listeners and connects: success, refusal, leftovers, exhaustion. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "world.h"

#define IN_MAX     65536
#define FDS_MAX    64
#define ACCEPT_MAX 100

struct door {
    struct net_listener listener;
    int fds[ACCEPT_MAX];
    int count;
    bool closes_itself;
};

static void on_accept(struct net_listener *listener, int fd, const struct net_address *peer)
{
    struct door *door = listener->owner;
    assert_true(peer->storage.ss_family == AF_INET || peer->storage.ss_family == AF_UNIX);
    assert_true(door->count < ACCEPT_MAX);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    door->fds[door->count++] = fd;
    if (door->closes_itself) {
        net_listener_close(listener);
    }
}

static void door_open(struct door *door, struct world *world, const char *host, uint16_t port)
{
    struct net_address address;
    const char *reason = "none";
    *door = (struct door){.listener = {.on_accept = on_accept, .owner = door}};
    assert_int_equal(net_address_parse(host, port, &address), BASE_OK);
    int status = net_listener_open(
        world->loop, &door->listener, &address,
        &(struct net_listener_options){.backlog = 64, .unix_socket_mode = 0700}, &reason);
    if (status != BASE_OK) {
        fail_msg("cannot listen: %s", reason);
    }
}

static void door_close(struct door *door)
{
    net_listener_close(&door->listener);
    for (int i = 0; i < door->count; i++) {
        close(door->fds[i]);
    }
}

/* A world with a door on loopback, as most tests have it. */
static void begin(struct world *world, struct door *door)
{
    world_init(world, 0, 0);
    door_open(door, world, "127.0.0.1", 0);
}

static void end(struct world *world, struct door *door)
{
    door_close(door);
    world_done(world);
}

static char directory[] = "/tmp/weir-test-XXXXXX";

static const char *make_directory(void)
{
    strcpy(directory + strlen(directory) - 6, "XXXXXX");
    assert_non_null(mkdtemp(directory));
    return directory;
}

static const char *socket_path(void)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/.s.PGSQL.5432", directory);
    return path;
}

static void peer_connect(struct peer *peer, struct world *world, const struct net_address *address)
{
    peer_init(peer, world, IN_MAX);
    assert_int_equal(net_stream_connect(&peer->stream, address, NULL), BASE_OK);
    assert_int_equal(peer->open_status, NOT_YET); /* never from inside the call */
}

/* ---- connecting ------------------------------------------------------------------------------ */

static void connect_and_talk(struct world *world, struct door *door)
{
    struct peer peer;
    char back[6] = {0};
    peer_connect(&peer, world, &door->listener.address);
    net_stream_send(&peer.stream, base_slice_text("early")); /* before it is open */
    UNTIL(world, peer.open_status != NOT_YET && door->count == 1);
    assert_int_equal(peer.open_status, BASE_OK);
    UNTIL(world, net_stream_unsent(&peer.stream) == 0);
    assert_null(peer.stream.out);
    fcntl(door->fds[0], F_SETFL, 0);
    raw_read(door->fds[0], back, 5);
    assert_string_equal(back, "early");
    raw_write(door->fds[0], "answer", 6);
    UNTIL(world, peer_got(&peer, "answer"));
    peer_finish(&peer);
}

TEST(tcp_connects_and_sends_what_was_queued_before)
{
    struct world world;
    struct door door;
    begin(&world, &door);
    connect_and_talk(&world, &door);
    end(&world, &door);
}

TEST(a_unix_socket_connects_and_is_removed_at_close)
{
    struct world world;
    struct door door;
    struct stat found;
    world_init(&world, 0, 0);
    door_open(&door, &world, make_directory(), 5432);
    assert_int_equal(stat(socket_path(), &found), 0);
    assert_int_equal(found.st_mode & 0777, 0700);
    connect_and_talk(&world, &door);
    door_close(&door);
    assert_int_not_equal(stat(socket_path(), &found), 0);
    assert_int_equal(rmdir(directory), 0);
    world_done(&world);
}

/* net_listener_own fails, and the file at `path` has the mode it had. */
static void assert_keeps_its_mode(struct door *door, const char *path, const char *why)
{
    const struct net_listener_options options = {.backlog = 64, .unix_socket_mode = 0707};
    const char *reason = "none";
    struct stat found;
    assert_int_equal(net_listener_own(&door->listener, &options, &reason), BASE_ESYSTEM);
    assert_string_equal(reason, why);
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0600);
}

TEST(a_sockets_mode_is_never_given_to_what_stands_in_its_place)
{
    struct world world;
    struct door door;
    struct stat found;
    char other[160];
    world_init(&world, 0, 0);
    door_open(&door, &world, make_directory(), 5432);
    snprintf(other, sizeof(other), "%s/other", directory);
    assert_int_equal(rename(socket_path(), other), 0);
    assert_int_equal(chmod(other, 0600), 0);
    assert_int_equal(symlink(other, socket_path()), 0);
    assert_keeps_its_mode(&door, other, strerror(ENOTSOCK));
    unlink(socket_path());
    int fd = open(socket_path(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_keeps_its_mode(&door, socket_path(), strerror(ENOTSOCK));
    assert_int_equal(rename(other, socket_path()), 0);
    const struct net_listener_options options = {.backlog = 64, .unix_socket_mode = 0707};
    const char *reason = "none";
    assert_int_equal(net_listener_own(&door.listener, &options, &reason), BASE_OK);
    assert_int_equal(stat(socket_path(), &found), 0);
    assert_int_equal(found.st_mode & 0777, 0707);
    door_close(&door);
    assert_int_equal(rmdir(directory), 0);
    world_done(&world);
}

TEST(no_delay_is_on_unless_switched_off)
{
    struct world world;
    struct door door;
    begin(&world, &door);
    for (int is_off = 0; is_off < 2; is_off++) {
        struct peer peer;
        struct net_socket_options options = {
            .no_delay_off = is_off, .keepalive = true, .keepidle_s = 17, .user_timeout_ms = 1234};
        int value = -1;
        socklen_t bytes = sizeof(value);
        peer_init(&peer, &world, IN_MAX);
        assert_int_equal(net_stream_connect(&peer.stream, &door.listener.address, &options),
                         BASE_OK);
        UNTIL(&world, peer.open_status == BASE_OK);
        getsockopt(peer.stream.fd, IPPROTO_TCP, TCP_NODELAY, &value, &bytes);
        assert_int_equal(value != 0, !is_off);
        getsockopt(peer.stream.fd, IPPROTO_TCP, TCP_KEEPIDLE, &value, &bytes);
        assert_int_equal(value, 17);
        getsockopt(peer.stream.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &value, &bytes);
        assert_int_equal(value, 1234);
        peer_finish(&peer);
    }
    end(&world, &door);
}

/* TCP_NODELAY and SO_KEEPALIVE of an accepted socket. */
static void assert_inherits(struct world *world, struct door *door, bool is_delayed, bool is_kept)
{
    struct peer peer;
    const struct net_socket_options options = {.no_delay_off = is_delayed, .keepalive = is_kept};
    int value = -1;
    socklen_t bytes = sizeof(value);
    assert_int_equal(net_listener_configure(&door->listener, &options), BASE_OK);
    int before = door->count;
    peer_connect(&peer, world, &door->listener.address);
    UNTIL(world, door->count == before + 1);
    getsockopt(door->fds[before], IPPROTO_TCP, TCP_NODELAY, &value, &bytes);
    assert_int_equal(value != 0, !is_delayed);
    getsockopt(door->fds[before], SOL_SOCKET, SO_KEEPALIVE, &value, &bytes);
    assert_int_equal(value != 0, is_kept);
    peer_finish(&peer);
}

TEST(accepted_sockets_inherit_what_the_listener_has_now)
{
    struct world world;
    struct door door;
    begin(&world, &door);
    assert_inherits(&world, &door, false, true);
    assert_inherits(&world, &door, true, false);
    assert_inherits(&world, &door, false, false);
    end(&world, &door);
}

static void assert_refused(struct world *world, const struct net_address *address, const char *why)
{
    struct peer peer;
    peer_connect(&peer, world, address);
    net_stream_send(&peer.stream, base_slice_text("lost"));
    UNTIL(world, peer.close_calls == 1);
    assert_int_equal(peer.open_status, BASE_EUPSTREAMDOWN);
    assert_int_equal(peer.close_status, BASE_EUPSTREAMDOWN);
    assert_string_equal(net_stream_error(&peer.stream), why);
    peer_finish(&peer);
}

TEST(a_refused_connect_is_told_by_on_open_then_on_close)
{
    struct world world;
    struct door door;
    begin(&world, &door);
    struct net_address address = door.listener.address;
    door_close(&door);
    assert_refused(&world, &address, "Connection refused");
    world_done(&world);
}

TEST(a_unix_socket_without_a_listener_refuses)
{
    struct world world;
    struct net_address address;
    world_init(&world, 0, 0);
    assert_int_equal(net_address_parse(make_directory(), 5432, &address), BASE_OK);
    assert_refused(&world, &address, "No such file or directory");
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address.storage, address.bytes), 0);
    close(fd);
    assert_refused(&world, &address, "Connection refused");
    unlink(socket_path());
    rmdir(directory);
    world_done(&world);
}

TEST(aborting_while_connecting_gives_only_on_close)
{
    struct world world;
    struct door door;
    struct peer peer;
    begin(&world, &door);
    peer_connect(&peer, &world, &door.listener.address);
    net_stream_abort(&peer.stream);
    UNTIL(&world, peer.close_calls == 1);
    assert_int_equal(peer.open_status, NOT_YET);
    assert_int_equal(peer.close_status, BASE_OK);
    peer_done(&peer);
    peer_connect(&peer, &world, &door.listener.address);
    net_stream_close(&peer.stream, BASE_SECOND);
    UNTIL(&world, peer.close_calls == 1);
    assert_int_equal(peer.open_status, NOT_YET);
    peer_done(&peer);
    end(&world, &door);
}

static void close_it(struct peer *peer, int status)
{
    (void)status;
    net_stream_send(&peer->stream, base_slice_text("bye"));
    net_stream_close(&peer->stream, BASE_SECOND);
}

TEST(on_open_may_close_the_stream)
{
    struct world world;
    struct door door;
    struct peer peer;
    char back[3];
    begin(&world, &door);
    peer_connect(&peer, &world, &door.listener.address);
    peer.on_open = close_it;
    UNTIL(&world, peer.close_calls == 1 && door.count == 1);
    assert_int_equal(peer.close_status, BASE_OK);
    fcntl(door.fds[0], F_SETFL, 0);
    raw_read(door.fds[0], back, 3);
    peer_done(&peer);
    end(&world, &door);
}

TEST(a_full_queue_of_a_unix_listener_is_waited_for)
{
    struct world world;
    struct net_address address;
    struct peer peer;
    int fillers[16];
    int count = 0;
    world_init(&world, 0, 0);
    assert_int_equal(net_address_parse(make_directory(), 5432, &address), BASE_OK);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address.storage, address.bytes), 0);
    assert_int_equal(listen(listener, 0), 0);
    do {
        fillers[count] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    } while (connect(fillers[count++], (struct sockaddr *)&address.storage, address.bytes) == 0);
    peer_connect(&peer, &world, &address);
    net_stream_send(&peer.stream, base_slice_text("early"));
    assert_int_equal(net_loop_turn(world.loop, 0), BASE_OK);
    assert_int_equal(peer.open_status, NOT_YET);
    int first = accept(listener, NULL, NULL);
    UNTIL(&world, peer.open_status != NOT_YET);
    assert_int_equal(peer.open_status, BASE_OK);
    UNTIL(&world, net_stream_unsent(&peer.stream) == 0);
    peer_finish(&peer);
    /* And given up without a leak. */
    do {
        fillers[count] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    } while (connect(fillers[count++], (struct sockaddr *)&address.storage, address.bytes) == 0);
    peer_connect(&peer, &world, &address);
    peer_finish(&peer);
    while (count > 0) {
        close(fillers[--count]);
    }
    close(first);
    close(listener);
    unlink(socket_path());
    rmdir(directory);
    world_done(&world);
}

/* ---- listeners ------------------------------------------------------------------------------- */

static int try_open(struct world *world, const struct net_address *address, const char **ret_reason)
{
    struct net_listener listener = {.on_accept = on_accept};
    int status = net_listener_open(
        world->loop, &listener, address,
        &(struct net_listener_options){.backlog = 5, .unix_socket_mode = 0777}, ret_reason);
    if (status == BASE_OK) {
        net_listener_close(&listener);
    }
    return status;
}

TEST(an_address_in_use_is_refused_with_the_reason)
{
    struct world world;
    struct door door;
    const char *reason = NULL;
    begin(&world, &door);
    assert_int_equal(try_open(&world, &door.listener.address, &reason), BASE_EINUSE);
    assert_string_equal(reason, "Address already in use");
    door_close(&door);
    door_open(&door, &world, make_directory(), 5432);
    assert_int_equal(try_open(&world, &door.listener.address, &reason), BASE_EINUSE);
    door_close(&door);
    rmdir(directory);
    world_done(&world);
}

TEST(a_stale_socket_file_is_replaced_and_other_files_are_not)
{
    struct world world;
    struct net_address address;
    const char *reason = NULL;
    world_init(&world, 0, 0);
    assert_int_equal(net_address_parse(make_directory(), 5432, &address), BASE_OK);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address.storage, address.bytes), 0);
    close(fd);
    assert_int_equal(try_open(&world, &address, &reason), BASE_OK);
    fd = open(socket_path(), O_CREAT | O_WRONLY, 0600);
    close(fd);
    assert_int_equal(try_open(&world, &address, &reason), BASE_ESYSTEM);
    assert_string_equal(reason, "File exists");
    assert_int_equal(unlink(socket_path()), 0);
    rmdir(directory);
    assert_int_equal(try_open(&world, &address, &reason), BASE_ESYSTEM);
    assert_string_equal(reason, "No such file or directory");
    world_done(&world);
}

TEST(a_listener_may_be_closed_by_its_own_on_accept)
{
    struct world world;
    struct door door;
    struct peer peers[3];
    begin(&world, &door);
    door.closes_itself = true;
    for (int i = 0; i < 3; i++) {
        peer_connect(&peers[i], &world, &door.listener.address);
    }
    UNTIL(&world, door.count > 0);
    assert_int_equal(net_loop_turn(world.loop, 0), BASE_OK);
    assert_int_equal(door.count, 1);
    assert_int_equal(door.listener.retry.heap_pos, 0);
    for (int i = 0; i < 3; i++) {
        peer_finish(&peers[i]);
    }
    end(&world, &door);
}

TEST(accepting_rests_while_no_descriptor_is_left)
{
    struct world world;
    struct door door;
    struct peer peer;
    struct rlimit before;
    int spare[FDS_MAX];
    int count = 0;
    begin(&world, &door);
    peer_connect(&peer, &world, &door.listener.address);
    UNTIL(&world, door.count == 1);
    peer_finish(&peer);
    /* A connection waits in the queue, and no descriptor is left to accept it. */
    struct sockaddr_in *in = (void *)&door.listener.address.storage;
    int raw = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(raw, (struct sockaddr *)in, sizeof(*in)), 0);
    getrlimit(RLIMIT_NOFILE, &before);
    struct rlimit low = {.rlim_cur = FDS_MAX, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &low);
    while (count < FDS_MAX && (spare[count] = dup(raw)) >= 0) {
        count++;
    }
    uint64_t accepts = net_loop_counters(world.loop)->accepts;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(net_loop_turn(world.loop, 0), BASE_OK);
    }
    assert_int_equal(net_loop_counters(world.loop)->accepts, accepts + 1);
    assert_int_equal(door.count, 1);
    while (count > 0) {
        close(spare[--count]);
    }
    setrlimit(RLIMIT_NOFILE, &before);
    UNTIL(&world, door.count == 2); /* after the rest, by itself */
    close(raw);
    end(&world, &door);
}
