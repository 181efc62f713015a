/* value.c - reading and showing values by type.
 *
 * What is read and shown again is the same value (tests/unit/config/test_value.c reads every
 * default back). Numbers are digits only; spans of seconds may have decimals, of which nine count;
 * -1 stands for "no limit" where the type is LIMIT.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/invariant.h"
#include "config/ini.h"
#include "config/value.h"

bool config_number_parse(struct base_slice text, uint64_t *ret_number)
{
    uint64_t number = 0;

    if (text.bytes == 0)
        return false;
    for (size_t i = 0; i < text.bytes; i++) {
        unsigned digit = (unsigned)text.data[i] - '0';

        if (digit > 9 || number > (UINT64_MAX - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    *ret_number = number;
    return true;
}

/* ---- the allowed range in words ---- */

static void choices_allowed(enum config_type type, char *out, size_t bytes)
{
    size_t used = 0;
    unsigned left = 0;

    for (const struct config_choice *c = config_choices; c->text; c++)
        left += c->type == type && c->advice == NULL;
    for (const struct config_choice *c = config_choices; c->text && used < bytes; c++) {
        int length;

        if (c->type != type || c->advice != NULL)
            continue;
        left--;
        length = snprintf(out + used, bytes - used, "%s%s", c->text,
                          left > 1    ? ", "
                          : left == 1 ? " or "
                                      : "");
        used += length > 0 ? (size_t)length : 0;
    }
}

void config_value_allowed(const struct config_option_info *info, char *out, size_t bytes)
{
    switch (info->type) {
    case CONFIG_TYPE_BOOL:
        snprintf(out, bytes, "1 or 0 (or on, off, yes, no, true, false)");
        break;
    case CONFIG_TYPE_COUNT:
        snprintf(out, bytes, "a whole number from %" PRId64 " to %" PRId64, info->min, info->max);
        break;
    case CONFIG_TYPE_LIMIT:
        snprintf(out, bytes, "a whole number from 0 to %" PRId64 ", or -1 for no limit", info->max);
        break;
    case CONFIG_TYPE_BYTES:
        snprintf(out, bytes, "a number of bytes from %" PRId64 " to %" PRId64, info->min,
                 info->max);
        break;
    case CONFIG_TYPE_SECONDS:
        snprintf(out, bytes,
                 "a number of seconds from %" PRId64 " to %" PRId64
                 ", decimals allowed, without a unit",
                 info->min, info->max);
        break;
    case CONFIG_TYPE_MILLISECONDS:
        snprintf(out, bytes, "a whole number of milliseconds from %" PRId64 " to %" PRId64,
                 info->min, info->max);
        break;
    case CONFIG_TYPE_MODE:
        snprintf(out, bytes, "an octal mode from 0000 to %04" PRIo64, (uint64_t)info->max);
        break;
    case CONFIG_TYPE_TEXT:
    case CONFIG_TYPE_SECRET:
    case CONFIG_TYPE_PATH:
    case CONFIG_TYPE_FILE:
        snprintf(out, bytes, "%s%" PRId64 " bytes", info->min > 0 ? "1 to " : "at most ",
                 info->max);
        break;
    case CONFIG_TYPE_POOL_MODE:
    case CONFIG_TYPE_AUTH_TYPE:
    case CONFIG_TYPE_TLS_MODE:
    case CONFIG_TYPE_BALANCE:
    case CONFIG_TYPE_TARGET:
    case CONFIG_TYPE_PROTOCOL:
    case CONFIG_TYPE_EVENT_BACKEND:
        choices_allowed(info->type, out, bytes);
        break;
    }
}

/* ---- reading ---- */

static bool parse_bool(struct base_slice text, bool *ret_value)
{
    static const char *const yes[] = {"1", "on", "yes", "true"};
    static const char *const no[] = {"0", "off", "no", "false"};

    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        if (config_slice_is_word(text, yes[i]) || config_slice_is_word(text, no[i])) {
            *ret_value = config_slice_is_word(text, yes[i]);
            return true;
        }
    }
    return false;
}

static bool parse_number(const struct config_option_info *info, struct base_slice text,
                         uint64_t *ret_value)
{
    uint64_t number;

    if (!config_number_parse(text, &number) || number > (uint64_t)info->max ||
        (info->min > 0 && number < (uint64_t)info->min))
        return false;
    *ret_value = number;
    return true;
}

/* "5", "0.25", ".5"; nine decimals count, further ones must still be digits. */
static bool parse_seconds(const struct config_option_info *info, struct base_slice text,
                          base_time *ret_value)
{
    const uint8_t *dot = text.bytes > 0 ? memchr(text.data, '.', text.bytes) : NULL;
    size_t whole_bytes = dot ? (size_t)(dot - text.data) : text.bytes;
    uint64_t whole = 0, part = 0, unit = BASE_SECOND;

    if (text.bytes == 0 || (dot && text.bytes == 1))
        return false;
    if (whole_bytes > 0 && !config_number_parse(base_slice_of(text.data, whole_bytes), &whole))
        return false;
    for (size_t i = whole_bytes + 1; i < text.bytes; i++) {
        unsigned digit = (unsigned)text.data[i] - '0';

        if (digit > 9)
            return false;
        unit /= 10;
        part += digit * unit;
    }
    if (whole > (uint64_t)info->max || (whole == (uint64_t)info->max && part > 0))
        return false;
    *ret_value = whole * BASE_SECOND + part;
    return *ret_value >= (uint64_t)info->min * BASE_SECOND;
}

static bool parse_mode(const struct config_option_info *info, struct base_slice text,
                       uint32_t *ret_value)
{
    uint32_t mode = 0;

    if (text.bytes == 0 || text.bytes > 5)
        return false;
    for (size_t i = 0; i < text.bytes; i++) {
        if (text.data[i] < '0' || text.data[i] > '7')
            return false;
        mode = mode * 8 + (uint32_t)(text.data[i] - '0');
    }
    *ret_value = mode;
    return mode <= (uint64_t)info->max;
}

/* The choice of that name, allowed or refused; NULL when there is none. */
static const struct config_choice *choice_find(enum config_type type, struct base_slice text)
{
    for (const struct config_choice *c = config_choices; c->text; c++) {
        if (c->type == type && config_slice_is_word(text, c->text))
            return c;
    }
    return NULL;
}

static int store_text(const struct config_option_info *info, struct base_slice text,
                      const char *folder, struct base_arena *arena, const char **ret_text)
{
    bool is_path = info->type == CONFIG_TYPE_PATH || info->type == CONFIG_TYPE_FILE;
    size_t folder_bytes = 0;
    char *copy;

    if (is_path && text.bytes > 0 && text.data[0] != '/' && text.data[0] != '@')
        folder_bytes = strlen(folder);
    copy = base_arena_take(arena, folder_bytes + text.bytes + 2);
    if (copy == NULL)
        return BASE_ENOMEM;
    memcpy(copy, folder, folder_bytes);
    if (folder_bytes > 0 && copy[folder_bytes - 1] != '/')
        copy[folder_bytes++] = '/';
    if (text.bytes > 0)
        memcpy(copy + folder_bytes, text.data, text.bytes);
    *ret_text = copy;
    return BASE_OK;
}

static int parse_text(const struct config_option_info *info, struct base_slice text,
                      const char *folder, struct base_arena *arena, const char **field)
{
    const char *value;
    int status;

    if (text.bytes < (uint64_t)info->min || text.bytes > (uint64_t)info->max)
        return BASE_ECONFIG;
    if (text.bytes > 0 && memchr(text.data, '\0', text.bytes) != NULL)
        return BASE_ECONFIG;
    status = store_text(info, text, folder, arena, &value);
    if (status != BASE_OK)
        return status;
    if (strlen(value) > (uint64_t)info->max)
        return BASE_ECONFIG;
    *field = value;
    return BASE_OK;
}

static int parse_choice(const struct config_option_info *info, struct base_slice text, void *field,
                        char *why, size_t why_bytes)
{
    const struct config_choice *choice = choice_find(info->type, text);
    int value = choice ? choice->value : 0;

    if (choice != NULL && choice->advice == NULL) {
        _Static_assert(sizeof(enum config_pool_mode) == sizeof(int), "choices are stored as int");
        memcpy(field, &value, sizeof(value));
        return BASE_OK;
    }
    if (choice != NULL)
        snprintf(why, why_bytes, "weir does not serve it; %s", choice->advice);
    return BASE_ECONFIG;
}

static bool parse_fixed(const struct config_option_info *info, struct base_slice text, void *field)
{
    uint64_t number;
    bool is_ok;

    switch (info->type) {
    case CONFIG_TYPE_BOOL:
        return parse_bool(text, field);
    case CONFIG_TYPE_LIMIT:
        if (base_slice_is(text, "-1")) {
            *(uint32_t *)field = CONFIG_NO_LIMIT;
            return true;
        }
        __attribute__((fallthrough));
    case CONFIG_TYPE_COUNT:
        is_ok = parse_number(info, text, &number);
        if (is_ok)
            *(uint32_t *)field = (uint32_t)number;
        return is_ok;
    case CONFIG_TYPE_BYTES:
        return parse_number(info, text, field);
    case CONFIG_TYPE_SECONDS:
        is_ok = parse_seconds(info, text, &number);
        if (is_ok)
            *(base_time *)field = number;
        return is_ok;
    case CONFIG_TYPE_MILLISECONDS:
        is_ok = parse_number(info, text, &number);
        if (is_ok)
            *(base_time *)field = number * BASE_MS;
        return is_ok;
    default: {
        uint32_t mode;

        INVARIANT(info->type == CONFIG_TYPE_MODE);
        is_ok = parse_mode(info, text, &mode);
        if (is_ok)
            *(uint32_t *)field = mode;
        return is_ok;
    }
    }
}

int config_value_parse(const struct config_option_info *info, struct base_slice text,
                       const char *folder, struct base_arena *arena, void *field, char *why,
                       size_t why_bytes)
{
    char allowed[200];
    int status;

    config_value_allowed(info, allowed, sizeof(allowed));
    snprintf(why, why_bytes, "use %s", allowed);
    if (config_type_is_text(info->type))
        status = parse_text(info, text, folder, arena, field);
    else if (info->type == CONFIG_TYPE_POOL_MODE || info->type == CONFIG_TYPE_AUTH_TYPE ||
             info->type == CONFIG_TYPE_TLS_MODE || info->type == CONFIG_TYPE_BALANCE ||
             info->type == CONFIG_TYPE_TARGET || info->type == CONFIG_TYPE_PROTOCOL ||
             info->type == CONFIG_TYPE_EVENT_BACKEND)
        status = parse_choice(info, text, field, why, why_bytes);
    else
        status = parse_fixed(info, text, field) ? BASE_OK : BASE_ECONFIG;
    return status;
}

/* ---- showing ---- */

static int render_seconds(base_time span, char *out, size_t bytes)
{
    uint64_t part = span % BASE_SECOND;
    int digits = 9;

    if (part == 0)
        return snprintf(out, bytes, "%" PRIu64, span / BASE_SECOND);
    for (; part % 10 == 0; digits--)
        part /= 10;
    return snprintf(out, bytes, "%" PRIu64 ".%0*" PRIu64, span / BASE_SECOND, digits, part);
}

static const char *choice_text(enum config_type type, int value)
{
    for (const struct config_choice *c = config_choices; c->text; c++) {
        if (c->type == type && c->advice == NULL && c->value == value)
            return c->text;
    }
    INVARIANT(!"a value of the choice");
    return "";
}

static int render(enum config_type type, const void *field, char *out, size_t bytes)
{
    int value;

    switch (type) {
    case CONFIG_TYPE_BOOL:
        return snprintf(out, bytes, "%d", *(const bool *)field);
    case CONFIG_TYPE_LIMIT:
        if (*(const uint32_t *)field == CONFIG_NO_LIMIT)
            return snprintf(out, bytes, "-1");
        __attribute__((fallthrough));
    case CONFIG_TYPE_COUNT:
        return snprintf(out, bytes, "%" PRIu32, *(const uint32_t *)field);
    case CONFIG_TYPE_BYTES:
        return snprintf(out, bytes, "%" PRIu64, *(const uint64_t *)field);
    case CONFIG_TYPE_SECONDS:
        return render_seconds(*(const base_time *)field, out, bytes);
    case CONFIG_TYPE_MILLISECONDS:
        return snprintf(out, bytes, "%" PRIu64, *(const base_time *)field / BASE_MS);
    case CONFIG_TYPE_MODE:
        return snprintf(out, bytes, "%04" PRIo32, *(const uint32_t *)field);
    case CONFIG_TYPE_SECRET:
        return snprintf(out, bytes, "%s", **(const char *const *)field ? "***" : "");
    case CONFIG_TYPE_TEXT:
    case CONFIG_TYPE_PATH:
    case CONFIG_TYPE_FILE:
        return snprintf(out, bytes, "%s", *(const char *const *)field);
    case CONFIG_TYPE_POOL_MODE:
    case CONFIG_TYPE_AUTH_TYPE:
    case CONFIG_TYPE_TLS_MODE:
    case CONFIG_TYPE_BALANCE:
    case CONFIG_TYPE_TARGET:
    case CONFIG_TYPE_PROTOCOL:
    case CONFIG_TYPE_EVENT_BACKEND:
        memcpy(&value, field, sizeof(value));
        return snprintf(out, bytes, "%s", choice_text(type, value));
    }
    INVARIANT(!"a type of the table");
    return 0;
}

size_t config_value_render(enum config_type type, const void *field, char *out, size_t bytes)
{
    int length = render(type, field, out, bytes);

    return length < 0 ? 0 : (size_t)length;
}

bool config_value_equal(enum config_type type, const void *a, const void *b)
{
    if (config_type_is_text(type))
        return strcmp(*(const char *const *)a, *(const char *const *)b) == 0;
    return memcmp(a, b, config_type_bytes(type)) == 0;
}

const char *config_pool_mode_text(enum config_pool_mode mode)
{
    return choice_text(CONFIG_TYPE_POOL_MODE, (int)mode);
}

const char *config_auth_type_text(enum config_auth_type type)
{
    return choice_text(CONFIG_TYPE_AUTH_TYPE, (int)type);
}

const char *config_tls_mode_text(enum config_tls_mode mode)
{
    return choice_text(CONFIG_TYPE_TLS_MODE, (int)mode);
}

const char *config_balance_text(enum config_balance balance)
{
    return choice_text(CONFIG_TYPE_BALANCE, (int)balance);
}

const char *config_target_text(enum config_target target)
{
    return choice_text(CONFIG_TYPE_TARGET, (int)target);
}
