/* random_operator.c - whoever changes the rules in the random world: the operator, by events of the
 * core, and the faults, behind its back. */
#include "random_internal.h"

#include <string.h>

/* ---- pools ----------------------------------------------------------------------------------- */

static struct core_pool_settings draw_settings(struct world *w)
{
    return (struct core_pool_settings){
        .size = 1 + random_below(w, 8),
        .overflow = random_below(w, 3) == 0 ? random_below(w, 4) : 0,
        .reserve = random_below(w, 3) == 0 ? random_below(w, 3) : 0,
        .min_size = random_below(w, 3) == 0 ? random_below(w, 4) : 0,
        .max_waiting = random_below(w, 4) == 0 ? 1 + random_below(w, 40) : CORE_NO_LIMIT,
        .max_connecting = 1 + random_below(w, 4),
        .reserve_after = random_below(w, 2) ? 5 * BASE_MS : BASE_NEVER,
        .lifetime = random_below(w, 2) ? random_around(w, BASE_SECOND) : 0,
        .idle_timeout = random_below(w, 2) ? random_around(w, 200 * BASE_MS) : 0,
        .check_after = random_below(w, 2) ? random_around(w, 5 * BASE_MS) : BASE_NEVER,
        .notify_after = random_below(w, 2) ? 10 * BASE_MS : 0,
        .auth_failure_hold = random_below(w, 2) ? 50 * BASE_MS : 0,
        .reset_on_give = random_below(w, 4) != 0,
        .use_fifo = random_below(w, 2) != 0,
        .min_before_use = random_below(w, 2) != 0,
    };
}

static uint32_t limit_of(const struct core_pool_settings *settings)
{
    return settings->size + settings->overflow + settings->reserve;
}

void random_operator_open_pool(struct world *w, int number)
{
    struct pool *pool = &w->pools[number];
    if (pool->is_open || pool->own.count > 0)
        return;
    pool->settings = draw_settings(w);
    random_scope_init(&pool->own, limit_of(&pool->settings));
    pool->upstream = (int)random_below(w, UPSTREAMS);
    pool->scopes[CORE_SCOPE_POOL] = &pool->own;
    pool->scopes[CORE_SCOPE_DATABASE] = &w->databases[random_below(w, DATABASES)];
    pool->scopes[CORE_SCOPE_USER] = &w->users[random_below(w, USERS)];
    pool->scopes[CORE_SCOPE_UPSTREAM] = &w->upstreams[pool->upstream];
    pool->is_paused = pool->login_fails = pool->is_used = false;
    struct core_event event = {.kind = CORE_EVENT_POOL_OPEN,
                               .settings = &pool->settings,
                               .database = pool->scopes[CORE_SCOPE_DATABASE]->id,
                               .user = pool->scopes[CORE_SCOPE_USER]->id,
                               .upstream = pool->scopes[CORE_SCOPE_UPSTREAM]->id};
    random_apply(w, &event);
    pool->id = event.pool;
    pool->is_open = true;
}

static void close_pool(struct world *w, struct pool *pool)
{
    struct core_event event = {.kind = CORE_EVENT_POOL_CLOSE, .pool = pool->id};
    pool->is_open = false;
    random_apply(w, &event);
}

static void set_settings(struct world *w, struct pool *pool, struct core_pool_settings settings)
{
    pool->settings = settings;
    pool->own.limit = limit_of(&settings);
    struct core_event event = {
        .kind = CORE_EVENT_POOL_LIMITS, .pool = pool->id, .settings = &pool->settings};
    random_apply(w, &event);
}

static void set_paused(struct world *w, struct pool *pool, bool is_paused)
{
    struct core_event event = {.kind = is_paused ? CORE_EVENT_PAUSE : CORE_EVENT_RESUME,
                               .pool = pool->id};
    pool->is_paused = is_paused;
    random_apply(w, &event);
}

static void resume_all(struct world *w)
{
    for (int i = 0; i < POOLS; i++)
        if (w->pools[i].is_open)
            set_paused(w, &w->pools[i], false);
}

/* ---- the operator ---------------------------------------------------------------------------- */

static struct scope *draw_scope(struct world *w)
{
    struct scope *scopes[] = {&w->databases[random_below(w, DATABASES)],
                              &w->users[random_below(w, USERS)],
                              &w->upstreams[random_below(w, UPSTREAMS)]};
    return scopes[random_below(w, 3)];
}

static void change_limit(struct world *w)
{
    struct scope *scope = draw_scope(w);
    scope->limit = random_below(w, 2) ? CORE_NO_LIMIT : 1 + random_below(w, 12);
    struct core_event event = {
        .kind = CORE_EVENT_SCOPE_LIMIT, .scope = scope->id, .limit = scope->limit};
    random_apply(w, &event);
}

static void invalidate_one(struct world *w)
{
    struct server *server = &w->servers[random_below(w, SERVERS)];
    if (server->state != GONE)
        random_server_apply(w, CORE_EVENT_INVALIDATE_SERVER, server, true);
}

static void retry(struct world *w)
{
    if (random_below(w, 20) != 0)
        return;
    struct core_event event = {.kind = CORE_EVENT_RETRY};
    random_scope_forget(w);
    random_apply(w, &event);
}

void random_operator_act(struct world *w)
{
    int number = (int)random_below(w, POOLS);
    struct pool *pool = &w->pools[number];
    struct core_event event = {.kind = CORE_EVENT_INVALIDATE, .pool = pool->id};
    if (!pool->is_open) {
        random_operator_open_pool(w, number);
        return;
    }
    switch (random_below(w, 8)) {
    case 0:
        close_pool(w, pool);
        break;
    case 1:
        random_apply(w, &event);
        break;
    case 2:
        set_settings(w, pool, draw_settings(w));
        break;
    case 3:
        set_paused(w, pool, true);
        break;
    case 4:
        resume_all(w);
        break;
    case 5:
        invalidate_one(w);
        break;
    case 6:
        retry(w);
        break;
    default:
        change_limit(w);
    }
}

/* ---- faults ---------------------------------------------------------------------------------- */

/* The peer of one scope takes more or fewer from now on: others come and go there. */
static void change_capacity(struct world *w)
{
    enum core_scope_kind kind = (enum core_scope_kind)random_below(w, KINDS);
    struct pool *pool = &w->pools[random_below(w, POOLS)];
    if (!pool->is_open || !(w->full_kinds & (1u << kind)))
        return;
    pool->scopes[kind]->capacity = random_below(w, 3) ? random_below(w, 12) : CORE_NO_LIMIT;
}

void random_operator_fault(struct world *w)
{
    switch (random_below(w, 4)) {
    case 0:
        if (w->has_denials)
            w->pools[random_below(w, POOLS)].login_fails ^= true;
        break;
    case 1:
        if (w->has_outages)
            fake_change(&w->fakes[random_below(w, UPSTREAMS)], &w->random);
        break;
    default:
        change_capacity(w);
    }
}

static void calm_scopes(struct scope *scopes, int count)
{
    for (int i = 0; i < count; i++)
        scopes[i].capacity = CORE_NO_LIMIT;
}

static void calm_pool(struct world *w, struct pool *pool)
{
    pool->login_fails = false;
    pool->own.capacity = CORE_NO_LIMIT;
    if (!pool->is_open)
        return;
    struct core_pool_settings settings = pool->settings;
    settings.lifetime = settings.idle_timeout = 0;
    set_settings(w, pool, settings);
    set_paused(w, pool, false);
}

void random_operator_calm(struct world *w)
{
    for (int i = 0; i < UPSTREAMS; i++)
        w->fakes[i].mode = FAKE_UP;
    calm_scopes(w->databases, DATABASES);
    calm_scopes(w->users, USERS);
    calm_scopes(w->upstreams, UPSTREAMS);
    for (int i = 0; i < POOLS; i++)
        calm_pool(w, &w->pools[i]);
}
