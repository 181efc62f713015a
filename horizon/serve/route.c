/* route.c - see route.h. */
#include "serve/route.h"

#include <string.h>

static const char *const method_names[METHODS] = {"GET", "POST", "DELETE"};

/* Whether a path fits a pattern; the argument, when there is one. */
static bool fits(const char *pattern, const char *path, const char **ret_argument)
{
    size_t bytes = strlen(pattern);
    *ret_argument = NULL;
    if (bytes < 2 || strcmp(pattern + bytes - 2, "/*") != 0) {
        return strcmp(pattern, path) == 0;
    }
    if (strncmp(pattern, path, bytes - 1) != 0 || path[bytes - 1] == '\0' ||
        strchr(path + bytes - 1, '/')) {
        return false;
    }
    *ret_argument = path + bytes - 1;
    return true;
}

static bool is_method(enum route_method wanted, const char *method)
{
    return strcmp(method, method_names[wanted]) == 0 ||
           (wanted == METHOD_GET && strcmp(method, "HEAD") == 0);
}

static void allow(char text[ROUTE_ALLOW_BYTES], enum route_method method)
{
    size_t at = strlen(text);
    const char *names = method == METHOD_GET ? "GET, HEAD" : method_names[method];
    if (at + strlen(names) + 3 <= ROUTE_ALLOW_BYTES) {
        stpcpy(stpcpy(text + at, at > 0 ? ", " : ""), names);
    }
}

enum route_found route_find(const struct route *routes, size_t count, const char *method,
                            const char *path, const struct route **ret_route,
                            const char **ret_argument, char ret_allow[ROUTE_ALLOW_BYTES])
{
    enum route_found found = ROUTE_NO_PATH;
    char allowed[ROUTE_ALLOW_BYTES] = "";
    for (size_t i = 0; i < count; i++) {
        const char *argument;
        if (!fits(routes[i].pattern, path, &argument)) {
            continue;
        }
        if (is_method(routes[i].method, method)) {
            *ret_route = &routes[i];
            *ret_argument = argument;
            return ROUTE_FOUND;
        }
        found = ROUTE_NO_METHOD;
        allow(allowed, routes[i].method);
    }
    if (found == ROUTE_NO_METHOD) {
        memcpy(ret_allow, allowed, sizeof(allowed));
    }
    return found;
}
