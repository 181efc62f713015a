/* Tests of serve/share.h: who gets how many connections. */
#include "serve/share.h"

#include "test.h"

static const struct share_limits no_limits = {SHARE_NONE, SHARE_NONE, SHARE_NONE, 0, 0, 0};

TEST(without_limits_everybody_gets_what_was_asked_for)
{
    struct share share = share_compute(&no_limits, 20, 10, 1);
    assert_int_equal(share.size, 20);
    assert_int_equal(share.overflow, 10);
    assert_false(share.is_short);
    share = share_compute(&no_limits, 20, 10, 2);
    assert_int_equal(share.size, 10);
    assert_int_equal(share.overflow, 5);
}

TEST(role_limit_of_20_leaves_18_for_the_pool)
{
    struct share_limits limits = no_limits;
    limits.role = 20;
    limits.server = 97;
    struct share share = share_compute(&limits, 20, 10, 1);
    assert_int_equal(share.asked, 30);
    assert_int_equal(share.granted, 20);
    assert_int_equal(share.in_use, 18);
    assert_int_equal(share.size, 18);
    assert_int_equal(share.overflow, 0);
    assert_true(share.is_short);
}

TEST(processes_share_and_together_never_have_more_than_is_granted)
{
    for (uint32_t granted = 1; granted <= 60; granted++) {
        for (uint32_t processes = 1; processes <= 5; processes++) {
            struct share_limits limits = no_limits;
            limits.server = granted;
            struct share share = share_compute(&limits, 20, 10, processes);
            assert_true(share.size >= 1);
            assert_int_equal(share.in_use, (share.size + share.overflow) * processes);
            if (granted >=
                2 * processes + 1) { /* a connection and a sentinel for each, one spare */
                assert_true(share.in_use + processes + 1 <= granted || !share.is_short);
                assert_true(share.in_use + processes <= granted);
            }
        }
    }
}

TEST(connections_of_others_count_where_they_are)
{
    struct share_limits limits = {100, SHARE_NONE, 50, 90, 4, 10};
    assert_int_equal(share_compute(&limits, 20, 10, 1).granted, 10);
    limits.server_others = 0;
    assert_int_equal(share_compute(&limits, 20, 10, 1).granted, 40);
    limits.server_others = 200;
    assert_int_equal(share_compute(&limits, 20, 10, 1).granted, 0);
    assert_int_equal(share_compute(&limits, 20, 10, 1).size, 1);
}

TEST(one_user_leaves_connections_for_others_where_there_are_two)
{
    struct share share = {.size = 20, .overflow = 10};
    assert_int_equal(share_of_user_running(&share, SHARE_NONE, 256, 50), 15);
    assert_int_equal(share_of_user_running(&share, SHARE_NONE, 256, 100), SHARE_NONE);
    share = (struct share){.size = 3};
    assert_int_equal(share_of_user_running(&share, SHARE_NONE, 256, 50), 2);
    share.size = 2;
    assert_int_equal(share_of_user_running(&share, SHARE_NONE, 256, 1), 1);
    share.size = 1;
    assert_int_equal(share_of_user_running(&share, SHARE_NONE, 1, 50), SHARE_NONE);
    assert_int_equal(share_of_user(UINT32_MAX, 100), UINT32_MAX);
}

TEST(one_user_leaves_threads_for_others_where_there_are_fewer_than_connections)
{
    struct share share = {.size = 8};
    assert_int_equal(share_of_user_running(&share, SHARE_NONE, 4, 50), 2);
    assert_int_equal(share_of_user_running(&share, SHARE_NONE, 1, 50), 4);
}

TEST(one_user_leaves_connections_for_others_of_those_that_the_server_grants)
{
    struct share share = {.size = 20, .overflow = 10};
    assert_int_equal(share_of_user_running(&share, 6, 256, 50), 3);
    assert_int_equal(share_of_user_running(&share, 1, 256, 50), 128);
    assert_int_equal(share_of_user_running(&share, 0, 256, 50), 128);
    assert_int_equal(share_of_user_running(&share, 100, 256, 50), 15);
}
