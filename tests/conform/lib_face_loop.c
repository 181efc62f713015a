/* lib_face_loop.c - takers as claims of an event loop: all in one thread. */
#include "lib_driver.h"

static void done(struct weir_claim *claim, int status, PGconn *conn, const struct weir_error *error)
{
    lib_driver_answer(claim->user, status, conn, error);
}

static void take(struct taker *taker, base_time deadline)
{
    struct weir_want want = {.deadline = deadline};
    taker->claim.user = taker;
    assert_int_equal(weir_loop_claim(taker->pool->loop, &taker->claim, &want, done), 0);
}

static void cancel(struct taker *taker)
{
    assert_int_equal(weir_loop_cancel(taker->pool->loop, &taker->claim), 0);
}

static bool collect(struct pool *pool)
{
    (void)pool;
    return false; /* done() has told everything */
}

const struct face lib_face = {.take = take, .cancel = cancel, .collect = collect};
