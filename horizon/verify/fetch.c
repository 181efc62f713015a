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
};

/* A request that runs; belongs to its handle. */
struct running {
    struct fetch *fetch;
    ended_fn *ended;
    char *url;
    size_t capacity;
};

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
    struct running *running = user;
    struct fetch *fetch = running->fetch;
    count *= one;
    if (count > FETCH_BYTES_MAX - fetch->bytes)
        return 0;
    size_t needed = fetch->bytes + count + 1;
    if (needed > running->capacity) {
        size_t capacity = needed < 8192 ? 8192 : 2 * needed;
        char *larger = realloc(fetch->text, capacity);
        if (!larger)
            return 0;
        fetch->text = larger;
        running->capacity = capacity;
    }
    memcpy(fetch->text + fetch->bytes, bytes, count);
    fetch->bytes += count;
    fetch->text[fetch->bytes] = '\0';
    return count;
}

static void running_free(struct running *running)
{
    free(running->url);
    free(running);
}

static struct running *running_new(const struct fetcher *fetcher, struct fetch *fetch,
                                   ended_fn *ended)
{
    struct running *running = calloc(1, sizeof(*running));
    size_t bytes = strlen(fetcher->base) + strlen(fetch->path) + 1;
    if (running && (running->url = malloc(bytes))) {
        snprintf(running->url, bytes, "%s%s", fetcher->base, fetch->path);
        running->fetch = fetch;
        running->ended = ended;
        return running;
    }
    free(running);
    return NULL;
}

bool fetcher_start(struct fetcher *fetcher, struct fetch *fetch, ended_fn *ended)
{
    struct running *running = running_new(fetcher, fetch, ended);
    CURL *easy = curl_easy_init();
    if (!running || !easy) {
        curl_easy_cleanup(easy);
        if (running)
            running_free(running);
        return false;
    }
    fetch->status = 0;
    curl_easy_setopt(easy, CURLOPT_URL, running->url);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, running);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, running);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, fetch->why);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, fetcher->headers);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long)FETCH_SECONDS);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, fetch->is_fresh ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, fetch->is_fresh ? 1L : 0L);
    if (fetch->body)
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, fetch->body);
    if (curl_multi_add_handle(fetcher->multi, easy) != CURLM_OK) {
        curl_easy_cleanup(easy);
        running_free(running);
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
    curl_easy_cleanup(easy);
    running_free(running);
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
    fetch->bytes = 0;
}
