/* activities.h - activity files, with the header names that Ghostfolio accepts and some more.
 *
 *     date | tradedate                       type | action | buy/sell
 *     symbol | code | ticker                 quantity | qty | shares | units
 *     price | unitprice | tradeprice         fee | commission | ibcommission
 *     amount | total; value                  currency | ccy | currencyprimary
 *     account | accountid                    comment | note
 *     numerator, denominator | ratio (7:1)   id | orderid | tradeid
 *
 * `fee_or_amount` is the fee of a trade and the amount of anything else. An amount that is missing
 * is quantity x price, or the price alone. `value` is what a row came to, fees and taxes included:
 * it makes the price, or the amount, where there is none. Fees may be negative (some brokers write
 * them so).
 *
 * Each row gets a key: its id, or else everything that it says. A key that the database knows is a
 * row that was imported before; two rows of one file with the same key are a mistake, unless
 * repeats are allowed: then the second gets "#2" and counts as another fill at the same price.
 */
#ifndef HORIZON_IMPORT_ACTIVITIES_H
#define HORIZON_IMPORT_ACTIVITIES_H

#include "domain/activity.h"
#include "import/prices.h"

#define IMPORT_ACTIVITIES_MAX 100000 /* of a file */
#define IMPORT_ACCOUNT_BYTES  101
#define IMPORT_NOTE_BYTES     501
#define IMPORT_KEY_BYTES      301

struct import_activity {
    unsigned line;
    day when;
    enum activity_kind kind;
    char symbol[IMPORT_SYMBOL_BYTES]; /* "" for kinds without an asset */
    char account[IMPORT_ACCOUNT_BYTES];
    char note[IMPORT_NOTE_BYTES];
    char key[IMPORT_KEY_BYTES];
    int64_t quantity;               /* of 10^-8 */
    int64_t price;                  /* of 10^-6 */
    int64_t fee, amount;            /* of 10^-2 */
    int32_t numerator, denominator; /* 0 unless it is a split */
};

struct import_activities {
    struct import_activity *activities; /* in the order of the file */
    size_t count;
    size_t valued; /* those whose price or amount was made from the value */
    struct import_problems problems;
};

struct import_activity_hints {
    struct sheet_hints sheet;
    const char *currency; /* the portfolio's; rows in another one are refused */
    const char *account;  /* of rows that name none */
    bool may_repeat;
};

/* As import_prices_read. */
bool import_activities_read(char *text, size_t bytes, const struct import_activity_hints *hints,
                            struct import_activities *ret_activities)
    __attribute__((warn_unused_result));

void import_activities_done(struct import_activities *activities);

#endif
