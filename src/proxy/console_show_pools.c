/* console_show_pools.c - SHOW POOLS, DATABASES, USERS, UPSTREAMS.
 *
 * Counts of servers are the core's (core_pool_stats); clients are counted off the pools' lists.
 */
#include <stdio.h>

#include "base/invariant.h"
#include "proxy/client.h"
#include "proxy/console.h"
#include "proxy/server.h"

static const char *hosts_balance(const struct proxy_database *database)
{
    return strchr(database->upstream->host, ',') ? config_balance_text(database->balance) : NULL;
}

/* ---- pools ------------------------------------------------------------------------------------
 */

static const char *scope_text(enum core_scope_kind kind)
{
    switch (kind) {
    case CORE_SCOPE_POOL:
        return "pool";
    case CORE_SCOPE_DATABASE:
        return "database";
    case CORE_SCOPE_USER:
        return "user";
    case CORE_SCOPE_UPSTREAM:
        return "upstream";
    }
    return NULL;
}

static void put_limit(struct console_rows *rows, uint32_t limit)
{
    if (limit == CORE_NO_LIMIT) {
        console_put_null(rows);
    } else {
        console_put_number(rows, limit);
    }
}

static void put_holder(struct console_rows *rows, const struct core_pool_stats *stats)
{
    struct proxy_server *server = stats->oldest_lease > 0
                                      ? proxy_server_by_id(rows->proxy, stats->oldest_lease_server)
                                      : NULL;
    if (!server || !server->client) {
        console_put_null(rows);
        console_put_null(rows);
        return;
    }
    char text[256];
    proxy_client_text(server->client, text, sizeof(text));
    console_put_copy(rows, text);
    console_put_us(rows, stats->oldest_lease);
}

/* What PgBouncer does not have. */
static void put_pool_more(struct console_rows *rows, const struct proxy_pool *pool,
                          const struct core_pool_stats *stats)
{
    put_limit(rows, stats->ceiling);
    console_put_text(rows,
                     stats->ceiling == CORE_NO_LIMIT ? NULL : scope_text(stats->ceiling_kind));
    put_limit(rows, stats->limit);
    console_put_number(rows, stats->closing);
    if (stats->is_backing_off) {
        console_put_us(rows, stats->retry_in);
    } else {
        console_put_null(rows);
    }
    if (pool->failure.status != BASE_OK) {
        console_put_copy(rows, pool->failure.text);
    } else {
        console_put_null(rows);
    }
    put_holder(rows, stats);
    console_put_text(rows, stats->is_paused ? "yes" : "no");
    console_put_number(rows, stats->timeouts);
    console_put_number(rows, stats->refusals);
    console_put_number(rows, stats->connects);
    console_put_number(rows, stats->connect_failures);
}

static void put_pool(struct console_rows *rows, const struct proxy_pool *pool,
                     const struct core_pool_stats *stats)
{
    struct proxy_pool_counts counts = proxy_pool_counts(pool);
    uint32_t waiting = stats->waiting < counts.clients ? stats->waiting : counts.clients;
    console_put_text(rows, pool->database->name);
    console_put_text(rows, pool->shown_user);
    console_put_number(rows, counts.clients - waiting);
    console_put_number(rows, stats->waiting);
    console_put_number(rows, counts.cancels);
    console_put_number(rows, 0);
    console_put_number(rows, stats->leased + stats->detached);
    console_put_number(rows, counts.cancels);
    console_put_number(rows, counts.cancelled);
    console_put_number(rows, stats->idle);
    console_put_number(rows, 0);
    console_put_number(rows, stats->checking + stats->resetting);
    console_put_number(rows, stats->opening);
    console_put_wait(rows, stats->oldest_wait);
    console_put_text(rows, config_pool_mode_text(pool->mode));
    console_put_text(rows, hosts_balance(pool->database));
    put_pool_more(rows, pool, stats);
}

static uint32_t console_clients(const struct proxy *proxy)
{
    uint32_t count = 0;
    base_list_each(it, &proxy->clients)
    {
        count +=
            base_list_entry(it, struct proxy_client, link)->state == PROXY_CLIENT_CONSOLE ? 1 : 0;
    }
    return count;
}

/* PgBouncer shows its console as a pool; dashboards subtract it. */
static void put_console_pool(struct console_rows *rows)
{
    console_put_text(rows, CONSOLE_DATABASE);
    console_put_text(rows, CONSOLE_DATABASE);
    console_put_number(rows, console_clients(rows->proxy));
    for (int i = 0; i < 12; i++) {
        console_put_number(rows, 0); /* cl_waiting to maxwait_us */
    }
    console_put_text(rows, "statement");
    while (rows->at < rows->column_count - 4) {
        console_put_null(rows);
    }
    for (int i = 0; i < 4; i++) {
        console_put_number(rows, 0);
    }
}

void console_show_pools(struct console_rows *rows)
{
    const struct proxy *proxy = rows->proxy;
    put_console_pool(rows);
    base_list_each(it, &proxy->pool_list)
    {
        const struct proxy_pool *pool = base_list_entry(it, struct proxy_pool, link);
        struct core_pool_stats stats;
        if (!pool->parent && proxy_pool_stats(pool, &stats) == BASE_OK) {
            put_pool(rows, pool, &stats);
        }
    }
}

/* ---- databases --------------------------------------------------------------------------------
 */

static uint32_t count_servers(const struct proxy *proxy, const struct proxy_database *database,
                              const struct proxy_user *user)
{
    uint32_t count = 0;
    base_list_each(it, &proxy->pool_list)
    {
        const struct proxy_pool *pool = base_list_entry(it, struct proxy_pool, link);
        if ((!database || pool->database == database) && (!user || pool->user == user)) {
            count += pool->server_count;
        }
    }
    return count;
}

static void put_database(struct console_rows *rows, const struct proxy_database *database)
{
    const struct core_pool_settings *settings = &database->settings;
    const char *host = database->upstream->host;
    console_put_text(rows, database->name);
    console_put_text(rows, host[0] == '/' || host[0] == '@' ? NULL : host);
    console_put_number(rows, database->upstream->port);
    console_put_text(rows, database->dbname);
    console_put_text(rows, database->forced_user);
    console_put_number(rows, settings->size);
    console_put_number(rows, settings->min_size);
    console_put_number(rows, settings->reserve);
    console_put_number(rows, settings->lifetime / BASE_SECOND);
    console_put_text(rows, database->has_mode ? config_pool_mode_text(database->mode) : NULL);
    console_put_text(rows, hosts_balance(database));
    console_put_number(
        rows, database->connection_limit == CORE_NO_LIMIT ? 0 : database->connection_limit);
    console_put_number(rows, count_servers(rows->proxy, database, NULL));
    console_put_number(rows, database->client_limit);
    console_put_number(rows, database->client_count);
    console_put_number(rows, database->is_paused);
    console_put_number(rows, database->is_disabled);
    console_put_number(rows, settings->reserve);
}

static void put_console_database(struct console_rows *rows)
{
    uint32_t clients = console_clients(rows->proxy);
    console_put_text(rows, CONSOLE_DATABASE);
    console_put_null(rows);
    console_put_number(rows, rows->proxy->config->options.listen_port);
    console_put_text(rows, CONSOLE_DATABASE);
    console_put_text(rows, CONSOLE_DATABASE);
    console_put_number(rows, 2); /* as PgBouncer shows it */
    for (int i = 0; i < 3; i++) {
        console_put_number(rows, 0);
    }
    console_put_text(rows, "statement");
    console_put_null(rows);
    for (int i = 0; i < 3; i++) {
        console_put_number(rows, 0);
    }
    console_put_number(rows, clients);
    for (int i = 0; i < 3; i++) {
        console_put_number(rows, 0);
    }
}

void console_show_databases(struct console_rows *rows)
{
    base_list_each(it, &rows->proxy->databases)
    {
        const struct proxy_database *database = base_list_entry(it, struct proxy_database, link);
        if (!database->is_removed) {
            put_database(rows, database);
        }
    }
    put_console_database(rows);
}

/* ---- users ------------------------------------------------------------------------------------
 */

static const struct proxy_user *user_find(const struct proxy *proxy, const char *name)
{
    base_list_each(it, &proxy->users)
    {
        const struct proxy_user *user = base_list_entry(it, struct proxy_user, link);
        if (strcmp(user->name, name) == 0) {
            return user;
        }
    }
    return NULL;
}

static bool has_key(const struct config_user *user, enum config_user_key key)
{
    return user && (user->set & (UINT32_C(1) << key));
}

static void put_size(struct console_rows *rows, bool is_set, uint32_t size)
{
    char text[16] = "";
    if (is_set) {
        snprintf(text, sizeof(text), "%u", size);
    }
    console_put_copy(rows, text);
}

static void put_user(struct console_rows *rows, const char *name, const struct config_user *entry,
                     const struct proxy_user *user)
{
    uint32_t servers = user ? count_servers(rows->proxy, NULL, user) : 0;
    console_put_text(rows, name);
    put_size(rows, has_key(entry, CONFIG_USER_KEY_pool_size), entry ? entry->pool_size : 0);
    put_size(rows, has_key(entry, CONFIG_USER_KEY_reserve_pool_size),
             entry ? entry->reserve_pool_size : 0);
    console_put_text(rows, has_key(entry, CONFIG_USER_KEY_pool_mode)
                               ? config_pool_mode_text(entry->pool_mode)
                               : NULL);
    console_put_number(rows, entry ? entry->max_user_connections
                                   : rows->proxy->config->options.max_user_connections);
    console_put_number(rows, servers);
    console_put_number(rows, entry ? entry->max_user_client_connections
                                   : rows->proxy->config->options.max_user_client_connections);
    console_put_number(rows, user ? user->client_count : 0);
}

void console_show_users(struct console_rows *rows)
{
    const struct config *config = rows->proxy->config;
    for (uint32_t i = 0; i < config->user_count; i++) {
        const struct config_user *entry = &config->users[i];
        put_user(rows, entry->name, entry, user_find(rows->proxy, entry->name));
    }
    base_list_each(it, &rows->proxy->users)
    {
        const struct proxy_user *user = base_list_entry(it, struct proxy_user, link);
        if (!config_user_find(config, base_slice_text(user->name))) {
            put_user(rows, user->name, NULL, user);
        }
    }
}

/* ---- upstreams --------------------------------------------------------------------------------
 */

void console_show_upstreams(struct console_rows *rows)
{
    const struct proxy *proxy = rows->proxy;
    base_list_each(it, &proxy->upstreams)
    {
        const struct proxy_upstream *upstream = base_list_entry(it, struct proxy_upstream, link);
        struct core_scope_stats stats;
        if (core_scope_stats(proxy->core, net_loop_now(proxy->loop), upstream->scope, &stats) < 0) {
            continue;
        }
        console_put_text(rows, upstream->host);
        console_put_number(rows, upstream->port);
        console_put_number(rows, stats.live);
        console_put_number(rows, stats.opening);
        console_put_number(rows, stats.closing);
        put_limit(rows, stats.ceiling);
        put_limit(rows, stats.limit);
        if (stats.is_backing_off) {
            console_put_us(rows, stats.retry_in);
        } else {
            console_put_null(rows);
        }
    }
}
