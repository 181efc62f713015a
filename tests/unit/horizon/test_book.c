/* Lots, cost, profit and splits, with the vectors of Portfolio Performance (PP) and Ghostfolio. */
#include "test.h"

#include "domain/book.h"

#include <math.h>

#define ACTIVITIES_MAX 8

struct world {
    struct activity activities[ACTIVITIES_MAX];
    size_t count;
    struct book book;
};

static void near(double got, double wanted)
{
    if (!(fabs(got - wanted) <= 1e-9))
        fail_msg("%.12g, not %.12g", got, wanted);
}

static struct activity *add(struct world *world, enum activity_kind kind, double shares,
                            double price, double fee)
{
    struct activity *activity = &world->activities[world->count];
    *activity = (struct activity){.id = (int64_t)world->count,
                                  .when = (day)world->count,
                                  .kind = kind,
                                  .price = price,
                                  .quantity = (int64_t)llround(shares * QUANTITY_ONE),
                                  .fee = fee};
    world->count++;
    return activity;
}

static void split(struct world *world, int numerator, int denominator)
{
    struct activity *activity = add(world, ACTIVITY_SPLIT, 0, 0, 0);
    activity->numerator = numerator;
    activity->denominator = denominator;
}

static int run(struct world *world, enum cost_method method)
{
    size_t idx;
    activity_sort(world->activities, world->count);
    assert_true(activity_adjust(world->activities, world->count, &idx));
    assert_int_equal(book_init(&world->book, method, 1, world->count), BOOK_OK);
    for (size_t i = 0; i < world->count; i++) {
        int status = book_apply(&world->book, &world->activities[i]);
        if (status != BOOK_OK)
            return status;
    }
    return BOOK_OK;
}

static const struct position *position_of(struct world *world)
{
    return &world->book.positions[0];
}

/* ---- cost ------------------------------------------------------------------------------------ */

static double cost_of(void (*fill)(struct world *), enum cost_method method)
{
    struct world world = {0};
    fill(&world);
    assert_int_equal(run(&world, method), BOOK_OK);
    double cost = position_of(&world)->cost;
    near(book_cost(&world.book), cost);
    book_done(&world.book);
    return cost;
}

static void sell_before_second_buy(struct world *world)
{
    add(world, ACTIVITY_BUY, 109, 3149.20 / 109, 0);
    add(world, ACTIVITY_SELL, 15, 531.50 / 15, 0);
    add(world, ACTIVITY_BUY, 52, 1684.92 / 52, 0);
    add(world, ACTIVITY_BUY, 32, 959.30 / 32, 0);
}

static void sell_after_second_buy(struct world *world)
{
    add(world, ACTIVITY_BUY, 109, 3149.20 / 109, 0);
    add(world, ACTIVITY_BUY, 52, 1684.92 / 52, 0);
    add(world, ACTIVITY_SELL, 15, 531.50 / 15, 0);
}

TEST(cost_is_fifo_or_average_as_PP_has_it)
{
    assert_true(fabs(cost_of(sell_before_second_buy, COST_FIFO) - 5360.04) < 0.005);
    assert_true(fabs(cost_of(sell_before_second_buy, COST_AVERAGE) - 5360.04) < 0.005);
    assert_true(fabs(cost_of(sell_after_second_buy, COST_FIFO) - 4400.74) < 0.0051);
    assert_true(fabs(cost_of(sell_after_second_buy, COST_AVERAGE) - 4383.74) < 0.0051);
}

TEST(a_closed_position_costs_exactly_nothing)
{
    struct world world = {0};
    add(&world, ACTIVITY_BUY, 0.1, 1.0 / 3, 0.07);
    add(&world, ACTIVITY_BUY, 0.2, 1.0 / 7, 0.01);
    add(&world, ACTIVITY_SELL, 0.15, 1, 0);
    add(&world, ACTIVITY_SELL, 0.15, 1, 0);
    assert_int_equal(run(&world, COST_FIFO), BOOK_OK);
    assert_true(position_of(&world)->quantity == 0);
    assert_true(position_of(&world)->cost == 0);
    assert_true(book_cost(&world.book) == 0);
    book_done(&world.book);
}

TEST(more_than_is_held_cannot_be_sold)
{
    struct world world = {0};
    add(&world, ACTIVITY_BUY, 1, 10, 0);
    add(&world, ACTIVITY_SELL, 1.00000001, 10, 0);
    assert_int_equal(run(&world, COST_FIFO), BOOK_EOVERSOLD);
    near(SHARES(position_of(&world)->quantity), 1);
    near(world.book.cash, -10);
    book_done(&world.book);
}

/* ---- profit: Ghostfolio ---------------------------------------------------------------------- */

TEST(a_round_trip_loses_both_fees)
{
    struct world world = {0};
    add(&world, ACTIVITY_BUY, 2, 142.9, 1.55);
    add(&world, ACTIVITY_SELL, 2, 136.6, 1.65);
    assert_int_equal(run(&world, COST_FIFO), BOOK_OK);
    near(position_of(&world)->realised, -15.8);
    near(position_of(&world)->realised + world.book.fees, -12.6);
    near(world.book.cash, -15.8);
    book_done(&world.book);
}

TEST(half_of_a_position_is_sold)
{
    struct world world = {0};
    add(&world, ACTIVITY_BUY, 2, 75.80, 2.95);
    add(&world, ACTIVITY_SELL, 1, 85.73, 1.30);
    assert_int_equal(run(&world, COST_FIFO), BOOK_OK);
    const struct position *position = position_of(&world);
    double net = 87.80 - position->cost + position->realised;
    near(position->cost, 75.80 + 2.95 / 2);
    near(net, 17.68);
    near(net + world.book.fees, 21.93);
    book_done(&world.book);
}

TEST(a_dividend_is_not_performance_of_the_price)
{
    struct world world = {0};
    add(&world, ACTIVITY_BUY, 1, 298.58, 19);
    add(&world, ACTIVITY_DIVIDEND, 0, 0, 0)->amount = .62;
    assert_int_equal(run(&world, COST_FIFO), BOOK_OK);
    const struct position *position = position_of(&world);
    near(331.83 - position->cost, 14.25);
    near(331.83 - position->cost + world.book.fees, 33.25);
    near(position->dividends, .62);
    near(world.book.cash, -298.58 - 19 + .62);
    book_done(&world.book);
}

/* ---- splits: Ghostfolio ---------------------------------------------------------------------- */

static void holds(struct world *world, double shares, double price, double investment)
{
    assert_int_equal(run(world, COST_FIFO), BOOK_OK);
    assert_true(fabs(SHARES(position_of(world)->quantity) - shares) < 1e-8);
    assert_true(fabs(position_of(world)->cost - investment) < 1e-5);
    near(world->activities[0].price, price);
    book_done(&world->book);
}

TEST(two_for_one_halves_the_price)
{
    struct world world = {0};
    add(&world, ACTIVITY_BUY, 10, 100, 0);
    split(&world, 2, 1);
    holds(&world, 20, 50, 1000);
}

TEST(a_reverse_split_gathers_shares)
{
    struct world world = {0};
    add(&world, ACTIVITY_BUY, 10, 100, 0);
    split(&world, 1, 10);
    holds(&world, 1, 1000, 1000);
}

TEST(splits_follow_each_other)
{
    struct world world = {0};
    add(&world, ACTIVITY_BUY, 10, 100, 0);
    split(&world, 2, 1);
    split(&world, 1, 3);
    holds(&world, 20.0 / 3, 150, 1000);
}

TEST(a_sale_after_the_split_is_in_new_shares)
{
    struct world world = {0};
    add(&world, ACTIVITY_BUY, 10, 100, 0);
    split(&world, 2, 1);
    add(&world, ACTIVITY_SELL, 5, 60, 0);
    holds(&world, 15, 50, 750);
}

TEST(a_trade_on_the_day_of_the_split_is_in_new_shares)
{
    struct world world = {0};
    add(&world, ACTIVITY_BUY, 10, 100, 0);
    split(&world, 2, 1);
    add(&world, ACTIVITY_BUY, 1, 50, 0)->when = 1;
    holds(&world, 21, 50, 1050);
}

TEST(apples_seven_for_one_gives_what_is_entered_afterwards)
{
    struct world world = {0};
    add(&world, ACTIVITY_BUY, 50, 7 * 64.96286, 9.95);
    split(&world, 7, 1);
    holds(&world, 350, 64.96286, 350 * 64.96286 + 9.95);
}

TEST(a_split_beyond_counting_is_refused)
{
    struct world world = {0};
    size_t idx = 9;
    add(&world, ACTIVITY_BUY, 1e9, 1, 0);
    split(&world, 1000000, 1);
    assert_false(activity_adjust(world.activities, world.count, &idx));
    assert_int_equal(idx, 0);
}

/* ---- kinds ----------------------------------------------------------------------------------- */

TEST(cash_kinds_move_cash)
{
    struct world world = {0};
    add(&world, ACTIVITY_DEPOSIT, 0, 0, 0)->amount = 1000;
    add(&world, ACTIVITY_INTEREST, 0, 0, 0)->amount = 10;
    add(&world, ACTIVITY_FEE, 0, 0, 0)->amount = 3;
    add(&world, ACTIVITY_TAX, 0, 0, 0)->amount = 2;
    add(&world, ACTIVITY_WITHDRAWAL, 0, 0, 0)->amount = 100;
    assert_int_equal(run(&world, COST_FIFO), BOOK_OK);
    near(world.book.cash, 905);
    near(world.book.contributions, 900);
    near(world.book.interest, 10);
    near(world.book.charges, 5);
    near(world.book.fees, 3);
    near(world.book.cash - world.book.contributions, world.book.interest - world.book.charges);
    book_done(&world.book);
}

TEST(activities_of_a_day_come_in_a_sensible_order)
{
    struct activity activities[] = {{.id = 1, .when = 5, .kind = ACTIVITY_WITHDRAWAL},
                                    {.id = 2, .when = 5, .kind = ACTIVITY_SELL},
                                    {.id = 3, .when = 5, .kind = ACTIVITY_BUY},
                                    {.id = 4, .when = 4, .kind = ACTIVITY_TAX},
                                    {.id = 5, .when = 5, .kind = ACTIVITY_DEPOSIT},
                                    {.id = 6, .when = 5, .kind = ACTIVITY_BUY}};
    static const int64_t order[] = {4, 5, 3, 6, 2, 1};
    activity_sort(activities, 6);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(activities[i].id, order[i]);
}

TEST(kinds_have_names)
{
    enum activity_kind kind;
    for (int i = 0; i < ACTIVITY_KINDS; i++) {
        assert_true(activity_parse(activity_name((enum activity_kind)i), &kind));
        assert_int_equal(kind, i);
    }
    assert_true(activity_parse("buy", &kind));
    assert_int_equal(kind, ACTIVITY_BUY);
    assert_false(activity_parse("LEND", &kind));
    assert_true(activity_has_asset(ACTIVITY_SPLIT) && !activity_has_asset(ACTIVITY_FEE));
}
