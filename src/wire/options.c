/* options.c - the start-up parameter `options`: command-line switches for the server process.
 *
 * Two steps, as in PostgreSQL: pg_split_opts cuts the text into arguments and removes backslashes,
 * then the switches -c and -- are read from the arguments. The unescaped arguments lie one after
 * the other in the caller's memory.
 *
 * Tests: tests/unit/wire/test_options.c, fuzz/fuzz_startup.c
 */
#include "wire/startup.h"

#include "base/invariant.h"

static bool is_space(uint8_t byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static void skip_spaces(struct base_slice *text)
{
    while (text->bytes > 0 && is_space(text->data[0])) {
        *text = base_slice_skip(*text, 1);
    }
}

/* Takes one argument off the front of a text that does not start with white space. */
static struct base_slice take_argument(struct base_slice *text, struct wire_out *memory)
{
    size_t start = memory->bytes;
    while (text->bytes > 0 && !is_space(text->data[0])) {
        if (text->data[0] == '\\') {
            *text = base_slice_skip(*text, 1);
            if (text->bytes == 0) {
                break;
            }
        }
        wire_out_u8(memory, text->data[0]);
        *text = base_slice_skip(*text, 1);
    }
    return base_slice_of(memory->data + start, memory->bytes - start);
}

/* "name=value" into an option; the name's dashes become underscores in `memory`, where it lies. */
static int split_setting(struct base_slice setting, struct wire_out *memory,
                         struct wire_option *ret_option)
{
    const uint8_t *equal = setting.bytes > 0 ? memchr(setting.data, '=', setting.bytes) : NULL;
    if (!equal || equal == setting.data) {
        return BASE_EINVALID;
    }
    size_t name_bytes = (size_t)(equal - setting.data);
    uint8_t *name = memory->data + (setting.data - memory->data);
    for (size_t i = 0; i < name_bytes; i++) {
        if (name[i] == '-') {
            name[i] = '_';
        }
    }
    ret_option->name = base_slice_of(setting.data, name_bytes);
    ret_option->value = base_slice_skip(setting, name_bytes + 1);
    return BASE_OK;
}

/* Takes one switch, with its argument, and gives the setting in it. */
static int take_setting(struct base_slice *text, struct wire_out *memory,
                        struct base_slice *ret_setting)
{
    struct base_slice argument = take_argument(text, memory);
    if (argument.bytes < 2 || argument.data[0] != '-' ||
        (argument.data[1] != 'c' && argument.data[1] != '-')) {
        return BASE_EUNSUPPORTED;
    }
    if (argument.data[1] == 'c' && argument.bytes == 2) {
        skip_spaces(text);
        *ret_setting = take_argument(text, memory);
    } else {
        *ret_setting = base_slice_skip(argument, 2);
    }
    return BASE_OK;
}

int wire_options_parse(struct base_slice text, struct wire_out *memory,
                       struct wire_option *ret_options, size_t options_max, size_t *ret_count)
{
    INVARIANT(memory->data || text.bytes == 0);
    if (memory->capacity - memory->bytes < text.bytes) {
        return BASE_ECAPACITY;
    }
    size_t count = 0;
    for (skip_spaces(&text); text.bytes > 0; skip_spaces(&text)) {
        struct base_slice setting;
        int r = take_setting(&text, memory, &setting);
        if (r < 0) {
            return r;
        }
        if (count == options_max) {
            return BASE_ECAPACITY;
        }
        r = split_setting(setting, memory, &ret_options[count]);
        if (r < 0) {
            return r;
        }
        count++;
    }
    INVARIANT(wire_out_status(memory) == BASE_OK);
    *ret_count = count;
    return BASE_OK;
}
