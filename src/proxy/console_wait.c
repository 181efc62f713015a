/* console_wait.c - commands that answer when something has come true.
 *
 *   PAUSE        no server of the database (or of any) is left
 *   WAIT_CLOSE   none is left that was connected before the command
 *   SUSPEND      no client is in the middle of a message or has output on its way;
 *                after suspend_timeout who still is, is closed
 *
 * A cancel request for the waiting client ends the wait and undoes PAUSE and SUSPEND, and so does
 * the end of the last console client for SUSPEND: nobody else could.
 * The client is not read meanwhile, but its hang-up is noticed; it then only leaves the list. While
 * nobody waits a turn costs one comparison; while somebody does, a walk over the pools. Output that
 * the end of a turn sends is nobody's event, so a SUSPEND that waits looks again after a moment.
 */
#include "base/invariant.h"
#include "proxy/client.h"
#include "proxy/console.h"
#include "proxy/log.h"
#include "proxy/server.h"

#define LOOK_SPAN (20 * BASE_MS)

void console_wait_begin(struct proxy_console *console, const struct console_words *words,
                        enum console_wait wait, const char *tag, bool is_simple)
{
    INVARIANT(console->wait == CONSOLE_WAIT_NOTHING && wait != CONSOLE_WAIT_NOTHING);
    struct proxy *proxy = console->client->proxy;
    console->wait = wait;
    console->wait_tag = tag;
    console->is_simple = is_simple;
    console->wait_since = net_loop_now(proxy->loop);
    console->wait_database[0] = '\0';
    if (words->count > 1) {
        struct base_slice name = words->word[1].text;
        size_t bytes = name.bytes < sizeof(console->wait_database) - 1
                           ? name.bytes
                           : sizeof(console->wait_database) - 1;
        memcpy(console->wait_database, name.data, bytes);
        console->wait_database[bytes] = '\0';
    }
    base_list_push_back(&proxy->console_waiters, &console->link);
    net_stream_pause(&console->client->stream);
}

static bool has_servers(const struct proxy *proxy, const struct proxy_pool *pool)
{
    struct core_pool_stats s;
    if (core_pool_stats(proxy->core, net_loop_now(proxy->loop), pool->id, &s) < 0) {
        return pool->server_count > 0;
    }
    return s.idle + s.leased + s.checking + s.resetting + s.opening + s.closing + s.detached > 0;
}

static bool has_old_servers(const struct proxy_pool *pool, base_time since)
{
    base_list_each(it, &pool->servers)
    {
        if (base_list_entry(it, struct proxy_server, pool_link)->connected_at < since) {
            return true;
        }
    }
    return false;
}

/* Has it something on its way that a suspension waits for? */
static bool is_unfinished(const struct proxy_client *client)
{
    bool has_session = client->state == PROXY_CLIENT_READY || client->state == PROXY_CLIENT_LINKED;
    return has_session && (client->pass_left > 0 || net_stream_unsent(&client->stream) > 0);
}

static bool has_unfinished(const struct proxy *proxy)
{
    base_list_each(it, &proxy->clients)
    {
        if (is_unfinished(base_list_entry(it, struct proxy_client, link))) {
            return true;
        }
    }
    return false;
}

static bool is_over(const struct proxy_console *console)
{
    const struct proxy *proxy = console->client->proxy;
    if (console->wait == CONSOLE_WAIT_SUSPEND) {
        return !has_unfinished(proxy);
    }
    base_list_each(it, &proxy->pool_list)
    {
        const struct proxy_pool *pool = base_list_entry(it, struct proxy_pool, link);
        if (console->wait_database[0] != '\0' &&
            strcmp(pool->database->name, console->wait_database) != 0) {
            continue;
        }
        if (console->wait == CONSOLE_WAIT_PAUSE ? has_servers(proxy, pool)
                                                : has_old_servers(pool, console->wait_since)) {
            return false;
        }
    }
    return true;
}

void proxy_suspend_expired(struct proxy *proxy)
{
    base_list_each_safe(it, &proxy->clients)
    {
        struct proxy_client *client = base_list_entry(it, struct proxy_client, link);
        if (proxy->is_suspended && is_unfinished(client)) {
            proxy_client_close(client, "57P01", "suspend_timeout", NULL, "Reconnect.",
                               "suspend_timeout");
        }
    }
}

static void stop_waiting(struct proxy_console *console, const char *sqlstate, const char *text)
{
    base_list_remove(&console->link);
    console_answer(console, sqlstate, text);
    console->wait = CONSOLE_WAIT_NOTHING;
    net_stream_resume(&console->client->stream);
}

void proxy_console_cancel(struct proxy_client *client)
{
    struct proxy_console *console = client->console;
    if (!proxy_console_is_waiting(client)) {
        return;
    }
    if (console->wait != CONSOLE_WAIT_CLOSE) {
        console_resume(client->proxy, console->wait_database);
    }
    stop_waiting(console, "57014", "canceling statement due to user request");
}

static bool has_console(const struct proxy *proxy)
{
    base_list_each(it, &proxy->clients)
    {
        if (base_list_entry(it, struct proxy_client, link)->state == PROXY_CLIENT_CONSOLE) {
            return true;
        }
    }
    return false;
}

void proxy_console_turn(struct proxy *proxy)
{
    if (proxy->is_suspended && !has_console(proxy)) {
        proxy_log(PROXY_LOG, "admin disappeared when suspended, doing RESUME");
        console_resume(proxy, "");
    }
    if (base_list_is_empty(&proxy->console_waiters)) {
        return;
    }
    base_list_each_safe(it, &proxy->console_waiters)
    {
        struct proxy_console *console = base_list_entry(it, struct proxy_console, link);
        if (console->client->state != PROXY_CLIENT_CONSOLE) {
            base_list_remove(&console->link);
        } else if (is_over(console)) {
            stop_waiting(console, NULL, NULL);
        } else if (console->wait == CONSOLE_WAIT_SUSPEND) {
            net_timer_set(proxy->loop, &proxy->look_timer,
                          base_time_add(net_loop_now(proxy->loop), LOOK_SPAN));
        }
    }
}
