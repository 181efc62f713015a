/* activity.c - see activity.h. Test: test_book.c. */
#include "domain/activity.h"

#include <stdlib.h>
#include <strings.h>

__extension__ typedef __int128 wide;

static const struct {
    const char *name;
    bool has_asset;
} kinds[ACTIVITY_KINDS] = {
    [ACTIVITY_SPLIT] = {"SPLIT", true},
    [ACTIVITY_DEPOSIT] = {"DEPOSIT", false},
    [ACTIVITY_BUY] = {"BUY", true},
    [ACTIVITY_SELL] = {"SELL", true},
    [ACTIVITY_DIVIDEND] = {"DIVIDEND", true},
    [ACTIVITY_INTEREST] = {"INTEREST", false},
    [ACTIVITY_FEE] = {"FEE", false},
    [ACTIVITY_TAX] = {"TAX", false},
    [ACTIVITY_WITHDRAWAL] = {"WITHDRAWAL", false},
};

const char *activity_name(enum activity_kind kind)
{
    return kinds[kind].name;
}

bool activity_parse(const char *text, enum activity_kind *ret_kind)
{
    for (int i = 0; i < ACTIVITY_KINDS; i++) {
        if (strcasecmp(text, kinds[i].name) == 0) {
            *ret_kind = (enum activity_kind)i;
            return true;
        }
    }
    return false;
}

bool activity_has_asset(enum activity_kind kind)
{
    return kinds[kind].has_asset;
}

static int compare(const void *left, const void *right)
{
    const struct activity *a = left, *b = right;
    if (a->when != b->when)
        return a->when < b->when ? -1 : 1;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    return (a->id > b->id) - (a->id < b->id);
}

void activity_sort(struct activity *activities, size_t count)
{
    if (count > 1)
        qsort(activities, count, sizeof(*activities), compare);
}

/* quantity x n / d, rounded half up; both numbers are positive. */
static bool scale(int64_t *quantity, int32_t numerator, int32_t denominator)
{
    wide scaled = ((wide)*quantity * numerator * 2 + denominator) / ((wide)denominator * 2);
    if (scaled > QUANTITY_MAX)
        return false;
    *quantity = (int64_t)scaled;
    return true;
}

bool activity_adjust(struct activity *activities, size_t count, size_t *ret_idx)
{
    for (size_t i = 0; i < count; i++) {
        const struct activity *split = &activities[i];
        if (split->kind != ACTIVITY_SPLIT)
            continue;
        for (size_t k = 0; k < i && activities[k].when < split->when; k++) {
            struct activity *trade = &activities[k];
            if (trade->asset != split->asset || trade->kind == ACTIVITY_SPLIT)
                continue;
            if (!scale(&trade->quantity, split->numerator, split->denominator)) {
                *ret_idx = k;
                return false;
            }
            trade->price = trade->price * split->denominator / split->numerator;
        }
    }
    return true;
}
