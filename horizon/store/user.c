/* user.c - see user.h. Test: tests/system/test_horizon_data.py. */
#include "store/user.h"

#include <stdio.h>
#include <string.h>

#include "store/revalue.h"

int store_user_find(PGconn *conn, const char *login, char ret_user_id[STORE_ID_BYTES],
                    struct store_problem *problem)
{
    PGresult *result;
    int status = store_query(conn, "SELECT user_id FROM users WHERE login = $1", 1, &login, &result,
                             problem);
    if (status != STORE_OK)
        return status;
    if (PQntuples(result) == 0)
        status = store_fail(problem, STORE_ENOTFOUND,
                            "there is no user \"%s\": `horizon user list` shows who there is, "
                            "`horizon user add` makes one",
                            login);
    else
        snprintf(ret_user_id, STORE_ID_BYTES, "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    return status;
}

static int insert(PGconn *conn, const char *login, const char *name, const char *currency,
                  char ret_user_id[STORE_ID_BYTES], struct store_problem *problem)
{
    const char *values[] = {login, name, currency};
    PGresult *result;
    int status = store_query(conn,
                             "INSERT INTO users (login, name, base_currency) VALUES ($1, $2, $3)"
                             " ON CONFLICT (login) DO NOTHING RETURNING user_id",
                             3, values, &result, problem);
    if (status != STORE_OK)
        return status;
    if (PQntuples(result) == 0)
        status = store_fail(problem, STORE_EEXISTS, "there is a user \"%s\" already", login);
    else
        snprintf(ret_user_id, STORE_ID_BYTES, "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    return status;
}

int store_user_add(PGconn *conn, const char *login, const char *name, const char *currency,
                   char ret_user_id[STORE_ID_BYTES], struct store_problem *problem)
{
    char user_id[STORE_ID_BYTES];
    const char *account[] = {user_id, currency};
    int status = store_run(conn, "BEGIN", problem);
    if (status == STORE_OK)
        status = insert(conn, login, name, currency, user_id, problem);
    if (status == STORE_OK)
        status =
            store_do(conn, "INSERT INTO accounts (user_id, name, currency) VALUES ($1, 'Main', $2)",
                     2, account, problem);
    if (status == STORE_OK)
        status = store_revalue(conn, user_id, problem);
    if (status == STORE_OK)
        status = store_run(conn, "COMMIT", problem);
    if (status != STORE_OK)
        store_rollback(conn);
    if (status == STORE_EEXISTS) {
        int found = store_user_find(conn, login, ret_user_id, problem);
        if (found != STORE_OK)
            return found;
        return store_fail(problem, STORE_EEXISTS, "there is a user \"%s\" already", login);
    }
    if (status == STORE_OK)
        memcpy(ret_user_id, user_id, STORE_ID_BYTES);
    return status;
}
