/* vars.c - session parameters that follow a client from server to server.
 *
 * The query that turns one set into another:
 *
 *     RESET "a";SELECT pg_catalog.set_config('search_path',E'app, public',false),...
 *
 * set_config takes any value as one text, also for parameters that are lists; RESET takes back what
 * another client's start-up had set. The text is plain ASCII whatever the values are: bytes outside
 * of it are written as \ooo, so no client_encoding (SJIS, BIG5, GBK have bytes that look like a
 * backslash) can end a literal early.
 *
 * Always true:
 *   1. `extra` is "name\0value\0..." with names in lower case, sorted, each once.
 *   2. Names are [a-z0-9_.] without an empty part: fit to stand between double quotes.
 *
 * Does not judge whether PostgreSQL knows a parameter: the server says so. Test:
 * tests/unit/proxy/test_vars.c.
 */
#include "proxy/vars.h"

#include <stdlib.h>
#include <strings.h>

#include "base/invariant.h"
#include "wire/message.h"

#define EXTRA_BYTES_MAX 8192

/* ---- names ------------------------------------------------------------------------------------
 */

static const char *const fixed_names[] = {
#define PARAMETER(ID, name) name,
    PARAMETER_TABLE(PARAMETER)
#undef PARAMETER
};

static bool is_name(struct base_slice name)
{
    bool is_part_empty = true;
    for (size_t i = 0; i < name.bytes; i++) {
        uint8_t c = name.data[i];
        if (c == '.') {
            if (is_part_empty) {
                return false;
            }
            is_part_empty = true;
            continue;
        }
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_')) {
            return false;
        }
        is_part_empty = false;
    }
    return !is_part_empty;
}

static struct base_slice item_next(struct base_slice *rest)
{
    size_t end = 0;
    while (end < rest->bytes && rest->data[end] != ',') {
        end++;
    }
    struct base_slice item = base_slice_of(rest->data, end);
    *rest = base_slice_skip(*rest, end < rest->bytes ? end + 1 : end);
    while (item.bytes > 0 && (item.data[0] == ' ' || item.data[0] == '\t')) {
        item = base_slice_skip(item, 1);
    }
    while (item.bytes > 0 &&
           (item.data[item.bytes - 1] == ' ' || item.data[item.bytes - 1] == '\t')) {
        item.bytes--;
    }
    return item;
}

static int names_add(struct proxy_var_names *names, struct base_slice name)
{
    if (name.bytes == 0 || proxy_var_find(names, name) >= 0) {
        return BASE_OK; /* a blank between commas, or tracked already */
    }
    if (!is_name(name)) {
        return BASE_EINVALID;
    }
    if (names->count >= PROXY_VARS_MAX) {
        return BASE_ECAPACITY;
    }
    char *copy = strndup((const char *)name.data, name.bytes);
    if (!copy) {
        return BASE_ENOMEM;
    }
    names->name[names->count++] = copy;
    return BASE_OK;
}

int proxy_var_names_init(struct proxy_var_names *names, const char *extra_names)
{
    struct proxy_var_names fresh = {.count = PROXY_VARS_FIXED};
    for (uint32_t i = 0; i < PROXY_VARS_FIXED; i++) {
        fresh.name[i] = fixed_names[i];
    }
    struct base_slice rest = base_slice_text(extra_names);
    while (rest.bytes > 0) {
        int r = names_add(&fresh, item_next(&rest));
        if (r < 0) {
            proxy_var_names_done(&fresh);
            return r;
        }
    }
    *names = fresh;
    return BASE_OK;
}

void proxy_var_names_done(struct proxy_var_names *names)
{
    for (uint32_t i = PROXY_VARS_FIXED; i < names->count; i++) {
        free((char *)(uintptr_t)names->name[i]); /* our own copy */
    }
    *names = (struct proxy_var_names){0};
}

int proxy_var_find(const struct proxy_var_names *names, struct base_slice name)
{
    for (uint32_t i = 0; i < names->count; i++) {
        if (strlen(names->name[i]) == name.bytes &&
            strncasecmp(names->name[i], (const char *)name.data, name.bytes) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* ---- values -----------------------------------------------------------------------------------
 */

void proxy_vars_done(struct proxy_vars *vars, struct proxy_texts *texts)
{
    for (uint32_t i = 0; i < PROXY_VARS_MAX; i++) {
        proxy_text_drop(texts, vars->value[i]);
    }
    proxy_text_drop(texts, vars->extra);
    *vars = (struct proxy_vars){0};
}

int proxy_vars_set(struct proxy_vars *vars, struct proxy_texts *texts, int idx,
                   struct base_slice value)
{
    INVARIANT(idx >= 0 && idx < PROXY_VARS_MAX);
    struct proxy_text *text = proxy_text_take(texts, value);
    if (!text) {
        return BASE_ENOMEM;
    }
    proxy_text_drop(texts, vars->value[idx]);
    vars->value[idx] = text;
    return BASE_OK;
}

/* ---- extra ------------------------------------------------------------------------------------
 */

struct pair {
    struct base_slice name;
    struct base_slice value;
    struct base_slice whole; /* both with their zero bytes */
};

/* Takes the first pair off `rest`; false at the end. */
static bool pair_next(struct base_slice *rest, struct pair *ret_pair)
{
    if (rest->bytes == 0) {
        return false;
    }
    size_t name_bytes = strnlen((const char *)rest->data, rest->bytes);
    INVARIANT(name_bytes < rest->bytes);
    struct base_slice behind = base_slice_skip(*rest, name_bytes + 1);
    size_t value_bytes = strnlen((const char *)behind.data, behind.bytes);
    INVARIANT(value_bytes < behind.bytes);
    *ret_pair = (struct pair){.name = base_slice_of(rest->data, name_bytes),
                              .value = base_slice_of(behind.data, value_bytes),
                              .whole = base_slice_of(rest->data, name_bytes + value_bytes + 2)};
    *rest = base_slice_skip(*rest, ret_pair->whole.bytes);
    return true;
}

static int compare(struct base_slice a, struct base_slice b)
{
    size_t both = a.bytes < b.bytes ? a.bytes : b.bytes;
    int order = memcmp(a.data, b.data, both);
    return order ? order : (a.bytes > b.bytes) - (a.bytes < b.bytes);
}

struct extra_writer {
    char chars[EXTRA_BYTES_MAX];
    size_t bytes;
    bool is_over;
};

static void extra_put(struct extra_writer *out, struct base_slice bytes)
{
    if (bytes.bytes > sizeof(out->chars) - out->bytes) {
        out->is_over = true;
        return;
    }
    memcpy(out->chars + out->bytes, bytes.data, bytes.bytes);
    out->bytes += bytes.bytes;
}

static void extra_put_pair(struct extra_writer *out, struct base_slice name,
                           struct base_slice value)
{
    extra_put(out, name);
    extra_put(out, base_slice_of("", 1));
    if (value.bytes > 0) {
        extra_put(out, value);
    }
    extra_put(out, base_slice_of("", 1));
}

static void lower(char *out, struct base_slice name)
{
    for (size_t i = 0; i < name.bytes; i++) {
        uint8_t c = name.data[i];
        out[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
}

/* Gives `key` (in lower case) that value among the untracked; none with value.data NULL. */
static int replace_extra(struct proxy_vars *vars, struct proxy_texts *texts, struct base_slice key,
                         struct base_slice value)
{
    /* The old pairs in order, the new one at its place, an old one of its name left out. */
    struct extra_writer out = {.bytes = 0};
    struct base_slice rest = proxy_text_slice(vars->extra);
    struct pair pair;
    bool is_written = !value.data;
    while (pair_next(&rest, &pair)) {
        int order = compare(pair.name, key);
        if (order > 0 && !is_written) {
            extra_put_pair(&out, key, value);
            is_written = true;
        }
        if (order != 0) {
            extra_put(&out, pair.whole);
        }
    }
    if (!is_written) {
        extra_put_pair(&out, key, value);
    }
    if (out.is_over) {
        return BASE_ETOOBIG;
    }
    struct proxy_text *text = NULL;
    if (out.bytes > 0) {
        text = proxy_text_take(texts, base_slice_of(out.chars, out.bytes));
        if (!text) {
            return BASE_ENOMEM;
        }
    }
    proxy_text_drop(texts, vars->extra);
    vars->extra = text;
    return BASE_OK;
}

int proxy_vars_add_extra(struct proxy_vars *vars, struct proxy_texts *texts, struct base_slice name,
                         struct base_slice value)
{
    char lowered[EXTRA_BYTES_MAX];
    if (name.bytes > EXTRA_BYTES_MAX || value.bytes > EXTRA_BYTES_MAX) {
        return BASE_ETOOBIG;
    }
    if (!is_name(name) || (value.bytes > 0 && memchr(value.data, 0, value.bytes))) {
        return BASE_EINVALID;
    }
    lower(lowered, name);
    return replace_extra(vars, texts, base_slice_of(lowered, name.bytes),
                         value.data ? value : base_slice_of("", 0));
}

bool proxy_vars_may_settle(const struct proxy_vars *vars, const struct proxy_var_names *names)
{
    size_t bytes = proxy_text_slice(vars->extra).bytes;
    for (uint32_t i = PROXY_VARS_FIXED; i < names->count; i++) {
        if (vars->value[i]) {
            bytes += strlen(names->name[i]) + proxy_text_slice(vars->value[i]).bytes + 2;
        }
    }
    return bytes <= EXTRA_BYTES_MAX;
}

int proxy_vars_settle(struct proxy_vars *vars, struct proxy_texts *texts,
                      const struct proxy_var_names *names, const struct proxy_vars *reported)
{
    for (uint32_t i = PROXY_VARS_FIXED; i < names->count; i++) {
        if (!vars->value[i] || reported->value[i]) {
            continue;
        }
        int r = proxy_vars_add_extra(vars, texts, base_slice_text(names->name[i]),
                                     proxy_text_slice(vars->value[i]));
        if (r < 0) {
            return r;
        }
        proxy_text_drop(texts, vars->value[i]);
        vars->value[i] = NULL;
    }
    return BASE_OK;
}

/* The value of a name in an extra text; data NULL when it is not there. */
static struct base_slice extra_find(const struct proxy_text *extra, struct base_slice name)
{
    struct base_slice rest = proxy_text_slice(extra);
    struct pair pair;
    while (pair_next(&rest, &pair)) {
        if (base_slice_equal(pair.name, name)) {
            return pair.value;
        }
    }
    return base_slice_of(NULL, 0);
}

/* Takes a tracked one that is among the untracked ones to its place; what it has there is newer. */
static int take_back(struct proxy_vars *vars, struct proxy_texts *texts,
                     const struct proxy_var_names *names, uint32_t i)
{
    char lowered[EXTRA_BYTES_MAX];
    struct base_slice name = base_slice_text(names->name[i]);
    if (name.bytes > sizeof(lowered)) {
        return BASE_ETOOBIG;
    }
    lower(lowered, name);
    struct base_slice key = base_slice_of(lowered, name.bytes);
    struct base_slice value = extra_find(vars->extra, key);
    if (!value.data) {
        return BASE_OK;
    }
    int r = vars->value[i] ? BASE_OK : proxy_vars_set(vars, texts, (int)i, value);
    return r < 0 ? r : replace_extra(vars, texts, key, base_slice_of(NULL, 0));
}

int proxy_vars_fit(struct proxy_vars *vars, struct proxy_texts *texts,
                   const struct proxy_var_names *names, const struct proxy_vars *reported)
{
    for (uint32_t i = PROXY_VARS_FIXED; vars->extra && i < names->count; i++) {
        int r = reported->value[i] ? take_back(vars, texts, names, i) : BASE_OK;
        if (r < 0) {
            return r;
        }
    }
    return proxy_vars_settle(vars, texts, names, reported);
}

/* ---- the query --------------------------------------------------------------------------------
 */

static void put_text(struct wire_out *out, const char *text)
{
    wire_out_bytes(out, base_slice_text(text));
}

/* E'...' in plain ASCII. */
static void put_literal(struct wire_out *out, struct base_slice value)
{
    put_text(out, "E'");
    for (size_t i = 0; i < value.bytes; i++) {
        uint8_t c = value.data[i];
        if (c == '\'' || c == '\\') {
            wire_out_u8(out, c);
            wire_out_u8(out, c);
        } else if (c < 0x20 || c > 0x7e) {
            wire_out_u8(out, '\\');
            wire_out_u8(out, (uint8_t)('0' + (c >> 6)));
            wire_out_u8(out, (uint8_t)('0' + (c >> 3 & 7)));
            wire_out_u8(out, (uint8_t)('0' + (c & 7)));
        } else {
            wire_out_u8(out, c);
        }
    }
    put_text(out, "'");
}

/* "my"."name": quoted, so that RESET all is a parameter called all, not everything. */
static void put_identifier(struct wire_out *out, struct base_slice name)
{
    wire_out_u8(out, '"');
    for (size_t i = 0; i < name.bytes; i++) {
        if (name.data[i] == '.') {
            put_text(out, "\".\"");
        } else {
            wire_out_u8(out, name.data[i]);
        }
    }
    wire_out_u8(out, '"');
}

static void put_set(struct wire_out *out, bool *is_first, struct base_slice name,
                    struct base_slice value)
{
    put_text(out, *is_first ? "SELECT pg_catalog.set_config('" : ",pg_catalog.set_config('");
    *is_first = false;
    wire_out_bytes(out, name);
    put_text(out, "',");
    put_literal(out, value);
    put_text(out, ",false)");
}

static void put_reset(struct wire_out *out, struct base_slice name)
{
    put_text(out, "RESET ");
    put_identifier(out, name);
    put_text(out, ";");
}

static void put_resets(struct wire_out *out, const struct proxy_text *want,
                       const struct proxy_text *have)
{
    struct base_slice rest = proxy_text_slice(have);
    struct pair pair;
    while (pair_next(&rest, &pair)) {
        if (!extra_find(want, pair.name).data) {
            put_reset(out, pair.name);
        }
    }
}

static void put_extra_sets(struct wire_out *out, bool *is_first, const struct proxy_text *want,
                           const struct proxy_text *have)
{
    struct base_slice rest = proxy_text_slice(want);
    struct pair pair;
    while (pair_next(&rest, &pair)) {
        struct base_slice old = extra_find(have, pair.name);
        if (!old.data || !base_slice_equal(old, pair.value)) {
            put_set(out, is_first, pair.name, pair.value);
        }
    }
}

void proxy_vars_write(const struct proxy_var_names *names, const struct proxy_vars *want,
                      const struct proxy_vars *have, struct wire_out *out)
{
    size_t mark = wire_out_begin(out, WIRE_FRONTEND_QUERY);
    bool is_first = true;
    if (want->extra != have->extra) {
        put_resets(out, want->extra, have->extra);
    }
    for (uint32_t i = 0; i < names->count; i++) {
        if (!want->value[i] && proxy_var_differs(want, have, i)) {
            put_reset(out, base_slice_text(names->name[i]));
        }
    }
    for (uint32_t i = 0; i < names->count; i++) {
        if (want->value[i] && proxy_var_differs(want, have, i)) {
            put_set(out, &is_first, base_slice_text(names->name[i]),
                    proxy_text_slice(want->value[i]));
        }
    }
    if (want->extra != have->extra) {
        put_extra_sets(out, &is_first, want->extra, have->extra);
    }
    wire_out_u8(out, 0);
    wire_out_end(out, mark);
}

size_t proxy_vars_write_bytes(const struct proxy_var_names *names, const struct proxy_vars *want,
                              const struct proxy_vars *have)
{
    struct wire_out out;
    wire_out_init_measure(&out);
    proxy_vars_write(names, want, have, &out);
    return out.bytes;
}
