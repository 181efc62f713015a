/* host.c - the core's host: events in, effects out, time.
 *
 * Every decision about who gets a server is the core's. proxy_apply() hands it an event and then
 * carries out all effects in order. An effect's handler may apply further events: they are applied
 * at once, and their effects are carried out by the loop that is already running, so handlers never
 * nest.
 *
 * Invariant: the core's effect ring is empty whenever control is back in the event loop.
 */
#include "proxy/daemon.h"

#include <inttypes.h>

#include "base/invariant.h"
#include "proxy/client.h"
#include "proxy/console.h"
#include "proxy/log.h"
#include "proxy/lookup.h"
#include "proxy/server.h"

/* core_check walks everything, so in production it samples: once in so many turns. */
#define CHECK_TURNS 65536

struct proxy_server *proxy_server_by_id(struct proxy *proxy, struct core_server_id id)
{
    struct proxy_server *server = id.idx < PROXY_SERVERS_MAX ? proxy->servers[id.idx] : NULL;
    return server && server->id.gen == id.gen ? server : NULL;
}

static const char *close_reason_text(enum core_close_reason reason)
{
    switch (reason) {
    case CORE_CLOSE_AGE:
        return "server lifetime over";
    case CORE_CLOSE_IDLE:
        return "server idle timeout";
    case CORE_CLOSE_SURPLUS:
        return "not needed any more";
    case CORE_CLOSE_MAKE_ROOM:
        return "evicted";
    case CORE_CLOSE_PAUSED:
        return "pause mode";
    case CORE_CLOSE_INVALID:
        return "database configuration changed";
    case CORE_CLOSE_BROKEN:
        return "unclean server";
    case CORE_CLOSE_CHECK:
        return "server check failed";
    case CORE_CLOSE_RESET:
        return "server reset failed";
    case CORE_CLOSE_POOL:
        return "obsolete connection";
    }
    return "closed";
}

/* Is this effect about the claim the client has now? An earlier effect of the same batch may have
 * ended the client's wait. */
static bool is_current(const struct core_effect *effect)
{
    const struct proxy_client *client = (struct proxy_client *)(uintptr_t)effect->tag;
    return client->claim.idx == effect->claim.idx && client->claim.gen == effect->claim.gen;
}

static bool is_lookup(const struct core_effect *effect)
{
    return effect->tag & PROXY_LOOKUP_TAG;
}

static void carry_out_grant(struct proxy *proxy, const struct core_effect *effect)
{
    struct proxy_server *server = proxy_server_by_id(proxy, effect->server);
    INVARIANT(server);
    if (is_lookup(effect)) {
        proxy_lookup_grant(effect->tag, effect, server);
        return;
    }
    if (is_current(effect)) {
        struct proxy_client *client = (struct proxy_client *)(uintptr_t)effect->tag;
        if (proxy_log_has(PROXY_NOISE)) {
            proxy_log_client(PROXY_NOISE, client, "gets S-0x%" PRIx64 " after %" PRIu64 " us",
                             server->serial, effect->waited / BASE_US);
        }
        proxy_client_grant(client, server, effect->waited);
        return;
    }
    if (server->state == PROXY_SERVER_CLOSING) {
        return; /* it broke in this turn: the core hears LOST at its end */
    }
    struct core_event event = {
        .kind = CORE_EVENT_GIVE, .server = server->id, .give = CORE_GIVE_CLEAN};
    int r = proxy_apply(proxy, &event);
    INVARIANT(r == BASE_OK);
}

static void carry_out(struct proxy *proxy, const struct core_effect *effect)
{
    struct proxy_client *client = (struct proxy_client *)(uintptr_t)effect->tag;
    struct proxy_server *server;
    switch (effect->kind) {
    case CORE_EFFECT_OPEN:
        proxy_server_open(proxy, (struct proxy_pool *)(uintptr_t)effect->tag, effect->server);
        return;
    case CORE_EFFECT_GRANT:
        carry_out_grant(proxy, effect);
        return;
    case CORE_EFFECT_REFUSE:
        if (is_lookup(effect)) {
            proxy_lookup_refuse(effect->tag, effect);
        } else if (is_current(effect)) {
            proxy_client_refuse(client, effect->status, effect->waited, effect->ahead);
        }
        return;
    case CORE_EFFECT_NOTIFY:
        if (!is_lookup(effect) && is_current(effect)) {
            proxy_client_notify(client, effect->waited, effect->ahead);
        }
        return;
    case CORE_EFFECT_CHECK:
    case CORE_EFFECT_RESET:
    case CORE_EFFECT_CLOSE:
        server = proxy_server_by_id(proxy, effect->server);
        INVARIANT(server);
        if (effect->kind == CORE_EFFECT_CHECK) {
            proxy_log_server(PROXY_NOISE, server, "is checked");
            proxy_server_check(server);
        } else if (effect->kind == CORE_EFFECT_RESET) {
            proxy_log_server(PROXY_NOISE, server, "is reset");
            proxy_server_reset(server);
        } else {
            proxy_server_close(server, close_reason_text(effect->reason));
        }
        return;
    }
}

void proxy_drain_effects(struct proxy *proxy)
{
    struct core_effect effect;
    if (proxy->is_draining_effects) {
        return;
    }
    proxy->is_draining_effects = true;
    while (core_effect(proxy->core, &effect)) {
        carry_out(proxy, &effect);
    }
    proxy->is_draining_effects = false;
}

int proxy_apply(struct proxy *proxy, struct core_event *event)
{
    int r = core_apply(proxy->core, net_loop_now(proxy->loop), event);
    proxy_drain_effects(proxy);
    return r;
}

void proxy_host_turn(void *host)
{
    struct proxy *proxy = host;
    base_time now = net_loop_now(proxy->loop);
    base_time deadline = core_next_deadline(proxy->core);
    if (deadline <= now) {
        core_tick(proxy->core, now);
        proxy_drain_effects(proxy);
        deadline = core_next_deadline(proxy->core);
    }
    if (deadline != proxy->core_timer.deadline || !proxy->core_timer.heap_pos) {
        net_timer_set(proxy->loop, &proxy->core_timer, deadline);
    }
    proxy_console_turn(proxy);
    proxy_scheduling_turn(&proxy->scheduling, now, net_loop_counters(proxy->loop));
    if (++proxy->turns % CHECK_TURNS == 0) {
        core_check(proxy->core);
    }
    EXPENSIVE((core_check(proxy->core), true));
}
