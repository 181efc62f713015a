/* console_words.c - one console statement as words.
 *
 *     SHOW pools;    PAUSE "my db";    SET pool_mode = 'session';
 *
 * A word is a run of anything but blanks, quotes, `;`, `=` and `,`, or a text in '' or "" with the
 * quote doubled inside; `=` is a word of its own. A comma is a blank. Comments (-- and C's) are
 * skipped. Pure. Test: tests/unit/proxy/test_console_words.c.
 */
#include <strings.h>

#include "proxy/console.h"

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v' || c == ',';
}

static bool is_plain(uint8_t c)
{
    return !is_blank(c) && c != ';' && c != '=' && c != '\'' && c != '"';
}

static bool starts(struct base_slice rest, const char *text)
{
    size_t bytes = strlen(text);
    return rest.bytes >= bytes && memcmp(rest.data, text, bytes) == 0;
}

static struct base_slice skip_comment(struct base_slice rest, const char *end)
{
    while (rest.bytes > 0 && !starts(rest, end)) {
        rest = base_slice_skip(rest, 1);
    }
    return base_slice_skip(rest, rest.bytes < strlen(end) ? rest.bytes : strlen(end));
}

static struct base_slice skip_blanks(struct base_slice rest)
{
    for (;;) {
        if (rest.bytes > 0 && is_blank(rest.data[0])) {
            rest = base_slice_skip(rest, 1);
        } else if (starts(rest, "--")) {
            rest = skip_comment(rest, "\n");
        } else if (starts(rest, "/*")) {
            rest = skip_comment(rest, "*/");
        } else {
            return rest;
        }
    }
}

static int put(struct console_words *words, uint8_t c)
{
    if (words->used >= sizeof(words->memory)) {
        return BASE_EINVALID;
    }
    words->memory[words->used++] = (char)c;
    return BASE_OK;
}

/* The text behind an opening quote, up to and with the closing one. */
static int take_quoted(struct base_slice *rest, struct console_words *words)
{
    uint8_t quote = rest->data[0];
    *rest = base_slice_skip(*rest, 1);
    while (rest->bytes > 0) {
        uint8_t c = rest->data[0];
        *rest = base_slice_skip(*rest, 1);
        if (c == quote) {
            if (rest->bytes == 0 || rest->data[0] != quote) {
                return BASE_OK;
            }
            *rest = base_slice_skip(*rest, 1);
        }
        if (put(words, c) < 0) {
            return BASE_EINVALID;
        }
    }
    return BASE_EINVALID;
}

static int take_plain(struct base_slice *rest, struct console_words *words)
{
    bool is_sign = rest->data[0] == '=';
    do {
        if (put(words, rest->data[0]) < 0) {
            return BASE_EINVALID;
        }
        *rest = base_slice_skip(*rest, 1);
    } while (!is_sign && rest->bytes > 0 && is_plain(rest->data[0]));
    return BASE_OK;
}

int console_words_next(struct base_slice *rest, struct console_words *ret_words)
{
    ret_words->count = 0;
    ret_words->used = 0;
    for (;;) {
        *rest = skip_blanks(*rest);
        if (rest->bytes == 0) {
            return BASE_OK;
        }
        if (rest->data[0] == ';') {
            *rest = base_slice_skip(*rest, 1);
            return BASE_OK;
        }
        if (ret_words->count == CONSOLE_WORDS_MAX) {
            return BASE_EINVALID;
        }
        bool is_quoted = rest->data[0] == '\'' || rest->data[0] == '"';
        size_t start = ret_words->used;
        int r = is_quoted ? take_quoted(rest, ret_words) : take_plain(rest, ret_words);
        if (r < 0) {
            return r;
        }
        ret_words->word[ret_words->count++] = (struct console_word){
            .text = base_slice_of(ret_words->memory + start, ret_words->used - start),
            .is_quoted = is_quoted};
    }
}

bool console_word_is(const struct console_words *words, uint32_t i, const char *text)
{
    if (i >= words->count || words->word[i].is_quoted) {
        return false;
    }
    struct base_slice word = words->word[i].text;
    return word.bytes == strlen(text) &&
           strncasecmp((const char *)word.data, text, word.bytes) == 0;
}
