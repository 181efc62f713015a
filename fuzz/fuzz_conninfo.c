/* fuzz_conninfo.c - a pool's conninfo: the pool's own options in the query of a URL, the hosts
 * (src/lib/options.c).
 *
 * Input: a byte that says whether a password follows, then the conninfo. What holds: what is
 * refused says why on one line; what is accepted has at least one host and options within their
 * bounds; the password "hunter2xyzzy", planted where the input has an 'X', is in no text.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "lib/lib.h"

#define SECRET "hunter2xyzzy"

/* The text with the secret for each X; NULL: out of memory. */
static char *plant(const uint8_t *data, size_t size, bool has_secret)
{
    char *text = malloc(size * strlen(SECRET) + 1);
    size_t bytes = 0;
    for (size_t i = 0; text != NULL && i < size && data[i] != '\0'; i++) {
        if (data[i] == 'X' && has_secret) {
            memcpy(text + bytes, SECRET, strlen(SECRET));
            bytes += strlen(SECRET);
        } else {
            text[bytes++] = (char)data[i];
        }
    }
    if (text != NULL)
        text[bytes] = '\0';
    return text;
}

/* Whether the text says itself that it has a password; a lone word may be anything. The value of an
 * option of the pool is none. */
static bool may_tell(const char *text, const char *error)
{
    bool has_password = strstr(text, "password") != NULL || strchr(text, '@') != NULL;
    return !has_password || strstr(error, "is not allowed; allowed is") != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir_options options;
    struct lib_config config;
    struct weir_error error = {0};
    if (size < 1)
        return 0;
    char *text = plant(data + 1, size - 1, data[0] & 1);
    if (text == NULL)
        return 0;
    weir_options_init(&options);
    options.conninfo = text;
    int status = lib_config_init(&options, &config, &error);
    if (status == 0) {
        INVARIANT(config.host_count >= 1 && config.options.pool_size >= 1);
        INVARIANT(config.options.max_waiting <= WEIR_CLAIMS_MAX);
        lib_config_done(&config);
    } else {
        INVARIANT(error.text[0] != '\0' && strchr(error.text, '\n') == NULL);
        INVARIANT(may_tell(text, error.text) || strstr(error.text, SECRET) == NULL);
    }
    free(text);
    return 0;
}
