/* test_chaos.c - everything at once: threads and event loops that give back in every state, cancel
 * and run out of time, while connections are killed and the pool is resized, paused, invalidated
 * and looked at. No call may fail in another way than the header says, and at the end nothing is
 * lost. */
#include "world.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define THREADS 5
#define LOOPS   2
#define CLAIMS  6  /* of a loop, at once */
#define ROUNDS  60 /* of a thread or loop */

struct chaos {
    struct weir_pool *pool;
    atomic_int working, complaints, grants;
};

struct actor {
    pthread_t thread;
    struct chaos *chaos;
    unsigned seed;
};

struct loop_claim {
    struct weir_claim claim;
    struct actor *actor;
    bool is_pending;
};

static void complain_unless(struct chaos *chaos, bool is_as_promised)
{
    if (!is_as_promised)
        atomic_fetch_add(&chaos->complaints, 1);
}

static int dice(struct actor *actor, int sides)
{
    return rand_r(&actor->seed) % sides;
}

/* Leaves the connection in some state and ends the lease in some way. */
static void use(struct actor *actor, PGconn *conn)
{
    struct weir_pool *pool = actor->chaos->pool;
    atomic_fetch_add(&actor->chaos->grants, 1);
    switch (dice(actor, 9)) {
    case 0:
        PQclear(PQexec(conn, "BEGIN"));
        break;
    case 1:
        PQsendQuery(conn, "SELECT pg_sleep(600)");
        break;
    case 2:
        PQclear(PQexec(conn, "COPY (SELECT generate_series(1, 9999)) TO STDOUT"));
        break;
    case 3:
        PQenterPipelineMode(conn);
        PQsendQueryParams(conn, "SELECT 1", 0, NULL, NULL, NULL, NULL, 0);
        break;
    case 4:
        complain_unless(actor->chaos, weir_pool_invalidate(pool, conn) == 0);
        break;
    case 5:
        complain_unless(actor->chaos, weir_pool_discard(pool, conn) == 0);
        return;
    case 6:
        complain_unless(actor->chaos, weir_pool_detach(pool, conn) == 0);
        PQfinish(conn);
        complain_unless(actor->chaos, weir_pool_forget(pool, conn) == 0);
        return;
    default:
        PQclear(PQexec(conn, "SELECT 1"));
        break;
    }
    complain_unless(actor->chaos, weir_pool_give(pool, conn) == 0);
}

static struct weir_want want_of(struct actor *actor)
{
    return (struct weir_want){.deadline = weir_now() + (1 + (weir_time)dice(actor, 30)) * WEIR_MS,
                              .lane = (uint32_t)dice(actor, WEIR_LANES),
                              .owner = WEIR_OWNER_NONE};
}

static void *act_as_thread(void *argument)
{
    struct actor *actor = argument;
    for (int i = 0; i < ROUNDS; i++) {
        struct weir_want want = want_of(actor);
        PGconn *conn;
        int status = dice(actor, 5) == 0 ? weir_pool_try(actor->chaos->pool, &want, &conn)
                                         : weir_pool_take(actor->chaos->pool, &want, &conn, NULL);
        if (status == 0)
            use(actor, conn);
        else
            complain_unless(actor->chaos, status == WEIR_ETIMEDOUT || status == WEIR_EAGAIN);
    }
    atomic_fetch_sub(&actor->chaos->working, 1);
    return NULL;
}

static void ended(struct weir_claim *claim, int status, PGconn *conn,
                  const struct weir_error *error)
{
    struct loop_claim *mine = claim->user;
    complain_unless(mine->actor->chaos, mine->is_pending && (status == 0) == (error == NULL));
    mine->is_pending = false;
    if (status == 0)
        use(mine->actor, conn);
    else
        complain_unless(mine->actor->chaos, status == WEIR_ETIMEDOUT);
}

static void begin(struct actor *actor, struct weir_loop *loop, struct loop_claim *mine)
{
    struct weir_want want = want_of(actor);
    mine->is_pending = weir_loop_claim(loop, &mine->claim, &want, ended) == 0;
    complain_unless(actor->chaos, mine->is_pending);
}

static void withdraw(struct actor *actor, struct weir_loop *loop, struct loop_claim *mine)
{
    complain_unless(actor->chaos, weir_loop_cancel(loop, &mine->claim) == 0);
    mine->is_pending = false;
}

static void *act_as_loop(void *argument)
{
    struct actor *actor = argument;
    struct loop_claim claims[CLAIMS];
    struct weir_loop *loop;
    complain_unless(actor->chaos, weir_loop_open(actor->chaos->pool, &loop) == 0);
    for (int i = 0; i < CLAIMS; i++)
        claims[i] = (struct loop_claim){.claim.user = &claims[i], .actor = actor};
    for (int i = 0; i < ROUNDS; i++) {
        struct pollfd fd = {.fd = weir_loop_fd(loop), .events = POLLIN};
        for (int k = 0; k < CLAIMS; k++)
            if (!claims[k].is_pending)
                begin(actor, loop, &claims[k]);
        poll(&fd, 1, 60000); /* a pending claim has a deadline */
        for (int k = 0; k < CLAIMS; k++)
            if (dice(actor, 6) == 0) /* some of them have just been granted */
                withdraw(actor, loop, &claims[k]);
        weir_loop_tick(loop);
    }
    for (int i = 0; i < CLAIMS; i++)
        if (claims[i].is_pending)
            withdraw(actor, loop, &claims[i]);
    complain_unless(actor->chaos, weir_loop_close(loop) == 0);
    atomic_fetch_sub(&actor->chaos->working, 1);
    return NULL;
}

static void ignore(void *user, const char *text)
{
    (void)user;
    (void)text; /* a process that has ended by itself meanwhile */
}

/* Kills one connection and does something to the pool, as long as anybody works. */
static void disturb(struct chaos *chaos, struct actor *self)
{
    struct weir_holder holders[4];
    PGconn *killer = PQconnectdb(postgres_conninfo());
    PQsetNoticeProcessor(killer, ignore, NULL);
    while (atomic_load(&chaos->working) > 0) {
        PQclear(PQexec(killer, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                               "backend_type = 'client backend' AND pid <> pg_backend_pid() "
                               "ORDER BY random() LIMIT 1"));
        switch (dice(self, 5)) {
        case 0:
            complain_unless(chaos, weir_pool_resize(chaos->pool, 1 + (uint32_t)dice(self, 6),
                                                    dice(self, 3)) == 0);
            break;
        case 1:
            complain_unless(chaos, weir_pool_invalidate(chaos->pool, NULL) == 0);
            break;
        case 2:
            complain_unless(chaos, weir_pool_pause(chaos->pool) == 0);
            complain_unless(chaos, weir_pool_resume(chaos->pool) == 0);
            break;
        case 3:
            complain_unless(chaos, weir_pool_holders(chaos->pool, holders, 4) >= 0);
            break;
        default:
            world_stats(chaos->pool);
            break;
        }
        poll(NULL, 0, 3);
    }
    PQfinish(killer);
}

TEST(whatever_is_done_to_a_pool_at_once_nothing_is_lost)
{
    struct weir_options options = world_options(4, 2);
    options.pool_recycle = 200 * WEIR_MS;
    options.idle_timeout = 50 * WEIR_MS;
    options.pre_ping_after = 5 * WEIR_MS;
    options.min_pool_size = 1;
    struct chaos chaos = {.pool = world_open(&options), .working = THREADS + LOOPS};
    struct actor actors[THREADS + LOOPS], self = {.chaos = &chaos, .seed = 99};
    for (unsigned i = 0; i < THREADS + LOOPS; i++) {
        actors[i] = (struct actor){.chaos = &chaos, .seed = i + 1};
        pthread_create(&actors[i].thread, NULL, i < THREADS ? act_as_thread : act_as_loop,
                       &actors[i]);
    }
    disturb(&chaos, &self);
    for (int i = 0; i < THREADS + LOOPS; i++)
        pthread_join(actors[i].thread, NULL);
    assert_int_equal(chaos.complaints, 0);
    assert_true(chaos.grants > 0);
    assert_int_equal(world_stats(chaos.pool).checked_out, 0);
    assert_int_equal(world_stats(chaos.pool).detached, 0);
    assert_int_equal(world_stats(chaos.pool).waiting, 0);
    assert_int_equal(weir_pool_resize(chaos.pool, 4, 0), 0);
    PGconn *conns[4];
    for (int i = 0; i < 4; i++) /* the whole size can be had */
        conns[i] = world_take(chaos.pool);
    for (int i = 0; i < 4; i++)
        weir_pool_give(chaos.pool, conns[i]);
    world_close(chaos.pool);
}
