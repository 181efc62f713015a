/* regex.h - regular expressions of auth_hba_file and auth_ident_file: PCRE2's, over bytes.
 *
 * Names from clients are matched, so the effort has a limit: an expression that backtracks without
 * end is given up, and has to be taken for whatever opens no door. `$` is the end, never the place
 * before a last newline. Compiled when asked: a login is rare and an expression short, and nothing
 * has to be freed with the table.
 * Test: tests/unit/config/test_regex.c.
 */
#ifndef CONFIG_REGEX_H
#define CONFIG_REGEX_H

#include <stdbool.h>

#include "base/slice.h"

#define CONFIG_REGEX_BYTES_MAX 1000

enum config_regex_result {
    CONFIG_REGEX_NO,
    CONFIG_REGEX_YES,
    CONFIG_REGEX_UNDECIDED, /* too much effort, or no memory */
};

/* Is it an expression? Otherwise `ret_why` says why not (cut at `why_bytes`). */
bool config_regex_check(const char *expression, char *ret_why, size_t why_bytes);

/* Does it match somewhere in `text`? */
enum config_regex_result config_regex_match(const char *expression, struct base_slice text);

/* May config_regex_part be asked with it? As config_regex_check. */
bool config_regex_part_check(const char *expression, char *ret_why, size_t why_bytes);

/* Does it match, and what did its first group match? `ret_part` has data NULL when it has none or
 * that took no part. PCRE2 takes the way to match that it finds first, PostgreSQL the longest, or
 * the shortest where the first quantifier is lazy: all ways from the same beginning are looked at.
 * UNDECIDED also where they leave the part open and the two need not agree: repeated groups,
 * alternatives, lazy quantifiers further on. */
enum config_regex_result config_regex_part(const char *expression, struct base_slice text,
                                           struct base_slice *ret_part);

#endif
