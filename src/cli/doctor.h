/* doctor.h - what `weir doctor` finds out, and its parts.
 *
 *   doctor.c          command line, order of the questions, exit code
 *   doctor_connect.c  one connection with deadlines, and the SQLSTATE of a refusal
 *   doctor_refusal.c  which limit refused, from SQLSTATE and text
 *   doctor_facts.c    what PostgreSQL tells about limits and sessions, whatever the rights
 *   doctor_console.c  which pooler stands in between, and what its console tells
 *   doctor_verdict.c  from facts to a level and three sentences
 *   doctor_report.c   as text
 *   doctor_json.c     as JSON
 *   doctor_age.c      how long something has been, for a person
 *   doctor_end.c      --terminate-idle-in-transaction
 *   top.c             `weir top`: the same look again and again
 *
 * It has one connection at a time, so one free slot is enough. Test: tests/system/test_doctor.py.
 */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/time.h"

#define DOCTOR_NAME_BYTES   64
#define DOCTOR_GROUPS_MAX   40
#define DOCTOR_SESSIONS_MAX 60
#define DOCTOR_POOLS_MAX    40
#define DOCTOR_HOLDERS_MAX  15
#define DOCTOR_TEXT_BYTES   512
#define DOCTOR_NO_LIMIT     (-1)

/* Pools replace connections after an hour at most: one that was idle for longer has no owner. */
#define DOCTOR_FORGOTTEN (3600 * BASE_SECOND)

enum doctor_kind {
    DOCTOR_UNKNOWN,
    DOCTOR_POSTGRESQL,
    DOCTOR_RELAY, /* something passes sessions on one to one, and does not say what it is */
    DOCTOR_PGBOUNCER,
    DOCTOR_SUPAVISOR,
    DOCTOR_WEIR,
    DOCTOR_POOLER, /* lends servers, but is none of the above */
};

/* The exit code: what monitoring plugins use. */
enum doctor_level { DOCTOR_OK, DOCTOR_WARNING, DOCTOR_CRITICAL, DOCTOR_CANNOT_TELL };

/* One of the limits that a session counts under. */
struct doctor_limit {
    const char *name;
    int64_t limit; /* DOCTOR_NO_LIMIT = none */
    int64_t used;  /* without this session */
};

enum { LIMIT_SERVER, LIMIT_ROLE, LIMIT_DATABASE, LIMITS };

struct doctor_group {
    char user[DOCTOR_NAME_BYTES], application[DOCTOR_NAME_BYTES], database[DOCTOR_NAME_BYTES];
    char state[DOCTOR_NAME_BYTES]; /* "" = not shown to this role */
    int64_t count, addresses;
    double oldest_s; /* since the state changed */
};

/* TROUBLE_ZOMBIE: idle for longer than anybody needs, or its client does not take the result. */
enum doctor_trouble { TROUBLE_TRANSACTION, TROUBLE_LOCK, TROUBLE_ZOMBIE, TROUBLES };

struct doctor_session {
    enum doctor_trouble trouble;
    int64_t pid, blocker; /* blocker: of a lock; 0 = not known */
    char user[DOCTOR_NAME_BYTES], application[DOCTOR_NAME_BYTES], state[DOCTOR_NAME_BYTES];
    char address[DOCTOR_NAME_BYTES];
    char began[DOCTOR_NAME_BYTES]; /* backend_start, as the server writes it */
    double age_s;                  /* since the state changed */
};

struct doctor_pool {
    char database[DOCTOR_NAME_BYTES], user[DOCTOR_NAME_BYTES], mode[DOCTOR_NAME_BYTES];
    char holder[DOCTOR_NAME_BYTES];
    int64_t clients, waiting, active, idle;
    int64_t limit, ceiling; /* DOCTOR_NO_LIMIT = not told */
    double longest_wait_s;
};

/* A server that a pooler has lent, and to whom. */
struct doctor_holder {
    char database[DOCTOR_NAME_BYTES], user[DOCTOR_NAME_BYTES], application[DOCTOR_NAME_BYTES];
    char client[DOCTOR_NAME_BYTES]; /* address and port */
    char link[DOCTOR_NAME_BYTES];   /* the client's name on the console */
    double age_s;                   /* of its transaction; -1 = not told */
};

/* Why there is no connection. */
struct doctor_refusal {
    bool is_full;
    char sqlstate[6];
    char text[DOCTOR_TEXT_BYTES];
    const char *limit; /* which one refused */
    const char *advice;
    enum doctor_kind kind; /* who speaks like that */
};

struct doctor_facts {
    enum doctor_kind kind;
    bool is_reached, is_asked; /* connected; and it has answered queries */
    struct doctor_refusal refusal;
    char host[DOCTOR_NAME_BYTES], port[16], role[DOCTOR_NAME_BYTES], database[DOCTOR_NAME_BYTES];
    char version[DOCTOR_NAME_BYTES], pooler_version[DOCTOR_NAME_BYTES * 2];
    bool is_superuser, sees_all, is_standby;
    int64_t max_connections, reserved;
    struct doctor_limit limits[LIMITS];
    int64_t own_sessions; /* of this role, without this one */
    uint32_t group_count, session_count, pool_count;
    struct doctor_group groups[DOCTOR_GROUPS_MAX];
    struct doctor_session sessions[DOCTOR_SESSIONS_MAX];
    double forgotten_s; /* an idle session that did nothing for so long counts as forgotten */
    int64_t troubles[TROUBLES];
    double oldest_s[TROUBLES];
    /* of a pooler */
    bool has_console;
    int64_t max_client_conn, clients, pool_size;
    struct doctor_pool pools[DOCTOR_POOLS_MAX];
    uint32_t holder_count;
    struct doctor_holder holders[DOCTOR_HOLDERS_MAX]; /* the longest, longest first */
    char note[DOCTOR_TEXT_BYTES];                     /* what could not be found out, and why */
};

struct doctor_verdict {
    enum doctor_level level;
    char sentences[3][DOCTOR_TEXT_BYTES];
    const struct doctor_limit *tightest; /* NULL = none is known */
    int64_t to_share;                    /* connections for all pools of this role; 0 = not known */
};

/* ---- doctor_connect.c ------------------------------------------------------------------------ */

/* Connects to `url`, with another database than its own when `database` is not NULL. NULL:
 * `refusal` says why. */
PGconn *doctor_connect(const char *url, const char *database, base_time patience,
                       struct doctor_refusal *refusal);

/* Rows of a query; NULL after an error or when there was no answer in time: `why` says. */
PGresult *doctor_query(PGconn *conn, const char *sql, base_time patience,
                       char why[DOCTOR_TEXT_BYTES]);

/* A column by its name; "" and 0 when there is none or it is NULL. */
const char *doctor_text(const PGresult *rows, int row, const char *column);
int64_t doctor_number(const PGresult *rows, int row, const char *column);
void doctor_copy(char *target, size_t bytes, const char *text);

/* ---- doctor_refusal.c ------------------------------------------------------------------------ */

/* Fills is_full, limit, advice and kind from SQLSTATE and text. */
void doctor_refusal_read(struct doctor_refusal *refusal);

/* Asks everything that can be asked; `facts` is emptied first. Sessions that have been idle for
 * longer than `forgotten_after` count as forgotten. */
void doctor_look(struct doctor_facts *facts, const char *url, base_time forgotten_after,
                 base_time patience);

/* ---- the others ------------------------------------------------------------------------------ */

/* Asks PostgreSQL. False when it did not answer; facts->note says why. */
bool doctor_facts_ask(struct doctor_facts *facts, PGconn *conn, base_time patience);

/* True when what answers is not PostgreSQL itself. */
bool doctor_is_between(const struct doctor_facts *facts);

/* Finds out which pooler it is, on connections of its own, one at a time. */
void doctor_console_ask(struct doctor_facts *facts, const char *url, base_time patience);

const char *doctor_kind_name(enum doctor_kind kind);

struct doctor_age {
    char text[24];
};

/* "90 s", "15 min", "2.5 h". */
struct doctor_age doctor_age(double seconds);

struct doctor_verdict doctor_verdict_of(const struct doctor_facts *facts);

void doctor_report_text(FILE *to, const struct doctor_facts *facts,
                        const struct doctor_verdict *verdict);
void doctor_report_json(FILE *to, const struct doctor_facts *facts,
                        const struct doctor_verdict *verdict);

/* Lists the sessions that have been idle in transaction for longer, asks on `from`, and ends them
 * when the answer is yes. False when it could not. */
bool doctor_end_idle(const struct doctor_facts *facts, const char *url, base_time longer_than,
                     base_time patience, FILE *from, FILE *to);

#endif
