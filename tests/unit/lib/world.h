/* world.h - a pool on the private PostgreSQL, threads that take from it, and what tests ask. */
#ifndef TESTS_LIB_WORLD_H
#define TESTS_LIB_WORLD_H

#include "test.h"

#include "postgres.h"
#include <weir/weir.h>

/* Options on the private PostgreSQL: size, overflow, nothing learned from the server. */
struct weir_options world_options(uint32_t size, int32_t overflow);
/* Fails the test with the error's text when the pool cannot be made. */
struct weir_pool *world_open(const struct weir_options *options);
/* Closes; everything must have been given back. */
void world_close(struct weir_pool *pool);
/* Takes, or fails the test. */
PGconn *world_take(struct weir_pool *pool);
struct weir_stats world_stats(struct weir_pool *pool);
/* The first column of the first row, as a number; fails the test when the query does. */
long world_query(PGconn *conn, const char *text);
/* Waits until the field of the statistics at this offset is `value`. */
void world_until(struct weir_pool *pool, size_t offset, uint32_t value);
#define WORLD_UNTIL(pool, field, value) \
    world_until((pool), offsetof(struct weir_stats, field), (value))

/* A thread that takes once, and what came of it. */
struct world_taker;
struct world_taker *world_taker_start(struct weir_pool *pool, weir_time span);
/* Waits for its end; status of the take. A connection it got is given back. */
int world_taker_join(struct world_taker *taker, weir_time *ret_waited);

#endif
