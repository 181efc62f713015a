/* handover.c - the old process's end of a restart by -R; takeover.h has the whole picture.
 *
 * Always true: after the handover no file that the new process uses is removed here: neither its
 * sockets nor its pid file. The folder of the own console, unix_socket_dir/.weir.PID.XXXXXX, is for
 * this system user only, and goes at the end; nobody can have made it before, since its name is
 * not known before. Test: tests/system/test_reboot.py.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/http.h"
#include "proxy/listen.h"
#include "proxy/log.h"
#include "proxy/service.h"
#include "proxy/takeover.h"

uint32_t proxy_handover_sockets(const struct proxy *proxy, int fds[PROXY_HANDOVER_MAX])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < proxy->listener_count; i++) {
        if (proxy->listeners[i].is_registered) {
            fds[count++] = proxy->listeners[i].fd;
        }
    }
    if (proxy->http && proxy_http_socket(proxy->http) >= 0) {
        fds[count++] = proxy_http_socket(proxy->http);
    }
    return count;
}

/* What would wait in vain once nobody can say RESUME here. */
static const char *find_obstacle(const struct proxy *proxy)
{
    if (proxy->phase != PROXY_RUNNING) {
        return "it is shutting down already";
    }
    if (proxy->service_sockets > 0) {
        return "its sockets are the service manager's: restart by that";
    }
    if (proxy->is_paused_all || proxy->is_suspended) {
        return "it is paused or suspended: RESUME first";
    }
    base_list_each(it, &proxy->databases)
    {
        if (base_list_entry(it, const struct proxy_database, link)->is_paused) {
            return "a database is paused: RESUME it first";
        }
    }
    return NULL;
}

/* The console's own socket, in a folder that only this system user may enter. */
static int open_own(struct proxy *proxy, uint16_t port)
{
    char folder[PROXY_LEFT_BYTES];
    int length = snprintf(folder, sizeof(folder), "%s/.weir.%d.XXXXXX",
                          proxy->config->options.unix_socket_dir, (int)getpid());
    if (length < 0 || (size_t)length >= sizeof(folder)) {
        return BASE_EINVALID;
    }
    if (!mkdtemp(folder)) {
        return BASE_ESYSTEM;
    }
    proxy->left_at = strdup(folder);
    if (!proxy->left_at) {
        rmdir(folder);
        return BASE_ENOMEM;
    }
    int r = proxy_listeners_open_own(proxy, folder, port);
    if (r < 0) {
        proxy_handover_done(proxy);
    }
    return r;
}

int proxy_handover(struct proxy *proxy, int32_t pid, const char **ret_why)
{
    uint16_t port = proxy_listeners_unix_port(proxy);
    *ret_why = find_obstacle(proxy);
    if (*ret_why) {
        return BASE_ESTATE;
    }
    proxy_log(PROXY_LOG, "handing over to process %d: no new clients here", (int)pid);
    proxy_listeners_leave(proxy);
    if (proxy->http) {
        proxy_http_leave(proxy->http);
    }
    proxy->has_pidfile = false;
    if (open_own(proxy, port) < 0) {
        proxy_log(PROXY_WARNING,
                  "no console of its own in %s: cancel requests for clients that are still here "
                  "get lost; this process, %d, takes signals only",
                  proxy->config->options.unix_socket_dir, (int)getpid());
    }
    if (pid > 0) {
        proxy_service_hand_over(pid);
    }
    proxy_shutdown_when_left(proxy);
    return BASE_OK;
}

void proxy_handover_done(struct proxy *proxy)
{
    if (proxy->left_at && rmdir(proxy->left_at) != 0) {
        proxy_log(PROXY_WARNING, "cannot remove %s: %s", proxy->left_at, strerror(errno));
    }
    free(proxy->left_at);
    proxy->left_at = NULL;
}
