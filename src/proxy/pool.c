/* pool.c - databases, users, upstreams and pools: found, made, released.
 *
 * What a reload does to them is in pool_configure.c. Test: tests/system (pooling, ops).
 */
#include "proxy/pool.h"

#include <stdlib.h>
#include <string.h>

#include "base/invariant.h"
#include "proxy/daemon.h"
#include "proxy/log.h"
#include "proxy/pool_internal.h"
#include "proxy/server.h"
#include "wire/prepared.h"

static int scope_open(struct proxy *proxy, enum core_scope_kind kind, uint32_t limit,
                      struct core_scope_id *ret_scope)
{
    struct core_event event = {
        .kind = CORE_EVENT_SCOPE_OPEN,
        .scope_kind = kind,
        .limit = pool_scope_limit(limit),
    };
    int r = proxy_apply(proxy, &event);
    if (r == BASE_OK) {
        *ret_scope = event.scope;
    }
    return r;
}

void pool_scope_close(struct proxy *proxy, struct core_scope_id scope)
{
    struct core_event event = {.kind = CORE_EVENT_SCOPE_CLOSE, .scope = scope};
    int r = proxy_apply(proxy, &event);
    INVARIANT(r == BASE_OK);
}

/* ---- upstreams ---- */

int pool_upstream_take(struct proxy *proxy, const char *host, uint16_t port,
                       struct proxy_upstream **ret_upstream)
{
    base_list_each(it, &proxy->upstreams)
    {
        struct proxy_upstream *upstream = base_list_entry(it, struct proxy_upstream, link);
        if (upstream->port == port && strcmp(upstream->host, host) == 0) {
            upstream->references++;
            *ret_upstream = upstream;
            return BASE_OK;
        }
    }
    struct proxy_upstream *upstream = calloc(1, sizeof(*upstream));
    if (!upstream || !(upstream->host = strdup(host))) {
        free(upstream);
        return BASE_ENOMEM;
    }
    upstream->port = port;
    int r = scope_open(proxy, CORE_SCOPE_UPSTREAM, proxy->config->options.max_upstream_connections,
                       &upstream->scope);
    if (r < 0) {
        free(upstream->host);
        free(upstream);
        return r;
    }
    upstream->references = 1;
    base_list_push_back(&proxy->upstreams, &upstream->link);
    *ret_upstream = upstream;
    return BASE_OK;
}

/* Upstreams stay until the end: servers of a database that has moved away may still count there. */
void pool_upstream_drop(struct proxy_upstream *upstream)
{
    INVARIANT(upstream->references > 0);
    upstream->references--;
}

/* ---- databases ---- */

static struct proxy_database *database_by_name(struct proxy *proxy, struct base_slice name)
{
    base_list_each(it, &proxy->databases)
    {
        struct proxy_database *database = base_list_entry(it, struct proxy_database, link);
        if (!database->is_removed && base_slice_is(name, database->name)) {
            return database;
        }
    }
    return NULL;
}

struct proxy_database *pool_database_new(struct proxy *proxy, struct base_slice name,
                                         const struct config_database *entry, bool is_fallback)
{
    struct proxy_database *database = calloc(1, sizeof(*database));
    if (!database) {
        return NULL;
    }
    base_list_init(&database->link);
    database->is_fallback = is_fallback;
    database->made_at = net_loop_now(proxy->loop);
    database->name = strndup((const char *)name.data, name.bytes);
    if (!database->name || pool_database_apply(proxy, database, entry) < 0 ||
        scope_open(proxy, CORE_SCOPE_DATABASE, database->connection_limit, &database->scope) < 0) {
        pool_database_free(proxy, database);
        return NULL;
    }
    base_list_push_back(&proxy->databases, &database->link);
    return database;
}

void pool_database_free(struct proxy *proxy, struct proxy_database *database)
{
    if (database->scope.gen) {
        pool_scope_close(proxy, database->scope);
    }
    if (database->upstream) {
        pool_upstream_drop(database->upstream);
    }
    base_list_remove(&database->link);
    pool_database_clear(proxy, database);
    free(database->name);
    free(database);
}

struct proxy_database *proxy_database_find(struct proxy *proxy, struct base_slice name)
{
    bool is_fallback = false;
    struct proxy_database *database = database_by_name(proxy, name);
    if (database || name.bytes == 0 || memchr(name.data, 0, name.bytes)) {
        return database;
    }
    const struct config_database *entry = config_database_find(proxy->config, name, &is_fallback);
    return entry ? pool_database_new(proxy, name, entry, is_fallback) : NULL;
}

/* ---- users ---- */

int proxy_user_take(struct proxy *proxy, struct base_slice name, struct proxy_user **ret_user)
{
    INVARIANT(name.data);
    base_list_each(it, &proxy->users)
    {
        struct proxy_user *user = base_list_entry(it, struct proxy_user, link);
        if (base_slice_is(name, user->name)) {
            user->references++;
            *ret_user = user;
            return BASE_OK;
        }
    }
    struct proxy_user *user = calloc(1, sizeof(*user));
    if (!user || !(user->name = strndup((const char *)name.data, name.bytes))) {
        free(user);
        return BASE_ENOMEM;
    }
    pool_user_apply(proxy, user);
    int r = scope_open(proxy, CORE_SCOPE_USER, user->connection_limit, &user->scope);
    if (r < 0) {
        free(user->name);
        free(user);
        return r;
    }
    user->references = 1;
    base_list_push_back(&proxy->users, &user->link);
    *ret_user = user;
    return BASE_OK;
}

void proxy_user_drop(struct proxy *proxy, struct proxy_user *user)
{
    if (--user->references > 0) {
        return;
    }
    pool_scope_close(proxy, user->scope);
    base_list_remove(&user->link);
    explicit_bzero(&user->keys, sizeof(user->keys));
    free(user->name);
    free(user);
}

/* ---- pools ---- */

static uint64_t pool_hash(struct proxy *proxy, struct base_slice database, struct base_slice user)
{
    struct base_slice parts[] = {database, user};
    return wire_hash(proxy->hash_seed, parts, 2);
}

static int pool_open_in_core(struct proxy *proxy, struct proxy_pool *pool)
{
    struct core_pool_settings settings;
    pool_settings(pool, &settings);
    struct core_event event = {
        .kind = CORE_EVENT_POOL_OPEN,
        .settings = &settings,
        .database = pool->database->scope,
        .user = pool->user->scope,
        .upstream = pool->database->upstream->scope,
        .tag = (uintptr_t)pool,
    };
    int r = proxy_apply(proxy, &event);
    if (r < 0) {
        return r;
    }
    pool->id = event.pool;
    if (proxy->is_paused_all || pool->database->is_paused) {
        event = (struct core_event){.kind = CORE_EVENT_PAUSE, .pool = pool->id};
        r = proxy_apply(proxy, &event);
    }
    return r;
}

static void outdate_servers(struct proxy_pool *pool)
{
    base_list_each(it, &pool->servers)
    {
        base_list_entry(it, struct proxy_server, pool_link)->is_outdated = true;
    }
}

/* After the core was told: sessions that need not wait end. */
static void end_sessions(struct proxy_pool *pool)
{
    base_list_each_safe(it, &pool->servers)
    {
        struct proxy_server *server = base_list_entry(it, struct proxy_server, pool_link);
        if (server->is_outdated) {
            proxy_server_settle(server);
        }
    }
}

void proxy_pool_reconnect(struct proxy_pool *pool)
{
    struct core_event event = {.kind = CORE_EVENT_INVALIDATE, .pool = pool->id};
    outdate_servers(pool);
    if (!pool->is_closed) {
        int r = proxy_apply(pool->proxy, &event);
        INVARIANT(r == BASE_OK);
    }
    end_sessions(pool);
}

/* The database leads elsewhere: a new pool in the core takes over; those who wait claim again
 * there, lent servers end when they are given back. */
int pool_move(struct proxy_pool *pool)
{
    struct core_pool_id old = pool->id;
    outdate_servers(pool);
    int r = pool_open_in_core(pool->proxy, pool);
    if (r == BASE_OK) {
        struct core_event event = {.kind = CORE_EVENT_POOL_CLOSE, .pool = old};
        r = proxy_apply(pool->proxy, &event);
        end_sessions(pool);
    }
    return r;
}

/* "app"; of a pool for auth_query "auth (auth_query)", so that no two pools are shown alike. */
static char *shown_user(struct base_slice user, bool is_lookup)
{
    const char *more = is_lookup ? " (auth_query)" : "";
    size_t bytes = strlen(more) + 1;
    char *text = malloc(user.bytes + bytes);
    INVARIANT(user.data);
    if (text) {
        memcpy(text, user.data, user.bytes);
        memcpy(text + user.bytes, more, bytes);
    }
    return text;
}

/* `model` says what it is for: clients, auth_query (is_lookup), a replication connection. */
static int pool_new(struct proxy *proxy, struct proxy_database *database, struct base_slice user,
                    const struct proxy_pool *model, struct proxy_pool **ret_pool)
{
    struct proxy_pool *pool = calloc(1, sizeof(*pool));
    if (!pool || !(pool->shown_user = shown_user(user, model->is_lookup))) {
        free(pool);
        return BASE_ENOMEM;
    }
    pool->is_lookup = model->is_lookup;
    pool->parent = model->parent;
    pool->is_physical = model->is_physical;
    pool->startup = model->startup;
    pool->startup_bytes = model->startup_bytes;
    pool->proxy = proxy;
    pool->database = database;
    base_list_init(&pool->servers);
    base_list_init(&pool->clients);
    int r = proxy_user_take(proxy, user, &pool->user);
    if (r == BASE_OK) {
        r = pool_open_in_core(proxy, pool);
        if (r < 0) {
            proxy_user_drop(proxy, pool->user);
        }
    }
    if (r < 0) {
        free(pool->shown_user);
        free(pool);
        return r;
    }
    pool->idle_at = net_loop_now(proxy->loop);
    if (pool->parent) {
        pool->parent->children++;
    } else {
        proxy->pool_count++;
    }
    database->references++;
    base_hash_insert(&proxy->pools, &pool->node,
                     pool_hash(proxy, base_slice_text(database->name), user));
    base_list_push_back(&proxy->pool_list, &pool->link);
    *ret_pool = pool;
    return BASE_OK;
}

static int find(struct proxy *proxy, struct base_slice database, struct base_slice user,
                bool is_lookup, struct proxy_pool **ret_pool)
{
    uint64_t hash = pool_hash(proxy, database, user);
    for (struct base_hash_node *n = base_hash_first(&proxy->pools, hash); n;
         n = base_hash_next(n, hash)) {
        struct proxy_pool *pool = base_hash_entry(n, struct proxy_pool, node);
        if (!pool->is_closed && !pool->parent && pool->is_lookup == is_lookup &&
            base_slice_is(database, pool->database->name) &&
            base_slice_is(user, pool->user->name)) {
            *ret_pool = pool;
            return BASE_OK;
        }
    }
    return BASE_EINVALID;
}

int proxy_pool_find(struct proxy *proxy, struct base_slice database, struct base_slice user,
                    struct proxy_pool **ret_pool)
{
    struct proxy_database *found = proxy_database_find(proxy, database);
    if (!found) {
        return BASE_EINVALID;
    }
    struct base_slice server_user = found->forced_user ? base_slice_text(found->forced_user) : user;
    struct proxy_pool model = {0};
    int r = find(proxy, database, server_user, false, ret_pool);
    return r == BASE_OK ? r : pool_new(proxy, found, server_user, &model, ret_pool);
}

int proxy_pool_find_lookup(struct proxy *proxy, struct base_slice database, struct base_slice user,
                           struct proxy_pool **ret_pool)
{
    struct proxy_database *found = proxy_database_find(proxy, database);
    if (!found) {
        return BASE_EINVALID;
    }
    struct proxy_pool model = {.is_lookup = true};
    int r = find(proxy, database, user, true, ret_pool);
    return r == BASE_OK ? r : pool_new(proxy, found, user, &model, ret_pool);
}

int proxy_pool_replicate(struct proxy_pool *parent, bool is_physical, struct base_slice startup,
                         struct proxy_pool **ret_pool)
{
    struct proxy_pool model = {.parent = parent,
                               .is_physical = is_physical,
                               .startup = malloc(startup.bytes + 1),
                               .startup_bytes = (uint32_t)startup.bytes};
    if (!model.startup) {
        return BASE_ENOMEM;
    }
    memcpy(model.startup, startup.data, startup.bytes);
    int r = pool_new(parent->proxy, parent->database, base_slice_text(parent->user->name), &model,
                     ret_pool);
    if (r < 0) {
        free(model.startup);
    }
    return r;
}

void proxy_pool_set_secret(struct proxy_pool *pool, char *secret)
{
    if (pool->secret) {
        explicit_bzero(pool->secret, strlen(pool->secret));
        free(pool->secret);
    }
    pool->secret = secret;
}

void pool_close(struct proxy_pool *pool)
{
    if (!pool->is_closed) {
        pool->is_closed = true;
        struct core_event event = {.kind = CORE_EVENT_POOL_CLOSE, .pool = pool->id};
        int r = proxy_apply(pool->proxy, &event);
        INVARIANT(r == BASE_OK);
    }
}

void pool_replace(struct proxy_pool *pool)
{
    outdate_servers(pool);
    pool->client_count++; /* held while its clients leave */
    pool_close(pool);
    end_sessions(pool);
    pool->client_count--;
    proxy_pool_release(pool);
}

static bool is_in_use(const struct proxy_pool *pool)
{
    return !pool->is_closed || pool->client_count || pool->server_count || pool->cancels ||
           pool->children;
}

static void pool_free(struct proxy_pool *pool)
{
    struct proxy *proxy = pool->proxy;
    struct proxy_database *database = pool->database;
    INVARIANT(!is_in_use(pool));
    base_hash_remove(&proxy->pools, &pool->node);
    base_list_remove(&pool->link);
    if (pool->parent) {
        proxy_counters_add(&pool->parent->stats.total, &pool->stats.total);
        proxy_counters_add(&pool->parent->stats.mark, &pool->stats.mark);
        pool->parent->children--;
    } else {
        proxy->pool_count--;
    }
    free(pool->startup);
    proxy_vars_done(&pool->welcome_vars, &proxy->texts);
    free(pool->welcome);
    proxy_pool_set_secret(pool, NULL);
    explicit_bzero(&pool->keys, sizeof(pool->keys));
    free(pool->shown_user);
    proxy_user_drop(proxy, pool->user);
    free(pool);
    if (--database->references == 0 && database->is_removed) {
        pool_database_free(proxy, database);
    }
}

void proxy_pool_release(struct proxy_pool *pool)
{
    struct proxy_pool *parent = pool->parent;
    if (parent && pool->client_count == 0 && !pool->is_closed) {
        pool->client_count++; /* held while it is closed */
        pool_close(pool);
        pool->client_count--;
    }
    if (is_in_use(pool)) {
        return;
    }
    pool_free(pool);
    if (parent && !is_in_use(parent)) {
        pool_free(parent);
    }
}

int proxy_pool_set_welcome(struct proxy_pool *pool, struct base_slice block,
                           const struct proxy_vars *vars)
{
    uint8_t *copy = malloc(block.bytes + 1);
    if (!copy) {
        return BASE_ENOMEM;
    }
    memcpy(copy, block.data, block.bytes);
    free(pool->welcome);
    pool->welcome = copy;
    pool->welcome_bytes = (uint32_t)block.bytes;
    proxy_vars_done(&pool->welcome_vars, &pool->proxy->texts);
    for (uint32_t i = 0; i < PROXY_VARS_MAX; i++) {
        pool->welcome_vars.value[i] = proxy_text_share(vars->value[i]);
    }
    return BASE_OK;
}

void proxy_pools_close(struct proxy *proxy)
{
    base_list_each_safe(it, &proxy->pool_list)
    {
        struct proxy_pool *pool = base_list_entry(it, struct proxy_pool, link);
        pool_close(pool);
        proxy_pool_release(pool); /* a parent goes with its last child, which comes behind it */
    }
}

void proxy_pools_done(struct proxy *proxy)
{
    proxy_pools_close(proxy);
    INVARIANT(base_list_is_empty(&proxy->pool_list));
    base_list_each_safe(it, &proxy->databases)
    {
        struct proxy_database *database = base_list_entry(it, struct proxy_database, link);
        INVARIANT(database->references == 0);
        pool_database_free(proxy, database);
    }
    base_list_each_safe(it, &proxy->upstreams)
    {
        struct proxy_upstream *upstream = base_list_entry(it, struct proxy_upstream, link);
        pool_scope_close(proxy, upstream->scope);
        base_list_remove(&upstream->link);
        free(upstream->host);
        free(upstream);
    }
}
