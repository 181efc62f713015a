/* hba_token.c - lines of auth_hba_file and auth_ident_file, split into words.
 *
 * PostgreSQL's rules: fields are separated by blanks, the words of a field by commas (blanks may
 * follow a comma); a word in double quotes is never a keyword, "" inside stands for one quote; #
 * begins a comment; a \ at the end of a line joins the next one; `include FILE` and
 * `include_if_exists FILE` stand for the lines of that file, and a word @FILE for the words of it.
 * Relative names are relative to the folder of the file they are written in.
 *
 * Invariants
 *   1. A file is never read inside itself, nor more than CONFIG_HBA_DEPTH_MAX deep.
 *   2. A line has at most CONFIG_HBA_TOKENS_MAX words, whatever its files hold.
 */
#include <stdlib.h>

#include "base/invariant.h"
#include "config/hba_internal.h"

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f' || c == '\n';
}

/* ---- words ---- */

static void token_add(struct config_hba_reader *reader, struct config_hba_tokens *tokens,
                      struct config_hba_token token)
{
    if (tokens->count == CONFIG_HBA_TOKENS_MAX) {
        config_hba_error(reader, "the line has more than %d words", CONFIG_HBA_TOKENS_MAX);
        tokens->count++; /* said once */
    }
    if (tokens->count > CONFIG_HBA_TOKENS_MAX)
        return;
    if (tokens->count == tokens->capacity) {
        uint32_t larger = tokens->capacity ? tokens->capacity * 2 : 32;
        void *grown = realloc(tokens->tokens, larger * sizeof(*tokens->tokens));

        if (grown == NULL) {
            reader->builder->is_out_of_memory = true;
            return;
        }
        tokens->tokens = grown;
        tokens->capacity = larger;
    }
    tokens->tokens[tokens->count++] = token;
}

/* How many bytes the word at the front has, quotes included; 0 when a quote does not end. */
static size_t word_bytes(struct base_slice rest)
{
    bool in_quotes = false;
    size_t at = 0;

    for (; at < rest.bytes; at++) {
        uint8_t c = rest.data[at];

        if (c == '"')
            in_quotes = !in_quotes; /* "" inside ends and begins at once */
        else if (!in_quotes && (is_blank(c) || c == ',' || c == '#'))
            break;
    }
    return in_quotes ? 0 : at;
}

/* Takes one word off `rest`, which does not begin with a blank. Quotes may begin anywhere in it.
 * NULL (with an error) for a quote that does not end. */
static char *word_take(struct config_hba_reader *reader, struct base_slice *rest,
                       bool *ret_is_quoted)
{
    size_t bytes = word_bytes(*rest), used = 0;
    bool in_quotes = false;
    char *out;

    if (bytes == 0) {
        config_hba_error(reader, "a double quote does not end; \"\" inside stands for one quote");
        return NULL;
    }
    *ret_is_quoted = rest->data[0] == '"';
    out = config_hba_take(reader, bytes + 1);
    for (size_t at = 0; out != NULL && at < bytes; at++) {
        uint8_t c = rest->data[at];

        if (c != '"') {
            out[used++] = (char)c;
        } else if (in_quotes && at + 1 < bytes && rest->data[at + 1] == '"') {
            out[used++] = '"';
            at++;
        } else {
            in_quotes = !in_quotes;
        }
    }
    *rest = base_slice_skip(*rest, bytes);
    return out;
}

static void words_of_file(struct config_hba_reader *reader, struct config_hba_tokens *tokens,
                          const char *name, uint32_t field);

/* Adds the words of `rest` to the line; in an @file all of them to one field. */
static void words_add(struct config_hba_reader *reader, struct config_hba_tokens *tokens,
                      struct base_slice rest, bool is_file, uint32_t field)
{
    bool after_comma = true;

    while (rest.bytes > 0 && !reader->builder->is_out_of_memory) {
        bool is_quoted;
        char *word;

        if (is_blank(rest.data[0]) || rest.data[0] == ',') {
            after_comma = after_comma || rest.data[0] == ',';
            rest = base_slice_skip(rest, 1);
            continue;
        }
        if (rest.data[0] == '#') {
            const uint8_t *end = memchr(rest.data, '\n', rest.bytes);

            rest = base_slice_skip(rest, end ? (size_t)(end - rest.data) : rest.bytes);
            continue;
        }
        if (!after_comma && !is_file)
            field++;
        word = word_take(reader, &rest, &is_quoted);
        if (word == NULL)
            return;
        after_comma = false;
        if (word[0] == '@' && !is_quoted && word[1] != '\0')
            words_of_file(reader, tokens, word + 1, field);
        else
            token_add(reader, tokens, (struct config_hba_token){word, is_quoted, field});
    }
    if (tokens->field_count < field + 1)
        tokens->field_count = field + 1;
}

/* ---- files ---- */

/* The file as it is opened: relative to the folder of the one being read. */
static const char *path_of(struct config_hba_reader *reader, const char *name)
{
    const char *from = reader->files[reader->depth - 1], *slash = strrchr(from, '/');
    size_t folder = name[0] == '/' || slash == NULL ? 0 : (size_t)(slash - from) + 1;
    char *path = config_hba_take(reader, folder + strlen(name) + 1);

    if (path == NULL)
        return NULL;
    memcpy(path, from, folder);
    memcpy(path + folder, name, strlen(name) + 1);
    return path;
}

/* What a reload compares: the names of the files count, and where one ends. */
static void note_text(struct config_hba_reader *reader, struct base_slice text)
{
    uint64_t hash = reader->hba->fingerprint;

    for (size_t i = 0; i < text.bytes; i++)
        hash = (hash ^ text.data[i]) * UINT64_C(1099511628211);
    reader->hba->fingerprint = (hash ^ 256) * UINT64_C(1099511628211);
}

/* False, with an error, when it cannot be read; `may_lack` leaves the error out. */
static bool file_open(struct config_hba_reader *reader, const char *path, bool may_lack,
                      struct base_slice *ret_text)
{
    const struct config_reader *files = reader->builder->reader;
    char why[256] = "";

    if (files == NULL || path == NULL || reader->depth > CONFIG_HBA_DEPTH_MAX) {
        if (path != NULL)
            config_hba_error(reader, "%s cannot be read here: files go at most %d deep", path,
                             CONFIG_HBA_DEPTH_MAX);
        return false;
    }
    for (unsigned i = 0; i < reader->depth; i++) {
        if (strcmp(reader->files[i], path) == 0) {
            config_hba_error(reader, "%s is read already: it would go in a circle", path);
            return false;
        }
    }
    if (files->read(files->context, path, ret_text, why, sizeof(why)) == BASE_OK)
        return true;
    if (!may_lack)
        config_hba_error(reader, "%s cannot be read: %s", path, why);
    return false;
}

static void words_of_file(struct config_hba_reader *reader, struct config_hba_tokens *tokens,
                          const char *name, uint32_t field)
{
    const char *path = path_of(reader, name);
    struct base_slice text;

    if (!file_open(reader, path, false, &text))
        return;
    reader->files[reader->depth++] = path;
    note_text(reader, text);
    if (memchr(text.data, '\0', text.bytes) != NULL)
        config_hba_error(reader, "%s has a zero byte: is it the right file?", path);
    else
        words_add(reader, tokens, text, true, field);
    reader->depth--;
    reader->builder->reader->release(reader->builder->reader->context, text);
}

typedef void each_line(struct config_hba_reader *reader, const struct config_hba_tokens *tokens);

/* Follows an include line; false when the line is none. */
static bool include(struct config_hba_reader *reader, const struct config_hba_tokens *tokens,
                    each_line *each)
{
    const struct config_hba_token *first = &tokens->tokens[0], *name;
    bool may_lack = strcmp(first->text, "include_if_exists") == 0;
    struct config_place place = reader->builder->place;
    struct base_slice text;
    const char *path;

    if (first->is_quoted || (!may_lack && strcmp(first->text, "include") != 0))
        return false;
    if (tokens->field_count != 2) {
        config_hba_error(reader, "%s needs the name of one file", first->text);
        return true;
    }
    name = config_hba_single(reader, tokens, 1, "file");
    path = name ? path_of(reader, name->text) : NULL;
    if (path != NULL && file_open(reader, path, may_lack, &text)) {
        config_hba_lines(reader, path, text, each);
        reader->builder->reader->release(reader->builder->reader->context, text);
        reader->builder->place = place;
    }
    return true;
}

/* ---- lines ---- */

/* How long the line at the front is, with what a \ at its end joins; without its line end. */
static size_t line_bytes(struct base_slice text, unsigned *ret_lines)
{
    size_t at = 0;

    *ret_lines = 0;
    for (;;) {
        const uint8_t *end = memchr(text.data + at, '\n', text.bytes - at);
        size_t stop = end ? (size_t)(end - text.data) : text.bytes;
        size_t last = stop > at && text.data[stop - 1] == '\r' ? stop - 1 : stop;

        ++*ret_lines;
        if (end == NULL || last == at || text.data[last - 1] != '\\')
            return stop;
        at = stop + 1;
    }
}

/* The line with the joints taken out; borrowed when it has none. */
static struct base_slice join(struct config_hba_reader *reader, struct base_slice line,
                              unsigned lines)
{
    char *out;
    size_t used = 0;

    if (lines < 2)
        return line;
    out = config_hba_take(reader, line.bytes + 1);
    for (size_t i = 0; out != NULL && i < line.bytes; i++) {
        size_t skip = line.data[i] != '\\'                                              ? 0
                      : i + 1 < line.bytes && line.data[i + 1] == '\n'                  ? 1
                      : i + 2 < line.bytes && memcmp(line.data + i + 1, "\r\n", 2) == 0 ? 2
                                                                                        : 0;

        if (skip == 0)
            out[used++] = (char)line.data[i];
        i += skip;
    }
    return base_slice_of(out, used);
}

void config_hba_lines(struct config_hba_reader *reader, const char *file, struct base_slice text,
                      each_line *each)
{
    unsigned line = 1, lines = 0;

    INVARIANT(reader->depth <= CONFIG_HBA_DEPTH_MAX);
    reader->files[reader->depth++] = file;
    note_text(reader, base_slice_text(file));
    note_text(reader, text);
    for (; text.bytes > 0 && !reader->builder->is_out_of_memory; line += lines) {
        size_t bytes = line_bytes(text, &lines);
        struct config_hba_tokens tokens = {0};
        struct base_slice whole = base_slice_of(text.data, bytes);
        uint32_t errors = reader->builder->errors->error_count + reader->builder->errors->dropped;

        text = base_slice_skip(text, bytes < text.bytes ? bytes + 1 : bytes);
        reader->builder->place = (struct config_place){file, line};
        if (memchr(whole.data, '\0', whole.bytes) != NULL)
            config_hba_error(reader, "the line has a zero byte: is this the right file?");
        else
            words_add(reader, &tokens, join(reader, whole, lines), false, 0);
        if (tokens.count > 0 &&
            errors == reader->builder->errors->error_count + reader->builder->errors->dropped &&
            !include(reader, &tokens, each))
            each(reader, &tokens);
        free(tokens.tokens);
    }
    reader->depth--;
}

const struct config_hba_token *config_hba_single(struct config_hba_reader *reader,
                                                 const struct config_hba_tokens *tokens,
                                                 uint32_t field, const char *what)
{
    const struct config_hba_token *found = NULL;

    for (uint32_t i = 0; i < tokens->count; i++) {
        if (tokens->tokens[i].field != field)
            continue;
        if (found != NULL) {
            config_hba_error(reader, "the %s is one word, not a list", what);
            return NULL;
        }
        found = &tokens->tokens[i];
    }
    if (found == NULL)
        config_hba_error(reader, "the line ends where its %s is expected", what);
    return found;
}
