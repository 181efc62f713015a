/* ident.c - the maps of auth_ident_file: which system user may log in as which database user.
 *
 *     MAP SYSTEM-USER DATABASE-USER
 *
 * A system user that begins with / is a PCRE2 regular expression; \1 in the database user
 * then stands for its first parenthesised part, as PostgreSQL would find it. The database user may
 * be `all`, or itself a regular expression. A word in double quotes is a plain name. Any line of a
 * map that fits is enough; but a line whose \1 has nothing to stand for, because its part took no
 * part or cannot be told (regex.h), ends the map, as it does in PostgreSQL. Test:
 * tests/unit/config/test_hba.c.
 */
#include <stdlib.h>

#include "config/hba_internal.h"
#include "config/regex.h"

static bool word_is_regex(const struct config_hba_token *token)
{
    return !token->is_quoted && token->text[0] == '/';
}

/* False, with an error, when the line cannot work. */
static bool line_check(struct config_hba_reader *reader, const struct config_ident_line *line)
{
    const char *sign = strstr(line->user, "\\1");

    if (line->system_is_regex && !config_hba_regex_check(reader, line->system, sign != NULL))
        return false;
    if (line->user_is_regex && !config_hba_regex_check(reader, line->user, false))
        return false;
    if (line->user[0] == '+' || (sign != NULL && strstr(sign + 1, "\\1") != NULL) ||
        (sign != NULL && line->user_is_regex)) {
        config_hba_error(reader,
                         "the database user %.60s is not served: write one name, all, or a "
                         "name with one \\1",
                         line->user);
        return false;
    }
    if (sign != NULL && (!line->system_is_regex || strchr(line->system, '(') == NULL)) {
        config_hba_error(reader,
                         "\\1 needs a system user /expression with a (part) in parentheses");
        return false;
    }
    return true;
}

static void line_add(struct config_hba_reader *reader, const struct config_ident_line *line)
{
    struct config_hba *hba = reader->hba;

    if (hba->line_count == CONFIG_HBA_RULES_MAX) {
        config_hba_error(reader, "more than %d lines", CONFIG_HBA_RULES_MAX);
        return;
    }
    if (hba->line_count == hba->line_capacity) {
        uint32_t larger = hba->line_capacity ? hba->line_capacity * 2 : 16;
        void *grown = realloc(hba->lines, larger * sizeof(*hba->lines));

        if (grown == NULL) {
            reader->builder->is_out_of_memory = true;
            return;
        }
        hba->lines = grown;
        hba->line_capacity = larger;
    }
    hba->lines[hba->line_count++] = *line;
}

static void line_read(struct config_hba_reader *reader, const struct config_hba_tokens *tokens)
{
    const struct config_hba_token *map, *system, *user;
    struct config_ident_line line;

    if (tokens->field_count != 3) {
        config_hba_error(reader, "a line has three words: map, system user, database user");
        return;
    }
    map = config_hba_single(reader, tokens, 0, "map");
    system = map ? config_hba_single(reader, tokens, 1, "system user") : NULL;
    user = system ? config_hba_single(reader, tokens, 2, "database user") : NULL;
    if (user == NULL)
        return;
    line = (struct config_ident_line){
        .map = map->text,
        .system = system->text + word_is_regex(system),
        .user = user->text + word_is_regex(user),
        .system_is_regex = word_is_regex(system),
        .user_is_regex = word_is_regex(user),
        .user_is_all = !user->is_quoted && strcmp(user->text, "all") == 0,
    };
    if (line_check(reader, &line))
        line_add(reader, &line);
}

void config_ident_read(struct config_hba_reader *reader, const char *file, struct base_slice text)
{
    config_hba_lines(reader, file, text, line_read);
}

/* ---- asking ---- */

/* Is `user` the pattern with \1 replaced by `part`? */
static bool is_replaced(const char *pattern, struct base_slice part, struct base_slice user)
{
    const char *sign = strstr(pattern, "\\1");
    size_t before = (size_t)(sign - pattern);

    if (user.bytes < before || user.bytes - before < part.bytes)
        return false;
    return base_slice_equal(base_slice_of(user.data, before), base_slice_of(pattern, before)) &&
           base_slice_equal(base_slice_of(user.data + before, part.bytes), part) &&
           base_slice_is(base_slice_skip(user, before + part.bytes), sign + 2);
}

enum verdict { GO_ON, ALLOW, REFUSE };

/* A line with \1. */
static enum verdict ask_part(const struct config_ident_line *line, struct base_slice system,
                             struct base_slice user)
{
    struct base_slice part;
    enum config_regex_result result = config_regex_part(line->system, system, &part);

    if (result == CONFIG_REGEX_NO)
        return GO_ON;
    if (result == CONFIG_REGEX_UNDECIDED || part.data == NULL)
        return REFUSE;
    return is_replaced(line->user, part, user) ? ALLOW : GO_ON;
}

static bool system_fits(const struct config_ident_line *line, struct base_slice system)
{
    return line->system_is_regex ? config_regex_match(line->system, system) == CONFIG_REGEX_YES
                                 : base_slice_is(system, line->system);
}

static bool user_fits(const struct config_ident_line *line, struct base_slice user)
{
    if (line->user_is_all)
        return true;
    return line->user_is_regex ? config_regex_match(line->user, user) == CONFIG_REGEX_YES
                               : base_slice_is(user, line->user);
}

static enum verdict ask(const struct config_ident_line *line, struct base_slice system,
                        struct base_slice user)
{
    if (strstr(line->user, "\\1"))
        return ask_part(line, system, user);
    return system_fits(line, system) && user_fits(line, user) ? ALLOW : GO_ON;
}

bool config_ident_allows(const struct config_hba *hba, const char *map, struct base_slice system,
                         struct base_slice user)
{
    if (map[0] == '\0')
        return system.bytes > 0 && base_slice_equal(system, user);
    enum verdict verdict = GO_ON;
    for (uint32_t i = 0; hba != NULL && verdict == GO_ON && i < hba->line_count; i++) {
        if (strcmp(hba->lines[i].map, map) == 0)
            verdict = ask(&hba->lines[i], system, user);
    }
    return verdict == ALLOW;
}
