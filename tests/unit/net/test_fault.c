/* test_fault.c - memory that is refused: the n-th allocation fails, for every n until none does.
 *
 * The program is linked with --wrap for malloc and calloc, so the calls of src/net come here first;
 * those of the libraries do not. A stream that gets no memory ends with BASE_ENOMEM; nothing leaks,
 * nothing hangs. Turn memory and timers are not tried: a loop without them cannot go on.
 */
#include "test.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "world.h"

#define NONE -1

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);

static int fail_after = NONE;

static bool is_refused(void)
{
    if (fail_after == NONE) {
        return false;
    }
    return fail_after-- == 0;
}

void *__wrap_malloc(size_t bytes)
{
    return is_refused() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    return is_refused() ? NULL : __real_calloc(count, bytes);
}

/* True when the allocation to be refused was not reached. */
static bool is_over(void)
{
    bool is_unused = fail_after >= 0;
    fail_after = NONE;
    return is_unused;
}

TEST(a_loop_that_gets_no_memory_is_not_made)
{
    bool is_last = false;
    for (int n = 0; !is_last; n++) {
        struct net_loop *loop = NULL;
        fail_after = n;
        int status = net_loop_new(NULL, &loop);
        is_last = is_over();
        assert_int_equal(status, is_last ? BASE_OK : BASE_ENOMEM);
        assert_int_equal(loop != NULL, is_last);
        net_loop_free(loop);
    }
}

TEST(a_resolver_that_gets_no_memory_is_not_made)
{
    struct world world;
    struct net_resolver *resolver = NULL;
    world_init(&world, 0, 0);
    fail_after = 0;
    assert_int_equal(net_resolver_new(world.loop,
                                      &(struct net_resolver_options){.ttl = 1, .failure_ttl = 1},
                                      &resolver),
                     BASE_ENOMEM);
    assert_true(!is_over() && !resolver);
    world_done(&world);
}

static size_t take_nothing(struct peer *peer, struct base_slice in)
{
    (void)peer;
    (void)in;
    return 0;
}

TEST(a_stream_whose_rest_finds_no_memory_ends)
{
    for (int n = 0; n < 2; n++) {
        struct world world;
        struct peer peer;
        uint8_t bytes[3000] = {0};
        world_init(&world, 0, 0);
        int raw = peer_raw(&peer, &world, 65536);
        peer.on_data = take_nothing;
        fail_after = n; /* the first: to keep the rest; the second: to receive behind it */
        raw_write(raw, bytes, sizeof(bytes));
        assert_int_equal(net_loop_turn(world.loop, BASE_SECOND), BASE_OK);
        raw_write(raw, bytes, sizeof(bytes));
        for (int i = 0; i < 3 && peer.close_calls == 0; i++) {
            assert_int_equal(net_loop_turn(world.loop, BASE_SECOND), BASE_OK);
        }
        assert_false(is_over());
        assert_int_equal(peer.close_status, BASE_ENOMEM);
        close(raw);
        peer_done(&peer);
        world_done(&world);
    }
}

TEST(a_stream_whose_backlog_finds_no_memory_ends)
{
    struct world world;
    struct peer peer;
    world_init(&world, 0, 0);
    int raw = peer_raw(&peer, &world, 65536);
    uint8_t *bytes = calloc(1, 4000000);
    fail_after = 0;
    net_stream_send(&peer.stream, base_slice_of(bytes, 4000000));
    assert_int_equal(net_loop_turn(world.loop, 0), BASE_OK);
    assert_int_equal(net_loop_turn(world.loop, 0), BASE_OK);
    assert_false(is_over());
    assert_int_equal(peer.close_status, BASE_ENOMEM);
    assert_int_equal(net_stream_unsent(&peer.stream), 0);
    free(bytes);
    close(raw);
    peer_done(&peer);
    world_done(&world);
}

TEST(tls_that_finds_no_memory_is_not_started)
{
    struct world world;
    struct peer peer;
    struct net_tls_options options = {.verify = NET_TLS_VERIFY_NONE};
    struct net_tls_context *context = NULL;
    char why[100] = "";
    world_init(&world, 0, 0);
    fail_after = 0;
    assert_int_equal(net_tls_context_new(&options, why, sizeof(why), &context), BASE_ETLS);
    assert_string_equal(why, "out of memory");
    assert_false(is_over());
    assert_int_equal(net_tls_context_new(&options, why, sizeof(why), &context), BASE_OK);
    int raw = peer_raw(&peer, &world, 65536);
    fail_after = 0;
    assert_int_equal(net_stream_start_tls(&peer.stream, context, "x.example"), BASE_ETLS);
    assert_false(is_over());
    assert_int_equal(net_stream_start_tls(&peer.stream, context, "x.example"), BASE_OK);
    assert_int_equal(net_stream_start_tls(&peer.stream, context, "x.example"), BASE_ESTATE);
    net_tls_context_free(context);
    close(raw);
    peer_finish(&peer);
    world_done(&world);
}
