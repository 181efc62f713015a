/* Tests of serve/flight.h: who boards, who is asked for, who is answered. What it stands on
 * (libweir, libpq, the panels) is played here: a pool of one connection, and a server that answers
 * when told to. That PostgreSQL does as this one does is tested in
 * tests/system/test_horizon_panels.py. */
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
#include "test.h"

#define SEATS     512
#define USERS_MAX 64
#define QUERY_MS  5000
#define ROWS_MAX  (USERS_MAX + 1)
#define SOCKET    17

enum end { WAITS, ANSWERED, UNANSWERED };

/* A request, what became of it, and the version that a kept answer was looked for with. */
struct passenger {
    struct request request; /* first: the flight knows only this */
    enum end end;
    char version[16];
    bool is_slow;
};

struct pg_result {
    ExecStatusType status;
    const char *sqlstate;
    int rows;
    char users[ROWS_MAX][TOKEN_USER_BYTES];
    char versions[ROWS_MAX][16];
};

struct pg_conn {
    bool is_lost, sends_fail;
    PGresult *answer; /* has come and was not read */
    bool has_answered;
};

static struct world {
    weir_time now;
    struct settings settings;
    struct app app;
    struct flight *flight;
    PGconn conn;
    bool is_taken, is_prepared, is_nothing_kept;
    unsigned takes, prepares, queries, unprepared;
    char asked[USERS_MAX * TOKEN_USER_BYTES + 2];
    struct passenger passengers[2 * SEATS + 1];
    unsigned count;
} world;

/* ---- what the flight stands on --------------------------------------------------------------- */

weir_time weir_now(void)
{
    return world.now;
}

int weir_pool_try(struct weir_pool *pool, const struct weir_want *want, PGconn **ret_conn)
{
    (void)pool;
    assert_int_equal(want->owner, WEIR_OWNER_NONE);
    if (world.is_taken) {
        return WEIR_EAGAIN;
    }
    world.is_taken = true;
    world.takes++;
    *ret_conn = &world.conn;
    return 0;
}

int weir_pool_give(struct weir_pool *pool, PGconn *conn)
{
    (void)pool;
    assert_ptr_equal(conn, &world.conn);
    assert_true(world.is_taken);
    world.is_taken = false;
    PQclear(conn->answer);
    *conn = (PGconn){0};
    return 0;
}

int PQsocket(const PGconn *conn)
{
    (void)conn;
    return SOCKET;
}

int PQsendPrepare(PGconn *conn, const char *name, const char *text, int count, const Oid *types)
{
    (void)name, (void)text, (void)count, (void)types;
    world.prepares++;
    return !conn->sends_fail;
}

int PQsendQueryPrepared(PGconn *conn, const char *name, int count, const char *const *values,
                        const int *lengths, const int *formats, int format)
{
    (void)name, (void)count, (void)lengths, (void)formats, (void)format;
    assert_true(world.is_prepared);
    world.queries++;
    snprintf(world.asked, sizeof(world.asked), "%s", values[0]);
    return !conn->sends_fail;
}

int PQsendQueryParams(PGconn *conn, const char *text, int count, const Oid *types,
                      const char *const *values, const int *lengths, const int *formats, int format)
{
    (void)text, (void)count, (void)types, (void)lengths, (void)formats, (void)format;
    world.unprepared++;
    snprintf(world.asked, sizeof(world.asked), "%s", values[0]);
    return !conn->sends_fail;
}

int PQconsumeInput(PGconn *conn)
{
    return !conn->is_lost;
}

int PQisBusy(PGconn *conn)
{
    return !conn->answer && !conn->has_answered;
}

PGresult *PQgetResult(PGconn *conn)
{
    PGresult *answer = conn->answer;
    conn->answer = NULL;
    conn->has_answered = answer != NULL; /* the next call says that this was all */
    return answer;
}

void PQclear(PGresult *result)
{
    free(result);
}

ExecStatusType PQresultStatus(const PGresult *result)
{
    return result->status;
}

char *PQresultErrorField(const PGresult *result, int field)
{
    assert_int_equal(field, PG_DIAG_SQLSTATE);
    return (char *)(uintptr_t)result->sqlstate;
}

int PQntuples(const PGresult *result)
{
    return result->rows;
}

char *PQgetvalue(const PGresult *result, int row, int column)
{
    const char *cell = column == 0 ? result->users[row] : result->versions[row];
    return (char *)(uintptr_t)cell;
}

const char *statement_name(enum statement statement)
{
    assert_int_equal(statement, STATEMENT_VERSIONS);
    return "versions";
}

const char *statement_text(enum statement statement)
{
    return statement_name(statement);
}

bool statement_is_prepared(const PGconn *conn, enum statement statement)
{
    (void)conn, (void)statement;
    return world.is_prepared;
}

void statement_set_prepared(PGconn *conn, enum statement statement)
{
    (void)conn, (void)statement;
    world.is_prepared = true;
}

bool panel_answer_kept(struct request *request, const char *version)
{
    struct passenger *passenger = (struct passenger *)(void *)request;
    snprintf(passenger->version, sizeof(passenger->version), "%s", version);
    return !world.is_nothing_kept;
}

void lease_refuse_slow(struct request *request)
{
    ((struct passenger *)(void *)request)->is_slow = true;
}

void lease_go_unprepared(struct app *app)
{
    app->goes_unprepared = true;
}

void lease_tell(const struct request *request, weir_time waited)
{
    (void)request, (void)waited;
}

bool log_is_on(enum log_level level)
{
    (void)level;
    return false;
}

/* ---- the world ------------------------------------------------------------------------------- */

static void end_as(struct request *request, enum end end)
{
    struct passenger *passenger = (struct passenger *)(void *)request;
    assert_int_equal(passenger->end, WAITS); /* once */
    passenger->end = end;
}

static void answered(struct request *request)
{
    end_as(request, ANSWERED);
}

static void unanswered(struct request *request)
{
    end_as(request, UNANSWERED);
}

static void open_world(void)
{
    static const struct route route = {.name = "watch"};
    memset(&world, 0, sizeof(world));
    world.now = 1000 * WEIR_SECOND;
    world.settings.query_ms = QUERY_MS;
    world.app.settings = &world.settings;
    for (size_t i = 0; i < sizeof(world.passengers) / sizeof(world.passengers[0]); i++) {
        world.passengers[i].request.route = &route;
    }
    world.flight = flight_new(&world.app, answered, unanswered);
    assert_non_null(world.flight);
}

static void close_world(void)
{
    assert_false(world.is_taken);
    assert_int_equal(flight_fd(world.flight), -1);
    flight_free(world.flight);
}

/* A new request of a user comes; NULL: there is no place for it. */
static struct passenger *board(const char *user)
{
    struct passenger *passenger = &world.passengers[world.count++];
    snprintf(passenger->request.claims.user_id, TOKEN_USER_BYTES, "%s", user);
    return flight_board(world.flight, &passenger->request) ? passenger : NULL;
}

/* The server answers what was sent last. */
static void answer(ExecStatusType status, int rows, const char *const (*cells)[2])
{
    PGresult *result = calloc(1, sizeof(*result));
    assert_non_null(result);
    result->status = status;
    result->rows = rows;
    for (int i = 0; i < rows; i++) {
        snprintf(result->users[i], sizeof(result->users[i]), "%s", cells[i][0]);
        snprintf(result->versions[i], sizeof(result->versions[i]), "%s", cells[i][1]);
    }
    world.conn.answer = result;
    flight_turn(world.flight);
}

static void refuse(const char *sqlstate)
{
    PGresult *result = calloc(1, sizeof(*result));
    assert_non_null(result);
    result->status = PGRES_FATAL_ERROR;
    result->sqlstate = sqlstate;
    world.conn.answer = result;
    flight_turn(world.flight);
}

/* A flight of a statement that is prepared already goes up. */
static void depart_prepared(void)
{
    world.is_prepared = true;
    flight_depart(world.flight);
    assert_true(world.is_taken);
    assert_int_equal(flight_fd(world.flight), SOCKET);
}

/* ---- tests ----------------------------------------------------------------------------------- */

TEST(flight_asks_for_all_at_the_gate_and_for_each_user_once)
{
    open_world();
    struct passenger *ann = board("ann"), *ben = board("ben"), *again = board("ann");
    depart_prepared();
    assert_string_equal(world.asked, "{ann,ben}");
    answer(PGRES_TUPLES_OK, 2, (const char *const[][2]){{"ben", "b/7"}, {"ann", "a/3"}});
    assert_int_equal(world.queries, 1);
    assert_string_equal(ann->version, "a/3");
    assert_string_equal(again->version, "a/3");
    assert_string_equal(ben->version, "b/7");
    assert_true(ann->end == ANSWERED && ben->end == ANSWERED && again->end == ANSWERED);
    assert_int_equal(world.app.counts.user_hits, 3);
    close_world();
}

TEST(flight_leaves_to_the_workers_who_has_no_version_or_no_kept_answer)
{
    open_world();
    struct passenger *ann = board("ann"), *stranger = board("zoe");
    depart_prepared();
    answer(PGRES_TUPLES_OK, 1, (const char *const[][2]){{"ann", "a/3"}});
    assert_int_equal(ann->end, ANSWERED);
    assert_int_equal(stranger->end, UNANSWERED);
    assert_string_equal(stranger->version, "");
    world.is_nothing_kept = true;
    ann = board("ann");
    depart_prepared();
    answer(PGRES_TUPLES_OK, 1, (const char *const[][2]){{"ann", "a/3"}});
    assert_int_equal(ann->end, UNANSWERED);
    assert_int_equal(world.app.counts.user_hits, 1);
    close_world();
}

/* What answers a request was asked for after it came: never older than the request. */
TEST(flight_takes_along_nobody_who_comes_while_it_is_in_the_air)
{
    open_world();
    board("ann");
    depart_prepared();
    struct passenger *late = board("ann");
    flight_depart(world.flight); /* one at a time */
    assert_int_equal(world.queries, 1);
    answer(PGRES_TUPLES_OK, 1, (const char *const[][2]){{"ann", "a/3"}});
    assert_int_equal(late->end, WAITS);
    depart_prepared();
    assert_int_equal(world.queries, 2);
    answer(PGRES_TUPLES_OK, 1, (const char *const[][2]){{"ann", "a/4"}});
    assert_string_equal(late->version, "a/4");
    close_world();
}

TEST(flight_has_a_gate_of_512_and_64_users)
{
    char user[16];
    open_world();
    for (unsigned i = 0; i < SEATS; i++) {
        snprintf(user, sizeof(user), "u%u", i % (USERS_MAX + 1));
        assert_non_null(board(user));
    }
    assert_null(board("one-more"));
    depart_prepared();
    assert_null(strstr(world.asked, "u64")); /* the 65th user takes the next one */
    assert_non_null(strstr(world.asked, ",u63}"));
    answer(PGRES_TUPLES_OK, 0, NULL);
    for (unsigned i = 0; i < SEATS; i++) {
        bool is_left = i % (USERS_MAX + 1) == USERS_MAX;
        assert_int_equal(world.passengers[i].end, is_left ? WAITS : UNANSWERED);
    }
    assert_non_null(board("u64"));
    depart_prepared();
    assert_string_equal(world.asked, "{u64}");
    answer(PGRES_TUPLES_OK, 1, (const char *const[][2]){{"u64", "v"}});
    for (unsigned i = USERS_MAX; i < SEATS; i += USERS_MAX + 1) {
        assert_int_equal(world.passengers[i].end, ANSWERED);
    }
    close_world();
}

TEST(flight_waits_for_no_connection)
{
    open_world();
    world.is_taken = true; /* by somebody else */
    struct passenger *ann = board("ann"), *ben = board("ben");
    assert_int_equal(flight_at_gate(world.flight), 2);
    assert_false(flight_is_grounded(world.flight));
    flight_depart(world.flight);
    assert_true(ann->end == UNANSWERED && ben->end == UNANSWERED);
    assert_int_equal(flight_at_gate(world.flight), 0);
    assert_true(flight_is_grounded(world.flight));
    assert_int_equal(world.takes, 0);
    assert_true(flight_due(world.flight) == WEIR_NEVER);
    world.is_taken = false;
    flight_depart(world.flight); /* nobody is at the gate */
    assert_int_equal(world.takes, 0);
    board("ann");
    depart_prepared();
    assert_false(flight_is_grounded(world.flight));
    answer(PGRES_TUPLES_OK, 1, (const char *const[][2]){{"ann", "a/3"}});
    close_world();
}

TEST(flight_prepares_its_statement_at_its_first_use_on_a_connection)
{
    open_world();
    struct passenger *ann = board("ann");
    flight_depart(world.flight);
    assert_int_equal(world.prepares, 1);
    assert_int_equal(world.queries, 0);
    answer(PGRES_COMMAND_OK, 0, NULL);
    assert_int_equal(world.queries, 1);
    answer(PGRES_TUPLES_OK, 1, (const char *const[][2]){{"ann", "a/3"}});
    assert_int_equal(ann->end, ANSWERED);
    board("ann");
    flight_depart(world.flight);
    answer(PGRES_TUPLES_OK, 0, NULL);
    assert_int_equal(world.prepares, 1);
    world.app.goes_unprepared = true; /* behind a pooler that loses statements */
    board("ann");
    flight_depart(world.flight);
    answer(PGRES_TUPLES_OK, 0, NULL);
    assert_int_equal(world.prepares, 1);
    assert_int_equal(world.queries, 2);
    assert_int_equal(world.unprepared, 1);
    close_world();
}

TEST(statement_that_a_pooler_kept_from_another_session_counts_as_prepared)
{
    open_world();
    struct passenger *ann = board("ann");
    flight_depart(world.flight);
    refuse("42P05");
    assert_true(world.is_prepared);
    assert_int_equal(world.queries, 1);
    answer(PGRES_TUPLES_OK, 1, (const char *const[][2]){{"ann", "a/3"}});
    assert_int_equal(ann->end, ANSWERED);
    assert_false(world.app.goes_unprepared);
    close_world();
}

TEST(statement_that_a_pooler_lost_is_sent_as_it_is)
{
    open_world();
    struct passenger *ann = board("ann");
    depart_prepared();
    refuse("26000");
    assert_true(world.app.goes_unprepared);
    assert_int_equal(world.unprepared, 1);
    answer(PGRES_TUPLES_OK, 1, (const char *const[][2]){{"ann", "a/3"}});
    assert_int_equal(ann->end, ANSWERED);

    ann = board("ann");
    flight_depart(world.flight);
    refuse("26000"); /* without a name it cannot be that: once is enough */
    assert_int_equal(ann->end, UNANSWERED);
    assert_int_equal(world.unprepared, 2);
    close_world();
}

TEST(flight_that_fails_leaves_all_to_the_workers)
{
    open_world();
    struct passenger *ann = board("ann");
    world.conn.sends_fail = true;
    flight_depart(world.flight);
    assert_int_equal(ann->end, UNANSWERED);

    ann = board("ann");
    flight_depart(world.flight);
    answer(PGRES_FATAL_ERROR, 0, NULL); /* to Prepare */
    assert_int_equal(ann->end, UNANSWERED);
    assert_false(world.is_prepared);

    ann = board("ann");
    depart_prepared();
    answer(PGRES_FATAL_ERROR, 0, NULL);
    assert_int_equal(ann->end, UNANSWERED);

    ann = board("ann");
    depart_prepared();
    world.conn.is_lost = true;
    flight_turn(world.flight);
    assert_int_equal(ann->end, UNANSWERED);
    assert_int_equal(world.takes, 4);
    close_world();
}

TEST(flight_that_is_slow_closes_its_gate_and_then_refuses_who_is_aboard)
{
    open_world();
    struct passenger *aboard = board("ann");
    depart_prepared();
    struct passenger *waits = board("ben");
    assert_true(flight_due(world.flight) == world.now + 100 * WEIR_MS);
    world.now += 100 * WEIR_MS - 1;
    flight_turn(world.flight);
    assert_int_equal(waits->end, WAITS);
    world.now += 1;
    flight_turn(world.flight);
    assert_int_equal(waits->end, UNANSWERED);
    assert_null(board("ben")); /* to the workers at once */
    assert_true(flight_due(world.flight) == world.now + (QUERY_MS - 100) * WEIR_MS);
    assert_int_equal(aboard->end, WAITS);
    world.now = flight_due(world.flight);
    flight_turn(world.flight);
    assert_true(aboard->end == ANSWERED && aboard->is_slow);
    assert_false(waits->is_slow);
    assert_non_null(board("ben")); /* the next one is not slow yet */
    depart_prepared();
    answer(PGRES_TUPLES_OK, 1, (const char *const[][2]){{"ben", "b/7"}});
    close_world();
}

TEST(flight_that_was_slow_and_lands_opens_its_gate_again)
{
    open_world();
    struct passenger *ann = board("ann");
    depart_prepared();
    world.now += 200 * WEIR_MS;
    flight_turn(world.flight);
    assert_null(board("ann"));
    answer(PGRES_TUPLES_OK, 1, (const char *const[][2]){{"ann", "a/3"}});
    assert_int_equal(ann->end, ANSWERED);
    assert_false(ann->is_slow);
    assert_non_null(board("ann"));
    depart_prepared();
    answer(PGRES_TUPLES_OK, 0, NULL);
    close_world();
}
