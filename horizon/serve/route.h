/* route.h - which handler a method and a path belong to: pure.
 *
 * The table is routes_table.c. A pattern is a path, or a path that ends with "/" followed by "*":
 * one more segment, the argument. HEAD is answered where GET is. A path that exists with other
 * methods is told apart from one that does not exist. Test: tests/unit/horizon/test_route.c.
 */
#ifndef HORIZON_SERVE_ROUTE_H
#define HORIZON_SERVE_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

struct request;

enum route_run {
    ROUTE_INLINE,   /* at once, in the thread that reads: needs neither database nor time */
    ROUTE_DATABASE, /* by a worker, with a user and a connection */
    ROUTE_PANEL,    /* as ROUTE_DATABASE, but asked for with others when that will do (flight.h) */
    ROUTE_LOGIN,    /* by a thread that checks passwords */
};

enum route_method { METHOD_GET, METHOD_POST, METHOD_DELETE, METHODS };

struct route {
    enum route_method method;
    const char *pattern;
    enum route_run run;
    bool needs_token;
    /* Looks at parameters and body before anybody waits for anything; false: the reply is an error.
     * NULL: nothing to look at. */
    bool (*check)(struct request *request);
    void (*handle)(struct request *request);
    const char *name; /* of metrics, and the tag that holds a connection */
};

#define ROUTE_ALLOW_BYTES 64

enum route_found { ROUTE_FOUND, ROUTE_NO_PATH, ROUTE_NO_METHOD };

/* Looks a method ("GET") and a decoded path up. ret_argument: the argument, a part of `path`, or
 * NULL. ret_allow is filled on ROUTE_NO_METHOD: "GET, HEAD, POST". */
enum route_found route_find(const struct route *routes, size_t count, const char *method,
                            const char *path, const struct route **ret_route,
                            const char **ret_argument, char ret_allow[ROUTE_ALLOW_BYTES]);

#endif
