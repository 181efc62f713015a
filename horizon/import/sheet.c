/* sheet.c - see sheet.h. Test: tests/unit/horizon/test_import.c, fuzz/fuzz_csv.c. */
#include "import/sheet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- rows ------------------------------------------------------------------------------------ */

static bool reserve(void **array, size_t *capacity, size_t needed, size_t bytes)
{
    if (needed <= *capacity)
        return true;
    size_t larger = *capacity ? 2 * *capacity : 256;
    larger = larger < needed ? needed : larger;
    void *moved = reallocarray(*array, larger, bytes);
    if (!moved)
        return false;
    *array = moved;
    *capacity = larger;
    return true;
}

static bool keep_row(struct sheet *sheet, const struct csv_row *row)
{
    size_t lines_capacity = sheet->row_capacity, begins_capacity = sheet->row_capacity;
    void *begins = sheet->begins, *lines = sheet->lines, *fields = sheet->fields;
    bool is_kept =
        reserve(&fields, &sheet->field_capacity, sheet->field_count + row->count, sizeof(char *));
    sheet->fields = fields;
    is_kept = is_kept && reserve(&begins, &begins_capacity, sheet->row_count + 2, sizeof(size_t));
    sheet->begins = begins;
    is_kept = is_kept && reserve(&lines, &lines_capacity, sheet->row_count + 2, sizeof(unsigned));
    sheet->lines = lines;
    if (!is_kept)
        return false;
    sheet->row_capacity = begins_capacity;
    memcpy(sheet->fields + sheet->field_count, row->fields, row->count * sizeof(char *));
    sheet->begins[sheet->row_count] = sheet->field_count;
    sheet->lines[sheet->row_count++] = row->line;
    sheet->field_count += row->count;
    sheet->begins[sheet->row_count] = sheet->field_count;
    return true;
}

/* The first column that may be called so; `column_count` when there is none. */
static size_t find_column(const struct sheet_column *columns, size_t column_count, const char *name)
{
    size_t column = 0;
    while (column < column_count && !import_header_is(name, columns[column].names))
        column++;
    return column;
}

static void complain_column(const struct sheet_naming *naming, const struct sheet_column *columns,
                            size_t column_count, struct import_problems *problems)
{
    char known[160] = "";
    size_t length = 0;
    for (size_t i = 0; i < column_count && length < sizeof(known); i++) {
        int name = (int)strcspn(columns[i].names, "|");
        length += (size_t)snprintf(known + length, sizeof(known) - length, "%s%.*s", i ? " " : "",
                                   name, columns[i].names);
    }
    import_complain(problems, 0, "--column %.20s=...: there is no such column, there are %s",
                    naming->column, known);
}

/* The columns that the caller has named; `is_taken` tells which headers they are. */
static void find_named(struct sheet *sheet, const struct csv_row *header,
                       const struct sheet_column *columns, size_t column_count,
                       const struct sheet_hints *hints, bool is_taken[CSV_FIELDS_MAX],
                       struct import_problems *problems)
{
    for (size_t i = 0; i < hints->naming_count; i++) {
        const struct sheet_naming *naming = &hints->namings[i];
        size_t column = find_column(columns, column_count, naming->column), field = 0;
        if (column == column_count) {
            complain_column(naming, columns, column_count, problems);
            continue;
        }
        while (field < header->count &&
               !import_headers_equal(header->fields[field], naming->header))
            field++;
        if (field == header->count)
            import_complain(problems, header->line,
                            "there is no column \"%.40s\", which --column says is %.20s; the first "
                            "one is \"%.40s\"",
                            naming->header, naming->column, header->fields[0]);
        else if (sheet->where[column] != SHEET_NONE || is_taken[field])
            import_complain(problems, 0, "--column %.20s=%.40s: column or header was named before",
                            naming->column, naming->header);
        else
            is_taken[sheet->where[column] = field] = true;
    }
}

/* Finds each column in the header. False: the header has none of them. */
static bool find_columns(struct sheet *sheet, const struct csv_row *header,
                         const struct sheet_column *columns, size_t column_count,
                         const struct sheet_hints *hints, struct import_problems *problems)
{
    size_t found = hints->naming_count;
    bool is_taken[CSV_FIELDS_MAX] = {false};
    for (size_t column = 0; column < SHEET_COLUMNS_MAX; column++)
        sheet->where[column] = SHEET_NONE;
    find_named(sheet, header, columns, column_count, hints, is_taken, problems);
    for (size_t column = 0; column < column_count; column++) {
        if (sheet->where[column] != SHEET_NONE)
            continue; /* named: what else looks like it is not meant */
        for (size_t i = 0; i < header->count; i++) {
            if (is_taken[i] || !import_header_is(header->fields[i], columns[column].names))
                continue;
            if (sheet->where[column] != SHEET_NONE)
                import_complain(problems, header->line,
                                "the columns \"%.40s\" and \"%.40s\" mean the same: delete one",
                                header->fields[sheet->where[column]], header->fields[i]);
            else
                found++;
            sheet->where[column] = i;
        }
    }
    return found > 0;
}

/* What all rows say about marks and dates. */
static void find_marks(struct sheet *sheet, const struct sheet_column *columns, size_t column_count,
                       char delimiter, const struct sheet_hints *hints)
{
    struct number_evidence evidence = {0};
    enum date_order order = DATE_UNKNOWN;
    for (size_t row = 0; row < sheet->row_count; row++) {
        for (size_t column = 0; column < column_count; column++) {
            if (columns[column].kind == SHEET_NUMBER)
                number_look(&evidence, sheet_text(sheet, row, column));
            else if (columns[column].kind == SHEET_DATE)
                order = date_look(order, sheet_text(sheet, row, column));
        }
    }
    sheet->mark = hints->decimal_mark ? hints->decimal_mark : number_mark(&evidence, delimiter);
    sheet->order = hints->order != DATE_UNKNOWN ? hints->order : order;
}

static bool read_rows(struct sheet *sheet, struct csv *csv, struct import_problems *problems)
{
    struct csv_row row;
    while (csv_next(csv, &row) && sheet->row_count < SHEET_ROWS_MAX)
        if (!keep_row(sheet, &row))
            return false;
    if (sheet->row_count == SHEET_ROWS_MAX)
        csv->refusal = "the file has more than 500000 rows: split it";
    if (csv->refusal)
        import_complain(problems, csv->line, "%s", csv->refusal);
    return true;
}

bool sheet_read(struct sheet *sheet, char *text, size_t bytes, const struct sheet_column *columns,
                size_t column_count, const struct sheet_hints *hints,
                struct import_problems *problems)
{
    struct csv csv;
    struct csv_row header;
    *sheet = (struct sheet){0};
    csv_begin(&csv, text, bytes);
    if (hints->delimiter)
        csv.delimiter = hints->delimiter;
    const char *guess = csv.refusal ? NULL : import_guess(csv.at);
    if (guess) {
        import_complain(problems, 0, "%s", guess);
        return true;
    }
    if (!csv_next(&csv, &header)) {
        import_complain(problems, csv.line, "%s", csv.refusal ? csv.refusal : "the file is empty");
        return true;
    }
    if (!find_columns(sheet, &header, columns, column_count, hints, problems)) {
        import_complain(problems, header.line,
                        "no column of the first line is known; it begins with \"%.60s\". A first "
                        "line with the columns' names is needed (--delimiter and --column tell "
                        "what they mean)",
                        header.fields[0]);
        return true;
    }
    if (!read_rows(sheet, &csv, problems)) {
        sheet_done(sheet);
        return false;
    }
    find_marks(sheet, columns, column_count, csv.delimiter, hints);
    if (sheet->order == DATE_MIXED)
        import_complain(problems, 0,
                        "some dates have the day first (17/11/2021), some the month (11/17/2021): "
                        "write all of them as 2021-11-17");
    return true;
}

void sheet_done(struct sheet *sheet)
{
    free(sheet->fields);
    free(sheet->begins);
    free(sheet->lines);
    *sheet = (struct sheet){0};
}

/* ---- fields ---------------------------------------------------------------------------------- */

bool sheet_has(const struct sheet *sheet, size_t column)
{
    return sheet->where[column] != SHEET_NONE;
}

const char *sheet_text(const struct sheet *sheet, size_t row, size_t column)
{
    size_t idx = sheet->where[column], begin = sheet->begins[row];
    return idx < sheet->begins[row + 1] - begin ? sheet->fields[begin + idx] : "";
}

bool sheet_number(const struct sheet *sheet, size_t row, size_t column, const char *what,
                  int decimals, bool *ret_is_there, int64_t *ret_scaled,
                  struct import_problems *problems)
{
    const char *text = sheet_text(sheet, row, column);
    *ret_is_there = !number_is_absent(text);
    if (!*ret_is_there || number_parse(text, sheet->mark, decimals, ret_scaled))
        return true;
    import_complain(
        problems, sheet->lines[row],
        "the %s \"%.40s\" is no number, or one too large (the decimal mark of this file "
        "is \"%c\")",
        what, text, sheet->mark);
    return false;
}

bool sheet_day(const struct sheet *sheet, size_t row, size_t column, day *ret_day,
               struct import_problems *problems)
{
    const char *text = sheet_text(sheet, row, column);
    switch (date_parse(text, sheet->order, ret_day)) {
    case DATE_OK:
        return true;
    case DATE_AMBIGUOUS:
        import_complain(problems, sheet->lines[row],
                        "the date \"%.40s\" can mean two days and no other date of the file says "
                        "which: give --dates dmy or --dates mdy",
                        text);
        return false;
    case DATE_NONE:
        break;
    }
    import_complain(
        problems, sheet->lines[row],
        *text ? "\"%.40s\" is no date of the years 1900 to 2199" : "the date is missing%s", text);
    return false;
}

bool sheet_text_is_valid(const char *text, size_t bytes)
{
    const unsigned char *at = (const unsigned char *)text;
    if (strnlen(text, bytes + 1) > bytes)
        return false;
    while (*at) {
        size_t more = *at < 0x80                  ? 0
                      : *at >= 0xC2 && *at < 0xE0 ? 1
                      : *at >= 0xE0 && *at < 0xF0 ? 2
                      : *at >= 0xF0 && *at < 0xF5 ? 3
                                                  : 4;
        if (more == 4 || *at < 0x20 || *at == 0x7F)
            return false;
        /* overlong, surrogates, beyond U+10FFFF */
        if ((*at == 0xE0 && at[1] < 0xA0) || (*at == 0xED && at[1] > 0x9F) ||
            (*at == 0xF0 && at[1] < 0x90) || (*at == 0xF4 && at[1] > 0x8F))
            return false;
        for (at++; more > 0; more--, at++)
            if ((*at & 0xC0) != 0x80)
                return false;
    }
    return true;
}
