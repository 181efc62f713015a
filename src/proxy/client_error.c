/* client_error.c - what a client is told, above all when there is no server to give.
 *
 * Every error has severity (S and V), SQLSTATE, message, and where it helps detail and hint, so
 * that drivers classify it and people know what to do. While a client waits it gets one notice.
 */
#include <stdio.h>

#include "proxy/client_internal.h"
#include "proxy/log.h"
#include "wire/backend.h"

#define SECONDS(span) ((double)(span) / (double)BASE_SECOND)

void client_send_error(struct proxy_client *client, const struct client_error *error)
{
    struct wire_error fields = {
        .severity = base_slice_text(error->severity),
        .severity_raw = base_slice_text(error->severity),
        .sqlstate = base_slice_text(error->sqlstate),
        .message = base_slice_text(error->text),
        .detail = base_slice_text(error->detail),
        .hint = base_slice_text(error->hint),
    };
    struct wire_out out =
        client_out(client, fields.message.bytes + fields.detail.bytes + fields.hint.bytes + 128);
    if (error->severity[0] == 'N') {
        wire_notice_put(&out, &fields);
    } else {
        wire_error_put(&out, &fields);
    }
    if (wire_out_status(&out) == BASE_OK) {
        client_send_out(client, &out);
    }
}

/* Who holds the longest lease, in words; "" when nobody does. */
static void holder_text(struct proxy_client *client, const struct core_pool_stats *stats, char *out,
                        size_t bytes)
{
    struct proxy_server *server =
        stats->oldest_lease ? proxy_server_by_id(client->proxy, stats->oldest_lease_server) : NULL;
    out[0] = 0;
    if (!server || !server->client) {
        return;
    }
    struct base_slice app =
        proxy_text_slice(server->client->vars.value[PROXY_VAR_APPLICATION_NAME]);
    const char *doing = server->requests.count > 0 ? "running a query"
                        : server->tx_status == 'I' ? "idle in session"
                                                   : "idle in transaction";
    snprintf(out, bytes, "; longest holder: app=%.*s %s for %.1f s", (int)app.bytes,
             app.data ? (const char *)app.data : "", doing, SECONDS(stats->oldest_lease));
}

static const char *ceiling_owner(enum core_scope_kind kind)
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
    return "upstream";
}

void client_wait_detail(struct proxy_client *client, base_time waited, uint32_t ahead, char *out,
                        size_t bytes)
{
    struct core_pool_stats stats;
    char holder[256], ceiling[64] = "", failure[400] = "";
    if (core_pool_stats(client->proxy->core, net_loop_now(client->proxy->loop), client->pool->id,
                        &stats) < 0) {
        snprintf(out, bytes, "Waited %.1f s.", SECONDS(waited));
        return;
    }
    if (stats.ceiling != CORE_NO_LIMIT) {
        snprintf(ceiling, sizeof(ceiling), " (ceiling %u, learned, of the %s)", stats.ceiling,
                 ceiling_owner(stats.ceiling_kind));
    }
    if (client->pool->failure.status) {
        snprintf(failure, sizeof(failure), "; last refusal by the upstream: %s %s",
                 client->pool->failure.sqlstate, client->pool->failure.text);
    }
    holder_text(client, &stats, holder, sizeof(holder));
    snprintf(out, bytes,
             "Waited %.1f s; %u of %u servers in use%s; %u clients ahead at arrival%s%s.",
             SECONDS(waited), stats.leased, stats.limit, ceiling, ahead, holder, failure);
}

/* Answers the batch that waited with ERROR; the client stays. */
static void refuse_batch(struct proxy_client *client, const struct client_error *error)
{
    client_move(client, PROXY_CLIENT_READY);
    client_send_error(client, error);
    client->pool->stats.total.errors++;
    client->is_discarding = true;
    proxy_log_client(PROXY_WARNING, client, "pooler error: %s", error->text);
    net_stream_resume(&client->stream);
}

void proxy_client_setting_failed(struct proxy_client *client, const char *sqlstate,
                                 const char *text)
{
    static const char detail[] = "It hit weir while it set the client's parameters on a server.";
    if (client->needs_welcome) {
        proxy_client_close(client, sqlstate, text, detail, "Connect again.",
                           "the parameters could not be set");
        return;
    }
    client_leave_server(client);
    refuse_batch(client, &(struct client_error){"ERROR", sqlstate, text, detail, NULL});
}

static void refuse_login_failed(struct proxy_client *client)
{
    const struct proxy_failure *failure = &client->pool->failure;
    char text[sizeof(failure->text) + 32];
    snprintf(text, sizeof(text), "server login failed: %s",
             failure->status ? failure->text : "the upstream refused the login");
    proxy_client_close(client, failure->status ? failure->sqlstate : "28000", text,
                       "weir could not log in to PostgreSQL for this database and user.",
                       "Check user, password and database in the [databases] line and auth_file.",
                       "server login failed");
}

void proxy_client_refuse(struct proxy_client *client, int status, base_time waited, uint32_t ahead)
{
    const struct base_status_info *info = base_status_info(status);
    bool is_login = client->state == PROXY_CLIENT_WELCOME;
    char detail[1024];
    client->claim = (struct core_claim_id){0};
    if (status == BASE_ECLOSED && !client->pool->database->is_removed) {
        client_reclaim(client, client->state); /* the pool has moved: wait on, at its new place */
        return;
    }
    if (status == BASE_EUPSTREAMAUTH) {
        client->state = PROXY_CLIENT_READY;
        refuse_login_failed(client);
        return;
    }
    client_wait_detail(client, waited, ahead, detail, sizeof(detail));
    if (status == BASE_ETIMEDOUT && client_waits_for_query(client)) {
        client->state = PROXY_CLIENT_READY;
        proxy_client_close(client, "08P01", "query_timeout", detail,
                           "Raise query_timeout if such waits are expected.", "query_timeout");
        return;
    }
    struct client_error error = {"ERROR", info->sqlstate, info->text, detail, info->hint};
    if (is_login || client->pool->mode == CONFIG_POOL_MODE_SESSION || status == BASE_ECLOSED) {
        client->state = PROXY_CLIENT_READY;
        proxy_client_close(client, error.sqlstate, error.text, detail, error.hint, error.text);
        return;
    }
    refuse_batch(client, &error);
}

void proxy_client_notify(struct proxy_client *client, base_time waited, uint32_t ahead)
{
    char detail[1024];
    client_wait_detail(client, waited, ahead, detail, sizeof(detail));
    client_send_error(
        client, &(struct client_error){"NOTICE", "00000",
                                       "No server connection available in postgres backend, "
                                       "client being queued",
                                       detail, "The query runs as soon as a server is free."});
}
