/* ini.c - the line and key=value grammar of the configuration file.
 *
 * Every step consumes at least one byte or ends, so a walk over any text ends. Nothing is copied.
 * Not here: what names mean, files. Tests: tests/unit/config/test_ini.c, fuzz/fuzz_config.c.
 */
#include <strings.h>

#include "base/invariant.h"
#include "config/config.h"
#include "config/ini.h"

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static bool is_name(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
           c == '-' || c == '.' || c == '*' || c >= 0x80;
}

static struct base_slice skip_blanks(struct base_slice s)
{
    while (s.bytes > 0 && is_blank(s.data[0]))
        s = base_slice_skip(s, 1);
    return s;
}

struct base_slice config_trim(struct base_slice text)
{
    text = skip_blanks(text);
    while (text.bytes > 0 && is_blank(text.data[text.bytes - 1]))
        text.bytes--;
    return text;
}

bool config_slice_is_word(struct base_slice slice, const char *word)
{
    size_t bytes = strlen(word);

    return slice.bytes == bytes &&
           (bytes == 0 || strncasecmp((const char *)slice.data, word, bytes) == 0);
}

/* Takes a line off the rest, without its end. */
static struct base_slice line_take(struct config_ini *ini)
{
    const uint8_t *end = memchr(ini->rest.data, '\n', ini->rest.bytes);
    size_t bytes = end ? (size_t)(end - ini->rest.data) : ini->rest.bytes;
    struct base_slice line = base_slice_of(ini->rest.data, bytes);

    ini->rest = base_slice_skip(ini->rest, end ? bytes + 1 : bytes);
    ini->line++;
    return line;
}

static void set_bad(struct config_ini_item *item, const char *why)
{
    *item = (struct config_ini_item){.kind = CONFIG_INI_BAD, .why = why};
}

static void parse_section(struct base_slice line, struct config_ini_item *item)
{
    const uint8_t *end = memchr(line.data, ']', line.bytes);
    struct base_slice after;

    if (end == NULL) {
        set_bad(item, "a section needs its closing bracket: [databases]");
        return;
    }
    after = config_trim(base_slice_skip(line, (size_t)(end - line.data) + 1));
    if (after.bytes > 0 && after.data[0] != ';' && after.data[0] != '#') {
        set_bad(item, "nothing may follow a section on its line");
        return;
    }
    item->kind = CONFIG_INI_SECTION;
    item->name = config_trim(base_slice_of(line.data + 1, (size_t)(end - line.data) - 1));
}

static void parse_include(struct base_slice line, struct config_ini_item *item)
{
    static const char word[] = "%include";
    struct base_slice rest;

    if (line.bytes <= strlen(word) || memcmp(line.data, word, strlen(word)) != 0 ||
        !is_blank(line.data[strlen(word)])) {
        set_bad(item, "the only directive is %include FILE");
        return;
    }
    rest = config_trim(base_slice_skip(line, strlen(word)));
    if (rest.bytes == 0) {
        set_bad(item, "%include needs the name of a file");
        return;
    }
    item->kind = CONFIG_INI_INCLUDE;
    item->value = rest;
}

/* Length of a quoted name with both quotes; 0 when it does not end. */
static size_t quoted_bytes(struct base_slice line, char quote)
{
    for (size_t i = 1; i < line.bytes; i++) {
        if (line.data[i] != (uint8_t)quote)
            continue;
        if (i + 1 < line.bytes && line.data[i + 1] == (uint8_t)quote)
            i++;
        else
            return i + 1;
    }
    return 0;
}

static void parse_entry(struct base_slice line, struct config_ini_item *item)
{
    size_t bytes = 0;
    struct base_slice rest;

    if (line.data[0] == '"') {
        bytes = quoted_bytes(line, '"');
        if (bytes == 0) {
            set_bad(item, "a name in double quotes does not end");
            return;
        }
        item->name = base_slice_of(line.data + 1, bytes - 2);
        item->is_quoted = true;
    } else {
        while (bytes < line.bytes && is_name(line.data[bytes]))
            bytes++;
        item->name = base_slice_of(line.data, bytes);
    }
    rest = skip_blanks(base_slice_skip(line, bytes));
    if (bytes == 0 || rest.bytes == 0 || rest.data[0] != '=') {
        set_bad(item, "expected name = value, [section], %include FILE or a comment; a database "
                      "name with other characters than letters, digits and _.-* needs double "
                      "quotes");
        return;
    }
    item->kind = CONFIG_INI_ENTRY;
    item->value = config_trim(base_slice_skip(rest, 1));
}

bool config_ini_next(struct config_ini *ini, struct config_ini_item *ret_item)
{
    static const uint8_t mark[] = {0xEF, 0xBB, 0xBF};

    if (ini->line == 0 && ini->rest.bytes >= sizeof(mark) &&
        memcmp(ini->rest.data, mark, sizeof(mark)) == 0)
        ini->rest = base_slice_skip(ini->rest, sizeof(mark));
    while (ini->rest.bytes > 0) {
        struct base_slice whole = line_take(ini), line = config_trim(whole);

        *ret_item = (struct config_ini_item){0};
        if (line.bytes == 0 || line.data[0] == ';' || line.data[0] == '#')
            continue;
        if (whole.bytes > CONFIG_LINE_BYTES_MAX)
            set_bad(ret_item, "the line is longer than 128 KiB");
        else if (memchr(line.data, '\0', line.bytes) != NULL)
            set_bad(ret_item, "the line has a zero byte: is this a text file?");
        else if (line.data[0] == '[')
            parse_section(line, ret_item);
        else if (line.data[0] == '%')
            parse_include(line, ret_item);
        else
            parse_entry(line, ret_item);
        return true;
    }
    return false;
}

static enum config_pair_result pair_value(struct base_slice *rest, struct config_pair *pair)
{
    size_t bytes = 0;

    if (rest->bytes > 0 && rest->data[0] == '\'') {
        bytes = quoted_bytes(*rest, '\'');
        if (bytes == 0)
            return CONFIG_PAIR_OPEN_QUOTE;
        pair->value = base_slice_of(rest->data + 1, bytes - 2);
        pair->is_quoted = true;
        *rest = base_slice_skip(*rest, bytes);
        return rest->bytes > 0 && !is_blank(rest->data[0]) ? CONFIG_PAIR_GLUED : CONFIG_PAIR;
    }
    while (bytes < rest->bytes && !is_blank(rest->data[bytes]))
        bytes++;
    pair->value = base_slice_of(rest->data, bytes);
    *rest = base_slice_skip(*rest, bytes);
    return CONFIG_PAIR;
}

enum config_pair_result config_pair_next(struct base_slice *rest, struct config_pair *ret_pair)
{
    size_t bytes = 0;

    *rest = skip_blanks(*rest);
    if (rest->bytes == 0)
        return CONFIG_PAIR_END;
    *ret_pair = (struct config_pair){0};
    while (bytes < rest->bytes && is_name(rest->data[bytes]))
        bytes++;
    if (bytes == 0)
        return CONFIG_PAIR_NO_KEY;
    ret_pair->key = base_slice_of(rest->data, bytes);
    *rest = skip_blanks(base_slice_skip(*rest, bytes));
    if (rest->bytes == 0 || rest->data[0] != '=')
        return CONFIG_PAIR_NO_VALUE;
    *rest = skip_blanks(base_slice_skip(*rest, 1));
    return pair_value(rest, ret_pair);
}

size_t config_unquote(struct base_slice text, char quote, char *out)
{
    size_t bytes = 0;

    for (size_t i = 0; i < text.bytes; i++) {
        out[bytes++] = (char)text.data[i];
        if (text.data[i] == (uint8_t)quote && i + 1 < text.bytes &&
            text.data[i + 1] == (uint8_t)quote)
            i++;
    }
    INVARIANT(bytes <= text.bytes);
    return bytes;
}
