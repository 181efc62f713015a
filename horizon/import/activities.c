/* activities.c - see activities.h. Test: tests/unit/horizon/test_import.c, fuzz/fuzz_csv.c.
 *
 * Source of the header names and date forms: Ghostfolio's import of activities. Portfolio
 * Performance writes what a row came to in the end as Value, fees and taxes included, and no price;
 * so Value is a total here, though Ghostfolio takes it for a price.
 */
#include "import/activities.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MONEY_MAX    INT64_C(100000000000000000) /* scaled: what numeric(18,2) holds, less a digit */
#define PRICE_MAX    INT64_C(100000000000000000)
#define QUANTITY_TOP (INT64_C(10000000000) * QUANTITY_ONE) /* ten thousand million shares */
#define RATIO_MAX    10000

enum column {
    DATE,
    KIND,
    SYMBOL,
    QUANTITY,
    PRICE,
    FEE,
    TAXES,
    AMOUNT,
    VALUE,
    FEE_OR_AMOUNT,
    CURRENCY,
    ACCOUNT,
    NOTE,
    NUMERATOR,
    DENOMINATOR,
    RATIO,
    ID,
    COLUMNS
};

static const struct sheet_column columns[COLUMNS] = {
    [DATE] = {"date|tradedate", SHEET_DATE},
    [KIND] = {"type|action|buy/sell|kind", SHEET_TEXT},
    [SYMBOL] = {"symbol|code|ticker|tickersymbol", SHEET_TEXT},
    [QUANTITY] = {"quantity|qty|shares|units", SHEET_NUMBER},
    [PRICE] = {"price|unitprice|tradeprice", SHEET_NUMBER},
    [FEE] = {"fee|commission|ibcommission|fees", SHEET_NUMBER},
    [TAXES] = {"tax|taxes", SHEET_NUMBER},
    [AMOUNT] = {"amount|total", SHEET_NUMBER},
    [VALUE] = {"value", SHEET_NUMBER},
    [FEE_OR_AMOUNT] = {"feeoramount", SHEET_NUMBER},
    [CURRENCY] = {"currency|ccy|currencyprimary|transactioncurrency", SHEET_TEXT},
    [ACCOUNT] = {"account|accountid", SHEET_TEXT},
    [NOTE] = {"comment|note", SHEET_TEXT},
    [NUMERATOR] = {"numerator", SHEET_TEXT},
    [DENOMINATOR] = {"denominator", SHEET_TEXT},
    [RATIO] = {"ratio|splitratio", SHEET_TEXT},
    [ID] = {"id|orderid|tradeid", SHEET_TEXT},
};

/* Other words for kinds, in any case. */
static const struct {
    const char *word;
    enum activity_kind kind;
} words[] = {
    {"b", ACTIVITY_BUY},        {"bought", ACTIVITY_BUY},          {"purchase", ACTIVITY_BUY},
    {"s", ACTIVITY_SELL},       {"sold", ACTIVITY_SELL},           {"sale", ACTIVITY_SELL},
    {"div", ACTIVITY_DIVIDEND}, {"dividends", ACTIVITY_DIVIDEND},  {"fees", ACTIVITY_FEE},
    {"taxes", ACTIVITY_TAX},    {"withdraw", ACTIVITY_WITHDRAWAL}, {"removal", ACTIVITY_WITHDRAWAL},
};

/* A row while it is read. */
struct reading {
    const struct sheet *sheet;
    size_t row;
    const struct import_activity_hints *hints;
    struct import_activity *activity;
    struct import_problems *problems;
    bool has_quantity, has_price, has_amount, has_value;
    bool is_valued; /* the value was needed */
    int64_t value;  /* with fees and taxes, of either sign in the file */
};

static bool refuse(const struct reading *reading, const char *text, const char *what)
{
    import_complain(reading->problems, reading->activity->line, text, what);
    return false;
}

/* ---- fields ---------------------------------------------------------------------------------- */

static bool read_kind(struct reading *reading)
{
    const char *text = sheet_text(reading->sheet, reading->row, KIND);
    if (activity_parse(text, &reading->activity->kind))
        return true;
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (strcasecmp(text, words[i].word) == 0) {
            reading->activity->kind = words[i].kind;
            return true;
        }
    }
    import_complain(reading->problems, reading->activity->line,
                    "the type \"%.40s\" is none of BUY, SELL, DIVIDEND, DEPOSIT, WITHDRAWAL, "
                    "INTEREST, FEE, TAX, SPLIT",
                    text);
    return false;
}

/* Copies a text; `what` names it in the complaint when it may not be stored. */
static bool read_text(struct reading *reading, enum column column, const char *what, char *out,
                      size_t bytes)
{
    const char *text = sheet_text(reading->sheet, reading->row, column);
    if (!sheet_text_is_valid(text, bytes - 1))
        return refuse(reading, "the %s is too long, or has bytes that are no text", what);
    memcpy(out, text, strlen(text) + 1);
    return true;
}

static bool read_symbol(struct reading *reading)
{
    struct import_activity *activity = reading->activity;
    if (!read_text(reading, SYMBOL, "symbol", activity->symbol, sizeof(activity->symbol)))
        return false;
    if (!activity_has_asset(activity->kind)) {
        activity->symbol[0] = '\0';
        return true;
    }
    return *activity->symbol ||
           refuse(reading, "a %s needs a symbol", activity_name(activity->kind));
}

/* A number that is not negative and at most `max`. */
static bool read_number(struct reading *reading, enum column column, const char *what, int decimals,
                        int64_t max, bool *ret_is_there, int64_t *ret_scaled)
{
    *ret_scaled = 0;
    if (!sheet_number(reading->sheet, reading->row, column, what, decimals, ret_is_there,
                      ret_scaled, reading->problems))
        return false;
    if (*ret_scaled < 0)
        return refuse(reading,
                      "the %s is negative: the type says whether something came in or went out",
                      what);
    return *ret_scaled <= max || refuse(reading, "the %s is too large", what);
}

/* The absolute value: brokers write what they took as a negative number. */
static bool read_taken(struct reading *reading, enum column column, const char *what,
                       bool *ret_is_there, int64_t *ret_taken)
{
    *ret_taken = 0;
    if (!sheet_number(reading->sheet, reading->row, column, what, 2, ret_is_there, ret_taken,
                      reading->problems))
        return false;
    *ret_taken = *ret_taken < 0 ? -*ret_taken : *ret_taken;
    return *ret_taken <= MONEY_MAX || refuse(reading, "the %s is too large", what);
}

/* Fee and taxes together: both lessen what a row brings. */
static bool read_fee(struct reading *reading, enum column column, int64_t *ret_fee)
{
    bool is_there;
    int64_t fee, taxes;
    if (!read_taken(reading, column, "fee", &is_there, &fee) ||
        !read_taken(reading, TAXES, "tax", &is_there, &taxes))
        return false;
    *ret_fee = fee + taxes;
    return *ret_fee <= MONEY_MAX || refuse(reading, "the %s is too large", "fee");
}

/* quantity x price, rounded to cents; or the price alone. */
static int64_t product(const struct import_activity *activity, bool has_quantity)
{
    double shares = has_quantity ? SHARES(activity->quantity) : 1;
    return (int64_t)(shares * (double)activity->price / 1e4 + 0.5);
}

/* A trade's price where only its value is told: without fee and taxes, for one share. */
static bool price_of_value(struct reading *reading)
{
    struct import_activity *activity = reading->activity;
    bool is_buy = activity->kind == ACTIVITY_BUY;
    int64_t gross = reading->value + (is_buy ? -activity->fee : activity->fee);
    double price = (double)gross / SHARES(activity->quantity) * 1e4 + 0.5;
    if (gross < 0 || price > (double)PRICE_MAX)
        return refuse(reading, "the %s makes no price: it is less than fee and taxes, or too large",
                      "value");
    activity->price = (int64_t)price;
    reading->is_valued = true;
    return true;
}

static bool read_trades_money(struct reading *reading, enum column fee)
{
    return read_fee(reading, fee, &reading->activity->fee) &&
           (reading->has_price || price_of_value(reading));
}

static bool read_money(struct reading *reading)
{
    struct import_activity *activity = reading->activity;
    bool is_trade = activity->kind == ACTIVITY_BUY || activity->kind == ACTIVITY_SELL;
    bool is_income = activity->kind == ACTIVITY_DIVIDEND || activity->kind == ACTIVITY_INTEREST;
    bool is_charge = activity->kind == ACTIVITY_FEE || activity->kind == ACTIVITY_TAX;
    enum column amount = sheet_has(reading->sheet, FEE_OR_AMOUNT) ? FEE_OR_AMOUNT : AMOUNT;
    if (activity->kind == ACTIVITY_SPLIT)
        return true;
    if (is_trade)
        return read_trades_money(reading, amount == FEE_OR_AMOUNT ? FEE_OR_AMOUNT : FEE);
    if (!read_number(reading, amount, "amount", 2, MONEY_MAX, &reading->has_amount,
                     &activity->amount) ||
        !read_fee(reading, FEE, &activity->fee))
        return false;
    if (!reading->has_amount && reading->has_value) {
        reading->is_valued = true;
        activity->amount = reading->value + (is_income ? activity->fee : 0);
    } else if (!reading->has_amount && is_charge && activity->fee > 0) {
        activity->amount = activity->fee; /* a charge that stands in the column of fees */
        activity->fee = 0;
    } else if (!reading->has_amount && reading->has_price) {
        activity->amount = product(activity, reading->has_quantity);
    }
    if (activity->kind == ACTIVITY_DEPOSIT || activity->kind == ACTIVITY_WITHDRAWAL || is_charge)
        activity->fee = 0;
    return activity->amount > 0 ||
           refuse(reading, "a %s needs an amount (or a quantity and a price)",
                  activity_name(activity->kind));
}

static bool read_trade(struct reading *reading)
{
    struct import_activity *activity = reading->activity;
    const char *name = activity_name(activity->kind);
    if (!read_number(reading, QUANTITY, "quantity", 8, QUANTITY_TOP, &reading->has_quantity,
                     &activity->quantity) ||
        !read_number(reading, PRICE, "price", 6, PRICE_MAX, &reading->has_price,
                     &activity->price) ||
        !read_taken(reading, VALUE, "value", &reading->has_value, &reading->value))
        return false;
    if (activity->kind != ACTIVITY_BUY && activity->kind != ACTIVITY_SELL)
        return true;
    if (activity->quantity == 0)
        return refuse(reading, "a %s needs a quantity above 0", name);
    return reading->has_price || reading->has_value ||
           refuse(reading, "a %s needs a price (or a value, with fees and taxes)", name);
}

/* A whole number from 1 to RATIO_MAX at the begin of `text`; steps over it. */
static bool read_part(const char **text, int32_t *ret_part)
{
    char *end;
    long part = strtol(*text, &end, 10);
    if (end == *text || part < 1 || part > RATIO_MAX)
        return false;
    *text = end;
    *ret_part = (int32_t)part;
    return true;
}

static bool read_split(struct reading *reading)
{
    struct import_activity *activity = reading->activity;
    const char *ratio = sheet_text(reading->sheet, reading->row, RATIO);
    const char *above = sheet_text(reading->sheet, reading->row, NUMERATOR);
    const char *below = sheet_text(reading->sheet, reading->row, DENOMINATOR);
    bool is_good;
    if (activity->kind != ACTIVITY_SPLIT)
        return true;
    if (*ratio)
        is_good = read_part(&ratio, &activity->numerator) && *ratio && strchr(":/", *ratio) &&
                  (ratio++, read_part(&ratio, &activity->denominator)) && !*ratio;
    else
        is_good = read_part(&above, &activity->numerator) && !*above &&
                  read_part(&below, &activity->denominator) && !*below;
    activity->quantity = activity->price = 0;
    return is_good ||
           refuse(reading, "a %s needs new and old shares, each from 1 to 10000, as a ratio (7:1)",
                  "SPLIT");
}

static bool read_currency(const struct reading *reading)
{
    const char *text = sheet_text(reading->sheet, reading->row, CURRENCY);
    if (!*text || strcasecmp(text, reading->hints->currency) == 0)
        return true;
    import_complain(reading->problems, reading->activity->line,
                    "the row is in %.20s and the portfolio in %s: convert the amounts first", text,
                    reading->hints->currency);
    return false;
}

static bool read_account(struct reading *reading)
{
    char *account = reading->activity->account;
    if (!read_text(reading, ACCOUNT, "account", account, IMPORT_ACCOUNT_BYTES))
        return false;
    if (!*account)
        snprintf(account, IMPORT_ACCOUNT_BYTES, "%s", reading->hints->account);
    return true;
}

/* ---- keys ------------------------------------------------------------------------------------ */

static bool make_key(const struct reading *reading)
{
    struct import_activity *activity = reading->activity;
    const char *id = sheet_text(reading->sheet, reading->row, ID);
    char when[DAY_TEXT_BYTES];
    if (*id && !sheet_text_is_valid(id, 100))
        return refuse(reading, "the %s has more than 100 bytes, or bytes that are no text", "id");
    if (*id)
        snprintf(activity->key, sizeof(activity->key), "id:%s", id);
    else
        snprintf(activity->key, sizeof(activity->key),
                 "%s %s %s q%" PRId64 " p%" PRId64 " f%" PRId64 " a%" PRId64 " %d:%d @%s",
                 day_format(activity->when, when), activity_name(activity->kind), activity->symbol,
                 activity->quantity, activity->price, activity->fee, activity->amount,
                 activity->numerator, activity->denominator, activity->account);
    return true;
}

static int compare_keys(const void *left, const void *right)
{
    const struct import_activity *a = *(struct import_activity *const *)left;
    const struct import_activity *b = *(struct import_activity *const *)right;
    int order = strcmp(a->key, b->key);
    return order ? order : (a->line > b->line) - (a->line < b->line);
}

/* Rows with the same key: a complaint, or "#2" and so on at the end of it. False: no memory. */
static bool find_repeats(struct import_activities *read, bool may_repeat)
{
    struct import_activity **sorted = calloc(read->count + 1, sizeof(struct import_activity *));
    const struct import_activity *first = NULL;
    size_t repeat = 1;
    if (!sorted)
        return false;
    for (size_t i = 0; i < read->count; i++)
        sorted[i] = &read->activities[i];
    qsort(sorted, read->count, sizeof(struct import_activity *), compare_keys);
    for (size_t i = 0; i < read->count; i++) {
        bool is_same = first && strcmp(first->key, sorted[i]->key) == 0;
        repeat = is_same ? repeat + 1 : 1;
        if (!is_same) {
            first = sorted[i];
        } else if (may_repeat) {
            size_t length = strlen(sorted[i]->key);
            snprintf(sorted[i]->key + length, sizeof(sorted[i]->key) - length, "#%zu", repeat);
        } else {
            import_complain(&read->problems, sorted[i]->line,
                            "the row is a duplicate of line %u: delete one, or say --repeats when "
                            "both happened",
                            first->line);
        }
    }
    free(sorted);
    return true;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static bool read_row(struct reading *reading)
{
    struct import_activity *activity = reading->activity;
    return sheet_day(reading->sheet, reading->row, DATE, &activity->when, reading->problems) &&
           read_kind(reading) && read_symbol(reading) && read_trade(reading) &&
           read_money(reading) && read_split(reading) && read_currency(reading) &&
           read_account(reading) &&
           read_text(reading, NOTE, "note", activity->note, sizeof(activity->note)) &&
           make_key(reading);
}

static void check_columns(const struct sheet *sheet, struct import_problems *problems)
{
    if (!sheet_has(sheet, DATE))
        import_complain(problems, 1, "the column Date (or TradeDate) is missing");
    if (!sheet_has(sheet, KIND))
        import_complain(problems, 1, "the column Type (or Action, Buy/Sell) is missing");
    if (!sheet_has(sheet, PRICE) && !sheet_has(sheet, AMOUNT) && !sheet_has(sheet, VALUE) &&
        !sheet_has(sheet, FEE_OR_AMOUNT))
        import_complain(problems, 1, "a column Price (or UnitPrice), Amount or Value is missing");
    if (sheet->row_count > IMPORT_ACTIVITIES_MAX)
        import_complain(problems, 0, "the file has more than %d activities: split it",
                        IMPORT_ACTIVITIES_MAX);
}

static void read_rows(const struct sheet *sheet, const struct import_activity_hints *hints,
                      struct import_activities *read)
{
    for (size_t row = 0; row < sheet->row_count; row++) {
        struct import_activity *activity = &read->activities[read->count];
        struct reading reading = {.sheet = sheet,
                                  .row = row,
                                  .hints = hints,
                                  .activity = activity,
                                  .problems = &read->problems};
        *activity = (struct import_activity){.line = sheet->lines[row]};
        if (read_row(&reading)) {
            read->count++;
            read->valued += reading.is_valued;
        }
    }
}

bool import_activities_read(char *text, size_t bytes, const struct import_activity_hints *hints,
                            struct import_activities *ret_activities)
{
    struct sheet sheet;
    struct import_activities read = {0};
    bool is_done = false;
    if (!sheet_read(&sheet, text, bytes, columns, COLUMNS, &hints->sheet, &read.problems))
        return false;
    if (read.problems.count == 0)
        check_columns(&sheet, &read.problems);
    if (read.problems.count > 0)
        sheet.row_count = 0;
    read.activities = calloc(sheet.row_count + 1, sizeof(*read.activities));
    if (read.activities) {
        read_rows(&sheet, hints, &read);
        is_done = find_repeats(&read, hints->may_repeat);
    }
    sheet_done(&sheet);
    if (is_done)
        *ret_activities = read;
    else
        free(read.activities);
    return is_done;
}

void import_activities_done(struct import_activities *activities)
{
    free(activities->activities);
    *activities = (struct import_activities){0};
}
