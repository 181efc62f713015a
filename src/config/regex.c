/* regex.c - PCRE2 with limits. */
#include "config/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <string.h>

/* Steps and KiB of one match; a name has a few hundred bytes at most. */
#define STEPS_MAX  200000
#define DEPTH_MAX  10000
#define MEMORY_MAX 1024

static pcre2_code *compile(const char *expression, int *ret_error, size_t *ret_at)
{
    return pcre2_compile((PCRE2_SPTR)expression, PCRE2_ZERO_TERMINATED,
                         PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP |
                             PCRE2_NEVER_BACKSLASH_C,
                         ret_error, ret_at, NULL);
}

bool config_regex_check(const char *expression, char *ret_why, size_t why_bytes)
{
    int error;
    size_t at;
    PCRE2_UCHAR text[160] = "";
    if (strlen(expression) > CONFIG_REGEX_BYTES_MAX) {
        snprintf(ret_why, why_bytes, "it is longer than %d bytes", CONFIG_REGEX_BYTES_MAX);
        return false;
    }
    pcre2_code *code = compile(expression, &error, &at);
    if (!code) {
        (void)pcre2_get_error_message(error, text, sizeof(text));
        snprintf(ret_why, why_bytes, "%s, at byte %zu", (const char *)text, at + 1);
        return false;
    }
    pcre2_code_free(code);
    return true;
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

static enum config_regex_result match(const pcre2_code *code, struct base_slice text,
                                      pcre2_match_data *found, struct base_slice *ret_part)
{
    pcre2_match_context *limits = limits_new();
    int count = limits ? pcre2_match(code, text.data, text.bytes, 0, 0, found, limits)
                       : PCRE2_ERROR_NOMEMORY;
    pcre2_match_context_free(limits);
    if (count == PCRE2_ERROR_NOMATCH) {
        return CONFIG_REGEX_NO;
    }
    if (count < 0) {
        return CONFIG_REGEX_UNDECIDED;
    }
    const size_t *ranges = pcre2_get_ovector_pointer(found);
    /* \K may set a start behind the end */
    if (count >= 2 && ranges[2] != PCRE2_UNSET && ranges[2] <= ranges[3] && ret_part) {
        *ret_part = base_slice_of(text.data + ranges[2], ranges[3] - ranges[2]);
    }
    return CONFIG_REGEX_YES;
}

enum config_regex_result config_regex_match(const char *expression, struct base_slice text,
                                            struct base_slice *ret_part)
{
    static const uint8_t nothing[1];
    int error;
    size_t at;
    if (ret_part) {
        *ret_part = (struct base_slice){0};
    }
    text = text.data ? text : base_slice_of(nothing, 0);
    pcre2_code *code = compile(expression, &error, &at);
    pcre2_match_data *found = code ? pcre2_match_data_create_from_pattern(code, NULL) : NULL;
    enum config_regex_result result =
        found ? match(code, text, found, ret_part) : CONFIG_REGEX_UNDECIDED;
    pcre2_match_data_free(found);
    pcre2_code_free(code);
    return result;
}
