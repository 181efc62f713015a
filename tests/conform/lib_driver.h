/* lib_driver.h - what the files of the driver for libweir share: the pool, its takers, and the two
 * faces of the library behind them. A program links one face: lib_face_loop.c, lib_face_thread.c.
 */
#ifndef LIB_DRIVER_H
#define LIB_DRIVER_H

#include <pthread.h>

#include "driver.h"
#include "lib_strait.h"
#include <weir/weir.h>

#define PATIENCE_MS 60000 /* what is real and takes longer does not happen */
#define LINKS       65536

/* A connection that was lent at least once; its name is its place + 1. */
struct link {
    PGconn *conn;
    int backend;
};

struct taker {
    struct pool *pool;
    int number;
    PGconn *conn; /* held, or given back last */
    struct weir_claim claim;
    /* a thread */
    pthread_t thread;
    base_time deadline;
    uint64_t sequence; /* of its take, over all takers */
    bool is_taking, is_posted;
    int status;
    struct weir_error error;
};

struct pool {
    struct rig *rig;
    struct weir_pool *weir;
    struct weir_loop *loop;
    struct strait *strait;
    struct taker takers[RIG_TAKERS];
    uint64_t sequence;
    int answer_fd;         /* an eventfd: threads have posted */
    pthread_mutex_t mutex; /* of what follows, and of what takers post */
    struct rig_upstream upstream;
    struct link links[LINKS];
    uint32_t link_count;
};

/* A take has ended: tells the rig. */
void lib_driver_answer(struct taker *taker, int status, PGconn *conn,
                       const struct weir_error *error);
struct weir_stats lib_driver_stats(const struct pool *pool);

struct face {
    void (*take)(struct taker *taker, base_time deadline);
    void (*cancel)(struct taker *taker); /* NULL: it has none */
    /* Hands over the answers that have come; true when there were some. */
    bool (*collect)(struct pool *pool);
};
extern const struct face lib_face;

#endif
