/* world.h - what the tests of src/net share: a loop, and streams that record what happens to them.
 *
 * NET_BACKEND=io_uring or io_uring_sends in the environment runs a program's tests on that backend,
 * else it is epoll.
 * No test sleeps: UNTIL() turns the loop until a condition holds, and fails when nothing happened
 * for seconds.
 */
#ifndef NET_WORLD_H
#define NET_WORLD_H

#include <stdbool.h>

#include "net/net.h"

#define NOT_YET 1 /* no callback yet; statuses are 0 or negative */

struct world {
    struct net_loop *loop;
    int hook_calls;
    void (*hook)(struct world *world);
    void *arg;
    base_time busy_at;   /* when something last happened, and */
    uint64_t busy_count; /* how much had by then */
};

struct peer {
    struct net_stream stream;
    struct world *world;
    /* What it does: NULL on_data takes everything and records it. */
    size_t (*on_data)(struct peer *peer, struct base_slice in);
    void (*on_open)(struct peer *peer, int status);
    void (*on_drain)(struct peer *peer);
    void (*on_tls)(struct peer *peer, int status);
    void (*on_close)(struct peer *peer, int status);
    void *arg;
    struct peer *other;
    /* What happened: */
    uint8_t *got;
    size_t got_bytes;
    size_t got_room;
    int data_calls;
    int drain_calls;
    int close_calls;
    int tls_calls;
    int open_status;
    int tls_status;
    int close_status;
    bool is_nested; /* a handler was called inside another one */
};

void world_init(struct world *world, uint32_t turn_bytes, uint32_t receive_bytes);
bool world_ring_receives(const struct world *world);
/* Everything must have been closed. */
void world_done(struct world *world);

void peer_init(struct peer *peer, struct world *world, uint32_t in_bytes_max);
void peer_done(struct peer *peer);
/* Records `in` as received. */
void peer_take(struct peer *peer, struct base_slice in);
bool peer_got(const struct peer *peer, const char *text);

/* Both ends as streams of the loop, over a Unix socket pair. */
void peers_pair(struct peer *a, struct peer *b, struct world *world, uint32_t in_bytes_max);
/* One end as a stream; returns the other one, blocking, to be used directly. */
int peer_raw(struct peer *peer, struct world *world, uint32_t in_bytes_max);
/* As peer_raw, over TCP on loopback. */
int peer_raw_tcp(struct peer *peer, struct world *world, uint32_t in_bytes_max);
/* Writes all of it. */
void raw_write(int fd, const void *data, size_t bytes);
/* Reads exactly so many bytes. */
void raw_read(int fd, void *data, size_t bytes);

/* One turn; fails the test when nothing happens for seconds. */
void world_turn(struct world *world);
#define UNTIL(world, condition) \
    do {                        \
        while (!(condition)) {  \
            world_turn(world);  \
        }                       \
    } while (0)
/* An on_data: `other` is resumed, and from now on takes everything. */
size_t peer_resume_other(struct peer *peer, struct base_slice in);
/* An on_data. */
size_t peer_pause_and_take_nothing(struct peer *peer, struct base_slice in);
/* Ends a peer and waits for its on_close. */
void peer_finish(struct peer *peer);

#endif
