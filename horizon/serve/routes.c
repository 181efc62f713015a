/* routes.c - see routes.h. */
#include "serve/routes.h"

#include <stdio.h>
#include <string.h>

#include <microhttpd.h>

#include "embed/embed.h"
#include "serve/app.h"
#include "serve/edits.h"
#include "serve/logins.h"
#include "serve/metrics.h"
#include "serve/panels.h"
#include "serve/request.h"
#include "serve/sentinel.h"
#include "web/files.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MANAGER  "/api/portfolio-manager"

extern const struct embed_file openapi_files[];

/* ---- small ones ------------------------------------------------------------------------------
 */

static void health(struct request *request)
{
    reply_json(&request->reply, MHD_HTTP_OK, json_pack("{s:s}", "status", "ok"));
}

/* Ready: the pool has a connection or may have one. While draining nothing new should come here. */
static void ready(struct request *request)
{
    struct app *app = request->app;
    struct weir_stats stats;
    if (app->is_draining) {
        reply_later(&request->reply, MHD_HTTP_SERVICE_UNAVAILABLE, request->id, "shutting_down", 1,
                    "this process is shutting down");
        return;
    }
    bool is_ready = weir_pool_stats(app->pool, &stats) == 0 &&
                    (sentinel_is_up(app->sentinel) || stats.idle + stats.checked_out > 0);
    if (!is_ready) {
        reply_later(&request->reply, MHD_HTTP_SERVICE_UNAVAILABLE, request->id, "database_down", 5,
                    "there is no connection to the database");
        return;
    }
    reply_json(&request->reply, MHD_HTTP_OK, json_pack("{s:s}", "status", "ready"));
}

static void openapi(struct request *request)
{
    reply_static(&request->reply, MHD_HTTP_OK, "application/json; charset=utf-8",
                 openapi_files[0].bytes, openapi_files[0].size);
    request->reply.cache = "no-cache";
}

static void me(struct request *request)
{
    const struct user *user = &request->user;
    reply_json(&request->reply, MHD_HTTP_OK,
               json_pack("{s:s, s:s, s:s, s:s, s:s}", "user_id", user->id, "login", user->login,
                         "name", user->name, "base_currency", user->base_currency, "benchmark",
                         user->benchmark));
}

/* ---- the page --------------------------------------------------------------------------------
 */

static const struct web_file *find_file(const char *path)
{
    for (size_t i = 0; i < web_file_count; i++) {
        if (strcmp(web_files[i].path, path) == 0) {
            return &web_files[i];
        }
    }
    return NULL;
}

/* Whether a list of codings accepts gzip; one with the quality 0 does not. */
static bool accepts_gzip(const char *codings)
{
    const char *at = codings ? strstr(codings, "gzip") : NULL;
    return at && strncmp(at, "gzip;q=0", 8) != 0;
}

static void page(struct request *request)
{
    const struct web_file *file = find_file(request->path);
    struct reply *reply = &request->reply;
    bool is_gzip = file->gzip && accepts_gzip(request_header(request, "Accept-Encoding"));
    reply_static(reply, MHD_HTTP_OK, file->content_type, is_gzip ? file->gzip : file->plain,
                 is_gzip ? file->gzip_bytes : file->plain_bytes);
    /* the two forms are not the same bytes: weak */
    stpcpy(stpcpy(reply->etag, file->gzip ? "W/" : ""), file->etag);
    reply->encoding = is_gzip ? "gzip" : NULL;
    reply->vary = file->gzip ? "Accept-Encoding" : NULL;
    reply->cache = file->is_immutable ? "public, max-age=31536000, immutable" : "no-cache";
    if (reply_matches(request_header(request, "If-None-Match"), file->etag)) {
        reply_empty(reply, MHD_HTTP_NOT_MODIFIED);
        reply->encoding = NULL;
    }
}

static const struct route page_route = {METHOD_GET, "", ROUTE_INLINE, false, NULL, page, "page"};

/* ---- the table -------------------------------------------------------------------------------
 */

static const struct route routes[] = {
    {METHOD_POST, "/api/auth/login", ROUTE_LOGIN, false, login_check, login_handle, "login"},
    {METHOD_POST, "/api/auth/refresh", ROUTE_INLINE, false, login_check, refresh_handle, "refresh"},
    {METHOD_GET, "/api/me", ROUTE_DATABASE, true, NULL, me, "me"},
    {METHOD_GET, MANAGER "/watch", ROUTE_PANEL, true, NULL, panel_handle, "watch"},
    {METHOD_POST, MANAGER "/watch", ROUTE_DATABASE, true, edit_check_watch, edit_add_watch,
     "watch_add"},
    {METHOD_DELETE, MANAGER "/watch/*", ROUTE_DATABASE, true, NULL, edit_delete_watch,
     "watch_delete"},
    {METHOD_GET, MANAGER "/summary", ROUTE_PANEL, true, NULL, panel_handle, "summary"},
    {METHOD_GET, MANAGER "/market", ROUTE_PANEL, true, NULL, panel_handle, "market"},
    {METHOD_GET, MANAGER "/report", ROUTE_PANEL, true, panel_check_range, panel_handle, "report"},
    {METHOD_GET, MANAGER "/charts/portfolio", ROUTE_PANEL, true, panel_check_range, panel_handle,
     "chart"},
    {METHOD_GET, MANAGER "/assets", ROUTE_DATABASE, true, NULL, edit_list_assets, "assets"},
    {METHOD_GET, MANAGER "/activities", ROUTE_DATABASE, true, edit_check_page, edit_list_activities,
     "activities"},
    {METHOD_POST, MANAGER "/activities", ROUTE_DATABASE, true, edit_check_activity,
     edit_add_activity, "activity_add"},
    {METHOD_DELETE, MANAGER "/activities/*", ROUTE_DATABASE, true, edit_check_id,
     edit_delete_activity, "activity_delete"},
    {METHOD_GET, "/api/operations", ROUTE_INLINE, true, NULL, operations_handle, "operations"},
    {METHOD_GET, "/api/openapi.json", ROUTE_INLINE, false, NULL, openapi, "openapi"},
    {METHOD_GET, "/healthz", ROUTE_INLINE, false, NULL, health, "healthz"},
    {METHOD_GET, "/readyz", ROUTE_INLINE, false, NULL, ready, "readyz"},
    {METHOD_GET, "/metrics", ROUTE_INLINE, false, NULL, metrics_handle, "metrics"},
};

enum route_found routes_find(struct request *request, const char *method,
                             char ret_allow[ROUTE_ALLOW_BYTES])
{
    enum route_found found = route_find(routes, COUNT(routes), method, request->path,
                                        &request->route, &request->argument, ret_allow);
    if (found != ROUTE_NO_PATH || !find_file(request->path)) {
        return found;
    }
    if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0) {
        request->route = &page_route;
        return ROUTE_FOUND;
    }
    snprintf(ret_allow, ROUTE_ALLOW_BYTES, "GET, HEAD");
    return ROUTE_NO_METHOD;
}

const char *routes_allow(const char *allow)
{
    static const char *const all[] = {"GET, HEAD", "POST", "DELETE", "GET, HEAD, POST"};
    for (size_t i = 0; i < COUNT(all); i++) {
        if (strcmp(all[i], allow) == 0) {
            return all[i];
        }
    }
    return NULL;
}
