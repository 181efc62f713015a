/* flight.c - see flight.h. */
#include "serve/flight.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve/app.h"
#include "serve/lease.h"
#include "serve/log.h"
#include "serve/panels.h"
#include "serve/request.h"
#include "serve/statements.h"

#define SEATS       512 /* requests of one flight, and at the gate */
#define USERS_MAX   64  /* different users of one flight; the others take the next */
#define PATIENCE_MS 100 /* of those at the gate; then they, and others, go to the workers */
#define ARRAY_BYTES (USERS_MAX * TOKEN_USER_BYTES + 2) /* "{uuid,uuid}" */

struct passenger {
    struct request *request;
    unsigned user; /* in flight->users */
};

struct flight {
    struct app *app;
    flight_end *answered, *unanswered;
    struct request *gate[SEATS];
    size_t gate_count;
    struct passenger aboard[SEATS];
    size_t aboard_count;
    const char *users[USERS_MAX]; /* ids, in requests that are aboard */
    unsigned user_count;
    PGconn *conn; /* in the air while there is one */
    PGresult *result;
    bool is_preparing, is_by_name, is_slow; /* what was sent; whether it takes its time */
    bool is_grounded;
    weir_time due, ends_at; /* due: for the gate, then the statement's deadline */
};

struct flight *flight_new(struct app *app, flight_end *answered, flight_end *unanswered)
{
    struct flight *flight = calloc(1, sizeof(*flight));
    if (flight) {
        flight->app = app;
        flight->answered = answered;
        flight->unanswered = unanswered;
    }
    return flight;
}

void flight_free(struct flight *flight)
{
    free(flight);
}

int flight_fd(const struct flight *flight)
{
    return flight->conn ? PQsocket(flight->conn) : -1;
}

weir_time flight_due(const struct flight *flight)
{
    return flight->conn ? flight->due : WEIR_NEVER;
}

size_t flight_at_gate(const struct flight *flight)
{
    return flight->gate_count;
}

bool flight_is_grounded(const struct flight *flight)
{
    return flight->is_grounded;
}

bool flight_board(struct flight *flight, struct request *request)
{
    if (flight->gate_count == SEATS || flight->is_slow) {
        return false;
    }
    flight->gate[flight->gate_count++] = request;
    return true;
}

/* ---- coming down -----------------------------------------------------------------------------
 */

/* Everybody leaves; those with a version in `versions` that is kept are answered. */
static void disembark(struct flight *flight, const char *const *versions)
{
    size_t count = flight->aboard_count;
    flight->aboard_count = 0;
    flight->user_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct request *request = flight->aboard[i].request;
        const char *version = versions[flight->aboard[i].user];
        if (version && panel_answer_kept(request, version)) {
            flight->app->counts.user_hits++;
            flight->answered(request);
        } else {
            flight->unanswered(request);
        }
    }
}

static void give_back(struct flight *flight)
{
    PQclear(flight->result);
    flight->result = NULL;
    weir_pool_give(flight->app->pool, flight->conn);
    flight->conn = NULL;
    flight->is_slow = false;
}

static void abandon(struct flight *flight)
{
    static const char *const none[USERS_MAX];
    give_back(flight);
    disembark(flight, none);
}

static void land(struct flight *flight)
{
    const char *versions[USERS_MAX] = {0};
    PGresult *result = flight->result;
    flight->result = NULL;
    give_back(flight);
    for (int row = 0; row < PQntuples(result); row++) {
        for (unsigned i = 0; i < flight->user_count; i++) {
            if (strcmp(flight->users[i], PQgetvalue(result, row, 0)) == 0) {
                versions[i] = PQgetvalue(result, row, 1);
            }
        }
    }
    disembark(flight, versions);
    PQclear(result);
}

/* ---- going up --------------------------------------------------------------------------------
 */

static void make_array(const struct flight *flight, char array[ARRAY_BYTES])
{
    char *at = array;
    for (unsigned i = 0; i < flight->user_count; i++) {
        *at++ = i == 0 ? '{' : ',';
        at = stpcpy(at, flight->users[i]);
    }
    stpcpy(at, "}");
}

static bool send_statement(struct flight *flight)
{
    char array[ARRAY_BYTES];
    const char *values[] = {array};
    make_array(flight, array);
    flight->is_preparing = flight->is_by_name = false;
    if (flight->app->goes_unprepared) {
        return PQsendQueryParams(flight->conn, statement_text(STATEMENT_VERSIONS), 1, NULL, values,
                                 NULL, NULL, 0);
    }
    if (statement_is_prepared(flight->conn, STATEMENT_VERSIONS)) {
        flight->is_by_name = true;
        return PQsendQueryPrepared(flight->conn, statement_name(STATEMENT_VERSIONS), 1, values,
                                   NULL, NULL, 0);
    }
    flight->is_preparing = true;
    return PQsendPrepare(flight->conn, statement_name(STATEMENT_VERSIONS),
                         statement_text(STATEMENT_VERSIONS), 0, NULL);
}

/* False: there are too many users aboard already. */
static bool seat(struct flight *flight, struct request *request)
{
    const char *id = request->claims.user_id;
    unsigned user = 0;
    while (user < flight->user_count && strcmp(flight->users[user], id) != 0) {
        user++;
    }
    if (user == USERS_MAX) {
        return false;
    }
    if (user == flight->user_count) {
        flight->users[flight->user_count++] = id;
    }
    flight->aboard[flight->aboard_count++] = (struct passenger){request, user};
    return true;
}

static void board_all(struct flight *flight)
{
    size_t left = 0;
    for (size_t i = 0; i < flight->gate_count; i++) {
        if (!seat(flight, flight->gate[i])) {
            flight->gate[left++] = flight->gate[i];
        }
    }
    flight->gate_count = left;
}

static void close_gate(struct flight *flight)
{
    size_t count = flight->gate_count;
    flight->gate_count = 0;
    for (size_t i = 0; i < count; i++) {
        flight->unanswered(flight->gate[i]);
    }
}

void flight_depart(struct flight *flight)
{
    struct weir_want want = {.owner = WEIR_OWNER_NONE};
    if (flight->conn || flight->gate_count == 0) {
        return;
    }
    want.tag = flight->gate[0]->route->name;
    flight->is_grounded = weir_pool_try(flight->app->pool, &want, &flight->conn) != 0;
    if (flight->is_grounded) {
        flight->conn = NULL;
        close_gate(flight);
        return;
    }
    board_all(flight);
    weir_time now = weir_now();
    flight->due = now + PATIENCE_MS * WEIR_MS;
    flight->ends_at = now + (weir_time)flight->app->settings->query_ms * WEIR_MS;
    for (size_t i = 0; i < flight->aboard_count && log_is_on(LOG_LEVEL_DEBUG); i++) {
        lease_tell(flight->aboard[i].request, 0);
    }
    if (!send_statement(flight)) {
        abandon(flight);
    }
}

/* ---- in the air ------------------------------------------------------------------------------
 */

static bool has_failed_with(const struct flight *flight, const char *sqlstate)
{
    const char *own = PQresultErrorField(flight->result, PG_DIAG_SQLSTATE);
    return own && strcmp(own, sqlstate) == 0;
}

/* What was sent has been answered, and the connection is idle again. */
static void arrive(struct flight *flight)
{
    ExecStatusType status = PQresultStatus(flight->result);
    bool is_prepared = flight->is_preparing &&
                       (status == PGRES_COMMAND_OK || has_failed_with(flight, STATEMENT_EXISTS));
    bool is_missing = flight->is_by_name && has_failed_with(flight, STATEMENT_MISSING);
    if (is_prepared) {
        statement_set_prepared(flight->conn, STATEMENT_VERSIONS);
    } else if (is_missing) {
        lease_go_unprepared(flight->app);
    } else if (status == PGRES_TUPLES_OK) {
        land(flight);
        return;
    }
    /* of other failures: a worker meets the same, and knows what to make of it */
    if (!(is_prepared || is_missing) || !send_statement(flight)) {
        abandon(flight);
    }
}

/* To give the busy connection back cancels the statement. */
static void time_out(struct flight *flight)
{
    size_t count = flight->aboard_count;
    give_back(flight);
    flight->aboard_count = flight->user_count = 0;
    for (size_t i = 0; i < count; i++) {
        lease_refuse_slow(flight->aboard[i].request);
        flight->answered(flight->aboard[i].request);
    }
}

void flight_turn(struct flight *flight)
{
    if (!flight->conn) {
        return;
    }
    if (!PQconsumeInput(flight->conn)) {
        abandon(flight);
        return;
    }
    while (!PQisBusy(flight->conn)) {
        PGresult *result = PQgetResult(flight->conn);
        if (!result) {
            arrive(flight);
            return;
        }
        PQclear(flight->result);
        flight->result = result;
    }
    weir_time now = weir_now();
    if (now >= flight->ends_at) {
        time_out(flight);
    } else if (now >= flight->due) {
        flight->is_slow = true;
        flight->due = flight->ends_at;
        close_gate(flight);
    }
}
