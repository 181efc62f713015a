/* bodies.c - see bodies.h. Invariants: a body in the table has a reference of the table's;
 * bytes_used is the sum over the table; the list has the table's bodies, the one used last in
 * front. */
#include "serve/bodies.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "domain/fnv.h"

#define BUCKETS 4096

struct body {
    struct body *newer, *older; /* in order of use */
    struct body *next;          /* in the bucket */
    char key[BODIES_KEY_BYTES];
    char *text;
    size_t bytes, references;
};

struct bodies {
    pthread_mutex_t lock;
    size_t bytes_max, bytes_used;
    struct body *newest, *oldest;
    struct body *buckets[BUCKETS];
};

struct bodies *bodies_new(size_t bytes_max)
{
    struct bodies *bodies = calloc(1, sizeof(*bodies));
    if (bodies) {
        pthread_mutex_init(&bodies->lock, NULL);
        bodies->bytes_max = bytes_max;
    }
    return bodies;
}

static struct body **bucket(struct bodies *bodies, const char *key)
{
    uint64_t hash = fnv_text(FNV_BEGIN, key); /* keys begin with random UUIDs */
    return &bodies->buckets[(hash >> 20) % BUCKETS];
}

static void release(struct body *body)
{
    if (--body->references == 0) {
        free(body->text);
        free(body);
    }
}

static void unlink_use(struct bodies *bodies, struct body *body)
{
    if (body->newer) {
        body->newer->older = body->older;
    } else {
        bodies->newest = body->older;
    }
    if (body->older) {
        body->older->newer = body->newer;
    } else {
        bodies->oldest = body->newer;
    }
}

static void link_newest(struct bodies *bodies, struct body *body)
{
    body->newer = NULL;
    body->older = bodies->newest;
    if (body->older) {
        body->older->newer = body;
    } else {
        bodies->oldest = body;
    }
    bodies->newest = body;
}

/* What a body costs: its text and its place. */
static size_t weight(const struct body *body)
{
    return body->bytes + sizeof(*body);
}

static void drop(struct bodies *bodies, struct body *body)
{
    struct body **at = bucket(bodies, body->key);
    while (*at && *at != body) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = body->next;
    }
    unlink_use(bodies, body);
    bodies->bytes_used -= weight(body);
    release(body);
}

void bodies_free(struct bodies *bodies)
{
    if (bodies) {
        while (bodies->newest) {
            drop(bodies, bodies->newest);
        }
        pthread_mutex_destroy(&bodies->lock);
        free(bodies);
    }
}

static struct body *look_up(struct bodies *bodies, const char *key)
{
    struct body *body = *bucket(bodies, key);
    while (body && strcmp(body->key, key) != 0) {
        body = body->next;
    }
    return body;
}

struct body *bodies_find(struct bodies *bodies, const char *key)
{
    pthread_mutex_lock(&bodies->lock);
    struct body *body = look_up(bodies, key);
    if (body) {
        body->references++;
        unlink_use(bodies, body);
        link_newest(bodies, body);
    }
    pthread_mutex_unlock(&bodies->lock);
    return body;
}

/* Keeps a body unless somebody was quicker, or it is larger than everything may be. */
static void keep(struct bodies *bodies, struct body *body)
{
    if (weight(body) > bodies->bytes_max || look_up(bodies, body->key)) {
        return;
    }
    while (bodies->oldest && bodies->bytes_used > bodies->bytes_max - weight(body)) {
        /* the analyzer does not see that drop moves `oldest` on before it frees */
        drop(bodies, bodies->oldest); /* NOLINT(clang-analyzer-unix.Malloc) */
    }
    struct body **at = bucket(bodies, body->key);
    body->next = *at;
    *at = body;
    link_newest(bodies, body);
    bodies->bytes_used += weight(body);
    body->references++;
}

struct body *bodies_store(struct bodies *bodies, const char *key, char *text, size_t bytes)
{
    struct body *body = calloc(1, sizeof(*body));
    size_t length = strlen(key);
    if (!body) {
        free(text);
        return NULL;
    }
    body->text = text;
    body->bytes = bytes;
    body->references = 1;
    if (length < sizeof(body->key)) {
        memcpy(body->key, key, length + 1);
        pthread_mutex_lock(&bodies->lock);
        keep(bodies, body);
        pthread_mutex_unlock(&bodies->lock);
    }
    return body;
}

const char *body_text(const struct body *body, size_t *ret_bytes)
{
    *ret_bytes = body->bytes;
    return body->text;
}

void bodies_give_back(struct bodies *bodies, struct body *body)
{
    if (body) {
        pthread_mutex_lock(&bodies->lock);
        release(body);
        pthread_mutex_unlock(&bodies->lock);
    }
}
