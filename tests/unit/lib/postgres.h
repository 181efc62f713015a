/* postgres.h - a private PostgreSQL for tests: on a Unix socket only, started at first use, gone at
 * the end of the program. Needs no root; as root the server runs as the user postgres. */
#ifndef TESTS_LIB_POSTGRES_H
#define TESTS_LIB_POSTGRES_H

#include <libpq-fe.h>

/* "host=... user=postgres dbname=postgres", the server running. Ends the program with a message
 * when there is no PostgreSQL. */
const char *postgres_conninfo(void);

/* The same for another role. */
const char *postgres_conninfo_of(const char *role);

/* Runs statements as superuser, outside any pool. Fails the program when they fail. */
void postgres_sql(const char *text);

/* The first column of the first row as a number. */
long postgres_number(const char *text);

/* Stops (immediately) and starts the server; both return when it is done. */
void postgres_stop(void);
void postgres_start(void);

/* Starts the server anew in hot standby; and makes it a primary again. */
void postgres_demote(void);
void postgres_promote(void);

#endif
