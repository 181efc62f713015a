/* activity_input.c - see activity_input.h. */
#include "serve/activity_input.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define YEAR_MIN 1900 /* what the schema takes */
#define YEAR_MAX 2199

enum need { NEVER, MAY, MUST };

/* One numeric member: what it may be, and which kinds have it. */
struct field {
    const char *name;
    double least, most; /* least itself is only allowed where least_allowed */
    bool is_least_allowed, is_whole;
    int decimals;
    size_t offset;
};

static const struct field fields[] = {
    {"quantity", 0, 1e10, false, false, 8, offsetof(struct activity_input, quantity)},
    {"price", 0, 999999999999.0, true, false, 6, offsetof(struct activity_input, price)},
    {"fee", 0, 1e15, true, false, 2, offsetof(struct activity_input, fee)},
    {"amount", 0, 1e15, false, false, 2, offsetof(struct activity_input, amount)},
    {"numerator", 1, 10000, true, true, 0, offsetof(struct activity_input, numerator)},
    {"denominator", 1, 10000, true, true, 0, offsetof(struct activity_input, denominator)},
};

#define FIELDS (sizeof(fields) / sizeof(fields[0]))

static enum need need(enum activity_kind kind, const char *name)
{
    bool is_trade = kind == ACTIVITY_BUY || kind == ACTIVITY_SELL;
    bool is_split = kind == ACTIVITY_SPLIT;
    if (strcmp(name, "quantity") == 0 || strcmp(name, "price") == 0) {
        return is_trade ? MUST : NEVER;
    }
    if (strcmp(name, "fee") == 0) {
        return is_trade || kind == ACTIVITY_DIVIDEND || kind == ACTIVITY_INTEREST ? MAY : NEVER;
    }
    if (strcmp(name, "amount") == 0) {
        return is_trade || is_split ? NEVER : MUST;
    }
    return is_split ? MUST : NEVER; /* numerator, denominator */
}

bool activity_input_is_symbol(const char *symbol)
{
    size_t bytes = strlen(symbol);
    for (size_t i = 0; i < bytes; i++) {
        if (symbol[i] <= ' ' || symbol[i] == 127 || symbol[i] == '/' || symbol[i] == '\\') {
            return false; /* not ASCII is negative: refused too */
        }
    }
    return bytes >= 1 && bytes < INPUT_SYMBOL_BYTES;
}

static bool complain(char *why, size_t bytes, const char *text)
{
    snprintf(why, bytes, "%s", text);
    return false;
}

static bool read_date(const json_t *object, struct activity_input *input, char *why, size_t bytes)
{
    const char *text = json_string_value(json_object_get(object, "date"));
    day when;
    int year = 0, month, of_month;
    if (text && day_parse(text, strlen(text), &when)) {
        day_split(when, &year, &month, &of_month);
    }
    if (year < YEAR_MIN || year > YEAR_MAX) {
        return complain(why, bytes, "has to be a day as \"2018-05-11\", from 1900 to 2199");
    }
    day_format(when, input->date);
    return true;
}

static bool read_kind(const json_t *object, struct activity_input *input, char *why, size_t bytes)
{
    const char *text = json_string_value(json_object_get(object, "kind"));
    return (text && activity_parse(text, &input->kind)) ||
           complain(why, bytes,
                    "has to be one of DEPOSIT WITHDRAWAL BUY SELL DIVIDEND INTEREST FEE TAX SPLIT");
}

static bool read_symbol(const json_t *object, struct activity_input *input, char *why, size_t bytes)
{
    const json_t *value = json_object_get(object, "symbol");
    const char *text = json_string_value(value);
    if (!activity_has_asset(input->kind)) {
        return !value || json_is_null(value) ||
               complain(why, bytes, "an activity of this kind has no symbol");
    }
    if (!text || !activity_input_is_symbol(text)) {
        return complain(why, bytes, "has to be the symbol of an asset, 1 to 32 characters");
    }
    snprintf(input->symbol, sizeof(input->symbol), "%s", text);
    return true;
}

/* Length of a text without zeros at its end, of decimals. */
static void trim(char *number)
{
    size_t bytes = strlen(number);
    while (strchr(number, '.') && bytes > 0 && number[bytes - 1] == '0') {
        number[--bytes] = '\0';
    }
    if (bytes > 0 && number[bytes - 1] == '.') {
        number[bytes - 1] = '\0';
    }
}

static bool read_number(const json_t *value, const struct field *field, char *number, char *why,
                        size_t bytes)
{
    double read = json_number_value(value);
    double scale = pow(10, field->decimals);
    bool is_above = field->is_least_allowed ? read >= field->least : read > field->least;
    if (!json_is_number(value) || !is_above || !(read <= field->most) ||
        (field->is_whole && read != floor(read))) {
        snprintf(why, bytes, "has to be a %snumber %s %g and at most %.15g",
                 field->is_whole ? "whole " : "", field->is_least_allowed ? "from" : "above",
                 field->least, field->most);
        return false;
    }
    if (fabs(round(read * scale) / scale - read) > 1e-9 * fmax(1, fabs(read)) ||
        round(read * scale) < (field->is_least_allowed ? 0 : 1)) {
        snprintf(why, bytes, "has more than %d decimals", field->decimals);
        return false;
    }
    snprintf(number, INPUT_NUMBER_BYTES, "%.*f", field->decimals, read);
    trim(number);
    return true;
}

static bool read_field(const json_t *object, const struct field *field,
                       struct activity_input *input, char *why, size_t bytes)
{
    const json_t *value = json_object_get(object, field->name);
    enum need needed = need(input->kind, field->name);
    bool is_there = value && !json_is_null(value);
    if (!is_there) {
        return needed != MUST || complain(why, bytes, "is missing; this kind needs it");
    }
    if (needed == NEVER) {
        return complain(why, bytes, "an activity of this kind does not have this");
    }
    return read_number(value, field, (char *)input + field->offset, why, bytes);
}

static bool read_note(const json_t *object, struct activity_input *input, char *why, size_t bytes)
{
    const json_t *value = json_object_get(object, "note");
    const char *text = json_string_value(value);
    if (!value || json_is_null(value)) {
        return true;
    }
    if (!text || strlen(text) >= sizeof(input->note)) {
        return complain(why, bytes, "has to be a text of at most 500 bytes");
    }
    snprintf(input->note, sizeof(input->note), "%s", text);
    return true;
}

static bool is_known(const char *name)
{
    static const char *const names[] = {"date", "kind", "symbol", "note"};
    for (size_t i = 0; i < FIELDS; i++) {
        if (strcmp(name, fields[i].name) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

bool activity_input_read(const json_t *object, struct activity_input *ret_input,
                         const char **ret_field, char *why, size_t why_bytes)
{
    static const struct {
        const char *name;
        bool (*read)(const json_t *, struct activity_input *, char *, size_t);
    } texts[] = {
        {"date", read_date}, {"kind", read_kind}, {"symbol", read_symbol}, {"note", read_note}};
    struct activity_input input = {0};
    for (void *at = json_object_iter((json_t *)(uintptr_t)object); at;
         at = json_object_iter_next((json_t *)(uintptr_t)object, at)) {
        *ret_field = json_object_iter_key(at);
        if (!is_known(*ret_field)) {
            return complain(why, why_bytes, "there is no such member");
        }
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        *ret_field = texts[i].name;
        if (!texts[i].read(object, &input, why, why_bytes)) {
            return false;
        }
    }
    for (size_t i = 0; i < FIELDS; i++) {
        *ret_field = fields[i].name;
        if (!read_field(object, &fields[i], &input, why, why_bytes)) {
            return false;
        }
    }
    *ret_input = input;
    return true;
}
