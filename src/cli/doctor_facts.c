/* doctor_facts.c - limits and sessions, in the words of PostgreSQL 10 and later.
 *
 * Without the rights of pg_read_all_stats a role sees of others' sessions that they exist, whose
 * they are and their application_name, but not their state: enough to count under every limit. All
 * names are those of pg_catalog, so that nothing in the search_path is called instead.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cli/doctor.h"
#include "defs/sessions.h"

/* Who does not take its result for so long has probably gone. */
#define UNREAD_S     60.0
#define STRING_(x)   #x
#define STRING(x)    STRING_(x)
#define CLIENTS_ONLY SESSIONS_OF_CLIENTS " AND a.pid <> pg_catalog.pg_backend_pid()"
#define AGE          "COALESCE(EXTRACT(epoch FROM pg_catalog.clock_timestamp() - a.state_change), 0)::float8"

static const char identity_sql[] =
    "SELECT pg_catalog.current_setting('server_version') AS version,"
    " pg_catalog.current_database() AS database, current_user AS role,"
    " pg_catalog.pg_backend_pid() AS pid, pg_catalog.inet_client_port() AS port,"
    " pg_catalog.pg_is_in_recovery() AS standby,"
    " pg_catalog.current_setting('max_connections') AS max_connections,"
    " pg_catalog.current_setting('superuser_reserved_connections') AS superuser_reserved,"
    " COALESCE(pg_catalog.current_setting('reserved_connections', true), '0') AS reserved,"
    " r.rolconnlimit AS role_limit, r.rolsuper AS superuser, d.datconnlimit AS database_limit,"
    " r.rolsuper OR EXISTS (SELECT FROM pg_catalog.pg_roles m WHERE m.rolname ="
    " 'pg_read_all_stats' AND pg_catalog.pg_has_role(m.oid, 'USAGE')) AS sees_all"
    " FROM pg_catalog.pg_roles r, pg_catalog.pg_database d"
    " WHERE r.rolname = current_user AND d.datname = pg_catalog.current_database()";

static const char counts_sql[] =
    "SELECT pg_catalog.count(*) AS server,"
    " pg_catalog.count(*) FILTER (WHERE a.usename = current_user) AS role,"
    " pg_catalog.count(*) FILTER (WHERE a.datname = pg_catalog.current_database()) AS database"
    " FROM pg_catalog.pg_stat_activity a WHERE" CLIENTS_ONLY;

static const char groups_sql[] =
    "SELECT a.usename AS user, a.application_name AS application, a.datname AS database, a.state,"
    " pg_catalog.count(*) AS count, pg_catalog.count(DISTINCT a.client_addr) AS addresses,"
    " pg_catalog.max(" AGE ") AS oldest FROM pg_catalog.pg_stat_activity a WHERE" CLIENTS_ONLY
    " GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC, 1, 2, 3, 4 LIMIT " STRING(DOCTOR_GROUPS_MAX);

/* Its numbers are in seconds: how long a session may be idle, and may not take its result. */
static const char sessions_sql[] =
    "SELECT * FROM (SELECT CASE WHEN a.state LIKE 'idle in transaction%%' THEN 0"
    " WHEN EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE l.pid = a.pid AND NOT l.granted) THEN 1"
    " WHEN a.state = 'idle' AND " AGE " > %.3f THEN 2"
    " WHEN a.wait_event = 'ClientWrite' AND " AGE " > %.3f THEN 2 END AS trouble,"
    " a.pid, a.usename AS user, a.application_name AS application, a.state, " AGE " AS age,"
    " COALESCE(pg_catalog.host(a.client_addr), 'local') AS address, a.backend_start AS began"
    " FROM pg_catalog.pg_stat_activity a WHERE" CLIENTS_ONLY
    ") s WHERE trouble IS NOT NULL ORDER BY trouble, age DESC, pid";

/* ---- who answers ----------------------------------------------------------------------------- */

/* The port of this end of the connection; 0 for a Unix socket. */
static int own_port(PGconn *conn)
{
    union {
        struct sockaddr any;
        struct sockaddr_in four;
        struct sockaddr_in6 six;
        struct sockaddr_storage room;
    } address = {.room = {0}};
    socklen_t bytes = sizeof(address);
    if (getsockname(PQsocket(conn), &address.any, &bytes) != 0)
        return 0;
    if (address.any.sa_family == AF_INET)
        return ntohs(address.four.sin_port);
    return address.any.sa_family == AF_INET6 ? ntohs(address.six.sin6_port) : 0;
}

/* A pooler gives its clients process ids of its own; whatever passes a session on one to one keeps
 * PostgreSQL's, but PostgreSQL then sees another port than ours. */
static enum doctor_kind kind_of(PGconn *conn, const PGresult *rows)
{
    int port = own_port(conn);
    const char *seen = doctor_text(rows, 0, "port");
    if (PQbackendPID(conn) != doctor_number(rows, 0, "pid"))
        return DOCTOR_POOLER;
    bool is_same = port == 0 ? *seen == '\0' : doctor_number(rows, 0, "port") == port;
    return is_same ? DOCTOR_POSTGRESQL : DOCTOR_RELAY;
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool is_true(const PGresult *rows, const char *column)
{
    return doctor_text(rows, 0, column)[0] == 't';
}

static void read_identity(struct doctor_facts *facts, PGconn *conn, const PGresult *rows)
{
    facts->kind = kind_of(conn, rows);
    doctor_copy(facts->version, sizeof(facts->version), doctor_text(rows, 0, "version"));
    doctor_copy(facts->role, sizeof(facts->role), doctor_text(rows, 0, "role"));
    doctor_copy(facts->database, sizeof(facts->database), doctor_text(rows, 0, "database"));
    facts->is_standby = is_true(rows, "standby");
    facts->is_superuser = is_true(rows, "superuser");
    facts->sees_all = is_true(rows, "sees_all");
    facts->max_connections = doctor_number(rows, 0, "max_connections");
    facts->reserved =
        doctor_number(rows, 0, "superuser_reserved") + doctor_number(rows, 0, "reserved");
    int64_t role = doctor_number(rows, 0, "role_limit");
    int64_t database = doctor_number(rows, 0, "database_limit");
    /* superusers are held by max_connections only */
    bool is_free = facts->is_superuser;
    facts->limits[LIMIT_SERVER] = (struct doctor_limit){
        .name = "max_connections", .limit = facts->max_connections - facts->reserved};
    facts->limits[LIMIT_ROLE] =
        (struct doctor_limit){.name = "the role's CONNECTION LIMIT",
                              .limit = role < 0 || is_free ? DOCTOR_NO_LIMIT : role};
    facts->limits[LIMIT_DATABASE] =
        (struct doctor_limit){.name = "the database's CONNECTION LIMIT",
                              .limit = database < 0 || is_free ? DOCTOR_NO_LIMIT : database};
}

static void read_counts(struct doctor_facts *facts, const PGresult *rows)
{
    facts->limits[LIMIT_SERVER].used = doctor_number(rows, 0, "server");
    facts->limits[LIMIT_ROLE].used = facts->own_sessions = doctor_number(rows, 0, "role");
    facts->limits[LIMIT_DATABASE].used = doctor_number(rows, 0, "database");
}

static void read_groups(struct doctor_facts *facts, const PGresult *rows)
{
    for (int i = 0; i < PQntuples(rows) && i < DOCTOR_GROUPS_MAX; i++) {
        struct doctor_group *group = &facts->groups[facts->group_count++];
        doctor_copy(group->user, sizeof(group->user), doctor_text(rows, i, "user"));
        doctor_copy(group->application, sizeof(group->application),
                    doctor_text(rows, i, "application"));
        doctor_copy(group->database, sizeof(group->database), doctor_text(rows, i, "database"));
        doctor_copy(group->state, sizeof(group->state), doctor_text(rows, i, "state"));
        group->count = doctor_number(rows, i, "count");
        group->addresses = doctor_number(rows, i, "addresses");
        group->oldest_s = strtod(doctor_text(rows, i, "oldest"), NULL);
    }
}

static void read_session(struct doctor_facts *facts, const PGresult *rows, int row)
{
    struct doctor_session session = {
        .trouble = (enum doctor_trouble)doctor_number(rows, row, "trouble"),
        .pid = doctor_number(rows, row, "pid"),
        .age_s = strtod(doctor_text(rows, row, "age"), NULL),
    };
    doctor_copy(session.user, sizeof(session.user), doctor_text(rows, row, "user"));
    doctor_copy(session.application, sizeof(session.application),
                doctor_text(rows, row, "application"));
    doctor_copy(session.state, sizeof(session.state), doctor_text(rows, row, "state"));
    doctor_copy(session.address, sizeof(session.address), doctor_text(rows, row, "address"));
    doctor_copy(session.began, sizeof(session.began), doctor_text(rows, row, "began"));
    facts->troubles[session.trouble]++;
    if (session.age_s > facts->oldest_s[session.trouble])
        facts->oldest_s[session.trouble] = session.age_s;
    if (facts->session_count < DOCTOR_SESSIONS_MAX)
        facts->sessions[facts->session_count++] = session;
}

static void read_sessions(struct doctor_facts *facts, const PGresult *rows)
{
    for (int i = 0; i < PQntuples(rows); i++)
        read_session(facts, rows, i);
}

/* Who holds the lock that the first of those who wait wants. */
static void ask_blockers(struct doctor_facts *facts, PGconn *conn, base_time patience)
{
    char sql[128], unused[DOCTOR_TEXT_BYTES];
    for (uint32_t i = 0; i < facts->session_count; i++) {
        struct doctor_session *session = &facts->sessions[i];
        if (session->trouble != TROUBLE_LOCK)
            continue;
        snprintf(sql, sizeof(sql), "SELECT (pg_catalog.pg_blocking_pids(%lld))[1] AS blocker",
                 (long long)session->pid);
        PGresult *rows = doctor_query(conn, sql, patience, unused);
        session->blocker = rows ? doctor_number(rows, 0, "blocker") : 0;
        PQclear(rows);
        return;
    }
}

bool doctor_facts_ask(struct doctor_facts *facts, PGconn *conn, base_time patience)
{
    char sessions[sizeof(sessions_sql) + 64];
    snprintf(sessions, sizeof(sessions), sessions_sql, facts->forgotten_s,
             facts->forgotten_s < UNREAD_S ? facts->forgotten_s : UNREAD_S);
    const char *const sql[] = {identity_sql, counts_sql, groups_sql, sessions};
    for (int i = 0; i < 4; i++) {
        PGresult *rows = doctor_query(conn, sql[i], patience, facts->note);
        if (!rows)
            return false;
        if (i == 0)
            read_identity(facts, conn, rows);
        else if (i == 1)
            read_counts(facts, rows);
        else if (i == 2)
            read_groups(facts, rows);
        else
            read_sessions(facts, rows);
        PQclear(rows);
    }
    ask_blockers(facts, conn, patience);
    return true;
}
