/* prices.c - see prices.h. Test: tests/unit/horizon/test_import.c, fuzz/fuzz_csv.c.
 *
 * Sources of the forms: Yahoo's and Stooq's downloads; the Polish headers and the bulk form
 * (<TICKER>,<PER>,<DATE>,...) are Stooq's too.
 */
#include "import/prices.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PRICE_DECIMALS 6
#define PRICE_ONE      1e6
#define PRICE_MAX      INT64_C(1000000000000000) /* scaled: a thousand million */

enum column { DATE, SYMBOL, OPEN, HIGH, LOW, CLOSE, ADJUSTED, VOLUME, PERIOD, COLUMNS };

static const struct sheet_column columns[COLUMNS] = {
    [DATE] = {"date|data|datum|day", SHEET_DATE},
    [SYMBOL] = {"symbol|ticker|code", SHEET_TEXT},
    [OPEN] = {"open|otwarcie", SHEET_NUMBER},
    [HIGH] = {"high|najwyzszy", SHEET_NUMBER},
    [LOW] = {"low|najnizszy", SHEET_NUMBER},
    [CLOSE] = {"close|zamkniecie|close/last|quote|price", SHEET_NUMBER},
    [ADJUSTED] = {"adjclose|adjustedclose", SHEET_NUMBER},
    [VOLUME] = {"volume|wolumen|vol", SHEET_TEXT},
    [PERIOD] = {"per", SHEET_TEXT},
};

/* ---- one row --------------------------------------------------------------------------------- */

/* A price, NaN when there is none (0 means that too). False after a complaint. */
static bool read_price(const struct sheet *sheet, size_t row, enum column column, const char *what,
                       double *ret_price, struct import_problems *problems)
{
    int64_t scaled = 0;
    bool is_there;
    if (!sheet_number(sheet, row, column, what, PRICE_DECIMALS, &is_there, &scaled, problems))
        return false;
    if (scaled < 0 || scaled >= PRICE_MAX) {
        import_complain(problems, sheet->lines[row], "the %s %.40s is %s", what,
                        sheet_text(sheet, row, column),
                        scaled < 0 ? "negative" : "larger than a price can be");
        return false;
    }
    *ret_price = is_there && scaled > 0 ? (double)scaled / PRICE_ONE : NAN;
    return true;
}

/* A volume is a whole number, or one with decimals that are dropped; -1 when there is none. */
static bool read_volume(const struct sheet *sheet, size_t row, int64_t *ret_volume,
                        struct import_problems *problems)
{
    bool is_there;
    *ret_volume = -1;
    if (!sheet_number(sheet, row, VOLUME, "volume", 0, &is_there, ret_volume, problems))
        return false;
    if (is_there && *ret_volume < 0) {
        import_complain(problems, sheet->lines[row], "the volume is negative");
        return false;
    }
    return true;
}

static bool read_symbol(const struct sheet *sheet, size_t row, const char *given,
                        char symbol[IMPORT_SYMBOL_BYTES], struct import_problems *problems)
{
    const char *text = given ? given : sheet_text(sheet, row, SYMBOL);
    size_t length = strlen(text);
    bool is_bulk = sheet_has(sheet, PERIOD);
    if (length == 0 || !sheet_text_is_valid(text, IMPORT_SYMBOL_BYTES - 1)) {
        import_complain(problems, sheet->lines[row],
                        length == 0
                            ? "the symbol is missing"
                            : "the symbol has more than 32 bytes, or bytes that are no text");
        return false;
    }
    if (is_bulk && length > 3 && strcasecmp(text + length - 3, ".US") == 0)
        length -= 3; /* Stooq's suffix of a market whose symbols others write without one */
    memcpy(symbol, text, length);
    symbol[length] = '\0';
    return true;
}

static bool check_quote(const struct quote *quote, unsigned line, struct import_problems *problems)
{
    if (isfinite(quote->high) && isfinite(quote->low) && quote->high < quote->low) {
        import_complain(problems, line, "the high %.6g is below the low %.6g", quote->high,
                        quote->low);
        return false;
    }
    return true;
}

/* False after a complaint. A row without a close has NaN there. */
static bool read_row(const struct sheet *sheet, size_t row, const char *symbol,
                     struct import_price *price, struct import_problems *problems)
{
    const char *period = sheet_text(sheet, row, PERIOD);
    struct quote *quote = &price->quote;
    price->line = sheet->lines[row];
    if (*period && strcasecmp(period, "D") != 0) {
        import_complain(problems, price->line,
                        "the period is \"%.20s\", not D: daily prices are needed", period);
        return false;
    }
    return read_symbol(sheet, row, symbol, price->symbol, problems) &&
           sheet_day(sheet, row, DATE, &quote->when, problems) &&
           read_price(sheet, row, OPEN, "open", &quote->open, problems) &&
           read_price(sheet, row, HIGH, "high", &quote->high, problems) &&
           read_price(sheet, row, LOW, "low", &quote->low, problems) &&
           read_price(sheet, row, CLOSE, "close", &quote->close, problems) &&
           read_price(sheet, row, ADJUSTED, "adjusted close", &quote->adj_close, problems) &&
           read_volume(sheet, row, &quote->volume, problems) &&
           check_quote(quote, price->line, problems);
}

/* ---- all rows -------------------------------------------------------------------------------- */

static int compare(const void *left, const void *right)
{
    const struct import_price *a = left, *b = right;
    int order = strcmp(a->symbol, b->symbol);
    if (order != 0)
        return order;
    if (a->quote.when != b->quote.when)
        return a->quote.when < b->quote.when ? -1 : 1;
    return (a->line > b->line) - (a->line < b->line);
}

static bool same(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static bool same_quote(const struct quote *a, const struct quote *b)
{
    return same(a->open, b->open) && same(a->high, b->high) && same(a->low, b->low) &&
           same(a->close, b->close) && same(a->adj_close, b->adj_close) && a->volume == b->volume;
}

/* Sorts, and keeps the first of those that say the same. */
static void sort_out(struct import_prices *prices)
{
    struct import_price *all = prices->prices;
    size_t kept = 0;
    if (prices->count > 1)
        qsort(all, prices->count, sizeof(*all), compare);
    for (size_t i = 0; i < prices->count; i++) {
        const struct import_price *price = &all[i];
        const struct import_price *before = kept > 0 ? &all[kept - 1] : NULL;
        if (!before || strcmp(before->symbol, price->symbol) != 0 ||
            before->quote.when != price->quote.when) {
            all[kept++] = *price;
            continue;
        }
        prices->repeated++;
        if (!same_quote(&before->quote, &price->quote))
            import_complain(&prices->problems, price->line,
                            "line %u has other prices of %s for that date: delete one of the two",
                            before->line, price->symbol);
    }
    prices->count = kept;
}

static void check_columns(const struct sheet *sheet, const char *symbol,
                          struct import_problems *problems)
{
    if (!sheet_has(sheet, DATE))
        import_complain(problems, 1, "the column Date (or Data) is missing");
    if (!sheet_has(sheet, CLOSE))
        import_complain(problems, 1, "the column Close (or Zamkniecie, Quote) is missing");
    if (!sheet_has(sheet, SYMBOL) && !symbol)
        import_complain(problems, 1, "no column says which symbol this is: give --symbol");
}

bool import_prices_read(char *text, size_t bytes, const char *symbol,
                        const struct sheet_hints *hints, struct import_prices *ret_prices)
{
    struct sheet sheet;
    *ret_prices = (struct import_prices){0};
    struct import_problems *problems = &ret_prices->problems;
    if (!sheet_read(&sheet, text, bytes, columns, COLUMNS, hints, problems))
        return false;
    if (problems->count == 0)
        check_columns(&sheet, symbol, problems);
    size_t rows = problems->count == 0 ? sheet.row_count : 0;
    ret_prices->prices = calloc(rows + 1, sizeof(*ret_prices->prices));
    for (size_t row = 0; ret_prices->prices && row < rows; row++) {
        struct import_price *price = &ret_prices->prices[ret_prices->count];
        if (!read_row(&sheet, row, symbol, price, problems))
            continue;
        if (isnan(price->quote.close))
            ret_prices->absent++;
        else
            ret_prices->count++;
    }
    sheet_done(&sheet);
    if (ret_prices->prices)
        sort_out(ret_prices);
    return ret_prices->prices != NULL;
}

void import_prices_done(struct import_prices *prices)
{
    free(prices->prices);
    *prices = (struct import_prices){0};
}
