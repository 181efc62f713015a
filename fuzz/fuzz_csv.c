/* fuzz_csv.c - horizon's import: files of prices and of activities, from any bytes.
 *
 * The first byte chooses: bit 0 activities, bit 1 a symbol is given, bits 2-3 the decimal mark,
 * bits 4-5 the order of dates, bit 6 repeats. What was accepted has to be what the database
 * accepts, and reading it again has to give the same.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "import/activities.h"
#include "import/prices.h"

static void check_problems(const struct import_problems *problems)
{
    for (size_t i = 0; i < problems->count && i < IMPORT_PROBLEMS_KEPT; i++) {
        const char *text = problems->kept[i].text;
        INVARIANT(*text && memchr(text, '\0', IMPORT_PROBLEM_BYTES));
        for (; *text; text++)
            INVARIANT((unsigned char)*text >= ' ' && *text != '\x7F');
    }
}

static char *copy(const uint8_t *data, size_t bytes)
{
    char *text = malloc(bytes + 1);
    INVARIANT(text);
    if (bytes > 0)
        memcpy(text, data, bytes);
    return text;
}

/* ---- prices ---------------------------------------------------------------------------------- */

static void check_prices(const struct import_prices *read)
{
    check_problems(&read->problems);
    for (size_t i = 0; i < read->count; i++) {
        const struct import_price *price = &read->prices[i];
        const struct quote *quote = &price->quote;
        INVARIANT(*price->symbol && sheet_text_is_valid(price->symbol, IMPORT_SYMBOL_BYTES - 1));
        INVARIANT(isfinite(quote->close) && quote->close > 0 && quote->close < 1e9);
        INVARIANT(isnan(quote->open) || quote->open > 0);
        INVARIANT(isnan(quote->adj_close) || quote->adj_close > 0);
        INVARIANT(quote->volume >= -1);
        if (i > 0) {
            int order = strcmp(price[-1].symbol, price->symbol);
            INVARIANT(order < 0 || (order == 0 && price[-1].quote.when < quote->when));
        }
    }
}

static void read_prices(const uint8_t *data, size_t bytes, const char *symbol,
                        const struct sheet_hints *hints)
{
    struct import_prices read, again;
    char *text = copy(data, bytes), *second = copy(data, bytes);
    INVARIANT(import_prices_read(text, bytes, symbol, hints, &read));
    INVARIANT(import_prices_read(second, bytes, symbol, hints, &again));
    check_prices(&read);
    INVARIANT(read.count == again.count && read.problems.count == again.problems.count);
    import_prices_done(&read);
    import_prices_done(&again);
    free(text);
    free(second);
}

/* ---- activities ------------------------------------------------------------------------------ */

static void check_activity(const struct import_activity *activity)
{
    bool is_trade = activity->kind == ACTIVITY_BUY || activity->kind == ACTIVITY_SELL;
    bool is_split = activity->kind == ACTIVITY_SPLIT;
    INVARIANT(activity_has_asset(activity->kind) == (*activity->symbol != '\0'));
    INVARIANT(sheet_text_is_valid(activity->symbol, IMPORT_SYMBOL_BYTES - 1));
    INVARIANT(sheet_text_is_valid(activity->note, IMPORT_NOTE_BYTES - 1));
    INVARIANT(*activity->account && sheet_text_is_valid(activity->account, IMPORT_ACCOUNT_BYTES));
    INVARIANT(*activity->key && sheet_text_is_valid(activity->key, IMPORT_KEY_BYTES - 1));
    INVARIANT(activity->quantity >= 0 && activity->price >= 0 && activity->fee >= 0);
    INVARIANT(!is_trade || activity->quantity > 0);
    INVARIANT((activity->amount > 0) == (!is_trade && !is_split));
    INVARIANT((activity->numerator > 0) == is_split && (activity->denominator > 0) == is_split);
}

static int compare_keys(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static void check_activities(const struct import_activities *read)
{
    const char **keys = calloc(read->count + 1, sizeof(*keys));
    INVARIANT(keys);
    check_problems(&read->problems);
    for (size_t i = 0; i < read->count; i++) {
        check_activity(&read->activities[i]);
        keys[i] = read->activities[i].key;
    }
    qsort(keys, read->count, sizeof(*keys), compare_keys);
    for (size_t i = 1; read->problems.count == 0 && i < read->count; i++)
        INVARIANT(strcmp(keys[i - 1], keys[i]) != 0);
    free(keys);
}

static void read_activities(const uint8_t *data, size_t bytes,
                            const struct import_activity_hints *hints)
{
    struct import_activities read;
    char *text = copy(data, bytes);
    INVARIANT(import_activities_read(text, bytes, hints, &read));
    check_activities(&read);
    import_activities_done(&read);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const char marks[] = {0, '.', ',', 0};
    static const enum date_order orders[] = {DATE_UNKNOWN, DATE_DAY_FIRST, DATE_MONTH_FIRST,
                                             DATE_UNKNOWN};
    uint8_t choice = bytes > 0 ? data[0] : 0;
    static const struct sheet_naming namings[] = {{"date", "x"}, {"close", "y"}, {"price", "y"}};
    bool is_told = choice & 128;
    const struct sheet_hints sheet = {.delimiter = is_told ? ':' : 0,
                                      .namings = namings,
                                      .naming_count = is_told ? 3 : 0,
                                      .decimal_mark = marks[choice >> 2 & 3],
                                      .order = orders[choice >> 4 & 3]};
    const struct import_activity_hints hints = {sheet, "USD", "Main", choice & 64};
    if (bytes > 0 && choice & 1)
        read_activities(data + 1, bytes - 1, &hints);
    else if (bytes > 0)
        read_prices(data + 1, bytes - 1, choice & 2 ? "X" : NULL, &sheet);
    return 0;
}
