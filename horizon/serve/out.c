/* out.c - see out.h. */
#include "serve/out.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES    1024
#define RATIO_DECIMALS 8
#define NUMBER_BYTES   64

static void add(struct out *out, const char *bytes, size_t count)
{
    if (count > out->capacity - out->bytes) {
        size_t capacity = out->capacity ? out->capacity : FIRST_BYTES;
        while (count > capacity - out->bytes) {
            capacity *= 2;
        }
        char *text = out->is_failed ? NULL : realloc(out->text, capacity);
        if (!text) {
            out->is_failed = true;
            return;
        }
        out->text = text;
        out->capacity = capacity;
    }
    memcpy(out->text + out->bytes, bytes, count);
    out->bytes += count;
}

/* What comes before a value. */
static void begin(struct out *out)
{
    if (out->needs_comma) {
        add(out, ",", 1);
    }
    out->needs_comma = true;
    out->name = NULL;
}

void out_begin(struct out *out, char bracket)
{
    begin(out);
    add(out, &bracket, 1);
    out->needs_comma = false;
}

void out_end(struct out *out, char bracket)
{
    add(out, &bracket, 1);
    out->needs_comma = true;
}

static void add_string(struct out *out, const char *text)
{
    char escape[8];
    add(out, "\"", 1);
    while (*text) {
        size_t plain = 0;
        while ((unsigned char)text[plain] >= ' ' && text[plain] != '"' && text[plain] != '\\') {
            plain++;
        }
        add(out, text, plain);
        text += plain;
        if (*text) {
            snprintf(escape, sizeof(escape), "\\u%04x", (unsigned char)*text++);
            add(out, escape, 6);
        }
    }
    add(out, "\"", 1);
}

void out_name(struct out *out, const char *name)
{
    begin(out);
    add_string(out, name);
    add(out, ":", 1);
    out->needs_comma = false;
    out->name = name;
}

void out_open(struct out *out, struct out_nulls *nulls)
{
    out_begin(out, '{');
    *nulls = (struct out_nulls){.outer = out->nulls};
    out->nulls = nulls;
}

void out_close(struct out *out, out_why *why, const void *context)
{
    const struct out_nulls *nulls = out->nulls;
    out->nulls = nulls->outer;
    out_name(out, "reasons");
    out_begin(out, '{');
    for (size_t i = 0; i < nulls->count; i++) {
        out_name(out, nulls->names[i]);
        out_text(out, why(context, nulls->names[i]));
    }
    out_end(out, '}');
    out_end(out, '}');
}

void out_note_null(struct out *out, const char *name)
{
    if (!out->nulls || !name) {
        return;
    }
    if (out->nulls->count < OUT_NULLS_MAX) {
        out->nulls->names[out->nulls->count++] = name;
    } else {
        out->is_failed = true;
    }
}

void out_raw(struct out *out, const char *value)
{
    if (!value) {
        out_note_null(out, out->name);
    }
    begin(out);
    add(out, value ? value : "null", value ? strlen(value) : 4);
}

void out_text(struct out *out, const char *text)
{
    if (!text) {
        out_raw(out, NULL);
        return;
    }
    begin(out);
    add_string(out, text);
}

/* PostgreSQL writes numbers as JSON does, but for NaN and the infinities. */
static bool is_number(const char *text)
{
    text += *text == '-';
    return *text >= '0' && *text <= '9';
}

/* Length without zeros at the end of decimals: 440.00000000 is 440. */
static size_t trimmed(const char *text)
{
    size_t bytes = strlen(text);
    if (!strchr(text, '.') || strpbrk(text, "eE")) {
        return bytes;
    }
    while (text[bytes - 1] == '0') {
        bytes--;
    }
    return text[bytes - 1] == '.' ? bytes - 1 : bytes;
}

void out_literal(struct out *out, const char *text)
{
    if (!text || !is_number(text)) {
        out_raw(out, NULL);
        return;
    }
    begin(out);
    add(out, text, trimmed(text));
}

void out_ratio(struct out *out, const char *text)
{
    char number[NUMBER_BYTES];
    double value = text ? strtod(text, NULL) : NAN;
    if (!isfinite(value) || fabs(value) > 1e15) {
        out_raw(out, NULL);
        return;
    }
    snprintf(number, sizeof(number), "%.*f", RATIO_DECIMALS, value);
    size_t bytes = trimmed(number);
    number[bytes] = '\0';
    out_literal(out, strcmp(number, "-0") == 0 ? "0" : number);
}

void out_boolean(struct out *out, bool value)
{
    out_raw(out, value ? "true" : "false");
}

void out_member(struct out *out, const PGresult *result, int row, int column,
                const struct out_column *spec)
{
    const char *value = PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column);
    out_name(out, spec->name);
    switch (spec->kind) {
    case OUT_TEXT:
        out_text(out, value);
        break;
    case OUT_NUMBER:
        out_literal(out, value);
        break;
    case OUT_RATIO:
        out_ratio(out, value);
        break;
    case OUT_BOOLEAN:
        out_raw(out, !value ? NULL : value[0] == 't' ? "true" : "false");
        break;
    case OUT_RAW:
        out_raw(out, value);
        break;
    }
}

void out_columns(struct out *out, const PGresult *result, int row, int first,
                 const struct out_column *columns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        out_member(out, result, row, first + (int)i, &columns[i]);
    }
}
