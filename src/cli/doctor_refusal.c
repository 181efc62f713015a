/* doctor_refusal.c - whose limit refused the connection, and what to do about it. */
#include <string.h>

#include "cli/doctor.h"
#include "core/core_refusal.h"

static const struct {
    const char *part; /* of the text */
    enum doctor_kind kind;
    const char *limit, *advice;
} rows[] = {
    {"for role \"", DOCTOR_POSTGRESQL, "the role's CONNECTION LIMIT",
     "Let all pools of this role together open fewer connections, or raise it: ALTER ROLE ... "
     "CONNECTION LIMIT."},
    {"for database", DOCTOR_POSTGRESQL, "the database's CONNECTION LIMIT",
     "Let all pools of this database together open fewer connections, or raise it: ALTER DATABASE "
     "... CONNECTION LIMIT."},
    {"slots are reserved", DOCTOR_POSTGRESQL, "max_connections, less the reserved ones",
     "A superuser still gets in: weir doctor with its URL tells who holds them."},
    {"too many clients already", DOCTOR_POSTGRESQL, "max_connections",
     "Not even a superuser gets in: end an application process, then look who holds them."},
    {"EMAXCONNSESSION", DOCTOR_SUPAVISOR, "pool_size of Supavisor's session mode",
     "Use its transaction mode (port 6543), or weir in front of it: weir waits where it refuses."},
    {"MaxClientsInSessionMode", DOCTOR_SUPAVISOR, "pool_size of Supavisor's session mode",
     "Use its transaction mode (port 6543), or weir in front of it: weir waits where it refuses."},
    {"ECHECKOUTTIMEOUT", DOCTOR_SUPAVISOR, "pool_size of Supavisor's session mode, after a wait",
     "Use its transaction mode (port 6543), or weir in front of it: weir waits where it refuses."},
    {"EMAXCONN", DOCTOR_SUPAVISOR, "the client limit of Supavisor's plan",
     "Let all pools together open fewer connections, or take a bigger plan."},
    {"max client connections reached", DOCTOR_SUPAVISOR, "the client limit of Supavisor's plan",
     "Let all pools together open fewer connections, or take a bigger plan."},
    {"max clients reached", DOCTOR_SUPAVISOR, "pool_size of a session-mode pooler",
     "Use its transaction mode, or weir in front of it: weir waits where it refuses."},
    {"no more connections allowed", DOCTOR_POOLER, "max_client_conn of PgBouncer or weir",
     "Raise max_client_conn: a waiting client costs a pooler next to nothing."},
    {"query_wait_timeout", DOCTOR_POOLER, "the servers of the pooler's pool, after a wait",
     "Its console says who holds them: SHOW POOLS, SHOW SERVERS."},
};

static bool is_full(const struct doctor_refusal *refusal)
{
    struct core_refusal meaning =
        core_refusal_of(base_slice_text(refusal->sqlstate), base_slice_text(refusal->text));
    return meaning.failure == CORE_FAILURE_FULL;
}

void doctor_refusal_read(struct doctor_refusal *refusal)
{
    refusal->is_full = is_full(refusal);
    for (size_t i = 0; refusal->is_full && i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strstr(refusal->text, rows[i].part)) {
            refusal->kind = rows[i].kind;
            refusal->limit = rows[i].limit;
            refusal->advice = rows[i].advice;
            return;
        }
    }
    if (refusal->is_full) {
        refusal->limit = "a connection limit";
        refusal->advice = "Let all pools together open fewer connections.";
    }
}
