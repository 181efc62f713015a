/* Tests of serve/users.h: the cache of users. */
#include "serve/users.h"

#include <stdio.h>
#include <string.h>

#include "test.h"

#define TTL 100

static struct user user(unsigned number, const char *name)
{
    struct user made = {0};
    snprintf(made.id, sizeof(made.id), "%08x-0000-4000-8000-000000000000", number * 2654435761U);
    snprintf(made.name, sizeof(made.name), "%s", name);
    return made;
}

static bool has(struct users *users, unsigned number, uint64_t now)
{
    struct user wanted = user(number, ""), found;
    return users_find(users, wanted.id, now, &found) && strcmp(found.id, wanted.id) == 0;
}

TEST(user_is_remembered_until_its_time_is_over)
{
    struct users *users = users_new(16, TTL);
    struct user ann = user(1, "Ann"), found;
    users_store(users, &ann, users_begin(users), 1000);
    assert_true(users_find(users, ann.id, 1000 + TTL - 1, &found));
    assert_string_equal(found.name, "Ann");
    assert_false(users_find(users, ann.id, 1000 + TTL, &found));
    assert_false(has(users, 2, 1000));
    users_free(users);
}

TEST(user_that_is_stored_again_has_one_place)
{
    struct users *users = users_new(4, TTL);
    for (unsigned i = 0; i < 10; i++) {
        struct user ann = user(1, i == 9 ? "new" : "old");
        users_store(users, &ann, users_begin(users), i);
    }
    for (unsigned i = 2; i < 5; i++) {
        struct user other = user(i, "");
        users_store(users, &other, users_begin(users), 20 + i);
    }
    struct user ann = user(1, ""), found;
    assert_true(users_find(users, ann.id, 30, &found));
    assert_string_equal(found.name, "new");
    users_free(users);
}

TEST(full_cache_forgets_the_one_that_was_stored_first)
{
    struct users *users = users_new(4, TTL); /* one set of four */
    for (unsigned i = 1; i <= 5; i++) {
        struct user one = user(i, "");
        users_store(users, &one, users_begin(users), i);
    }
    assert_false(has(users, 1, 6));
    for (unsigned i = 2; i <= 5; i++) {
        assert_true(has(users, i, 6));
    }
    users_free(users);
}

TEST(user_who_has_changed_is_forgotten_and_others_are_not)
{
    struct users *users = users_new(64, TTL);
    struct user ann = user(1, ""), ben = user(2, "");
    users_store(users, &ann, users_begin(users), 0);
    users_store(users, &ben, users_begin(users), 0);
    users_forget(users, ann.id);
    assert_false(has(users, 1, 1));
    assert_true(has(users, 2, 1));
    users_forget(users, "");
    assert_false(has(users, 2, 1));
    users_free(users);
}

TEST(what_was_read_before_the_news_is_not_stored_after_it)
{
    struct users *users = users_new(16, TTL);
    struct user ann = user(1, "old");
    uint64_t begun = users_begin(users);
    users_forget(users, ann.id);
    users_store(users, &ann, begun, 0);
    assert_false(has(users, 1, 0));
    users_store(users, &ann, users_begin(users), 0);
    assert_true(has(users, 1, 0));
    users_free(users);
}
