/* console_command.c - the commands that change something. Called for admins only.
 *
 * The core carries most of them out: PAUSE, RESUME, INVALIDATE, RETRY per pool. What must outlive
 * the pools is in the database: is_paused, is_disabled. A global RESUME leaves a database paused
 * that was paused by name, as in PgBouncer. Test: tests/system/test_console.py.
 */
#include <stdio.h>
#include <strings.h>

#include "base/invariant.h"
#include "proxy/client.h"
#include "proxy/console.h"
#include "proxy/log.h"
#include "proxy/takeover.h"

#define IN_USE_STATE "55000" /* object_not_in_prerequisite_state */

bool console_command_is(const struct console_words *words)
{
#define COMMAND(NAME, arguments, doc)       \
    if (console_word_is(words, 0, #NAME)) { \
        return true;                        \
    }
    CONSOLE_COMMAND_TABLE(COMMAND)
#undef COMMAND
    return false;
}

/* ---- what a command is about ------------------------------------------------------------------
 */

static void apply(struct proxy *proxy, enum core_event_kind kind, struct core_pool_id pool)
{
    struct core_event event = {.kind = kind, .pool = pool};
    int r = proxy_apply(proxy, &event);
    if (r < 0 && r != BASE_ESTATE && r != BASE_ESTALE) {
        proxy_log(PROXY_WARNING, "console: the pool did not take the command: %s",
                  base_status_text(r));
    }
}

/* To every pool of a database, or of all with NULL. */
static void apply_pools(struct proxy *proxy, const struct proxy_database *database,
                        enum core_event_kind kind)
{
    base_list_each(it, &proxy->pool_list)
    {
        const struct proxy_pool *pool = base_list_entry(it, struct proxy_pool, link);
        if (!pool->is_closed && (!database || pool->database == database)) {
            apply(proxy, kind, pool->id);
        }
    }
}

/* Word 1 as a database. True with *ret_database NULL: no word, all are meant. */
static bool take_database(struct proxy *proxy, const struct console_words *words, const char *verb,
                          struct console_result *result, struct proxy_database **ret_database)
{
    if (words->count > 2) {
        console_fail(result, "42601", "SHOW HELP lists the commands.", "syntax error");
        return false;
    }
    if (words->count < 2) {
        *ret_database = NULL;
        return true;
    }
    struct base_slice name = words->word[1].text;
    if (base_slice_is(name, CONSOLE_DATABASE)) {
        console_fail(result, "22023", NULL, "cannot %s admin db: " CONSOLE_DATABASE, verb);
        return false;
    }
    *ret_database = proxy_database_find(proxy, name);
    if (!*ret_database) {
        console_fail(result, "3D000", "SHOW DATABASES lists them.", "no such database: %.*s",
                     (int)(name.bytes < 63 ? name.bytes : 63), (const char *)name.data);
        return false;
    }
    return true;
}

/* ---- pause and its kin ------------------------------------------------------------------------
 */

static void command_pause(struct proxy_client *client, const struct console_words *words,
                          struct console_result *result)
{
    struct proxy *proxy = client->proxy;
    struct proxy_database *database;
    if (proxy->is_paused_all || proxy->is_suspended) {
        console_fail(result, IN_USE_STATE, "RESUME ends that.", "already suspended/paused");
        return;
    }
    if (!take_database(proxy, words, "pause", result, &database)) {
        return;
    }
    if (database) {
        database->is_paused = true;
    } else {
        proxy->is_paused_all = true;
    }
    apply_pools(proxy, database, CORE_EVENT_PAUSE);
    result->wait = CONSOLE_WAIT_PAUSE;
    result->tag = "PAUSE";
}

static void resume_all(struct proxy *proxy)
{
    base_list_each(it, &proxy->pool_list)
    {
        const struct proxy_pool *pool = base_list_entry(it, struct proxy_pool, link);
        if (!pool->is_closed && !pool->database->is_paused) {
            apply(proxy, CORE_EVENT_RESUME, pool->id);
        }
    }
}

void console_resume(struct proxy *proxy, const char *database)
{
    struct proxy_database *named =
        *database ? proxy_database_find(proxy, base_slice_text(database)) : NULL;
    if (named) {
        named->is_paused = false;
        if (!proxy->is_paused_all) {
            apply_pools(proxy, named, CORE_EVENT_RESUME);
        }
    } else if (!*database) {
        proxy->is_paused_all = false;
        resume_all(proxy);
        proxy_unsuspend(proxy);
    }
}

static void command_resume(struct proxy_client *client, const struct console_words *words,
                           struct console_result *result)
{
    struct proxy *proxy = client->proxy;
    struct proxy_database *database;
    if (!take_database(proxy, words, "resume", result, &database)) {
        return;
    }
    if (proxy->phase != PROXY_RUNNING) {
        console_fail(result, IN_USE_STATE, NULL, "pooler is shutting down");
    } else if (database && !database->is_paused) {
        console_fail(result, IN_USE_STATE, "SHOW DATABASES tells what is paused.",
                     "database %s is not paused", database->name);
    } else if (!database && !proxy->is_paused_all && !proxy->is_suspended) {
        console_fail(result, IN_USE_STATE,
                     "SHOW DATABASES tells which databases are paused by name.",
                     "pooler is not paused/suspended");
    } else {
        console_resume(proxy, database ? database->name : "");
        result->tag = "RESUME";
    }
}

static void command_suspend(struct proxy_client *client, const struct console_words *words,
                            struct console_result *result)
{
    struct proxy *proxy = client->proxy;
    if (words->count > 1) {
        console_fail(result, "42601", NULL, "SUSPEND takes no argument");
    } else if (proxy->is_paused_all || proxy->is_suspended) {
        console_fail(result, IN_USE_STATE, "RESUME ends that.", "already suspended/paused");
    } else {
        proxy_suspend(proxy);
        result->wait = CONSOLE_WAIT_SUSPEND;
        result->tag = "SUSPEND";
    }
}

static void command_reconnect(struct proxy_client *client, const struct console_words *words,
                              struct console_result *result)
{
    struct proxy_database *database;
    if (!take_database(client->proxy, words, "reconnect", result, &database)) {
        return;
    }
    base_list_each(it, &client->proxy->pool_list)
    {
        struct proxy_pool *pool = base_list_entry(it, struct proxy_pool, link);
        if (!database || pool->database == database) {
            proxy_pool_reconnect(pool);
        }
    }
    apply_pools(client->proxy, database, CORE_EVENT_RETRY);
    result->tag = "RECONNECT";
}

static void command_wait_close(struct proxy_client *client, const struct console_words *words,
                               struct console_result *result)
{
    struct proxy_database *database;
    if (take_database(client->proxy, words, "wait in", result, &database)) {
        result->wait = CONSOLE_WAIT_CLOSE;
        result->tag = "WAIT_CLOSE";
    }
}

/* ---- ending clients ---------------------------------------------------------------------------
 */

static void close_clients(struct proxy_pool *pool)
{
    base_list_each_safe(it, &pool->clients)
    {
        struct proxy_client *client = base_list_entry(it, struct proxy_client, pool_link);
        if (client->state != PROXY_CLIENT_CLOSING) {
            proxy_client_close(client, "57P01", "terminating connection: the database was killed",
                               NULL, "Reconnect after RESUME.", "KILL");
        }
    }
}

static void kill_database(struct proxy *proxy, struct proxy_database *database)
{
    database->is_paused = true;
    apply_pools(proxy, database, CORE_EVENT_PAUSE);
    apply_pools(proxy, database, CORE_EVENT_INVALIDATE);
    base_list_each(it, &proxy->pool_list)
    {
        struct proxy_pool *pool = base_list_entry(it, struct proxy_pool, link);
        if (pool->database == database) {
            close_clients(pool);
        }
    }
}

static void command_kill(struct proxy_client *client, const struct console_words *words,
                         struct console_result *result)
{
    struct proxy *proxy = client->proxy;
    struct proxy_database *database;
    if (proxy->is_paused_all || proxy->is_suspended) {
        console_fail(result, IN_USE_STATE, "RESUME ends that.", "already suspended/paused");
        return;
    }
    if (!take_database(proxy, words, "kill", result, &database)) {
        return;
    }
    base_list_each(it, &proxy->databases)
    {
        struct proxy_database *each = base_list_entry(it, struct proxy_database, link);
        if (!database || each == database) {
            kill_database(proxy, each);
        }
    }
    result->tag = "KILL";
}

static bool take_number(const struct console_words *words, uint64_t *ret_number)
{
    if (words->count != 2 || words->word[1].text.bytes == 0 || words->word[1].text.bytes > 18) {
        return false;
    }
    uint64_t number = 0;
    for (size_t i = 0; i < words->word[1].text.bytes; i++) {
        uint8_t c = words->word[1].text.data[i];
        if (c < '0' || c > '9') {
            return false;
        }
        number = number * 10 + (c - '0');
    }
    *ret_number = number;
    return true;
}

static void command_kill_client(struct proxy_client *client, const struct console_words *words,
                                struct console_result *result)
{
    uint64_t id;
    if (!take_number(words, &id)) {
        console_fail(result, "22023", "Take the number from column id of SHOW CLIENTS.",
                     "invalid client pointer supplied");
        return;
    }
    base_list_each(it, &client->proxy->clients)
    {
        struct proxy_client *other = base_list_entry(it, struct proxy_client, link);
        if (other->serial == id && other != client && other->state != PROXY_CLIENT_CLOSING) {
            proxy_client_close(other, "57P01",
                               "terminating connection due to administrator command", NULL, NULL,
                               "KILL_CLIENT");
            result->tag = "KILL_CLIENT";
            return;
        }
    }
    console_fail(result, "42704", "SHOW CLIENTS lists them.", "client not found");
}

static void set_disabled(struct proxy_client *client, const struct console_words *words,
                         struct console_result *result, bool is_disabled)
{
    struct proxy_database *database;
    if (!take_database(client->proxy, words, is_disabled ? "disable" : "enable", result,
                       &database)) {
        return;
    }
    if (!database) {
        console_fail(result, "42601", NULL, "a database is required");
        return;
    }
    database->is_disabled = is_disabled;
    result->tag = is_disabled ? "DISABLE" : "ENABLE";
}

static void command_disable(struct proxy_client *client, const struct console_words *words,
                            struct console_result *result)
{
    set_disabled(client, words, result, true);
}

static void command_enable(struct proxy_client *client, const struct console_words *words,
                           struct console_result *result)
{
    set_disabled(client, words, result, false);
}

/* ---- configuration and the end ----------------------------------------------------------------
 */

static void command_reload(struct proxy_client *client, const struct console_words *words,
                           struct console_result *result)
{
    char report[1800] = "";
    if (words->count > 1) {
        console_fail(result, "42601", NULL, "RELOAD takes no argument");
    } else if (proxy_reload(client->proxy, report, sizeof(report)) < 0) {
        console_fail(result, "F0000", "Nothing was changed. Run weir serve --check FILE.",
                     "RELOAD failed: %s", report);
    } else {
        snprintf(result->notice, sizeof(result->notice), "%s%s",
                 *report ? "changed: " : "nothing has changed", report);
        result->tag = "RELOAD";
    }
}

/* Files whose contents are part of the configuration are read with it. */
static bool is_read_with_file(struct base_slice name)
{
    static const char *const files[] = {"auth_file", "auth_hba_file", "auth_ident_file"};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (name.bytes == strlen(files[i]) &&
            strncasecmp((const char *)name.data, files[i], name.bytes) == 0) {
            return true;
        }
    }
    return false;
}

static void set_option(struct proxy *proxy, struct base_slice name, struct base_slice value,
                       struct console_result *result)
{
    struct config_errors errors = {0};
    struct config *changed;
    char why[512] = "";
    int r = config_with_option(proxy->config, name, value, &changed, &errors);
    if (r < 0) {
        console_fail(result, "22023", "SHOW CONFIG lists the settings.", "%s",
                     errors.error_count > 0 ? errors.errors[0].text : base_status_text(r));
        config_errors_done(&errors);
        return;
    }
    config_errors_done(&errors);
    r = proxy_settings_swap(proxy, changed, why, sizeof(why));
    if (r < 0) {
        console_fail(result, "58000", NULL, "SET failed: %s", *why ? why : base_status_text(r));
        return;
    }
    /* PgBouncer's tag repeats what was set */
    snprintf(result->text, sizeof(result->text), "SET %.*s=%.*s", (int)name.bytes,
             (const char *)name.data, (int)value.bytes, (const char *)value.data);
    result->tag = result->text;
}

static void command_set(struct proxy_client *client, const struct console_words *words,
                        struct console_result *result)
{
    bool has_sign = console_word_is(words, 2, "=") || console_word_is(words, 2, "TO");
    if (words->count != 4 || !has_sign) {
        console_fail(result, "42601", "Put values with blanks or commas into single quotes.",
                     "SET needs option = value");
    } else if (is_read_with_file(words->word[1].text)) {
        console_fail(result, "0A000", "Change the file, then RELOAD.",
                     "this setting cannot be changed by SET");
    } else {
        set_option(client->proxy, words->word[1].text, words->word[3].text, result);
    }
}

/* The process that has asked for the sockets serves on them from now on. */
static void hand_over(struct proxy_client *client, struct console_result *result)
{
    int32_t pid = 0;
    const char *why;
    if (!client->has_sockets) {
        console_fail(result, IN_USE_STATE, "That is what weir -R FILE does.",
                     "this connection was not handed the listening sockets");
        return;
    }
    if (net_stream_peer_pid(&client->stream, &pid) < 0) {
        pid = 0;
    }
    if (proxy_handover(client->proxy, pid, &why) < 0) {
        console_fail(result, IN_USE_STATE, NULL, "%s", why);
        return;
    }
    result->is_handed_over = true;
}

static void command_shutdown(struct proxy_client *client, const struct console_words *words,
                             struct console_result *result)
{
    bool is_waiting = words->count == 2 && console_word_is(words, 1, "WAIT_FOR_SERVERS");
    bool waits_for_clients = words->count == 2 && console_word_is(words, 1, "WAIT_FOR_CLIENTS");
    bool is_handed_over = words->count == 2 && console_word_is(words, 1, "HANDED_OVER");
    if (words->count > 1 && !is_waiting && !waits_for_clients && !is_handed_over) {
        console_fail(result, "42601", NULL,
                     "SHUTDOWN takes WAIT_FOR_SERVERS, WAIT_FOR_CLIENTS or nothing");
        return;
    }
    result->tag = "SHUTDOWN";
    if (is_handed_over) {
        hand_over(client, result);
        return;
    }
    if (waits_for_clients) {
        proxy_shutdown_when_empty(client->proxy);
        return;
    }
    proxy_shutdown(client->proxy, is_waiting ? BASE_NEVER : 0);
}

/* ---- dispatch ---------------------------------------------------------------------------------
 */

#define PAUSE_RUN       command_pause
#define RESUME_RUN      command_resume
#define RELOAD_RUN      command_reload
#define RECONNECT_RUN   command_reconnect
#define KILL_RUN        command_kill
#define KILL_CLIENT_RUN command_kill_client
#define DISABLE_RUN     command_disable
#define ENABLE_RUN      command_enable
#define WAIT_CLOSE_RUN  command_wait_close
#define SET_RUN         command_set
#define SUSPEND_RUN     command_suspend
#define SHUTDOWN_RUN    command_shutdown

/* PgBouncer's lines: "PAUSE 'shop' command issued". The value of a SET is not for the log. */
static void log_command(const struct proxy_client *client, const struct console_words *words,
                        const char *name)
{
    struct base_slice argument = words->count > 1 ? words->word[1].text : base_slice_of("", 0);
    const char *quote = words->count > 1 ? "'" : "";
    if (console_word_is(words, 0, "SHUTDOWN")) {
        quote = "";
    }
    proxy_log_client(PROXY_LOG, client, "%s%s%s%.*s%s command issued", name,
                     words->count > 1 ? " " : "", quote, (int)argument.bytes,
                     (const char *)argument.data, quote);
}

void console_command_run(struct proxy_client *client, const struct console_words *words,
                         struct console_result *ret_result)
{
    INVARIANT(client->is_admin);
#define COMMAND(NAME, arguments, doc)          \
    if (console_word_is(words, 0, #NAME)) {    \
        log_command(client, words, #NAME);     \
        NAME##_RUN(client, words, ret_result); \
        return;                                \
    }
    CONSOLE_COMMAND_TABLE(COMMAND)
#undef COMMAND
    INVARIANT(!"a command of the table");
}
