/* fetch.c - see fetch.h. Test: tests/system/test_horizon_verify.py. */
#include "verify/fetch.h"

#include <curl/curl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MS 1000

typedef void ended_fn(struct fetcher *fetcher, struct fetch *fetch);

struct fetcher {
    CURLM *multi;
    char *base;
    struct curl_slist *headers; /* of requests with a token, and without */
    size_t running;
    struct running *spare; /* those that have ended, to be used again */
};

/* A handle, and the request that it does. */
struct running {
    struct running *next; /* spare */
    CURL *easy;
    struct fetch *fetch;
    ended_fn *ended;
    char *url;
};

static void running_free(struct running *running)
{
    curl_easy_cleanup(running->easy);
    free(running->url);
    free(running);
}

struct fetcher *fetcher_new(const char *base, size_t connections_max, char why[FETCH_WHY_BYTES])
{
    struct fetcher *fetcher = calloc(1, sizeof(*fetcher));
    bool is_http = strncmp(base, "http://", 7) == 0 || strncmp(base, "https://", 8) == 0;
    if (!is_http)
        snprintf(why, FETCH_WHY_BYTES, "\"%.100s\" is no http or https URL", base);
    else
        snprintf(why, FETCH_WHY_BYTES, "out of memory");
    if (is_http && fetcher && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) {
        fetcher->multi = curl_multi_init();
        fetcher->base = strdup(base);
    }
    if (!fetcher || !fetcher->multi || !fetcher->base) {
        fetcher_free(fetcher);
        return NULL;
    }
    size_t length = strlen(base);
    while (length > 0 && base[length - 1] == '/')
        fetcher->base[--length] = '\0';
    curl_multi_setopt(fetcher->multi, CURLMOPT_MAXCONNECTS, (long)connections_max);
    curl_multi_setopt(fetcher->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    return fetcher;
}

void fetcher_free(struct fetcher *fetcher)
{
    if (!fetcher)
        return;
    while (fetcher->spare) {
        struct running *running = fetcher->spare;
        fetcher->spare = running->next;
        running_free(running);
    }
    curl_multi_cleanup(fetcher->multi);
    curl_slist_free_all(fetcher->headers);
    free(fetcher->base);
    free(fetcher);
}

bool fetcher_authorize(struct fetcher *fetcher, const char *token)
{
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    size_t bytes = strlen("Authorization: Bearer ") + (token ? strlen(token) : 0) + 1;
    char *header = malloc(bytes);
    if (headers && header && token) {
        snprintf(header, bytes, "Authorization: Bearer %s", token);
        struct curl_slist *longer = curl_slist_append(headers, header);
        if (!longer)
            curl_slist_free_all(headers);
        headers = longer;
        explicit_bzero(header, bytes);
    }
    free(header);
    if (!headers)
        return false;
    curl_slist_free_all(fetcher->headers);
    fetcher->headers = headers;
    return true;
}

/* ---- one request ----------------------------------------------------------------------------- */

static size_t receive(char *bytes, size_t one, size_t count, void *user)
{
    const struct running *running = user;
    struct fetch *fetch = running->fetch;
    count *= one;
    if (count > FETCH_BYTES_MAX - fetch->bytes)
        return 0;
    size_t needed = fetch->bytes + count + 1;
    if (needed > fetch->capacity) {
        size_t capacity = needed < 8192 ? 8192 : 2 * needed;
        char *larger = realloc(fetch->text, capacity);
        if (!larger)
            return 0;
        fetch->text = larger;
        fetch->capacity = capacity;
    }
    memcpy(fetch->text + fetch->bytes, bytes, count);
    fetch->bytes += count;
    fetch->text[fetch->bytes] = '\0';
    return count;
}

/* What is the same for all requests. */
static void set_options(struct running *running)
{
    CURL *easy = running->easy;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, running);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, running);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long)FETCH_SECONDS);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
}

/* A handle that is free, an old one if there is one. */
static struct running *take_handle(struct fetcher *fetcher)
{
    struct running *running = fetcher->spare;
    if (running) {
        fetcher->spare = running->next;
        return running;
    }
    running = calloc(1, sizeof(*running));
    if (running && (running->easy = curl_easy_init())) {
        set_options(running);
        return running;
    }
    free(running);
    return NULL;
}

static void give_handle(struct fetcher *fetcher, struct running *running)
{
    running->next = fetcher->spare;
    fetcher->spare = running;
}

static bool set_url(const struct fetcher *fetcher, struct running *running, const char *path)
{
    size_t bytes = strlen(fetcher->base) + strlen(path) + 1;
    char *url = realloc(running->url, bytes);
    if (!url)
        return false;
    running->url = url;
    snprintf(url, bytes, "%s%s", fetcher->base, path);
    return curl_easy_setopt(running->easy, CURLOPT_URL, url) == CURLE_OK;
}

/* What one request has of its own. */
static bool set_request(const struct fetcher *fetcher, struct running *running)
{
    const struct fetch *fetch = running->fetch;
    CURL *easy = running->easy;
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, running->fetch->why);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, fetcher->headers);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, fetch->is_fresh ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, fetch->is_fresh ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    if (fetch->body)
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, fetch->body);
    return set_url(fetcher, running, fetch->path);
}

bool fetcher_start(struct fetcher *fetcher, struct fetch *fetch, ended_fn *ended)
{
    struct running *running = take_handle(fetcher);
    if (!running)
        return false;
    running->fetch = fetch;
    running->ended = ended;
    fetch->status = 0;
    fetch->bytes = 0;
    fetch->why[0] = '\0';
    if (!set_request(fetcher, running) ||
        curl_multi_add_handle(fetcher->multi, running->easy) != CURLM_OK) {
        give_handle(fetcher, running);
        return false;
    }
    fetcher->running++;
    return true;
}

static void finish(struct fetcher *fetcher, CURL *easy, CURLcode code)
{
    struct running *running;
    long status = 0;
    curl_off_t microseconds = 0;
    char *private;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(easy, CURLINFO_TOTAL_TIME_T, &microseconds);
    running = (struct running *)(void *)private;
    struct fetch *fetch = running->fetch;
    fetch->seconds = (double)microseconds / 1e6;
    fetch->status = code == CURLE_OK ? (int)status : 0;
    if (code != CURLE_OK && !fetch->why[0])
        snprintf(fetch->why, sizeof(fetch->why), "%s", curl_easy_strerror(code));
    ended_fn *ended = running->ended;
    curl_multi_remove_handle(fetcher->multi, easy);
    give_handle(fetcher, running);
    fetcher->running--;
    ended(fetcher, fetch);
}

bool fetcher_run(struct fetcher *fetcher)
{
    int active, left;
    while (fetcher->running > 0) {
        if (curl_multi_perform(fetcher->multi, &active) != CURLM_OK)
            return false;
        const CURLMsg *message = curl_multi_info_read(fetcher->multi, &left);
        for (; message; message = curl_multi_info_read(fetcher->multi, &left))
            if (message->msg == CURLMSG_DONE)
                finish(fetcher, message->easy_handle, message->data.result);
        if (fetcher->running > 0 &&
            curl_multi_poll(fetcher->multi, NULL, 0, WAIT_MS, NULL) != CURLM_OK)
            return false;
    }
    return true;
}

void fetch_done(struct fetch *fetch)
{
    free(fetch->text);
    fetch->text = NULL;
    fetch->bytes = fetch->capacity = 0;
}
