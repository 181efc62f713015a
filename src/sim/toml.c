/* toml.c - a part of TOML. Bytes are looked at one by one; every length is bounded by a buffer. */
#include "sim/toml.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static int wrong(struct toml *toml, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int wrong(struct toml *toml, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(toml->error, sizeof(toml->error), format, list);
    va_end(list);
    return BASE_EINVALID;
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static int peek(const struct toml *toml)
{
    return toml->rest.bytes ? toml->rest.data[0] : -1;
}

static int take(struct toml *toml)
{
    int c = peek(toml);
    if (c >= 0)
        toml->rest = base_slice_skip(toml->rest, 1);
    toml->line += c == '\n';
    return c;
}

static void skip_blanks(struct toml *toml)
{
    while (peek(toml) == ' ' || peek(toml) == '\t')
        take(toml);
}

/* Comments too; and newlines when said. */
static void skip_space(struct toml *toml, bool with_lines)
{
    for (;;) {
        skip_blanks(toml);
        if (peek(toml) == '#')
            while (peek(toml) >= 0 && peek(toml) != '\n')
                take(toml);
        else if (with_lines && (peek(toml) == '\n' || peek(toml) == '\r'))
            take(toml);
        else
            return;
    }
}

static int end_line(struct toml *toml)
{
    skip_space(toml, false);
    if (peek(toml) == '\r')
        take(toml);
    if (peek(toml) == '\n' || peek(toml) < 0) {
        take(toml);
        return 0;
    }
    return wrong(toml, "something follows that does not belong here");
}

/* ---- texts ----------------------------------------------------------------------------------- */

static int unescape(struct toml *toml, char *ret_c)
{
    static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
    int c = take(toml);
    const char *at = c > 0 ? memchr(from, c, sizeof(from) - 1) : NULL;
    if (!at)
        return wrong(toml, "only \\b \\t \\n \\f \\r \\\" and \\\\ may follow a backslash");
    *ret_c = to[at - from];
    return 0;
}

static int read_string(struct toml *toml, char *out, size_t bytes)
{
    int quote = take(toml);
    size_t n = 0;
    for (;;) {
        if (peek(toml) < 0 || peek(toml) == '\n' || peek(toml) == '\r')
            return wrong(toml, "the string does not end in its line");
        int c = take(toml);
        if (c == quote)
            break;
        char byte = (char)c;
        if (c == '\\' && quote == '"') {
            int r = unescape(toml, &byte);
            if (r < 0)
                return r;
        } else if (c < ' ' && c != '\t') {
            return wrong(toml, "a string holds a control character");
        }
        if (n + 1 == bytes)
            return wrong(toml, "a text of more than %zu bytes", bytes - 1);
        out[n++] = byte;
    }
    out[n] = '\0';
    if (n == 0 && peek(toml) == quote)
        return wrong(toml, "strings over several lines are not read");
    return 0;
}

static bool is_bare(int c)
{
    return c >= 0 && (isalnum(c) || c == '_' || c == '-');
}

static int read_key(struct toml *toml, char *out, size_t bytes)
{
    skip_blanks(toml);
    if (peek(toml) == '"' || peek(toml) == '\'')
        return read_string(toml, out, bytes);
    size_t n = 0;
    while (is_bare(peek(toml))) {
        if (n + 1 == bytes)
            return wrong(toml, "a name of more than %zu bytes", bytes - 1);
        out[n++] = (char)take(toml);
    }
    out[n] = '\0';
    skip_blanks(toml);
    if (peek(toml) == '.')
        return wrong(toml, "dotted names are not read");
    return n ? 0 : wrong(toml, "a name was expected");
}

/* ---- values ---------------------------------------------------------------------------------- */

static int read_word(struct toml *toml, char *out, size_t bytes)
{
    size_t n = 0;
    for (int c = peek(toml); is_bare(c) || c == '+' || c == '.' || c == ':'; c = peek(toml)) {
        take(toml);
        if (c == '_')
            continue;
        if (n + 1 == bytes)
            return wrong(toml, "a number of more than %zu bytes", bytes - 1);
        out[n++] = (char)c;
    }
    out[n] = '\0';
    return n ? 0 : wrong(toml, "a value was expected");
}

static int read_number(struct toml *toml, const char *word, struct toml_item *item)
{
    char *end;
    item->kind = TOML_NUMBER;
    item->number = strtod(word, &end);
    item->is_integer = strpbrk(word, ".eExX") == NULL;
    if (*end == '\0' && isfinite(item->number) && strpbrk(word, "xXpP") == NULL)
        return 0;
    return wrong(toml, "\"%.40s\" is no value: a text needs quotes, a span too (\"8ms\")", word);
}

static int append(struct toml_item *item, double number)
{
    if ((item->count & (item->count - 1)) == 0) { /* a power of two, or nothing yet */
        size_t room = item->count ? 2 * (size_t)item->count : 1;
        double *more = realloc(item->numbers, room * sizeof(*more));
        if (!more)
            return BASE_ENOMEM;
        item->numbers = more;
    }
    item->numbers[item->count++] = number;
    return 0;
}

static int read_array(struct toml *toml, struct toml_item *item)
{
    char word[64];
    take(toml);
    item->kind = TOML_ARRAY;
    for (;;) {
        skip_space(toml, true);
        if (peek(toml) == ']')
            break;
        struct toml_item element = {0};
        int r = read_word(toml, word, sizeof(word));
        if (r == 0)
            r = read_number(toml, word, &element);
        if (r == 0 && item->count == TOML_ARRAY_ITEMS)
            r = wrong(toml, "more than %d numbers in a list", TOML_ARRAY_ITEMS);
        if (r == 0)
            r = append(item, element.number);
        if (r < 0)
            return r;
        skip_space(toml, true);
        if (peek(toml) == ',')
            take(toml);
        else if (peek(toml) != ']')
            return wrong(toml, "a comma or ] was expected in the list");
    }
    take(toml);
    return 0;
}

static int read_value(struct toml *toml, struct toml_item *item)
{
    char word[64];
    skip_blanks(toml);
    int c = peek(toml);
    if (c == '"' || c == '\'') {
        item->kind = TOML_STRING;
        return read_string(toml, item->text, sizeof(item->text));
    }
    if (c == '[')
        return read_array(toml, item);
    if (c == '{')
        return wrong(toml, "inline tables are not read");
    int r = read_word(toml, word, sizeof(word));
    if (r < 0)
        return r;
    item->truth = strcmp(word, "true") == 0;
    if (item->truth || strcmp(word, "false") == 0) {
        item->kind = TOML_BOOL;
        return 0;
    }
    return read_number(toml, word, item);
}

/* ---- items ----------------------------------------------------------------------------------- */

static int read_table(struct toml *toml, struct toml_item *item)
{
    take(toml);
    item->kind = TOML_TABLE;
    if (peek(toml) == '[') {
        take(toml);
        item->kind = TOML_TABLES;
    }
    int r = read_key(toml, item->key, sizeof(item->key));
    skip_blanks(toml);
    for (int i = item->kind == TOML_TABLES ? 2 : 1; r == 0 && i > 0; i--)
        if (peek(toml) == ']')
            take(toml);
        else
            r = wrong(toml, "%s was expected", item->kind == TOML_TABLES ? "]]" : "]");
    return r;
}

static int read_pair(struct toml *toml, struct toml_item *item)
{
    int r = read_key(toml, item->key, sizeof(item->key));
    if (r < 0)
        return r;
    skip_blanks(toml);
    if (peek(toml) != '=')
        return wrong(toml, "= was expected after \"%s\"", item->key);
    take(toml);
    return read_value(toml, item);
}

void toml_init(struct toml *toml, struct base_slice text)
{
    *toml = (struct toml){.rest = text, .line = 1};
}

void toml_skip_line(struct toml *toml)
{
    while (peek(toml) >= 0 && take(toml) != '\n')
        ;
}

int toml_next(struct toml *toml, struct toml_item *ret_item)
{
    struct toml_item item = {0};
    skip_space(toml, true);
    item.line = toml->line;
    if (peek(toml) < 0) {
        item.kind = TOML_END;
        *ret_item = item;
        return 0;
    }
    int r = peek(toml) == '[' ? read_table(toml, &item) : read_pair(toml, &item);
    uint32_t line = toml->line;
    if (r == 0)
        r = end_line(toml);
    if (r < 0) {
        free(item.numbers);
        toml->line = line;
        return r;
    }
    *ret_item = item;
    return 0;
}
