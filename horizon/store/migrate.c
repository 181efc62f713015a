/* migrate.c - see migrate.h. Test: tests/system/test_horizon_data.py. */
#include "store/migrate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain/fnv.h"
#include "embed/embed.h"

/* Held until the transaction ends, so that it works through a pooler too. */
#define LOCK "SELECT pg_advisory_xact_lock(7241903518562)"

extern const struct embed_file schema_files[];
extern const size_t schema_files_count;

/* Tells an edited file, not an attacker. */
static uint64_t checksum(const struct embed_file *file)
{
    return fnv_bytes(FNV_BEGIN, file->bytes, file->size);
}

int store_schema_version(void)
{
    return (int)schema_files_count;
}

static int read_version(PGconn *conn, int *ret_version, struct store_problem *problem)
{
    PGresult *result;
    int status = store_query(conn, "SELECT coalesce(max(version), 0) FROM horizon_migrations", 0,
                             NULL, &result, problem);
    if (status == STORE_OK) {
        *ret_version = (int)store_integer(result, 0, 0, 0);
        PQclear(result);
    }
    return status;
}

static int check_applied(PGconn *conn, struct store_problem *problem)
{
    PGresult *result;
    char sum[17];
    int status = store_query(conn,
                             "SELECT version, name, checksum FROM horizon_migrations"
                             " ORDER BY version",
                             0, NULL, &result, problem);
    for (int row = 0; status == STORE_OK && row < PQntuples(result); row++) {
        int64_t version = store_integer(result, row, 0, 0);
        if (version < 1 || version > store_schema_version())
            continue;
        snprintf(sum, sizeof(sum), "%016" PRIx64, checksum(&schema_files[version - 1]));
        if (strcmp(sum, PQgetvalue(result, row, 2)) != 0)
            status = store_fail(problem, STORE_EWRONG,
                                "migration %s was applied with another content than this program "
                                "has: a migration must not change once it is out; add a new one",
                                PQgetvalue(result, row, 1));
    }
    if (status == STORE_OK || status == STORE_EWRONG)
        PQclear(result);
    return status;
}

static int apply(PGconn *conn, int version, struct store_problem *problem)
{
    const struct embed_file *file = &schema_files[version - 1];
    char number[12], sum[17];
    const char *values[] = {number, file->name, sum};
    char *text = strndup((const char *)file->bytes, file->size);
    if (!text)
        return store_fail(problem, STORE_ENOMEM, "out of memory");
    snprintf(number, sizeof(number), "%d", version);
    snprintf(sum, sizeof(sum), "%016" PRIx64, checksum(file));
    int status = store_run(conn, text, problem);
    if (status == STORE_OK)
        status = store_do(conn,
                          "INSERT INTO horizon_migrations (version, name, checksum)"
                          " VALUES ($1, $2, $3)",
                          3, values, problem);
    free(text);
    return status;
}

static int migrate(PGconn *conn, struct store_migrated *migrated, struct store_problem *problem)
{
    int status = store_run(conn, "BEGIN; " LOCK, problem);
    if (status == STORE_OK)
        status =
            store_run(conn,
                      "CREATE TABLE IF NOT EXISTS horizon_migrations ("
                      " version integer PRIMARY KEY, name text NOT NULL,"
                      " checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())",
                      problem);
    if (status == STORE_OK)
        status = read_version(conn, &migrated->before, problem);
    if (status == STORE_OK)
        status = check_applied(conn, problem);
    migrated->after = migrated->before;
    while (status == STORE_OK && migrated->after < store_schema_version()) {
        status = apply(conn, migrated->after + 1, problem);
        migrated->after++;
    }
    return status == STORE_OK ? store_run(conn, "COMMIT", problem) : status;
}

int store_migrate(PGconn *conn, struct store_migrated *ret_migrated, struct store_problem *problem)
{
    struct store_migrated migrated = {0};
    int status = migrate(conn, &migrated, problem);
    if (status == STORE_OK)
        *ret_migrated = migrated;
    else
        store_rollback(conn);
    return status;
}

const char *store_migration_name(int version)
{
    return schema_files[version - 1].name;
}

int store_check_schema(PGconn *conn, struct store_problem *problem)
{
    struct store_problem why;
    int version = 0;
    int status = read_version(conn, &version, &why);
    if (status != STORE_OK && strcmp(why.sqlstate, "42P01") != 0) {
        if (problem)
            *problem = why;
        return status;
    }
    if (version >= store_schema_version())
        return STORE_OK;
    return store_fail(problem, STORE_EWRONG,
                      "the database has version %d of the schema and this program needs %d: run "
                      "`horizon migrate`",
                      version, store_schema_version());
}
