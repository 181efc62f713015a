/* test_address.c - addresses as text and back. */
#include "test.h"

#include <string.h>

#include "net/net.h"

static struct net_address parsed(const char *host, uint16_t port)
{
    struct net_address address;
    assert_int_equal(net_address_parse(host, port, &address), BASE_OK);
    return address;
}

static void assert_text(struct net_address address, const char *expected)
{
    char text[NET_ADDRESS_TEXT];
    net_address_text(&address, text, sizeof(text));
    assert_string_equal(text, expected);
}

/* What is kept of it as a peer, as an address again. */
static struct net_address as_peer(struct net_address address)
{
    struct net_peer peer = net_peer_of(&address);
    return net_peer_address(&peer);
}

TEST(a_peer_is_its_address_or_that_it_came_by_a_unix_socket)
{
    assert_text(as_peer(parsed("127.0.0.1", 51234)), "127.0.0.1:51234");
    assert_text(as_peer(parsed("2001:db8::ff00:42:8329", 65535)), "[2001:db8::ff00:42:8329]:65535");
    assert_text(as_peer(parsed("/tmp", 6432)), "unix:");
}

TEST(literal_addresses_and_directories_are_understood)
{
    assert_text(parsed("127.0.0.1", 6432), "127.0.0.1:6432");
    assert_text(parsed("::1", 65535), "[::1]:65535");
    assert_text(parsed("2001:db8::ff00:42:8329", 5432), "[2001:db8::ff00:42:8329]:5432");
    assert_text(parsed("/tmp", 6432), "unix:/tmp/.s.PGSQL.6432");
}

TEST(names_and_overlong_paths_are_not_addresses)
{
    struct net_address address;
    char path[200];
    memset(path, 'a', sizeof(path));
    path[0] = '/';
    path[199] = '\0';
    assert_int_equal(net_address_parse("localhost", 1, &address), BASE_EINVALID);
    assert_int_equal(net_address_parse("", 1, &address), BASE_EINVALID);
    assert_int_equal(net_address_parse("127.1", 1, &address), BASE_EINVALID);
    assert_int_equal(net_address_parse("127.0.0.1 ", 1, &address), BASE_EINVALID);
    assert_int_equal(net_address_parse(path, 1, &address), BASE_EINVALID);
    /* 108 bytes with the terminator: 95 of directory, 12 of "/.s.PGSQL.12" fit, one more does not.
     */
    path[95] = '\0';
    assert_int_equal(net_address_parse(path, 12, &address), BASE_OK);
    assert_int_equal(net_address_parse(path, 123, &address), BASE_EINVALID);
}

TEST(text_is_cut_at_the_end_of_the_buffer)
{
    struct net_address address;
    char text[8];
    assert_int_equal(net_address_parse("127.0.0.1", 6432, &address), BASE_OK);
    net_address_text(&address, text, sizeof(text));
    assert_string_equal(text, "127.0.0");
    assert_false(net_address_is_unix(&address));
    assert_int_equal(net_address_parse("/run", 1, &address), BASE_OK);
    assert_true(net_address_is_unix(&address));
}

TEST(loopback_is_told_from_other_addresses)
{
    static const struct {
        const char *host;
        bool is_loopback;
    } cases[] = {
        {"127.0.0.1", true},
        {"127.255.0.3", true},
        {"126.255.255.255", false},
        {"128.0.0.1", false},
        {"0.0.0.0", false},
        {"::1", true},
        {"::", false},
        {"::ffff:127.0.0.1", true},
        {"::ffff:10.0.0.1", false},
        {"2001:db8::7f00:1", false},
        {"::127.0.0.1", false},
        {"/tmp", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct net_address address = parsed(cases[i].host, 6432);
        assert_int_equal(net_address_is_loopback(&address), cases[i].is_loopback);
    }
}
