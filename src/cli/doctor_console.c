/* doctor_console.c - which pooler stands in between, and what its console tells.
 *
 * weir's console has two names, PgBouncer's one: whoever knows the database "weir", if only to say
 * that this role may not use it, is weir. Supavisor has no console; its host name tells.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/doctor.h"

bool doctor_is_between(const struct doctor_facts *facts)
{
    return facts->kind != DOCTOR_POSTGRESQL && facts->kind != DOCTOR_UNKNOWN;
}

const char *doctor_kind_name(enum doctor_kind kind)
{
    static const char *const names[] = {
        [DOCTOR_UNKNOWN] = "unknown",     [DOCTOR_POSTGRESQL] = "PostgreSQL",
        [DOCTOR_RELAY] = "relay",         [DOCTOR_PGBOUNCER] = "PgBouncer",
        [DOCTOR_SUPAVISOR] = "Supavisor", [DOCTOR_WEIR] = "weir",
        [DOCTOR_POOLER] = "pooler",
    };
    return names[kind];
}

/* ---- what SHOW tells ------------------------------------------------------------------------- */

static void read_pool(struct doctor_facts *facts, const PGresult *rows, int row)
{
    struct doctor_pool *pool = &facts->pools[facts->pool_count];
    const char *limit = doctor_text(rows, row, "limit_total");
    const char *ceiling = doctor_text(rows, row, "ceiling");
    doctor_copy(pool->database, sizeof(pool->database), doctor_text(rows, row, "database"));
    doctor_copy(pool->user, sizeof(pool->user), doctor_text(rows, row, "user"));
    doctor_copy(pool->mode, sizeof(pool->mode), doctor_text(rows, row, "pool_mode"));
    doctor_copy(pool->holder, sizeof(pool->holder), doctor_text(rows, row, "oldest_holder"));
    if (strcmp(pool->database, "pgbouncer") == 0)
        return; /* the console itself */
    pool->clients = doctor_number(rows, row, "cl_active") + doctor_number(rows, row, "cl_waiting");
    pool->waiting = doctor_number(rows, row, "cl_waiting");
    pool->active = doctor_number(rows, row, "sv_active");
    pool->idle = doctor_number(rows, row, "sv_idle") + doctor_number(rows, row, "sv_used");
    pool->limit = *limit ? strtoll(limit, NULL, 10) : DOCTOR_NO_LIMIT;
    pool->ceiling = *ceiling ? strtoll(ceiling, NULL, 10) : DOCTOR_NO_LIMIT;
    pool->longest_wait_s = (double)doctor_number(rows, row, "maxwait") +
                           (double)doctor_number(rows, row, "maxwait_us") / 1e6;
    facts->pool_count++;
}

static void read_pools(struct doctor_facts *facts, const PGresult *rows)
{
    for (int i = 0; i < PQntuples(rows) && facts->pool_count < DOCTOR_POOLS_MAX; i++)
        read_pool(facts, rows, i);
}

static void read_config(struct doctor_facts *facts, const PGresult *rows)
{
    for (int i = 0; i < PQntuples(rows); i++) {
        const char *key = doctor_text(rows, i, "key");
        if (strcmp(key, "max_client_conn") == 0)
            facts->max_client_conn = doctor_number(rows, i, "value");
        if (strcmp(key, "default_pool_size") == 0)
            facts->pool_size = doctor_number(rows, i, "value");
    }
}

static void read_databases(struct doctor_facts *facts, const PGresult *rows)
{
    for (int i = 0; i < PQntuples(rows); i++) {
        for (uint32_t p = 0; p < facts->pool_count; p++) {
            struct doctor_pool *pool = &facts->pools[p];
            if (pool->limit == DOCTOR_NO_LIMIT &&
                strcmp(pool->database, doctor_text(rows, i, "name")) == 0)
                pool->limit = doctor_number(rows, i, "pool_size") +
                              doctor_number(rows, i, "reserve_pool") +
                              doctor_number(rows, i, "reserve_pool_size");
        }
    }
}

static void read_lists(struct doctor_facts *facts, const PGresult *rows)
{
    for (int i = 0; i < PQntuples(rows); i++)
        if (strcmp(doctor_text(rows, i, "list"), "used_clients") == 0)
            facts->clients = doctor_number(rows, i, "items") - 1; /* this one is not counted */
}

/* Keeps the longest ones in order, by insertion; those without an age come last. */
static void insert(struct doctor_facts *facts, const struct doctor_holder *holder)
{
    uint32_t at = facts->holder_count;
    while (at > 0 && facts->holders[at - 1].age_s < holder->age_s) {
        if (at < DOCTOR_HOLDERS_MAX)
            facts->holders[at] = facts->holders[at - 1];
        at--;
    }
    if (at < DOCTOR_HOLDERS_MAX)
        facts->holders[at] = *holder;
    if (facts->holder_count < DOCTOR_HOLDERS_MAX)
        facts->holder_count++;
}

static void read_servers(struct doctor_facts *facts, const PGresult *rows)
{
    for (int i = 0; i < PQntuples(rows); i++) {
        const char *age = doctor_text(rows, i, "transaction_us");
        struct doctor_holder holder = {.age_s = *age ? strtod(age, NULL) / 1e6 : -1};
        if (strcmp(doctor_text(rows, i, "state"), "active") != 0)
            continue;
        doctor_copy(holder.database, sizeof(holder.database), doctor_text(rows, i, "database"));
        doctor_copy(holder.user, sizeof(holder.user), doctor_text(rows, i, "user"));
        doctor_copy(holder.application, sizeof(holder.application),
                    doctor_text(rows, i, "application_name"));
        doctor_copy(holder.link, sizeof(holder.link), doctor_text(rows, i, "link"));
        insert(facts, &holder);
    }
}

/* Where the clients that hold servers come from. */
static void read_clients(struct doctor_facts *facts, const PGresult *rows)
{
    for (int i = 0; i < PQntuples(rows); i++) {
        for (uint32_t h = 0; h < facts->holder_count; h++) {
            struct doctor_holder *holder = &facts->holders[h];
            if (holder->link[0] == '\0' || strcmp(holder->link, doctor_text(rows, i, "ptr")) != 0)
                continue;
            snprintf(holder->client, sizeof(holder->client), "%.40s:%.8s",
                     doctor_text(rows, i, "addr"), doctor_text(rows, i, "port"));
            doctor_copy(holder->application, sizeof(holder->application),
                        doctor_text(rows, i, "application_name"));
        }
    }
}

static void ask(struct doctor_facts *facts, PGconn *conn, base_time patience)
{
    static const struct {
        const char *sql;
        void (*read)(struct doctor_facts *facts, const PGresult *rows);
    } questions[] = {
        {"SHOW POOLS", read_pools},     {"SHOW DATABASES", read_databases},
        {"SHOW CONFIG", read_config},   {"SHOW LISTS", read_lists},
        {"SHOW SERVERS", read_servers}, {"SHOW CLIENTS", read_clients},
    };
    PGresult *version = doctor_query(conn, "SHOW VERSION", patience, facts->note);
    if (version) {
        const char *text = doctor_text(version, 0, "version");
        doctor_copy(facts->pooler_version, sizeof(facts->pooler_version), text);
        facts->kind = strncmp(text, "weir", 4) == 0        ? DOCTOR_WEIR
                      : strncmp(text, "PgBouncer", 9) == 0 ? DOCTOR_PGBOUNCER
                                                           : facts->kind;
        facts->has_console = true;
    }
    PQclear(version);
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        PGresult *rows = doctor_query(conn, questions[i].sql, patience, facts->note);
        if (rows)
            questions[i].read(facts, rows);
        PQclear(rows);
    }
}

/* ---- which one it is ------------------------------------------------------------------------- */

static bool is_supavisor(const struct doctor_facts *facts)
{
    static const char end[] = ".pooler.supabase.com";
    size_t bytes = strlen(facts->host);
    return bytes > sizeof(end) - 1 && strcmp(facts->host + bytes - (sizeof(end) - 1), end) == 0;
}

/* True when the database of that name is a console, even if it is closed to this role. */
static bool try_console(struct doctor_facts *facts, const char *url, const char *name,
                        enum doctor_kind kind, base_time patience)
{
    struct doctor_refusal refusal;
    PGconn *conn = doctor_connect(url, name, patience, &refusal);
    if (conn) {
        const char *version = PQparameterStatus(conn, "server_version");
        /* PgBouncer lets nobody else have that database, PostgreSQL might */
        bool is_console = version && strstr(version, "bouncer");
        if (is_console || kind == DOCTOR_WEIR)
            ask(facts, conn, patience);
        PQfinish(conn);
        return facts->has_console;
    }
    if (strcmp(refusal.text, "not allowed") != 0)
        return false;
    facts->kind = kind;
    snprintf(
        facts->note, sizeof(facts->note),
        "%s's console is closed to role \"%s\": add it to stats_users to see pools and queues.",
        doctor_kind_name(kind), facts->role);
    return true;
}

void doctor_console_ask(struct doctor_facts *facts, const char *url, base_time patience)
{
    if (is_supavisor(facts)) {
        facts->kind = DOCTOR_SUPAVISOR;
        return;
    }
    if (!try_console(facts, url, "weir", DOCTOR_WEIR, patience))
        try_console(facts, url, "pgbouncer", DOCTOR_PGBOUNCER, patience);
}
