/* import.c - horizon import prices|activities|--demo. Test: tests/system/test_horizon_import.py.
 *
 * All files of one call are read and checked before anything is written, and are written in one
 * transaction: all or nothing. A dry run does the same and rolls back.
 */
#include "store/import.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/cli.h"
#include "cli/demo.h"
#include "store/revalue.h"
#include "store/user.h"

#define FILES_MAX      64
#define PROBLEMS_SHOWN 20

static const char help[] =
    "usage: horizon import prices FILE... --user LOGIN [--symbol SYMBOL] [--name NAME]\n"
    "                              [--kind EQUITY|ETF|FUND|INDEX|OTHER] [OPTION...]\n"
    "       horizon import activities FILE... --user LOGIN [--account NAME] [--repeats] "
    "[OPTION...]\n"
    "       horizon import --demo [--user LOGIN] [--password-file FILE] [--credentials FILE]\n"
    "\n"
    "Prices: daily CSV of Yahoo (Date,Open,High,Low,Close,Adj Close,Volume), of Stooq (English,\n"
    "Polish, bulk), or any with columns Date and Close; the symbol from a column or --symbol.\n"
    "Activities: CSV with columns date, type, symbol, quantity, price, fee, tax, amount, value,\n"
    "currency, account, note, id, ratio (of a SPLIT) under the names that exports use; value is "
    "what\n"
    "a row came to, fees and taxes included, and makes the price where there is none. - is "
    "standard\n"
    "input.\n"
    "Everything is written or nothing. Reading a file again changes nothing.\n"
    "\n"
    "    --dry-run              check and report only\n"
    "    --column NAME=HEADER   the file calls column NAME (price, date, ...) HEADER; once for "
    "each\n"
    "    --delimiter CHARACTER  between columns, or tab, when the first line does not tell it\n"
    "    --decimal point|comma  of numbers, when the file does not say it itself\n"
    "    --dates dmy|mdy        of dates like 01/02/2021, when the file does not say it itself\n"
    "    --repeats              rows that say the same are several fills, not a mistake\n"
    "    --database URL         else DATABASE_URL\n"
    "\n"
    "--demo makes a user (demo, or --user) with the prices of AAPL, AMZN, GOOG, IBM and ^SPX from\n"
    "2013 to 2018 and a portfolio of the four; for trying out.\n";

struct request {
    const char *what, *files[FILES_MAX];
    size_t file_count;
    const char *user, *symbol, *name, *kind, *currency, *account, *decimal, *dates, *delimiter;
    struct cli_list columns;
    struct sheet_naming namings[CLI_LIST_MAX];
    const char *database, *credentials, *password_file;
    bool is_dry, is_demo, may_repeat, is_help;
    bool is_stale; /* something was written that the figures do not know yet */
    struct sheet_hints hints;
    char user_id[STORE_ID_BYTES], base_currency[4];
    PGconn *conn;
};

/* ---- files ----------------------------------------------------------------------------------- */

/* Reads all of a file, with place for one byte more. NULL after a line on standard error. */
static char *read_file(const char *path, size_t *ret_bytes)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    char *text = NULL, *larger;
    size_t bytes = 0, capacity = 0;
    if (!file) {
        cli_fail("%s cannot be read: %s", path, strerror(errno));
        return NULL;
    }
    errno = 0;
    do {
        if (capacity - bytes < 2) {
            capacity = capacity ? 2 * capacity : 65536;
            larger = capacity > 2 * (size_t)CSV_BYTES_MAX ? NULL : realloc(text, capacity);
            if (!larger) {
                errno = capacity > 2 * (size_t)CSV_BYTES_MAX ? EFBIG : ENOMEM;
                break;
            }
            text = larger;
        }
        bytes += fread(text + bytes, 1, capacity - bytes - 1, file);
    } while (!feof(file) && !ferror(file));
    bool is_failed = errno != 0 && !feof(file);
    if (is_failed)
        cli_fail("%s cannot be read: %s", path, strerror(errno));
    if (file != stdin)
        fclose(file);
    if (is_failed) {
        free(text);
        return NULL;
    }
    *ret_bytes = bytes;
    return text;
}

/* Prints what is wrong with a file; CLI_FAILED when there is something. */
static int show_problems(const char *path, const struct import_problems *problems)
{
    size_t shown = problems->count < PROBLEMS_SHOWN ? problems->count : PROBLEMS_SHOWN;
    for (size_t i = 0; i < shown; i++) {
        const struct import_problem *problem = &problems->kept[i];
        if (problem->line > 0)
            fprintf(stderr, "%s:%u: %s\n", path, problem->line, problem->text);
        else
            fprintf(stderr, "%s: %s\n", path, problem->text);
    }
    if (problems->count > shown)
        fprintf(stderr, "%s: and %zu more\n", path, problems->count - shown);
    return problems->count > 0 ? CLI_FAILED : CLI_DONE;
}

static void report(const struct request *request, const char *path, const char *what,
                   const struct store_imported *imported)
{
    printf("%s: %" PRId64 " %s %s, %" PRId64 " changed, %" PRId64 " known already", path,
           imported->added, what, request->is_dry ? "would be new" : "new", imported->changed,
           imported->known);
    if (imported->assets > 0)
        printf(", %" PRId64 " new assets", imported->assets);
}

/* ---- prices ---------------------------------------------------------------------------------- */

static int write_prices(struct request *request, const char *path,
                        const struct import_prices *prices)
{
    const struct store_asset known = {request->symbol, request->name, request->kind,
                                      request->currency};
    struct store_imported imported;
    struct store_problem problem;
    if (store_import_prices(request->conn, request->user_id, prices, &known,
                            request->symbol ? 1 : 0, &imported, &problem) != STORE_OK)
        return cli_fail("%s: the prices cannot be written: %s", path, problem.text);
    request->is_stale |= imported.added + imported.changed + imported.assets > 0;
    report(request, path, "prices", &imported);
    printf(", %zu rows without a price, %zu repeated\n", prices->absent, prices->repeated);
    return CLI_DONE;
}

static int import_prices(struct request *request, const char *path, char *text, size_t bytes)
{
    struct import_prices prices;
    if (!import_prices_read(text, bytes, request->symbol, &request->hints, &prices))
        return cli_fail("%s: out of memory", path);
    int code = show_problems(path, &prices.problems);
    if (code == CLI_DONE && prices.count == 0)
        code = cli_fail("%s: there is no price in it", path);
    if (code == CLI_DONE)
        code = write_prices(request, path, &prices);
    import_prices_done(&prices);
    return code;
}

/* ---- activities ------------------------------------------------------------------------------ */

/* Tells about a contradiction with the line of the row that it is about, when it is one of these.
 */
static int contradict(const struct request *request, const char *path,
                      const struct import_activities *activities,
                      const struct store_problem *problem)
{
    char key[IMPORT_KEY_BYTES] = "";
    if (problem->activity > 0 && store_activity_key(request->conn, request->user_id,
                                                    problem->activity, key, NULL) != STORE_OK)
        key[0] = '\0';
    for (size_t i = 0; *key && i < activities->count; i++)
        if (strcmp(activities->activities[i].key, key) == 0) {
            fprintf(stderr, "%s:%u: %s\n", path, activities->activities[i].line, problem->text);
            return CLI_FAILED;
        }
    return cli_fail("%s: with these rows the portfolio contradicts itself: %s", path,
                    problem->text);
}

/* Other programs call a price so: who has one of these has to see it. */
static void tell_valued(const char *path, size_t count)
{
    if (count > 0)
        printf(
            "%s: the column Value was taken for what a row came to, fees and taxes included, and "
            "made the price or amount of %zu %s; say --column price=Value if it is a price\n",
            path, count, count == 1 ? "row" : "rows");
}

static int write_activities(struct request *request, const char *path,
                            const struct import_activities *activities)
{
    struct store_imported imported;
    struct store_problem problem;
    if (store_import_activities(request->conn, request->user_id, activities, &imported, &problem) !=
        STORE_OK)
        return cli_fail("%s: the activities cannot be written: %s", path, problem.text);
    int status = STORE_OK;
    if (imported.added > 0)
        status = store_revalue(request->conn, request->user_id, &problem);
    if (status == STORE_EWRONG)
        return contradict(request, path, activities, &problem);
    if (status != STORE_OK)
        return cli_fail("%s: the portfolio cannot be valued: %s", path, problem.text);
    report(request, path, "activities", &imported);
    puts("");
    tell_valued(path, activities->valued);
    return CLI_DONE;
}

static int import_activities(struct request *request, const char *path, char *text, size_t bytes)
{
    const struct import_activity_hints hints = {.sheet = request->hints,
                                                .currency = request->base_currency,
                                                .account =
                                                    request->account ? request->account : "Main",
                                                .may_repeat = request->may_repeat};
    struct import_activities activities;
    if (!import_activities_read(text, bytes, &hints, &activities))
        return cli_fail("%s: out of memory", path);
    int code = show_problems(path, &activities.problems);
    if (code == CLI_DONE && activities.count == 0)
        code = cli_fail("%s: there is no activity in it", path);
    if (code == CLI_DONE)
        code = write_activities(request, path, &activities);
    import_activities_done(&activities);
    return code;
}

/* ---- all files in one transaction ------------------------------------------------------------ */

static int import_file(struct request *request, const char *path, char *text, size_t bytes)
{
    if (strcmp(request->what, "prices") == 0)
        return import_prices(request, path, text, bytes);
    return import_activities(request, path, text, bytes);
}

static int import_files(struct request *request)
{
    int code = CLI_DONE;
    for (size_t i = 0; i < request->file_count; i++) {
        size_t bytes = 0;
        char *text = read_file(request->files[i], &bytes);
        int one = text ? import_file(request, request->files[i], text, bytes) : CLI_FAILED;
        free(text);
        if (one != CLI_DONE)
            code = one;
        if (PQtransactionStatus(request->conn) != PQTRANS_INTRANS)
            break; /* the transaction is lost: what follows would only complain about that */
    }
    return code;
}

/* Who reads a portfolio's figures has to know what is not in them yet. */
static int tell_waiting(const struct request *request, struct store_problem *problem)
{
    const char *id = request->user_id;
    PGresult *result;
    int status = store_query(request->conn,
                             "SELECT count(*), max(s.as_of) FROM activities v"
                             " JOIN snapshots s USING (user_id)"
                             " WHERE v.user_id = $1 AND v.day > s.as_of",
                             1, &id, &result, problem);
    if (status != STORE_OK)
        return status;
    int64_t count = store_integer(result, 0, 0, 0);
    if (count > 0)
        printf("%" PRId64 " %s after the last price, which is of %s: the figures take %s in when "
               "newer prices are imported (`horizon import prices`)\n",
               count, count == 1 ? "activity is" : "activities are", store_text(result, 0, 1),
               count == 1 ? "it" : "them");
    PQclear(result);
    return STORE_OK;
}

static int end(struct request *request, int code)
{
    struct store_problem problem;
    if (code != CLI_DONE) {
        store_rollback(request->conn);
        return cli_fail("nothing was imported");
    }
    int status = STORE_OK;
    if (request->is_stale)
        status = store_revalue(request->conn, request->user_id, &problem);
    if (status == STORE_OK)
        status = tell_waiting(request, &problem);
    if (status != STORE_OK) {
        store_rollback(request->conn);
        return cli_fail("nothing was imported: %s", problem.text);
    }
    if (request->is_dry) {
        store_rollback(request->conn);
        puts("dry run: nothing was written");
    } else if (store_run(request->conn, "COMMIT", &problem) != STORE_OK) {
        return cli_fail("nothing was imported: %s", problem.text);
    }
    return CLI_DONE;
}

/* Finds the user and begins the transaction. */
static int begin(struct request *request)
{
    struct store_problem problem;
    PGresult *result;
    const char *id = request->user_id;
    int status = store_user_find(request->conn, request->user, request->user_id, &problem);
    if (status == STORE_OK)
        status = store_run(request->conn, "BEGIN", &problem);
    if (status == STORE_OK)
        status = store_lock_user(request->conn, id, &problem);
    if (status == STORE_OK)
        status = store_query(request->conn, "SELECT base_currency FROM users WHERE user_id = $1", 1,
                             &id, &result, &problem);
    if (status != STORE_OK)
        return cli_fail("%s", problem.text);
    snprintf(request->base_currency, sizeof(request->base_currency), "%s",
             PQgetvalue(result, 0, 0));
    PQclear(result);
    return CLI_DONE;
}

static int run(struct request *request)
{
    request->conn = cli_connect_migrated(request->database);
    if (!request->conn)
        return CLI_FAILED;
    int code = begin(request);
    if (code == CLI_DONE)
        code = end(request, import_files(request));
    PQfinish(request->conn);
    return code;
}

/* ---- options --------------------------------------------------------------------------------- */

/* "price=Kurs": cut at the first =, where the name of a column ends. */
static int check_columns(struct request *request)
{
    static char names[CLI_LIST_MAX][32];
    for (size_t i = 0; i < request->columns.count; i++) {
        const char *text = request->columns.values[i], *equals = strchr(text, '=');
        if (!equals || equals == text || !equals[1] || equals - text >= (long)sizeof(*names))
            return cli_misuse("--column is NAME=HEADER, as in --column price=Kurs, not \"%s\"",
                              text);
        memcpy(names[i], text, (size_t)(equals - text));
        request->namings[i] = (struct sheet_naming){names[i], equals + 1};
    }
    request->hints.namings = request->namings;
    request->hints.naming_count = request->columns.count;
    return CLI_DONE;
}

static int check_delimiter(struct request *request)
{
    const char *text = request->delimiter;
    if (!text)
        return CLI_DONE;
    char only = strcmp(text, "tab") == 0 ? '\t' : text[0];
    bool is_one = only == '\t' || (ispunct((unsigned char)only) && !text[1]);
    if (!is_one || only == '"')
        return cli_misuse("--delimiter is one character such as ; or the word tab, not \"%s\"",
                          text);
    request->hints.delimiter = only;
    return CLI_DONE;
}

static int check_hints(struct request *request)
{
    const char *decimal = request->decimal, *dates = request->dates;
    if (decimal && strcmp(decimal, "point") != 0 && strcmp(decimal, "comma") != 0)
        return cli_misuse("--decimal is point or comma, not \"%s\"", decimal);
    if (dates && strcmp(dates, "dmy") != 0 && strcmp(dates, "mdy") != 0)
        return cli_misuse("--dates is dmy or mdy, not \"%s\"", dates);
    if (decimal)
        request->hints.decimal_mark = *decimal == 'p' ? '.' : ',';
    if (dates)
        request->hints.order = *dates == 'd' ? DATE_DAY_FIRST : DATE_MONTH_FIRST;
    int code = check_delimiter(request);
    return code == CLI_DONE ? check_columns(request) : code;
}

static int check(struct request *request)
{
    static const char kinds[] = "|EQUITY|ETF|FUND|INDEX|OTHER|";
    char kind[16];
    if (strcmp(request->what, "prices") != 0 && strcmp(request->what, "activities") != 0)
        return cli_misuse(
            "import what? `horizon import prices FILE...`, `horizon import activities "
            "FILE...` or `horizon import --demo`");
    if (request->file_count == 0)
        return cli_misuse("which file? `horizon import %s FILE...`", request->what);
    if (!request->user)
        return cli_misuse("for whom? Say --user LOGIN");
    if (request->kind) {
        snprintf(kind, sizeof(kind), "|%.12s|", request->kind);
        if (!strstr(kinds, kind))
            return cli_misuse("--kind is EQUITY, ETF, FUND, INDEX or OTHER, not \"%s\"",
                              request->kind);
    }
    if ((request->name || request->kind) && !request->symbol)
        return cli_misuse("--name and --kind tell about one symbol: say --symbol too");
    return check_hints(request);
}

static bool parse(int argc, char **argv, struct request *request)
{
    const char *plain[FILES_MAX + 1] = {0};
    size_t plain_count;
    const struct cli_option options[] = {{"user", &request->user, NULL, NULL},
                                         {"symbol", &request->symbol, NULL, NULL},
                                         {"name", &request->name, NULL, NULL},
                                         {"kind", &request->kind, NULL, NULL},
                                         {"currency", &request->currency, NULL, NULL},
                                         {"account", &request->account, NULL, NULL},
                                         {"decimal", &request->decimal, NULL, NULL},
                                         {"delimiter", &request->delimiter, NULL, NULL},
                                         {"column", NULL, NULL, &request->columns},
                                         {"dates", &request->dates, NULL, NULL},
                                         {"database", &request->database, NULL, NULL},
                                         {"credentials", &request->credentials, NULL, NULL},
                                         {"password-file", &request->password_file, NULL, NULL},
                                         {"dry-run", NULL, &request->is_dry, NULL},
                                         {"demo", NULL, &request->is_demo, NULL},
                                         {"repeats", NULL, &request->may_repeat, NULL},
                                         {"help", NULL, &request->is_help, NULL}};
    if (!cli_parse(argc, argv, options, sizeof(options) / sizeof(*options), plain, FILES_MAX + 1,
                   &plain_count))
        return false;
    request->what = plain[0] ? plain[0] : "";
    request->file_count = plain_count > 0 ? plain_count - 1 : 0;
    memcpy(request->files, plain + 1, request->file_count * sizeof(*plain));
    return true;
}

int cli_import(int argc, char **argv)
{
    struct request request = {0};
    if (!parse(argc, argv, &request))
        return CLI_USAGE;
    if (request.is_help) {
        fputs(help, stdout);
        return CLI_DONE;
    }
    if (request.is_demo) {
        const struct cli_demo demo = {request.user ? request.user : "demo", request.database,
                                      cli_credentials_path(request.credentials),
                                      request.password_file};
        return *request.what ? cli_misuse("--demo needs no file") : cli_demo(&demo);
    }
    int code = check(&request);
    return code == CLI_DONE ? run(&request) : code;
}
