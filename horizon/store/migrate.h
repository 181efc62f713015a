/* migrate.h - bringing the schema up to date.
 *
 * A migration is a file of horizon/schema/, NNNN_name.sql, numbered from 1 without gaps, built into
 * the program. Each runs once; all that are missing run in one transaction, together with their
 * rows in horizon_migrations. Programs that migrate at the same time wait for each other. A file
 * that was applied must not change: its checksum is kept and compared.
 */
#ifndef HORIZON_STORE_MIGRATE_H
#define HORIZON_STORE_MIGRATE_H

#include "store/store.h"

struct store_migrated {
    int before, after; /* the schema's version; 0 = empty */
};

/* Runs what is missing. A schema newer than this program is left as it is: after = before. */
int store_migrate(PGconn *conn, struct store_migrated *ret_migrated,
                  struct store_problem *problem) STORE_MUST_CHECK;

/* "0001_portfolio.sql", for 1 to store_schema_version(). */
const char *store_migration_name(int version);

/* The newest version this program knows. */
int store_schema_version(void);

/* STORE_EWRONG with what to do when the database has less than this program needs. */
int store_check_schema(PGconn *conn, struct store_problem *problem) STORE_MUST_CHECK;

#endif
