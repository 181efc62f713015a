/* Tests of serve/route.h and serve/path.h. */
#include "serve/route.h"

#include <string.h>

#include "serve/path.h"
#include "test.h"

static const struct route routes[] = {
    {.method = METHOD_GET, .pattern = "/a"},
    {.method = METHOD_POST, .pattern = "/a"},
    {.method = METHOD_DELETE, .pattern = "/a/*"},
};

static enum route_found find(const char *method, const char *path, const struct route **ret_route,
                             const char **ret_argument, char *allow)
{
    return route_find(routes, 3, method, path, ret_route, ret_argument, allow);
}

TEST(route_is_found_by_method_and_path_and_head_is_get)
{
    const struct route *route;
    const char *argument;
    char allow[ROUTE_ALLOW_BYTES];
    assert_int_equal(find("GET", "/a", &route, &argument, allow), ROUTE_FOUND);
    assert_ptr_equal(route, &routes[0]);
    assert_int_equal(find("HEAD", "/a", &route, &argument, allow), ROUTE_FOUND);
    assert_ptr_equal(route, &routes[0]);
    assert_int_equal(find("POST", "/a", &route, &argument, allow), ROUTE_FOUND);
    assert_ptr_equal(route, &routes[1]);
    assert_null(argument);
}

TEST(argument_is_one_segment)
{
    const struct route *route;
    const char *argument;
    char allow[ROUTE_ALLOW_BYTES];
    assert_int_equal(find("DELETE", "/a/x y", &route, &argument, allow), ROUTE_FOUND);
    assert_string_equal(argument, "x y");
    assert_int_equal(find("DELETE", "/a/", &route, &argument, allow), ROUTE_NO_PATH);
    assert_int_equal(find("DELETE", "/a/x/y", &route, &argument, allow), ROUTE_NO_PATH);
    assert_int_equal(find("DELETE", "/ab", &route, &argument, allow), ROUTE_NO_PATH);
}

TEST(method_that_a_path_does_not_have_is_told_from_a_path_that_is_not_there)
{
    const struct route *route;
    const char *argument;
    char allow[ROUTE_ALLOW_BYTES];
    assert_int_equal(find("PUT", "/a", &route, &argument, allow), ROUTE_NO_METHOD);
    assert_string_equal(allow, "GET, HEAD, POST");
    assert_int_equal(find("get", "/a", &route, &argument, allow), ROUTE_NO_METHOD);
    assert_int_equal(find("GET", "/a/x", &route, &argument, allow), ROUTE_NO_METHOD);
    assert_string_equal(allow, "DELETE");
    assert_int_equal(find("GET", "/", &route, &argument, allow), ROUTE_NO_PATH);
}

TEST(path_is_decoded_once)
{
    char path[PATH_BYTES_MAX];
    assert_true(path_decode("/", path));
    assert_string_equal(path, "/");
    assert_true(path_decode("/watch/%5eSPX", path));
    assert_string_equal(path, "/watch/^SPX");
    assert_true(path_decode("/%2541", path));
    assert_string_equal(path, "/%41");
    assert_true(path_decode("/a.b/..c/%C3%A4", path));
    assert_string_equal(path, "/a.b/..c/\xc3\xa4");
}

TEST(path_that_two_readers_could_read_differently_is_refused)
{
    static const char *const wrong[] = {
        "",     "a",       "*",    "//",     "/a/",       "/a//b", "/.",      "/..", "/a/../b",
        "/%2e", "/%2E%2e", "/%2f", "/a%2Fb", "/%5c",      "/a\\b", "/%",      "/%4", "/%4g",
        "/%00", "/%0a",    "/%7f", "/a\x01", "/%2e%2e/a", "/./a",  "/ a/./b",
    };
    char path[PATH_BYTES_MAX];
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (path_decode(wrong[i], path)) {
            fail_msg("\"%s\" was read as \"%s\"", wrong[i], path);
        }
    }
}

TEST(path_has_a_greatest_length)
{
    char raw[PATH_BYTES_MAX + 2], path[PATH_BYTES_MAX];
    memset(raw, 'a', sizeof(raw));
    raw[0] = '/';
    raw[PATH_BYTES_MAX - 1] = '\0';
    assert_true(path_decode(raw, path));
    assert_int_equal(strlen(path), PATH_BYTES_MAX - 1);
    raw[PATH_BYTES_MAX - 1] = 'a';
    raw[PATH_BYTES_MAX] = '\0';
    assert_false(path_decode(raw, path));
}

TEST(value_may_have_slashes_and_has_to_fit)
{
    char value[4];
    assert_true(path_decode_value("%61/b", value, sizeof(value)));
    assert_string_equal(value, "a/b");
    assert_false(path_decode_value("abcd", value, sizeof(value)));
    assert_false(path_decode_value("%00", value, sizeof(value)));
}
