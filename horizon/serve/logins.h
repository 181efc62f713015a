/* logins.h - passwords for tokens, without the database.
 *
 * The credentials file is read again when it changes. Checking a password costs some 20 ms and
 * 19 MiB (Argon2id), so a few threads of their own do it, and the line before them is short: 429
 * says when it is full. The answer and its time are the same for an unknown login and a wrong
 * password. A refresh token names, as its stamp, the hash it was given under: a new password ends
 * it. Test: tests/system/test_horizon_server.py, tests/system/test_horizon_tokens.py.
 */
#ifndef HORIZON_SERVE_LOGINS_H
#define HORIZON_SERVE_LOGINS_H

#include <stdbool.h>
#include <stddef.h>

struct app;
struct line;
struct logins;
struct request;

/* NULL with a sentence in `why`: the file is wrong. One that does not exist yet is empty. */
struct logins *logins_open(struct app *app, char *why, size_t why_bytes);
void logins_close(struct logins *logins);

/* Where ROUTE_LOGIN requests stand in line. */
struct line *logins_line(struct logins *logins);

/* POST /api/auth/login and /api/auth/refresh. */
bool login_check(struct request *request);
void login_handle(struct request *request);
void refresh_handle(struct request *request);

#endif
