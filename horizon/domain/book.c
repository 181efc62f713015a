/* book.c - see book.h. Test: test_book.c. */
#include "domain/book.h"

#include <stdlib.h>

int book_init(struct book *book, enum cost_method method, size_t position_count, size_t buy_count)
{
    *book = (struct book){
        .method = method, .position_count = position_count, .lot_capacity = buy_count};
    book->positions = calloc(position_count + 1, sizeof(*book->positions));
    book->lots = calloc(buy_count + 1, sizeof(*book->lots));
    if (!book->positions || !book->lots) {
        book_done(book);
        return BOOK_ENOMEM;
    }
    for (size_t i = 0; i < position_count; i++)
        book->positions[i].oldest = book->positions[i].newest = NO_LOT;
    return BOOK_OK;
}

void book_done(struct book *book)
{
    free(book->positions);
    free(book->lots);
    *book = (struct book){0};
}

/* Average cost: all shares are one lot. */
static void lot_add(struct book *book, struct position *position, int64_t quantity, double cost)
{
    if (book->method == COST_AVERAGE && position->oldest != NO_LOT) {
        book->lots[position->oldest].quantity += quantity;
        book->lots[position->oldest].cost += cost;
        return;
    }
    size_t idx = book->lot_count++;
    book->lots[idx] = (struct lot){.quantity = quantity, .cost = cost, .next = NO_LOT};
    if (position->newest == NO_LOT)
        position->oldest = idx;
    else
        book->lots[position->newest].next = idx;
    position->newest = idx;
}

/* What the shares had cost that leave; a lot that is used up goes with all of its cost. */
static double lots_take(struct book *book, struct position *position, int64_t quantity)
{
    double cost = 0;
    while (quantity > 0) {
        struct lot *lot = &book->lots[position->oldest];
        if (lot->quantity > quantity) {
            double part = lot->cost * ((double)quantity / (double)lot->quantity);
            lot->quantity -= quantity;
            lot->cost -= part;
            return cost + part;
        }
        quantity -= lot->quantity;
        cost += lot->cost;
        position->oldest = lot->next;
        if (position->oldest == NO_LOT)
            position->newest = NO_LOT;
    }
    return cost;
}

static double position_cost(const struct book *book, const struct position *position)
{
    double cost = 0;
    for (size_t i = position->oldest; i != NO_LOT; i = book->lots[i].next)
        cost += book->lots[i].cost;
    return cost;
}

static int buy(struct book *book, const struct activity *activity)
{
    struct position *position = &book->positions[activity->asset];
    double paid = SHARES(activity->quantity) * activity->price + activity->fee;
    if (position->quantity > QUANTITY_MAX - activity->quantity)
        return BOOK_EOVERFLOW;
    if (book->lot_count == book->lot_capacity)
        return BOOK_ENOMEM;
    lot_add(book, position, activity->quantity, paid);
    position->quantity += activity->quantity;
    position->cost = position_cost(book, position);
    position->last_price = activity->price;
    book->cash -= paid;
    book->fees += activity->fee;
    return BOOK_OK;
}

static int sell(struct book *book, const struct activity *activity)
{
    struct position *position = &book->positions[activity->asset];
    if (activity->quantity > position->quantity)
        return BOOK_EOVERSOLD;
    double proceeds = SHARES(activity->quantity) * activity->price - activity->fee;
    double gain = proceeds - lots_take(book, position, activity->quantity);
    position->quantity -= activity->quantity;
    position->cost = position_cost(book, position);
    position->realised += gain;
    position->last_price = activity->price;
    book->realised += gain;
    book->cash += proceeds;
    book->fees += activity->fee;
    return BOOK_OK;
}

static void receive(struct book *book, const struct activity *activity, double *sum)
{
    *sum += activity->amount - activity->fee;
    book->cash += activity->amount - activity->fee;
    book->fees += activity->fee;
}

int book_apply(struct book *book, const struct activity *activity)
{
    switch (activity->kind) {
    case ACTIVITY_BUY:
        return buy(book, activity);
    case ACTIVITY_SELL:
        return sell(book, activity);
    case ACTIVITY_DEPOSIT:
        book->cash += activity->amount;
        book->contributions += activity->amount;
        return BOOK_OK;
    case ACTIVITY_WITHDRAWAL:
        book->cash -= activity->amount;
        book->contributions -= activity->amount;
        return BOOK_OK;
    case ACTIVITY_DIVIDEND:
        book->positions[activity->asset].dividends += activity->amount - activity->fee;
        receive(book, activity, &book->dividends);
        return BOOK_OK;
    case ACTIVITY_INTEREST:
        receive(book, activity, &book->interest);
        return BOOK_OK;
    case ACTIVITY_FEE:
    case ACTIVITY_TAX:
        book->cash -= activity->amount;
        book->charges += activity->amount;
        if (activity->kind == ACTIVITY_FEE)
            book->fees += activity->amount;
        return BOOK_OK;
    case ACTIVITY_SPLIT:
    case ACTIVITY_KINDS:
        break;
    }
    return BOOK_OK;
}

double book_cost(const struct book *book)
{
    double cost = 0;
    for (size_t i = 0; i < book->position_count; i++)
        cost += book->positions[i].cost;
    return cost;
}
