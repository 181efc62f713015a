/* migrate.c - horizon migrate. */
#include <stdio.h>

#include "cli/cli.h"
#include "store/migrate.h"

static const char help[] = "usage: horizon migrate [--database URL]\n"
                           "\n"
                           "Brings the schema up to date; run before each release (Procfile: "
                           "`release: horizon migrate`).\n"
                           "Doing it again changes nothing; two at a time wait for each other.\n";

int cli_migrate(int argc, char **argv)
{
    const char *database = NULL;
    bool is_help = false;
    size_t plain_count;
    const struct cli_option options[] = {{"database", &database, NULL, NULL},
                                         {"help", NULL, &is_help, NULL}};
    struct store_migrated migrated;
    struct store_problem problem;
    if (!cli_parse(argc, argv, options, 2, NULL, 0, &plain_count))
        return CLI_USAGE;
    if (is_help) {
        fputs(help, stdout);
        return CLI_DONE;
    }
    PGconn *conn = cli_connect(database);
    if (!conn)
        return CLI_FAILED;
    int status = store_migrate(conn, &migrated, &problem);
    PQfinish(conn);
    if (status != STORE_OK)
        return cli_fail("the schema could not be brought up to date: %s", problem.text);
    for (int version = migrated.before + 1; version <= migrated.after; version++)
        printf("applied %s\n", store_migration_name(version));
    if (migrated.before > store_schema_version())
        printf("the schema has version %d, which is newer than this program's %d: left as it is\n",
               migrated.before, store_schema_version());
    else
        printf("the schema has version %d\n", migrated.after);
    return CLI_DONE;
}
