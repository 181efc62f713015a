/* console_wait.c - commands that answer when something has come true.
 *
 *   PAUSE        no server of the database (or of any) is left
 *   WAIT_CLOSE   none is left that was connected before the command
 *
 * The client is not read meanwhile, but its hang-up is noticed; it then only leaves the list. While
 * nobody waits a turn costs one comparison; while somebody does, a walk over the pools.
 */
#include "base/invariant.h"
#include "proxy/client.h"
#include "proxy/console.h"
#include "proxy/server.h"

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

static bool is_over(const struct proxy_console *console)
{
    const struct proxy *proxy = console->client->proxy;
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

void proxy_console_turn(struct proxy *proxy)
{
    if (base_list_is_empty(&proxy->console_waiters)) {
        return;
    }
    base_list_each_safe(it, &proxy->console_waiters)
    {
        struct proxy_console *console = base_list_entry(it, struct proxy_console, link);
        if (console->client->state != PROXY_CLIENT_CONSOLE) {
            base_list_remove(&console->link);
        } else if (is_over(console)) {
            base_list_remove(&console->link);
            console_answer(console);
            console->wait = CONSOLE_WAIT_NOTHING;
            net_stream_resume(&console->client->stream);
        }
    }
}
