/* test_resolve.c - names: literals, /etc/hosts, failures, the cache, cancelling. No name server is
 * asked. */
#include "test.h"

#include <netinet/in.h>
#include <string.h>

#include "world.h"

struct asking {
    struct net_lookup lookup;
    struct net_resolver *resolver;
    int calls;
    int status;
    char first[NET_ADDRESS_TEXT];
    uint32_t count;
    bool has_ipv4;
    const char *then; /* asked from inside done() */
    struct asking *next;
};

static void ask(struct asking *asking, struct net_resolver *resolver, const char *host);

static void done(struct net_lookup *lookup, int status)
{
    struct asking *asking = base_list_entry(lookup, struct asking, lookup);
    asking->calls++;
    asking->status = status;
    asking->count = lookup->address_count;
    for (uint32_t i = 0; i < lookup->address_count; i++) {
        char text[NET_ADDRESS_TEXT];
        net_address_text(&lookup->addresses[i], text, sizeof(text));
        if (i == 0) {
            strcpy(asking->first, text);
        }
        asking->has_ipv4 = asking->has_ipv4 || strcmp(text, "127.0.0.1:5432") == 0;
    }
    if (asking->then) {
        ask(asking->next, asking->resolver, asking->then);
        /* The addresses are still ours. */
        char text[NET_ADDRESS_TEXT];
        net_address_text(&lookup->addresses[0], text, sizeof(text));
        assert_string_equal(text, asking->first);
    }
}

static void ask(struct asking *asking, struct net_resolver *resolver, const char *host)
{
    asking->lookup.done = done;
    asking->resolver = resolver;
    net_resolve(resolver, host, 5432, &asking->lookup);
}

static void world_with_resolver(struct world *world, struct net_resolver **ret_resolver)
{
    world_init(world, 0, 0);
    assert_int_equal(net_resolver_new(world->loop,
                                      &(struct net_resolver_options){
                                          .ttl = 60 * BASE_SECOND, .failure_ttl = 60 * BASE_SECOND},
                                      ret_resolver),
                     BASE_OK);
}

static void world_and_resolver_done(struct world *world, struct net_resolver *resolver)
{
    net_resolver_free(resolver);
    world_done(world);
}

TEST(a_literal_or_a_directory_answers_at_once)
{
    struct world world;
    struct net_resolver *resolver;
    struct asking a = {0};
    struct asking b = {0};
    world_with_resolver(&world, &resolver);
    ask(&a, resolver, "192.0.2.7");
    assert_int_equal(a.status, BASE_OK);
    assert_string_equal(a.first, "192.0.2.7:5432");
    ask(&b, resolver, "/run/postgresql");
    assert_string_equal(b.first, "unix:/run/postgresql/.s.PGSQL.5432");
    world_and_resolver_done(&world, resolver);
}

TEST(localhost_is_known_without_a_network)
{
    struct world world;
    struct net_resolver *resolver;
    struct asking a = {0};
    world_with_resolver(&world, &resolver);
    ask(&a, resolver, "localhost");
    UNTIL(&world, a.calls == 1);
    assert_int_equal(a.status, BASE_OK);
    assert_true(a.has_ipv4);
    world_and_resolver_done(&world, resolver);
}

TEST(a_known_name_answers_from_the_cache_and_keeps_each_port)
{
    struct world world;
    struct net_resolver *resolver;
    struct asking a = {0};
    struct asking b = {0};
    world_with_resolver(&world, &resolver);
    a.then = "LOCALHOST"; /* names do not mind case */
    a.next = &b;
    ask(&a, resolver, "localhost");
    UNTIL(&world, a.calls == 1);
    assert_int_equal(b.calls, 1);
    assert_int_equal(b.status, BASE_OK);
    assert_int_equal(b.count, a.count);
    world_and_resolver_done(&world, resolver);
}

TEST(a_name_that_cannot_exist_fails_quickly_and_is_remembered)
{
    struct world world;
    struct net_resolver *resolver;
    const char *long_label =
        "label-of-more-than-sixty-three-bytes-label-of-more-than-sixty-three.example";
    const char *bad[] = {"", "two..dots", "/relative/../" /* a directory, in fact */, long_label};
    char overlong[400];
    memset(overlong, 'a', sizeof(overlong));
    overlong[399] = '\0';
    world_with_resolver(&world, &resolver);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct asking a = {0};
        ask(&a, resolver, bad[i]);
        UNTIL(&world, a.calls == 1);
        assert_int_equal(a.status, bad[i][0] == '/' ? BASE_OK : BASE_ERESOLVE);
    }
    struct asking again = {0};
    ask(&again, resolver, "two..dots");
    assert_int_equal(again.calls, 1);
    assert_int_equal(again.status, BASE_ERESOLVE);
    struct asking too_long = {0};
    ask(&too_long, resolver, overlong);
    assert_int_equal(too_long.status, BASE_ERESOLVE);
    overlong[0] = '/';
    struct asking long_path = {0};
    ask(&long_path, resolver, overlong);
    assert_int_equal(long_path.status, BASE_ERESOLVE);
    world_and_resolver_done(&world, resolver);
}

TEST(a_cancelled_lookup_is_not_answered)
{
    struct world world;
    struct net_resolver *resolver;
    struct asking a = {0};
    struct asking b = {0};
    world_with_resolver(&world, &resolver);
    net_lookup_cancel(&a.lookup); /* never asked: fine */
    /* Nobody answers for this name; both wait for one query. */
    ask(&a, resolver, "name.invalid");
    ask(&b, resolver, "name.invalid");
    if (a.calls == 0) {
        net_lookup_cancel(&a.lookup);
        net_lookup_cancel(&a.lookup);
    }
    int calls = a.calls;
    assert_int_equal(net_loop_turn(world.loop, 0), BASE_OK);
    assert_int_equal(a.calls, calls);
    world_and_resolver_done(&world, resolver); /* b is dropped when it still waits */
    net_lookup_cancel(&b.lookup);
}

static void note(void *arg, const struct net_resolved *resolved)
{
    const struct net_resolved **ret_resolved = arg;
    static struct net_resolved copy;
    copy = *resolved;
    *ret_resolved = &copy;
}

TEST(an_answer_from_the_cache_does_not_renew_it)
{
    struct world world;
    struct net_resolver *resolver;
    const struct net_resolved *found = NULL;
    struct asking a = {0};
    struct asking b = {0};
    world_with_resolver(&world, &resolver);
    ask(&a, resolver, "localhost");
    UNTIL(&world, a.calls == 1);
    assert_int_equal(net_loop_turn(world.loop, 0), BASE_OK); /* time goes on */
    ask(&b, resolver, "localhost");
    assert_int_equal(b.calls, 1);
    net_resolver_list(resolver, note, &found);
    assert_true(found->fresh_for < 60 * BASE_SECOND);
    world_and_resolver_done(&world, resolver);
}

TEST(the_cache_can_be_listed_and_forgets_after_its_time)
{
    struct world world;
    struct net_resolver *resolver;
    const struct net_resolved *found = NULL;
    struct asking a = {0};
    struct asking b = {0};
    world_init(&world, 0, 0);
    assert_int_equal(net_resolver_new(world.loop,
                                      &(struct net_resolver_options){.ttl = 1, .failure_ttl = 1},
                                      &resolver),
                     BASE_OK);
    ask(&a, resolver, "localhost");
    UNTIL(&world, a.calls == 1);
    net_resolver_list(resolver, note, &found);
    assert_non_null(found);
    assert_string_equal(found->host, "localhost");
    assert_int_equal(found->address_count, a.count);
    assert_int_equal(net_loop_turn(world.loop, 0), BASE_OK);
    net_resolver_list(resolver, note, &found);
    assert_int_equal(found->fresh_for, 0);
    ask(&b, resolver, "localhost");
    UNTIL(&world, b.calls == 1);
    assert_int_equal(b.status, BASE_OK);
    world_and_resolver_done(&world, resolver);
}
