/* Tests of proxy/request.c. */
#include "proxy/request.h"
#include "fail_alloc.h"
#include "test.h"

static struct proxy_request numbered(uint32_t i)
{
    return (struct proxy_request){.kind = (uint8_t)(i % 9),
                                  .statement = (struct proxy_statement *)(uintptr_t)(i + 1)};
}

static uint32_t number_of(struct proxy_request request)
{
    return (uint32_t)(uintptr_t)request.statement - 1;
}

TEST(requests_come_out_in_order_while_the_ring_wraps_and_grows)
{
    struct proxy_requests requests;
    proxy_requests_init(&requests);
    uint32_t in = 0;
    uint32_t out = 0;
    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < 7; i++) {
            assert_int_equal(proxy_requests_push(&requests, numbered(in++)), BASE_OK);
        }
        for (int i = 0; i < 6; i++) {
            assert_int_equal(number_of(proxy_requests_pop(&requests)), out++);
        }
    }
    assert_int_equal(requests.count, in - out);
    for (uint32_t i = 0; i < requests.count; i++) {
        assert_int_equal(number_of(*proxy_requests_at(&requests, i)), out + i);
    }
    proxy_requests_done(&requests);
    assert_int_equal(requests.count, 0);
}

TEST(a_request_in_the_middle_can_be_taken_out)
{
    struct proxy_requests requests;
    proxy_requests_init(&requests);
    for (uint32_t i = 0; i < 6; i++) { /* so that the ring wraps */
        assert_int_equal(proxy_requests_push(&requests, numbered(0)), BASE_OK);
        proxy_requests_pop(&requests);
    }
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(proxy_requests_push(&requests, numbered(i)), BASE_OK);
    }
    assert_null(requests.ring);
    assert_int_equal(number_of(proxy_requests_remove(&requests, 3)), 3);
    assert_int_equal(number_of(proxy_requests_remove(&requests, 6)), 7);
    assert_int_equal(number_of(proxy_requests_remove(&requests, 0)), 0);
    const uint32_t left[] = {1, 2, 4, 5, 6};
    assert_int_equal(requests.count, 5);
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(number_of(proxy_requests_pop(&requests)), left[i]);
    }
    proxy_requests_done(&requests);
}

TEST(the_ring_ends_at_its_limit)
{
    struct proxy_requests requests;
    proxy_requests_init(&requests);
    for (uint32_t i = 0; i < PROXY_REQUESTS_MAX; i++) {
        assert_int_equal(proxy_requests_push(&requests, numbered(i)), BASE_OK);
    }
    assert_int_equal(proxy_requests_push(&requests, numbered(0)), BASE_ECAPACITY);
    assert_int_equal(requests.count, PROXY_REQUESTS_MAX);
    assert_true(proxy_requests_is_full(&requests));
    proxy_requests_done(&requests);
}

TEST(a_push_without_memory_changes_nothing)
{
    struct proxy_requests requests;
    proxy_requests_init(&requests);
    fail_alloc_after(0);
    for (uint32_t i = 0; i < PROXY_REQUESTS_INLINE; i++) {
        assert_int_equal(proxy_requests_push(&requests, numbered(i)), BASE_OK);
    }
    assert_int_equal(proxy_requests_push(&requests, numbered(99)), BASE_ENOMEM);
    assert_true(fail_alloc_off());
    assert_int_equal(requests.count, PROXY_REQUESTS_INLINE);
    assert_int_equal(proxy_requests_push(&requests, numbered(8)), BASE_OK);
    for (uint32_t i = 0; i < 9; i++) {
        assert_int_equal(number_of(proxy_requests_pop(&requests)), i);
    }
    proxy_requests_done(&requests);
}
