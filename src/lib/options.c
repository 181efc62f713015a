/* options.c - defaults; options from the environment and from a URL; the conninfo taken apart.
 *
 * One table names the options that can be given as text. A URL's query may hold them beside libpq's
 * own parameters: they are taken out before libpq sees the URL. Hosts are split here because the
 * library tries them itself (connect.c); everything else goes to libpq as it is.
 * Test: tests/unit/lib/test_options.c.
 */
#include "lib/lib.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define VALUE_BYTES   64
#define SECONDS_MAX   315360000.0 /* ten years */
#define MESSAGE_BYTES 256

/* ---- table ----------------------------------------------------------------------------------- */

enum type { TYPE_COUNT, TYPE_OVERFLOW, TYPE_SPAN, TYPE_YES, TYPE_RESET };

struct row {
    const char *name;
    enum type type;
    size_t offset;
    uint32_t least, most;
};

#define ALIAS(name, field, type, least, most)                                     \
    {                                                                             \
#name, TYPE_##type, offsetof(struct weir_options, field), (least), (most) \
    }
#define ROW(name, type, least, most) ALIAS(name, name, type, least, most)

static const struct row rows[] = {
    ROW(pool_size, COUNT, 1, WEIR_SERVERS_MAX),
    ROW(max_overflow, OVERFLOW, 0, WEIR_SERVERS_MAX),
    ROW(pool_timeout, SPAN, 0, 0),
    ROW(pool_recycle, SPAN, 0, 0),
    ROW(pool_pre_ping, YES, 0, 0),
    ROW(pre_ping_after, SPAN, 0, 0),
    ROW(min_pool_size, COUNT, 0, WEIR_SERVERS_MAX),
    ROW(idle_timeout, SPAN, 0, 0),
    ROW(max_connecting, COUNT, 1, WEIR_SERVERS_MAX),
    ROW(max_waiting, COUNT, 1, WEIR_CLAIMS_MAX), /* who begins a connect waits for it */
    ROW(use_lifo, YES, 0, 0),
    ROW(reset_on_return, RESET, 0, 0),
    ROW(connect_timeout, SPAN, 0, 0),
    ROW(task_timeout, SPAN, 0, 0),
    ROW(require_primary, YES, 0, 0),
    ROW(lend_early, YES, 0, 0),
    ROW(detect_deadlock, YES, 0, 0),
    ROW(ask_server, YES, 0, 0),
    /* the names that PgBouncer and the daemon have for them */
    ALIAS(default_pool_size, pool_size, COUNT, 1, WEIR_SERVERS_MAX),
    ALIAS(query_wait_timeout, pool_timeout, SPAN, 0, 0),
    ALIAS(server_lifetime, pool_recycle, SPAN, 0, 0),
    ALIAS(server_idle_timeout, idle_timeout, SPAN, 0, 0),
    ALIAS(server_check_delay, pre_ping_after, SPAN, 0, 0),
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

void weir_options_init(struct weir_options *options)
{
    if (options == NULL)
        return;
    *options = (struct weir_options){
        .pool_size = 20,
        .max_overflow = 10,
        .pool_timeout = 30 * WEIR_SECOND,
        .pool_recycle = 3600 * WEIR_SECOND,
        .pool_pre_ping = true,
        .pre_ping_after = 1 * WEIR_SECOND,
        .idle_timeout = 600 * WEIR_SECOND,
        .max_connecting = 2,
        .max_waiting = WEIR_CLAIMS_MAX,
        .use_lifo = true,
        .reset_on_return = WEIR_RESET_ROLLBACK,
        .connect_timeout = 10 * WEIR_SECOND,
        .task_timeout = 5 * WEIR_SECOND,
        .detect_deadlock = true,
        .ask_server = true,
    };
}

/* ---- values ---------------------------------------------------------------------------------- */

static bool read_number(const char *text, double *ret_number)
{
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || errno != 0 || isnan(value))
        return false;
    *ret_number = value;
    return true;
}

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strcasecmp(text, *words) == 0)
            return true;
    return false;
}

static bool set_yes(bool *field, const char *text)
{
    static const char *const yes[] = {"1", "on", "yes", "true", NULL};
    static const char *const no[] = {"0", "off", "no", "false", NULL};
    bool is_yes = is_one_of(text, yes);
    if (!is_yes && !is_one_of(text, no))
        return false;
    *field = is_yes;
    return true;
}

static bool set_reset(enum weir_reset *field, const char *text)
{
    static const char *const names[] = {"rollback", "full", "none"};
    for (unsigned i = 0; i < 3; i++) {
        if (strcasecmp(text, names[i]) == 0) {
            *field = (enum weir_reset)i;
            return true;
        }
    }
    return false;
}

/* False when the text is not a value of this option. */
static bool set(struct weir_options *options, const struct row *row, const char *text)
{
    char *field = (char *)options + row->offset;
    double number;
    if (row->type == TYPE_YES)
        return set_yes((bool *)(void *)field, text);
    if (row->type == TYPE_RESET)
        return set_reset((enum weir_reset *)(void *)field, text);
    if (!read_number(text, &number))
        return false;
    if (row->type == TYPE_SPAN) {
        if (number < 0 || number > SECONDS_MAX)
            return false;
        *(weir_time *)(void *)field = (weir_time)(number * 1e9);
        return true;
    }
    if (number != floor(number))
        return false;
    if (row->type == TYPE_OVERFLOW) {
        if (number < -1 || number > row->most)
            return false;
        *(int32_t *)(void *)field = (int32_t)number;
        return true;
    }
    if (number < row->least || number > row->most)
        return false;
    *(uint32_t *)(void *)field = (uint32_t)number;
    return true;
}

static void say_allowed(const struct row *row, char *text, size_t bytes)
{
    switch (row->type) {
    case TYPE_COUNT:
        snprintf(text, bytes, "a number from %u to %u", row->least, row->most);
        break;
    case TYPE_OVERFLOW:
        snprintf(text, bytes, "a number from 0 to %u, or -1 for no limit", row->most);
        break;
    case TYPE_SPAN:
        snprintf(text, bytes, "seconds, decimals allowed");
        break;
    case TYPE_YES:
        snprintf(text, bytes, "1 or 0");
        break;
    case TYPE_RESET:
        snprintf(text, bytes, "rollback, full or none");
        break;
    }
}

static int refuse(const struct row *row, const char *where, const char *value,
                  struct weir_error *ret_error)
{
    char allowed[MESSAGE_BYTES], shown[VALUE_BYTES];
    snprintf(shown, sizeof(shown), "%s", value);
    for (char *at = shown; *at != '\0'; at++)
        if (iscntrl((unsigned char)*at))
            *at = '?'; /* a text is one line */
    say_allowed(row, allowed, sizeof(allowed));
    lib_error_set(ret_error, WEIR_EINVALID, "%s \"%s\" is not allowed; allowed is %s", where, shown,
                  allowed);
    return WEIR_EINVALID;
}

/* ---- environment ----------------------------------------------------------------------------- */

int weir_options_environment(struct weir_options *options, struct weir_error *ret_error)
{
    if (options == NULL) {
        lib_error_set(ret_error, WEIR_EINVALID, "weir_options_environment needs options");
        return WEIR_EINVALID;
    }
    struct weir_options changed = *options;
    for (size_t i = 0; i < ROWS; i++) {
        char name[VALUE_BYTES] = "WEIR_";
        for (size_t at = 0; rows[i].name[at] != '\0'; at++)
            name[5 + at] = (char)toupper((unsigned char)rows[i].name[at]);
        const char *value = getenv(name);
        if (value != NULL && !set(&changed, &rows[i], value))
            return refuse(&rows[i], name, value, ret_error);
    }
    *options = changed;
    return 0;
}

/* ---- URL ------------------------------------------------------------------------------------- */

static const struct row *find_row(const char *name, size_t bytes)
{
    for (size_t i = 0; i < ROWS; i++)
        if (strlen(rows[i].name) == bytes && memcmp(rows[i].name, name, bytes) == 0)
            return &rows[i];
    return NULL;
}

static bool is_url(const char *text)
{
    return strncmp(text, "postgres://", 11) == 0 || strncmp(text, "postgresql://", 13) == 0;
}

/* Where the query of a URL begins, after its question mark. The password may have one, too: libpq
 * takes everything before the first "@" that no "/" precedes for user and password. */
static char *query_of(char *url)
{
    char *from = strstr(url, "//") + 2, *at = strpbrk(from, "@/");
    char *mark = strchr(at != NULL && *at == '@' ? at : from, '?');
    return mark == NULL ? NULL : mark + 1;
}

/* Reads our options out of the query of a URL; `url` is shortened by them. connect_timeout stays
 * for libpq's parser: it is libpq's name too. */
static int take_options(char *url, struct weir_options *options, struct weir_error *ret_error)
{
    char *query = is_url(url) ? query_of(url) : NULL;
    if (query == NULL)
        return 0;
    char *from = query, *to = query;
    while (*from != '\0') {
        size_t bytes = strcspn(from, "&"), name = strcspn(from, "=&");
        bool is_last = from[bytes] == '\0';
        const struct row *row = find_row(from, name);
        if (row != NULL && strcmp(row->name, "connect_timeout") != 0) {
            char value[VALUE_BYTES];
            size_t length = name < bytes ? bytes - name - 1 : 0;
            snprintf(value, sizeof(value), "%.*s", (int)length, from + name + (name < bytes));
            if (length >= sizeof(value) || !set(options, row, value))
                return refuse(row, row->name, value, ret_error);
        } else {
            if (to != query)
                *to++ = '&';
            memmove(to, from, bytes);
            to += bytes;
        }
        from += bytes + !is_last;
    }
    *to = '\0';
    if (to == query)
        query[-1] = '\0';
    return 0;
}

/* ---- conninfo -------------------------------------------------------------------------------- */

static int out_of_memory(struct weir_error *ret_error)
{
    lib_error_set(ret_error, WEIR_ENOMEM, "out of memory for options");
    return WEIR_ENOMEM;
}

static char *copy_part(const char *text, size_t bytes)
{
    return bytes == 0 ? NULL : strndup(text, bytes);
}

/* The idx-th part of a list separated by commas; the only part counts for all. NULL: empty. */
static char *part(const char *list, uint32_t idx)
{
    if (list == NULL)
        return NULL;
    if (strchr(list, ',') == NULL)
        return copy_part(list, strlen(list));
    for (; idx > 0 && *list != '\0'; idx--) {
        list += strcspn(list, ",");
        list += *list == ',';
    }
    return copy_part(list, strcspn(list, ","));
}

static uint32_t count_parts(const char *list)
{
    uint32_t count = 1;
    for (; list != NULL && *list != '\0'; list++)
        count += *list == ',';
    return count;
}

static const char *value_of(const PQconninfoOption *options, const char *keyword)
{
    for (; options != NULL && options->keyword != NULL; options++)
        if (strcmp(options->keyword, keyword) == 0)
            return options->val != NULL && options->val[0] != '\0' ? options->val : NULL;
    return NULL;
}

static int split_hosts(struct lib_config *config, const PQconninfoOption *parsed,
                       const PQconninfoOption *defaults)
{
    const char *hosts = value_of(parsed, "host"), *addresses = value_of(parsed, "hostaddr");
    const char *ports = value_of(parsed, "port");
    if (hosts == NULL && addresses == NULL && value_of(parsed, "service") == NULL) {
        hosts = value_of(defaults, "host");
        addresses = value_of(defaults, "hostaddr");
    }
    if (ports == NULL && value_of(parsed, "service") == NULL)
        ports = value_of(defaults, "port");
    uint32_t count = count_parts(hosts), others = count_parts(addresses);
    config->host_count = count > others ? count : others;
    if ((hosts != NULL && addresses != NULL && count != others) ||
        (count_parts(ports) != 1 && count_parts(ports) != config->host_count))
        return WEIR_EINVALID;
    config->hosts = calloc(config->host_count, sizeof(*config->hosts));
    if (config->hosts == NULL)
        return WEIR_ENOMEM;
    for (uint32_t i = 0; i < config->host_count; i++) {
        config->hosts[i].host = part(hosts, i);
        config->hosts[i].hostaddr = part(addresses, i);
        config->hosts[i].port = part(ports, i);
    }
    return 0;
}

static bool is_ours(const char *keyword)
{
    static const char *const names[] = {"host", "hostaddr", "port", "connect_timeout", NULL};
    return is_one_of(keyword, names);
}

static int copy_keywords(struct lib_config *config, const PQconninfoOption *parsed)
{
    uint32_t count = 1;
    for (const PQconninfoOption *it = parsed; it->keyword != NULL; it++)
        count++;
    config->keywords = calloc(count, sizeof(*config->keywords));
    config->values = calloc(count, sizeof(*config->values));
    if (config->keywords == NULL || config->values == NULL)
        return WEIR_ENOMEM;
    for (const PQconninfoOption *it = parsed; it->keyword != NULL; it++) {
        if (it->val == NULL || is_ours(it->keyword))
            continue;
        char *keyword = strdup(it->keyword), *value = strdup(it->val);
        config->keywords[config->keyword_count] = keyword;
        config->values[config->keyword_count++] = value;
        if (keyword == NULL || value == NULL)
            return WEIR_ENOMEM;
    }
    return 0;
}

static void apply_conninfo(struct lib_config *config, const PQconninfoOption *parsed)
{
    const char *timeout = value_of(parsed, "connect_timeout");
    const char *target = value_of(parsed, "target_session_attrs");
    double seconds;
    if (timeout != NULL && read_number(timeout, &seconds) && seconds > 0 && seconds < SECONDS_MAX)
        config->options.connect_timeout = (weir_time)(seconds * 1e9);
    if (target != NULL && (strcmp(target, "primary") == 0 || strcmp(target, "read-write") == 0))
        config->options.require_primary = true;
    config->asks_for_primary = config->options.require_primary && target == NULL;
}

/* Names an option that libpq does not know, and nothing else that could be a part of a password. */
static bool only_names_an_option(const char *message)
{
    static const char *const beginnings[] = {"invalid connection option \"",
                                             "invalid URI query parameter: \""};
    for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
        size_t bytes = strlen(beginnings[i]);
        if (strncmp(message, beginnings[i], bytes) != 0)
            continue;
        const char *end = message + bytes;
        end += strspn(end, "abcdefghijklmnopqrstuvwxyz_");
        return end[0] == '"' && strspn(end, "\"\n") == strlen(end);
    }
    return false;
}

/* libpq quotes what it could not read: a part of the conninfo, or all of it. */
static int refuse_conninfo(const char *conninfo, const char *why, struct weir_error *ret_error)
{
    bool has_password = strstr(conninfo, "password") != NULL || strchr(conninfo, '@') != NULL;
    int length = (int)strcspn(why, "\n");
    int plain = (int)strspn(why, " abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ(),.:'%-");
    bool is_hidden = has_password && plain < length && !only_names_an_option(why);
    lib_error_set(ret_error, WEIR_EINVALID, "conninfo: %.*s%s", is_hidden ? plain : length, why,
                  is_hidden ? "... (the rest is not shown: it may hold the password)" : "");
    return WEIR_EINVALID;
}

static int parse(struct lib_config *config, struct weir_error *ret_error)
{
    char *message = NULL;
    PQconninfoOption *parsed = PQconninfoParse(config->conninfo, &message);
    if (parsed == NULL) {
        int refused = refuse_conninfo(config->conninfo, message == NULL ? "out of memory" : message,
                                      ret_error);
        PQfreemem(message);
        return refused;
    }
    PQconninfoOption *defaults = PQconndefaults();
    int status = split_hosts(config, parsed, defaults);
    if (status == 0)
        status = copy_keywords(config, parsed);
    apply_conninfo(config, parsed);
    PQconninfoFree(defaults);
    PQconninfoFree(parsed);
    if (status == WEIR_EINVALID)
        lib_error_set(
            ret_error, status,
            "conninfo: there are not as many of host, hostaddr and port as of each other; "
            "give one for each host, or one port for all");
    return status == WEIR_ENOMEM ? out_of_memory(ret_error) : status;
}

/* ---- all together ---------------------------------------------------------------------------- */

/* What is out of range in options that were set in code. */
static int check(const struct weir_options *options, struct weir_error *ret_error)
{
    for (size_t i = 0; i < ROWS; i++) {
        const char *field = (const char *)options + rows[i].offset;
        double value = rows[i].least;
        if (rows[i].type == TYPE_COUNT)
            value = *(const uint32_t *)(const void *)field;
        if (rows[i].type == TYPE_OVERFLOW)
            value = *(const int32_t *)(const void *)field < 0 ? 0 : value;
        if (value < rows[i].least || value > rows[i].most) {
            char text[VALUE_BYTES];
            snprintf(text, sizeof(text), "%.0f", value);
            return refuse(&rows[i], rows[i].name, text, ret_error);
        }
    }
    if ((unsigned)options->reset_on_return > WEIR_RESET_NONE) {
        lib_error_set(ret_error, WEIR_EINVALID, "reset_on_return is not one of enum weir_reset");
        return WEIR_EINVALID;
    }
    return 0;
}

void lib_config_done(struct lib_config *config)
{
    for (uint32_t i = 0; config->hosts != NULL && i < config->host_count; i++) {
        free(config->hosts[i].host);
        free(config->hosts[i].hostaddr);
        free(config->hosts[i].port);
    }
    for (uint32_t i = 0; i < config->keyword_count; i++) {
        free(config->keywords[i]);
        if (config->values[i] != NULL)
            explicit_bzero(config->values[i], strlen(config->values[i])); /* a password, maybe */
        free(config->values[i]);
    }
    free(config->hosts);
    free(config->keywords);
    free(config->values);
    if (config->conninfo != NULL)
        explicit_bzero(config->conninfo, strlen(config->conninfo));
    free(config->conninfo);
    free(config->on_connect_sql);
    memset(config, 0, sizeof(*config));
}

int lib_config_init(const struct weir_options *options, struct lib_config *ret_config,
                    struct weir_error *ret_error)
{
    struct lib_config config = {.options = *options};
    const char *conninfo = options->conninfo != NULL ? options->conninfo : getenv("DATABASE_URL");
    config.conninfo = strdup(conninfo == NULL ? "" : conninfo);
    if (options->on_connect_sql != NULL)
        config.on_connect_sql = strdup(options->on_connect_sql);
    int status = config.conninfo == NULL ||
                         (options->on_connect_sql != NULL && config.on_connect_sql == NULL)
                     ? out_of_memory(ret_error)
                     : take_options(config.conninfo, &config.options, ret_error);
    if (status == 0)
        status = parse(&config, ret_error);
    if (status == 0)
        status = check(&config.options, ret_error);
    if (status != 0) {
        lib_config_done(&config);
        return status;
    }
    config.options.conninfo = config.conninfo;
    config.options.on_connect_sql = config.on_connect_sql;
    *ret_config = config;
    return 0;
}
