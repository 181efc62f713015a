/* test_deadlock.c - a take that can never succeed is failed at once, and nothing else is. */
#include "world.h"

#include <pthread.h>
#include <string.h>

TEST(a_thread_that_holds_the_only_connection_and_wants_another_is_told)
{
    struct weir_options options = world_options(1, 0);
    struct weir_pool *pool = world_open(&options);
    struct weir_want want = {.deadline = WEIR_NEVER, .tag = "order"};
    struct weir_error error;
    PGconn *conn, *second;
    assert_int_equal(weir_pool_take(pool, &want, &conn, &error), 0);
    assert_int_equal(weir_pool_take(pool, &want, &second, &error), WEIR_EDEADLOCK);
    assert_string_equal(error.sqlstate, "40P01");
    assert_non_null(strstr(error.text, "\"order\""));
    assert_non_null(strstr(error.text, "waits for another itself"));
    assert_int_equal(world_stats(pool).deadlocks, 1);
    assert_int_equal(world_stats(pool).waiting, 0);
    weir_pool_give(pool, conn);
    world_close(pool);
}

struct pair {
    struct weir_pool *pool;
    pthread_barrier_t both_hold;
    int statuses[2];
};

struct half {
    struct pair *pair;
    int idx;
};

static void *take_two(void *argument)
{
    struct half *half = argument;
    struct weir_pool *pool = half->pair->pool;
    struct weir_want want = {.deadline = WEIR_NEVER};
    PGconn *first, *second;
    if (weir_pool_take(pool, &want, &first, NULL) != 0)
        return NULL;
    pthread_barrier_wait(&half->pair->both_hold);
    half->pair->statuses[half->idx] = weir_pool_take(pool, &want, &second, NULL);
    if (half->pair->statuses[half->idx] == 0)
        weir_pool_give(pool, second);
    weir_pool_give(pool, first);
    return NULL;
}

TEST(of_two_threads_that_hold_one_each_and_want_two_the_second_fails_and_the_first_goes_on)
{
    struct weir_options options = world_options(2, 0);
    struct pair pair = {.pool = world_open(&options)};
    struct half halves[2] = {{&pair, 0}, {&pair, 1}};
    pthread_t threads[2];
    pthread_barrier_init(&pair.both_hold, NULL, 2);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, take_two, &halves[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(pair.statuses[0] + pair.statuses[1], WEIR_EDEADLOCK);
    pthread_barrier_destroy(&pair.both_hold);
    world_close(pair.pool);
}

TEST(a_holder_that_says_it_is_nobody_is_never_part_of_a_deadlock)
{
    struct weir_options options = world_options(1, 0);
    struct weir_pool *pool = world_open(&options);
    struct weir_want want = {.owner = WEIR_OWNER_NONE};
    PGconn *conn, *second;
    assert_int_equal(weir_pool_take(pool, &want, &conn, NULL), 0);
    want.deadline = weir_now() + 50 * WEIR_MS;
    assert_int_equal(weir_pool_take(pool, &want, &second, NULL), WEIR_ETIMEDOUT);
    weir_pool_give(pool, conn);
    world_close(pool);
}

TEST(owners_of_the_applications_own_are_told_apart)
{
    struct weir_options options = world_options(2, 0);
    struct weir_pool *pool = world_open(&options);
    struct weir_want first = {.owner = 11}, second = {.owner = 22};
    PGconn *a, *b, *c;
    assert_int_equal(weir_pool_take(pool, &first, &a, NULL), 0);
    assert_int_equal(weir_pool_take(pool, &second, &b, NULL), 0);
    first.deadline = weir_now() + 50 * WEIR_MS; /* 22 does not wait: no deadlock */
    assert_int_equal(weir_pool_take(pool, &first, &c, NULL), WEIR_ETIMEDOUT);
    weir_pool_give(pool, b);
    first.deadline = 0;
    assert_int_equal(weir_pool_take(pool, &first, &b, NULL), 0);
    assert_int_equal(weir_pool_take(pool, &first, &c, NULL), WEIR_EDEADLOCK);
    weir_pool_give(pool, a);
    weir_pool_give(pool, b);
    world_close(pool);
}
