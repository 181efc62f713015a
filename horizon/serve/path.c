/* path.c - see path.h. */
#include "serve/path.h"

#include <string.h>

static int hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte at *at, decoded; -1 when it may not be there. */
static int next_byte(const char **at, bool *ret_was_encoded)
{
    const char *text = *at;
    *ret_was_encoded = *text == '%';
    if (*text != '%') {
        *at = text + 1;
        return (unsigned char)*text;
    }
    int high = hex(text[1]);
    int low = high < 0 ? -1 : hex(text[2]);
    if (low < 0) {
        return -1;
    }
    *at = text + 3;
    return high * 16 + low;
}

static bool is_plain(int byte)
{
    return byte >= ' ' && byte != 127 && byte != '\\';
}

static bool decode(const char *raw, char *out, size_t bytes, bool may_have_slashes)
{
    size_t count = 0;
    while (*raw) {
        bool was_encoded;
        int byte = next_byte(&raw, &was_encoded);
        bool is_hidden_slash = was_encoded && byte == '/' && !may_have_slashes;
        if (byte < 0 || !is_plain(byte) || is_hidden_slash || count + 1 >= bytes) {
            return false;
        }
        out[count++] = (char)byte;
    }
    out[count] = '\0';
    return true;
}

/* Whether a segment is empty, "." or ".."; the last one may be empty only in "/". */
static bool has_odd_segment(const char *path)
{
    const char *start = path + 1;
    while (true) {
        size_t bytes = strcspn(start, "/");
        bool is_dots =
            (bytes == 1 && start[0] == '.') || (bytes == 2 && strncmp(start, "..", 2) == 0);
        if (is_dots || (bytes == 0 && start != path + 1) || (bytes == 0 && *start)) {
            return true;
        }
        if (!start[bytes]) {
            return false;
        }
        start += bytes + 1;
    }
}

bool path_decode(const char *raw, char ret_path[PATH_BYTES_MAX])
{
    return raw[0] == '/' && decode(raw, ret_path, PATH_BYTES_MAX, false) &&
           !has_odd_segment(ret_path);
}

bool path_decode_value(const char *raw, char *ret_value, size_t bytes)
{
    return decode(raw, ret_value, bytes, true);
}
