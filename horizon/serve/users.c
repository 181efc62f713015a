/* users.c - see users.h. */
#include "serve/users.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "domain/fnv.h"

#define WAYS 4

struct entry {
    struct user user; /* id "" = empty */
    uint64_t stored_at;
};

struct users {
    pthread_mutex_t lock;
    uint64_t ttl, news; /* news: how often something was forgotten */
    size_t sets;        /* a power of two */
    struct entry entries[];
};

struct users *users_new(size_t most, uint64_t ttl)
{
    size_t sets = 1;
    while (sets * WAYS < most) {
        sets *= 2;
    }
    struct users *users = calloc(1, sizeof(*users) + sets * WAYS * sizeof(users->entries[0]));
    if (!users) {
        return NULL;
    }
    pthread_mutex_init(&users->lock, NULL);
    users->ttl = ttl;
    users->sets = sets;
    return users;
}

void users_free(struct users *users)
{
    if (users) {
        pthread_mutex_destroy(&users->lock);
        free(users);
    }
}

/* The places an id may have. Ids are random UUIDs given by the database, so any mixing will do. */
static struct entry *places(struct users *users, const char *id)
{
    uint64_t hash = fnv_text(FNV_BEGIN, id);
    return &users->entries[(hash >> 20 & (users->sets - 1)) * WAYS];
}

bool users_find(struct users *users, const char *id, uint64_t now, struct user *ret_user)
{
    bool is_found = false;
    pthread_mutex_lock(&users->lock);
    const struct entry *place = places(users, id);
    for (size_t i = 0; i < WAYS && !is_found; i++) {
        is_found = strcmp(place[i].user.id, id) == 0 && now - place[i].stored_at < users->ttl;
        if (is_found) {
            *ret_user = place[i].user;
        }
    }
    pthread_mutex_unlock(&users->lock);
    return is_found;
}

uint64_t users_begin(struct users *users)
{
    pthread_mutex_lock(&users->lock);
    uint64_t news = users->news;
    pthread_mutex_unlock(&users->lock);
    return news;
}

/* The user's own place, else an empty one, else the oldest. */
static struct entry *choose(struct entry *place, const char *id)
{
    struct entry *best = place;
    for (size_t i = 0; i < WAYS; i++) {
        if (strcmp(place[i].user.id, id) == 0) {
            return &place[i];
        }
        bool is_better = !place[i].user.id[0] || place[i].stored_at < best->stored_at;
        if (best->user.id[0] && is_better) {
            best = &place[i];
        }
    }
    return best;
}

void users_store(struct users *users, const struct user *user, uint64_t begun, uint64_t now)
{
    pthread_mutex_lock(&users->lock);
    if (begun == users->news) {
        *choose(places(users, user->id), user->id) = (struct entry){*user, now};
    }
    pthread_mutex_unlock(&users->lock);
}

void users_forget(struct users *users, const char *id)
{
    pthread_mutex_lock(&users->lock);
    users->news++;
    struct entry *place = places(users, id);
    size_t count = WAYS;
    if (!id[0]) {
        place = users->entries;
        count = users->sets * WAYS;
    }
    for (size_t i = 0; i < count; i++) {
        if (!id[0] || strcmp(place[i].user.id, id) == 0) {
            place[i] = (struct entry){0};
        }
    }
    pthread_mutex_unlock(&users->lock);
}
