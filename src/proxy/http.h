/* http.h - /metrics, /healthz and /readyz over HTTP.
 *
 *   GET /metrics   OpenMetrics text
 *   GET /healthz   200 "ok" while the process serves
 *   GET /readyz    200 "ready", or 503 with the reason: not running, or a pool that has no server
 *                  and cannot get one
 *   other paths 404, other methods than GET and HEAD 405
 *
 * libmicrohttpd, driven by our loop: no thread. Meant for loopback and private networks: there is
 * no TLS and no login. Few connections, small requests, short time-outs.
 */
#ifndef PROXY_HTTP_H
#define PROXY_HTTP_H

#include <stddef.h>

#include "base/status.h"

struct proxy;
struct proxy_http;

/* listen: "127.0.0.1:9127", "[::1]:9127"; "9127" and ":9127" are on 127.0.0.1; "*:9127" is on all
 * IPv4 addresses; port 0 lets the kernel choose. The address is logged. Errors: BASE_EINVALID,
 * BASE_EINUSE, BASE_ESYSTEM, with the reason in `why`. */
int proxy_http_open(struct proxy *proxy, const char *listen, struct proxy_http **ret_http,
                    char *why, size_t why_bytes) BASE_MUST_CHECK;
/* The socket that listens; -1 after proxy_http_leave. */
int proxy_http_socket(const struct proxy_http *http);
/* Accepts no more; another process has taken the socket over. */
void proxy_http_leave(struct proxy_http *http);
/* NULL is harmless. */
void proxy_http_close(struct proxy_http *http);

#endif
