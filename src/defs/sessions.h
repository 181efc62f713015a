/* sessions.h - which rows of pg_stat_activity (`a`) are connections of clients, as a condition of
 * SQL for PostgreSQL 10 and later.
 *
 * A role without the rights of pg_read_all_stats does not see what kind others' sessions are
 * (backend_type is NULL then). Those with a database and a user are taken for clients: a worker of
 * autovacuum has a database, but no user.
 */
#define SESSIONS_OF_CLIENTS                                                                  \
    " (a.backend_type = 'client backend' OR (a.backend_type IS NULL AND a.datid IS NOT NULL" \
    " AND a.usesysid IS NOT NULL))"
