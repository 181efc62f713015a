/* logins.c - see logins.h. */
#include "serve/logins.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <microhttpd.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "credentials/credentials.h"
#include "serve/app.h"
#include "serve/http.h"
#include "serve/log.h"
#include "serve/request.h"

#define STAMP_BYTES 33

/* What the file said at some time; the last user frees it. */
struct version {
    struct credentials *credentials;
    unsigned users; /* under logins->lock */
};

struct logins {
    struct app *app;
    struct line *line;
    pthread_mutex_t lock;
    struct version *version;
    struct stat seen; /* of the file that `version` is */
};

/* ---- the file --------------------------------------------------------------------------------
 */

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_dev == b->st_dev &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static struct version *load(const char *path, struct stat *ret_seen, char *why)
{
    struct stat seen = {0};
    struct version *version = calloc(1, sizeof(*version));
    (void)stat(path, &seen); /* before reading: a change in between is seen the next time */
    if (!version || credentials_load(path, &version->credentials, why) != 0) {
        free(version);
        return NULL;
    }
    version->users = 1;
    *ret_seen = seen;
    return version;
}

/* Under the lock. */
static void release(struct version *version)
{
    if (version && --version->users == 0) {
        credentials_free(version->credentials);
        free(version);
    }
}

/* The file as it is now, or as it last was when it is wrong now. */
static struct version *borrow(struct logins *logins)
{
    const char *path = logins->app->settings->credentials;
    char why[CREDENTIALS_WHY_BYTES];
    struct stat now = {0};
    pthread_mutex_lock(&logins->lock);
    (void)stat(path, &now);
    if (!is_same(&now, &logins->seen)) {
        struct version *version = load(path, &logins->seen, why);
        if (version) {
            release(logins->version);
            logins->version = version;
            log_write(LOG_LEVEL_INFO, "read %s: %zu logins", path, version->credentials->count);
        } else {
            logins->seen = now;
            log_write(LOG_LEVEL_ERROR, "%s; logins go on as the file was before", why);
        }
    }
    struct version *version = logins->version;
    version->users++;
    pthread_mutex_unlock(&logins->lock);
    return version;
}

static void give_back(struct logins *logins, struct version *version)
{
    pthread_mutex_lock(&logins->lock);
    release(version);
    pthread_mutex_unlock(&logins->lock);
}

/* ---- tokens ----------------------------------------------------------------------------------
 */

/* What ties a refresh token to a password: half of the SHA-256 of the password's hash. */
static bool make_stamp(const char *hash, char stamp[STAMP_BYTES])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    if (EVP_Digest(hash, strlen(hash), digest, NULL, EVP_sha256(), NULL) != 1) {
        return false;
    }
    for (size_t i = 0; i < (STAMP_BYTES - 1) / 2; i++) {
        snprintf(stamp + 2 * i, 3, "%02x", digest[i]);
    }
    return true;
}

static void answer_tokens(struct request *request, const struct credential *credential)
{
    struct app *app = request->app;
    const struct settings *settings = app->settings;
    int64_t now = time(NULL);
    struct token_claims claims = {.expires = now + settings->access_s};
    snprintf(claims.user_id, sizeof(claims.user_id), "%s", credential->user_id);
    snprintf(claims.login, sizeof(claims.login), "%s", credential->login);
    char *access = keys_make(app->keys, &app->rules, TOKEN_ACCESS, &claims);
    claims.expires = now + settings->refresh_s;
    char *refresh = make_stamp(credential->hash, claims.stamp)
                        ? keys_make(app->keys, &app->rules, TOKEN_REFRESH, &claims)
                        : NULL;
    if (access && refresh) {
        reply_json(&request->reply, MHD_HTTP_OK,
                   json_pack("{s:s, s:s, s:I, s:s, s:I, s:{s:s, s:s}}", "token_type", "Bearer",
                             "access_token", access, "expires_in", (json_int_t)settings->access_s,
                             "refresh_token", refresh, "refresh_expires_in",
                             (json_int_t)settings->refresh_s, "user", "user_id",
                             credential->user_id, "login", credential->login));
    }
    free(access);
    free(refresh);
}

/* ---- login -----------------------------------------------------------------------------------
 */

/* Copies a text of the body; "" when it is missing, no text, or too long. */
static void copy_member(const json_t *body, const char *name, char *to, size_t bytes)
{
    const char *text = json_string_value(json_object_get(body, name));
    size_t length = text ? strlen(text) : 0;
    to[0] = '\0';
    if (length < bytes) {
        memcpy(to, text ? text : "", length + 1);
    }
}

bool login_check(struct request *request)
{
    if (!request->app->is_external) {
        return true;
    }
    reply_error(&request->reply, MHD_HTTP_NOT_FOUND, request->id, "external_issuer",
                "this server takes its tokens from another issuer; log in there");
    return false;
}

/* Fills login and password from the body. */
static bool read_login(struct request *request, char *login, size_t login_bytes, char *password,
                       size_t password_bytes)
{
    json_t *body = request_json(request);
    if (!body) {
        return false;
    }
    copy_member(body, "login", login, login_bytes);
    copy_member(body, "password", password, password_bytes);
    json_decref(body);
    if (login[0] && password[0]) {
        return true;
    }
    reply_error(&request->reply, MHD_HTTP_UNPROCESSABLE_CONTENT, request->id, "invalid_field",
                "a login needs {\"login\": \"...\", \"password\": \"...\"}");
    return false;
}

static void refuse_login(struct request *request)
{
    reply_error(&request->reply, MHD_HTTP_UNAUTHORIZED, request->id, "invalid_credentials",
                "there is no such login, or the password is wrong");
}

void login_handle(struct request *request)
{
    struct logins *logins = request->app->logins;
    char login[CREDENTIALS_LOGIN_MAX + 1], password[CREDENTIALS_PASSWORD_MAX + 1];
    char user_id[CREDENTIALS_ID_BYTES];
    if (!read_login(request, login, sizeof(login), password, sizeof(password))) {
        return;
    }
    struct version *version = borrow(logins);
    int r = credentials_check(version->credentials, login, password, user_id);
    OPENSSL_cleanse(password, sizeof(password));
    const struct credential *credential =
        r == 0 ? credentials_find(version->credentials, login) : NULL;
    if (credential) {
        answer_tokens(request, credential);
    } else if (r == CREDENTIALS_EREFUSED) {
        refuse_login(request);
    }
    give_back(logins, version);
}

/* ---- refresh ---------------------------------------------------------------------------------
 */

static void refuse_token(struct request *request, int status)
{
    reply_error(&request->reply, MHD_HTTP_UNAUTHORIZED, request->id, token_status_code(status),
                "%s", token_status_text(status));
    request->reply.challenge = "Bearer error=\"invalid_token\"";
}

static int read_refresh(struct request *request, struct token_claims *ret_claims)
{
    json_t *body = request_json(request);
    if (!body) {
        return TOKEN_EMALFORMED;
    }
    const char *token = json_string_value(json_object_get(body, "refresh_token"));
    int r = token ? keys_check(request->app->keys, &request->app->rules, TOKEN_REFRESH, token,
                               strlen(token), ret_claims)
                  : TOKEN_EMISSING;
    json_decref(body);
    if (r != TOKEN_OK) {
        refuse_token(request, r);
    }
    return r;
}

/* The login still exists, is the same user's, and has the same password. */
static bool is_current(const struct credential *credential, const struct token_claims *claims)
{
    char stamp[STAMP_BYTES];
    return credential && strcmp(credential->user_id, claims->user_id) == 0 &&
           make_stamp(credential->hash, stamp) &&
           CRYPTO_memcmp(stamp, claims->stamp, sizeof(stamp)) == 0;
}

void refresh_handle(struct request *request)
{
    struct logins *logins = request->app->logins;
    struct token_claims claims;
    if (read_refresh(request, &claims) != TOKEN_OK) {
        return;
    }
    struct version *version = borrow(logins);
    const struct credential *credential = credentials_find(version->credentials, claims.login);
    if (is_current(credential, &claims)) {
        answer_tokens(request, credential);
    } else {
        refuse_token(request, TOKEN_ECLAIMS);
    }
    give_back(logins, version);
}

/* ---- life ------------------------------------------------------------------------------------
 */

static void run(struct request *request)
{
    request->route->handle(request);
    http_resume(request);
}

struct line *logins_line(struct logins *logins)
{
    return logins->line;
}

struct logins *logins_open(struct app *app, char *why, size_t why_bytes)
{
    char reason[CREDENTIALS_WHY_BYTES] = "out of memory";
    struct logins *logins = calloc(1, sizeof(*logins));
    if (!logins) {
        snprintf(why, why_bytes, "%s", reason);
        return NULL;
    }
    pthread_mutex_init(&logins->lock, NULL);
    logins->app = app;
    logins->version = load(app->settings->credentials, &logins->seen, reason);
    logins->line =
        line_open((unsigned)app->settings->logins, (size_t)app->settings->logins_waiting, run);
    if (logins->version && logins->line) {
        return logins;
    }
    snprintf(why, why_bytes, "%s", reason);
    logins_close(logins);
    return NULL;
}

void logins_close(struct logins *logins)
{
    if (logins) {
        line_close(logins->line);
        release(logins->version);
        pthread_mutex_destroy(&logins->lock);
        free(logins);
    }
}
