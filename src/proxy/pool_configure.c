/* pool_configure.c - from the configuration to databases and pool settings, at start and on a
 * reload.
 *
 * A reload drops nobody: limits change in place; where servers lead elsewhere or log in differently
 * the pool is invalidated, so that old servers end when they are given back; a database that is
 * gone refuses those who wait and keeps its lent servers until they are given back.
 */
#include "proxy/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/invariant.h"
#include "proxy/client.h"
#include "proxy/daemon.h"
#include "proxy/pool_internal.h"

#define HOSTS_TEXT_BYTES 4096

/* auth_query is short: a few servers carry many logins. */
#define LOOKUP_SERVERS_MAX 4

static const struct config_database *
entry_of(struct proxy *proxy, const struct proxy_database *database, bool *ret_is_fallback)
{
    return config_database_find(proxy->config, base_slice_text(database->name), ret_is_fallback);
}

static base_time shortest_of(const struct proxy_limits *limits)
{
    const base_time spans[] = {limits->query, limits->transaction, limits->idle_transaction,
                               limits->client_idle};
    base_time shortest = BASE_NEVER;
    for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
        shortest = spans[i] && spans[i] < shortest ? spans[i] : shortest;
    }
    return shortest;
}

void pool_user_apply(struct proxy *proxy, struct proxy_user *user)
{
    const struct config_options *options = &proxy->config->options;
    const struct config_user *entry = config_user_find(proxy->config, base_slice_text(user->name));
    user->connection_limit = entry ? entry->max_user_connections : options->max_user_connections;
    user->client_limit =
        entry ? entry->max_user_client_connections : options->max_user_client_connections;
    user->limits = (struct proxy_limits){
        .query = entry ? entry->query_timeout : options->query_timeout,
        .transaction = entry ? entry->transaction_timeout : options->transaction_timeout,
        .idle_transaction =
            entry ? entry->idle_transaction_timeout : options->idle_transaction_timeout,
        .client_idle = entry ? entry->client_idle_timeout : options->client_idle_timeout,
    };
    if (entry && entry->set & (1u << CONFIG_USER_KEY_query_wait_timeout)) {
        user->limits.has_wait = true;
        user->limits.wait = entry->query_wait_timeout;
    }
    user->limits.shortest = shortest_of(&user->limits);
}

void pool_settings(struct proxy_pool *pool, struct core_pool_settings *ret_settings)
{
    struct proxy *proxy = pool->proxy;
    const struct config_options *options = &proxy->config->options;
    struct config_pool resolved;
    bool is_fallback;
    const struct config_database *entry = entry_of(proxy, pool->database, &is_fallback);
    const struct config_user *user =
        config_user_find(proxy->config, base_slice_text(pool->user->name));
    INVARIANT(entry);
    config_pool_resolve(proxy->config, entry, user, &resolved);
    pool->mode = pool->parent ? CONFIG_POOL_MODE_SESSION : resolved.pool_mode;
    *ret_settings = (struct core_pool_settings){
        .size = resolved.pool_size,
        .overflow = resolved.max_overflow,
        .reserve = options->reserve_pool_timeout ? resolved.reserve_pool_size : 0,
        .min_size = resolved.min_pool_size,
        .max_waiting = pool_scope_limit(options->max_waiting_clients),
        .max_connecting = options->max_connecting,
        .reserve_after = options->reserve_pool_timeout,
        /* 0 means used once: too old as soon as it is given back */
        .lifetime = resolved.server_lifetime ? resolved.server_lifetime : 1,
        .idle_timeout = options->server_idle_timeout,
        .check_after = *options->server_check_query ? options->server_check_delay : BASE_NEVER,
        .notify_after = options->query_wait_notify,
        .auth_failure_hold = options->server_login_retry,
        .reset_on_give = true,
        .use_fifo = options->server_round_robin,
        .min_before_use = pool->database->forced_user != NULL,
    };
    if (pool->is_lookup) {
        pool->mode = CONFIG_POOL_MODE_TRANSACTION; /* nothing has to be reset */
        ret_settings->min_size = 0;
        ret_settings->min_before_use = false;
        ret_settings->overflow = 0;
        ret_settings->reserve = 0;
        ret_settings->size =
            ret_settings->size < LOOKUP_SERVERS_MAX ? ret_settings->size : LOOKUP_SERVERS_MAX;
    }
    if (pool->parent) { /* one server, for one client */
        *ret_settings = (struct core_pool_settings){
            .size = 1,
            .max_waiting = CORE_NO_LIMIT,
            .max_connecting = 1,
            .check_after = BASE_NEVER,
            .notify_after = options->query_wait_notify,
            .auth_failure_hold = options->server_login_retry,
        };
    }
}

/* ---- one database ---- */

static char *copy_of(const char *text)
{
    return text && *text ? strdup(text) : NULL;
}

void pool_database_clear(struct proxy *proxy, struct proxy_database *database)
{
    if (database->forced_password) {
        explicit_bzero(database->forced_password, strlen(database->forced_password));
    }
    free(database->dbname);
    free(database->forced_user);
    free(database->forced_password);
    free(database->connect_query);
    proxy_vars_done(&database->connect_vars, &proxy->texts);
}

static void hosts_text(const struct config_database *entry, char *out, size_t bytes)
{
    size_t used = 0;
    out[0] = 0;
    for (uint32_t i = 0; i < entry->host_count && used < bytes; i++) {
        int n = snprintf(out + used, bytes - used, "%s%s", i ? "," : "", entry->hosts[i]);
        used += n > 0 ? (size_t)n : 0;
    }
}

static int connect_vars(struct proxy *proxy, const struct config_database *entry,
                        struct proxy_vars *vars)
{
    const struct {
        int var;
        const char *value;
    } given[] = {
        {PROXY_VAR_CLIENT_ENCODING, entry->client_encoding},
        {PROXY_VAR_DATESTYLE, entry->datestyle},
        {PROXY_VAR_TIMEZONE, entry->timezone},
        {PROXY_VAR_APPLICATION_NAME, entry->application_name},
    };
    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
        if (*given[i].value) {
            int r =
                proxy_vars_set(vars, &proxy->texts, given[i].var, base_slice_text(given[i].value));
            if (r < 0) {
                return r;
            }
        }
    }
    return BASE_OK;
}

int pool_database_apply(struct proxy *proxy, struct proxy_database *database,
                        const struct config_database *entry)
{
    char hosts[HOSTS_TEXT_BYTES];
    struct proxy_upstream *upstream = NULL;
    struct proxy_database copy = {0};
    hosts_text(entry, hosts, sizeof(hosts));
    int r = pool_upstream_take(proxy, hosts, (uint16_t)entry->port, &upstream);
    if (r < 0) {
        return r;
    }
    copy.dbname = copy_of(*entry->dbname ? entry->dbname : database->name);
    copy.forced_user = copy_of(entry->user);
    copy.forced_password = copy_of(entry->password);
    copy.connect_query = copy_of(entry->connect_query);
    r = connect_vars(proxy, entry, &copy.connect_vars);
    if (r < 0 || !copy.dbname) {
        pool_database_clear(proxy, &copy);
        pool_upstream_drop(upstream);
        return BASE_ENOMEM;
    }
    pool_database_clear(proxy, database);
    if (database->upstream) {
        pool_upstream_drop(database->upstream);
    }
    database->upstream = upstream;
    database->dbname = copy.dbname;
    database->forced_user = copy.forced_user;
    database->forced_password = copy.forced_password;
    database->connect_query = copy.connect_query;
    database->connect_vars = copy.connect_vars;
    database->connection_limit = entry->max_db_connections;
    database->client_limit = entry->max_db_client_connections;
    database->wait = entry->query_wait_timeout;
    database->has_mode = entry->set & (1u << CONFIG_DATABASE_KEY_pool_mode);
    database->mode = entry->pool_mode;
    database->balance = entry->load_balance_hosts;
    database->target = entry->target_session_attrs;
    database->protocol = entry->max_protocol_version;
    database->settings = (struct core_pool_settings){
        .size = entry->pool_size,
        .min_size = entry->min_pool_size,
        .reserve = entry->reserve_pool_size,
        .lifetime = entry->server_lifetime,
    };
    return BASE_OK;
}

/* ---- the whole ---- */

static void apply_ok(struct proxy *proxy, struct core_event *event)
{
    int r = proxy_apply(proxy, event);
    INVARIANT(r == BASE_OK);
}

static void scope_set(struct proxy *proxy, struct core_scope_id scope, uint32_t limit)
{
    struct core_event event = {
        .kind = CORE_EVENT_SCOPE_LIMIT, .scope = scope, .limit = pool_scope_limit(limit)};
    apply_ok(proxy, &event);
}

void pool_database_remove(struct proxy *proxy, struct proxy_database *database)
{
    database->is_removed = true;
    database->references++; /* held while its pools go */
    base_list_each_safe(it, &proxy->pool_list)
    {
        struct proxy_pool *pool = base_list_entry(it, struct proxy_pool, link);
        if (pool->database == database) {
            pool_close(pool);
            base_list_each_safe(c, &pool->clients)
            {
                proxy_client_database_removed(base_list_entry(c, struct proxy_client, pool_link));
            }
            proxy_pool_release(pool);
        }
    }
    if (--database->references == 0) {
        pool_database_free(proxy, database);
    }
}

/* True when two C strings, either of which may be NULL, say the same. */
static bool is_same(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool leads_elsewhere(const struct proxy_database *database,
                            const struct config_database *entry)
{
    char hosts[HOSTS_TEXT_BYTES];
    hosts_text(entry, hosts, sizeof(hosts));
    return !is_same(database->upstream->host, hosts) || database->upstream->port != entry->port ||
           !is_same(database->dbname, *entry->dbname ? entry->dbname : database->name) ||
           !is_same(database->forced_user, entry->user) ||
           !is_same(database->forced_password, entry->password) ||
           !is_same(database->connect_query, entry->connect_query) ||
           database->target != entry->target_session_attrs ||
           database->protocol != entry->max_protocol_version;
}

static int database_update(struct proxy *proxy, struct proxy_database *database,
                           const struct config_database *entry)
{
    bool is_elsewhere = leads_elsewhere(database, entry);
    bool is_other_user = !is_same(database->forced_user, entry->user);
    int r = pool_database_apply(proxy, database, entry);
    if (r < 0) {
        return r;
    }
    scope_set(proxy, database->scope, database->connection_limit);
    base_list_each_safe(it, &proxy->pool_list)
    {
        struct proxy_pool *pool = base_list_entry(it, struct proxy_pool, link);
        if (pool->database != database || pool->is_closed || r < 0) {
            continue;
        }
        if (is_other_user && !pool->is_lookup) {
            pool_replace(pool); /* its clients go on in the pool of the user that holds now */
        } else if (is_elsewhere) {
            r = pool_move(pool);
        }
    }
    return r;
}

static int databases_configure(struct proxy *proxy)
{
    base_list_each_safe(it, &proxy->databases)
    {
        struct proxy_database *database = base_list_entry(it, struct proxy_database, link);
        bool is_fallback = false;
        const struct config_database *entry = entry_of(proxy, database, &is_fallback);
        if (database->is_removed) {
            continue;
        }
        int r = BASE_OK;
        if (!entry) {
            pool_database_remove(proxy, database);
        } else {
            database->is_fallback = is_fallback;
            r = database_update(proxy, database, entry);
        }
        if (r < 0) {
            return r;
        }
    }
    for (uint32_t i = 0; i < proxy->config->database_count; i++) {
        const char *name = proxy->config->databases[i].name;
        if (strcmp(name, "*") != 0 && !proxy_database_find(proxy, base_slice_text(name))) {
            return BASE_ENOMEM;
        }
    }
    return BASE_OK;
}

/* The servers of a database with a user of its own are known: its min_pool_size needs no client. */
static int open_minimum(struct proxy *proxy)
{
    int r = BASE_OK;
    base_list_each(it, &proxy->databases)
    {
        struct proxy_database *database = base_list_entry(it, struct proxy_database, link);
        struct proxy_pool *pool;
        if (r == BASE_OK && database->forced_user && database->settings.min_size &&
            !database->is_fallback && !database->is_removed) {
            r = proxy_pool_find(proxy, base_slice_text(database->name),
                                base_slice_text(database->forced_user), &pool);
        }
    }
    return r;
}

int proxy_pools_configure(struct proxy *proxy)
{
    int r = databases_configure(proxy);
    r = r < 0 ? r : open_minimum(proxy);
    base_list_each(it, &proxy->upstreams)
    {
        struct proxy_upstream *upstream = base_list_entry(it, struct proxy_upstream, link);
        scope_set(proxy, upstream->scope, proxy->config->options.max_upstream_connections);
    }
    base_list_each(it, &proxy->users)
    {
        struct proxy_user *user = base_list_entry(it, struct proxy_user, link);
        pool_user_apply(proxy, user);
        scope_set(proxy, user->scope, user->connection_limit);
    }
    base_list_each(it, &proxy->pool_list)
    {
        struct proxy_pool *pool = base_list_entry(it, struct proxy_pool, link);
        if (!pool->is_closed) {
            struct core_pool_settings settings;
            pool_settings(pool, &settings);
            struct core_event event = {
                .kind = CORE_EVENT_POOL_LIMITS, .pool = pool->id, .settings = &settings};
            apply_ok(proxy, &event);
        }
    }
    base_list_each(it, &proxy->clients)
    {
        struct proxy_client *client = base_list_entry(it, struct proxy_client, link);
        if (client->pool) {
            proxy_client_limits_changed(client);
        }
    }
    proxy_pools_idle_watch(proxy);
    return r;
}
