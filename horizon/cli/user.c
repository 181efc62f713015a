/* user.c - horizon user add|passwd|list. Test: tests/system/test_horizon_data.py.
 *
 * A user is a row of the database; who may log in is a line of the file of credentials. They are
 * joined by the user's id. `passwd` needs no database.
 */
#include "store/user.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "credentials/credentials.h"

static const char help[] =
    "usage: horizon user add LOGIN [--name NAME] [--currency USD] [--password-file FILE]\n"
    "       horizon user passwd LOGIN [--password-file FILE]\n"
    "       horizon user list\n"
    "\n"
    "    --database URL       where the users are; else DATABASE_URL\n"
    "    --credentials FILE   Argon2id hashes of those who may log in;\n"
    "                         else HORIZON_CREDENTIALS, else ./horizon.credentials\n"
    "    --password-file FILE the password is its first line, - is standard input; else asked for\n"
    "\n"
    "`add` for a login that is in the database but not in this file lets it log in here too.\n";

struct request {
    const char *action, *login, *name, *currency, *database, *credentials, *password_file;
};

/* Under the file's lock: reads it, sets one password, writes it. */
static int set_password(const struct request *request, const char *user_id, const char *password)
{
    struct credentials *credentials;
    char why[CREDENTIALS_WHY_BYTES];
    const char *path = request->credentials;
    int lock;
    if (credentials_lock(path, &lock, why) != CREDENTIALS_OK)
        return cli_fail("%s", why);
    int status = credentials_load(path, &credentials, why);
    if (status == CREDENTIALS_OK) {
        const struct credential *entry = credentials_find(credentials, request->login);
        bool is_add = user_id != NULL;
        if (is_add && entry && strcmp(entry->user_id, user_id) == 0) {
            snprintf(why, sizeof(why),
                     "\"%s\" can log in already: `horizon user passwd` changes the password",
                     request->login);
            status = CREDENTIALS_EINVALID;
        } else if (!is_add && !entry) {
            snprintf(
                why, sizeof(why),
                "\"%s\" is not in %.300s: `horizon user list` shows who is, `horizon user add` "
                "adds",
                request->login, path);
            status = CREDENTIALS_EINVALID;
        } else {
            char id[CREDENTIALS_ID_BYTES];
            snprintf(id, sizeof(id), "%s", is_add ? user_id : entry->user_id);
            status = credentials_set(credentials, request->login, id, password, why);
        }
        if (status == CREDENTIALS_OK)
            status = credentials_save(credentials, path, why);
        credentials_free(credentials);
    }
    close(lock);
    return status == CREDENTIALS_OK ? CLI_DONE : cli_fail("%s", why);
}

static int add_row(const struct request *request, char user_id[STORE_ID_BYTES])
{
    struct store_problem problem;
    PGconn *conn = cli_connect_migrated(request->database);
    if (!conn)
        return CLI_FAILED;
    int status =
        store_user_add(conn, request->login, request->name, request->currency, user_id, &problem);
    PQfinish(conn);
    if (status != STORE_OK && status != STORE_EEXISTS)
        return cli_fail("the user was not added: %s", problem.text);
    return CLI_DONE;
}

static int change(const struct request *request)
{
    char password[CLI_PASSWORD_BYTES], user_id[STORE_ID_BYTES];
    bool is_add = strcmp(request->action, "add") == 0;
    if (!request->login)
        return cli_misuse("whose? `horizon user %s LOGIN`", request->action);
    if (!credentials_login_is_valid(request->login))
        return cli_misuse("\"%s\" is no login: it has 1 to 64 letters, digits and ._@+-",
                          request->login);
    if (!cli_read_password(request->password_file, true, password))
        return CLI_FAILED;
    size_t length = strlen(password);
    int code = CLI_DONE;
    if (length < CREDENTIALS_PASSWORD_MIN || length > CREDENTIALS_PASSWORD_MAX)
        code = cli_fail("a password has %d to %d bytes, this one has %zu: nothing was changed",
                        CREDENTIALS_PASSWORD_MIN, CREDENTIALS_PASSWORD_MAX, length);
    if (code == CLI_DONE && is_add)
        code = add_row(request, user_id);
    if (code == CLI_DONE)
        code = set_password(request, is_add ? user_id : NULL, password);
    explicit_bzero(password, sizeof(password));
    if (code == CLI_DONE)
        printf(is_add ? "added %s\n" : "changed the password of %s\n", request->login);
    return code;
}

static void print_users(const PGresult *rows, const struct credentials *credentials)
{
    printf("%-24s %-36s %-9s %10s  %s\n", "login", "user_id", "may log in", "activities", "name");
    for (int row = 0; row < PQntuples(rows); row++) {
        const struct credential *entry = credentials_find(credentials, PQgetvalue(rows, row, 0));
        bool may_log_in = entry && strcmp(entry->user_id, PQgetvalue(rows, row, 1)) == 0 &&
                          *PQgetvalue(rows, row, 4) == 't';
        printf("%-24s %-36s %-9s %10s  %s\n", PQgetvalue(rows, row, 0), PQgetvalue(rows, row, 1),
               may_log_in ? "yes" : "no", PQgetvalue(rows, row, 2), PQgetvalue(rows, row, 3));
    }
}

static int list(const struct request *request)
{
    struct credentials *credentials;
    char why[CREDENTIALS_WHY_BYTES];
    struct store_problem problem;
    PGresult *rows;
    if (credentials_load(request->credentials, &credentials, why) != CREDENTIALS_OK)
        return cli_fail("%s", why);
    PGconn *conn = cli_connect_migrated(request->database);
    int code = conn ? CLI_DONE : CLI_FAILED;
    if (conn && store_query(conn,
                            "SELECT login, user_id, coalesce(activity_count, 0), name, is_active"
                            " FROM users LEFT JOIN snapshots USING (user_id) ORDER BY login",
                            0, NULL, &rows, &problem) != STORE_OK) {
        code = cli_fail("the users cannot be listed: %s", problem.text);
    } else if (conn) {
        print_users(rows, credentials);
        PQclear(rows);
    }
    PQfinish(conn);
    credentials_free(credentials);
    return code;
}

int cli_user(int argc, char **argv)
{
    struct request request = {.name = "", .currency = "USD"};
    const char *plain[2] = {0};
    bool is_help = false;
    size_t plain_count;
    const struct cli_option options[] = {{"database", &request.database, NULL, NULL},
                                         {"credentials", &request.credentials, NULL, NULL},
                                         {"name", &request.name, NULL, NULL},
                                         {"currency", &request.currency, NULL, NULL},
                                         {"help", NULL, &is_help, NULL},
                                         {"password-file", &request.password_file, NULL, NULL}};
    if (!cli_parse(argc, argv, options, sizeof(options) / sizeof(*options), plain, 2, &plain_count))
        return CLI_USAGE;
    if (is_help) {
        fputs(help, stdout);
        return CLI_DONE;
    }
    request.credentials = cli_credentials_path(request.credentials);
    request.action = plain[0] ? plain[0] : "";
    request.login = plain[1];
    if (strcmp(request.action, "add") == 0 || strcmp(request.action, "passwd") == 0)
        return change(&request);
    if (strcmp(request.action, "list") == 0 && !request.login)
        return list(&request);
    fputs(help, stderr);
    return CLI_USAGE;
}
