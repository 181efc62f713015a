/* random_server.c - the random world's servers: what is planned for each, and what comes of it. */
#include "random_internal.h"

static struct server *server_of(struct world *w, struct core_server_id id)
{
    REQUIRE(w, id.idx < SERVERS);
    struct server *server = &w->servers[id.idx];
    REQUIRE(w, server->state != GONE && server->id.gen == id.gen);
    return server;
}

void random_server_apply(struct world *w, enum core_event_kind kind, struct server *server, bool ok)
{
    struct core_event event = {.kind = kind, .server = server->id, .ok = ok};
    random_apply(w, &event);
}

static void begin(struct world *w, struct server *server, enum server_state state, base_time span)
{
    server->state = state;
    base_heap_set(&w->heap, &server->node, w->now + span);
}

/* The end of a connect; returns which ceilings it probed. Who probes an outage probes whatever the
 * upstream has to say. */
static unsigned leave_connecting(struct world *w, struct server *server)
{
    unsigned outage = server->is_prober ? 1u << CORE_SCOPE_UPSTREAM : 0;
    unsigned probed_for = server->probed_for | outage;
    struct pool *pool = &w->pools[server->pool];
    pool->connecting--;
    if (server->is_prober)
        w->probers[pool->upstream]--;
    server->is_prober = false;
    random_scope_answered(w, server);
    return probed_for;
}

static void remove_server(struct world *w, struct server *server)
{
    base_heap_remove(&w->heap, &server->node);
    random_scope_leave(&w->pools[server->pool], server->is_connected, server->state == CLOSING);
    server->is_connected = false;
    server->state = GONE;
}

/* ---- effects --------------------------------------------------------------------------------- */

static int pool_of(struct world *w, struct core_pool_id id)
{
    for (int i = 0; i < POOLS; i++)
        if (w->pools[i].is_open && w->pools[i].id.idx == id.idx && w->pools[i].id.gen == id.gen)
            return i;
    random_fail(w, "effect names an open pool", __FILE__, __LINE__);
}

static uint32_t wanted_most(const struct pool *pool)
{
    uint32_t present = pool->own.count - pool->leaving - pool->connecting;
    uint32_t minimum = pool->settings.min_size < pool->settings.size ? pool->settings.min_size
                                                                     : pool->settings.size;
    return pool->waiting + (minimum > present ? minimum - present : 0);
}

static void enter_outage(struct world *w, struct server *server, const struct pool *pool)
{
    if (!w->is_out[pool->upstream])
        return;
    REQUIRE(w, w->probers[pool->upstream] == 0);
    w->probers[pool->upstream] = 1;
    server->is_prober = true;
}

void random_server_open(struct world *w, const struct core_effect *e)
{
    struct server *server = &w->servers[e->server.idx];
    REQUIRE(w, e->server.idx < SERVERS && server->state == GONE);
    server->pool = pool_of(w, e->pool);
    server->id = e->server;
    struct pool *pool = &w->pools[server->pool];
    REQUIRE(w, !pool->is_paused && pool->is_used);
    REQUIRE(w, pool->connecting < pool->settings.max_connecting);
    REQUIRE(w, pool->connecting < wanted_most(pool));
    random_scope_enter(w, server);
    enter_outage(w, server, pool);
    pool->connecting++;
    begin(w, server, CONNECTING, fake_connect_span(&w->fakes[pool->upstream], &w->random));
    w->result.opens++;
}

void random_server_task(struct world *w, const struct core_effect *e)
{
    struct server *server = server_of(w, e->server);
    struct pool *pool = &w->pools[server->pool];
    REQUIRE(w, server->state == IDLING);
    if (e->kind == CORE_EFFECT_CHECK) {
        pool->checking++;
        begin(w, server, CHECKING, random_around(w, BASE_MS));
        w->result.checks++;
    } else if (e->kind == CORE_EFFECT_RESET) {
        begin(w, server, RESETTING, random_around(w, BASE_MS));
        w->result.resets++;
    } else {
        pool->leaving++;
        random_scope_closing(pool);
        begin(w, server, CLOSING, random_around(w, 5 * BASE_MS));
        w->result.closes++;
    }
}

void random_server_lend(struct world *w, struct core_server_id id, const struct claim *claim)
{
    struct server *server = server_of(w, id);
    REQUIRE(w, server->state == IDLING && server->pool == claim->pool && server->is_connected);
    begin(w, server, HELD, random_around(w, w->hold_span));
}

/* ---- what happens to servers ----------------------------------------------------------------- */

/* What the upstream says to a connect now; true when it accepts. */
static bool answer(const struct world *w, const struct pool *pool, struct core_event *event)
{
    if (!fake_answers(&w->fakes[pool->upstream], &event->failure))
        return false;
    event->failure = CORE_FAILURE_FULL;
    if (!random_scope_accepts(pool, &event->scope_kind))
        return false;
    event->failure = CORE_FAILURE_AUTH;
    return !pool->login_fails;
}

static void finish_connect(struct world *w, struct server *server)
{
    struct pool *pool = &w->pools[server->pool];
    struct core_event event = {.server = server->id, .scope_kind = CORE_SCOPE_UPSTREAM};
    unsigned probed_for = leave_connecting(w, server);
    if (answer(w, pool, &event)) {
        event.kind = CORE_EVENT_OPENED;
        w->is_out[pool->upstream] = false;
        random_scope_connected(pool, probed_for);
        server->is_connected = true;
        server->state = IDLING;
    } else {
        event.kind = CORE_EVENT_OPEN_FAILED;
        bool is_answer = event.failure == CORE_FAILURE_AUTH || event.failure == CORE_FAILURE_FULL;
        w->is_out[pool->upstream] = !is_answer;
        if (event.failure == CORE_FAILURE_FULL)
            random_scope_refused(w, pool, event.scope_kind, probed_for);
        remove_server(w, server);
    }
    random_apply(w, &event);
}

static void finish_lease(struct world *w, struct server *server)
{
    static const enum core_give gives[] = {
        CORE_GIVE_CLEAN, CORE_GIVE_CLEAN, CORE_GIVE_CLEAN, CORE_GIVE_CLEAN, CORE_GIVE_CLEAN,
        CORE_GIVE_CLEAN, CORE_GIVE_CLEAN, CORE_GIVE_DIRTY, CORE_GIVE_DIRTY, CORE_GIVE_BROKEN};
    if (random_below(w, 200) == 0) {
        begin(w, server, APART, random_around(w, 10 * BASE_MS));
        w->pools[server->pool].leaving++;
        random_server_apply(w, CORE_EVENT_DETACH, server, true);
        return;
    }
    struct core_event event = {.kind = CORE_EVENT_GIVE, .server = server->id};
    event.give = gives[random_below(w, sizeof(gives) / sizeof(gives[0]))];
    server->state = IDLING;
    random_apply(w, &event);
}

static void vanish(struct world *w, struct server *server, enum core_event_kind kind)
{
    struct core_event event = {.kind = kind, .server = server->id};
    struct pool *pool = &w->pools[server->pool];
    if (server->state == CLOSING || server->state == APART)
        pool->leaving--;
    if (server->state == CHECKING)
        pool->checking--;
    if (server->state == CONNECTING) {
        (void)leave_connecting(w, server);
        w->is_out[pool->upstream] = true;
    }
    remove_server(w, server);
    random_apply(w, &event);
}

void random_server_advance(struct world *w, struct server *server)
{
    bool ok = random_below(w, 10) != 0;
    switch (server->state) {
    case CONNECTING:
        finish_connect(w, server);
        break;
    case HELD:
        finish_lease(w, server);
        break;
    case CHECKING:
        w->pools[server->pool].checking--;
        server->state = IDLING;
        random_server_apply(w, CORE_EVENT_CHECKED, server, ok);
        break;
    case RESETTING:
        server->state = IDLING;
        random_server_apply(w, CORE_EVENT_RESET_DONE, server, ok);
        break;
    case CLOSING:
    case APART:
        vanish(w, server, CORE_EVENT_CLOSED);
        break;
    case GONE:
    case IDLING:
        random_fail(w, "a server without a plan has a timer", __FILE__, __LINE__);
    }
}

/* A connect that is killed counts as an outage, which only some worlds have. */
void random_server_kill(struct world *w)
{
    struct server *server = &w->servers[random_below(w, SERVERS)];
    if (server->state == GONE || (server->state == CONNECTING && !w->has_outages))
        return;
    vanish(w, server, CORE_EVENT_LOST);
}
