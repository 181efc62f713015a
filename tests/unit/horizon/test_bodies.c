/* Tests of serve/bodies.h: the cache of answers. */
#include "serve/bodies.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

#define LARGE 10000

static void store(struct bodies *bodies, const char *key, size_t bytes)
{
    char *text = calloc(1, bytes);
    memcpy(text, key, strlen(key));
    bodies_give_back(bodies, bodies_store(bodies, key, text, bytes));
}

static bool has(struct bodies *bodies, const char *key)
{
    struct body *body = bodies_find(bodies, key);
    size_t bytes;
    bool is_right = body && memcmp(body_text(body, &bytes), key, strlen(key)) == 0;
    bodies_give_back(bodies, body);
    return is_right;
}

TEST(body_is_found_by_its_whole_key)
{
    struct bodies *bodies = bodies_new(100 * LARGE);
    store(bodies, "ann chart max 2018-05-11/1", LARGE);
    assert_true(has(bodies, "ann chart max 2018-05-11/1"));
    assert_false(has(bodies, "ann chart max 2018-05-11/2"));
    assert_false(has(bodies, "ben chart max 2018-05-11/1"));
    bodies_free(bodies);
}

TEST(body_that_was_not_used_for_longest_goes_first)
{
    struct bodies *bodies = bodies_new(4 * LARGE);
    char key[16];
    store(bodies, "0", LARGE);
    for (int i = 1; i < 20; i++) {
        assert_true(has(bodies, "0"));
        snprintf(key, sizeof(key), "%d", i);
        store(bodies, key, LARGE);
        assert_true(has(bodies, key));
    }
    assert_true(has(bodies, "0"));
    assert_false(has(bodies, "1"));
    bodies_free(bodies);
}

TEST(body_that_is_being_sent_outlives_its_place)
{
    struct bodies *bodies = bodies_new(2 * LARGE);
    store(bodies, "a", LARGE);
    struct body *sent = bodies_find(bodies, "a");
    size_t bytes;
    store(bodies, "b", LARGE);
    assert_false(has(bodies, "a"));
    assert_true(has(bodies, "b"));
    assert_memory_equal(body_text(sent, &bytes), "a", 2);
    assert_int_equal(bytes, LARGE);
    bodies_give_back(bodies, sent);
    bodies_free(bodies);
}

TEST(body_that_is_too_large_or_has_too_long_a_key_is_not_kept)
{
    struct bodies *bodies = bodies_new(LARGE);
    char key[BODIES_KEY_BYTES + 1];
    memset(key, 'k', sizeof(key) - 1);
    key[sizeof(key) - 1] = '\0';
    store(bodies, "a", LARGE);
    store(bodies, key, 200);
    assert_false(has(bodies, "a"));
    assert_false(has(bodies, key));
    key[BODIES_KEY_BYTES - 1] = '\0';
    store(bodies, key, 200);
    assert_true(has(bodies, key));
    bodies_free(bodies);
}

TEST(first_of_two_equal_bodies_is_kept)
{
    struct bodies *bodies = bodies_new(4 * LARGE);
    store(bodies, "a", 100);
    store(bodies, "a", 200);
    struct body *body = bodies_find(bodies, "a");
    size_t bytes;
    (void)body_text(body, &bytes);
    assert_int_equal(bytes, 100);
    bodies_give_back(bodies, body);
    bodies_free(bodies);
}
