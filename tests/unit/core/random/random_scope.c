/* random_scope.c - the random world's scopes: what the core may fill, what their peers accept, and
 * what a refusal has told.
 *
 * A scope's peer is whoever refuses for it: the upstream at max_connections, the database and the
 * user at their connection limits, a session-mode pooler for the pool. It counts what is connected,
 * closing servers included.
 *
 * The model of a ceiling: a refusal says "no more than are connected"; a connect that is accepted
 * above that raises it. Above a ceiling one connect at a time is tried, for a waiting claim, and
 * after a refusal of such a one not before a while, unless nothing is connected at all.
 */
#include "random_internal.h"

#include <string.h>

/* A ceiling with live servers below it is tried again after 1 s, a quarter more or less. */
#define PROBE_LEAST (750 * BASE_MS)

void random_scope_init(struct scope *scope, uint32_t limit)
{
    memset(scope, 0, sizeof(*scope));
    scope->limit = limit;
    scope->capacity = scope->ceiling = CORE_NO_LIMIT;
}

void random_scope_open(struct world *w, struct scope *scope, enum core_scope_kind kind)
{
    random_scope_init(scope, random_below(w, 2) ? CORE_NO_LIMIT : 2 + random_below(w, 10));
    struct core_event event = {
        .kind = CORE_EVENT_SCOPE_OPEN, .scope_kind = kind, .limit = scope->limit};
    random_apply(w, &event);
    scope->id = event.scope;
}

bool random_scope_is_shut(const struct scope *scope)
{
    return scope->count >= scope->limit || scope->count >= scope->ceiling;
}

void random_scope_enter(struct world *w, struct server *server)
{
    struct pool *pool = &w->pools[server->pool];
    for (unsigned kind = 0; kind < KINDS; kind++) {
        struct scope *scope = pool->scopes[kind];
        REQUIRE(w, scope->count < scope->limit);
        if (scope->count >= scope->ceiling) {
            REQUIRE(w, !scope->is_probed);
            REQUIRE(w, w->now >= scope->probe_not_before);
            REQUIRE(w, pool->waiting > pool->connecting + pool->checking);
            scope->is_probed = true;
            server->probed_for |= 1u << kind;
        }
        scope->count++;
    }
}

void random_scope_answered(struct world *w, struct server *server)
{
    for (unsigned kind = 0; kind < KINDS; kind++)
        if (server->probed_for & (1u << kind))
            w->pools[server->pool].scopes[kind]->is_probed = false;
    server->probed_for = 0;
}

bool random_scope_accepts(const struct pool *pool, enum core_scope_kind *ret_kind)
{
    for (int kind = CORE_SCOPE_UPSTREAM; kind >= CORE_SCOPE_POOL; kind--) {
        if (pool->scopes[kind]->connected < pool->scopes[kind]->capacity)
            continue;
        *ret_kind = (enum core_scope_kind)kind;
        return false;
    }
    return true;
}

void random_scope_connected(struct pool *pool, unsigned probed_for)
{
    for (unsigned kind = 0; kind < KINDS; kind++) {
        struct scope *scope = pool->scopes[kind];
        uint32_t live = ++scope->connected - scope->closing;
        if (scope->ceiling < live)
            scope->ceiling = live;
        if (probed_for & (1u << kind))
            scope->probe_not_before = 0;
    }
}

void random_scope_closing(struct pool *pool)
{
    for (unsigned kind = 0; kind < KINDS; kind++)
        pool->scopes[kind]->closing++;
}

void random_scope_leave(struct pool *pool, bool was_connected, bool was_closing)
{
    for (unsigned kind = 0; kind < KINDS; kind++) {
        struct scope *scope = pool->scopes[kind];
        scope->count--;
        scope->connected -= was_connected;
        scope->closing -= was_closing;
    }
}

void random_scope_refused(struct world *w, struct pool *pool, enum core_scope_kind kind,
                          unsigned probed_for)
{
    struct scope *scope = pool->scopes[kind];
    w->result.refused_as_full[kind]++;
    scope->ceiling = scope->connected;
    if (scope->connected == 0)
        scope->probe_not_before = 0;
    else if (probed_for & (1u << kind))
        scope->probe_not_before = w->now + PROBE_LEAST;
}

static void forget(struct scope *scope)
{
    scope->ceiling = CORE_NO_LIMIT;
    scope->is_probed = false;
    scope->probe_not_before = 0;
}

void random_scope_forget(struct world *w)
{
    for (int i = 0; i < POOLS; i++) {
        struct pool *pool = &w->pools[i];
        if (!pool->is_open)
            continue;
        for (unsigned kind = 0; kind < KINDS; kind++)
            forget(pool->scopes[kind]);
        w->is_out[pool->upstream] = false;
        w->probers[pool->upstream] = 0;
        for (int j = 0; j < SERVERS; j++) {
            struct server *server = &w->servers[j];
            const struct pool *other = &w->pools[server->pool];
            if (server->state != CONNECTING)
                continue;
            if (other->upstream == pool->upstream)
                server->is_prober = false;
            for (unsigned kind = 0; kind < KINDS; kind++)
                if (other->scopes[kind] == pool->scopes[kind])
                    server->probed_for &= ~(1u << kind);
        }
    }
}
