/* prices.h - price files: Yahoo's, Stooq's (English, Polish, bulk), Nasdaq's, Portfolio
 * Performance's, and the long form with a symbol in each row.
 *
 * Columns are found by their headers: a date and a close have to be there, a symbol unless one is
 * given; open, high, low, adjusted close and volume may. A row without a close (null, N/D) is left
 * out and counted. What is wrong is told by line, and then nothing of the file is any good.
 */
#ifndef HORIZON_IMPORT_PRICES_H
#define HORIZON_IMPORT_PRICES_H

#include "domain/asset.h"
#include "import/sheet.h"

#define IMPORT_SYMBOL_BYTES 33

struct import_price {
    char symbol[IMPORT_SYMBOL_BYTES];
    unsigned line;
    struct quote quote;
};

struct import_prices {
    struct import_price *prices; /* by symbol, then day; each once */
    size_t count;
    size_t absent;   /* rows without a price */
    size_t repeated; /* rows that say the same as an earlier one */
    struct import_problems problems;
};

/* Reads `bytes` of `text`, which is changed and needs place for one byte more. `symbol` is that of
 * all rows, or NULL when the file has a column for it. False: no memory. Whether the file is good:
 * ret_prices->problems.count == 0. */
bool import_prices_read(char *text, size_t bytes, const char *symbol,
                        const struct sheet_hints *hints, struct import_prices *ret_prices)
    __attribute__((warn_unused_result));

void import_prices_done(struct import_prices *prices);

#endif
