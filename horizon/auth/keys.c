/* keys.c - see keys.h. */
#include "auth/keys.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth/accepted.h"

#define FETCH_TIMEOUT_S 10L

struct keys {
    pthread_rwlock_t ring_lock;
    struct keyring *ring;      /* NULL: none yet */
    struct accepted *accepted; /* by `ring` */
    char *source;              /* NULL: a secret, nothing to renew */
    struct keys_pace pace;
    keys_tell *tell;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t news;
    bool is_wanted, is_ending;
};

/* ---- fetching --------------------------------------------------------------------------------
 */

struct text {
    char *bytes;
    size_t count;
    bool is_too_large;
};

static size_t take(char *bytes, size_t size, size_t count, void *context)
{
    struct text *text = context;
    (void)size; /* always 1 */
    if (count > KEYRING_SET_BYTES_MAX - text->count) {
        text->is_too_large = true;
        return 0;
    }
    memcpy(text->bytes + text->count, bytes, count);
    text->count += count;
    return count;
}

static bool is_loopback(const char *url)
{
    static const char *const prefixes[] = {
        "http://127.0.0.1:", "http://[::1]:", "http://localhost:"};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (strncmp(url, prefixes[i], strlen(prefixes[i])) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_url(const char *source)
{
    return strncmp(source, "https://", 8) == 0 || is_loopback(source);
}

static bool fetch(const char *url, struct text *text, char *why, size_t why_bytes)
{
    CURL *curl = curl_easy_init();
    char reason[CURL_ERROR_SIZE] = "";
    if (!curl) {
        snprintf(why, why_bytes, "out of memory");
        return false;
    }
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, text);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, FETCH_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_cleanup(curl);
    if (text->is_too_large) {
        snprintf(why, why_bytes, "it has more than %u bytes", KEYRING_SET_BYTES_MAX);
    } else if (code != CURLE_OK) {
        snprintf(why, why_bytes, "%s", reason[0] ? reason : curl_easy_strerror(code));
    }
    return code == CURLE_OK;
}

static bool read_file(const char *path, struct text *text, char *why, size_t why_bytes)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        snprintf(why, why_bytes, "%s", strerror(errno));
        return false;
    }
    text->count = fread(text->bytes, 1, KEYRING_SET_BYTES_MAX, file);
    fclose(file);
    return true;
}

static struct keyring *load(const char *source, char *why, size_t why_bytes)
{
    struct text text = {.bytes = malloc(KEYRING_SET_BYTES_MAX)};
    if (!text.bytes) {
        snprintf(why, why_bytes, "out of memory");
        return NULL;
    }
    bool is_read = is_url(source) ? fetch(source, &text, why, why_bytes)
                                  : read_file(source, &text, why, why_bytes);
    struct keyring *ring = is_read ? keyring_of_set(text.bytes, text.count, why, why_bytes) : NULL;
    free(text.bytes);
    return ring;
}

static void renew(struct keys *keys)
{
    char why[KEYS_WHY_BYTES], line[2 * KEYS_WHY_BYTES];
    struct keyring *ring = load(keys->source, why, sizeof(why));
    if (!ring) {
        snprintf(line, sizeof(line), "key set %s: %s; the last good one stays in force",
                 keys->source, why);
        keys->tell(false, line);
        return;
    }
    snprintf(line, sizeof(line), "key set %s: %zu keys", keys->source, keyring_count(ring));
    pthread_rwlock_wrlock(&keys->ring_lock);
    struct keyring *old = keys->ring;
    keys->ring = ring;
    accepted_forget(keys->accepted);
    pthread_rwlock_unlock(&keys->ring_lock);
    keyring_free(old);
    keys->tell(true, line);
}

/* Waits for so many seconds, or, when it may be woken, until somebody wants the set. False: the end
 * has come. */
static bool sleep_for(struct keys *keys, int seconds, bool may_wake)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += seconds;
    int r = 0;
    pthread_mutex_lock(&keys->lock);
    while (r == 0 && !keys->is_ending && !(may_wake && keys->is_wanted)) {
        r = pthread_cond_timedwait(&keys->news, &keys->lock, &end);
    }
    bool goes_on = !keys->is_ending;
    if (may_wake) {
        keys->is_wanted = false;
    }
    pthread_mutex_unlock(&keys->lock);
    return goes_on;
}

static void *keep_fresh(void *argument)
{
    struct keys *keys = argument;
    const struct keys_pace *pace = &keys->pace;
    do {
        renew(keys);
    } while (sleep_for(keys, pace->soonest_s, false) &&
             sleep_for(keys, pace->every_s - pace->soonest_s, true));
    return NULL;
}

/* ---- life ------------------------------------------------------------------------------------
 */

static struct keys *make(struct keyring *ring)
{
    struct keys *keys = calloc(1, sizeof(*keys));
    struct accepted *accepted = accepted_new();
    if (!keys || !accepted) {
        accepted_free(accepted);
        free(keys);
        keyring_free(ring);
        return NULL;
    }
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&keys->news, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&keys->lock, NULL);
    pthread_rwlock_init(&keys->ring_lock, NULL);
    keys->ring = ring;
    keys->accepted = accepted;
    return keys;
}

struct keys *keys_of_secret(const char *secret, char *why, size_t why_bytes)
{
    struct keyring *ring = keyring_of_secret(secret, strlen(secret), why, why_bytes);
    return ring ? make(ring) : NULL;
}

struct keys *keys_of_source(const char *source, struct keys_pace pace, keys_tell *tell, char *why,
                            size_t why_bytes)
{
    struct keyring *ring = NULL;
    if (!is_url(source)) {
        if (strstr(source, "://")) {
            snprintf(why, why_bytes, "%s: only https can be trusted with keys", source);
            return NULL;
        }
        ring = load(source, why, why_bytes);
        if (!ring) {
            return NULL;
        }
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    struct keys *keys = make(ring);
    if (keys) {
        keys->pace = pace;
        keys->tell = tell;
        keys->source = strdup(source);
        keys->has_thread =
            keys->source && pthread_create(&keys->thread, NULL, keep_fresh, keys) == 0;
    }
    if (!keys || !keys->has_thread) {
        snprintf(why, why_bytes, "out of memory or threads");
        keys_free(keys);
        return NULL;
    }
    return keys;
}

void keys_free(struct keys *keys)
{
    if (!keys) {
        return;
    }
    if (keys->has_thread) {
        pthread_mutex_lock(&keys->lock);
        keys->is_ending = true;
        pthread_cond_signal(&keys->news);
        pthread_mutex_unlock(&keys->lock);
        pthread_join(keys->thread, NULL);
    }
    pthread_cond_destroy(&keys->news);
    pthread_mutex_destroy(&keys->lock);
    pthread_rwlock_destroy(&keys->ring_lock);
    keyring_free(keys->ring);
    accepted_free(keys->accepted);
    free(keys->source);
    free(keys);
}

/* ---- use -------------------------------------------------------------------------------------
 */

static void want_set(struct keys *keys)
{
    if (keys->source) {
        pthread_mutex_lock(&keys->lock);
        keys->is_wanted = true;
        pthread_cond_signal(&keys->news);
        pthread_mutex_unlock(&keys->lock);
    }
}

/* With the ring's lock held: what is accepted was so by this ring. */
static int check(struct keys *keys, const struct token_rules *rules, enum token_use use,
                 const char *token, size_t bytes, struct token_claims *ret_claims)
{
    unsigned char digest[ACCEPTED_DIGEST_BYTES];
    int64_t now = time(NULL);
    bool is_kept = use == TOKEN_ACCESS && accepted_digest(rules, token, bytes, digest);
    if (is_kept && accepted_find(keys->accepted, digest, now, ret_claims)) {
        return TOKEN_OK;
    }
    int r = token_check(keys->ring, rules, use, token, bytes, now, ret_claims);
    if (r == TOKEN_OK && is_kept) {
        accepted_store(keys->accepted, digest, now, ret_claims);
    }
    return r;
}

int keys_check(struct keys *keys, const struct token_rules *rules, enum token_use use,
               const char *token, size_t bytes, struct token_claims *ret_claims)
{
    pthread_rwlock_rdlock(&keys->ring_lock);
    int r = keys->ring ? check(keys, rules, use, token, bytes, ret_claims) : TOKEN_EUNKNOWNKEY;
    pthread_rwlock_unlock(&keys->ring_lock);
    if (r == TOKEN_EUNKNOWNKEY) {
        want_set(keys);
    }
    return r;
}

char *keys_make(struct keys *keys, const struct token_rules *rules, enum token_use use,
                const struct token_claims *claims)
{
    pthread_rwlock_rdlock(&keys->ring_lock);
    char *token = keys->ring ? token_make(keys->ring, rules, use, claims, time(NULL)) : NULL;
    pthread_rwlock_unlock(&keys->ring_lock);
    return token;
}
