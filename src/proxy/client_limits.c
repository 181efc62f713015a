/* client_limits.c - time-outs of logged-in clients, as PgBouncer means them.
 *
 *   setting                    runs while                                     begins
 *   query_timeout              a batch is unanswered (waiting for a server    when it was sent
 *                              is limited by the claim's deadline)
 *   transaction_timeout        a transaction is open or a batch unanswered    with its first
 * message idle_transaction_timeout   a transaction is open, all is answered         with the last
 * answer client_idle_timeout        no transaction, all is answered                with the last
 * answer
 *
 * One timer a client, and it is lazy: whatever begins only makes sure that the timer fires within
 * the shortest of the user's limits (client_limits_watch); what holds then is worked out when it
 * fires. So a client that works costs one comparison, and without limits none.
 * Test: tests/system/test_timeouts.py.
 */
#include "base/invariant.h"
#include "proxy/client_internal.h"

/* What ends first of what runs now. */
struct end {
    base_time at;
    const char *text;
    const char *hint;
};

static void consider(struct end *end, base_time since, base_time span, const char *text,
                     const char *hint)
{
    base_time at = span ? base_time_add(since, span) : BASE_NEVER;
    if (at < end->at) {
        *end = (struct end){at, text, hint};
    }
}

static void consider_idle(struct end *end, const struct proxy_client *client)
{
    consider(end, client->idle_at, client->user->limits.client_idle, "client_idle_timeout",
             "Reconnect; client_idle_timeout closes clients that idle.");
}

static void consider_linked(struct end *end, const struct proxy_client *client)
{
    const struct proxy_limits *limits = &client->user->limits;
    const struct proxy_server *server = client->server;
    if (client->is_replication) {
        return; /* a stream has no end to wait for, and its pauses are no idling */
    }
    if (server->transaction_at) {
        consider(end, server->transaction_at, limits->transaction, "transaction timeout",
                 "Make transactions shorter; transaction_timeout closes clients whose transaction "
                 "lasts longer.");
    }
    if (server->query_at) {
        consider(end, server->query_at, limits->query, "query timeout",
                 "Raise query_timeout if such queries are expected.");
    } else if (server->tx_status != 'I') {
        consider(end, client->idle_at, limits->idle_transaction, "idle transaction timeout",
                 "End transactions soon; idle_transaction_timeout closes clients that idle inside "
                 "one.");
    } else {
        consider_idle(end, client);
    }
}

void client_limits_fire(struct proxy_client *client)
{
    struct end end = {.at = BASE_NEVER};
    if (client->state == PROXY_CLIENT_LINKED) {
        consider_linked(&end, client);
    } else if (client->state == PROXY_CLIENT_READY) {
        consider_idle(&end, client);
    }
    if (end.at <= net_loop_now(client->proxy->loop)) {
        proxy_client_close(client, "08P01", end.text, NULL, end.hint, end.text);
        return;
    }
    net_timer_set(client->proxy->loop, &client->timer, end.at);
}

void client_limits_watch(struct proxy_client *client)
{
    base_time shortest = client->user->limits.shortest;
    if (shortest == BASE_NEVER) {
        return;
    }
    base_time at = base_time_add(net_loop_now(client->proxy->loop), shortest);
    if (!client->timer.heap_pos || client->timer.deadline > at) {
        net_timer_set(client->proxy->loop, &client->timer, at);
    }
}

void proxy_client_limits_changed(struct proxy_client *client)
{
    if (client->state == PROXY_CLIENT_READY || client->state == PROXY_CLIENT_LINKED) {
        client_limits_watch(client);
    }
}

/* query_wait_timeout; 0: none. */
static base_time wait_of(const struct proxy_client *client)
{
    const struct proxy_limits *limits = &client->user->limits;
    return limits->has_wait ? limits->wait : client->pool->database->wait;
}

base_time client_wait_limit(const struct proxy_client *client)
{
    const struct proxy_limits *limits = &client->user->limits;
    base_time wait = wait_of(client);
    return client_waits_for_query(client) ? limits->query : wait ? wait : BASE_NEVER;
}

bool client_waits_for_query(const struct proxy_client *client)
{
    const struct proxy_limits *limits = &client->user->limits;
    base_time wait = wait_of(client);
    return client->state == PROXY_CLIENT_WAITING && limits->query &&
           (!wait || limits->query < wait);
}
