/* regex.c - PCRE2 with limits. */
#include "config/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <string.h>

#include "base/invariant.h"

/* Steps and KiB of one match; a name has a few hundred bytes at most. */
#define STEPS_MAX  200000
#define DEPTH_MAX  10000
#define MEMORY_MAX 1024

#define OPTIONS (PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C)

/* Behind an expression, to be asked at each way to match. */
#define CALLOUT                  255
#define CALLOUT_TEXT             "(?C255)"
#define WITH_CALLOUT(expression) "(?:%s)" CALLOUT_TEXT, expression
#define WRAPPED_BYTES_MAX        (CONFIG_REGEX_BYTES_MAX + sizeof("(?:)" CALLOUT_TEXT))

static pcre2_code *compile(const char *expression, uint32_t more, int *ret_error, size_t *ret_at)
{
    return pcre2_compile((PCRE2_SPTR)expression, PCRE2_ZERO_TERMINATED, OPTIONS | more, ret_error,
                         ret_at, NULL);
}

static bool check(const char *expression, char *ret_why, size_t why_bytes)
{
    int error;
    size_t at;
    PCRE2_UCHAR text[160] = "";
    pcre2_code *code = compile(expression, 0, &error, &at);
    if (!code) {
        (void)pcre2_get_error_message(error, text, sizeof(text));
        snprintf(ret_why, why_bytes, "%s, at byte %zu", (const char *)text, at + 1);
        return false;
    }
    pcre2_code_free(code);
    return true;
}

bool config_regex_check(const char *expression, char *ret_why, size_t why_bytes)
{
    if (strlen(expression) > CONFIG_REGEX_BYTES_MAX) {
        snprintf(ret_why, why_bytes, "it is longer than %d bytes", CONFIG_REGEX_BYTES_MAX);
        return false;
    }
    return check(expression, ret_why, why_bytes);
}

bool config_regex_part_check(const char *expression, char *ret_why, size_t why_bytes)
{
    char wrapped[WRAPPED_BYTES_MAX];
    if (!config_regex_check(expression, ret_why, why_bytes)) {
        return false;
    }
    snprintf(wrapped, sizeof(wrapped), WITH_CALLOUT(expression));
    return check(wrapped, ret_why, why_bytes);
}

static pcre2_match_context *limits_new(void)
{
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    if (limits) {
        pcre2_set_match_limit(limits, STEPS_MAX);
        pcre2_set_depth_limit(limits, DEPTH_MAX);
        pcre2_set_heap_limit(limits, MEMORY_MAX);
    }
    return limits;
}

/* The ways to match that reach as far, all from the same place. */
struct reach {
    size_t end;
    bool is_unclear; /* they differ in the part */
    struct base_slice part;
};

/* What was seen of all ways to match from the first place where there is one. */
struct ways {
    bool is_any;
    bool is_mixed; /* they differ in the part */
    size_t begin;
    struct reach shortest, longest;
};

/* Runs pcre2_match; with `ways`, every way is put there and the result is PCRE2_ERROR_NOMATCH. */
static int run(const char *expression, struct base_slice text, uint32_t more, struct ways *ways,
               int (*each)(pcre2_callout_block *, void *))
{
    static const uint8_t nothing[1];
    int error;
    size_t at;
    text = text.data ? text : base_slice_of(nothing, 0);
    pcre2_code *code = compile(expression, more, &error, &at);
    pcre2_match_data *found = code ? pcre2_match_data_create_from_pattern(code, NULL) : NULL;
    pcre2_match_context *limits = found ? limits_new() : NULL;
    if (limits && each) {
        pcre2_set_callout(limits, each, ways);
    }
    int count = limits ? pcre2_match(code, text.data, text.bytes, 0, 0, found, limits)
                       : PCRE2_ERROR_NOMEMORY;
    pcre2_match_context_free(limits);
    pcre2_match_data_free(found);
    pcre2_code_free(code);
    return count;
}

enum config_regex_result config_regex_match(const char *expression, struct base_slice text)
{
    int count = run(expression, text, 0, NULL, NULL);
    return count >= 0                     ? CONFIG_REGEX_YES
           : count == PCRE2_ERROR_NOMATCH ? CONFIG_REGEX_NO
                                          : CONFIG_REGEX_UNDECIDED;
}

/* ---- the first group ---- */

static bool is_same_part(struct base_slice a, struct base_slice b)
{
    return a.data == b.data && a.bytes == b.bytes;
}

static void note_reach(struct reach *reach, bool is_better, size_t end, struct base_slice part)
{
    if (is_better) {
        *reach = (struct reach){.end = end, .part = part};
    } else if (end == reach->end && !is_same_part(part, reach->part)) {
        reach->is_unclear = true;
    }
}

static int note_way(pcre2_callout_block *block, void *arg)
{
    enum { GO_ON = 0, TRY_ANOTHER = 1 };
    struct ways *ways = arg;
    const size_t *groups = block->offset_vector;
    size_t end = block->current_position;
    struct base_slice part = {0};
    if (block->callout_number != CALLOUT) {
        return GO_ON; /* the expression's own */
    }
    if (ways->is_any && block->start_match != ways->begin) {
        return PCRE2_ERROR_NOMATCH;
    }
    if (block->capture_top > 1 && groups[2] != PCRE2_UNSET && groups[2] <= groups[3]) {
        part = base_slice_of(block->subject + groups[2], groups[3] - groups[2]);
    }
    ways->is_mixed = ways->is_any && (ways->is_mixed || !is_same_part(part, ways->longest.part));
    note_reach(&ways->shortest, !ways->is_any || end < ways->shortest.end, end, part);
    note_reach(&ways->longest, !ways->is_any || end > ways->longest.end, end, part);
    ways->is_any = true;
    ways->begin = block->start_match;
    return TRY_ANOTHER;
}

/* Is one of the signs, which end with "", in it? */
static bool has_any(const char *expression, const char *const signs[])
{
    while (signs[0][0] && !strstr(expression, signs[0])) {
        signs++;
    }
    return signs[0][0];
}

/* Behind the bracket expression that begins at `at`. */
static const char *skip_brackets(const char *at)
{
    at += at[1] == '^' ? 2 : 1;
    at += *at == ']';
    while (*at && *at != ']') {
        const char *end = at[0] == '[' && at[1] == ':' ? strstr(at, ":]") : NULL;
        at = end ? end + 2 : at + (at[0] == '\\' && at[1] ? 2 : 1);
    }
    return at + (*at == ']');
}

/* Does the first quantifier take as little as it can? For PostgreSQL the whole expression does then
 * (Regular Expression Matching Rules), where there are no alternatives and no bounds. */
static bool is_lazy_from_the_start(const char *expression)
{
    const char *at = expression;
    while (*at && !strchr("*+?", *at)) {
        at = *at == '[' ? skip_brackets(at) : at + (at[0] == '\\' && at[1] ? 2 : 1);
    }
    return *at && at[1] == '?' && !strchr(expression, '{');
}

/* The part, where the ways differ in it, that PostgreSQL would take; NULL: it cannot be told.
 *
 * PostgreSQL takes the longest way, or the shortest when its first quantifier is lazy. Of ways that
 * reach as far PCRE2 finds first the one whose earlier parts are the longest, as PostgreSQL wants
 * it, unless alternatives or repeated groups leave that open. */
static const struct base_slice *choose(const char *expression, const struct ways *ways)
{
    static const char *const lazy[] = {"*?", "+?", "??", "}?", ""};
    static const char *const ambiguous[] = {"|", ")*", ")+", ")?", "){", "(?", "(*", ""};
    bool is_ambiguous = has_any(expression, ambiguous), is_clear;
    if (has_any(expression, lazy)) {
        is_clear =
            !is_ambiguous && !ways->shortest.is_unclear && is_lazy_from_the_start(expression);
        return is_clear ? &ways->shortest.part : NULL;
    }
    is_clear = !is_ambiguous || !ways->longest.is_unclear;
    return is_clear ? &ways->longest.part : NULL;
}

enum config_regex_result config_regex_part(const char *expression, struct base_slice text,
                                           struct base_slice *ret_part)
{
    char wrapped[WRAPPED_BYTES_MAX];
    struct ways ways = {0};
    INVARIANT(strlen(expression) <= CONFIG_REGEX_BYTES_MAX);
    snprintf(wrapped, sizeof(wrapped), WITH_CALLOUT(expression));
    int count = run(wrapped, text, PCRE2_NO_AUTO_POSSESS, &ways, note_way);
    const struct base_slice *part = ways.is_mixed ? choose(expression, &ways) : &ways.longest.part;
    *ret_part = base_slice_of(NULL, 0);
    if (count != PCRE2_ERROR_NOMATCH || !part) {
        return CONFIG_REGEX_UNDECIDED;
    }
    *ret_part = *part;
    return ways.is_any ? CONFIG_REGEX_YES : CONFIG_REGEX_NO;
}
