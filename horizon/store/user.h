/* user.h - rows of users. Whether somebody may log in is not said here: see credentials/. */
#ifndef HORIZON_STORE_USER_H
#define HORIZON_STORE_USER_H

#include "store/store.h"

/* STORE_ENOTFOUND with what to do. */
int store_user_find(PGconn *conn, const char *login, char ret_user_id[STORE_ID_BYTES],
                    struct store_problem *problem) STORE_MUST_CHECK;

/* Makes a user with one account, "Main", and an empty portfolio, in a transaction of its own.
 * STORE_EEXISTS: the login is taken; ret_user_id is set then too. */
int store_user_add(PGconn *conn, const char *login, const char *name, const char *currency,
                   char ret_user_id[STORE_ID_BYTES],
                   struct store_problem *problem) STORE_MUST_CHECK;

#endif
