/* flight.h - panels whose answers are kept, asked for by many requests together.
 *
 *     board --> at the gate --depart--> in the air --land--> answered: the version is that of a
 *                   |                       |                kept answer, or the client's
 *                   '------- no help -------+--> the workers' line, which does all of it
 *
 * What a panel needs most of the time is one small thing: the data_version of its user (panels.h).
 * Requests that come while one statement is in the air are asked for together by the next; when
 * none is, the front gives those that follow some microseconds. So a page costs one or two round
 * trips in place of five, and no thread wakes up for it.
 *
 * Always: a request boards before the statement that answers it is sent, so what is answered is
 * never older than the request; a flight takes a connection only if one is free this moment, and
 * never waits for one; whatever is unusual (no connection, an error, a user that is not known yet,
 * an answer that is not kept) goes to the line. Who is aboard when a statement is not done within
 * query_ms gets 504, as from a worker; the gate is closed long before.
 *
 * A flight belongs to the thread of one front (front.h). Test: tests/unit/horizon/test_flight.c,
 * tests/system/test_horizon_panels.py, test_horizon_faults.py.
 */
#ifndef HORIZON_SERVE_FLIGHT_H
#define HORIZON_SERVE_FLIGHT_H

#include <stdbool.h>
#include <stddef.h>

#include <weir/weir.h>

struct app;
struct flight;
struct request;

typedef void flight_end(struct request *request);

/* `answered` is called for requests that have a reply, `unanswered` for those that need a worker.
 * NULL: no memory. */
struct flight *flight_new(struct app *app, flight_end *answered, flight_end *unanswered);

/* Nobody may be aboard or at the gate. NULL is fine. */
void flight_free(struct flight *flight);

/* True: one of the two functions is called later. False: the gate is full. */
bool flight_board(struct flight *flight, struct request *request);

/* How many wait at the gate. */
size_t flight_at_gate(const struct flight *flight);

/* Whether the last that would have gone found no connection. */
bool flight_is_grounded(const struct flight *flight);

/* Sends what waits at the gate, if anything does and nothing is in the air. */
void flight_depart(struct flight *flight);

/* The socket to be waited for, readable; -1 when nothing is in the air. */
int flight_fd(const struct flight *flight);

/* When flight_turn is due even if the socket says nothing; WEIR_NEVER. */
weir_time flight_due(const struct flight *flight);

/* Reads what has come. */
void flight_turn(struct flight *flight);

#endif
