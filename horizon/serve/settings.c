/* settings.c - see settings.h. */
#include "serve/settings.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FLAG_BYTES       64
#define SECRET_BYTES_MAX 4096
#define PREFIX           "HORIZON_"
#define WAITS_MS_MOST    28000 /* of a request; two seconds for all else before a router gives up */

enum kind { KIND_TEXT, KIND_NUMBER };

struct row {
    enum kind kind;
    size_t offset;
    const char *environment, *otherwise;
    long least, most;
    const char *help;
};

#define ROW(kind, field, environment, otherwise, least, most, help) \
    {KIND_##kind, offsetof(struct settings, field), environment, otherwise, least, most, help},

static const struct row rows[] = {SETTINGS(ROW)};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* "--pool-size" for HORIZON_POOL_SIZE. */
static void flag_of(const struct row *row, char flag[FLAG_BYTES])
{
    const char *name = row->environment;
    if (strncmp(name, PREFIX, sizeof(PREFIX) - 1) == 0) {
        name += sizeof(PREFIX) - 1;
    }
    size_t at = (size_t)snprintf(flag, FLAG_BYTES, "--");
    for (; *name && at < FLAG_BYTES - 1; name++) {
        flag[at++] = *name == '_' ? '-' : (char)tolower((unsigned char)*name);
    }
    flag[at] = '\0';
    if (at > 4 && strcmp(flag + at - 4, "-url") == 0) {
        flag[at - 4] = '\0'; /* --database, as the other verbs have it */
    }
}

static bool is_secret(const struct row *row)
{
    return strstr(row->environment, "SECRET") != NULL;
}

void settings_help(FILE *to)
{
    for (size_t i = 0; i < ROWS; i++) {
        char flag[FLAG_BYTES];
        flag_of(&rows[i], flag);
        fprintf(to, "  %-24s %s%s\n      %s", rows[i].environment, is_secret(&rows[i]) ? "" : flag,
                is_secret(&rows[i]) ? "(or in the file named by the same name with _FILE)" : "",
                rows[i].help);
        fprintf(to, rows[i].otherwise ? "; default %s\n" : "\n", rows[i].otherwise);
    }
}

static bool set(struct settings *settings, const struct row *row, const char *text, char *why,
                size_t why_bytes)
{
    char *field = (char *)settings + row->offset;
    if (row->kind == KIND_TEXT) {
        *(const char **)(void *)field = text;
        return true;
    }
    char *end;
    errno = 0;
    long number = strtol(text ? text : "", &end, 10);
    if (!text || end == text || *end || errno || number < row->least || number > row->most) {
        snprintf(why, why_bytes, "%s is \"%s\": it has to be a whole number from %ld to %ld",
                 row->environment, text ? text : "", row->least, row->most);
        return false;
    }
    *(long *)(void *)field = number;
    return true;
}

/* The text in the file that NAME_FILE names, its last newline left out. Never freed. */
static bool read_file(const char *name, const char *path, const char **ret_text, char *why,
                      size_t why_bytes)
{
    FILE *file = fopen(path, "re");
    char *text = file ? calloc(1, SECRET_BYTES_MAX + 1) : NULL;
    size_t bytes = text ? fread(text, 1, SECRET_BYTES_MAX, file) : 0;
    bool is_read = text && !ferror(file) && bytes > 0;
    if (file) {
        fclose(file);
    }
    if (!is_read) {
        snprintf(why, why_bytes, "%s_FILE: cannot read %s: %s", name, path,
                 errno ? strerror(errno) : "it is empty");
        free(text);
        return false;
    }
    while (bytes > 0 && (text[bytes - 1] == '\n' || text[bytes - 1] == '\r')) {
        text[--bytes] = '\0';
    }
    *ret_text = text;
    return true;
}

static bool read_environment(struct settings *settings, char *why, size_t why_bytes)
{
    for (size_t i = 0; i < ROWS; i++) {
        char file_name[FLAG_BYTES + 8] = "";
        const char *text = getenv(rows[i].environment);
        if (is_secret(&rows[i])) {
            stpcpy(stpncpy(file_name, rows[i].environment, FLAG_BYTES - 1), "_FILE");
        }
        const char *path = file_name[0] ? getenv(file_name) : NULL;
        errno = 0;
        if (path && *path && !read_file(rows[i].environment, path, &text, why, why_bytes)) {
            return false;
        }
        text = text && *text ? text : rows[i].otherwise;
        if (!set(settings, &rows[i], text, why, why_bytes)) {
            return false;
        }
    }
    return true;
}

static const struct row *find_flag(const char *argument, size_t bytes)
{
    for (size_t i = 0; i < ROWS; i++) {
        char flag[FLAG_BYTES];
        flag_of(&rows[i], flag);
        if (!is_secret(&rows[i]) && strlen(flag) == bytes && memcmp(flag, argument, bytes) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

/* A GET whose connection breaks is done twice (lease.c), a flight that did not help counts as one
 * of the two where it took its time. */
long settings_waits_ms(const struct settings *settings)
{
    return settings->pool_wait_ms + 2 * settings->query_ms;
}

/* Routers give up after 30 s and tell nobody: the answer has to be on its way before. */
static bool check_waits(const struct settings *settings, char *why, size_t why_bytes)
{
    long most = settings_waits_ms(settings);
    if (most <= WAITS_MS_MOST) {
        return true;
    }
    snprintf(
        why, why_bytes,
        "HORIZON_POOL_TIMEOUT_MS (%ld) and twice HORIZON_QUERY_TIMEOUT_MS (%ld: a read is tried "
        "twice) are %ld ms together, and a router gives up after 30 s: lower them to %d ms or "
        "less together",
        settings->pool_wait_ms, settings->query_ms, most, WAITS_MS_MOST);
    return false;
}

bool settings_read(int argc, char **argv, struct settings *ret_settings, bool *ret_help, char *why,
                   size_t why_bytes)
{
    struct settings settings = {0};
    *ret_help = false;
    if (!read_environment(&settings, why, why_bytes)) {
        return false;
    }
    for (int i = 1; i < argc; i++) {
        const char *equals = strchr(argv[i], '=');
        size_t bytes = equals ? (size_t)(equals - argv[i]) : strlen(argv[i]);
        const struct row *row = find_flag(argv[i], bytes);
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            *ret_help = true;
            continue;
        }
        const char *text = equals ? equals + 1 : row && i + 1 < argc ? argv[++i] : NULL;
        if (!row || !text) {
            snprintf(why, why_bytes, "%.100s: %s; `horizon serve --help` shows all", argv[i],
                     row ? "its value is missing" : "there is no such option");
            return false;
        }
        if (!set(&settings, row, text, why, why_bytes)) {
            return false;
        }
    }
    if (!*ret_help && !check_waits(&settings, why, why_bytes)) {
        return false;
    }
    *ret_settings = settings;
    return true;
}
