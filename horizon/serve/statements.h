/* statements.h - the statements that every page runs, prepared on a connection at their first use.
 *
 * Planning such a statement costs the server several times what running it does. Which ones a
 * connection has is kept with the connection (libpq's instance data), so it ends with it. Behind a
 * pooler that does not keep prepared statements they are missing sooner or later: then this process
 * goes on without them.
 */
#ifndef HORIZON_SERVE_STATEMENTS_H
#define HORIZON_SERVE_STATEMENTS_H

#include <libpq-fe.h>
#include <stdbool.h>

/* SQLSTATEs that tell of a pooler in between: the session has it from another client (names are of
 * one text, so it is the same one), or it is another session than the one that prepared it. */
#define STATEMENT_EXISTS  "42P05"
#define STATEMENT_MISSING "26000"

enum statement {
    STATEMENT_USER,     /* $1 user: login, name, base_currency, benchmark */
    STATEMENT_VERSION,  /* $1 user: data_version as clients see it */
    STATEMENT_VERSIONS, /* $1 array of users: user, data_version of each that has one */
    STATEMENT_WATCH,    /* $1 user: the columns of panels.c, as the four that follow */
    STATEMENT_SUMMARY,  /* $1 user */
    STATEMENT_MARKET,   /* $1 user */
    STATEMENT_REPORT,   /* $1 user, $2 range */
    STATEMENT_CHART,    /* $1 user, $2 range */
    STATEMENTS
};

/* Its name on a connection, and its text. */
const char *statement_name(enum statement statement);
const char *statement_text(enum statement statement);

/* How many values it has. */
int statement_values(enum statement statement);

/* Whether a connection has it, and that it has it from now on. */
bool statement_is_prepared(const PGconn *conn, enum statement statement);
void statement_set_prepared(PGconn *conn, enum statement statement);

#endif
