/* console_show.c - the table of SHOW commands, and those that show the process itself. */
#include <stdio.h>
#include <strings.h>

#include "proxy/cancel.h"
#include "proxy/client.h"
#include "proxy/console.h"
#include "proxy/peer.h"
#include "proxy/server.h"

/* ---- lists, state, memory ---------------------------------------------------------------------
 */

static void put_item(struct console_rows *rows, const char *name, uint64_t count)
{
    console_put_text(rows, name);
    console_put_number(rows, count);
}

static uint32_t length(const struct base_list *list)
{
    uint32_t count = 0;
    base_list_each(it, list)
    {
        count++;
    }
    return count;
}

static uint32_t clients_logging_in(const struct proxy *proxy)
{
    uint32_t count = 0;
    base_list_each(it, &proxy->clients)
    {
        count += base_list_entry(it, struct proxy_client, link)->state <= PROXY_CLIENT_AUTH ? 1 : 0;
    }
    return count;
}

static uint32_t server_count(const struct proxy *proxy)
{
    uint32_t count = 0;
    base_list_each(it, &proxy->pool_list)
    {
        count += base_list_entry(it, struct proxy_pool, link)->server_count;
    }
    return count;
}

static void count_resolved(void *arg, const struct net_resolved *resolved)
{
    (void)resolved;
    ++*(uint32_t *)arg;
}

static void count_zone(void *arg, const struct net_zone *zone)
{
    (void)zone;
    ++*(uint32_t *)arg;
}

static void show_lists(struct console_rows *rows)
{
    const struct proxy *proxy = rows->proxy;
    uint32_t login = clients_logging_in(proxy);
    put_item(rows, "databases", length(&proxy->databases));
    put_item(rows, "users", proxy->config->user_count);
    put_item(rows, "peers", length(&proxy->peers));
    put_item(rows, "pools", proxy->pool_count);
    put_item(rows, "peer_pools", length(&proxy->peers));
    put_item(rows, "free_clients", 0);
    put_item(rows, "used_clients", proxy->client_count - login);
    put_item(rows, "login_clients", login);
    put_item(rows, "free_servers", 0);
    put_item(rows, "used_servers", server_count(proxy));
    uint32_t names = 0;
    net_resolver_list(proxy->resolver, count_resolved, &names);
    put_item(rows, "dns_names", names);
    uint32_t zones = 0;
    net_resolver_list_zones(proxy->resolver, count_zone, &zones);
    put_item(rows, "dns_zones", zones);
    put_item(rows, "dns_queries", net_resolver_query_count(proxy->resolver));
    put_item(rows, "dns_pending", 0);
    put_item(rows, "upstreams", length(&proxy->upstreams));
    put_item(rows, "prepared_statements", proxy->statements.table.count);
    put_item(rows, "cancel_requests", proxy->cancel_count);
}

static void put_pair(struct console_rows *rows, const char *key, const char *value)
{
    console_put_text(rows, key);
    console_put_text(rows, value);
}

static const char *phase_text(enum proxy_phase phase)
{
    switch (phase) {
    case PROXY_STARTING:
        return "starting";
    case PROXY_RUNNING:
        return "running";
    case PROXY_EMPTYING:
        return "emptying";
    case PROXY_DRAINING:
        return "draining";
    case PROXY_STOPPED:
        return "stopped";
    }
    return "";
}

static void show_state(struct console_rows *rows)
{
    bool is_paused = rows->proxy->is_paused_all;
    bool is_suspended = rows->proxy->is_suspended;
    put_pair(rows, "active", is_paused || is_suspended ? "no" : "yes");
    put_pair(rows, "paused", is_paused ? "yes" : "no");
    put_pair(rows, "suspended", is_suspended ? "yes" : "no");
    put_pair(rows, "phase", phase_text(rows->proxy->phase));
}

static void show_peers(struct console_rows *rows)
{
    base_list_each(it, &rows->proxy->peers)
    {
        const struct proxy_peer *peer = base_list_entry(it, struct proxy_peer, link);
        console_put_number(rows, peer->id);
        console_put_text(rows, peer->host);
        console_put_number(rows, peer->port);
        console_put_number(rows, peer->limit);
    }
}

static void show_peer_pools(struct console_rows *rows)
{
    base_list_each(it, &rows->proxy->peers)
    {
        const struct proxy_peer *peer = base_list_entry(it, struct proxy_peer, link);
        struct proxy_cancel_counts counts = proxy_cancel_count(rows->proxy, peer);
        console_put_number(rows, peer->id);
        console_put_number(rows, counts.sent);
        console_put_number(rows, counts.connecting + counts.waiting);
        console_put_number(rows, counts.sent);
        console_put_number(rows, counts.connecting);
    }
}

static void put_memory(struct console_rows *rows, const char *name, size_t size, uint64_t used,
                       uint64_t bytes)
{
    console_put_text(rows, name);
    console_put_number(rows, size);
    console_put_number(rows, used);
    console_put_number(rows, 0);
    console_put_number(rows, bytes);
}

static void put_objects(struct console_rows *rows, const char *name, size_t size, uint64_t used)
{
    put_memory(rows, name, size, used, size * used);
}

static void show_mem(struct console_rows *rows)
{
    const struct proxy *proxy = rows->proxy;
    put_objects(rows, "client_cache", sizeof(struct proxy_client), proxy->client_count);
    put_objects(rows, "server_cache", sizeof(struct proxy_server), server_count(proxy));
    put_objects(rows, "pool_cache", sizeof(struct proxy_pool), proxy->pool_count);
    put_objects(rows, "db_cache", sizeof(struct proxy_database), length(&proxy->databases));
    put_objects(rows, "user_cache", sizeof(struct proxy_user), length(&proxy->users));
    put_memory(rows, "prepared_statements", 0, proxy->statements.table.count,
               proxy->statements.bytes);
    put_memory(rows, "core_address_space", 0, 1, proxy->core_bytes);
}

/* ---- names ------------------------------------------------------------------------------------
 */

static void put_resolved(void *arg, const struct net_resolved *resolved)
{
    struct console_rows *rows = arg;
    char text[1024] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < resolved->address_count && used < sizeof(text); i++) {
        char address[NET_ADDRESS_TEXT];
        net_address_host_text(&resolved->addresses[i], address, sizeof(address));
        int n = snprintf(text + used, sizeof(text) - used, "%s%s", i ? "," : "", address);
        used += n > 0 ? (size_t)n : 0;
    }
    console_put_text(rows, resolved->host);
    console_put_number(rows, resolved->fresh_for / BASE_SECOND);
    console_put_copy(rows, text);
}

static void show_dns_hosts(struct console_rows *rows)
{
    net_resolver_list(rows->proxy->resolver, put_resolved, rows);
}

static void put_zone(void *arg, const struct net_zone *zone)
{
    struct console_rows *rows = arg;
    console_put_copy(rows, zone->name);
    console_put_number(rows, zone->serial);
    console_put_number(rows, zone->host_count);
}

static void show_dns_zones(struct console_rows *rows)
{
    net_resolver_list_zones(rows->proxy->resolver, put_zone, rows);
}

/* ---- configuration, version, help -------------------------------------------------------------
 */

static void show_config(struct console_rows *rows)
{
    static char value[OPTION_LIST_BYTES + 1]; /* one loop, one thread */
    for (int i = 0; i < CONFIG_OPTION_COUNT; i++) {
        enum config_option option = (enum config_option)i;
        const struct config_option_info *info = config_option_info(option);
        config_option_render(rows->proxy->config, option, value, sizeof(value));
        console_put_text(rows, info->name);
        console_put_copy(rows, value);
        console_put_text(rows, info->default_text);
        console_put_text(rows, info->needs_restart ? "no" : "yes");
    }
}

static void show_version(struct console_rows *rows)
{
    console_put_text(rows, "weir " WEIR_VERSION " (console of PgBouncer 1.25.0)");
}

static void put_help(struct console_rows *rows, const char *command, const char *needs,
                     const char *doc)
{
    console_put_copy(rows, command);
    console_put_text(rows, needs);
    console_put_text(rows, doc);
}

static void show_help(struct console_rows *rows)
{
#define RIGHTS_STATS            "stats_users or admin_users"
#define RIGHTS_ADMIN            "admin_users"
#define SHOW(NAME, rights, doc) put_help(rows, "SHOW " #NAME, RIGHTS_##rights, doc);
    CONSOLE_SHOW_TABLE(SHOW)
#undef SHOW
#define COMMAND(NAME, arguments, doc) \
    put_help(rows, (arguments)[0] ? #NAME " " arguments : #NAME, RIGHTS_ADMIN, doc);
    CONSOLE_COMMAND_TABLE(COMMAND)
#undef COMMAND
}

/* ---- the table --------------------------------------------------------------------------------
 */

#define COLUMN(type, name, doc) {#name, CONSOLE_##type},
#define SHOW(NAME, rights, doc) \
    static const struct console_column NAME##_columns[] = {CONSOLE_##NAME##_COLUMNS(COLUMN)};
CONSOLE_SHOW_TABLE(SHOW)
#undef SHOW
#undef COLUMN

#define POOLS_ROWS          console_show_pools
#define CLIENTS_ROWS        console_show_clients
#define SERVERS_ROWS        console_show_servers
#define DATABASES_ROWS      console_show_databases
#define STATS_ROWS          console_show_stats
#define STATS_TOTALS_ROWS   console_show_stats_totals
#define STATS_AVERAGES_ROWS console_show_stats_averages
#define TOTALS_ROWS         console_show_totals
#define USERS_ROWS          console_show_users
#define UPSTREAMS_ROWS      console_show_upstreams
#define SOCKETS_ROWS        console_show_sockets
#define ACTIVE_SOCKETS_ROWS console_show_active_sockets
#define FDS_ROWS            console_show_fds
#define DNS_HOSTS_ROWS      show_dns_hosts
#define DNS_ZONES_ROWS      show_dns_zones
#define LISTS_ROWS          show_lists
#define CONFIG_ROWS         show_config
#define STATE_ROWS          show_state
#define MEM_ROWS            show_mem
#define PEERS_ROWS          show_peers
#define PEER_POOLS_ROWS     show_peer_pools
#define VERSION_ROWS        show_version
#define HELP_ROWS           show_help

#define NEEDS_STATS false
#define NEEDS_ADMIN true

/* ---- parameters that drivers ask for ---- */

#define PARAMETER(name, value)                                                \
    static const struct console_column name##_column = {#name, CONSOLE_TEXT}; \
    static void show_##name(struct console_rows *rows)                        \
    {                                                                         \
        console_put_text(rows, value);                                        \
    }
CONSOLE_PARAMETERS(PARAMETER)
#undef PARAMETER

static const struct console_show shows[] = {
#define SHOW(NAME, rights, doc)                          \
    {#NAME,                                              \
     doc,                                                \
     NEEDS_##rights,                                     \
     NAME##_columns,                                     \
     sizeof(NAME##_columns) / sizeof(NAME##_columns[0]), \
     NAME##_ROWS},
    CONSOLE_SHOW_TABLE(SHOW)
#undef SHOW
#define PARAMETER(name, value) {#name, "", false, &name##_column, 1, show_##name},
        CONSOLE_PARAMETERS(PARAMETER)
#undef PARAMETER
};

#define SHOW(NAME, rights, doc)                                                               \
    _Static_assert(sizeof(NAME##_columns) / sizeof(NAME##_columns[0]) <= CONSOLE_COLUMNS_MAX, \
                   "CONSOLE_COLUMNS_MAX");
CONSOLE_SHOW_TABLE(SHOW)
#undef SHOW

const struct console_show *console_show_find(struct base_slice name)
{
    for (size_t i = 0; i < sizeof(shows) / sizeof(shows[0]); i++) {
        if (strlen(shows[i].name) == name.bytes &&
            strncasecmp(shows[i].name, (const char *)name.data, name.bytes) == 0) {
            return &shows[i];
        }
    }
    return NULL;
}
