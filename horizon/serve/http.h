/* http.h - libmicrohttpd around the service: connections in, requests to handlers, answers out.
 *
 * Threads: fronts (front.h) read and write. A request that needs the database or a password check
 * is suspended and stands in a line (line.h), whose thread fills the reply and resumes it; a panel
 * tries the front's flight (flight.h) first. No front ever waits for anything but its sockets.
 *
 * Limits, all in settings: connections, header and body size, the time a client may take for one
 * request (from its first byte on, however slowly it drips), for reading one answer, and between
 * two. Answers to what libmicrohttpd itself refuses (a request line that is none) are its own and
 * not JSON; everything that parses is answered in JSON.
 *
 * Draining: the listening socket is left alone, every answer says `Connection: close`, connections
 * that stay idle are closed after a while. Test: tests/system/test_horizon_server.py.
 */
#ifndef HORIZON_SERVE_HTTP_H
#define HORIZON_SERVE_HTTP_H

#include <stdbool.h>
#include <stddef.h>

struct app;
struct http;
struct request;

/* Serves on a listening socket, which stays the caller's. NULL: could not, the log says why. */
struct http *http_open(struct app *app, int listen_fd);

/* Goes on with a request whose reply is filled. From the thread that ran it, as its last act. */
void http_resume(struct request *request);

/* A suspended request goes to the workers, or is refused when too many stand there. */
void http_stand_in_line(struct request *request);

/* Accepts no more; from now on connections end after their next answer. takes_queue: what waits in
 * the listening socket's queue is taken first, for nobody else would. */
void http_drain(struct http *http, bool takes_queue);

/* Connections now; requests whose answer is not written yet. */
size_t http_connections(struct http *http);

/* Closes what takes too long, and while draining what is idle; to be called about once a second. */
void http_sweep(struct http *http);

/* Ends it; closes what is still open. NULL is fine. */
void http_close(struct http *http);

#endif
