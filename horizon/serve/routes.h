/* routes.h - the table of all endpoints, and the ones that need no file of their own.
 *
 * To add one: a row in routes.c and a path in openapi.json; a test compares the two.
 */
#ifndef HORIZON_SERVE_ROUTES_H
#define HORIZON_SERVE_ROUTES_H

#include "serve/route.h"

/* Finds the request's path in the table, else among the page's files; sets route and argument. */
enum route_found routes_find(struct request *request, const char *method,
                             char ret_allow[ROUTE_ALLOW_BYTES]);

/* The same text with static life, for the header Allow. */
const char *routes_allow(const char *allow);

#endif
