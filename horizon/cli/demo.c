/* demo.c - see demo.h. Test: tests/system/test_horizon_data.py, against horizon/data/golden.json.
 *
 * horizon/data/SOURCES.md says where the prices come from. Quantities are in shares of 2018, so the
 * split of 2014 is in them already.
 */
#include "cli/demo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "cli/cli.h"
#include "credentials/credentials.h"
#include "embed/embed.h"
#include "store/import.h"
#include "store/revalue.h"
#include "store/user.h"

#define PASSWORD_BYTES 12 /* of randomness: twice as many characters */

extern const struct embed_file demo_files[]; /* prices, activities */

static const struct store_asset assets[] = {
    {"AAPL", "Apple Inc.", "EQUITY", "USD"},
    {"AMZN", "Amazon.com, Inc.", "EQUITY", "USD"},
    {"GOOG", "Alphabet Inc. (Class C)", "EQUITY", "USD"},
    {"IBM", "International Business Machines Corporation", "EQUITY", "USD"},
    {"^SPX", "S&P 500 Index", "INDEX", "USD"},
};

/* A copy that may be cut. */
static char *copy_file(const struct embed_file *file)
{
    char *text = malloc(file->size + 1);
    if (text)
        memcpy(text, file->bytes, file->size);
    return text;
}

static int import_prices(PGconn *conn, const char *user_id, int64_t *changes,
                         struct store_problem *problem)
{
    const struct sheet_hints hints = {.decimal_mark = '.'};
    struct import_prices prices;
    struct store_imported imported = {0};
    char *text = copy_file(&demo_files[0]);
    if (!text || !import_prices_read(text, demo_files[0].size, NULL, &hints, &prices)) {
        free(text);
        return store_fail(problem, STORE_ENOMEM, "out of memory");
    }
    int status = store_import_prices(conn, user_id, &prices, assets,
                                     sizeof(assets) / sizeof(*assets), &imported, problem);
    *changes += imported.added + imported.changed;
    import_prices_done(&prices);
    free(text);
    return status;
}

static int import_activities(PGconn *conn, const char *user_id, int64_t *changes,
                             struct store_problem *problem)
{
    const struct import_activity_hints hints = {
        .sheet = {.decimal_mark = '.'}, .currency = "USD", .account = "Main"};
    struct import_activities activities;
    struct store_imported imported = {0};
    char *text = copy_file(&demo_files[1]);
    if (!text || !import_activities_read(text, demo_files[1].size, &hints, &activities)) {
        free(text);
        return store_fail(problem, STORE_ENOMEM, "out of memory");
    }
    int status = store_import_activities(conn, user_id, &activities, &imported, problem);
    *changes += imported.added;
    import_activities_done(&activities);
    free(text);
    return status;
}

static int import_all(PGconn *conn, const char *user_id)
{
    struct store_problem problem;
    int64_t changes = 0;
    int status = store_run(conn, "BEGIN", &problem);
    if (status == STORE_OK)
        status = store_lock_user(conn, user_id, &problem);
    if (status == STORE_OK)
        status = import_prices(conn, user_id, &changes, &problem);
    if (status == STORE_OK)
        status = import_activities(conn, user_id, &changes, &problem);
    if (status == STORE_OK && changes > 0)
        status = store_revalue(conn, user_id, &problem);
    if (status == STORE_OK)
        status = store_run(conn, "COMMIT", &problem);
    if (status == STORE_OK)
        return CLI_DONE;
    store_rollback(conn);
    return cli_fail("the demonstration's data was not imported: %s", problem.text);
}

/* ---- the login ------------------------------------------------------------------------------- */

static bool make_password(char password[CLI_PASSWORD_BYTES])
{
    unsigned char bytes[PASSWORD_BYTES];
    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return false;
    for (size_t i = 0; i < sizeof(bytes); i++)
        snprintf(password + 2 * i, 3, "%02x", bytes[i]);
    explicit_bzero(bytes, sizeof(bytes));
    return true;
}

/* Under the lock of the file: lets the user log in; one that can already keeps the password. */
static int let_in(const struct cli_demo *demo, const char *user_id)
{
    char password[CLI_PASSWORD_BYTES] = "", why[CREDENTIALS_WHY_BYTES] = "no randomness";
    struct credentials *credentials;
    if (credentials_load(demo->credentials, &credentials, why) != CREDENTIALS_OK)
        return cli_fail("%s", why);
    const struct credential *entry = credentials_find(credentials, demo->login);
    int code = CLI_DONE;
    if (entry && strcmp(entry->user_id, user_id) == 0) {
        printf("user %s, with the password it has\n", demo->login);
    } else if (demo->password_file && !cli_read_password(demo->password_file, true, password)) {
        code = CLI_FAILED;
    } else if ((!*password && !make_password(password)) ||
               credentials_set(credentials, demo->login, user_id, password, why) !=
                   CREDENTIALS_OK ||
               credentials_save(credentials, demo->credentials, why) != CREDENTIALS_OK) {
        code = cli_fail("the user cannot log in: %s", why);
    } else if (demo->password_file) {
        printf("user %s, with the password of %s\n", demo->login, demo->password_file);
    } else {
        printf("user %s, password %s\n", demo->login, password);
    }
    explicit_bzero(password, sizeof(password));
    credentials_free(credentials);
    return code;
}

static int let_in_locked(const struct cli_demo *demo, const char *user_id)
{
    char why[CREDENTIALS_WHY_BYTES];
    int lock;
    if (credentials_lock(demo->credentials, &lock, why) != CREDENTIALS_OK)
        return cli_fail("%s", why);
    int code = let_in(demo, user_id);
    close(lock);
    return code;
}

int cli_demo(const struct cli_demo *demo)
{
    char user_id[STORE_ID_BYTES];
    struct store_problem problem;
    if (!credentials_login_is_valid(demo->login))
        return cli_misuse("\"%s\" is no login: it has 1 to 64 letters, digits and ._@+-",
                          demo->login);
    PGconn *conn = cli_connect_migrated(demo->database);
    if (!conn)
        return CLI_FAILED;
    int status = store_user_add(conn, demo->login, "Demonstration", "USD", user_id, &problem);
    int code = status == STORE_OK || status == STORE_EEXISTS
                   ? import_all(conn, user_id)
                   : cli_fail("the user was not added: %s", problem.text);
    PQfinish(conn);
    return code == CLI_DONE ? let_in_locked(demo, user_id) : code;
}
