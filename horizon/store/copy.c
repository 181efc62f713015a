/* copy.c - see copy.h. Test: tests/system/test_horizon_data.py. */
#include "store/copy.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLUSH_BYTES 65536

/* ---- a text that grows ----------------------------------------------------------------------- */

static bool reserve(struct store_buffer *buffer, size_t more)
{
    size_t needed = buffer->length + more + 1;
    if (needed <= buffer->capacity)
        return true;
    size_t capacity = buffer->capacity ? 2 * buffer->capacity : 1024;
    capacity = capacity < needed ? needed : capacity;
    char *larger = realloc(buffer->text, capacity);
    if (!larger) {
        buffer->is_failed = true;
        return false;
    }
    buffer->text = larger;
    buffer->capacity = capacity;
    return true;
}

static void add_bytes(struct store_buffer *buffer, const char *bytes, size_t count)
{
    if (buffer->is_failed || !reserve(buffer, count))
        return;
    memcpy(buffer->text + buffer->length, bytes, count);
    buffer->length += count;
    buffer->text[buffer->length] = '\0';
}

void store_buffer_add(struct store_buffer *buffer, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof(text))
        buffer->is_failed = true;
    else
        add_bytes(buffer, text, (size_t)length);
}

void store_buffer_done(struct store_buffer *buffer)
{
    free(buffer->text);
    *buffer = (struct store_buffer){0};
}

/* ---- fields ---------------------------------------------------------------------------------- */

void store_copy_begin(struct store_copy *copy, PGconn *conn, const char *statement)
{
    *copy = (struct store_copy){.conn = conn};
    copy->status = store_run(conn, statement, &copy->problem);
    copy->is_begun = copy->status == STORE_OK;
}

static void separate(struct store_copy *copy)
{
    if (copy->has_field)
        add_bytes(&copy->row, "\t", 1);
    copy->has_field = true;
}

void store_copy_text(struct store_copy *copy, const char *text)
{
    separate(copy);
    if (!text) {
        add_bytes(&copy->row, "\\N", 2);
        return;
    }
    for (; *text; text++) {
        const char *escaped = *text == '\t'   ? "\\t"
                              : *text == '\n' ? "\\n"
                              : *text == '\r' ? "\\r"
                              : *text == '\\' ? "\\\\"
                                              : NULL;
        add_bytes(&copy->row, escaped ? escaped : text, escaped ? 2 : 1);
    }
}

void store_copy_integer(struct store_copy *copy, int64_t value)
{
    separate(copy);
    store_buffer_add(&copy->row, "%" PRId64, value);
}

void store_copy_day(struct store_copy *copy, day when)
{
    char text[DAY_TEXT_BYTES];
    store_copy_text(copy, when == DAY_NONE ? NULL : day_format(when, text));
}

void store_copy_decimal(struct store_copy *copy, double value, int decimals)
{
    if (!isfinite(value)) {
        store_copy_text(copy, NULL);
        return;
    }
    separate(copy);
    store_buffer_add(&copy->row, "%.*f", decimals, value);
}

void store_copy_double(struct store_copy *copy, double value)
{
    if (!isfinite(value)) {
        store_copy_text(copy, NULL);
        return;
    }
    separate(copy);
    store_buffer_add(&copy->row, "%.17g", value);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void flush(struct store_copy *copy)
{
    if (copy->status == STORE_OK && copy->row.length > 0 &&
        PQputCopyData(copy->conn, copy->row.text, (int)copy->row.length) != 1)
        copy->status = store_fail_query(&copy->problem, copy->conn, NULL);
    copy->row.length = 0;
}

void store_copy_row(struct store_copy *copy)
{
    add_bytes(&copy->row, "\n", 1);
    copy->has_field = false;
    if (copy->row.is_failed && copy->status == STORE_OK)
        copy->status = store_fail(&copy->problem, STORE_ENOMEM, "out of memory");
    if (copy->row.length > FLUSH_BYTES)
        flush(copy);
}

/* Reads COPY's own end, so that the connection is idle again. */
static void finish(struct store_copy *copy)
{
    PGresult *result;
    const char *stop = copy->status == STORE_OK ? NULL : "the program gave up";
    if (PQputCopyEnd(copy->conn, stop) != 1 && copy->status == STORE_OK)
        copy->status = store_fail_query(&copy->problem, copy->conn, NULL);
    while ((result = PQgetResult(copy->conn))) {
        if (PQresultStatus(result) != PGRES_COMMAND_OK && copy->status == STORE_OK)
            copy->status = store_fail_query(&copy->problem, copy->conn, result);
        PQclear(result);
    }
}

int store_copy_end(struct store_copy *copy, struct store_problem *problem)
{
    flush(copy);
    if (copy->is_begun)
        finish(copy);
    store_buffer_done(&copy->row);
    if (copy->status != STORE_OK && problem)
        *problem = copy->problem;
    return copy->status;
}
