/* book.h - positions and cash after some activities: lots, cost, what was realised.
 *
 * Invariants
 * 1. A position's quantity is the sum of its open lots; a position that is closed costs exactly 0.
 * 2. cash = deposits - withdrawals - bought + sold + dividends + interest - all fees and taxes.
 * 3. Whatever the prices: value - contributions
 *      = unrealised + realised + dividends + interest - charges.
 *
 * A buy's fee is part of the cost; a sale's fee lessens the proceeds; a dividend's or interest's
 * fee lessens what was received. `charges` are fees and taxes for no trade.
 */
#ifndef HORIZON_DOMAIN_BOOK_H
#define HORIZON_DOMAIN_BOOK_H

#include "domain/activity.h"

enum cost_method {
    COST_FIFO,    /* the oldest shares are sold first */
    COST_AVERAGE, /* every share costs the mean of those held */
};

struct position {
    int64_t quantity;
    double cost, realised, dividends;
    double last_price;     /* of the last trade: a value until there is a quote */
    size_t oldest, newest; /* lots; NO_LOT when there is none */
};

struct lot {
    int64_t quantity;
    double cost;
    size_t next; /* younger, or NO_LOT */
};

#define NO_LOT ((size_t)-1)

struct book {
    enum cost_method method;
    double cash, contributions, dividends, interest, realised;
    double fees;    /* of trades and alone, taxes not included */
    double charges; /* standalone fees and taxes */
    struct position *positions;
    size_t position_count;
    struct lot *lots; /* one per buy, at most */
    size_t lot_count, lot_capacity;
};

enum book_status {
    BOOK_OK = 0,
    BOOK_ENOMEM = -1,
    BOOK_EOVERSOLD = -2, /* sells more than is held */
    BOOK_EOVERFLOW = -3, /* more than QUANTITY_MAX shares */
};

/* A book with so many positions and place for so many buys. BOOK_ENOMEM. */
int book_init(struct book *book, enum cost_method method, size_t position_count, size_t buy_count)
    __attribute__((warn_unused_result));

/* Zeroed books are fine. */
void book_done(struct book *book);

/* Takes one activity into account; they come sorted, splits already applied (activity_adjust).
 * On failure the book is as before. */
int book_apply(struct book *book, const struct activity *activity)
    __attribute__((warn_unused_result));

/* The sum of all positions' cost. */
double book_cost(const struct book *book);

#endif
