/* golden.c - see golden.h. */
#include "test.h"

#include "golden.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAYS_MAX 1300
#define COLUMNS  8

static struct quote quotes[GOLDEN_ASSETS + 1][DAYS_MAX];
static struct golden golden;

static FILE *open_data(const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", HORIZON_DATA, name);
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("%s cannot be read", path);
    return file;
}

/* One line, cut at its commas; false at the end. */
static bool read_row(FILE *file, char *line, int bytes, char *columns[COLUMNS])
{
    if (!fgets(line, bytes, file))
        return false;
    line[strcspn(line, "\r\n")] = '\0';
    for (size_t i = 0; i < COLUMNS; i++)
        columns[i] = line ? strsep(&line, ",") : NULL;
    return true;
}

static day read_day(const char *text)
{
    day when = DAY_NONE;
    if (!day_parse(text, strlen(text), &when))
        fail_msg("%s is no day", text);
    return when;
}

static size_t find(const char *symbol)
{
    for (size_t i = 0; i <= GOLDEN_ASSETS; i++)
        if (strcmp(golden.assets[i].symbol, symbol) == 0)
            return i;
    fail_msg("%s is not known", symbol);
    return 0;
}

static void load_prices(void)
{
    char line[256], *column[COLUMNS];
    FILE *file = open_data("prices_daily.csv");
    read_row(file, line, sizeof(line), column);
    while (read_row(file, line, sizeof(line), column)) {
        struct asset *asset = &golden.assets[find(column[1])];
        quotes[asset - golden.assets][asset->quote_count++] =
            (struct quote){.when = read_day(column[0]),
                           .open = atof(column[2]),
                           .high = atof(column[3]),
                           .low = atof(column[4]),
                           .close = atof(column[5]),
                           .adj_close = atof(column[6]),
                           .volume = atoll(column[7])};
    }
    fclose(file);
}

static void load_activities(void)
{
    char line[256], *column[COLUMNS];
    FILE *file = open_data("demo_activities.csv");
    read_row(file, line, sizeof(line), column);
    while (read_row(file, line, sizeof(line), column)) {
        struct activity *activity = &golden.activities[golden.portfolio.activity_count];
        activity->id = (int64_t)++golden.portfolio.activity_count;
        activity->when = read_day(column[0]);
        assert_true(activity_parse(column[1], &activity->kind));
        bool is_trade = activity->kind == ACTIVITY_BUY || activity->kind == ACTIVITY_SELL;
        activity->asset = *column[2] ? find(column[2]) : NO_ASSET;
        activity->quantity = llround(atof(column[3]) * QUANTITY_ONE);
        activity->price = atof(column[4]);
        *(is_trade ? &activity->fee : &activity->amount) = atof(column[5]);
    }
    fclose(file);
    activity_sort(golden.activities, golden.portfolio.activity_count);
}

const struct golden *golden_load(void)
{
    static const char *const symbols[] = {"AAPL", "AMZN", "GOOG", "IBM", "^SPX"};
    if (golden.portfolio.assets)
        return &golden;
    for (size_t i = 0; i <= GOLDEN_ASSETS; i++)
        golden.assets[i] = (struct asset){.symbol = symbols[i],
                                          .name = symbols[i],
                                          .kind = i < GOLDEN_ASSETS ? "EQUITY" : "INDEX",
                                          .currency = "USD",
                                          .quotes = quotes[i]};
    load_prices();
    load_activities();
    golden.portfolio.assets = golden.assets;
    golden.portfolio.asset_count = GOLDEN_ASSETS;
    golden.portfolio.benchmark = &golden.assets[GOLDEN_ASSETS];
    golden.portfolio.activities = golden.activities;
    return &golden;
}

struct series golden_closes(const struct asset *asset, bool is_adjusted)
{
    static double values[2 * (GOLDEN_ASSETS + 1)][DAYS_MAX];
    static day days[DAYS_MAX];
    size_t row = (size_t)(asset - golden.assets) * 2 + is_adjusted;
    for (size_t i = 0; i < asset->quote_count; i++) {
        days[i] = asset->quotes[i].when;
        values[row][i] = is_adjusted ? asset->quotes[i].adj_close : asset->quotes[i].close;
    }
    return (struct series){
        .days = days, .values = values[row], .count = asset->quote_count, .before = values[row][0]};
}
