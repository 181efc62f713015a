/* command.c - recognition of the few SQL commands that matter to a pooler.
 *
 * Not a parser of SQL: a scanner with PostgreSQL's rules for white space, comments and identifiers,
 * and the grammar of six commands. What is not exactly one of them is OTHER; a wrong OTHER costs a
 * little, a wrong DISCARD ALL would lose statements.
 *
 * Tests: tests/unit/wire/test_prepared.c, fuzz/fuzz_messages.c
 */
#include "wire/prepared.h"

/* PostgreSQL cuts longer identifiers (NAMEDATALEN); those are OTHER. */
#define IDENTIFIER_BYTES_MAX 63

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_QUOTED, TOKEN_SEMICOLON, TOKEN_COMMA, TOKEN_OTHER };

struct scanner {
    struct base_slice rest;
    enum token_kind kind; /* of the token in front */
    struct base_slice text;
};

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r' || byte == '\f';
}

static bool is_identifier_start(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' ||
           byte >= 0x80;
}

static bool is_identifier_part(uint8_t byte)
{
    return is_identifier_start(byte) || (byte >= '0' && byte <= '9') || byte == '$';
}

static bool has_pair(struct base_slice text, char first, char second)
{
    return text.bytes >= 2 && text.data[0] == (uint8_t)first && text.data[1] == (uint8_t)second;
}

/* After "--": up to the end of the line. */
static void skip_line(struct base_slice *text)
{
    while (text->bytes > 0 && text->data[0] != '\n' && text->data[0] != '\r') {
        *text = base_slice_skip(*text, 1);
    }
}

/* A C comment, which may hold others. False when it does not end. */
static bool skip_comment(struct base_slice *text)
{
    size_t depth = 0;
    do {
        if (has_pair(*text, '/', '*')) {
            depth++;
            *text = base_slice_skip(*text, 2);
        } else if (has_pair(*text, '*', '/')) {
            depth--;
            *text = base_slice_skip(*text, 2);
        } else if (text->bytes > 0) {
            *text = base_slice_skip(*text, 1);
        } else {
            return false;
        }
    } while (depth > 0);
    return true;
}

/* White space and comments. False at a comment that does not end. */
static bool skip_blank(struct base_slice *text)
{
    for (;;) {
        if (text->bytes > 0 && is_space(text->data[0])) {
            *text = base_slice_skip(*text, 1);
        } else if (has_pair(*text, '-', '-')) {
            skip_line(text);
        } else if (has_pair(*text, '/', '*')) {
            if (!skip_comment(text)) {
                return false;
            }
        } else {
            return true;
        }
    }
}

static void take(struct scanner *scanner, enum token_kind kind, size_t bytes)
{
    scanner->kind = kind;
    scanner->text = base_slice_of(scanner->rest.data, bytes);
    scanner->rest = base_slice_skip(scanner->rest, bytes);
}

static void take_word(struct scanner *scanner)
{
    size_t bytes = 1;
    while (bytes < scanner->rest.bytes && is_identifier_part(scanner->rest.data[bytes])) {
        bytes++;
    }
    take(scanner, TOKEN_WORD, bytes);
}

/* The identifier between double quotes, doubled ones left as they are. */
static void take_quoted(struct scanner *scanner)
{
    struct base_slice rest = scanner->rest;
    for (size_t i = 1; i < rest.bytes; i++) {
        if (rest.data[i] != '"') {
            continue;
        }
        if (i + 1 < rest.bytes && rest.data[i + 1] == '"') {
            i++;
            continue;
        }
        take(scanner, TOKEN_QUOTED, i + 1);
        scanner->text = base_slice_of(scanner->text.data + 1, i - 1);
        return;
    }
    take(scanner, TOKEN_OTHER, rest.bytes);
}

static void next(struct scanner *scanner)
{
    if (!skip_blank(&scanner->rest)) {
        scanner->kind = TOKEN_OTHER;
        return;
    }
    if (scanner->rest.bytes == 0) {
        scanner->kind = TOKEN_END;
        return;
    }
    uint8_t byte = scanner->rest.data[0];
    if (is_identifier_start(byte)) {
        take_word(scanner);
    } else if (byte == '"') {
        take_quoted(scanner);
    } else if (byte == ';') {
        take(scanner, TOKEN_SEMICOLON, 1);
    } else if (byte == ',') {
        take(scanner, TOKEN_COMMA, 1);
    } else {
        take(scanner, TOKEN_OTHER, 1);
    }
}

static uint8_t lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte - 'A' + 'a') : byte;
}

/* Whether the token in front is this keyword, which is in lower case. */
static bool is_keyword(const struct scanner *scanner, const char *keyword)
{
    if (scanner->kind != TOKEN_WORD || lower(scanner->text.data[0]) != (uint8_t)keyword[0]) {
        return false; /* most of them: every query is compared with every keyword */
    }
    size_t bytes = strlen(keyword);
    if (scanner->text.bytes != bytes) {
        return false;
    }
    for (size_t i = 1; i < bytes; i++) {
        if (lower(scanner->text.data[i]) != (uint8_t)keyword[i]) {
            return false;
        }
    }
    return true;
}

static bool accept(struct scanner *scanner, const char *keyword)
{
    if (!is_keyword(scanner, keyword)) {
        return false;
    }
    next(scanner);
    return true;
}

static bool is_mode_word(const struct scanner *scanner)
{
    static const char *const words[] = {
        "isolation",   "level",      "read",         "write", "only",       "committed",
        "uncommitted", "repeatable", "serializable", "not",   "deferrable",
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (is_keyword(scanner, words[i])) {
            return true;
        }
    }
    return false;
}

static void skip_modes(struct scanner *scanner)
{
    while (scanner->kind == TOKEN_COMMA || is_mode_word(scanner)) {
        next(scanner);
    }
}

static void skip_work(struct scanner *scanner)
{
    if (!accept(scanner, "work")) {
        (void)accept(scanner, "transaction");
    }
}

/* "AND NO CHAIN" says what is so anyway; "AND CHAIN" begins anew and is left, which is OTHER. */
static void skip_no_chain(struct scanner *scanner)
{
    struct scanner ahead = *scanner;
    if (accept(&ahead, "and") && accept(&ahead, "no") && accept(&ahead, "chain")) {
        *scanner = ahead;
    }
}

static struct wire_command take_deallocate(struct scanner *scanner)
{
    struct wire_command command = {.kind = WIRE_COMMAND_OTHER};
    struct scanner ahead = *scanner;
    /* A statement may be called "prepare": then nothing follows it. */
    if (accept(&ahead, "prepare") && (ahead.kind == TOKEN_WORD || ahead.kind == TOKEN_QUOTED)) {
        *scanner = ahead;
    }
    if (accept(scanner, "all")) {
        command.kind = WIRE_COMMAND_DEALLOCATE_ALL;
        return command;
    }
    bool is_name = scanner->kind == TOKEN_WORD || scanner->kind == TOKEN_QUOTED;
    if (is_name && scanner->text.bytes > 0 && scanner->text.bytes <= IDENTIFIER_BYTES_MAX) {
        command.kind = WIRE_COMMAND_DEALLOCATE;
        command.name = scanner->text;
        command.is_quoted = scanner->kind == TOKEN_QUOTED;
        next(scanner);
    }
    return command;
}

static enum wire_command_kind take_end(struct scanner *scanner, enum wire_command_kind kind)
{
    skip_work(scanner);
    skip_no_chain(scanner);
    return kind;
}

static enum wire_command_kind take_begin(struct scanner *scanner)
{
    skip_work(scanner);
    skip_modes(scanner);
    return WIRE_COMMAND_BEGIN;
}

/* Takes one command, as far as it goes; what is left behind it tells whether it is whole. */
static struct wire_command take_command(struct scanner *scanner)
{
    struct wire_command command = {.kind = WIRE_COMMAND_OTHER};
    if (accept(scanner, "deallocate")) {
        return take_deallocate(scanner);
    }
    if (accept(scanner, "begin")) {
        command.kind = take_begin(scanner);
    } else if (accept(scanner, "start")) {
        command.kind = is_keyword(scanner, "transaction") ? take_begin(scanner) : command.kind;
    } else if (accept(scanner, "commit") || accept(scanner, "end")) {
        command.kind = take_end(scanner, WIRE_COMMAND_COMMIT);
    } else if (accept(scanner, "rollback") || accept(scanner, "abort")) {
        command.kind = take_end(scanner, WIRE_COMMAND_ROLLBACK);
    } else if (accept(scanner, "discard")) {
        command.kind = accept(scanner, "all") ? WIRE_COMMAND_DISCARD_ALL : command.kind;
    } else if (accept(scanner, "reset")) {
        command.kind = accept(scanner, "all") ? WIRE_COMMAND_RESET_ALL : command.kind;
    }
    return command;
}

static void skip_semicolons(struct scanner *scanner)
{
    while (scanner->kind == TOKEN_SEMICOLON) {
        next(scanner);
    }
}

struct wire_command wire_command_of(struct base_slice query)
{
    struct scanner scanner = {.rest = query};
    next(&scanner);
    skip_semicolons(&scanner);
    if (scanner.kind == TOKEN_END) {
        return (struct wire_command){.kind = WIRE_COMMAND_EMPTY};
    }
    struct wire_command command = take_command(&scanner);
    skip_semicolons(&scanner);
    if (scanner.kind != TOKEN_END) {
        return (struct wire_command){.kind = WIRE_COMMAND_OTHER};
    }
    return command;
}

bool wire_command_names(const struct wire_command *command, struct base_slice statement)
{
    if (command->kind != WIRE_COMMAND_DEALLOCATE) {
        return false;
    }
    size_t at = 0;
    for (size_t i = 0; i < command->name.bytes; i++, at++) {
        uint8_t byte = command->name.data[i];
        if (command->is_quoted && byte == '"') {
            i++; /* the second of the two */
        } else if (!command->is_quoted) {
            byte = lower(byte);
        }
        if (at >= statement.bytes || statement.data[at] != byte) {
            return false;
        }
    }
    return at == statement.bytes;
}
