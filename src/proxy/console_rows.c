/* console_rows.c - typed values to DataRow, in the format the client asked for.
 *
 * asyncpg and JDBC ask for binary results of numbers, psql and psycopg for text; both are served.
 * Binary forms (PostgreSQL's int4send, int8send, numeric_send): int4 and int8 big-endian; numeric
 * as digits to the base 10000 with their count, the weight of the first, sign 0 and scale 0.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/invariant.h"
#include "proxy/console.h"

#define OID_NUMERIC 1700

static uint16_t format_of(const struct console_formats *formats, uint32_t column)
{
    if (!formats || formats->count == 0) {
        return 0;
    }
    return formats->format[formats->count == 1 ? 0 : column];
}

static void put_column(struct wire_out *out, const struct console_column *column, uint16_t format)
{
    static const struct {
        uint32_t oid;
        uint16_t bytes;
    } types[] = {
        [CONSOLE_INT4] = {WIRE_OID_INT4, 4},
        [CONSOLE_INT8] = {WIRE_OID_INT8, 8},
        [CONSOLE_NUMERIC] = {OID_NUMERIC, UINT16_MAX},
        [CONSOLE_TEXT] = {WIRE_OID_TEXT, UINT16_MAX},
    };
    wire_out_cstring(out, base_slice_text(column->name));
    wire_out_u32(out, 0); /* no table, */
    wire_out_u16(out, 0); /* no attribute */
    wire_out_u32(out, types[column->type].oid);
    wire_out_u16(out, types[column->type].bytes);
    wire_out_u32(out, UINT32_MAX); /* no type modifier */
    wire_out_u16(out, format);
}

void console_rows_description(struct wire_out *out, const struct console_column *columns,
                              uint32_t column_count, const struct console_formats *formats)
{
    size_t mark = wire_out_begin(out, WIRE_BACKEND_ROW_DESCRIPTION);
    wire_out_u16(out, (uint16_t)column_count);
    for (uint32_t i = 0; i < column_count; i++) {
        put_column(out, &columns[i], format_of(formats, i));
    }
    wire_out_end(out, mark);
}

static void put_value(struct console_rows *rows, struct base_slice value)
{
    INVARIANT(rows->at < rows->column_count);
    rows->values[rows->at++] = value;
    if (rows->at == rows->column_count) {
        wire_data_row_put(rows->out, rows->values, rows->column_count);
        rows->at = 0;
        rows->row_count++;
        rows->scratch_used = 0;
    }
}

void console_put_slice(struct console_rows *rows, struct base_slice text)
{
    put_value(rows, text.data ? text : base_slice_of("", 0));
}

void console_put_text(struct console_rows *rows, const char *text)
{
    put_value(rows, base_slice_text(text));
}

void console_put_null(struct console_rows *rows)
{
    put_value(rows, base_slice_of(NULL, 0));
}

/* Room for `bytes` until the row is written; what does not fit is cut. */
static uint8_t *scratch(struct console_rows *rows, size_t *bytes)
{
    size_t left = sizeof(rows->scratch) - rows->scratch_used;
    *bytes = *bytes < left ? *bytes : left;
    uint8_t *place = rows->scratch + rows->scratch_used;
    rows->scratch_used += *bytes;
    return place;
}

void console_put_copy(struct console_rows *rows, const char *text)
{
    size_t bytes = strlen(text);
    uint8_t *place = scratch(rows, &bytes);
    memcpy(place, text, bytes);
    put_value(rows, base_slice_of(place, bytes));
}

/* Big-endian, `bytes` long. */
static void put_binary(struct console_rows *rows, uint64_t number, size_t bytes)
{
    uint8_t *place = scratch(rows, &bytes);
    for (size_t i = 0; i < bytes; i++) {
        place[i] = (uint8_t)(number >> (8 * (bytes - 1 - i)));
    }
    put_value(rows, base_slice_of(place, bytes));
}

static void put_binary_numeric(struct console_rows *rows, uint64_t number)
{
    uint16_t digits[5];
    uint16_t count = 0;
    for (; number > 0; number /= 10000) {
        digits[count++] = (uint16_t)(number % 10000);
    }
    uint16_t words[9] = {count, count > 0 ? (uint16_t)(count - 1) : 0, 0, 0};
    for (uint16_t i = 0; i < count; i++) {
        words[4 + i] = digits[count - 1 - i];
    }
    size_t bytes = (4u + count) * 2u;
    uint8_t *place = scratch(rows, &bytes);
    for (size_t i = 0; i < bytes; i++) {
        place[i] = (uint8_t)(words[i / 2] >> (i % 2 ? 0 : 8));
    }
    put_value(rows, base_slice_of(place, bytes));
}

void console_put_number(struct console_rows *rows, uint64_t number)
{
    INVARIANT(rows->at < rows->column_count);
    enum console_type type = rows->columns[rows->at].type;
    if (type == CONSOLE_INT4 && number > INT32_MAX) {
        number = INT32_MAX;
    } else if (type == CONSOLE_INT8 && number > INT64_MAX) {
        number = INT64_MAX;
    }
    if (type != CONSOLE_TEXT && format_of(rows->formats, rows->at) == 1) {
        if (type == CONSOLE_NUMERIC) {
            put_binary_numeric(rows, number);
        } else {
            put_binary(rows, number, type == CONSOLE_INT4 ? 4 : 8);
        }
        return;
    }
    char text[24];
    snprintf(text, sizeof(text), "%" PRIu64, number);
    console_put_copy(rows, text);
}

void console_put_wait(struct console_rows *rows, base_time span)
{
    console_put_number(rows, span / BASE_SECOND);
    console_put_number(rows, span % BASE_SECOND / BASE_US);
}

void console_put_us(struct console_rows *rows, base_time span)
{
    console_put_number(rows, span / BASE_US);
}

void console_put_moment(struct console_rows *rows, base_time moment)
{
    const struct proxy *proxy = rows->proxy;
    uint64_t us = proxy->started_wall_us + base_time_since(moment, proxy->started_at) / BASE_US;
    time_t seconds = (time_t)(us / 1000000);
    struct tm parts = {0};
    gmtime_r(&seconds, &parts);
    char text[64];
    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &parts);
    console_put_copy(rows, text);
}
