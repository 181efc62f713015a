/* csv.c - see csv.h. Test: tests/unit/horizon/test_csv.c, fuzz/fuzz_csv.c. */
#include "import/csv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char delimiters[] = ",;\t|";

/* ---- rows ------------------------------------------------------------------------------------ */

/* The delimiter that the first line has most of, outside quotes. */
static char find_delimiter(const char *text, const char *end)
{
    size_t counts[sizeof(delimiters)] = {0}, best = 0;
    bool is_quoted = false;
    for (; text < end && ((*text != '\n' && *text != '\r') || is_quoted); text++) {
        const char *found = *text ? strchr(delimiters, *text) : NULL;
        if (*text == '"')
            is_quoted = !is_quoted;
        else if (found && !is_quoted)
            counts[found - delimiters]++;
    }
    for (size_t i = 1; i < sizeof(delimiters) - 1; i++)
        if (counts[i] > counts[best])
            best = i;
    return delimiters[best];
}

void csv_begin(struct csv *csv, char *text, size_t bytes)
{
    *csv = (struct csv){.at = text, .end = text + bytes, .line = 1};
    *csv->end = '\0';
    if (bytes >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        csv->at += 3;
    if (bytes >= 2 && (memcmp(text, "\xFF\xFE", 2) == 0 || memcmp(text, "\xFE\xFF", 2) == 0))
        csv->refusal = "the file is UTF-16: save it as UTF-8 text";
    else if (memchr(text, '\0', bytes))
        csv->refusal = "the file has zero bytes: it is no text";
    if (csv->refusal)
        csv->at = csv->end;
    csv->delimiter = find_delimiter(csv->at, csv->end);
}

/* Steps over a line end, when there is one. */
static bool skip_line_end(struct csv *csv)
{
    if (csv->at < csv->end && csv->at[0] == '\r')
        csv->at += csv->at[1] == '\n' ? 2 : 1;
    else if (csv->at < csv->end && csv->at[0] == '\n')
        csv->at++;
    else
        return false;
    csv->line++;
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* A quoted field, from its first quote to after its last one. False: it never ends. */
static bool cut_quoted(struct csv *csv, char **ret_field)
{
    char *out = ++csv->at, *field = out;
    for (;; csv->at++) {
        if (csv->at == csv->end)
            return false;
        if (*csv->at == '"' && csv->at[1] != '"')
            break;
        if (*csv->at == '"')
            csv->at++;
        else if (*csv->at == '\n' || (*csv->at == '\r' && csv->at[1] != '\n'))
            csv->line++;
        *out++ = *csv->at;
    }
    csv->at++;
    *out = '\0'; /* at the closing quote or before it */
    *ret_field = field;
    return true;
}

/* What stands until the delimiter or line end. Its end is marked by the caller, who still has to
 * look at the byte there. */
static char *cut_plain(struct csv *csv, char **ret_end)
{
    while (csv->at < csv->end && is_blank(*csv->at) && *csv->at != csv->delimiter)
        csv->at++;
    char *field = csv->at;
    while (csv->at < csv->end && *csv->at != csv->delimiter && *csv->at != '\n' && *csv->at != '\r')
        csv->at++;
    char *end = csv->at;
    while (end > field && is_blank(end[-1]))
        end--;
    *ret_end = end;
    return field;
}

/* One field. True when another one follows in the row. */
static bool cut_field(struct csv *csv, struct csv_row *row)
{
    char *field, *end = NULL;
    if (csv->at < csv->end && *csv->at == '"') {
        if (!cut_quoted(csv, &field)) {
            csv->refusal = "a quote is never closed";
            return false;
        }
        while (csv->at < csv->end && is_blank(*csv->at) && *csv->at != csv->delimiter)
            csv->at++;
    } else {
        field = cut_plain(csv, &end);
    }
    if (row->count == CSV_FIELDS_MAX) {
        csv->refusal = "a row has more than 64 fields";
        return false;
    }
    row->fields[row->count++] = field;
    bool is_more = csv->at < csv->end && *csv->at == csv->delimiter;
    if (is_more)
        csv->at++;
    else if (!skip_line_end(csv) && csv->at < csv->end)
        csv->refusal = "text follows a closing quote";
    if (end)
        *end = '\0';
    return is_more && !csv->refusal;
}

bool csv_next(struct csv *csv, struct csv_row *ret_row)
{
    while (csv->at < csv->end && !csv->refusal) {
        *ret_row = (struct csv_row){.line = csv->line};
        while (cut_field(csv, ret_row))
            ;
        if (csv->refusal) {
            csv->line = ret_row->line;
            return false;
        }
        if (ret_row->count > 1 || ret_row->fields[0][0] != '\0')
            return true;
    }
    return false;
}

const char *csv_field(const struct csv_row *row, size_t idx)
{
    return idx < row->count ? row->fields[idx] : "";
}

/* ---- what is wrong with a file ----------------------------------------------------------------
 */

void import_complain(struct import_problems *problems, unsigned line, const char *format, ...)
{
    if (problems->count < IMPORT_PROBLEMS_KEPT) {
        struct import_problem *problem = &problems->kept[problems->count];
        va_list arguments;
        problem->line = line;
        va_start(arguments, format);
        vsnprintf(problem->text, sizeof(problem->text), format, arguments);
        va_end(arguments);
        for (char *at = problem->text; *at; at++)
            if ((unsigned char)*at < ' ' || *at == '\x7F')
                *at = '?'; /* what the file says goes to a terminal */
    }
    problems->count++;
}

/* ---- headers --------------------------------------------------------------------------------- */

/* The letter of Polish that is written with these two bytes of UTF-8, without its accent; 0 when it
 * is none. */
static char plain_letter(const char *text)
{
    static const struct {
        char bytes[3], letter;
    } letters[] = {{"\xC4\x85", 'a'}, {"\xC4\x87", 'c'}, {"\xC4\x99", 'e'},
                   {"\xC5\x82", 'l'}, {"\xC5\x84", 'n'}, {"\xC3\xB3", 'o'},
                   {"\xC5\x9B", 's'}, {"\xC5\xBA", 'z'}, {"\xC5\xBC", 'z'}};
    for (size_t i = 0; i < sizeof(letters) / sizeof(*letters); i++)
        if (memcmp(text, letters[i].bytes, 2) == 0)
            return letters[i].letter;
    return 0;
}

/* Writes the header without what does not count. */
static void simplify(const char *header, char *out, size_t bytes)
{
    size_t length = 0;
    for (; *header && length + 1 < bytes; header++) {
        char letter = (*header & '\x80') && header[1] ? plain_letter(header) : 0;
        if (letter) {
            out[length++] = letter;
            header++;
        } else if (*header >= 'A' && *header <= 'Z') {
            out[length++] = (char)(*header - 'A' + 'a');
        } else if (!strchr(" _-*<>", *header)) {
            out[length++] = *header;
        }
    }
    out[length] = '\0';
}

bool import_header_is(const char *header, const char *names)
{
    char simple[64];
    simplify(header, simple, sizeof(simple));
    size_t length = strlen(simple);
    while (*names) {
        size_t name = strcspn(names, "|");
        if (name == length && strncmp(names, simple, length) == 0)
            return true;
        names += name + (names[name] == '|');
    }
    return false;
}

bool import_headers_equal(const char *one, const char *other)
{
    char simple[64], same[64];
    simplify(one, simple, sizeof(simple));
    simplify(other, same, sizeof(same));
    return strcmp(simple, same) == 0;
}

const char *import_guess(const char *text)
{
    while (is_blank(*text) || *text == '\r' || *text == '\n')
        text++;
    if (*text == '\0')
        return "the file is empty";
    if (strncasecmp(text, "<!doctype", 9) == 0 || strncasecmp(text, "<html", 5) == 0 ||
        strncasecmp(text, "<head", 5) == 0 || strncasecmp(text, "<?xml", 5) == 0)
        return "this is a web page, not CSV: the provider answered with a page (a login, a consent "
               "or an error). Open the address in a browser and download the file there";
    if (strncasecmp(text, "exceeded the daily hits", 23) == 0 ||
        strncasecmp(text, "przekroczony dzienny", 20) == 0)
        return "the provider's daily quota is used up: download it again tomorrow";
    if (strncasecmp(text, "no data", 7) == 0 || strncasecmp(text, "brak danych", 11) == 0)
        return "the provider has no data for that symbol: check how it is written there";
    if (*text == '{' || *text == '[')
        return "this is JSON, not CSV";
    return NULL;
}
