/* fuzz_request.c - what of horizon/serve reads requests: the first byte chooses.
 *
 * 'a' an activity as JSON, 'm' an If-None-Match header, 'v' a query value, anything else a path. A
 * path that is accepted has no segment that is empty or dots and no control characters; an activity
 * that is accepted has numbers the database can read and what its kind needs.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "serve/activity_input.h"
#include "serve/path.h"
#include "serve/reply.h"

static void check_plain(const char *text)
{
    for (; *text; text++) {
        INVARIANT((unsigned char)*text >= ' ' && *text != 127 && *text != '\\');
    }
}

static void check_path(const char *raw)
{
    char path[PATH_BYTES_MAX];
    if (!path_decode(raw, path)) {
        return;
    }
    size_t bytes = strlen(path);
    INVARIANT(path[0] == '/' && bytes < PATH_BYTES_MAX);
    check_plain(path);
    INVARIANT(!strstr(path, "//") && !strstr(path, "/../") && !strstr(path, "/./"));
    INVARIANT(bytes < 3 || strcmp(path + bytes - 3, "/..") != 0);
    INVARIANT(bytes == 1 || path[bytes - 1] != '/');
}

static void check_value(const char *raw)
{
    char value[16];
    if (path_decode_value(raw, value, sizeof(value))) {
        INVARIANT(strlen(value) < sizeof(value));
        check_plain(value);
    }
}

static void check_number(const char *number)
{
    INVARIANT(strspn(number, "0123456789.") == strlen(number));
    INVARIANT(!number[0] || (number[0] != '.' && number[strlen(number) - 1] != '.'));
}

static void check_activity(const uint8_t *data, size_t bytes)
{
    json_t *object = json_loadb((const char *)data, bytes, JSON_REJECT_DUPLICATES, NULL);
    struct activity_input input;
    const char *field = NULL;
    char why[256] = "";
    if (json_is_object(object)) {
        if (activity_input_read(object, &input, &field, why, sizeof(why))) {
            check_number(input.quantity);
            check_number(input.price);
            check_number(input.fee);
            check_number(input.amount);
            check_number(input.numerator);
            check_number(input.denominator);
            INVARIANT(activity_has_asset(input.kind) == (input.symbol[0] != '\0'));
            INVARIANT(strlen(input.date) == 10);
        } else {
            INVARIANT(field && why[0]);
        }
    }
    json_decref(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes == 0) {
        return 0;
    }
    if (data[0] == 'a') {
        check_activity(data + 1, bytes - 1);
        return 0;
    }
    char *text = calloc(1, bytes + 1);
    memcpy(text, data, bytes);
    if (data[0] == 'm') {
        INVARIANT(!reply_matches(text + 1, ""));
        (void)reply_matches(text + 1, "\"2018-05-11/1\"");
    } else if (data[0] == 'v') {
        check_value(text + 1);
    } else {
        check_path(text);
    }
    free(text);
    return 0;
}
